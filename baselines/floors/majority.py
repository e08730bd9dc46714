"""Majority: the most frequent answer, whatever the document says.

A floor. A system below it has learned less than the frequency of labels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from retold.model.annotations import (
    STANCE_LABELS,
    VERIFICATION_LABELS,
    AnnotationRecord,
    Document,
    Mention,
    StanceCell,
    StanceScores,
    VerificationPair,
)
from retold.systems import Context, Example

from ..common.defaults import cells, every_sentence
from ..common.gazetteer import mention_like
from ..common.text import fold, sentences

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
    side = max(STANCE_LABELS, key=lambda label: stance[label])
    verdict = max(VERIFICATION_LABELS, key=lambda label: verdicts[label])
    total = sum(stance.values()) or 1
    favor, against = (round(stance[label] / total, 4) for label in ("favor", "against"))
    scores = StanceScores(favor=favor, against=against, none=round(1 - favor - against, 4))
    return AnnotationRecord(
        document_id=document.document_id,
        entities=frequent_names(document, context.training),
        stance=[StanceCell(holder=h, target=t, label=side, evidence=[], scores=scores) for h, t in cells(context)],
        claims=every_sentence(document),
        verification=[VerificationPair(claim=q.claim, label=verdict, evidence=[]) for q in context.questions],
    )


def frequent_names(document: Document, training: Sequence[Example]) -> list[Mention]:
    """The names that are most frequent in other documents, wherever this one has them."""
    seen: dict[str, Counter[tuple[str, str, str | None]]] = {}
    named: dict[tuple[str, str, str | None], Mention] = {}
    for example in training:
        for mention in example.gold.entities or []:
            if mention.kind == "name":
                key = (mention.type, str(mention.entity), mention.kb_id or None)
                named[key] = mention
                text = fold(example.document.text[mention.start : mention.end])
                seen.setdefault(text, Counter())[key] += 1
    top = sorted(seen, key=lambda text: (-seen[text].total(), text))[:NAMES]
    if not top:
        return []
    # The longest first, because an alternation takes the first that fits.
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, sorted(top, key=len, reverse=True))) + r")(?!\w)")
    mentions: list[Mention] = []
    for span, text in zip(document.sentences, sentences(document), strict=True):
        for match in pattern.finditer(text):
            start, end = span.start + match.start(), span.start + match.end()
            like = named[min(seen[match[0]], key=lambda key: (-seen[match[0]][key], str(key)))]
            mentions.append(mention_like(like, document, start, end))
    return mentions
