"""The file of a state: whole or the old one, whatever happens to it."""

import errno
import resource
import signal
import types

import numpy as np
import pytest
import tensorflow as tf

from Learning import guards, signals, start, state
from Learning.folder import RunFolder
from Schema import InputError
from tests.test_state import fit_once


def test_a_state_of_another_model_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "state.npz"
    state.save(path, {"model": [np.zeros([2, 3])]}, {"epoch": 1})
    variable = tf.Variable(tf.ones([2, 2]), name="kernel")
    with pytest.raises(InputError, match=r"kernel:?0? is \(2, 3\) there and \(2, 2\)"):
        state.restore(path, {"model": [variable]})
    with pytest.raises(InputError, match="1 model variables, this run has 2"):
        state.restore(path, {"model": [variable, variable]})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="state.npz is not a state of training"):
        state.restore(path, {"model": [variable]})
    with pytest.raises(InputError, match="nowhere.npz does not exist"):
        state.restore(tmp_path / "nowhere.npz", {})
    np.testing.assert_array_equal(variable, np.ones([2, 2]))


def test_a_crash_while_the_state_is_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    state.save(path, {"model": [np.ones(3)]}, {"epoch": 1})
    monkeypatch.setattr(np, "savez", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        state.save(path, {"model": [np.zeros(3)]}, {"epoch": 2})
    variable = tf.Variable(tf.zeros(3))
    assert state.restore(path, {"model": [variable]}).progress == {"epoch": 1}
    np.testing.assert_array_equal(variable, np.ones(3))
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


def two_states(path):
    """Writes two states, of epochs 1 and 2; a variable to read them into."""
    for epoch in (1, 2):
        state.save(path, {"model": [np.full(300, epoch, "f4")]}, {"epoch": epoch})
    return tf.Variable(tf.zeros(300))


def test_any_wrong_bit_is_found_or_harmless(tmp_path):
    path = tmp_path / "state.npz"
    state.save(path, {"model": [np.arange(4.0), np.ones(2)]}, {"epoch": 1})
    content, found = path.read_bytes(), 0
    for place in range(0, len(content), 3):
        wrong = bytearray(content)
        wrong[place] ^= 1 << (place % 8)
        path.write_bytes(wrong)
        try:
            archive = state.read(path)
        except state.DamagedError:
            found += 1
            continue
        assert archive.progress == {"epoch": 1}, place
        np.testing.assert_array_equal(archive.groups["model"][0], np.arange(4.0))
        np.testing.assert_array_equal(archive.groups["model"][1], np.ones(2))
    assert found > len(content) // 6


@pytest.mark.parametrize("harm", ["cut", "bit", "gone"])
def test_a_damaged_state_gives_way_to_the_one_before_and_says_so(
    tmp_path, capsys, harm
):
    path = tmp_path / "state.npz"
    variable = two_states(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content[:-40] if harm == "cut" else content)
    if harm == "gone":
        path.unlink()
    archive = state.restore_newest(path, {"model": [variable]})
    assert archive.progress == {"epoch": 1} and variable.numpy().tolist() == [1.0] * 300
    said = capsys.readouterr().out
    assert str(path) in said and "the one before takes its place" in said
    assert state.restore(path, {"model": [variable]}).progress == {"epoch": 1}
    # The next state has a good one behind it again.
    state.save(path, {"model": [variable]}, {"epoch": 2})
    assert state.read(state.before(path)).progress == {"epoch": 1}


def test_two_damaged_states_are_refused_by_name(tmp_path):
    path = tmp_path / "state.npz"
    variable = two_states(path)
    for each in (path, state.before(path)):
        each.write_bytes(each.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"state.npz is not .*state.before.npz is not"):
        state.restore_newest(path, {"model": [variable]})


def test_a_state_that_cannot_go_on_is_refused_and_stays_as_it_is(tmp_path):
    model = types.SimpleNamespace(variables=[tf.Variable([1.0])])
    path = RunFolder(tmp_path).state
    told = {"max_epochs": 2, "second_stage": None, "schedule": "exponential"}
    with pytest.raises(InputError, match="state.npz does not exist"):
        start.check_state(tmp_path, model, told)
    groups = {"model": [[5.0]], "optimizer": [4]}
    state.save(path, groups, {"history": [{}], "stage": 1})
    start.check_state(tmp_path, model, told)
    with pytest.raises(InputError, match="1 epochs are trained already"):
        start.check_state(tmp_path, model, told | {"max_epochs": 1})
    state.save(path, groups, {"history": [{}], "stage": 2})
    start.check_state(tmp_path, model, told | {"second_stage": 1e-5})
    with pytest.raises(InputError, match="second_stage=None, but .* is in its second"):
        start.check_state(tmp_path, model, told)
    path.write_bytes(path.read_bytes()[:-40])
    start.check_state(tmp_path, model, told)  # the one before is sound
    found = sorted(p.name for p in path.parent.iterdir())
    assert found == ["state.before.npz", "state.npz"]
    assert model.variables[0].numpy() == 1.0


def test_a_state_of_another_model_is_no_damage(tmp_path):
    path = tmp_path / "state.npz"
    two_states(path)
    with pytest.raises(InputError, match=r"\(300,\) there and \(2,\) here"):
        state.restore_newest(path, {"model": [tf.Variable([0.0, 0.0])]})


def limit_of_files(path):
    """Saves as ever, but no file may have more than 1,000 bytes, as `ulimit -f`."""
    real = np.savez

    def savez(file, **arrays):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            real(file, **arrays)
            file.flush()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return savez


def full_disk(path):
    """A disk without room."""

    def savez(file, **arrays):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    return savez


@pytest.mark.parametrize("trouble", [limit_of_files, full_disk])
def test_a_full_disk_stops_the_run_and_leaves_the_last_state(
    tmp_path, monkeypatch, trouble
):
    path = tmp_path / "state.npz"

    def fill(history):
        if len(history) == 3:
            monkeypatch.setattr(np, "savez", trouble(path))

    with pytest.raises(guards.StoppedError, match="the disk is full") as error:
        fit_once(path, 6, on_epoch=fill)
    assert str(path) in str(error.value) and "make room" in str(error.value)
    monkeypatch.undo()
    assert {p.name for p in tmp_path.iterdir()} == {"state.npz", "state.before.npz"}
    resumed, _ = fit_once(path, 4)
    assert [row["step"] for row in resumed] == [7, 14, 21, 28]


def test_another_error_is_not_called_a_full_disk():
    with pytest.raises(PermissionError):
        with guards.room_for("x", "y"):
            raise PermissionError(errno.EACCES, "no")


def test_ctrl_c_waits_until_a_state_is_written(tmp_path, monkeypatch):
    real, seen = np.savez, []

    def savez(*given, **arrays):
        signal.raise_signal(signal.SIGINT)
        real(*given, **arrays)
        seen.append("written")

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(KeyboardInterrupt):
        with signals.undisturbed():
            state.save(tmp_path / "state.npz", {"model": [np.ones(3)]}, {})
    assert seen == ["written"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert state.read(tmp_path / "state.npz").groups["model"][0].tolist() == [1] * 3


def test_a_full_disk_is_met_before_the_best_model_is_written(tmp_path):
    home = RunFolder(tmp_path / "1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(guards.StoppedError, match="1/checkpoint cannot be written"):
            with guards.room_for("the best model", "the one before is kept"):
                home.check_room(2000)
        home.check_room(900)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(home.checkpoint.iterdir()) == []
