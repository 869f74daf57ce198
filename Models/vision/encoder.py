"""Features of players, as a network makes use of them: learned, over time.

    [B, P, F, D]  ->  [B, P, F, E]      P players, F frames, E = `size`

A player's vector is made of what is seen of it and of what the others do on average:
who moves alone is heard alone.  A frame of zeros is one of a player who is not there:
it stays zeros, and no other sees it (who does not move by a pixel cannot be told from
that, where motion is all that is measured).  Convolutions over time follow, each with
twice the dilation of the one before (van den Oord et al., "WaveNet", 2016), so a frame
knows what its player did before and what comes next.
"""

import keras
import tensorflow as tf

from Models.layers.conditioning import present
from Models.layers.convolution import leaky_relu

TAPS = 5


@keras.saving.register_keras_serializable("vimss")
class PlayersEncoder(keras.layers.Layer):
    """Encodes the features of each player beside those of the others.

    Cost: 2 D E + (TAPS E + 1) E n_layers + E parameters.

    Args:
      size: E.
      n_layers: Convolutions over time.
      **kwargs: Of `keras.layers.Layer`.

    Attributes:
      reach: Frames to each side that a frame's vector depends on.
    """

    def __init__(self, size, n_layers, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.size, self.n_layers = size, n_layers
        self.reach = (TAPS // 2) * (2**n_layers - 1)
        own = {"dtype": self.variable_dtype}
        self.self_ = keras.layers.Dense(size, name="self", **own)
        self.others = keras.layers.Dense(size, use_bias=False, name="others", **own)
        self.convolutions = [
            keras.layers.Conv1D(
                *(size, TAPS),
                padding="same",
                dilation_rate=2**i,
                name=f"time_{i}",
                **own,
            )
            for i in range(n_layers)
        ]

    def build_for(self, n_features):
        """Makes the weights for D features."""
        self.self_.build([None, None, None, n_features])
        self.others.build([None, None, None, n_features])
        for layer in self.convolutions:
            layer.build([None, None, self.size])
        self.built = True

    def call(self, features):
        features = tf.cast(features, self.variable_dtype)
        shape, there = tf.shape(features), present(features)
        others = tf.reduce_sum(features, axis=1, keepdims=True) - features
        n_others = tf.reduce_sum(there, axis=1, keepdims=True) - there
        others /= tf.maximum(n_others, 1)
        x = leaky_relu(self.self_(features) + self.others(others))
        x = tf.reshape(x, [-1, shape[2], self.size])  # [B P, F, E]
        for layer in self.convolutions:
            x += leaky_relu(layer(x))
        x = tf.reshape(x, [shape[0], shape[1], shape[2], self.size])
        return x * there

    def get_config(self):
        return {**super().get_config(), "size": self.size, "n_layers": self.n_layers}
