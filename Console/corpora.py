"""Named configurations of the data sets: which recordings, and which labels.

    python Prepare.py with musdb data.raw=MUSDB18 data.records=records
    python Training.py with musdb baseline_stereo data.records=records

Each is a data section; networks and their training follow it, by their own names.
"""

CORPORA = {}
