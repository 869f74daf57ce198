"""One JSON file a track: museval's own schema, and beside it what museval forgets.

museval's aggregators read "targets"; the other keys are ours:

    key               meaning
    targets           per source: frames of time and duration (s) and metrics (dB)
    museval_version   of the museval that computed them
    schema            version of this layout
    protocol          windows and filters, see `Scores.bss_eval.protocol`
    versions          of museval and NumPy
    sample_rate       Hz
    samples           of the track; unscored: of them, after the last frame
    window            samples of a frame; hop: from one to the next
    frames            kept: how many; dropped: which, and the sources silent in them
    silent_estimates  sources without scores because their estimate is silent
    not_finite        per source and metric: scored frames that are "inf", "-inf", "nan"
    si_sdr            per source, dB; null: none; "inf" and "-inf"; si_sdr_of: what
    about             what the caller says of track, checkpoint and data

The files are strict JSON.  museval turns infinity into NaN and writes NaN as a bare
word that only Python reads; here a frame leaves such a metric out, as the schema
allows.  A metric that no frame has is null, or museval's reader would miss a column.
"""

import json
import pathlib

import numpy as np

import Utils
from Schema import InputError
from Scores import si_sdr
from Scores.bss_eval import protocol as current_protocol
from Scores.track import METRICS, Dropped, TrackScores

SCHEMA = "1.0.0"
DECIMALS = 5  # of a score in the file; museval's


def write(path, scores, about=None):
    """Writes the scores of a track, whole or not at all.

    Args:
      path: File to write; its stem is the track's name to museval.
      scores: TrackScores.
      about: What identifies the evaluation, in values that JSON knows: track,
        fingerprints of checkpoint and data, ...; `is_complete` compares it.
    """
    Utils.write_json(path, document(scores, about))


def document(scores, about=None):
    """The content of a score file, as dicts, lists, numbers and strings."""
    return {
        "museval_version": scores.protocol["museval"],
        "targets": _targets(scores),
        "schema": SCHEMA,
        "protocol": scores.protocol,
        "versions": {
            "museval": scores.protocol["museval"],
            "numpy": np.__version__,
        },
        "sample_rate": scores.sample_rate,
        "samples": scores.n_time,
        "unscored": scores.unscored,
        "window": scores.window,
        "hop": scores.hop,
        "frames": {
            "kept": scores.kept,
            "dropped": [
                {
                    "frame": d.frame,
                    "time": d.frame * scores.hop / scores.sample_rate,
                    "references": list(d.references),
                    "estimates": list(d.estimates),
                }
                for d in scores.dropped
            ],
        },
        "silent_estimates": list(scores.silent_estimates),
        "not_finite": _not_finite(scores),
        "si_sdr": None
        if scores.si_sdr is None
        else dict(zip(scores.names, map(_number, scores.si_sdr))),
        "si_sdr_of": si_sdr.CONVENTION,
        "about": _plain(about),
    }


def _targets(scores):
    """What museval reads: a list of sources, each a list of frames."""
    absent = [m for m in METRICS if not np.isfinite(scores.bss[m]).any()]
    targets = []
    for name in scores.names:
        frames = []
        for k in range(scores.n_frames):
            found = {m: float(scores.frames(name, m)[k]) for m in METRICS}
            metrics = {
                m: round(v, DECIMALS) for m, v in found.items() if np.isfinite(v)
            }
            frames.append(
                {
                    "time": k * scores.hop / scores.sample_rate,
                    "duration": scores.window / scores.sample_rate,
                    "metrics": {**metrics, **dict.fromkeys(absent)},
                }
            )
        targets.append({"name": name, "frames": frames})
    return targets


def _not_finite(scores):
    """{source: {metric: {"inf", "-inf" or "nan": frames}}}, where there are any."""
    found = {}
    scored = ~_gaps(scores)
    for name, row in zip(scores.names, scored):
        for metric in METRICS:
            values = scores.frames(name, metric)
            for kind in ("inf", "-inf", "nan"):
                same = np.isnan(values) if kind == "nan" else values == float(kind)
                frames = np.flatnonzero(same & row).tolist()
                if frames:
                    found.setdefault(name, {}).setdefault(metric, {})[kind] = frames
    return found


def _gaps(scores):
    """Where there can be no score: bool [S, F]."""
    gaps = np.zeros((len(scores.names), scores.n_frames), bool)
    gaps[:, [d.frame for d in scores.dropped]] = True
    gaps[[scores.names.index(name) for name in scores.silent_estimates]] = True
    return gaps


def _number(value):
    value = float(value)
    if np.isfinite(value):
        return round(value, DECIMALS)
    return None if np.isnan(value) else str(value)


def _plain(about):
    """The description as it will be read back; TypeError if JSON has no place."""
    return json.loads(json.dumps(about or {}, allow_nan=False))


def read(path):
    """Reads a score file and checks that it is whole.

    Returns:
      (TrackScores, about).

    Raises:
      InputError: If it is absent, not JSON, or not a score file; it names the file.
    """
    content = Utils.read_json(path)
    try:
        if content["schema"] != SCHEMA:
            raise ValueError(f"its layout is {content['schema']}, not {SCHEMA}")
        return _scores(content), dict(content["about"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a whole score file ({type(error).__name__}: {error}); "
            "remove it and evaluate again"
        ) from None


def _scores(content):
    """TrackScores from the content of a file; any exception means: not one."""
    names = tuple(target["name"] for target in content["targets"])
    frames = content["frames"]
    dropped = tuple(
        Dropped(int(d["frame"]), tuple(d["references"]), tuple(d["estimates"]))
        for d in frames["dropped"]
    )
    whole = content["si_sdr"]
    if whole is not None:
        found = [whole[name] for name in names]
        whole = np.array([np.nan if v is None else float(v) for v in found])
    scores = TrackScores(
        names=names,
        sample_rate=content["sample_rate"],
        n_time=content["samples"],
        window=content["window"],
        hop=content["hop"],
        bss={m: _metric(content, m) for m in METRICS},
        dropped=dropped,
        silent_estimates=tuple(content["silent_estimates"]),
        protocol=dict(content["protocol"]),
        si_sdr=whole,
    )
    if not names or len(set(names)) != len(names) or not scores.n_frames:
        raise ValueError("it has no sources, no frames, or a source twice")
    if scores.kept != frames["kept"] or scores.unscored != content["unscored"]:
        raise ValueError("its frames do not add up")
    _check_gaps(scores, content["not_finite"])
    return scores


def _metric(content, metric):
    """float64 [S, F]; sources of unequal length are refused."""
    values = []
    for target in content["targets"]:
        found = [frame["metrics"].get(metric) for frame in target["frames"]]
        row = np.array([np.nan if v is None else float(v) for v in found])
        kinds = content["not_finite"].get(target["name"], {}).get(metric, {})
        for kind, where in kinds.items():
            row[where] = float(kind)
        values.append(row)
    return np.stack(values)


def _check_gaps(scores, not_finite):
    """Scores are missing where the file says so, and only there."""
    for metric in METRICS:
        expected = _gaps(scores)
        for s, name in enumerate(scores.names):
            expected[s, not_finite.get(name, {}).get(metric, {}).get("nan", [])] = True
        if not np.array_equal(np.isnan(scores.bss[metric]), expected):
            raise ValueError(f"{metric} is missing in frames that were not dropped")


def is_complete(path, about=None, protocol=None):
    """Whether a file holds exactly this evaluation, so that it can be skipped.

    Args:
      path: File that `write` may have written.
      about: What `write` would be given now.
      protocol: What `Scores.bss_eval.protocol` gives now; None: of its defaults.

    Returns:
      False if the file is absent, damaged, of other fingerprints or of another
      protocol.
    """
    try:
        scores, found = read(path)
    except InputError:
        return False
    return found == _plain(about) and scores.protocol == (
        protocol or current_protocol()
    )


def read_folder(folder):
    """Reads all score files below a folder.

    Returns:
      {track: TrackScores}, sorted; a track's name is its file's, relative to the
      folder and without ".json".

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
    return {r.with_suffix("").as_posix(): read(files[r])[0] for r in sorted(files)}
