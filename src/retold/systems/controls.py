"""Controls: training on labels from which nothing can be learned.

A system trained on shuffled labels should score no better than a floor. If it does, its score does not come from
learning (Zhang et al. 2017 fit random labels; Hewitt and Liang 2019 call the difference to such a control selectivity).
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
#: Tries to find a free position for a span before it is dropped.
_TRIES = 200
_Item = TypeVar("_Item")


def shuffled(example: Example, seed: int) -> Example:
    """A document with random labels, as many of each kind as before.

    Stance labels and verdicts are permuted over the cells and the claims, with their evidence. Mentions and claim spans
    move to random positions of as many words and keep their labels. As in gold, mentions of a kind do not overlap,
    claims may. A span without a free position after 200 tries is dropped.

    Args:
        example: a document with its gold.
        seed: of the permutations, which also depend on the document.
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
    sentences = [
        [(s.start + m.start(), s.start + m.end()) for m in _WORD.finditer(text[s.start : s.end])]
        for s in document.sentences
    ]
    taken: list[tuple[int, int]] = []
    made = []
    # Long spans first: they do not fit among many short ones.
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        count = len(_WORD.findall(text[span.start : span.end]))
        long_enough = [words for words in sentences if len(words) >= count]
        for _ in range(_TRIES if long_enough else 0):
            words = draw.choice(long_enough)
            first = draw.randrange(len(words) - count + 1)
            start, end = words[first][0], words[first + count - 1][1]
            if all(end <= low or high <= start if apart else (start, end) != (low, high) for low, high in taken):
                taken.append((start, end))
                made.append(msgspec.structs.replace(span, start=start, end=end, text=text[start:end]))
                break
    return made
