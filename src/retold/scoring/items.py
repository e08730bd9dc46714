"""Items: everything that is counted, one by one, with its verdict. Every measure can be computed from them.

An item is a gold label, a prediction, or the two matched with each other. Matching is that of the tasks; nothing is
decided here but what to call the outcome. Files are read a second time, so that counting keeps nothing.

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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, to_builtins

from retold.corpus.load import Corpus
from retold.io.jsonl import Lookup
from retold.io.submission import Submission
from retold.layers.base import Place
from retold.layers.claims import AUTHOR, match_spans, overlap
from retold.layers.entities import NameSpan, match_names, misnamed
from retold.layers.verification import is_strict
from retold.model.annotations import AnnotationRecord, Document, KbStatus, Layer, Mention, MentionKind, StanceCell
from retold.scoring.count import SystemCounts

__all__ = ["Item", "SystemItems", "read_items"]

#: Characters of the text on either side of a span.
AROUND: Final = 40


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One counted item; a line of the file that ``retold score --items`` writes, after the first one.

    Attributes:
        document_id: the document.
        task: mention, linking, coreference, stance, claim or verification.
        verdict: what became of it. ``correct``; ``missed``, ``merged`` and ``missing`` have no prediction, ``spurious``
            and ``split`` no gold label.
            Mentions: ``boundary``, ``type``, ``boundary and type`` are matched and differ in that. ``kind``: a name
            given as a nominal, which is missed and given wrongly (without a gold label where the name is matched with
            another span); or a nominal given as a name, which is missed and has no prediction.
            Links: ``link`` is another entity; a link is ``spurious`` also where gold's entity is in no knowledge base.
            Coreference: ``matched`` spans stand on both sides.
            Claims: ``overlap`` is matched with too little overlap for its source to count, ``source`` has another
            source; ``merged`` is covered by a span that is matched with another claim, ``split`` is a part of a claim
            that is matched with another span.
            Stance and verification: ``wrong`` is another label; a cell or pair that was not answered is ``missing``.
        right: whether it counts as right: for a claim, whether its source does too; for verification, its label. Null
            in coreference, where no mention is right by itself.
        gold, predicted: the labels; null where there is none or where it counts neither way. Spans are ``start`` and
            ``end``, with ``type``, ``kb_id``, ``source`` or, in coreference, the cluster as ``entity``, which is null
            for a mention that names none: it is a cluster of its own. Predicted stance cells have ``scores`` where they
            were given.
        kind: of a mention or link, name or nominal: that of gold, or of the prediction where gold has no mention.
        event, language: of a coreference item, those of its document; clusters do not cross events.
        overlap: of a matched claim, Jaccard overlap of characters.
        strict: of a verification pair, whether its evidence holds too.
        context: the words around it in the document, the span in brackets, or the gold evidence. Coreference items
            have none.
    """

    document_id: str
    task: str
    verdict: str
    right: bool | None
    gold: dict[str, Any] | None
    predicted: dict[str, Any] | None
    kind: MentionKind | UnsetType = UNSET
    event: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    overlap: float | UnsetType = UNSET
    strict: bool | UnsetType = UNSET
    context: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class SystemItems:
    """The items of one system, and what they are of.

    Attributes:
        system: its name.
        signature: that of a score of it without resamples.
        corpus, submission: as in ``Score``.
        layers: the layers that gold has, and whether the system competes in each.
        items: every counted item.
    """

    system: str
    signature: str
    corpus: dict[str, str]
    submission: dict[str, str]
    layers: dict[Layer, bool]
    items: list[Item]


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
            yield from self._mentions(gold.document_id, gold.entities, given, "name")
            yield from self._mentions(gold.document_id, gold.entities, given, "nominal")
            yield from self._links(gold.document_id, gold.entities, given)
            yield from self._coreference(place, gold.entities, given)
        if gold.stance is not UNSET and "stance" in layers:
            yield from self._stance(gold, record)
        if gold.claims is not UNSET and "claims" in layers:
            yield from self._claims(gold, record, place)
        if gold.verification is not UNSET and "verification" in layers:
            yield from self._verification(gold, record)

    def _mentions(
        self, key: str, gold: Sequence[Mention], given: Sequence[Mention], kind: MentionKind
    ) -> Iterator[Item]:
        names, guesses, pairs = match_names(gold, given, kind)
        partner = dict(pairs)
        taken = set(partner.values())
        # A gold name that is called a nominal is given wrongly; what is called a name of a gold nominal is not counted.
        wrong = {span[:2]: span for span in misnamed(gold, given)} if kind == "name" else {}
        others = {(m.start, m.end) for m in given if m.kind != kind}
        for name in names:
            guess = partner.get(name)
            verdict = _difference(name, guess) if guess else "kind" if name[:2] in others else "missed"
            guess = guess or wrong.pop(name[:2], None)
            yield self._item(key, "mention", verdict, _mention(name), guess and _mention(guess), span=name, kind=kind)
        for guess in wrong.values():
            yield self._item(key, "mention", "kind", None, _mention(guess), span=guess, kind=kind)
        for guess in guesses:
            if guess not in taken:
                yield self._item(key, "mention", "spurious", None, _mention(guess), span=guess, kind=kind)

    def _links(self, key: str, gold: Sequence[Mention], given: Sequence[Mention]) -> Iterator[Item]:
        targets = {(m.start, m.end): m for m in gold}
        links = {(m.start, m.end): m for m in given if isinstance(m.kb_id, str)}
        for span in sorted(targets.keys() | links.keys()):
            target, guess = targets.get(span), links.get(span)
            seen, link = target or guess, guess.kb_id if guess else None
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
                kind=seen.kind if seen else UNSET,
            )

    def _status(self, target: Mention | None) -> KbStatus | None:
        event = self._document.event if self._document else ""
        return None if target is None else self._corpus.kb_status(event, target)

    def _coreference(self, place: Place, gold: Sequence[Mention], given: Sequence[Mention]) -> Iterator[Item]:
        wanted, found = ({(m.start, m.end): m.entity for m in mentions} for mentions in (gold, given))
        for span in sorted(wanted.keys() | found.keys()):
            verdict = "spurious" if span not in wanted else "matched" if span in found else "missed"
            yield Item(
                document_id=place.document_id,
                task="coreference",
                verdict=verdict,
                right=None,
                gold=_cluster(span, wanted),
                predicted=_cluster(span, found),
                event=place.event,
                language=place.language,
            )

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
                None if guess is None else {**question, **_labelled(guess), **_scored(guess)},
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
        if name == AUTHOR:
            return AUTHOR
        entity = self._references.get((event, name), name)
        # No cluster is the author, whatever its name.
        return None if entity == AUTHOR else entity

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


def _mention(span: NameSpan) -> dict[str, Any]:
    return {"start": span[0], "end": span[1], "type": span[2]}


def _difference(gold: NameSpan, guess: NameSpan) -> str:
    parts = ("boundary", gold[:2] == guess[:2]), ("type", gold[2] == guess[2])
    return " and ".join(part for part, same in parts if not same) or "correct"


def _cluster(span: tuple[int, int], names: Mapping[tuple[int, int], str | UnsetType]) -> dict[str, Any] | None:
    if span not in names:
        return None
    return {"start": span[0], "end": span[1], "entity": None if names[span] is UNSET else names[span]}


def _touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _labelled(item: Any) -> dict[str, Any]:
    return {"label": item.label, "evidence": list(item.evidence or ())}


def _scored(cell: StanceCell) -> dict[str, Any]:
    return {} if cell.scores is UNSET else {"scores": to_builtins(cell.scores)}


def _verdict(gold: Any, guess: Any) -> str:
    return "missing" if guess is None else "correct" if guess.label == gold.label else "wrong"
