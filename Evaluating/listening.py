"""What a report lets one hear: references, estimates and mixtures of some tracks."""

import numpy as np
import soundfile as sf

from Evaluating import films
from Scores import folders, report


def of_run(evaluation, raw=None):
    """Yields `report.Example`s of the tracks whose estimates were kept, in order.

    Args:
      evaluation: `Evaluating.run.Evaluation`.
      raw: Folder of the raw recordings, which has the videos; None: as the run's
        configuration tells.
    """
    from Datasets import references as present

    names = evaluation.model.source_names
    apart = evaluation.model.slots == "conditioned"
    videos = _videos(evaluation, raw)
    for track_id in evaluation.ids:
        folder = evaluation.estimates(track_id)
        if not (folder / "about.json").exists():
            continue
        track = evaluation.material.track(track_id)
        found = {
            one.name: one.audio(track)
            for one in present.references(track, names, apart)
        }
        made = {name: _read(folder / f"{name}.wav") for name in found}
        yield report.Example(
            *(track_id, track["sample_rate"], track["mix"], found),
            {evaluation.system: made},
            videos.film(evaluation.material.rows[track_id]),
        )


def _videos(evaluation, raw):
    """Where the tracks of an evaluation are seen: `films.Raw`."""
    records = evaluation.records
    name = records.folder.parents[1].name
    return films.Raw(records, raw or films.raw_of(evaluation.folder, name))


def links_of_run(evaluation):
    """{track: {source: path}} of the estimates that were kept."""
    return {
        track_id: {path.stem: path for path in sorted(folder.glob("*.wav"))}
        for track_id in evaluation.ids
        for folder in [evaluation.estimates(track_id)]
        if folder.exists()
    }


def of_pairs(pairs, system):
    """Yields `report.Example`s of estimates in folders, with the video beside each.

    Args:
      pairs: `Scores.folders.Pair`s that can be read.
      system: Name of what made the estimates.
    """
    for pair in pairs:
        names, references, mix, estimates, _, rate = folders.read(pair)
        found = dict(zip(names, references))
        made = {system: dict(zip(names, estimates))}
        video = films.beside(pair.references[names[0]])
        yield report.Example(pair.name, rate, mix, found, made, video)


def _read(path):
    return sf.read(path, always_2d=True)[0].astype(np.float32)
