"""What stands in a table beside a model: floor, ceilings, the model deprived."""

import numpy as np
from scipy import optimize

import Utils
from Models.baselines import oracles, wiener
from Schema import InputError
from Scores import si_sdr
from Scores.systems import FLOOR

ORACLES = {  # what knows the sources; a row each
    FLOOR: oracles.mixture,
    "half of the mixture": oracles.half,
    "ideal binary mask": oracles.ideal_binary_mask,
    "ideal ratio mask": oracles.ideal_ratio_mask,
    "multichannel Wiener filter": wiener.multichannel_wiener,
}
USUAL = ("ideal ratio mask",)  # rows beside floor and model
ABLATIONS = {  # rows of the model: the condition of which it is deprived
    "zero labels": "labels",  # told that nobody plays
    "zero video": "visual",  # shown nobody
    "swapped video": "visual",  # shown the other players, or those of another track
}


def _one_of(knob, names, known):
    for name in names:
        if name not in known:
            raise InputError(
                f"evaluation.{knob} has {name!r}; {Utils.hint(name, known)}there are "
                f"{', '.join(known)}"
            )


def oracles_named(names):
    """{system: f(mix, references) -> estimates}: the floor first, then those named.

    Raises:
      InputError: If there is no such oracle.
    """
    _one_of("oracles", names, ORACLES)
    return {name: ORACLES[name] for name in dict.fromkeys([FLOOR, *names])}


def ablations_named(names, conditions):
    """The ablations that are asked for.

    Args:
      names: Of `ABLATIONS`.
      conditions: What the model is given.

    Raises:
      InputError: If there is no such ablation, or nothing that it could take away.
    """
    _one_of("ablations", names, ABLATIONS)
    for name in names:
        if ABLATIONS[name] not in conditions:
            raise InputError(
                f"evaluation.ablations has {name!r}, but the model is given "
                f"{', '.join(conditions) or 'nothing'}"
            )
    return list(dict.fromkeys(names))


def swapped(told, apart, other):
    """What a model is told of a track, but of the wrong players.

    Args:
      told: Arguments of `Predict.Predictor.separate`, with a video [P, F, ...].
      apart: Whether slots follow the players: each then sees the next one, where there
        are several.
      other: video() -> that of another track; it is repeated, or cut, to the length.

    Returns:
      The same arguments, with another video.
    """
    video = told["video"]
    if apart and len(video) > 1:
        return {**told, "video": np.roll(video, 1, axis=0)}
    wrong = other()
    if apart:
        wrong = wrong[np.arange(len(video)) % len(wrong)]
    return {**told, "video": wrong[:, np.arange(video.shape[1]) % wrong.shape[1]]}


def in_best_order(names, references, every):
    """Estimates of slots without names, each put to the source that it is nearest to.

    The assignment whose mean SI-SDR is greatest, as in the evaluation of permutation
    invariant training (Yu et al., ICASSP 2017).

    Args:
      names: S sources.
      references: float32 [S, T, C].
      every: {slot: float32 [T, C]}, as many or more.

    Returns:
      The same estimates: S by the names of their sources, then the others.
    """
    made = np.stack([*every.values()])
    gains = np.stack(
        [si_sdr.si_sdr(np.broadcast_to(one, made.shape), made) for one in references]
    )
    rows, chosen = optimize.linear_sum_assignment(
        np.nan_to_num(gains, nan=-300, neginf=-300, posinf=300), maximize=True
    )
    found = {names[row]: made[slot] for row, slot in zip(rows, chosen)}
    rest = [slot for slot in range(len(made)) if slot not in chosen]
    return found | {f"slot {slot + 1}": made[slot] for slot in rest}
