"""Any folder of stems or solos as TFDS records, by a map from names to labels."""

from Datasets.builder import TrackBuilder
from Datasets.options import Options
from Datasets.stems import layout
from Datasets.stems.finding import FOLDERS
from Datasets.stems.labels import sources_of


class Builder(TrackBuilder):
    """Reads what README.md shows; the labels are those of the options' label_map."""

    licence = "That of the recordings."
    BUILDER_CONFIGS = [Options(splits=FOLDERS)]

    @property
    def labels(self):
        """What its sources may be."""
        return tuple(sources_of(self.builder_config.label_map)) or TrackBuilder.labels

    def inventory(self, raw):
        """Looks for the tracks; see `layout.take_stock`."""
        told = self.builder_config
        how = told.splits, told.label_map, told.channels, self.keep_going
        return layout.take_stock(raw, *how)
