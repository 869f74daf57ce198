"""What a graph of TensorFlow will cost: operations and bytes, from its shapes alone."""

import math

import tensorflow as tf

CONVOLUTIONS = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")
DEPTHWISE = (
    "DepthwiseConv2dNative",
    "DepthwiseConv2dNativeBackpropInput",
    "DepthwiseConv2dNativeBackpropFilter",
)
PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
FOURIER = {"RFFT": 2.5, "IRFFT": 2.5, "FFT": 5.0, "IFFT": 5.0}  # x N log2(N)
CALLS = ("PartitionedCall", "StatefulPartitionedCall", "XlaLaunch")
BRANCHES = ("If", "StatelessIf")
LOOPS = ("While", "StatelessWhile")
ALIASES = ("Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "StopGradient")


def flops(graph):
    """Floating-point operations of a graph: (count, what could not be counted).

    Two for each product and sum of convolutions, matrix products and Einstein sums,
    5 N log2(N) for a complex Fourier transform of N points and half of it for a real
    one (as FFTW counts, http://www.fftw.org/speed/method.html).  What is done element
    by element is left out: it costs memory traffic rather than arithmetic.  Of
    branches the dearest counts, and loops as often as they run if that is a constant.

    Args:
      graph: tf.Graph with static shapes, as of `ConcreteFunction.graph`.

    Returns:
      (float, sorted list of names of operations with unknown shapes or lengths).
    """
    unknown = set()
    total = sum(_flops(each, graph, unknown) for each in _needed(graph))
    return float(total), sorted(unknown)


def _needed(graph):
    """The operations that its outputs and side effects rest on: the others never run.

    Of a mixture a gradient is built, but nobody reads it.
    """
    if getattr(graph, "outputs", None) is None:
        return graph.get_operations()
    waiting = [tensor.op for tensor in graph.outputs]
    waiting += [each for each in graph.get_operations() if each.op_def.is_stateful]
    found = set()
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs]
            waiting += operation.control_inputs
    return [each for each in graph.get_operations() if each in found]


def _flops(operation, graph, unknown):
    kind = operation.type
    if kind in CALLS:
        return _inner(operation, graph, ("f", "function"), unknown)
    if kind in BRANCHES:
        names = ("then_branch", "else_branch")
        return max(_inner(operation, graph, (name,), unknown) for name in names)
    if kind in LOOPS:
        turns = _turns(operation, graph)
        if turns is None:
            unknown.add(operation.name)
        return (turns or 1) * _inner(operation, graph, ("body",), unknown)
    try:
        return _own(operation)
    except (TypeError, ValueError):  # a shape with unknown axes
        unknown.add(operation.name)
        return 0


def _inner(operation, graph, attributes, unknown):
    """FLOP of the function that an operation calls."""
    body = _function(operation, graph, attributes)
    if body is None:
        unknown.add(operation.name)
        return 0
    return sum(_flops(each, body, unknown) for each in _needed(body))


def _function(operation, graph, attributes):
    known = {attribute.name for attribute in operation.op_def.attr}
    for attribute in known.intersection(attributes):
        name = operation.get_attr(attribute).name
        while graph is not None:
            if name in graph._functions:
                return getattr(graph._functions[name], "graph", None)
            graph = getattr(graph, "outer_graph", None)
    return None


def _turns(operation, graph):
    """How often a loop `k < constant` runs, from k = 0; None: nobody knows."""
    condition = _function(operation, graph, ("cond",))
    for each in condition.get_operations() if condition is not None else ():
        if each.type == "Less":
            value = tf.get_static_value(each.inputs[1])
            return None if value is None else int(value)
    return None


def _own(operation):
    kind, inputs = operation.type, operation.inputs
    if kind in (*CONVOLUTIONS, *DEPTHWISE):
        return _convolution(operation)
    if kind in PRODUCTS:
        swapped = "transpose_a" if kind == "MatMul" else "adj_x"
        shape = _shape(inputs[0])
        inner = shape[-2] if operation.get_attr(swapped) else shape[-1]
        return 2 * inner * math.prod(_shape(operation.outputs[0]))
    if kind == "Einsum":
        return _einsum(operation)
    if kind in FOURIER:
        shape = max((_shape(inputs[0]), _shape(operation.outputs[0])), key=math.prod)
        return FOURIER[kind] * math.prod(shape) * math.log2(max(2, shape[-1]))
    return 0


def _convolution(operation):
    """A column [h, w, in] of the kernel for each element of [B, H, W, out].

    The gradients for the input and for the kernel multiply the same pairs.
    """
    kind, inputs = operation.type, operation.inputs
    depthwise = kind in DEPTHWISE
    if kind.endswith("BackpropInput"):
        kernel, map_ = _shape(inputs[1]), _shape(inputs[2])
    elif kind.endswith("BackpropFilter"):
        kernel, map_ = _shape(operation.outputs[0]), _shape(inputs[2])
    else:
        kernel, map_ = _shape(inputs[1]), _shape(operation.outputs[0])
    height, width, n_in, _ = kernel
    return 2 * math.prod(map_) * height * width * (1 if depthwise else n_in)


def _einsum(operation):
    equation = operation.get_attr("equation").decode()
    sizes = {}
    for letters, tensor in zip(
        equation.partition("->")[0].split(","), operation.inputs
    ):
        if "." in letters:
            raise ValueError(equation)
        sizes |= dict(zip(letters, _shape(tensor)))
    return 2 * math.prod(sizes.values())


def _shape(tensor):
    shape = tensor.shape.as_list()
    if None in shape:
        raise ValueError(tensor.name)
    return shape


def kept_bytes(graph):
    """Bytes of activations that the backward pass reads, from their shapes.

    They live from one pass to the other; what either needs for a moment does not
    count.  In a loop over the parts of a batch one part's do.

    Args:
      graph: tf.Graph of a training step, of which the loss was computed first.
    """
    total, kept, backward = 0, {}, False
    made = set()  # names of the operations of the forward pass
    for operation in graph.get_operations():
        if operation.type in (*LOOPS, *CALLS):
            body = _function(operation, graph, ("body", "f", "function"))
            total += kept_bytes(body) if body is not None else 0
        backward = backward or operation.name.startswith("gradient_tape/")
        if not backward:
            made.add(operation.name)
            continue
        for tensor in map(_source, operation.inputs):
            if tensor.op.name in made:
                kept[tensor.name] = _bytes(tensor)
    return total + sum(kept.values())


def _source(tensor):
    """The tensor whose memory another one only names anew."""
    while tensor.op.type in ALIASES:
        place = tensor.value_index if tensor.op.type == "IdentityN" else 0
        tensor = tensor.op.inputs[place]
    return tensor


def _bytes(tensor):
    if tensor.op.type in ("Const", "ReadVariableOp", "Placeholder"):
        return 0
    count = tensor.shape.num_elements()
    return 0 if count is None or not tensor.dtype.size else count * tensor.dtype.size
