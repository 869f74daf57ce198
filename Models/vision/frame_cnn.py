"""What trainable front ends share, and one that begins from nothing.

Shapes and habits: `online`.
"""

import keras
import tensorflow as tf

from Models.layers.convolution import leaky_relu
from Models.vision.resizing import area_weights, resized
from Schema import InputError

LEAST_SIDE = 16  # pixels of a picture


class FrontEndLayer(keras.layers.Layer):
    """What all trainable front ends share.

    Args:
      size: D.
      **kwargs: Of `keras.layers.Layer`.

    Attributes:
      reach: Frames before and after a frame that its features depend on.
      picture_bytes: Held for a picture while it is looked at, about.

    Raises:
      InputError: If D is impossible; when built, if pictures are not RGB or too small.
    """

    reach = 0

    def __init__(self, size=32, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if size != int(size) or size < 1:
            raise InputError(f"size={size}: expected a whole number of features from 1")
        self.size = size

    def build(self, shape):
        shape = tuple(shape)
        if len(shape) != 6 or shape[-1] != 3 or None in shape[3:5]:
            raise InputError(
                f"frames {shape}: expected [B, P, F, H, W, 3], H and W set"
            )
        if min(shape[3:5]) < LEAST_SIDE:
            raise InputError(
                f"frames of {shape[4]} x {shape[3]} pixels: expected at least "
                f"{LEAST_SIDE} x {LEAST_SIDE}"
            )
        self.picture_bytes = self.bytes_of(*shape[3:5])
        self.build_for(*shape[3:5])
        self.built = True

    def build_for(self, height, width):
        """Makes the weights for pictures of H x W pixels."""
        raise NotImplementedError

    def bytes_of(self, height, width):
        """`picture_bytes` of pictures of H x W pixels."""
        raise NotImplementedError

    def look(self, pictures):
        """Features [N, D] of pictures [N, H, W, C], as `prepared` makes them."""
        raise NotImplementedError

    def prepared(self, frames):
        """What is looked at [B, P, F, H, W, C]; of frames in the weights' dtype."""
        return frames

    def call(self, frames):
        known, asked = frames.shape, tf.shape(frames)
        outer = [asked[i] if known[i] is None else known[i] for i in range(3)]
        x = self.prepared(tf.cast(frames, self.variable_dtype))
        x = self.look(tf.reshape(x, [-1, *x.shape[3:]]))
        return tf.cast(tf.reshape(x, [*outer, self.size]), tf.float32)

    def compute_output_spec(self, frames):
        return keras.KerasTensor((*frames.shape[:3], self.size), "float32")

    def get_config(self):
        return {**super().get_config(), "size": self.size}

    def dense(self, n_in, name):
        """A layer from n_in values to D, built."""
        layer = keras.layers.Dense(self.size, dtype=self.variable_dtype, name=name)
        layer.build([None, n_in])
        return layer


@keras.saving.register_keras_serializable("vimss")
class FrameCNN(FrontEndLayer):
    """A small convolutional network that sees a frame and how it changes.

    It sees the picture, the change from the frame before and the change to the frame
    after; at both ends there is none.  Convolutions of step 2 shrink that
    eightfold; the map is read out as its mean, and, in few channels, as the means of
    `grid` x `grid` cells, so that places are not lost.

    Cost, of the defaults: 33,968 parameters; 12 MFLOP and 0.3 MB of activations for a
    picture of 64 x 64.

    Args:
      size: D.
      channels: Of the four convolutions.
      grid: Cells of the map, along each side, that are read one by one.
      cell_channels: Channels in which they are read.
      **kwargs: Of `keras.layers.Layer`.
    """

    reach = 1
    FLOATS = 30  # held for a pixel: what is seen of it is 9, and made of it twice
    GAIN = 4.0  # of changes: between frames they are a few percent of the range
    STEPS = (2, 2, 2, 1)
    TAPS = (5, 3, 3, 3)

    def __init__(
        self, size=32, channels=(16, 24, 32, 48), grid=4, cell_channels=8, **kwargs
    ):
        super().__init__(size, **kwargs)
        if len(channels) != len(self.STEPS):
            raise InputError(f"channels={channels}: expected {len(self.STEPS)} numbers")
        self.channels, self.grid = list(channels), grid
        self.cell_channels = cell_channels

    def build_for(self, height, width):
        self.convolutions, n_in = [], 9
        kinds = zip(self.channels, self.TAPS, self.STEPS)
        for i, (count, taps, step) in enumerate(kinds):
            layer = self._convolution(count, taps, step, f"convolution_{i}")
            layer.build([None, height, width, n_in])
            height, width, n_in = -(-height // step), -(-width // step), count
            self.convolutions.append(layer)
        self.narrowing = self._convolution(self.cell_channels, 1, 1, "narrowing")
        self.narrowing.build([None, height, width, n_in])
        self.rows = area_weights(self.grid, height)
        self.cols = area_weights(self.grid, width)
        n_in += self.grid**2 * self.cell_channels
        self.read_out = self.dense(n_in, "read_out")

    def bytes_of(self, height, width):
        return 4 * self.FLOATS * height * width

    def _convolution(self, count, taps, step, name):
        return keras.layers.Conv2D(
            *(count, taps, step, "same"),
            activation=leaky_relu,
            kernel_initializer="he_normal",
            dtype=self.variable_dtype,
            name=name,
        )

    def prepared(self, frames):
        x = frames / 127.5 - 1
        change = self.GAIN * (x[:, :, 1:] - x[:, :, :-1])
        none = tf.zeros_like(x[:, :, :1])
        before = tf.concat([none, change], axis=2)
        after = tf.concat([change, none], axis=2)
        return tf.concat([x, before, after], axis=-1)

    def look(self, pictures):
        x = pictures
        for layer in self.convolutions:
            x = layer(x)
        cells = resized(self.narrowing(x), self.rows, self.cols)
        cells = tf.reshape(cells, [-1, self.grid**2 * self.cell_channels])
        return self.read_out(tf.concat([tf.reduce_mean(x, axis=[1, 2]), cells], -1))

    def get_config(self):
        keys = "channels grid cell_channels".split()
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}
