"""What README.md and the pages of docs/ tell a newcomer to type exists."""

import importlib
import pathlib
import re
import shlex

import pytest

import Config

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = "".join(
    (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    for page in ("data", "scores", "training")
)
# A list in quotes may go on in the next line; a NAME stands for any.
TYPED = r"python (\w+\.py(?: +\w+)? +with (?:'[^']*'|[^\n`|'])*)"
COMMANDS = sorted(
    command
    for command in set(re.findall(TYPED, (README + PAGES).replace("\\\n", " ")))
    if " NAME" not in command
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_configuration(command, capsys):
    verb, *options = shlex.split(command.split("#")[0])
    *commands, _ = options[: options.index("with") + 1]
    options = options[len(commands) + 1 :]
    # A run need not be there to know that the words are right.
    options = [
        option for option in options if not option.startswith(("run=", "resume=", "-F"))
    ]
    options = [option for option in options if not re.fullmatch("(.*/)?runs", option)]
    experiment = importlib.import_module(verb.removesuffix(".py")).ex
    assert set(commands) <= set(experiment.commands)
    argv = [verb, "print_config", *(["with", *options] if options else [])]
    Config.command_line(experiment, argv=argv)
    assert "Configuration" in capsys.readouterr().out


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make (\w+)\n", README))))
def test_every_target_of_make_exists(target):
    assert f"\n{target}: " in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^):]+)\)", README))))
def test_every_link_leads_to_a_file(link):
    assert (ROOT / link).exists()


def test_the_pages_were_read():
    assert len(COMMANDS) >= 20
    assert any("SparkRunner" in command for command in COMMANDS)
    assert any("ancestor-v3" in command for command in COMMANDS)
