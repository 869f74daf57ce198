"""Segments as the ancestor lays them, against its rules written down plainly."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import Predict
from Datasets import segments
from Schema import InputError
from tests.echoes import Echo, noise, wave_unet


def separated(model, mix, rate=8000, hop="aligned"):
    sources = Predict.Predictor(model, hop=hop).separate(mix, rate)
    return np.stack(list(sources.values()))


def laid_end_to_end(mix, model):
    """What f90's `predict_track` does with a recording at the model's rate."""
    n_in, n_out, n_time = model.n_in, model.n_out, len(mix)
    if n_time < n_in:
        mix = np.pad(mix, [(0, n_in - n_time), (0, 0)])
    margin = (n_in - n_out) // 2
    padded = np.pad(mix, [(margin, margin), (0, 0)])
    out = np.zeros((len(model.source_names), *mix.shape), np.float32)
    for start in range(0, len(mix), n_out):
        start = min(start, len(mix) - n_out)
        window = padded[np.newaxis, start : start + n_in]
        given = model({"mix": window}, training=False)["sources"].numpy()
        out[:, start : start + n_out] = given[0]
    return out[:, :n_time]


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_ancestors_hop_gives_what_the_ancestor_gave(context, batch_size):
    model = wave_unet(context)
    n_in, n_out = model.n_in, model.n_out
    assert (n_out % 8 > 0) == context
    lengths = {1, n_out, n_in - 1, n_in, n_in + 1, 2 * n_out, 1000, 50 * n_out}
    predictor = Predict.Predictor(model, hop="ancestor", batch_size=batch_size)
    for n_time in sorted(lengths | {2 * n_out + 1, 5 * n_out - 1, 3 * n_in}):
        mix = noise(n_time, seed=n_time)
        found = np.stack(list(predictor.separate(mix, 8000).values()))
        wanted = laid_end_to_end(mix, model)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    n_time=st.integers(1, 700),
    block=st.integers(1, 300),
    n_out=st.integers(1, 90),
    margin=st.integers(0, 90),
)
def test_the_ancestors_segments_do_not_depend_on_the_blocks(
    n_time, block, n_out, margin
):
    n_in, mix = n_out + 2 * margin, np.arange(1.0, n_time + 1, dtype=np.float32)
    blocks = (mix[s : s + block, np.newaxis] for s in range(0, n_time, block))
    found, total = [], max(n_time, n_in)
    padded = np.pad(mix, (margin, n_in + margin + n_out))
    for window, begin, kept in segments.end_to_end(blocks, n_in, n_out, 7):
        start = min(len(found) and found[-1][1], total - n_out)
        np.testing.assert_array_equal(window[:, 0], padded[start : start + n_in])
        assert begin == start - 7
        found.append((start, start + kept.stop))
    starts = [min(s, total - n_out) for s in range(0, total, n_out)]
    assert [start for start, _ in found] == starts[: len(found)]
    assert found[-1][1] == n_time


def test_the_ancestors_hop_differs_from_the_aligned_one():
    model, mix = wave_unet(True), noise(3000)
    ours = separated(model, mix)
    theirs = separated(model, mix, hop="ancestor")
    assert np.abs(ours - theirs).max() > 1e-3


def test_the_ancestor_resamples_without_what_rings_outside():
    model, mix = wave_unet(True), noise(6000)
    found = separated(model, mix, 16_000, "ancestor")
    at_its_rate = soxr.resample(mix, 16_000, 8000, quality="VHQ")
    wanted = laid_end_to_end(at_its_rate, model)
    for source, there in zip(found, wanted):
        back = soxr.resample(there, 8000, 16_000, quality="VHQ")
        np.testing.assert_allclose(source, back, rtol=0, atol=1e-6)


def test_a_hop_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="aligned or ancestor, not 'end'"):
        Predict.Predictor(Echo(), hop="end")
    with pytest.raises(InputError, match="omit segment"):
        Predict.Predictor(Echo(), hop="ancestor", segment=200)
