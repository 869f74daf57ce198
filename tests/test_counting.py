"""Operations and bytes of graphs, against what is counted by hand."""

import numpy as np
import tensorflow as tf

import Models
import Test
from benchmarks import wave_unet
from Fitting import counting
from Learning import optimizers
from Learning.step import Step

SIZES = {"num_layers": 3, "num_initial_filters": 4, "num_frames": 5000}


def graph(function, *shapes):
    specs = [tf.TensorSpec(shape) for shape in shapes]
    return tf.function(function).get_concrete_function(*specs).graph


def test_products_convolutions_and_transforms_are_counted_as_by_hand():
    a, b = [3, 5, 7], [3, 7, 2]
    assert counting.flops(graph(tf.matmul, a, b)) == (2 * 3 * 5 * 7 * 2, [])
    summed = graph(lambda x, y: tf.einsum("bij,bjk->bik", x, y), a, b)
    assert counting.flops(summed)[0] == 2 * 3 * 5 * 7 * 2
    folded = graph(lambda x, k: tf.nn.conv1d(x, k, 1, "VALID"), [2, 20, 3], [5, 3, 4])
    assert counting.flops(folded)[0] == 2 * 2 * 16 * 5 * 3 * 4
    fourier = graph(tf.signal.rfft, [3, 64])
    assert counting.flops(fourier)[0] == 2.5 * 3 * 64 * 6


def test_loops_count_as_often_as_they_run_and_of_branches_the_dearest():
    def product(x):
        return tf.matmul(x, x)

    def turns(x):
        return tf.while_loop(
            lambda k, _: k < 7, lambda k, y: (k + 1, product(y)), [0, x]
        )

    once = 2 * 4**3
    assert counting.flops(graph(turns, [4, 4]))[0] == 7 * once

    def either(x):
        return tf.cond(x[0, 0] > 0, lambda: product(product(x)), lambda: product(x))

    assert counting.flops(graph(either, [4, 4]))[0] == 2 * once
    inside = tf.function(product)
    assert counting.flops(graph(lambda x: inside(inside(x)), [4, 4]))[0] == 2 * once


def test_what_has_no_known_shape_is_named():
    count, unknown = counting.flops(graph(tf.matmul, [None, 4], [4, 4]))
    assert count == 0 and unknown == ["MatMul"]


def by_hand(model):
    """FLOP of a window through a plain Wave-U-Net: each convolution where it is."""
    n, total, skips = model.n_in, 0, []
    for layer in model.down:
        n = layer.length_out(n)
        total += n * np.prod(layer.kernel.shape)
        skips.append(n)
        n = -(-n // 2)
    n = model.bottom.length_out(n)
    total += n * np.prod(model.bottom.kernel.shape)
    for layer in model.up:
        n = layer.length_out(2 * n - 1)
        total += n * np.prod(layer.kernel.shape)
    heads = model.outputs_of.convolutions
    return 2 * (total + n * sum(np.prod(layer.kernel.shape) for layer in heads))


def network(form):
    told = {"source_names": ["a", "b"], "sample_rate": 4000, "channels": 1}
    return Models.build("wave_unet", form=form, context=True, **SIZES, **told)


def separated(model):
    return graph(lambda x: model({"mix": x}, training=False), [1, model.n_in, 1])


def test_a_wave_unet_is_counted_as_its_lengths_and_kernels_have_it():
    plain, fast = network("plain"), network("fast")
    assert counting.flops(separated(plain)) == (by_hand(plain), [])
    needed = wave_unet.flops(fast, fast.num_frames)
    assert needed <= counting.flops(separated(fast))[0] <= by_hand(plain)


def test_a_step_costs_three_times_the_way_forward_in_parts_as_at_once():
    model = network("plain")
    batch = {
        "mix": tf.zeros([4, model.n_in, 1]),
        "sources": tf.zeros([4, 2, model.n_out, 1]),
        "active": tf.ones([4, 2]),
    }
    found, kept = {}, {}
    for parts in (1, 2):
        loss = Test.batch_loss("mean_square", model)
        step = Step(model, optimizers.optimizer("adam", 0.1), loss, accumulate=parts)
        whole = step.run.get_concrete_function(batch).graph
        found[parts], kept[parts] = counting.flops(whole), counting.kept_bytes(whole)
    # Of the mixture nobody reads a gradient: the first layer counts twice.
    first = (
        2 * model.down[0].length_out(model.n_in) * np.prod(model.down[0].kernel.shape)
    )
    assert found[1] == (4 * (3 * by_hand(model) - first), [])
    assert found[2] == found[1]
    assert 0.4 < kept[2] / kept[1] < 0.6
    least = 4 * 4 * sum(layer.filters * 600 for layer in model.down)
    assert kept[1] > least
