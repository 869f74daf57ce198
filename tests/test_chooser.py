"""Which recordings and parts are drawn: by what is drawn of many examples."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from Datasets.mixtures import Chooser, Mixtures
from Datasets.windows import seed_of
from Schema import InputError

VN, VC, FL = range(3)
NAMES = ["vn", "vc", "fl"]


def drawn(mixtures, labels, counts, n_examples, of=Chooser.parts_of_solos, given=None):
    """(tracks [N, K], parts [N, K]) of examples 0, 1, ...; K must be the same."""
    chooser = Chooser(mixtures, labels, counts, NAMES, "train")

    def one(i):
        told = i if given is None else given
        return of(chooser, lambda stream: seed_of(stream, 7, i), told)

    made = tf.data.Dataset.range(n_examples).map(one).batch(n_examples)
    return [x.numpy() for x in next(iter(made))]


def test_a_remixed_ensemble_never_holds_a_stem_twice():
    labels = [[VN, VN, VC], [VN, VC]]  # too few violins for both of the first
    tracks, parts = drawn(
        Mixtures(remix=0.5), labels, [900, 900], 600, Chooser.remixed, 0
    )
    for own, part in zip(tracks == 0, parts):
        np.testing.assert_array_equal(part[own], np.arange(3)[own])
    moved = (tracks == 1).mean(axis=0)
    assert moved[1] == 0 and np.all(np.abs(moved[[0, 2]] - 0.5) < 0.08)


def test_no_recording_is_mixed_with_itself_to_get_the_same_instrument():
    labels = [[VN], [VN], [VC], [VC], [VC], [FL]]
    told = Mixtures(sources_min=2, sources_max=3, instruments="same")
    chooser = Chooser(told, labels, [900] * 6, NAMES, "train")
    for i in range(16):
        seeds = functools.partial(seed_of, seed=7, i=i)
        tracks, _ = chooser.parts_of_solos(seeds, np.int64(i))
        assert len(set(tracks.numpy())) == len(tracks)
        assert set(tracks.numpy()) <= {2, 3, 4}  # there are three cellos


def test_recordings_are_drawn_by_their_length_and_with_balance_by_instrument():
    labels, counts = [[VN], [VN], [VC]], [3000, 1000, 12000]
    for balance, wanted in ((0, [3, 1, 12]), (1, [6, 2, 8]), (0.5, [4.5, 1.5, 10])):
        told = Mixtures(sources_min=1, sources_max=1, balance=balance)
        tracks, _ = drawn(told, labels, counts, 3000)
        share = np.bincount(tracks[:, 0], minlength=3) / len(tracks)
        np.testing.assert_allclose(share, np.array(wanted) / 16, atol=0.03)


def test_where_an_ensemble_begins_says_nothing_of_what_is_put_into_it():
    labels, counts = [[VN]] * 4, [900] * 4
    told = Mixtures(remix=1.0, balance=1.0)
    asked = {"own": [], "other": []}
    chooser = Chooser(told, labels, counts, NAMES, "train")

    def seeds_of(whose):
        return lambda stream: asked[whose].append(stream) or seed_of(stream, 7, 0)

    chooser.balanced_track(seeds_of("own"), 0, lambda track, seed: track)
    chooser.remixed(seeds_of("other"), 0)
    assert not set(asked["own"]) & set(asked["other"])


def test_too_few_recordings_are_told_with_their_split():
    told = Mixtures(sources_min=2, sources_max=2, instruments="different")
    with pytest.raises(InputError, match=r"the test recordings have 1 \(vn\)"):
        Chooser(told, [[VN]], [9], NAMES, "test")
