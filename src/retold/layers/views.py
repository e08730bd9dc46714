"""Parts of rows that the layers share: spans, sentences and evidence, each with its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from retold.model.annotations import CanonicalClaim, Document, Entity, Event, KbStatus

__all__ = [
    "KB_STATUS",
    "SENTENCE_COLUMNS",
    "SPAN_COLUMNS",
    "ViewContext",
    "evidence_row",
    "sentence_row",
    "span_row",
    "wording",
]

KB_STATUS: Final[tuple[KbStatus, ...]] = get_args(KbStatus)
#: Columns of ``span_row`` and ``sentence_row``, and their kinds.
SPAN_COLUMNS: Final = {"start": "int", "end": "int", "text": "string"}
SENTENCE_COLUMNS: Final = {"sentence": "int", "context": "string", "context_start": "int"}


@dataclass(frozen=True, slots=True)
class ViewContext:
    """What the rows of an event are filled from: the event and its catalogues."""

    event: Event
    entities: Mapping[str, Entity]
    claims: Mapping[str, CanonicalClaim]


def span_row(document: Document, start: int, end: int) -> dict[str, Any]:
    """A span and its text."""
    return {"start": start, "end": end, "text": document.text[start:end]}


def sentence_row(document: Document, start: int) -> dict[str, Any]:
    """The sentence that a span begins in."""
    index = max(i for i, sentence in enumerate(document.sentences) if sentence.start <= start)
    sentence = document.sentences[index]
    return {
        "sentence": index,
        "context": document.text[sentence.start : sentence.end],
        "context_start": sentence.start,
    }


def evidence_row(document: Document, evidence: Any) -> dict[str, Any]:
    """Evidence with the text of its sentences."""
    indices = sorted(evidence or ())
    spans = [document.sentences[index] for index in indices]
    return {"evidence": indices, "evidence_text": [document.text[s.start : s.end] for s in spans]}


def wording(description: Mapping[str, str]) -> str:
    """A description in English, or in the first language that it has."""
    return description.get("en") or next(iter(description.values()), "")
