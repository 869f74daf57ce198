"""Parts of sections that many runs share."""

DIFFERENCE = {"name": "wave_unet", "output_type": "difference"}
CONTEXT = {**DIFFERENCE, "context": True}
SEEN_WITH = "players_gesture"  # a key of Models.vision.FRONT_ENDS
