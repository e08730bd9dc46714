"""Tasks: a gold record and a prediction of the same document become counts. Nothing here opens or prints anything.

Each module reads from top to bottom as the task, its conventions, its table of measures, its counting. The only state
is integers: rows of counts for each unit, and for what must be joined across documents, integer arrays.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache

from retold.layers.counts import CountTable
from retold.layers.units import UnitKind, pooled
from retold.model.annotations import Document
from retold.model.segment import unannotated

__all__ = ["Place", "Tally", "facet"]


@cache
def facet(dimension: str, value: str) -> str:
    """Key of a row of a breakdown."""
    return f"{dimension}={value}"


class Place:
    """Where a record's labels are counted: the units, the language and the annotated zones of its document.

    Args:
        document_id: key of the document.
        document: its text and division, or None where only gold records are at hand. Without it there is no zone to
            ignore and no paragraph, and the language is unknown.
        units: what is drawn in resampling.
        pool: whether units are pooled into groups.
        by_document: whether a breakdown by document is kept.
    """

    __slots__ = ("_paragraphs", "_unannotated", "_unit", "document_id", "event", "facets", "language", "units")

    def __init__(
        self, document_id: str, document: Document | None, units: UnitKind, *, pool: bool, by_document: bool
    ) -> None:
        self.document_id = document_id
        self.event = document.event if document else ""
        self.language = document.language if document else "unknown"
        self.units = units
        self._unit = pooled(document_id) if pool else document_id
        self._unannotated = unannotated(document) if document else []
        self._paragraphs = [span.start for span in document.paragraphs] if document else []
        self.facets = [facet("language", self.language)] if document else []
        if by_document:
            self.facets.append(facet("document", document_id))

    def unit_at(self, offset: int) -> str:
        """The unit of a span that begins at ``offset``."""
        if self.units == "document":
            return self._unit
        return f"{self.document_id}/{max(bisect_right(self._paragraphs, offset) - 1, 0)}"

    def unit_of_pair(self, *key: str) -> str:
        """The unit of a label without a place in the text, joined across the documents of the event by ``key``."""
        return self._unit if self.units == "document" else "/".join((self.event, *key))

    def annotated(self, start: int, end: int) -> bool:
        """Whether a span touches title or body; a prediction that lies wholly elsewhere counts neither way."""
        return not any(low <= start and end <= high for low, high in self._unannotated)


@dataclass(slots=True)
class Tally:
    """Counts of one table, by unit and by breakdown."""

    columns: tuple[str, ...]
    units: CountTable = field(init=False)
    facets: CountTable = field(init=False)
    _place: Place | None = field(init=False, default=None)
    _rows: dict[tuple[str, ...], list[list[int]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.units = CountTable(self.columns)
        self.facets = CountTable(self.columns)

    def rows(self, unit: str, place: Place, *facets: str) -> list[list[int]]:
        """Rows that one item is added to: its unit's, its document's, its language's and those of ``facets``."""
        if place is not self._place:
            self._place = place
            self._rows.clear()
        key = unit, *facets
        rows = self._rows.get(key)
        if rows is None:
            rows = self._rows[key] = [
                self.units.row(unit),
                *map(self.facets.row, place.facets),
                *map(self.facets.row, facets),
            ]
        return rows

    def merge(self, other: Tally) -> None:
        """Add another tally of the same columns."""
        self.units.merge(other.units)
        self.facets.merge(other.facets)
