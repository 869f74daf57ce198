"""How far our BSS Eval is from museval on real music, and museval from itself.

    python -m benchmarks.agreement ../shared/data

Scores recordings with museval through its own public function, `eval_mus_track`, and
with ours, frame by frame, the two scenarios of the MUSDB18 stem file and the parts of
the URMP excerpts: the greatest difference of any frame of any source in dB, that of
the medians over frames, which tables show, and whether the same frames lack a score.
Beside it, how much museval's own numbers move when the same sources are given in the
opposite order, or three times as loud: nobody can be nearer to it than it is to itself.
Estimates: sources with some of the mixture and noise in them, and those of the ideal
ratio mask.
"""

import argparse
import glob
import importlib
import pathlib
import sys
import types
import warnings

import av
import numpy as np
import soundfile as sf

from Models.baselines import oracles
from Schema import InputError
from Scores import bss_eval, protocols
from Scores.track import METRICS

SECONDS = 12.0  # of a recording; museval takes minutes for one


def museval():
    """The installed package museval, also where musdb lacks its ffmpeg."""
    for name in ("musdb", "stempeg"):
        try:
            importlib.import_module(name)
        except Exception:  # stempeg raises several where ffmpeg is absent
            sys.modules[name] = types.ModuleType(name)
    if not hasattr(np.linalg, "linalg"):  # museval 0.4.1 names it, NumPy 2.4 has none
        np.linalg.linalg = np.linalg
    return importlib.import_module("museval")


def theirs(names, references, estimates, rate):
    """{source: float64 [4, F]} of `museval.eval_mus_track`."""
    of = {n: types.SimpleNamespace(audio=a) for n, a in zip(names, references)}
    track = types.SimpleNamespace(targets=of, rate=rate, name="x", subset="test")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = museval().eval_mus_track(track, dict(zip(names, estimates)))
    return {
        target["name"]: np.array(
            [
                [_number(frame["metrics"][m]) for frame in target["frames"]]
                for m in METRICS
            ]
        )
        for target in found.scores["targets"]
    }


def _number(value):
    return np.nan if value is None else float(value)


def raw(names, references, estimates, rate):
    """The same of `museval.metrics`, which does not round to 5 decimals."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = museval().metrics.bss_eval(references, estimates, rate, rate)[:4]
    return dict(zip(names, np.moveaxis(np.stack(found), 1, 0)))


def apart(one, other):
    """How far two {source: float64 [4, F]} are from each other.

    Returns:
      (float64 [4], the greatest difference of a frame in dB; float64 [4], that of a
      source's median over frames; whether the same frames lack a score).
    """
    pairs = [(one[name], other[name]) for name in one]
    worst = np.max([np.nanmax(abs(a - b), axis=1) for a, b in pairs], axis=0)
    medians = [abs(np.nanmedian(a, axis=1) - np.nanmedian(b, axis=1)) for a, b in pairs]
    same = all(np.array_equal(np.isnan(a), np.isnan(b)) for a, b in pairs)
    return worst, np.max(medians, axis=0), same


def stems(path, seconds=SECONDS):
    """(names, float64 [4, T, 2], rate) of a MUSDB18 stem file."""
    audio = []
    for k in (4, 1, 2, 3):  # vocals, drums, bass, other
        with av.open(str(path)) as container:
            stream = container.streams.audio[k]
            blocks = [frame.to_ndarray() for frame in container.decode(stream)]
            rate = stream.rate
        audio.append(np.concatenate(blocks, axis=1).T[: round(seconds * rate)])
    return list(protocols.TARGETS), np.stack(audio).astype(float), rate


def parts(folder, seconds=SECONDS):
    """(names, float64 [S, T, 1], rate) of the separate parts of a URMP piece."""
    found = [sf.read(path) for path in sorted(glob.glob(f"{folder}/AuSep*"))]
    n_time = min(len(audio) for audio, _ in found)
    n_time, rate = min(n_time, round(seconds * found[0][1])), found[0][1]
    audio = np.stack([audio[:n_time] for audio, _ in found])[..., None]
    return [str(k + 1) for k in range(len(audio))], audio, rate


def estimates_of(references):
    """{what they are: float64 [S, T, C]}."""
    mix, rng = references.sum(axis=0), np.random.default_rng(0)
    noise = 1e-3 * references.std() * rng.normal(size=references.shape)
    leaky = (
        0.8 * references + 0.15 * mix + 0.02 * np.roll(references, 3, axis=1) + noise
    )
    mask = oracles.ideal_ratio_mask(mix.astype("f4"), references.astype("f4"))
    return {"leaky": leaky, "ideal ratio mask": np.asarray(mask, float)}


def compared(names, references, rate):
    """Yields what `apart` says of museval's API, of its core, and of it and itself."""
    for what, made in estimates_of(references).items():
        told = names, references, made, rate
        public, here = theirs(*told), raw(*told)
        fast = bss_eval.bss_eval(references, made, rate, names=names).bss
        ours = {n: np.stack([fast[m][k] for m in METRICS]) for k, n in enumerate(names)}
        turned = raw(names[::-1], references[::-1], made[::-1], rate)
        loud = raw(names, 3 * references, 3 * made, rate)
        moved = [apart(here, x)[:2] for x in (turned, loud)]
        yield what, apart(public, ours), apart(here, ours), np.max(moved, axis=0)


def main(argv=None):
    """Prints a line a recording and kind of estimates."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="folder of musdb18/*.stem.mp4 and urmp/*/AuSep*")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args(argv)
    songs = sorted(pathlib.Path(asked.data).glob("musdb18/*.stem.mp4"))
    pieces = sorted(p for p in pathlib.Path(asked.data).glob("urmp/*") if p.is_dir())
    if not songs and not pieces:
        raise InputError(f"{asked.data} has no musdb18/*.stem.mp4 and no urmp/*/AuSep*")
    for path in (*songs, *pieces):
        read = stems if path in songs else parts
        names, references, rate = read(path, asked.seconds)
        show(path.name, names, references, rate)
        if path in songs:  # museval's second scenario
            whole = np.stack([references[0], references[1:].sum(axis=0)])
            show(path.name, ["vocals", "accompaniment"], whole, rate)


def show(name, sources, references, rate):
    """Prints how far the scores of a recording's sources are apart."""
    for what, public, exact, itself in compared(sources, references, rate):
        gaps = "the same frames lack" if public[2] else "OTHER FRAMES LACK"
        print(f"{name}, {what}: {', '.join(sources)} at {rate} Hz")
        print(f"  {gaps} scores; dB apart, worst frame | medians over frames:")
        print(f"  museval's API and ours   {_line(public)}")
        print(f"  before museval rounds    {_line(exact)}")
        print(f"  museval and itself       {_line(itself)}", flush=True)


def _line(found):
    shown = [
        "  ".join(f"{m} {v:.1e}" for m, v in zip(METRICS, values))
        for values in found[:2]
    ]
    return " | ".join(shown)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
