"""Video files -> what a front end sees in them, one at a time or on all cores."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import os

import cv2
import numpy as np
from tqdm import tqdm

from Models import vision
from Schema import InputError

JOBS = 8  # for each process, at least: it takes seconds to begin
RATE_SLACK = 1.05  # how much faster features may come than pictures: 30 for 29.97


class Watcher:
    """A front end and whatever opens videos for it.

    Attributes:
      front_end: `front_end.PlayersFrontEnd`.
      size: D, features of a player; [H, W, 3] of a front end that gives pictures.
      seen: {video, and where a stretch of it begins: (fallback, detection rate [P],
        what was lost)} so far.
    """

    def __init__(self, front_end, open_video, how=None):
        """Joins the two.

        Args:
          front_end: `front_end.PlayersFrontEnd`.
          how: Arguments of `vision.build` that made it, for `ahead`.
          open_video: open_video(path, rate, longest=pixels) -> an object with `info`
            and `lost`, to be iterated over again and again: `VideoReader`.  Of a
            stretch it is also told `start` and `seconds`.
        """
        self.front_end, self.open, self.how = front_end, open_video, how
        self.size, self.seen = front_end.size, {}

    def __call__(self, video, n_players=None, progress=False, span=None):
        """Watches a video.

        Args:
          video: File.
          n_players: How many play, if that is known.
          progress: Whether to show a bar, in frames; a video is watched more than once.
          span: (start, seconds) of the stretch that is watched; None: all of it.

        Returns:
          `front_end.Seen`.

        Raises:
          InputError: If the video cannot be read, or shows fewer pictures a second
            than the front end makes features.
        """
        rate = self.front_end.rate
        told = dict(zip(("start", "seconds"), span or ()))
        reader = self.open(video, rate, longest=self.front_end.longest, **told)
        if rate > RATE_SLACK * reader.info.rate:
            raise InputError(
                f"{video} shows {reader.info.rate:.3g} pictures a second, which are "
                f"too few for features of {rate:g} Hz: set visual.frame_rate="
                f"{reader.info.rate:.3g} or less, and train with it"
            )
        duration = span[1] if span else reader.info.duration
        total = duration and self.front_end.passes * round(duration * rate)
        with tqdm(
            total=total, unit=" frames", desc="watching", disable=not progress
        ) as bar:
            seen = self.front_end(_Counted(reader, bar), n_players)
        told = seen.fallback, seen.detection_rate, reader.lost
        self.seen[name_of(video, span)] = told
        return seen

    def __reduce__(self):
        """Image networks do not travel to other processes: they are built anew."""
        return _built, (self.how, self.open)

    def report(self):
        """Lines about what was seen of all videos."""
        if not self.seen:
            return
        rates = np.concatenate([rates for _, rates, _ in self.seen.values()])
        yield (
            f"{self.front_end.name}: {len(rates)} players in {len(self.seen)} videos, "
            f"detected in {100 * rates.mean():.0f} % of the looks"
        )
        for video, (fallback, _, lost) in self.seen.items():
            if fallback:
                yield f"  {video}: not all were found; {FALLBACKS[fallback]}"
            if lost:
                yield f"  {video}: {lost}"


def name_of(video, span=None):
    """How a video, or a stretch of one, is called in reports."""
    return f"{video} from {span[0]:.2f} s on" if span else str(video)


class Ahead:
    """Front ends in processes, which watch the next videos while one is asked for.

    A context manager; called as a `Watcher` is, best in the order of the jobs.

    Attributes:
      size: As of a `Watcher`.
      front_end: The same.
    """

    def __init__(self, watcher, jobs, workers):
        """Starts the processes.

        Args:
          watcher: `Watcher`, which gets to know what was seen.
          jobs: (video, n_players) or (video, n_players, span), as of a `Watcher`.
          workers: Processes.
        """
        self.size, self._watcher = watcher.size, watcher
        self.front_end = watcher.front_end
        self._jobs = collections.deque((*job, None)[:3] for job in jobs)
        self._ahead = {}
        # Processes start afresh: TensorFlow's threads don't survive a fork.
        self._pool = concurrent.futures.ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(watcher.how, watcher.open),
        )
        self._most = 2 * workers

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, video, n_players, span=None):
        """What is seen in a video, but for the `players` themselves."""
        while self._jobs and len(self._ahead) < self._most:
            job = self._jobs.popleft()
            self._ahead[job] = self._pool.submit(_watch, *job)
        job = (video, n_players, span)
        future = self._ahead.pop(job, None) or self._pool.submit(_watch, *job)
        seen, told = future.result()
        self._watcher.seen[name_of(video, span)] = told
        return seen


def ahead(watcher, jobs):
    """A context with the watcher itself or, for many jobs, an `Ahead`; as that.

    What has no `open` opens no videos: it is fast, and stays in this process.
    """
    if getattr(watcher, "open", None) is None:
        return contextlib.nullcontext(watcher)
    workers = min(os.cpu_count() or 1, len(jobs) // JOBS)
    if workers < 2:
        return contextlib.nullcontext(watcher)
    return Ahead(watcher, jobs, workers)


def _built(how, open_video):
    return Watcher(vision.build(*how), open_video, how)


def _begin(how, open_video):
    global _watcher
    cv2.setNumThreads(1)  # there is a process for each core
    _watcher = _built(how, open_video)


def _watch(video, n_players, span=None):
    seen = _watcher(video, n_players, span=span)
    told = _watcher.seen[name_of(video, span)]
    return dataclasses.replace(seen, players=[]), told


def of(model, weights, open_video):
    """A `Watcher` with the front end that a separator was trained with.

    Args:
      model: Separator that sees players.
      weights: File of the image network; None: those that VIMSS ships.
      open_video: As of `Watcher`.

    Raises:
      InputError: If the model does not tell, or the front end is another one now, or
        one that reads no videos.
    """
    if model.front_end is None:
        raise InputError(
            "the checkpoint does not tell what saw its players: give features float32 "
            "[P, F, D] in place of a video, or train it anew"
        )
    front_end = vision.rebuild(model.front_end, model.visual_rate, weights)
    if front_end.reads != "video":
        raise InputError(
            f"the checkpoint was trained with {model.front_end}, which reads the "
            f"{front_end.reads}, and no video gives that: give features float32 "
            "[P, F, D] of Models.vision.key_points in its place, or omit the video"
        )
    return Watcher(front_end, open_video)


FALLBACKS = {
    "seats": "columns of the picture stand for them (fallback: seats)",
    "scene": "the whole picture stands for them (fallback: scene)",
}


class _Counted:
    """Blocks of frames that move a bar."""

    def __init__(self, blocks, bar):
        self._blocks, self._bar = blocks, bar

    def __iter__(self):
        for block in self._blocks:
            yield block
            self._bar.update(len(block))
