"""Packages that may be missing, and those that the pre-commit hook makes do with."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from paths import ROOT
from retold.model.packages import LazyPackage, require

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GOLD = ROOT / "corpus" / "events" / "macron-coalition" / "gold.jsonl"
ANNOTATOR = ROOT / "corpus" / "events" / "macron-coalition" / "annotators" / "reader-1.jsonl"
[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
INSTALLED = [Requirement(line) for line in HOOK["additional_dependencies"] if line != "--no-deps"]


def run_without(packages: list[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, where some packages are not installed."""
    hidden = f"import sys; sys.modules.update(dict.fromkeys({packages!r}))"
    code = f"{hidden}; from retold.cli.main import main; main({list(map(str, arguments))!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("package", "arguments", "install"),
    [
        ("pyarrow", ("score", "mine.parquet"), "retold[parquet]"),
        ("pyarrow", ("validate", "mine.parquet"), "retold[parquet]"),
        ("pyarrow", ("agree", "mine.parquet", GOLD), "retold[parquet]"),
        ("pyarrow", ("score", GOLD, "--gold", "mine.parquet"), "retold[parquet]"),
        ("huggingface_hub", ("validate", "hf://datasets/them/theirs/mine.jsonl"), "retold[hf]"),
        ("fsspec", ("score", "memory://mine.jsonl"), "retold"),
        ("numpy", ("score", GOLD), "retold"),
        ("numpy", ("rank", GOLD), "retold"),
        ("numpy", ("agree", GOLD, ANNOTATOR), "retold"),
        ("scipy", ("score", GOLD, "--resamples", "10"), "retold"),
        ("tabulate", ("measures", "--format", "markdown"), "retold"),
        ("jinja2", ("rank", GOLD, "--resamples", "0", "--format", "html"), "retold"),
    ],
)
def test_a_missing_package_is_named_with_what_installs_it(
    package: str, arguments: tuple[object, ...], install: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.parquet").write_bytes(b"PAR1")
    given = [tmp_path / each if each == "mine.parquet" else each for each in arguments]
    done = run_without([package], *given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.endswith(f" needs the package {package}, which is not installed: pip install '{install}'\n")
    # The extra, or the package itself, does bring it.
    extras = Requirement(install).extras
    lines = [line for name in extras for line in PROJECT["optional-dependencies"][name]] or PROJECT["dependencies"]
    brought = {Requirement(line).name for line in lines}
    assert (package if package != "huggingface_hub" else "datasets") in brought


def test_what_an_installed_package_lacks_is_not_taken_for_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_installed.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        require("half_installed")


def test_a_lazy_package_is_imported_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "used_late.py").write_text("ANSWER = 42")
    monkeypatch.syspath_prepend(tmp_path)
    package = LazyPackage("used_late")
    assert "used_late" not in sys.modules
    assert package.ANSWER == 42
    assert "used_late" in sys.modules


def test_the_hook_installs_all_that_its_packages_need() -> None:
    assert HOOK["additional_dependencies"][0] == "--no-deps"
    names = {canonicalize_name(each.name) for each in INSTALLED}
    systems = [
        {"sys_platform": "linux", "platform_system": "Linux"},
        {"sys_platform": "win32", "platform_system": "Windows"},
    ]
    environments = [
        {**default_environment(), "extra": "", **system, "python_version": python, "python_full_version": f"{python}.0"}
        for python in ("3.11", "3.12", "3.13", "3.14")
        for system in systems
    ]
    for each in INSTALLED:
        if each.marker is None:
            for line in metadata.requires(each.name) or ():
                needed = Requirement(line)
                if needed.marker is None or any(needed.marker.evaluate(found) for found in environments):
                    assert canonicalize_name(needed.name) in names, f"{each.name} needs {line}"
    # What the package itself asks for, it asks for in the same versions.
    own = {Requirement(line).name: Requirement(line).specifier for line in PROJECT["dependencies"]}
    assert {each.name: each.specifier for each in INSTALLED if each.name in own} == {
        name: own[name] for name in ("click", "jsonschema", "msgspec")
    }


def test_validating_needs_no_other_package(tmp_path: Path) -> None:
    listed = {canonicalize_name(each.name) for each in INSTALLED}
    others = [
        Requirement(line).name
        for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
        for line in lines
        if not line.startswith("retold[")
    ]
    hidden = [name.replace("-", "_") for name in others if canonicalize_name(name) not in listed]
    assert {"numpy", "scipy", "pyarrow", "datasets", "tabulate"} <= set(hidden)
    done = run_without(hidden, "validate")
    assert done.returncode == 0, done.stderr
    assert "no findings" in done.stderr + done.stdout
    mine = tmp_path / "mine.jsonl"
    mine.write_bytes(GOLD.read_bytes().replace(b'"favor"', b'"favour"', 1))
    for arguments in ((mine,), (mine, "--format", "sarif"), ("--workers", "2", mine, GOLD)):
        done = run_without(hidden, "validate", *arguments)
        assert done.returncode == 1, done.stderr
        assert "RT204" in done.stdout + done.stderr
