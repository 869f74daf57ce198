"""Front ends: frames of a video -> features of its players, by name."""

import Utils
from Models.checks import positive
from Schema import InputError

FRONT_ENDS = {
    "players_motion": "how each player moves",
    "players_mobilenet": "how each player moves and what MobileNetV2 sees of it",
    "players_resnet50": "the same with ResNet-50, whose weights are the user's",
}
NETWORKS = {"players_mobilenet": "mobilenet_v2", "players_resnet50": "ResNet50"}
HIGHEST_RATE = 120.0  # Hz


def build(name, rate=25.0, weights=None):
    """Builds a front end.

    Args:
      name: A key of `FRONT_ENDS`.
      rate: Hz of the frames that it takes and of the features that it makes.
      weights: File of its image network; None: those that VIMSS ships.

    Returns:
      `front_end.PlayersFrontEnd`.

    Raises:
      InputError: If there is none of that name, the rate is impossible, or the weights
        are not there.
    """
    if name not in FRONT_ENDS:
        near = Utils.nearest(name, FRONT_ENDS)
        hint = f"did you mean {near}? " if near else ""
        raise InputError(
            f"no front end {name!r}; {hint}there are {', '.join(FRONT_ENDS)}"
        )
    if weights is not None and name not in NETWORKS:
        raise InputError(
            f"visual.weights={weights}: {name} has no image network; leave it out"
        )
    from Models.vision.front_end import PlayersFrontEnd

    embedding = None
    if name in NETWORKS:
        from Models.vision.frame_embedding import FrameEmbedding

        embedding = FrameEmbedding(NETWORKS[name], weights)
    rate = positive("visual.frame_rate", rate, HIGHEST_RATE)
    return PlayersFrontEnd(rate, kind=name, embedding=embedding)


def rebuild(full_name, rate, weights=None):
    """The front end that a separator was trained with.

    Args:
      full_name: Its name with the hash, as "players_motion-0123abcd".
      rate: Hz.
      weights: File of its image network; None: those that VIMSS ships.

    Raises:
      InputError: If weights or settings are not those of that time.
    """
    kind = full_name.rpartition("-")[0]
    found = build(kind, rate, weights)
    if found.name != full_name:
        raise InputError(
            f"the checkpoint was trained with the front end {full_name}, and this is "
            f"{found.name}: give visual.weights as in its training, or use the VIMSS "
            "that trained it"
        )
    return found
