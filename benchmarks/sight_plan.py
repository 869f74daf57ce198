"""Which networks the evidence on sight trains, and on what; no TensorFlow."""

import dataclasses

from Console import published

SEEDS = (1, 2, 3)
FRONT_END = "players_gesture"
FRAME_RATE = 15.0
VISUAL = {"front_end": FRONT_END, "frame_rate": FRAME_RATE}

# Two players of one instrument, in one register, whose lines cross all the time; both
# play throughout; seats and looks are drawn at random.
PAIR = {
    "name": "chamber",
    "sources": ["ob"],
    "instruments": ["ob"],
    "duplicates": "always",
    "same_instrument": "apart",
    "min_parts": 2,
    "max_parts": 2,
    "train_pieces": 112,
    "validation_pieces": 0,
    "test_pieces": 12,
    "seconds": 16.0,
    "excerpt_seconds": 6.0,
    "window_seconds": 3.5,
    "sample_rate": 4000,
}
# The demo's pieces, filmed: two to four of four instruments, all different.
DEMO = published.NAMED["chamber_demo"]
ORDINARY = published.NAMED["chamber_filmed"]["data"]
CORPORA = {"pair": PAIR, "ordinary": ORDINARY}
NETWORK = {
    "name": "wave_unet",
    "context": True,
    "num_layers": 6,
    "num_initial_filters": 12,
    "num_frames": 4096,
}
SEES = ["film:visual@bottleneck", "film:visual@decoder"]
BOTH = published.NAMED["labels_and_video"]
MODELS = {  # (corpus, kind)
    ("pair", "blind"): NETWORK
    | {"slots": "conditioned", "fusers": ["film@bottleneck"]},
    ("pair", "sighted"): NETWORK
    | {
        "slots": "conditioned",
        "fusers": ["film@bottleneck", *SEES],
        "null_conditions": True,
    },
    ("ordinary", "blind"): DEMO["model"],
    ("ordinary", "sighted"): {**BOTH["model"], **DEMO["model"]},
}
STEPS, DROPOUT = 9000, 0.1  # of the pair
PAIR_TRAINING = {
    "batch_size": 1,
    "optimizer": "muon",
    "learning_rate": 3e-3,
    "learning_rate_decay": 0.1,
    "decay_steps": STEPS,
    "loss": "mean_absolute",
    "gradient_clip": None,
    "steps_per_epoch": STEPS,
    "max_epochs": 1,
}
TRAINING = {
    ("pair", "blind"): PAIR_TRAINING,
    ("pair", "sighted"): PAIR_TRAINING | {"condition_dropout": DROPOUT},
    ("ordinary", "blind"): DEMO["training"],
    ("ordinary", "sighted"): {**DEMO["training"], **BOTH["training"]},
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One network.

    Attributes:
      corpus: A key of `CORPORA`.
      kind: "blind" or "sighted".
      seed: Of weights and examples.
    """

    corpus: str
    kind: str
    seed: int = SEEDS[0]

    @property
    def name(self):
        """Of its folder."""
        return f"{self.corpus}-{self.kind}-seed-{self.seed}"

    def sections(self):
        """The configuration: {section: {knob: value}}, but for data.records."""
        return {
            "data": CORPORA[self.corpus],
            "visual": VISUAL,
            "model": MODELS[self.corpus, self.kind],
            "training": TRAINING[self.corpus, self.kind],
        }


def runs(corpora=tuple(CORPORA)):
    """All runs, seed by seed."""
    kinds = ("sighted", "blind")
    return [Run(c, kind, seed) for seed in SEEDS for kind in kinds for c in corpora]
