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
from Console import data_sets, published
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
ROOMS += ("Evaluating", "Fitting", "Remote")

OPTIONAL = {  # knobs that may be None, and their type otherwise
    "data.raw": str,
    "data.beam_runner": str,
    "visual.front_end": str,
    "visual.weights": str,
    "model.visual_channels": int,
    "training.ema": float,
    "training.gradient_clip": float,
    "training.log_audio_epochs": int,
    "training.save_minutes": float,
    "training.second_stage": float,
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
    "source_order": str,
    "absent_sources": str,
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


for scope in data_sets.SCOPES:
    data.config(scope)


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


# Whether sound and sight belong together: Arandjelovic, Zisserman, "Objects that
# Sound", ECCV 2018.  It separates nothing: a separator begins with its parts.
@model.config
def correspondence(name):
    if name == "correspondence":
        num_layers = 12  # of the sound, as of a wave_unet that is to take them
        num_initial_filters = 24
        filter_size = 15
        num_frames = 65536  # samples of a window
        moments = 8  # parts of a window that are compared each with itself
        embedding_size = 128  # numbers of a moment
        temperature = 0.1  # by which similarities, -1 to 1, are divided in the loss
        visual_channels = 32  # as of the wave_unet, like the rest
        visual_layers = 3
        frame_network = "frames_cnn"


# How the weights are found.  The ancestor: Stoller et al., ISMIR 2018, section 4.2.
@training.config
def optimisation():
    batch_size = 16  # examples a step, over all devices
    accumulate = 1  # batches whose gradients make one step: a batch as much larger
    optimizer = "adam"  # | "muon": fewer steps, Learning/optimizers.py
    learning_rate = 1e-4  # at the first step, or after the warm-up
    schedule = "exponential"  # | "constant" | "cosine", to 0 at the last step |
    # "plateau": Learning/schedules.py
    learning_rate_decay = 1.0  # factor for every decay_steps steps, or each plateau
    decay_steps = 2000  # steps
    plateau_epochs = 5  # epochs without a better validation loss before a decay
    warmup_steps = 0  # steps in which the learning rate rises
    ema = None  # 0.999: validate and keep an average of the weights, which moves so
    loss = "mean_square"  # | "sum_square" | "mean_absolute" | "magnitude_absolute" |
    # "si_sdr" | "snr" | "multi_resolution_stft", or "si_sdr + 10 * mean_absolute"; of
    # model.name=correspondence "correspondence" | "synchrony", or both
    source_order = "named"  # | "best": as costs a window least, if slots have no names
    absent_sources = "count"  # silence is asked for; | "ignore": nothing is, where a
    # source does not play in the piece; | "ignore_silent": or not in the window
    precision = "auto"  # | "float32" | "bfloat16"; "auto": bfloat16 on a TPU alone;
    # weights, outputs and losses stay float32
    warm_start = None  # run or checkpoint folder whose weights are the first ones
    warm_start_patterns = []  # ["frames/*","encoder/*"]: of these names alone; []: all
    gradient_clip = 1.0  # greatest global norm of a gradient; None: any
    steps_per_epoch = 2000  # steps between validations
    max_epochs = 1000  # epochs, at most
    patience = 20  # epochs without a better validation loss before stopping
    second_stage = None  # 1e-5: after that go on from the best with this learning rate
    # and twice the batch until it stops again, as in 2018
    save_minutes = 10.0  # min, at most, between states that can be resumed; None: an
    # epoch
    deterministic = False  # the same bits again on GPUs too, slower; CPUs give them
    validation_steps = None  # batches of a validation; None: the whole split
    log_audio_epochs = 10  # epochs between sounds in TensorBoard; None: no sounds
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
    ablations = []  # rows of it with "zero labels", "zero video", "swapped video"
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
    status 130, SIGTERM 143; any other exception is a bug and keeps its traceback, as
    everything does with `--debug`.

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
