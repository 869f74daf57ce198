"""The soundfont: notes and bends -> samples, the same bits whatever came before.

Uses TinySoundFont (tinysoundfont on PyPI), an optional dependency, through one
synthesizer a process and sample rate; loading the font takes longer than a piece.
"""

import functools
import pathlib

import numpy as np

from Schema import InputError

FONT = pathlib.Path(__file__).parent / "urmp13_fluidr3mono.sf3"
BEND_RANGE = 2.0  # semitones on either side
CENTRE = 8192  # the pitch wheel at rest; it counts from 0 to 16383
_CHANNEL = 0


@functools.lru_cache(maxsize=4)
def _synth(sample_rate):
    """A `tinysoundfont.Synth` with the font loaded, and the font's id."""
    try:
        import tinysoundfont
    except ImportError:
        raise InputError(
            "the chamber corpus is played by the package tinysoundfont, which is not "
            "installed: run `make setup`, or `pip install --no-deps tinysoundfont` "
            "(where there is no wheel for your Python it needs a C++ compiler)"
        ) from None
    if not FONT.exists():
        raise InputError(f"{FONT} does not exist; restore it from the repository")
    synth = tinysoundfont.Synth(samplerate=sample_rate, gain=0)
    return synth, synth.sfload(str(FONT))


def _reset(synth, font, program):
    """Ends every voice and sets every controller that a rendering depends on."""
    synth.sounds_off()
    while np.frombuffer(synth.generate(1024), np.float32).any():
        pass
    synth.program_select(_CHANNEL, font, 0, program)
    synth.control_change(_CHANNEL, 121, 0)  # all controllers
    synth.pitchbend_range(_CHANNEL, BEND_RANGE)
    synth.pitchbend(_CHANNEL, CENTRE)


def render(program, notes, bends, n_time, sample_rate):
    """Plays one instrument.

    Args:
      program: General MIDI program, from 0.
      notes: Rows (first sample, last sample, MIDI pitch, velocity), ints.
      bends: Rows (sample, cents): the pitch from that sample on.
      n_time: Samples to render.
      sample_rate: Hz.

    Returns:
      float32 [n_time].

    Raises:
      InputError: If tinysoundfont or the font is missing.
    """
    synth, font = _synth(sample_rate)
    _reset(synth, font, program)
    events = [(int(at), 0, int(key), 0) for _, at, key, _ in notes]
    wheel = np.rint(CENTRE + np.asarray(bends)[:, 1] / (100 * BEND_RANGE) * CENTRE)
    wheel = np.clip(wheel, 0, 2 * CENTRE - 1).astype(int)
    events += [(int(at), 1, int(w), 0) for at, w in zip(np.asarray(bends)[:, 0], wheel)]
    events += [(int(at), 2, int(key), int(loud)) for at, _, key, loud in notes]
    out = np.zeros((n_time, 2), np.float32)
    buffer, now = memoryview(out).cast("B"), 0
    for at, kind, value, loud in [*sorted(events), (n_time, 3, 0, 0)]:
        at = min(at, n_time)
        if at > now:
            synth.generate(at - now, buffer=buffer[8 * now : 8 * at])
            now = at
        if kind == 0:
            synth.noteoff(_CHANNEL, value)
        elif kind == 1:
            synth.pitchbend(_CHANNEL, value)
        elif kind == 2:
            synth.noteon(_CHANNEL, value, loud)
    return out[:, 0].copy()  # the font's presets are mono: both channels are the same
