"""What the tests of the baselines share: systems and their helpers by name, documents and names in small."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from paths import BASELINES
from retold.model.annotations import AnnotationRecord, Document, Mention, Span, Zone
from retold.systems import Example, System, describe_systems, find_systems, load_system

__all__ = ["NAMES", "document_of", "example_of", "named", "part", "system"]

#: Baselines that need nothing from outside; the others have tests of their own.
NAMES = [entry.name for entry in describe_systems(BASELINES) if not entry.extra]


def system(name: str) -> System:
    """A baseline, loaded anew as the runner does."""
    return load_system(find_systems(BASELINES)[name])


_PACKAGE = system("majority").predict.__module__.partition(".")[0]


def part(name: str) -> Any:
    """A module of the baselines, such as 'common.text'."""
    return import_module(f"{_PACKAGE}.{name}")


def document_of(*sentences: str, key: str = "flood-9", language: str = "en") -> Document:
    """A document of these sentences, all body, one after the other with a blank between them."""
    text = " ".join(sentences)
    starts = [sum(len(each) + 1 for each in sentences[:number]) for number in range(len(sentences))]
    whole = Span(start=0, end=len(text))
    return Document(
        document_id=key,
        event="flood",
        text=text,
        language=language,
        outlet=None,
        original_source=None,
        published=None,
        event_date="2024-05-06",
        seed="",
        seed_sha256="",
        zones=[Zone(start=0, end=len(text), zone="body")],
        paragraphs=[whole],
        sentences=[Span(start=s, end=s + len(each)) for s, each in zip(starts, sentences, strict=True)],
        rights="",
    )


def named(document: Document, *names: tuple[str, str, str] | tuple[str, str, str, str | None]) -> list[Mention]:
    """Every occurrence of (wording, type, entity) or (wording, type, entity, link) as a name."""
    found = []
    for wording, label, entity, *link in names:
        start = document.text.find(wording)
        while start >= 0:
            end = start + len(wording)
            kb_id = link[0] if link else None
            found.append(Mention(start=start, end=end, text=wording, type=label, entity=entity, kb_id=kb_id))
            start = document.text.find(wording, end)
    return sorted(found, key=lambda mention: mention.start)


def example_of(document: Document, *names: tuple[str, str, str] | tuple[str, str, str, str | None]) -> Example:
    """A document with these names as gold."""
    return Example(document, AnnotationRecord(document_id=document.document_id, entities=named(document, *names)))
