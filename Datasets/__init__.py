"""Raw data -> records -> batches: the door to the data sets.

Datasets.make_builder("urmp", splits="vimss")    looks at raw data, makes records
Datasets.open_records("urmp", "records", ...)    finds what Prepare.py made
Datasets.load("urmp", "records", "train", ...)   batches for a model
Datasets.whole_track("01_Jupiter_vn_vc", "urmp", "records", ...)
"""

import Remote
from Datasets import pipeline
from Datasets import records as _records
from Datasets.audioset import audioset_dataset_builder
from Datasets.audioset_features import audioset_features_dataset_builder
from Datasets.chamber import chamber_dataset_builder
from Datasets.clarinet4science import clarinet4science_dataset_builder
from Datasets.cocochorales import cocochorales_dataset_builder
from Datasets.musdb18 import musdb18_dataset_builder
from Datasets.musdb18_hq import musdb18_hq_dataset_builder
from Datasets.music import music_dataset_builder
from Datasets.options import Options
from Datasets.solos import solos_dataset_builder
from Datasets.sop import sop_dataset_builder
from Datasets.stems import stems_dataset_builder
from Datasets.urmp import urmp_dataset_builder
from Datasets.youtube8m import youtube8m_dataset_builder
from Schema import InputError
from Utils import nearest

# name: builder.  Importing them is what makes `tfds.load(name)` know them.
DATASETS = {
    "urmp": urmp_dataset_builder.Builder,
    "chamber": chamber_dataset_builder.Builder,
    "musdb18": musdb18_dataset_builder.Builder,
    "musdb18_hq": musdb18_hq_dataset_builder.Builder,
    "stems": stems_dataset_builder.Builder,
    "audioset": audioset_dataset_builder.Builder,
    "sop": sop_dataset_builder.Builder,
    "cocochorales": cocochorales_dataset_builder.Builder,
    "music": music_dataset_builder.Builder,
    "solos": solos_dataset_builder.Builder,
    "clarinet4science": clarinet4science_dataset_builder.Builder,
}
# The same of data sets that are released as features: `tfds.load` makes their records.
FEATURE_SETS = {
    "audioset_features": audioset_features_dataset_builder.Builder,
    "youtube8m": youtube8m_dataset_builder.Builder,
}
VISUAL = (
    "front_end",
    "visual_rate",
    "pictures",
)  # options that the section visual tells
# The knobs of a configuration's data section that change records; some data sets lack
# the last ones.
OPTIONS = tuple(key for key in Options.__annotations__ if key not in ("name", *VISUAL))


def options_of(data):
    """The options of records that a configuration's data section tells, a dict."""
    return {key: data[key] for key in OPTIONS if key in data}


def make_builder(name, records="records", **options):
    """The TFDS builder of a data set.

    Args:
      name: A key of `DATASETS`.
      records: Folder of records.
      **options: Of `Datasets.builder.Options`.

    Raises:
      InputError: If there is no such data set.
    """
    _check_name(name)
    if Remote.is_remote(records):
        raise InputError(
            f"data.records={records}: records are made on a disk of this machine; make "
            "them there, and copy the folder, as with `gcloud storage cp -r`"
        )
    config = Options(**options)
    # TFDS wants the options that it lists by their name, all others as an object.
    listed = config.name in {c.name for c in DATASETS[name].BUILDER_CONFIGS}
    return DATASETS[name](
        data_dir=str(records), config=config.name if listed else config
    )


def _check_name(name):
    if name not in DATASETS:
        near = nearest(name, DATASETS)
        raise InputError(
            f"data.name={name!r}: the data sets are {', '.join(DATASETS)}"
            + (f"; did you mean {near!r}?" if near else "")
        )


def open_records(name, records="records", **options):
    """The `Datasets.records.Records` that Prepare.py made with these options."""
    _check_name(name)
    return _records.open_records(name, records, Options(**options))


def load(
    name,
    records,
    split,
    *,
    n_in,
    n_out,
    batch_size,
    source_names,
    training=False,
    seed=0,
    first=0,
    gain=(0.7, 1.0),
    n_slots=None,
    score=None,
    visual=None,
    condition_dropout=0.0,
    visual_dropout=0.0,
    mixtures=None,
    **options,
):
    """Batches of a split for a model; see `Datasets.pipeline`.

    Args:
      name: A key of `DATASETS`.
      records: Folder of records.
      split: "train", "validation" or "test".
      n_in: Samples that the model reads.
      n_out: Samples that it gives.
      batch_size: Examples of a batch.
      source_names: Instruments that the model knows, in order.
      training: Endless random windows, else every sample once.
      seed: Of the training stream.
      first: First example of the training stream.
      gain: (least, greatest) gain of a source in training.
      n_slots: Number of conditioned slots; None: one a source name.
      score: `Datasets.frames.Frames`; None: no score in the batches.
      visual: The same of features or pictures of players, for records that hold them.
      condition_dropout: Probability of withholding a condition in training.
      visual_dropout: The same of each feature of players.
      mixtures: `Datasets.mixtures.Mixtures` of training; None: as recorded.
      **options: Of `Datasets.builder.Options`.

    Returns:
      tf.data.Dataset of batches (Schema.BATCH).
    """
    found = open_records(name, records, **options)
    windows = pipeline.Windows(
        *(found, split, n_in, n_out, source_names, n_slots, score, visual),
        mixtures if training else None,
    )
    if training:
        return pipeline.training_batches(
            *(windows, batch_size, seed, first, gain),
            *(condition_dropout, visual_dropout),
        )
    return pipeline.evaluation_batches(windows, batch_size)


def whole_track(track_id, name="urmp", records="records", **options):
    """A track back from its records; see `Records.whole_track`."""
    return open_records(name, records, **options).whole_track(track_id)
