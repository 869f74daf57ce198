"""A checkpoint folder needs nothing else, survives a kill, and tells its faults."""

import json
import os
import shutil

import h5py
import keras
import numpy as np
import pytest

import Models
import Remote
from Models import checkpoints
from Schema import InputError

MIX = np.random.default_rng(0).normal(size=(1, 32, 1)).astype(np.float32)


def tiny(seed=0, num_initial_filters=2, **options):
    keras.utils.set_random_seed(seed)
    return Models.build(
        "wave_unet",
        source_names=["vc", "vn"],
        sample_rate=8000,
        channels=1,
        num_layers=2,
        num_initial_filters=num_initial_filters,
        num_frames=32,
        **options,
    )


def output(model):
    return model({"mix": MIX})["sources"].numpy()


@pytest.fixture
def saved(tmp_path):
    checkpoints.save(tmp_path / "1" / "checkpoint", tiny(), {"commit": "abc"})
    return tmp_path / "1" / "checkpoint"


def test_a_run_is_as_good_as_its_checkpoint_folder(saved):
    for folder in (saved, saved.parent, str(saved.parent)):
        np.testing.assert_array_equal(output(checkpoints.load(folder)), output(tiny()))


def test_a_loaded_checkpoint_is_not_a_fresh_model(saved):
    checkpoints.save(saved, tiny(seed=7))
    assert not np.allclose(output(checkpoints.load(saved)), output(tiny()))


def test_model_json_tells_what_one_must_know(saved):
    told = json.loads((saved / "model.json").read_text())
    assert told == checkpoints.describe(saved.parent)
    assert (told["model"], told["sample_rate"], told["channels"]) == (
        "wave_unet",
        8000,
        1,
    )
    assert told["source_names"] == ["vc", "vn"]
    assert told["extra"] == {"commit": "abc"}
    assert told["config"]["num_initial_filters"] == 2
    assert set(told["versions"]) == {"python", "tensorflow", "keras", "numpy"}


def test_the_folder_holds_two_files_and_keeps_those_of_others(saved):
    (saved / "state").write_text("of the loop")
    checkpoints.save(saved, tiny(seed=1), {"step": np.int64(5)})
    names = sorted(p.name for p in saved.iterdir())
    assert names == ["best.weights.h5", "model.json", "state"]
    assert checkpoints.describe(saved)["extra"] == {"step": 5}


def test_precision_comes_back(tmp_path):
    checkpoints.save(tmp_path, tiny(dtype="mixed_bfloat16"))
    assert checkpoints.load(tmp_path).compute_dtype == "bfloat16"


# --- Other options than the checkpoint's own ------------------------------------
def test_options_of_the_caller_replace_those_of_the_checkpoint(saved):
    model = checkpoints.load(saved, dtype="mixed_bfloat16", form="plain", num_frames=50)
    assert model.compute_dtype == "bfloat16" and model.variable_dtype == "float32"
    assert (model.form, model.num_frames) == ("plain", 50)
    told = checkpoints.describe(saved)["config"]
    assert checkpoints.load(saved).get_config() == told
    for fast, plain in zip(
        checkpoints.load(saved, form="fast").weights, tiny().weights
    ):
        np.testing.assert_array_equal(fast, plain)


def test_a_checkpoint_of_before_an_option_existed_takes_it_too(saved):
    for name in ("model.json", "best.weights.h5"):
        assert (saved / name).exists()
    edit(saved, lambda told: told["config"].pop("form"))
    assert checkpoints.load(saved).form == "auto"
    assert checkpoints.load(saved, form="plain").form == "plain"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_layers": 3}, "num_layers=3 would change the weights of "),
        ({"num_frames": 50, "filter_size": 5}, "filter_size=5 would change the weigh"),
        ({"upsampling": "learned"}, "upsampling='learned' would change the weights"),
        ({"dtype": "float64"}, "dtype='float64' would change the weights of "),
        ({"source_names": ["a"]}, r"source_names=\['a'\] would change the weights"),
        ({"from": "plain"}, "wave_unet, the .* no option 'from'; did you mean 'form'?"),
        ({"kwargs": 1}, "has no option 'kwargs'"),
        ({"form": "quick"}, "form must be auto or plain or fast, not 'quick'"),
    ],
)
def test_an_option_that_the_weights_cannot_follow_is_named(saved, options, message):
    with pytest.raises(InputError, match=message):
        checkpoints.load(saved, **options)


def test_newest_run_finds_it(saved):
    assert Remote.find_run(saved.parents[1]) == saved.parent


class Killed(BaseException):
    pass


@pytest.mark.parametrize("n_renames", [0, 1, 2])  # of the last two, weights first
def test_a_kill_leaves_the_old_or_the_new_checkpoint(saved, n_renames, monkeypatch):
    rename, done = os.replace, []

    def renaming(*paths):
        if len(done) == n_renames:
            raise Killed
        done.append(rename(*paths))

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(os, "replace", renaming)
        checkpoints.save(saved, tiny(seed=1), {"commit": "def"})
    seed, commit = (1, "def") if n_renames == 2 else (0, "abc")
    expected = output(tiny(seed=seed))
    np.testing.assert_array_equal(output(checkpoints.load(saved)), expected)
    assert checkpoints.describe(saved)["extra"] == {"commit": commit}


@pytest.mark.parametrize("keys", [["fusers"], ["fusers", "form", "legacy_label_order"]])
def test_a_kill_over_a_checkpoint_of_before_an_option_existed(saved, keys, monkeypatch):
    def renaming(aside, path, rename=os.replace):
        if path == saved / "model.json":
            raise Killed
        rename(aside, path)

    edit(saved, lambda told: [told["config"].pop(key) for key in keys])
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(os, "replace", renaming)
        checkpoints.save(saved, tiny(seed=1), {"commit": "def"})
    told = json.loads((saved / "model.json").read_text())
    assert told["extra"] == {"commit": "abc"} and "fusers" not in told["config"]
    np.testing.assert_array_equal(output(checkpoints.load(saved)), output(tiny(seed=1)))
    assert checkpoints.describe(saved)["extra"] == {"commit": "def"}


def test_an_option_that_is_absent_is_at_its_default(saved, tmp_path):
    fused = tiny(fusers=["outer_product@bottleneck"])
    other = checkpoints.save(tmp_path / "other", fused)
    shutil.copy(other / "best.weights.h5", saved)
    edit(saved, lambda told: told["config"].pop("fusers"))
    assert "does not fit the model" in refusal(saved)


def test_a_failed_save_leaves_the_old_checkpoint(saved):
    with pytest.raises(TypeError):
        checkpoints.save(saved, tiny(seed=1), {"commit": object()})
    np.testing.assert_array_equal(output(checkpoints.load(saved)), output(tiny()))
    assert len(list(saved.iterdir())) == 2


# --- Faults, each told in one sentence that names the folder --------------------
def refusal(folder, **options):
    with pytest.raises(InputError) as error:
        checkpoints.load(folder, **options)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


def test_an_absent_folder(tmp_path):
    assert "does not exist" in refusal(tmp_path / "7")


def test_a_file_in_place_of_a_folder(saved):
    assert "is not a folder" in refusal(saved / "model.json")


def test_a_folder_without_a_checkpoint(tmp_path):
    assert "holds no model.json" in refusal(tmp_path)


def test_a_checkpoint_without_weights(saved):
    (saved / "best.weights.h5").unlink()
    assert "holds no weights (best.weights.h5)" in refusal(saved)


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_weights_cut_short(saved, kept):
    path = saved / "best.weights.h5"
    data = path.read_bytes()
    path.write_bytes(data[: kept if kept > 1 else int(len(data) * kept)])
    assert "is damaged" in refusal(saved)


def test_a_single_wrong_bit_in_a_weight(saved):
    path = saved / "best.weights.h5"
    data = bytearray(path.read_bytes())
    kernel = tiny().down[0].kernel.numpy().tobytes()
    at = bytes(data).find(kernel)
    assert at > 0
    data[at + 8] ^= 1
    path.write_bytes(data)
    assert "is damaged" in refusal(saved)


def test_weights_of_another_model(saved, tmp_path):
    other = checkpoints.save(tmp_path / "other", tiny(num_initial_filters=3))
    shutil.copy(other / "best.weights.h5", saved)
    assert "does not fit the model" in refusal(saved)


def test_weights_that_no_checkpoint_holds(saved):
    tiny(seed=5).save_weights(saved / "best.weights.h5")
    assert "is damaged" in refusal(saved)
    tiny(num_initial_filters=3).save_weights(saved / "best.weights.h5")
    assert "does not fit the model" in refusal(saved)


def edit(saved, change):
    told = json.loads((saved / "model.json").read_text())
    change(told)
    (saved / "model.json").write_text(json.dumps(told))


def test_a_description_edited_by_hand_is_obeyed_or_refused(saved):
    edit(saved, lambda told: told["config"].update(source_names=["cello", "violin"]))
    assert checkpoints.load(saved).source_names == ["cello", "violin"]
    edit(saved, lambda told: told["config"].update(num_initial_filters=3))
    assert "does not fit the model" in refusal(saved)
    edit(saved, lambda told: told["config"].update(num_initial_filters=-3))
    assert "num_initial_filters must be" in refusal(saved)
    edit(saved, lambda told: told["config"].update(depth=3))
    assert "depth" in refusal(saved)
    edit(saved, lambda told: told.update(model="wave_unit"))
    for options in ({}, {"form": "plain"}):
        assert "did you mean 'wave_unet'" in refusal(saved, **options)
    edit(saved, lambda told: told.update(format=99))
    assert "update VIMSS" in refusal(saved)


@pytest.mark.parametrize("value", ["seven", 7.5, None, [7], {"a": 7}])
@pytest.mark.parametrize(
    "knob", ["num_layers", "source_names", "context", "upsampling"]
)
def test_a_value_of_another_type_is_named(saved, knob, value):
    edit(saved, lambda told: told["config"].update({knob: value}))
    told = refusal(saved)
    assert f"model.json: {knob} must be " in told and f"not {value!r}" in told


WRONG = {"format": "seven", "model": ["wave_unet"], "config": [7], "extra": "seven"}


@pytest.mark.parametrize("part, value", [*WRONG.items(), ("config", None)])
def test_a_part_of_another_type_is_named(saved, part, value):
    edit(saved, lambda told: told.update({part: value}))
    for options in ({}, {"form": "plain"}):
        told = refusal(saved, **options)
        assert f"model.json: {part} must be " in told and f"not {value!r}" in told
    edit(saved, lambda told: told.pop(part))
    assert part == "format" or f"model.json lacks {part!r}" in refusal(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": "wave_unet"}'])
def test_a_description_that_is_none(saved, text):
    (saved / "model.json").write_text(text)
    assert "model.json" in refusal(saved)


def test_a_model_that_has_no_name_is_not_saved(tmp_path):
    with pytest.raises(InputError, match="is not in Models.MODELS"):
        checkpoints.save(tmp_path / "x", keras.Sequential())
    assert not (tmp_path / "x").exists()


def test_nothing_is_pickled(saved):
    def look(name, item):
        if isinstance(item, h5py.Dataset):
            assert item.dtype.kind == "f" or name == checkpoints.COPY

    with h5py.File(saved / "best.weights.h5") as file:
        file.visititems(look)
    assert {p.suffix for p in saved.iterdir()} == {".h5", ".json"}
