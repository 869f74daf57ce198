"""Runs on the fabricated corpus, as `published` has those of papers."""

from Console.sections import CONTEXT, SEEN_WITH

DEMO = {
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
}

FABRICATED = {
    # URMP's path without URMP, all 13 instruments.
    # python Prepare.py with chamber && python Training.py with chamber
    "chamber": {"data": {"name": "chamber"}, "model": CONTEXT},
    # Two to four of four instruments, each in its register; a net of 1 M parameters:
    # 5 dB SI-SDR above the mixture or more, after 5 minutes on two cores.
    # python Prepare.py with chamber_demo && python Training.py with chamber_demo
    "chamber_demo": {**DEMO},
    # The same pieces, filmed.  With labels_and_video it makes a checkpoint that VIMSS
    # ships (pretrained/ensemble), in 15 minutes of watching and 6 of training, on one
    # core: 6 dB SI-SDR above the mixture, whatever it is told (RESULTS.md).
    # python Prepare.py with chamber_filmed
    # python Training.py with chamber_filmed labels_and_video
    # python Training.py with chamber_filmed
    "chamber_filmed": {
        **DEMO,
        "data": {**DEMO["data"], "video": True},
        "visual": {"front_end": SEEN_WITH},
    },
    # Two violinists in one register, whose lines cross all the time; both play
    # throughout; seats and looks are drawn at random.  Who plays which line is to be
    # seen, and cannot be heard: RESULTS.md, "What seeing is worth".  Also shipped
    # (pretrained/twins).  8 minutes of watching on two cores, 5 of training on one.
    # python Prepare.py with chamber_twins
    # python Training.py with chamber_twins
    "chamber_twins": {
        "data": {
            "name": "chamber",
            "sources": ["vn"],
            "instruments": ["vn"],
            "duplicates": "always",
            "same_instrument": "apart",
            "min_parts": 2,
            "max_parts": 2,
            "train_pieces": 192,
            "validation_pieces": 0,
            "test_pieces": 12,
            "seconds": 16.0,
            "excerpt_seconds": 6.0,
            "window_seconds": 3.5,
            "sample_rate": 4000,
        },
        "visual": {"front_end": SEEN_WITH},
        "model": {
            "name": "wave_unet",
            "context": True,
            "num_layers": 6,
            "num_initial_filters": 12,
            "num_frames": 4096,
            "slots": "conditioned",
            "fusers": [
                "film@bottleneck",
                "film:visual@bottleneck",
                "film:visual@decoder",
            ],
            "null_conditions": True,
        },
        "training": {
            "batch_size": 1,
            "optimizer": "muon",
            "learning_rate": 2e-3,
            "learning_rate_decay": 0.1,
            "decay_steps": 7000,
            "loss": "mean_absolute",
            "gradient_clip": None,
            "steps_per_epoch": 7000,
            "max_epochs": 1,
            "condition_dropout": 0.1,
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
