"""How fast a training goes, what it waits for, and how long it still runs."""

import pathlib
import sys
import time

import psutil
import tensorflow as tf


class Meter:
    """Measures the steps of a training by the clock of whoever starts them.

    No device is asked, so none is made to wait.  A CPU has computed a step when the
    call returns, and what passes before the next batch is there is lost.  Accelerators
    compute meanwhile: see `idle`.
    """

    def __init__(self, model=None, clock=time.perf_counter, runs_ahead=None):
        """Begins to measure.

        Args:
          model: If it has `n_out` and `sample_rate`, what it learns from is told in
            seconds of audio.
          clock: clock() -> s.
          runs_ahead: Whether steps are computed after the call that starts them has
            returned; None: where there is an accelerator.
        """
        rate = getattr(model, "sample_rate", None)
        self._seconds = model.n_out / rate if rate else None  # of an example
        self._clock = clock
        if runs_ahead is None:
            kinds = ("GPU", "TPU")
            runs_ahead = any(tf.config.list_logical_devices(kind) for kind in kinds)
        self._runs_ahead = runs_ahead
        self.begin()

    def begin(self):
        """Forgets what was measured: an epoch begins."""
        self._whole = {"steps": 0, "examples": 0, "seconds": 0.0, "waited": 0.0}
        self._forget()

    def _forget(self):
        self._since, self._waits, self._arrivals = self._clock(), [], []
        self._examples = 0

    def next(self, stream):
        """The next batch of an iterator, or None at its end; the wait counts."""
        asked = self._clock()
        batch = next(stream, None)
        came = self._clock()
        self._waits.append(came - asked)
        self._arrivals.append(came - self._since)
        self._examples += examples(batch)
        return batch

    def report(self):
        """The pace since the last report, as `pace` gives it; the device is done."""
        seconds, count = self._clock() - self._since, len(self._arrivals)
        waited = sum(self._waits)
        if self._runs_ahead:
            waited = min(waited, idle(self._arrivals, seconds))
        now = {"steps": count, "examples": self._examples}
        now |= {"seconds": seconds, "waited": waited}
        self._whole = {key: self._whole[key] + now[key] for key in now}
        self._forget()
        return self._pace(now)

    def epoch(self):
        """The pace of all reports since the beginning of the epoch."""
        return self._pace(self._whole)

    def _pace(self, told):
        """Dict with the keys `Learning.history.TIMINGS`; x_real_time may be None."""
        seconds = max(told["seconds"], 1e-9)
        pace = {
            "steps_per_second": told["steps"] / seconds,
            "x_real_time": None,
            "input_wait": told["waited"] / seconds,
            "memory_gib": peak() / 2**30,
        }
        if self._seconds is not None:
            pace["x_real_time"] = told["examples"] * self._seconds / seconds
        return pace


def idle(arrivals, end):
    """Seconds in which a device that computes one step after the other had none.

    It cannot begin a step before the batch is there.  If every step takes d seconds,
    the last is done at max_k(arrival_k + (n - k) d), k from 0; that this is `end`
    gives d.

    Args:
      arrivals: When the batch of each of n steps was there, s from the beginning.
      end: When the last step was done.
    """
    n = len(arrivals)
    if not n:
        return 0.0
    step = min((end - came) / (n - k) for k, came in enumerate(arrivals))
    return max(0.0, end - n * step)


def examples(batch):
    """How many examples a batch has, on all replicas that this process feeds."""
    if not batch:
        return 0
    value = next(iter(batch.values()))
    return sum(part.shape[0] for part in getattr(value, "values", (value,)))


def peak():
    """Bytes of main memory that this process has occupied at most.

    Linux tells of the process itself; what getrusage tells there may be its parent's.
    """
    try:
        status = pathlib.Path("/proc/self/status").read_text("utf-8")
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) << 10
    except (OSError, KeyError):
        pass
    told = psutil.Process().memory_info()
    if hasattr(told, "peak_wset"):  # Windows
        return told.peak_wset
    import resource  # which Windows lacks

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def gpu_peak():
    """Bytes that TensorFlow has taken of the fullest GPU at most; None without one."""
    names = [gpu.name for gpu in tf.config.list_logical_devices("GPU")]
    told = tf.config.experimental.get_memory_info
    names = [name.partition("device:")[2] for name in names]
    return max((told(name)["peak"] for name in names), default=None)


def bar_text(loss, pace, left):
    """What stands beside the bar of an epoch.

    Args:
      loss: Mean of the steps since the last report.
      pace: Of `Meter.report`.
      left: Seconds until the last epoch has ended, if none is the last before.
    """
    parts = [f"loss {loss:.3e}"]
    if pace["x_real_time"] is not None:
        parts.append(f"{pace['x_real_time']:.3g}x real time")
    parts.append(f"input {pace['input_wait']:.0%}")
    parts.append(f"{pace['memory_gib']:.1f} GiB")
    if (gpu := gpu_peak()) is not None:
        parts.append(f"GPU {gpu / 2**30:.1f} GiB")
    return ", ".join([*parts, f"all in {duration(left)}"])


def duration(seconds):
    """Seconds as text: 45 s, 12 min 05 s, 3 h 20 min, 2 d 04 h."""
    whole = max(0, round(seconds))
    for least, big, small, names in (
        (86400, 86400, 3600, ("d", "h")),
        (3600, 3600, 60, ("h", "min")),
        (60, 60, 1, ("min", "s")),
    ):
        if whole >= least:
            return f"{whole // big} {names[0]} {whole % big // small:02d} {names[1]}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
