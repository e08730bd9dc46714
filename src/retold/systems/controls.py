"""Controls: what a system learns where there is nothing to learn.

A system that was trained on shuffled labels should do no better than a floor. If it does, its score comes from
elsewhere than what it learned (Zhang et al. 2017 fit random labels; Hewitt and Liang 2019 call the distance from such a
control selectivity).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention, StanceCell, VerificationPair
from retold.systems.interface import Example

__all__ = ["CONTROLS", "shuffled"]

_WORD = re.compile(r"\S+")
#: Tries to find a free place for a span before it is given up.
_TRIES = 200
_Item = TypeVar("_Item")


def shuffled(example: Example, seed: int) -> Example:
    """A document whose labels say nothing of it, but are as many of each kind as before.

    Stance labels and verdicts, each with its evidence, are permuted over the cells and the claims. Mentions and claim
    spans move to random places of as many words; what they are labelled stays with them. As in gold, mentions of a kind
    touch no other, claims may. A span that finds no place in 200 tries is left out.

    Args:
        example: a document with its gold.
        seed: of the permutations; they depend on the document, too.
    """
    draw = random.Random(f"{seed} {example.document.document_id}")
    gold = example.gold
    changes: dict[str, object] = {}
    if gold.stance is not msgspec.UNSET:
        changes["stance"] = _permuted(gold.stance, _stance_label, draw)
    if gold.verification is not msgspec.UNSET:
        changes["verification"] = _permuted(gold.verification, _verdict, draw)
    if gold.entities is not msgspec.UNSET:
        names = [m for m in gold.entities if m.kind == "name"]
        nominals = [m for m in gold.entities if m.kind != "name"]
        moved = [*_moved(names, example.document, draw, True), *_moved(nominals, example.document, draw, True)]
        changes["entities"] = sorted(moved, key=lambda m: (m.start, -m.end))
    if gold.claims is not msgspec.UNSET:
        changes["claims"] = sorted(_moved(gold.claims, example.document, draw, False), key=lambda c: (c.start, -c.end))
    record: AnnotationRecord = msgspec.structs.replace(gold, **changes)
    return Example(example.document, record)


#: Name of a control -> what it does to a document of the training set.
CONTROLS: Final[dict[str, Callable[[Example, int], Example]]] = {"shuffled": shuffled}


def _stance_label(cell: StanceCell, of: StanceCell) -> StanceCell:
    return msgspec.structs.replace(cell, label=of.label, evidence=of.evidence, scores=of.scores)


def _verdict(pair: VerificationPair, of: VerificationPair) -> VerificationPair:
    return msgspec.structs.replace(pair, label=of.label, evidence=of.evidence)


def _permuted(items: Sequence[_Item], relabel: Callable[[_Item, _Item], _Item], draw: random.Random) -> list[_Item]:
    sources = list(items)
    draw.shuffle(sources)
    return [relabel(item, source) for item, source in zip(items, sources, strict=True)]


_Span = TypeVar("_Span", Mention, ClaimSpan)


def _moved(spans: Sequence[_Span], document: Document, draw: random.Random, apart: bool) -> list[_Span]:
    text = document.text
    places = [
        [(s.start + m.start(), s.start + m.end()) for m in _WORD.finditer(text[s.start : s.end])]
        for s in document.sentences
    ]
    taken: list[tuple[int, int]] = []
    made = []
    # Long ones first: they find no place among many short ones.
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        count = len(_WORD.findall(text[span.start : span.end]))
        room = [words for words in places if len(words) >= count]
        for _ in range(_TRIES if room else 0):
            words = draw.choice(room)
            first = draw.randrange(len(words) - count + 1)
            start, end = words[first][0], words[first + count - 1][1]
            if all(end <= low or high <= start if apart else (start, end) != (low, high) for low, high in taken):
                taken.append((start, end))
                made.append(msgspec.structs.replace(span, start=start, end=end, text=text[start:end]))
                break
    return made
