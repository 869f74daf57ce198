"""Our one TFDS base builder: Track -> excerpts -> features.

A data set's own builder says which tracks there are; everything about records
stands here.  Layout of a record: Schema.py; of the folder:
<records>/<data set>/<options>/<version>, as TFDS has it.
"""

import dataclasses
import functools
import pathlib
import shutil

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import Schema
from Datasets import shards, watching
from Datasets.options import Options
from Datasets.reading import line, parts_of, records_of
from Datasets.track import fingerprint
from Schema import InputError

PICTURE = 3000  # bytes of a player in a frame, about


class TrackBuilder(tfds.core.ShardBasedBuilder, skip_registration=True):
    """What all data sets share; each gives `labels`, `inventory`, and its splits.

    The folder of the raw recordings is what TFDS calls the manual directory.  Given a
    runner or options of Apache Beam (`tfds.download.DownloadConfig`), it makes the
    records there, else in this process; they are the same files.

    Attributes:
      labels: What its sources may be.
      watch: Sees the videos, as `watching.look` says, if `Options.front_end` names it.
      keep_going: Whether a track that cannot be read is left out, and told in the
        metadata's list of failures; else it stops the build.
      known_fingerprint: What `fingerprint` gave of the same raw data, so that these are
        not read for it again; None: it is asked.
      homepage: Its address, or None: it has none.
      licence: Of the recordings, a sentence; it is put beside the records.
    """

    VERSION = tfds.core.Version(Schema.RECORD_VERSION)
    BUILDER_CONFIGS = [Options()]
    MANUAL_DOWNLOAD_INSTRUCTIONS = "README.md beside the builder shows the tree."
    labels = tuple(Schema.INSTRUMENTS)
    watch = None
    keep_going = False
    known_fingerprint = None
    homepage = None
    licence = None

    def inventory(self, raw):
        """Looks at the raw folder; returns a `Datasets.inventory.Inventory`."""
        raise NotImplementedError(f"{type(self).__name__} lacks inventory()")

    def fingerprint(self, inventory):
        """Of raw data and options: equal fingerprints, equal records."""
        name, sighted = self.builder_config.name, bool(self.builder_config.front_end)
        told = name, Schema.RECORD_VERSION
        return fingerprint(inventory.tracks, *told, video=sighted)

    def dataset_info_from_configs(self, **told):
        """As TFDS has it, with home page and licence."""
        told = {"homepage": self.homepage, "license": self.licence, **told}
        return super().dataset_info_from_configs(**told)

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

    def _shard_iterators_per_split(self, dl_manager):
        found = self.inventory(dl_manager.manual_dir)
        if self.builder_config.front_end and self.watch is None:
            raise InputError(
                f"records with {self.builder_config.front_end} are made by Prepare.py: "
                "run it with visual.front_end, then load them"
            )
        options, table, planned, row = self.builder_config, {}, {}, 0
        make = functools.partial(records_of, options=options, watch=self.watch)
        visual_size = self.watch.size if self.watch else None
        for split, tracks in found.tracks.items():
            if not tracks:
                continue
            jobs = list(enumerate(tracks, start=row))
            row += len(tracks)
            table[split] = [line(k, track, options) for k, track in jobs]
            sizes = [bytes_of(track, options, visual_size) for track in tracks]
            planned[split] = shards.shards_of(
                *(self.data_path, split, jobs, make, sizes)
            )
        self.info.metadata.update(
            failures=dict(found.problems),
            record_version=Schema.RECORD_VERSION,
            fingerprint=self.known_fingerprint or self.fingerprint(found),
            labels=list(self.labels),
            tracks=table,
            visual_size=visual_size,
            options={
                field.name: getattr(options, field.name)
                for field in dataclasses.fields(Options)
                if field.name in Options.__annotations__
            },
        )
        return planned

    def _download_and_prepare(self, dl_manager, download_config=None):
        """TFDS's own would hold a file of records, or a split, in memory."""
        config = download_config or tfds.download.DownloadConfig()
        planned = self._shard_iterators_per_split(dl_manager)
        write = functools.partial(
            shards.write,
            features=self.info.features,
            writer=self._example_writer(),
            keep_going=self.keep_going,
        )
        every = [shard for split in planned.values() for shard in split]
        if config.beam_runner is None and config.beam_options is None:
            for shard in every:
                write(shard, on_track=self.on_track)
        else:
            shards.on_beam(every, write, config.beam_runner, config.beam_options)
        self._finish(planned)

    def _finish(self, planned):
        """Gives all files their names, and tells the metadata of what failed."""
        failures, infos, metadata = [], [], self.info.metadata
        for split, members in planned.items():
            told = [shards.told(shard.path) for shard in members]
            failures += [failure for one in told for failure in one["failures"]]
            info = self._split_info(split, [one for one in told if one["count"]])
            infos += [info] * bool(info.num_examples)
        if not infos:
            raise InputError(
                f"no track could be read; {failures[0]['id']}: {failures[0]['error']}"
            )
        for left in self.data_path.glob(f"*{shards.PART}*"):
            left.unlink()
        self.info.set_splits(tfds.core.SplitDict(infos))
        bad, told = {failure["row"] for failure in failures}, metadata["tracks"]
        metadata["tracks"] = {
            info.name: [x for x in told[info.name] if x["row"] not in bad]
            for info in infos
        }
        metadata["failures"] |= {one["id"]: one["error"] for one in failures}

    def _split_info(self, split, written):
        template = self._get_filename_template(split_name=split)
        for number, one in enumerate(written):
            path = template.sharded_filepath(
                shard_index=number, num_shards=len(written)
            )
            tf.io.gfile.rename(one["path"], str(path))
        return tfds.core.SplitInfo(
            name=split,
            shard_lengths=[one["count"] for one in written],
            num_bytes=sum(one["bytes"] for one in written),
            filename_template=template,
        )

    def on_track(self, track):
        """Called when the records of a track are made; replace it to show progress."""


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
    tracks = inventory.all_tracks()
    return sum(bytes_of(track, options, visual_size) for track in tracks)


def bytes_of(track, options, visual_size=None):
    """`expected_bytes` of one track."""
    of_frame = 0
    if visual_size is not None:
        pictures = watching.holds_pictures(visual_size)
        of_frame = PICTURE if pictures else 2 * visual_size
    n_time, n_parts = track.n_time_at(options.sample_rate), len(track.sources)
    stems = 1 + len(parts_of(track, options))
    frames = n_parts * n_time / options.sample_rate * options.visual_rate
    return 2 * options.channels * n_time * stems + of_frame * frames
