"""What a training tells of its pace: by a clock that the tests set."""

import types

import numpy as np
import pytest

from Learning import meter


class Clock:
    """A clock, and batches that take their time."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def batches(self, waits, size=3):
        for wait in waits:
            self.now += wait
            yield {"mix": np.zeros([size, 5, 1])}


def paces(waits, step, **options):
    """What is reported of steps that take so long each, in the caller's thread."""
    clock = Clock()
    model = types.SimpleNamespace(n_out=2000, sample_rate=4000)
    watch = meter.Meter(model, clock, **options)
    stream = clock.batches(waits)
    for _ in waits:
        watch.next(stream)
        clock.now += step
    return watch.report(), watch


def test_of_steps_that_block_the_wait_is_the_time_until_batches_come():
    pace, watch = paces([0.5, 0.0, 1.0, 0.5], 1.5, runs_ahead=False)
    assert pace["input_wait"] == pytest.approx(2 / 8)
    assert pace["steps_per_second"] == pytest.approx(4 / 8)
    assert pace["x_real_time"] == pytest.approx(4 * 3 * 0.5 / 8)
    assert watch.epoch()["input_wait"] == pytest.approx(2 / 8)


def simulated(waits, step):
    """(arrivals, end, idle) of an accelerator that queues what it is given."""
    came = np.cumsum(waits)
    free, idle = 0.0, 0.0
    for at in came:
        idle += max(0.0, at - free)
        free = max(free, at) + step
    return list(came), free, idle


@pytest.mark.parametrize(
    "waits",
    [[0.1] * 20, [0.5] + [0.01] * 19, [0.9] * 20, [0.3, 0.3] + [0.01] * 5 + [6.0, 0.1]],
)
def test_an_accelerator_that_has_work_left_does_not_wait(waits):
    arrivals, end, idle = simulated(waits, 0.4)
    assert meter.idle(arrivals, end) == pytest.approx(idle, abs=1e-9)
    assert meter.idle([], 1.0) == 0.0


def test_the_wait_of_an_accelerator_is_what_it_was_idle():
    clock = Clock()
    watch = meter.Meter(None, clock, runs_ahead=True)
    stream = clock.batches([0.2] * 5)
    for _ in range(5):  # the call returns at once
        watch.next(stream)
    clock.now = 100.0 + 0.2 + 5 * 0.3  # the device has worked on, one after the other
    pace = watch.report()
    assert pace["input_wait"] == pytest.approx(0.2 / 1.7)
    assert pace["x_real_time"] is None


def test_an_epoch_is_the_sum_of_its_reports_and_begins_anew():
    _, watch = paces([1.0], 1.0, runs_ahead=False)
    watch._clock.now += 2.0
    watch.report()
    assert watch.epoch()["steps_per_second"] == pytest.approx(1 / 4)
    watch.begin()
    assert watch.epoch()["steps_per_second"] == 0


def test_the_peak_of_memory_grows_with_what_is_taken():
    before = meter.peak()
    taken = np.ones(40 * 2**20 // 8)
    assert 20 * 2**20 < before <= meter.peak() and taken[-1] == 1


@pytest.mark.parametrize(
    "seconds, text",
    [(0.04, "0.0 s"), (45, "45 s"), (125, "2 min 05 s"), (12000, "3 h 20 min")]
    + [(187200, "2 d 04 h")],
)
def test_durations_are_told_in_two_units(seconds, text):
    assert meter.duration(seconds) == text


def test_the_text_beside_the_bar_has_what_is_known():
    pace, _ = paces([1.0], 1.0, runs_ahead=False)
    pace["memory_gib"] = 2.0
    text = meter.bar_text(0.5, pace, 90)
    assert text == (
        "loss 5.000e-01, 0.75x real time, input 50%, 2.0 GiB, all in 1 min 30 s"
    )
    pace["x_real_time"] = None
    assert "real time" not in meter.bar_text(0.5, pace, 90)
