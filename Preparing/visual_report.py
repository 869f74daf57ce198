"""What the visual front end sees in a video: report.png, overlay.mp4, report.json."""

import dataclasses

from Datasets import media, video
from Models.vision import reports
from Models.vision.front_end import PlayersFrontEnd
from Models.vision.reports import summary  # noqa: F401

HIGHEST_RATE = 30.0  # Hz, of the frames of a report


def report_on(video_file, output, players=None):
    """Shows what the visual front end sees in a video.

    Args:
      video_file: File.
      output: Folder of report.png, overlay.mp4 and report.json; made if absent.
      players: How many play, if that is known.

    Returns:
      dict, as in report.json.

    Raises:
      InputError: If the file has no pictures that can be read.
    """
    rate = min(video.probe(video_file).rate, HIGHEST_RATE)
    reader = video.VideoReader(video_file, rate, longest=PlayersFrontEnd.longest)
    audio, sample_rate = None, None
    if reader.info.has_audio:
        audio, sample_rate = media.read_audio(video_file)
        audio = audio if audio.shape[1] <= 2 else media.to_channels(audio, 1)
    front_end = PlayersFrontEnd(rate=reader.rate)
    seen = front_end(reader, players)
    about = {
        "input": video_file,
        "video": dataclasses.asdict(reader.info),
        "lost": reader.lost,
        "front_end": front_end.name,
        "frame_size": list(reader.size),
    }
    return reports.write(
        output, reader, seen, about, media.write_video, audio, sample_rate
    )
