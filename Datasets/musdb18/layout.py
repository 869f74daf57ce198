"""MUSDB18's and MUSDB18-HQ's folders -> songs, and what is wrong with them.

    {train,test}/<Artist - Title>.stem.mp4                                   MUSDB18
    {train,test}/<Artist - Title>/{mixture,drums,bass,other,vocals}.wav      -HQ

A stem file has five stereo streams: 0 the mixture, 1 drums, 2 bass, 3 other, 4 vocals.

Rafii et al., "The MUSDB18 corpus for music separation", 2017;
https://doi.org/10.5281/zenodo.1117372, https://doi.org/10.5281/zenodo.3338373
"""

import pathlib

from Datasets import inventory, media
from Datasets.stems.labels import label_of, pairs_of, sources_of
from Datasets.track import Source, Track
from Schema import InputError

STEMS = ("drums", "bass", "other", "vocals")  # streams 1 to 4 of a stem file
FOLDER = {"train": "train", "validation": "train", "test": "test"}  # of each split
TOLERANCE = 0.05  # s that stated lengths of one song may differ


def labels_of(label_map):
    """All labels, sorted; the stems' own names, if there is no map."""
    return tuple(sources_of(label_map) if label_map else sorted(STEMS))


def take_stock(raw, splits, read, label_map=(), keep_going=False):
    """Looks for every song of the splits: `Datasets.inventory.take_stock`.

    Args:
      raw: Folder that holds `train` and `test`.
      splits: {split: [song]}.
      read: `read_stem_file` or `read_folder`.
      label_map: ["PATTERN=LABEL"], to join stems; empty: their own names.
      keep_going: Whether a damaged song counts as absent.
    """
    raw, named = pathlib.Path(raw), _named(label_map)
    home = {name: raw / FOLDER[s] for s, names in splits.items() for name in names}
    found = inventory.take_stock(
        raw, splits, lambda name: read(home[name], name, named), keep_going
    )
    paths = [path for half in ("train", "test") for path in (raw / half).glob("*")]
    names = {p.name.removesuffix(".stem.mp4") for p in paths if p.name[0] != "."}
    strangers = sorted(names - set(home))
    if strangers:
        found.remarks.append(f"not used, in no list of songs: {', '.join(strangers)}")
    return found


def _named(label_map):
    """{stem: label} of the stems."""
    if not label_map:
        return {stem: stem for stem in STEMS}
    named = {stem: label_of(stem, pairs_of(label_map)) for stem in STEMS}
    for stem, label in named.items():
        if label is None:
            raise InputError(
                f"data.label_map={list(label_map)} gives {stem!r} no label: the stems "
                f"are {', '.join(STEMS)}; add '{stem}=...' or '*=...'"
            )
    return named


def read_stem_file(folder, name, named):
    """A song of MUSDB18 -> Track.

    Args:
      folder: pathlib.Path of `train` or `test`.
      name: "Artist - Title".
      named: {stem: label}.

    Raises:
      FileNotFoundError: If there is no such song.
      InputError: If the file is damaged, or is none with five streams.
    """
    path = folder / f"{name}.stem.mp4"
    if not path.is_file():
        of_hq = (folder / name).is_dir()
        hint = "; there is a folder, as of data.name=musdb18_hq" if of_hq else ""
        raise FileNotFoundError(f"no {folder.name}/{path.name}{hint}")
    streams = range(1 + len(STEMS))
    heads = [media.probe_audio(path, stream) for stream in streams]
    _compare([f"{path}, stream {k}" for k in streams], heads)
    return _track(name, named, [(str(path), stream) for stream in streams], heads[0])


def read_folder(folder, name, named):
    """A song of MUSDB18-HQ -> Track; as `read_stem_file`."""
    files = [folder / name / f"{stem}.wav" for stem in ("mixture", *STEMS)]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        is_file = (folder / f"{name}.stem.mp4").is_file()
        hint = "; there is a stem file, as of data.name=musdb18" if is_file else ""
        raise FileNotFoundError(f"no {folder.name}/{name}/{', '.join(absent)}{hint}")
    heads = [media.probe_audio(file) for file in files]
    _compare(files, heads)
    return _track(name, named, [(str(file), 0) for file in files], heads[0])


def _compare(names, heads):
    """Refuses stems of another rate or length than their mixture's."""
    rate, _, n_time = heads[0]
    for name, (other, _, count) in zip(names, heads):
        if other != rate or abs(count - n_time) > TOLERANCE * rate:
            raise InputError(
                f"{name} has {count} samples at {other} Hz, but {names[0]} has "
                f"{n_time} at {rate} Hz: one of them is damaged, or of another song; "
                "copy it anew"
            )


def _track(name, named, places, head):
    """The Track of five places, (path, stream), the mixture's first."""
    (mix, mix_stream), *rest = places
    return Track(
        id=name,
        sources=tuple(
            Source(named[stem], path, stream=stream)
            for stem, (path, stream) in zip(STEMS, rest)
        ),
        sample_rate=head[0],
        n_time=head[2],
        mix=mix,
        mix_stream=mix_stream,
        silence=True,  # some songs have no vocals
    )
