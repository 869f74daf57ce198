"""Commands told to users can be typed as they are, whatever folders are called."""

import pathlib
import shlex
import types

import pytest

from Evaluating import comparing
from launch import nodes, watching
from Models import correspondence
from Schema import InputError

FOLDER = pathlib.Path("my runs", "1")


def compared(capsys):
    with pytest.raises(InputError) as error:
        comparing.scores_of(FOLDER, "test")
    return str(error.value).split("`")[1]


def watched(capsys, monkeypatch):
    monkeypatch.setattr(watching, "status", lambda *_: "ended 0")
    monkeypatch.setattr(nodes, "fetch", lambda *_: None)
    job = types.SimpleNamespace(folder=FOLDER, write=lambda: None)
    watching.follow(types.SimpleNamespace(dry_run=False), job, 0, 0, 0)
    return capsys.readouterr().out.partition("next    ")[2]


@pytest.mark.parametrize("teller", ["comparing", "watching", "correspondence"])
def test_a_folder_with_a_blank_is_one_word(teller, capsys, monkeypatch):
    if teller == "comparing":
        word, told = "run", compared(capsys)
    elif teller == "watching":
        word, told = "run", watched(capsys, monkeypatch)
    else:
        word, told = "training.warm_start", correspondence.command(FOLDER, 2)
    assert f"{word}={FOLDER}" in shlex.split(told)
