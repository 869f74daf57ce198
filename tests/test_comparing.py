"""Runs compared by the verb: what is read, and what is refused."""

import json

import numpy as np
import pytest

import Config
import Evaluate
from Scores import score_track, store
from tests.test_folders import RATE, sources


def scored(folder, noise, tracks=8, seconds=2.0):
    """Score files of estimates that are `noise` worse than the sources."""
    folder.mkdir(parents=True)
    for k in range(tracks):
        truth = np.stack(list(sources(k, seconds=seconds).values()))[..., None]
        more = np.stack(list(sources(k + 50, seconds=seconds).values()))[..., None]
        made = truth + noise * (1 + 0.1 * k) * more
        scores = score_track(truth, made, ["vn", "vc"], RATE)
        store.write(folder / f"{k}.json", scores, {"track": str(k)})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    for run, noise in (("1", 0.3), ("2", 0.6)):
        scored(home / run / "evaluation/urmp-x-test/scores/wave_unet/test", noise)
        (home / run / "config.json").write_text("{}")
    scored(home / "1" / "evaluation/urmp-x-test/scores/ideal_ratio_mask/test", 0.1, 1)
    return home


def compare(*runs, out, fails=False):
    argv = ["Evaluate.py", "compare", "with", f"runs={[str(r) for r in runs]}"]
    argv.append(f"output={out}")
    if not fails:
        return Config.command_line(Evaluate.ex, argv=argv).result
    with pytest.raises(SystemExit):
        Config.command_line(Evaluate.ex, argv=argv)
    return None


def test_a_better_run_is_told_from_a_worse_one(home, here, capsys):
    compare(home / "1", home / "2", out=here / "out")
    table = (here / "out" / "comparison.md").read_text("utf-8")
    assert "real" in table and "8" in table
    assert str(home / "1") in capsys.readouterr().out
    # Twice the noise is 6.02 dB less, on every track.
    same = compare(home / "1" / "evaluation/urmp-x-test/scores/wave_unet/test",
                   home / "2", out=here / "out")  # fmt: skip
    whole = [d for d in same if d.metric == "SI-SDR" and d.source == "vn"]
    assert abs(whole[0].mean - 6.02) < 0.2


@pytest.mark.parametrize(
    "runs, words",
    [
        (["1"], "name two or more"),
        (["1", "1"], "has one of them twice"),
        (["1", "3"], "has no scores of the split test"),
    ],
)
def test_what_cannot_be_compared_is_refused(home, here, capsys, runs, words):
    compare(*[home / run for run in runs], out=here / "out", fails=True)
    assert words in capsys.readouterr().err
    assert not (here / "out").exists()


def test_of_several_evaluations_one_is_to_be_named(home, here, capsys):
    scored(home / "4" / "evaluation/a-x-test/scores/wave_unet/test", 0.3, 1)
    scored(home / "4" / "evaluation/b-x-test/scores/wave_unet/test", 0.3, 1)
    compare(home / "1", home / "4", out=here / "out", fails=True)
    assert "was evaluated more than once: name one of" in capsys.readouterr().err


def test_an_oracle_that_is_not_there_is_told_the_nearest(home, here, capsys):
    told = [f"estimates={here}", f"reference={here}"]
    told += ["evaluation.oracles=['ideal ratio masks']"]
    with pytest.raises(SystemExit):
        Config.command_line(Evaluate.ex, argv=["Evaluate.py", "with", *told])
    assert "did you mean 'ideal ratio mask'?" in capsys.readouterr().err
    assert json.loads((home / "1" / "config.json").read_text()) == {}
