"""Tables below the table of scores: absent sources, pauses, published figures."""

import numpy as np
import pytest

from Scores import extras, protocols

RATE = 1000


def scored(protocol, names=("vocals", "drums"), absent=None):
    """One track; the first source is silent in the second of its three seconds."""
    rng = np.random.default_rng(0)
    references = 0.1 * rng.normal(size=[2, 3 * RATE, 1])
    references[0, RATE : 2 * RATE] = 0
    mix = references.sum(axis=0)
    estimates = references + 0.1 * mix
    told = protocol, names, references, estimates, RATE
    return protocols.score(*told, mix=mix, absent=absent), mix, estimates


def test_pauses_and_absent_sources_have_a_line_each_with_figures_by_hand():
    rng = np.random.default_rng(1)
    ghost = 0.01 * rng.normal(size=[3 * RATE, 1])
    ghost[:RATE] = 0
    told = protocols.named("urmp-v4"), ("vn", "vc"), {"fl": ghost}
    one, mix, estimates = scored(*told)
    table = extras.silence({"net": {"a": one}})
    heard = 10 * np.log10(np.sum(estimates[0, RATE : 2 * RATE] ** 2) + 1e-12)
    parts = ghost.reshape(3, RATE)
    of_ghost = np.mean(10 * np.log10(np.sum(parts**2, axis=1) + 1e-12))
    leak = 10 * np.log10(np.sum(ghost**2) / np.sum(mix**2))
    assert table.rows == (
        ("net", "vn", "pauses", "1", "1", "0", f"{heard:.1f}", "-"),
        ("net", "fl", "absent", "1", "3", "1", f"{of_ghost:.1f}", f"{leak:.1f}"),
    )


def test_published_figures_stand_beside_the_same_protocol_only():
    usual, own, other = (
        protocols.named(name, silence)
        for name, silence in (
            ("musdb-v4", None),
            ("musdb-v4", "source"),
            ("urmp-v4", None),
        )
    )
    titles = {}
    for protocol in (usual, own, other):
        of = {"net": {"a": scored(protocol)[0]}}
        found = extras.below(of, protocol.name)
        titles[protocol] = [table.title for table in found][1:]
    assert titles == {usual: ["Published, by musdb-v4"], own: [], other: []}


def test_snr_that_others_call_sdr_stands_in_the_column_of_snr():
    rows = {row[0]: row for row in extras.published("musdb-v4").rows}
    assert rows["SCNet XL IHF"][4:] == ("", "", "", "10.08")
    assert rows["Wave-U-Net"][4:] == ("3.20", "", "", "")


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_names_leave_every_line_with_as_many_cells(form):
    rows = (("a|b & c_%", "-2.9"), ("[d]", "-"))
    text = getattr(extras.Extra("T_1", ("a", "b"), rows, 1, "50 %"), form)()
    between = {"markdown": "|", "latex": "&"}[form]
    lines = [line for line in text.splitlines() if between in line]
    counts = {
        line.count(between) - line.count(f"\\{between}")
        for line in lines
        if not line.startswith(("\\caption", "|-"))
    }
    assert len(counts) == 1
    if form == "latex":
        assert r"50 \%" in text and "& $-$2.9 " in text and "{[}d{]} & -- " in text
