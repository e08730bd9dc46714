"""Claims: where does a document state something that could be checked, and who says it?

Task. Find the clauses that state factual claims; name the source of each, ``author`` or an entity.

Conventions.
    Spans are matched one to one so that the summed Jaccard overlap of their characters is largest. Precision is the sum
    over the number of predicted spans, recall the sum over the number of gold spans: a span that is half right earns
    half, a span given twice earns once. ``exact.f1`` counts spans that are equal.
    attribution: a matched pair counts if its Jaccard overlap is at least 0.5 and its sources refer to the same entity;
    precision over predicted spans, recall over gold spans.
    A predicted source refers to an entity through the system's own clusters: the cluster of that name refers to the
    gold entity with which it shares most mentions (exact spans, over the event; ties go to the larger share of the
    gold entity's mentions, then to nobody). A name that is no cluster of the system's is read as a key of the
    catalogue. So renaming clusters changes nothing.
    A span given twice with the same source counts once; the rules refuse one given twice with different sources.
    0/0 is undefined: no gold and no prediction has no F1.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retold.counts import FIXED
from retold.measures.rows import f1_row, prf_rows
from retold.records import ClaimSpan
from retold.tasks import Place, Tally, facet
from retold.tasks.codes import Codes, EventCodes
from retold.tasks.matching import best_assignment, overlapping

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
        self._events, self._names = Codes(), Codes()
        self._sources = EventCodes()
        #: unit, gold source, predicted source, then the facets of the place, each a code; -1 where there is none.
        self._matches = array("q")

    def add(self, place: Place, unit: str, gold: str, predicted: str) -> None:
        """Keep one matched pair."""
        codes = self.sources(place.event)
        self._matches.extend((self._names[unit], codes[gold], codes[predicted], *self._facets(place)))

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
        units = np.array([(self._names[place.unit_at(0)], *self._facets(place)) for place in places], dtype=np.int64)
        table = np.empty((len(document), 5), np.int64)
        table[:, [0, 3, 4]] = units[document]
        table[:, 1], table[:, 2] = gold, predicted
        self._matches.frombytes(table.tobytes())

    def _facets(self, place: Place) -> tuple[int, int]:
        first, second, *_ = (*(self._names[name] for name in place.facets), -1, -1)
        return first, second

    def merge(self, other: Attributions) -> None:
        """Add the pairs that another worker kept."""
        names = np.array([self._names[name] for name in other._names] + [-1], dtype=np.int64)
        events = [self._events[event] for event in other._events]
        sources = np.array([self._sources.of(events[event])[name] for event, name in other._sources.keys], np.int64)
        table = np.array(other._matches, dtype=np.int64).reshape(-1, 5)
        table[:, [0, 3, 4]] = names[table[:, [0, 3, 4]]]
        if len(sources):
            table[:, 1:3] = sources[table[:, 1:3]]
        self._matches.frombytes(table.tobytes())

    def settle(self, tally: Tally, refers_to: Callable[[str, str], str | None]) -> None:
        """Count each kept pair whose sources refer to the same entity.

        Args:
            refers_to: (event, predicted source) -> key of the gold entity that it refers to, None for nobody.
        """
        if not self._matches:
            return
        table = np.array(self._matches, dtype=np.int64).reshape(-1, 5)
        events, names, sources = list(self._events), list(self._names), self._sources.keys
        pairs, inverse = np.unique(table[:, 1] * len(sources) + table[:, 2], return_inverse=True)
        verdicts = []
        for pair in pairs.tolist():
            gold, predicted = divmod(pair, len(sources))
            event, name = sources[gold]
            given = sources[predicted][1]
            verdicts.append(
                given == AUTHOR if name == AUTHOR else given != AUTHOR and refers_to(events[event], given) == name
            )
        right = table[np.array(verdicts, np.bool_)[inverse]]
        by_author = np.array([name == AUTHOR for _, name in sources], np.bool_)[right[:, 1]]
        for source, amount in ((AUTHOR, int(by_author.sum())), ("", int((~by_author).sum()))):
            if amount:
                tally.facets.row(_source(source))[ATTRIBUTED] += amount
        for column, rows in ((0, tally.units), (3, tally.facets), (4, tally.facets)):
            codes, amounts = np.unique(right[:, column], return_counts=True)
            for code, amount in zip(codes.tolist(), amounts.tolist(), strict=True):
                if code >= 0:
                    rows.row(names[code])[ATTRIBUTED] += amount


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
        for row in tally.rows(unit, place, _source(source)):
            row[JACCARD] += jaccard
            row[EXACT] += shared == either
        if 2 * shared >= either:
            attributions.add(place, unit, source, given[p][1])


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
