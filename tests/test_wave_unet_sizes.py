"""Lengths, numbers of weights and impossible values of the Wave-U-Net."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from Models.wave_unet import WaveUNet
from Schema import INSTRUMENTS, InputError

TWO, FOUR = ["accompaniment", "vocals"], ["bass", "drums", "other", "vocals"]


def wave_unet(source_names=TWO, sample_rate=22050, channels=1, **knobs):
    return WaveUNet(source_names, sample_rate, channels, **knobs)


# --- Lengths ------------------------------------------------------------------
def test_lengths_are_the_published_ones():
    model = wave_unet(context=True)
    for n, n_in, n_out in [
        (1, 135155, 4101),
        (6, 135155, 4101),
        (4096, 135155, 4101),
        (4101, 135155, 4101),
        (8192, 139251, 8197),
        (16384, 147443, 16389),
        (32768, 163827, 32773),
    ]:
        assert model.lengths(n) == (n_in, n_out, n_out - 5)
    assert wave_unet().lengths(16384) == (16384, 16384, 16384)


@pytest.mark.parametrize(
    "knobs, n_in, n_out",
    [
        (dict(num_frames=98560, num_initial_filters=2), 233459, 102405),
        (dict(num_layers=8), 24563, 16389),
        (dict(num_layers=6), 18419, 16389),
        (dict(num_layers=4), 16883, 16389),
        (
            dict(
                num_layers=14, filter_size=5, merge_filter_size=1, num_initial_filters=1
            ),
            147463,
            16385,
        ),
    ],
)
def test_lengths_of_other_depths_are_the_published_ones(knobs, n_in, n_out):
    model = wave_unet(context=True, **{"num_initial_filters": 2, **knobs})
    assert (model.n_in, model.n_out) == (n_in, n_out)


def ancestor_lengths(n, n_levels, size, merge):
    """The ancestor's arithmetic, with its real division, for 1-tap outputs."""
    x = float(n)
    for _ in range(n_levels):
        x = (x + merge - 1 + 1) / 2
    n_in = n_out = max(2, int(np.ceil(x)))
    n_in += size - 1
    for _ in range(n_levels):
        n_out = 2 * n_out - 1 - (merge - 1)
        n_in = 2 * n_in - 1 + (size - 1)
    return n_in, n_out


odd = st.integers(0, 8).map(lambda k: 2 * k + 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), odd, odd, st.integers(1, 500), st.integers(0, 1000))
def test_lengths_are_the_ancestors_for_any_odd_filters(n_levels, size, merge, n, more):
    n = max(n, 2**n_levels)  # shorter targets would leave no room for a hop
    model = wave_unet(
        context=True,
        num_layers=n_levels,
        num_initial_filters=1,
        num_frames=1,
        filter_size=size,
        input_filter_size=size,
        merge_filter_size=merge,
    )
    for asked in (n, n + more):
        n_in, n_out, hop = model.lengths(asked)
        assert (n_in, n_out) == ancestor_lengths(asked, n_levels, size, merge)
        assert hop % 2**n_levels == 0 and n_out - 2**n_levels < hop <= n_out


@settings(max_examples=15, deadline=None)
@given(st.booleans(), st.integers(1, 4), odd, odd, odd, st.integers(0, 4), odd)
def test_lengths_are_what_calling_the_model_gives(
    context, n_levels, size, merge, output, extra, n
):
    model = wave_unet(
        context=context,
        num_layers=n_levels,
        num_initial_filters=1,
        num_frames=n,
        filter_size=size,
        merge_filter_size=merge,
        input_filter_size=size + 2 * extra,
        output_filter_size=output,
    )
    step = 2**n_levels
    for asked in (n, n + step, 3 * n):
        n_in, n_out, _ = model.lengths(asked)
        sources = model({"mix": np.zeros([1, n_in, 1], np.float32)})["sources"]
        assert sources.shape == (1, 2, n_out, 1)
        assert n_out >= asked
        if not (context and extra):  # nothing is longer than it must be
            assert n_out < max(asked, step) + step


# --- Sizes --------------------------------------------------------------------
CONTEXT = dict(output_type="difference", context=True)
VIMSS = dict(source_names=list(INSTRUMENTS), context=True)


@pytest.mark.parametrize(
    "knobs, count",
    [
        (dict(), 10_263_028),  # M1
        (dict(output_type="difference"), 10_263_002),  # M2
        (CONTEXT, 10_263_002),  # M3
        (dict(CONTEXT, channels=2), 10_263_390),  # M4
        (dict(CONTEXT, channels=2, upsampling="learned"), 10_265_550),  # M5
        (dict(CONTEXT, channels=2, source_names=FOUR), 10_263_498),  # M6
        (dict(CONTEXT, num_initial_filters=34, num_frames=98560), 20_594_652),  # M7
        (dict(VIMSS, output_type="difference"), 10_263_288),  # Exp-Wave-U-Net
        (dict(VIMSS, output_type="direct"), 10_263_314),
    ],
)
def test_the_number_of_weights_is_the_published_one(knobs, count):
    assert wave_unet(**knobs).count_params() == count


def test_weights_start_as_in_tensorflow_1():
    model = wave_unet(num_layers=3, num_initial_filters=40)
    for convolution in (*model.down, model.bottom, *model.up):
        size, n_in, n_out = convolution.kernel.shape
        limit = np.sqrt(6 / (size * (n_in + n_out)))
        assert 0.95 * limit < np.abs(convolution.kernel).max() <= limit
        assert not np.any(convolution.bias)


# --- Refusals -----------------------------------------------------------------
@pytest.mark.parametrize(
    "knobs, message",
    [
        (dict(num_layers=0), "num_layers must be a whole number of at least 1, not 0"),
        (dict(num_layers=2.0), "num_layers must be a whole number .* not 2.0"),
        (dict(filter_size="15"), "filter_size must be a whole number .* not '15'"),
        (dict(num_frames=True), "num_frames must be .* not True"),
        (dict(sample_rate=None), "sample_rate must be .* not None"),
        (dict(channels=-1), "channels must be .* not -1"),
        (dict(context="yes"), "context must be True or False, not 'yes'"),
        (dict(clip_at_test=1), "clip_at_test must be True or False, not 1"),
        (dict(output_type="differnce"), "not 'differnce' .did you mean 'difference'"),
        (dict(output_activation="relu"), "output_activation must be tanh or linear"),
        (dict(upsampling=["linear"]), "upsampling must be linear or learned"),
        (dict(source_names=[]), "source_names must be a list of names"),
        (dict(source_names="vn"), "source_names must be a list of names, not 'vn'"),
        (dict(source_names=["vn", "vn"]), "source_names must all be different"),
        (dict(source_names=["vn"], output_type="difference"), "output_type='direct'"),
        (
            dict(context=True, filter_size=4, input_filter_size=4),
            "filter_size=4, .* all must be odd",
        ),
        (dict(context=True, merge_filter_size=4), "merge_filter_size=4"),
        (dict(context=True, input_filter_size=13), "input_filter_size=13"),
    ],
)
def test_an_impossible_value_is_named(knobs, message):
    with pytest.raises(InputError, match=message) as error:
        wave_unet(**{"num_layers": 3, "num_initial_filters": 1, **knobs})
    assert "\n" not in str(error.value)
