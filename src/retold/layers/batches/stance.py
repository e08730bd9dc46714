"""Stance cells of many documents at once; what is counted stands in ``retold.layers.stance``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from retold.layers.batches.columns import Evidence, Floats, Index, LabelColumns, join
from retold.layers.batches.rows import Items, Rows, compact
from retold.layers.counts import FIXED
from retold.layers.stance import AT, BINS
from retold.model.annotations import STANCE_LABELS

__all__ = ["count"]

_NONE: Final = STANCE_LABELS.index("none")


def count(
    gold: LabelColumns, predicted: LabelColumns, rows: Rows, holders: Sequence[str], targets: Sequence[str]
) -> None:
    """Add the stance cells of a batch to rows of ``retold.layers.stance.COLUMNS``.

    Args:
        holders, targets: names of the codes in the columns.
    """
    hit = join(predicted.key, gold.key)
    found = hit >= 0
    facets = {"holder": compact(holders, gold.parts[0]), "target": compact(targets, gold.parts[1])}
    wanted = Items(gold.document, {**facets, "label": (STANCE_LABELS, gold.label)})
    given = np.full(len(hit), len(STANCE_LABELS), np.int64)
    given[found] = predicted.label[hit[found]]
    rows.cells(gold.label * (len(STANCE_LABELS) + 1) + given, wanted)

    # The gold cell of each predicted one.
    cell = np.full(len(predicted.key), -1, np.int64)
    cell[hit[found]] = np.flatnonzero(found)
    wanted_cells, wanted_sentences = _of_sides(gold.evidence, gold.label)
    owner, sentences = _of_sides(predicted.evidence, predicted.label)
    shown_cells, sentences = cell[owner][cell[owner] >= 0], sentences[cell[owner] >= 0]
    rows.add(AT["evidence_gold"], wanted, wanted_cells)
    rows.add(AT["evidence_predicted"], wanted, shown_cells)
    width = int(max(wanted_sentences.max(initial=0), sentences.max(initial=0))) + 1
    both = join(wanted_cells * width + wanted_sentences, shown_cells * width + sentences) >= 0
    rows.add(AT["evidence_correct"], wanted, shown_cells[both & (gold.label == given)[shown_cells]])
    if len(predicted.scores):
        scored = np.flatnonzero(found)
        scored = scored[~np.isnan(predicted.scores[hit[scored], 0])]
        _calibrate(predicted.scores[hit[scored]], gold.label[scored], given[scored], scored, wanted, rows)


def _of_sides(evidence: Evidence, labels: Index) -> Evidence:
    """The evidence of the cells that take a side."""
    owner, sentences = evidence
    taken = labels[owner] != _NONE
    return owner[taken], sentences[taken]


def _calibrate(scores: Floats, label: Index, guess: Index, at: Index, wanted: Items, rows: Rows) -> None:
    gaps = scores - (label[:, None] == np.arange(len(STANCE_LABELS)))
    squares = gaps * gaps
    error = squares[:, 0] + squares[:, 1] + squares[:, 2]
    confidence = scores[np.arange(len(scores)), guess]
    level = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    rows.add(AT["scored"], wanted, at)
    rows.add(AT["squared_error~"], wanted, at, np.rint(error * FIXED).astype(np.int64))
    for k in np.unique(level).tolist():
        here = level == k
        rows.add(AT[f"bin{k}:items"], wanted, at[here])
        rows.add(AT[f"bin{k}:confidence~"], wanted, at[here], np.rint(confidence[here] * FIXED).astype(np.int64))
        rows.add(AT[f"bin{k}:correct"], wanted, at[here & (label == guess)])
