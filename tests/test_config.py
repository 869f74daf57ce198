"""Config.py agrees with the constructors it feeds and with what was published."""

import ast
import importlib
import inspect
import pathlib
import re

import pytest
from sacred import Experiment

import Config
import Models
import Schema
from tests.named_published import (
    LENGTHS,
    PARAMETERS,
    READS,
    SEEN,
)

ROOT = pathlib.Path(Config.__file__).parent
FIXED = {"source_names", "sample_rate", "channels"}  # handed in by the verbs
FIXED |= {"visual_size", "visual_rate", "front_end", "frame_weights"}  # of the data


def configuration(*words):
    """The configuration that a command line with these words leads to."""
    ex = Experiment("test", Config.INGREDIENTS, interactive=True, save_git_info=False)
    Config.attach(ex)

    @ex.main
    def main(data, visual, model, training, evaluation, _config):
        return {section: Config.plain(_config[section]) for section in Config.SECTIONS}

    argv = ["Verb.py", "with", *words] if words else ["Verb.py"]
    return Config.command_line(ex, argv=argv).result


@pytest.mark.parametrize("name", sorted(Models.MODELS))
def test_a_model_section_is_the_arguments_of_its_constructor(name):
    model = configuration(f"model.name={name}")["model"]
    knobs = set(model) - {"name"}
    module, _, cls = Models.MODELS[name].partition(":")
    signature = inspect.signature(getattr(importlib.import_module(module), cls))
    named = {
        p.name: p.default
        for p in signature.parameters.values()
        if p.kind is not p.VAR_KEYWORD
    }
    assert knobs == set(named) - FIXED
    assert {knob: model[knob] for knob in knobs} == {
        # Configurations have lists, which no default of a function should be.
        knob: list(named[knob]) if isinstance(named[knob], tuple) else named[knob]
        for knob in knobs
    }


def test_the_data_section_knows_every_option_of_records_with_the_same_default():
    import Datasets
    from Datasets.options import Options

    told = Datasets.options_of(configuration()["data"])
    assert told == {key: getattr(Options(), key) for key in told}
    # The others belong to data sets that say so.
    assert set(Datasets.OPTIONS) - set(told) == {"label_map", "pattern"}


def test_every_training_knob_is_read_by_the_verb():
    names = ("Training.py", "Test.py", "Learning/knobs.py")
    files = [*(ROOT / name for name in names), *ROOT.glob("Fitting/*.py")]
    nodes = [node for f in files for node in ast.walk(ast.parse(f.read_text("utf-8")))]
    words = {node.value for node in nodes if isinstance(node, ast.Constant)}
    assert set(configuration()["training"]) <= words


def test_optional_knobs_exist_and_the_others_are_not_none():
    sections = configuration()
    none = {
        f"{section}.{key}"
        for section in Config.SECTIONS
        for key, value in sections[section].items()
        if value is None
    }
    assert none <= set(Config.OPTIONAL)
    for key in Config.OPTIONAL:
        section, _, last = key.rpartition(".")
        assert not section or last in sections[section], key


@pytest.mark.parametrize("name", sorted(Config.NAMED))
def test_print_config_takes_every_named_configuration(name, capsys):
    ex = Experiment("test", Config.INGREDIENTS, interactive=True, save_git_info=False)
    Config.attach(ex)
    ex.main(lambda: None)
    Config.command_line(ex, argv=["Test.py", "print_config", "with", name])
    assert "model:" in capsys.readouterr().out


def build(sections, n_sources=None):
    data, seen = sections["data"], sections["visual"]
    names = [f"s{k}" for k in range(n_sources)] if n_sources else data["sources"]
    fixed = {key: data[key] for key in ("sample_rate", "channels")}
    if seen["front_end"]:
        fixed |= {"visual_size": SEEN, "visual_rate": seen["frame_rate"]}
    return Models.build(**sections["model"], source_names=names, **fixed)


def test_every_named_configuration_of_full_size_is_in_these_tables():
    ours = {"chamber_demo", "chamber_filmed", "chamber_twins", "chamber_tiny"}
    assert set(PARAMETERS) == set(LENGTHS) == set(Config.NAMED) - ours


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_named_model_has_the_published_parameters_and_lengths(name):
    n_sources, expected = PARAMETERS[name]
    model = build(configuration(name), n_sources)
    assert model.count_params() == expected
    assert (model.n_in, model.n_out) == LENGTHS[name]
    keys = {"mix", *READS.get(name, ["labels"] if "labels" in name else [])}
    assert set(model.batch_keys) == keys


def test_cexp_without_a_residual_has_the_published_parameters():
    model = build(configuration("urmp", "cexp_labels", "model.output_type=direct"))
    assert model.count_params() == 15_654_674


@pytest.mark.parametrize("name", sorted(Config.NAMED))
def test_the_windows_of_a_named_configuration_fit_into_its_records(name):
    sections = configuration(name, "model.num_initial_filters=1")  # same lengths
    model, data = build(sections), sections["data"]
    assert model.n_in <= data["window_seconds"] * data["sample_rate"]
    assert data["window_seconds"] < data["excerpt_seconds"]


def test_the_2018_vimss_is_as_it_was():
    sections = configuration("urmp_2018")
    assert sections["data"]["sources"] == list(Schema.INSTRUMENTS)
    assert sections["data"]["splits"] == "vimss"
    training = sections["training"]
    assert training["steps_per_epoch"] * training["max_epochs"] == 200_000
    assert (training["learning_rate"], training["learning_rate_decay"]) == (1e-5, 0.96)
    assert (training["loss"], training["batch_size"]) == ("sum_square", 64)
    assert training["gradient_clip"] is None


def test_the_demo_net_has_about_a_million_parameters():
    assert 0.5e6 < build(configuration("chamber_demo")).count_params() < 2e6


def test_chamber_has_knobs_that_urmp_lacks():
    chamber, urmp = configuration("chamber")["data"], configuration()["data"]
    assert set(urmp) < set(chamber)
    assert {"train_pieces", "seconds", "video"} <= set(chamber) - set(urmp)


# --- Compositions -------------------------------------------------------------
@pytest.mark.parametrize("data", ["urmp", "urmp_2018", "chamber", "chamber_demo"])
def test_cexp_is_the_model_of_a_data_set_told_who_plays(data):
    alone, told = configuration(data), configuration(data, "cexp_labels")
    assert told == configuration("cexp_labels", data)  # in any order
    assert told["model"].pop("fusers") == ["outer_product@bottleneck"]
    assert alone["model"].pop("fusers") == []
    if data == "chamber_demo":  # nothing else changes, the training least of all
        assert told["model"]["num_layers"] == 7
    assert told == alone


@pytest.mark.parametrize("name", ["unet_spectrogram", "unet_spectrogram_l1"])
@pytest.mark.parametrize("before", ["baseline_comparison", "urmp", "cexp_labels"])
def test_another_model_inherits_no_knob_of_the_one_named_before_it(name, before):
    both, alone = configuration(before, name), configuration(name)
    assert both["model"] == alone["model"]
    assert both["model"] == configuration("model.name=spectrogram_unet")["model"]
    assert both["data"] == alone["data"]
    back = configuration(name, before)
    assert back["model"] == configuration(before)["model"]


def test_a_typed_model_name_silences_the_named_model_but_not_its_training():
    typed = configuration("urmp", "model.name=spectrogram_unet", "model.num_layers=4")
    default = configuration("model.name=spectrogram_unet")
    assert typed["model"] == {**default["model"], "num_layers": 4}
    assert typed["training"] == configuration("urmp")["training"]


def test_the_spectrogram_unet_and_its_rival_read_the_same_records():
    rival = configuration("baseline_comparison")
    for name, loss in (
        ("unet_spectrogram", "mean_square"),
        ("unet_spectrogram_l1", "magnitude_absolute"),
    ):
        sections = configuration(name)
        assert sections["data"] == rival["data"]
        assert sections["training"] == {**rival["training"], "loss": loss}


def test_every_published_run_is_headed_by_its_command():
    files = [f.name for f in sorted((ROOT / "Console").glob("*.py"))]
    text = "".join((ROOT / "Console" / f).read_text("utf-8") for f in files)
    for name in Config.NAMED:
        before = text[
            : re.search(rf'\n    "{name}": [{{cs]', text).start()
        ].splitlines()
        heading = []
        while before[-1].startswith("    # "):
            heading.insert(0, before.pop())
        assert re.search(rf"python Training\.py with (\w+ )*{name}\b", "".join(heading))
