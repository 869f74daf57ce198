"""Between a shell and a verb: options, help, and errors in one sentence.

    python VERB.py [COMMAND] [with NAME KEY=VALUE ...] [FLAGS]

Sacred evaluates the configuration.  What it leaves to its user is done here: an
option that does not exist, or has the wrong type, is refused before anything runs;
a verb that takes `run` or `resume` starts from what that run was told.
"""

import contextlib
import errno
import importlib
import logging
import os
import pathlib
import signal
import sys
import tempfile

from docopt import DocoptExit, docopt
from sacred.arg_parser import format_usage
from sacred.observers import FileStorageObserver
from sacred.utils import ConfigAddedError

import Remote
import Utils
from Console import observers, options
from Schema import InputError

# What TensorFlow 2.21 says whatever TF_CPP_MIN_LOG_LEVEL is: at every import, and on a
# machine without the driver of a GPU.
CHATTER = (
    b"oneDNN custom operations are on",
    b"before absl::InitializeLog()",
    b"cudart_stub.cc",
    b"cuInit: UNKNOWN ERROR (303)",
)


def main(experiment, observed, argv, optional, sections, check=None):
    """Runs a verb; ends the process on errors.  See `Config.command_line`."""
    argv = sys.argv if argv is None else argv
    verb = pathlib.Path(argv[0]).name
    signal.signal(signal.SIGTERM, _terminate)  # a cluster takes the machine away
    try:
        return start(experiment, observed, argv, optional, sections, check)
    except Terminated:
        _end(verb, "terminated", 143)
    except KeyboardInterrupt:
        _end(verb, "interrupted", 130)
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (InputError, OSError) as error:
        sentence = _sentence(error)
        if sentence is None or {"-d", "--debug"} & set(argv):
            raise
        _end(verb, sentence, 1)


def start(experiment, observed, argv, optional, sections, check=None):
    """`main`, with exceptions left as they are; returns Sacred's run."""
    args = _parse(experiment, argv)
    if args["help"] or args["--help"]:
        print(help_text(experiment))
        return None
    commands = dict(experiment.gather_commands())
    command = args["COMMAND"] or experiment.default_command
    if command not in commands:
        with_ = " (options follow the word `with`)" if "=" in command else ""
        raise InputError(
            f"{command}: there is no such command{with_}"
            + options.did_you_mean(command, commands)
        )
    if any("://" in text for text in argv):
        _wake()
    updates, names = options.typed(experiment, args["UPDATE"] or [], sections, command)
    names = options.inherit(experiment, updates, names)
    names = options.compose(experiment, updates, names)
    args["--loglevel"] = args["--loglevel"] or "WARNING"
    observers.check(args)
    experiment.logger = _logger()
    try:
        run = experiment._create_run(command, updates, names, {}, {}, args)
    except ConfigAddedError as error:
        key = next(iter(error.__conflicting_configs__))
        raise InputError(
            options.unknown(experiment, command, updates, names, key)
        ) from None
    options.check_types(run, optional)
    # TFDS warns of its own deprecated calls and of every data set's options.
    importlib.import_module("absl.logging").set_verbosity("error")
    if command in _ours(experiment):
        _wake()
        if check is not None and command == experiment.default_command:
            check(options.plain(run.config))
    _observe(run, observed)
    with Remote.giving_back():
        run()
    return run


def _wake():
    """Imports TensorFlow, without what it has to tell."""
    with quiet():
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()  # complains of a missing GPU


def _ours(experiment):
    """{name: function} of the commands that are not Sacred's."""
    every = experiment.commands.items()
    return {n: f for n, f in every if not f.__module__.startswith("sacred")}


def _observe(run, observed):
    """Sees to it that a run which should leave a folder can."""
    if (Utils.place() or Utils.Place()).index:  # the chief keeps the one folder
        run.observers.clear()
    else:
        told = run.observers, "runs" if observed else None
        run.observers[:] = observers.arrange(*told)
    if run.config.get("dry_run"):
        run.observers.clear()
    run.unobserved = run.unobserved or not run.observers
    for observer in [] if run.unobserved else _file_observers(run):
        observers.check_place(observer)
        os.makedirs(observer.basedir, exist_ok=True)
        tempfile.TemporaryFile(dir=observer.basedir).close()  # else: an OSError


def _file_observers(run):
    return [o for o in run.observers if isinstance(o, FileStorageObserver)]


def run_folder(run):
    """The folder of a run that Sacred has started, or None if it keeps none."""
    return next((o.dir for o in _file_observers(run)), None)


def _parse(experiment, argv):
    usage = format_usage("verb", "", {}, experiment.all_cli_options)
    try:
        return docopt(usage, argv[1:], default_help=False)
    except DocoptExit:
        raise InputError(
            f"cannot understand `{' '.join(argv[1:])}`; "
            f"see `python {pathlib.Path(argv[0]).name} help`"
        ) from None


def help_text(experiment):
    """A verb's own words, then the commands, named configurations and flags."""
    first = [("print_config", "all options with their values, and stop")]
    first += [("print_named_configs", "the named configurations, and stop")]
    for name, command in _ours(experiment).items():
        if name != experiment.default_command:
            first.append((name, (command.__doc__ or "").strip().split("\n")[0]))
    flags = [
        (
            ", ".join(option.get_flags()) + (f" {option.arg}" if option.arg else ""),
            " ".join(option.get_description().split("\n\n")[0].split()),
        )
        for option in experiment.all_cli_options
    ]
    lines = [experiment.doc.strip(), "", "Commands:"]
    lines += [f"  {name:32} {text}" for name, text in first]
    lines += ["", "Named configurations:", "  " + " ".join(experiment.named_configs)]
    lines += ["", "Flags:"] + [f"  {flag:32} {text}" for flag, text in flags]
    return "\n".join(lines)


@contextlib.contextmanager
def quiet():
    """Passes on at the end what the block wrote to file 2, except for `CHATTER`."""
    with tempfile.TemporaryFile() as kept:
        stderr = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            kept.seek(0)
            lines = [row for row in kept if not any(text in row for text in CHATTER)]
            os.write(2, b"".join(lines))


def _logger():
    """Sacred's log without what is said better here."""
    logger = logging.getLogger("vimss")
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        ours = ("Failed after", "Aborted after", "Changed type of config entry")
        handler.addFilter(lambda record: not str(record.msg).startswith(ours))
        logger.addHandler(handler)
    return logger


def _sentence(error):
    """One sentence about an error that a user can mend; None for a bug."""
    if isinstance(error, InputError):
        return str(error)
    where = error.filename or "a file"
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if error.errno in full or "No space left" in str(error):
        return f"{where}: the disk is full; free space or choose another folder"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where}: {error.strerror}; choose another folder or its permissions"
    paths = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
    if error.errno in (*paths, errno.ENAMETOOLONG):
        return f"{where}: {error.strerror}"
    return None


class Terminated(KeyboardInterrupt):
    """SIGTERM: what Ctrl-C saves is saved."""


def _terminate(*_):
    raise Terminated


def _end(verb, sentence, status):
    sys.stdout.flush()
    print(f"{verb}: {sentence}", file=sys.stderr)
    sys.exit(status)
