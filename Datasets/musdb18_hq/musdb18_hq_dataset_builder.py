"""MUSDB18-HQ as TFDS records: the songs of MUSDB18, from wav files."""

from Datasets.musdb18 import layout, musdb18_dataset_builder


class Builder(musdb18_dataset_builder.Builder):
    """The same songs and splits; a folder of five files for each song."""

    read = staticmethod(layout.read_folder)
