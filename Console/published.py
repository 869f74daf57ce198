"""Published runs: a name, and the sections of Config.py that it changes.

    python Training.py with baseline_context          # one of them
    python Training.py with urmp_2018 cexp_labels     # two: the later wins
    python Training.py with urmp training.batch_size=8

Above each stands what was published: paper, figure, hardware; and the command.  Where
two names disagree on a section's `name`, the later's section is taken alone.
"""

from Console.corpora import CORPORA
from Console.fabricated import FABRICATED
from Console.pretraining import PRETRAINING
from Console.sections import CONTEXT, DIFFERENCE, SEEN_WITH

# Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, tables 1 and 2, trained on MUSDB18
# and CCMixter at 22,050 Hz, on a GPU of 8 GB; the figure is the median SDR of the
# vocals.  They are the models and their training: the data set and its sources are told
# apart from them, with data.name=...
ANCESTOR = {"batch_size": 16, "learning_rate": 1e-4, "gradient_clip": None}
VIMSS = {"batch_size": 64, "learning_rate": 1e-5, "learning_rate_decay": 0.96}
VIMSS |= {"loss": "sum_square", "gradient_clip": None}
VIMSS |= {"steps_per_epoch": 500, "max_epochs": 400}
STEREO = {"channels": 2}
LEARNED = {**CONTEXT, "upsampling": "learned"}
# Of M7, U7 and U7a, whose windows are long: one preparation serves all three.
COMPARISON = {"sample_rate": 8192, "excerpt_seconds": 90.0, "window_seconds": 29.0}
SPECTROGRAM = {"name": "spectrogram_unet"}


def conditioned(*fusers, **knobs):
    """The sections of a network with context and fusers."""
    return {"model": {**CONTEXT, "fusers": list(fusers), **knobs}}


def sighted(*fusers, **knobs):
    """The sections of a network that sees the players."""
    return conditioned(*fusers, **knobs) | {"visual": {"front_end": SEEN_WITH}}


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
        "data": COMPARISON,
        "model": {**CONTEXT, "num_frames": 98560, "num_initial_filters": 34},
        "training": {**ANCESTOR, "batch_size": 4},
    },
    # U7, the spectrogram U-Net of Jansson et al., "Singing Voice Separation with Deep
    # U-Net Convolutional Networks", ISMIR 2017, as trained beside M7 and on its data,
    # by the error of the waveform: 2.76 dB.  A window is 12.0 s.
    # python Training.py with unet_spectrogram
    "unet_spectrogram": {
        "data": COMPARISON,
        "model": SPECTROGRAM,
        "training": {**ANCESTOR, "batch_size": 4},
    },
    # U7a, the same by the error of the magnitudes: 2.74 dB.
    # python Training.py with unet_spectrogram_l1
    "unet_spectrogram_l1": {
        "data": COMPARISON,
        "model": SPECTROGRAM,
        "training": {**ANCESTOR, "batch_size": 4, "loss": "magnitude_absolute"},
    },
    # In f90's repository, not in the paper: M3 deeper, with short filters.  No figure.
    # python Training.py with baseline_context_smallfilter_deep
    "baseline_context_smallfilter_deep": {
        "model": {
            **CONTEXT,
            "num_layers": 14,
            "filter_size": 5,
            "merge_filter_size": 1,
        },
        "training": ANCESTOR,
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
    # CExp-Wave-U-Net of the same paper: it is told which instruments play, by the outer
    # product of labels and bottleneck.  SDR -1.37 dB on the split, the hardware and the
    # steps of urmp_2018.  The model alone, so it follows the name of a data set.
    # python Training.py with urmp_2018 cexp_labels
    "cexp_labels": conditioned("outer_product@bottleneck"),
    # The rows of the roadmap: one way each to tell a network who plays.  The model
    # alone, as cexp_labels, which they vary; none was published for this network.  The
    # gains are ours over a blind network, in SI-SDR, on chamber with 3 players of 6
    # (RESULTS.md, "What conditioning is worth"), one to two minutes each on one core.
    # Each instrument that plays gets a copy of the mixture: +1.0 dB.
    # python Training.py with urmp labels_at_input
    "labels_at_input": conditioned("outer_product@input"),
    # Labels beside the features, at every level on the way up: +0.4 dB (one seed).
    # python Training.py with urmp labels_concatenation
    "labels_concatenation": conditioned("concatenation@decoder"),
    # A bias for each channel, at every level on the way up: no gain (one seed).
    # python Training.py with urmp labels_additive_gating
    "labels_additive_gating": conditioned("additive_gating@decoder"),
    # A gate for each channel, which can close those of absent instruments: no gain (one
    # seed).
    # python Training.py with urmp labels_multiplicative_gating
    "labels_multiplicative_gating": conditioned("multiplicative_gating@decoder"),
    # Both of these: no gain (one seed).  In the spectrogram networks of Slizovskaia,
    # Haro, Gomez, "Conditioned Source Separation for Music Instrument Performances",
    # TASLP 2021, it silenced absent sources (PES -34 dB against -8 dB, at the output),
    # for no SDR.
    # python Training.py with urmp labels_film
    "labels_film": conditioned("film@decoder"),
    # Each step asks the instruments that play which of them it hears: +0.4 dB (one
    # seed).
    # python Training.py with urmp labels_additive_attention
    "labels_additive_attention": conditioned("additive_attention@bottleneck"),
    # The same by scaled products, two heads: +0.5 dB.
    # python Training.py with urmp labels_multiplicative_attention
    "labels_multiplicative_attention": conditioned(
        "multiplicative_attention@bottleneck"
    ),
    # One checkpoint for both worlds: with labels as labels_film, without them 0.2 dB
    # below a network that never had any.
    # python Training.py with urmp labels_or_blind
    "labels_or_blind": {
        **conditioned("film@decoder", null_conditions=True),
        "training": {"condition_dropout": 0.5},
    },
    # "Separate what I name": one decoder for all instruments, run once for each name:
    # cost grows with the names and not with the vocabulary.
    # python Training.py with urmp labels_named
    # python Predict.py with run=runs/1 input=FILE labels=vn,vc
    "labels_named": conditioned(
        "film@bottleneck", "film@decoder", slots="conditioned", output_type="direct"
    ),
    # Who plays when, from Notes files: more than labels can tell, where a score exists.
    # python Training.py with urmp score_film
    "score_film": conditioned("film:score@decoder"),
    # A slot for each name and its notes.
    # python Training.py with urmp score_named
    "score_named": conditioned(
        *("film:score@bottleneck", "film:score@decoder", "film@bottleneck"),
        slots="conditioned",
        output_type="direct",
    ),
    # Labels, score, both or neither, of one checkpoint.
    # python Training.py with urmp labels_and_score
    "labels_and_score": {
        **conditioned("film@decoder", "film:score@decoder", null_conditions=True),
        "training": {"condition_dropout": 0.5},
    },
    # What the players do, as a network of the sound may see it.  Records are to be made
    # with the same name, so that they hold it; the model and the front end alone, as
    # above.  Features of the players, their mean, beside the map at the bottom.
    # python Prepare.py with urmp video_concat
    # python Training.py with urmp video_concat
    "video_concat": sighted("concatenation:visual@bottleneck"),
    # The same mean, as gains and biases at every level on the way up.
    # python Training.py with urmp video_film
    "video_film": sighted("film:visual@decoder"),
    # Each step at the bottom asks the players, two frames back and ahead, who moves as
    # it sounds.
    # python Training.py with urmp video_attention
    "video_attention": sighted("multiplicative_attention:visual@bottleneck"),
    # A slot for each player who is seen, whatever they play: two of one instrument come
    # apart (RESULTS.md, "What seeing is worth").
    # python Training.py with urmp players_attention
    # python Predict.py with run=runs/1 input=VIDEO players=2
    "players_attention": {
        **sighted(
            "multiplicative_attention:visual@bottleneck",
            "film:visual@bottleneck",
            "film:visual@decoder",
            slots="conditioned",
            output_type="direct",
        ),
        "data": {"same_instrument": "apart"},
    },
    # Labels, video, both or neither, of one checkpoint.
    # python Training.py with urmp labels_and_video
    "labels_and_video": {
        **sighted(
            "film@decoder",
            "multiplicative_attention:visual@bottleneck",
            "film:visual@decoder",
            null_conditions=True,
        ),
        "training": {"condition_dropout": 0.4},
    },
    **CORPORA,
    **PRETRAINING,
    **FABRICATED,
}
