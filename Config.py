"""Every knob of a run, with its unit, and every published run.

    python Training.py print_config                    # all of them, with docs
    python Training.py with model.num_layers=10        # change one
    python Training.py with urmp training.batch_size=8 # a published run, changed

A section is exactly the arguments of the function it is handed to: `model` goes to
Models.build, `training` to Training.train, and so on.  A knob that the chosen model or
data set lacks is refused before anything runs.
"""

import os
import pathlib

from sacred import SETTINGS, Ingredient

import Schema
from Console import command_line as console
from Console.command_line import quiet, run_folder  # noqa: F401
from Console.options import plain, stored_data  # noqa: F401

# The verbs import TensorFlow later, when there is work for it: no C++ chatter then.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# "dir" would walk an environment below the root: `attach` adds the files of ours.
SETTINGS.DISCOVER_SOURCES = "none"
SETTINGS.DISCOVER_DEPENDENCIES = "none"
SETTINGS.CAPTURE_MODE = "sys"  # "fd" hides from a progress bar that it has a terminal
SETTINGS.HOST_INFO.INCLUDE_CPU_INFO = False  # takes a second

data, model, training, evaluation = INGREDIENTS = [
    Ingredient(name, save_git_info=False)
    for name in ("data", "model", "training", "evaluation")
]
SECTIONS = [ingredient.path for ingredient in INGREDIENTS]
ROOMS = ("Console", "Datasets", "Models", "Learning", "Scores")

OPTIONAL = {  # knobs that may be None, and their type otherwise
    "data.raw": str,
    "training.gradient_clip": float,
    "training.validation_steps": int,
    "evaluation.workers": int,
    "evaluation.required_si_sdri": float,
    "run": str,
    "resume": str,
    "loss": str,
}


# Which recordings, and how they are cut.
@data.config
def recordings():
    name = "urmp"  # a key of Datasets.DATASETS
    raw = None  # folder of the raw recordings; only Prepare reads it
    records = "records"  # folder of the TFRecords
    sample_rate = 22050  # Hz
    channels = 1  # 1: mono, 2: stereo
    splits = "composition"  # | "vimss" | "all_test": lists of tracks, in splits/
    same_instrument = "sum"  # parts of one instrument: one source, | "apart"
    partial = False  # prepare what there is although tracks are missing
    sources = list(Schema.INSTRUMENTS)  # slots of the model, in this order
    excerpt_seconds = 40.0  # longest record
    window_seconds = 8.0  # longest window that lies whole in one record


# The embedded demo corpus: fabricated ensembles in URMP's own layout.
@data.config
def chamber_corpus(name):
    if name == "chamber":
        train_pieces = 40
        validation_pieces = 8
        test_pieces = 8
        seconds = 30.0  # duration of a piece
        corpus_seed = 0  # another seed: other pieces
        instruments = list(Schema.INSTRUMENTS)  # who may play
        min_parts = 2  # players of a piece, at least
        max_parts = 5  # and at most
        duplicates = "allow"  # | "never" | "always": two players of one instrument
        compass = 12  # semitones that a part strays from its register's middle
        video = True  # render the players
        frame_rate = 15  # Hz, of the video


# Which model; the scope of that name below adds its own knobs.
@model.config
def network():
    name = "wave_unet"  # a key of Models.MODELS


# Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, section 3 and table 1.
@model.config
def wave_unet(name):
    if name == "wave_unet":
        num_layers = 12  # halvings of the sample rate on the way down
        num_initial_filters = 24  # channels of the first level; level i has i times
        filter_size = 15  # taps of the convolutions on the way down
        merge_filter_size = 5  # and on the way up
        input_filter_size = 15  # of the very first convolution
        output_filter_size = 1  # of the last
        num_frames = 16384  # samples of output wanted; the model may give some more
        context = False  # read more than is given, and pad nothing
        output_type = "direct"  # | "difference": the last source is the rest
        output_activation = "tanh"  # | "linear"
        upsampling = "linear"  # | "learned"
        clip_at_test = True  # estimates into [-1, 1] outside of training


# How the weights are found.  The ancestor: Stoller et al., ISMIR 2018, section 4.2.
@training.config
def optimisation():
    batch_size = 16  # examples a step, over all devices
    optimizer = "adam"  # | "muon": fewer steps, Learning/optimizers.py
    learning_rate = 1e-4  # at the first step
    learning_rate_decay = 1.0  # factor for every decay_steps steps, continuous
    decay_steps = 2000  # steps
    loss = "mean_square"  # | "sum_square" | "mean_absolute"
    gradient_clip = 1.0  # greatest global norm of a gradient; None: any
    steps_per_epoch = 2000  # steps between validations
    max_epochs = 1000  # epochs, at most
    patience = 20  # epochs without a better validation loss before stopping
    validation_steps = None  # batches of a validation; None: the whole split
    gain_min = 0.7  # each source is scaled by a random gain, from this
    gain_max = 1.0  # to this


# What is scored.
@evaluation.config
def scoring():
    split = "test"  # | "validation" | "train"
    save_estimates = True  # write the estimates beside the scores
    workers = None  # processes that score; None: one a core
    required_si_sdri = None  # dB above the mixture; fail with less


# Published runs: a name, the sections it changes.  Stoller, Ewert, Dixon, "Wave-U-Net",
# ISMIR 2018, tables 1 and 2, trained on MUSDB18 and CCMixter at 22,050 Hz, on a GPU of
# 8 GB; the figure is the median SDR of the vocals.  They are the models and their
# training: the data set and its sources are told apart from them, with data.name=...
ANCESTOR = {"batch_size": 16, "learning_rate": 1e-4, "gradient_clip": None}
VIMSS = {"batch_size": 64, "learning_rate": 1e-5, "learning_rate_decay": 0.96}
VIMSS |= {"loss": "sum_square", "gradient_clip": None}
VIMSS |= {"steps_per_epoch": 500, "max_epochs": 400}
STEREO = {"channels": 2}
DIFFERENCE = {"name": "wave_unet", "output_type": "difference"}
CONTEXT = {**DIFFERENCE, "context": True}
LEARNED = {**CONTEXT, "upsampling": "learned"}

NAMED = {
    # M1: 3.90 dB.  python Training.py with baseline
    "baseline": {
        "model": {"name": "wave_unet", "output_type": "direct", "context": False},
        "training": ANCESTOR,
    },
    # M2: 3.92 dB.  python Training.py with baseline_diff
    "baseline_diff": {"model": DIFFERENCE, "training": ANCESTOR},
    # M3: 3.96 dB.  python Training.py with baseline_context
    "baseline_context": {"model": CONTEXT, "training": ANCESTOR},
    # M4: 4.46 dB.  python Training.py with baseline_stereo
    "baseline_stereo": {"data": STEREO, "model": CONTEXT, "training": ANCESTOR},
    # M5: 4.58 dB.  python Training.py with full
    "full": {"data": STEREO, "model": LEARNED, "training": ANCESTOR},
    # M5-HighSR: 4.95 dB.  python Training.py with full_44KHz
    "full_44KHz": {
        "data": {**STEREO, "sample_rate": 44100},
        "model": LEARNED,
        "training": ANCESTOR,
    },
    # M6, "STL2" of SiSEC 2018: bass 3.21, drums 4.22, other 2.25, vocals 3.25 dB.  M4
    # with these four sources.  python Training.py with full_multi_instrument
    "full_multi_instrument": {"data": STEREO, "model": CONTEXT, "training": ANCESTOR},
    # M7: 3.49 dB.  As wide as the U-Net it is compared with; a window is 28.5 s.
    # python Training.py with baseline_comparison
    "baseline_comparison": {
        "data": {"sample_rate": 8192, "excerpt_seconds": 90.0, "window_seconds": 29.0},
        "model": {**CONTEXT, "num_frames": 98560, "num_initial_filters": 34},
        "training": {**ANCESTOR, "batch_size": 4},
    },
    # Exp-Wave-U-Net of Slizovskaia, Kim, Haro, Gomez, "End-to-End Sound Source
    # Separation Conditioned on Instrument Labels", ICASSP 2019; its splits here share
    # no composition.  No figure yet.  python Training.py with urmp
    "urmp": {"data": {"name": "urmp"}, "model": CONTEXT, "training": VIMSS},
    # The same on its own split, of which some takes are in both halves: SDR -4.12 dB
    # over 11 pieces (mean over segments of 0.74 s, sources that play), 200,000 steps on
    # a Cloud TPU of 8 cores.  No validation pieces: the last weights are kept.
    # python Training.py with urmp_2018
    "urmp_2018": {
        "data": {"name": "urmp", "splits": "vimss"},
        "model": CONTEXT,
        "training": {**VIMSS, "gain_min": 1.0, "gain_max": 1.0},
    },
    # URMP's path without URMP, all 13 instruments.
    # python Prepare.py with chamber && python Training.py with chamber
    "chamber": {"data": {"name": "chamber"}, "model": CONTEXT},
    # Two to four of four instruments, each in its register; a net of 1 M parameters:
    # 5 dB SI-SDR above the mixture or more, after 5 minutes on two cores.
    # python Prepare.py with chamber_demo && python Training.py with chamber_demo
    "chamber_demo": {
        "data": {
            "name": "chamber",
            "sources": ["fl", "tpt", "vn", "vc"],
            "instruments": ["fl", "tpt", "vn", "vc"],
            "min_parts": 2,
            "max_parts": 4,
            "duplicates": "never",
            "compass": 7,
            "train_pieces": 64,
            "validation_pieces": 4,
            "test_pieces": 8,
            "seconds": 24.0,
            "video": False,
            "sample_rate": 8000,
        },
        "model": {
            **CONTEXT,
            "num_layers": 7,
            "num_initial_filters": 16,
            "num_frames": 8192,
        },
        "training": {
            "batch_size": 1,
            "optimizer": "muon",
            "learning_rate": 2e-3,
            "learning_rate_decay": 0.3,
            "decay_steps": 1000,
            "loss": "mean_absolute",
            "gradient_clip": None,
            "steps_per_epoch": 400,
            "max_epochs": 10,
        },
    },
    # The least of everything, for tests: seconds.
    # python Prepare.py with chamber_tiny && python Training.py with chamber_tiny
    "chamber_tiny": {
        "data": {
            "name": "chamber",
            "sample_rate": 4000,
            "sources": ["fl", "vn"],
            "instruments": ["fl", "vn"],
            "max_parts": 2,
            "duplicates": "never",
            "train_pieces": 3,
            "validation_pieces": 1,
            "test_pieces": 1,
            "seconds": 3.0,
            "excerpt_seconds": 2.0,
            "window_seconds": 1.0,
            "video": False,
        },
        "model": {
            **CONTEXT,
            "num_layers": 3,
            "num_initial_filters": 4,
            "num_frames": 256,
        },
        "training": {"batch_size": 2, "steps_per_epoch": 4, "max_epochs": 2},
    },
}

SETTINGS.DISCOVER_DEPENDENCIES = "pkg"  # of an experiment: all that is installed


def attach(experiment):
    """Gives an experiment the named configurations and the files of its sources.

    Of a named configuration it gets the sections that it has, so that all verbs
    understand all names.

    Args:
      experiment: sacred.Experiment, made with some of `INGREDIENTS` and with
        `save_git_info=False`: each run keeps the sources themselves.
    """
    sections = {ingredient.path for ingredient in experiment.ingredients}
    for name, changes in NAMED.items():
        kept = {key: changes[key] for key in changes if key in sections}
        experiment.add_named_config(name, kept)
    root = pathlib.Path(__file__).parent
    rooms = [path for room in ROOMS for path in root.glob(f"{room}/**/*.py")]
    for path in sorted([*root.glob("*.py"), *rooms]):
        experiment.add_source_file(str(path))


def command_line(experiment, observed=False, argv=None, check=None):
    """Runs a verb from the command line; the last line of each verb.

    A user's error is one sentence on standard error and exit status 1; Ctrl-C is
    status 130; any other exception is a bug and keeps its traceback, as everything
    does with `--debug`.

    A verb whose main function has an argument `run` reads the data section of that run
    (default: the newest); one that has `resume`, all of it.  What is typed is on top.

    Args:
      experiment: sacred.Experiment.
      observed: Keep a record in runs/N, unless `-F` names another folder.
      argv: Instead of sys.argv.
      check: check(configuration) refuses what cannot be done, before a folder exists.

    Returns:
      Sacred's run, or None after `help`.
    """
    return console.main(experiment, observed, argv, OPTIONAL, SECTIONS, check)
