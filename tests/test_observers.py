"""Databases that Sacred tells of a run: reached, refused, and beside the folder."""

import shutil
import socket
import sqlite3
import subprocess
import sys

import pytest

from Console import observers
from Schema import InputError
from tests.test_command_line import refusal, run, verb

pytestmark = pytest.mark.usefixtures("here")


def scored(_run):
    _run.log_scalar("train_loss", 0.25, 4)
    print("heard")
    return 0.5


def test_a_run_is_in_the_database_and_in_a_folder_of_its_own_number():
    pytest.importorskip("sqlalchemy")
    run("with urmp", verb(scored), observed=True)
    for _ in range(2):  # Sacred numbers these 0 and 2
        told = run("-s sqlite:///r.db with urmp", verb(scored), observed=True)
        told.observers[0].engine.dispose()
    with sqlite3.connect("r.db") as database:
        rows = database.execute("select status, result, captured_out, config from run")
        found = rows.fetchall()
        sources = database.execute("select count(*) from source").fetchone()[0]
    assert [row[:2] for row in found] == [("COMPLETED", 0.5)] * 2
    assert "heard" in found[0][2] and '"splits": "composition"' in found[0][3]
    assert sources > 50
    config = [f"runs/{number}/config.json" for number in (1, 2, 3)]
    assert len({open(path).read() for path in config}) == 1


REFUSED = {
    "-m mongodb://me:secret@h": "-m mongodb://me:***@h: expected HOST:PORT",
    "-s nonsense": "-s nonsense: expected DIALECT://USER:PASSWORD@HOST:PORT/DATABASE",
    "-s foo://me:secret@h/db": "-s foo://me:***@h/db: expected DIALECT://USER",
    "-s postgresql+psycopg2://me:secret@h/db": "Python lacks psycopg2, which SQLAlch",
    "-s sqlite:////nowhere/r.db": "(unable to open database file); start it, correct",
    "-m a/b": "-m a/b: expected HOST:PORT:DATABASE, as localhost:27017:vimss",
    "-m localhost:1:vimss": "MongoDB at localhost:1 cannot be used (localhost:1: [Err",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_database_that_is_not_there_is_a_sentence_and_leaves_nothing(
    line, capsys, monkeypatch, here
):
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("pymongo")
    monkeypatch.setattr(observers, "TIMEOUT", 0.2)
    text = refusal(line, capsys, observed=True)
    assert REFUSED[line] in text and "secret" not in text
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    "flag, package", [("--mongo_db", "pymongo"), ("--sql", "sqlalchemy")]
)
def test_a_package_that_is_absent_is_named(flag, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    value = {"--mongo_db": "localhost:27017:vimss", "--sql": "sqlite:///r.db"}[flag]
    with pytest.raises(InputError, match="requirements-observers.txt, or leave out -"):
        observers.check({flag: value})


def stored(line, database):
    """What a run leaves in a database of MongoDB: its runs and metrics."""
    ex = verb(scored)
    ex.sources = set(sorted(ex.sources)[:3])  # each is several messages
    run(line, ex, observed=True)
    return [list(database(name)) for name in ("runs", "metrics")]


def check(runs, metrics, numbers):
    assert [one["_id"] for one in runs] == numbers
    assert all((x["status"], x["result"]) == ("COMPLETED", 0.5) for x in runs)
    assert runs[0]["config"]["data"]["splits"] == "composition"
    assert "heard" in runs[0]["captured_out"]
    assert (metrics[0]["name"], metrics[0]["values"]) == ("train_loss", [0.25])


def test_what_is_sent_to_mongodb_is_the_run_and_its_losses(here):
    pytest.importorskip("pymongo")
    from tests.mongo_made import Server

    with Server() as server:
        line = f"-m 127.0.0.1:{server.port}:vimss with urmp"
        for numbers in ([1], [1, 2]):
            told = stored(line, lambda name: server.kept[f"vimss.{name}"])
            check(*told, numbers)
    assert (here / "runs/2/config.json").exists()


def test_a_mongo_server_keeps_the_run_and_its_losses(here):
    pymongo = pytest.importorskip("pymongo")
    program = shutil.which("mongod")
    if program is None:
        pytest.skip("mongod, MongoDB's server, is not on PATH")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (here / "db").mkdir()
    words = [program, "--dbpath", "db", "--port", str(port), "--bind_ip", "127.0.0.1"]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        with pymongo.MongoClient("127.0.0.1", port) as client:
            client.admin.command("ping")  # waits until it is there
            line = f"-m 127.0.0.1:{port}:vimss with urmp"
            check(*stored(line, lambda name: client["vimss"][name].find()), [1])
    finally:
        server.terminate()
        server.wait()
