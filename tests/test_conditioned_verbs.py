"""Conditions through every verb: records, training, testing, scoring, separating."""

import types

import numpy as np
import pytest
import soundfile as sf

import Config
import Evaluate
import Predict
import Prepare
import Remote
import Test
import Training
import Utils
from Schema import InputError

RATE = 4000
pytestmark = pytest.mark.usefixtures("inline")
QUICK = ["training.steps_per_epoch=6", "training.max_epochs=1"]
QUICK += ["training.learning_rate=0.02"]  # so that conditions tell
QUICK += ["training.log_audio_epochs=None", "training.validation_steps=1"]


def command(verb, *words, **options):
    argv = [f"{verb.ex.path}.py", "with", *map(str, words)]
    return Config.command_line(verb.ex, argv=argv, **options)


def refusal(capsys, verb, *words, **options):
    """The sentence of a verb that refuses."""
    with pytest.raises(SystemExit) as stopped:
        command(verb, *words, **options)
    assert stopped.value.code == 1
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    where = tmp_path_factory.mktemp("conditioned")
    command(Prepare, "chamber_tiny", *places(where), f"data.raw={where / 'corpus'}")
    return where


def places(home):
    return [f"data.records={home / 'records'}"]


def trained(home, name, *words):
    """The folder of a run, as of `with chamber_tiny NAME WORDS`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["Training.py"])
        folder = home / "-".join(["run", name])
        argv = ["Training.py", "with", "chamber_tiny", name, *places(home), *QUICK]
        argv += [*words, "-F", str(folder)]
        run = Config.command_line(Training.ex, True, argv, Training.refuse)
    assert np.isfinite(run.result)
    return Remote.find_run(folder)


@pytest.fixture(scope="module")
def both(home):
    return trained(home, "labels_and_score")


@pytest.fixture(scope="module")
def named(home):
    return trained(home, "labels_named")


def piece(home):
    """A folder of the corpus: the test piece."""
    return sorted((home / "corpus").glob("*_*"))[-1]


def test_a_data_name_composes_with_a_model_name(both):
    config = Utils.read_json(both / "config.json")
    assert config["data"]["name"] == "chamber"
    assert config["model"]["fusers"] == ["film@decoder", "film:score@decoder"]
    assert config["model"]["num_layers"] == 3
    assert config["training"]["condition_dropout"] == 0.5


def test_a_loss_is_measured_with_the_conditions_of_the_records(both, named):
    for run in (both, named):
        assert np.isfinite(command(Test, f"run={run}").result)


def test_evaluation_gives_what_it_is_told_to_give_and_keeps_them_apart(both, capsys):
    found = {}
    options = [f"run={both}", "evaluation.workers=1"]
    for given in (None, [], ["labels"], ["score"]):
        knob = f"evaluation.conditions={given}"
        found[str(given)] = command(Evaluate, *options, knob).result
    assert len(set(found.values())) == 4
    folders = {path.name for path in (both / "evaluation").iterdir()}
    name = "chamber-composition-test"
    ends = ["", "-given-nothing", "-given-labels", "-given-score"]
    assert folders == {name + end for end in ends}
    said = refusal(capsys, Evaluate, *options, "evaluation.conditions=['labls']")
    assert "['labls']: this model listens to labels, score" in said
    page = both / "evaluation" / f"{name}-given-labels" / "results.md"
    assert "The model is given: labels." in page.read_text()


def test_one_checkpoint_separates_with_labels_notes_both_or_neither(both, home, capsys):
    folder, found = piece(home), {}
    mix = next(folder.glob("AuMix*"))
    for words in (
        [],
        ["labels=vn"],
        [f"notes={folder}"],
        ["labels=vn,fl", f"notes={folder}"],
    ):
        output = home / f"out-{len(found)}"
        options = [f"run={both}", f"input={mix}", f"output={output}"]
        command(Predict, *options, *words)
        files = sorted(output.glob("*.wav"))
        found[str(words)] = {path.stem: sf.read(path)[0] for path in files}
    assert [sorted(f) for f in found.values()] == [
        ["fl", "vn"],
        ["vn"],
        ["fl", "vn"],
        ["fl", "vn"],
    ]
    estimates = [f["vn"] for f in found.values()]
    for k, estimate in enumerate(estimates):
        assert all(np.abs(estimate - other).max() > 0 for other in estimates[:k])
    options = [f"run={both}", f"input={mix}"]
    assert "holds no notes" in refusal(capsys, Predict, *options, f"notes={home}")


def test_what_is_named_is_separated(named, home, capsys):
    mix = next(piece(home).glob("AuMix*"))
    options = [f"run={named}", f"input={mix}", f"output={home / 'named'}"]
    command(Predict, *options, "labels=vn,fl")
    files = sorted((home / "named").glob("*.wav"))
    assert [path.stem for path in files] == ["fl", "vn"]
    assert all(sf.info(path).frames == sf.info(mix).frames for path in files)
    both = [sf.read(path)[0] for path in files]
    command(Predict, *options, "labels=vn")
    np.testing.assert_allclose(sf.read(files[1])[0], both[1], atol=1e-6)
    said = refusal(capsys, Predict, *options, "labels=vn,oboe")
    assert "no source is called 'oboe'; there are fl, vn" in said
    assert "give labels, of fl, vn" in refusal(capsys, Predict, *options)


def test_named_sources_are_scored(named, capsys):
    options = [f"run={named}", "evaluation.workers=1"]
    assert np.isfinite(command(Evaluate, *options).result)
    said = refusal(capsys, Evaluate, *options, "evaluation.conditions=[]")
    assert "evaluation.conditions=[]: this model cannot do without labels" in said
    names = {path.name for path in (named / "evaluation").iterdir()}
    assert names == {"chamber-composition-test"}


@pytest.mark.parametrize(
    "track, reads, slots, told",
    [
        ((["vn"], False), ["score"], "vocabulary", "7_Solo has parts without notes"),
        ((["vn", "vn"], True), ["labels"], "conditioned", "two parts called 'vn'"),
        ((["vn", "vn"], True), ["labels"], "vocabulary", None),
        ((["vn"], False), ["score", "has_score"], "vocabulary", None),
    ],
)
def test_tracks_that_do_not_tell_what_a_model_needs_are_refused(
    track, reads, slots, told
):
    row = types.SimpleNamespace(id="7_Solo", labels=track[0], has_score=track[1])
    records = types.SimpleNamespace(tracks=lambda split: [row])
    model = types.SimpleNamespace(batch_keys=["mix", *reads], slots=slots)
    if told is None:
        Test.check_conditions(records, "train", model)
        Test.check_given(records, "train", model, reads)
    else:
        with pytest.raises(InputError, match=told):
            Test.check_conditions(records, "train", model)
            Test.check_given(records, "train", model, reads)


@pytest.mark.parametrize(
    "words, told",
    [
        (["training.condition_dropout=0.5"], "set model.null_conditions=True"),
        (["labels_or_blind", "training.condition_dropout=1.5"], "between 0 and 1"),
        (["model.fusers=['film:visual@input']"], "listen to 'visual', which these"),
    ],
)
def test_conditions_that_cannot_be_are_refused(home, capsys, words, told):
    options = dict(observed=True, check=Training.refuse)
    words = ["chamber_tiny", *words, *places(home)]
    assert told in refusal(capsys, Training, *words, **options)
