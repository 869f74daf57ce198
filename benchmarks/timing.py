"""What a fair comparison of speeds on a noisy machine needs."""

import pathlib
import resource
import statistics
import subprocess
import sys
import time

import tensorflow as tf

ROOT = pathlib.Path(__file__).resolve().parents[1]


def alternate(functions, runs):
    """Times functions in turn, so that a disturbance meets all of them.

    Args:
      functions: {name: function without arguments}; each is called once more before.
      runs: Calls of each.

    Returns:
      {name: list of seconds}.
    """
    for function in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(runs):
        for name, function in functions.items():
            begin = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def gemm_peak(dtype, sizes=(1024, 2048, 4096), runs=7):
    """The fastest matrix product that TensorFlow computes here, in FLOP/s."""
    best = 0.0
    for n in sizes:
        a, b = (tf.cast(tf.random.normal([n, n]), dtype) for _ in range(2))
        product = tf.function(lambda a=a, b=b: tf.matmul(a, b))
        taken = alternate({n: lambda product=product: product()[0, 0].numpy()}, runs)
        best = max(best, 2 * n**3 / statistics.median(taken[n]))
    return best


def peak_rss(module, *arguments):
    """GiB at the peak of a process of its own: `python -m module *arguments`.

    The process prints `own_peak_rss()` last.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    done.check_returncode()
    return float(done.stdout.split()[-1])


def own_peak_rss():
    """GiB that this process has occupied at most."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**30 if sys.platform == "darwin" else 2**20)
