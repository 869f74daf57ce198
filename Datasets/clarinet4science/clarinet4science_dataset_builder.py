"""C4S as TFDS records: one clarinettist a track, and no player in two splits."""

from Datasets import availability, inventory
from Datasets.builder import TrackBuilder
from Datasets.clarinet4science import layout
from Datasets.options import Options

HASHED = "by_player"  # scheme of splits that needs no text files
SHARES = (("train", 60), ("validation", 20), ("test", 20))  # of nine players, two each


class Builder(TrackBuilder):
    """Reads the files that `data.pattern` tells; README.md shows how."""

    licence = "None is known to us; ask the authors."
    labels = (layout.LABEL,)
    BUILDER_CONFIGS = [Options(splits=HASHED)]

    def inventory(self, raw):
        """Looks for the recordings of the players of each split."""
        options = self.builder_config
        pattern = options.pattern or layout.PATTERN
        files, others = layout.recordings(raw, pattern)
        players = sorted({player for _, player in files.values()})
        names = {HASHED: players}
        splits = availability.splits_of(raw, options.splits, names, SHARES)
        home = {player: split for split, who in splits.items() for player in who}
        wanted, problems = {split: [] for split in splits}, {}
        for name, (_, player) in files.items():
            if player in home:
                wanted[home[player]].append(name)
        for player in home:
            if player not in players:
                problems[player] = "there is no file of this player"

        def read(name):
            return layout.read(name, files[name][0])

        found = inventory.take_stock(raw, wanted, read, self.keep_going)
        found.problems |= problems
        for split, who in splits.items():
            told = ", ".join(who) or "nobody: write text files of splits (README.md)"
            found.remarks.append(f"players of {split}: {told}")
        absent = [player for player in players if player not in home]
        if absent:
            found.remarks.append(f"in no split: {', '.join(absent)}")
        if others:
            more = f" and {len(others) - 1} more" if others[1:] else ""
            found.remarks.append(
                f"not used, data.pattern={pattern!r} does not fit: {others[0]}{more}"
            )
        return found
