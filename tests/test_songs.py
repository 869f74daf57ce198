"""Songs by musdb-v4: the accompaniment, a sum, and the frames of two scenarios."""

import numpy as np
import pytest
import soundfile as sf

from Evaluating import rows
from Scores import (
    aggregate,
    comparison,
    folder_scores,
    folders,
    plots,
    protocols,
    store,
)

RATE = 2000
FOUR = list(protocols.TARGETS)
ACCOMPANIMENT = protocols.ACCOMPANIMENT


def song(seed=0, seconds=2):
    """(references, estimates) float64 [4, T, 1], quiet."""
    rng = np.random.default_rng(seed)
    references = 0.05 * rng.normal(size=[4, RATE * seconds, 1])
    return references, references + 0.2 * (references.sum(axis=0) - references)


def write(folder, sources):
    folder.mkdir(parents=True, exist_ok=True)
    for name, audio in sources.items():
        sf.write(folder / f"{name}.wav", audio, RATE, subtype="DOUBLE")


def scored(home, output="out", oracles=("ideal ratio mask",)):
    """{system: {track: TrackScores}} of folders below a home."""
    how = folder_scores.How(protocols.named("musdb-v4"), rows.oracles_named(oracles))
    pairs = folders.pairs(home / "reference", home / "estimates")
    found, failures, _ = folder_scores.evaluate(pairs, home / output, "net", how)
    assert not failures
    return found


def test_a_frame_without_vocals_and_drums_is_counted_once_and_for_both(tmp_path):
    references, estimates = song()
    references[0, :RATE] = references[1, :RATE] = 0
    told = FOUR, references, estimates, RATE
    scores = protocols.score(protocols.named("musdb-v4"), *told)
    (dropped,) = scores.dropped
    assert (dropped.frame, dropped.references) == (0, ("vocals", "drums"))
    assert {scores.dropped_of(name) for name in scores.names} == {1}
    summary = aggregate.aggregate({"net": {"a": scores}}, floor="net")
    wanted = {"reference of vocals": 1, "reference of drums": 1}
    assert summary.silent["net"] == wanted


def test_a_silent_source_of_a_song_may_cost_its_own_frames_only(tmp_path):
    references, estimates = song()
    references[0, :RATE] = references[1, RATE : 2 * RATE] = 0
    told = references, estimates, RATE
    protocol = protocols.named("musdb-v4", "source")
    scores = protocols.score(protocol, FOUR, *told)
    store.write(tmp_path / "a.json", scores)
    again = store.read(tmp_path / "a.json")[0]
    lost = {name: again.dropped_of(name) for name in again.names}
    assert lost == {"vocals": 1, "drums": 1, "bass": 0, "other": 0, ACCOMPANIMENT: 0}
    wanted = protocols.score(protocols.named("urmp-v4", "source"), FOUR, *told)
    for name in FOUR[1:]:
        expected = wanted.frames(name, "SIR")
        np.testing.assert_allclose(again.frames(name, "SIR"), expected, atol=1e-5)


def test_the_mixture_is_the_floor_of_the_accompaniment_too(tmp_path, inline):
    references, estimates = song()
    write(tmp_path / "reference/a", dict(zip(FOUR, references)))
    write(tmp_path / "estimates/a", dict(zip(FOUR, estimates)))
    floor, mask = (scored(tmp_path)[n]["a"] for n in ("mixture", "ideal ratio mask"))
    mix, rest = references.sum(axis=0), references[1:].sum(axis=0)
    snr = 10 * np.log10((rest**2).sum() / ((mix - rest) ** 2).sum())
    assert floor.whole(ACCOMPANIMENT, "SNR") == pytest.approx(snr, abs=1e-4)
    # What others estimated, or left beside the references, changes no other row.
    write(tmp_path / "estimates/a", {ACCOMPANIMENT: estimates[1:].sum(axis=0)})
    for output in ("with an estimate", "with a reference"):
        found = scored(tmp_path, output)
        for before, name in ((floor, "mixture"), (mask, "ideal ratio mask")):
            for metric, values in found[name]["a"].bss.items():
                np.testing.assert_allclose(values, before.bss[metric], atol=1e-4)
        write(tmp_path / "reference/a", {ACCOMPANIMENT: rest})


def test_no_mean_counts_the_accompaniment():
    pair = song(), song(1)
    one, other = (
        {"a": protocols.score(protocols.named("musdb-v4"), FOUR, *audio, RATE)}
        for audio in pair
    )
    four = [np.mean([of["a"].whole(n) for n in FOUR]) for of in (one, other)]
    found = comparison.compare({"x": one, "y": other}, ["SI-SDR"])
    assert found[-1].is_mean and found[-1].mean == pytest.approx(four[0] - four[1])
    by_count = plots.by_count({"x": one}, "SI-SDR")
    assert by_count == {"quartets": {"x": {"a": pytest.approx(four[0])}}}
    usual = protocols.named("urmp-v4")  # where the name means nothing
    names = ["vn", ACCOMPANIMENT]
    scores = protocols.score(usual, names, *(audio[:2] for audio in song()), RATE)
    assert scores.counted == tuple(names)


def test_museval_is_asked_where_it_is_asked_for(tmp_path, inline):
    references, estimates = song()
    write(tmp_path / "reference/a", dict(zip(FOUR, references)))
    write(tmp_path / "estimates/a", dict(zip(FOUR, estimates)))
    scored(tmp_path, oracles=())
    (pair,) = folders.pairs(tmp_path / "reference", tmp_path / "estimates")
    done = {}
    for engine in ("fast", "museval"):
        how = folder_scores.How(protocols.named("musdb-v4"), {}, engine=engine)
        (told,) = folder_scores._about(pair, tmp_path / "out", "net", how).values()
        done[engine] = store.is_complete(*told)
    assert done == {"fast": True, "museval": False}


def test_vocals_and_accompaniment_alone_are_scored_against_four_stems(tmp_path, inline):
    references, estimates = song()
    write(tmp_path / "reference" / "a", dict(zip(FOUR, references)))
    made = {"vocals": estimates[0], ACCOMPANIMENT: estimates[1:].sum(axis=0)}
    write(tmp_path / "estimates" / "a", made)
    found = scored(tmp_path)["net"]["a"]
    assert found.names == ("vocals", ACCOMPANIMENT) and found.silence.absent == ()
    pair = [np.stack([a[0], a[1:].sum(axis=0)]) for a in (references, estimates)]
    wanted = protocols.score(protocols.named("urmp-v4"), ["v", "a"], *pair, RATE)
    for metric, values in wanted.bss.items():
        np.testing.assert_allclose(found.bss[metric], values, atol=1e-4)


def test_what_hurts_one_track_loses_no_other(tmp_path, inline):
    references, estimates = song()
    for track in ("a", "b"):
        write(tmp_path / "reference" / track, dict(zip(FOUR, references)))
        write(tmp_path / "estimates" / track, dict(zip(FOUR, estimates)))

    def filtered(mix, estimates):
        if filtered.calls:
            return estimates
        filtered.calls += 1
        raise MemoryError("no room for 9 GiB")

    filtered.calls = 0
    how = folder_scores.How(
        protocols.named("musdb-v4"), rows.oracles_named([]), {"x": filtered}
    )
    pairs = folders.pairs(tmp_path / "reference", tmp_path / "estimates")
    found, failures, _ = folder_scores.evaluate(pairs, tmp_path / "out", "net", how)
    assert failures == {"a": "MemoryError: no room for 9 GiB"}
    assert list(found["net"]) == list(found["net, x"]) == ["b"]
