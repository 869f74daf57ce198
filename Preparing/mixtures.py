"""Mixtures of a training, to be listened to."""

from tqdm import tqdm

from Datasets import preview as files
from Datasets.mixtures import Mixtures
from Schema import InputError


def preview(records, split, mixing, count, output, seconds=None, seed=0):
    """Writes mixtures and their sources, and prints how loud they are.

    Args:
      records: `Datasets.records.Records`.
      split: One of its splits.
      mixing: The mixing section of the configuration.
      count: How many mixtures.
      output: Folder of `1/mixture.wav`, ...
      seconds: Of each, or None.
      seed: Of the training stream.

    Raises:
      InputError: If the records cannot be mixed so, or the folder is no preview.
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise InputError(f"n={count}: expected a whole number of mixtures")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not number:
        raise InputError(f"seconds={seconds}: expected a number, or None")

    def bar(examples):
        return tqdm(examples, total=count, unit=" mixtures", desc="preview")

    told = Mixtures(**mixing), count, output, seconds, seed
    written = files.write(records, split, *told, progress=bar)
    for number, sources in enumerate(written, start=1):
        levels = ", ".join(
            f"{name.removesuffix('.wav')} {files.level(audio)} dBFS"
            for name, audio in sources.items()
        )
        print(f"{output}/{number}: {levels}")
