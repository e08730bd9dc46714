"""Fixtures that all tests share."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from paths import BASELINES, ROOT
from retold.corpus.load import Corpus, load_corpus
from retold.systems import find_systems, load_system, run_system
from tiny import gold_of, write_bare_corpus, write_tiny_corpus

# How long an example takes says something about the machine, not about the code.
settings.register_profile("retold", deadline=None)
settings.load_profile("retold")


@pytest.fixture(scope="session")
def baseline_submission(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Function: name of a baseline -> its submission for the released corpus, to read and not to change.

    A baseline runs when its submission is first asked for, and once in a run of the tests.
    """
    folder, corpus = tmp_path_factory.mktemp("submissions"), load_corpus()

    @cache
    def submission(name: str) -> Path:
        return run_system(load_system(find_systems(BASELINES)[name]), corpus, folder / name)

    return submission


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Path:
    """The folder of a corpus of two documents, English and Indonesian, to read or to spoil."""
    return write_tiny_corpus(tmp_path / "tiny")


@pytest.fixture
def tiny_corpus(tiny_folder: Path) -> Corpus:
    """The same, loaded."""
    return load_corpus(tiny_folder)


@pytest.fixture
def gold_record() -> Callable[[str], dict[str, Any]]:
    """Function: key of a document of the tiny corpus -> its gold record, as a fresh dict to change."""
    return gold_of


@pytest.fixture
def bare_corpus(tmp_path: Path) -> Callable[[Sequence[str]], Corpus]:
    """Function: keys of ``TEXTS`` -> a corpus of these documents and of two that have no sentence."""
    return lambda keys: load_corpus(write_bare_corpus(tmp_path / "bare", keys))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a wheel."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(target.glob("retold-*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command ``retold`` in an environment of its own, which borrows the dependencies of this one, not ``retold``.

    A path that a .pth file adds is not searched for further .pth files, so an editable install does not come along.
    """
    home = tmp_path_factory.mktemp("venv")
    venv.create(home)
    python = str(home / "bin" / "python")
    purelib = sysconfig.get_path("purelib", vars={"base": str(home)})
    (Path(purelib) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # The pip of this environment: to install one in the new environment takes longer than all else here.
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    return home / "bin" / "retold"
