"""Paths of other file systems, with the names of pathlib's."""

import contextlib
import os
import pathlib
import re

from Schema import InputError

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_remote(path):
    """Whether a path says which file system it is of, as gs://BUCKET does."""
    return bool(SCHEME.match(os.fspath(path)))


def path(where):
    """A `RemotePath`, or pathlib's of a local one."""
    return RemotePath(where) if is_remote(where) else pathlib.Path(where)


class RemotePath(os.PathLike):
    """A path of another file system, with what records and runs need of pathlib."""

    def __init__(self, text):
        self._text = os.fspath(text).rstrip("/")

    def __fspath__(self):
        return self._text

    __str__ = __fspath__

    def __repr__(self):
        return f"RemotePath({self._text!r})"

    def __eq__(self, other):
        return isinstance(other, RemotePath) and os.fspath(other) == self._text

    def __hash__(self):
        return hash(self._text)

    def __truediv__(self, name):
        return RemotePath(f"{self._text}/{name}")

    @property
    def name(self):
        """What stands behind the last slash."""
        return self._text.rpartition("/")[2]

    @property
    def parent(self):
        """The folder that holds it."""
        return RemotePath(self._text.rpartition("/")[0])

    @property
    def parents(self):
        """The nearest folders that hold it, nearest first."""
        found = [self.parent]
        while found[-1].parent.name and len(found) < 8:
            found.append(found[-1].parent)
        return found

    def exists(self):
        """Whether there is such a file or folder.

        Raises:
          InputError: If nobody here can look.
        """
        with asked(self, "read") as gfile:
            return gfile.exists(self._text)

    def glob(self, pattern):
        """The paths below it that fit a pattern, in order."""
        with asked(self, "read") as gfile:
            found = gfile.glob(f"{self._text}/{pattern}")
        return [RemotePath(one) for one in sorted(found)]

    def files(self):
        """{name below it: (bytes, ns since 1970 of its last change)}, of all files."""
        found, start = {}, len(self._text) + 1
        with asked(self, "read") as gfile:
            for folder, _, names in gfile.walk(self._text):
                for path in (f"{folder.rstrip('/')}/{name}" for name in names):
                    with contextlib.suppress(_errors().NotFoundError):  # just removed
                        told = gfile.stat(path)
                        found[path[start:]] = told.length, told.mtime_nsec
        return found

    def read_text(self, encoding="utf-8"):
        """The text of a file.

        Raises:
          FileNotFoundError: If there is none.
        """
        return self.read_bytes().decode(encoding)

    def read_bytes(self):
        """The bytes of a file; errors as `read_text`."""
        try:
            with asked(self, "read") as gfile, gfile.GFile(self._text, "rb") as file:
                return file.read()
        except _errors().NotFoundError:
            raise FileNotFoundError(self._text) from None


def _errors():
    import tensorflow as tf

    return tf.errors


def _first(error):
    """The first line of what an error says, or its name."""
    return next(iter(str(error).splitlines()), type(error).__name__)


@contextlib.contextmanager
def asked(where, verb):
    """Yields tf.io.gfile; turns what a file system refuses into a sentence.

    Args:
      where: What is asked for.
      verb: "read" or "written".

    Raises:
      InputError: Naming it, if the file system is unknown, absent, or forbids it.
      NotFoundError: TensorFlow's, of a file to be read that is not there.
    """
    import tensorflow as tf

    do = "read it, or copy it to" if verb == "read" else "write there, or choose"
    try:
        yield tf.io.gfile
    except tf.errors.OpError as error:
        if verb == "read" and isinstance(error, tf.errors.NotFoundError):
            raise
        raise InputError(
            f"{where} cannot be {verb} ({_first(error)[:160]}): see that "
            f"this machine may {do} a disk"
        ) from None
