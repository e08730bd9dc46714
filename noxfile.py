"""The tests on other Pythons and on the lowest versions: ``make test-pythons``, ``make test-lowest``, or nox itself.

A Python that the machine does not have is skipped and named. Arguments after ``--`` go to pytest.
"""

from __future__ import annotations

from pathlib import Path

import nox
import yaml
from packaging.requirements import Requirement

PROJECT = nox.project.load_toml("pyproject.toml")["project"]

#: Extras that the tests run with.
TESTED = ("baselines", "hf", "llm", "parquet", "test")
#: Tests of what the pre-commit hook does.
VALIDATING = (
    *("tests/unit/test_rules.py", "tests/unit/test_schemas.py", "tests/unit/test_segment.py"),
    *("tests/integration/test_validation.py", "tests/integration/test_fix.py"),
)

nox.options.sessions = ["tests", "lowest", "hook", "lint"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False


def lowest_versions() -> list[str]:
    """Every bound of the package and its tests as a pin: ``click>=8.2`` gives ``click==8.2``."""
    extras = PROJECT["optional-dependencies"]
    pins = []
    for line in [*PROJECT["dependencies"], *(line for name in TESTED for line in extras[name])]:
        requirement = Requirement(line)
        if requirement.name != PROJECT["name"]:
            (bound,) = requirement.specifier
            pins.append(f"{requirement.name}=={bound.version}")
    return pins


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    session.install("--editable", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    # The baselines' own tests take minutes and hold on any version what they hold on the newest.
    session.install("--editable", ".[test]", *lowest_versions())
    session.run("python", "-m", "pytest", *(session.posargs or ("tests/unit", "tests/integration")))


@nox.session(python="3.11")
def hook(session: nox.Session) -> None:
    """Validating, with nothing but what the pre-commit hook installs."""
    [hook] = yaml.safe_load(Path(".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    session.install("--editable", ".", *hook["additional_dependencies"])
    session.install("hypothesis", "pytest")
    session.run("python", "-m", "pytest", *(session.posargs or VALIDATING))


@nox.session(python="3.11")
def lint(session: nox.Session) -> None:
    # make installs what it needs into the session's environment.
    session.run("make", "lint", f"VENV={session.virtualenv.location}", external=True)
