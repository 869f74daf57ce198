"""Imports go down: the tables of docs/architecture.md, read by a machine."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")

FLOOR_OF = {
    name: int(number)
    for number, names in re.findall(r"^\| (\d) \| (.*) \|$", PAGE, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
}
ROW_OF = {
    f"{room}.{name}": k
    for room, rows in re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    for k, row in enumerate(rows.split("·"))
    for name in re.findall(r"`(\w+)`", row)
}


def imported(path):
    """Yields the full name of everything that a file imports, lazily too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources():
    return sorted(
        path
        for name in FLOOR_OF
        for path in (*ROOT.glob(f"{name}.py"), *ROOT.glob(f"{name}/**/*.py"))
    )


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_every_module_of_the_tree_has_a_floor():
    found = {path.name.removesuffix(".py") for path in ROOT.glob("*.py")}
    found |= {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - set(FLOOR_OF) == {"tests"}


def test_every_module_of_a_room_has_a_row():
    for room in ("Datasets", "Models"):
        inside = {p.stem for p in ROOT.glob(f"{room}/*.py")} - {"__init__"}
        inside |= {p.parent.name for p in ROOT.glob(f"{room}/*/__init__.py")}
        assert {f"{room}.{name}" for name in inside} == {
            name for name in ROW_OF if name.startswith(f"{room}.")
        }


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_imports_go_down(path):
    home = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imported(path):
        top = name.split(".")[0]
        if top in FLOOR_OF and top != home and (home, top) != ("Utils", "Schema"):
            assert FLOOR_OF[top] < FLOOR_OF[home], f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_imports_inside_a_room_go_down(path):
    home = ".".join(module_of(path).split(".")[:2])
    for name in imported(path):
        other = ".".join(name.split(".")[:2])
        if home in ROW_OF and other in ROW_OF and other != home:
            assert ROW_OF[other] < ROW_OF[home], f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("name", ["Schema", "Utils", "Pages"])
def test_the_ground_floor_needs_numpy_and_the_standard_library_only(name):
    import sys

    for found in imported(ROOT / f"{name}.py"):
        top = found.split(".")[0]
        assert top in {"numpy", "Schema"} | set(sys.stdlib_module_names), found


def test_the_floors_below_the_rooms_import_no_tensorflow():
    import subprocess
    import sys

    code = "import sys, Remote; sys.exit('tensorflow' in sys.modules)"
    assert not subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode
