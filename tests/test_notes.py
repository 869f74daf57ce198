"""Notes: read, kept in the records, and laid on the frames of a track's own time."""

import math

import numpy as np
import pytest
import soundfile as sf
import tensorflow as tf

import Datasets
import Prepare
import Schema
from Datasets import notes
from Datasets.frames import Frames
from Datasets.urmp import layout
from Schema import InputError
from tests.conftest import write_piece
from tests.notes_made import (
    N_IN,
    N_OUT,
    PIECES,
    RATE,
    SCORE,
    SOURCES,
    filled,
    load,
    parts_of,
    pieces_of,
    prepared,
    some_notes,
    write_notes,
)
from tests.test_records import OPTIONS, section


@pytest.fixture(scope="module", params=["sum", "apart"])
def made(request, tmp_path_factory):
    """What `notes_made.prepared` returns."""
    return prepared(tmp_path_factory.mktemp("urmp"), request.param)


# Of what does not depend on whose parts are summed, one kind of records is enough.
one_kind = pytest.mark.parametrize("made", ["apart"], indirect=True)


def test_a_file_of_notes_is_read_in_the_order_of_onsets(tmp_path):
    (tmp_path / "n.txt").write_text("1.5\t440\t0.5\n\n 0.25 261.6  1e-1 \r\n")
    read = notes.read_notes(tmp_path / "n.txt")
    assert read.dtype == np.float64
    assert read.tolist() == [[0.25, 261.6, 0.1], [1.5, 440, 0.5]]


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_holds_no_notes(tmp_path, text):
    (tmp_path / "n.txt").write_text(text)
    assert notes.read_notes(tmp_path / "n.txt").shape == (0, 3)


@pytest.mark.parametrize(
    "line, message",
    [
        ("1.0 440", "'1.0 440' is not three finite numbers"),
        ("1.0 440 0.5 7", "not three"),
        ("1.0 A4 0.5", "'1.0 A4 0.5' is not three"),
        ("1.0 440 nan", "not three"),
        ("1.0 440 -0.5", "a duration of -0.5 does not lie between 0"),
        ("-1 440 0.5", "an onset of -1 does not lie between 0"),
        ("1.0 -440 0.5", "a frequency of -440 does not lie between 0"),
        ("1e9 440 0.5", "an onset of 1e.09 does not lie between 0 and 86400"),
    ],
)
def test_a_bad_line_is_refused_with_its_file_and_number(tmp_path, line, message):
    (tmp_path / "Notes_1.txt").write_text(f"0.1 440 0.5\n\n{line}\n")
    with pytest.raises(InputError, match=f"Notes_1.txt, line 3: .*{message}"):
        notes.read_notes(tmp_path / "Notes_1.txt")


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path):
    (tmp_path / "Notes_1.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="Notes_1.txt cannot be read as a list"):
        notes.read_notes(tmp_path / "Notes_1.txt")


@pytest.mark.parametrize("frame_rate", [1.0, 43.06640625, 100, 29.97])
@pytest.mark.parametrize("first", [-7, 0, 55])
def test_activity_is_the_share_of_each_frame_in_which_a_slot_sounds(frame_rate, first):
    values = some_notes(np.random.default_rng(first + 9), 2.0, count=30)
    slots = np.random.default_rng(1).integers(-1, 4, 30).astype(np.int32)
    outside = notes.activity(values, slots, 3, first, 80, frame_rate)
    inside = tf.function(notes.activity)(
        tf.constant(values), slots, 3, tf.constant(first), 80, frame_rate
    )
    assert outside.dtype == "float32"
    np.testing.assert_array_equal(outside, inside)
    for slot in range(3):
        expected = filled(values[slots == slot], first, 80, frame_rate)
        np.testing.assert_allclose(outside[slot], expected, atol=1e-6)
    assert np.min(outside) >= 0 and np.max(outside) <= 1


def test_activity_without_notes_is_zero():
    nothing = notes.activity(np.zeros([0, 3]), np.zeros(0, np.int32), 2, 0, 5, 10.0)
    np.testing.assert_array_equal(nothing, np.zeros([2, 5]))


@pytest.mark.parametrize("frame_rate", [43.06640625, 50, 29.97, 12.5])
@pytest.mark.parametrize("reach", [0, 3])
def test_the_frames_of_a_window_cover_its_input_whatever_its_phase(frame_rate, reach):
    frames = Frames(frame_rate, reach)
    for n_in in (1, 441, 1323, 22050):
        count = frames.count(n_in, 22050)
        assert count <= math.ceil(n_in / 22050 * frame_rate) + 1 + 2 * reach
        begin = np.arange(-3000, 3000)
        first = frames.first(begin, 22050).numpy()
        np.testing.assert_array_equal(
            first, [math.floor(b * frame_rate / 22050) - reach for b in begin]
        )
        slack = first + count - reach - (begin + n_in) / 22050 * frame_rate
        assert slack.min() > -1e-9


@pytest.mark.parametrize("values", [(0.0, 0), (-5, 0), (np.nan, 0), (9, -1), (9, 1.5)])
def test_impossible_frames_are_refused(values):
    with pytest.raises(InputError, match="frames"):
        Frames(*values).check()


@pytest.mark.parametrize("piece", PIECES)
def test_a_whole_track_comes_back_with_its_notes(made, piece):
    _, written, records, options = made
    found = Datasets.whole_track(piece, "urmp", records, **options)["notes"]
    parts = parts_of(piece, options["same_instrument"])
    assert len(found) == len(parts)
    for values, (_, players) in zip(found, parts):
        if not set(players) <= set(written[piece]):
            assert values is None
            continue
        expected = np.concatenate([written[piece][k] for k in players])
        expected = expected[np.argsort(expected[:, 0], kind="stable")]
        np.testing.assert_array_equal(values, expected)


def test_the_table_of_tracks_tells_which_have_a_score(made):
    records = Datasets.open_records("urmp", made[2], **made[3])
    tracks = [t for split in records.splits for t in records.tracks(split)]
    assert {t.id for t in tracks if t.has_score} == {
        piece for piece in PIECES if piece[:2] in ("12", "01")
    }
    assert records.most_parts("train") == (
        2 if made[3]["same_instrument"] == "sum" else 3
    )


def check_windows(made, split, batches, n_slots):
    """Compares the score of each example with the reference; returns has_score."""
    written, known, piece_of = made[1], [], pieces_of(made, split)
    for batch in batches:
        Schema.check_batch(batch, N_IN, N_OUT, n_slots, 1)
        for k, row in enumerate(batch["track"].numpy()):
            piece, score = piece_of[int(row)], batch["score"][k].numpy()
            known.append((piece, float(batch["has_score"][k])))
            if not known[-1][1]:
                assert not score.any()
                continue
            start = int(batch["start"][k])
            begin = start - (N_IN - N_OUT) // 2
            first = math.floor(begin * SCORE.frame_rate / RATE) - SCORE.reach
            at = first / SCORE.frame_rate - start / RATE
            assert abs(float(batch["score_start"][k]) - at) < 1e-12
            for slot, name in enumerate(SOURCES):
                values = [
                    note
                    for part, code in enumerate(piece.split("_")[2:], start=1)
                    if code == name
                    for note in written[piece][part]
                ]
                expected = filled(values, first, score.shape[1], SCORE.frame_rate)
                np.testing.assert_allclose(score[slot], expected, atol=1e-6)
    return known


def test_the_score_of_test_windows_lies_on_the_frames_of_the_track(made):
    known = check_windows(made, "test", load(made, "test"), len(SOURCES))
    assert len(known) > 40 and dict(known) == {"01_Jupiter_vn_vc": 1.0}


def test_the_score_of_training_windows_lies_on_the_frames_of_the_track(made):
    batches = load(made, "train", training=True, seed=2).take(15)
    known = set(check_windows(made, "train", batches, len(SOURCES)))
    # One flute of the waltz, and both violins of the sonata, have no notes.
    assert known == {(p, float(p.startswith("12"))) for p in PIECES if p[:2] != "01"}


@one_kind
def test_without_a_score_the_batches_have_no_score_and_are_the_same(made):
    plain = load(made, "train", training=True, seed=4, score=None)
    scored = load(made, "train", training=True, seed=4)
    for one, other in zip(plain.take(3), scored.take(3)):
        assert set(other) - set(one) == set(Schema.SCORE)
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


@one_kind
def test_a_batch_that_lacks_a_part_of_the_score_is_refused(made):
    batch = dict(next(iter(load(made, "test"))))
    del batch["score_start"]
    with pytest.raises(InputError, match="lacks 'score_start'"):
        Schema.check_batch(batch, N_IN, N_OUT, len(SOURCES), 1)


def test_training_on_tracks_that_have_no_score_is_refused(tmp_path):
    write_piece(tmp_path / "raw", "12_Spring_vn_vn_vc")
    Prepare.prepare(section(tmp_path / "raw", tmp_path))
    with pytest.raises(InputError, match="no train track of .* has notes for all"):
        load((None, None, tmp_path, OPTIONS), "train", training=True)


def test_a_damaged_list_of_notes_is_refused_before_any_work(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    folder = tmp_path / "raw" / "01_Jupiter_vn_vc"
    write_notes(folder, 2, [[0.5, 440, 0.2], [1.0, 440, -0.2]])
    with pytest.raises(InputError, match="Notes_2_vc_01_Jupiter.txt, line 2"):
        Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    assert not (tmp_path / "records").exists()


def test_notes_that_changed_make_the_records_stale(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    folder = tmp_path / "raw" / "01_Jupiter_vn_vc"
    write_notes(folder, 1, [[0.5, 440, 0.2]])
    Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    write_notes(folder, 1, [[0.5, 440, 0.3]])
    with pytest.raises(InputError, match="made from other recordings"):
        Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))


def test_notes_of_shared_recordings_tell_when_their_stems_sound(shared):
    track = layout.read_piece(shared / "synth_urmp_like" / "01_bwv269_fl_vn_va_vc")
    assert track.has_score
    for source in track.sources:
        audio, rate = sf.read(source.audio)
        values, n_frames = notes.read_notes(source.notes), len(audio) // (rate // 20)
        np.testing.assert_array_equal(values, np.loadtxt(source.notes))
        slots = np.zeros(len(values), np.int32)
        active = notes.activity(values, slots, 1, 0, n_frames, 20)[0].numpy()
        frames = audio[: n_frames * (rate // 20)].reshape(n_frames, -1)
        level = np.sqrt(np.mean(frames**2, axis=1))
        # The file rounds to 1 ms: a note may begin that much before the last one ends.
        total, rounding = values[:, 2].sum(), 0.001 * len(values)
        assert active.sum() / 20 == pytest.approx(total, abs=rounding)
        assert np.all(level[active == 0] < np.median(level[active == 1]))
