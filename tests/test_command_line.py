"""The command line: what is typed counts, and errors are one sentence."""

import errno
import json
import os
import pathlib
import subprocess
import sys

import pytest
from sacred import Experiment

import Config
import Utils
from Schema import InputError

ROOT = pathlib.Path(Config.__file__).parent
pytestmark = pytest.mark.usefixtures("here")


def verb(main=lambda _config: Config.plain(_config), ingredients=None, **scope):
    """An experiment as a verb makes it; its main returns the configuration."""
    ex = Experiment(
        "Verb",
        ingredients=Config.INGREDIENTS if ingredients is None else ingredients,
        interactive=True,
        save_git_info=False,
    )
    Config.attach(ex)
    ex.add_config({"seed": 1, **scope})
    ex.main(main)
    return ex


def everything(data, model, training, evaluation, _config):
    return Config.plain(_config)


def run(line, ex=None, **options):
    ex = ex or verb(everything)
    return Config.command_line(ex, argv=["Verb.py", *line.split()], **options)


def refusal(line, capsys, ex=None, status=1, **options):
    """What standard error says when a command line is refused."""
    with pytest.raises(SystemExit) as error:
        run(line, ex, **options)
    assert error.value.code == status
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and text.startswith("Verb.py: "), text
    return text.removeprefix("Verb.py: ").strip()


REFUSED = {
    "with model.num_layer=3": (
        "model.num_layer=3: there is no such option; did you mean model.num_layers?"
    ),
    "with num_layers=3": "num_layers=3: there is no such option; did you mean model.nu",
    "with modle.num_layers=3": "there is no such option; did you mean model.num_layers",
    "with data.train_pieces=3": "there is no such option with data.name=urmp",
    "with chamber data.pieces=3": "data.pieces=3: there is no such option; did you",
    "with model.name=other model.num_layers=3": "model.name=other: there is no model",
    "with urpm": "urpm: there is no such named configuration; did you mean urmp?",
    "with model.num_layers=abc": "model.num_layers=abc: expected a whole number",
    "with model.num_layers=2.5": "model.num_layers=2.5: expected a whole number",
    "with model.num_layers=True": "model.num_layers=True: expected a whole number",
    "with model.num_layers=None": "model.num_layers=None: expected a whole number",
    "with model.context=1": "model.context=1: expected True or False",
    "with model.legacy_label_order=1": "model.legacy_label_order=1: expected True or",
    "with model.fusers=labels": "model.fusers=labels: expected a list",
    "with training.warm_start=3": "training.warm_start=3: expected text, or None",
    "with unet_spectrogram model.context=True": (
        "model.context=True: there is no such option with model.name=spectrogram_unet"
    ),
    "with cexp_label": "there is no such named configuration; did you mean cexp_labels",
    "with data.sources=fl,vn": "data.sources=fl,vn: expected a list",
    "with training.gradient_clip=x": "training.gradient_clip=x: expected a number, or",
    "with data.raw=3": "data.raw=3: expected text, or None",
    "with data=3": "data=3: data is a section",
    "print_confg": "print_confg: there is no such command; did you mean print_config?",
    "model.num_layers=3": "options follow the word `with`",
    "--nonsense": "cannot understand `--nonsense`",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_mistake_is_refused_in_one_sentence_that_names_it(line, capsys):
    assert REFUSED[line] in refusal(line, capsys)


def test_values_of_the_right_type_are_taken():
    config = run("with training.gradient_clip=None data.window_seconds=3").result
    assert config["training"]["gradient_clip"] is None
    assert config["data"]["window_seconds"] == 3


def test_what_is_typed_wins_over_named_configurations_and_the_last_of_them_wins():
    config = run("with urmp_2018 baseline_comparison model.num_layers=10").result
    assert config["model"]["num_layers"] == 10
    assert config["model"]["num_initial_filters"] == 34
    assert config["data"]["splits"] == "vimss"
    assert config["training"]["batch_size"] == 4
    assert config["training"]["loss"] == "sum_square"


def test_named_configurations_work_in_a_verb_without_all_sections():
    ex = verb(lambda data: Config.plain(data), [Config.data])
    assert run("with urmp_2018", ex).result["splits"] == "vimss"


@pytest.mark.parametrize("ingredients", [[Config.data], None])
def test_an_option_that_the_verb_does_not_use_is_refused(ingredients, capsys):
    ex = verb(lambda data: None, ingredients)
    assert "would have no effect" in refusal("with model.num_layers=3", capsys, ex)


def test_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/musician")
    assert run("with data.raw=~/URMP").result["data"]["raw"] == "/home/musician/URMP"


def test_help_shows_the_words_of_the_verb_and_the_named_configurations(capsys):
    for line in ("help", "--help"):
        assert run(line) is None
        text = capsys.readouterr().out
        assert text.startswith("The command line: what is typed counts")
        assert "chamber_demo" in text and "print_config" in text and "-F" in text


def failing(error):
    def main():
        raise error

    return verb(main)


def test_errors_of_the_user_are_a_sentence_without_traceback(capsys):
    assert (
        refusal("", capsys, failing(InputError("x.wav is empty"))) == "x.wav is empty"
    )
    full = OSError(errno.ENOSPC, "No space left on device", "records/x")
    assert "records/x: the disk is full" in refusal("", capsys, failing(full))
    denied = PermissionError(errno.EACCES, "Permission denied", "records")
    assert "records: Permission denied" in refusal("", capsys, failing(denied))
    hdf5 = OSError("Unable to write (errno = 28, error message = 'No space left')")
    assert "the disk is full" in refusal("", capsys, failing(hdf5))


@pytest.mark.parametrize("error", [KeyError("bug"), ValueError("bug"), OSError("bug")])
def test_a_bug_keeps_its_traceback(error):
    with pytest.raises(type(error), match="bug"):
        run("", failing(error))


def test_debug_keeps_every_traceback():
    with pytest.raises(InputError):
        run("--debug", failing(InputError("x")))


def test_an_interruption_ends_with_status_130(capsys):
    assert refusal("", capsys, failing(KeyboardInterrupt()), 130) == "interrupted"


def test_an_observed_verb_fills_a_run_folder_and_another_does_not():
    config = run("with urmp", observed=True).result
    stored = json.loads(pathlib.Path("runs/1/config.json").read_text("utf-8"))
    assert stored == config
    run("", observed=True)
    run("-F elsewhere", observed=True)
    run("print_config", observed=True)
    run("--unobserved", observed=True)
    run("")
    assert sorted(p.name for p in pathlib.Path("runs").glob("[0-9]*")) == ["1", "2"]
    assert os.listdir("elsewhere/1")


def test_the_sources_of_all_rooms_are_kept_with_a_run():
    run("", observed=True)
    kept = {p.name.rpartition("_")[0] for p in pathlib.Path("runs/_sources").iterdir()}
    assert {"Config", "Training", "pipeline", "loop", "wave_unet"} <= kept


def test_a_run_folder_that_cannot_be_written_is_a_sentence(capsys):
    pathlib.Path("file").write_text("")
    assert "file/runs: Not a directory" in refusal(
        "-F file/runs", capsys, observed=True
    )


def trained(folder, **data):
    """A run folder as far as the command line looks into it."""
    model = {"extra": {"data": {**data}}}
    Utils.write_json(f"{folder}/checkpoint/model.json", model)


def reader(**scope):
    return verb(lambda data, run: (run, Config.plain(data)), run=None, **scope)


def test_a_verb_with_run_takes_the_data_section_of_that_run():
    trained("runs/1", name="urmp", records="there", sample_rate=8000)
    trained("runs/2", name="urmp", records="here", sample_rate=4000)
    run_, data = run("with run=runs/1", reader()).result
    assert (run_, data["records"], data["sample_rate"]) == ("runs/1", "there", 8000)
    assert data["excerpt_seconds"] == 40.0
    run_, data = run("with data.records=mine", reader()).result
    assert (run_, data["records"], data["sample_rate"]) == ("runs/2", "mine", 4000)
    assert run("with run=runs/1/checkpoint", reader()).result[1]["sample_rate"] == 8000
    assert run("with run=runs/1 full_44KHz", reader()).result[1]["sample_rate"] == 44100


def test_another_data_set_does_not_inherit_the_options_of_the_stored_one():
    trained("runs/1", name="chamber", train_pieces=3, sample_rate=8000)
    assert run("", reader()).result[1]["train_pieces"] == 3
    for line in ("with data.name=urmp", "with urmp"):
        data = run(line, reader()).result[1]
        assert "train_pieces" not in data and data["sample_rate"] == 22050


def test_a_verb_with_run_but_without_data_still_starts_from_the_newest_run():
    trained("runs/3", name="urmp", sample_rate=8000)
    ex = verb(lambda run: run, [], run=None)
    assert run("", ex).result == "runs/3"


def test_without_any_run_print_config_still_works_and_a_wrong_run_is_named(capsys):
    assert run("", reader()).result[0] is None
    assert "runs/7 holds no checkpoint" in refusal("with run=runs/7", capsys, reader())


def everything_and_resume(data, model, training, evaluation, resume, _config):
    return Config.plain(_config)


def resumer():
    return verb(everything_and_resume, resume=None)


def test_resume_starts_from_the_configuration_of_a_run_and_options_override():
    run("with chamber_tiny seed=7 training.batch_size=3", resumer(), observed=True)
    config = run("with resume=runs/1 training.max_epochs=9", resumer()).result
    before = json.loads(pathlib.Path("runs/1/config.json").read_text("utf-8"))
    before["training"]["max_epochs"], before["resume"] = 9, "runs/1"
    assert config == before


def test_a_resumed_run_of_another_model_keeps_the_other_sections():
    run("with unet_spectrogram_l1", resumer(), observed=True)
    config = run("with resume=runs/1 cexp_labels", resumer()).result
    assert config["model"]["fusers"] == ["outer_product@bottleneck"]
    assert "frame_length" not in config["model"]
    assert config["training"]["loss"] == "magnitude_absolute"


def test_a_run_to_resume_that_is_not_there_is_named(capsys):
    assert "runs/9/config.json does not exist" in refusal(
        "with resume=runs/9", capsys, resumer()
    )


def test_the_real_verb_refuses_a_misspelt_option_before_tensorflow_is_imported():
    line = [sys.executable, "-X", "importtime", "Training.py"]
    done = subprocess.run(
        [*line, "with", "model.num_layer=3"], cwd=ROOT, capture_output=True, text=True
    )
    said = [row for row in done.stderr.splitlines() if "import time:" not in row]
    assert said == ["Training.py: " + REFUSED["with model.num_layer=3"]]
    assert done.returncode == 1 and not done.stdout
    assert "tensorflow" not in done.stderr
