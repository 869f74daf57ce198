"""The home-made Sound-of-Pixels set as TFDS records: solos of eight instruments."""

import pathlib

from Datasets.builder import TrackBuilder
from Datasets.inventory import by_hash, split_ids
from Datasets.options import Options
from Datasets.sop import layout
from Schema import InputError

SCHEMES = ("folders", "validated")


class Builder(TrackBuilder):
    """Reads the set's own folders; README.md shows the tree that it expects."""

    licence = "None: the set was not published."
    BUILDER_CONFIGS = [Options(splits="folders", sample_rate=22050)]
    labels = layout.VECTOR

    def splits_of(self, raw):
        """{split: [recording]} of the scheme that the options name."""
        scheme, own = self.builder_config.splits, pathlib.Path(raw) / "splits"
        if (own / scheme).is_dir():
            return split_ids(own, scheme)
        if scheme not in SCHEMES:
            raise InputError(
                f"data.splits={scheme!r} is neither of {', '.join(SCHEMES)}, nor a "
                f"folder of {own} that has train.txt, validation.txt and test.txt"
            )
        found = {folder: list(x) for folder, x in layout.recordings(raw).items()}
        if scheme == "folders":
            return found
        shares = (("train", 90), ("validation", 10))
        return {**by_hash(found["train"], shares), "test": found["test"]}

    def inventory(self, raw):
        """Looks for the recordings of the splits; see `layout.take_stock`."""
        return layout.take_stock(raw, self.splits_of(raw), self.keep_going)
