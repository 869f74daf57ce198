"""Weights of the visual networks: files that are there, or a refusal; and their hash.

The small networks that VIMSS ships lie in `weights/`, licences beside them.
"""

import contextlib
import hashlib
import os
import pathlib

import numpy as np

from Schema import InputError

FOLDER = pathlib.Path(__file__).parent / "weights"


def found(name, path=None):
    """The file of a network's weights.

    Args:
      name: File in `weights/` that is meant if there is no path.
      path: The user's own, or None.

    Returns:
      pathlib.Path of a file that exists.

    Raises:
      InputError: If it does not; a network is never left with random weights.
    """
    chosen = pathlib.Path(path) if path is not None else FOLDER / name
    if not chosen.is_file():
        raise InputError(
            f"{chosen} does not exist: name the file of the weights of {name}; "
            "no network starts from random ones"
        )
    return chosen


def fingerprint(paths, *settings):
    """8 hexadecimal digits that change with any of the files or settings."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(pathlib.Path(path).read_bytes()).digest())
    digest.update(repr(settings).encode())
    return digest.hexdigest()[:8]


class LiteNetwork:
    """A TFLite network with one input, on one core.

    Called with float32 [H, W, C], it returns a list of its outputs, each without the
    axis of examples.
    """

    def __init__(self, path):
        """Loads a file.

        Raises:
          InputError: If it is not a TFLite network.
        """
        from ai_edge_litert.interpreter import Interpreter

        try:
            with _silence():
                self._net = Interpreter(model_path=str(path), num_threads=1)
                self._net.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{path} is not a TFLite network ({error})") from None
        self._input = self._net.get_input_details()[0]["index"]
        self._outputs = [one["index"] for one in self._net.get_output_details()]

    def __call__(self, picture):
        self._net.set_tensor(self._input, np.asarray(picture, np.float32)[None])
        self._net.invoke()
        return [self._net.get_tensor(index)[0] for index in self._outputs]


@contextlib.contextmanager
def _silence():
    """Keeps file 2 quiet: LiteRT announces each of its interpreters there."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def sigmoid(x):
    """1 / (1 + exp(-x)), float32, without overflow."""
    return (0.5 * (1 + np.tanh(0.5 * np.asarray(x, np.float32)))).astype(np.float32)
