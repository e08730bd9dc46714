"""What the tests of the baselines that need an extra have in common."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from retold.cli.main import main
from retold.corpus.load import Corpus
from retold.model.annotations import AnnotationRecord
from retold.systems import load_system

__all__ = ["assert_complete", "helper_of", "need", "refusal"]


def need(extra: str, *packages: str) -> None:
    """Skip the module if a package is missing; fail instead where RETOLD_EXTRAS=1 says that all must be there."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            reason = f"{error}: these tests need the extra {extra}"
            if os.environ.get("RETOLD_EXTRAS") == "1":
                raise RuntimeError(reason) from error
            pytest.skip(reason, allow_module_level=True)


def helper_of(system: Path, name: str = "") -> ModuleType:
    """The module of a baseline, loaded anew as the runner does, or a helper module beside it."""
    module = load_system(system).predict.__module__
    return sys.modules[f"{module.rpartition('.')[0]}.{name}" if name else module]


def assert_complete(record: AnnotationRecord, corpus: Corpus) -> None:
    """A record has every stance cell and every claim of the event. That it is valid is checked by the runner."""
    folder = corpus.events["flood"]
    cells = sorted((h.holder, t.target) for h in folder.event.holders for t in folder.event.targets)
    assert sorted((cell.holder, cell.target) for cell in record.stance or []) == cells
    assert sorted(pair.claim for pair in record.verification or []) == sorted(folder.claims)


def refusal(system: Path, gold: Path, folder: Path, option: str, capsys: Any) -> str:
    """The error of a run with this option: one line, exit code 2, no submission."""
    places = ["--gold", str(gold), "--output", str(folder / "out"), "--cache", str(folder / "cache")]
    with pytest.raises(SystemExit) as done:
        main(["run", str(system), *places, "--option", option])
    assert done.value.code == 2
    shown = capsys.readouterr().err
    (line,) = [line for line in shown.splitlines() if line.startswith("Error: ")]
    assert shown.endswith(f"{line}\n"), shown
    assert not (folder / "out" / "predictions.jsonl").exists()
    return str(line)
