"""Controls: training on labels from which nothing can be learned.

A system trained on shuffled labels should score no better than a floor. If it does, its score does not come from
learning (Zhang et al. 2017 fit random labels; Hewitt and Liang 2019 call the difference to such a control selectivity).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from retold.layers import LAYERS
from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention
from retold.systems.interface import Example

__all__ = ["CONTROLS", "shuffled"]

_WORD = re.compile(r"\S+")
#: Tries to find a free position for a span before it is dropped.
_TRIES = 200


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
    given = {name: items for name in LAYERS if (items := getattr(gold, name, msgspec.UNSET)) is not msgspec.UNSET}
    for name, items in given.items():
        if LAYERS[name].keyed:
            changes[name] = _permuted(items, draw)
    for name, items in given.items():
        if not LAYERS[name].keyed:
            # Spans of a kind stay apart where the layer has kinds.
            kinds = list(dict.fromkeys(sorted((getattr(item, "kind", None) for item in items), key=str)))
            groups = [[item for item in items if getattr(item, "kind", None) == kind] for kind in kinds]
            moved = [span for group in groups for span in _moved(group, example.document, draw, kinds != [None])]
            changes[name] = sorted(moved, key=lambda span: (span.start, -span.end))
    record: AnnotationRecord = msgspec.structs.replace(gold, **changes)
    return Example(example.document, record)


#: Name of a control -> what it does to a document of the training set.
CONTROLS: Final[dict[str, Callable[[Example, int], Example]]] = {"shuffled": shuffled}


def _permuted(items: Sequence[Any], draw: random.Random) -> list[Any]:
    """Items with the labels, evidence and scores of others."""
    sources = list(items)
    draw.shuffle(sources)
    names = [name for name in ("label", "evidence", "scores") if items and hasattr(items[0], name)]
    return [
        msgspec.structs.replace(item, **{name: getattr(source, name) for name in names})
        for item, source in zip(items, sources, strict=True)
    ]


_Span = TypeVar("_Span", Mention, ClaimSpan)


def _moved(spans: Sequence[_Span], document: Document, draw: random.Random, apart: bool) -> list[_Span]:
    text = document.text
    sentences = [
        [(s.start + m.start(), s.start + m.end()) for m in _WORD.finditer(text[s.start : s.end])]
        for s in document.sentences
    ]
    taken: list[tuple[int, int]] = []
    made = []
    # Long spans first: later they would not fit between short ones.
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
