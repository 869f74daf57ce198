"""A stream in segments as long as a model reads, and its estimates joined again.

A stream is an iterator of float32 blocks [t, C]; silence is assumed before and after
it.  Three ways to cut it, none of which holds more than a few segments:

  aligned      for models with context: segments of any legal length, which begin at
               multiples of one unit, so that their length changes no sample
  overlapping  for models without: one length, each estimate fades into the next
  end_to_end   the ancestor's, for comparison: one length, no fading
"""

import bisect
import collections
import itertools

import numpy as np

from Schema import InputError

HOPS = ("aligned", "ancestor")
PIECE = 1 << 16  # samples of an estimate that are passed on at once


class Tape:
    """The samples of a stream that are at work, with silence before and after."""

    def __init__(self, blocks, before):
        """Begins with silence.

        Args:
          blocks: Iterable of float32 [t, C], at least one.
          before: Samples of silence before the first block.
        """
        self._blocks, self._before, self._held = iter(blocks), before, None

    def fill(self, n):
        """Reads on until n samples are held or the stream ends; returns how many."""
        if self._held is None:
            first = next(self._blocks)
            silence = np.zeros((self._before, first.shape[1]), np.float32)
            self._held = np.concatenate([silence, first])
        parts, count = [self._held], len(self._held)
        while count < n and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            count += len(block)
        if len(parts) > 1:
            self._held = np.concatenate(parts)
        return count

    def window(self, start, n):
        """float32 [n, C] from the sample `start` of those held; silence after them."""
        found = self._held[start : start + n]
        silence = np.zeros((n - len(found), self._held.shape[1]), np.float32)
        return np.concatenate([found, silence])

    def drop(self, n):
        """Forgets the first n samples."""
        self._held = self._held[n:]


def aligned(blocks, early, unit, lengths, longest, estimate):
    """Estimates of a model with context, whatever the lengths of the segments.

    Segments begin at multiples of `unit` from time zero, and of an estimate the first
    `hop` samples are kept.  What is left at the end is cut into segments of equal
    lengths, no longer than it needs.

    Args:
      blocks: Iterable of float32 [t, C].
      early: Samples of the stream before time zero.
      unit: Samples; every hop is a multiple.
      lengths: Maps a number of target samples to (n_in, n_out, hop); n_in - n_out is
        always the same.
      longest: Returns (most target samples of a segment, most segments at once);
        asked for each group of segments.
      estimate: Maps (float32 [N, n_in, C], N samples where their targets begin, hop) to
        [N, S, hop, C].  On a MemoryError the same samples are cut again, as `longest`
        then says.

    Yields:
      float32 [S, t, C], in all as many samples as the stream.
    """
    n_in, n_out, _ = lengths(unit)
    context, skip = (n_in - n_out) // 2, -early % unit
    tape, start = Tape(blocks, skip + context), -early - skip
    while True:
        most, count = longest()
        n_in, n_out, hop = lengths(most)
        left = tape.fill((count - 1) * hop + n_in) - context
        if left <= 0:
            return
        if left < count * hop:  # it ends here
            count = -(-left // hop)
            n_in, n_out, hop = lengths(-(-left // (count * unit)) * unit)
        windows = np.stack([tape.window(k * hop, n_in) for k in range(count)])
        try:
            starts = [start + k * hop for k in range(count)]
            estimates = estimate(windows, starts, hop)
        except MemoryError:
            continue
        for k, found in enumerate(estimates):
            yield from _pieces(found[:, skip : min(hop, left - k * hop)])
            skip = 0
        tape.drop(count * hop)
        start += count * hop


def _pieces(estimate):
    for start in range(0, estimate.shape[1], PIECE):
        yield estimate[:, start : start + PIECE]


def end_to_end(blocks, n_in, n_out, early=0):
    """Segments as the ancestor lays them; not independent of where they begin.

    Estimates of exactly n_out samples follow each other from time zero; the last is
    moved back to end with the recording, and overwrites.  A recording shorter than
    n_in is first filled up to n_in with silence.  (Stoller, Ewert, Dixon,
    "Wave-U-Net", ISMIR 2018, `predict_track` of its published code.)

    Args:
      blocks: Iterable of float32 [t, C].
      n_in: Samples of a segment.
      n_out: Samples of its estimate.
      early: Samples of the stream before time zero.

    Yields:
      (float32 [n_in, C], where its target begins, slice of its estimate to keep): in
      all the stream.
    """
    context = (n_in - n_out) // 2
    tape = Tape(blocks, context)
    short, start = tape.fill(context + n_in) - context, -early
    filled = max(0, n_in - short)  # samples of silence that count as the recording
    while True:
        held = tape.fill(context + max(2 * n_out, n_in)) - context
        left = held + filled  # of the recording, as far as is known
        # Of the last but one is kept what the last, moved back, does not overwrite.
        kept = n_out if left == n_out or left >= 2 * n_out else left - n_out
        yield tape.window(0, n_in), start, slice(0, min(kept, held))
        if left == n_out or held <= kept:
            return
        tape.drop(kept)
        start += kept


def fading(overlap, n, edge=0, grain=1):
    """How many samples two neighbouring estimates fade, for `overlapping`.

    Args:
      overlap: Share of an estimate asked for, 0 to 0.5.
      n: Samples of an estimate.
      edge: Of these, samples at each end that are dropped.
      grain: Segments begin at multiples of so many samples from time zero: edge and
        fade together are a multiple, and so is n - edge.

    Returns:
      The least of such fades that is not below the share, or else the greatest; at
      most half of what is kept of an estimate.

    Raises:
      InputError: If an estimate is too short for its edges.
    """
    good = n - 2 * edge
    fades = range(-edge % grain, good // 2 + 1, grain)
    if good < 1 or not fades:
        raise InputError(
            f"an estimate of {n} samples is too short for a model that is no good at "
            f"{edge} samples of each end; choose a longer segment"
        )
    return fades[min(bisect.bisect_left(fades, round(overlap * n)), len(fades) - 1)]


def overlapping(blocks, n, fade, edge=0, early=0):
    """Segments of a model without context, for `joined`.

    The first begins `edge + fade` samples before the stream, and the last ends at
    least as much after it, so that what a model gets wrong near the ends of a segment
    is dropped, or fades out, everywhere.

    Args:
      blocks: Iterable of float32 [t, C].
      n: Samples of a segment, more than 2 * edge.
      fade: Samples that two neighbours fade, at most half of n - 2 * edge.
      edge: Samples at each end of an estimate that are dropped.
      early: Samples of the stream before time zero.

    Yields:
      (float32 [n, C], where it begins, slice of the first n - 2 * edge - fade samples
      of its estimate, without the edges, that lies in the stream).
    """
    step, skip, tape = n - 2 * edge - fade, fade, Tape(blocks, edge + fade)
    start = -early - edge - fade
    while (left := tape.fill(n) - edge) > 0:
        yield tape.window(0, n), start, slice(skip, min(step, left))
        tape.drop(step)
        skip, start = 0, start + step


def crossfade(estimates, fade):
    """Joins estimates that overlap.

    Args:
      estimates: Iterable of float32 [S, n, C], each beginning n - fade samples
        after the one before.
      fade: Samples that two neighbours share, at most n / 2; there the weights are
        sin^2 and cos^2, whose sum is 1.

    Yields:
      float32 [S, n - fade, C] for each; the first `fade` samples of all are not
      faded in.
    """
    weight = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / max(fade, 1)) ** 2
    weight, tail = weight.astype(np.float32)[:, np.newaxis], None
    for estimate in estimates:
        step = estimate.shape[1] - fade
        joined = estimate[:, :step]
        if fade and tail is not None:
            # (1 - w) a + w b, so written that a where both are a stays a.
            shared = tail + weight * (joined[:, :fade] - tail)
            joined = np.concatenate([shared, joined[:, fade:]], axis=1)
        tail = estimate[:, step:]
        yield joined


def joined(windows, fade, batch_size, estimate, edge=0):
    """Estimates segments of one length, and joins what is to be kept.

    Args:
      windows: What `end_to_end` or `overlapping` yields.
      fade: Samples that two neighbours fade; 0: none.
      batch_size: Returns how many segments to estimate at once; asked for each group.
      estimate: Maps (float32 [N, n_in, C], N samples where their targets begin) to [N,
        S, n_out, C].
      edge: Samples at each end of an estimate that are dropped.

    Yields:
      float32 [S, t, C].
    """
    kept = collections.deque()  # where the estimates under way lie in the stream

    def estimates():
        while group := list(itertools.islice(windows, batch_size())):
            windows_now, starts, where = zip(*group)
            kept.extend(where)
            for found in estimate(np.stack(windows_now), starts):
                yield found[:, edge : found.shape[1] - edge]

    for found in crossfade(estimates(), fade):
        yield from _pieces(found[:, kept.popleft()])


def check(segment, batch_size, overlap, hop):
    """Refuses impossible ways to cut a recording; arguments as of `Predictor`.

    Raises:
      InputError: Naming the argument and its value.
    """
    for what, value in {"segment": segment, "batch_size": batch_size}.items():
        count = isinstance(value, int) and value is not True and value >= 1
        if not count and (what, value) != ("segment", None):
            raise InputError(f"{what} must be a whole number > 0, not {value!r}")
    if not isinstance(overlap, int | float) or not 0 <= overlap <= 0.5:
        raise InputError(f"overlap must lie between 0 and 0.5, not {overlap!r}")
    if hop not in HOPS:
        raise InputError(f"hop must be {' or '.join(HOPS)}, not {hop!r}")
    if hop == "ancestor" and segment is not None:
        raise InputError("hop=ancestor has segments of its own; omit segment")
