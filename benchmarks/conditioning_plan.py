"""Which networks the evidence on conditioning trains, and on what; no TensorFlow."""

import dataclasses

KINDS = (
    "concatenation",
    "additive_gating",
    "multiplicative_gating",
    "outer_product",
    "film",
    "additive_attention",
    "multiplicative_attention",
)
PLACES = ("input", "encoder", "bottleneck", "decoder", "output")
PLAYERS = (2, 3, 4)  # of a piece, of SLOTS
SEEDS = (1, 2, 3)
CEXP = ("outer_product@bottleneck",)  # CExp-Wave-U-Net
DROPOUT = 0.5
BEST = 3  # fusers that are trained with every seed

SLOTS = ["db", "fl", "hn", "tpt", "vc", "vn"]
DATA = {
    "name": "chamber",
    "sources": SLOTS,
    "instruments": SLOTS,
    "duplicates": "never",
    "compass": 7,
    "train_pieces": 96,
    "validation_pieces": 0,
    "test_pieces": 12,
    "seconds": 16.0,
    "excerpt_seconds": 6.0,
    "window_seconds": 3.0,
    "video": False,
    "sample_rate": 4000,
}
MODEL = {
    "name": "wave_unet",
    "context": True,
    "output_type": "difference",
    "num_layers": 6,
    "num_initial_filters": 12,
    "num_frames": 4096,
}
STEPS = 1200
TRAINING = {
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


@dataclasses.dataclass(frozen=True)
class Run:
    """One network; equal runs of several parts are trained once.

    Attributes:
      players: Instruments that play in each piece, of `SLOTS`.
      fusers: Of the model; none: it is blind.
      dropout: Share of the training examples without labels.
      seed: Of weights and examples.
    """

    players: int
    fusers: tuple[str, ...] = ()
    dropout: float = 0.0
    seed: int = SEEDS[0]

    @property
    def name(self):
        """Of its folder."""
        parts = [f"{self.players}", *(self.fusers or ["blind"])]
        parts += [f"dropout-{self.dropout:g}"] if self.dropout else []
        return "-".join([*parts, f"seed-{self.seed}"])

    @property
    def has_bss(self):
        """Whether museval's ratios are computed, which takes as long as separating."""
        return not self.dropout and self.fusers in ((), CEXP)

    def seeds(self):
        """The same run with each seed."""
        return [dataclasses.replace(self, seed=seed) for seed in SEEDS]

    def sections(self):
        """The configuration: {section: {knob: value}}, but for data.records."""
        model = {**MODEL, "fusers": list(self.fusers)}
        training = dict(TRAINING)
        if self.dropout:
            model["null_conditions"] = True
            training["condition_dropout"] = self.dropout
        return {"data": data(self.players), "model": model, "training": training}


def data(players):
    """The data section of pieces with so many players."""
    return {**DATA, "min_parts": players, "max_parts": players}


def part_a(results=None, fuser=None):
    """CExp against Exp, with 2, 3 and 4 players."""
    return [
        run
        for players in PLAYERS
        for fusers in ((), CEXP)
        for run in Run(players, fusers).seeds()
    ]


def grid():
    """{(kind, place): run}: each fuser at each place, 3 players, one seed."""
    return {(k, p): Run(3, (f"{k}@{p}",)) for k in KINDS for p in PLACES}


def best(results):
    """The runs of the grid that stand highest above the mixture, best first.

    Args:
      results: {run: what it scored, or None if it failed} of the runs that were tried.
    """
    done = [run for run in grid().values() if results.get(run)]
    return sorted(done, key=lambda run: -results[run]["si_sdri"])[:BEST]


def part_b(results, fuser=None):
    """The grid, the blind network, and, when the grid is done, more of the best."""
    runs = [*Run(3).seeds(), *grid().values()]
    if set(runs) <= set(results):
        runs += [other for run in best(results) for other in run.seeds()]
    return list(dict.fromkeys(runs))


def part_c(results, fuser=None):
    """A network that was told labels now and then, and one that never was."""
    fusers = fuser_of_c(results, fuser)
    return [*Run(3).seeds(), *Run(3, fusers, DROPOUT).seeds()]


def fuser_of_c(results, fuser=None):
    """The fusers of part c: the one that is named, or the best of the grid."""
    if fuser is not None:
        return (fuser,)
    found = best(results)
    return found[0].fusers if found else ("film@bottleneck",)


def everything(fuser=None):
    """All runs that any part may ask for."""
    fusers = [run.fusers for run in grid().values()] + [(fuser,)] * bool(fuser)
    told = [Run(3, one, share) for one in fusers for share in (0.0, DROPOUT)]
    return [*part_a(), *(run for one in told for run in one.seeds())]


PARTS = {"a": part_a, "b": part_b, "c": part_c}
