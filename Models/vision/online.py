"""Trainable front ends: small pictures of the players -> features, inside a model.

    frames     uint8 or float [B, P, F, H, W, 3]   RGB, 0..255
    features   float32 [B, P, F, D]

Each picture is looked at by itself, or with the `reach` frames before and after it: so
features depend neither on other examples and players nor on how a recording was cut.
All compute in the dtype of the weights, since gradients of gains and biases are sums
over all pixels, which come out wrong in bfloat16.

Glossary of shapes: B examples, P players, F frames, D = `size`, N = B P F.
"""

import contextlib

import keras
import tensorflow as tf

import Utils
from Models.layers.convolution import leaky_relu
from Models.vision import frame_embedding
from Models.vision.frame_embedding import SIDE
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


class PretrainedFrames(FrontEndLayer):
    """A network that knows pictures already, then a dense layer; all is trained.

    It sees one frame at a time, resized as `frame_embedding.fitted` does it.  Its batch
    normalisation always uses the moving statistics of the file, which stay as they are,
    so a picture's features do not depend on others; gains and offsets are trained.

    Args:
      size: D.
      weights: File of the network's weights, as of `frame_embedding.weights_file`.
      side: Pixels of the sides that pictures are resized to.
      weights_follow: Whether weights are loaded into the layer later, from a
        checkpoint: no file is read then, and all outputs are NaN until they come.
        It is True in `get_config`, whose reader has the weights of the layer too.
      **kwargs: Of `keras.layers.Layer`.

    Raises:
      InputError: If the file is not there, or, when built, does not fit.
    """

    FLOATS = 60  # held for a pixel; the widest maps have 96 channels at a quarter of it
    network_name = None  # as of `frame_embedding.FrameEmbedding`

    def __init__(
        self, size=32, weights=None, side=SIDE, weights_follow=False, **kwargs
    ):
        super().__init__(size, **kwargs)
        if side < 2 * LEAST_SIDE:
            raise InputError(f"side={side}: expected at least {2 * LEAST_SIDE} pixels")
        self.side, self.weights_path = side, None
        if not weights_follow:
            self.weights_path = frame_embedding.weights_file(self.network_name, weights)

    def build_for(self, height, width):
        with tf.init_scope(), _default_dtype(self.variable_dtype):
            self.network = self.made(self.weights_path, self.side)
        self.rows = area_weights(self.side, height)
        self.cols = area_weights(self.side, width)
        self.read_out = self.dense(self.network.output_shape[-1], "read_out")

    def bytes_of(self, height, width):
        return 4 * (self.FLOATS * self.side**2 + 3 * height * width)

    def made(self, path, side):
        """keras.Model: pictures [N, side, side, 3], 0..255 -> map [N, h, w, C]."""
        raise NotImplementedError

    def look(self, pictures):
        x = resized(pictures, self.rows, self.cols)
        x = self.network(x, training=False)
        return self.read_out(tf.reduce_mean(x, axis=[1, 2]))

    def get_config(self):
        return {**super().get_config(), "side": self.side, "weights_follow": True}


@keras.saving.register_keras_serializable("vimss")
class FrameMobileNet(PretrainedFrames):
    """MobileNetV2 of `frame_embedding`; see `PretrainedFrames` for its arguments.

    Cost: 2.2 M parameters; 0.6 GFLOP for a picture, whatever its size was, at a `side`
    of 224; 0.05 at 64.
    """

    network_name = "mobilenet_v2"

    def made(self, path, side):
        return frame_embedding.mobilenet_v2(path, side)


@keras.saving.register_keras_serializable("vimss")
class FrameResNet50(PretrainedFrames):
    """ResNet-50 of keras.applications; see `PretrainedFrames` for its arguments.

    Cost: 23.6 M parameters; 7.7 GFLOP for a picture at a `side` of 224.  He, Zhang,
    Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
    https://arxiv.org/abs/1512.03385
    """

    network_name = "ResNet50"

    def made(self, path, side):
        return frame_embedding.application(self.network_name, path, side)


ONLINE = {
    "frames_cnn": FrameCNN,
    "frames_mobilenet": FrameMobileNet,
    "frames_resnet50": FrameResNet50,
}


def build(name, /, size, weights=None, **options):
    """Builds a trainable front end.

    Args:
      name: A key of `ONLINE`.
      size: D.
      weights: File of the weights it begins with; of the pretrained ones only.
      **options: Of its class.

    Returns:
      `FrontEndLayer`.

    Raises:
      InputError: If there is none of that name, or weights are not there or not for it.
    """
    if name not in ONLINE:
        near = Utils.nearest(name, ONLINE)
        hint = f"did you mean {near}? " if near else ""
        raise InputError(
            f"no trainable front end {name!r}; {hint}there are {', '.join(ONLINE)}"
        )
    if issubclass(ONLINE[name], PretrainedFrames):
        return ONLINE[name](size, weights=weights, **options)
    if weights is not None:
        raise InputError(f"weights={weights}: {name} begins without; leave them out")
    return ONLINE[name](size, **options)


@contextlib.contextmanager
def _default_dtype(dtype):
    """Lets Keras make layers in a dtype: networks by name take none."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
