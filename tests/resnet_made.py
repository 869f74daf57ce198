"""ResNet-50 of Keras by its own name and layout, but small enough for tests."""

import contextlib

import pytest
from keras.src.applications import resnet

BLOCKS = [3, 4, 6, 3]  # of each stage of ResNet-50
LAYERS = 17  # convolutions of the small one, each with a batch normalisation
SIZE = 256  # channels of its map


@contextlib.contextmanager
def small():
    """Inside, each stage is one block, an eighth as wide; a list of those asked for."""
    asked, whole = [], resnet.stack_residual_blocks_v1

    def stack(x, filters, blocks, **told):
        asked.append(blocks)
        return whole(x, filters // 8, 1, **told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet, "stack_residual_blocks_v1", stack)
        yield asked
