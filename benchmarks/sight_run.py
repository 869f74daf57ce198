"""Trains and scores one network of `benchmarks.sight`, by the verbs."""

import functools

import numpy as np

import Config
import Predict
import Test
from benchmarks import runs, sight_permuted
from benchmarks import sight_plan as plan
from Datasets.references import references
from Datasets.video import VideoReader
from Models import checkpoints, vision
from Models.vision.watching import Watcher
from Scores.si_sdr import si_sdr


def corpus(name, folder):
    """Home of the records and the raw test pieces of a corpus; made if need be."""
    return runs.prepared(folder / name, plan.CORPORA[name], plan.VISUAL)


def execute(run, folder):
    """Trains and scores one network; writes and returns its result."""
    train = sight_permuted.train if run.kind == "permuted" else None
    home = functools.partial(corpus, run.corpus, folder)
    return runs.execute(run, folder, home, score, train)


def score(run, path, home):
    """{"si_sdri": {row: dB}}."""
    return {"si_sdri": SCORES[run.corpus](run, path, home / "raw")}


def ship(path, out):
    """Saves a run's network without the places of its data; returns its folder.

    Args:
      path: Folder of the run.
      out: Folder that gets `checkpoint/`.
    """
    model, told = checkpoints.load(path), checkpoints.describe(path)["extra"]
    data = {**told["data"], "raw": None, "records": "records"}
    checkpoints.save(out / "checkpoint", model, {**told, "data": data})
    return out / "checkpoint"


class Scorer:
    """A trained network and the test pieces of its corpus."""

    def __init__(self, path, raw):
        self.predictor = Predict.Predictor(str(path))
        self.model, self.raw = self.predictor.model, raw
        stored = Config.stored_data(path), Config.stored_visual(path)
        records = Test.open_records(*stored)
        self.tracks = [records.whole_track(t.id) for t in records.tracks("test")]
        self.apart, self._watchers = self.model.slots == "conditioned", {}

    def present(self, track):
        """(references of a track, their audio [S, T, C])."""
        found = references(track, self.model.source_names, self.apart)
        return found, np.stack([one.audio(track) for one in found])

    def separated(self, track, labels, video):
        """{source: float32 [T, C]}."""
        mix, rate = track["mix"], track["sample_rate"]
        return self.predictor.separate(mix, rate, labels, video)

    def seen_again(self, track, reader):
        """Features [S, F, D] of the track's film as another reader shows it.

        The players that a reader puts elsewhere are where they are: slot i gets whoever
        sits where the player of part i sat.
        """
        if self._watchers.get(reader) is None:
            told = plan.VISUAL["front_end"], plan.VISUAL["frame_rate"]
            self._watchers[reader] = Watcher(vision.build(*told), reader)
        video = self.raw / track["id"] / f"Vid_{track['id']}.mp4"
        seats = track["part_of_player"]
        features = self._watchers[reader](video, len(seats)).features
        return np.stack([features[p] for p in np.argsort(seats)])


class Frozen(VideoReader):
    """Shows the first picture throughout."""

    def __iter__(self):
        first = None
        for block in super().__iter__():
            first = block[:1] if first is None else first
            yield np.repeat(first, len(block), axis=0)


class Exchanged(VideoReader):
    """Shows the left half on the right, and the right one on the left."""

    def __iter__(self):
        for block in super().__iter__():
            yield np.roll(block, block.shape[2] // 2, axis=2)


def improvement(audio, estimates, mix):
    """Mean SI-SDR above the mixture, dB, of sources [S, T, C]."""
    floor = si_sdr(audio, np.stack([mix] * len(audio)))
    return float(np.mean(si_sdr(audio, estimates) - floor))


def of_pair(run, path, raw):
    """{row: mean SI-SDRi over the test pieces} of two players of one instrument."""
    return _means(OF_PAIR[run.kind], Scorer(path, raw))


def _means(row_of, scorer):
    """The mean over the test pieces of what a row says of one."""
    rows = [row_of(scorer, track) for track in scorer.tracks]
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _blind(scorer, track):
    found, audio = scorer.present(track)
    both = _blindly(scorer, track, [one.label for one in found])
    return _in_any_order("blind", audio, both, track["mix"])


def _permuted(scorer, track):
    estimates = np.stack(list(scorer.separated(track, None, None).values()))
    return _in_any_order("permuted", track["sources"], estimates, track["mix"])


def _sighted(scorer, track):
    found, audio = scorer.present(track)
    labels, mix = [one.label for one in found], track["mix"]

    def estimates(video):
        return np.stack(list(scorer.separated(track, labels, video).values()))

    video = np.stack([one.visual(track) for one in found])
    row = _in_any_order("sighted", audio, estimates(video), mix)
    # Where the other sits now, the other is to be heard.
    exchanged = estimates(scorer.seen_again(track, Exchanged))
    row["exchanged"] = improvement(audio[::-1], exchanged, mix)
    frozen = estimates(scorer.seen_again(track, Frozen))
    row["frozen"] = improvement(audio, frozen, mix)
    row["absent"] = improvement(audio, _blindly(scorer, track, labels), mix)
    return row


OF_PAIR = {"blind": _blind, "permuted": _permuted, "sighted": _sighted}


def _blindly(scorer, track, labels):
    """Estimates without a video: parts of one name get one estimate."""
    one = list(scorer.separated(track, labels[:1], None).values())
    return np.stack(one * len(labels))


def _in_any_order(name, audio, estimates, mix):
    """In the order of the slots, and in the best of the two."""
    fixed = improvement(audio, estimates, mix)
    other = improvement(audio, estimates[::-1], mix)
    return {name: fixed, f"{name}, best order": max(fixed, other)}


def of_ordinary(run, path, raw):
    """{what is given: mean SI-SDRi over the test pieces} of different instruments."""
    rows = {"blind": {"blind": ()}, "sighted": GIVEN}[run.kind]
    return _means(functools.partial(_ordinary, rows), Scorer(path, raw))


GIVEN = {
    "neither": (),
    "labels": ("labels",),
    "video": ("video",),
    "both": ("labels", "video"),
}


def _ordinary(rows, scorer, track):
    found, audio = scorer.present(track)
    names, row = [one.name for one in found], {}
    for what, given in rows.items():
        labels = names if "labels" in given else None
        video = track["visual"] if "video" in given else None
        separated = scorer.separated(track, labels, video)
        estimates = np.stack([separated[name] for name in names])
        row[what] = improvement(audio, estimates, track["mix"])
    return row


SCORES = {"pair": of_pair, "ordinary": of_ordinary}
