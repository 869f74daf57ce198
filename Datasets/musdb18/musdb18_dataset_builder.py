"""MUSDB18 as TFDS records: 150 songs in four stems."""

import pathlib

from Datasets.builder import TrackBuilder
from Datasets.inventory import split_ids
from Datasets.musdb18 import layout
from Datasets.options import Options

SPLITS = pathlib.Path(__file__).parent / "splits"


class Builder(TrackBuilder):
    """Reads `.stem.mp4`; README.md shows the tree that it expects."""

    homepage = "https://sigsep.github.io/datasets/musdb.html"
    licence = "Academic use only; some songs are under CC BY-NC-SA, others restricted."
    BUILDER_CONFIGS = [Options(splits="parser", sample_rate=44100, channels=2)]
    read = staticmethod(layout.read_stem_file)

    @property
    def labels(self):
        """What its sources may be."""
        return layout.labels_of(self.builder_config.label_map)

    def inventory(self, raw):
        """Looks for the songs of the splits; see `layout.take_stock`."""
        told = self.builder_config
        splits = split_ids(SPLITS, told.splits)
        how = self.read, told.label_map, self.keep_going
        return layout.take_stock(raw, splits, *how)
