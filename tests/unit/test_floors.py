"""The floors of the package: imports point down only, and start-up stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import retold

PACKAGE = Path(retold.__file__).resolve().parent

#: Room -> floor (CONTRIBUTING.md). A room is a module or a package with all that is in it; it may use rooms on lower
#: floors only. Between floors 1 and 2, 2 and 3 there are steps: rooms of one floor that build on each other. A new room
#: takes a row here.
FLOORS = {
    # Types, and numbers from numbers.
    "findings": 1.0,
    "records": 1.0,
    "counts": 1.0,
    "resampling": 1.0,
    "measures": 1.5,
    # One record or one file at a time.
    "files": 2.0,
    "schemas": 2.0,
    "segmentation": 1.5,
    "views": 2.0,
    "adjudication": 2.0,
    "tasks": 2.0,
    "rules": 2.2,
    # A corpus, and what is done with one.
    "corpus": 2.5,
    "validation": 3.0,
    "scoring": 3.0,
    "newevent": 3.0,
    "fixing": 3.5,
    "interannotator": 3.0,
    "interchange": 3.0,
    "releases": 3.0,
    # Several systems.
    "ranking": 4.0,
    "systems": 4.0,
    # For people.
    "report": 5.0,
    "explorer": 5.0,
    "cli": 6.0,
    "__main__": 7.0,
}
#: Rooms that open no file and print nothing.
PURE = ("counts", "measures", "resampling", "rules", "tasks")
HEAVY = ("datasets", "jsonschema", "numpy", "pandas", "pyarrow", "scipy", "sklearn")


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name, parsed."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("retold", *path.relative_to(PACKAGE).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return found


MODULES = modules()


def imports(name: str, tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that a module imports, at its top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if node.level:
                # The package of a module, or the package itself where the module is its __init__.
                above = name.split(".") if is_package(name) else name.split(".")[:-1]
                above = above[: len(above) - node.level + 1]
                home = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                within = f"{home}.{alias.name}"
                yield within if within in MODULES else home


def is_package(name: str) -> bool:
    return (PACKAGE.parent / name.replace(".", "/")).is_dir()


def room(name: str) -> str:
    """The room of a module: the first part below the package; the package itself has none."""
    return name.split(".")[1] if "." in name else ""


def test_every_room_has_a_floor() -> None:
    rooms = {room(name) for name in MODULES} - {""}
    assert sorted(rooms - FLOORS.keys()) == [], "say in FLOORS which floor a new room is on"


@pytest.mark.parametrize("name", [name for name in MODULES if room(name)])
def test_imports_point_down(name: str) -> None:
    own = room(name)
    upward = [
        target
        for target in imports(name, MODULES[name])
        if target.startswith("retold.") and room(target) != own and FLOORS[room(target)] >= FLOORS[own]
    ]
    assert upward == []


def test_nothing_imports_the_command_line_but_the_entry_point() -> None:
    users = [name for name, tree in MODULES.items() if "retold.cli.main" in imports(name, tree)]
    assert users == ["retold.__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_the_package_needs_nothing_of_the_repository(name: str) -> None:
    # Neither is in the wheel.
    outside = {"baselines", "scripts", "tests", "conftest"}
    assert [target for target in imports(name, MODULES[name]) if target.split(".")[0] in outside] == []


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in PURE])
def test_pure_rooms_open_nothing_and_print_nothing(name: str) -> None:
    assert called(MODULES[name]).isdisjoint({"open", "print", "input"})
    assert {target.split(".")[0] for target in imports(name, MODULES[name])}.isdisjoint({"io", "os", "pathlib", "sys"})


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("retold.io.")])
def test_one_room_alone_opens_data(name: str) -> None:
    assert called(MODULES[name]).isdisjoint({"open", "read_bytes", "read_text", "write_bytes", "write_text"})


def called(tree: ast.AST) -> set[str]:
    """Names of the functions that a module calls, and of the methods of paths."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {function.id for function in functions if isinstance(function, ast.Name)}
    methods = {function.attr for function in functions if isinstance(function, ast.Attribute)}
    return names | {method for method in methods if method.startswith(("read_", "write_"))}


def loaded(statement: str) -> set[str]:
    """Modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_command_line_starts_without_heavy_libraries() -> None:
    assert loaded("import retold.cli.main").isdisjoint(HEAVY)


def test_importing_the_package_loads_none_of_its_rooms() -> None:
    assert {name for name in loaded("import retold") if name.startswith("retold.")} == set()


def test_every_public_name_is_there() -> None:
    # Names are loaded when they are first used; a name without a home would fail only then.
    for name in retold.__all__:
        assert getattr(retold, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'skore'"):
        retold.skore  # noqa: B018
