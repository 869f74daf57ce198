"""Copies of remote runs on a disk of this machine, below $VIMSS_CACHE (~/.cache/vimss).

    written/gs/BUCKET/runs/3    what a training here writes, and sends to gs://BUCKET/runs/3
    fetched/gs/BUCKET/runs/3    what was fetched from there

Clocks of a machine and of a bucket are never compared: `.synced.json` in a fetched
copy tells which state of each remote file it holds.  Who deletes copies loses nothing
that was sent.
"""

import contextlib
import os
import pathlib
import sys
import uuid

import Utils
from Remote.paths import RemotePath, asked, is_remote
from Schema import InputError

SYNCED = ".synced.json"
SOUNDS = (".wav", ".flac", ".mp4", ".webm")
GOING_ON = ("log", "sources.zip", "cout.txt", "metrics.json")  # and states of training
FETCHED = {}  # {(text of a place, whole): its copy}, of this process
KNOWN = {}  # {copy: {file: stamp}}, when it had been fetched


def home():
    """The folder of all copies."""
    told = os.environ.get("VIMSS_CACHE")
    usual = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(told or pathlib.Path(usual, "vimss")).expanduser().absolute()


def copy_of(where, kind="written"):
    """The folder of this machine that stands for a remote one; it need not exist.

    Args:
      where: Text of a place.
      kind: "written" or "fetched".

    Raises:
      InputError: If the place has no name, or names its parent folder.
    """
    scheme, _, rest = os.fspath(where).partition("://")
    names = [name for name in rest.split("/") if name]
    if not names or {".", ".."} & set(names):
        raise InputError(f"{where} is no folder; name one, as gs://BUCKET/runs")
    return home().joinpath(kind, scheme, *names)


def place_of(folder):
    """The place that a folder stands for, as text; of any other, its own path."""
    for kind in ("written", "fetched"):
        top = home() / kind
        if top in pathlib.Path(folder).absolute().parents:
            scheme, *names = pathlib.Path(folder).absolute().relative_to(top).parts
            return f"{scheme}://{'/'.join(names)}"
    return os.fspath(folder)


def here(where, whole=False):
    """A folder on a disk of this machine: the one that is named, or a copy of it.

    What has changed there is fetched, once in a process; sounds, films and estimates
    are not.

    Args:
      where: Path, or text of one, as gs://BUCKET/runs/3.
      whole: Whether what only a resumed run needs is fetched, too: states and logs.

    Returns:
      pathlib.Path.

    Raises:
      InputError: If there is nothing, or it cannot be read.
    """
    if not is_remote(where):
        return pathlib.Path(where)
    text = os.fspath(where).rstrip("/")
    if (text, whole) not in FETCHED:
        copy = copy_of(text, "fetched")
        fetched, own = _fetch(RemotePath(text), copy, whole), KNOWN.get(copy)
        KNOWN[copy] = {
            path: stamp
            for path, stamp in stamps(copy).items()
            if own is None or path in fetched or own.get(path) == stamp
        }
        FETCHED[text, whole] = copy
    return FETCHED[text, whole]


def _fetch(where, copy, whole):
    """Makes a copy hold what a place has now; returns the paths that are new.

    What was never sent stays.
    """
    from tqdm import tqdm

    files, synced = where.files(), _synced(copy)
    if not files:
        raise InputError(f"{where} does not exist, or holds nothing")
    for name in set(synced) - set(files):
        (copy / name).unlink(missing_ok=True)
        del synced[name]
    changed = {
        name: list(told)
        for name, told in files.items()
        if _is_of_use(pathlib.PurePosixPath(name), whole)
        and (synced.get(name) != list(told) or not (copy / name).exists())
    }
    total = sum(length for length, _ in changed.values())
    if changed:
        print(f"fetch   {where}, {total / 1e6:.1f} MB, into {copy}", flush=True)
    with tqdm(total=total, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        for name, told in changed.items():
            _receive(where / name, copy / name)
            synced[name] = told
            bar.update(told[0])
    _write_synced(copy, synced)
    return {copy / name for name in changed}


def _is_of_use(name, whole):
    """Whether a verb may read a file of a run."""
    if name.suffix in SOUNDS or any(p.startswith(".") for p in name.parts):
        return False
    if "estimates" in name.parts:  # made again, as its sounds are not here
        return False
    going_on = name.parts[0] in GOING_ON or name.match("state*.npz")
    return whole or not going_on


def _synced(copy):
    """{name: [bytes, ns of the last change there]} of what a copy holds."""
    try:
        return Utils.read_json(copy / SYNCED)
    except InputError:
        return {}  # then all is fetched again


def _write_synced(copy, synced):
    Utils.write_json(copy / SYNCED, synced)


def _receive(where, path):
    with Utils.write_aside(path) as aside, asked(where, "read") as gfile:
        gfile.copy(str(where), str(aside))


def check_writable(where):
    """Raises InputError where nothing can be written; a bucket may take its time."""
    print(f"check   {where} can be written", flush=True)
    probe = RemotePath(where) / f".vimss-{uuid.uuid4().hex}"
    with asked(where, "written") as gfile:
        _note(gfile, probe)
        gfile.remove(str(probe))


def _note(gfile, where):
    with gfile.GFile(str(where), "wb") as file:
        file.write(b"vimss")


def claim(where):
    """Whether a folder is this process's from now on.

    Who finds a claim beside its own withdraws; what is written to a bucket is seen by
    all who look afterwards, so of several processes one at most stays.

    Raises:
      InputError: If nothing can be written there.
    """
    where = RemotePath(where)
    own = where / f".claim-{uuid.uuid4().hex}"
    with asked(where, "written") as gfile:
        _note(gfile, own)
        is_alone = where.glob(".claim-*") == [own]
        if not is_alone:
            gfile.remove(str(own))
    return is_alone


def send(path, where):
    """Copies a file of this machine to a remote place, where it appears whole.

    Raises:
      FileNotFoundError: If it is not here, or no longer.
      InputError: If nothing can be written there.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    with asked(where, "written") as gfile:  # one call, which no Ctrl-C tears
        gfile.copy(str(path), str(where), overwrite=True)


def stamps(folder):
    """{path of a file below a folder: what changes when it is written}.

    Without what is hidden, as what is written aside.
    """
    found = {}
    for place, inside, names in os.walk(folder):
        inside[:] = [name for name in inside if not name.startswith(".")]
        for path in (pathlib.Path(place, x) for x in names if not x.startswith(".")):
            try:
                told = path.stat()
            except FileNotFoundError:  # it may go meanwhile
                continue
            found[path] = told.st_mtime_ns, told.st_size, told.st_ino
    return found


def give_back():
    """Sends what this process wrote into fetched copies, and removes what it removed.

    What cannot be sent stays in the copy, and a line says where.
    """
    for (text, _), copy in FETCHED.items():
        now, before = stamps(copy), KNOWN[copy]
        changed = [path for path, stamp in now.items() if before.get(path) != stamp]
        try:
            for path in changed:
                send(path, RemotePath(text) / path.relative_to(copy).as_posix())
            for path in set(before) - set(now):
                _remove(RemotePath(text) / path.relative_to(copy).as_posix())
        except InputError as error:
            told = f"copy    {error}; what was made is in {copy}"
            print(told, file=sys.stderr, flush=True)
            continue
        if changed:
            print(f"copied  {len(changed)} files of {copy} to {text}", flush=True)
        KNOWN[copy] = now


@contextlib.contextmanager
def giving_back():
    """`give_back` at the end of the block, however it ends."""
    try:
        yield
    finally:
        give_back()


def _remove(where):
    with asked(where, "written") as gfile:
        if gfile.exists(str(where)):
            gfile.remove(str(where))
