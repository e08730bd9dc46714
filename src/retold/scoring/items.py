"""Items: everything that is counted, one by one, with its verdict. Their sums are the counts behind the measures.

An item is a gold label, a prediction, or the two matched with each other. Matching is that of the tasks; nothing is
decided here but what to call the outcome. Files are read a second time, so that counting keeps nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from retold.corpus import Corpus
from retold.files import Lookup, Submission
from retold.records import AnnotationRecord, Document, KbStatus, Mention
from retold.scoring.counting import SystemCounts
from retold.tasks import Place
from retold.tasks.claims import AUTHOR, match_spans, overlap
from retold.tasks.entities import match_names
from retold.tasks.verification import is_strict

__all__ = ["Flip", "Item", "errors", "flips", "read_items"]

#: Characters of the text on either side of a span.
AROUND: Final = 40


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One counted item.

    Attributes:
        document_id: the document.
        task: mention, linking, stance, claim or verification.
        verdict: what became of it. ``missed`` and ``missing`` have no prediction, ``spurious`` has no gold label.
        right: whether it counts as right: for a claim, whether its source does too; for verification, its label.
        gold, predicted: the labels; null where there is none.
        overlap: of a matched claim, Jaccard overlap of characters.
        strict: of a verification pair, whether its evidence holds too.
        context: the words around it in the document, the span in brackets, or the gold evidence.
    """

    document_id: str
    task: str
    verdict: str
    right: bool
    gold: dict[str, Any] | None
    predicted: dict[str, Any] | None
    overlap: float | UnsetType = UNSET
    strict: bool | UnsetType = UNSET
    context: str | UnsetType = UNSET


class Flip(Struct, frozen=True, kw_only=True):
    """An item that one of two systems has right and the other wrong."""

    task: str
    document_id: str
    item: str
    gold: str
    a: str
    b: str
    better: str
    context: str


def read_items(submission: Submission, corpus: Corpus, counts: SystemCounts) -> Iterator[Item]:
    """Every counted item of a submission that was counted without fault, in the order of its lines.

    Args:
        submission: the same that ``counts`` are of.
        corpus: likewise.
        counts: they know what the sources of claims refer to, and whether documents may be missing.
    """
    references = counts.mentions.references()
    with (
        Lookup(corpus.gold_lines(), AnnotationRecord, "gold") as golds,
        Lookup(corpus.document_lines(), Document, "documents") as documents,
    ):
        for record in submission.read():
            gold = golds.get(record.document_id)
            if gold is not None:
                yield from _Reader(corpus, documents.get(record.document_id), references, counts).items(gold, record)
        for gold in golds.rest():
            empty = AnnotationRecord(document_id=gold.document_id)
            yield from _Reader(corpus, documents.get(gold.document_id), references, counts).items(gold, empty)


class _Reader:
    """The items of one document."""

    def __init__(
        self,
        corpus: Corpus,
        document: Document | None,
        references: Mapping[tuple[str, str], str | None],
        counts: SystemCounts,
    ) -> None:
        self._corpus, self._document, self._references, self._counts = corpus, document, references, counts

    def items(self, gold: AnnotationRecord, record: AnnotationRecord) -> Iterator[Item]:
        """All items of the layers that gold has and the system competes in."""
        place = Place(gold.document_id, self._document, self._counts.units, pool=False, by_document=False)
        layers = self._counts.layers
        if gold.entities is not UNSET and "entities" in layers:
            given = [m for m in record.entities or () if place.annotated(m.start, m.end)]
            yield from self._mentions(gold.document_id, gold.entities, given)
            yield from self._links(gold.document_id, gold.entities, given)
        if gold.stance is not UNSET and "stance" in layers:
            yield from self._stance(gold, record)
        if gold.claims is not UNSET and "claims" in layers:
            yield from self._claims(gold, record, place)
        if gold.verification is not UNSET and "verification" in layers:
            yield from self._verification(gold, record)

    def _mentions(self, key: str, gold: Sequence[Mention], given: Sequence[Mention]) -> Iterator[Item]:
        names, guesses, pairs = match_names(gold, given)
        partner = dict(pairs)
        taken = set(partner.values())
        for name in names:
            guess = partner.get(name)
            if guess is None:
                verdict = "missed"
            else:
                wrong = [
                    part
                    for part, same in (("boundary", name[:2] == guess[:2]), ("type", name[2] == guess[2]))
                    if not same
                ]
                verdict = " and ".join(wrong) or "correct"
            yield self._item(key, "mention", verdict, _mention(name), guess and _mention(guess), span=name)
        for guess in guesses:
            if guess not in taken:
                yield self._item(key, "mention", "spurious", None, _mention(guess), span=guess)

    def _links(self, key: str, gold: Sequence[Mention], given: Sequence[Mention]) -> Iterator[Item]:
        targets = {(m.start, m.end): m for m in gold}
        links = {(m.start, m.end): m.kb_id for m in given if isinstance(m.kb_id, str)}
        for span in sorted(targets.keys() | links.keys()):
            target, link = targets.get(span), links.get(span)
            status = self._status(target)
            if status == "unverified" or (link is None and status != "verified"):
                continue
            wanted = target.kb_id if target is not None and status == "verified" else None
            verdict = "correct" if wanted == link else "missed" if link is None else "link" if wanted else "spurious"
            where = {"start": span[0], "end": span[1]}
            yield self._item(
                key,
                "linking",
                verdict,
                None if wanted is None else {**where, "kb_id": wanted},
                None if link is None else {**where, "kb_id": link},
                span=span,
            )

    def _status(self, target: Mention | None) -> KbStatus | None:
        event = self._document.event if self._document else ""
        return None if target is None else self._corpus.kb_status(event, target)

    def _stance(self, gold: AnnotationRecord, record: AnnotationRecord) -> Iterator[Item]:
        given = {(cell.holder, cell.target): cell for cell in record.stance or ()}
        for cell in gold.stance or ():
            guess = given.get((cell.holder, cell.target))
            question = {"holder": cell.holder, "target": cell.target}
            yield self._item(
                gold.document_id,
                "stance",
                _verdict(cell, guess),
                {**question, **_labelled(cell)},
                None if guess is None else {**question, **_labelled(guess)},
                evidence=cell.evidence or (),
            )

    def _claims(self, gold: AnnotationRecord, record: AnnotationRecord, place: Place) -> Iterator[Item]:
        wanted, given, pairs = match_spans(gold.claims or (), record.claims or (), place)
        partner = dict(pairs)
        for g, (span, source) in enumerate(wanted):
            labels = {"start": span[0], "end": span[1], "source": source}
            p = partner.get(g)
            if p is None:
                # What another gold span was matched with covers this one as well.
                merged = any(_touch(span, other) for other, _ in given)
                verdict = "merged" if merged else "missed"
                yield self._item(gold.document_id, "claim", verdict, labels, None, span=span)
                continue
            other, named = given[p]
            shared, either = overlap(span, other)
            same = 2 * shared >= either and self._refers(named) == source
            verdict = "overlap" if 2 * shared < either else "correct" if same else "source"
            guess = {"start": other[0], "end": other[1], "source": named}
            yield self._item(
                gold.document_id, "claim", verdict, labels, guess, span=span, overlap=shared / either, right=same
            )
        taken = set(partner.values())
        for p, (span, source) in enumerate(given):
            if p not in taken:
                verdict = "split" if any(_touch(span, other) for other, _ in wanted) else "spurious"
                labels = {"start": span[0], "end": span[1], "source": source}
                yield self._item(gold.document_id, "claim", verdict, None, labels, span=span)

    def _refers(self, name: str) -> str | None:
        """The gold source that a predicted one refers to."""
        event = self._document.event if self._document else ""
        return AUTHOR if name == AUTHOR else self._references.get((event, name), name)

    def _verification(self, gold: AnnotationRecord, record: AnnotationRecord) -> Iterator[Item]:
        given = {pair.claim: pair for pair in record.verification or ()}
        for pair in gold.verification or ():
            guess = given.get(pair.claim)
            yield self._item(
                gold.document_id,
                "verification",
                _verdict(pair, guess),
                {"claim": pair.claim, **_labelled(pair)},
                None if guess is None else {"claim": pair.claim, **_labelled(guess)},
                evidence=pair.evidence or (),
                strict=guess is not None and is_strict(pair, guess),
            )

    def _item(
        self,
        key: str,
        task: str,
        verdict: str,
        gold: dict[str, Any] | None,
        predicted: dict[str, Any] | None,
        *,
        span: tuple[Any, ...] | None = None,
        evidence: Sequence[int] = (),
        right: bool | None = None,
        **more: Any,
    ) -> Item:
        return Item(
            document_id=key,
            task=task,
            verdict=verdict,
            right=verdict == "correct" if right is None else right,
            gold=gold,
            predicted=predicted,
            context=self._context(span, evidence),
            **more,
        )

    def _context(self, span: tuple[Any, ...] | None, evidence: Sequence[int]) -> str | UnsetType:
        if self._document is None:
            return UNSET
        text = self._document.text
        if span is None:
            sentences = [self._document.sentences[place] for place in evidence]
            return " … ".join(text[sentence.start : sentence.end] for sentence in sentences) if sentences else UNSET
        start, end = span[:2]
        return f"{text[max(start - AROUND, 0) : start]}[{text[start:end]}]{text[end : end + AROUND]}"


def _mention(span: tuple[int, int, str]) -> dict[str, Any]:
    return {"start": span[0], "end": span[1], "type": span[2]}


def _touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _labelled(item: Any) -> dict[str, Any]:
    return {"label": item.label, "evidence": list(item.evidence or ())}


def _verdict(gold: Any, guess: Any) -> str:
    return "missing" if guess is None else "correct" if guess.label == gold.label else "wrong"


def errors(items: Sequence[Item]) -> dict[str, dict[str, dict[str, int]]]:
    """How often each kind of error was made: task -> row -> column -> items.

    Mentions and links are counted by type (or all together) and verdict, claims by kind of source and verdict, stance
    by target and ``gold → predicted``, verification by gold and by predicted label.
    """
    tables: dict[str, dict[str, Counter[str]]] = {}
    for item in items:
        labels = item.gold or item.predicted or {}
        column = item.verdict
        row = "all"
        if item.task == "mention":
            row = labels["type"]
        elif item.task == "claim":
            row = AUTHOR if labels["source"] == AUTHOR else "entity"
        elif item.task == "stance":
            row, column = labels["target"], f"{labels['label']} → {_given_label(item)}"
        elif item.task == "verification":
            row, column = labels["label"], _given_label(item)
        tables.setdefault(item.task, {}).setdefault(row, Counter())[column] += 1
    return {task: {row: dict(rows[row]) for row in sorted(rows)} for task, rows in tables.items()}


def _given_label(item: Item) -> str:
    return item.predicted["label"] if item.predicted else "missing"


def flips(a: Sequence[Item], b: Sequence[Item]) -> list[Flip]:
    """Items that one system has right and the other wrong, by task and place.

    An item without a gold label is wrong for the system that gives it and right for one that does not.
    """
    sides = [{_question(item): item for item in items} for items in (a, b)]
    found = []
    for key in sorted(sides[0].keys() | sides[1].keys()):
        first, second = (side.get(key) for side in sides)
        rights = [item.right if item is not None else True for item in (first, second)]
        shown = first or second
        if rights[0] == rights[1] or shown is None:
            continue
        found.append(
            Flip(
                task=shown.task,
                document_id=shown.document_id,
                item=key[-1],
                gold=_answer(shown.gold),
                a=_answer(first.predicted if first else None),
                b=_answer(second.predicted if second else None),
                better="a" if rights[0] else "b",
                context="" if shown.context is UNSET else shown.context,
            )
        )
    return found


def _question(item: Item) -> tuple[str, str, bool, int, str]:
    """What an item is about, the same for every system; in the order in which flips are listed."""
    labels = item.gold or item.predicted or {}
    start = labels.get("start", 0)
    if item.task == "stance":
        name = f"{labels['holder']}/{labels['target']}"
    elif item.task == "verification":
        name = labels["claim"]
    else:
        name = f"{start}:{labels['end']}"
    if item.gold is None and item.task == "mention":
        # Two systems may find a span that is none, and give it different types.
        name += f" {labels['type']}"
    return item.task, item.document_id, item.gold is None, start, name


def _answer(labels: Mapping[str, Any] | None) -> str:
    if labels is None:
        return ""
    return str(labels.get("label") or labels.get("type") or labels.get("kb_id") or labels.get("source"))
