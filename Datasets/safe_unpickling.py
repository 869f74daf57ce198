"""Reads `.npy` files of pickled objects without letting them run anything.

A pickle is a program: `np.load(..., allow_pickle=True)` runs what its author wrote.
Here a file may hold lists, dicts with plain keys, strings, numbers and NumPy arrays.

First every opcode is looked at and only those that such values need are let through.
Then Python's own unpickler runs with stand-ins for the few names that NumPy, from 1.16
to 2, writes for its arrays; every other name is refused.  A stand-in only notes what it
was called with; the arrays are made afterwards, from notes that have been checked.
"""

import io
import math
import pickle
import pickletools
import re

import numpy as np

from Schema import InputError

# Opcodes of lists, dicts, strings, numbers, bytes, tuples, names, calls and memory.
_OPCODES = frozenset(
    """
    PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE
    INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8
    SHORT_BINBYTES BINBYTES BINBYTES8
    EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE
    GLOBAL STACK_GLOBAL REDUCE BUILD
    """.split()
)
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
_ERRORS = (
    *(pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError),
    *(TypeError, ValueError, OverflowError, MemoryError, RecursionError),
)
# What an array's elements may be: numbers, strings, or objects, which are listed.
_DATA_TYPE = re.compile(r"[biufSUO]\d{1,4}")
_PLAIN = (str, float, int)


class _RefusedError(Exception):
    """What a pickle asks for, and is not given."""


class _Noted:
    """What stands for a NumPy array or type until the pickle has been read."""

    __slots__ = ("state", "what")

    def __init__(self, what):
        self.what, self.state = what, None

    def __setstate__(self, state):
        self.state = state


class _Called:
    """What stands for a function of NumPy: it notes its arguments, and runs nothing."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __call__(self, *arguments):
        return _Noted((self.name, arguments))

    def __setstate__(self, state):
        raise _RefusedError(f"it changes {self.name}")


# (module, name): stand-in.  NumPy 2 calls its modules numpy._core; protocol 2, which
# NumPy 1.16 wrote, spells bytes as calls of _codecs.encode.
_NAMES = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    **{
        (f"numpy.{core}.multiarray", name): name
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    },
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _NAMES:
            raise _RefusedError(f"it asks for {module}.{name}")
        return _Called(_NAMES[module, name])


def load_objects(path):
    """Reads a `.npy` file, of numbers or of pickled lists, dicts, strings and arrays.

    Args:
      path: File that `np.save` wrote.

    Returns:
      np.ndarray.  If it is one of objects, they are lists, dicts, str, float, int and
      arrays; NumPy's scalars have become Python's.

    Raises:
      InputError: If the file is absent or damaged, or holds or asks for anything else.
    """
    try:
        with open(path, "rb") as file:
            shape, data_type = _header(file)
            if not data_type.hasobject:
                file.seek(0)
                return np.lib.format.read_array(file, allow_pickle=False)
            array = _plain(_unpickled(file.read()), {})
        if not isinstance(array, np.ndarray) or array.shape != shape:
            raise _RefusedError("its header promises another array than it holds")
        return array
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    except _RefusedError as refused:
        raise InputError(
            f"{path} is refused: {refused}, and only lists, dicts, strings, numbers "
            "and arrays of them are read from pickles; get the file anew"
        ) from None
    except _ERRORS as error:
        raise InputError(
            f"{path} is no whole .npy file ({str(error) or type(error).__name__}); "
            "copy it anew"
        ) from None


def _header(file):
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise _RefusedError(f"its format is {version[0]}.{version[1]}")
    shape, _, data_type = readers[version](file)
    if data_type.hasobject and data_type != np.dtype(object):
        raise _RefusedError(f"its elements are {data_type}")
    return shape, data_type


def _unpickled(payload):
    """The payload's value, with `_Noted` for what NumPy would have made."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(payload)):
        if opcode.name not in _OPCODES:
            raise _RefusedError(f"it asks for {_wanted(opcode.name, argument)}")
        if opcode.name in _PUTS and int(argument) > number:
            raise _RefusedError("it asks for more memory than it fills")
    # latin1: of Python 2, whose strings are bytes.
    return _Unpickler(io.BytesIO(payload), encoding="latin1").load()


def _wanted(opcode, argument):
    if opcode == "INST":
        return ".".join(argument.split(" "))
    return f"the operation {opcode}"


def _plain(value, done):
    """Containers and numbers as they are, `_Noted` as NumPy's; `done` by identity."""
    if type(value) in _PLAIN:
        return value
    if id(value) in done:
        return done[id(value)][0]
    if type(value) is list:
        made = []
        done[id(value)] = made, value
        made.extend(_plain(member, done) for member in value)
    elif type(value) is dict:
        made = {}
        done[id(value)] = made, value
        for key, member in value.items():
            if type(key) not in _PLAIN:
                raise _RefusedError(f"it has a {type(key).__name__} for a key")
            made[key] = _plain(member, done)
    elif type(value) is _Noted:
        made = _made(value, done)
        done[id(value)] = made, value
    else:
        raise _RefusedError(f"it holds a {type(value).__name__}")
    return made


def _made(noted, done):
    """The array or number that NumPy would have made."""
    name, arguments = noted.what
    if name == "scalar" and len(arguments) == 2:
        data_type = _data_type(arguments[0])
        if data_type != np.dtype(object):
            return np.frombuffer(_bytes(arguments[1]), data_type, 1)[0].item()
    if name == "_reconstruct" and _is_array(arguments) and noted.state:
        _, shape, data_type, by_columns, data = noted.state
        return _array(shape, _data_type(data_type), by_columns, data, done)
    raise _RefusedError(f"it holds a {name}")


def _is_array(arguments):
    """Whether a call of _reconstruct is of an array itself, not of a subclass."""
    return isinstance(arguments[0], _Called) and arguments[0].name == "ndarray"


def _array(shape, data_type, by_columns, data, done):
    if data_type == np.dtype(object):
        if type(data) is not list or len(data) != math.prod(shape):
            raise _RefusedError("an array's header promises another number of elements")
        flat = np.empty(len(data), object)
        for k, member in enumerate(data):
            flat[k] = _plain(member, done)
    else:
        flat = np.frombuffer(_bytes(data), data_type).copy()
    return flat.reshape(shape, order="F" if by_columns else "C")


def _data_type(noted):
    """A type of numbers, strings or objects, from its code and its order of bytes."""
    if type(noted) is not _Noted or noted.what[0] != "dtype":
        raise _RefusedError("an array has no type")
    code, state = noted.what[1][0], noted.state or (3, "|")
    if type(code) is not str or not _DATA_TYPE.fullmatch(code):
        raise _RefusedError(f"an array is of type {code!r}")
    if any(part is not None for part in state[2:5]):
        raise _RefusedError("an array is of a type with parts")
    data_type = np.dtype(code)
    return data_type.newbyteorder(state[1]) if state[1] in "<>" else data_type


def _bytes(data):
    """Bytes, however they were spelled."""
    if type(data) is _Noted and data.what[0] == "encode":
        data, encoding = data.what[1]
        if encoding != "latin1":
            raise _RefusedError(f"bytes are spelled in {encoding!r}")
    if type(data) is str:
        data = data.encode("latin1")
    if type(data) is not bytes:
        raise _RefusedError(f"an array's bytes are a {type(data).__name__}")
    return data
