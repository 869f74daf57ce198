"""launch/Containerfile, as far as it can be checked without a builder."""

import pathlib
import re
import shlex

import pytest

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "launch" / "Containerfile").read_text("utf-8")
LINES = re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE).replace("\\\n", " ")
STEPS = [line.split(None, 1) for line in LINES.splitlines() if line.strip()]
COPIED = [
    word
    for step, words in STEPS
    if step == "COPY"
    for word in shlex.split(words)[:-1]
    if not word.startswith("--")
]
ARGUMENTS = dict(words.split("=", 1) for step, words in STEPS if step == "ARG")


@pytest.mark.parametrize("pattern", COPIED)
def test_what_is_copied_exists(pattern):
    assert list(ROOT.glob(pattern.rstrip("/")))


def test_everything_that_a_verb_imports_is_copied():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {f"{room}/" for room in rooms - {"tests", "benchmarks", "web"}} <= set(
        COPIED
    )
    assert {"*.py", "pretrained/"} <= set(COPIED)


def test_requirements_and_constraints_of_both_kinds_exist():
    named = set(re.findall(r"requirements[-\w]*\.txt|constraints\.txt", TEXT))
    assert ARGUMENTS["REQUIREMENTS"] in named and "requirements-gpu.txt" in named
    assert all((ROOT / name).exists() for name in named)
    installs = re.findall(r"pip install [^&]*", LINES)
    assert len(installs) == 2 and all("-c constraints.txt" in x for x in installs)


def test_nothing_is_copied_whole_so_no_secret_and_no_result_gets_in():
    assert not {".", "./", "*", "/"} & set(COPIED)
    for folder in (name.rstrip("/") for name in COPIED if name.endswith("/")):
        assert folder not in ("runs", "records", "data", "demo")
    assert not re.search(r"(?i)(password|secret|token|api_?key)\s*[=:]", TEXT)


def test_it_keeps_the_rules_of_images():
    """Those of hadolint: DL3002, DL3006, DL3007, DL3013, DL3020, DL3025, DL3042."""
    steps = [step for step, _ in STEPS]
    base = next(words for step, words in STEPS if step == "FROM")
    assert re.search(r":\S+$", base) and not base.endswith(":latest")
    assert 3.11 <= float(ARGUMENTS["PYTHON"]) <= 3.13
    assert "ADD" not in steps and "sudo" not in TEXT
    assert [words for step, words in STEPS if step == "USER"] == ["vimss"]
    assert steps.index("USER") < steps.index("ENTRYPOINT")
    for step, words in STEPS:
        if step in ("ENTRYPOINT", "CMD"):
            assert re.fullmatch(r'\[("[^"]*"(, )?)+\]', words)
        assert "pip install" not in words or "--no-cache-dir" in words
