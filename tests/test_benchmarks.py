"""The benchmarks compare like with like, and keep what they find."""

import json

import numpy as np
import pytest

from benchmarks import machine, precision, timing, wave_unet
from benchmarks.textbook import Textbook
from Learning.folder import commit
from Models.wave_unet import WaveUNet

SIZES = dict(num_layers=3, num_initial_filters=4, num_frames=64)
FIELDS = "ratio_to_plain fraction_of_gemm_peak x_real_time peak_rss_gib runs".split()


@pytest.mark.parametrize("fusers", [[], ["outer_product@bottleneck"]])
@pytest.mark.parametrize("training", [True, False])
def test_the_textbook_gives_what_the_model_gives(fusers, training):
    knobs = {**wave_unet.NETWORK, **SIZES, "fusers": fusers, "form": "plain"}
    model = WaveUNet(["fl", "vn", "vc"], **knobs)
    noise = np.random.default_rng(0)
    mix = noise.normal(size=[2, model.n_in, 1]).astype(np.float32)
    batch = {"mix": mix, "labels": np.float32([[1, 0, 1], [0, 1, 1]])}
    found = Textbook(model)(batch, training=training)["sources"]
    expected = model(batch, training=training)["sources"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_the_textbook_refuses_other_networks():
    with pytest.raises(ValueError, match="context"):
        Textbook(WaveUNet(["fl", "vn"], 8000, 1, **SIZES))


@pytest.mark.parametrize(
    "n, giga", [(16384, 13.4006), (65536, 26.71), (1048576, 292.99)]
)
def test_the_operations_that_are_needed_are_counted(n, giga):
    # Counted layer by layer, by hand, for the ancestors' network.
    model = wave_unet.network("", "plain")
    assert wave_unet.flops(model, n) / 1e9 == pytest.approx(giga, rel=4e-4)


RESULTS = json.loads(machine.RESULTS.read_text("utf-8"))


@pytest.mark.parametrize("key", wave_unet.KEYS)
def test_every_result_tells_its_machine(key):
    row = RESULTS[key]
    assert set(FIELDS) < set(row) and row["runs"] >= 5
    assert row["ratio_to_plain"] > 0 and 0 < row["fraction_of_gemm_peak"] < 1
    assert row["processor"] and row["tensorflow"]


def test_rows_are_stored_among_those_that_are_there(tmp_path):
    path = tmp_path / "results.json"
    machine.store({"b": {"runs": 1}, "a": {"runs": 1}}, path)
    machine.store({"b": {"runs": 2}}, path)
    assert json.loads(path.read_text()) == {"a": {"runs": 1}, "b": {"runs": 2}}


def test_functions_take_turns():
    calls = []
    functions = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = timing.alternate(functions, 2)
    assert calls == ["a", "b"] + ["a", "b"] * 2
    assert [len(seconds[name]) for name in "ab"] == [2, 2]


def test_a_misspelt_row_is_told(capsys):
    with pytest.raises(SystemExit):
        wave_unet.main(["train_step_float16"])
    assert "no row 'train_step_float16'; the rows are train_step" in (
        capsys.readouterr().err
    )


def finished(folder, precision_, seed, gain):
    path = folder / f"{precision_}-{seed}"
    path.mkdir(parents=True)
    told = {"si_sdri": gain, "minutes": 1.0, "commit": commit(precision.ROOT)}
    (path / "result.json").write_text(json.dumps(told))


@pytest.mark.parametrize("gains, alike", [((6.0, 6.4), True), ((5.0, 5.05), False)])
def test_precisions_are_compared_by_means_and_errors(
    gains, alike, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(machine, "store", lambda rows: rows)
    for seed, gain in enumerate(gains):
        finished(tmp_path, "float32", seed, 6.0 + 0.1 * seed)
        finished(tmp_path, "bfloat16", seed, gain)
    words = [str(tmp_path), str(tmp_path), "--seeds", "0", "1"]
    if alike:
        precision.main(words)
    else:
        with pytest.raises(SystemExit, match="do not train alike"):
            precision.main(words)
    assert "float32   6.05 +- 0.05 dB" in capsys.readouterr().out


def test_a_result_of_another_commit_is_done_again(tmp_path, monkeypatch):
    verbs = []
    printed = "SI-SDR above the mixture: 7.00 dB, mean of all sources"
    monkeypatch.setattr(
        precision, "run", lambda verb, *words: verbs.append(verb) or printed
    )
    finished(tmp_path, "float32", 1, 6.0)
    assert precision.improvement(tmp_path, tmp_path, "float32", 1)[0] == 6.0
    path = tmp_path / "float32-1" / "result.json"
    path.write_text(path.read_text().replace('"commit": "', '"commit": "another '))
    assert precision.improvement(tmp_path, tmp_path, "float32", 1)[0] == 7.0
    assert verbs == ["Training.py", "Evaluate.py"]
    assert json.loads(path.read_text())["commit"] == commit(precision.ROOT)
