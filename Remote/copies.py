"""Copies of remote runs on a disk of this machine.

They lie in $VIMSS_CACHE (~/.cache/vimss), under the names that they have there:
gs://BUCKET/runs/3 in ~/.cache/vimss/gs/BUCKET/runs/3; who deletes them loses nothing
that was sent.
"""

import contextlib
import os
import pathlib
import shutil

from Remote.paths import RemotePath, asked, is_remote
from Schema import InputError

SOUNDS = (".wav", ".flac", ".mp4", ".webm")  # of which no verb begins
FETCHED = {}  # {text of a place: its copy}, of this process
KNOWN = {}  # {copy: {file: stamp}} of what the place has, too


def home():
    """The folder of all copies."""
    told = os.environ.get("VIMSS_CACHE")
    usual = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(told or pathlib.Path(usual, "vimss")).expanduser().absolute()


def copy_of(where):
    """The folder of this machine that stands for a remote one; it need not exist.

    Raises:
      InputError: If the place has no name, or names its parent folder.
    """
    scheme, _, rest = os.fspath(where).partition("://")
    names = [name for name in rest.split("/") if name]
    if not names or {".", ".."} & set(names):
        raise InputError(f"{where} is no folder; name one, as gs://BUCKET/runs")
    return home().joinpath(scheme, *names)


def here(where):
    """A folder on a disk of this machine: the one that is named, or a copy of it.

    What has changed there is fetched, once in a process; sounds and films are not.

    Args:
      where: Path, or text of one, as gs://BUCKET/runs/3.

    Returns:
      pathlib.Path.

    Raises:
      InputError: If there is nothing, or it cannot be read.
    """
    if not is_remote(where):
        return pathlib.Path(where)
    text = os.fspath(where).rstrip("/")
    if text not in FETCHED:
        FETCHED[text] = _fetch(RemotePath(text), copy_of(text))
    return FETCHED[text]


def _fetch(where, copy):
    from tqdm import tqdm  # launch/going_on.py does without

    files = where.files()
    if not files:
        raise InputError(f"{where} does not exist, or holds nothing")
    for path in (copy / "checkpoint").glob("*"):  # never beside files of other weights
        if f"checkpoint/{path.name}" not in files:
            path.unlink()
    told = {n: told for n, told in files.items() if not n.endswith(SOUNDS)}
    wanted = {n: told for n, told in told.items() if _is_newer(told, copy / n)}
    total = sum(length for length, _ in wanted.values())
    if wanted:
        print(f"fetch   {where}, {total / 1e6:.1f} MB, into {copy}", flush=True)
    with tqdm(total=total, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        for name, (length, changed) in wanted.items():
            _receive(where / name, copy / name, changed)
            bar.update(length)
    now = stamps(copy).items()
    KNOWN[copy] = {p: s for p, s in now if _was_sent(p.relative_to(copy), s, files)}
    return copy


def _is_newer(told, path):
    """Whether a remote file is to be fetched: what is here may not have been sent."""
    return not path.exists() or told[1] > path.stat().st_mtime_ns


def _was_sent(name, stamp, files):
    """Whether a place has a file that is here, and no older one."""
    return name.as_posix() in files and stamp[0] <= files[name.as_posix()][1]


def _receive(where, path, changed):
    """Copies a remote file, with the time of its last change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with asked(where, "read") as gfile, open(aside, "wb") as file:
            with gfile.GFile(str(where), "rb") as remote:
                shutil.copyfileobj(remote, file, 2**22)
        os.utime(aside, ns=(changed, changed))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def check_writable(where):
    """Raises InputError where nothing can be written."""
    probe = RemotePath(where) / ".vimss"
    with asked(where, "written") as gfile:
        with gfile.GFile(str(probe), "wb") as file:
            file.write(b"vimss")
        gfile.remove(str(probe))


def send(path, where):
    """Copies a file of this machine to a remote place, where it appears whole.

    Of a file that grows, what it holds now.

    Raises:
      InputError: If nothing can be written there.
    """
    with asked(where, "written") as gfile, open(path, "rb") as file:
        left = os.fstat(file.fileno()).st_size
        with gfile.GFile(str(where), "wb") as remote:
            while left > 0 and (block := file.read(min(left, 2**22))):
                remote.write(block)
                left -= len(block)


def stamps(folder):
    """{path of a file below a folder: what changes when it is written}.

    Without what is hidden, as what is written aside.
    """
    found = {}
    for place, inside, names in os.walk(folder):
        inside[:] = [name for name in inside if not name.startswith(".")]
        for path in (pathlib.Path(place, x) for x in names if not x.startswith(".")):
            with contextlib.suppress(FileNotFoundError):  # it may go meanwhile
                told = path.stat()
                found[path] = told.st_mtime_ns, told.st_size, told.st_ino
    return found


def give_back():
    """Sends what was written into fetched copies since they were fetched.

    Raises:
      InputError: If nothing can be written there; it names the copy.
    """
    for text, copy in FETCHED.items():
        now, before = stamps(copy), KNOWN[copy]
        changed = [path for path, stamp in now.items() if before.get(path) != stamp]
        for path in changed:
            send(path, RemotePath(text) / path.relative_to(copy).as_posix())
        if changed:
            print(f"copied  {len(changed)} files of {copy} to {text}", flush=True)
        KNOWN[copy] = now
