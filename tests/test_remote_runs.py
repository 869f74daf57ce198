"""Runs of another file system: TensorFlow's client of gs://, and a stand-in server."""

import pathlib
import shutil
import zipfile

import numpy as np
import pytest
import soundfile as sf

import Config
import Evaluate
import Predict
import Remote
import Utils
from Console import observers
from Fitting import keeping, opening
from launch import going_on
from Learning import state
from Models import checkpoints
from Schema import InputError
from tests import gcs
from tests.training_made import arrays, rows, test_, train, written

ROOT = pathlib.Path(Config.__file__).parent
if shutil.which("openssl") is None:
    pytest.skip("openssl, for a certificate, is not here", allow_module_level=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with gcs.serving(tmp_path_factory.mktemp("gcs")) as standin:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in standin.environment.items():
                patch.setenv(name, value)
            yield standin


@pytest.fixture
def cloud(server, here, monkeypatch):
    """The server, and a machine that has seen nothing of it."""
    other_machine(monkeypatch, here, "first")
    monkeypatch.setattr("Remote.mirror.EVERY", 1.0)
    yield server
    server.open()


def other_machine(monkeypatch, here, name):
    """From now on nothing has been fetched."""
    monkeypatch.setenv("VIMSS_CACHE", str(here / name))
    Remote.copies.FETCHED.clear()
    Remote.copies.KNOWN.clear()


def train_to(folder, *words):
    """Training.py that keeps its run in a folder of a bucket."""
    return train(*words, "-F", folder)


def test_a_run_lies_in_a_bucket_and_any_machine_goes_on_with_it(
    options, cloud, here, inline, monkeypatch, capsys
):
    train_to("gs://bucket/runs", options)
    near, far = Remote.copy_of("gs://bucket/runs/1"), Remote.path("gs://bucket/runs/1")
    told = [p.relative_to(near).as_posix() for p in near.rglob("*") if p.is_file()]
    sent = {name for name in far.files() if not name.startswith(".claim-")}
    assert sent == set(told) and "checkpoint/state.npz" in told
    for name in told:
        assert (far / name).read_bytes() == (near / name).read_bytes(), name
    assert Utils.read_json(far / "run.json")["status"] == "COMPLETED"
    sources = dict(Utils.read_json(far / "run.json")["experiment"]["sources"])
    (here / "sources.zip").write_bytes((far / "sources.zip").read_bytes())
    with zipfile.ZipFile("sources.zip") as archive:
        kept = archive.read(sources["Training.py"])
    assert kept == (ROOT / "Training.py").read_bytes()
    said = capsys.readouterr().out
    assert "to gs://bucket/runs/1" in said
    assert "next    python Evaluate.py with run=gs://bucket/runs/1\n" in said
    again = "python Training.py with resume=gs://bucket/runs/1 -F gs://bucket/runs"
    assert opening.resuming(near) == again

    other_machine(monkeypatch, here, "second")
    home = pathlib.Path(Utils.read_json(options)["data"]["records"])
    for path in home.rglob("*.*"):
        if path.is_file():
            name = path.relative_to(home).as_posix()
            Remote.copies.send(path, Remote.path("gs://bucket/records") / name)
    words = "resume=gs://bucket/runs/1", "data.records=gs://bucket/records"
    train_to("gs://bucket/runs", *words, "training.max_epochs=4")
    assert "fetch   gs://bucket/runs/1, " in capsys.readouterr().out
    other_machine(monkeypatch, here, "third")
    train(options, "training.max_epochs=4")
    found = Remote.here("gs://bucket/runs/2", whole=True)
    assert rows(found) == rows("runs/1")
    resumed, whole = arrays(found), arrays("runs/1")
    assert set(resumed) == set(whole)
    for key in whole:
        np.testing.assert_array_equal(resumed[key], whole[key], err_msg=key)
    assert going_on.command("gs://bucket/runs", ["with", "urmp"], "python") == [
        *("python", "Training.py", "with", "resume=gs://bucket/runs/2"),
        *("-F", "gs://bucket/runs"),
    ]
    every_verb_reads(options, found, here, monkeypatch, capsys)


def every_verb_reads(options, near, here, monkeypatch, capsys):
    loss = test_(f"run={near}", "data.records=gs://bucket/records")
    other_machine(monkeypatch, here, "fourth")
    assert test_("run=gs://bucket/runs") == loss  # of the newest run there
    sf.write("mix.wav", np.random.default_rng(0).normal(0, 0.1, 4000), 4000)
    words = ["run=gs://bucket/runs/2", "input=mix.wav", "output=apart"]
    Config.command_line(Predict.ex, False, ["Predict.py", "with", *words])
    assert sf.info("apart/vn.wav").frames == 4000
    argv = ["Evaluate.py", "with", "run=gs://bucket/runs/2", "evaluation.workers=1"]
    argv += ["evaluation.oracles=[]"]
    with pytest.raises(SystemExit):  # what was made until then is given back, too
        Config.command_line(Evaluate.ex, argv=[*argv, "evaluation.required_si_sdri=99"])
    scores = Remote.path("gs://bucket/runs/2/evaluation").files()
    assert any(name.endswith("01_Jupiter_vn_vc.json") for name in scores)
    assert "files of" in capsys.readouterr().out
    other_machine(monkeypatch, here, "fifth")
    assert Config.command_line(Evaluate.ex, argv=argv).result < 99
    assert checkpoints.load("gs://bucket/runs/2")  # as for a warm start


def test_a_copy_follows_its_place_and_gives_back_what_was_done_here(cloud, capsys):
    far = Remote.path("gs://bucket/copies/1")

    def put(**files):
        for name, text in files.items():
            pathlib.Path(name).write_text(text)
            Remote.copies.send(pathlib.Path(name), far / name)

    def fetched():
        Remote.copies.FETCHED.clear()
        Remote.copies.KNOWN.clear()
        return Remote.here(far)

    put(old="1", changed="1", removed="1")
    copy = fetched()
    (copy / "own").write_text("not sent")
    put(gone="1", changed="22")
    assert fetched() == copy and (copy / "changed").read_text() == "22"
    assert (copy / "gone").exists() and (copy / "own").read_text() == "not sent"
    Remote.copies._remove(far / "gone")
    fetched()
    assert not (copy / "gone").exists()
    (copy / "removed").unlink()
    (copy / "made").write_text("here")
    Remote.copies.give_back()
    assert set(far.files()) == {"old", "changed", "made"}
    assert (far / "made").read_text() == "here"
    cloud.shut()
    (copy / "late").write_text("here")
    capsys.readouterr()
    Remote.copies.give_back()  # says so, and hides no error of the verb
    assert f"; what was made is in {copy}" in capsys.readouterr().err
    assert (copy / "late").exists()


def test_what_has_a_new_name_is_renamed_there_and_logs_wait_until_they_have_grown(
    cloud, here, monkeypatch
):
    sent, far = [], Remote.path("gs://bucket/mirrored")
    send = Remote.mirror.send

    def sending(path, where):
        sent.append(path.name)
        send(path, where)

    monkeypatch.setattr("Remote.mirror.send", sending)
    made = Remote.Mirror(here / "run", far)
    written(here / "run/state", 1)
    (here / "run/cout.txt").write_text(100 * "x")
    made._push()
    state.save(here / "run/state.json", {}, {})  # the one before gets a second name
    (here / "run/cout.txt").write_text(110 * "x")
    made._push()
    made._push()
    assert sent == ["state.json", "cout.txt", "state.json"]
    before = state.before(here / "run/state.json").name
    assert (far / before).read_text() == "1\n"
    made.close()
    assert sent[3:] == ["cout.txt"] and len((far / "cout.txt").read_bytes()) == 110


def test_of_those_who_claim_a_number_at_once_none_has_that_of_another(cloud):
    assert Remote.claim("gs://bucket/claims/1")
    assert not Remote.claim("gs://bucket/claims/1")
    assert len(Remote.path("gs://bucket/claims/1").files()) == 1
    folder = observers.RemoteFolder("gs://bucket/claims")
    folder._maximum_existing_run_id = lambda: 0  # looked before the other wrote
    folder._make_run_dir(None)
    assert pathlib.Path(folder.dir) == Remote.copy_of("gs://bucket/claims/2")


def test_a_place_that_takes_nothing_is_refused_before_training(options, cloud, here):
    cloud.shut()
    with pytest.raises(InputError, match="gs://closed/runs cannot be written .*403"):
        train_to("gs://closed/runs", options, "--debug")
    assert not (here / "first").exists() and not (here / "runs").exists()
    with pytest.raises(InputError, match="gs://bucket/none holds no checkpoint"):
        Remote.find_run("gs://bucket/none")
    with pytest.raises(InputError, match="gs://bucket/none does not exist, or holds"):
        Remote.here("gs://bucket/none")


def test_a_place_that_is_shut_meanwhile_stops_no_training(
    options, cloud, here, monkeypatch, capsys
):
    keep = keeping.keep

    def keeping_in_time(folder, history, record):
        if len(history) == 2:
            cloud.shut()
        keep(folder, history, record)

    monkeypatch.setattr(keeping, "keep", keeping_in_time)
    assert train_to("gs://bucket/shut", options).result
    near, said = Remote.copy_of("gs://bucket/shut/1"), capsys.readouterr().err
    assert "the run goes on, and the copy is tried again" in said
    assert f"all of it is in {near}" in said and "rsync" in said
    # What was not sent is neither overwritten nor lost by who reads what was.
    cloud.open()
    assert Remote.here("gs://bucket/shut/1", whole=True) != near
    assert len(rows(near)) == 2 and checkpoints.describe(near)
