"""The corpus on disk: URMP's layout, exact sums, resumable, reproducible."""

import json
import os
import pathlib
import subprocess
import sys

import av
import numpy as np
import pytest
import soundfile as sf

from Datasets.chamber import corpus, processes, recording, roster
from Datasets.notes import activity, read_notes
from Datasets.urmp import layout
from Schema import InputError

pytest.importorskip("tinysoundfont", reason="the optional synthesizer is not installed")
QUIET = corpus.TINY | {"progress": False, "workers": 0}


def made(folder, numbers=(1,), seed=0, **options):
    """Fabricates, and gives the pieces' folders."""
    names = corpus.fabricate(folder, numbers, seed=seed, **QUIET | options)
    return [pathlib.Path(folder) / name for name in names]


def contents(piece):
    return {p.name: p.read_bytes() for p in sorted(piece.iterdir())}


def stems_of(piece):
    """int16 [S, T]."""
    paths = sorted(piece.glob("AuSep_*.wav"))
    return np.stack([sf.read(path, dtype="int16")[0] for path in paths])


def test_the_layout_is_read_by_the_real_urmp_code(tmp_path):
    for number, piece in zip((1, 9, 123), made(tmp_path, (1, 9, 123))):
        track = layout.read_piece(piece)
        assert piece.name.startswith(f"{number:02d}_")
        assert [s.label for s in track.sources] == piece.name.split("_")[2:]
        assert track.mix and all(s.notes and s.f0 for s in track.sources)
        assert (track.sample_rate, track.n_time) == (16000, 48000)
        for source in track.sources:
            notes, f0 = np.loadtxt(source.notes, ndmin=2), np.loadtxt(source.f0)
            assert notes.shape[1] == 3 and f0.shape == (300, 2)
            np.testing.assert_allclose(np.diff(f0[:, 0]), 0.01, atol=1e-9)
            for onset, hertz, duration in notes:
                inside = (f0[:, 0] > onset + 0.1) & (f0[:, 0] < onset + duration - 0.01)
                assert np.all(np.abs(1200 * np.log2(f0[inside, 1] / hertz)) < 60)


def test_score_activity_says_when_the_fundamental_frequency_is_known(tmp_path):
    for piece in made(tmp_path, (1, 2)):
        for source in layout.read_piece(piece).sources:
            notes, f0 = read_notes(source.notes), np.loadtxt(source.f0)
            slots = np.zeros(len(notes), np.int32)
            # Frames of 10 ms around the times at which the frequency is written.
            first = -0.5 + 100 * f0[0, 0]
            active = activity(notes, slots, 1, first, len(f0), 100)[0].numpy()
            known = f0[:, 1] > 0
            assert np.all(known[active == 1]) and not np.any(known[active == 0])
            assert known.any() and not known.all()


def test_the_mixture_is_the_sum_of_the_stems_sample_for_sample(tmp_path):
    for piece in made(tmp_path, range(1, 5)):
        mix, _ = sf.read(next(piece.glob("AuMix_*.wav")), dtype="int16")
        total = stems_of(piece).sum(axis=0, dtype=np.int64)
        np.testing.assert_array_equal(mix, total)
        assert 2000 < np.abs(total).max() < 32000
        assert sf.info(next(piece.glob("AuMix_*.wav"))).subtype == "PCM_16"


def test_parts_have_equal_level_while_they_play_unless_asked_otherwise(tmp_path):
    def levels(piece):
        found = []
        for i, stem in enumerate(stems_of(piece), start=1):
            notes = np.loadtxt(next(piece.glob(f"Notes_{i}_*")), ndmin=2)
            held = np.zeros(len(stem), bool)
            for onset, _, duration in notes:
                held[int(onset * 16000) : int((onset + duration) * 16000)] = True
            found.append(10 * np.log10(np.mean(stem[held].astype(float) ** 2)))
        return np.ptp(found)

    numbers = range(1, 6)
    assert max(map(levels, made(tmp_path / "a", numbers))) < 0.3
    free = made(tmp_path / "b", numbers, equal_level=False)
    assert np.median([levels(piece) for piece in free]) > 1.0


def test_stems_have_noise_floors_of_their_own(tmp_path):
    stems = stems_of(made(tmp_path)[0])[:, :400].astype(float)  # before the first note
    assert np.all(stems.std(axis=1) > 1) and np.all(stems.std(axis=1) < 40)
    assert np.abs(np.corrcoef(stems)[0, 1]) < 0.3


def test_the_same_seed_gives_the_same_bytes_and_another_gives_another(tmp_path):
    film = {"video": True, "size": (128, 72)}
    first = made(tmp_path / "a", (2, 3), **film)
    second = made(tmp_path / "b", (3,), **film)  # other pieces before do not matter
    assert contents(first[1]) == contents(second[0])
    other = made(tmp_path / "c", (3,), seed=1)[0]
    assert stems_of(other).tobytes() != stems_of(second[0]).tobytes()


def test_the_video_changes_nothing_in_the_sound(tmp_path):
    (with_video,) = made(tmp_path / "a", (5,), video=True, size=(128, 72))
    (without,) = made(tmp_path / "b", (5,))
    sound = {
        k: v
        for k, v in contents(with_video).items()
        if not k.endswith((".mp4", "json"))
    }
    assert sound == {k: v for k, v in contents(without).items() if k != "recipe.json"}


def test_names_are_known_without_rendering(tmp_path):
    options = {"instruments": ["fl", "tpt", "vn", "vc"], "parts": (2, 4)}
    options["duplicates"] = "never"
    names = corpus.pieces([3, 1], seed=4, **options)
    assert [p.name for p in made(tmp_path, [3, 1], seed=4, **options)] == names


def test_the_video_has_the_size_rate_and_length_asked_for(tmp_path):
    (piece,) = made(tmp_path, video=True, frame_rate=12, size=(160, 96), seconds=2.0)
    with av.open(str(next(piece.glob("Vid_*.mp4")))) as container:
        stream = container.streams.video[0]
        shown = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
        assert float(stream.average_rate) == 12 and stream.codec_context.name == "h264"
        assert len(container.streams.audio) == 1
    assert np.shape(shown) == (24, 96, 160, 3)
    assert np.abs(np.diff(np.array(shown, int), axis=0)).max() > 40


def test_finished_pieces_are_kept(tmp_path):
    (first,) = made(tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in first.iterdir()}
    pieces = made(tmp_path, (2, 1))
    assert pieces[1] == first and pieces[0].is_dir()
    assert before == {p.name: p.stat().st_mtime_ns for p in first.iterdir()}


def test_an_interruption_leaves_no_half_piece(tmp_path, monkeypatch):
    real = recording._write_table

    def interrupted(path, rows):
        if path.name.startswith("Notes_2") and "_02_" in path.name:
            raise KeyboardInterrupt
        real(path, rows)

    monkeypatch.setattr(recording, "_write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, (1, 2, 3))
    assert os.listdir(tmp_path) == [corpus.pieces([1], seed=0)[0]]
    monkeypatch.undo()
    resumed = made(tmp_path, (1, 2, 3))
    whole = made(tmp_path / "whole", (1, 2, 3))
    assert [contents(p) for p in resumed] == [contents(p) for p in whole]


@pytest.mark.parametrize(
    "options", [{"seed": 1}, {"seconds": 4.0}, {"sample_rate": 8000}, {"parts": (2, 2)}]
)
def test_a_folder_of_other_pieces_is_refused(tmp_path, options):
    (piece,) = made(tmp_path)
    before = contents(piece)
    with pytest.raises(InputError, match=f"{piece.name}.*{list(options)[0]}"):
        made(tmp_path, (1, 2), **options)
    assert contents(piece) == before and len(os.listdir(tmp_path)) == 1


def test_a_real_urmp_folder_is_refused(tmp_path):
    (tmp_path / "01_Jupiter_vn_vc").mkdir()
    with pytest.raises(InputError, match="01_Jupiter_vn_vc"):
        made(tmp_path)


@pytest.mark.parametrize(
    "option, value",
    [("seconds", 0.2), ("sample_rate", 100), ("size", (99, 80)), ("frame_rate", 0)],
)
def test_impossible_recordings_are_refused(tmp_path, option, value):
    with pytest.raises(InputError, match=option):
        made(tmp_path, **{option: value})
    assert not os.listdir(tmp_path)


def test_the_hard_variant_draws_its_seats_and_tells(tmp_path):
    seats = []
    for piece in made(tmp_path, range(1, 9), duplicates="always", parts=(3, 3)):
        seats.append(json.loads((piece / "recipe.json").read_text())["seats"])
        assert sorted(seats[-1]) == [1, 2, 3]
    assert len({tuple(s) for s in seats}) > 2


# The package's own __init__ would import TensorFlow: slow, and not tested here.
SCRIPT = """
import sys, types
sys.path.insert(0, {root!r})
sys.modules["Datasets"] = types.ModuleType("Datasets")
sys.modules["Datasets"].__path__ = [{root!r} + "/Datasets"]
from Datasets.chamber import corpus
options = dict(seed=0, workers=2, progress=False)
corpus.fabricate({folder!r}, [1, 2, 3], **options, **corpus.TINY)
open({folder!r} + "/runs", "a").write("x")
"""


def test_workers_write_the_same_bytes_even_for_a_script_without_a_guard(tmp_path):
    shared = tmp_path / "workers"
    shared.mkdir()
    root = str(pathlib.Path(corpus.__file__).parents[2])
    script = SCRIPT.format(folder=str(shared), root=root)
    (tmp_path / "script.py").write_text(script)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, str(tmp_path / "script.py")]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    assert (shared / "runs").read_text() == "x"  # nobody ran the script again
    for piece in made(tmp_path / "alone", (1, 2, 3)):
        assert contents(shared / piece.name) == contents(piece)


def test_an_error_of_a_worker_reaches_the_caller(tmp_path):
    recipe = dict(seed=0, seconds=3.0, instruments=("nose",), parts=(2, 2))
    recipe |= dict(duplicates="allow", sample_rate=16000, video=False, frame_rate=15)
    recipe = recording.Recipe(**recipe, size=(64, 64), equal_level=True, compass=12)
    with pytest.raises(InputError, match="'nose'"):
        processes.run(tmp_path, [1, 2], recipe, 2, lambda: None)
    assert not os.listdir(tmp_path)


def test_streams_of_stages_and_numbers_are_apart():
    draws = [
        roster.stream(seed, number, stage).random()
        for seed in (0, 1)
        for number in (1, 2)
        for stage in roster.STAGES
    ]
    assert len(set(draws)) == len(draws)
