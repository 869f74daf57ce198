"""Which networks the evidence on sight trains, and on what; no TensorFlow."""

import dataclasses

from Console import published

SEEDS = (1, 2, 3)
VISUAL = {"front_end": "players_gesture", "frame_rate": 15.0}

TWINS = published.NAMED["chamber_twins"]
PAIR = TWINS["data"]
# The demo's pieces, filmed: two to four of four instruments, all different.
DEMO = published.NAMED["chamber_demo"]
ORDINARY = published.NAMED["chamber_filmed"]["data"]
CORPORA = {"pair": PAIR, "ordinary": ORDINARY}
BOTH = published.NAMED["labels_and_video"]
SHIPPED = {"ordinary": "ensemble", "pair": "twins"}  # sighted, of the first seed


def without(section, *knobs):
    """A section without some of its knobs."""
    return {key: value for key, value in section.items() if key not in knobs}


MODELS = {  # (corpus, kind)
    ("pair", "blind"): without(TWINS["model"], "null_conditions")
    | {"fusers": ["film@bottleneck"]},
    # One estimate for each player, of a network that is told nothing.
    ("pair", "permuted"): without(TWINS["model"], "null_conditions", "fusers", "slots"),
    ("pair", "sighted"): TWINS["model"],
    ("ordinary", "blind"): DEMO["model"],
    ("ordinary", "sighted"): {**BOTH["model"], **DEMO["model"]},
}
TRAINING = {
    ("pair", "blind"): without(TWINS["training"], "condition_dropout"),
    ("pair", "permuted"): without(TWINS["training"], "condition_dropout"),
    ("pair", "sighted"): TWINS["training"],
    ("ordinary", "blind"): DEMO["training"],
    ("ordinary", "sighted"): {**DEMO["training"], **BOTH["training"]},
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One network.

    Attributes:
      corpus: A key of `CORPORA`.
      kind: "blind", "sighted" or, of the pair, "permuted": blind, and trained under
        the best permutation of its estimates.
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
    """All runs, the sighted ones, which take longest, first."""
    kinds = ("sighted", "blind", "permuted")
    every = [Run(c, kind, seed) for kind in kinds for seed in SEEDS for c in corpora]
    return [run for run in every if (run.corpus, run.kind) in MODELS]
