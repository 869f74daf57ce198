"""Training mixtures and their sources as files, to be listened to."""

import pathlib
import re

import numpy as np

import Utils
from Datasets import media, pipeline
from Schema import InputError


def write(
    records,
    split,
    mixtures,
    count,
    output,
    seconds=None,
    seed=0,
    gain=(0.7, 1.0),
    progress=iter,
):
    """Writes the first mixtures that a training would see.

    Args:
      records: `Datasets.records.Records`.
      split: One of its splits.
      mixtures: `Datasets.mixtures.Mixtures`.
      count: How many.
      output: Folder of `1/mixture.wav`, `1/vn.wav`, `2/...`; made if absent, and
        replaced as a whole if it is an earlier preview.
      seconds: Of each; None: as long as windows may be, at most 8 s.
      seed: Of the training stream.
      gain: (least, greatest) gain of a source.
      progress: Wraps the examples, to show a bar.

    Returns:
      A list with, for each mixture, a dict of file name -> float32 [T, C] written.

    Raises:
      InputError: If the windows are too long, or the folder holds something else.
    """
    n_time = _length(records, mixtures, seconds)
    if count < 1:
        raise InputError(f"n={count}: expected 1 mixture or more")
    _check(output)
    sounding = sorted({x for track in records.tracks(split) for x in track.labels})
    windows = pipeline.Windows(
        *(records, split, n_time, n_time, sounding),
        n_slots=max(records.most_parts(split), mixtures.sources_max, 1),
        mixtures=mixtures,
    )
    batches = pipeline.training_batches(windows, 1, seed, gain=gain).take(count)
    written = []
    with Utils.write_aside(output) as aside:
        aside.mkdir()
        for number, batch in enumerate(progress(batches), start=1):
            files = _files({key: batch[key].numpy()[0] for key in batch}, sounding)
            (aside / str(number)).mkdir()
            for name, audio in files.items():
                path = aside / str(number) / name
                media.write_audio(path, audio, records.sample_rate)
            written.append(files)
        Utils.write_json(aside / "preview.json", _told(records, split, seed, written))
    return written


def _length(records, mixtures, seconds):
    """Samples of each mixture."""
    longest = mixtures.longest(records.options.window, records.sample_rate)
    if longest < 1:
        raise InputError(
            f"mixing.tempo={mixtures.tempo} reads more than the "
            f"{records.options.window_seconds:g} s of these records' windows: prepare "
            "with a longer data.window_seconds"
        )
    if seconds is None:
        return min(longest, 8 * records.sample_rate)
    n_time = Utils.samples(seconds, records.sample_rate)
    if not 0 < n_time <= longest:
        raise InputError(
            f"seconds={seconds}: windows of these records last up to "
            f"{longest / records.sample_rate:.3g} s; choose fewer"
        )
    return n_time


def _files(one, names):
    """{file name: audio} of an example; parts of one instrument have numbers."""
    labels = [names[row.argmax()] if row.any() else None for row in one["labels"]]
    files = {"mixture.wav": one["mix"]}
    for slot, label in enumerate(labels):
        if label is None or not one["active"][slot]:
            continue
        name = re.sub(r"[^\w .-]", "_", label)
        if labels.count(label) > 1:
            name += f"_{labels[: slot + 1].count(label)}"
        files[f"{name}.wav"] = one["sources"][slot]
    return files


def level(audio):
    """Root mean square of samples in dBFS; None: they are silent."""
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    return round(10 * np.log10(power), 2) if power else None


def _told(records, split, seed, written):
    """What stands beside the files: where they are from, and their levels, dBFS."""
    return {
        "records": str(records.folder),
        "split": split,
        "seed": seed,
        "rms_dbfs": [{k: level(x) for k, x in files.items()} for files in written],
    }


def _check(output):
    """Refuses to replace a folder that is no preview."""
    folder = pathlib.Path(output)
    if folder.exists() and (
        not folder.is_dir()
        or (any(folder.iterdir()) and not (folder / "preview.json").exists())
    ):
        raise InputError(
            f"output={output} exists and is no preview: name a folder that is new"
        )
