"""WAV files of any length, all of them or none."""

import resource

import av
import numpy as np
import pytest
import soundfile as sf

from Datasets import media, writing
from Schema import InputError
from tests.echoes import noise, rest


def test_sources_that_would_not_fit_on_the_disk_are_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="GB free; choose"):
        writing.write_sources(tmp_path / "x", ["a"], [], 8000, 2, "FLOAT", 10**14)
    assert rest(tmp_path) == []


def test_a_disk_that_fills_up_leaves_nothing(tmp_path):
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    blocks = (np.zeros((2, 1000, 1), np.float32) for _ in range(1000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with pytest.raises(
            InputError, match="x/[ab].wav cannot be written .* is the disk full.$"
        ):
            writing.write_sources(tmp_path / "x", "ab", blocks, 8000, 1, "FLOAT", None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert next(blocks, None) is not None  # it stopped at once
    assert rest(tmp_path) == []


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("n_time", [None, 1001])
def test_a_wav_file_is_plain_riff_whether_or_not_its_length_was_known(
    tmp_path, subtype, n_time
):
    audio = np.clip(noise(1001, 1), -0.9, 0.9)
    writing.write_sources(
        tmp_path,
        ["a"],
        [audio[None, :400], audio[None, 400:]],
        8000,
        1,
        subtype,
        n_time,
    )
    raw = (tmp_path / "a.wav").read_bytes()
    assert raw[:4] == b"RIFF" and raw[8:12] == b"WAVE"
    assert int.from_bytes(raw[4:8], "little") == len(raw) - 8
    found, _ = sf.read(tmp_path / "a.wav", always_2d=True)
    bits = {"PCM_16": 15, "PCM_24": 23, "FLOAT": 40}[subtype]
    np.testing.assert_allclose(found, audio, atol=2.0**-bits)
    with av.open(str(tmp_path / "a.wav")) as other:  # another reader
        assert sum(frame.samples for frame in other.decode(audio=0)) == 1001


def test_beyond_what_riff_can_count_a_file_is_rf64(tmp_path, monkeypatch):
    assert 3 * 3600 * 48000 * 2 * 4 < writing.RIFF_BYTES < 4 * 3600 * 48000 * 2 * 4
    monkeypatch.setattr(writing, "RIFF_BYTES", 7999)
    audio = noise(1000, 2)
    for n_time in (None, 1000):
        writing.write_sources(tmp_path, ["a"], [audio[None]], 8000, 2, "FLOAT", n_time)
        assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
        np.testing.assert_array_equal(media.read_audio(tmp_path / "a.wav")[0], audio)
