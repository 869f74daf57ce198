"""Verb 1: raw recordings -> TFRecords.

    python Prepare.py with urmp data.raw=FOLDER data.records=records
    python Prepare.py with chamber data.raw=corpus data.records=records
    python Prepare.py with urmp visual.front_end=players_motion data.raw=FOLDER
    python Prepare.py visual_report with input=VIDEO output=FOLDER players=2
    python Prepare.py print_config    # every knob, with its meaning

Looks for all pieces first and says what is there and what is missing; missing
pieces stop it unless data.partial=True.  The fabricated corpus `chamber` is made
in data.raw, if it is not there yet.  Records that exist already are kept if they
were made from the same data, and refused otherwise.

With visual.front_end the records also hold features of the players of each video.
visual_report shows what the visual front end sees in a video: report.png, overlay.mp4
and report.json.  Without `players` it looks for those who are there most of the time.
"""

import contextlib
import dataclasses
import io
import pathlib
import shutil
import tempfile

from sacred import Experiment
from tqdm import tqdm

import Config
import Utils
from Schema import InputError

ex = Experiment(
    "prepare", ingredients=[Config.data, Config.visual], save_git_info=False
)
Config.attach(ex)

HIGHEST_RATE = 30.0  # Hz, of the frames of a report
REPORT = {"input": None, "output": "visual_report", "players": None}  # its options

OVERLAP = (
    1.4  # bytes of records for a byte of what they hold, at most: excerpts overlap
)


def prepare(data, visual=None):
    """Makes the records of a data set.

    Args:
      data: The data section of the configuration.
      visual: The visual section; None: nobody looks.

    Returns:
      Path of the records.

    Raises:
      InputError: If the raw data cannot be used; nothing has been written then.
    """
    import Datasets
    from Models.vision import watching

    options = Datasets.options_of(data)
    watcher = watcher_of(visual)
    if watcher is not None:
        options["front_end"] = watcher.front_end.name
        options["visual_rate"] = watcher.front_end.rate
        options["pictures"] = isinstance(watcher.size, list)
    builder = Datasets.make_builder(data["name"], data["records"], **options)
    builder.keep_going = data["keep_going"]
    raw = raw_folder(data)
    if data["name"] == "chamber":
        fabricate(raw, data)
    inventory = builder.inventory(raw)
    for line in inventory.report():
        print(line)
    if inventory.problems and not (data["partial"] or data["keep_going"]):
        raise InputError(
            f"{len(inventory.problems)} tracks are missing or incomplete in {raw}: "
            "add them, or go on without them with data.partial=True"
        )
    filmed = [track for track in inventory.all_tracks() if track.video]
    if watcher and not filmed:
        raise InputError(
            f"visual.front_end={visual['front_end']}: none of the recordings in {raw} "
            "has a video; add some, or leave it out"
        )
    folder = pathlib.Path(builder.data_dir)
    if is_current(folder, builder.fingerprint(inventory)):
        print(f"{folder} is up to date")
        return folder
    jobs = [(track.video, len(track.sources)) for track in filmed]
    looking = watching.ahead(watcher, jobs) if watcher else contextlib.nullcontext()
    with Utils.alone(folder.parent, "Prepare.py"), looking as builder.watch:
        build(builder, raw, inventory, beam_of(data))
    summarize(folder)
    for line in watcher.report() if watcher else ():
        print(line)
    return folder


def watcher_of(visual):
    """What sees the players, as the visual section tells; None: nobody."""
    if visual is None or visual["front_end"] is None:
        return None
    with Config.quiet():  # Datasets wakes TensorFlow
        from Datasets.video import VideoReader
    from Models import vision
    from Models.vision.watching import Watcher

    how = visual["front_end"], visual["frame_rate"], visual["weights"]
    return Watcher(vision.build(*how), VideoReader, how)


def raw_folder(data):
    """The folder of raw recordings, or an error that teaches how to name it."""
    if data["raw"]:
        return pathlib.Path(str(data["raw"]))
    raise InputError(
        f"data.raw is not set: name the folder that holds the recordings, as in "
        f"`python Prepare.py with {data['name']} data.raw=FOLDER`"
    )


def fabricate(raw, data):
    """Makes the pieces of the chamber corpus that are not there yet."""
    from Datasets.chamber.chamber_dataset_builder import fabricate_splits

    if data["min_parts"] > data["max_parts"]:
        raise InputError(
            f"data.min_parts={data['min_parts']} must not exceed "
            f"data.max_parts={data['max_parts']}"
        )
    fabricate_splits(
        raw,
        {
            "train": data["train_pieces"],
            "validation": data["validation_pieces"],
            "test": data["test_pieces"],
        },
        seed=data["corpus_seed"],
        seconds=data["seconds"],
        instruments=data["instruments"],
        parts=(data["min_parts"], data["max_parts"]),
        duplicates=data["duplicates"],
        compass=data["compass"],
        video=data["video"],
        frame_rate=data["frame_rate"],
    )


def is_current(folder, fingerprint):
    """Whether the records exist; refuses those of other raw data."""
    import Datasets.records

    if not (folder / "dataset_info.json").exists():
        return False
    found = Datasets.records.Records(folder)
    if found.fingerprint != fingerprint:
        raise InputError(
            f"{folder} was made from other recordings than data.raw holds now: "
            "remove it, or choose another data.records"
        )
    for split in found.splits:
        found.places(split)  # raises if a file is missing or cut short
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
    except ImportError:
        raise InputError(
            f"data.beam_runner={data['beam_runner']} needs Apache Beam: "
            "pip install -r requirements-beam.txt"
        ) from None
    options = PipelineOptions([f"--{option}" for option in data["beam_options"]])
    return {"beam_runner": data["beam_runner"], "beam_options": options}


def build(builder, raw, inventory, beam):
    """Runs TFDS; whatever interrupts it leaves nothing that looks finished."""
    import tensorflow_datasets as tfds

    from Datasets.builder import expected_bytes, remove_leftovers

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
    with tqdm(total=n_tracks, unit=" tracks", desc="records") as bar:
        builder.on_track = lambda track: bar.update()
        try:
            with (
                tempfile.TemporaryDirectory() as downloads,
                contextlib.redirect_stdout(io.StringIO()),  # TFDS's own words
            ):
                builder.download_and_prepare(
                    download_dir=downloads, download_config=config
                )
        finally:
            remove_leftovers(folder.parent)


def summarize(folder):
    """Says what was made, and what was left out."""
    import Datasets.records

    records = Datasets.records.Records(folder)
    count = sum(len(records.tracks(split)) for split in records.splits)
    size = sum(path.stat().st_size for path in folder.glob("*.tfrecord*"))
    print(
        f"wrote {count} tracks at {records.sample_rate} Hz, {size / 1e6:.1f} MB, "
        f"to {folder}"
    )
    for name, error in records.failures.items():
        print(f"  left out: {name}: {error}")


def report_on(video_file, output, players=None):
    """Shows what the visual front end sees in a video.

    Args:
      video_file: File.
      output: Folder of report.png, overlay.mp4 and report.json; made if absent.
      players: How many play, if that is known.

    Returns:
      dict, as in report.json.

    Raises:
      InputError: If the file has no pictures that can be read.
    """
    with Config.quiet():  # Datasets wakes TensorFlow
        from Datasets import media, video
    from Models.vision import reports
    from Models.vision.front_end import PlayersFrontEnd

    rate = min(video.probe(video_file).rate, HIGHEST_RATE)
    reader = video.VideoReader(video_file, rate, longest=PlayersFrontEnd.longest)
    audio, sample_rate = None, None
    if reader.info.has_audio:
        audio, sample_rate = media.read_audio(video_file)
        audio = audio if audio.shape[1] <= 2 else media.to_channels(audio, 1)
    front_end = PlayersFrontEnd(rate=reader.rate)
    seen = front_end(reader, players)
    about = {
        "input": video_file,
        "video": dataclasses.asdict(reader.info),
        "lost": reader.lost,
        "front_end": front_end.name,
        "frame_size": list(reader.size),
    }
    return reports.write(
        output, reader, seen, about, media.write_video, audio, sample_rate
    )


@ex.config
def of_visual_report():
    input = REPORT["input"]  # video file; of visual_report only, as the next two
    output = REPORT["output"]  # folder of its pictures
    players = REPORT["players"]  # how many play; None: those there most of the time


@ex.command
def visual_report(input, output, players, visual):
    """Shows what the visual front end sees in a video."""
    if visual["front_end"] is not None:
        raise InputError(
            "the report shows the players and their motion, with which all "
            "front ends begin; leave visual.front_end out"
        )
    if input is None:
        raise InputError(
            "name a video: python Prepare.py visual_report with input=VIDEO"
        )
    whole = isinstance(players, int) and not isinstance(players, bool)
    if players is not None and not (whole and players >= 1):
        raise InputError(f"players={players}: expected a whole number from 1, or None")
    from Models.vision.reports import summary

    print(f"{input}: {summary(report_on(str(input), str(output), players))}")
    print(f"wrote report.png, overlay.mp4 and report.json to {output}")
    return str(output)


@ex.main
def main(data, visual):
    return str(prepare(data, visual))


def check(config):
    """Refuses what only visual_report would use."""
    for key, default in REPORT.items():
        if config[key] != default:
            raise InputError(
                f"{key}={config[key]}: only visual_report reads a video; type `python "
                "Prepare.py visual_report with input=VIDEO`"
            )


if __name__ == "__main__":
    Config.command_line(ex, check=check)
