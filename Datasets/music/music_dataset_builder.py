"""MUSIC as TFDS records: solos, or duets, of YouTube, a whole video a track."""

from Datasets import availability, inventory, media
from Datasets.builder import TrackBuilder
from Datasets.music import layout
from Datasets.options import Options
from Datasets.track import Source, Track
from Schema import InputError

DUETS = "duets"  # a scheme of splits


class Builder(TrackBuilder):
    """Reads MUSIC's lists and the user's files; README.md shows the tree."""

    homepage = "https://github.com/roudimit/MUSIC_dataset"
    licence = (
        "None is stated of the lists; the videos belong to those who uploaded them."
    )
    labels = (*layout.CLASSES, *layout.DUOS)
    BUILDER_CONFIGS = [
        *(Options(splits="music11"), Options(splits="music21")),
        Options(splits=DUETS),
    ]

    def inventory(self, raw):
        """Looks for the videos of the splits: `availability.ListedInventory`."""
        splits, label_of = self._asked(raw)
        files, items = layout.Files(raw), []

        def read(name):
            label = label_of.get(name)
            if label is None:
                raise FileNotFoundError(f"{name} is in none of MUSIC's lists")
            return _track(availability.noted(items, name, label, files(name, label)))

        found = inventory.take_stock(raw, splits, read, self.keep_going)
        remarks = found.remarks
        duets = sum(map(len, layout.duets_of(raw).values()))
        if duets and self.builder_config.splits != DUETS:
            remarks.append(
                f"{duets} duets are left out: nobody has their stems; "
                "data.splits=duets makes records of them as a whole"
            )
        return availability.ListedInventory(
            found.tracks, found.problems, remarks, items
        )

    def availability(self, raw):
        """`availability.availability` of the splits' solos and of all duets."""
        splits, label_of = self._asked(raw)
        duets = {} if self.builder_config.splits == DUETS else layout.duets_of(raw)
        wanted = [(one, label_of[one]) for ids in splits.values() for one in ids]
        for label, ids in duets.items():
            wanted += [(one, label) for one in ids]
        files, items = layout.Files(raw), []
        for name, label in wanted:
            found = files(name, label)
            items.append(availability.looked_at(name, label, found))
        return availability.availability(items)

    def _asked(self, raw):
        """({split: [id]}, {id: class})."""
        if self.builder_config.splits == DUETS:
            duets = layout.duets_of(raw)
            if not duets:
                raise InputError(
                    f"{raw} does not hold {layout.DUETS}, the list of duets"
                )
            label_of = layout.class_of([duets])
            return {"test": list(label_of)}, label_of
        lists = layout.lists_of(raw)
        names = {scheme: list(layout.class_of([ids])) for scheme, ids in lists.items()}
        scheme = self.builder_config.splits
        splits = availability.splits_of(raw, scheme, names)
        return splits, layout.class_of(lists.values())


def _track(one):
    """The track of a solo; or of a duet, whose one source two players share."""
    rate, _, n_time = media.probe_audio(one.audio)
    source = Source(one.label, one.audio)
    seats = (0, 0) if one.label in layout.DUOS else None
    return Track(one.id, (source,), rate, n_time, video=one.video, seats=seats)
