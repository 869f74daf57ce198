"""Front ends: frames of a video -> features or pictures of its players, by name."""

import Utils
from Models.checks import positive
from Schema import InputError

FRONT_ENDS = {
    "players_motion": "how each player moves",
    "players_gesture": "how each player moves and where the hands are",
    "players_skeleton": "where the joints of each player are, and how they move",
    "players_mobilenet": "how each player moves and what MobileNetV2 sees of it",
    "players_resnet50": "the same with ResNet-50, whose weights are the user's",
    "players_frames": "pictures of each player, at which the separator looks itself",
    "solos_skeleton": "key points of the player, from the files of Solos; no video",
}
ONLINE = ("players_frames",)  # whose image network is the separator's, and is trained
NETWORKS = {"players_mobilenet": "mobilenet_v2", "players_resnet50": "ResNet50"}
HIGHEST_RATE = 120.0  # Hz


def build(name, rate=25.0, weights=None):
    """Builds a front end.

    Args:
      name: A key of `FRONT_ENDS`.
      rate: Hz of the frames that it takes and of the features that it makes.
      weights: File of its image network; None: those that VIMSS ships.  Of the
        `ONLINE` ones it is the separator's, and of no account here.

    Returns:
      `front_end.PlayersFrontEnd`, or `key_points.KeyPointsFrontEnd`.

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
    if weights is not None and name not in (*NETWORKS, *ONLINE):
        raise InputError(
            f"visual.weights={weights}: {name} has no image network; leave it out"
        )
    from Models.vision import body_front_ends, front_end, key_points

    if name == "solos_skeleton":
        return key_points.KeyPointsFrontEnd(positive("visual.frame_rate", rate))
    embedding = None
    if name in NETWORKS:
        from Models.vision.frame_embedding import FrameEmbedding

        embedding = FrameEmbedding(NETWORKS[name], weights)
    rate = positive("visual.frame_rate", rate, HIGHEST_RATE)
    classes = {
        "players_gesture": body_front_ends.GestureFrontEnd,
        "players_skeleton": body_front_ends.SkeletonFrontEnd,
        "players_frames": front_end.PicturesFrontEnd,
    }
    made = classes.get(name, front_end.PlayersFrontEnd)
    looks = min(front_end.LOOKS, rate)
    return made(rate, looks, kind=name, embedding=embedding)


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
    if weights is not None and kind in ONLINE:
        raise InputError(
            f"weights={weights}: the image network of this checkpoint lies in the "
            "checkpoint; leave them out"
        )
    found = build(kind, rate, weights)
    if found.name != full_name:
        raise InputError(
            f"the checkpoint was trained with the front end {full_name}, and this is "
            f"{found.name}: give the weights of its training (weights=FILE), or use "
            "the VIMSS that trained it"
        )
    return found
