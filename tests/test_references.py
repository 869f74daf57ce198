"""Who is to be separated of a track, and what is known of each."""

import types

import numpy as np
import pytest

from Datasets import references
from Models import telling
from Schema import InputError
from tests.sighted_made import PIECES, SOURCES, prepared, records_of
from tests.test_players_encoder import network

PIECE = "12_Spring_vn_vn_vc"


@pytest.fixture(scope="module", params=["sum", "apart"])
def track(request, tmp_path_factory):
    """(whole track, whether its parts stay apart)."""
    made = prepared(tmp_path_factory.mktemp("urmp"), request.param)
    return records_of(made).whole_track(PIECE), request.param == "apart"


def test_parts_of_one_instrument_have_numbers_where_they_stay_apart(track):
    found = references.references(track[0], SOURCES, track[1])
    names = ["vc", "vn_1", "vn_2"] if track[1] else ["vc", "vn"]
    assert [one.name for one in found] == names
    total = sum(one.audio(track[0]) for one in found)
    np.testing.assert_allclose(total, track[0]["sources"].sum(axis=0), atol=1e-6)
    assert references.in_order(["vn_2", "vc", "vn_1"], SOURCES) == [
        "vc",
        "vn_1",
        "vn_2",
    ]


def test_each_slot_is_shown_its_own_player(track):
    found = references.references(track[0], SOURCES, track[1])
    told = references.known(track[0], found, ["labels", "visual"], apart=True)
    assert told["labels"] == [one.label for one in found]
    # The features of the player of part p, counted from 1, are [12, p, frame].
    players = [[3], [1], [2]] if track[1] else [[3], [1, 2]]
    assert len(told["video"]) == len(found)
    for features, own in zip(told["video"], players):
        assert features.shape == (PIECES[PIECE][1], 3)
        np.testing.assert_allclose(features[:, 1], np.mean(own))
        np.testing.assert_allclose(features[:, 2], np.arange(1, len(features) + 1))
    seen = references.known(track[0], found, ["visual"], apart=False)["video"]
    assert seen[:, 0, 1].tolist() == [1, 2, 3]  # from left to right


class Watcher:
    """Sees in player p, from left to right: p, everywhere."""

    def __init__(self):
        self.calls = []

    def __call__(self, file, players, progress):
        self.calls.append((file, players))
        count = players or 2
        features = np.ones([count, 40, 3], np.float32)
        features *= np.arange(1, count + 1)[:, None, None]
        return types.SimpleNamespace(features=features, frames=None)

    def report(self):
        return ["seen"]


@pytest.fixture
def watcher(monkeypatch):
    made = Watcher()
    monkeypatch.setattr(telling.watching, "of", lambda *_: made)
    return made


def teller(model, pictures=True):
    return telling.Teller(model, None, lambda path: pictures, None)


def test_players_are_told_from_left_to_right_with_their_names(watcher):
    model = network("film:visual@input", "film@input", slots="conditioned")
    given = teller(model)(labels="b,a,b", video="duet.mp4")
    assert watcher.calls == [("duet.mp4", 3)]
    assert given.names == ["b_1", "a", "b_2"]
    rows = given.rows([0], model.n_in)
    assert rows["labels"].tolist() == [[[0, 1], [1, 0], [0, 1]]]
    assert rows["visual"][0, :, -1, 0].tolist() == [1, 2, 3]


def test_names_are_refused_before_a_video_is_watched(watcher):
    model = network("film:visual@input", "film@input", slots="conditioned")
    with pytest.raises(InputError, match="'c'; there are a, b"):
        teller(model)(labels="c,a", video="duet.mp4")
    blind_to_names = network("film:visual@input", slots="conditioned")
    with pytest.raises(InputError, match="not conditioned on labels"):
        teller(blind_to_names)(labels="a,b", video="duet.mp4")
    assert not watcher.calls


def test_a_video_of_its_own_that_cannot_be_watched_is_done_without(watcher):
    def fail(*_):
        raise InputError("slow.mp4 shows 10 pictures a second")

    perhaps = network("film:visual@input", null_conditions=True)
    told = (None, None, None, None, False)
    given, seen = teller(perhaps).of_file("slow.mp4", *told)
    assert seen == "slow.mp4" and given.rows([0], perhaps.n_in)["has_visual"].all()
    watcher.__class__.__call__, before = fail, watcher.__class__.__call__
    try:
        with pytest.warns(UserWarning, match="10 pictures.*the sound alone"):
            given, seen = teller(perhaps).of_file("slow.mp4", *told)
        assert seen is None and not given.rows([0], perhaps.n_in)["has_visual"].any()
        # Who names the video means it, and who must see cannot do without.
        with pytest.raises(InputError, match="10 pictures"):
            teller(perhaps).of_file("a.wav", None, "slow.mp4", None, None, False)
        with pytest.raises(InputError, match="10 pictures"):
            teller(network("film:visual@input")).of_file("slow.mp4", *told)
    finally:
        watcher.__class__.__call__ = before


def test_nobody_looks_where_the_user_says_so(watcher):
    perhaps = network("film:visual@input", null_conditions=True)
    given, seen = teller(perhaps).of_file("film.mp4", None, False, None, None, False)
    assert seen is None and not watcher.calls
    assert not given.rows([0], perhaps.n_in)["has_visual"].any()
