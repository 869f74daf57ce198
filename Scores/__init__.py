"""What a number is: from audio to scores, files and tables.

    references, estimates -> score_track -> TrackScores -> store: one JSON a track
    folders of JSON       -> aggregate   -> rows        -> tables: text, Markdown, CSV

Metric families stay apart: museval v4 and SI-SDR never share a column.
"""

import dataclasses

from Scores import bss_eval, si_sdr


def score_track(references, estimates, names, sample_rate):
    """Scores one track: museval v4 frame by frame, and SI-SDR of the whole.

    Args:
      references: float [S, T, C], the sources that are present.
      estimates: float [S, T, C].
      names: S names.
      sample_rate: Hz.

    Returns:
      TrackScores.

    Raises:
      InputError: See `bss_eval.bss_eval`.
    """
    scores = bss_eval.bss_eval(references, estimates, sample_rate, names=names)
    return dataclasses.replace(scores, si_sdr=si_sdr.si_sdr(references, estimates))
