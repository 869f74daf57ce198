"""Our one TFDS base builder: Track -> excerpts -> features.

A data set's own builder says which tracks there are; everything about records
stands here.  Layout of a record: Schema.py; of the folder:
<records>/<data set>/<options>/<version>, as TFDS has it.
"""

import dataclasses
import functools
import json
import pathlib
import shutil

import numpy as np
import tensorflow_datasets as tfds

import Schema
from Datasets import watching
from Datasets.options import Options
from Datasets.reading import FAILURES, kept_records_of, line, parts_of
from Datasets.track import fingerprint
from Schema import InputError

PICTURE = 3000  # bytes of a player in a frame, about


class TrackBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What all data sets share; each gives `labels`, `inventory`, and its splits.

    The folder of the raw recordings is what TFDS calls the manual directory.  Given a
    runner or options of Apache Beam (`tfds.download.DownloadConfig`), it makes the
    records there, else in this process; they are the same.

    Attributes:
      labels: What its sources may be.
      watch: Sees the videos, as `watching.look` says, if `Options.front_end` names it.
      keep_going: Whether a track that cannot be read is left out, and told in the
        metadata's list of failures; else it stops the build.
    """

    VERSION = tfds.core.Version(Schema.RECORD_VERSION)
    BUILDER_CONFIGS = [Options()]
    MANUAL_DOWNLOAD_INSTRUCTIONS = "README.md beside the builder shows the tree."
    labels = tuple(Schema.INSTRUMENTS)
    watch = None
    keep_going = False

    def inventory(self, raw):
        """Looks at the raw folder; returns a `Datasets.inventory.Inventory`."""
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
            table[split] = [line(k, track, options) for k, track in pairs]
            generators[split] = self._generate_examples(rows, tracks)
        self.info.metadata.update(
            failures=dict(found.problems),
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
        make = functools.partial(
            kept_records_of,
            options=self.builder_config,
            watch=self.watch,
            failures=str(self.data_path / FAILURES) if self.keep_going else None,
        )
        jobs = list(zip(rows, tracks))
        return _on_beam(jobs, make) if self._beam else self._here(jobs, make)

    def _here(self, jobs, make):
        for job in jobs:
            yield from make(job)
            self.on_track(job[1])

    def _download_and_prepare(self, dl_manager, download_config=None):
        told = download_config or tfds.download.DownloadConfig()
        self._beam = told.beam_runner is not None or told.beam_options is not None
        try:
            super()._download_and_prepare(dl_manager, download_config)
        except (AssertionError, ValueError):
            # TFDS's own, of a split without records; a failure says why.
            for failure in self._failures():
                raise InputError(
                    f"no track of a split could be read; {failure['id']}: "
                    f"{failure['error']}"
                ) from None
            raise
        self._leave_out(self._failures())

    def _failures(self):
        """What `kept_records_of` told of tracks that it could not read, in order."""
        folder = self.data_path / FAILURES
        if not folder.exists():
            return []
        found = [json.loads(path.read_text()) for path in folder.iterdir()]
        return sorted(found, key=lambda failure: failure["row"])

    def _leave_out(self, failures):
        """Takes tracks that failed from the table into the list of failures."""
        rows = {failure["row"] for failure in failures}
        told = self.info.metadata
        for split, lines in told["tracks"].items():
            told["tracks"][split] = [x for x in lines if x["row"] not in rows]
        told["failures"] |= {failure["id"]: failure["error"] for failure in failures}
        if failures:
            (self.data_path / FAILURES).rmtree()

    def on_track(self, track):
        """Called when the records of a track are made; replace it to show progress."""


def _on_beam(jobs, make):
    """The records as a transform of Apache Beam, a track a job."""
    beam = tfds.core.lazy_imports.apache_beam
    return beam.Create(jobs) | beam.Reshuffle() | beam.FlatMap(make)


def remove_leftovers(folder):
    """Removes what interrupted builds left below a data set's folder."""
    for path in pathlib.Path(folder).glob("**/*incomplete*"):
        shutil.rmtree(path, ignore_errors=True)


def expected_bytes(inventory, options, visual_size=None):
    """Bytes of mixtures and stems as 16-bit samples, and of what is seen beside them.

    Args:
      inventory: `Datasets.inventory.Inventory`.
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
