"""Runs the command lines of `commands`, and says what went wrong in one sentence."""

import json
import re
import shlex
import shutil
import subprocess

from Schema import InputError

# What gcloud writes, and what is to be done; {} are flags of the command line.
TROUBLES = (
    (
        r"do not currently have an active account|Reauthentication|"
        r"problem refreshing your current auth|UNAUTHENTICATED",
        "gcloud is not logged in: type `gcloud auth login`",
    ),
    (
        r"required property \[project\]|\[project\].*not.*set|attribute \[project\]",
        "no project is set: add --project=NAME, or type "
        "`gcloud config set project NAME`",
    ),
    (
        r"required property \[compute/zone\]|attribute \[zone\]|\[zone\].*not.*set",
        "no zone is set: add --zone=ZONE, or type "
        "`gcloud config set compute/zone ZONE`; "
        "`gcloud compute tpus locations list` lists them",
    ),
    (
        r"SERVICE_DISABLED|API has not been used|it is disabled",
        "the Cloud TPU API of project {project} is off: type "
        "`gcloud services enable tpu.googleapis.com --project={project}`",
    ),
    (
        r"Location \S+ is not found|[Zz]one \S* ?(was )?not found|"
        r"Invalid (zone|location)|Permission denied on 'locations/",
        "--zone={zone}: there is no such zone with TPUs for project {project}; "
        "`gcloud compute tpus locations list` lists them",
    ),
    (
        r"(?i)accelerator.?type \S* ?.*(not (found|available|supported)|invalid)|"
        r"(?i:invalid accelerator)",
        "--tpu-size={accelerator-type} is not to be had in zone {zone}; "
        "`gcloud compute tpus accelerator-types list --zone={zone}` lists what is",
    ),
    (
        r"(?i)runtime.?version \S* ?.*(not found|invalid)",
        "--runtime-version={runtime-version} is not to be had in zone {zone}; `gcloud "
        "compute tpus versions list --zone={zone}` lists what is",
    ),
    (
        r"(?i)quota",
        "project {project} has no quota for {accelerator-type} in zone {zone}: ask for "
        "it at console.cloud.google.com/iam-admin/quotas (TPUs that are --preemptible "
        "have one of their own), or take another --tpu-size or --zone",
    ),
    (
        r"(?i)no more capacity|RESOURCE_EXHAUSTED|stockout",
        "zone {zone} has no {accelerator-type} left: try another --zone, or leave out "
        "--no-queue to wait for one",
    ),
    (
        r"ALREADY_EXISTS|already exists",
        "{name} exists already: `python launch/tpu.py status --name={name}`",
    ),
    (
        r"PERMISSION_DENIED",
        "project {project} does not let this account use TPUs: ask its owner for the "
        "role TPU Admin",
    ),
)
CHATTER = ("Using ssh", "SSH:", "SCP:", "Attempting", "Warning: Permanently")
ABSENT = r"NOT_FOUND: Resource|Resource \S+ was not found|nodes/\S+ was not found"


class LostError(InputError):
    """A node was not reached or was taken away, or what ran there failed."""


class Cloud:
    """gcloud, or with `dry_run` only its command lines.

    Attributes:
      dry_run: Print what would be run, and take every question for unanswered.
    """

    def __init__(self, dry_run=False):
        self.dry_run = dry_run
        self._asked = set()
        if not dry_run and shutil.which("gcloud") is None:
            raise InputError(
                "gcloud is not installed: https://cloud.google.com/sdk/docs/install, "
                "then `gcloud auth login`; --dry-run does without"
            )

    def run(self, words, echo=True):
        """Runs a command; returns its standard output.

        Raises:
          LostError: If it was to do something on a node.
          InputError: If another one fails.
        """
        if echo:
            print("$", shlex.join(words), flush=True)
        if self.dry_run:
            return ""
        done = subprocess.run(
            words, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            kind = LostError if words[4] in ("ssh", "scp") else InputError
            raise kind(explain(words, done.stderr))
        return done.stdout

    def show(self, words):
        """Runs a command with its output on this terminal; returns its status."""
        print("$", shlex.join(words), flush=True)
        return 0 if self.dry_run else subprocess.run(words).returncode

    def ask(self, words):
        """JSON that a command answers; None if what it asks for does not exist.

        It is printed when it is asked for the first time.
        """
        try:
            text = self.run(words, echo=tuple(words) not in self._asked)
        except InputError as error:
            if error.args[0] == "absent":
                return None
            raise
        finally:
            self._asked.add(tuple(words))
        return json.loads(text) if text.strip() else None


def explain(words, stderr):
    """What to do about a failed command: one sentence, or gcloud's last words.

    Args:
      words: Its command line.
      stderr: What it wrote.

    Returns:
      The sentence; "absent" if what was asked about does not exist.
    """
    flags = dict(word[2:].split("=", 1) for word in words if re.match("--.*=", word))
    flags["name"] = words[5] if len(words) > 5 else ""
    flags.setdefault("runtime-version", flags.get("version", "?"))
    known = {key: "(gcloud's)" for key in ("project", "zone")}
    known |= {"accelerator-type": "the TPU"} | flags
    away = words[4] in ("ssh", "scp")  # whose words are those of anybody
    for pattern, sentence in TROUBLES[: 3 if away else None]:
        if re.search(pattern, stderr):
            for key, value in known.items():
                sentence = sentence.replace(f"{{{key}}}", value)
            return sentence
    if re.search(ABSENT, stderr) and words[4] == "describe":
        return "absent"
    if re.search(ABSENT, stderr):
        return f"there is no TPU {flags['name'].split(':')[0]} in zone {known['zone']}"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(CHATTER)] or [""]
    errors = [line for line in lines if line.startswith("ERROR")]
    others = [line for line in lines if not line.startswith("ERROR")]
    told = ((others or errors) if away else (errors or others))[-1]
    return f"`{shlex.join(words[:6])} ...` failed: {told or 'without a word'}"
