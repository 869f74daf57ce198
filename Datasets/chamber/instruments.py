"""The 13 instruments of URMP, as this corpus composes, plays and draws them."""

import dataclasses

import Schema
import Utils
from Schema import InputError


@dataclasses.dataclass(frozen=True)
class Instrument:
    """What is known of one instrument.

    Attributes:
      program: General MIDI program, from 0.
      low: Lowest comfortable pitch, MIDI number as it sounds.
      high: Highest comfortable pitch, MIDI number as it sounds.
      centre: Middle of the register that it is mostly heard in, MIDI number.
      vibrato: Typical peak deviation of the vibrato, cents.  Strings after Geringer
        & Allen (Journal of Research in Music Education 52, 2004), who measured
        5.5 Hz and some 40 cents from peak to peak; the others smaller, as a
        listener expects them.
      intonation: Standard deviation of the pitch of a note, cents.
      family: "bowed", "reed", "flute" or "brass".
    """

    program: int
    low: int
    high: int
    centre: int
    vibrato: float
    intonation: float
    family: str


INSTRUMENTS = {
    "bn": Instrument(70, 36, 65, 50, 8.0, 2.5, "reed"),
    "cl": Instrument(71, 52, 84, 66, 2.0, 2.0, "reed"),
    "db": Instrument(43, 29, 50, 38, 10.0, 4.0, "bowed"),
    "fl": Instrument(73, 60, 90, 82, 12.0, 2.5, "flute"),
    "hn": Instrument(60, 43, 71, 56, 2.5, 2.5, "brass"),
    "ob": Instrument(68, 59, 83, 72, 10.0, 2.5, "reed"),
    "sax": Instrument(65, 50, 77, 62, 12.0, 2.5, "reed"),
    "tba": Instrument(58, 30, 54, 42, 2.0, 2.5, "brass"),
    "tbn": Instrument(57, 41, 66, 53, 4.0, 3.0, "brass"),
    "tpt": Instrument(56, 55, 79, 65, 5.0, 2.5, "brass"),
    "va": Instrument(41, 48, 76, 60, 19.0, 4.0, "bowed"),
    "vc": Instrument(42, 37, 67, 49, 18.0, 4.0, "bowed"),
    "vn": Instrument(40, 55, 87, 74, 20.0, 4.0, "bowed"),
}


def known(code):
    """The `Instrument` of a URMP code.

    Raises:
      InputError: If URMP has no such instrument; it names the nearest code.
    """
    if code not in INSTRUMENTS:
        full_names = {name: key for key, name in Schema.INSTRUMENTS.items()}
        near = full_names.get(str(code).lower()) or Utils.nearest(code, INSTRUMENTS)
        hint = (
            f"did you mean {near!r}?"
            if near
            else "choose from " + " ".join(INSTRUMENTS)
        )
        raise InputError(f"URMP has no instrument {code!r}; {hint}")
    return INSTRUMENTS[code]
