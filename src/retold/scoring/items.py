"""Items: everything that is counted, one by one, with its verdict. Every measure can be computed from them.

An item is a row of a match table: a gold label, a prediction, or the two matched with each other. The files are read a
second time, so that counting keeps nothing.

Items with a gold label are what recall is over, items with a prediction what precision is over. A measure needs:

    entities.mention: items of task ``mention`` and kind ``name``. Those of kind ``nominal`` are behind the breakdown by
        kind and no measure. The regimes of SemEval-2013 count ``type`` as the right span, ``boundary`` as the right
        type, and either ``boundary`` as half right.
    entities.linking: items of task ``linking``.
    entities.coreference: items of task ``coreference``, one for each mention span that either side has, of any kind.
        Spans with the same ``entity`` in the same ``event`` are one cluster of that side; one whose ``entity`` is null
        is a cluster of its own. ``document_id`` and ``language`` cut clusters for the breakdowns.
    stance: items of task ``stance``, with the evidence and the scores that were given.
    claims.span: items of task ``claim``: the sum of ``overlap``; for ``exact``, the spans that both sides have.
    claims.attribution: the items of task ``claim`` that are ``right``.
    claims.verification: items of task ``verification``; ``strict`` says whether the evidence holds too.

What counts neither way (predictions outside title and body, links of entities that are not verified, names given to
what gold calls a nominal) is no item, save that any span of an annotated zone is in coreference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from retold.corpus.load import Corpus
from retold.io.submission import Submission
from retold.layers.base import Batch, Item, Matches
from retold.layers.scheme import Scheme, default_scheme
from retold.scoring.count import SystemCounts, count

__all__ = ["Item", "SystemItems", "read_items"]


@dataclass(frozen=True, slots=True)
class SystemItems:
    """The items of one system, and what they are of.

    Attributes:
        system: its name.
        signature: that of a score of it without resamples.
        corpus, submission: as in ``Score``.
        layers: the layers that gold has, and whether the system competes in each.
        items: every counted item.
        scheme: layers and labels of the corpus.
    """

    system: str
    signature: str
    corpus: dict[str, str]
    submission: dict[str, str]
    layers: dict[str, bool]
    items: list[Item]
    scheme: Scheme = field(default_factory=default_scheme, repr=False, compare=False)


def read_items(submission: Submission, corpus: Corpus, counts: SystemCounts) -> list[Item]:
    """Every counted item of a submission that was counted without errors, in the order of its lines.

    Args:
        submission: the same that ``counts`` are of.
        corpus: likewise.
        counts: they know what the sources of claims refer to, and whether documents may be missing.
    """
    found: list[Item] = []

    def sink(batch: Batch, layers: dict[str, tuple[Matches, Any]]) -> None:
        by_document: list[list[Item]] = [[] for _ in batch.documents]
        for name, (matches, names) in layers.items():
            if name in counts.answered:
                for number, item in counts.layers[name].layer.items(matches, batch, names, corpus, counts.refers_to):
                    by_document[number].append(item)
        for items in by_document:
            found.extend(items)

    count(submission, corpus, allow_missing=counts.allow_missing, sink=sink)
    return found
