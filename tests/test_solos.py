"""Solos' stretches, its labels, and its key points as what records hold."""

import json
import types

import numpy as np
import pytest
import soundfile as sf

import Datasets
import Prepare
import Schema
from Datasets import skeletons, watching
from Datasets.frames import Frames
from Datasets.solos import layout
from Models import vision
from Models.vision import key_points, skeleton_features
from Models.vision import watching as watchers
from Schema import InputError
from tests import video_made
from tests.test_records import section
from tests.test_skeletons import body, write_solos

RATE = 8000
STAMPS = {
    "Violin": {"aaa": [[0, 24], [37, 74]], "gone": [[0, 30]]},
    "DoubleBass": {"-bb b": [[10, 49]]},
    "Bassoon": {"none": []},
}
SECONDS = 4.0


def sound(seed, seconds=SECONDS):
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE))
    return noise.astype(np.float32)


def write(raw, stamps=STAMPS, skeleton=True):
    raw.mkdir(parents=True, exist_ok=True)
    (raw / "solos_timestamps.json").write_text(json.dumps(stamps))
    ids = {name: list(members) for name, members in stamps.items()}
    (raw / "solos_ids.json").write_text(json.dumps(ids))
    for k, path in enumerate(("Violin/aaa.wav", "DoubleBass/-bb b.wav")):
        (raw / path).parent.mkdir(exist_ok=True)
        sf.write(raw / path, sound(k), RATE)
    if skeleton:
        write_solos(raw, {"aaa": body(100, 1), "-bb b": body(100, 2)})
    return raw


def builder(records, **options):
    return Datasets.make_builder("solos", records, splits="by_hash", **options)


def test_each_stretch_is_a_track_with_urmps_label(tmp_path):
    found = builder(tmp_path / "records").inventory(write(tmp_path))
    tracks = {track.id: track for track in found.all_tracks()}
    assert {name: t.sources[0].label for name, t in tracks.items()} == {
        "aaa_0": "vn",
        "aaa_1": "vn",
        "-bb b_0": "db",
    }
    assert sorted(layout.CODES.values()) == sorted(Schema.INSTRUMENTS)
    # Frames 37 to 74, the last one too, at 25 Hz.
    assert tracks["aaa_1"].start == 37 / 25
    assert tracks["aaa_1"].n_time == 38 / 25 * RATE
    assert tracks["aaa_1"].skeleton == (str(tmp_path / "skeleton.npy"), "aaa")
    homes = {s for s, ts in found.tracks.items() for t in ts if t.id[:3] == "aaa"}
    assert len(homes) == 1
    assert "no such file" in found.problems["gone"]
    assert set(found.problems) == {"gone"}
    assert any("1 videos of the list have no stretch" in x for x in found.report())
    assert any("skeletons: 3 of 3 stretches" in line for line in found.report())
    rows = {r["label"]: r for r in builder(tmp_path / "r").availability(tmp_path)}
    assert rows["Violin"]["missing"] == 1 and rows["all"]["wanted"] == 3


def test_other_stretches_of_the_same_files_are_another_data_set(tmp_path):
    made = builder(tmp_path / "records")
    one = made.fingerprint(made.inventory(write(tmp_path)))
    assert one == made.fingerprint(made.inventory(tmp_path))
    write(tmp_path, {**STAMPS, "Violin": {"aaa": [[0, 23], [37, 74]]}})
    assert one != made.fingerprint(made.inventory(tmp_path))


@pytest.mark.parametrize(
    "stamps, message",
    [
        ({"Violine": {}}, "no instrument 'Violine'; did you mean 'Violin'"),
        ({"Violin": ["aaa"]}, "is no list of Solos"),
        ({"Violin": {"aaa": [[5, 2]]}}, r"aaa has the stretch \[5, 2\]"),
        ({"Violin": {"aaa": [5, 2]}}, "aaa has the stretch"),
        ({"Violin": {"aaa": [[0, 200]]}}, "aaa.wav ends at 4.00 s, before the stretch"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(tmp_path, stamps, message):
    write(tmp_path)
    (tmp_path / "solos_timestamps.json").write_text(json.dumps(stamps))
    (tmp_path / "solos_ids.json").unlink()
    with pytest.raises(InputError, match=message):
        builder(tmp_path / "records").inventory(tmp_path)


# --- Key points ---------------------------------------------------------------
def test_the_front_end_knows_the_joints_of_the_files():
    assert list(key_points.JOINTS) == skeletons.joints()


def test_at_their_own_rate_features_are_those_of_the_stretch_alone():
    points = body(80, 3)
    seen = vision.build("solos_skeleton", 25.0)(points, 25.0, (20 / 25, 30 / 25))
    wanted = skeleton_features.features(points[20:50], 25.0, skeletons.joints())
    np.testing.assert_allclose(seen.features[0], wanted, atol=1e-5)


@pytest.mark.parametrize("rate, start", [(15.0, 0.0), (10.0, 1.37), (24.0, 0.8)])
def test_a_movement_keeps_its_time_at_another_rate(rate, start):
    """A wrist that moves evenly is at each frame where it is in its middle."""
    points = np.zeros([100, 47, 3], np.float32)
    joints = skeletons.joints()
    points[..., 2] = 1
    points[:, joints.index("right_shoulder"), 0] = -50
    points[:, joints.index("left_shoulder"), 0] = 50
    points[:, joints.index("right_wrist"), 0] = (np.arange(100) + 0.5) / 25 * 100
    seconds = 2.0
    seen = vision.build("solos_skeleton", rate)(points, 25.0, (start, seconds))
    assert seen.features.shape[1] == np.ceil(seconds * rate - 0.5)
    k = skeleton_features.names(joints).index("right_wrist_x")
    middles = start + (np.arange(seen.features.shape[1]) + 0.5) / rate
    # One shoulder width is 100 pixels: so many are s; half a key point at the ends.
    assert np.abs(seen.features[0, :, k] - middles).max() <= 0.5 / 25 + 1e-4
    assert np.abs(seen.features[0, 2:-2, k] - middles[2:-2]).max() < 1e-4


def test_key_points_that_cannot_serve_are_refused(tmp_path):
    path = str(write_solos(tmp_path, {"a": body(50, 1)}))
    front_end = vision.build("solos_skeleton", 15.0)
    read = key_points.KeyPointsReader(front_end, skeletons.read)
    with pytest.raises(InputError, match="a: the key points end after 2.00 s"):
        read((path, "a"), 1, span=(3.0, 1.0))
    with pytest.raises(InputError, match="one player, not 2"):
        read((path, "a"), 2)
    with pytest.raises(InputError, match="visual.frame_rate=25 or less"):
        vision.build("solos_skeleton", 50.0)(body(50, 1), 25.0)
    with pytest.raises(InputError, match="has no image network"):
        vision.build("solos_skeleton", 15.0, "x.npz")


def test_a_checkpoint_that_reads_key_points_refuses_a_video():
    class Model:
        front_end, visual_rate = vision.build("solos_skeleton", 15.0).name, 15.0

    with pytest.raises(InputError, match="skeleton of Solos, and no video gives that"):
        watchers.of(Model, None, None)
    Model.front_end = "solos_skeleton-00000000"
    with pytest.raises(InputError, match="the VIMSS that trained it"):
        watchers.of(Model, None, None)


def test_records_hold_the_key_points_of_their_stretch_and_need_no_video(
    tmp_path, capsys
):
    from Console.corpora import CORPORA

    raw = write(tmp_path / "raw")
    told = section(raw, tmp_path / "records") | CORPORA["solos"]["data"]
    told |= {"sample_rate": RATE}
    visual = {"front_end": "solos_skeleton", "frame_rate": 15.0, "weights": None}
    Prepare.prepare(told, visual)
    assert "3 skeletons, with a joint in 100 % of the frames" in capsys.readouterr().out
    front_end = vision.build("solos_skeleton", 15.0)
    options = Datasets.options_of(told)
    options |= {"front_end": front_end.name, "visual_rate": 15.0}
    records = Datasets.open_records("solos", tmp_path / "records", **options)
    found = records.whole_track("aaa_1")
    points, _ = skeletons.read(raw / "skeleton.npy", "aaa")
    wanted = front_end(points, 25.0, (37 / 25, 38 / 25)).features
    np.testing.assert_allclose(found["visual"], wanted, atol=0.01)
    heard = sound(0)[round(37 / 25 * RATE) : round(75 / 25 * RATE)]
    np.testing.assert_allclose(found["mix"][:, 0], heard, atol=1e-4)
    split = next(s for s in records.splits for t in records.tracks(s))
    batches = Datasets.load(
        *("solos", tmp_path / "records", split),
        **dict(n_in=600, n_out=300, batch_size=2, training=True),
        **dict(source_names=told["sources"], visual=Frames(15.0, 2), **options),
    )
    batch = next(iter(batches))
    assert (
        batch["visual"].shape[-1] == front_end.size
        and batch["has_visual"].numpy().all()
    )


def test_blind_records_of_a_skeleton_show_no_video(tmp_path):
    found = builder(tmp_path / "records").inventory(write(tmp_path)).all_tracks()
    assert watching.jobs(found, "players_motion-0") == []
    jobs = watching.jobs(found, "solos_skeleton-0")
    spans = {(round(25 * start), round(25 * s)) for _, _, (start, s) in jobs}
    assert spans == {(0, 25), (37, 38), (10, 40)}


def test_the_real_skeleton_passes_through_with_a_real_video(shared, tmp_path):
    """Solos' own test clip: 1,619 frames of a player's key points."""
    whole = np.load(shared / "solos" / "skeleton_npy_test.npy")
    whole.astype(np.float32).tofile(tmp_path / "skeleton.npy")
    index = {"real": [0, len(whole)], "_counter": len(whole)}
    (tmp_path / "skeleton_dict.json").write_text(json.dumps(index))
    stamps = {"DoubleBass": {"real": [[50, 224]]}}
    (tmp_path / "solos_timestamps.json").write_text(json.dumps(stamps))
    (tmp_path / "DoubleBass").mkdir()
    (tmp_path / "DoubleBass" / "real.mp4").symlink_to(
        shared / "video" / "vggsound_doublebass_3HgbEKrbA9s_360p.mp4"
    )
    found = builder(tmp_path / "records").inventory(tmp_path)
    (track,) = found.all_tracks()
    assert (track.start, track.seconds) == (2.0, 7.0) and track.video
    front_end = vision.build("solos_skeleton", 25.0)
    read = key_points.KeyPointsReader(front_end, skeletons.read)
    seen = watching.look(track, [("db", [0])], read)
    assert seen["visual"].shape == (1, 175, front_end.size)
    names = skeleton_features.names(skeletons.joints())
    told = dict(zip(names, seen["visual"][0].astype(np.float32).T))
    # The wrists of somebody who plays: near the body, and moving.
    for side in ("right", "left"):
        assert np.median(told[f"{side}_wrist_confidence"]) > 0.3
        assert 0.1 < np.median(np.hypot(*(told[f"{side}_wrist_{a}"] for a in "xy"))) < 3
        assert np.std(told[f"{side}_wrist_vx"]) > 0.01


def test_the_pictures_of_a_stretch_are_those_of_its_time(tmp_path):
    from tests.test_alignment import Brightness

    raw = write(tmp_path, {"Violin": {"aaa": [[30, 79]]}}, skeleton=False)
    (raw / "Violin" / "aaa.wav").unlink()
    times = np.arange(100) / 25
    pictures = [video_made.grey(240 if 1.6 <= t < 2.0 else 20) for t in times]
    aside = raw / "Violin" / "aaa.mkv"
    video_made.write(aside, pictures, times, sound(0))
    (track,) = builder(tmp_path / "records").inventory(raw).all_tracks()
    assert track.start == 1.2 and watching.span(track) == (1.2, 2.0)
    seen = watching.look(track, [("vn", [0])], Brightness(25.0))
    lit = np.flatnonzero(seen["visual"][0, :, 0])
    assert lit.tolist() == list(range(10, 20)) and seen["visual"].shape[1] == 50


def test_a_watcher_opens_the_stretch_alone_and_reports_each():
    class FrontEnd:
        name, rate, size, longest, passes = "x-0", 10.0, 1, 64, 1

        def __call__(self, frames, n_players):
            blocks = list(frames)
            return types.SimpleNamespace(
                features=blocks[0], fallback=None, detection_rate=np.ones(1)
            )

    class Film(list):
        info, lost = types.SimpleNamespace(rate=25.0, duration=60.0), None

    opened = []

    def open_video(path, rate, longest, **stretch):
        opened.append((path, stretch))
        return Film([[len(opened)]])

    watcher = watchers.Watcher(FrontEnd(), open_video)
    for span in ((1.0, 2.0), (5.5, 2.0)):
        watcher("a.mp4", 1, span=span)
    watcher("a.mp4", 1)
    assert opened == [
        ("a.mp4", {"start": 1.0, "seconds": 2.0}),
        ("a.mp4", {"start": 5.5, "seconds": 2.0}),
        ("a.mp4", {}),
    ]
    assert len(watcher.seen) == 3 and "3 videos" in next(watcher.report())
