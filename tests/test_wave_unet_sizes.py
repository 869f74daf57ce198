"""Lengths, numbers of weights and impossible values of the Wave-U-Net."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from Models.wave_unet import WaveUNet
from Schema import INSTRUMENTS, InputError
from tests.parameter_counts import wave_unet_parameters

TWO, FOUR = ["accompaniment", "vocals"], ["bass", "drums", "other", "vocals"]


def wave_unet(source_names=TWO, sample_rate=22050, channels=1, **knobs):
    return WaveUNet(source_names, sample_rate, channels, **knobs)


# --- Lengths ------------------------------------------------------------------
def test_lengths_are_the_published_ones():
    model = wave_unet(context=True)
    for n, n_in, n_out in [
        (1, 135155, 4101),  # shorter targets than 2^12 would leave no room for a hop
        (6, 135155, 4101),
        (4096, 135155, 4101),
        (4101, 135155, 4101),
        (8192, 139251, 8197),
        (16384, 147443, 16389),
        (32768, 163827, 32773),
    ]:
        assert model.lengths(n) == (n_in, n_out, n_out - 5)
    assert wave_unet().lengths(16384) == (16384, 16384, 16384)


DEEP = dict(num_layers=14, filter_size=5, merge_filter_size=1)


@pytest.mark.parametrize(
    "knobs, bottom, n_in, n_out",
    [
        (dict(num_frames=6), 6, 135155, 4101),
        (dict(num_frames=8192), 7, 139251, 8197),
        (dict(), 9, 147443, 16389),
        (dict(num_frames=32768), 13, 163827, 32773),
        (dict(num_frames=98560, num_initial_filters=2), 30, 233459, 102405),
        (dict(DEEP, num_initial_filters=1), 2, 147463, 16385),
        (dict(num_layers=8), 69, 24563, 16389),
        (dict(num_layers=6), 261, 18419, 16389),
        (dict(num_layers=4), 1029, 16883, 16389),
        (dict(context=False), 4, 16384, 16384),
    ],
)
def test_lengths_of_every_size_are_the_published_ones(knobs, bottom, n_in, n_out):
    model = wave_unet(**{"context": True, "num_initial_filters": 2, **knobs})
    assert (model.n_in, model.n_out) == (n_in, n_out)
    assert way_down(model)[-1] == bottom
    assert (model.n_in - model.n_out) % 2 == 0


def way_down(model):
    """Steps after each convolution and each decimation, from the input down."""
    steps, n = [], model.n_in
    for layer in model.down:
        steps.append(layer.length_out(n))
        n = model.decimation.length_out(steps[-1])
        steps.append(n)
    return [*steps, model.bottom.length_out(n)]


def test_the_maps_of_the_published_network_have_the_published_lengths():
    model = wave_unet(context=True, num_initial_filters=1)
    down = """147429 73715 73701 36851 36837 18419 18405 9203 9189 4595 4581 2291
    2277 1139 1125 563 549 275 261 131 117 59 45 23 9"""
    assert way_down(model) == [int(n) for n in down.split()]
    up = """17 13 25 21 41 37 73 69 137 133 265 261 521 517 1033 1029 2057 2053
    4105 4101 8201 8197 16393 16389"""
    steps, n = [], 9
    for upsampling, layer in zip(model.upsamplings, model.up):
        steps.append(upsampling.length_out(n))
        n = layer.length_out(steps[-1])
        steps.append(n)
    assert steps == [int(n) for n in up.split()]


def ancestor_lengths(n, model):
    """The ancestor's arithmetic of sizes, with its real division."""
    x = float(n - model.output_filter_size + 1)
    for _ in range(model.num_layers):
        x = (x + model.merge_filter_size - 1 + 1) / 2
    n_in = n_out = max(2, int(np.ceil(x)))
    n_in += model.filter_size - 1
    for i in range(model.num_layers):
        last = i == model.num_layers - 1
        n_out = 2 * n_out - 1 - (model.merge_filter_size - 1)
        n_in = 2 * n_in - 1
        n_in += (model.input_filter_size if last else model.filter_size) - 1
    return n_in, n_out - (model.output_filter_size - 1)


odd = st.integers(0, 8).map(lambda k: 2 * k + 1)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), odd, odd, odd, st.integers(0, 4), st.integers(1, 500))
def test_lengths_are_the_ancestors_for_any_odd_filters(
    n_levels, size, merge, output, extra, n
):
    model = wave_unet(
        context=True,
        num_layers=n_levels,
        num_initial_filters=1,
        num_frames=1,
        filter_size=size,
        input_filter_size=size + 2 * extra,
        merge_filter_size=merge,
        output_filter_size=output,
    )
    step = 2**n_levels
    n = max(n, step)  # shorter targets would leave no room for a hop
    for asked in range(n, n + 200, 7):
        n_in, n_out, hop = model.lengths(asked)
        # The ancestor subtracts what the last convolution needs, where we add it.
        there = ancestor_lengths(asked + 2 * (output - 1), model)
        # Of more context than the first convolution uses, something is left over.
        assert n_in == there[0]
        assert n_out == there[1] if not extra else n_out >= there[1]
        assert hop % step == 0 and n_out - step < hop <= n_out


@pytest.mark.parametrize(
    "knobs", [dict(), DEEP, dict(num_layers=6), dict(num_layers=9, filter_size=9)]
)
def test_lengths_are_the_ancestors_for_any_target(knobs):
    model = wave_unet(context=True, num_initial_filters=1, **knobs)
    rng = np.random.default_rng(0)
    least = 6 if knobs != DEEP else 1
    for n in [2**model.num_layers, *rng.integers(2**model.num_layers, 10**6, 60)]:
        n_in, n_out, _ = model.lengths(int(n))
        assert (n_in, n_out) == ancestor_lengths(n, model)
        assert least <= n <= n_out


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


CEXP = dict(VIMSS, fusers=["outer_product@bottleneck"])


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
        (dict(CEXP, output_type="difference"), 15_654_648),  # CExp-Wave-U-Net
        (dict(CEXP, output_type="direct"), 15_654_674),
    ],
)
def test_the_number_of_weights_is_the_published_one(knobs, count):
    assert wave_unet(**knobs).count_params() == count
    counted = {k: v for k, v in knobs.items() if k not in ("context", "num_frames")}
    n_sources = len(counted.pop("source_names", TWO))
    labelled = bool(counted.pop("fusers", []))
    assert wave_unet_parameters(n_sources, **counted, labelled=labelled) == count


@settings(max_examples=15, deadline=None)
@given(
    st.fixed_dictionaries(
        dict(
            channels=st.integers(1, 3),
            num_layers=st.integers(1, 4),
            num_initial_filters=st.integers(1, 5),
            filter_size=odd,
            merge_filter_size=odd,
            output_filter_size=odd,
            output_type=st.sampled_from(["direct", "difference"]),
            upsampling=st.sampled_from(["linear", "learned"]),
        )
    ),
    st.integers(2, 5),
)
def test_the_number_of_weights_is_counted_right_for_any_size(knobs, n_sources):
    names = [f"s{k}" for k in range(n_sources)]
    model = wave_unet(source_names=names, num_frames=64, **knobs)
    assert model.count_params() == wave_unet_parameters(n_sources, **knobs)


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
