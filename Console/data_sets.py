"""Scopes of the section `data` of Config.py that belong to some data sets alone."""

import Schema


# The embedded demo corpus: fabricated ensembles in URMP's own layout.
def chamber_corpus(name):
    if name == "chamber":
        train_pieces = 40
        validation_pieces = 8
        test_pieces = 8
        seconds = 30.0  # duration of a piece
        corpus_seed = 0  # another seed: other pieces
        instruments = list(Schema.INSTRUMENTS)  # who may play
        min_parts = 2  # players of a piece, at least
        max_parts = 5  # and at most
        duplicates = "allow"  # | "never" | "always": two players of one instrument
        compass = 12  # semitones that a part strays from its register's middle
        video = True  # render the players
        frame_rate = 15  # Hz, of the video


# What the files or stems of a recording are, where their names do not tell it.
def labels_of_files(name):
    if name in ("stems", "musdb18", "musdb18_hq"):
        label_map = []  # ["*voc*=vocals", "*=band"]: the first pattern of a name counts


# Which of AudioSet's clips are used, by their classes, and how these are labelled.
def classes_of_clips(name):
    if name == "audioset":
        label_map = []  # ["/m/07y_7=vn", "Cello=vc"]; []: all clips, as "sound"


# Where a data set that was published without a layout keeps its files.
def layout_of_files(name):
    if name == "clarinet4science":
        pattern = ""  # "{player}/{piece}.*"; "": "{player}_{piece}.mp4"


SCOPES = chamber_corpus, labels_of_files, classes_of_clips, layout_of_files
