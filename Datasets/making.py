"""Records are made: once, whole or not at all, by this process or by Apache Beam."""

import contextlib
import io
import os
import pathlib
import shutil
import tempfile

import tensorflow_datasets as tfds
from tqdm import tqdm

from Datasets.builder import expected_bytes, remove_leftovers
from Datasets.records import Records
from Datasets.shards import writable
from Schema import InputError

OVERLAP = 1.4  # bytes of records for a byte of what they hold: excerpts overlap


def is_current(folder, fingerprint):
    """Whether the records exist, and says so; refuses those of other raw data."""
    if not (folder / "dataset_info.json").exists():
        return False
    found = Records(folder)
    if found.fingerprint != fingerprint:
        raise InputError(
            f"{folder} was made from other recordings than data.raw holds now: "
            "remove it, or choose another data.records"
        )
    for split in found.splits:
        found.places(split)  # raises if a file is missing or cut short
    print(f"{folder} is up to date")
    return True


def beam_of(data):
    """What Apache Beam is told, as `tfds.download.DownloadConfig` takes it."""
    if data["beam_runner"] is None:
        if data["beam_options"]:
            raise InputError(
                f"data.beam_options={data['beam_options']} tell Apache Beam something, "
                "but data.beam_runner is not set: name one, as DirectRunner"
            )
        return {}
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.runner import create_runner
    except ImportError:
        raise InputError(
            f"data.beam_runner={data['beam_runner']} needs Apache Beam: "
            "pip install -r requirements-beam.txt"
        ) from None
    try:
        create_runner(data["beam_runner"])
    except (ValueError, ImportError, AttributeError) as error:
        raise InputError(f"data.beam_runner={data['beam_runner']}: {error}") from None
    options = PipelineOptions([f"--{option}" for option in data["beam_options"]])
    # Workers on this machine are to find this project from wherever it is called.
    places = str(pathlib.Path(__file__).parents[1]), os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    return {"beam_runner": data["beam_runner"], "beam_options": options}


def build(builder, raw, inventory, beam):
    """Runs TFDS; whatever interrupts it leaves nothing that looks finished."""
    folder = pathlib.Path(builder.data_dir)
    size = builder.watch.size if builder.watch else None
    need = OVERLAP * expected_bytes(inventory, builder.builder_config, size)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.rmdir()
    except OSError as error:
        told = f"data.records={builder.data_dir} cannot be written ({error.strerror})"
        raise InputError(told) from None
    free = shutil.disk_usage(folder.parent).free
    if need > free:
        raise InputError(
            f"the records take up to {need / 1e6:.0f} MB, {folder.parent} has "
            f"{free / 1e6:.0f} MB left: choose another data.records"
        )
    remove_leftovers(folder.parent)
    tfds.disable_progress_bar()  # its bars are by split; ours is by track
    config = tfds.download.DownloadConfig(
        manual_dir=str(raw), compute_stats="skip", **beam
    )
    n_tracks = len(inventory.all_tracks())
    with tqdm(
        total=n_tracks, unit=" tracks", desc="records", disable=bool(beam)
    ) as bar:
        builder.on_track = lambda track: bar.update()
        try:
            with (
                tempfile.TemporaryDirectory() as downloads,
                writable(folder),
                contextlib.redirect_stdout(io.StringIO()),  # TFDS's own words
            ):
                builder.download_and_prepare(
                    download_dir=downloads, download_config=config
                )
        finally:
            remove_leftovers(folder.parent)


def summarize(folder, inventory):
    """Says what was made, and what was left out beyond what was missing."""
    records = Records(folder)
    count = sum(len(records.tracks(split)) for split in records.splits)
    size = sum(path.stat().st_size for path in folder.glob("*.tfrecord*"))
    print(
        f"wrote {count} tracks at {records.sample_rate} Hz, {size / 1e6:.1f} MB, "
        f"to {folder}"
    )
    for name, error in records.failures.items():
        if name in inventory.problems:
            continue
        print(f"  left out: {name}: {error}")
