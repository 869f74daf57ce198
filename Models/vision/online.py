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
from Models.vision import frame_embedding
from Models.vision.frame_cnn import LEAST_SIDE, FrameCNN, FrontEndLayer
from Models.vision.frame_embedding import SIDE
from Models.vision.resizing import area_weights, resized
from Schema import InputError


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
