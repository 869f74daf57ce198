"""A picture -> what an image network sees in it: a vector, or a map of 7 x 7 vectors.

Networks are Keras models, so they run offline, or inside a model and are trained on.
Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.

    frames    uint8 or float32 [N, H, W, 3]   RGB, 0..255
    vector    float32 [N, D]                  mean of the map; D = 1280 for MobileNetV2
    map       float32 [N, h, w, D]            h = w = 7 for pictures of 224 x 224
    logits    float32 [N, 26]                 of the ImageNet classes with instruments
"""

import contextlib
import os
import pathlib
import sys
import warnings

import cv2
import keras
import numpy as np
from keras import layers

import Utils
from Models.vision.weights import fingerprint, found
from Schema import InputError

WEIGHTS = "mobilenet_v2_int8.npz"
SIDE = 224  # pixels that the networks were trained with
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
CACHED = {  # what keras.applications keeps in <home>/models once it was downloaded
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
}
BLOCKS = (  # expansion, channels, repetitions, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class FrameEmbedding:
    """An image network with its weights.

    Attributes:
      name: Network, and a hash of its weights.
      network: keras.Model: frames [N, 224, 224, 3] -> map.
      size: D.
    """

    def __init__(self, network="mobilenet_v2", weights=None):
        """Builds a network.

        Args:
          network: "mobilenet_v2", whose weights VIMSS ships, or the name of one of
            keras.applications, as ResNet50.
          weights: File: .npz for mobilenet_v2 (None: ours); what `load_weights` reads
            for others, without their classifier (None: what Keras has downloaded,
            `CACHED`).

        Raises:
          InputError: If there is no such network, or its weights are not there or do
            not fit.
        """
        path = weights_file(network, weights)
        if network == "mobilenet_v2":
            self.network = mobilenet_v2(path)
        else:
            self.network = application(network, path)
        self.name = f"{network}-{fingerprint([path])}"
        self.path, self.size = path, self.network.output_shape[-1]
        self._run = None

    def maps(self, frames):
        """Frames [N, H, W, 3] of any size -> float32 [N, h, w, D]."""
        if self._run is None:
            import tensorflow as tf

            shape = (None, SIDE, SIDE, 3)
            self._run = tf.function(
                lambda x: self.network(x, training=False),
                input_signature=[tf.TensorSpec(shape, tf.float32)],
            )
        return self._run(fitted(frames)).numpy()

    def vectors(self, frames):
        """Frames [N, H, W, 3] of any size -> float32 [N, D]."""
        return self.maps(frames).mean(axis=(1, 2), dtype=np.float32)

    def instruments(self, frames):
        """(names, logits float32 [N, 26]) of the instruments that ImageNet knows.

        Raises:
          InputError: If the network's file has no classifier for them.
        """
        with (
            np.load(self.path)
            if self.path.suffix == ".npz"
            else contextlib.nullcontext({}) as file
        ):
            if "head/w" not in file:
                raise InputError(f"{self.path} has no classifier of instruments")
            names, weights = [str(n) for n in file["head/names"]], file["head/w"]
            logits = self.vectors(frames) @ weights.astype(np.float32).T
            return names, logits + file["head/b"].astype(np.float32)


def fitted(frames):
    """Frames as the networks take them: float32 [N, 224, 224, 3], 0..255."""
    sized = [
        cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for frame in frames
    ]
    return np.stack(sized).astype(np.float32)


def weights_file(network, weights=None):
    """The file of the weights of a network.

    Args:
      network: As of `FrameEmbedding`.
      weights: The user's own file, or None: the one that VIMSS ships, or that Keras has
        downloaded before.

    Returns:
      pathlib.Path of a file that exists.

    Raises:
      InputError: If it does not, or there is no such network.
    """
    if network == "mobilenet_v2":
        return found(WEIGHTS, weights)
    _check(network)
    if weights is not None:
        return found(network, weights)
    home = pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    cached = home / "models" / CACHED[network] if network in CACHED else None
    if cached is not None and cached.is_file():
        return cached
    absent = f", and {cached} does not exist" if cached else ""
    raise InputError(
        f"{network} has no weights: none are named{absent}; say weights=FILE, as "
        f"keras.applications.{network}(include_top=False).save_weights(FILE) writes it "
        "where there is a network (FILE ends in .weights.h5)"
    )


def application(name, path, side=SIDE):
    """A network of keras.applications without its classifier, weights from a file.

    Args:
      name: Its name there.
      path: What `load_weights` reads; None: all weights are NaN until they are loaded.
      side: Pixels of the frames' sides.

    Raises:
      InputError: If there is none of that name, or the file does not fit.
    """
    _check(name)
    build = getattr(keras.applications, name)
    prepare = sys.modules[build.__module__].preprocess_input
    frames = keras.Input((side, side, 3))
    body = build(include_top=False, weights=None, input_shape=(side, side, 3))
    _unset(body)
    if path is not None:
        _load(name, body, path)
    return keras.Model(frames, body(prepare(frames)), name=name.lower())


def _check(name):
    """Refuses names that keras.applications does not have."""
    known = [n for n, f in vars(keras.applications).items() if _builds(f)]
    if name not in known:
        near = Utils.nearest(name, known)
        hint = f"did you mean {near}? " if near else ""
        raise InputError(
            f"no image network {name!r}; {hint}there are mobilenet_v2 and those of "
            "keras.applications"
        )


def _unset(network):
    """Makes all weights NaN: a network whose weights never come says so."""
    for weight in network.weights:
        weight.assign(np.full(weight.shape, np.nan))


def _load(name, body, path):
    """Weights from a file, all of them."""
    try:
        with warnings.catch_warnings(action="ignore"):
            body.load_weights(str(path))
    except Exception as error:  # each format fails in its own way
        raise InputError(f"{path} does not fit {name} ({error})") from None
    missing = [w.path for w in body.weights if np.isnan(w.numpy()).any()]
    if missing:
        raise InputError(f"{path} lacks weights of {name}, as {missing[0]}")


def mobilenet_v2(path, side=SIDE):
    """MobileNetV2 from our file: frames [N, 224, 224, 3], 0..255 -> [N, 7, 7, 1280].

    Args:
      path: Our file; None: all weights are NaN until they are loaded.
      side: Pixels of the frames' sides, instead of 224; the map has a 32nd of them.

    Raises:
      InputError: If the file lacks a weight.
    """
    frames = keras.Input((side, side, 3))
    scale = [1 / (255 * deviation) for deviation in DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION)]
    x = layers.Rescaling(scale, offset)(frames)
    filled = []  # (convolution, normalisation, their names in the file)
    x = _convolved(x, 32, "features.0.", "0", "1", filled, kernel=3, stride=2)
    k = 1
    for expansion, channels, repetitions, stride in BLOCKS:
        for step in [stride] + [1] * (repetitions - 1):
            x = _block(x, expansion, channels, step, f"features.{k}.conv.", filled)
            k += 1
    x = _convolved(x, 1280, f"features.{k}.", "0", "1", filled)
    network = keras.Model(frames, x, name="mobilenet_v2")
    if path is None:
        _unset(network)
        return network
    try:
        with np.load(path) as file:
            for convolution, normalisation, first, second in filled:
                _fill(file, convolution, normalisation, first, second)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"{path} does not hold the weights of mobilenet_v2 ({error})"
        ) from None
    return network


def _block(x, expansion, channels, stride, name, filled):
    """Inverted residual: wider, filtered channel by channel, narrower."""
    inside, wide = x, x.shape[-1] * expansion
    k = 0
    if expansion > 1:
        inside = _convolved(inside, wide, name, "0.0", "0.1", filled)
        k = 1
    inside = _convolved(
        *(inside, None, name, f"{k}.0", f"{k}.1", filled), kernel=3, stride=stride
    )
    names = (f"{k + 1}", f"{k + 2}")
    inside = _convolved(inside, channels, name, *names, filled, active=False)
    same = stride == 1 and x.shape[-1] == channels
    return layers.Add()([x, inside]) if same else inside


def _convolved(
    x, channels, name, first, second, filled, kernel=1, stride=1, active=True
):
    """Convolution (of each channel alone if channels is None), normalisation, ReLU6."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2)(x)
    plain = {"use_bias": False, "name": (name + first).replace(".", "_")}
    if channels is None:
        convolution = layers.DepthwiseConv2D(kernel, stride, **plain)
    else:
        convolution = layers.Conv2D(channels, kernel, stride, **plain)
    named = (name + second).replace(".", "_")
    normalisation = layers.BatchNormalization(epsilon=1e-5, name=named)
    x = normalisation(convolution(x))
    filled.append((convolution, normalisation, name + first, name + second))
    return layers.ReLU(6)(x) if active else x


def _fill(file, convolution, normalisation, first, second):
    """Weights of a convolution, int8 times a scale for each channel, and of a norm."""
    kernel = file[f"{first}.weight"].astype(np.float32)  # [out, in, h, w]
    kernel *= file[f"{first}.weight/scale"].reshape(-1, 1, 1, 1)
    each = isinstance(convolution, layers.DepthwiseConv2D)
    convolution.set_weights([kernel.transpose((2, 3, 0, 1) if each else (2, 3, 1, 0))])
    parts = ("weight", "bias", "running_mean", "running_var")
    normalisation.set_weights([file[f"{second}.{part}"] for part in parts])


def _builds(function):
    return callable(function) and "include_top" in getattr(
        getattr(function, "__code__", None), "co_varnames", ()
    )
