"""What a number is: from audio to scores, files and tables.

    references, estimates -> protocols -> TrackScores -> store: one JSON a track
    folders of JSON       -> aggregate   -> rows        -> tables: text, Markdown, CSV

Metric families stay apart: BSSEval, SI-SDR and SNR never share a column, and protocols
never a table.
"""

from Scores import protocols


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
    usual = protocols.named(protocols.USUAL)
    return protocols.score(usual, names, references, estimates, sample_rate)
