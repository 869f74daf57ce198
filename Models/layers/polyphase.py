"""Convolutions that compute only what is kept, on maps folded into pairs of steps.

Step j of `pairs(x)` holds steps 2j and 2j + 1 of x side by side: [B, T, C] becomes
[B, T / 2, 2C] without moving a number.  A convolution of step 2 over x is one of step 1
over the pairs; one over a map of doubled rate is one over the map that was doubled.
Kernels are put together from the layers' weights, so gradients reach these.

Glossary of shapes: K taps, C channels read, D channels given, N steps given.
"""

import numpy as np
import tensorflow as tf

from Models.layers import onednn

# The gradient of a kernel is found in chunks of time where a map is larger than the
# cache of a core: up to five times as fast (benchmarks/README.md).
LARGE = 600_000  # numbers of one example's map
CHUNK = 256  # steps


def pairs(x):
    """[B, T, C] -> [B, T / 2, 2C]; T must be even."""
    return refolded(x, 2 * x.shape[-1])


def unfolded(x):
    """The way back: [B, T, 2C] -> [B, 2T, C]."""
    return refolded(x, x.shape[-1] // 2)


def refolded(x, channels):
    """[..., T, C] in steps of that many channels; no number is moved."""
    if x.shape[-1] == channels:
        return x
    shape, known = tf.shape(x), x.shape.as_list()
    shape = [shape[i] if n is None else n for i, n in enumerate(known)]
    n_time = -1 if known[-2] is None else known[-2] * known[-1] // channels
    return tf.reshape(x, [*shape[:-2], n_time, channels])


def decimated_kernel(kernel, phase=0):
    """The kernel that gives every second step, from pairs.

        y[2j + phase] = sum_k kernel[k] x[2j + phase + k]

    Args:
      kernel: [K, C, D] of the convolution over x.
      phase: Which step comes first, from 0.

    Returns:
      [ceil((K + phase) / 2), 2C, D].
    """
    taps, channels, filters = kernel.shape
    padded = tf.pad(kernel, [[phase, (taps + phase) % 2], [0, 0], [0, 0]])
    return tf.reshape(padded, [-1, 2 * channels, filters])


def paired_kernel(kernel, phase=0):
    """The kernel that maps pairs of x to pairs of y.

    Args:
      kernel: [K, C, D] of the convolution over x.
      phase: Which step comes first, from 0.

    Returns:
      [ceil((K + phase + 1) / 2), 2C, 2D].
    """
    first, second = (decimated_kernel(kernel, p) for p in (phase, phase + 1))
    missing = second.shape[0] - first.shape[0]
    return tf.concat([tf.pad(first, [[0, missing], [0, 0], [0, 0]]), second], axis=-1)


def upsampled_kernel(kernel, share=None):
    """The kernel that maps a map to pairs of the convolution over its doubled rate.

    With u[2t] = x[t] and u[2t + 1] = s x[t] + (1 - s) x[t + 1],

        y[2j + phase] = sum_k kernel[k] u[2j + phase + k].

    Args:
      kernel: [K, C, D] of the convolution over u.
      share: s [C]; None is 1/2.

    Returns:
      [ceil(K / 2) + 1, C, 2D], both phases side by side.
    """
    taps = kernel.shape[0]
    n_low = -(-taps // 2) + 1
    # here[phase][l, k]: the tap k of u that falls on step l of x; left[phase], right:
    # that fall behind step l, and before it.
    here, left, right = np.zeros((3, 2, n_low, taps), kernel.dtype.as_numpy_dtype)
    for phase in (0, 1):
        for k in range(taps):
            step, behind = divmod(k + phase, 2)
            if behind:
                left[phase, step, k] = right[phase, step + 1, k] = 1.0
            else:
                here[phase, step, k] = 1.0
    phases = []
    for phase in (0, 1):
        if share is None:
            mixing = here[phase] + 0.5 * (left[phase] + right[phase])
            phases.append(tf.tensordot(mixing, kernel, 1))
        else:
            split = share[:, tf.newaxis]  # [C, 1]
            y = tf.tensordot(here[phase] + right[phase], kernel, 1)
            more = tf.tensordot(left[phase] - right[phase], kernel, 1)
            phases.append(y + split * more)
    return tf.concat(phases, axis=-1)


def convolve(inputs, kernels, bias, padding="VALID"):
    """leaky_relu(sum of convolutions + bias), the block of a fast network.

    Args:
      inputs: Maps [B, T, C], of one dtype; T and C may differ.
      kernels: [K, C, D] for each, float32 or float64; or [K, C, D / 2], which gives
        twice as many steps: these are paired.
      bias: [D].
      padding: "VALID", or "SAME" for zeros around the maps.

    Returns:
      [B, N, D] in the dtype of the inputs; N, the same for all, is T - K + 1 or T.
      The gradients of kernels and bias have their dtypes; that of the bias is summed
      there too (`convolution.add_bias`).
    """
    count, options = len(inputs), {"strides": [1, 1, 1, 1], "padding": padding}

    @tf.custom_gradient
    def block(*values):
        inner = _Block(values[:count], values[count:-1], values[-1], options)
        return inner.y, inner.gradients

    return block(*inputs, *kernels, bias)


def convolve_twice(x, kernel, bias, first, middle, kernel_of_middle, bias_of_middle):
    """Two blocks on one map: all of it, and some steps by another kernel.

        convolve([x], [kernel], bias),
        convolve([x[:, first : first + middle]], [kernel_of_middle], bias_of_middle)

    Towards x the gradient of the second is added in its place; left to TensorFlow, it
    would be filled with zeros to the size of x first.

    Args:
      x: [B, T, C].
      kernel: [K, C, D].
      bias: [D].
      first: Where the steps in the middle begin.
      middle: How many they are; a whole number or a scalar tensor.
      kernel_of_middle: [K', C, D'].
      bias_of_middle: [D'].

    Returns:
      ([B, T - K + 1, D], [B, middle - K' + 1, D']).
    """
    options = {"strides": [1, 1, 1, 1], "padding": "VALID"}

    @tf.custom_gradient
    def blocks(x, *weights):
        whole = _Block([x], weights[:1], weights[1], options)
        part = x[:, first : first + middle]
        part = _Block([part], weights[2:3], weights[3], options)

        def gradients(*upstreams):
            (towards, *more), (inside, *rest) = (
                block.gradients(upstream)
                for block, upstream in zip((whole, part), upstreams)
            )
            rows, steps = tf.range(tf.shape(x)[0]), tf.range(middle) + first
            places = tf.stack(tf.meshgrid(rows, steps, indexing="ij"), axis=-1)
            return tf.tensor_scatter_nd_add(towards, places, inside), *more, *rest

        return (whole.y, part.y), gradients

    return blocks(x, kernel, bias, kernel_of_middle, bias_of_middle)


class _Block:
    """leaky_relu(sum of convolutions + bias) and its gradients; see `convolve`.

    Attributes:
      y: The result.
    """

    def __init__(self, inputs, kernels, bias, options):
        self._kernels, self._bias, self._options = kernels, bias, options
        dtype = inputs[0].dtype
        self._maps = [x[:, tf.newaxis] for x in inputs]  # [B, 1, T, C]
        self._filters = [tf.cast(w, dtype)[tf.newaxis] for w in kernels]
        rows = zip(self._maps, self._filters)
        y = [tf.nn.conv2d(*onednn.for_convolution(x, w), **options) for x, w in rows]
        y = [refolded(part, bias.shape[0]) for part in y]
        # In this order TensorFlow makes one operation of the last four.
        y = sum(y[1:], tf.nn.bias_add(y[0], tf.cast(bias, dtype)))
        self.y = tf.nn.leaky_relu(y, 0.2)[:, 0]

    def gradients(self, upstream):
        """Towards the inputs, the kernels and the bias, in this order."""
        # A leaky rectifier keeps signs, so its result tells its slope.
        flow = tf.raw_ops.LeakyReluGrad(gradients=upstream, features=self.y, alpha=0.2)
        rows = [
            (x, w, refolded(flow[:, tf.newaxis], w.shape[-1]))
            for x, w in zip(self._maps, self._filters)
        ]
        to_maps = [_to_input(*row, self._options)[:, 0] for row in rows]
        to_kernels = [_to_kernel(*row, self._options)[0] for row in rows]
        to_kernels = [tf.cast(g, w.dtype) for g, w in zip(to_kernels, self._kernels)]
        to_bias = tf.reduce_sum(tf.cast(flow, self._bias.dtype), axis=[0, 1])
        return [*to_maps, *to_kernels, to_bias]


def _to_input(x, kernel, flow, options):
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(x), filter=kernel, out_backprop=flow, **options
    )


def _to_kernel(x, kernel, flow, options):
    n = flow.shape[2]
    if n is None or n * x.shape[-1] < LARGE or options["padding"] != "VALID":
        return _kernel_gradient(x, kernel, flow, options)
    body = n // CHUNK * CHUNK
    gradient = _kernel_gradient(*_chunked(x[:, 0], flow[:, 0], body, kernel), options)
    if body < n:
        rest = x[:, :, body:], kernel, flow[:, :, body:]
        gradient += _kernel_gradient(*rest, options)
    return gradient


def _chunked(x, flow, body, kernel):
    """The first `body` steps of [B, T, C] as an axis of chunks, beside their ends."""
    count, behind = body // CHUNK, kernel.shape[1] - 1
    chunks = tf.reshape(x[:, :body], [-1, count, CHUNK, x.shape[-1]])
    ends = chunks[:, 1:, :behind], x[:, tf.newaxis, body : body + behind]
    chunks = tf.concat([chunks, tf.concat(ends, axis=1)], axis=2)
    chunks = tf.reshape(chunks, [-1, 1, CHUNK + behind, x.shape[-1]])
    return chunks, kernel, tf.reshape(flow[:, :body], [-1, 1, CHUNK, flow.shape[-1]])


def _kernel_gradient(x, kernel, flow, options):
    channels = x.shape[-1]
    x, kernel = onednn.for_kernel_gradient(x, kernel)
    gradient = tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=kernel.shape, out_backprop=flow, **options
    )
    return gradient[..., :channels, :]
