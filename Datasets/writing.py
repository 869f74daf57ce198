"""Sources -> WAV files of any length, all or none.

RIFF WAVE counts its bytes in 32 bits and so ends at 4 GiB; beyond that a file is
RF64, the same layout with a 64-bit table in front (EBU Tech 3306, 2009).
"""

import contextlib
import os
import pathlib
import shutil
import struct
import warnings

import numpy as np
import soundfile as sf

import Utils
from Datasets import media
from Schema import InputError

RIFF_BYTES = 2**32 - 2**16  # of samples that a RIFF file holds beside its header
BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}  # subtype: bytes of a sample


class WaveWriter:
    """Writes a WAV file block by block: RIFF where it fits, RF64 where it does not.

    Attributes:
      n_clipped: Samples beyond [-1, 1] that a PCM subtype had to clip.
    """

    def __init__(
        self, path, sample_rate, channels, subtype="FLOAT", n_time=None, what=None
    ):
        """Opens the file.

        Args:
          path: File to write; the caller writes aside.
          sample_rate: Hz.
          channels: Number of channels.
          subtype: A key of `BYTES`; only FLOAT holds samples beyond [-1, 1].
          n_time: Samples that will come, at most; None if unknown.
          what: Names the file in errors; None: `path`.

        Raises:
          InputError: If the subtype is unknown or the file cannot be opened.
        """
        if subtype not in BYTES:
            raise InputError(f"no subtype {subtype!r}; choose from {', '.join(BYTES)}")
        self.path, self.n_clipped, self._n_bytes = path, 0, 0
        self._what = what or path
        self._sample_bytes = channels * BYTES[subtype]
        fits = n_time is not None and n_time * self._sample_bytes <= RIFF_BYTES
        self._bounded = subtype != "FLOAT"
        self._form = "WAV" if fits else "RF64"
        with self._explained():
            self._file = sf.SoundFile(
                str(path), "w", sample_rate, channels, subtype, format=self._form
            )

    @contextlib.contextmanager
    def _explained(self):
        # A full disk is a LibsndfileError or, after a short write, an AssertionError.
        try:
            yield
        except (sf.LibsndfileError, OSError, AssertionError) as error:
            raise InputError(
                f"{self._what} cannot be written "
                f"({str(error).rstrip('.') or 'short write'}); is the disk full?"
            ) from None

    def write(self, block):
        """Appends float32 [t, C]."""
        if self._bounded:
            self.n_clipped += int(np.count_nonzero(np.abs(block) > 1))
        with self._explained():
            self._file.write(block)
        self._n_bytes += len(block) * self._sample_bytes

    def close(self):
        """Ends the file; may be called again."""
        if self._file.closed:
            return
        with self._explained():
            self._file.close()
            if self._form == "RF64" and self._n_bytes <= RIFF_BYTES:
                _to_riff(self.path)


def _to_riff(path):
    """Makes a RIFF file of an RF64 file that is short enough, in place.

    The 64-bit table becomes a JUNK chunk, the 32-bit sizes are filled in
    (EBU Tech 3306, section 3, the other way round).
    """
    with open(path, "r+b") as file:
        _, _, _, _, size, _, n_data = struct.unpack("<4sI4s4sIQQ", file.read(36))
        chunk = 20 + size
        file.seek(chunk)
        while (name := file.read(4)) != b"data":
            if len(name) < 4:
                raise OSError("the file has no data chunk")
            chunk += 8 + struct.unpack("<I", file.read(4))[0]
            file.seek(chunk)
        file.write(struct.pack("<I", n_data))
        file.seek(0)
        file.write(struct.pack("<4sI4s4s", b"RIFF", _size(file) - 8, b"WAVE", b"JUNK"))


def _size(file):
    return os.fstat(file.fileno()).st_size


@contextlib.contextmanager
def output_folder(folder, names):
    """Makes a folder and, if the block raises, takes it away again.

    Args:
      folder: Where files are to be written.
      names: Names of those files.

    Yields:
      The folder, a pathlib.Path in which files can be written.

    Raises:
      InputError: If it cannot be written to, or one of the names is a folder.
    """
    folder = pathlib.Path(folder)
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f".{os.getpid()}.writable").touch()
            (folder / f".{os.getpid()}.writable").unlink()
        except OSError as error:
            raise InputError(
                f"output {folder} cannot be written to ({error.strerror}); "
                "choose another folder"
            ) from None
        for name in names:
            if (folder / name).is_dir():
                raise InputError(f"{folder / name} is a folder; move it away")
        yield folder
    except BaseException:
        for path in new:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def write_sources(
    folder, names, blocks, sample_rate, channels, subtype, n_time, spared=None
):
    """Writes a stream of several sources: one WAV file each, all or none.

    Every file is written aside; all take their places when all are complete.

    Args:
      folder: Made if absent.
      names: Names of the S sources; the files are `<name>.wav`.
      blocks: Iterable of float32 [S, t, C]; not touched before all files are open.
      sample_rate: Hz.
      channels: C.
      subtype: A key of `BYTES`.
      n_time: Samples that will come, at most; None if unknown.
      spared: A file that must not be replaced, or None.

    Returns:
      {name: pathlib.Path of its file}.

    Raises:
      InputError: If the files cannot be written or would not fit on the disk.
    """
    paths = {name: pathlib.Path(folder) / f"{name}.wav" for name in names}
    for path in paths.values():
        if spared and path.exists() and path.samefile(spared):
            raise InputError(f"{spared} would be replaced; choose another output")
    with output_folder(folder, [path.name for path in paths.values()]) as folder:
        _check_room(folder, len(names) * channels * BYTES.get(subtype, 0), n_time)
        with contextlib.ExitStack() as stack:
            writers = []
            for path in paths.values():
                aside = stack.enter_context(Utils.write_aside(path))
                writer = WaveWriter(aside, sample_rate, channels, subtype, n_time, path)
                writers.append(writer)
                stack.callback(writer.close)
            for block in blocks:
                for writer, source in zip(writers, block):
                    writer.write(source)
            for writer in writers:  # all complete before the first takes its place
                writer.close()
    for name, writer in zip(names, writers):
        if writer.n_clipped:
            warnings.warn(
                f"{name}: {writer.n_clipped} samples beyond [-1, 1] were clipped; "
                "subtype=FLOAT keeps them",
                stacklevel=2,
            )
    return paths


def _check_room(folder, bytes_a_sample, n_time):
    need, free = bytes_a_sample * (n_time or 0), shutil.disk_usage(folder).free
    if need > free:
        raise InputError(
            f"the sources need {need / 1e9:.1f} GB but {folder} has "
            f"{free / 1e9:.1f} GB free; choose another folder or subtype=PCM_16"
        )


def write_estimates(folder, names, estimates, mix, sample_rate, about):
    """Writes the estimates and the mixture of a track as WAV files, and what they are.

    Args:
      folder: Of the track; replaced as a whole.
      names: S sources.
      estimates: float32 [S, T, C].
      mix: float32 [T, C].
      sample_rate: Hz.
      about: dict for about.json.
    """
    with Utils.write_aside(folder) as aside:
        aside.mkdir()
        for name, audio in zip([*names, "mixture"], [*estimates, mix]):
            media.write_audio(aside / f"{name}.wav", audio, sample_rate, "FLOAT")
        Utils.write_json(aside / "about.json", about)
