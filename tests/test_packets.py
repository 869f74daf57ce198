"""Pictures are copied bit by bit where an MP4 can hold them, else encoded anew."""

import itertools
import warnings
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile as sf

from Datasets import media, muxing, packets, video
from tests import video_made
from tests.films_made import TENTHS, film, n_packets, seen, wav

COPIED = {
    "h264.mp4": {},
    "h264.mkv": {},  # two packets lack the time of their decoding
    "h264.ts": {},  # start codes instead of lengths; time begins at 1.4 s
    "h264.flv": {},
    "late.mp4": {"times": TENTHS + 0.7},
    "hevc.mkv": {"codec": "libx265", "x265-params": "log-level=none"},
    "mpeg4.avi": {"codec": "mpeg4", "bf": "2"},
    "vp9.webm": {"codec": "libvpx-vp9", "deadline": "realtime"},
}


ENCODED = {
    "vp8.webm": {"codec": "libvpx", "deadline": "realtime", "crf": "4", "b": "4M"},
    "mjpeg.avi": {"codec": "mjpeg", "q": "2"},
    "mpeg2.mpg": {"codec": "mpeg2video", "shape": Fraction(4, 3)},
    "raw.h264": {},  # no times at all
}


@pytest.mark.parametrize("name", COPIED)
def test_pictures_are_copied_bit_by_bit_each_at_its_time(name, tmp_path):
    path = film(tmp_path / name, **COPIED[name])
    muxing.mux(path, wav(tmp_path / "a.wav"), tmp_path / "o.mp4")
    (times, wanted), (copied, found) = seen(path), seen(tmp_path / "o.mp4")
    assert n_packets(path) == n_packets(tmp_path / "o.mp4") == 30
    np.testing.assert_array_equal(wanted, found)
    np.testing.assert_allclose(copied, times, atol=0.0011)
    info = video.probe(tmp_path / "o.mp4")
    assert info.duration - info.start == pytest.approx(3, abs=0.002)
    with av.open(str(tmp_path / "o.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec.canonical_name == name.split(".")[0].replace(
            "late", "h264"
        )


@pytest.mark.parametrize("name", ENCODED)
def test_what_players_of_mp4_do_not_know_is_encoded_anew_at_the_same_times(
    name, tmp_path
):
    path = film(tmp_path / name, **ENCODED[name])
    muxing.mux(path, wav(tmp_path / "a.wav"), tmp_path / "o.mp4")
    wanted, found = (
        video_made.read_frames(p, 10, size=(64, 48)).astype(int)
        for p in (path, tmp_path / "o.mp4")
    )
    assert len(found) == len(wanted) == 30
    # Edges of colours shift; another picture is 80 off.
    assert np.abs(wanted - found).mean(axis=(1, 2, 3)).max() < 16
    one, other = video.probe(path), video.probe(tmp_path / "o.mp4")
    assert abs(one.width - other.width) <= 1 and one.height == other.height
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_pictures_whose_times_contradict_their_order_are_never_copied(tmp_path):
    path = film(tmp_path / "x.avi")  # H.264 with B-frames: AVI knows no times
    assert (np.diff(seen(path)[0]) < 0).any()
    muxing.mux(path, wav(tmp_path / "a.wav"), tmp_path / "o.mp4")
    assert (np.diff(seen(tmp_path / "o.mp4")[0]) > 0).all()


@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
def test_a_variable_frame_rate_is_kept(codec, tmp_path):
    steps = np.random.default_rng(1).uniform(0.02, 0.3, 23)
    times = np.concatenate([[0], np.cumsum(steps)]).round(3)
    path = film(tmp_path / "x.mkv", codec, times)
    muxing.mux(path, wav(tmp_path / "a.wav"), tmp_path / "o.mp4")
    np.testing.assert_allclose(seen(tmp_path / "o.mp4")[0], times, atol=0.001)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_rotation_and_the_shape_of_pixels_are_kept(quarters, tmp_path):
    path = film(tmp_path / "x.mp4", shape=Fraction(4, 3))
    data = bytearray(path.read_bytes())
    at = data.index(b"pasp") + 4  # 2:1, where the codec says 4:3
    data[at : at + 8] = (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    path.write_bytes(bytes(data))
    video_made.turn(path, quarters)
    muxing.mux(path, wav(tmp_path / "a.wav"), tmp_path / "o.mp4")
    one, other = video.probe(path), video.probe(tmp_path / "o.mp4")
    assert one.rotation == other.rotation == 360 - 90 * quarters
    assert {one.width, one.height} == {128, 48}
    assert (one.width, one.height) == (other.width, other.height)


@pytest.mark.parametrize("offset", [0.0, -0.5])
def test_pictures_that_an_edit_list_hides_stay_hidden(tmp_path, offset):
    path = film(tmp_path / "x.mp4", times=TENTHS - 0.4)
    times, wanted = seen(path)
    assert len(times) == 26 and n_packets(path) == 30
    muxing.mux(path, wav(tmp_path / "a.wav"), tmp_path / "o.mp4", offset)
    copied, found = seen(tmp_path / "o.mp4")
    np.testing.assert_allclose(copied, times - offset, atol=0.0011)
    assert np.abs(np.subtract(wanted, found, dtype=float)).mean() < 5


def test_real_clips_keep_every_packet_and_its_time(shared, tmp_path):
    clips = sorted((shared / "video").glob("*.mp4"))
    assert clips
    for path in clips:
        audio, rate = media.read_audio(path)
        audio = audio[:rate]
        sf.write(tmp_path / "a.wav", audio, rate, subtype="FLOAT")
        muxing.mux(path, tmp_path / "a.wav", tmp_path / "o.mp4")
        assert n_packets(path) == n_packets(tmp_path / "o.mp4"), path.name
        assert video.probe(tmp_path / "o.mp4") == video.probe(path)
        found, found_rate = media.read_audio(tmp_path / "o.mp4")
        assert (found.shape, found_rate) == (audio.shape, rate)
        assert np.corrcoef(found[:, 0], audio[:, 0])[0, 1] > 0.99


def test_a_video_that_lacks_its_last_pictures_is_used_with_a_warning(tmp_path):
    path = film(tmp_path / "x.mkv", times=np.arange(60) / 10)
    with av.open(str(path)) as container:
        ends = [p.pos for p in container.demux(video=0) if p.size and p.pts >= 5600]
    path.write_bytes(path.read_bytes()[: min(ends)])
    with pytest.warns(UserWarning, match=r"x.mkv: \d.* % of the pictures, from 5\.\d"):
        muxing.mux(path, wav(tmp_path / "a.wav"), tmp_path / "o.mp4")
    assert 50 < len(seen(tmp_path / "o.mp4")[0]) < 57


def test_times_of_decoding_increase_and_precede_those_of_showing(tmp_path):
    path = film(tmp_path / "x.mkv", bf="5", g="30")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = packets.of_file(path, 0.0, tmp_path / "unused.mp4", "o.mp4")
    assert all(a < b for a, b in itertools.pairwise(found.dts))
    assert (found.dts <= found.pts).all() and (found.dts == found.pts).any()
    assert not (tmp_path / "unused.mp4").exists()
