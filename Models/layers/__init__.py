"""The layers that the models share; each knows how lengths pass through it."""
