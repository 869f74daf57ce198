"""The evidence on pre-training: what is planned, and what is made of the figures."""

from benchmarks import pretraining
from benchmarks import pretraining_plan as plan


def test_separators_differ_in_what_they_begin_with_and_in_nothing_else():
    for seed in plan.SEEDS:
        told = [plan.Run(kind, seed).sections() for kind in plan.TAKEN]
        taken = [one["training"].pop("warm_start_patterns", []) for one in told]
        assert taken == list(plan.TAKEN.values()) and taken[0] == []
        assert all(one == told[0] for one in told)
    names = {run.name for run in (plan.PRETRAINED, *plan.SEPARATORS)}
    assert len(names) == 1 + len(plan.SEEDS) * len(plan.TAKEN)


def test_no_piece_of_the_pre_training_is_separated():
    solos, pair = plan.CORPORA["solos"], plan.CORPORA["pair"]
    assert solos["corpus_seed"] != pair.get("corpus_seed", 0)
    assert plan.PRETRAINED.sections()["mixing"]["sources_max"] == 1


def test_the_parts_that_are_taken_have_one_size():
    for knob in ("num_layers", "num_initial_filters"):
        assert plan.PRETRAIN[knob] == plan.SEPARATOR[knob]


def test_a_table_shows_each_seed_and_what_is_missing():
    first, second = plan.SEPARATORS[0], plan.SEPARATORS[1]
    results = {first: {"si_sdri": 1.5, "loss": 0.002}}
    results[second] = {"si_sdri": 2.5, "loss": 0.001}
    text, figures = pretraining.table(results)
    assert figures[f"{second.kind}, SI-SDRi, dB"] == {str(second.seed): 2.5}
    assert figures[f"{first.kind}, loss, 1e-3"] == {str(first.seed): 2.0}
    assert "1.50" in text and "-" in text
