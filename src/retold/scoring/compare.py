"""Counts of errors by kind, and the items that only one of two systems has right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, to_builtins

from retold.layers.scheme import Scheme, default_scheme
from retold.model.display import Summary
from retold.model.findings import Finding
from retold.scoring.evaluate import warnings_as_dict
from retold.scoring.items import Item, SystemItems

__all__ = ["Flip", "ItemComparison", "compare_items", "errors"]


class Flip(Struct, frozen=True, kw_only=True):
    """An item that one of two systems has right and the other wrong.

    Attributes:
        task, document_id: as in ``Item``.
        item: what it is about: a span, a stance cell or a claim.
        gold: the gold label; empty where gold has none: the better system then gave no answer.
        a, b: the answers; empty where there is none. A span that differs from gold's follows the label.
        a_verdict, b_verdict: as in ``Item``; empty where a system has no such item.
        better: a or b.
        context: as in ``Item``, or empty.
    """

    task: str
    document_id: str
    item: str
    gold: str
    a: str
    b: str
    a_verdict: str
    b_verdict: str
    better: str
    context: str


@dataclass(frozen=True, slots=True, repr=False)
class ItemComparison(Summary):
    """Where two systems differ, item by item.

    Attributes:
        a, b: what was compared.
        flips: items that one has right and the other wrong, in the order of the tasks and of the text.
    """

    a: SystemItems
    b: SystemItems
    flips: list[Flip]

    @property
    def warnings(self) -> list[Finding]:
        """What may be wrong with either, and did not prevent comparing."""
        return list(dict.fromkeys([*self.a.warnings, *self.b.warnings]))

    def _summary(self) -> tuple[str, list[tuple[str, str]]]:
        rows = [(task, f"{a} only a is right, {b} only b is right") for task, (a, b) in self.tasks().items()]
        return f"Comparison of a, {self.a.system}, and b, {self.b.system}", rows

    @property
    def compared(self) -> list[str]:
        """Layers that gold has and both systems compete in."""
        return [layer for layer in self.a.layers if layer not in self.left_out]

    @property
    def left_out(self) -> dict[str, list[str]]:
        """Layers that gold has and are not compared, with those of a and b that do not compete in them."""
        lacking = {
            layer: [name for name, side in (("a", self.a), ("b", self.b)) if not side.layers[layer]]
            for layer in self.a.layers
        }
        return {layer: names for layer, names in lacking.items() if names}

    def tasks(self) -> dict[str, tuple[int, int]]:
        """Of each task that was compared, how many items only a, and only b, has right."""
        return {
            task: (self._better(task, "a"), self._better(task, "b"))
            for task, layer in _layer_of_task(self.a.scheme).items()
            if layer in self.compared
        }

    def _better(self, task: str, side: str) -> int:
        return sum(flip.task == task and flip.better == side for flip in self.flips)

    def as_dict(self) -> dict[str, Any]:
        """The comparison in the shape of ``retold compare --format json``."""
        return {
            "signature": self.a.signature,
            "corpus": self.a.corpus,
            "a": self.a.system,
            "b": self.b.system,
            "submissions": {"a": self.a.submission, "b": self.b.submission},
            "compared": self.compared,
            "left_out": self.left_out,
            "flips": [to_builtins(flip) for flip in self.flips],
            **warnings_as_dict(self.warnings),
        }


def errors(items: Sequence[Item], scheme: Scheme | None = None) -> dict[str, dict[str, dict[str, int]]]:
    """How often each kind of error was made: task -> row -> column -> items.

    Names are counted by type and verdict, nominals and links all together by verdict, claims by kind of source and
    verdict, stance by target and ``gold → predicted``, verification by gold and by predicted label. Coreference has
    no errors of single mentions.

    Args:
        items: of one system.
        scheme: layers and labels of the corpus; the default ones where not given.
    """
    scheme = scheme or default_scheme()
    unscored = _unscored_kinds(scheme)
    judged = _layer_of_task(scheme)
    tables: dict[str, dict[str, Counter[str]]] = {}
    for item in items:
        if item.task not in judged:
            continue
        labels = item.gold or item.predicted or {}
        column = item.verdict
        row = "all"
        if item.task == "mention":
            row = f"{item.kind}s" if item.kind in unscored else labels["type"]
        elif item.task == "claim":
            author = scheme.layers[judged[item.task]].options.author
            row = author if labels["source"] == author else "entity"
        elif item.task == "stance":
            row, column = labels["target"], f"{labels['label']} → {_given_label(item)}"
        elif item.task == "verification":
            row, column = labels["label"], _given_label(item)
        tables.setdefault(item.task, {}).setdefault(row, Counter())[column] += 1
    return {task: {row: dict(rows[row]) for row in sorted(rows)} for task, rows in tables.items()}


def _layer_of_task(scheme: Scheme) -> dict[str, str]:
    """The layer of each task whose items are right or wrong. No mention is right by itself in coreference."""
    return {task: name for name, layer in scheme.layers.items() for task in layer.tasks}


def _unscored_kinds(scheme: Scheme) -> list[str]:
    """Kinds of mentions that no measure counts."""
    return [kind for layer in scheme.layers.values() for kind in layer.unscored_kinds]


def _given_label(item: Item) -> str:
    return item.predicted["label"] if item.predicted else "missing"


def compare_items(a: SystemItems, b: SystemItems) -> ItemComparison:
    """Items that one system has right and the other wrong, of the layers that both compete in.

    Nominals, which no measure counts, and coreference, where no mention is right by itself, are left out.

    Raises:
        ValueError: the items are of different corpora, or were counted in different ways.
    """
    if a.signature != b.signature:
        raise ValueError(f"the items were counted in different ways: {a.signature} and {b.signature}")
    unscored = _unscored_kinds(a.scheme)
    shared = {layer for layer in a.layers if a.layers[layer] and b.layers[layer]}
    tasks = [task for task, layer in _layer_of_task(a.scheme).items() if layer in shared]
    sides = [
        {
            _question(item, tasks): item
            for item in side.items
            if item.task in tasks and not (item.task == "mention" and item.kind in unscored)
        }
        for side in (a, b)
    ]
    found = []
    for key in sorted(sides[0].keys() | sides[1].keys()):
        first, second = (side.get(key) for side in sides)
        shown = first or second
        # A system without the item is right if gold has none there either, and wrong if gold has one.
        rights = [item.right if item is not None else key.spurious for item in (first, second)]
        if rights[0] == rights[1] or shown is None:
            continue
        found.append(
            Flip(
                task=shown.task,
                document_id=shown.document_id,
                item=key.name,
                gold=_label(shown.gold),
                a=_answer(first, unscored),
                b=_answer(second, unscored),
                a_verdict=first.verdict if first else "",
                b_verdict=second.verdict if second else "",
                better="a" if rights[0] else "b",
                context="" if shown.context is UNSET else shown.context,
            )
        )
    return ItemComparison(a, b, found)


class _Question(NamedTuple):
    """What an item is about, the same for every system; in the order in which flips are listed."""

    task: int
    document_id: str
    spurious: bool
    start: int
    name: str


def _question(item: Item, tasks: Sequence[str]) -> _Question:
    labels = item.gold or item.predicted or {}
    start = labels.get("start", 0)
    if item.task == "stance":
        name = "/".join(labels[part] for part in ("holder", "target") if part in labels)
    elif item.task == "verification":
        name = labels["claim"]
    else:
        name = f"{start}:{labels['end']}"
    return _Question(tasks.index(item.task), item.document_id, item.gold is None, start, name)


def _answer(item: Item | None, unscored: Sequence[str]) -> str:
    """A system's answer; a span that differs from gold's follows the label."""
    if item is not None and item.verdict == "kind":
        return " or ".join(unscored)
    if item is None or item.predicted is None:
        return ""
    given, gold = item.predicted, item.gold
    moved = gold is not None and any(given.get(end) != gold.get(end) for end in ("start", "end"))
    return f"{_label(given)} {given['start']}:{given['end']}" if moved else _label(given)


def _label(labels: Mapping[str, Any] | None) -> str:
    if labels is None:
        return ""
    return str(next(labels[key] for key in ("label", "type", "kb_id", "source") if key in labels))
