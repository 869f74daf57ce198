"""MUSIC as TFDS records: solos of YouTube, the whole of a video a track."""

from Datasets import availability, inventory, media
from Datasets.builder import TrackBuilder
from Datasets.music import layout
from Datasets.options import Options
from Datasets.track import Source, Track


class Builder(TrackBuilder):
    """Reads MUSIC's lists and the user's files; README.md shows the tree."""

    homepage = "https://github.com/roudimit/MUSIC_dataset"
    licence = (
        "None is stated of the lists; the videos belong to those who uploaded them."
    )
    labels = tuple(layout.CLASSES)
    BUILDER_CONFIGS = [Options(splits="music11"), Options(splits="music21")]

    def inventory(self, raw):
        """Looks for the solos of the splits: `availability.ListedInventory`."""
        splits, label_of = self._asked(raw)
        files, items = layout.Files(raw), []

        def read(name):
            label = label_of.get(name)
            if label is None:
                raise FileNotFoundError(f"{name} is in none of MUSIC's lists of solos")
            return _track(availability.noted(items, name, label, files(name, label)))

        found = inventory.take_stock(raw, splits, read, self.keep_going)
        remarks = found.remarks
        duets = sum(map(len, layout.duets_of(raw).values()))
        if duets:
            remarks.append(
                f"{duets} duets are left out: nobody has their stems, so they can be "
                "neither trained on nor scored"
            )
        return availability.ListedInventory(
            found.tracks, found.problems, remarks, items
        )

    def availability(self, raw):
        """`availability.availability` of the splits' solos and of all duets."""
        splits, label_of = self._asked(raw)
        wanted = [(one, label_of[one]) for ids in splits.values() for one in ids]
        for label, ids in layout.duets_of(raw).items():
            wanted += [(one, label) for one in ids]
        files, items = layout.Files(raw), []
        for name, label in wanted:
            found = files(name, label)
            items.append(availability.looked_at(name, label, found))
        return availability.availability(items)

    def _asked(self, raw):
        """({split: [id]}, {id: class})."""
        lists = layout.lists_of(raw)
        names = {scheme: list(layout.class_of([ids])) for scheme, ids in lists.items()}
        scheme = self.builder_config.splits
        splits = availability.splits_of(raw, scheme, names)
        return splits, layout.class_of(lists.values())


def _track(one):
    """The track of a solo."""
    rate, _, n_time = media.probe_audio(one.audio)
    source = Source(one.label, one.audio)
    return Track(one.id, (source,), rate, n_time, video=one.video)
