"""Start-up: what a program loads that imports the package or asks for help, and what ``retold`` exports."""

from __future__ import annotations

import subprocess
import sys

import pytest

import retold

HEAVY = {"datasets", "jsonschema", "numpy", "pandas", "pyarrow", "scipy", "sklearn"}


def loaded(*arguments: str) -> set[str]:
    """Modules that a fresh interpreter loads for a command line."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # import time: self [us] | cumulative | imported package
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_importing_the_package_loads_none_of_its_modules() -> None:
    modules = loaded("-c", "import retold")
    assert "retold" in modules
    assert {name for name in modules if name.startswith("retold.")} == set()
    assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize("name", retold.__all__)
def test_public_name_resolves(name: str) -> None:
    # Names are loaded when they are first used; a name without a home would fail only then.
    assert getattr(retold, name) is not None


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'skore'"):
        retold.skore  # noqa: B018
