"""One JSON file a track, laid out as `Scores.score_file` says: written and read."""

import pathlib

import Utils
from Schema import InputError
from Scores import protocols, score_file


def write(path, scores, about=None):
    """Writes the scores of a track, whole or not at all.

    Args:
      path: File to write; its stem is the track's name to museval.
      scores: TrackScores.
      about: What identifies the evaluation, in values that JSON knows: track,
        fingerprints of checkpoint and data, ...; `is_complete` compares it.
    """
    Utils.write_json(path, score_file.document(scores, about))


def read(path):
    """Reads a score file and checks that it is whole.

    Returns:
      (TrackScores, about).

    Raises:
      InputError: If it is absent, not JSON, or not a score file; it names the file.
    """
    content = Utils.read_json(path)
    try:
        return score_file.scores(content), dict(content["about"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a whole score file ({type(error).__name__}: {error}); "
            "remove it and evaluate again"
        ) from None


def is_complete(path, about=None, protocol=None):
    """Whether a file holds exactly this evaluation, so that it can be skipped.

    Args:
      path: File that `write` may have written.
      about: What `write` would be given now.
      protocol: What `Scores.protocols.Protocol.told` gives now; None: of the usual
        protocol.

    Returns:
      False if the file is absent, damaged, of other fingerprints or of another
      protocol.
    """
    try:
        scores, found = read(path)
    except InputError:
        return False
    if protocol is None:
        protocol = protocols.PROTOCOLS[protocols.USUAL].told()
    return found == score_file.plain(about) and scores.protocol == protocol


def read_folder(folder):
    """Reads all score files below a folder.

    Returns:
      {track: TrackScores}, sorted; a track's name is its file's, relative to the
      folder and without ".json".  Of scores of folders, those of the estimates alone,
      not of the rows that stand in folders below.

    Raises:
      InputError: If there is none, or a JSON file is not a score file.
    """
    folder = pathlib.Path(folder)
    files = {p.relative_to(folder): p for p in folder.rglob("*.json")}
    # Hidden folders hold files that somebody is writing, or failed to.
    files = {
        r: p
        for r, p in files.items()
        if not any(part.startswith(".") for part in r.parts[:-1])
    }
    if not files:
        raise InputError(f"{folder} holds no scores; run `python Evaluate.py` first")
    found = {r.with_suffix("").as_posix(): read(files[r]) for r in sorted(files)}
    return {t: one for t, (one, told) in found.items() if not _is_row(t, told, found)}


def _is_row(name, about, found):
    """Whether a file, below the scores of folders, is of another row of a track."""
    track = about.get("track")
    return track in found and name != track and name.endswith(f"/{track}")
