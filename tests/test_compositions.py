"""Named configurations together: the last name of a section counts."""

import json
import pathlib

import pytest

from tests.test_command_line import everything, refusal, run, verb

pytestmark = pytest.mark.usefixtures("here")


def test_a_named_configuration_of_another_model_leaves_the_rest_of_it():
    config = run("with baseline_comparison unet_spectrogram seed=3").result
    model = run("with model.name=spectrogram_unet").result["model"]
    assert config["model"] == model and "context" not in model
    assert config["data"]["window_seconds"] == 29.0
    assert config["training"]["batch_size"] == 4
    # What is typed names the last: nothing of urmp's model is left, but its training.
    config = run("with urmp model.name=spectrogram_unet model.num_layers=5").result
    assert config["model"] == {**model, "num_layers": 5}
    assert config["training"]["loss"] == "sum_square"
    # A configuration without a name changes whichever model was chosen.
    pathlib.Path("wide.json").write_text('{"model": {"num_initial_filters": 40}}')
    for name in ("unet_spectrogram", "urmp"):
        for line in (f"with {name} wide.json", f"with wide.json {name}"):
            config = run(line).result
            assert config["model"]["num_initial_filters"] == 40


def test_a_file_may_name_a_model_and_a_data_set_too(capsys):
    file = {"model": {"name": "spectrogram_unet", "num_layers": 3}, "seed": 5}
    pathlib.Path("mine.json").write_text(json.dumps(file))
    config = run("with chamber_tiny mine.json").result
    assert config["model"]["num_layers"] == 3 and config["data"]["name"] == "chamber"
    assert config["seed"] == 5
    config = run("with mine.json chamber_tiny").result
    assert config["model"]["name"] == "wave_unet" and config["seed"] == 5
    pathlib.Path("list.json").write_text("[1]")
    assert "list.json does not hold a configuration" in refusal(
        "with list.json", capsys
    )


def test_compositions_of_one_experiment_do_not_remember_each_other():
    ex = verb(everything)
    lines = ["with urmp unet_spectrogram", "with chamber_demo urmp", "with urmp_2018"]
    first = [run(line, ex).result for line in lines]
    for config, line in zip(first, lines):
        other = run(line).result
        assert {**config, "seed": 0} == {**other, "seed": 0}
    assert "train_pieces" not in first[1]["data"]
    assert first[1]["data"]["sample_rate"] == 22050
