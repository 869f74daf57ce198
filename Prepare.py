"""Verb 1: raw recordings -> TFRecords.

    python Prepare.py with urmp data.raw=FOLDER data.records=records
    python Prepare.py with chamber data.raw=corpus data.records=records
    python Prepare.py with urmp visual.front_end=players_motion data.raw=FOLDER
    python Prepare.py visual_report with input=VIDEO output=FOLDER players=2
    python Prepare.py preview with urmp n=8 output=FOLDER mixing.remix=0.5
    python Prepare.py statistics with urmp data.records=records output=FOLDER
    python Prepare.py duplicates with urmp data.records=records data.raw=FOLDER
    python Prepare.py availability with urmp data.raw=FOLDER
    python Prepare.py print_config    # every knob, with its meaning

Looks for all pieces first and says what is there and what is missing; missing
pieces stop it unless data.partial=True.  The fabricated corpus `chamber` is made
in data.raw, if it is not there yet.  Records that exist already are kept if they
were made from the same data, and refused otherwise.

With visual.front_end the records also hold features of the players of each video.
visual_report shows what the visual front end sees in a video: report.png, overlay.mp4
and report.json.  Without `players` it looks for those who are there most of the time.

preview writes mixtures, and their sources, as training with these options would get
them, to listen to.  statistics measures the records: statistics.csv, statistics.json,
and statistics.html to look at and to hear.  duplicates finds takes that are there
twice, and tells of those in two splits (duplicates.csv); parts of one instrument, which
records may hold summed, are compared one by one in data.raw.  availability lists what
there is of a data set.
"""

import contextlib
import pathlib

from sacred import Experiment

import Config
import Utils
from Schema import InputError

ex = Experiment(
    "prepare",
    ingredients=[Config.data, Config.visual, Config.mixing],
    save_git_info=False,
)
Config.attach(ex)

READS = "reads a video; type `python Prepare.py visual_report with input=VIDEO`"
WRITES = "write into a folder of that name; that of records is data.records"
LISTENED = "tells of mixtures to listen to"
OPTIONS = {  # of single commands: these, and what they do with it
    "input": (("visual_report",), READS),
    "output": (("duplicates", "preview", "statistics", "visual_report"), WRITES),
    "n": (("preview",), LISTENED),
    "seconds": (("preview",), LISTENED),
    "split": (("preview",), LISTENED),
    "players": (("visual_report",), READS),
}


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
    from Datasets import making
    from Datasets.chamber import chamber_dataset_builder
    from Models.vision import watching

    watcher = watcher_of(visual)
    builder = builder_of(data, watcher)
    raw = raw_folder(data)
    if data["name"] == "chamber":
        chamber_dataset_builder.fabricate(raw, data)
    inventory = builder.inventory(raw)
    for line in inventory.report():
        print(line)
    if inventory.problems and not (data["partial"] or data["keep_going"]):
        raise InputError(
            f"{len(inventory.problems)} tracks are missing or incomplete in {raw}: "
            "add them, or go on without them with data.partial=True"
        )
    jobs = jobs_of(watcher, inventory.all_tracks())
    if watcher and not jobs:
        reads = watcher.front_end.reads
        raise InputError(
            f"visual.front_end={visual['front_end']}: none of the recordings in {raw} "
            f"has a {reads}; add some, or leave it out"
        )
    folder = pathlib.Path(builder.data_dir)
    fingerprint = builder.known_fingerprint = builder.fingerprint(inventory)
    if making.is_current(folder, fingerprint):
        return folder
    beam = making.beam_of(data)
    ahead = [] if beam else jobs  # workers of Apache Beam watch for themselves
    looking = watching.ahead(watcher, ahead) if watcher else contextlib.nullcontext()
    with Utils.alone(folder.parent, "Prepare.py"), looking as builder.watch:
        if making.is_current(folder, fingerprint):  # another has just made them
            return folder
        making.build(builder, raw, inventory, beam)
    making.summarize(folder, inventory)
    for line in watcher.report() if watcher else ():
        print(line)
    return folder


def builder_of(data, watcher=None):
    """The TFDS builder that the configuration names."""
    import Datasets

    options = record_options(data, watcher)
    builder = Datasets.make_builder(data["name"], data["records"], **options)
    builder.keep_going = data["keep_going"]
    return builder


def record_options(data, watcher):
    """What the records depend on, as `Datasets.make_builder` takes it."""
    import Datasets

    options = Datasets.options_of(data)
    if watcher is not None:
        options["front_end"] = watcher.front_end.name
        options["visual_rate"] = watcher.front_end.rate
        options["pictures"] = isinstance(watcher.size, list)
    return options


def jobs_of(watcher, tracks):
    """What a watcher is asked of tracks: `Datasets.watching.jobs`."""
    from Datasets import watching

    return watching.jobs(tracks, watcher.front_end.name) if watcher else []


def watcher_of(visual):
    """What sees the players, as the visual section tells; None: nobody."""
    if visual is None or visual["front_end"] is None:
        return None
    with Config.quiet():  # Datasets wakes TensorFlow
        from Datasets import skeletons
        from Datasets.video import VideoReader
    from Models import vision
    from Models.vision.key_points import KeyPointsReader
    from Models.vision.watching import Watcher

    how = visual["front_end"], visual["frame_rate"], visual["weights"]
    front_end = vision.build(*how)
    if front_end.reads != "video":
        return KeyPointsReader(front_end, skeletons.read)
    return Watcher(front_end, VideoReader, how)


def raw_folder(data):
    """The folder of raw recordings, or an error that teaches how to name it."""
    if data["raw"]:
        return pathlib.Path(str(data["raw"]))
    raise InputError(
        f"data.raw is not set: name the folder that holds the recordings, as in "
        f"`python Prepare.py with {data['name']} data.raw=FOLDER`"
    )


@ex.config
def of_commands():
    input = None  # video file; of visual_report only
    output = None  # folder that a command writes; None: one of the command's name
    players = None  # of visual_report; None: those there most of the time
    n = None  # mixtures of a preview; None: 8
    seconds = None  # of each; None: up to 8, as long as windows of the records may be
    split = None  # of the preview; None: "train"


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
    with Config.quiet():
        from Preparing.visual_report import report_on, summary

    output = str(output or "visual_report")
    print(f"{input}: {summary(report_on(str(input), output, players))}")
    print(f"wrote report.png, overlay.mp4 and report.json to {output}")
    return output


def opened(data, visual):
    """The records that the configuration names."""
    with Config.quiet():
        import Datasets

    options = record_options(data, watcher_of(visual))
    return Datasets.open_records(data["name"], data["records"], **options)


@ex.command
def preview(output, n, seconds, split, data, visual, mixing, seed, _config):
    """Writes mixtures and their sources as a training gets them, to listen to."""
    check(_config, "preview")
    records = opened(data, visual)
    from Preparing import mixtures

    told = split or "train", mixing, 8 if n is None else n, output or "preview"
    mixtures.preview(records, *told, seconds, seed)


@ex.command
def statistics(output, data, visual, _config):
    """Says what the records hold: hours, instruments, loudness; writes a page, too."""
    check(_config, "statistics")
    records = opened(data, visual)
    from Preparing import trust

    trust.measure(records, output or "statistics")


@ex.command
def duplicates(output, data, visual, _config):
    """Looks for takes that are there twice: in the records, and in data.raw if set."""
    check(_config, "duplicates")
    with Config.quiet():
        from Preparing import trust

    inventory, records = None, None
    if data["raw"]:
        inventory = builder_of(data).inventory(raw_folder(data))
    try:
        records = opened(data, visual)
    except InputError as error:
        if inventory is None:
            raise
        print(f"no records are compared: {error}")
    trust.compare(inventory, records, output or "duplicates")


@ex.command
def availability(data, _config):
    """Says which recordings of the data set there are in data.raw."""
    check(_config, "availability")
    with Config.quiet():
        from Preparing import trust

    trust.list_missing(builder_of(data), raw_folder(data))


@ex.main
def main(data, visual):
    return str(prepare(data, visual))


def check(config, command="main"):
    """Refuses what only other commands would use."""
    for key, (users, why) in OPTIONS.items():
        if config[key] is not None and command not in users:
            who = " and ".join(filter(None, (", ".join(users[:-1]), users[-1])))
            raise InputError(f"{key}={config[key]}: only {who} {why}")


if __name__ == "__main__":
    Config.command_line(ex, check=check)
