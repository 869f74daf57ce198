"""Solos as TFDS records: stretches of videos, one player each, and their skeletons."""

import Schema
from Datasets import availability, inventory
from Datasets.builder import TrackBuilder
from Datasets.options import Options
from Datasets.solos import layout

HASHED = "by_hash"  # scheme of splits that needs no text files


class Builder(TrackBuilder):
    """Reads Solos' lists and the user's videos; README.md shows the tree."""

    homepage = "https://www.juanmontesinos.com/Solos/"
    licence = "Lists: MIT; the videos belong to those who uploaded them."
    labels = tuple(Schema.INSTRUMENTS)
    BUILDER_CONFIGS = [Options(splits=HASHED)]

    def inventory(self, raw):
        """Looks for the videos of the splits: `availability.ListedInventory`."""
        lists, splits = self._asked(raw)
        files, items = layout.files_of(raw), []

        def read(name):
            label = lists.instrument_of.get(name)
            if label is None:
                raise FileNotFoundError(f"{name} is not in {layout.IDS}")
            one = availability.noted(items, name, label, files(name, label))
            return layout.tracks_of(lists, one)

        found = inventory.take_stock(raw, splits, read, self.keep_going)
        tracks = found.all_tracks()
        known = sum(track.skeleton is not None for track in tracks)
        told = f"skeletons: {known} of {len(tracks)} stretches"
        if not lists.skeletons:
            told += f"; {layout.SKELETON} and its index are not there"
        remarks = [*found.remarks, told]
        idle = sum(not stretches for stretches in lists.stretches.values())
        if idle:
            remarks.append(f"{idle} videos of the list have no stretch to be used")
        return availability.ListedInventory(
            found.tracks, found.problems, remarks, items
        )

    def availability(self, raw):
        """`availability.availability` of the videos of the splits."""
        lists, splits = self._asked(raw)
        files = layout.files_of(raw)
        wanted = [
            (one, lists.instrument_of[one]) for ids in splits.values() for one in ids
        ]
        items = [availability.looked_at(*two, files(*two)) for two in wanted]
        return availability.availability(items)

    def _asked(self, raw):
        """(`layout.Lists`, {split: [id]})."""
        lists = layout.Lists(raw)
        ids = {HASHED: [one for one, found in lists.stretches.items() if found]}
        return lists, availability.splits_of(raw, self.builder_config.splits, ids)
