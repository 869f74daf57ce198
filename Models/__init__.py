"""The models, by the name a configuration gives them."""

import importlib
import inspect

import Utils
from Schema import InputError

MODELS = {  # name: "module:class"
    "wave_unet": "Models.wave_unet:WaveUNet",
    "spectrogram_unet": "Models.spectrogram_unet:SpectrogramUNet",
    "correspondence": "Models.correspondence:Correspondence",
}


def model_class(name):
    """The class of a model; its module is imported only now.

    Importing waits until here, so that asking for one model never imports the
    dependencies of another.

    Raises:
      InputError: If there is no such model; it names the nearest one.
    """
    if name not in MODELS:
        hint = Utils.hint(name, MODELS)
        raise InputError(f"no model {name!r}; {hint}the models are {', '.join(MODELS)}")
    module, _, cls = MODELS[name].partition(":")
    return getattr(importlib.import_module(module), cls)


def takes(name, argument):
    """Whether the constructor of a model has an argument."""
    return argument in inspect.signature(model_class(name)).parameters


def build(name, **options):
    """Builds a model from its name and the arguments of its constructor.

    Example:
      >>> model = build(
      ...     "wave_unet", source_names=["vc", "vn"], sample_rate=22050, channels=1
      ... )
      >>> model.n_in, model.n_out
      (16384, 16384)

    Raises:
      InputError: If there is no such model, or its constructor refuses an option.
    """
    return model_class(name)(**options)
