"""What front ends saw: kept in records, and laid beside the samples of a window."""

import numpy as np
import pytest

import Datasets
import Prepare
from Datasets import watching
from Schema import InputError
from tests.sighted_made import (
    FRAMES,
    N_IN,
    N_OUT,
    PIECES,
    RATE,
    SOURCES,
    Watcher,
    load,
    prepared,
    records_of,
)
from tests.test_records import OPTIONS, section

CONTEXT = (N_IN - N_OUT) // 2


@pytest.fixture(scope="module", params=["sum", "apart"])
def made(request, tmp_path_factory):
    """What `sighted_made.prepared` returns."""
    return prepared(tmp_path_factory.mktemp("urmp"), request.param)


# Of what does not depend on whose parts are summed, one kind of records is enough.
one_kind = pytest.mark.parametrize("made", ["apart"], indirect=True)


def seen(piece, player, frame):
    """What the front end saw of a frame of a piece, counted from 0."""
    count = PIECES[piece][1] or 0
    inside = 0 <= frame < count
    return [int(piece[:2]), player + 1, frame + 1] if inside else [0, 0, 0]


def players_of(piece, label, apart, slot):
    """Players whose part a slot holds; of several parts of one label, in order."""
    codes = piece.split("_")[2:]
    members = [k for k, code in enumerate(codes) if code == label]
    return [members[slot]] if apart else members


def check_frames(found, piece, players, first):
    for k, values in enumerate(found):
        expected = np.mean([seen(piece, p, first + k) for p in players], axis=0)
        np.testing.assert_allclose(values, expected, atol=1e-5)


def examples(made, split, **options):
    """Yields (piece, example of a batch as arrays)."""
    pieces = {t.row: t.id for t in records_of(made).tracks(split)}
    for batch in load(made, split, **options):
        arrays = {key: value.numpy() for key, value in batch.items()}
        for k, row in enumerate(arrays["track"]):
            yield pieces[int(row)], {key: value[k] for key, value in arrays.items()}


def first_of(one):
    """Number of the first frame of an example, from its clock."""
    first = (one["visual_start"] + one["start"] / RATE) * FRAMES.frame_rate
    assert abs(first - round(first)) < 1e-6
    return round(first)


@pytest.mark.parametrize("split", ["train", "test"])
def test_tokens_are_the_players_from_left_to_right(made, split):
    most = records_of(made).most_players(split)
    for piece, one in examples(made, split):
        first, codes = first_of(one), piece.split("_")[2:]
        assert one["visual"].shape == (most, FRAMES.count(N_IN, RATE), 3)
        there = PIECES[piece][1] is not None
        expected = [float(there and p < len(codes)) for p in range(most)]
        assert one["has_visual"].tolist() == expected
        for player in range(len(codes)):
            check_frames(one["visual"][player], piece, [player], first)
        assert not one["visual"][len(codes) :].any()


def test_the_frames_of_a_window_cover_its_input_and_the_reach(made):
    for _, one in examples(made, "test"):
        begin, rate = int(one["start"]) - CONTEXT, FRAMES.frame_rate
        first, count = first_of(one), len(one["visual"][0])
        assert first <= np.floor(begin / RATE * rate) - FRAMES.reach
        end = (begin + N_IN) / RATE * rate + FRAMES.reach
        assert first + count >= end - 1e-9


@pytest.mark.parametrize("training", [False, True])
def test_slots_that_follow_conditions_see_the_players_of_their_parts(made, training):
    apart, taken = made[2]["same_instrument"] == "apart", 0
    batches = examples(made, "train", n_slots=3, training=training)
    for piece, one in batches:
        taken, counts = taken + 1, {}
        first, there = first_of(one), PIECES[piece][1] is not None
        for slot in range(3):
            label = SOURCES[one["labels"][slot].argmax()]
            active = one["active"][slot] > 0
            assert one["has_visual"][slot] == float(active and there)
            if not active:
                assert not one["visual"][slot].any()
                continue
            if not apart:
                players = players_of(piece, label, False, 0)
            elif training:  # in any order: who it is, the features tell
                players = [int(one["visual"][slot][:, 1].max()) - 1]
                if players == [-1]:
                    continue
                assert piece.split("_")[2:][players[0]] == label
                audio = made[0][piece][players[0]]
                begin = int(one["start"])
                inside = slice(max(begin, 0), min(begin + N_OUT, len(audio)))
                heard = one["sources"][slot][inside.start - begin :][: len(audio)]
                heard = heard[: inside.stop - inside.start, 0]
                wanted = audio[inside, 0]
                if np.abs(wanted).max() > 1e-3:
                    gain = heard @ wanted / (wanted @ wanted)
                    np.testing.assert_allclose(heard, gain * wanted, atol=1e-4)
            else:
                nth = counts.get(label, 0)
                counts[label] = nth + 1
                players = players_of(piece, label, True, nth)
            check_frames(one["visual"][slot], piece, players, first)
        if taken == 64:
            return


def test_seats_tell_whose_features_are_whose(tmp_path, monkeypatch):
    from Datasets.chamber import corpus

    names = corpus.fabricate(
        *(tmp_path / "raw", [1, 9, 10]),
        seed=3,
        instruments=["vn"],
        parts=(3, 3),
        duplicates="allow",
        **corpus.TINY,
    )
    import Utils

    splits = tmp_path / "raw" / "splits" / "composition"
    splits.mkdir(parents=True)
    for split, name in zip(("train", "validation", "test"), names):
        (splits / f"{split}.txt").write_text(name)
        recipe = tmp_path / "raw" / name / "recipe.json"
        Utils.write_json(recipe, Utils.read_json(recipe) | {"seats": [3, 1, 2]})
    builder = Datasets.make_builder("chamber", tmp_path, sample_rate=4000)
    found = builder.inventory(tmp_path / "raw").all_tracks()
    assert [track.seated() for track in found] == [[2, 0, 1]] * 3
    parts = [("vn", [0]), ("vn", [1]), ("vn", [2])]
    told = watching.look(found[0], parts, Watcher())
    assert told["part_of_player"] == [2, 0, 1]
    assert told["has_visual"] == [0, 0, 0] and told["visual"].shape == (3, 0, 3)


def test_a_whole_track_comes_back_with_its_features(made):
    records, apart = records_of(made), made[2]["same_instrument"] == "apart"
    for piece, (_, count) in PIECES.items():
        found, codes = records.whole_track(piece), piece.split("_")[2:]
        assert found["visual"].shape == (len(codes), count or 0, 3)
        for player, features in enumerate(found["visual"]):
            check_frames(features, piece, [player], 0)
        assert found["has_visual"].tolist() == [int(count is not None)] * len(codes)
        assert found["boxes"].shape == (len(codes), count or 0, 4)
        labels = list(dict.fromkeys(codes))
        parts = [k if apart else labels.index(code) for k, code in enumerate(codes)]
        assert found["part_of_player"].tolist() == parts


def test_records_of_another_front_end_or_rate_are_others(made):
    for change in ({"front_end": "stub-11111111"}, {"visual_rate": 25.0}):
        with pytest.raises(InputError, match="stub-00000000-12.5hz"):
            Datasets.open_records("urmp", made[1], **{**made[2], **change})


def test_another_video_is_another_data_set(tmp_path):
    made = prepared(tmp_path, "apart")
    (tmp_path / "raw" / "02_Sonata_vn_vn" / "Vid_02_Sonata_vn_vn.mp4").write_bytes(b"x")
    told = section(tmp_path / "raw", tmp_path / "records", same_instrument="apart")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepare, "watcher_of", lambda visual: Watcher())
        with pytest.raises(InputError, match="other recordings"):
            Prepare.prepare(told, {"front_end": "stub"})
    assert records_of(made).visual_size == 3


def test_blind_records_give_no_features(tmp_path):
    from tests.conftest import write_piece

    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc", seconds=2.0)
    Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    split = Datasets.open_records("urmp", tmp_path / "records", **OPTIONS).splits[0]
    with pytest.raises(InputError, match="visual.front_end"):
        load((None, tmp_path / "records", OPTIONS), split)


def test_a_video_in_no_training_track_is_refused(made):
    with pytest.raises(InputError, match="no test track .* has a video"):
        load(made, "test", training=True)


@one_kind
def test_features_are_dropped_for_all_players_and_frames_alike(made):
    whole = load(made, "train", training=True, seed=3).take(30)
    fewer = load(made, "train", training=True, seed=3, visual_dropout=0.4).take(30)
    kept = []
    for one, other in zip(whole, fewer):
        np.testing.assert_array_equal(one["mix"], other["mix"])
        for full, left in zip(one["visual"].numpy(), other["visual"].numpy()):
            if not full.any():
                continue
            there = left.any(axis=(0, 1))
            np.testing.assert_allclose(left, full * there / 0.6, rtol=1e-6)
            kept += there.tolist()
    assert 0.5 < np.mean(kept) < 0.7


@one_kind
def test_withheld_videos_are_zeros_that_say_so(made):
    withheld = 0
    batches = load(made, "train", training=True, condition_dropout=0.5)
    for batch in batches.take(20):
        for visual, has in zip(batch["visual"].numpy(), batch["has_visual"].numpy()):
            withheld += not has.any()
            assert has.any() or not visual.any()
    assert 20 < withheld < 70
