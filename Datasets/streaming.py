"""Audio of any length, a block at a time: watched and resampled.

A stream is an iterator of float32 blocks [t, C] of one recording, in order.
Nothing here holds more than a few blocks, whatever the length of the recording,
and no result depends on where a stream is cut into blocks.
"""

import itertools
import math

import numpy as np
import soxr
from tqdm import tqdm

import Schema
from Schema import InputError

BLOCK = 1 << 16  # samples of an array that are passed on at once
QUALITY = "VHQ"  # of soxr: linear phase, no delay


class Recording:
    """A stream that counts its samples and stops at what cannot be separated.

    Attributes:
      sample_rate: Hz.
      channels: C.
      n_time: Samples passed on so far.
    """

    def __init__(self, blocks, sample_rate, channels, what, least_seconds=0.0):
        """Watches a stream.

        Args:
          blocks: Iterable of float32 [t, C].
          sample_rate: Hz, a whole number.
          channels: C.
          what: Names the audio in errors, usually its file.
          least_seconds: A shorter recording is refused when it ends.

        Raises:
          InputError: If the sample rate is impossible.
        """
        if not (sample_rate > 0 and sample_rate == int(sample_rate)):
            raise InputError(
                f"{what}: the sample rate must be a whole number, not {sample_rate!r}"
            )
        self.sample_rate, self.channels, self.n_time = int(sample_rate), channels, 0
        self._blocks, self._what, self._least = blocks, what, least_seconds

    @classmethod
    def of_array(cls, audio, sample_rate, what):
        """A recording that is an array, float [T, C], T at least 1.

        Raises:
          InputError: If it is not; integers are refused, for their scale is unknown.
        """
        audio = np.asarray(audio)
        if not np.issubdtype(audio.dtype, np.floating):
            raise InputError(f"{what} must be floats in [-1, 1], not {audio.dtype}")
        Schema.check_audio(audio, what)
        starts = range(0, len(audio), BLOCK)
        blocks = (audio[start : start + BLOCK].astype(np.float32) for start in starts)
        return cls(blocks, sample_rate, audio.shape[1], what)

    def __iter__(self):
        for block in self._blocks:
            finite = np.isfinite(block).all(axis=1)
            if not finite.all():
                first = self.n_time + int(np.argmin(finite))
                raise InputError(
                    f"{self._what}: sample {first} (at "
                    f"{first / self.sample_rate:.3f} s) is not a finite number; "
                    "repair or remove the file"
                )
            self.n_time += len(block)
            if len(block):
                yield block
        if not self.n_time:
            raise InputError(f"{self._what} holds no samples")
        if self.n_time < self._least * self.sample_rate:
            raise InputError(
                f"{self._what} lasts {self.n_time / self.sample_rate:.3f} s; "
                f"a recording of at least {self._least} s is needed"
            )


def lead(rate_in, rate_out, least=64):
    """The shortest silence that is whole at two rates and holds a filter's ringing.

    A recording that begins abruptly rings before its first sample when resampled;
    resampled back without that ringing, its beginning would differ.

    Returns:
      (samples at rate_in, samples at rate_out), each at least `least` and of the
      same duration; (0, 0) at equal rates.
    """
    if rate_in == rate_out:
        return 0, 0
    divisor = math.gcd(rate_in, rate_out)
    steps = rate_in // divisor, rate_out // divisor
    count = -(-least // min(steps))
    return count * steps[0], count * steps[1]


def resample(blocks, rate_in, rate_out, channels, n_time, skip=0):
    """Changes the sample rate of a stream, without delay and to an exact length.

    Silence is assumed before and after the recording.  The result does not depend
    on how the recording is cut into blocks; at equal rates it is the recording.

    Args:
      blocks: Iterable of float32 [t, C].
      rate_in: Hz.
      rate_out: Hz.
      channels: C.
      n_time: Function that returns how many samples to deliver in all, as far as
        is known; asked after each block.  Beyond `n_in * rate_out / rate_in` they
        are the filter's ringing, then silence.
      skip: Samples at rate_out to leave out at the beginning, beside `n_time`.

    Yields:
      float32 [t, C], some perhaps empty.
    """
    if rate_in == rate_out:
        yield from blocks
        return
    resampler = soxr.ResampleStream(
        rate_in, rate_out, channels, dtype="float32", quality=QUALITY
    )
    done = -skip

    def kept(block):
        nonlocal done
        out = resampler.resample_chunk(np.ascontiguousarray(block, np.float32))
        first, done = done, done + len(out)
        return out[max(0, -first) : max(0, n_time() - first)]

    for block in blocks:
        yield kept(block)
    while done < n_time():
        yield kept(np.zeros((4096, channels), np.float32))


def at_rate(recording, sample_rate, n_sources, work, ringing=True):
    """Lets something work on a recording at another sample rate.

    Args:
      recording: `Recording`.
      sample_rate: Hz, at which `work` works.
      n_sources: S.
      work: Maps (stream at that rate, number of its samples before time zero) to an
        iterator of float32 [S, t, C], in all as many samples as the stream.
      ringing: Whether `work` hears how the resampling filter rings before and after
        the recording; else the stream begins at time zero, and ends as it does.

    Yields:
      float32 [S, t, C] at the rate of the recording, in all exactly as many samples,
      none delayed.
    """
    rate, channels = recording.sample_rate, recording.channels
    before, early = lead(rate, sample_rate) if ringing else (0, 0)
    silence = [np.zeros((before, channels), np.float32)] if before else []
    mix = resample(
        itertools.chain(silence, recording),
        *(rate, sample_rate, channels),
        # Rounded up, and as much ringing at the end as at the beginning.
        lambda: 2 * early - (-recording.n_time * sample_rate // rate),
    )
    flat = (
        block.transpose(1, 0, 2).reshape(-1, n_sources * channels)
        for block in work(mix, early)
    )
    for block in resample(
        *(flat, sample_rate, rate, n_sources * channels),
        *(lambda: recording.n_time, before),
    ):
        yield block.reshape(-1, n_sources, channels).transpose(1, 0, 2)


def shown(blocks, sample_rate, n_time, progress):
    """Passes blocks on and shows how many seconds have gone by."""
    total, done = n_time and round(n_time / sample_rate), 0
    hidden = None if progress else True  # None: unless there is a terminal
    with tqdm(total=total, unit=" s of audio", disable=hidden) as bar:
        for block in blocks:
            yield block
            done += block.shape[1]
            bar.update(round(done / sample_rate) - bar.n)
