"""Random prior: labels drawn as often as the other documents have them, without looking at what they are given to.

A floor that, unlike the majority, takes sides. The draw depends on the seed and on the document, on nothing else.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from retold.model.annotations import AnnotationRecord, Document, Mention, StanceCell, VerificationPair
from retold.systems import Context

from ..common.defaults import STANCES, cells, every_sentence, labels_of, neutral_of, stance_scores
from ..common.text import fold, sentences

NAME = "random_prior"
DESCRIPTION = (
    "Labels, entity types and sources drawn at random with the frequencies of the other documents; names are "
    "capitalised words, every sentence is a claim."
)
PROTOCOL = "leave-one-document-out"
FLOOR = True

TYPES = ("PER", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT")
_CAPITALISED = re.compile(r"(?<!\w)[A-ZÀ-ÖØ-Þ]\w*(?: [A-ZÀ-ÖØ-Þ]\w+)*")


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    draw = random.Random(f"{context.seed}/{document.document_id}")
    golds = [example.gold for example in context.training]
    stance = _shares([cell.label for gold in golds for cell in gold.stance or []], labels_of(context, "stance"))
    verdicts = _shares(
        [pair.label for gold in golds for pair in gold.verification or []], labels_of(context, "verification")
    )
    known = list(context.layers.get("entities", {}).get("types", TYPES))
    types = _shares([m.type for gold in golds for m in gold.entities or [] if m.kind == "name"], known)
    sources = [claim.source for gold in golds for claim in gold.claims or []] or ["author"]
    usual = stance.keys() == set(STANCES)
    scores = stance_scores(stance["favor"], stance["against"]) if usual else msgspec.UNSET
    indices = range(len(document.sentences))

    def drawn_evidence() -> list[int]:
        # A document may have no sentence.
        return [draw.choice(indices)] if indices else []

    cell_list = []
    for holder, target in cells(context):
        side = _drawn(draw, stance)
        evidence = [] if side == neutral_of(context, "stance") else drawn_evidence()
        cell_list.append(StanceCell(holder=holder, target=target, label=side, evidence=evidence, scores=scores))
    pairs = []
    for question in context.questions:
        verdict = _drawn(draw, verdicts)
        evidence = [] if verdict == neutral_of(context, "verification") else drawn_evidence()
        pairs.append(VerificationPair(claim=question.claim, label=verdict, evidence=evidence))
    mentions = []
    for span, text in zip(document.sentences, sentences(document), strict=True):
        for match in _CAPITALISED.finditer(text):
            start, end = span.start + match.start(), span.start + match.end()
            mentions.append(
                Mention(
                    start=start,
                    end=end,
                    text=document.text[start:end],
                    type=_drawn(draw, types),
                    entity=fold(match[0]),
                    kb_id=None,
                )
            )
    return AnnotationRecord(
        document_id=document.document_id,
        entities=mentions,
        stance=cell_list,
        claims=[msgspec.structs.replace(span, source=draw.choice(sources)) for span in every_sentence(document)],
        verification=pairs,
    )


def _shares(seen: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Share of each label; equal shares where nothing was seen."""
    counts = Counter(seen)
    return {label: counts[label] / len(seen) if seen else 1 / len(labels) for label in labels}


def _drawn(draw: random.Random, shares: dict[str, float]) -> str:
    return draw.choices(list(shares), weights=list(shares.values()))[0]
