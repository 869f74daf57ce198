"""How a model, or a folder of estimates, is scored on a set of tracks."""
