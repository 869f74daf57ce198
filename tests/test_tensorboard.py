"""What TensorBoard is given: read back from the files that a training wrote."""

import io

import cv2
import numpy as np
import pytest
import soundfile as sf
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

import Utils
from Datasets import pipeline
from Fitting import examples, opening
from Learning import history, summaries
from Models import checkpoints
from tests.training_made import train

RATE = 4000


def read(folder):
    """TensorBoard's own reader of a folder of events."""
    size = {event_accumulator.TENSORS: 0}
    events = event_accumulator.EventAccumulator(str(folder), size_guidance=size)
    return events.Reload()


@pytest.fixture(scope="module")
def run(options, tmp_path_factory):
    """The folder of a run of three epochs that logs sounds every second one."""
    home = tmp_path_factory.mktemp("heard")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        words = "training.max_epochs=3", "training.log_audio_epochs=2"
        train(options, *words, "training.patience=1", "training.learning_rate=1e-9")
    return home / "runs/1"


def content(events, tag, last=True):
    """The bytes that one logging put under a tag, and its step."""
    found = events.Tensors(tag)
    event = found[-1 if last else 0]
    return tf.make_ndarray(event.tensor_proto).ravel()[0], [e.step for e in found]


def test_the_first_and_every_nth_epoch_are_heard_and_what_stays_the_same_once(run):
    events = read(run / "log")
    tags = {t for t in events.Tags()["tensors"] if t.startswith("example_")}
    sounds = {"mixture", *(f"{who}_{what}" for who in ("cl", "fl") for what in KINDS)}
    assert tags == {
        f"example_1/{s}{end}" for s in sounds for end in ("", "_spectrogram")
    }
    for tag in tags:
        steps = [4, 8] if "estimate" in tag else [4]
        assert content(events, tag)[1] == steps, tag
        told = events.SummaryMetadata(tag)
        kind = "images" if tag.endswith("spectrogram") else "audio"
        assert told.plugin_data.plugin_name == kind
        assert "03_Dance_fl_cl, from 0." in told.summary_description


KINDS = ("reference", "estimate")


def test_a_resumed_run_logs_what_stays_the_same_only_if_it_is_not_there(run, here):
    train(f"resume={run}", "training.max_epochs=4")
    events = read("runs/1/log")
    for name, steps in (("reference", [4]), ("estimate", [4, 8, 16])):
        for end in ("", "_spectrogram"):
            assert content(events, f"example_1/fl_{name}{end}")[1] == steps
    assert examples.is_logged(run / "log", "example_1/mixture")
    assert not examples.is_logged(run / "log", "example_2/mixture")
    assert not examples.is_logged(run / "nowhere", "example_1/mixture")


def window_of(options, run):
    """(model, batch): the window that is heard, and what the run kept."""
    sections = Utils.read_json(run / "config.json")
    told = [sections[key] for key in ("data", "visual", "model", "training")]
    _, _, found = opening.opened(*told)
    tiles = found["validation"].tiles()
    start = examples.middles(tiles)[0, 1]
    for batch in pipeline.evaluation_batches(found["validation"], 1):
        if batch["start"][0] == start:
            return checkpoints.load(run), batch
    raise AssertionError(start)


def test_what_is_heard_is_the_mixture_the_reference_and_the_estimate(options, run):
    events, (model, batch) = read(run / "log"), window_of(options, run)
    estimates = model(batch, training=False)["sources"][0].numpy()
    before = (model.n_in - model.n_out) // 2
    expected = {"mixture": batch["mix"][0, before : before + model.n_out].numpy()}
    for slot, who in enumerate(["cl", "fl"]):
        expected[f"{who}_reference"] = batch["sources"][0, slot].numpy()
        expected[f"{who}_estimate"] = estimates[slot]
    assert np.abs(expected["mixture"]).max() > 0.05
    for name, audio in expected.items():
        wave, _ = content(events, f"example_1/{name}", last=False)
        heard, rate = sf.read(io.BytesIO(wave), always_2d=True)
        assert rate == RATE and heard.shape == audio.shape
        np.testing.assert_allclose(heard, audio, atol=1.5 / 32768, err_msg=name)


def test_spectrograms_are_pictures_of_mel_bands_over_time(options, run):
    png, _ = content(read(run / "log"), "example_1/mixture_spectrogram")
    # TensorBoard's images are [width, height, pictures ...].
    values = tf.make_ndarray(
        read(run / "log").Tensors("example_1/mixture_spectrogram")[0].tensor_proto
    )
    pixels = cv2.imdecode(np.frombuffer(values[2], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels.shape == (summaries.MELS, 2) and pixels.max() == 255
    assert int(values[0]) == 2 and int(png) == 2


def test_the_pitch_of_a_tone_is_where_its_line_is():
    time = np.arange(RATE)[:, np.newaxis] / RATE
    tone = np.sin(2 * np.pi * 500 * time).astype(np.float32)
    low = np.sin(2 * np.pi * 100 * time).astype(np.float32)
    rows = []
    for audio in (tone, low):
        top = float(summaries.mel(audio, RATE).max())
        picture = summaries.spectrogram(audio, RATE, top)[..., 0]
        rows.append(picture[:, 8].argmax())
        assert picture.max() == 255 and picture.min() == 0
    assert rows[0] < rows[1]  # low notes below


def test_the_pace_stands_in_the_table_and_among_the_scalars(run):
    rows = history.read(run / "history.csv")
    events = read(run / "log")
    for name in history.TIMINGS:
        assert all(float(row[name]) >= 0 for row in rows)
        found = events.Tensors(f"training/{name}")
        assert [event.step for event in found] == [4, 8][: len(found)] + [12]
    assert float(rows[0]["x_real_time"]) > 0 and float(rows[0]["input_wait"]) <= 1


def test_nothing_is_written_of_steps_that_a_crash_takes_back(tmp_path):
    log = summaries.Summaries(tmp_path)
    sound = np.zeros([100, 1], np.float32)
    log.sound(1, "a/kept", sound, RATE, "", 1.0)
    log.flush()
    log.sound(2, "a/lost", sound, RATE, "", 1.0)
    log.picture(2, "a/seen", np.zeros([2, 2, 3], np.uint8), "")
    assert "a/kept" in read(tmp_path).Tags()["tensors"]
    assert len(read(tmp_path).Tags()["tensors"]) == 2


def test_a_resumed_run_has_no_step_twice_and_nothing_that_was_cut_off(tmp_path):
    log = summaries.Summaries(tmp_path / "old")
    for step in (1, 2, 3):
        log.scalars(step, loss=1.0)
    log.flush()
    (path,) = (tmp_path / "old").iterdir()
    summaries.copy(tmp_path / "old", tmp_path / "new", 2)
    assert [e.step for e in read(tmp_path / "new").Tensors("loss")] == [1, 2]
    path.write_bytes(path.read_bytes()[:-5])
    summaries.copy(tmp_path / "old", tmp_path / "again", 3)
    assert [e.step for e in read(tmp_path / "again").Tensors("loss")] == [1, 2]
    summaries.copy(tmp_path / "absent", tmp_path / "none", 3)
    assert not (tmp_path / "none").exists()


def test_the_windows_are_the_middles_of_tracks_far_apart():
    tiles = np.array([(t, 100 * k, 100) for t in range(10) for k in range(t + 1)])
    assert examples.middles(tiles).tolist() == [[2, 100, 100], [7, 300, 100]]
    assert examples.middles(tiles[:1]).tolist() == [[0, 0, 100]]


def test_slots_are_named_by_the_model_or_by_what_is_asked_of_them():
    one = {"labels": np.array([1.0, 0, 1]), "active": np.array([1, 0, 1])}
    assert examples.slots(one, ["fl", "vc", "vn"]) == {0: "fl", 2: "vn"}
    asked = np.eye(3)[[2, 2, 0]]
    one = {"labels": asked, "active": np.array([1, 1, 0])}
    assert examples.slots(one, ["fl", "vc", "vn"]) == {0: "vn", 1: "vn_2"}


def test_players_are_shown_as_frames_or_as_features_over_time():
    frames = np.zeros([2, 9, 4, 5, 3], np.uint8)
    frames[1, 8] = 200
    shown = examples.players(frames)
    assert shown.shape == (2 * 4, examples.FRAMES * 5, 3)
    assert (shown[4:, -5:] == 200).all() and not shown[:, :-5].any()
    features = np.zeros([2, 9, 6], np.float32)
    features[0, 3, 2], features[1, 4, 0] = 1.0, -1.0
    shown = examples.players(features)[..., 0]
    assert shown.shape == (2 * 7, 9)
    assert shown[2, 3] == 255 and shown[7, 4] == 0 and shown[0, 0] == 128


def test_without_a_split_or_without_the_knob_nothing_is_shown():
    assert examples.showing(None, None, None, 10, None) is None
    assert examples.showing(None, object(), None, None, None) is None
