"""The TFRecords of the 2018 VIMSS, rebuilt: layout, writer, reader.

A record is one segment of a piece: a `tf.train.Example` whose only audio is one list of
floats, the mixture with its context and then the target of each of 13 instruments,
those that are silent too.  Consecutive segments overlap by all of the context, and what
lies less than the context from an end of the piece is never a target.

https://github.com/Veleslavia/vimss, branch conditioning-urmp: `Input/`.
"""

import numpy as np
import tensorflow as tf

from Schema import INSTRUMENTS

N_IN, N_TARGET = 147443, 16384  # samples of a mixture, of each source
OFFSET = (N_IN - N_TARGET) // 2  # samples from a mixture's first to a target's first
FLOATS = N_IN + len(INSTRUMENTS) * N_TARGET
SHARDS, READ_BYTES, SHUFFLE = 6, 128 << 20, 1024


def count(n_time):
    """Segments of a piece of n_time samples."""
    return max(0, (n_time - 2 * OFFSET - 1) // N_TARGET)


def segment(mix, sources, number):
    """The floats of a segment.

    Args:
      mix: float32 [T].
      sources: float32 [13, T], zeros where an instrument is silent.
      number: Of the segment, less than `count(T)`.

    Returns:
      float32 [FLOATS].
    """
    start = number * N_TARGET
    targets = sources[:, start + OFFSET : start + OFFSET + N_TARGET]
    return np.concatenate([mix[start : start + N_IN], targets.ravel()])


def example(piece, number, floats, labels, rate=22050):
    """A serialised record.

    Args:
      piece: Number of the piece among the names that the reader knows.
      number: Of the segment in it.
      floats: float32 [FLOATS].
      labels: [13], 1 where an instrument plays.
      rate: Hz.
    """
    names = [code for code, plays in zip(INSTRUMENTS, labels) if plays]
    whole = {
        "file_basename": [piece],
        "sample_rate": [rate],
        "sample_idx": [number],
        "num_samples": [N_TARGET],
        "channels": [1],
        "num_sources": [len(INSTRUMENTS)],
        "labels": labels,
    }
    features = {
        key: tf.train.Feature(int64_list=tf.train.Int64List(value=value))
        for key, value in whole.items()
    }
    told = tf.train.BytesList(value=[",".join(names).encode()])
    features["source_names"] = tf.train.Feature(bytes_list=told)
    told = tf.train.FloatList(value=floats)
    features["encoded"] = tf.train.Feature(float_list=told)
    features = {f"audio/{key}": value for key, value in features.items()}
    features = tf.train.Features(feature=features)
    return tf.train.Example(features=features).SerializeToString()


def write(folder, pieces, every=1, compression=None):
    """Writes the segments of pieces, shuffled, into shards.

    Args:
      folder: Is made.
      pieces: List of (mix float32 [T], sources float32 [13, T]).
      every: Only each so-manieth segment.
      compression: "GZIP", "ZLIB", or None, as there.

    Returns:
      Number of segments written.
    """
    folder.mkdir(parents=True)
    places = [
        (k, n) for k, (mix, _) in enumerate(pieces) for n in range(count(len(mix)))
    ]
    places = np.random.default_rng(0).permutation(places)[::every]
    for shard in range(SHARDS):
        path = folder / f"train-{shard:05d}-of-{SHARDS:05d}"
        with tf.io.TFRecordWriter(str(path), compression) as writer:
            for k, n in places[shard::SHARDS]:
                labels = pieces[k][1].any(axis=1).astype(int)
                writer.write(example(k, n, segment(*pieces[k], n), labels))
    return len(places)


def parse(record):
    """A serialised record -> (what the network is given, targets [13, N_TARGET, 1])."""
    n_sources = len(INSTRUMENTS)
    found = tf.io.parse_single_example(
        record,
        {
            "audio/file_basename": tf.io.FixedLenFeature([], tf.int64),
            "audio/sample_idx": tf.io.FixedLenFeature([], tf.int64),
            "audio/labels": tf.io.FixedLenFeature([n_sources], tf.int64),
            "audio/encoded": tf.io.FixedLenFeature([FLOATS], tf.float32),
        },
    )
    floats = found["audio/encoded"]
    given = {
        "mix": tf.reshape(floats[:N_IN], [N_IN, 1]),
        "labels": found["audio/labels"],
        "filename": found["audio/file_basename"],
        "sample_id": found["audio/sample_idx"],
    }
    return given, tf.reshape(floats[N_IN:], [n_sources, N_TARGET, 1])


def batches(folder, batch_size, calls, shuffle=SHUFFLE):
    """Endless batches, as the 2018 VIMSS read them.

    Args:
      folder: That `write` filled.
      batch_size: Segments of a batch.
      calls: Segments that are parsed at once.
      shuffle: Segments among which the next is drawn.
    """
    files = tf.data.Dataset.list_files(f"{folder}/train-*", shuffle=True).repeat()
    segments = files.interleave(
        lambda path: tf.data.TFRecordDataset(path, buffer_size=READ_BYTES),
        cycle_length=SHARDS,
        num_parallel_calls=SHARDS,
        deterministic=False,
    )
    parsed = segments.shuffle(shuffle).map(parse, calls, deterministic=False)
    options = tf.data.Options()
    options.autotune.enabled = False  # as in Datasets.pipeline
    made = parsed.batch(batch_size, drop_remainder=True).prefetch(2)
    return made.with_options(options)
