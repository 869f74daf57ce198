"""Which devices a run gets, and what is said of those that are not there."""

import functools
import importlib
import json
import types

import numpy as np
import pytest
import tensorflow as tf

import Config
import Training
import Utils
from Fitting import keeping
from Models import devices, running
from Schema import InputError
from tests.test_conformance import tiny


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No TF_CONFIG, no TPU, and nothing chosen before."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)
    devices.strategy.cache_clear()
    yield
    devices.strategy.cache_clear()


def of_two(index, **task):
    hosts = ["one:2222", "two:2222"]
    told = {"type": "worker", "index": index, **task}
    return json.dumps({"cluster": {"worker": hosts}, "task": told})


@pytest.mark.parametrize("word", ["auto", "cpu"])
def test_on_a_machine_with_a_cpu_alone_nothing_is_spread(word):
    assert devices.strategy(word) is tf.distribute.get_strategy()
    assert devices.use_one(word).num_replicas_in_sync == 1


@pytest.mark.parametrize(
    "word, said",
    [
        ("cpus", "devices=cpus: did you mean cpu"),
        ("gpu:a", "devices=gpu:a: choose auto, cpu"),
        ("cpu:0", "devices=cpu:0: choose"),
        ("workers:2", "devices=workers:2: choose"),
        ("gpu", "devices=gpu: TensorFlow finds no GPU here; .* devices=cpu"),
        ("tpu", "no TPU 'local' is found .*docs/launch.md"),
        ("workers", "devices=workers needs TF_CONFIG.*index"),
        ("cpu:64", "devices=cpu:64 must be chosen before TensorFlow computes"),
    ],
)
def test_devices_that_are_not_there_are_refused_by_name(word, said):
    tf.config.list_logical_devices()  # TensorFlow has begun
    with pytest.raises(InputError, match=said):
        devices.strategy(word)


def test_gpus_are_chosen_by_number(monkeypatch):
    there, seen = ["GPU a", "GPU b"], []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: there)
    monkeypatch.setattr(
        tf.config, "set_visible_devices", lambda some, kind: seen.append(some)
    )
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: seen[-1])
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda some: some)
    one = tf.distribute.get_strategy()
    assert devices.strategy("gpu:1") is one and seen[-1] == ["GPU b"]
    assert devices.strategy("auto") == there == devices.strategy("gpu:1,0")
    assert devices.use_one("auto") is one and seen[-1] == ["GPU a"]
    with pytest.raises(InputError, match="devices=gpu:5: there is no GPU 5, only 0, 1"):
        devices.strategy("gpu:5")


def test_a_tpu_is_one_that_is_named_or_stands_here(monkeypatch, tmp_path):
    assert not devices.has_tpu(tmp_path)
    (tmp_path / "accel0").touch()
    library = types.SimpleNamespace(find_spec=lambda name: None)
    monkeypatch.setattr(devices.importlib, "util", library)
    assert not devices.has_tpu(tmp_path)  # nothing here drives it
    library.find_spec = lambda name: name == "libtpu"
    assert devices.has_tpu(tmp_path)
    monkeypatch.setenv("TPU_NAME", "far")
    with pytest.raises(InputError, match="no TPU 'far' is found"):
        devices.strategy("auto")


def test_a_tpu_computes_in_bfloat16_unless_told_otherwise(monkeypatch):
    assert devices.dtype_of("auto") == "float32"
    monkeypatch.setattr(devices, "kind", lambda: "TPU")
    assert devices.dtype_of("auto") == "mixed_bfloat16"
    assert devices.dtype_of("float32") == "float32"


@pytest.mark.parametrize("size, sizes", [(6, "4 or 8"), (3, "4"), (10, "8 or 12")])
def test_a_batch_that_devices_cannot_share_is_refused_with_sizes_that_they_can(
    size, sizes
):
    four = types.SimpleNamespace(num_replicas_in_sync=4)
    said = f"training.batch_size={size} cannot be shared by 4 devices: choose {sizes},"
    with pytest.raises(InputError, match=said):
        devices.check_batch(size, four)
    devices.check_batch(8, four)


@pytest.mark.parametrize(
    "word, found, said",
    [
        ("cpu:2", None, "or fewer devices, as devices=cpu$"),
        ("gpu:1,3", None, "or fewer devices, as devices=gpu:1$"),
        ("gpu", None, "or fewer devices, as devices=gpu:0$"),
        ("auto", "gpu", "or fewer devices, as devices=gpu:0$"),
        ("auto", "workers", "or list fewer workers in TF_CONFIG$"),
        ("tpu:mine", None, "or a smaller TPU$"),
    ],
)
def test_fewer_devices_are_advised_of_the_kind_that_was_asked_for(
    word, found, said, monkeypatch
):
    monkeypatch.setattr(devices, "_found", lambda told: found)
    two = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(devices, "strategy", functools.cache(lambda word: two))
    with pytest.raises(InputError, match=f"choose 2 or 4, {said}"):
        devices.choose_strategy(3, word)


# --- Several processes ----------------------------------------------------------
def test_tf_config_says_which_of_the_processes_this_is():
    assert Utils.place("") is None
    assert Utils.place(of_two(1)) == (1, 2)
    cluster = {"worker": ["a:1", "b:1"], "chief": ["c:1"]}
    for kind, index, place in (("chief", 0, (0, 3)), ("worker", 1, (2, 3))):
        task = {"type": kind, "index": index}
        assert Utils.place(json.dumps({"cluster": cluster, "task": task})) == place


@pytest.mark.parametrize(
    "text, said",
    [
        ("{cluster", "is not JSON"),
        ("[1]", "has no cluster"),
        ('{"cluster": {"ps": ["a:1"]}}', "has 'ps' in its cluster"),
        ('{"cluster": {"worker": ["a"]}}', "needs a list of HOST:PORT for its worker"),
        ('{"cluster": {"worker": ["a:1"]}}', "does not say which task this is"),
        (of_two(2), "has index=2 of 2 workers"),
        (of_two("0"), "has index='0' of 2 workers"),
    ],
)
def test_a_damaged_tf_config_is_shown_beside_a_sound_one(text, said, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=said) as error:
        devices.strategy("auto")
    assert "TF_CONFIG=" + text[:20] in str(error.value)
    assert '"task": {"type": "worker", "index": 0}' in str(error.value)


def test_processes_that_would_train_each_for_itself_are_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", of_two(0))
    with pytest.raises(InputError, match="lists 2 processes, of which devices=cpu"):
        devices.choose_strategy(4, "cpu")


def test_the_chief_alone_keeps_a_folder(monkeypatch, here):

    monkeypatch.setattr(
        Training, "kept", lambda home, *_: (Config.pathlib.Path(home) / "x").touch()
    )
    for index, kept in ((1, False), (0, True)):
        monkeypatch.setenv("TF_CONFIG", of_two(index))
        told = ["Training.py", "-F", "runs"]
        Config.command_line(Training.ex, observed=True, argv=told)
        assert (here / "runs" / "1" / "x").exists() == kept
        assert (here / "runs").exists() == kept


def test_the_end_of_another_process_is_told_in_one_sentence(monkeypatch):
    class Several:
        pass

    def lose():
        raise tf.errors.UnavailableError(None, None, "worker 1 is silent\nmore")

    with pytest.raises(tf.errors.UnavailableError):
        with keeping.together(tf.distribute.get_strategy()):
            lose()
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", Several)
    with pytest.raises(InputError, match="gone .Unavailable.*resume=FOLDER"):
        with keeping.together(Several()):
            lose()


# --- One device of a strategy ---------------------------------------------------
def test_a_strategy_of_one_device_separates_as_no_strategy_does():
    model, batch = tiny("wave_unet")
    expected = running.Runner(model)._call({"mix": batch["mix"]})
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        found = running.Runner(model)._call({"mix": batch["mix"]})
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("verb", ["Training", "Test", "Evaluate", "Predict"])
def test_every_verb_that_computes_takes_devices(verb, capsys):
    ex = importlib.import_module(verb).ex
    argv = [f"{verb}.py", "print_config", "with", "devices=cpu"]
    Config.command_line(ex, argv=argv)
    assert "devices = 'cpu'" in capsys.readouterr().out
    assert "devices" in ex.commands["main"].signature.arguments
