"""What a training will take, found out before anything long starts.

    python Training.py with urmp dry_run=True

A few real steps are taken, on real batches, and forgotten.
"""

import statistics
import time

import Schema
import Test
from Fitting import counting, feeding
from Learning import meter
from Learning.step import Step

STEPS = 5  # that are timed, after the first
MOST_SECONDS = 60.0  # of them; at least one is


def show(network, optimizer, strategy, found, training, seed):
    """Prints shapes, parameters, operations, memory, time and disk space.

    Args:
      network: Separator, new; its weights are changed.
      optimizer: Its optimizer.
      strategy: tf.distribute.Strategy in whose scope both were made.
      found: {split: Windows}, "train" at least.
      training: The training section of Config.py.
      seed: Of the examples.
    """
    from Models import devices

    loss = Test.batch_loss(model=network, **feeding.judged(training))
    told = training["gradient_clip"], training["accumulate"]
    step = Step(network, optimizer, loss, strategy, *told)
    told = found["train"], training, seed, devices.place(strategy)
    stream = step.distributed(feeding.batches(*told)(0))
    watch = meter.Meter(network)
    batch = watch.next(stream)
    for line in (*shapes(batch), *blocks(network)):
        print(line)
    graph = step.run.get_concrete_function(batch).graph
    print(operations(network, batch, graph))
    print(foreseen(network, optimizer, batch, graph))
    first, seconds, pace = timed(step, batch, stream, watch)
    print(measured(pace))
    few = 1 + min(8, int(MOST_SECONDS / 3 / statistics.median(seconds)))
    validation = checking(network, strategy, found, training, few)
    print(times(first, seconds, pace, training, validation))
    print(disk(network, optimizer))
    print("nothing was written; leave out dry_run=True to train", flush=True)


def shapes(batch):
    """Lines that tell what a batch holds."""
    parts = {key: _local(value) for key, value in batch.items()}
    width = max(map(len, parts))
    for k, (key, value) in enumerate(parts.items()):
        head = "" if k else "batch"
        n = value.shape.num_elements() * value.dtype.size
        shape = list(value.shape)
        yield f"{head:7} {key:{width}}  {value.dtype.name:8} {shape}  {_bytes(n)}"
    if any(hasattr(value, "values") for value in batch.values()):
        yield "        of one replica"


def _local(value):
    """What the first replica gets of a batch."""
    return getattr(value, "values", (value,))[0]


def blocks(network):
    """Lines that tell how many parameters each block of a network has."""
    counts = {layer.name: layer for layer in network.layers if layer.count_params()}
    width = max([5, *map(len, counts)])
    total = network.count_params()
    for k, (name, layer) in enumerate(counts.items()):
        n, kind = layer.count_params(), type(layer).__name__
        head = "" if k else "blocks"
        yield f"{head:7} {name:{width}}  {n:>12,}  {n / total:4.0%}  {kind}"
    trained = sum(w.shape.num_elements() for w in network.trainable_variables)
    yield f"        {'total':{width}}  {total:>12,}        {trained:,} are trained"


def operations(network, batch, graph):
    """A line that tells the floating-point operations of a step, and of separating."""
    step, unknown = counting.flops(graph)
    text = f"count   {_flop(step)} a step"
    if network.separates:
        window, more = counting.flops(separation(network, batch))
        second = window * network.sample_rate / network.n_out
        text += f", {_flop(second)} a second of separated audio"
        unknown += more
    return text + (f", without {', '.join(unknown[:3])}" if unknown else "")


def separation(network, batch):
    """The graph that separates one window of a batch."""
    import tensorflow as tf

    keys = {"mix", *network.batch_keys, *_beside(network)} & set(batch)
    parts = {key: _local(batch[key]) for key in keys}
    specs = {k: tf.TensorSpec([1, *v.shape[1:]], v.dtype) for k, v in parts.items()}
    one = tf.function(lambda given: network(given, training=False)["sources"])
    return one.get_concrete_function(specs).graph


def _beside(network):
    """What a batch tells beside what is seen, if the network sees."""
    return Schema.SEEN if Schema.sight(network.batch_keys) else ()


def foreseen(network, optimizer, batch, graph):
    """A line that tells the memory of a step as its shapes have it."""
    weights = _size(network.variables)
    parts = {
        "weights": weights,
        "gradients": _size(network.trainable_variables),
        "optimizer": _size(optimizer.variables),
        "the best model": weights,
        "batch": sum(
            _local(v).shape.num_elements() * v.dtype.size for v in batch.values()
        ),
        "activations for the gradient": counting.kept_bytes(graph),
    }
    told = ", ".join(f"{what} {_bytes(n)}" for what, n in parts.items())
    return f"memory  {_bytes(sum(parts.values()))} at least: {told}"


def timed(step, batch, stream, watch):
    """Takes steps: (seconds of the first, of the others, their pace)."""

    def taken(batch):
        step.run(batch)
        return float(step.total.numpy())  # waits for the device

    begin = time.perf_counter()
    taken(batch)
    first, seconds = time.perf_counter() - begin, []
    watch.report()
    watch.begin()
    while len(seconds) < STEPS and (not seconds or sum(seconds) < MOST_SECONDS):
        begin = time.perf_counter()
        taken(watch.next(stream))
        seconds.append(time.perf_counter() - begin)
    return first, seconds, watch.report()


def measured(pace):
    """A line that tells what memory was taken."""
    from Models import memory

    text = f"        {pace['memory_gib']:.2f} GiB taken by this process at most"
    if (gpu := meter.gpu_peak()) is not None:
        text += f", {gpu / 2**30:.2f} GiB of a GPU"
    left = memory.at_hand()
    return text + ("" if left is None else f"; {_bytes(left)} are free now")


def checking(network, strategy, found, training, few):
    """(Batches of a validation, seconds of each of a few), (0, 0.0) without a split."""
    from Datasets import pipeline
    from Models import devices

    windows = found.get("validation")
    if windows is None:
        return 0, 0.0
    size = training["batch_size"]
    count = -(-len(windows.tiles()) // size)
    count = min(count, training["validation_steps"] or count)
    mean = Test.MeanLoss(network, strategy=strategy, **feeding.judged(training))
    told = size, not network.separates, devices.place(strategy)
    batches = pipeline.evaluation_batches(windows, *told)
    for n in (1, min(count, few)):  # the first compiles
        begin = time.perf_counter()
        mean(batches.take(n))
    return count, (time.perf_counter() - begin) / n


def times(first, seconds, pace, training, validation):
    """Lines that tell how long steps, epochs and all of a training last."""
    middle, (count, each) = statistics.median(seconds), validation
    steps, epochs = training["steps_per_epoch"], training["max_epochs"]
    epoch = steps * middle + count * each
    heard = f", {pace['x_real_time']:.3g}x real time" if pace["x_real_time"] else ""
    whole, checks = meter.duration(epochs * epoch), meter.duration(count * each)
    return (
        f"time    {middle:.3g} s a step (the median of {len(seconds)}; the first took "
        f"{first:.1f} s, with its compilation){heard}, {pace['input_wait']:.0%} of it "
        "waiting for input\n"
        f"        {meter.duration(epoch)} an epoch of {steps} steps, {checks} of it to "
        f"validate {count} batches; {whole} for all {epochs} epochs, if "
        "training.patience does not end them before"
    )


def disk(network, optimizer):
    """A line that tells what will lie in the folder of the run."""
    weights, state = _size(network.variables), _size(optimizer.variables)
    return (
        f"disk    {_bytes(weights)} of weights in the checkpoint, and two states of "
        f"{_bytes(2 * weights + state)} to go on from"
    )


def _size(variables):
    return sum(v.shape.num_elements() * v.value.dtype.size for v in variables)


def _bytes(n):
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n} B"


def _flop(n):
    for unit, size in (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n / 1e6:.3g} MFLOP"
