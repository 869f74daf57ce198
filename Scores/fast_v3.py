"""BSS Eval v3: the numbers of mir_eval, and of museval with filters of each frame.

What `fast_v4` says of agreement holds here.  Frames of fewer samples than filters have
taps leave nothing unexplained: their SAR, and with many sources their SIR, is rounding.
"""

import numpy as np

from Scores import projections
from Scores.frames import silent, spans


def sources(references, estimates, taps=512):
    """As `mir_eval.separation.bss_eval_sources`, without permutations.

    Args:
      references: float [S, T], none of them silent.
      estimates: float [S, T], none of them silent.
      taps: Length of the filters; mir_eval's is 512.

    Returns:
      float64 [3, S] in dB: SDR, SIR, SAR.
    """
    pair = references[..., np.newaxis], estimates[..., np.newaxis]
    parts = _parts(*pair, taps, ridge=0.0)
    return projections.sources(parts)[[0, 2, 3]]


def images(references, estimates, taps=512):
    """As `mir_eval.separation.bss_eval_images`, without permutations.

    Args:
      references: float [S, T, C], none of them silent.
      estimates: float [S, T, C], none of them silent.
      taps: Length of the filters; mir_eval's is 512.

    Returns:
      float64 [4, S] in dB: SDR, ISR, SIR, SAR.
    """
    return projections.images(_parts(references, estimates, taps, ridge=0.0))


def framewise(references, estimates, window, hop, taps=512, ratios=projections.images):
    """As `museval.metrics.bss_eval` with filters of each frame.

    Args:
      references: float [S, T, C].
      estimates: float [S, T, C].
      window: Samples of a frame; a shorter track is one frame.
      hop: Samples from one frame to the next.
      taps: Length of the filters.
      ratios: `projections.images`, or `projections.sources` for museval's
        `bsseval_sources_version`.

    Returns:
      float64 [4, S, F] in dB: SDR, ISR, SIR, SAR; NaN in frames in which a source is
      silent, and ISR of sources.
    """
    frames = spans(references.shape[1], window, hop)
    values = np.full((4, len(references), len(frames)), np.nan)
    for k, (start, stop) in enumerate(frames):
        pair = [audio[:, start:stop] for audio in (references, estimates)]
        if not any(silent(audio).any() for audio in pair):
            values[..., k] = ratios(_parts(*pair, taps, projections.RIDGE))
    return values


def _parts(references, estimates, taps, ridge):
    found = projections.filters(references, estimates, taps, ridge)
    projector = projections.Projector(found, references.shape[1])
    return projections.energies(projector, references, estimates)
