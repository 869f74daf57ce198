"""A track -> what its records hold: read, resampled, quantised, cut into excerpts.

All functions are pure and picklable: they run in any process, of TFDS or of Beam.
"""

import numpy as np

from Datasets import media, notes, watching
from Schema import InputError

SHORTER = 0.1  # s that a file may lack of its track: encoders count in frames


def read_track(track, options, watch=None):
    """Reads, resamples and quantises a track.  Pure: it may run in any process.

    Args:
      track: `Track`.
      options: `Options`.
      watch: Sees its video, as `watching.look` says; None: nobody does.

    Returns:
      dict of mix int16 [T, C], sources int16 [P, T, C], labels (list of P codes),
      notes and has_notes (`notes.read_table`), and scale: float samples are
      int16 / 32768 * scale.  The scale is 1 unless the audio exceeds full scale.
      With `watch`, seen: what `watching.look` returns.

    Raises:
      InputError: If a file is unreadable or silent, or holds NaN.
    """
    n_time = track.n_time_at(options.sample_rate)

    def read(path, stream):
        audio = _stretch(track, path, stream, options)
        if not track.silence and not np.any(_quantise(audio)):
            raise InputError(f"{path} is silent from end to end; remove it")
        return _fit(audio, n_time)

    stems = [read(source.audio, source.stream) for source in track.sources]
    parts = parts_of(track, options)
    stems = np.stack([sum(stems[k] for k in players) for _, players in parts])
    table, has_notes = notes.read_table(
        [[track.sources[k].notes for k in players] for _, players in parts]
    )
    mix = stems.sum(axis=0)
    if track.mix is not None:
        mix = read(track.mix, track.mix_stream)
    scale = max(1.0, float(np.abs(stems).max()), float(np.abs(mix).max()))
    scale = np.float32(scale)
    return {
        "mix": _quantise(mix / scale),
        "sources": _quantise(stems / scale),
        "labels": [label for label, _ in parts],
        "scale": scale,
        "notes": table,
        "has_notes": has_notes,
        **({"seen": watching.look(track, parts, watch)} if watch else {}),
    }


def parts_of(track, options):
    """What the records of a track keep apart.

    Returns:
      A list of (label, indices of the track's sources whose sum it is).
    """
    labels = [source.label for source in track.sources]
    if options.same_instrument == "apart":
        return [(label, [k]) for k, label in enumerate(labels)]
    return [
        (label, [k for k, found in enumerate(labels) if found == label])
        for label in dict.fromkeys(labels)
    ]


def _stretch(track, path, stream, options):
    """What a track uses of a file; its end may be missing by `SHORTER`."""
    audio, _ = media.read_audio(
        *(path, options.sample_rate, options.channels, stream),
        *(track.begin, track.seconds),
    )
    missing = track.seconds - len(audio) / options.sample_rate
    if missing > SHORTER:
        raise InputError(
            f"{path} ends {missing:.2f} s before it should "
            f"({track.begin + track.seconds:.2f} s); is it truncated? copy it anew"
        )
    return audio


def _fit(audio, n_time):
    """Resampling and stems of one piece may differ by a few samples at the end."""
    return np.pad(audio[:n_time], [(0, max(0, n_time - len(audio))), (0, 0)])


def _quantise(audio):
    return np.clip(np.round(audio * 32768.0), -32768, 32767).astype(np.int16)


def records_of(row, track, options, watch=None):
    """Yields (key, example) of each excerpt of the track in row `row` of the table."""
    read = read_track(track, options, watch)
    n_time, rates = len(read["mix"]), (options.sample_rate, options.visual_rate)
    for number, (start, stop) in enumerate(options.excerpts(n_time)):
        seen = watching.excerpt(read["seen"], start, stop, *rates) if watch else {}
        yield (
            row * 1_000_000 + number,
            {
                "id": track.id,
                "track": row,
                "start": start,
                "n_track": n_time,
                "sample_rate": options.sample_rate,
                "scale": read["scale"],
                "labels": read["labels"],
                "notes": read["notes"],
                "has_notes": read["has_notes"],
                "mix": read["mix"][start:stop],
                "sources": read["sources"][:, start:stop],
                **seen,
            },
        )


def line(row, track, options):
    """A line of the table of tracks: `Datasets.records.TrackRow`."""
    return {
        "id": track.id,
        "row": row,
        "n_time": track.n_time_at(options.sample_rate),
        "labels": [label for label, _ in parts_of(track, options)],
        "mix": "file" if track.mix else "sum",
        "has_score": track.has_score,
        "n_players": len(track.seated()),
        "has_video": watching.shown(track, options.front_end) is not None,
    }
