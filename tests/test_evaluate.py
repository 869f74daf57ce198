"""Evaluate: what its processes may do to it."""

import os
import time
import types

import numpy as np
import pytest

import Config
import Evaluate
import Utils
from Evaluating import asking, run, scoring
from Schema import InputError
from Scores import parallel


def die(*_):
    """Ends its process as the system does when memory is short."""
    os._exit(9)


class Slow:
    """An evaluation of a few tracks whose separation takes a moment."""

    ids = ["a", "b", "c", "d", "e", "f"]

    def remove_others(self):
        pass

    def is_done(self, *_):
        return False

    def separate(self, *_):
        time.sleep(0.5)


@pytest.mark.parametrize("workers", [1, 9])
def test_a_killed_process_ends_in_a_sentence(monkeypatch, workers):
    # With 9, it is a later submission that finds the pool broken.
    monkeypatch.setattr(parallel, "_scored", die)
    with pytest.raises(InputError, match="was killed.*lower evaluation.workers"):
        scoring.evaluate(Slow(), workers=workers)


def test_a_track_that_fails_loses_no_other(inline, monkeypatch):
    def separate(track):
        if track == "b":
            raise InputError("b.wav is broken")
        return track

    def score_systems(job):
        if job == "c":
            raise MemoryError("no room")

    monkeypatch.setattr(parallel.systems, "score_systems", score_systems)
    failures = parallel.score(["a", "b", "c", "d"], separate)
    assert failures == {"b": "b.wav is broken", "c": "MemoryError: no room"}


class Solo:
    """What an evaluation has of a track of two sources, of noise."""

    ids = ["a"]

    def track(self, name):
        sources = np.random.default_rng(0).normal(size=[2, 500, 1]).astype("f")
        track = {"id": name, "sources": sources, "mix": sources.sum(axis=0)}
        return track | {"labels": ["vn", "vc"], "notes": [None] * 2, "sample_rate": 100}


def evaluation(in_best_order=False, **asked):
    """An evaluation of a model that gives the sources in the wrong order."""
    made = object.__new__(run.Evaluation)
    made.model = types.SimpleNamespace(slots="vocabulary", source_names=["vn", "vc"])
    made.material, made.system, made.oracles = Solo(), "net", {}
    made.conditions, made.ablations, made.in_best_order = [], [], in_best_order
    made.asked, made.about = asking.Asked(**asked), lambda track: {}
    sources = Solo().track("a")["sources"]
    made._estimates = lambda *_: dict(zip(["vn", "vc"], sources[::-1]))
    return made


@pytest.mark.parametrize("best", [False, True])
def test_a_run_without_names_is_scored_in_the_order_that_suits_it(best):
    job = evaluation(best, engine="museval").separate("a", save_estimates=False)
    wanted = job.references if best else job.references[::-1]
    np.testing.assert_array_equal(job.made["net"], wanted)
    assert job.names == ["vn", "vc"] and job.engine == "museval"


def test_conditions_are_compared_by_the_protocol_of_the_data_set(here, monkeypatch):
    asked = []
    Utils.write_json(here / "x" / "model.json", {"extra": {"data": {"name": "music"}}})

    def stop(*told):
        asked.append(told[-1].protocol.name)
        raise InputError("enough")

    monkeypatch.setattr(Evaluate, "Evaluation", stop)
    monkeypatch.setattr(Evaluate.Remote, "find_run", lambda run: here / run)
    monkeypatch.setattr(Evaluate.Test, "open_records", lambda *_: None)
    argv = ["Evaluate.py", "conditions", "with", "run=x"]
    with pytest.raises(SystemExit):
        Config.command_line(Evaluate.ex, argv=argv)
    assert asked == ["music-2mix-v3"]
