"""Examples of training mixtures, and which recordings their sources are of."""

import numpy as np

from tests.sighted_made import SOURCES, load


def examples(made, count, mixtures, **options):
    """Yields examples as dicts of arrays; gains are 1."""
    told = {"training": True, "gain": (1.0, 1.0), "n_slots": 4, "seed": 5}
    batches = load(made, "train", mixtures=mixtures, **{**told, **options})
    for batch in batches.take(-(-count // 4)):
        arrays = {key: value.numpy() for key, value in batch.items()}
        for k in range(4):
            yield {key: value[k] for key, value in arrays.items()}


def origin(made, source):
    """(piece, part, start) of a source, by its samples; None: it is silent."""
    where = np.flatnonzero(source[:, 0])
    if len(where) < 20:
        return None
    found = source[where[0] : where[0] + 20, 0]
    for piece, stems in made[0].items():
        for part, stem in enumerate(stems[..., 0]):
            for begin in np.flatnonzero(np.abs(stem - found[0]) < 1e-6):
                there = stem[begin : begin + len(found)]
                if len(there) == len(found) and np.allclose(there, found, atol=1e-6):
                    return piece, part, begin - where[0]
    raise AssertionError("a source is of no recording")


def origins(made, one):
    """{slot: origin} of the slots that sound."""
    found = {k: origin(made, source) for k, source in enumerate(one["sources"])}
    return {slot: where for slot, where in found.items() if where}


def label_of(one, slot):
    return SOURCES[one["labels"][slot].argmax()]


SOLOS = dict(sources_min=2, sources_max=3)
