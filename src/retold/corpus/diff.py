"""Comparing two releases of a corpus: what was added, removed and changed, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from retold.corpus.adjudicate import items_by_key
from retold.corpus.load import Corpus
from retold.layers import LAYERS

__all__ = ["Bump", "Change", "Changes", "compare"]

Bump = Literal["major", "minor", "patch"]
#: What can change, in the order of the report.
PARTS: Final = ("manifest", "events", "documents", "catalogue", "claim texts", *LAYERS)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; ``before`` or ``after`` is None if that release does not have it."""

    part: str
    key: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    def as_dict(self) -> dict[str, Any]:
        return {"part": self.part, "key": self.key, "kind": self.kind, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between two versions, sorted by part, then key."""

    old: str
    new: str
    #: Whether a published schema differs.
    format_changed: bool
    changes: list[Change]

    @property
    def bump(self) -> Bump:
        """The smallest allowed version step: major for the format, minor for data, patch for anything else."""
        return "major" if self.format_changed else "minor" if self.changes else "patch"

    def counts(self) -> dict[str, dict[str, int]]:
        """Part -> kind of change -> number of changes, for the parts that changed."""
        counts: dict[str, dict[str, int]] = {}
        for change in self.changes:
            counts.setdefault(change.part, {"added": 0, "removed": 0, "changed": 0})[change.kind] += 1
        return counts

    def as_dict(self) -> dict[str, Any]:
        return {
            "old": self.old,
            "new": self.new,
            "format_changed": self.format_changed,
            "bump": self.bump,
            "counts": self.counts(),
            "changes": [change.as_dict() for change in self.changes],
        }


def compare(old: Corpus, new: Corpus, *, format_changed: bool = False) -> Changes:
    """Compare two corpora by key: layers and tracks of the manifest, events, documents, catalogues, claim texts, and
    every label of gold.

    A label is an item as ``retold.corpus.adjudicate`` defines it; a moved span is one removed and one added.
    """
    before, after = _parts(old), _parts(new)
    changes = [
        Change(part, key, before[part].get(key), after[part].get(key))
        for part in PARTS
        for key in sorted(before[part].keys() | after[part].keys())
        if before[part].get(key) != after[part].get(key)
    ]
    return Changes(old.version, new.version, format_changed, changes)


def _parts(corpus: Corpus) -> dict[str, Mapping[str, Any]]:
    plain = msgspec.to_builtins
    out: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    scheme = corpus.scheme
    out["manifest"] = {f"layers/{name}": plain(layer.options) for name, layer in scheme.layers.items()}
    out["manifest"] |= {f"tracks/{name}": {"measures": list(track.parts)} for name, track in scheme.tracks.items()}
    out["manifest"]["overall"] = {"tracks": list(scheme.overall)}
    for key, folder in corpus.events.items():
        out["events"][key] = plain(folder.event)
        out["catalogue"].update({f"{key}/{name}": plain(entity) for name, entity in folder.entities.items()})
        out["claim texts"].update({f"{key}/{name}": plain(claim) for name, claim in folder.claims.items()})
    out["documents"] = {key: plain(document) for key, document in corpus.documents.items()}
    for record in corpus.gold.values():
        for name, layer in corpus.scheme.layers.items():
            items = items_by_key(record, layer)
            out[name].update({f"{record.document_id}/{item}": plain(given) for item, given in items.items()})
    return dict(out)
