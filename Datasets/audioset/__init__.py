"""AudioSet: clips of ten seconds from YouTube, each with the classes heard in it."""
