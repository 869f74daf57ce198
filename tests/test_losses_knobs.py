"""What a user types of losses: sums, orders of sources, sources that are absent."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import Test
from Learning import loop, optimizers
from Models import checkpoints, losses
from Models.losses import orders, table
from Schema import InputError
from tests.losses_made import (
    N_VALID,
    SUM,
    Doubling,
    every_text,
    given,
    gradient,
    mean,
    pair,
    parts,
)
from tests.test_learning import Linear, batches
from tests.training_made import test_, train

BEST, SILENT = {"source_order": "best"}, {"absent_sources": "ignore_silent"}
IGNORE = {"absent_sources": "ignore"}


def two_of_three(slots):
    """A `Doubling` model of another number of slots."""
    model = Doubling()
    model.source_names = [f"s{k}" for k in range(slots)]
    return model


# --- Sums ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text, expected",
    [
        ("si_sdr", [(1.0, "si_sdr")]),
        ("  mean_square+si_sdr ", [(1.0, "mean_square"), (1.0, "si_sdr")]),
        (
            "mean_absolute + 0.5 * multi_resolution_stft",
            [(1.0, "mean_absolute"), (0.5, "multi_resolution_stft")],
        ),
        ("1e-3*snr + .5 *snr+ 2.*snr", [(1e-3, "snr"), (0.5, "snr"), (2.0, "snr")]),
        ("1e+2 * mean_square", [(100.0, "mean_square")]),
    ],
)
def test_a_sum_of_losses_is_read(text, expected):
    assert table.terms(text) == expected


@pytest.mark.parametrize(
    "text, said",
    [
        ("mean_sqare", "no loss 'mean_sqare'; did you mean 'mean_square'"),
        ("snr + 2 * sisdr", "no loss 'sisdr'; did you mean 'si_sdr'"),
        (["mean_square"], r"no loss \['mean_square'\]; .*the losses are mean_square, "),
        (None, "no loss None; the losses are"),
        ("snr 0.5", "loss='snr 0.5' cannot be read; type a loss, or a sum"),
        ("snr * 2", "loss='snr \\* 2' cannot be read"),
        ("2snr", "no loss '2snr'; did you mean 'snr'"),
        ("snr - si_sdr", "loss='snr - si_sdr' cannot be read"),
        ("snr + -1 * si_sdr", "cannot be read"),
        ("__import__('os')", "cannot be read"),
        ("", "loss='' cannot be read"),
        ("0 * snr", "the factor 0 must be positive and finite"),
        ("1e999 * snr", "the factor 1e999 must be positive and finite"),
    ],
)
@pytest.mark.parametrize("function", [Test.batch_loss, Test.MeanLoss])
def test_what_is_no_sum_of_losses_is_refused(text, said, function):
    with pytest.raises(InputError, match=said):
        function(loss=text, model=Doubling())


def test_the_loss_of_a_sum_is_the_sum_of_the_losses():
    for knobs in ({}, SILENT):
        found = mean("0.5 * sum_square + si_sdr + 3*mean_absolute", *pair(), **knobs)
        each = [mean(x, *pair(), **knobs) for x in ("sum_square", "si_sdr")]
        expected = 0.5 * each[0] + each[1] + 3 * mean("mean_absolute", *pair(), **knobs)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


# --- Sources in any order ------------------------------------------------------------
def in_every_order(text, estimates, sources, *others, **knobs):
    """The loss of each example alone, in each of the orders: [B, S!]."""
    found = []
    for order in itertools.permutations(range(sources.shape[1])):
        turned = sources[:, list(order)]
        active = [x[:, list(order)] for x in others[1:]]
        sums, weights = parts(text, estimates, turned, *others[:1], *active, **knobs)
        means = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
        found.append(np.dot([f for f, _ in table.terms(text)], means))
    return np.stack(found, axis=1)


@every_text
@pytest.mark.parametrize("knobs", [{}, IGNORE], ids=["count", "ignore"])
def test_the_best_order_is_the_least_of_all_that_there_are(text, knobs):
    estimates, sources = pair()
    for row, order in ((0, (2, 0, 1)), (1, (1, 2, 0)), (3, (0, 2, 1))):
        sources[row] = sources[row, order]
    active = np.float32([[1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 0, 1]])
    others = N_VALID, active
    sums, weights = parts(text, estimates, sources, *others, **knobs, **BEST)
    means = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    found = np.dot([f for f, _ in table.terms(text)], means)
    every = in_every_order(text, estimates, sources, *others, **knobs)
    np.testing.assert_allclose(found, every.min(axis=1), rtol=1e-6)
    assert np.all(found[[0, 1]] < every[[0, 1], 0] - 1e-4)  # "named" costs more


def test_the_gradient_of_the_best_order_is_that_of_the_sources_in_it():
    estimates, sources = pair()
    expected = gradient(SUM, estimates, sources)
    turned = np.ascontiguousarray(sources[:, [2, 0, 1]])
    np.testing.assert_allclose(gradient(SUM, estimates, turned, **BEST), expected)
    assert np.abs(gradient(SUM, estimates, turned) - expected).max() > 1e-4


def test_of_equal_orders_the_named_one_is_kept():
    np.testing.assert_array_equal(orders.best(tf.zeros([2, 4, 4])), [[0, 1, 2, 3]] * 2)


def test_eight_slots_are_put_in_order_and_nine_are_refused():
    shift = np.arange(8)[:, np.newaxis]
    costs = 1.0 - (shift == 5)  # each estimate i is of source i + 5
    order = orders.best(tf.constant(np.repeat(costs, 8, 1)[np.newaxis], tf.float32))
    np.testing.assert_array_equal(order, [(np.arange(8) + 5) % 8])
    losses.Loss("snr", two_of_three(8), **BEST)
    with pytest.raises(InputError, match="at most 8 slots, and this model has 9; use"):
        losses.Loss("snr", two_of_three(9), **BEST)


@pytest.mark.parametrize(
    "keys, slots, said",
    [
        (("mix", "labels"), "vocabulary", "labels tell this model what is in each"),
        (("mix", "score", "labels"), "conditioned", "labels and score tell"),
        (("mix", "visual"), "conditioned", "and its conditions tell this model"),
    ],
)
def test_slots_that_something_tells_apart_have_an_order(keys, slots, said):
    model = Doubling()
    model.batch_keys, model.slots = keys, slots
    with pytest.raises(InputError, match=said):
        losses.Loss("snr", model, **BEST)


@pytest.mark.parametrize(
    "knob, known",
    [("source_order", "named, best"), ("absent_sources", "count, ignore")],
)
def test_a_knob_of_another_value_is_refused(knob, known):
    with pytest.raises(InputError, match=f"{knob}='any' must be one of {known}"):
        losses.Loss("snr", Doubling(), **{knob: "any"})


def test_whoever_typed_a_knob_reads_it_as_it_was_typed():
    for knobs, said in (
        ({"text": "sn"}, "loss='sn': no loss 'sn'; did you mean 'snr'"),
        ({"text": "snr snr"}, "loss='snr snr' cannot be read"),
        ({"text": "0*snr"}, "loss='0\\*snr': the factor 0"),
        ({"text": "synchrony"}, "loss='synchrony' compares sound"),
        ({"source_order": "b"}, "source_order='b' must be"),
        (BEST, "source_order='best' compares .*; use {}source_order=named"),
        ({"absent_sources": "b"}, "absent_sources='b' must be"),
    ):
        told = {"text": "snr", "model": two_of_three(9), **knobs}
        for section in ("", "training."):
            with pytest.raises(InputError, match="^" + section + said.format(section)):
                losses.Loss(**told, section=section)


# --- Sources that are absent ---------------------------------------------------------
@every_text
def test_an_absent_source_does_not_count_where_it_is_ignored(text):
    estimates, sources = pair()
    sources[:, 2] = 0
    sources[:, 1, :200] = 0  # rests, in the window of 130 samples all of the time
    active = np.float32([[1, 1, 0]] * 4)
    for knobs, kept in ((IGNORE, [2, 2, 2, 2]), (SILENT, [2, 1, 0, 2])):
        given_ = estimates, sources, N_VALID, active
        sums, weights = parts(text, *given_, **knobs)
        np.testing.assert_array_equal(weights, parts(text, *given_)[1])
        for row, n in enumerate(kept):
            if row == 2 or not n:
                assert not sums[:, row].any()
                continue
            one = slice(row, row + 1)
            alone = parts(text, estimates[one, :n], sources[one, :n], N_VALID[one])
            expected = alone[0] / alone[1]
            found = sums[:, one] / weights[:, one]
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    slope = gradient(text, estimates, sources, N_VALID, active, **IGNORE)
    assert not slope[:, 2].any() and slope[3, 1].any()
    counted = gradient(text, estimates, sources, N_VALID, active)
    assert counted[0, 2].any()


def test_a_batch_in_which_nobody_plays_costs_nothing():
    nobody = np.zeros([4, 3], "f")
    assert mean(SUM, *pair(), None, nobody, **IGNORE) == 0
    assert not gradient(SUM, *pair(), None, nobody, **IGNORE).any()


@every_text
def test_the_loss_of_a_batch_is_the_mean_of_those_of_its_parts(text):
    """So many devices, and parts that follow each other, learn what one device does."""
    active = np.float32([[1, 1, 1], [1, 1, 1], [0, 0, 1], [0, 0, 0]])
    of_batch = Test.batch_loss(text, Doubling(), **IGNORE)
    whole = of_batch(*given(*pair(), None, active))
    halves = [
        of_batch(*given(*(x[rows] for x in pair()), None, active[rows]))
        for rows in (slice(0, 2), slice(2, 4))
    ]
    np.testing.assert_allclose(np.mean(halves), whole, rtol=1e-5)


# --- In use --------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["si_sdr", "snr", "multi_resolution_stft", SUM])
def test_training_lessens_the_loss_that_it_is_told(text):
    tf.keras.utils.set_random_seed(0)
    model = Linear()
    model.dense.kernel.assign([[0.3, 0.2], [0.1, 0.4]])
    loss = Test.batch_loss(text, model)
    rows = loop.fit(
        model,
        optimizers.optimizer("adam", 0.05),
        loss,
        batches,
        steps_per_epoch=8,
        max_epochs=2,
        patience=9,
    )
    assert rows[1]["train_loss"] < rows[0]["train_loss"] - 0.05


def test_a_test_repeats_the_loss_of_a_run_or_takes_another(options, here, capsys):
    knobs = [f"loss={SUM}", "source_order=best", "absent_sources=ignore_silent"]
    told = "training.max_epochs=1", *(f"training.{knob}" for knob in knobs)
    result = train(options, *told).result
    told = checkpoints.describe("runs/1")["extra"]
    assert [f"{key}={told[key]}" for key in Test.LOSS] == knobs
    split = "evaluation.split=validation"
    capsys.readouterr()
    assert test_(split) == pytest.approx(result, rel=1e-6)
    assert f"{SUM} best ignore_silent on validation" in capsys.readouterr().out
    named = test_(split, "source_order=named")
    assert named > result
    assert test_(split, "loss=snr", "source_order=named") != named
