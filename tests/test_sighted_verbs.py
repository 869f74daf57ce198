"""Players through every verb: watched, trained on, scored, separated, muxed."""

import av
import numpy as np
import pytest
import soundfile as sf

import Config
import Evaluate
import Prepare
import Remote
import Test
import Training
import Utils
from Datasets import media
from Datasets.video import VideoReader
from Models import checkpoints
from Schema import InputError
from tests.test_conditioned_verbs import QUICK, command, refusal
from tests.video_made import write

DUET = ["chamber_tiny", "data.duplicates=always", "data.same_instrument=apart"]
DUET += ["data.train_pieces=1", "data.min_parts=2", "data.video=True"]
DUET += ["visual.front_end=players_gesture"]
SEES = "model.fusers=['film@bottleneck','film:visual@decoder']"
SLOTS = ["model.slots=conditioned", "model.output_type=direct"]
SLOTS += ["model.null_conditions=True", "training.condition_dropout=0.3"]
pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with records of filmed duets, and what Prepare said."""
    where = tmp_path_factory.mktemp("sighted")
    places = [f"data.records={where / 'records'}", f"data.raw={where / 'corpus'}"]
    command(Prepare, *DUET, *places)
    return where


@pytest.fixture(scope="module")
def run(home):
    argv = ["Training.py", "with", *DUET, f"data.records={home / 'records'}"]
    argv += [SEES, *SLOTS, *QUICK, "-F", str(home / "runs")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", argv[:1])
        trained = Config.command_line(Training.ex, True, argv, Training.refuse)
    assert np.isfinite(trained.result)
    return Remote.find_run(home / "runs")


def filmed(home):
    """The film of the test piece."""
    return next(sorted((home / "corpus").glob("*_*"))[-1].glob("Vid*"))


def test_a_checkpoint_tells_what_saw_its_players(run):
    config = checkpoints.describe(run)["config"]
    assert config["front_end"].startswith("players_gesture-")
    assert config["visual_rate"] == 15.0 and config["visual_size"] == 319


def test_a_loss_is_measured_on_what_was_seen(run):
    assert np.isfinite(command(Test, f"run={run}").result)


def test_two_players_of_one_instrument_are_scored_apart(run):
    options = [f"run={run}", "evaluation.workers=1", "evaluation.wiener_iterations=1"]
    more = "evaluation.ablations=['zero labels','zero video','swapped video']"
    assert np.isfinite(command(Evaluate, *options, more).result)
    folder = next((run / "evaluation").glob("*"))
    assert "The model is given: labels, visual." in (folder / "results.md").read_text()
    rows = (folder / "results.csv").read_text()
    assert "wave_unet,vn_1" in rows and "wave_unet,vn_2" in rows
    # The rows of the model deprived of something are not those of the model.
    changed = ("", "-zero_labels", "-zero_video", "-swapped_video", "-Wiener_filter_x1")
    files = [
        next((folder / "scores" / f"wave_unet{c}").rglob("*.json")) for c in changed
    ]
    told = {str(Utils.read_json(file)["targets"]) for file in files}
    assert len(told) == len(changed) and "wave_unet, zero labels" in (
        folder / "results.md"
    ).read_text().replace("\\", "")


def test_what_each_condition_is_worth_is_a_table(run, capsys):
    argv = ["Evaluate.py", "conditions", "with", f"run={run}", "evaluation.workers=1"]
    gains = Config.command_line(Evaluate.ex, argv=argv).result
    said = capsys.readouterr().out
    # Its slots follow names or players, so it is never blind; names alone do not tell
    # two of one instrument apart.
    assert len(gains) == 2 and "blind" not in said
    assert "video " in said and "labels, video" in said


def predict(*words):
    import Predict

    return command(Predict, *words)


def test_a_video_is_separated_player_by_player(run, home):
    output, video = home / "players", filmed(home)
    predict(f"run={run}", f"input={video}", "players=2", f"output={output}")
    files = sorted(path.name for path in output.iterdir())
    names = ["player_1", "player_2"]
    assert files == sorted(f"{n}.{end}" for n in names for end in ("mp4", "wav"))
    length = len(media.read_audio(video)[0])
    for name in names:
        assert sf.info(output / f"{name}.wav").frames == length
        with av.open(str(output / f"{name}.mp4")) as shown, av.open(str(video)) as film:
            assert shown.streams.video[0].frames == film.streams.video[0].frames
        sound = media.read_audio(output / f"{name}.mp4")[0]
        assert len(sound) >= length


def test_sound_and_video_may_be_two_files(run, home):
    video = filmed(home)
    mix = next(video.parent.glob("AuMix*"))
    options = [f"run={run}", f"input={mix}", f"video={video}", "labels=vn,vn"]
    predict(*options, f"output={home / 'two'}")
    wavs = {path.stem: sf.read(path)[0] for path in (home / "two").glob("*.wav")}
    assert sorted(wavs) == ["vn_1", "vn_2"]
    assert np.abs(wavs["vn_1"] - wavs["vn_2"]).max() > 0
    # Who is named is seen alike from Python, from left to right.
    audio, rate = sf.read(mix, dtype="float32", always_2d=True)
    import Predict

    found = Predict.Predictor(run).separate(audio, rate, "vn,vn", video)
    for name, wanted in wavs.items():
        np.testing.assert_allclose(found[name][:, 0], wanted, atol=1e-6)


def test_without_a_video_a_checkpoint_that_may_do_without_goes_by_names(run, home):
    mix = next(filmed(home).parent.glob("AuMix*"))
    predict(f"run={run}", f"input={mix}", "labels=vn", f"output={home / 'heard'}")
    assert [path.name for path in (home / "heard").iterdir()] == ["vn.wav"]


@pytest.mark.parametrize(
    "words, told",
    [
        (["labels=vn,vn,vn", "players=2"], "are 3 names for players=2"),
        (["players=0"], "players=0: expected a whole number from 1"),
        (["players=two"], "players='two': expected a whole number from 1"),
        (["players=True"], "players=True: expected a whole number from 1"),
        (["video=False", "players=2"], "there is no video in which to see them"),
        (["labels=vln,vn"], "no source is called 'vln'"),
        (["weights=net.npz"], "weights=net.npz: players_gesture has no image network"),
    ],
)
def test_what_a_film_does_not_show_is_refused(run, home, capsys, words, told):
    import Predict

    options = [f"run={run}", f"input={filmed(home)}", f"output={home / 'none'}"]
    assert told in refusal(capsys, Predict, *options, *words)
    assert not (home / "none").exists()


def test_a_corrupt_video_is_named_and_leaves_nothing(run, home, tmp_path, capsys):
    import Predict

    video = filmed(home)
    data = video.read_bytes()
    broken = tmp_path / "cut.mp4"
    broken.write_bytes(data[: len(data) // 3])
    mix = next(video.parent.glob("AuMix*"))
    options = [f"run={run}", f"input={mix}", f"video={broken}", "players=2"]
    assert "cut.mp4" in refusal(capsys, Predict, *options, f"output={tmp_path / 'o'}")
    assert not (tmp_path / "o").exists()


def test_nobody_in_the_picture_is_a_fallback_that_is_named(home, tmp_path):
    grey = [np.full((120, 160, 3), 90 + k % 20, np.uint8) for k in range(45)]
    write(tmp_path / "grey.mp4", grey, np.arange(45) / 15)
    watcher = Prepare.watcher_of(
        {"front_end": "players_gesture", "frame_rate": 15.0, "weights": None}
    )
    seen = watcher(tmp_path / "grey.mp4", 2)
    assert seen.fallback == "seats" and np.isfinite(seen.features).all()
    assert any("fallback: seats" in line for line in watcher.report())
    assert watcher(tmp_path / "grey.mp4").fallback == "scene"


def test_features_faster_than_the_video_are_refused(home):
    watcher = Prepare.watcher_of(
        {"front_end": "players_motion", "frame_rate": 25.0, "weights": None}
    )
    assert VideoReader(filmed(home)).info.rate == 15
    with pytest.raises(InputError, match="shows 15 pictures a second"):
        watcher(filmed(home), 2)


def test_records_without_features_are_asked_for_by_name(home, capsys):
    words = [*DUET, f"data.records={home / 'records'}", SEES, *SLOTS]
    words += ["visual.frame_rate=12.0"]
    said = refusal(capsys, Training, *words, observed=True, check=Training.refuse)
    assert "players_gesture" in said and "15hz" in said


def test_processes_that_watch_ahead_see_what_one_sees_and_name_what_fails(
    home, tmp_path, monkeypatch
):
    from Models.vision import watching

    films = sorted((home / "corpus").glob("*_*/Vid*"))[:2]
    how = ("players_motion", 15.0, None)
    section = dict(zip(("front_end", "frame_rate", "weights"), how))
    alone, watcher = Prepare.watcher_of(section), Prepare.watcher_of(section)
    monkeypatch.setattr(watching, "JOBS", 1)
    jobs = [(str(film), 2) for film in films]
    (tmp_path / "no.mp4").write_bytes(b"no video")
    bad = str(tmp_path / "no.mp4"), 2
    with watching.ahead(watcher, [*jobs, bad]) as ahead:
        assert isinstance(ahead, watching.Ahead) and ahead.size == alone.size
        for film, players in jobs:
            found, wanted = ahead(film, players), alone(film, players)
            np.testing.assert_array_equal(found.features, wanted.features)
            np.testing.assert_array_equal(found.boxes, wanted.boxes)
        with pytest.raises(InputError, match="no.mp4"):
            ahead(*bad)
    assert list(watcher.report()) == list(alone.report())
