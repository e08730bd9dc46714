"""As what a file of records is checked, and why: said by the user, by the card or its place, or guessed by content."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec import UNSET

from retold.corpus.load import Corpus
from retold.io.jsonl import read_lines
from retold.io.sources import Source
from retold.model.findings import FindingsError, UnreadableError
from retold.rules import Role

__all__ = ["FileRole", "role_of"]

#: Maximum number of records that are looked at for a guess.
_SAMPLE: Final = 100


@dataclass(frozen=True, slots=True)
class FileRole:
    """As what a file is read, and why.

    A role that is not ``certain`` is a guess: then only what is an error in a file of any role is one.
    """

    file: str
    role: Role
    reason: str
    certain: bool = True


def role_of(source: Source, corpus: Corpus, given: Role | None, *, card: bool) -> FileRole:
    """The role of a file: as given, or by its card, its place in a corpus, its name, or its content."""
    if given is not None:
        return FileRole(source.name, given, "as --role says")
    if card:
        return FileRole(source.name, "prediction", "it has a card")
    path = Path((source.member or source.path).partition("://")[2] or source.member or source.path)
    if path.name.partition(".")[0].lower() == "predictions":
        return FileRole(source.name, "prediction", "by its name")
    folder = path.absolute().parent
    if path.name == "gold.jsonl" and folder.parent.name == "events":
        return FileRole(source.name, "gold", "by its place", certain=_is_event(folder))
    if folder.name == "annotators" and _is_event(folder.parent):
        return FileRole(source.name, "annotation", "by its place")
    return FileRole(source.name, *_by_content(source, corpus), certain=False)


def _is_event(folder: Path) -> bool:
    return os.path.exists(folder / "event.json")  # noqa: PTH110 - Path.exists raises on some names


def _by_content(source: Source, corpus: Corpus) -> tuple[Role, str]:
    """A guess from the first records: annotators use the keys of the catalogues and give evidence."""
    events = corpus.events.values()
    catalogue = {("entity", key) for event in events for key in event.entities}
    catalogue |= {("claim", key) for event in events for key in event.claims}
    spans = named = known = judged = 0
    evidence = False
    with suppress(FindingsError, UnreadableError):
        for _, line in islice(read_lines(source), _SAMPLE):
            record, _ = corpus.scheme.decoder.decode(line, number=None, file="") if line else (None, [])
            for name, layer in corpus.scheme.layers.items() if record is not None else ():
                items = getattr(record, name) or ()
                if any(getattr(item, "scores", UNSET) is not UNSET for item in items):
                    return "prediction", "it has scores"
                judged += len(items) if layer.keyed else 0
                evidence = evidence or any(getattr(item, "evidence", UNSET) for item in items)
                keys = [] if layer.keyed else list(layer.refers_to(items))
                spans += 0 if layer.keyed else len(items)
                named, known = named + len(keys), known + sum(key in catalogue for key in keys)
    if catalogue and spans and not named:
        return "prediction", "it uses no key of the catalogues"
    if catalogue and 2 * known < named:
        return "prediction", f"{named - known} of {named} keys are not in the catalogues"
    if catalogue and named:
        return "annotation", f"{known} of {named} keys are in the catalogues"
    if judged and not evidence:
        return "prediction", "its labels have no evidence"
    return "annotation", "nothing in it suggests another role"
