"""Our one TFDS base builder: Track -> excerpts -> features.

A data set's own builder says which tracks there are; everything about records
stands here.  Layout of a record: Schema.py; of the folder:
<records>/<data set>/<options>/<version>, as TFDS has it.
"""

import dataclasses
import pathlib
import shutil

import numpy as np
import tensorflow_datasets as tfds

import Schema
from Datasets import media, notes, watching
from Datasets.options import Options
from Datasets.track import fingerprint
from Schema import InputError
from Utils import nearest

PICTURE = 3000  # bytes of a player in a frame, about


def split_ids(folder, scheme):
    """Reads the track ids of one set of splits.

    Args:
      folder: Folder of schemes; each is a folder of <split>.txt, an id a line.
      scheme: One of them.

    Returns:
      {split: [track id]} in the order train, validation, test.
    """
    schemes = sorted(p.name for p in pathlib.Path(folder).glob("*") if p.is_dir())
    if scheme not in schemes:
        raise InputError(
            f"data.splits={scheme!r}: the splits are {', '.join(schemes)}; did you "
            f"mean {nearest(scheme, schemes) or schemes[0]!r}?"
        )
    files = {p.stem: p for p in (pathlib.Path(folder) / scheme).glob("*.txt")}
    order = [s for s in ("train", "validation", "test") if s in files]
    return {s: files[s].read_text("utf-8").split() for s in order}


def read_track(track, options, watch=None):
    """Reads, resamples and quantises a track.  Pure: it may run in any process.

    Args:
      track: `Track`.
      options: `Options`.
      watch: Sees its video, as `watching.look` says; None: nobody does.

    Returns:
      dict of mix int16 [T, C], sources int16 [P, T, C], labels (list of P codes),
      notes and has_notes (`notes.read_table`), and scale: float samples are
      int16 / 32768 * scale.  The scale is 1 unless the audio exceeds full scale.
      With `watch`, seen: what `watching.look` returns.

    Raises:
      InputError: If a file is unreadable or silent, or holds NaN.
    """
    n_time = track.n_time_at(options.sample_rate)

    def read(path):
        audio, _ = media.read_audio(path, options.sample_rate, options.channels)
        if not np.any(_quantise(audio)):
            raise InputError(f"{path} is silent from end to end; remove it")
        return _fit(audio, n_time)

    stems = [read(source.audio) for source in track.sources]
    parts = parts_of(track, options)
    stems = np.stack([sum(stems[k] for k in players) for _, players in parts])
    table, has_notes = notes.read_table(
        [[track.sources[k].notes for k in players] for _, players in parts]
    )
    mix = stems.sum(axis=0) if track.mix is None else read(track.mix)
    scale = max(1.0, float(np.abs(stems).max()), float(np.abs(mix).max()))
    scale = np.float32(scale)
    return {
        "mix": _quantise(mix / scale),
        "sources": _quantise(stems / scale),
        "labels": [label for label, _ in parts],
        "scale": scale,
        "notes": table,
        "has_notes": has_notes,
        **({"seen": watching.look(track, parts, watch)} if watch else {}),
    }


def parts_of(track, options):
    """What the records of a track keep apart.

    Returns:
      A list of (label, indices of the track's sources whose sum it is).
    """
    labels = [source.label for source in track.sources]
    if options.same_instrument == "apart":
        return [(label, [k]) for k, label in enumerate(labels)]
    return [
        (label, [k for k, found in enumerate(labels) if found == label])
        for label in dict.fromkeys(labels)
    ]


def _fit(audio, n_time):
    """Resampling and stems of one piece may differ by a few samples at the end."""
    return np.pad(audio[:n_time], [(0, max(0, n_time - len(audio))), (0, 0)])


def _quantise(audio):
    return np.clip(np.round(audio * 32768.0), -32768, 32767).astype(np.int16)


def records_of(row, track, options, watch=None):
    """Yields (key, example) of each excerpt of the track in row `row` of the table."""
    read = read_track(track, options, watch)
    n_time, rates = len(read["mix"]), (options.sample_rate, options.visual_rate)
    for number, (start, stop) in enumerate(options.excerpts(n_time)):
        seen = watching.excerpt(read["seen"], start, stop, *rates) if watch else {}
        yield (
            row * 1_000_000 + number,
            {
                "id": track.id,
                "track": row,
                "start": start,
                "n_track": n_time,
                "sample_rate": options.sample_rate,
                "scale": read["scale"],
                "labels": read["labels"],
                "notes": read["notes"],
                "has_notes": read["has_notes"],
                "mix": read["mix"][start:stop],
                "sources": read["sources"][:, start:stop],
                **seen,
            },
        )


def _line(row, track, options):
    """A line of the table of tracks: `Datasets.records.TrackRow`."""
    return {
        "id": track.id,
        "row": row,
        "n_time": track.n_time_at(options.sample_rate),
        "labels": [label for label, _ in parts_of(track, options)],
        "mix": "file" if track.mix else "sum",
        "has_score": track.has_score,
        "n_players": len(track.sources),
        "has_video": track.video is not None,
    }


class TrackBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What all data sets share; each gives `labels`, `inventory`, and its splits.

    The folder of the raw recordings is what TFDS calls the manual directory.

    Attributes:
      watch: Sees the videos, as `watching.look` says, if `Options.front_end` names it.
    """

    VERSION = tfds.core.Version(Schema.RECORD_VERSION)
    BUILDER_CONFIGS = [Options()]
    MANUAL_DOWNLOAD_INSTRUCTIONS = "README.md beside the builder shows the tree."
    labels = tuple(Schema.INSTRUMENTS)
    watch = None

    def inventory(self, raw):
        """Looks at the raw folder; returns a `Datasets.urmp.layout.Inventory`."""
        raise NotImplementedError(f"{type(self).__name__} lacks inventory()")

    def fingerprint(self, inventory):
        """Of raw data and options: equal fingerprints, equal records."""
        name, sighted = self.builder_config.name, bool(self.builder_config.front_end)
        told = name, Schema.RECORD_VERSION
        return fingerprint(inventory.tracks, *told, video=sighted)

    def _info(self):
        features, told = tfds.features, self.builder_config
        samples_of = dict(dtype=np.int16, encoding="bytes")
        return self.dataset_info_from_configs(
            features=features.FeaturesDict(
                {
                    "id": features.Text(),
                    "track": np.int64,
                    "start": np.int64,
                    "n_track": np.int64,
                    "sample_rate": np.int64,
                    "scale": np.float32,
                    "labels": features.Sequence(
                        features.ClassLabel(names=list(self.labels))
                    ),
                    "notes": features.Tensor(
                        shape=(None, 4), dtype=np.float32, encoding="bytes"
                    ),
                    "has_notes": features.Sequence(np.int64),
                    "mix": features.Tensor(shape=(None, None), **samples_of),
                    "sources": features.Tensor(shape=(None, None, None), **samples_of),
                    **(watching.features(told.pictures) if told.front_end else {}),
                }
            ),
            # Order and place of every record follow from the table of tracks.
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager):
        found = self.inventory(dl_manager.manual_dir)
        if self.builder_config.front_end and self.watch is None:
            raise InputError(
                f"records with {self.builder_config.front_end} are made by Prepare.py: "
                "run it with visual.front_end, then load them"
            )
        options, table, generators = self.builder_config, {}, {}
        row = 0
        for split, tracks in found.tracks.items():
            if not tracks:
                continue
            rows = range(row, row + len(tracks))
            row += len(tracks)
            pairs = zip(rows, tracks)
            table[split] = [_line(k, track, options) for k, track in pairs]
            generators[split] = self._generate_examples(rows, tracks)
        self.info.metadata.update(
            record_version=Schema.RECORD_VERSION,
            fingerprint=self.fingerprint(found),
            labels=list(self.labels),
            tracks=table,
            visual_size=self.watch.size if self.watch else None,
            options={
                field.name: getattr(options, field.name)
                for field in dataclasses.fields(Options)
                if field.name in Options.__annotations__
            },
        )
        return generators

    def _generate_examples(self, rows, tracks):
        for row, track in zip(rows, tracks):
            yield from records_of(row, track, self.builder_config, self.watch)
            self.on_track(track)

    def on_track(self, track):
        """Called when the records of a track are made; replace it to show progress."""


def remove_leftovers(folder):
    """Removes what interrupted builds left below a data set's folder."""
    for path in pathlib.Path(folder).glob("**/*incomplete*"):
        shutil.rmtree(path, ignore_errors=True)


def expected_bytes(inventory, options, visual_size=None):
    """Bytes of mixtures and stems as 16-bit samples, and of what is seen beside them.

    Args:
      inventory: What `TrackBuilder.inventory` returned.
      options: `Options`.
      visual_size: Features of a player, [H, W, 3] of its pictures, or None.
    """
    of_frame = 0
    if visual_size is not None:
        pictures = watching.holds_pictures(visual_size)
        of_frame = PICTURE if pictures else 2 * visual_size
    total = 0
    for track in inventory.all_tracks():
        n_time, n_parts = track.n_time_at(options.sample_rate), len(track.sources)
        stems = 1 + len(parts_of(track, options))
        frames = n_parts * n_time / options.sample_rate * options.visual_rate
        total += 2 * options.channels * n_time * stems + of_frame * frames
    return total
