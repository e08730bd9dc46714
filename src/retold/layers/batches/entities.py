"""Mentions and links of many documents at once; what is counted stands in ``retold.layers.entities``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

import numpy as np

from retold.layers.base import facet
from retold.layers.batches.columns import Index, SpanColumns
from retold.layers.batches.gathering import NO_ID
from retold.layers.batches.matching import best_pairs, overlaps
from retold.layers.batches.rows import Items, Rows
from retold.layers.entities import EXACT, GOLD, LINKABLE, LINKED, LINKS, OVERLAP, PREDICTED, STRICT, TYPE
from retold.model.annotations import ENTITY_TYPES, MENTION_KINDS, KbStatus

__all__ = ["Statuses", "count"]

_NAME: Final = MENTION_KINDS.index("name")
_NOMINAL: Final = MENTION_KINDS.index("nominal")
_STATUSES: Final = get_args(KbStatus)
_VERIFIED: Final = _STATUSES.index("verified")
_UNVERIFIED: Final = _STATUSES.index("unverified")


def count(
    gold: SpanColumns,
    predicted: SpanColumns,
    hit: Index,
    status: Index,
    rows: Rows,
) -> None:
    """Add the mentions and links of a batch.

    Args:
        gold, predicted: mentions of both sides, all in annotated zones.
        hit: for each predicted mention the place of the gold mention of equal span, -1 for none.
        status: status of the kb_id of each gold mention, from ``Statuses``.
        rows: rows of ``retold.layers.entities.COLUMNS``.
    """
    gold_types, gold_kinds = gold.labels["type"], gold.labels["kind"]
    types, kinds = predicted.labels["type"], predicted.labels["kind"]
    wanted = Items(gold.document, {"type": (ENTITY_TYPES, gold_types), "kind": (MENTION_KINDS, gold_kinds)})
    given = Items(predicted.document, {"type": (ENTITY_TYPES, types), "kind": (MENTION_KINDS, kinds)})
    is_name = gold_kinds == _NAME
    names = np.flatnonzero(is_name)
    hit_kind = np.where(hit >= 0, gold_kinds[hit] if len(gold) else -1, -1)
    guesses = np.flatnonzero((kinds == _NAME) & (hit_kind != _NOMINAL))
    rows.add(GOLD, wanted, names)
    misnamed = np.flatnonzero((kinds == _NOMINAL) & (hit_kind == _NAME))
    counted = np.concatenate([guesses, misnamed])
    as_names = {"type": (ENTITY_TYPES, types[counted]), "kind": (MENTION_KINDS, np.full(len(counted), _NAME))}
    rows.add(PREDICTED, Items(predicted.document[counted], as_names))
    g, p = _match(gold, predicted, hit, names, guesses)
    same_span, same_type = hit[p] == g, gold_types[g] == types[p]
    of_both = np.where(same_type, gold_types[g], -1)
    matched = Items(gold.document[g], {"type": (ENTITY_TYPES, of_both), "kind": (MENTION_KINDS, gold_kinds[g])})
    for column, right in (
        (STRICT, same_span & same_type),
        (EXACT, same_span),
        (TYPE, same_type),
        (OVERLAP, ~same_span),
    ):
        rows.add(column, matched, np.flatnonzero(right))

    # Nominals stand in the breakdown by kind only; there, names are their ignore region.
    row = rows.tally.facets.row(facet("kind", "nominal"))
    nominals, guesses = np.flatnonzero(~is_name), np.flatnonzero((kinds == _NOMINAL) & (hit_kind != _NAME))
    if len(nominals) or len(guesses):
        g, p = _match(gold, predicted, hit, nominals, guesses)
        same_span, same_type = hit[p] == g, gold_types[g] == types[p]
        row[GOLD] += len(nominals)
        row[PREDICTED] += len(guesses)
        row[STRICT] += int((same_span & same_type).sum())
        row[EXACT] += int(same_span.sum())
        row[TYPE] += int(same_type.sum())
        row[OVERLAP] += int((~same_span).sum())

    _count_links(gold, predicted, hit, status, rows, wanted, given)


def _match(gold: SpanColumns, predicted: SpanColumns, hit: Index, wanted: Index, given: Index) -> tuple[Index, Index]:
    """Match mentions of one kind: equal spans first, then overlaps of equal type, then overlaps."""
    open_gold, open_given = np.zeros(len(gold), np.bool_), np.zeros(len(predicted), np.bool_)
    open_gold[wanted] = open_given[given] = True
    exact = given[(hit[given] >= 0) & open_gold[hit[given]]] if len(gold) else given[:0]
    open_gold[hit[exact]] = open_given[exact] = False
    left, right = np.flatnonzero(open_gold), np.flatnonzero(open_given)
    g, p = overlaps(
        (gold.document[left], gold.start[left], gold.end[left]),
        (predicted.document[right], predicted.start[right], predicted.end[right]),
    )
    documents = len(gold.odd)
    fewest = np.minimum(
        np.bincount(gold.document[left], minlength=documents),
        np.bincount(predicted.document[right], minlength=documents),
    )
    same_type = gold.labels["type"][left[g]] == predicted.labels["type"][right[p]]
    weights = 1.0 + (fewest[gold.document[left[g]]] + 1.0) * same_type
    chosen = best_pairs(g, p, weights)
    return np.concatenate([hit[exact], left[g[chosen]]]), np.concatenate([exact, right[p[chosen]]])


def _count_links(
    gold: SpanColumns, predicted: SpanColumns, hit: Index, status: Index, rows: Rows, wanted: Items, given: Items
) -> None:
    verified = status == _VERIFIED
    rows.add(LINKABLE, wanted, np.flatnonzero(verified))
    kb, gold_kb = predicted.labels["kb"], gold.labels["kb"]
    links = kb >= 0
    found = np.flatnonzero(links & (hit >= 0))
    found = found[status[hit[found]] != _UNVERIFIED]
    at = hit[found]
    rows.add(LINKS, wanted, at)
    rows.add(LINKED, wanted, at[(gold_kb[at] == kb[found]) & verified[at]])
    rows.add(LINKS, given, np.flatnonzero(links & (hit < 0)))


#: No link has this code.
_NEVER: Final = NO_ID - 1


class Statuses:
    """Status of the kb_id of gold mentions, in codes.

    Args:
        kb_status: (code of the cluster, code of the id) -> status. It is asked once for each pair.
    """

    def __init__(self, kb_status: Callable[[int, int], KbStatus]) -> None:
        self._kb_status = kb_status
        self._known: dict[tuple[int, int], int] = {}
        # Nearly every cluster has one id: of each cluster, the id that was seen last and its status, in the order of
        # their codes from the first one of the event. The first place is that of all others and remembers nothing.
        self._first: int | None = None
        self._last: Index = np.zeros((2, 0), np.int64)

    def of(self, gold: SpanColumns) -> Index:
        """Status of each mention."""
        clusters, links = gold.labels["entity"], gold.labels["kb"]
        if self._first is None and (clusters >= 0).any():
            self._first = int(clusters[clusters >= 0].min())
        first = self._first or 0
        places = np.where(clusters >= first, clusters - first + 1, 0)
        short = int(places.max(initial=0)) + 1 - self._last.shape[1]
        if short > 0:
            self._last = np.pad(self._last, ((0, 0), (0, short + 1024)), constant_values=_NEVER)
        link, status = self._last
        found: Index = status[places]
        other = np.flatnonzero(link[places] != links)
        if len(other):
            asked = zip(clusters[other].tolist(), links[other].tolist(), strict=True)
            answers = [self._ask(cluster, kb) for cluster, kb in asked]
            found[other] = answers
            link[places[other]], status[places[other]] = links[other], answers
            link[0] = _NEVER
        return found

    def _ask(self, cluster: int, link: int) -> int:
        status = self._known.get((cluster, link))
        if status is None:
            status = self._known[cluster, link] = _STATUSES.index(self._kb_status(cluster, link))
        return status
