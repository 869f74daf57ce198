"""Losses of models that compare what is heard with what is seen.

Each is -log of the share that the true pair has among those it is compared with, of
exp(s / temperature): van den Oord, Li, Vinyals, "Representation Learning with
Contrastive Predictive Coding", 2018, https://arxiv.org/abs/1807.03748; in both
directions, as Radford et al., "Learning Transferable Visual Models From Natural
Language Supervision", ICML 2021, and not by a threshold of the distance of one pair, as
in "Objects that Sound": batches hold B^2 pairs, and all are used.

A similarity s is the mean over the moments of a window of the cosine of both, of the
player whom it fits best: the sound is somebody's, who is not told ("Objects that
Sound", section 4, there the place in a picture).

    correspondence   windows of other recordings in the batch.  It depends on who else
                     is in the batch: values compare where batches have one size
    synchrony        the same window, its sound moved by 1 to M - 1 moments, round:
                     pictures and sounds of one scene at other times (Owens, Efros,
                     "Audio-Visual Scene Analysis with Self-Supervised Multisensory
                     Features", ECCV 2018; Korbar, Tran, Torresani, "Cooperative
                     Learning of Audio and Video Models from Self-Supervised
                     Synchronization", NeurIPS 2018, who add such pairs later: a second
                     run, warm)

All give sums and weights float32 [B]; a window counts once, or, where nobody is seen,
nothing lies in the track, or there is nothing to compare with, not at all.

Of several replicas each has some windows of a batch.  They are compared with those of
all replicas, and what counts, which may lie on one replica alone, is spread evenly as
weights: so the mean of the replicas' losses is the loss of the batch on one device.
"""

import tensorflow as tf

from Models.losses import replicas

FAR = -1e9  # a similarity that none falls below


def similarities(audio, visual):
    """Of all pairs of windows in a batch: [B, B], audio first.

    Args:
      audio: float32 [B, M, E].
      visual: float32 [B, P, M, E].
    """
    n_moments = tf.cast(tf.shape(audio)[1], tf.float32)
    pairs = tf.einsum("ime,jpme->ijp", audio, visual) / n_moments
    return _best_player(pairs, visual)


def correspondence(outputs, batch, temperature):
    """(sums, weights) as above.

    Args:
      outputs: "audio" and "visual", as of `similarities`.
      batch: "track", and perhaps "n_valid".
      temperature: By which similarities are divided.
    """
    # Float32 is exact for the rows of a table of up to 2^24 tracks.
    told = batch["track"], _counted(outputs["visual"], batch)
    told = [tf.cast(each, tf.float32) for each in told]
    audio, visual, track, counted = replicas.gathered(
        outputs["audio"], outputs["visual"], *told
    )
    same = track[:, tf.newaxis] == track[tf.newaxis]
    both = counted[:, tf.newaxis] * counted[tf.newaxis] > 0
    others = both & ~same
    own = tf.eye(tf.shape(track)[0], dtype=tf.bool)
    logits = similarities(audio, visual) / temperature
    logits = tf.where(own | others, logits, FAR)
    true = tf.linalg.diag_part(logits)
    terms = [tf.reduce_logsumexp(logits, axis=axis) - true for axis in (0, 1)]
    weights = tf.cast(tf.reduce_any(others, axis=1), tf.float32)
    n_own = tf.shape(batch["track"])[0]
    sums = replicas.own(weights * (terms[0] + terms[1]) / 2, n_own)
    return sums, replicas.evened(replicas.own(weights, n_own))


def synchrony(outputs, batch, temperature):
    """(sums, weights) as above; arguments as of `correspondence`."""
    audio, visual = outputs["audio"], outputs["visual"]
    n_moments = audio.shape[1]
    moved = tf.stack([tf.roll(audio, k, axis=1) for k in range(n_moments)], axis=1)
    cosines = tf.einsum("bkme,bpme->bkp", moved, visual) / n_moments
    seen = tf.reduce_any(visual != 0, axis=[2, 3])[:, tf.newaxis]  # [B, 1, P]
    logits = tf.reduce_max(tf.where(seen, cosines, FAR), axis=-1) / temperature
    weights = tf.cast(_counted(visual, batch), tf.float32)
    terms = tf.reduce_logsumexp(logits, axis=1) - logits[:, 0]
    return weights * terms, replicas.evened(weights)


def _best_player(pairs, visual):
    """The greatest of [B, B, P] over the players that are there; `FAR` of nobody."""
    seen = tf.reduce_any(visual != 0, axis=[2, 3])  # [B, P]
    return tf.reduce_max(tf.where(seen[tf.newaxis], pairs, FAR), axis=-1)


def _counted(visual, batch):
    """Boolean [B]: windows in which somebody is seen, and that lie in their track."""
    counted = tf.reduce_any(visual != 0, axis=[1, 2, 3])
    if "n_valid" in batch:
        counted &= batch["n_valid"] > 0
    return counted


LOSSES = {"correspondence": correspondence, "synchrony": synchrony}
