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
from retold.model.annotations import AnnotationRecord, Document, Span, Zone
from retold.rules import check_record
from retold.systems import load_system

__all__ = ["BASELINES", "assert_complete", "document_of", "helper_of", "need", "refusal"]

BASELINES = Path(__file__).resolve().parents[2] / "baselines"


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


def document_of(*sentences: str, key: str = "asked") -> Document:
    """A document of these sentences, all body, one after the other with a blank between them."""
    text = " ".join(sentences)
    starts = [sum(len(each) + 1 for each in sentences[:number]) for number in range(len(sentences))]
    return Document(
        document_id=key,
        event="flood",
        text=text,
        language="en",
        outlet=None,
        original_source=None,
        published=None,
        event_date="2024-05-06",
        seed="",
        seed_sha256="",
        zones=[Zone(start=0, end=len(text), zone="body")],
        paragraphs=[Span(start=0, end=len(text))],
        sentences=[Span(start=s, end=s + len(each)) for s, each in zip(starts, sentences, strict=True)],
        rights="",
    )


def assert_complete(record: AnnotationRecord, corpus: Corpus) -> None:
    """A record is a valid prediction with every stance cell and every claim of the event."""
    folder = corpus.events["flood"]
    document = corpus.documents[record.document_id]
    assert check_record(record, role="prediction", document=document, vocabulary=folder.vocabulary) == []
    cells = sorted((h.holder, t.target) for h in folder.event.holders for t in folder.event.targets)
    assert sorted((cell.holder, cell.target) for cell in record.stance or []) == cells
    assert sorted(pair.claim for pair in record.verification or []) == sorted(folder.claims)


def refusal(system: Path, gold: Path, folder: Path, option: str, capsys: Any) -> str:
    """The error of a run with this option: one line, exit code 2, no submission."""
    places = ["--gold", str(gold), "--output", str(folder / "out"), "--cache", str(folder / "cache")]
    with pytest.raises(SystemExit) as done:
        main(["baseline", str(system), *places, "--option", option])
    assert done.value.code == 2
    shown = capsys.readouterr().err
    (line,) = [line for line in shown.splitlines() if line.startswith("Error: ")]
    assert shown.endswith(f"{line}\n"), shown
    assert not (folder / "out" / "predictions.jsonl").exists()
    return str(line)
