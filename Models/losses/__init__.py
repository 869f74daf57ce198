"""How far estimates are from the sources: float32, whatever the network runs in.

A loss of `LOSSES` compares estimates with sources, both [B, S, T, C], source by source:

    loss(estimates, sources, n_valid=None, mix=None) -> sums, counts

both float32 [B, S]: the sum of a source's terms in an example, and how many these are,
so that the mean over a split, all sums by all counts, is the same however the split was
cut into batches.  `n_valid` [B] tells how many samples lie in the track; what lies
beyond does not count.  `mix` [B, T, C] is the mixture over the time of the sources;
None: the sum of the sources.

The losses of `MAGNITUDES` compare magnitudes [B, S, frames, bins, C] instead, and
there `n_valid` counts frames.

Models that compare sound and sight have losses of their own, `matching`.

`Loss` is what training and tests use: one of these or a weighted sum of them, of the
outputs of a model.
"""

from Models.losses.loss import ABSENT_SOURCES, SOURCE_ORDERS, Loss
from Models.losses.table import LOSSES, MAGNITUDES

__all__ = ["ABSENT_SOURCES", "LOSSES", "MAGNITUDES", "SOURCE_ORDERS", "Loss"]
