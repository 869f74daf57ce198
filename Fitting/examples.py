"""A few windows that a training lets its user hear and see, in TensorBoard."""

import contextlib
import copy
import pathlib

import numpy as np

import Schema
from Learning import summaries

COUNT = 2  # windows, of as many tracks
MOST = 6  # sources of each
SECONDS = 8.0  # of each, at most
FRAMES = 4  # pictures of each player
QUIETEST = 1e-10  # power of a mel band that is still shown as white


def showing(network, windows, log, every, folder):
    """The argument `show` of `Learning.loop.fit`, or None where there is nothing.

    Args: as of `Examples`; windows or every may be None.
    """
    if windows is None or every is None or not network.separates:
        return None
    return Examples(network, windows, log, every, folder)


class Examples:
    """Windows of a split: their mixtures, references, estimates, and their players.

    The windows are the middles of tracks far apart, always the same.  What never
    changes is logged once; a sound of PCM and its spectrogram are some 2 bytes a sample
    and 30 kB, so an estimate of 16,384 samples takes 60 kB each time.
    """

    def __init__(self, network, windows, log, every, folder):
        """Chooses the windows; reads none.

        Args:
          network: Separator.
          windows: `Datasets.pipeline.Windows` of the split.
          log: `Learning.summaries.Summaries`.
          every: Epochs from one logging to the next; the first epoch is logged, too.
          folder: `RunFolder`, whose log has what a run that is resumed has logged.
        """
        self.network, self.windows, self.log, self.every = network, windows, log, every
        self.folder, self._batches, self._separated = folder, None, None

    def __call__(self, epoch, step):
        """Logs what the model, as it is, makes of the windows, if it is time.

        Args:
          epoch: Counted from 1.
          step: Steps taken.
        """
        if epoch != 1 and epoch % self.every:
            return
        first = self._batches is None
        if first:
            self._start()
        for number, batch in enumerate(self._batches, start=1):
            one = {key: value.numpy()[0] for key, value in batch.items()}
            estimates = self._separated(batch).numpy()[0]
            name = f"example_{number}"
            new = first and not is_logged(self.folder.log, f"{name}/mixture")
            self._log(step, name, one, estimates, new)

    def _start(self):
        import tensorflow as tf

        from Datasets import pipeline

        few = copy.copy(self.windows)
        few.tiles = lambda: middles(self.windows.tiles())
        self._batches = list(pipeline.evaluation_batches(few, 1))
        model = self.network
        self._separated = tf.function(
            lambda batch: tf.cast(model(batch, training=False)["sources"], tf.float32)
        )

    def _log(self, step, name, one, estimates, new):
        rate = self.network.sample_rate
        stop = min(estimates.shape[1], round(SECONDS * rate))
        before = (len(one["mix"]) - estimates.shape[1]) // 2
        mixture = one["mix"][before : before + stop]
        top = max(float(summaries.mel(mixture, rate).max()), QUIETEST)
        told = self._told(one)

        def sound(what, audio):
            said = f"{what}: {told}"
            self.log.sound(step, f"{name}/{what}", audio[:stop], rate, said, top)

        if new:
            sound("mixture", mixture)
            if Schema.sight(one) is not None:
                picture = players(one[Schema.sight(one)])
                self.log.picture(step, f"{name}/players", picture, told)
        for slot, who in slots(one, self.network.source_names).items():
            if new:
                sound(f"{who}_reference", one["sources"][slot])
            sound(f"{who}_estimate", estimates[slot])

    def _told(self, one):
        track = next(t for t in self.windows.tracks if t.row == one["track"])
        if self.windows.mixtures.sources_max:
            return f"a mixture of sources like those of {track.id}"
        return f"{track.id}, from {one['start'] / self.network.sample_rate:.2f} s"


def is_logged(folder, name):
    """Whether event files of a folder hold something of that name; stops at the first.

    Args:
      folder: It need not exist.
      name: Of a sound, as "example_1/mixture".
    """
    import tensorflow as tf
    from tensorboard.compat.proto.event_pb2 import Event

    for path in sorted(pathlib.Path(folder).glob("*tfevents*")):
        with contextlib.suppress(tf.errors.DataLossError):  # cut off, or being written
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                values = Event.FromString(record).summary.value
                if any(value.tag == name for value in values):
                    return True
    return False


def middles(tiles):
    """The middle tile of each of `COUNT` tracks, far apart: int64 [COUNT or fewer, 3].

    Args:
      tiles: int64 [N, 3], (track, start, n_valid), as of `Windows.tiles`.
    """
    tracks = np.unique(tiles[:, 0])
    places = (np.arange(COUNT) + 0.5) * len(tracks) / COUNT
    chosen = [tiles[tiles[:, 0] == tracks[int(place)]] for place in places]
    found = np.stack([of[(len(of) - 1) // 2] for of in chosen])
    return np.unique(found, axis=0)


def slots(one, names):
    """{slot: name} of the sources of an example that play, `MOST` at most.

    Args:
      one: A batch's arrays, without the axis of the examples.
      names: The source names of the model.
    """
    labels, found, count = one["labels"], {}, {}
    for slot in np.flatnonzero(one["active"])[:MOST]:
        who = names[slot if labels.ndim == 1 else int(labels[slot].argmax())]
        count[who] = count.get(who, 0) + 1
        found[int(slot)] = who if count[who] == 1 else f"{who}_{count[who]}"
    return found


def players(seen):
    """What is seen of players as a picture, uint8 [H, W, 1 or 3]; a row each.

    Args:
      seen: uint8 [P, F, H, W, 3], of which a few frames are taken, from left to right;
        or features, float32 [P, F, D]: time from left to right, zero is grey.
    """
    if seen.ndim == 5:
        frames = np.linspace(0, seen.shape[1] - 1, FRAMES).round().astype(int)
        rows = [np.concatenate(list(player[frames]), axis=1) for player in seen]
        return np.concatenate(rows)
    most = max(float(np.quantile(np.abs(seen), 0.99)), 1e-9)
    level = np.clip(0.5 + seen / (2 * most), 0, 1)
    pixels = np.round(255 * level).astype(np.uint8)
    rows = [np.pad(player.T, [(0, 1), (0, 0)]) for player in pixels]
    return np.concatenate(rows)[..., np.newaxis]
