"""URMP as TFDS records: 44 pieces for 2 to 5 players, one stem a player."""

import pathlib

import Schema
from Datasets.builder import TrackBuilder
from Datasets.inventory import split_ids
from Datasets.urmp import layout


class Builder(TrackBuilder):
    """Reads URMP's own folders; README.md shows the tree that it expects."""

    homepage = "https://doi.org/10.5061/dryad.ng3r749"
    licence = "CC0 1.0"
    labels = tuple(Schema.INSTRUMENTS)

    def splits_of(self, raw):
        """{split: [piece]} of the scheme that the options name."""
        del raw  # URMP's splits are part of this project
        return split_ids(
            pathlib.Path(__file__).parent / "splits", self.builder_config.splits
        )

    def inventory(self, raw):
        """Looks for the pieces of the splits; see `layout.take_stock`."""
        return layout.take_stock(raw, self.splits_of(raw), self.keep_going)
