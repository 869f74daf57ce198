"""The checkpoints that VIMSS ships: small, complete, and good for something."""

import pathlib

import numpy as np
import pytest

import Config
import Predict
import Utils
from Datasets import media
from Datasets.chamber import corpus
from Models import checkpoints, vision
from Scores.si_sdr import si_sdr
from tests.test_conditioned_verbs import command

ROOT = pathlib.Path(Config.__file__).parent
SHIPPED = ROOT / "pretrained"
DEMO = Config.NAMED["chamber_demo"]["data"]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    """Folders of pieces that the demo holds back for its test: unseen in training."""
    home = tmp_path_factory.mktemp("held_back")
    options = {key: DEMO[key] for key in ("seconds", "instruments", "compass")}
    options |= {"parts": (DEMO["min_parts"], DEMO["max_parts"]), "video": False}
    options["duplicates"] = DEMO["duplicates"]
    return [home / n for n in corpus.fabricate(home, [10, 20, 30], seed=0, **options)]


@pytest.mark.parametrize("name", ["ensemble", "twins"])
def test_they_are_small_and_name_no_place(name):
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 10e6
    text = (SHIPPED / name / "checkpoint" / "model.json").read_text()
    assert '"records": "records"' in text and '"raw": null' in text
    assert "/home/" not in text and "/root/" not in text and "/tmp/" not in text


@pytest.mark.parametrize("name", ["ensemble", "twins"])
def test_their_front_end_is_the_one_that_is_here(name):
    config = checkpoints.describe(SHIPPED / name)["config"]
    kind = config["front_end"].rpartition("-")[0]
    assert vision.build(kind, config["visual_rate"]).name == config["front_end"]


def test_a_recording_is_separated_by_it_where_nothing_was_trained(
    pieces, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rate, gains = 8000, []  # Hz, of the checkpoint: nothing above 4 kHz is separated
    for piece in pieces:
        mix_file, out = next(piece.glob("AuMix*")), tmp_path / piece.name
        command(Predict, f"input={mix_file}", f"output={out}")
        mix = media.read_audio(mix_file, rate)[0]
        for path in sorted(piece.glob("AuSep*")):
            stem = media.read_audio(path, rate)[0]
            found = media.read_audio(out / f"{path.name.split('_')[2]}.wav", rate)[0]
            gains.append(
                si_sdr(stem[None], found[None]) - si_sdr(stem[None], mix[None])
            )
    assert len(gains) >= 6 and np.mean(gains) > 3.5  # dB


def test_two_players_of_one_instrument_come_apart_by_sight(tmp_path):
    twins = Config.NAMED["chamber_twins"]["data"]
    options = {"instruments": twins["instruments"], "duplicates": "always"}
    (name,) = corpus.fabricate(
        tmp_path, [10], seed=0, seconds=12.0, parts=(2, 2), **options
    )
    folder = tmp_path / name
    seats = Utils.read_json(folder / "recipe.json")["seats"]
    rate = 4000  # Hz, of the checkpoint
    mix, _ = media.read_audio(next(folder.glob("AuMix*")), rate)
    files = [next(folder.glob(f"AuSep_{k}_*")) for k in seats]
    stems = [media.read_audio(path, rate)[0] for path in files]
    predictor = Predict.Predictor(SHIPPED / "twins")
    film = next(folder.glob("Vid*"))
    found = predictor.separate(mix, rate, video=film, players=2)
    assert list(found) == ["player_1", "player_2"]
    stems, found = np.stack(stems), np.stack(list(found.values()))
    gain = si_sdr(stems, found) - si_sdr(stems, np.stack([mix, mix]))
    swapped = si_sdr(stems[::-1], found) - si_sdr(stems[::-1], np.stack([mix, mix]))
    assert gain.mean() > 1.5 and gain.mean() > swapped.mean() + 3  # dB
