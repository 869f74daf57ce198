"""MUSDB18-HQ as TFDS records: the songs of MUSDB18, from wav files."""

import tensorflow_datasets as tfds

from Datasets.musdb18 import layout, musdb18_dataset_builder


class Builder(musdb18_dataset_builder.Builder):
    """The same songs and splits; a folder of five files for each song."""

    # Its own README.md and CITATIONS.bib: TFDS would show those of the other.
    pkg_dir_path = tfds.core.Path(__file__).parent
    read = staticmethod(layout.read_folder)
