"""Mixtures of two solos, and the rows that stand beside a model."""

import types

import numpy as np
import pytest

from Datasets.records import TrackRow
from Evaluating import asking, material, rows
from Schema import InputError

RATE, SECONDS = 11025, 20.0


class Solos:
    """Records of four solos, each a ramp: sample k of solo i is i + k / 1e6."""

    folder = "records/music"
    failures = {"broken": "no sound"}
    options = types.SimpleNamespace(visual_rate=8.0)

    def __init__(self, seen=False):
        self._seen = seen

    def tracks(self, split):
        n_time = round(RATE * SECONDS)
        labels = {"a": "violin", "b": "flute", "c": "tuba", "d-_1": "violin"}
        return [
            TrackRow(name, row, n_time, (label,), "file", False, 1, self._seen)
            for row, (name, label) in enumerate(labels.items())
        ]

    def whole_track(self, name):
        row = next(row for row in self.tracks("test") if row.id == name)
        audio = row.row + np.arange(row.n_time, dtype=np.float32)[:, None] / 1e6
        track = {"id": name, "mix": audio, "sources": audio[None]}
        track |= {"labels": list(row.labels), "notes": [None], "sample_rate": RATE}
        if self._seen:
            frames = np.arange(round(SECONDS * 8), dtype=np.float32)
            track["visual"] = np.full([1, len(frames), 2], row.row, np.float32)
            track["visual"][0, :, 1] = frames
            track |= {"has_visual": np.ones(1), "part_of_player": np.zeros(1, int)}
        return track


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("# mine\na b\nc d-_1\na gone\n")
    return path


def test_a_pair_is_the_middle_of_both_at_half(listed):
    pairs = material.Pairs(Solos(), "test", listed)
    assert pairs.ids == ["a+b", "c+d-_1"]
    assert pairs.told == "Pairs found: 2 of 3. Missing: gone."
    track = pairs.track("c+d-_1")
    assert track["labels"] == ["tuba", "violin"] and track["mix"].shape == (65535, 1)
    begin = round((RATE * SECONDS - 65535) / 2)
    wanted = (2 + begin / 1e6) / 2
    assert track["sources"][0, 0, 0] == pytest.approx(wanted, abs=1e-6)
    np.testing.assert_allclose(track["mix"], track["sources"].sum(axis=0))
    assert [row.id for row in pairs.rows["a+b"]] == ["a", "b"]


def test_players_of_a_pair_are_seen_from_the_frame_at_which_it_begins(listed):
    track = material.Pairs(Solos(seen=True), "test", listed).track("a+b")
    first = int((SECONDS - 65535 / RATE) / 2 * 8)
    assert track["visual"].shape == (2, 49, 2)  # 5.94 s at 8 Hz, and one more
    np.testing.assert_array_equal(track["visual"][:, 0], [[0, first], [1, first]])
    assert track["part_of_player"].tolist() == [0, 1] and track["has_visual"].all()
    begins = round(first / 8 * RATE)  # the sound begins with that frame
    assert track["sources"][0, 0, 0] == pytest.approx(begins / 2e6, abs=1e-7)


def test_the_list_that_is_shipped_is_of_pairs_that_differ():
    pairs = material.read_pairs(material.PAIRS)
    assert len(pairs) == 256 == len({frozenset(pair) for pair in pairs})
    assert len({one for pair in pairs for one in pair}) == 60
    assert all(len(one) == 11 for pair in pairs for one in pair)  # ids of YouTube


def test_records_without_a_pair_of_the_list_are_refused(tmp_path):
    with pytest.raises(InputError, match="none of the 256 pairs.*evaluation.pairs"):
        material.Pairs(Solos(), "test")
    path = tmp_path / "pairs.txt"
    path.write_text("a b c\n")
    with pytest.raises(InputError, match="two ids a line, found 'a b c'"):
        material.read_pairs(path)
    with pytest.raises(InputError, match="absent.txt cannot be read"):
        material.read_pairs(tmp_path / "absent.txt")


def test_tracks_say_what_was_left_out():
    assert material.Tracks(Solos(), "test").told == (
        "Tracks found: 4. Left out when the records were made: broken."
    )


def test_a_swapped_video_is_that_of_the_next_player_or_of_another_track():
    video = np.arange(6).reshape(3, 2, 1)
    told = {"labels": ["vn"], "video": video}
    other = np.full([1, 5, 1], 9)
    found = rows.swapped(told, True, None)
    assert found["labels"] == ["vn"]
    np.testing.assert_array_equal(found["video"], video[[2, 0, 1]])
    alone = rows.swapped({"video": video[:1]}, True, lambda: other)["video"]
    assert alone.shape == (1, 2, 1) and (alone == 9).all()
    long = rows.swapped({"video": np.zeros([1, 12, 1])}, False, lambda: video)["video"]
    assert long.shape == (3, 12, 1) and long[0, :4, 0].tolist() == [0, 1, 0, 1]


def section(**changes):
    usual = dict(conditions=None, oracles=[], ablations=[], wiener_iterations=0)
    return usual | dict(pairs=None, engine="fast", silence=None) | changes


def test_the_protocol_follows_the_data_set_unless_one_is_named():
    names = {
        name: asking.asked(section(), None, name).protocol.name
        for name in ("urmp", "musdb18", "musdb18_hq", "music", None)
    }
    assert list(names.values()) == [
        *("urmp-v4", "musdb-v4", "musdb-v4", "music-2mix-v3", "urmp-v4")
    ]
    assert asking.asked(section(), "ancestor-v3", "music").protocol.name == (
        "ancestor-v3"
    )
    assert asking.asked(section(silence="source")).protocol.silence == "source"


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(wiener_iterations=-1), "wiener_iterations=-1 must be 0 or more"),
        (dict(engine="slow"), "evaluation.engine=slow: there are fast, museval"),
        (dict(engine="museval", silence="source"), "museval knows no"),
        (dict(silence="maybe"), "silence='maybe' must be one of"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        asking.asked(section(**changes))


def test_an_ablation_needs_something_to_take_away():
    assert rows.ablations_named(["zero labels"], ["labels"]) == ["zero labels"]
    with pytest.raises(InputError, match="'zero video', but the model is given labels"):
        rows.ablations_named(["zero video"], ["labels"])
    with pytest.raises(InputError, match="did you mean 'swapped video'"):
        rows.ablations_named(["swaped video"], ["visual"])


def test_slots_without_names_are_put_to_the_source_that_they_are_nearest_to():
    rng = np.random.default_rng(0)
    references = rng.normal(size=[2, 400, 1])
    made = {
        "vn": 0.01 * rng.normal(size=[400, 1]),
        "vc": references[0] + 0.2 * rng.normal(size=[400, 1]),
        "fl": 3 * references[1],
    }
    found = rows.in_best_order(["vn", "vc"], references, made)
    assert list(found) == ["vn", "vc", "slot 1"]
    for name, slot in (("vn", "vc"), ("vc", "fl"), ("slot 1", "vn")):
        np.testing.assert_array_equal(found[name], made[slot])
