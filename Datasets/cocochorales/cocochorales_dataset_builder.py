"""CocoChorales as TFDS records: synthesized chorales of four parts."""

import pathlib

import Schema
from Datasets.builder import TrackBuilder
from Datasets.cocochorales import layout
from Datasets.inventory import split_ids
from Datasets.options import Options
from Schema import InputError


class Builder(TrackBuilder):
    """Reads CocoChorales' own folders; README.md shows the tree that it expects."""

    homepage = "https://magenta.tensorflow.org/datasets/cocochorales"
    licence = "CC BY 4.0"
    BUILDER_CONFIGS = [Options(splits="published", sample_rate=16000)]
    labels = tuple(Schema.INSTRUMENTS)

    def splits_of(self, raw):
        """{split: [track]} of the scheme that the options name, of what there is."""
        scheme, own = self.builder_config.splits, pathlib.Path(raw) / "splits"
        if (own / scheme).is_dir():
            return split_ids(own, scheme)
        schemes = ("published", *layout.ENSEMBLES)
        if scheme not in schemes:
            raise InputError(
                f"data.splits={scheme!r} is neither of {', '.join(schemes)}, nor a "
                f"folder of {own} that has train.txt, validation.txt and test.txt"
            )
        chosen = layout.ENSEMBLES if scheme == "published" else (scheme,)
        return {
            split: [x for x in found if layout.ensemble_of(x)[0] in chosen]
            for split, found in layout.folders_of(raw).items()
        }

    def inventory(self, raw):
        """Looks for the tracks of the splits; see `layout.take_stock`."""
        return layout.take_stock(raw, self.splits_of(raw), self.keep_going)
