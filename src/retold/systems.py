"""Running a system on a corpus under a protocol, so that it never sees gold of the document that it predicts.

A system is a Python module with

    NAME = "majority"                       # as the leaderboard shows it
    DESCRIPTION = "The most frequent label."
    PROTOCOL = "leave-one-document-out"     # or "zero-shot"

    def predict(document: Document, context: Context) -> AnnotationRecord: ...

``predict`` is called once for each document. Under leave-one-document-out the context holds the gold of all other
documents, under zero-shot none.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import get_args

from retold import __version__
from retold.corpus import Corpus, EventFolder
from retold.files import write_atomic
from retold.findings import UnreadableError
from retold.records import AnnotationRecord, Document, Event, Protocol, SubmissionCard, encode
from retold.rules import check_record, decode_record

__all__ = ["Context", "Example", "Question", "System", "SystemFault", "list_systems", "load_system", "run_system"]


class SystemFault(ValueError):
    """A module is not a system, or it returned something that is not a prediction."""


@dataclass(frozen=True, slots=True)
class Example:
    """A document with its gold, to learn from."""

    document: Document
    gold: AnnotationRecord


@dataclass(frozen=True, slots=True)
class Question:
    """A canonical claim to verify: its key and its text, nothing of how it was made."""

    claim: str
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a system may know while it predicts one document.

    Attributes:
        event: the event, with stance holders and targets.
        questions: every claim to verify, sorted by key.
        training: the other documents with their gold; empty under zero-shot.
        seed: for whatever is drawn.
    """

    event: Event
    questions: tuple[Question, ...]
    training: tuple[Example, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class System:
    """A loaded system."""

    name: str
    description: str
    protocol: Protocol
    predict: Callable[[Document, Context], AnnotationRecord]


def list_systems(folder: Path) -> list[str]:
    """Names of the modules of a folder that are systems, sorted; modules that begin with an underscore are helpers."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def load_system(path: Path) -> System:
    """Load a system from a Python file.

    Raises:
        UnreadableError: there is no such file.
        SystemFault: the module lacks something that a system needs.
    """
    if not path.is_file():
        raise UnreadableError(f"{path}: no such system")
    module = _load(path)
    for attribute in ("NAME", "DESCRIPTION", "PROTOCOL", "predict"):
        if not hasattr(module, attribute):
            raise SystemFault(f"{path}: a system needs {attribute}; see baselines/README.md")
    if module.PROTOCOL not in ("zero-shot", "leave-one-document-out"):
        raise SystemFault(
            f"{path}: PROTOCOL is {module.PROTOCOL!r}, it must be 'zero-shot' or 'leave-one-document-out' "
            f"(of {', '.join(get_args(Protocol))})"
        )
    return System(module.NAME, module.DESCRIPTION, module.PROTOCOL, module.predict)


def _load(path: Path) -> ModuleType:
    # The folder becomes a package of its own name, so that systems share helpers by relative import and two folders
    # with a helper of the same name do not meet.
    folder = path.parent.resolve()
    package = f"retold_systems_{sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        parent = ModuleType(package)
        parent.__path__ = [str(folder)]
        sys.modules[package] = parent
    spec = importlib.util.spec_from_file_location(f"{package}.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SystemFault(f"{path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        del sys.modules[spec.name]
        raise SystemFault(f"{path}: {error}; baselines need the extra: pip install 'retold[baselines]'") from error
    except Exception as error:
        del sys.modules[spec.name]
        raise SystemFault(f"{path}: {type(error).__name__}: {error}") from error
    return module


def predictions(system: System, corpus: Corpus, seed: int = 0) -> Iterator[AnnotationRecord]:
    """Yield one record for each document of the corpus, in its order.

    Raises:
        SystemFault: the system failed, or returned no record, one of another document, or one that scoring refuses.
        UnreadableError: the corpus is a bare file of gold, without documents.
    """
    if not corpus.documents:
        raise UnreadableError(f"{corpus.root}: has no documents to predict; name a corpus folder")
    for document in corpus.documents.values():
        folder = corpus.events[document.event]
        others = (
            tuple(
                Example(other, corpus.gold[other.document_id])
                for other in corpus.documents.values()
                if other.event == document.event and other.document_id != document.document_id
            )
            if system.protocol == "leave-one-document-out"
            else ()
        )
        questions = tuple(Question(key, folder.claims[key].text) for key in sorted(folder.claims))
        try:
            record = system.predict(document, Context(folder.event, questions, others, seed))
        except Exception as error:
            raise SystemFault(f"{system.name}: {type(error).__name__} at {document.document_id}: {error}") from error
        if not isinstance(record, AnnotationRecord) or record.document_id != document.document_id:
            raise SystemFault(f"{system.name}: no record of {document.document_id} was returned")
        _refuse_invalid(system, record, document, folder)
        yield record


def _refuse_invalid(system: System, record: AnnotationRecord, document: Document, folder: EventFolder) -> None:
    """Check what a system returned as its submission would be checked, types included."""
    decoded, found = decode_record(encode(record), number=1, file=document.document_id)
    if decoded is not None:
        found = check_record(decoded, role="prediction", document=document, vocabulary=folder.vocabulary)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        place = f" [{errors[0].pointer}]" if errors[0].pointer else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise SystemFault(f"{system.name}: {document.document_id}: {errors[0].code} {errors[0].message}{place}{more}")


def run_system(
    system: System,
    corpus: Corpus,
    output: Path,
    *,
    seed: int = 0,
    progress: Callable[[Iterable[AnnotationRecord]], Iterable[AnnotationRecord]] = iter,
) -> Path:
    """Run a system over a corpus and write its submission folder (submission.json, predictions.jsonl).

    Raises:
        SystemFault: the system is at fault.
    """
    lines = [encode(record) + b"\n" for record in progress(predictions(system, corpus, seed))]
    card = SubmissionCard(
        name=system.name,
        team=f"Retold {__version__} baselines",
        description=system.description,
        protocol=system.protocol,
        corpus_version=corpus.version,
    )
    write_atomic(output / "predictions.jsonl", lines)
    write_atomic(output / "submission.json", encode(card) + b"\n")
    return output
