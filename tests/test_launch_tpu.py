"""launch/tpu.py, from beginning to end against a stand-in for gcloud."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from launch import jobs
from tests.launch_made import Cloud

ROOT = pathlib.Path(__file__).parents[1]
PLACE = ["--name=vimss", "--zone=us-central1-b", "--project=p"]
QUICK = ["--poll=0.01", "--every=0.15"]


def started(cloud, verb, *words, place=PLACE):
    """A `python launch/tpu.py` in the stand-in's folder."""
    place = [*place, f"--runs={cloud.folder / 'runs'}"]
    return subprocess.Popen(
        [sys.executable, cloud.root / "launch" / "tpu.py", verb, *place, *words],
        cwd=cloud.folder,
        env=cloud.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def tpu(cloud, verb, *words, status=0, place=PLACE):
    process = started(cloud, verb, *words, place=place)
    text = process.communicate(timeout=60)[0]
    assert process.returncode == status, text
    return text


@pytest.fixture
def cloud(tmp_path):
    cloud = Cloud(tmp_path / "cloud")
    yield cloud
    cloud.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(cloud, what `run` wrote): watched twice, and preempted after three steps."""
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        yield cloud, train(cloud)
    finally:
        cloud.close()


def train(cloud):
    words = "with", "urmp", "data.records=gs://b/records"
    words = *words, "model.fusers=['film@bottleneck']"
    process = started(cloud, "run", "--preemptible", *QUICK, "--", *words)
    state = cloud.folder / "runs" / "vimss-1" / "1" / "checkpoint" / "state.npz"
    end = time.monotonic() + 60
    while not (state.exists() and state.read_text() == "3"):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)  # the watcher's terminal is closed
    assert "it goes on" in process.communicate(timeout=60)[0]
    place = [word for word in PLACE if not word.startswith("--zone")]
    process = started(cloud, "run", *QUICK, place=place)
    assert any("Ctrl-C ends" in line for line in process.stdout)
    cloud.preempt("vimss")
    text = process.communicate(timeout=90)[0]
    assert process.returncode == 0, text
    return text


def test_a_preempted_training_goes_on_where_it_was_brought_home(trained):
    cloud, text = trained
    job = cloud.folder / "runs" / "vimss-1"
    assert (job / "2" / "checkpoint" / "state.npz").read_text() == "6"
    assert "resume=" in (job / "log.txt").read_text()
    assert f"done    {job}" in text


def test_a_tpu_lost_while_it_is_made_ready_is_tried_again(trained):
    cloud, text = trained
    assert "lost    " in text and "Connection timed out" in text
    started = [line for line in cloud.argv() if "node.sh start vimss-1" in line]
    assert len(started) == 2


def test_a_preempted_tpu_is_deleted_and_asked_for_again(trained):
    cloud, _ = trained
    where = "--zone=us-central1-b --project=p"
    queue = "gcloud compute tpus queued-resources"
    asked = f"{queue} create vimss {where} --node-id=vimss --accelerator-type=v2-8 "
    asked += "--runtime-version=tpu-ubuntu2204-base --spot --async --quiet"
    made = [line for line in cloud.argv() if " create " in line or " delete " in line]
    assert made == [asked, f"{queue} delete vimss {where} --force --quiet", asked]


def test_overrides_reach_the_node_as_they_were_typed(trained):
    log = (trained[0].folder / "runs" / "vimss-1" / "log.txt").read_text()
    assert "Training.py with urmp data.records=gs://b/records " in log
    assert "model.fusers=['film@bottleneck'] -F" in log


def test_the_build_for_tpus_is_installed_in_place_of_the_usual_one(trained):
    cloud = trained[0]
    line = (cloud.folder / "pip.txt").read_text().splitlines()[0]
    assert "tensorflow-tpu==2.20.0 libtpu==0.0.14" in line
    for name in ("requirements", "constraints"):
        path = cloud.folder / "homes" / "vimss" / "vimss-env" / f"{name}.txt"
        kept = path.read_text().splitlines()
        assert not [x for x in kept if x.startswith(("tensorflow>", "tensorflow="))]
        assert [x for x in kept if x.startswith("keras")]


def test_the_sources_are_sent_and_nothing_that_was_made_from_them(trained, tmp_path):
    there = trained[0].folder / "homes" / "vimss" / "vimss"
    assert (there / "launch" / "tpu.py").exists()
    assert not (there / "runs" / "old.txt").exists()  # without git
    jobs.pack_code(tmp_path / "code.tgz")
    with tarfile.open(tmp_path / "code.tgz") as file:
        names = set(file.getnames())
    assert {"Training.py", "Models/wave_unet.py", "launch/node.sh"} <= names
    assert not [name for name in names if name.startswith((".git/", "runs/"))]


def test_a_run_ends_by_saying_what_costs_money(trained):
    lines = trained[1].splitlines()
    assert "costs   1 in zone us-central1-b that cost money or will:" in lines
    assert any(line.startswith("  vimss  v2-8  READY  COSTS MONEY") for line in lines)


def test_a_finished_training_can_be_looked_at_fetched_and_deleted(trained):
    cloud, _ = trained
    assert "train   vimss-1: ended 0" in tpu(cloud, "status")
    assert tpu(cloud, "logs", "--lines=1").splitlines()[1] == "step 6"
    assert "vimss-1: step 6" in tpu(cloud, "fetch")
    assert "vimss-1 has ended" in tpu(cloud, "run", status=1)
    assert "such TPUs cannot be stopped" in tpu(cloud, "pause", status=1)
    assert "no TPU in zone us-central1-b costs money" in tpu(cloud, "delete")


def test_a_tpu_without_a_queue_can_be_paused_and_its_disk_is_billed(cloud):
    text = tpu(cloud, "up", "--no-queue", "--tpu-size=v3-8", QUICK[0])
    assert "tpu-vm create vimss --zone=us-central1-b --project=p" in text
    text = tpu(cloud, "pause")
    assert "vimss  v3-8  STOPPED  its disk costs money" in text
    assert "is a v3-8 already" in tpu(cloud, "up", "--tpu-size=v2-8", status=1)


def test_a_training_that_fails_is_told_and_brought_home_before_it_is_deleted(cloud):
    text = tpu(cloud, "run", *QUICK, "--", "fail", status=1)
    assert "vimss-1 failed (1): Training.py: data.raw=nowhere does not exist" in text
    assert "COSTS MONEY" in text
    log = cloud.folder / "runs" / "vimss-1" / "log.txt"
    log.unlink()
    elsewhere = tpu(cloud, "run", "--runs=other", "--", "fail", status=1)
    assert "vimss holds a training vimss-1 that other does not know" in elsewhere
    (cloud.folder / "lose").write_text("node.sh pack")
    assert "nothing was deleted" in tpu(cloud, "delete", status=1)
    assert "no TPU in zone us-central1-b costs money" in tpu(cloud, "delete")
    assert "does not exist" in log.read_text()


def test_a_node_trains_one_thing_at_a_time(cloud):
    home = cloud.folder / "homes" / "v"
    shutil.copytree(cloud.root, home / "vimss")
    shutil.copy(cloud.folder / "Training.py", home / "vimss")
    (home / "vimss-env" / "bin").mkdir(parents=True)
    python = home / "vimss-env" / "bin" / "python"
    python.symlink_to(cloud.folder / "bin" / "python3.12")

    def node(*words):
        words = ["bash", home / "vimss" / "launch" / "node.sh", *words]
        done = subprocess.run(
            words, capture_output=True, text=True, env=cloud.environment
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    assert node("state", "v-1") == (0, "absent")
    assert node("start", "v-1", "runs/v-1", "with", "urmp") == (0, "")
    assert node("state", "v-1") == (0, "running")
    for words in (["start", "v-2", "runs/v-2", "with"], ["idle"]):
        assert node(*words) == (1, "v-1 is being trained here already")
    process = int((home / "vimss" / "runs" / "v-1" / "process").read_text())
    os.killpg(process, signal.SIGKILL)  # as when the machine is taken away
    assert node("state", "v-1") == (0, "ended 143")


def test_a_dry_run_needs_no_gcloud_and_writes_nothing(cloud):
    (cloud.folder / "bin" / "gcloud").unlink()
    cloud.environment["PATH"] = str(cloud.folder / "bin")
    text = tpu(cloud, "run", "--dry-run", "--", "with", "urmp")
    lines = [line for line in text.splitlines() if line.startswith("$ gcloud")]
    verbs = "describe describe create scp ssh ssh ssh ssh ssh ssh scp list list".split()
    assert [line.split()[5] for line in lines] == verbs
    assert not (cloud.folder / "runs").exists()
    assert "gcloud is not installed" in tpu(cloud, "ls", status=1)


def test_starting_needs_no_tensorflow():
    code = "import sys; from launch import tpu; tpu.main(['ls', '--dry-run']);"
    code += "sys.exit('tensorflow' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_what_gcloud_refuses_is_one_sentence_with_the_users_value(cloud):
    told = "ERROR: (gcloud.compute.tpus) PERMISSION_DENIED: Location us-central1-b is "
    (cloud.folder / "fail").write_text(told + "not found or access is unauthorized.")
    text = tpu(cloud, "up", status=1)
    assert "tpu.py: --zone=us-central1-b: there is no such zone" in text
    assert "costs   unknown" in text


def test_every_command_line_is_kept_by_the_stand_in(trained):
    lines = (trained[0].folder / "argv.jsonl").read_text().splitlines()
    assert all(json.loads(line)[:3] == ["gcloud", "compute", "tpus"] for line in lines)


def test_a_bucket_keeps_runs_that_are_brought_home_with_the_log(cloud, tmp_path):
    words = "--bucket=gs://b/runs/", "--dry-run", "--", "with", "urmp"
    text = tpu(cloud, "run", *words)
    assert "node.sh start vimss-1 gs://b/runs/vimss-1 with urmp" in text
    text = tpu(cloud, "run", "--bucket=b/runs", *words[1:], status=1)
    assert "--bucket=b/runs: name a folder of one, as gs://BUCKET/runs" in text
    job = jobs.new(tmp_path, jobs.commands.Node("v"), ["with"], "gs://b/runs")
    job.write()
    assert jobs.newest(tmp_path, "v") == job
    jobs.new(cloud.folder / "runs", jobs.commands.Node("vimss"), ["with"]).write()
    text = tpu(cloud, "run", *words[:2], status=1)
    assert "vimss-1 keeps its runs in runs/vimss-1; leave it out" in text

    home = tmp_path / "home"
    copies = home / "vimss-copies/written/gs/b/runs/v-1/2"
    shutil.copytree(cloud.root / "launch", home / "vimss" / "launch")
    for path in (home / "vimss/runs/v-1/log.txt", copies / "checkpoint/state.npz"):
        path.parent.mkdir(parents=True)
        path.write_text(path.name)
    (home / "vimss/runs/v-1/folder").write_text(f"{job.runs}\n")
    node = ["bash", home / "vimss/launch/node.sh"]
    subprocess.run([*node, "pack", "v-1"], check=True)
    jobs.take_in(job, home / "v-1.tgz")
    assert (job.folder / "log.txt").read_text() == "log.txt"
    assert (job.folder / "2/checkpoint/state.npz").read_text() == "state.npz"
