"""museval's metrics without museval's other dependencies.

`import museval` imports stempeg, which demands the ffmpeg and ffprobe programs.
The metrics themselves are one file that needs NumPy and SciPy only, and that file
of the installed distribution is loaded here.
"""

import functools
import importlib.metadata
import importlib.util
import pathlib

import numpy as np

from Schema import InputError


class _Overlay:
    """A module, with some of its names replaced for one reader only."""

    def __init__(self, module, **names):
        self._module = module
        self.__dict__.update(names)

    def __getattr__(self, name):
        return getattr(self._module, name)


@functools.cache
def metrics():
    """The module `museval.metrics`, loaded alone.

    Its handler of an exactly singular system names `np.linalg.linalg.LinAlgError`,
    which NumPy 2.4 no longer has.  The loaded module sees a NumPy that has it, so
    that such a system is solved by least squares as intended; NumPy itself stays
    as it is.

    Raises:
      InputError: If museval is not installed.
    """
    folder = importlib.util.find_spec("museval")  # finds; does not import
    if folder is None:
        raise InputError("museval is not installed; `pip install museval` adds it")
    path = pathlib.Path(folder.submodule_search_locations[0]) / "metrics.py"
    spec = importlib.util.spec_from_file_location("museval_metrics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.np = _Overlay(np, linalg=_Overlay(np.linalg, linalg=np.linalg))
    return module


@functools.cache
def version():
    """The version of the installed museval."""
    try:
        return importlib.metadata.version("museval")
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            "museval is not installed; `pip install museval` adds it"
        ) from None
