"""Majority: the most frequent answer, whatever the document says.

A floor. A system below it has learned less than the frequency of labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import UNSET

from retold.model.annotations import AnnotationRecord, Document, Mention, StanceCell, VerificationPair
from retold.systems import Context, Example

from ..common.defaults import STANCES, cells, every_sentence, labels_of, stance_scores
from ..common.gazetteer import Gazetteer
from ..common.text import fold

NAME = "majority"
DESCRIPTION = (
    "The most frequent label for stance and verification, the ten most frequent names for entities, "
    "every sentence a claim of the author."
)
PROTOCOL = "leave-one-document-out"
FLOOR = True

NAMES = 10


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    stance = Counter(cell.label for example in context.training for cell in example.gold.stance or [])
    verdicts = Counter(pair.label for example in context.training for pair in example.gold.verification or [])
    sides = labels_of(context, "stance")
    side = max(sides, key=lambda label: stance[label])
    verdict = max(labels_of(context, "verification"), key=lambda label: verdicts[label])
    total = stance.total() or 1
    usual = set(sides) == set(STANCES)
    scores = stance_scores(stance["favor"] / total, stance["against"] / total) if usual else UNSET
    return AnnotationRecord(
        document_id=document.document_id,
        entities=frequent_names(document, context.training),
        stance=[StanceCell(holder=h, target=t, label=side, evidence=[], scores=scores) for h, t in cells(context)],
        claims=every_sentence(document),
        verification=[VerificationPair(claim=q.claim, label=verdict, evidence=[]) for q in context.questions],
    )


def frequent_names(document: Document, training: Sequence[Example]) -> list[Mention]:
    """The names that are most frequent in other documents, wherever this one has them."""
    seen: Counter[str] = Counter()
    for example in training:
        text = fold(example.document.text)
        seen.update(text[m.start : m.end] for m in example.gold.entities or [] if m.kind == "name")
    top = sorted(seen, key=lambda name: (-seen[name], name))[:NAMES]
    return [m for m in Gazetteer(training).mentions(document) if m.kind == "name" and fold(str(m.text)) in top]
