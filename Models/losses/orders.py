"""The order of the sources that costs an example least.

For estimates that no name and no seat belongs to: Yu, Kolbaek, Tan, Jensen,
"Permutation Invariant Training of Deep Models for Speaker-Independent Multi-talker
Speech Separation", ICASSP 2017, https://arxiv.org/abs/1607.00325.

Costs are float32 [B, S, S]: at [b, k, i] that of estimate i with source i + k, counted
round; so S losses of S sources tell those of all S! orders.
"""

import itertools

import numpy as np
import tensorflow as tf

MOST = 8  # slots; 8! orders are compared


def best(costs):
    """The order whose costs are the least in all; of equals the first, "as it is".

    Args:
      costs: As above; S is at most `MOST`.

    Returns:
      int32 [B, S]: the source of each estimate.
    """
    n = costs.shape[-1]
    orders = np.array([*itertools.permutations(range(n))], np.int32)  # [S!, S]
    places = (orders - np.arange(n)) % n * n + np.arange(n)
    flat = tf.reshape(costs, [-1, n * n])
    total = tf.reduce_sum(tf.gather(flat, places, axis=1), axis=-1)  # [B, S!]
    return tf.gather(orders, tf.argmin(total, axis=1))


def ordered(x, order):
    """A tensor [B, S, ...] in an order [B, S] of each example."""
    return tf.gather(x, order, axis=1, batch_dims=1)
