"""Where the frames of a track lie, and which sources are silent, as museval has it."""


def spans(n_time, window, hop):
    """(start, stop) samples of the whole frames, as museval cuts them."""
    count = (n_time - window) // hop + 1 if window < n_time else 1
    return [(k * hop, min(k * hop + window, n_time)) for k in range(count)]


def silent(audio):
    """Which sources museval takes for silent: bool [S], of float [S, T, C].

    Stereo whose channels cancel is among them.
    """
    return ~audio.sum(axis=2).any(axis=1)
