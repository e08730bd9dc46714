"""Rules: clauses, reported speech and cue words of English and Indonesian, written by hand.

Claims are clauses with the speaker whom patterns find (`common/clauses.py`). A holder takes a side where a sentence of
theirs has words of the target and more words of approval than of refusal, or the reverse (`common/voices.py`).

Nothing is learned but the gazetteer. The people who wrote the rules had read the corpus and its labels, though: expect
less of them on another event.
"""

from __future__ import annotations

from collections.abc import Sequence

from retold.model.annotations import AnnotationRecord, Document, Mention, StanceCell
from retold.systems import Context

from ..common.clauses import claims
from ..common.defaults import wording
from ..common.gazetteer import Gazetteer, known_or_capitalised
from ..common.stems import stems
from ..common.text import sentences
from ..common.voices import AUTHOR, cues, own_sentences, voices
from .overlap import rarity, verification

NAME = "rules"
DESCRIPTION = (
    "Claims by clause splitting and attribution by reporting verbs, English and Indonesian; stance by cue words in the "
    "holder's sentences on the target, written by people who knew the corpus. Entities: gazetteer, then capitalised "
    "words; verification as in overlap."
)
PROTOCOL = "leave-one-document-out"

#: Weighted share of a target's words that a sentence must have to speak about it.
ABOUT = 0.2


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    mentions = known_or_capitalised(document, Gazetteer(context.training))
    return AnnotationRecord(
        document_id=document.document_id,
        entities=mentions,
        stance=sides(document, context, mentions),
        claims=claims(document, mentions),
        verification=verification(document, context),
    )


def sides(document: Document, context: Context, mentions: Sequence[Mention]) -> list[StanceCell]:
    """Stance of every holder towards every target, by the cues of the sentences that are the holder's."""
    weights = rarity([" ".join(target.description.values()) for target in context.event.targets])
    texts = sentences(document)
    found = voices(document, mentions)
    there = [set(stems(text)) for text in texts]
    cells = []
    for holder in context.event.holders:
        own, _ = own_sentences(holder, found, texts)
        for target in context.event.targets:
            meaning = wording(target, document.language)
            wanted, key = set(stems(meaning)), set(stems(target.target.replace("-", " ")))
            least = ABOUT * sum(sorted(weights.get(s, 0.0) for s in wanted))
            balance = {}
            for index in own if holder.holder != AUTHOR else ():
                shared = sum(sorted(weights.get(s, 0.0) for s in wanted & there[index]))
                if shared > least or (key and key <= there[index]):
                    approving, refusing = cues(texts[index], meaning.lower())
                    balance[index] = (approving > refusing) - (approving < refusing)
            score = sum(balance.values())
            label = "favor" if score > 0 else "against" if score < 0 else "none"
            evidence = [index for index, side in balance.items() if side] if score else []
            cells.append(StanceCell(holder=holder.holder, target=target.target, label=label, evidence=evidence))
    return cells
