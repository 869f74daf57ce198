"""Which model an ancestor's configuration means, and the command that imports it."""

import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from Models import checkpoints, tf1
from Schema import InputError
from tests.tf1_made import CONFIG, NumpyAdam, batch, fresh, tensors
from tests.tf1_made import written as made


def written(folder, **changes):
    config = {**CONFIG, "source_names": None, "num_sources": None, **changes}
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


def test_the_conditioned_vimss_is_known_by_either_key(tmp_path):
    for changes in ({"vimss_model": "cond"}, {"conditioned": True}):
        kind, options = tf1.options_of(written(tmp_path, **changes))
        assert options["fusers"] == ["outer_product@bottleneck"]
        assert not options["clip_at_test"] and not options["legacy_label_order"]
        assert len(options["source_names"]) == 13
    config = written(tmp_path, conditioned=True, legacy_label_order=True)
    assert tf1.options_of(config)[1]["legacy_label_order"]


@pytest.mark.parametrize(
    "changes, n_sources, clip",
    [
        ({"task": "multi_instrument", "num_sources": 4}, 4, True),  # f90's M6
        ({"task": "multi_instrument", "source_names": list("abcd")}, 4, True),
        ({"task": "multi_instrument"}, 13, False),
        ({"task": "voice", "num_sources": 2}, 2, True),
        ({"task": "voice"}, 2, True),
        ({"num_sources": 13}, 13, False),
        ({"vimss_model": "uncond"}, 13, False),
    ],
)
def test_sources_follow_from_the_task(changes, n_sources, clip, tmp_path):
    config = written(tmp_path, **changes)
    options = tf1.options_of(config)[1]
    assert (len(options["source_names"]), options["clip_at_test"]) == (n_sources, clip)


def test_sources_that_nothing_tells_are_asked_for(tmp_path):
    for changes in ({"num_sources": 2}, {"num_sources": 3, "task": "voice"}):
        config = written(tmp_path, **changes)
        with pytest.raises(InputError, match="lacks 'source_names'"):
            tf1.options_of(config)


def test_a_list_in_place_of_a_word_is_refused(tmp_path):
    for network in (["unet"], {"unet": 1}):
        with pytest.raises(InputError, match=f"network {re.escape(repr(network))}; t"):
            tf1.options_of(written(tmp_path, network=network))
    with pytest.raises(InputError, match="lacks 'source_names'"):
        tf1.options_of(written(tmp_path, task=["voice"]))


@pytest.mark.parametrize(
    "key, words",
    [
        ("num_layers", "num_layers must be a whole number of at least 1"),
        ("expected_sr", "sample_rate must be a whole number of at least 1"),
        ("context", "context must be True or False"),
        ("upsampling", "upsampling must be linear or learned"),
        ("source_names", "source_names must be a list of names"),
        ("model_config", "model_config must be an object"),
    ],
)
@pytest.mark.parametrize("value", ["seven", 7.5, [7]])
def test_a_value_of_another_type_is_named_with_its_file(key, words, value, tmp_path):
    prefix, config = made(tmp_path, {"global_step": np.int64(1)}, **{key: value})
    with pytest.raises(InputError) as error:
        checkpoints.import_tf1(prefix, config, tmp_path / "out")
    assert str(error.value).startswith(f"{config}: {words}")
    assert f"not {value!r}" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_configuration_of_a_sacred_run_is_understood(tmp_path):
    plain = tf1.options_of(written(tmp_path, task="voice"))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({"model_config": config, "seed": 1}))
    assert tf1.options_of(tmp_path / "run.json") == plain


def test_a_spectrogram_network_needs_its_own_knobs_only(tmp_path):
    config = {"network": "unet_spectrogram", "num_layers": 6, "expected_sr": 8192}
    config |= {"num_initial_filters": 16, "num_frames": 98560, "mono_downmix": True}
    (tmp_path / "config.json").write_text(json.dumps({**config, "task": "voice"}))
    name, options = tf1.options_of(tmp_path / "config.json")
    assert name == "spectrogram_unet" and options["legacy_fft"]
    assert options["source_names"] == ["accompaniment", "vocals"]
    assert (options["channels"], options["sample_rate"]) == (1, 8192)
    del config["num_frames"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="config.json lacks 'num_frames'"):
        tf1.options_of(tmp_path / "config.json")


# --- The command line ----------------------------------------------------------
def command_line(*words):
    return subprocess.run(
        [sys.executable, "-m", "Models.checkpoints", *map(str, words)],
        cwd=pathlib.Path(checkpoints.__file__).parents[1],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"},
    )


def test_the_command_line_says_nothing_but_what_it_did(tmp_path, capfd):
    adam = NumpyAdam(fresh())
    for seed in range(2):
        adam.step(batch(adam.model, seed))
    prefix, config = made(tmp_path, tensors(adam))
    done = command_line("import", "--config", config, prefix, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [
        "took 34 variables of the optimizer, an Adam after 2 steps",
        "left nothing",
        f"wrote {tmp_path / 'out'}",
    ]
    words = ["import", "--config", str(config), "nowhere", str(tmp_path / "x")]
    with pytest.raises(SystemExit) as end:  # a text goes to standard error
        checkpoints.main(words)
    assert end.value.code == "nowhere.index does not exist; name a checkpoint's prefix"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["file", "file/out", "/proc/nowhere/out", "x" * 300])
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_read(
    place, tmp_path
):
    (tmp_path / "file").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    out = tmp_path / place
    # Nor is there anything to read: it is the folder that is refused.
    with pytest.raises(SystemExit) as ended:
        checkpoints.main(["import", "--config", "absent", "absent", str(out)])
    told = str(ended.value)
    assert told.startswith(f"{out} cannot be a folder to write in (")
    assert "\n" not in told
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failed_import_leaves_no_folder(tmp_path):
    with pytest.raises(InputError, match="absent"):
        checkpoints.import_tf1("absent", "absent", tmp_path / "a" / "b")
    assert not any(tmp_path.iterdir())


def test_help_shows_commands_that_can_be_copied(capsys):
    for words in (["--help"], ["import", "--help"]):
        with pytest.raises(SystemExit) as ended:
            checkpoints.main(words)
        assert ended.value.code == 0
        shown = capsys.readouterr().out
        assert "python -m Models.checkpoints import --config config.json " in shown
