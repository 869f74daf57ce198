"""What a front end saw, as files to look at: report.png, overlay.mp4, report.json."""

import pathlib

import numpy as np

import Utils
from Models.vision import drawing

TILES = 6  # frames in the picture


def write(folder, frames, seen, about, write_video, audio=None, sample_rate=None):
    """Writes the three files.

    Args:
      folder: Made if absent.
      frames: Iterable of blocks of frames, those that the front end saw.
      seen: `front_end.Seen`.
      about: dict of what else the JSON file holds; "input" names the video.
      write_video: write_video(path, frames, rate, audio, sample_rate) makes an MP4.
      audio: float [T, C], C at most 2, or None.
      sample_rate: Hz of the audio.

    Returns:
      dict, as in report.json.
    """
    folder, count, rate = pathlib.Path(folder), seen.boxes.shape[1], seen.rate
    chosen = np.unique(((np.arange(TILES) + 0.5) * count / TILES).astype(int))
    tiles = []
    shown = _overlaid(frames, seen, set(chosen.tolist()), tiles)
    with Utils.write_aside(folder / "overlay.mp4") as aside:
        write_video(aside, shown, rate, audio, sample_rate)
    told = {**about, **figures(seen)}
    levels = None if audio is None else loudness(audio, sample_rate, rate, count)
    page = drawing.report(
        *(tiles, (chosen + 0.5) / rate, seen.features[..., 0], levels, count / rate),
        [pathlib.Path(about["input"]).name, summary(told)],
    )
    with Utils.write_aside(folder / "report.png") as aside:
        drawing.write_png(aside, page)
    Utils.write_json(folder / "report.json", told)
    return told


def figures(seen):
    """What was found, as report.json holds it: s, Hz, shares of the picture."""
    return {
        "frame_rate": float(seen.rate),
        "n_frames": seen.boxes.shape[1],
        "fallback": seen.fallback,
        "detection_rate": round(float(seen.detection_rate.mean()), 3),
        "box_times": np.round((seen.instants + 0.5) / float(seen.rate), 4),
        "players": [
            {
                "how": player.how,
                "detection_rate": round(float(share), 3),
                "mean_speed": round(float(features[:, 0].mean()), 4),
                "boxes": player.boxes.astype(float).round(4),
            }
            for player, share, features in zip(
                seen.players, seen.detection_rate, seen.features
            )
        ],
    }


def summary(told):
    """One line about a report: players, how often they were detected, what is amiss."""
    if told["fallback"] == "scene":
        who = "no player found"
    else:
        noun = "player" if len(told["players"]) == 1 else "players"
        rates = [
            f"{100 * player['detection_rate']:.0f} %" for player in told["players"]
        ]
        who = f"{len(rates)} {noun}, detected in {', '.join(rates)} of the looks"
    fallback = f"fallback: {told['fallback']}" if told["fallback"] else None
    return "; ".join(part for part in (who, fallback, told.get("lost")) if part)


def loudness(audio, sample_rate, rate, count):
    """Level of each of `count` frames, dB of full scale [count], at least -120.

    Args:
      audio: float [T, C]; after its end is silence.
      sample_rate: Hz of the audio.
      rate: Hz of the frames.
      count: Frames.
    """
    edges = np.rint(np.arange(count + 1) / float(rate) * sample_rate).astype(int)
    power = np.square(audio, dtype=np.float64).mean(axis=1)
    total = np.concatenate([[0.0], np.cumsum(power)])
    total = total[np.minimum(edges, len(power))]
    return 10 * np.log10(np.maximum(np.diff(total) / np.diff(edges), 1e-12))


def _overlaid(frames, seen, wanted, kept):
    """Yields all frames with their overlay; keeps those of the wanted numbers."""
    hows = [player.how for player in seen.players]
    every = (frame for block in frames for frame in block)
    for k, frame in enumerate(every):
        frame = drawing.overlay(
            frame, seen.boxes[:, k], seen.masks(k), seen.points(k), hows
        )
        if k in wanted:
            kept.append(frame)
        yield frame
