"""How much faster the Wave-U-Net is than its textbook graph, and how near the limit.

    python -m benchmarks.wave_unet            # all; writes benchmarks/results.json
    python -m benchmarks.wave_unet --runs 9 train_step_float32 separate_60s_bfloat16

The network is the ancestors': 12 levels of 24 filters, context, mono at 22,050 Hz,
147,443 samples in and 16,389 out.  `train_step`: forward, backward and Adam, a batch of
4.  `separate_60s`: a minute of noise through a `Predictor`, and window by window
through the textbook's graph, which is float32, without XLA, in all rows.  Both take
turns in one process; the ratio is that of the medians.  No suffix: 4 sources.  `_13`:
13 sources, the 2018 VIMSS.  `_cexp`: these, and labels at the bottleneck.

`fraction_of_gemm_peak` is what the function needs at least (`flops`), by the time it
takes, by what the fastest matrix product of this machine reaches.  A row called `auto`
says which form was faster here; Models/wave_unet.py is written after it.
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow wakes

import numpy as np
import tensorflow as tf

import Models
import Predict
import Test
from benchmarks import machine, timing
from benchmarks.textbook import Textbook
from Learning import optimizers
from Learning.step import Step
from Models import devices
from Schema import INSTRUMENTS

RATE, SECONDS, BATCH = 22050, 60, 4
NETWORK = {"sample_rate": RATE, "channels": 1}
NETWORK |= {"context": True, "output_type": "difference"}
CEXP = {"fusers": ["outer_product@bottleneck"]}
KINDS = {  # suffix: (sources, knobs)
    "": (4, {}),
    "_13": (13, {}),
    "_cexp": (13, CEXP),
}
WORKS = ("train_step", "separate_60s")
PRECISIONS = ("float32", "bfloat16")
SHAPES = {  # what the forms are compared on: knobs that replace those of NETWORK
    "context": {},
    "same": {"context": False, "output_type": "direct"},
    "demo": {"num_layers": 7, "num_initial_filters": 16, "num_frames": 8192},
}
KEYS = [f"{work}_{p}{kind}" for kind in KINDS for work in WORKS for p in PRECISIONS]


def parts(key):
    """(work, precision, kind) of a row."""
    work = next(work for work in WORKS if key.startswith(work))
    precision, _, kind = key.removeprefix(work + "_").partition("_")
    return work, precision, kind and "_" + kind


def network(kind, form, precision="float32", **replaced):
    """A model with the weights that a seed gives."""
    n_sources, knobs = KINDS[kind]
    tf.keras.utils.set_random_seed(0)
    return Models.build(
        "wave_unet",
        source_names=list(INSTRUMENTS)[:n_sources],
        form=form,
        dtype={"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision],
        **{**NETWORK, **knobs, **replaced},
    )


def flops(model, n):
    """Floating-point operations that a window of n target samples cannot do without.

    Two for each product and sum; on the way down of the steps that decimation keeps
    and, within the crop of the skip connection, of the others; on the way up of
    polyphase kernels: 3 and 4 taps for 5.
    """
    lengths = model.lengths(n)
    n_time, total, given = lengths.n_in, 0, []
    for layer in model.down:
        given.append(layer.length_out(n_time))
        n_time = -(-given[-1] // 2)
    n_time = model.bottom.length_out(n_time)
    total += n_time * np.prod(model.bottom.kernel.shape)
    for layer, down, n_down in zip(model.up, model.down[::-1], given[::-1]):
        n_fine = 2 * n_time - 1
        total += (-(-n_down // 2) + n_fine // 2) * np.prod(down.kernel.shape)
        n_time = layer.length_out(n_fine)
        taps, _, filters = layer.kernel.shape
        low = taps // 2 + 1 + taps % 2 / 2  # of the coarse map, for a step of the fine
        coarse = layer.kernel.shape[1] - down.filters
        total += n_time * filters * (taps * down.filters + low * coarse)
    for layer in model.outputs_of.convolutions:
        total += n_time * np.prod(layer.kernel.shape)
    return 2 * float(total)


def train_step(model):
    """One step of `Learning`, as a function without arguments, on fixed noise."""
    inner = getattr(model, "model", model)
    noise = np.random.default_rng(0)
    n_sources = len(inner.source_names)
    sizes = {
        "mix": [BATCH, inner.n_in, 1],
        "sources": [BATCH, n_sources, inner.n_out, 1],
    }
    batch = {
        k: tf.cast(0.1 * noise.normal(size=s), "float32") for k, s in sizes.items()
    }
    batch["labels"] = tf.ones([BATCH, n_sources])
    optimizer = optimizers.optimizer("adam", 1e-4)
    step = Step(model, optimizer, Test.batch_loss("mean_square", inner))

    def run():
        step.run(batch)
        return float(step.total.numpy())

    return run


def separation(model):
    """A minute through the Predictor, as a function without arguments."""
    predictor, mix = Predict.Predictor(model), minute()
    labels = model.source_names if "labels" in model.batch_keys else None
    return lambda: predictor.separate(mix, RATE, labels)


def minute():
    """Float32 [T, 1]."""
    return np.random.default_rng(0).normal(size=[RATE * SECONDS, 1], scale=0.1)


def window_by_window(textbook):
    """The textbook's way through a minute."""
    model = textbook.model
    n_in, n_out = model.n_in, model.n_out
    margin = (n_in - n_out) // 2
    mix = np.pad(minute().astype(np.float32), [(margin, n_in), (0, 0)])
    labels = tf.ones([1, len(model.source_names)])
    call = tf.function(lambda mix: textbook({"mix": mix, "labels": labels})["sources"])

    def run():
        starts = range(0, RATE * SECONDS, n_out)
        parts = [call(tf.constant(mix[s : s + n_in][None])).numpy() for s in starts]
        return np.concatenate(parts, axis=2)[0, :, : RATE * SECONDS]

    return run


def subjects(key):
    """{"plain": function, "fast": function} and the FLOP that a call needs."""
    work, precision, kind = parts(key)
    textbook = Textbook(network(kind, "plain"))
    model = network(kind, "auto", precision)
    if work == "train_step":
        functions = {"plain": train_step(textbook), "fast": train_step(model)}
        return functions, 3 * BATCH * flops(model, model.num_frames)
    functions = {"plain": window_by_window(textbook), "fast": separation(model)}
    return functions, flops(model, RATE * SECONDS)


def measured(key, runs, peaks):
    """One row of the results."""
    work, precision, _ = parts(key)
    functions, needed = subjects(key)
    seconds = timing.alternate(functions, runs)
    plain, fast = (statistics.median(seconds[name]) for name in ("plain", "fast"))
    audio = SECONDS if work == "separate_60s" else BATCH * 16389 / RATE
    rss = timing.peak_rss("benchmarks.wave_unet", "--alone", key)
    return {
        "ratio_to_plain": round(plain / fast, 2),
        "fraction_of_gemm_peak": round(needed / fast / peaks[precision], 3),
        "x_real_time": round(audio / fast, 2),
        "peak_rss_gib": round(rss, 2),
        "runs": runs,
        "seconds": round(fast, 4),
        "seconds_range": [round(f(seconds["fast"]), 4) for f in (min, max)],
        "plain_seconds": round(plain, 4),
        "plain_seconds_range": [round(f(seconds["plain"]), 4) for f in (min, max)],
    }


def alone(key):
    """Prints the peak memory of a process that does nothing but the fast work."""
    work, precision, kind = parts(key)
    model = network(kind, "auto", precision)
    function = train_step(model) if work == "train_step" else separation(model)
    for _ in range(3):
        function()
    print(timing.own_peak_rss())


def compared(runs):
    """Row "auto": the form that is faster in the (geometric) mean, seconds of both."""
    row, gains = {"device": devices.kind(), "runs": runs}, []
    for shape, knobs in SHAPES.items():
        for precision in PRECISIONS:
            models = {f: network("", f, precision, **knobs) for f in ("plain", "fast")}
            for work, function in {
                "train_step": train_step,
                "minute": separation,
            }.items():
                functions = {form: function(model) for form, model in models.items()}
                taken = timing.alternate(functions, runs)
                medians = {form: statistics.median(taken[form]) for form in models}
                gains.append(medians["plain"] / medians["fast"])
                row[f"{work}_{precision}_{shape}"] = {
                    form: round(seconds, 4) for form, seconds in medians.items()
                }
    row["gain"] = round(statistics.geometric_mean(gains), 2)
    row["form"] = "fast" if row["gain"] > 1 else "plain"
    return row


def main(arguments=None):
    """Measures the rows that are named, prints and stores them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wave_unet")
    parser.add_argument(
        "rows", nargs="*", metavar="row", help=" ".join([*KEYS, "auto"])
    )
    parser.add_argument("--runs", type=int, default=7, help="of each, at least 5 (7)")
    parser.add_argument("--alone", metavar="ROW", help="print its peak memory only")
    given = parser.parse_args(arguments)
    if unknown := set(given.rows) - {*KEYS, "auto"}:
        rows = " ".join([*KEYS, "auto"])
        parser.error(f"no row {sorted(unknown)[0]!r}; the rows are {rows}")
    if given.alone:
        return alone(given.alone)
    peaks = {p: timing.gemm_peak(p) for p in PRECISIONS}
    about = {f"gemm_{p}": round(peak / 1e9) for p, peak in peaks.items()}
    about = machine.about() | about
    print("  ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'':28s} ratio  of peak  x real time  peak GiB  seconds (plain)")
    for key in given.rows or [*KEYS, "auto"]:
        if key == "auto":
            row = compared(given.runs)
            show_comparison(row)
        else:
            row = measured(key, given.runs, peaks)
            show(key, row)
        machine.store({key: {**row, **about}})
    return None


def show(key, row):
    """Prints a row of the table."""
    print(
        f"{key:28s} {row['ratio_to_plain']:5.2f} {row['fraction_of_gemm_peak']:8.1%}"
        f" {row['x_real_time']:12.2f} {row['peak_rss_gib']:9.2f}"
        f"  {row['seconds']:.3f} ({row['plain_seconds']:.3f})",
        flush=True,
    )


def show_comparison(row):
    """Prints row "auto"."""
    print(f"auto on {row['device']}: {row['form']}, gain {row['gain']:.2f}")
    for name, seconds in row.items():
        if isinstance(seconds, dict):
            both = "  ".join(f"{form} {s:.3f}" for form, s in seconds.items())
            print(f"{name:28s} {both}")


if __name__ == "__main__":
    main()
