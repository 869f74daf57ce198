"""Optimizers by name: the ancestors' Adam, and Muon for convolutions."""

import tensorflow as tf

from Learning import schedules
from Schema import InputError

keras = tf.keras


@keras.utils.register_keras_serializable("vimss")
class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam in one operation a variable: the numbers of TensorFlow 1.

    Keras takes a dozen operations, each of which reads and writes whole variables.
    Its epsilon is not scaled by the correction of the bias, nor is TensorFlow's: the
    "epsilon hat" of Kingma, Ba, "Adam", ICLR 2015, https://arxiv.org/abs/1412.6980.
    """

    def update_step(self, gradient, variable, learning_rate):
        """Changes one variable; called by Keras."""
        if self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        dtype, index = variable.dtype, self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, dtype)
        betas = {f"beta{n}": tf.cast(getattr(self, f"beta_{n}"), dtype) for n in (1, 2)}
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            **{f"{name}_power": tf.pow(beta, step) for name, beta in betas.items()},
            lr=tf.cast(learning_rate, dtype),
            **betas,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


@keras.utils.register_keras_serializable("vimss")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras' Muon, which also takes the kernels of convolutions.

    A kernel [taps, in, out] is one matrix [taps * in, out]; its momentum is replaced
    by the nearest semi-orthogonal matrix, scaled to the size of an Adam step.  All
    other weights, and kernels with fewer than `LEAST` inputs or outputs, get Adam.

    References: Jordan et al., "Muon", 2024, https://kellerjordan.github.io/posts/muon;
    Liu et al., "Muon is Scalable for LLM Training", https://arxiv.org/abs/2502.16982
    """

    LEAST = 4

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 3 or min(variable.shape[1:]) < self.LEAST

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign(m, self.momentum * m + gradient)
        step = gradient + self.momentum * m
        matrix = tf.reshape(step, [-1, variable.shape[-1]])
        update = self.lr_adjust(self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, lr * tf.reshape(update, variable.shape))


def _adam(rate, **ema):
    return FusedAdam(rate, epsilon=1e-8, **ema)


def _muon(rate, **ema):
    # Half the rate where it is Adam: the two differ in how they use it.
    return ConvolutionMuon(
        rate,
        epsilon=1e-8,
        adam_lr_ratio=0.5,
        weight_decay=None,
        adam_weight_decay=None,
        **ema,
    )


OPTIMIZERS = {"adam": _adam, "muon": _muon}


def check(name):
    """Refuses an optimizer that does not exist, with an InputError."""
    if name not in tuple(OPTIMIZERS):  # a list, too, is refused
        raise InputError(
            f"training.optimizer={name!r}: the optimizers are {', '.join(OPTIMIZERS)}"
        )


def optimizer(name, learning_rate, decay=1.0, decay_steps=1, ema=None):
    """An optimizer by name.

    Args:
      name: A key of `OPTIMIZERS`.
      learning_rate: At step 0, positive; it falls without jumps, by `decay` every
        `decay_steps` steps.  Or a `schedules.Rate`, which says all of that itself.
      decay: Factor, in (0, 1].
      decay_steps: Steps, at least 1.
      ema: Share of the old in an average of the weights that each step moves, in
        (0, 1); None: no average.  Polyak, Juditsky, "Acceleration of Stochastic
        Approximation by Averaging", SIAM J. Control Optim. 1992.

    Returns:
      Keras optimizer; call it inside the scope of the strategy.

    Raises:
      InputError: If there is no such optimizer.
    """
    check(name)
    if not isinstance(learning_rate, schedules.Rate):
        told = {"decay": decay, "decay_steps": decay_steps}
        learning_rate = schedules.Rate(learning_rate, **told)
    average = {} if ema is None else {"use_ema": True, "ema_momentum": ema}
    return OPTIMIZERS[name](learning_rate, **average)
