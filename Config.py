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
from Console import published
from Console.command_line import quiet, run_folder  # noqa: F401
from Console.options import plain, stored_data, stored_visual  # noqa: F401

# The verbs import TensorFlow later, when there is work for it: no C++ chatter then.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# "dir" would walk an environment below the root: `attach` adds the files of ours.
SETTINGS.DISCOVER_SOURCES = "none"
SETTINGS.DISCOVER_DEPENDENCIES = "none"
SETTINGS.CAPTURE_MODE = "sys"  # "fd" hides from a progress bar that it has a terminal
SETTINGS.HOST_INFO.INCLUDE_CPU_INFO = False  # takes a second

data, visual, mixing, model, training, evaluation = INGREDIENTS = [
    Ingredient(name, save_git_info=False)
    for name in ("data", "visual", "mixing", "model", "training", "evaluation")
]
SECTIONS = [ingredient.path for ingredient in INGREDIENTS]
ROOMS = ("Console", "Datasets", "Models", "Learning", "Scores", "Preparing")
ROOMS += ("Evaluating",)

OPTIONAL = {  # knobs that may be None, and their type otherwise
    "data.raw": str,
    "data.beam_runner": str,
    "visual.front_end": str,
    "visual.weights": str,
    "model.visual_channels": int,
    "training.gradient_clip": float,
    "training.validation_steps": int,
    "training.warm_start": str,
    "evaluation.workers": int,
    "evaluation.conditions": list,
    "evaluation.pairs": str,
    "evaluation.silence": str,
    "evaluation.required_si_sdri": float,
    "run": str,
    "estimates": str,
    "reference": str,
    "protocol": str,
    "resume": str,
    "loss": str,
}


# Which recordings, and how they are cut.
@data.config
def recordings():
    name = "urmp"  # a key of Datasets.DATASETS
    raw = None  # folder of the raw recordings: Prepare reads it, Evaluate shows it
    records = "records"  # folder of the TFRecords
    sample_rate = 22050  # Hz
    channels = 1  # 1: mono, 2: stereo
    splits = "composition"  # | "vimss" | "all_test": lists of tracks, in splits/
    same_instrument = "sum"  # parts of one instrument: one source, | "apart"
    partial = False  # prepare what there is although tracks are missing
    keep_going = False  # leave out tracks that cannot be read; the metadata lists them
    beam_runner = None  # who makes the records, as "DirectRunner"; None: this process
    beam_options = []  # of Apache Beam: ["project=p", "region=europe-west1"]
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


# What the files or stems of a recording are, where their names do not tell it.
@data.config
def labels_of_files(name):
    if name in ("stems", "musdb18", "musdb18_hq"):
        label_map = []  # ["*voc*=vocals", "*=band"]: the first pattern of a name counts


# Which of AudioSet's clips are used, by their classes, and how these are labelled.
@data.config
def classes_of_clips(name):
    if name == "audioset":
        label_map = []  # ["/m/07y_7=vn", "Cello=vc"]; []: all clips, as "sound"


# Where a data set that was published without a layout keeps its files.
@data.config
def layout_of_files(name):
    if name == "clarinet4science":
        pattern = ""  # "{player}/{piece}.*"; "": "{player}_{piece}.mp4"


# What is seen of the players, if the recordings have videos.
@visual.config
def watching():
    front_end = None  # a key of Models.vision.FRONT_ENDS; None: nobody looks
    frame_rate = 15.0  # Hz of the features, at most that of the videos
    weights = None  # file of the image network; None: those that VIMSS ships


# How training mixtures are made of the recordings; Datasets/mixtures.py has the papers.
@mixing.config
def mixtures():
    sources_min = 0  # sources that are mixed and separated, at least; 0: as recorded
    sources_max = 0  # and at most
    instruments = "any"  # | "different" | "same": of such a mixture
    curriculum = 0  # examples until sources_max is reached, from sources_min on
    remix = 0.0  # share of stems that come from another recording
    balance = 0.0  # 0: as often as they play, 1: all instruments equally often
    silence = 0.0  # share of stems that are silent; one always sounds
    polarity = 0.0  # share of stems that are inverted
    channel_swap = 0.0  # share of stems whose left and right change places
    equalizer = 0.0  # dB, greatest gain or loss of a stem's bands
    reverb = 0.0  # s, longest reverberation of a stem's room
    pitch = 0.0  # semitones, greatest change of a stem's pitch
    tempo = 0.0  # greatest change of a mixture's tempo: 0.1 is 10 %
    effects = 0.5  # share of stems, or mixtures, that get each of the last four


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
        fusers = []  # what acts where: ["film@decoder", "film:score@input", ...]
        slots = "vocabulary"  # | "conditioned": one output for each thing that is named
        null_conditions = False  # learn stand-ins for conditions that are missing
        score_rate = 25.0  # Hz, frames of score activity, if a fuser listens to it
        visual_channels = 32  # that an encoder makes of players' features; None: none
        visual_layers = 3  # its convolutions over time
        frame_network = "frames_cnn"  # | "frames_mobilenet" | "frames_resnet50": what
        # looks at pictures of players, if visual.front_end gives these; it is trained
        legacy_label_order = False  # scramble a batch's labels as in 2018; for parity
        form = "auto"  # | "plain" | "fast": how it is computed; "auto": as measured


# Jansson et al., "Singing Voice Separation with Deep U-Net Convolutional Networks",
# ISMIR 2017, as the ancestor compared with it (U7).
@model.config
def spectrogram_unet(name):
    if name == "spectrogram_unet":
        num_layers = 6  # halvings of time and frequency on the way down
        num_initial_filters = 16  # channels of the first level; each next has twice
        frame_length = 1024  # samples of a Fourier transform
        frame_step = 768  # samples from one to the next
        num_frames = 98560  # samples of output wanted: 128 transforms
        legacy_fft = False  # round Fourier transforms as in 2018; for parity


# How the weights are found.  The ancestor: Stoller et al., ISMIR 2018, section 4.2.
@training.config
def optimisation():
    batch_size = 16  # examples a step, over all devices
    optimizer = "adam"  # | "muon": fewer steps, Learning/optimizers.py
    learning_rate = 1e-4  # at the first step
    learning_rate_decay = 1.0  # factor for every decay_steps steps, continuous
    decay_steps = 2000  # steps
    loss = "mean_square"  # | "sum_square" | "mean_absolute" | "magnitude_absolute"
    precision = "float32"  # | "bfloat16"; weights, outputs and losses stay float32
    warm_start = None  # run or checkpoint folder whose weights are the first ones
    gradient_clip = 1.0  # greatest global norm of a gradient; None: any
    steps_per_epoch = 2000  # steps between validations
    max_epochs = 1000  # epochs, at most
    patience = 20  # epochs without a better validation loss before stopping
    validation_steps = None  # batches of a validation; None: the whole split
    gain_min = 0.7  # each source is scaled by a random gain, from this
    gain_max = 1.0  # to this
    condition_dropout = 0.0  # share of examples from which a condition is withheld
    visual_dropout = 0.0  # share of the features of players that an example lacks


# What is scored.
@evaluation.config
def scoring():
    split = "test"  # | "validation" | "train"
    save_estimates = True  # write the estimates beside the scores
    conditions = None  # which to give: ["labels"], [] (blind); None: all it listens to
    oracles = [
        "ideal ratio mask"
    ]  # rows beside the mixture; Evaluating/rows.py has more
    ablations = []  # rows of the model with "zero labels", "zero video", "swapped video"
    wiener_iterations = 0  # of a row of its estimates through a Wiener filter; 0: none
    pairs = None  # list of pairs of solos for music-2mix-v3; None: that of VIMSS
    engine = "fast"  # | "museval": the same numbers from museval itself, slowly
    silence = None  # "frame": one silent source takes the frame from all, as museval;
    # "source": from itself only; None: as the protocol has it
    workers = None  # processes that score; None: one a core
    required_si_sdri = None  # dB above the mixture; fail with less


NAMED = published.NAMED  # of each published run: the sections it changes

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
