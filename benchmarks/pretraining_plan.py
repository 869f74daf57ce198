"""Which networks the evidence on pre-training trains, and on what; no TensorFlow."""

import dataclasses

from Console import published
from Console.pretraining import PRETRAINING

SEEDS = (1, 2, 3, 4, 5, 6)
VISUAL = {"front_end": "players_gesture", "frame_rate": 15.0}
STEPS = {"pretrained": 3000, "separator": 3000}

TWINS = published.NAMED["chamber_twins"]
CORPORA = {
    # Of these nobody is separated: a violinist at a time, who is heard and seen.
    "solos": TWINS["data"]
    | {"corpus_seed": 1, "train_pieces": 96, "validation_pieces": 6, "test_pieces": 1},
    # Two violinists in one register, whom only sight tells apart; few such pieces.
    "pair": TWINS["data"] | {"corpus_seed": 2, "train_pieces": 12},
}
TAKEN = {  # kind of separator: what it takes of the pretrained network
    "scratch": [],
    "sight": ["encoder/*"],
    "sight and sound": ["encoder/*", "down_*"],
}
SEPARATOR = {
    **{key: TWINS["model"][key] for key in TWINS["model"] if key != "null_conditions"},
    "fusers": ["film:visual@bottleneck", "film:visual@decoder"],
}
HEARD = ("num_layers", "num_initial_filters")
PRETRAIN = {
    **PRETRAINING["pretrain"]["model"],
    **{key: SEPARATOR[key] for key in HEARD},
    "num_frames": 12288,
    "moments": 8,
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One network.

    Attributes:
      kind: "pretrained", or a key of `TAKEN`.
      seed: Of weights and examples.
    """

    kind: str
    seed: int = SEEDS[0]

    @property
    def name(self):
        """Of its folder."""
        return f"{self.kind.replace(' ', '-')}-seed-{self.seed}"

    @property
    def corpus(self):
        """A key of `CORPORA`."""
        return "solos" if self.kind == "pretrained" else "pair"

    def sections(self):
        """The configuration, but for data.records and the folder that is taken from."""
        found = {"data": CORPORA[self.corpus], "visual": VISUAL}
        if self.kind == "pretrained":
            return found | {
                "mixing": PRETRAINING["pretrain"]["mixing"],
                "model": PRETRAIN,
                "training": {
                    "loss": "correspondence + synchrony",
                    "batch_size": 8,
                    "learning_rate": 1e-3,
                    "steps_per_epoch": STEPS["pretrained"] // 3,
                    "max_epochs": 3,
                },
            }
        steps = STEPS["separator"]
        lasting = {"steps_per_epoch": steps, "decay_steps": steps}
        training = {**TWINS["training"], **lasting, "condition_dropout": 0.0}
        if TAKEN[self.kind]:
            training["warm_start_patterns"] = TAKEN[self.kind]
        return found | {"model": SEPARATOR, "training": training}


PRETRAINED = Run("pretrained")
SEPARATORS = [Run(kind, seed) for seed in SEEDS for kind in TAKEN]
