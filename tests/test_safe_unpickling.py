"""Pickled arrays are read; nothing that a pickle asks for runs."""

import collections
import io
import os
import pickle
import pickletools
import subprocess

import numpy as np
import pytest

from Datasets.safe_unpickling import load_objects
from Schema import InputError

ENTRIES = [
    {"file": "cello1.wav", "to": [0.5, 4.0], "tf": [3.5, 9.25]},
    {"file": "vc 'né' 琴.wav", "to": [], "tf": []},
    {"file": "tuba2.wav", "to": np.array([1.0, 2.0]), "tf": [np.float64(3.0), 7]},
]


def write(path, payload, shape=(3,)):
    """A .npy file of objects with any payload behind its header."""
    with open(path, "wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(payload)
    return path


def of_objects(entries=ENTRIES):
    array = np.empty(len(entries), object)
    array[:] = entries
    return array


def check(read):
    assert read.shape == (3,) and read.dtype == object
    assert read[0] == ENTRIES[0] and read[1] == ENTRIES[1]
    np.testing.assert_array_equal(read[2]["to"], [1.0, 2.0])
    assert read[2]["tf"] == [3.0, 7] and type(read[2]["tf"][0]) is float


def test_what_numpy_saves_is_read(tmp_path):
    np.save(tmp_path / "a.npy", of_objects(), allow_pickle=True)
    check(load_objects(tmp_path / "a.npy"))


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("module", [b"numpy.core", b"numpy._core"])
def test_every_protocol_and_both_spellings_of_numpy_are_read(
    tmp_path, protocol, module
):
    payload = pickle.dumps(of_objects(), protocol)
    if protocol < 4:  # names with their length before them cannot be replaced
        payload = payload.replace(b"numpy._core", module)
        assert module + b".multiarray" in payload
    check(load_objects(write(tmp_path / "a.npy", payload)))


def test_numpy_1_is_read_in_protocol_4(tmp_path):
    new, old = "numpy._core.multiarray", "numpy.core.multiarray"
    payload = pickle.dumps(of_objects(), 4)
    # A string with its length before it, inside a frame whose length counts it, too.
    payload = payload.replace(
        bytes([0x8C, len(new)]) + new.encode(), bytes([0x8C, len(old)]) + old.encode()
    )
    frame = len(payload) - 11  # PROTO and its number, FRAME and its 8 bytes
    payload = payload[:3] + frame.to_bytes(8, "little") + payload[11:]
    assert old.encode() in payload
    check(load_objects(write(tmp_path / "a.npy", payload)))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(4, dtype=">i2"),
        np.array(["cello", "vc"]),
        np.zeros((0, 2)),
        np.array([True, False]),
    ],
    ids=["floats", "columns", "big-endian", "strings", "empty", "truths"],
)
@pytest.mark.parametrize("inside", [False, True])
def test_arrays_are_read_as_numpy_reads_them(tmp_path, array, inside):
    path = tmp_path / "a.npy"
    np.save(path, of_objects([{"x": array}]) if inside else array, allow_pickle=True)
    read = load_objects(path)
    read = read[0]["x"] if inside else read
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype


class Runs:
    """A pickle that calls a function with arguments when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Array(np.ndarray):
    pass


MALICIOUS = {
    r"(posix|nt)\.system": lambda mark: Runs(os.system, f"touch {mark}"),
    r"builtins\.eval|__builtin__\.eval": lambda mark: Runs(
        eval, f"open({mark!r}, 'w')"
    ),
    # Protocols 0 and 2 give it the name that it had in Python 2.
    r"(subprocess|commands)\.Popen": lambda mark: Runs(
        subprocess.Popen, ["touch", mark]
    ),
    r"getattr": lambda mark: Runs(getattr, "", "join"),
    r"OrderedDict": lambda mark: collections.OrderedDict(a=1),
    r"numpy\.load": lambda mark: Runs(np.load, mark),
    r"tests\.test_safe_unpickling\.Array": lambda mark: np.zeros(2).view(Array),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("name", MALICIOUS)
def test_a_malicious_pickle_is_refused_by_name_and_runs_nothing(
    tmp_path, name, protocol
):
    mark, path = tmp_path / "mark", tmp_path / "it's bad.npy"
    payload = pickle.dumps(of_objects([MALICIOUS[name](str(mark))]), protocol)
    write(path, payload, (1,))
    with pytest.raises(InputError, match=rf"it's bad\.npy is refused.*({name})"):
        load_objects(path)
    assert not mark.exists()


def test_the_payloads_of_these_tests_do_run_when_numpy_reads_them(tmp_path):
    mark = tmp_path / "mark"
    payload = pickle.dumps(of_objects([Runs(os.system, f"touch {mark}")]), 2)
    np.load(write(tmp_path / "a.npy", payload, (1,)), allow_pickle=True)
    assert mark.exists()


TRICKS = {  # opcodes, written by hand
    "global by a path of attributes": (
        b"\x80\x04\x8c\x05numpy\x8c\x15ndarray.__class__.mro\x93.",
        r"numpy\.ndarray\.__class__",
    ),
    "old instance": (b"(S'touch x'\niposix\nsystem\n.", r"posix\.system"),
    "object of a class": (b"(cposix\nsystem\nS'touch x'\no.", "operation OBJ"),
    "extension registry": (b"\x82\x01.", "operation EXT1"),
    "persistent id": (b"Pabc\n.", "operation PERSID"),
    "changed function": (
        b"cnumpy\ndtype\n(dS'__call__'\nS'x'\nsb.",
        "changes dtype",
    ),
    "memo of 4 billion": (b"]r\xff\xff\xff\xff.", "more memory"),
    "set": (b"\x80\x04\x8f.", "operation EMPTY_SET"),
    "nothing": (b"N.", "holds a NoneType"),
    "type instead of an array": (
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR.",
        "holds a dtype",
    ),
}


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_of_opcodes_is_refused(tmp_path, name):
    payload, message = TRICKS[name]
    with pytest.raises(InputError, match=f"a.npy is refused.*{message}"):
        load_objects(write(tmp_path / "a.npy", payload, (1,)))


def test_lists_inside_one_another_neither_explode_nor_overflow(tmp_path):
    deep = b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."
    with pytest.raises(InputError):
        load_objects(write(tmp_path / "deep.npy", deep, (1,)))
    twice = []
    for _ in range(64):  # 2^64 leaves, if every mention were followed
        twice = [twice, twice]
    payload = pickle.dumps(of_objects([{"x": twice}]), 4)
    read = load_objects(write(tmp_path / "twice.npy", payload, (1,)))
    assert read[0]["x"][0] is read[0]["x"][1]


def test_an_array_that_lies_about_its_size_is_refused(tmp_path):
    payload = pickle.dumps(of_objects([{"x": np.arange(4.0)}]), 2)
    assert payload.count(b"K\x04\x85") == 1  # the shape: (4,)
    wrong = payload.replace(b"K\x04\x85", b"K\x05\x85")
    with pytest.raises(InputError, match="a.npy is no whole .npy file"):
        load_objects(write(tmp_path / "a.npy", wrong, (1,)))
    with pytest.raises(InputError, match="another array"):
        load_objects(write(tmp_path / "b.npy", payload, (2,)))


def test_a_file_that_ends_anywhere_is_refused(tmp_path):
    whole = io.BytesIO()
    np.save(whole, of_objects(), allow_pickle=True)
    whole = whole.getvalue()
    for length in (0, 4, 8, 60, 128, 140, len(whole) // 2, len(whole) - 1):
        path = tmp_path / f"{length}.npy"
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=rf"{length}\.npy is no whole .npy file"):
            load_objects(path)


@pytest.mark.parametrize("content", [b"file,to,tf\n", pickle.dumps([1.0])])
def test_another_kind_of_file_is_refused(tmp_path, content):
    path = tmp_path / "times.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match="times.npy is no whole .npy file"):
        load_objects(path)
    with pytest.raises(InputError, match="absent.npy cannot be read"):
        load_objects(tmp_path / "absent.npy")


def test_bytes_changed_at_random_give_an_error_or_plain_values(tmp_path):
    payload = pickle.dumps(of_objects(), 4)
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(300):
        damaged = bytearray(payload)
        for place in rng.integers(0, len(payload), 3):
            damaged[place] = rng.integers(256)
        path = write(tmp_path / "a.npy", bytes(damaged))
        try:
            read = load_objects(path)
        except InputError as error:
            told += "a.npy" in str(error)
        else:
            assert isinstance(read, np.ndarray)
            told += 1
    assert told == 300


def test_every_opcode_that_is_let_through_exists():
    from Datasets import safe_unpickling

    names = {opcode.name for opcode in pickletools.opcodes}
    assert names >= safe_unpickling._OPCODES
