"""Resizing as matrix products, which every device and compiler has."""

import numpy as np
import tensorflow as tf


def area_weights(n_out, n_in):
    """float32 [n_out, n_in]: the means of n_in pixels over n_out equal shares."""
    edges = np.arange(n_out + 1)[:, np.newaxis] * n_in / n_out
    pixels = np.arange(n_in)
    shares = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return (np.maximum(shares, 0) * n_out / n_in).astype(np.float32)


def resized(x, rows, cols):
    """Maps [N, H, W, C] -> [N, h, w, C], as OpenCV's INTER_AREA does it.

    Args:
      x: float [N, H, W, C].
      rows: `area_weights` [h, H].
      cols: `area_weights` [w, W].
    """
    if rows.shape[0] != rows.shape[1]:
        x = tf.einsum("ih,nhwc->niwc", tf.cast(rows, x.dtype), x)
    if cols.shape[0] != cols.shape[1]:
        x = tf.einsum("jw,nhwc->nhjc", tf.cast(cols, x.dtype), x)
    return x
