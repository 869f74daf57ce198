"""Learning rates: what each schedule is at each step."""

import numpy as np
import pytest

from Learning import knobs, optimizers, schedules
from Schema import InputError


def rates(steps, *given, **options):
    rate = schedules.Rate(*given, **options)
    return [float(rate(step)) for step in steps]


def test_the_ancestors_rate_falls_by_its_factor_without_jumps():
    steps = [0, 1, 1000, 2000, 200_000]
    found = rates(steps, 1e-5, "exponential", decay=0.96, decay_steps=2000)
    expected = [1e-5 * 0.96 ** (step / 2000) for step in steps]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_constant_rate_is_constant_whatever_the_decay():
    assert len(set(rates([0, 5, 10**6], 0.1, "constant", decay=0.5))) == 1


def test_a_cosine_falls_from_the_rate_to_nothing_over_all_steps():
    steps = np.array([0, 25, 50, 75, 100, 200])
    expected = 0.2 * (1 + np.cos(np.pi * np.minimum(steps, 100) / 100)) / 2
    found = rates(steps, 0.2, "cosine", n_steps=100)
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_a_warm_up_rises_in_proportion_to_the_schedule(name):
    options = dict(decay=0.9, decay_steps=10, n_steps=100)
    steps = [0, 1, 4, 5, 9]
    warm = rates(steps, 0.1, name, **options, warmup_steps=5)
    plain = rates(steps, 0.1, name, **options)
    np.testing.assert_allclose(np.divide(warm, plain), [0.2, 0.4, 1, 1, 1], rtol=1e-5)


def test_a_plateau_is_so_many_epochs_without_gain():
    assert schedules.plateaus([5, 4, 4, 4, 3, 3.5, 3.2], 3) == 0
    assert schedules.plateaus([5, 4, 4, 4, 4], 3) == 1
    assert schedules.plateaus([5, 4] + 6 * [4], 3) == 2
    assert schedules.plateaus([5, 6, 6, 4, 6, 6], 2) == 2


def test_a_rate_that_waits_for_plateaus_falls_at_each():
    rate = schedules.Rate(0.1, "plateau", decay=0.5, plateau_epochs=2)
    found = []
    for count in range(1, 7):
        rate.follow(1, [3, 2, 2, 2, 2, 2][:count])
        found.append(float(rate(100)))
    np.testing.assert_allclose(found, [0.1, 0.1, 0.1, 0.05, 0.05, 0.025], rtol=1e-6)


def test_the_second_stage_has_its_own_rate():
    rate = schedules.Rate(0.1, "cosine", n_steps=10, second=1e-5)
    assert float(rate(0)) == pytest.approx(0.1)
    rate.follow(2, [1.0])
    assert float(rate(0)) == float(rate(9)) == pytest.approx(1e-5)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(InputError, match="'cosin'.*exponential, constant, cosine"):
        schedules.Rate(0.1, "cosin")


def test_an_optimizer_uses_the_rate_of_its_step():
    rate = schedules.Rate(0.1, "exponential", decay=0.5, decay_steps=1)
    optimizer = optimizers.optimizer("adam", rate)
    optimizer.iterations.assign(2)
    assert float(optimizer.learning_rate) == pytest.approx(0.025)


def test_a_cosine_that_is_over_before_it_begins_is_refused():
    told = {"schedule": "cosine", "decay_steps": 1, "warmup_steps": 0}
    told |= {"plateau_epochs": 1, "learning_rate": 0.1, "learning_rate_decay": 1.0}
    told |= {"max_epochs": 3, "steps_per_epoch": 10, "second_stage": None}
    knobs.check_cosine(told, 29, "there")
    knobs.check_cosine({**told, "schedule": "exponential"}, 30, "there")
    with pytest.raises(
        InputError, match="ends at step 30, and there goes on at step 3"
    ):
        knobs.check_cosine(told, 31, "there")
