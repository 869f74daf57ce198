"""Runs the jobs of a sweep, some at once, and stops them so that they can go on."""

import contextlib
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

from tqdm import tqdm

from launch import going_on, sweep_runs, sweep_shares
from Schema import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ROOT = pathlib.Path(__file__).resolve().parents[1]
CUT_OFF = (130, 143, -signal.SIGINT, -signal.SIGTERM)  # of who was asked to stop
TICK = 0.1  # seconds between two looks at the processes
EPOCHS = 2.0  # seconds between two looks at their epochs


def verb(name, *words):
    """Command line of a verb, as it can be typed where this program was."""
    here = pathlib.Path.cwd() == ROOT
    return [sys.executable, name if here else str(ROOT / name), *words]


def training(job):
    """Command line that starts a job, or goes on with it."""
    python, script = verb("Training.py")
    _, _, *words = going_on.command(job.folder, list(job.words), python)
    return [python, script, *words]


def next_step(job, look, evaluation, again):
    """(What is to be done next, its command line), or None.

    Args:
      job: `sweep_plan.Job`.
      look: Its `sweep_runs.Look`.
      evaluation: Words of Evaluate.py, or None: nothing is evaluated.
      again: Whether what failed is tried again.
    """
    if look.stage == "trained":
        if evaluation is None or look.scores or (look.unscored and not again):
            return None
        return "evaluate", verb("Evaluate.py", "with", f"run={look.run}", *evaluation)
    if look.stage == "failed" and not again:
        return None
    return "train", training(job)


def locked(job):
    """The open lock of a job, which its process inherits: it outlives this program.

    Raises:
      InputError: If a process has it.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    file = open(job.folder / ".lock", "a+", encoding="utf-8")
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        number = file.read().strip()
        file.close()
        raise InputError(
            f"{job.folder} is still at work for a sweep that is gone: wait for it, or "
            f"type `kill {number}`, which saves its state"
        ) from None
    return file


class Active:
    """A process at work on a job.

    Args:
      job: `sweep_plan.Job`.
      kind: "train" or "evaluate".
      words: Its command line.
      share: Of `sweep_shares.shares`.
      began: Of the job's first step, by time.monotonic(); None: this is it.
    """

    def __init__(self, job, kind, words, share, began=None):
        cores, environment, _ = share
        self.job, self.kind, self.began = job, kind, began or time.monotonic()
        self._lock = locked(job)
        self._log = open(job.folder / "log.txt", "a", encoding="utf-8")
        print(f"\n$ {shlex.join(words)}", file=self._log, flush=True)
        with sweep_shares.on_cores(cores):
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env=os.environ | environment,
                pass_fds=(self._lock.fileno(),) if fcntl is not None else (),
                start_new_session=True,  # Ctrl-C is handed on, once
            )
        self._lock.truncate(0)
        print(self.process.pid, file=self._lock, flush=True)

    def end(self, force=False):
        """Asks it to save and stop, or makes it stop."""
        with contextlib.suppress(ProcessLookupError):
            if force:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.terminate()

    def close(self):
        """After its end."""
        self._log.close()
        self._lock.close()


class Pool:
    """The jobs that are left, those at work, and how to stop.

    Args:
      jobs: `sweep_plan.Job`s to be done.
      shares: Of `sweep_shares.shares`, one for each that runs at once.
      evaluation: Words of Evaluate.py, or None.
      again: Whether what failed is tried again, once.

    Attributes:
      signals: Those that came; the first stops, the second kills.
    """

    def __init__(self, jobs, shares, evaluation=None, again=False):
        self.left, self.total, self.ended = list(jobs), len(jobs), 0
        self.shares, self.evaluation, self.again = shares, evaluation, again
        self.active, self.signals = {}, []  # of shares: their number
        self._asked, self._began, self._looked = 0, time.monotonic(), 0.0

    def run(self):
        """Runs all; returns the number of the signal that stopped it, or None."""
        numbers = ("SIGINT", "SIGTERM", "SIGHUP")
        numbers = [getattr(signal, n) for n in numbers if hasattr(signal, n)]
        old = {
            number: signal.signal(number, lambda number, _: self.signals.append(number))
            for number in numbers
        }
        form = "{percentage:3.0f}%|{bar}| {n:.1f}/{total} runs [{elapsed}<{remaining}]"
        hidden = not sys.stderr.isatty()
        try:
            with tqdm(
                total=self.total,
                disable=hidden,
                smoothing=0,
                leave=False,
                bar_format=form + "{postfix}",
            ) as self.bar:
                while self.active or (self.left and not self.signals):
                    self._turn()
                    time.sleep(TICK)
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
        return self.signals[0] if self.signals else None

    def _turn(self):
        """Starts, looks, stops."""
        if len(self.signals) > self._asked:
            self._asked = len(self.signals)
            force = self._asked > 1
            told = "killed" if force else "each saves its state; once more kills them"
            self.say(f"stop    {len(self.active)} at work: {told}")
            for one in self.active.values():
                one.end(force)
        for k in range(len(self.shares)):
            if k not in self.active and self.left and not self.signals:
                job = self.left.pop(0)
                if not self._start(k, job, self.again):  # meanwhile
                    self._count(f"skip    {job.name}")
        for k, one in list(self.active.items()):
            if one.process.poll() is not None:
                del self.active[k]
                one.close()
                self._ended(k, one, one.process.returncode)
        if time.monotonic() - self._looked > EPOCHS and not self.bar.disable:
            self._looked = time.monotonic()
            self._show()

    def _start(self, k, job, again=False, began=None):
        """Takes a job's next step, if there is one; whether there is."""
        try:
            look = sweep_runs.look(job, self.evaluation)
            step = next_step(job, look, self.evaluation, again)
            if step is None:
                return False
            self.active[k] = Active(job, *step, self.shares[k], began)
        except InputError as error:  # somebody else was at its folder meanwhile
            self.say(f"left    {error}")
            return False
        if step[0] == "train":
            told = {"words": list(job.words), "files": sweep_runs.files(job)}
            sweep_runs.note(job, **told, failed=None)
        told = {"train": "resume" if look.resumed else "train", "evaluate": "score"}
        told = told[step[0]]
        self.say(f"{told:8}{job.name}")
        return True

    def _ended(self, k, one, status):
        """Notes how a process ended; goes on with the job's next step."""
        job, lines = one.job, None
        stopped = bool(self.signals) and status != 0
        if status not in (0, *CUT_OFF) and not stopped:
            lines = sweep_runs.last_lines(job)
            if status < 0:
                name = signal.Signals(-status).name
                lines = f"killed by {name} (out of memory?): {lines}"
        if one.kind == "train":
            run = sweep_runs.newest(job)
            if status == 0 and not sweep_runs.has_ended(run):
                lines = f"Training.py ended, but {run or 'no run'} is not complete"
            sweep_runs.note(job, failed=lines)
        elif status == 0 or lines:
            run = sweep_runs.newest(job)
            found = None if lines else sweep_runs.newest_scores(run)
            if found is None and lines is None:
                lines = "Evaluate.py wrote no results.csv"
            found = found and found.relative_to(job.folder).as_posix()
            told = {"words": list(self.evaluation), "run": run.name, "failed": lines}
            sweep_runs.note(job, evaluation=told | {"results": found})
        word = "failed" if lines else "stopped" if status else "done"
        more = f": {lines}" if lines else f", {time.monotonic() - one.began:.0f} s"
        if status == 0 and not lines and not self.signals:
            if self._start(k, job, began=one.began):
                return
        self._count(f"{word:8}{job.name}{more}")

    def _count(self, line):
        """Counts a job as ended, and says how long the others will take if as long."""
        self.ended, self._looked = self.ended + 1, 0.0
        each = (time.monotonic() - self._began) / self.ended
        seconds = each * (self.total - self.ended)
        told = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
        goes_on = self.ended < self.total and not self.signals
        line += f"; {self.ended}/{self.total}"
        self.say(line + (f", some {told} left" if goes_on else ""))

    def _show(self):
        """The bar: runs that have ended, and shares of those at work."""
        done, words = float(self.ended), []
        for one in self.active.values():
            n, most = sweep_runs.epochs(sweep_runs.newest(one.job))
            if one.kind == "train":
                words.append(f"{one.job.name} epoch {n + 1}")
                done += min(n / most, 1) if most else 0
            else:
                words.append(f"{one.job.name} is scored")
                done += 1
        self.bar.set_postfix_str("; ".join(words), refresh=False)
        self.bar.n = done
        self.bar.refresh()

    def say(self, line):
        """Prints a line above the bar."""
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()
