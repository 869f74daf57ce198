"""Front ends: frames of a video -> features of its players, by name."""

import Utils
from Schema import InputError

FRONT_ENDS = {
    "players_motion": "how each player moves",
    "players_mobilenet": "how each player moves and what MobileNetV2 sees of it",
}


def build(name, **options):
    """Builds a front end.

    Args:
      name: A key of `FRONT_ENDS`.
      **options: Of `front_end.PlayersFrontEnd`, but for its networks.

    Returns:
      `front_end.PlayersFrontEnd`.

    Raises:
      InputError: If there is none of that name.
    """
    if name not in FRONT_ENDS:
        near = Utils.nearest(name, FRONT_ENDS)
        hint = f"did you mean {near}? " if near else ""
        raise InputError(
            f"no front end {name!r}; {hint}there are {', '.join(FRONT_ENDS)}"
        )
    from Models.vision.front_end import PlayersFrontEnd

    embedding = None
    if name == "players_mobilenet":
        from Models.vision.frame_embedding import FrameEmbedding

        embedding = FrameEmbedding()
    return PlayersFrontEnd(embedding=embedding, **options)
