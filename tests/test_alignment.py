"""A player who blinks when the sound clicks, from the files to a feature map."""

import types

import numpy as np
import pytest
import soundfile as sf

import Datasets
import Prepare
from Datasets.frames import Frames
from Datasets.media import read_audio
from Datasets.video import VideoReader
from Models.layers.conditioning import Clock, Conditioner
from tests.test_records import OPTIONS, section
from tests.video_made import clicks, grey, write

RATE, SECONDS = OPTIONS["sample_rate"], 4.0
PIECE = "01_Jupiter_vn_vc"
TIMES = [0.613, 1.44, 2.27, 3.105]  # of clicks, s


class Brightness:
    """A front end that measures the brightness of the picture."""

    size = 1

    def __init__(self, rate):
        self.front_end = types.SimpleNamespace(name="brightness-0", rate=rate)

    def __call__(self, video, n_players, span=(0.0, None)):
        start, seconds = span
        told = {"start": start, "seconds": seconds}
        frames = np.concatenate(list(VideoReader(video, self.front_end.rate, **told)))
        level = frames.mean(axis=(1, 2, 3), keepdims=True)[None, :, 0, 0] > 128
        features = np.repeat(level.astype(np.float32), n_players, axis=0)
        boxes = np.zeros([n_players, features.shape[1], 4])
        return types.SimpleNamespace(features=features, boxes=boxes)

    def report(self):
        return []


def film(path, picture_rate, start):
    """A film on whose own clock the sound begins at `start`; pictures blink with it."""
    times = np.arange(0, SECONDS + start, 1 / picture_rate)
    lit = [any(0 <= t - start - at < 0.1 for at in TIMES) for t in times]
    # A blink begins exactly with its click, between the regular pictures.
    extra = [at + start for at in TIMES] + [at + start + 0.1 for at in TIMES]
    every = sorted(
        [*zip(times, lit)] + [(t, k < len(TIMES)) for k, t in enumerate(extra)],
    )
    every = [row for k, row in enumerate(every) if not k or row[0] > every[k - 1][0]]
    pictures = [grey(240 if on else 20) for _, on in every]
    sound = clicks(TIMES, SECONDS)
    aside = write(
        path.with_suffix(".mkv"),
        pictures,
        [t for t, _ in every],
        sound,
        audio_start=start,
    )
    aside.rename(path)


@pytest.mark.parametrize("start", [0.0, 0.4])
@pytest.mark.parametrize("visual_rate, reach", [(25.0, 0), (15.0, 3)])
def test_a_blink_lies_on_its_click_to_half_a_frame(tmp_path, start, visual_rate, reach):
    folder = tmp_path / "raw" / PIECE
    folder.mkdir(parents=True)
    sound = clicks(TIMES, SECONDS, RATE)
    for number, code in ((1, "vn"), (2, "vc")):
        sf.write(folder / f"AuSep_{number}_{code}_01_Jupiter.wav", sound / 2, RATE)
    film(folder / f"Vid_{PIECE}.mp4", 30, start)
    told = section(tmp_path / "raw", tmp_path / "records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepare, "watcher_of", lambda visual: Brightness(visual_rate))
        Prepare.prepare(told, {"front_end": "brightness"})
    options = {**OPTIONS, "front_end": "brightness-0", "visual_rate": visual_rate}
    n_in, n_out = 3900, 1500
    batches = Datasets.load(
        *("urmp", tmp_path / "records", "test"),
        **dict(n_in=n_in, n_out=n_out, batch_size=1, source_names=["vc", "vn"]),
        **dict(visual=Frames(visual_rate, reach), **options),
    )
    reads = Conditioner("visual", 1, visual_rate)
    reads.build()
    clock = Clock(0.5 - (n_in - n_out) / 2, 1.0, RATE)  # of the network's input
    found = []
    for batch in batches:
        condition = reads(batch)
        laid = condition.at_time(condition.values, clock, n_in).numpy()[0, :, 0]
        begins = np.flatnonzero((laid[1:] > 0.5) & (laid[:-1] <= 0.5)) + 1
        mix = np.abs(batch["mix"].numpy()[0, :, 0]) > 0.2
        heard = np.flatnonzero(mix[1:] & ~mix[:-1]) + 1
        for sample in heard:
            if 0.1 * n_in < sample < 0.9 * n_in:
                found.append(np.abs(begins - sample).min() / RATE)
    assert len(found) >= 4
    assert max(found) <= 0.5 / visual_rate + 2 / RATE


@pytest.mark.parametrize("start", [0.5, 1.37, 2.0])
@pytest.mark.parametrize("visual_rate", [25.0, 15.0])
def test_a_blink_lies_on_its_click_in_a_stretch_too(tmp_path, start, visual_rate):
    path = tmp_path / "x.mp4"
    film(path, 30, 0.4)
    sound, _ = read_audio(path, RATE, 1, 0, start, 1.9)
    loud = np.abs(sound[:, 0]) > 0.2
    clicked = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    clicked = clicked[np.insert(np.diff(clicked) > 0.2 * RATE, 0, True)] / RATE
    wanted = [t - start for t in TIMES if start < t < start + 1.9]
    np.testing.assert_allclose(clicked, wanted, atol=0.002)
    seen = Brightness(visual_rate)(path, 1, (start, 1.9)).features[0, :, 0] > 0.5
    assert len(seen) == np.ceil(1.9 * visual_rate - 0.5)
    begins = (np.flatnonzero(seen[1:] & ~seen[:-1]) + 1) / visual_rate
    assert len(begins) == len(clicked)
    assert np.abs(begins - clicked).max() <= 0.5 / visual_rate + 2 / RATE
