"""The sources of a track as a model is to give them, and what is known of each."""

from typing import NamedTuple

import numpy as np

import Schema
from Schema import InputError


class Reference(NamedTuple):
    """One source that is present.

    Attributes:
      name: A source name; one of several parts of an instrument has a number, as vn_2.
      label: The source name.
      parts: Indices of the track's parts whose sum it is.
    """

    name: str
    label: str
    parts: list[int]

    def audio(self, track):
        """float32 [T, C]."""
        return track["sources"][self.parts].sum(axis=0)

    def notes(self, track):
        """float32 [M, 3], or None if those of a part are not known."""
        found = [track["notes"][part] for part in self.parts]
        return None if any(n is None for n in found) else np.concatenate(found)

    def visual(self, track):
        """Features of its player, float32 [F, D]: of several the mean.

        Where the records hold pictures, those of the first: object [F], JPEG.
        """
        players = np.isin(track["part_of_player"], self.parts)
        if "frames" in track:
            return track["frames"][players.argmax()]
        return track["visual"][players].mean(axis=0)


def references(track, source_names, apart):
    """What is present in a track, in the order of the source names.

    Args:
      track: dict, as from `Records.whole_track`.
      source_names: Of a model.
      apart: Whether parts of one instrument stay apart, as in slots that follow
        conditions, or are summed.

    Raises:
      InputError: If an instrument of the track is none of the sources.
    """
    labels = track["labels"]
    for label in labels:
        if label not in source_names:
            raise InputError(
                f"track {track['id']} has {label!r}, which the model does not know; "
                f"its sources are {', '.join(source_names)}"
            )
    found = []
    for name in source_names:
        parts = [part for part, label in enumerate(labels) if label == name]
        if apart and len(parts) > 1:
            found += [
                Reference(f"{name}_{k}", name, [p])
                for k, p in enumerate(parts, start=1)
            ]
        elif parts:
            found.append(Reference(name, name, parts))
    return found


def known(track, references, conditions, apart):
    """What a model is told of a track, as arguments of `Predict.Predictor.separate`.

    Args:
      track: dict, as from `Records.whole_track`.
      references: What `references` returned.
      conditions: Of "labels", "score" and "visual"; what the track lacks is left out.
      apart: Whether each reference is a slot that follows its player.
    """
    told = {}
    if "labels" in conditions:
        told["labels"] = [one.label for one in references]
    if "score" in conditions:
        notes = {one.name: one.notes(track) for one in references}
        if all(found is not None for found in notes.values()):
            told["notes"] = notes
    if "visual" in conditions and track["has_visual"].all():
        told["video"] = track[Schema.sight(track)]
        if apart:
            told["video"] = np.stack([one.visual(track) for one in references])
    return told


def in_order(names, source_names):
    """Names of references, of many tracks, in the order of the source names."""
    number = {name: k for k, name in enumerate(source_names)}
    return sorted(set(names), key=lambda n: (number[_label(n, number)], n))


def is_known(name, source_names):
    """Whether a name is that of a reference, and not of what was made of several."""
    return _label(name, source_names) in source_names


def _label(name, source_names):
    """The source name that the name of a reference means, or ""."""
    return name if name in source_names else name.rpartition("_")[0]
