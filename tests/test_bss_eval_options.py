"""Which engine scores, and what a silent source costs."""

import numpy as np
import pytest

from Schema import InputError
from Scores.bss_eval import bss_eval, protocol
from Scores.track import METRICS
from tests.bss_eval_made import assert_same, museval, tracks


def test_both_engines_give_the_same_scores_and_the_same_protocol():
    references, estimates = tracks(2, 9000, 1)
    references[0, :2000] = 0
    fast, slow = (
        bss_eval(references, estimates, 2000, engine=e) for e in ("fast", "museval")
    )
    assert_same(np.stack([*fast.bss.values()]), np.stack([*slow.bss.values()]))
    assert (fast.dropped, fast.protocol) == (slow.dropped, slow.protocol)
    assert fast.n_frames == 4 and fast.kept == 3


def test_silence_may_cost_the_silent_source_alone():
    references, estimates = tracks(3, 8000, 1)
    references[1, 2000:4000] = 0
    estimates[2, 4000:6000] = 0
    found = bss_eval(references, estimates, 2000, silence="source")
    rng = np.random.default_rng(0)
    references[1, 2000:4000] = 1e-12 * rng.normal(size=(2000, 1))
    estimates[2, 4000:6000] = 1e-12 * rng.normal(size=(2000, 1))
    expected = museval(references, estimates, 2000, 2000)
    expected[:, 1, 1] = expected[:, 2, 2] = np.nan
    assert_same(np.stack([found.bss[m] for m in METRICS]), expected)
    assert [(d.frame, d.of) for d in found.dropped] == [(1, ("2",)), (2, ("3",))]
    assert found.dropped_of("1") == 0 and found.kept == 2
    assert found.protocol["silence"] == "source"
    assert found.protocol != protocol()


def test_an_absent_source_may_be_given_and_has_no_scores():
    references, estimates = tracks(3, 6000, 1)
    references[1] = 0
    with pytest.raises(InputError, match="'b' is silent throughout; leave"):
        bss_eval(references, estimates, 2000, names="abc")
    found = bss_eval(references, estimates, 2000, names="abc", silence="source")
    present = bss_eval(references[[0, 2]], estimates[[0, 2]], 2000)
    values, expected = (np.stack([*s.bss.values()]) for s in (found, present))
    assert_same(values[:, [0, 2]], expected)
    assert np.isnan(values[:, 1]).all()
    nothing = bss_eval(0 * references, estimates, 2000, silence="source")
    assert all(np.isnan(v).all() for v in nothing.bss.values())


def test_options_that_do_not_exist_are_refused_with_what_there_is():
    pair = tracks(2, 500, 1)
    with pytest.raises(InputError, match="engine='slow' must be one of fast, museval"):
        bss_eval(*pair, 500, engine="slow")
    with pytest.raises(InputError, match="silence='drop' must be one of frame, source"):
        bss_eval(*pair, 500, silence="drop")
    with pytest.raises(InputError, match="museval cannot score with silence='source'"):
        bss_eval(*pair, 500, engine="museval", silence="source")
