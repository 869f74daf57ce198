"""Config.py agrees with the constructors it feeds and with what was published."""

import ast
import importlib
import inspect
import pathlib

import pytest
from sacred import Experiment

import Config
import Models
import Schema

ROOT = pathlib.Path(Config.__file__).parent
FIXED = {"source_names", "sample_rate", "channels"}  # handed in by the verbs


def configuration(*names, **updates):
    """The evaluated configuration of all sections."""
    ex = Experiment("test", Config.INGREDIENTS, interactive=True, save_git_info=False)
    Config.attach(ex)

    @ex.main
    def main(_config):
        return Config.plain(_config)

    return ex.run(named_configs=names, config_updates=updates).result


@pytest.mark.parametrize("name", sorted(Models.MODELS))
def test_a_model_section_is_the_arguments_of_its_constructor(name):
    knobs = set(configuration(model={"name": name})["model"]) - {"name"}
    module, _, cls = Models.MODELS[name].partition(":")
    signature = inspect.signature(getattr(importlib.import_module(module), cls))
    named = {
        p.name: p.default
        for p in signature.parameters.values()
        if p.kind is not p.VAR_KEYWORD
    }
    assert knobs == set(named) - FIXED
    model = configuration(model={"name": name})["model"]
    assert {knob: model[knob] for knob in knobs} == {
        knob: named[knob] for knob in knobs
    }


def test_the_data_section_knows_every_option_of_records_with_the_same_default():
    import Datasets
    from Datasets.builder import Options

    data = configuration()["data"]
    assert {key: data[key] for key in Datasets.OPTIONS} == {
        key: getattr(Options(), key) for key in Datasets.OPTIONS
    }


@pytest.mark.parametrize("section", ["training"])
def test_every_training_knob_is_read_by_the_verb(section):
    tree = ast.parse((ROOT / "Training.py").read_text("utf-8"))
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert set(configuration()[section]) <= words


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


# Parameters of f90's Wave-U-Net and of the 2018 VIMSS, counted in TensorFlow 1.
PARAMETERS = {
    "baseline": (2, 10_263_028),
    "baseline_diff": (2, 10_263_002),
    "baseline_context": (2, 10_263_002),
    "baseline_stereo": (2, 10_263_390),
    "full": (2, 10_265_550),
    "full_44KHz": (2, 10_265_550),
    "full_multi_instrument": (4, 10_263_498),
    "baseline_comparison": (2, 20_594_652),
    "urmp": (13, 10_263_288),
    "urmp_2018": (13, 10_263_288),
}
# Samples of a mixture and of an estimate, from the same source.
LENGTHS = {
    "baseline": (16384, 16384),
    "baseline_context": (147443, 16389),
    "full_44KHz": (147443, 16389),
    "baseline_comparison": (233459, 102405),
    "urmp": (147443, 16389),
}


def build(sections, n_sources=None):
    data = sections["data"]
    names = [f"s{k}" for k in range(n_sources)] if n_sources else data["sources"]
    fixed = {key: data[key] for key in ("sample_rate", "channels")}
    return Models.build(**sections["model"], source_names=names, **fixed)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_published_runs_have_the_published_number_of_parameters(name):
    n_sources, expected = PARAMETERS[name]
    model = build(configuration(name), n_sources)
    assert model.count_params() == expected
    if name in LENGTHS:
        assert (model.n_in, model.n_out) == LENGTHS[name]


@pytest.mark.parametrize("name", sorted(Config.NAMED))
def test_the_windows_of_a_named_configuration_fit_into_its_records(name):
    sections = configuration(name, model={"num_initial_filters": 1})  # same lengths
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
