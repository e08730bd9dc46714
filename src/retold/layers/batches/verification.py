"""Verification pairs of many documents at once; what is counted stands in ``retold.layers.verification``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from retold.layers.batches.columns import Index, LabelColumns, Mask, join
from retold.layers.batches.rows import Facet, Items, Rows
from retold.layers.codes import Codes
from retold.layers.verification import COLUMNS, MAX_EVIDENCE
from retold.model.annotations import VERIFICATION_LABELS

__all__ = ["count"]

_STRICT: Final = COLUMNS.index("strict")
_NOT_ENOUGH: Final = VERIFICATION_LABELS.index("not_enough_info")


def count(
    gold: LabelColumns,
    predicted: LabelColumns,
    rows: Rows,
    claims: Sequence[str],
    mutation: Callable[[str], str | None],
) -> None:
    """Add the verification pairs of a batch to rows of ``retold.layers.verification.COLUMNS``.

    Args:
        claims: names of the codes in the columns.
        mutation: claim -> the kind of fact changed in it, None where there is no catalogue.
    """
    hit = join(predicted.key, gold.key)
    found = hit >= 0
    facets: dict[str, Facet] = {"label": (VERIFICATION_LABELS, gold.label)}
    used, inverse = np.unique(gold.parts[0], return_inverse=True)
    kinds = Codes()
    of_claim = [kinds[kind] if (kind := mutation(claims[code])) else -1 for code in used.tolist()]
    if kinds:
        facets["mutation"] = list(kinds), np.array(of_claim, np.int64)[inverse]
    wanted = Items(gold.document, facets)
    given = np.full(len(hit), len(VERIFICATION_LABELS), np.int64)
    given[found] = predicted.label[hit[found]]
    rows.cells(gold.label * (len(VERIFICATION_LABELS) + 1) + given, wanted)
    right = gold.label == given
    rows.add(_STRICT, wanted, np.flatnonzero(right & ((gold.label == _NOT_ENOUGH) | _shown(gold, predicted, hit))))


def _shown(gold: LabelColumns, predicted: LabelColumns, hit: Index) -> Mask:
    """Pairs without gold evidence, and pairs of which a gold sentence is among the first few that were given."""
    owner, sentences = predicted.evidence
    # Evidence is sorted: how far each sentence is from the first one of its pair is its place.
    first = np.searchsorted(owner, owner, side="left")
    early = np.arange(len(owner)) - first < MAX_EVIDENCE
    owner, sentences = owner[early], sentences[early]
    wanted_owner, wanted = gold.evidence
    width = int(max(wanted.max(initial=0), sentences.max(initial=0))) + 1
    both = (hit[wanted_owner] >= 0) & (join(owner * width + sentences, hit[wanted_owner] * width + wanted) >= 0)
    found = np.ones(len(hit), np.bool_)
    found[wanted_owner] = False
    found[wanted_owner[both]] = True
    return found
