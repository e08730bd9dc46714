"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from paths import BASELINES
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
