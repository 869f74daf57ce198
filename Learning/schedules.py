"""Learning rates, and the optimizer that follows them."""

import tensorflow as tf


def adam(learning_rate, decay=1.0, decay_steps=1):
    """Adam with a learning rate that falls without jumps.

    The rate at step s is learning_rate * decay ** (s / decay_steps).  It is always a
    schedule, never a variable, so that a resumed run obeys its own configuration.

    Args:
      learning_rate: At step 0; positive.
      decay: Factor for every `decay_steps` steps, in (0, 1].
      decay_steps: Steps, at least 1.

    Returns:
      tf.keras.optimizers.Adam; call it inside the scope of the strategy.
    """
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(
        learning_rate, decay_steps, decay
    )
    return tf.keras.optimizers.Adam(schedule)
