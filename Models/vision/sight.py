"""What lies between a batch and the condition `visual` of a network.

    frames [B, P, F, H, W, 3]  --online-->  features [B, P, F, D]  --encoder-->  [.., E]

Where a batch holds features, the first of the two is left out.
"""

import tensorflow as tf

from Models.checks import one_of, whole
from Models.vision import online
from Models.vision.encoder import PlayersEncoder
from Schema import InputError

NETWORK = "frames_cnn"  # unless another is named
CHECKPOINT = "checkpoint"  # weights that follow
FEATURES = 32  # of a picture, where no encoder says how many
MOST_LAYERS = 4  # of an encoder: 30 frames to each side; records hold 64 more


def layers(sees, size, channels, n_layers, network=NETWORK, weights=None, dtype=None):
    """The two layers, built.

    Args:
      sees: Whether anything listens to `visual`; else there are none.
      size: D, or [H, W, 3] of pictures, or None.
      channels: E; None: no encoder.
      n_layers: Of the encoder.
      network: A key of `online.ONLINE`.
      weights: File of the weights that it begins with, of a pretrained one (None: as
        of `online.build`); `CHECKPOINT`: they follow, until then they are NaN.
      dtype: Policy of the layers.

    Returns:
      (`online.FrontEndLayer` or None, `PlayersEncoder` or None, features of a player
      behind them, or None).

    Raises:
      InputError: If a value is impossible, or weights are not there.
    """
    one_of("frame_network", network, online.ONLINE)
    pictures = isinstance(size, list | tuple)
    if size is not None:
        check_size(size)
    if channels is not None:
        whole("visual_channels", channels)
        whole("visual_layers", n_layers, 0, MOST_LAYERS)
    looks = encoder = None
    if size is None or not sees:
        return None, None, None if pictures else size
    if pictures:
        told = {"weights": weights}
        if weights == CHECKPOINT and is_pretrained(network):
            told = {"weights_follow": True}
        looks = online.build(
            *(network, channels or FEATURES), name="frames", dtype=dtype, **told
        )
        looks.build((None, None, None, *size))
        size = looks.size
    if channels is not None:
        encoder = PlayersEncoder(channels, n_layers, name="encoder", dtype=dtype)
        encoder.build_for(size)
        size = channels
    return looks, encoder, size


def check_size(size):
    """Raises InputError if a `visual_size` is neither D nor [H, W, 3]."""
    if not isinstance(size, list | tuple):
        whole("visual_size", size)
    elif len(size) != 3 or size[2] != 3:
        raise InputError(f"visual_size={size}: expected [H, W, 3] of pictures")
    else:
        for pixels in size:
            whole("visual_size", pixels)


def is_pretrained(network):
    """Whether a network of `online.ONLINE` begins with weights of a file."""
    return issubclass(online.ONLINE[network], online.PretrainedFrames)


def seen(batch, looks, encoder):
    """A batch with `visual` as fusers read it.

    A black picture is none: its features are zeros, as those of whoever is not seen.

    Args:
      batch: dict.
      looks: Of `layers`.
      encoder: Of `layers`.
    """
    if looks is None and encoder is None:
        return batch
    if looks is None:
        return {**batch, "visual": encoder(batch["visual"])}
    frames = batch["frames"]
    features = looks(frames)
    there = tf.reduce_any(frames > 0, axis=[3, 4, 5])
    features *= tf.cast(there, features.dtype)[..., tf.newaxis]
    return {**batch, "visual": features if encoder is None else encoder(features)}
