"""What a system is given and what it must provide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retold.model.annotations import AnnotationRecord, Document, Event, Protocol
from retold.model.display import one_line
from retold.rules.registry import printable

__all__ = ["Context", "Example", "Question", "System", "SystemFault", "text_of"]


class SystemFault(ValueError):
    """A module is not a system, it failed, or it returned an invalid prediction."""


@dataclass(frozen=True, slots=True)
class Example:
    """A document with its gold, to learn from."""

    document: Document
    gold: AnnotationRecord


@dataclass(frozen=True, slots=True)
class Question:
    """A canonical claim to verify: its key and its text, without its mutation."""

    claim: str
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a system may know while it predicts one document.

    Attributes:
        event: the event, with stance holders and targets.
        questions: every claim to verify, sorted by key.
        training: the other documents with their gold; empty under zero-shot.
        seed: for anything random.
        options: the system's options, defaults included.
        cache: folder for expensive results (embeddings, answers of a service); None if nothing may be kept.
        layers: options of each layer of the corpus, labels among them, as a manifest gives them.
    """

    event: Event
    questions: tuple[Question, ...]
    training: tuple[Example, ...]
    seed: int
    options: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def text_of(error: BaseException) -> str:
    """What an error of a system says, on one line that can be printed; "" if it fails even in that."""
    try:
        return one_line(printable(str(error)))
    except BaseException:
        return ""


@dataclass(frozen=True, slots=True)
class System:
    """A loaded system.

    Attributes:
        name, description, protocol: as the submission card gives them.
        predict: from a document and its context to the record of the document.
        options: what may be set, with defaults.
        extra: the extra of the package that it needs, or None.
        report: what a run cost, or None.
        file: its file and the name of the object in it, from which it is loaded anew; None if it cannot be.
        imports: modules that it uses, to be imported once for all documents.
        code: digest of its source, empty if there is no file.
    """

    name: str
    description: str
    protocol: Protocol
    predict: Callable[[Document, Context], AnnotationRecord]
    options: Mapping[str, str] = field(default_factory=dict)
    extra: str | None = None
    report: Callable[[], Mapping[str, object]] | None = None
    file: tuple[Path, str | None] | None = None
    imports: tuple[str, ...] = ()
    code: str = ""
