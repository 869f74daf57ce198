"""Separates a recording of any length, rate and number of channels.

    python Predict.py with run=runs/1 input=song.mp3 output=separated

Writes one WAV file for each source, at the input's own sample rate, with as many
channels and exactly as many samples.  The input is any audio or video file; of a
video the sound is separated.  Memory does not depend on the length.

A recording is cut into segments.  A model with context (n_in > n_out) is laid end
to end: segments begin at multiples of its hop, the first hop samples of each estimate
are kept, and the segments' length does not change the result.  The estimates of a
model without context (n_in == n_out) overlap, and one fades into the next by weights
that sum to 1.  Silence is assumed before and after the recording.

A model for as many channels as the recording has sees them together.  Otherwise each
channel is separated on its own: repeated on all channels of the model, whose
estimates are averaged.
"""

import collections
import itertools
import pathlib
import time

import numpy as np
import soundfile as sf
from sacred import Experiment
from tqdm import tqdm

import Config
import Utils
from Schema import InputError

with Config.quiet():  # Datasets wakes TensorFlow
    from Datasets import media, streaming, writing

MIN_SECONDS = 0.25  # a shorter file is taken for a mistake
SEGMENT = 1 << 17  # samples of an estimate with context: speed against memory
CONDITIONS = {"labels", "has_labels"}  # what can be given beside the mixture


class Predictor:
    """A trained separator, ready for recordings.

    Attributes:
      model: The separator.
      names: Its sources.
      segment: Samples of one estimate of the model, at its own rate.
    """

    def __init__(self, folder, segment=None, batch_size=1, overlap=0.25):
        """Loads a separator and tries it on silence.

        Args:
          folder: What `Utils.find_run` takes, or a separator that is in memory.
          segment: Least samples of an estimate, at the model's rate.  None: the
            model's own, and with context at least `SEGMENT`.
          batch_size: Segments at once; changes speed and memory, not the result.
          overlap: Share of an estimate that fades into the next, 0 to 0.5; without
            effect on models with context.

        Raises:
          InputError: If a value is impossible, the folder holds no separator, or
            one segment does not fit into the device's memory.
        """
        for what, value in {"segment": segment, "batch_size": batch_size}.items():
            if (what, value) != ("segment", None) and not _is_count(value):
                raise InputError(f"{what} must be a whole number > 0, not {value!r}")
        if not isinstance(overlap, int | float) or not 0 <= overlap <= 0.5:
            raise InputError(f"overlap must lie between 0 and 0.5, not {overlap!r}")
        self.model = folder
        if isinstance(folder, str | pathlib.Path):
            from Models import checkpoints  # TensorFlow takes seconds to wake

            self.model = checkpoints.load(Utils.find_run(folder))
        self.names = list(self.model.source_names)
        self._reads = set(self.model.batch_keys)
        if unknown := self._reads - CONDITIONS - {"mix"}:
            raise InputError(
                f"the checkpoint reads {', '.join(sorted(unknown))}, which Predict "
                "cannot give; use a checkpoint that reads sound or labels"
            )
        self._batch_size, self._call = batch_size, _compiled(self.model)
        self._choose(segment, overlap)

    def _choose(self, segment, overlap):
        """Takes the segment asked for, or the longest half of it that fits."""
        import tensorflow as tf

        own, context = self.model.n_out, self.model.n_in > self.model.n_out
        wanted = segment or (max(SEGMENT, own) if context else own)
        while True:
            self._n_in, self.segment, hop = self.model.lengths(wanted)
            # Samples that two neighbouring estimates share, and that each adds.
            self._fade = 0 if context else round(overlap * self.segment)
            self._step = hop if context else self.segment - self._fade
            try:
                silence = np.zeros((1, self._n_in, 1), np.float32)
                self._estimates(silence, self._condition(None, None))
                return
            except tf.errors.ResourceExhaustedError:
                wanted //= 2
                if not context or wanted < own:
                    raise InputError(
                        f"{self._batch_size} x {self._n_in} samples at once do not fit "
                        "into the device's memory; lower batch_size or segment"
                    ) from None

    def separate(self, mix, sample_rate, labels=None, video=None):
        """Separates an array.

        Args:
          mix: float [T, C], nominally in [-1, 1]; T at least 1.
          sample_rate: Hz, a whole number; resampled to the model's and back.
          labels: Names of the sources that play, for a model conditioned on them.
          video: A video file, for a model conditioned on it.

        Returns:
          {source: float32 [T, C] at sample_rate}.

        Raises:
          InputError: If mix is not audio, or a condition is not one of the model's.
        """
        recording = streaming.Recording.of_array(mix, sample_rate, "mix")
        done, sources = 0, np.empty((len(self.names), *np.shape(mix)), np.float32)
        for block in self.stream(recording, labels, video):
            sources[:, done : done + block.shape[1]] = block
            done += block.shape[1]
        return dict(zip(self.names, sources))

    def separate_file(
        self,
        input,
        output="separated",
        labels=None,
        video=None,
        subtype="FLOAT",
        progress=False,
    ):
        """Separates a file, block by block, into one WAV file for each source.

        Files that exist are replaced, all together, when the work is done.

        Args:
          input: Audio or video file of at least `MIN_SECONDS`.
          output: Folder of the results; made if absent.
          labels: As in `separate`.
          video: As in `separate`.
          subtype: FLOAT, PCM_24 or PCM_16; PCM clips beyond [-1, 1], with a warning.
          progress: Whether to show a bar, in seconds of audio.

        Returns:
          {source: pathlib.Path of `<output>/<source>.wav`}.

        Raises:
          InputError: If the input cannot be separated or the output not written;
            nothing of it remains then.
        """
        with media.AudioReader(input) as reader:
            rate, channels, n_time = reader.sample_rate, reader.channels, reader.n_time
            recording = streaming.Recording(
                reader.blocks(), rate, channels, input, MIN_SECONDS
            )
            blocks = self.stream(recording, labels, video)
            blocks, names = _shown(blocks, rate, n_time, progress), self.names
            return writing.write_sources(
                output, names, blocks, rate, channels, subtype, n_time, input
            )

    def stream(self, recording, labels=None, video=None):
        """Separates block by block; `separate` and `separate_file` are this.

        Args:
          recording: `streaming.Recording`.
          labels: As in `separate`.
          video: As in `separate`.

        Returns:
          An iterator of float32 [S, t, C], in all exactly as many samples.

        Raises:
          InputError: As `separate`; about the recording, while iterating.
        """
        condition = self._condition(labels, video)
        return streaming.at_rate(
            *(recording, self.model.sample_rate, len(self.names)),
            lambda blocks, early: self._joined(blocks, early, condition),
        )

    def _joined(self, blocks, early, condition):
        """[t, C] at the model's rate, time zero `early` samples in -> [S, t, C]."""
        # With context, segments begin at multiples of the hop from time zero.
        ahead = self._fade or -early % min(self._step, self.model.hop)
        context = (self._n_in - self.segment) // 2
        windows = streaming.windows(blocks, self._n_in, self._step, context, ahead)
        kept = collections.deque()  # where the estimates under way lie in the recording
        estimates = self._batched(windows, kept, condition)
        for estimate in streaming.crossfade(estimates, self._fade):
            yield estimate[:, kept.popleft()]

    def _batched(self, windows, kept, condition):
        while group := list(itertools.islice(windows, self._batch_size)):
            kept.extend(where for _, where in group)
            yield from self._estimates(np.stack([w for w, _ in group]), condition)

    def _estimates(self, windows, condition):
        """[N, n_in, C] of any C -> [N, S, step + fade, C]."""
        channels = windows.shape[2]
        windows = streaming.to_width(windows, self.model.channels)
        estimates, size = [], self._batch_size
        batch = {k: np.stack([row] * size) for k, row in condition.items()}
        for first in range(0, len(windows), size):
            part = windows[first : first + size]
            # Always the same shape, so that the model is compiled once.
            batch["mix"] = np.zeros((size, *part.shape[1:]), np.float32)
            batch["mix"][: len(part)] = part
            given = self._call(batch).numpy()[: len(part)]
            estimates.append(given[:, :, : self._step + self._fade])
        estimates = np.concatenate(estimates)
        if not np.isfinite(estimates).all():
            raise InputError("the checkpoint's estimates are not finite; train it anew")
        return streaming.from_width(estimates, channels)

    def _condition(self, labels, video):
        """One row of what the model reads beside the mixture."""
        if video is not None:
            raise InputError("the checkpoint is not conditioned on video; omit video")
        if labels is not None and "labels" not in self._reads:
            raise InputError("the checkpoint is not conditioned on labels; omit labels")
        playing = labels.split(",") if isinstance(labels, str) else list(labels or [])
        if unknown := [label for label in playing if label not in self.names]:
            raise InputError(
                f"no source is called {unknown[0]!r}; there are {', '.join(self.names)}"
            )
        row = {
            "labels": np.array([name in playing for name in self.names], np.float32),
            "has_labels": np.array(labels is not None, np.float32),
        }
        return {key: row[key] for key in CONDITIONS & self._reads}


def _is_count(value):
    return isinstance(value, int) and value >= 1


def _compiled(model):
    import tensorflow as tf

    @tf.function
    def call(batch):
        return tf.cast(model(batch, training=False)["sources"], tf.float32)

    return call


def _shown(blocks, sample_rate, n_time, progress):
    """Passes blocks on and shows how many seconds have gone by."""
    total, done = n_time and round(n_time / sample_rate), 0
    hidden = None if progress else True  # None: unless there is a terminal
    with tqdm(total=total, unit=" s of audio", disable=hidden) as bar:
        for block in blocks:
            yield block
            done += block.shape[1]
            bar.update(round(done / sample_rate) - bar.n)


ex = Experiment("predict", save_git_info=False)


@ex.config
def defaults():
    run = None  # a run, a checkpoint, or a folder of runs: its newest; None: runs/
    input = None  # audio or video file
    output = "separated"  # folder
    labels = None  # names of the sources that play, if the model is told them
    video = None  # video file, if the model sees it
    subtype = "FLOAT"  # samples of the files: FLOAT, PCM_24 or PCM_16
    segment = None  # samples of an estimate; None: chosen for the model
    batch_size = 1  # segments at once
    overlap = 0.25  # share of an estimate that fades; for models without context


@ex.main
def main(run, input, output, labels, video, subtype, segment, batch_size, overlap):
    """Separates one file and says where the sources are."""
    if input is None:
        raise InputError("name a recording: python Predict.py with input=FILE")
    media.AudioReader(str(input)).close()  # unreadable: refused before a model loads
    run = str(Utils.find_run(run))
    predictor, began = Predictor(run, segment, batch_size, overlap), time.time()
    files = predictor.separate_file(str(input), output, labels, video, subtype, True)
    took = time.time() - began
    seconds = sf.info(str(next(iter(files.values())))).duration
    speed = seconds / took
    print(f"{seconds:.1f} s of {input} in {took:.1f} s ({speed:.1f} x real time):")
    print("\n".join(str(path) for path in files.values()))


if __name__ == "__main__":
    Config.command_line(ex, observed=False)
