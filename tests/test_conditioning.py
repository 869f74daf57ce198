"""Conditions and fusers alone: on time, exact at the start, sensitive afterwards."""

import numpy as np
import pytest
import tensorflow as tf

from Models.fusers import KINDS
from Models.layers.conditioning import Clock, Condition, Conditioner

N_BATCH, N_TIME, N_CHANNELS, SIZE, N_FRAMES = 3, 12, 5, 4, 6
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(N_BATCH, N_TIME, N_CHANNELS))
CLOCK = Clock(first=0.5, step=1.0, sample_rate=10)


def normal(*shape):
    return tf.constant(RANDOM.normal(size=shape))


def condition_of(timed, n_tokens=3):
    n_frames = N_FRAMES if timed else 1
    tokens = normal(N_BATCH, n_frames, n_tokens, SIZE)
    start = tf.constant([0.0, -0.2, 0.1], tf.float64) if timed else None
    values = tf.reduce_sum(tokens, axis=2)
    return Condition(values, tokens, start, 5.0 if timed else None)


def fuser_of(kind, timed, spread=0.0):
    fuser = KINDS[kind](dtype="float64")
    fuser.build_for(N_CHANNELS, SIZE, timed)
    for weight in fuser.trainable_variables:
        weight.assign(weight + spread * RANDOM.normal(size=weight.shape))
    return fuser


@pytest.mark.parametrize(
    "first, step, n_time, frames",
    [
        (0.25, 0.5, 8, [0, 0, 1, 1, 2, 2, 3, 3]),  # slower frames: each is held
        (0.5, 1.0, 4, [0, 1, 2, 3]),
        (1.0, 2.0, 2, [1, 3]),  # a step in the first instant of a frame
        (0.999, 2.0, 2, [0, 2]),  # and just before
        (-1.5, 1.0, 4, [0, 0, 0, 1]),  # context before the first frame
        (2.5, 1.0, 4, [2, 3, 3, 3]),  # the frames end first
    ],
)
def test_a_step_gets_the_frame_that_is_on_in_its_middle(first, step, n_time, frames):
    values = tf.reshape(tf.range(4.0), [1, 4, 1])
    condition = Condition(values, values, tf.zeros([1], tf.float64), 7.0)
    clock = Clock(first / 7 * 70, step / 7 * 70, 70)
    laid = condition.at_time(values, clock, n_time)
    assert laid[0, :, 0].numpy().tolist() == frames


def test_each_example_has_a_clock_of_its_own_and_may_look_ahead():
    values = tf.reshape(tf.range(4.0), [1, 4, 1]) * tf.ones([2, 1, 1])
    starts = tf.constant([0.0, -1.0], tf.float64)
    condition = Condition(values, values, starts, 1.0)
    laid = condition.at_time(values, Clock(0.5, 1.0, 1), 3)
    assert laid[..., 0].numpy().tolist() == [[0, 1, 2], [1, 2, 3]]
    laid = condition.at_time(values, Clock(0.5, 1.0, 1), 3, later=1)
    assert laid[..., 0].numpy().tolist() == [[1, 2, 3], [2, 3, 3]]


@pytest.mark.parametrize("timed", [False, True], ids=["fixed", "timed"])
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"outer_product"}))
def test_a_fuser_begins_as_the_identity(kind, timed):
    fuser = fuser_of(kind, timed)
    y = fuser(X, condition=condition_of(timed), clock=CLOCK).numpy()
    np.testing.assert_array_equal(y[..., :N_CHANNELS], X)
    assert not y[..., N_CHANNELS:].any()
    assert y.shape[-1] == fuser.channels_out(N_CHANNELS, SIZE)


def reference(kind, fuser, x, tokens):
    """The definition, for one step x [C] and the tokens [P, D] that it looks at."""
    z = tokens.sum(axis=0)

    def dense(name, z):
        layer = getattr(fuser, name)
        return z @ layer.kernel.numpy() + layer.bias.numpy()

    if kind == "concatenation":
        return np.concatenate([x, dense("projection", z)])
    if kind == "additive_gating":
        return x + dense("shift", z)
    if kind == "multiplicative_gating":
        return x * 2 / (1 + np.exp(-dense("gate", z)))
    if kind == "film":
        return (1 + dense("scale", z)) * x + dense("shift", z)
    if kind == "outer_product":
        return np.outer(x, z).ravel()
    query, nothing = dense("query", x), fuser.nothing.numpy()
    seen = [m for m in tokens if m.any()]
    keys = np.array([*(dense("key", m) for m in seen), nothing[0]])
    values = np.array([*(dense("value", m) for m in seen), nothing[1]])
    if kind == "additive_attention":
        scores = [np.tanh(query + keys) @ fuser.judge.numpy()]
    else:
        halves = [np.split(query, 2), np.split(keys, 2, axis=1)]
        scores = [k @ q / np.sqrt(len(q)) for q, k in zip(*halves)]
    parts = np.split(values, len(scores), axis=1)
    shares = [np.exp(s) / np.exp(s).sum() for s in scores]
    mixed = np.concatenate([share @ part for share, part in zip(shares, parts)])
    return x + dense("mixture", mixed)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_fuser_is_the_formula_of_its_docstring(kind):
    fuser, condition = fuser_of(kind, False, spread=0.5), condition_of(False)
    tokens = condition.tokens.numpy()
    tokens[1, 0, 2] = 0  # an absent token
    condition = Condition(tf.constant(tokens.sum(axis=2)), tf.constant(tokens))
    found = fuser(X, condition=condition, clock=CLOCK)
    expected = [
        [reference(kind, fuser, x, t[0]) for x in row] for row, t in zip(X, tokens)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


# Attention also sees the frames around a step.
@pytest.mark.parametrize("kind", [k for k in sorted(KINDS) if "attention" not in k])
def test_a_condition_that_changes_acts_as_at_each_step_alone(kind):
    fuser, condition = fuser_of(kind, True, spread=0.5), condition_of(True)
    tokens = condition.at_time(condition.tokens, CLOCK, N_TIME).numpy()
    found = fuser(X, condition=condition, clock=CLOCK)
    expected = [
        [reference(kind, fuser, x, t) for x, t in zip(row, row_tokens)]
        for row, row_tokens in zip(X, tokens)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["additive_attention", "multiplicative_attention"])
def test_attention_sees_two_frames_back_and_ahead_and_tells_them_apart(kind):
    fuser = fuser_of(kind, True, spread=0.5)
    tokens = RANDOM.normal(size=(1, 9, 2, SIZE))
    clock = Clock(0.5, 1.0, 1)  # a step a frame

    def fused(tokens):
        tokens = tf.constant(tokens)
        values = tf.reduce_sum(tokens, axis=2)
        condition = Condition(values, tokens, tf.zeros([1], tf.float64), 1.0)
        return fuser(X[:1, :9], condition=condition, clock=clock).numpy()[0]

    before, changed, swapped = fused(tokens), tokens.copy(), tokens.copy()
    changed[0, 4] += 1
    moved = np.abs(fused(changed) - before).max(axis=1) > 1e-6
    assert moved.tolist() == [2 <= step <= 6 for step in range(9)]
    swapped[0, [3, 5]] = swapped[0, [5, 3]]
    assert np.abs(fused(swapped)[4] - before[4]).max() > 1e-4


@pytest.mark.parametrize("timed", [False, True], ids=["fixed", "timed"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_map_the_weights_and_the_condition_receive_gradients(kind, timed):
    fuser, condition = fuser_of(kind, timed, spread=0.5), condition_of(timed)
    x, of_values = tf.constant(X), kind.find("attention") < 0
    given = condition.values if of_values else condition.tokens
    with tf.GradientTape() as tape:
        tape.watch([x, given])
        y = fuser(x, condition=condition, clock=CLOCK)
        loss = tf.reduce_sum(tf.sin(y))
    gradients = tape.gradient(loss, [x, given, *fuser.trainable_variables])
    for gradient in gradients:
        assert gradient is not None and np.abs(gradient).max() > 1e-9


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_cost_line_counts_the_parameters(kind):
    c, d, a = N_CHANNELS, SIZE, 16
    expected = {
        "concatenation": d * (d + 1),
        "additive_gating": c * (d + 1),
        "multiplicative_gating": c * (d + 1),
        "outer_product": 0,
        "film": 2 * c * (d + 1),
        "additive_attention": (2 * c + 2 * d + 6) * a + c,
        "multiplicative_attention": (2 * c + 2 * d + 5) * a + c,
    }
    assert fuser_of(kind, False).count_params() == expected[kind]
    more = 5 * a if "attention" in kind else 0
    assert fuser_of(kind, True).count_params() == expected[kind] + more


def test_bfloat16_maps_are_fused_in_float32():
    fuser = KINDS["film"](dtype="mixed_bfloat16")
    fuser.build_for(1, 2)
    fuser.scale.bias.assign([0.5])
    x = tf.ones([1, 100_000, 1], tf.bfloat16)
    values = tf.zeros([1, 1, 2])
    with tf.GradientTape() as tape:
        y = fuser(x, condition=Condition(values, values[:, :, None]), clock=CLOCK)
        loss = tf.reduce_sum(tf.cast(y, tf.float32))
    assert y.dtype == tf.bfloat16 and float(y[0, 0, 0]) == 1.5
    # A sum of so many ones in bfloat16 stops at 256.
    assert float(tape.gradient(loss, fuser.scale.bias.value)[0]) == 100_000


def conditioned(kind, batch, **options):
    layer = Conditioner(kind, **options, dtype="float64")
    layer.build()
    assert set(batch) == set(layer.keys)
    return layer({key: tf.constant(value) for key, value in batch.items()}), layer


def test_labels_are_one_vector_and_a_token_each():
    labels = np.array([[1.0, 0, 1], [0, 1, 0]])
    found, _ = conditioned("labels", {"labels": labels}, size=3)
    np.testing.assert_array_equal(found.values[:, 0], labels)
    np.testing.assert_array_equal(found.tokens[:, 0], [np.diag(r) for r in labels])


def test_labels_of_slots_are_examples():
    labels = np.eye(3)[[[0, 2], [1, 1]]]  # [B, N, L]
    found, _ = conditioned("labels", {"labels": labels}, size=3, per_slot=True)
    np.testing.assert_array_equal(found.values[:, 0], labels.reshape(4, 3))
    np.testing.assert_array_equal(found.tokens[:, 0, 0], labels.reshape(4, 3))


@pytest.mark.parametrize("per_slot", [False, True])
def test_a_score_is_a_sequence_with_a_clock(per_slot):
    score, start = RANDOM.random((2, 3, 5)), np.array([-0.5, 0.25])
    size = 1 if per_slot else 3
    found, _ = conditioned(
        "score",
        {"score": score, "score_start": start},
        size=size,
        rate=10.0,
        per_slot=per_slot,
    )
    expected = score.reshape(6, 5, 1) if per_slot else score.transpose(0, 2, 1)
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_array_equal(found.start, np.repeat(start, 3 if per_slot else 1))
    assert found.rate == 10.0


@pytest.mark.parametrize("per_slot", [False, True])
def test_players_that_are_not_seen_count_for_nothing(per_slot):
    visual = RANDOM.normal(size=(2, 3, 5, 4))  # [B, P, F, D]
    seen = np.array([[1.0, 0, 1], [0, 0, 0]])
    batch = {"visual": visual, "has_visual": seen, "visual_start": np.zeros(2)}
    options = dict(size=4, rate=10.0, null=True, per_slot=per_slot)
    found, layer = conditioned("visual", batch, **options)
    layer.unknown.assign([1.0, 2, 3, 4])
    found = layer({key: tf.constant(value) for key, value in batch.items()})
    unknown = np.broadcast_to([1.0, 2, 3, 4], (5, 4))
    if per_slot:
        rows = zip(visual.reshape(6, 5, 4), seen.ravel())
        expected = [row if is_seen else unknown for row, is_seen in rows]
    else:
        expected = [(visual[0, 0] + visual[0, 2]) / 2, unknown]
    np.testing.assert_allclose(found.values, expected)
    assert not found.tokens[-1].numpy().any()


def test_a_vector_that_does_not_change_needs_no_clock():
    visual = RANDOM.normal(size=(2, 1, 1, 4))
    found, _ = conditioned("visual", {"visual": visual}, size=4)
    np.testing.assert_array_equal(found.values, visual[:, 0])
    assert found.rate is None and found.start is None


def test_unknown_labels_begin_as_anyone_may_play_and_are_learnt():
    labels, known = np.array([[1.0, 0, 1], [0, 1, 0]]), np.array([1.0, 0])
    batch = {"labels": labels, "has_labels": known}
    found, layer = conditioned("labels", batch, size=3, null=True)
    np.testing.assert_array_equal(found.values[:, 0], [[1, 0, 1], [1, 1, 1]])
    assert [w.name for w in layer.trainable_variables] == ["null"]
    assert not found.tokens[1].numpy().any()
