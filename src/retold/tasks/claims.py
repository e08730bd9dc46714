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
from typing import Final

from retold.counts import FIXED
from retold.measures.rows import f1_row, prf_rows
from retold.records import ClaimSpan
from retold.tasks import Place, Tally, facet
from retold.tasks.matching import best_assignment, overlapping

__all__ = ["AUTHOR", "COLUMNS", "MEASURES", "Attributions", "count"]

AUTHOR: Final = "author"
COLUMNS: Final = ("gold", "predicted", "jaccard~", "exact", "attributed")
GOLD, PREDICTED, JACCARD, EXACT, ATTRIBUTED = range(len(COLUMNS))

#: Added to the weight of a pair whose sources are both the author or both an entity, far below any difference between
#: overlaps of real spans: it decides between equally good matchings. Names must not, clusters may be called anything.
_SAME_KIND: Final = 2.0**-36

MEASURES: Final = (
    *prf_rows("claims.span", "jaccard", shown="overlap"),
    f1_row("claims.span.exact.f1", "exact"),
    f1_row("claims.attribution.f1", "attributed"),
)


class Attributions:
    """Sources of the matched claims, kept as integers until the system's clusters are known to refer to somebody."""

    __slots__ = ("_names", "_rows", "codes", "matches")

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], int] = {}
        self.codes: list[tuple[str, str]] = []
        self._rows: list[str] = []
        #: unit, gold source, predicted source, then the facets of the place, each an index; -1 where there is none.
        self.matches = array("q")

    def _code(self, event: str, name: str) -> int:
        key = event, name
        code = self._names.setdefault(key, len(self.codes))
        if code == len(self.codes):
            self.codes.append(key)
        return code

    def add(self, place: Place, unit: str, gold: str, predicted: str) -> None:
        """Keep one matched pair."""
        facets = [*place.facets, "", ""][:2]
        self.matches.extend(
            (
                self._code("", unit),
                self._code(place.event, gold),
                self._code(place.event, predicted),
                *(self._code("", name) if name else -1 for name in facets),
            )
        )

    def settle(self, tally: Tally, refers_to: Callable[[str, str], str | None]) -> None:
        """Count each kept pair whose sources refer to the same entity.

        Args:
            refers_to: (event, predicted source) -> key of the gold entity that it refers to, None for nobody.
        """
        verdicts: dict[tuple[int, int], bool] = {}
        matches = self.matches
        for start in range(0, len(matches), 5):
            unit, gold, predicted = matches[start], matches[start + 1], matches[start + 2]
            same = verdicts.get((gold, predicted))
            if same is None:
                event, name = self.codes[gold]
                given = self.codes[predicted][1]
                same = verdicts[gold, predicted] = (
                    given == AUTHOR if name == AUTHOR else given != AUTHOR and refers_to(event, given) == name
                )
            if same:
                tally.units.row(self.codes[unit][1])[ATTRIBUTED] += 1
                tally.facets.row(_source(self.codes[gold][1]))[ATTRIBUTED] += 1
                for code in matches[start + 3 : start + 5]:
                    if code >= 0:
                        tally.facets.row(self.codes[code][1])[ATTRIBUTED] += 1


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
    wanted = sorted({(c.start, c.end): c.source for c in gold}.items())
    given = sorted({(c.start, c.end): c.source for c in predicted if place.annotated(c.start, c.end)}.items())
    for spans, column in ((wanted, GOLD), (given, PREDICTED)):
        for (start, _), source in spans:
            for row in tally.rows(place.unit_at(start), place, _source(source)):
                row[column] += 1
    edges = []
    for g, p in overlapping([span for span, _ in wanted], [span for span, _ in given]):
        shared, either = _overlap(wanted[g][0], given[p][0])
        same_kind = (wanted[g][1] == AUTHOR) == (given[p][1] == AUTHOR)
        edges.append((g, p, shared / either + _SAME_KIND * same_kind))
    for g, p, _ in best_assignment(edges):
        (start, _), source = wanted[g]
        unit = place.unit_at(start)
        shared, either = _overlap(wanted[g][0], given[p][0])
        jaccard = (2 * shared * FIXED + either) // (2 * either)
        for row in tally.rows(unit, place, _source(source)):
            row[JACCARD] += jaccard
            row[EXACT] += shared == either
        if 2 * shared >= either:
            attributions.add(place, unit, source, given[p][1])


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Characters shared by two overlapping spans, and characters in either."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared, a[1] - a[0] + b[1] - b[0] - shared
