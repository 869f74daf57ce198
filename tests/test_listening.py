"""What a page shows of a track: its video, on the clock of its sounds."""

import io
import types

import av
import numpy as np
import pytest
import soundfile as sf

import Datasets
import Prepare
import Utils
from Datasets import writing
from Evaluating import films, listening, material
from Schema import InputError
from Scores import film, folders
from Scores import listening as players
from tests.conftest import write_piece
from tests.test_records import OPTIONS, section
from tests.video_made import clicks, grey, write

RATE = 8000
PIECE, BLIND = "12_Spring_vn_vn_vc", "14_Waltz_fl_fl_cl"


def shown(payload):
    """(s, mean level) of each picture of a WebM, and its sound [T, C] with its rate."""
    with av.open(io.BytesIO(payload)) as container:
        pictures = [
            (frame.time, frame.to_ndarray(format="gray").mean())
            for frame in container.decode(video=0)
        ]
    with av.open(io.BytesIO(payload)) as container:
        frames = list(container.decode(audio=0))
    sound = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    layout = frames[0].layout.nb_channels
    sound = sound.reshape(-1, layout) if sound.shape[0] == 1 else sound.T
    return *np.array(pictures).T, frames[0].time, sound


@pytest.fixture(scope="module")
def blinks(tmp_path_factory):
    """A film of 9 s whose picture turns white for 0.2 s with a click, 0.35 s late."""
    path, rate = tmp_path_factory.mktemp("films") / "blink.mkv", 25
    times = np.arange(9 * rate) / rate
    white = (times >= 5.36) & (times < 5.56)
    pictures = [grey(235 if one else 16, (480, 270)) for one in white]
    sound = clicks([5.36 - 0.35], 8.5, RATE)
    return write(path, pictures, times, sound, RATE, audio_start=0.35), sound


@pytest.mark.parametrize("start, begin", [(0.0, 2.37), (1.25, 1.0), (0.0, 0.0)])
def test_pictures_and_sound_of_an_excerpt_begin_with_it(blinks, start, begin):
    path, sound = blinks
    first, stop = (round((start + at) * RATE) for at in (begin, begin + 6))
    heard = sound[first:stop, np.newaxis]
    held, lost = films.film(path, start).cut(begin, begin + 6, heard, RATE)
    times, levels, zero, found = shown(held)
    at = 5.36 - 0.35 - start - begin  # of blink and click, in the excerpt
    bright = times[levels > 120]
    assert lost is None and times[0] == 0 and zero == pytest.approx(0, abs=1e-3)
    assert bright[0] == pytest.approx(at, abs=0.5 / films.RATE + 1e-3)
    assert bright[-1] + 1 / films.RATE == pytest.approx(at + 0.2, abs=0.5 / films.RATE)
    assert np.diff(times) == pytest.approx(1 / films.RATE, abs=2e-3)
    click = np.abs(found[:, 0]).argmax() / films.OPUS_RATE
    assert click == pytest.approx(at, abs=0.003)
    assert len(found) / films.OPUS_RATE == pytest.approx(6, abs=0.01)


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """A film of 2 s of noise, the worst that there is to encode."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("films") / "noise.mkv"
    pictures = rng.integers(0, 255, (30, 224, 400, 3)).astype(np.uint8)
    return write(path, pictures, np.arange(30) / 15)


def test_an_excerpt_is_small_and_as_stereo_as_its_sound(noise):
    t = np.arange(int(1.9 * 22050)) / 22050
    sound = np.stack([0.5 * np.sin(2760 * t), 0 * t], axis=1)
    held, lost = films.cut(noise, 0.0, 0.0, 1.9, sound, 22050)
    times, _, _, found = shown(held)
    share = 1.9 / players.SECONDS
    assert len(held) < share * film.LARGEST and lost is None
    assert len(times) == round(1.9 * films.RATE)
    with av.open(io.BytesIO(held)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (films.LONGEST, 180)
        assert stream.codec_context.name in ("vp9", "libvpx-vp9")
    left, right = found.std(axis=0)
    assert left == pytest.approx(0.5 / 2**0.5, rel=0.05) and right < 0.01 * left


def test_what_is_damaged_or_ends_before_the_excerpt_is_refused_by_name(
    blinks, noise, tmp_path
):
    sound = np.zeros((RATE, 1))
    with pytest.raises(InputError, match="blink.mkv: the video ends at 8.6"):
        films.cut(blinks[0], 4.0, 6.0, 7.0, sound, RATE)
    data = noise.read_bytes()
    half = len(data) // 2
    (tmp_path / "torn.mkv").write_bytes(data[:half] + bytes(half))
    with pytest.raises(InputError, match="torn.mkv: the video is damaged or cut short"):
        films.cut(tmp_path / "torn.mkv", 0.0, 0.0, 2.0, sound, RATE)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    """What `of_run` asks of an evaluation of two pieces, one with a video."""
    home = tmp_path_factory.mktemp("urmp")
    for piece in (PIECE, BLIND):
        write_piece(home / "raw", piece, seconds=1.5)
    pictures = [grey(16, (64, 48))] * 15
    write(home / "made.mov", pictures, np.arange(15) / 10, np.zeros(RATE), RATE)
    (home / "made.mov").rename(home / "raw" / PIECE / f"Vid_{PIECE}.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepare, "watcher_of", lambda visual: None)
        Prepare.prepare(section(home / "raw", home / "records"), None)
    records = Datasets.open_records("urmp", home / "records", **OPTIONS)
    (split,) = {s for s in records.splits for t in records.tracks(s) if t.id == PIECE}
    folder = home / "runs" / "1" / "evaluation" / "urmp-composition"
    model = types.SimpleNamespace(source_names=["vn", "vc", "fl", "cl"], slots="fixed")
    tracks = material.Tracks(records, split)
    made = types.SimpleNamespace(
        records=records,
        material=tracks,
        ids=tracks.ids,
        split=split,
        folder=folder,
        model=model,
        system="net",
        raw=home / "raw",
        estimates=lambda track_id: folder / "estimates" / track_id,
    )
    for row in records.tracks(split):
        mix = records.whole_track(row.id)["mix"]
        names, rate = list(row.labels), records.sample_rate
        estimates = np.stack([mix] * len(names))
        told = made.estimates(row.id), names, estimates, mix, rate, {}
        writing.write_estimates(*told)
    return made


def videos(evaluation, raw=None):
    return {one.track: one.video for one in listening.of_run(evaluation, raw)}


def test_a_run_shows_the_video_of_the_raw_recordings(evaluation):
    found = videos(evaluation, evaluation.raw)
    path = evaluation.raw / PIECE / f"Vid_{PIECE}.mp4"
    assert found[PIECE].path == str(path) and set(found) - {PIECE} <= {BLIND}
    assert all(found[piece] is None for piece in found if piece != PIECE)
    held, _ = found[PIECE].cut(0.25, 1.25, np.zeros((RATE, 1)), RATE)
    assert len(shown(held)[0]) == films.RATE


def test_a_run_takes_the_folder_that_its_configuration_names(evaluation):
    told = evaluation.folder.parents[1] / "config.json"
    Utils.write_json(told, {"data": {"name": "urmp", "raw": evaluation.raw}})
    assert isinstance(videos(evaluation)[PIECE], film.Film)
    Utils.write_json(told, {"data": {"name": "chamber", "raw": evaluation.raw}})
    assert "data.raw=FOLDER names" in videos(evaluation)[PIECE]
    told.write_text("[")
    assert "data.raw=FOLDER names" in videos(evaluation)[PIECE]
    told.unlink()


def test_a_run_says_where_a_video_is_no_longer(evaluation, tmp_path):
    away = tmp_path / "away"
    assert videos(evaluation, away)[PIECE] == f"data.raw={away} is not there"
    write_piece(away, PIECE, seconds=1.5)
    told = f"data.raw={away} does not hold that of {PIECE}"
    assert videos(evaluation, away)[PIECE] == told
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"{empty} holds none of the" in videos(evaluation, empty)[PIECE]


def test_a_mixture_of_two_recordings_shows_neither(evaluation):
    rows = [evaluation.material.rows[name][0] for name in (PIECE, BLIND)]
    raw = films.Raw(evaluation.records, evaluation.raw)
    assert "a mixture of recordings" in raw.film(rows)
    assert raw.film(rows[1:]) is None


def test_the_one_video_beside_the_references_is_theirs(tmp_path, blinks):
    noise = np.random.default_rng(0).normal(0, 0.1, (RATE, 1))
    for home in ("reference", "estimates"):
        for track in ("a", "b", "c"):
            (tmp_path / home / track).mkdir(parents=True)
            sf.write(tmp_path / home / track / "vn.wav", noise, RATE)
    (tmp_path / "reference" / "a" / "Film.MP4").write_bytes(blinks[0].read_bytes())
    for name in ("one.mp4", "two.webm"):
        (tmp_path / "reference" / "b" / name).touch()
    pairs = folders.pairs(tmp_path / "reference", tmp_path / "estimates")
    a, b, c = (one.video for one in listening.of_pairs(pairs, "net"))
    assert a.path.endswith("Film.MP4") and c is None
    assert b == "there are one.mp4, two.webm; leave one of them beside the references"
    held, _ = a.cut(0.0, 1.0, noise, RATE)
    assert len(shown(held)[0]) == films.RATE
