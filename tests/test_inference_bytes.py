"""The memory that a model says it takes, against what the system sees it take."""

import pathlib
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parents[1]
CLEAR = pathlib.Path("/proc/self/clear_refs")
SMALL = {"num_layers": 4, "num_initial_filters": 12}
SLOTS = {"fusers": ["film@decoder"], "slots": "conditioned", "output_type": "direct"}
MEASURED = """
    import numpy as np
    import tensorflow as tf

    import Models

    def told(key):
        for row in open("/proc/self/status"):
            if row.startswith(key):
                return 1024 * int(row.split()[1])

    knobs = {{"context": True, "output_type": "difference", **{knobs}}}
    names = [str(i) for i in range(13)]
    model = Models.build(
        "wave_unet", source_names=names, sample_rate=8000, channels=1, **knobs
    )
    slots = [2] if model.slots == "conditioned" else []
    score = np.ones((1, 13, {n} // 320 + 10), np.float32)  # 25 frames a second

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 1]), tf.TensorSpec([None, *slots, 13])
        ]
    )
    def call(mix, labels):
        batch = {{"mix": mix, "labels": labels, "score": score}}
        batch["score_start"] = np.zeros(1)
        return model(batch)["sources"]

    labels = np.ones((1, *slots, 13), np.float32)
    call(np.zeros((1, model.lengths(1).n_in, 1), np.float32), labels)
    mix = np.zeros((1, model.lengths({n}).n_in, 1), np.float32)
    open("/proc/self/clear_refs", "w").write("5")  # forgets the peak so far
    before = told("VmRSS")
    call(mix, labels).numpy()
    print(told("VmHWM") - before, model.inference_bytes({n}, *slots))
"""


@pytest.mark.skipif(not CLEAR.exists(), reason="needs Linux's /proc/self/clear_refs")
@pytest.mark.parametrize(
    "knobs, form",
    [
        ({"num_layers": 7, "num_initial_filters": 16}, "plain"),
        ({"num_layers": 7, "num_initial_filters": 16}, "fast"),
        ({"num_layers": 2, "fusers": ["outer_product@bottleneck"]}, "plain"),
        ({"num_layers": 2, "fusers": ["outer_product@bottleneck"]}, "fast"),
        ({**SMALL, "fusers": ["multiplicative_attention:score@decoder_1"]}, "fast"),
        ({**SMALL, **SLOTS}, "fast"),
    ],
    ids=["deep plain", "deep", "wide bottleneck plain", "wide bottleneck"]
    + ["attention on a score", "slots"],
)
def test_no_network_takes_more_than_it_says_nor_much_less(knobs, form):
    code = textwrap.dedent(MEASURED).format(knobs={**knobs, "form": form}, n=300_000)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    taken, said = map(int, done.stdout.split()[-2:])
    assert 0.9 * taken <= said <= 4 * taken
