"""What launch/ refuses, explains and counts before anything is run."""

import pathlib
import re
import shlex

import pytest

import Config
import Training
from launch import commands, costs, gcloud, sizes, tpu
from launch.commands import Node
from Schema import InputError

NODE = Node("vimss", "us-central1-b", "p", "v3-8")


@pytest.mark.parametrize(
    "flag, told",
    [
        ("--tpu-size=v2", "v2-8"),
        ("--tpu-size=v7-8", "did you mean"),
        ("--tpu-size=v3-32", "take v3-8"),
        ("--tf-version=1.15", "newest build for TPUs is tensorflow-tpu 2.20.0"),
        ("--name=My_TPU", "small letters, digits and hyphens"),
    ],
)
def test_a_value_that_no_tpu_has_is_refused_with_the_fix(flag, told, capsys):
    assert tpu.main(["up", "--dry-run", flag]) == 1
    error = capsys.readouterr().err
    assert flag in error and told in error


@pytest.mark.parametrize("flag", ["--tpu-only", "-vm-only", "--machine-type=n1"])
def test_a_flag_of_ctpu_that_means_nothing_now_says_why(flag, capsys):
    assert tpu.main(["up", "--dry-run", flag]) == 2
    assert "of ctpu is gone" in capsys.readouterr().err


def test_words_for_training_may_look_like_flags_of_ctpu(capsys):
    assert tpu.main(["run", "--dry-run", "--name=v", "--", "--tpu-only"]) == 0
    assert "start v-1 runs/v-1 --tpu-only" in capsys.readouterr().out


def test_every_generation_boots_from_its_own_image(capsys):
    tpu.main(["up", "--dry-run", "--name=v", "--tpu-size=v5litepod-4"])
    text = capsys.readouterr().out
    assert (
        "--accelerator-type=v5litepod-4 --runtime-version=v2-alpha-tpuv5-lite" in text
    )
    assert sizes.image("v6e-8") == "v2-alpha-tpuv6e"


ERROR = "ERROR: (gcloud.compute.tpus.queued-resources.create) "


@pytest.mark.parametrize(
    "stderr, told",
    [
        ("You do not currently have an active account selected.", "gcloud auth login"),
        ("Failed to find attribute [project]. The attribute", "add --project=NAME"),
        ("Failed to find attribute [zone]. The attribute can", "add --zone=ZONE"),
        (
            "PERMISSION_DENIED: Permission denied on 'locations/us-central1-b' "
            "(or it may not exist).",
            "--zone=us-central1-b: there is no such zone",
        ),
        (
            "INVALID_ARGUMENT: accelerator type v3-8 not found in zone us-central1-b",
            "--tpu-size=v3-8 is not to be had in zone us-central1-b",
        ),
        (
            "RESOURCE_EXHAUSTED: Quota limit 'TPUV3CoresPerProjectPerZone' has been "
            "exceeded. Limit: 0 in region us-central1-b.",
            "project p has no quota for v3-8 in zone us-central1-b",
        ),
        (
            "There is no more capacity in the zone us-central1-b; you can try another",
            "zone us-central1-b has no v3-8 left",
        ),
        ("SERVICE_DISABLED: Cloud TPU API has not been used", "gcloud services enable"),
        ("something that nobody foresaw", "something that nobody foresaw"),
    ],
)
def test_troubles_of_gcloud_come_with_the_users_value_and_the_fix(stderr, told):
    assert told in gcloud.explain(commands.create(NODE), ERROR + stderr)


def test_words_of_a_node_are_not_taken_for_those_of_gcloud():
    words = commands.install(NODE)
    stderr = "Using ssh batch size of 1.\ndisk quota exceeded\nERROR: exited with 1"
    assert "failed: disk quota exceeded" in gcloud.explain(words, stderr)


def test_every_state_says_whether_it_costs():
    place = "projects/p/locations/z"
    nodes = [
        {"name": f"{place}/nodes/{state}", "state": state, "acceleratorType": "v2-8"}
        for state in ("READY", "STOPPED", "PREEMPTED")
    ]
    nodes[0]["dataDisks"] = [{"sourceDisk": f"{place}/disks/records"}]
    queue = [
        {"name": f"{place}/queuedResources/{name}", "state": {"state": state}}
        for name, state in (("READY", "ACTIVE"), ("b", "WAITING_FOR_RESOURCES"))
    ]
    count, lines = costs.rows(
        [*queue, {"name": "c", "state": {"state": "FAILED"}}], nodes
    )
    assert count == 3 and len(lines) == 5
    assert "COSTS MONEY" in lines[0] and "its data disk records" in lines[0]
    assert "its disk costs money" in lines[1]
    assert "costs nothing any more" in lines[2]
    assert "as soon as its turn comes" in lines[3]
    assert "counts against the quota" in lines[4]


def test_a_job_without_a_name_of_its_tpu_is_refused(tmp_path, capsys):
    assert tpu.main(["fetch", "--dry-run", "--name=v", f"--runs={tmp_path}"]) == 1
    assert "has no training of a TPU v" in capsys.readouterr().err
    with pytest.raises(InputError, match="has no training"):
        tpu.jobs.newest(tmp_path, "v")


PAGE = (pathlib.Path(__file__).parents[1] / "docs" / "launch.md").read_text("utf-8")
PAGE = PAGE.replace("\\\n", " ")
TYPED = re.findall(r"^    (python|sbatch) (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("program, words", TYPED)
def test_every_command_of_the_page_can_be_typed(program, words, capsys):
    words = shlex.split(words)
    if program == "python":
        training = tpu.parser().parse_args(words[1:])
        training = getattr(training, "words", [])
    else:
        training = words[words.index("launch/slurm.sh") + 1 :]
    if training:
        argv = ["Training.py", "print_config", *training]
        Config.command_line(Training.ex, argv=argv)
        assert "Configuration" in capsys.readouterr().out
    assert len(TYPED) >= 4
