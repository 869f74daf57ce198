"""Pictures of players: from videos into records, and beside the samples of windows."""

import numpy as np
import pytest
import soundfile as sf
import tensorflow as tf

import Prepare
import Schema
import Test
from Datasets import media, pipeline, watching
from Models import vision
from Models.vision import pictures
from Schema import InputError
from tests.conftest import write_piece
from tests.sighted_made import (
    FRAMES,
    N_IN,
    N_OUT,
    PIECES,
    RATE,
    SOURCES,
    Pictures,
    load,
    prepared,
    read_shot,
    records_of,
    shot,
)
from tests.test_records import section
from tests.test_watching import first_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What `sighted_made.prepared` returns, of pictures."""
    return prepared(tmp_path_factory.mktemp("urmp"), "apart", Pictures)


# --- Records and windows --------------------------------------------------------------
def test_a_whole_track_comes_back_with_its_pictures(made):
    records = records_of(made)
    assert records.visual_size == [16, 16, 3]
    for piece, (_, count) in PIECES.items():
        found, players = records.whole_track(piece), len(piece.split("_")) - 2
        assert found["frames"].shape == (players, count or 0)
        assert "visual" not in found and found["boxes"].shape[1] == (count or 0)
        for p, k in np.ndindex(found["frames"].shape):
            assert found["frames"][p, k] == shot(int(piece[:2]), p, k)


def check_pictures(found, piece, player, first):
    """Compares pictures uint8 [F, H, W, 3] with those of a player from a frame on."""
    for k, picture in enumerate(found):
        frame = min(max(first + k, 0), PIECES[piece][1] - 1)
        assert read_shot(picture) == (int(piece[:2]), player, frame)


def examples(made, split, n_slots=None, **options):
    """Yields (piece, example of a batch as arrays)."""
    pieces = {t.row: t.id for t in records_of(made).tracks(split)}
    n_labels = None if n_slots is None else len(SOURCES)
    for batch in load(made, split, n_slots=n_slots, **options):
        rows = n_slots or len(SOURCES)
        Schema.check_batch(batch, N_IN, N_OUT, rows, 1, n_labels)
        arrays = {key: value.numpy() for key, value in batch.items()}
        for k, row in enumerate(arrays["track"]):
            yield pieces[int(row)], {key: value[k] for key, value in arrays.items()}


@pytest.mark.parametrize("split", ["train", "test"])
def test_windows_hold_the_pictures_of_their_frames(made, split):
    most = records_of(made).most_players(split)
    for piece, one in examples(made, split):
        codes, there = piece.split("_")[2:], PIECES[piece][1] is not None
        count = FRAMES.count(N_IN, RATE)
        assert one["frames"].shape == (most, count, 16, 16, 3)
        seen = [float(there and p < len(codes)) for p in range(most)]
        assert one["has_visual"].tolist() == seen
        for player, sees in enumerate(seen):
            if sees:
                check_pictures(one["frames"][player], piece, player, first_of(one))
            else:
                assert not one["frames"][player].any()


def test_slots_hold_the_pictures_of_the_players_of_their_parts(made):
    for piece, one in examples(made, "train", n_slots=4):
        codes, taken = piece.split("_")[2:], []
        for slot in range(4):
            active = one["active"][slot] > 0
            assert one["has_visual"][slot] == active
            if not active:
                assert not one["frames"][slot].any()
                continue
            label = SOURCES[one["labels"][slot].argmax()]
            player = read_shot(one["frames"][slot][0])[1]
            assert codes[player] == label and player not in taken
            taken.append(player)
            check_pictures(one["frames"][slot], piece, player, first_of(one))
        assert len(taken) == len(codes)


def test_a_part_of_several_players_shows_the_first(tmp_path):
    summed = prepared(tmp_path, "sum", Pictures)
    for piece, one in examples(summed, "train", n_slots=2):
        codes = piece.split("_")[2:]
        for slot in range(2):
            label = SOURCES[one["labels"][slot].argmax()]
            player = codes.index(label) if label in codes else None
            if PIECES[piece][1] is None or player is None:
                assert not one["frames"][slot].any()
                continue
            check_pictures(one["frames"][slot], piece, player, first_of(one))


def test_withheld_pictures_are_black(made):
    withheld = 0
    batches = load(made, "train", training=True, condition_dropout=0.5)
    for batch in batches.take(20):
        assert batch["frames"].dtype == tf.uint8
        for frames, has in zip(batch["frames"].numpy(), batch["has_visual"].numpy()):
            withheld += not has.any()
            assert [one.any() for one in frames] == [*(has > 0)]
    assert 20 < withheld < 70


def test_a_record_behind_the_end_of_a_video_holds_its_last_picture():
    frames = np.array([[b"a", b"b"], [b"c", b"d"]], object)
    seen = {"frames": frames, "boxes": np.zeros([2, 2, 4], np.float32)}
    cut = watching.excerpt(seen, 16000 * 100, 16000 * 110, 16000, 12.5)
    assert cut["frames"].tolist() == [b"b", b"d"] and cut["visual_first"] == 1
    held = watching.held(tf.constant([[b"b"], [b"d"]]), tf.constant(40, tf.int64), 3)
    assert held.numpy().tolist() == [[b"b"] * 3, [b"d"] * 3]


@pytest.mark.parametrize(
    "key, value, wrong",
    [
        ("frames", np.zeros([3, 2, 4, 16, 16, 3], np.float32), "is float32"),
        ("frames", np.zeros([3, 2, 4, 16, 16, 1], np.uint8), "is uint8"),
        ("frames", np.zeros([3, 4, 16, 16, 3], np.uint8), "is uint8"),
        ("has_visual", np.zeros([3, 5], np.float32), "is float32"),
        ("visual_start", np.zeros([3], np.float32), "is float32"),
        ("visual_start", None, "lacks 'visual_start'"),
    ],
)
def test_a_batch_whose_pictures_are_of_another_kind_is_refused(key, value, wrong):
    batch = {
        "mix": np.zeros([3, 9, 1], np.float32),
        "sources": np.zeros([3, 2, 9, 1], np.float32),
        "track": np.zeros([3], np.int64),
        "start": np.zeros([3], np.int64),
        "n_valid": np.zeros([3], np.int32),
        "frames": np.zeros([3, 2, 4, 16, 16, 3], np.uint8),
        "has_visual": np.zeros([3, 2], np.float32),
        "visual_start": np.zeros([3]),
    }
    batch |= {k: np.zeros([3, 2], np.float32) for k in ("active", "labels")}
    batch["has_labels"] = np.zeros([3], np.float32)
    Schema.check_batch(batch, 9, 9, 2, 1)
    batch[key] = value
    if value is None:
        del batch[key]
    with pytest.raises(InputError, match=wrong):
        Schema.check_batch(batch, 9, 9, 2, 1)


# --- Front end ------------------------------------------------------------------------
def test_a_blink_is_seen_at_the_click_that_goes_with_it(tmp_path):
    """To half a frame: a video of two flashing halves, each with clicks of its own."""
    rate, seconds, fps = 16000, 3.0, 25
    raw, piece = tmp_path / "raw", "02_Sonata_vn_vn"
    write_piece(raw, piece, seconds=seconds)
    blinks = {0: [9, 30, 51, 66], 1: [14, 40, 58]}  # numbers of frames
    film = np.full([round(seconds * fps), 48, 96, 3], 40, np.uint8)
    sound = np.full([2, round(seconds * rate)], 0.01, np.float32)
    for player, frames in blinks.items():
        for k, since in zip(frames, (0.02, 0.5, 0.98, 0.3)):  # of the frame's time
            film[k, :, 48 * player : 48 * (player + 1)] = 220
            sound[player, round((k + since) / fps * rate)] = 0.9
    media.write_video(raw / piece / f"Vid_{piece}.mp4", film, fps)
    for player, stem in enumerate(sound, start=1):
        sf.write(raw / piece / f"AuSep_{player}_vn_02_Sonata.wav", stem, rate)
    told = section(raw, tmp_path / "records", same_instrument="apart")
    seeing = {"front_end": "players_frames", "frame_rate": fps, "weights": None}
    Prepare.prepare(told, seeing)
    records = Test.open_records(told, seeing)
    assert records.visual_size == [64, 64, 3] and records.options.pictures
    windows = pipeline.Windows(
        *(records, records.splits[0], N_IN, N_OUT, ["vn"]),
        n_slots=2,
        visual=FRAMES._replace(frame_rate=float(fps)),
    )
    met = 0
    for batch in pipeline.evaluation_batches(windows, 4):
        one = {key: value.numpy() for key, value in batch.items()}
        for b, slot in np.ndindex(4, 2):
            clicks = np.flatnonzero(one["sources"][b, slot, :, 0] > 0.5) / rate
            levels = one["frames"][b, slot].mean(axis=(1, 2, 3))
            if len(clicks) and one["n_valid"][b]:
                middle = one["visual_start"][b] + (levels.argmax() + 0.5) / fps
                assert abs(clicks[0] - middle) <= 0.5 / fps + 1 / rate
                assert levels.max() > 150 and np.median(levels) < 80
                met += 1
    assert met == 7


def test_a_front_end_gives_small_pictures_of_the_players(tmp_path):
    still = np.zeros([4, 48, 96, 3], np.uint8)
    still[:, :, 48:] = [200, 40, 90]
    front_end = vision.build("players_frames", 4.0)
    seen = front_end([still], 2)
    assert front_end.size == [64, 64, 3] and seen.features is None
    assert seen.frames.shape == (2, 4) and seen.fallback == "seats"
    found = pictures.decoded(seen.frames, front_end.size)
    # A tenth of each side is the neighbour's.
    np.testing.assert_allclose(found[0, 0, 32, 20], [0, 0, 0], atol=4)
    np.testing.assert_allclose(found[1, 3, 32, 40], [200, 40, 90], atol=4)
    assert max(len(one) for one in seen.frames.ravel()) < 4096
    assert vision.rebuild(front_end.name, 4.0).name == front_end.name
    assert vision.build("players_frames", 4.0, "x.npz").name == front_end.name
    with pytest.raises(InputError, match="weights=x.npz: the image network of this"):
        vision.rebuild(front_end.name, 4.0, "x.npz")
