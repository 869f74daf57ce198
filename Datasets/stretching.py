"""Stems at another tempo, pitch or speed, by amounts that are given.  Graph only.

Glossary: P parts, T samples, C channels, F frames, K frequencies of a frame.
"""

import functools
import math

import tensorflow as tf

# Upper edges in Hz of the bands of the phase vocoder, each with frames half as long.
# Long ones tell low partials apart, short ones follow the vibrato of high ones.
EDGES = 350.0, 1500.0, math.inf
SHORTEST = 0.023125  # about the seconds of the last band's frames
RAMP = 0.1  # of an edge, by which bands overlap on both sides
BEYOND = 2  # bins above it, so far as the peak of a partial may be
OVERLAP = 4  # frames of the phase vocoder over each sample
CLIMBS = 3  # a bin finds its peak up to 2 * 2 ** CLIMBS bins away
OVERSAMPLING = 4
MARGIN = 512  # zeros between the end of a signal and its start, for the FFT
POINTS = 6  # that the interpolation weighs
RISE = 4.0  # of a peak's power over a hop: an onset


def reach(n_time, rate, sample_rate):
    """Samples that `tempo` and `resampled` read to give `n_time` at up to `rate`."""
    return math.ceil(n_time * rate) + 2 * _frame_length(0, sample_rate)


def _frame_length(band, sample_rate):
    shortest = OVERLAP * fast_length(round(SHORTEST * sample_rate / OVERLAP))
    return shortest * 2 ** (len(EDGES) - 1 - band)


@functools.cache
def fast_length(n):
    """The least even length >= n whose only prime factors are 2, 3 and 5."""
    n += n % 2
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 2


def each_part(function, parts, changed, n_time=None):
    """Applies a function to some of the parts, and leaves the others as they are.

    Args:
      function: (k, [T, C]) -> [n_time, C], for part k.
      parts: float32 [P, T, C].
      changed: bool [P].
      n_time: Samples of the result, the first of an unchanged part; None: T.

    Returns:
      float32 [P, n_time, C].
    """
    n_time, channels = n_time or parts.shape[1], parts.shape[2]
    short = max(n_time - parts.shape[1], 0)

    def one(k):
        return tf.cond(
            changed[k],
            lambda: function(k, parts[k]),
            lambda: tf.pad(parts[k, :n_time], [[0, short], [0, 0]]),
        )

    indices = tf.range(tf.shape(parts)[0])
    spec = tf.TensorSpec([n_time, channels], parts.dtype)
    return tf.map_fn(one, indices, fn_output_signature=spec)


def tempo(parts, rates, n_time, sample_rate):
    """Parts at another tempo and the same pitch: sample n is what was at n * rate.

    A phase vocoder whose phases are locked to the peaks of the spectrum (Laroche and
    Dolson, "Improved phase vocoder time-scale modification of audio", IEEE Trans.
    Speech and Audio Processing 7(3), 1999); peaks that rise at once keep the phases
    of the recording (after Roebel, "A new approach to transient processing in the
    phase vocoder", DAFx 2003).  Channels are turned alike, which keeps their image.

    Args:
      parts: float32 [P, T, C]; T at least `reach`, else zeros follow.
      rates: float32 [P], > 0; 2 is twice as fast.
      n_time: Samples wanted.
      sample_rate: In Hz.

    Returns:
      float32 [P, n_time, C]; a part whose rate is 1, exactly as it was.
    """
    return each_part(
        lambda k, part: _stretched(part, rates[k], n_time, sample_rate),
        *(parts, rates != 1, n_time),
    )


def resampled(parts, rates, n_time):
    """Parts played at another speed: tempo and pitch change together.

    Sample n is the band-limited signal at n * rate; what would come to lie above 95 %
    of half the sampling rate is filtered out.

    Args:
      parts: float32 [P, T, C]; T at least n_time * rate, else zeros follow.
      rates: float32 [P], > 0.
      n_time: Samples wanted.

    Returns:
      float32 [P, n_time, C]; a part whose rate is 1, exactly as it was.
    """
    return each_part(
        lambda k, part: _played(part, rates[k], n_time),
        *(parts, rates != 1, n_time),
    )


def transposed(parts, semitones, greatest, sample_rate):
    """Parts at another pitch and the same tempo; formants move with the pitch.

    Args:
      parts: float32 [P, T, C].
      semitones: float32 [P], each in [-greatest, greatest].
      greatest: Of them, a Python number.
      sample_rate: In Hz.

    Returns:
      float32 [P, T, C]; a part of 0 semitones, exactly as it was.
    """
    n_time = parts.shape[1]
    longest = math.ceil(n_time * 2 ** (greatest / 12))

    def one(k, part):
        ratio = 2.0 ** (semitones[k] / 12)
        played = _played(part, ratio, longest)
        return _stretched(played, 1 / ratio, n_time, sample_rate)

    return each_part(one, parts, semitones != 0)


def _played(part, rate, n_time):
    """[T, C] -> [n_time, C]: the FFT oversamples, Lagrange's polynomial reads.

    Six points of four times the rate: the error is -65 dB at the highest frequency,
    -100 dB an octave below.
    """
    there, channels = part.shape
    length = fast_length(there + MARGIN)
    spectrum = tf.signal.rfft(tf.transpose(part), [length])
    # Falls to zero over a twentieth, up to half the sampling rate or less of it.
    top = tf.range(length // 2 + 1, dtype=tf.float32) * (2 / length)
    fall = tf.clip_by_value(20 * (1 - top * tf.maximum(rate, 1.0)), 0.0, 1.0)
    fall = tf.sin(math.pi / 2 * fall) ** 2
    spectrum *= tf.cast(fall, tf.complex64) * OVERSAMPLING
    fine = tf.signal.irfft(spectrum, [OVERSAMPLING * length])
    fine = tf.transpose(tf.roll(fine, POINTS // 2 - 1, axis=1))
    # float32 would lose a hundredth of a sample after some seconds.
    at = tf.range(n_time, dtype=tf.float64) * tf.cast(rate, tf.float64)
    whole = tf.floor(at * OVERSAMPLING)
    within = tf.cast(at * OVERSAMPLING - whole, tf.float32)[:, tf.newaxis]
    last = OVERSAMPLING * length - POINTS
    whole = tf.cast(tf.minimum(whole, last), tf.int32)
    weights = _lagrange(within + (POINTS // 2 - 1))
    read = tf.add_n([tf.gather(fine, whole + k) * w for k, w in enumerate(weights)])
    return tf.where((at < there)[:, tf.newaxis], read, tf.zeros([1, channels]))


def _lagrange(at):
    """The weight of each of POINTS neighbours, at 0, 1, ..., in the value at `at`."""
    points = range(POINTS)
    return [
        functools.reduce(
            lambda a, b: a * b, [(at - j) / (k - j) for j in points if j != k]
        )
        for k in points
    ]


def _stretched(part, rate, n_time, sample_rate):
    """[T, C] -> [n_time, C]: the phase vocoder, a sum of bands."""
    sound, low, turns = 0.0, 0.0, None
    for band, high in enumerate(EDGES):
        if low * (1 - RAMP) < sample_rate / 2:
            n_frame = _frame_length(band, sample_rate)
            shares = _shares(low, high, n_frame, sample_rate)
            n_led = math.ceil(low * (1 + RAMP) * n_frame / sample_rate) + BEYOND
            lead = None if turns is None else turns[1:, ::2][:, :n_led]
            heard, turns = _stretched_band(part, rate, n_time, n_frame, shares, lead)
            sound += heard
        low = high
    return sound


def _shares(low, high, n_frame, sample_rate):
    """float32 [K]: how much of each bin a band has; the last K is its highest."""
    bins = n_frame // 2 + 1
    if high * (1 + RAMP) < sample_rate / 2:
        most = math.ceil(high * (1 + RAMP) * n_frame / sample_rate) + 2 * BEYOND + 2
        bins = min(bins, most)
    frequency = tf.range(bins, dtype=tf.float32) * (sample_rate / n_frame)

    def above(edge):
        if not 0 < edge < math.inf:
            return tf.fill([bins], 1.0 if edge == 0 else 0.0)
        return tf.clip_by_value((frequency / edge - 1) / (2 * RAMP) + 0.5, 0.0, 1.0)

    return above(low) - above(high)


def _stretched_band(part, rate, n_time, n_frame, shares, lead):
    """[T, C] -> ([n_time, C], `_rotations`): one band, frames of one length."""
    hop, bins = n_frame // OVERLAP, shares.shape[0]
    window = tf.signal.hann_window(n_frame)
    # Of the output, frame m's centre is (m - 1) * hop.
    n_frames = -(-n_time // hop) + OVERLAP // 2 + 1
    centres = tf.range(-1, n_frames - 1, dtype=tf.float64) * hop
    centres = tf.cast(tf.round(centres * tf.cast(rate, tf.float64)), tf.int32)
    first = centres[:, tf.newaxis] + tf.range(-n_frame // 2, n_frame // 2)
    padded = tf.pad(part, [[1, 1], [0, 0]])

    def spectra(places):
        places = tf.clip_by_value(places + 1, 0, part.shape[0] + 1)
        frames = tf.transpose(tf.gather(padded, places), [2, 0, 1])
        return tf.signal.rfft(frames * window)[..., :bins]

    now, before = spectra(first), spectra(first - hop)
    turns = _rotations(now, before, lead)
    now *= tf.complex(shares * tf.cos(turns), shares * tf.sin(turns))
    # The squared window adds up to 3 / 8 of the frames over a sample.
    frames = tf.signal.irfft(now, [n_frame]) * window / (0.375 * OVERLAP)
    sound = tf.signal.overlap_and_add(frames, hop)
    begin = n_frame // 2 + hop
    return tf.transpose(sound[:, begin : begin + n_time]), turns


def _rotations(now, before, lead):
    """float32 [F, K]: the angle by which each bin of each frame is turned.

    Args:
      now: complex64 [C, F, K], frames of the recording.
      before: The frames of the recording one hop, of the output, earlier.
      lead: Of the band below, float32 [F', L], the angles of this band's first L
        bins at each second frame: where bands overlap, they must not cancel.  Or
        None.
    """
    power, power_before = (
        tf.reduce_sum(tf.math.real(x) ** 2 + tf.math.imag(x) ** 2, axis=0)
        for x in (now, before)
    )
    # Between the last frame and the one before this one: what the output skips.
    last = tf.pad(now[:, :-1], [[0, 0], [1, 0], [0, 0]])
    skipped = tf.reduce_sum(last * tf.math.conj(before), axis=0)
    skipped = tf.atan2(tf.math.imag(skipped), tf.math.real(skipped))
    free, rises = tf.ones_like(power), power > RISE * power_before
    if lead is not None:
        n_frames, n_bins = power.shape
        rest = [[0, 0], [0, n_bins - lead.shape[1]]]
        second = tf.range(n_frames)[:, tf.newaxis] % 2 == 1
        led = tf.range(n_bins) < lead.shape[1]
        lead = tf.pad(tf.repeat(lead, 2, axis=0)[:n_frames], rest)
        rises &= ~led
        free = tf.cast(~(second & led), tf.float32)
        skipped = tf.where(second & led, lead, skipped)
    peaks = _peaks(power)
    kept = tf.cast(~tf.gather(rises, peaks, batch_dims=1), tf.float32)

    def step(turned, frame):
        free, skipped, peaks, kept = frame
        return tf.gather(turned * free + skipped, peaks) * kept

    return tf.scan(step, (free, skipped, peaks, kept), tf.zeros_like(skipped[0]))


def _peaks(power):
    """int32 [F, K]: the bin of the peak up to which each bin of [F, K] climbs."""
    n_bins = power.shape[1]
    bins = tf.range(n_bins)[tf.newaxis] + tf.zeros_like(power, tf.int32)
    padded = tf.pad(power, [[0, 0], [2, 2]], constant_values=-1.0)
    best, peaks = power, bins
    for shift in (-1, 1, -2, 2):
        near = padded[:, 2 + shift : 2 + shift + n_bins]
        peaks = tf.where(near > best, bins + shift, peaks)
        best = tf.maximum(best, near)
    for _ in range(CLIMBS):
        peaks = tf.gather(peaks, peaks, batch_dims=1)
    return peaks
