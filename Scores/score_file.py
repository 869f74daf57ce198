"""The layout of a score file: museval's own schema, and beside it what museval forgets.

museval's aggregators read "targets"; the other keys are ours:

    key               meaning
    targets           per source: frames of time and duration (s) and metrics (dB)
    museval_version   of the museval that computed them
    schema            version of this layout
    protocol          name, windows and filters, see `Scores.protocols.Protocol.told`
    versions          of museval and NumPy
    sample_rate       Hz
    samples           of the track; unscored: of them, after the last frame
    window            samples of a frame; hop: from one to the next
    frames            kept: how many; dropped: which, the sources silent in them, and
                      whose scores they take ("of"; absent: all)
    silent_estimates  sources without scores because their estimate is silent
    not_finite        per source and metric: scored frames that are "inf", "-inf", "nan"
    si_sdr, snr       per source, dB; null: none; "inf" and "-inf"; si_sdr_of: what
    silence           energy at silence, see `Scores.pes`: pes and eps per source and
                      frame, leak per source, absent: which; null: not measured
    about             what the caller says of track, checkpoint and data

The files are strict JSON.  museval turns infinity into NaN and writes NaN as a bare
word that only Python reads; here a frame leaves such a metric out, as the schema
allows.  A metric that no frame has is null, or museval's reader would miss a column.
"""

import json

import numpy as np

from Scores import museval_file, pes, si_sdr
from Scores.track import METRICS, Dropped, TrackScores

SCHEMA = "1.0.0"
DECIMALS = 5  # of a score in the file; museval's


def document(scores, about=None):
    """The content of a score file, as dicts, lists, numbers and strings."""
    return {
        "museval_version": museval_file.version(),
        "targets": _targets(scores),
        "schema": SCHEMA,
        "protocol": scores.protocol,
        "versions": {
            "museval": museval_file.version(),
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
                    **({"of": list(d.of)} if d.of else {}),
                }
                for d in scores.dropped
            ],
        },
        "silent_estimates": list(scores.silent_estimates),
        "not_finite": _not_finite(scores),
        "si_sdr": _by_name(scores.names, scores.si_sdr),
        "snr": _by_name(scores.names, scores.snr),
        "si_sdr_of": si_sdr.CONVENTION,
        "silence": _silence(scores.silence),
        "about": plain(about),
    }


def _by_name(names, values):
    """{source: number}, or None if there are none."""
    return None if values is None else dict(zip(names, map(_number, values)))


def _silence(found):
    """A `pes.TrackSilence` as plain values, or None."""
    if found is None:
        return None
    frames = {
        key: {
            name: [_number(value) for value in row]
            for name, row in zip(found.names, getattr(found, key))
        }
        for key in ("pes", "eps")
    }
    leak = _by_name(found.names, found.leak)
    return {**frames, "leak": leak, "absent": list(found.absent)}


def _targets(scores):
    """What museval reads: a list of sources, each a list of frames."""
    of = scores.bss
    absent = [m for m in METRICS if m not in of or not np.isfinite(of[m]).any()]
    targets = []
    for name in scores.names:
        frames = []
        for k in range(scores.n_frames):
            found = {m: float(scores.frames(name, m)[k]) for m in of}
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
        for metric in scores.bss:
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
    for d in scores.dropped:
        gaps[[d.takes(name) for name in scores.names], d.frame] = True
    gaps[[scores.names.index(name) for name in scores.silent_estimates]] = True
    return gaps


def _number(value):
    value = float(value)
    if np.isfinite(value):
        return round(value, DECIMALS)
    return None if np.isnan(value) else str(value)


def plain(about):
    """The description as it will be read back; TypeError if JSON has no place."""
    return json.loads(json.dumps(about or {}, allow_nan=False))


def scores(content):
    """TrackScores from the content of a file; any exception means: not one."""
    if content["schema"] != SCHEMA:
        raise ValueError(f"its layout is {content['schema']}, not {SCHEMA}")
    names = tuple(target["name"] for target in content["targets"])
    frames = content["frames"]
    dropped = tuple(
        Dropped(
            int(d["frame"]),
            *(tuple(d[key]) for key in ("references", "estimates")),
            tuple(d.get("of", ())),
        )
        for d in frames["dropped"]
    )
    protocol = dict(content["protocol"])
    found = TrackScores(
        names=names,
        sample_rate=content["sample_rate"],
        n_time=content["samples"],
        window=content["window"],
        hop=content["hop"],
        bss={m: _metric(content, m) for m in protocol.get("metrics", METRICS)},
        dropped=dropped,
        silent_estimates=tuple(content["silent_estimates"]),
        protocol=protocol,
        si_sdr=_in_order(names, content["si_sdr"]),
        snr=_in_order(names, content["snr"]),
        silence=_silence_of(content["silence"]),
    )
    if not names or len(set(names)) != len(names) or not found.n_frames:
        raise ValueError("it has no sources, no frames, or a source twice")
    if found.kept != frames["kept"] or found.unscored != content["unscored"]:
        raise ValueError("its frames do not add up")
    _check_gaps(found, content["not_finite"])
    return found


def _in_order(names, values):
    """float64 [S] of {source: number}, or None."""
    return None if values is None else _floats(values[name] for name in names)


def _floats(values):
    return np.array([np.nan if v is None else float(v) for v in values])


def _silence_of(content):
    """`pes.TrackSilence` from the content of a file, or None."""
    if content is None:
        return None
    names = tuple(content["leak"])
    frames = {
        key: np.stack([_floats(content[key][name]) for name in names])
        for key in ("pes", "eps")
    }
    leak, absent = _in_order(names, content["leak"]), tuple(content["absent"])
    return pes.TrackSilence(names, leak=leak, absent=absent, **frames)


def _metric(content, metric):
    """float64 [S, F]; sources of unequal length are refused."""
    values = []
    for target in content["targets"]:
        found = [frame["metrics"].get(metric) for frame in target["frames"]]
        row = _floats(found)
        kinds = content["not_finite"].get(target["name"], {}).get(metric, {})
        for kind, where in kinds.items():
            row[where] = float(kind)
        values.append(row)
    return np.stack(values)


def _check_gaps(scores, not_finite):
    """Scores are missing where the file says so, and only there."""
    for metric in scores.bss:
        expected = _gaps(scores)
        for s, name in enumerate(scores.names):
            expected[s, not_finite.get(name, {}).get(metric, {}).get("nan", [])] = True
        if not np.array_equal(np.isnan(scores.bss[metric]), expected):
            raise ValueError(f"{metric} is missing in frames that were not dropped")
