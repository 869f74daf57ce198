"""All options of mixtures at once, and scores that follow what they tell of."""

import numpy as np
import pytest
import tensorflow as tf

from Datasets import gathering, notes, pipeline
from Datasets.frames import Frames
from Datasets.mixtures import Mixtures
from Datasets.windows import Windows
from tests import sighted_made
from tests.sighted_made import FRAMES, RATE, SOURCES, prepared, records_of

N_IN, N_OUT = 1200, 500
SCORE = Frames(frame_rate=25.0, reach=1)
CHANGES = dict(silence=0.3, polarity=0.5, channel_swap=0.5, equalizer=6.0, reverb=0.1)
CHANGES |= dict(pitch=2.0, tempo=0.2, balance=0.5)
ALL = {
    "solos": Mixtures(sources_min=1, sources_max=3, curriculum=20, **CHANGES),
    "remixed": Mixtures(remix=0.5, **CHANGES),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Stereo records with notes, 0.1 s each, 0.3 s apart by part and piece."""
    write = sighted_made.write_piece

    def with_notes(raw, piece, **options):
        stems = write(raw, piece, **options)
        number, name, *codes = piece.split("_")
        for k, code in enumerate(codes, start=1):
            onsets = np.arange(0.05 * k + 0.01 * int(number), len(stems[0]) / RATE, 0.3)
            lines = [f"{onset:.4f}\t{440.0}\t0.1\n" for onset in onsets]
            path = raw / piece / f"Notes_{k}_{code}_{number}_{name}.txt"
            path.write_text("".join(lines))
        return stems

    told = {"excerpt_seconds": 1.5, "window_seconds": 0.5, "channels": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sighted_made, "write_piece", with_notes)
        return prepared(tmp_path_factory.mktemp("urmp"), "apart", **told)


def windows_of(made, mixtures, n_slots, visual=FRAMES):
    told = N_IN, N_OUT, SOURCES, n_slots, SCORE, visual, mixtures
    return Windows(records_of(made), "train", *told)


def test_with_every_option_example_i_is_a_function_of_seed_and_i(made):
    windows = windows_of(made, ALL["solos"], 4)

    def batches(first):
        told = dict(condition_dropout=0.2, visual_dropout=0.2)
        return pipeline.training_batches(windows, 1, 5, first, **told)

    whole, later = batches(0), batches(2)
    for key, spec in whole.element_spec.items():
        assert spec.shape.is_fully_defined(), key
    for one, again in zip(whole.skip(2).take(2), later.take(2), strict=True):
        for key in one:
            np.testing.assert_array_equal(one[key], again[key])
            assert one[key].dtype != tf.float32 or np.isfinite(one[key]).all()


@pytest.mark.parametrize("kind", ALL)
def test_no_two_draws_of_an_example_share_a_seed(made, kind, monkeypatch):
    asked, seed_of = [], gathering.seed_of
    gathered = gathering.Gathering(windows_of(made, ALL[kind], 4))
    monkeypatch.setattr(
        gathering, "seed_of", lambda s, *told: asked.append(s) or seed_of(s, *told)
    )
    example = tf.function(lambda i: gathered(5, i)[2], autograph=False)
    example.get_concrete_function(tf.TensorSpec([], tf.int64))
    assert len(asked) == len(set(asked)) >= 10


def test_the_score_of_each_slot_follows_the_recording_of_its_sound(made):
    told = Mixtures(sources_min=3, sources_max=3, instruments="different")
    windows = windows_of(made, told, 4, None)
    opened = records_of(made)
    wholes = {track.row: opened.whole_track(track.id) for track in windows.tracks}
    checked, gathered = 0, gathering.Gathering(windows)
    example = tf.function(lambda i: part_starts(gathered, i))
    stream = pipeline.training_batches(windows, 1, 5, gain=(1.0, 1.0)).take(24)
    for i, batch in enumerate(stream):
        tracks, parts, starts = (x.numpy() for x in example(np.int64(i)))
        one = {key: value.numpy()[0] for key, value in batch.items()}
        first = SCORE.first(one["start"] - windows.context, RATE)
        for track, part, start in zip(tracks, parts, starts):
            whole = wholes[windows.tracks[track].row]
            slot = one["labels"][:, SOURCES.index(whole["labels"][part])].argmax()
            heard = whole["sources"][part, max(start, 0) : start + N_OUT]
            if start >= 0 and len(heard) == N_OUT:
                np.testing.assert_allclose(one["sources"][slot], heard, atol=1e-6)
            table = whole["notes"][part].astype(float)
            table[:, 0] -= (start - one["start"]) / RATE  # onto the mixture's clock
            none = np.zeros(len(table), np.int32)
            wanted = notes.activity(table, none, 1, first, windows.n_frames, 25.0)[0]
            # Windows are whole samples apart, frames are not.
            np.testing.assert_allclose(one["score"][slot], wanted, atol=0.004)
            checked += wanted.numpy().any()
    assert checked > 30


def part_starts(gathered, i):
    """(tracks, parts, starts of the targets) of the parts of mixture i."""
    seen = {}

    def read(tracks, parts, starts, tempos):
        seen["told"] = tracks, parts, starts
        return {"parts": tf.zeros([3, N_IN, 2])}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathered, "_read", read)
        gathered(5, i)
    return seen["told"]
