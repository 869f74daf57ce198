"""Separates a recording of any length, rate and number of channels.

    python Predict.py with input=song.mp3 output=separated
    python Predict.py with run=runs/2 input=duet.wav labels=vn,vc   # what is named
    python Predict.py with run=runs/3 input=duet.mp4 players=2      # who is seen

Writes one WAV file for each source, at the input's own sample rate, with as many
channels and exactly as many samples.  The input is any audio or video file; of a
video the sound is separated.  Memory does not depend on the length.

A recording is cut into segments.  A model with context (n_in > n_out) is laid end
to end: segments begin at multiples of its total decimation and are as long as memory
allows, which does not change the result.  The estimates of a model without context have
one length, lose the model's `edge` and overlap; one fades into the next by weights that
sum to 1.  Around the recording is silence.

A model for as many channels as the recording has hears them together.  Otherwise each
is separated on its own: repeated on all channels of the model, whose estimates are
averaged.
"""

import pathlib
import time

import numpy as np
import soundfile as sf
from sacred import Experiment

import Config
import Remote
from Schema import InputError

with Config.quiet():  # Datasets wakes TensorFlow
    from Datasets import media, muxing, score, segments, streaming, writing
    from Datasets.video import VideoReader, has_pictures
    from Models.devices import use_one

PRETRAINED = pathlib.Path(__file__).parent / "pretrained" / "ensemble"
MIN_SECONDS = 0.25  # a shorter file is taken for a mistake
LONGEST = 1 << 21  # samples of estimates at once; more is no faster
SHARE = 0.5  # of the memory at hand
KNOBS = "segment batch_size overlap hop precision form weights".split()


class Predictor:
    """A trained separator, ready for recordings.

    Attributes:
      model: The separator.
      names: Its sources.
      segment: Most samples of one estimate of the model, at its own rate.
      given: given(labels, video, notes, players) -> what is known of a recording.
    """

    def __init__(
        self,
        folder,
        segment=None,
        batch_size=1,
        overlap=0.25,
        hop="aligned",
        precision=None,
        form=None,
        weights=None,
    ):
        """Loads a separator and tries it on silence.

        Args:
          folder: What `Remote.find_run` takes, or a separator that is in memory.
          segment: Samples of an estimate, at the model's rate.  None: the model's own;
            with context as many as `SHARE` of the memory allows, up to `LONGEST`.
          batch_size: Segments at once; changes speed and memory, not the result.
          overlap: Share of an estimate that fades into the next, 0 to 0.5, about; of
            models without context.
          hop: "aligned", or "ancestor": every estimate begins where the one before
            ends, as in f90's Wave-U-Net (`segments.end_to_end`), for comparison.
          precision: "float32" or "bfloat16", of what is computed; None: float32.
          form: "auto", "plain" or "fast": how it is computed; None: auto.
          weights: File of the front end's image network, if VIMSS does not ship it.

        Raises:
          InputError: If a value is impossible, there is no separator, or no memory.
        """
        segments.check(segment, batch_size, overlap, hop)
        from Models import running  # TensorFlow takes seconds to wake
        from Models.telling import Teller

        self.model = running.load(folder, precision, form)
        self.names = list(self.model.source_names)
        reads = VideoReader, has_pictures, score.activities
        self.given = Teller(self.model, *reads, weights)
        context = self.model.has_context
        self._ancestral, self._asked = hop == "ancestor", segment
        self._most = LONGEST // batch_size
        self._aligned = context and not self._ancestral
        self._own = self.model.hop if context else self.model.n_out
        self.segment = segment or self._own
        n_in, n_out, _ = self.model.lengths(self.segment)
        self._edge = self._fade = 0
        if not context and not self._ancestral:
            self._edge = self.model.edge
            self._fade = segments.fading(overlap, n_out, self._edge, self.model.grain)
        width = None if self._aligned else n_in
        self._runner = running.Runner(self.model, batch_size, width)
        if self._aligned:
            n_in, n_out, _ = self.model.lengths(min(self.segment, self._own))
        silence = np.zeros((1, n_in, self.model.channels), np.float32)
        try:  # what cannot work is refused at once
            self._runner.estimates(silence, [0], self._runner.anything(), n_out)
        except MemoryError:
            raise self._runner.too_long(n_in) from None
        self._fit(self.model.channels, len(self.names))

    def separate(
        self, mix, sample_rate, labels=None, video=None, notes=None, players=None
    ):
        """Separates an array.

        Args:
          mix: float [T, C], nominally in [-1, 1]; T at least 1.
          sample_rate: Hz, a whole number; resampled to the model's and back.
          labels: Names of the sources that play, for a model conditioned on them: a
            list, or text with commas; of players in order, if its slots follow these.
          video: A video file, for a model that sees players; or their features, float32
            [P, F, D] at the model's `visual_rate`.
          notes: Of each source, for a model conditioned on a score: folder of Notes
            files or dict of arrays, as in `Datasets.score.activities`.
          players: How many are to be seen; None: as many as are named, or found.

        Returns:
          {source: float32 [T, C] at sample_rate}, of those that labels or a score name,
          else of all.  Players without names are player_1, ... from left to right.

        Raises:
          InputError: If mix is not audio, or a condition is not one of the model's.
        """
        recording = streaming.Recording.of_array(mix, sample_rate, "mix")
        given = self.given(labels, video, notes, players)
        done, sources = 0, np.empty((len(given.wanted), *np.shape(mix)), np.float32)
        for block in self.stream(recording, given):
            sources[:, done : done + block.shape[1]] = block
            done += block.shape[1]
        return dict(zip(given.wanted, sources))

    def separate_file(
        self,
        input,
        output="separated",
        labels=None,
        video=None,
        subtype="FLOAT",
        progress=False,
        notes=None,
        players=None,
    ):
        """Separates a file, block by block, into one WAV file for each source.

        Files that exist are replaced, all together, when the work is done.  If a video
        was seen, which is held in memory, `<output>/<source>.mp4` shows it with each
        source: these follow, all together, when the WAVs are there.

        Args:
          input: Audio or video file of at least `MIN_SECONDS`.
          output: Folder of the results; made if absent.
          labels: Names; as `notes` and `players` those of `separate`.
          video: File; None: the input, if it has pictures and the model sees players;
            False: none, go by the sound.
          subtype: FLOAT, PCM_24 or PCM_16; PCM clips beyond [-1, 1], with a warning.
          progress: Whether to show a bar, in seconds of audio.
          notes: Folder or dict.
          players: Number.

        Returns:
          {source: pathlib.Path of `<output>/<source>.wav`}.

        Raises:
          InputError: If the input cannot be separated or the output not written;
            nothing of it remains then, but WAVs whose MP4s failed.
        """
        told = labels, video, notes, players, progress
        given, video = self.given.of_file(input, *told)
        if video is not None:
            muxing.check(video, output, given.wanted)
        with media.AudioReader(input) as reader:
            rate, channels, n_time = reader.sample_rate, reader.channels, reader.n_time
            told = reader.blocks(), rate, channels, input, MIN_SECONDS
            blocks = self.stream(streaming.Recording(*told), given)
            blocks = streaming.shown(blocks, rate, n_time, progress)
            told = rate, channels, subtype, n_time, input
            files = writing.write_sources(output, given.wanted, blocks, *told)
        if video is not None:
            muxing.write_videos(video, files, output, progress)
        return files

    def stream(self, recording, given=None):
        """Separates block by block; `separate` and `separate_file` are this.

        Args:
          recording: `streaming.Recording`.
          given: What `given` returns; None: nothing is known.

        Returns:
          An iterator of float32 [S, t, C] of `given.wanted`, in all as many samples.

        Raises:
          InputError: As `separate`; about the recording, while iterating.
        """
        given = given or self.given()
        self._fit(recording.channels, len(given.names))
        work = self._any_length if self._aligned else self._one_length
        rows = [given.names.index(name) for name in given.wanted]
        return streaming.at_rate(
            *(recording, self.model.sample_rate, len(rows)),
            lambda blocks, early: (b[rows] for b in work(blocks, early, given)),
            ringing=not self._ancestral,
        )

    def _fit(self, channels, n_sources):
        """Chooses how long segments may be, from the memory at hand."""
        if self._aligned and not self._asked:
            self.segment = self._runner.longest(channels, SHARE, self._most, n_sources)

    def _any_length(self, blocks, early, given):
        """[t, C] at the model's rate, time zero `early` samples in -> [S, t, C]."""
        lengths = self.model.lengths
        return segments.aligned(
            *(blocks, early, lengths(1).hop, lengths),
            lambda: (self.segment, self._runner.batch_size),
            lambda windows, starts, n: self._estimates(windows, starts, given, n),
        )

    def _one_length(self, blocks, early, given):
        """The same, without context or as the ancestor does it."""
        n_in, n_out, _ = self.model.lengths(self.segment)
        if self._ancestral:
            windows = segments.end_to_end(blocks, n_in, n_out, early)
        else:
            fade, edge = self._fade, self._edge
            windows = segments.overlapping(blocks, n_in, fade, edge, early)
        return segments.joined(
            *(windows, self._fade, lambda: self._runner.batch_size),
            lambda windows, starts: self._estimates(windows, starts, given, n_out),
            self._edge,
        )

    def _estimates(self, windows, starts, given, n):
        """`Runner.estimates`; a MemoryError tells that segments are shorter now."""
        try:
            return self._runner.estimates(windows, starts, given, n)
        except MemoryError:
            shorter = max(self._own, self.segment // 2)
            if not self._aligned or shorter >= self.segment:
                raise self._runner.too_long(windows.shape[1]) from None
            self.segment = self._most = shorter
            raise


ex = Experiment("predict", save_git_info=False)


@ex.config
def defaults():
    run = None  # a run, a checkpoint, a folder of runs; None: runs/, or VIMSS' own
    input = None  # audio or video file
    output = "separated"  # folder
    labels = None  # names of the sources that play, if the model is told them: vn,vc
    notes = None  # folder of Notes_*.txt, if the model is told the score
    video = None  # file, for models that see; None: the input, if it is one; False
    players = None  # how many are to be seen; None: as many as are named, or found
    weights = None  # file of the front end's image network, if it is the user's own
    subtype = "FLOAT"  # samples of the files: FLOAT, PCM_24 or PCM_16
    segment = None  # samples of an estimate; None: chosen from the memory at hand
    batch_size = 1  # segments at once
    overlap = 0.25  # share of an estimate that fades; for models without context
    hop = "aligned"  # | "ancestor": estimates end to end, as f90's Wave-U-Net does
    precision = "float32"  # | "bfloat16": faster on processors that know it, less exact
    form = None  # "plain" | "fast": how the model is computed; None: what is fastest
    devices = "auto"  # | "cpu" | "gpu:1" | "tpu": where it is computed, on one device


@ex.main
def main(run, input, output, labels, notes, video, players, subtype, devices, _config):
    """Separates one file and says where the sources are."""
    if input is None:
        raise InputError("name a recording: python Predict.py with input=FILE")
    media.AudioReader(str(input)).close()  # unreadable: refused before a model loads
    use_one(devices)
    run, options = Remote.find_run(run, PRETRAINED), {k: _config[k] for k in KNOBS}
    predictor, began = Predictor(run, **options), time.time()
    told = str(input), output, labels, video, subtype, True, notes, players
    files, seen = predictor.separate_file(*told), predictor.given.report()
    took, seconds = time.time() - began, sf.info(str([*files.values()][0])).duration
    speed = f"{took:.1f} s ({seconds / took:.1f} x real time)"
    print(f"{seconds:.1f} s of {input} in {speed}, by {run}:")
    films = [path.with_suffix(".mp4") for path in files.values() if seen]
    print("\n".join(map(str, [*files.values(), *films, *seen])))


if __name__ == "__main__":
    Config.command_line(ex, observed=False)
