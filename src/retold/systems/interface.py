"""What a system is given and what it has to offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retold.model.annotations import AnnotationRecord, Document, Event, Protocol

__all__ = ["Context", "Example", "Question", "System", "SystemFault"]


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
        options: the system's options, defaults included.
        cache: a folder for what is dear to make again (embeddings, answers of a service); None: nothing is kept.
    """

    event: Event
    questions: tuple[Question, ...]
    training: tuple[Example, ...]
    seed: int
    options: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class System:
    """A loaded system.

    Attributes:
        name, description, protocol: as the submission card gives them.
        predict: from a document and its context to the record of the document.
        options: what may be set, with defaults.
        extra: the extra of the package that it needs, or None.
        report: what a run cost, or None.
        again: loads the same system anew, without what it may have kept in mind; None: it cannot be.
        code: digest of its source, empty where there is no file.
    """

    name: str
    description: str
    protocol: Protocol
    predict: Callable[[Document, Context], AnnotationRecord]
    options: Mapping[str, str] = field(default_factory=dict)
    extra: str | None = None
    report: Callable[[], Mapping[str, object]] | None = None
    again: Callable[[], System] | None = None
    code: str = ""
