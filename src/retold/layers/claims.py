"""Claims: where does a document state something that could be checked, and who says it?

Task. Find the clauses that state factual claims; name the source of each, ``author`` or an entity.

Conventions.
    Spans are matched one to one so that the summed Jaccard overlap of their characters is largest. Precision is the sum
    over the number of predicted spans, recall the sum over the number of gold spans: a span that is half right earns
    half, a span given twice earns once. ``exact.f1`` counts the spans that both sides have, whatever is matched.
    attribution: a matched pair counts if its Jaccard overlap is at least 0.5 and its sources refer to the same entity;
    precision over predicted spans, recall over gold spans.
    A predicted source refers to an entity through the system's own clusters: the cluster of that name refers to the
    gold entity with which it shares most mentions (exact spans, over the event; ties go to the larger share of the
    gold entity's mentions, then to nobody). A name that is no cluster of the system's is read as a key of the
    catalogue. So renaming clusters changes nothing.
    In the breakdown by source a match counts only where both sides name the author, or both an entity.
    A span given twice with the same source counts once; the rules refuse one given twice with different sources.
    0/0 is undefined: no gold and no prediction has no F1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retold.layers.base import Place, Tally, facet
from retold.layers.codes import Codes, EventCodes
from retold.layers.counts import FIXED
from retold.layers.matching import best_assignment, overlapping
from retold.measures.classification import f1_row, prf_rows
from retold.model.annotations import ClaimSpan

__all__ = ["AUTHOR", "COLUMNS", "MEASURES", "SAME_KIND", "Attributions", "Sourced", "count", "match_spans", "overlap"]

AUTHOR: Final = "author"
COLUMNS: Final = ("gold", "predicted", "jaccard~", "exact", "attributed")
GOLD, PREDICTED, JACCARD, EXACT, ATTRIBUTED = range(len(COLUMNS))

#: Added to the weight of a pair whose sources are both the author or both an entity, far below any difference between
#: overlaps of real spans: it decides between equally good matchings. Names must not, clusters may be called anything.
SAME_KIND: Final = 2.0**-36

MEASURES: Final = (
    *prf_rows("claims.span", "jaccard", shown="overlap"),
    f1_row("claims.span.exact.f1", "exact"),
    f1_row("claims.attribution.f1", "attributed"),
)


class Attributions:
    """Sources of the matched claims, kept as integers until the system's clusters are known to refer to somebody."""

    def __init__(self) -> None:
        self._events = Codes()
        self._sources = EventCodes()
        #: Codes of (unit, facets of the place).
        self._places = Codes()
        #: Place, gold source and predicted source, each a code.
        self._matches: list[tuple[int, int, int]] = []
        self._parts: list[npt.NDArray[np.int32]] = []

    def add(self, place: Place, unit: str, gold: str, predicted: str) -> None:
        """Keep one matched pair."""
        codes = self.sources(place.event)
        self._matches.append((self._places[unit, *place.facets], codes[gold], codes[predicted]))

    def sources(self, event: str) -> dict[Any, int]:
        """Codes of the sources of an event by name."""
        return self._sources.of(self._events[event])

    def extend(
        self,
        places: Sequence[Place],
        document: npt.NDArray[np.int64],
        gold: npt.NDArray[np.int64],
        predicted: npt.NDArray[np.int64],
    ) -> None:
        """Keep matched pairs of documents whose unit is the document.

        Args:
            places: the documents.
            document: the place of each pair in them.
            gold, predicted: sources in codes of ``sources``.
        """
        codes = np.array([self._places[place.unit_at(0), *place.facets] for place in places], np.int64)
        self._parts.append(np.column_stack([codes[document], gold, predicted]).astype(np.int32))

    def _table(self) -> npt.NDArray[np.int32]:
        return np.concatenate([np.array(self._matches, np.int32).reshape(-1, 3), *self._parts])

    def merge(self, other: Attributions) -> None:
        """Add the pairs that another worker kept."""
        table = other._table()
        if not len(table):
            return
        places = np.array([self._places[key] for key in other._places], np.int32)
        events = [self._events[event] for event in other._events]
        sources = np.array([self._sources.of(events[event])[name] for event, name in other._sources.keys], np.int32)
        self._parts.append(np.column_stack([places[table[:, 0]], sources[table[:, 1:]]]))

    def settle(self, tally: Tally, refers_to: Callable[[str, str], str | None]) -> None:
        """Count each kept pair whose sources refer to the same entity.

        Args:
            refers_to: (event, predicted source) -> key of the gold entity that it refers to, None for nobody.
        """
        place, gold, predicted = self._table().T
        if not len(place):
            return
        events, sources = list(self._events), self._sources.keys
        # A source refers to what its name stands for, the author to itself alone; -1 for nobody.
        meant = Codes()
        named, referred = [], []
        for event, name in sources:
            named.append(meant[event, name])
            entity = AUTHOR if name == AUTHOR else refers_to(events[event], name)
            referred.append(meant[event, entity] if name == AUTHOR or entity not in (None, AUTHOR) else -1)
        right = np.flatnonzero(np.array(named)[gold] == np.array(referred)[predicted])
        by_author = np.array([name == AUTHOR for _, name in sources])[gold[right]]
        for source, amount in ((AUTHOR, int(by_author.sum())), ("", int((~by_author).sum()))):
            if amount:
                tally.facets.row(_source(source))[ATTRIBUTED] += amount
        amounts = np.bincount(place[right], minlength=len(self._places)).tolist()
        for (unit, *facets), amount in zip(self._places, amounts, strict=True):
            if amount:
                tally.units.row(unit)[ATTRIBUTED] += amount
                for name in facets:
                    tally.facets.row(name)[ATTRIBUTED] += amount


def _source(name: str) -> str:
    return facet("source", AUTHOR if name == AUTHOR else "entity")


def count(
    gold: Sequence[ClaimSpan],
    predicted: Sequence[ClaimSpan],
    place: Place,
    tally: Tally,
    attributions: Attributions,
) -> None:
    """Add one document's claim spans to the tally (of ``COLUMNS``) and their sources to the attributions."""
    wanted, given, pairs = match_spans(gold, predicted, place)
    for spans, column in ((wanted, GOLD), (given, PREDICTED)):
        for (start, _), source in spans:
            for row in tally.rows(place.unit_at(start), place, _source(source)):
                row[column] += 1
    for g, p in pairs:
        (start, _), source = wanted[g]
        unit = place.unit_at(start)
        shared, either = overlap(wanted[g][0], given[p][0])
        jaccard = (2 * shared * FIXED + either) // (2 * either)
        for row in tally.rows(unit, place, *_of_both(source, given[p][1])):
            row[JACCARD] += jaccard
        if 2 * shared >= either:
            attributions.add(place, unit, source, given[p][1])
    sources = dict(given)
    for span, source in wanted:
        if span in sources:
            for row in tally.rows(place.unit_at(span[0]), place, *_of_both(source, sources[span])):
                row[EXACT] += 1


def _of_both(gold: str, predicted: str) -> list[str]:
    """The row of a kind of source, where both are of that kind."""
    return [_source(gold)] if (gold == AUTHOR) == (predicted == AUTHOR) else []


#: A span and its source.
Sourced = tuple[tuple[int, int], str]


def match_spans(
    gold: Sequence[ClaimSpan], predicted: Sequence[ClaimSpan], place: Place
) -> tuple[list[Sourced], list[Sourced], list[tuple[int, int]]]:
    """Gold spans, predicted spans that count, and who is matched with whom, by their places in the lists."""
    wanted = sorted({(c.start, c.end): c.source for c in gold}.items())
    given = sorted({(c.start, c.end): c.source for c in predicted if place.annotated(c.start, c.end)}.items())
    edges = []
    for g, p in overlapping([span for span, _ in wanted], [span for span, _ in given]):
        shared, either = overlap(wanted[g][0], given[p][0])
        same_kind = (wanted[g][1] == AUTHOR) == (given[p][1] == AUTHOR)
        edges.append((g, p, shared / either + SAME_KIND * same_kind))
    return wanted, given, [(g, p) for g, p, _ in best_assignment(edges)]


def overlap(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Characters shared by two overlapping spans, and characters in either."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared, a[1] - a[0] + b[1] - b[0] - shared
