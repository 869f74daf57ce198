"""Folders that no disk of this machine holds, as gs://BUCKET/records.

TensorFlow reads them (`tf.io.gfile`); what is here has the names of pathlib's.
"""

import os
import pathlib
import re

import tensorflow as tf

from Schema import InputError

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_remote(path):
    """Whether a path says which file system it is of, as gs://BUCKET does."""
    return bool(SCHEME.match(os.fspath(path)))


def path(where):
    """A `RemotePath`, or pathlib's of a local one."""
    return RemotePath(where) if is_remote(where) else pathlib.Path(where)


class RemotePath(os.PathLike):
    """A path of another file system, with what reading records needs of pathlib."""

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
        """Whether there is such a file.

        Raises:
          InputError: If nobody here can look.
        """
        with _told(self):
            return tf.io.gfile.exists(self._text)

    def glob(self, pattern):
        """The paths below it that fit a pattern, in order."""
        with _told(self):
            found = tf.io.gfile.glob(f"{self._text}/{pattern}")
        return [RemotePath(one) for one in sorted(found)]

    def read_text(self, encoding="utf-8"):
        """The text of a file.

        Raises:
          FileNotFoundError: If there is none.
        """
        return self.read_bytes().decode(encoding)

    def read_bytes(self):
        """The bytes of a file; errors as `read_text`."""
        try:
            with _told(self), tf.io.gfile.GFile(self._text, "rb") as file:
                return file.read()
        except tf.errors.NotFoundError:
            raise FileNotFoundError(self._text) from None


class _told:  # noqa: N801  (a context manager, used as a word)
    """Turns a file system that cannot be reached into a sentence."""

    def __init__(self, where):
        self._where = where

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        refused = tf.errors.UnimplementedError, tf.errors.PermissionDeniedError
        refused += tf.errors.UnavailableError, tf.errors.UnauthenticatedError
        refused += tf.errors.FailedPreconditionError, tf.errors.AbortedError
        if isinstance(error, refused):
            raise InputError(
                f"{self._where} cannot be read ({str(error).splitlines()[0][:160]}): "
                "see that this machine may read it, or copy it to a disk"
            ) from None
