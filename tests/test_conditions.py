"""Conditioned slots, and conditions that are withheld at random."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import Schema
from Datasets import mixing
from Schema import InputError
from tests.notes_made import (
    N_IN,
    N_OUT,
    RATE,
    SCORE,
    SOURCES,
    filled,
    load,
    parts_of,
    pieces_of,
    prepared,
)

CROP = (N_IN - N_OUT) // 2


@pytest.fixture(scope="module", params=["sum", "apart"])
def made(request, tmp_path_factory):
    """What `notes_made.prepared` returns."""
    return prepared(tmp_path_factory.mktemp("urmp"), request.param)


# Of what does not depend on whose parts are summed, one kind of records is enough.
one_kind = pytest.mark.parametrize("made", ["apart"], indirect=True)


class Part:
    """One part of the records: the plain reference of a slot's source and score."""

    def __init__(self, made, piece, label, players):
        self.label = label
        audio = made[0][piece][[k - 1 for k in players]].sum(axis=0)
        self._audio = np.pad(audio, [(5000, 5000), (0, 0)])
        self._notes = [note for k in players for note in made[1][piece].get(k, [])]

    def audio(self, start):
        return self._audio[5000 + start : 5000 + start + N_OUT]

    def score(self, start, n_frames):
        first = np.floor((start - CROP) * SCORE.frame_rate / RATE) - SCORE.reach
        return filled(self._notes, int(first), n_frames, SCORE.frame_rate)


def examples(made, split, batches, n_slots):
    """Yields (parts of the piece, example as arrays, names of its labels)."""
    pieces, kind = pieces_of(made, split), made[3]["same_instrument"]
    for batch in batches:
        Schema.check_batch(batch, N_IN, N_OUT, n_slots, 1, len(SOURCES))
        arrays = {key: value.numpy() for key, value in batch.items()}
        for k, row in enumerate(arrays["track"]):
            piece = pieces[int(row)]
            parts = [Part(made, piece, *which) for which in parts_of(piece, kind)]
            one = {key: value[k] for key, value in arrays.items()}
            assert set(np.unique(one["labels"])) <= {0, 1}
            assert one["labels"].sum(axis=1).max() <= 1
            names = [SOURCES[x.argmax()] if x.any() else None for x in one["labels"]]
            yield parts, one, names


def test_test_slots_are_the_parts_then_absent_instruments_by_vocabulary(made):
    for split, n_slots in (("test", 6), ("train", 3)):
        batches = load(made, split, n_slots=n_slots)
        for parts, one, names in examples(made, split, batches, n_slots):
            start = int(one["start"])
            parts = sorted(parts, key=lambda part: SOURCES.index(part.label))
            played = [part.label for part in parts]
            absent = [name for name in SOURCES if name not in played]
            assert names == [*played, *absent, None, None, None][:n_slots]
            rest = n_slots - len(parts)
            assert one["active"].tolist() == [1] * len(parts) + [0] * rest
            expected = np.stack([part.audio(start) for part in parts])
            np.testing.assert_array_equal(one["sources"][: len(parts)], expected)
            assert not one["sources"][len(parts) :].any() and one["has_labels"] == 1
            score = one["score"]
            assert not score[len(parts) :].any()
            for slot, part in enumerate(parts if one["has_score"] else []):
                expected = part.score(start, score.shape[1])
                np.testing.assert_allclose(score[slot], expected, atol=1e-6)


def test_training_slots_hold_one_gained_part_each_with_its_label_and_score(made):
    n_slots, scored = 3, 0
    batches = load(made, "train", training=True, seed=1, n_slots=n_slots).take(12)
    for parts, one, names in examples(made, "train", batches, n_slots):
        start, total = int(one["start"]), one["sources"].sum(axis=0)
        np.testing.assert_allclose(total, one["mix"][CROP : CROP + N_OUT], atol=2e-6)
        left = list(parts)
        for slot, name in enumerate(names):
            source = one["sources"][slot]
            if not one["active"][slot]:
                assert name not in [part.label for part in parts]
                assert not source.any() and not one["score"][slot].any()
                continue
            heard = [part for part in left if part.label == name]
            if source.any():
                heard = [p for p in heard if is_gained(source, p.audio(start))]
                assert len(heard) == 1
                left.remove(heard[0])
            if source.any() and one["has_score"]:
                score, scored = one["score"][slot], scored + 1
                expected = heard[0].score(start, len(score))
                np.testing.assert_allclose(score, expected, atol=1e-6)
        assert one["active"].sum() == len(parts)
        absent = [name for name, on in zip(names, one["active"]) if not on]
        assert len(set(absent)) == len(absent)
    assert scored > 20


def is_gained(source, audio):
    """Whether one is the other times 0.7 to 1."""
    gain = np.sum(source * audio) / np.sum(audio**2)
    return 0.699 < gain < 1.001 and np.allclose(source, gain * audio, atol=1e-5)


@pytest.mark.parametrize("n_slots", [2, 5])
def test_parts_and_absent_instruments_come_to_every_slot_equally_often(n_slots):
    label_of_part, absent, n_draws = [4, 2, 4], [0, 1, 3, 5], 4000

    def assigned(i):
        drawn = tf.random.stateless_uniform([9], tf.stack([i, 7]))
        labels = tf.constant(label_of_part)
        return mixing.conditioned_slots(labels, 6, n_slots, drawn[:3], drawn[3:])

    draws = tf.data.Dataset.range(n_draws).map(assigned).batch(n_draws)
    slots, labels = (x.numpy() for x in next(iter(draws)))
    used = min(n_slots, 3)
    for slot in range(used):
        for part, label in enumerate(label_of_part):
            here = slots[:, part] == slot
            assert abs(here.mean() - 1 / 3) < 5 * np.sqrt(2 / 9 / n_draws)
            assert np.all(labels[here, slot].argmax(axis=1) == label)
    assert slots.max() == used - 1
    named = labels[:, used:, absent]
    assert np.all(named.sum(axis=2) == 1)
    assert np.all(np.abs(named.mean(axis=0) - 1 / 4) < 5 * np.sqrt(3 / 16 / n_draws))


@one_kind
def test_conditioned_example_i_is_a_function_of_the_seed_and_i_alone(made):
    options = dict(training=True, n_slots=2, condition_dropout=0.4)
    whole = list(load(made, "train", seed=5, batch_size=1, **options).take(12))
    later = load(made, "train", seed=5, batch_size=3, first=6, **options).take(2)
    later = list(later)
    for i, key in itertools.product(range(6), whole[0]):
        np.testing.assert_array_equal(whole[6 + i][key][0], later[i // 3][key][i % 3])
    orders = [str(batch["labels"].numpy()) for batch in whole]
    assert len(set(orders)) > 4


@one_kind
def test_slots_and_dropout_leave_windows_and_gains_as_they_are(made):
    plain = load(made, "train", training=True, seed=8, score=None)
    options = dict(n_slots=2, condition_dropout=0.5)
    other = load(made, "train", training=True, seed=8, **options)
    for one, two in zip(plain.take(4), other.take(4)):
        for key in ("mix", "track", "start", "n_valid"):
            np.testing.assert_array_equal(one[key], two[key])


def kept(given, dropout, keep_one, n_draws=20000):
    """float32 [n_draws, K] of `mixing.kept_conditions`."""
    given = tf.constant(given, tf.float32)
    draws = tf.data.Dataset.range(n_draws).map(
        lambda i: mixing.kept_conditions(given, dropout, keep_one, tf.stack([i, 3]))
    )
    return next(iter(draws.batch(n_draws))).numpy()


def test_each_condition_is_withheld_as_often_as_asked_whatever_the_other():
    labels, score = kept([1, 1], 0.3, keep_one=False).T
    assert abs(labels.mean() - 0.7) < 0.015 and abs(score.mean() - 0.7) < 0.015
    assert abs(np.mean(labels * score) - 0.49) < 0.015


def test_of_conditioned_slots_one_condition_stays_and_both_kinds_do():
    labels, score = kept([1, 1], 0.3, keep_one=True).T
    assert np.all(labels + score >= 1)
    # One is drawn where both were withheld: 0.7 + 0.3 * 0.3 / 2.
    assert abs(labels.mean() - 0.745) < 0.015 and abs(score.mean() - 0.745) < 0.015
    assert set(map(tuple, kept([1, 1], 1.0, keep_one=True, n_draws=50))) == {
        (1, 0),
        (0, 1),
    }


@pytest.mark.parametrize("keep_one, least", [(True, 1), (False, 0)])
def test_a_condition_that_is_not_there_is_never_the_one_that_stays(keep_one, least):
    labels, score = kept([1, 0], 0.5, keep_one, n_draws=300).T
    assert labels.min() == least and not score.any()
    assert kept([1], 0.5, keep_one, n_draws=300).min() == least


@one_kind
@pytest.mark.parametrize("n_slots", [None, 3])
def test_withheld_conditions_are_zeros_and_the_others_as_they_were(made, n_slots):
    options = dict(training=True, seed=3, n_slots=n_slots, batch_size=60)
    (plain,) = load(made, "train", **options).take(1)
    (some,) = load(made, "train", condition_dropout=0.5, **options).take(1)
    for name in ("labels", "score"):
        has = some[f"has_{name}"].numpy()
        known = plain[f"has_{name}"].numpy()
        assert set(has) == {0, 1} and np.all(has <= known)
        shape = [-1, *[1] * (len(plain[name].shape) - 1)]
        np.testing.assert_array_equal(some[name], plain[name] * has.reshape(shape))
    for key in set(plain) - {"labels", "score", "has_labels", "has_score"}:
        np.testing.assert_array_equal(some[key], plain[key])
    least = 0 if n_slots is None else 1
    assert np.min(some["has_labels"] + some["has_score"]) == least


@one_kind
def test_labels_alone_are_never_withheld_from_conditioned_slots(made):
    options = dict(training=True, score=None, condition_dropout=1.0, batch_size=20)
    (batch,) = load(made, "train", n_slots=2, **options).take(1)
    assert np.all(batch["has_labels"] == 1)
    (batch,) = load(made, "train", **options).take(1)
    assert not np.any(batch["has_labels"]) and not np.any(batch["labels"])


def test_a_test_track_with_more_parts_than_slots_is_refused(made):
    message = "test track 01_Jupiter_vn_vc has 2 parts.*n_slots=1: choose n_slots=2"
    with pytest.raises(InputError, match=message):
        load(made, "test", n_slots=1)


@one_kind
@pytest.mark.parametrize("n_slots", [0, -1, 1.5, "two"])
def test_an_impossible_number_of_slots_is_refused(made, n_slots):
    with pytest.raises(InputError, match=f"n_slots={n_slots!r} must be a whole"):
        load(made, "test", n_slots=n_slots)


@one_kind
@pytest.mark.parametrize("dropout", [-0.1, 1.5, float("nan")])
def test_a_dropout_that_is_no_probability_is_refused(made, dropout):
    with pytest.raises(InputError, match=f"condition_dropout={dropout} is no prob"):
        load(made, "train", training=True, condition_dropout=dropout)
