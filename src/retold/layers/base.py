"""The interface of a layer of annotation, and how a batch of documents is matched and counted.

A layer matches gold and predictions of a batch once, in columns (``Matches``). Counts are sums over that table by unit
and breakdown; items, comparisons and agreement read the same table. Nothing here opens or prints anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from msgspec import UNSET, Struct, UnsetType

from retold.layers.columns import Builder, SpanColumns, bounded, key_bits, positions
from retold.layers.counts import BatchCounts, Breakdown, CountTable, Rows, breakdown_key
from retold.layers.units import UnitKind, pooled
from retold.layers.views import ViewContext
from retold.measures.base import Counts, Measure
from retold.model.annotations import Document, Entity, KbStatus
from retold.model.arrays import Array, Index, Mask, np
from retold.model.findings import Finding
from retold.model.segment import unannotated
from retold.rules.vocabulary import Role, Vocabulary

__all__ = [
    "Batch",
    "BatchNames",
    "CorpusFacts",
    "Disagreement",
    "DocumentContext",
    "Item",
    "Layer",
    "LayerCounts",
    "Matches",
    "SpanLayer",
]

#: Characters of the text on either side of a span in an item's context.
_AROUND: Final = 40


class CorpusFacts(Protocol):
    """The questions that counting puts to the catalogues of a corpus."""

    def kb_status(self, event: str, entity: str | UnsetType, kb_id: str | UnsetType | None) -> KbStatus:
        """Status of the knowledge base id of a gold mention."""

    def mutation(self, event: str, claim: str) -> str | None:
        """Kind of fact changed in a claim, "none" for a claim as stated, None where there is no catalogue."""


class DocumentContext:
    """Where the labels of a document are counted: its unit, language, zones and paragraphs.

    Args:
        document_id: key of the document.
        document: its text and division, or None where only gold records are at hand. Without it there is no zone to
            ignore and no paragraph, and the language is unknown.
        pool: whether units are pooled into groups.
        by_document: whether a breakdown by document is kept.
        by_event: whether one by event is.
    """

    __slots__ = ("document", "document_id", "event", "groups", "language", "paragraphs", "unit", "zones")

    def __init__(
        self, document_id: str, document: Document | None, *, pool: bool, by_document: bool, by_event: bool = False
    ) -> None:
        self.document_id = document_id
        self.document = document
        self.unit = pooled(document_id) if pool else document_id
        self.event, self.language = "", "unknown"
        self.zones: list[tuple[int, int]] = []
        self.paragraphs: list[int] = []
        self.groups: list[str] = []
        if document is not None:
            self.event, self.language = document.event, document.language
            self.zones = unannotated(document)
            self.paragraphs = [span.start for span in document.paragraphs]
            self.groups = [breakdown_key("language", self.language)]
            if by_event:
                self.groups.append(breakdown_key("event", self.event))
        if by_document:
            self.groups.append(breakdown_key("document", document_id))

    def paragraph_units(self) -> list[str]:
        """Names of the document's units where paragraphs are the units."""
        return [f"{self.document_id}/{number}" for number in range(max(len(self.paragraphs), 1))]


class Batch:
    """Some documents of one event, as arrays.

    Attributes:
        documents: their contexts.
        unit_kind: what is drawn in resampling.
        asked: layer -> shape (documents,), whether gold annotates it in each document.
    """

    def __init__(
        self,
        event: str,
        documents: Sequence[DocumentContext],
        unit_kind: UnitKind,
        asked: Mapping[str, Mask],
    ) -> None:
        self.event, self.documents, self.unit_kind, self.asked = event, documents, unit_kind, asked
        stretches = [(number, *zone) for number, each in enumerate(documents) for zone in each.zones]
        document, start, end = np.array(stretches, np.int64).reshape(-1, 3).T
        #: Stretches that are not annotated: document, start, end.
        self.zones: tuple[Index, Index, Index] = (document, start, end)
        self.groups: dict[str, list[int]] = {}
        for number, each in enumerate(documents):
            for group in each.groups:
                self.groups.setdefault(group, []).append(number)

    def units_of_documents(self, table: CountTable) -> Index | None:
        """Codes of the documents' units; None where paragraphs are drawn."""
        if self.unit_kind != "document":
            return None
        return np.array([table.codes[each.unit] for each in self.documents], np.int64)

    def units_of_spans(self, document: Index, start: Index) -> tuple[list[str], Index]:
        """Names of the units, and for each span the index of the unit that it starts in."""
        if self.unit_kind == "document":
            return [each.unit for each in self.documents], document
        names = [each.paragraph_units() for each in self.documents]
        openings = [(number, first) for number, each in enumerate(self.documents) for first in each.paragraphs]
        owner, first = np.array(openings, np.int64).reshape(-1, 2).T
        openings_at, spans_at = positions((owner, first), (document, start))
        before = np.searchsorted(openings_at, spans_at, side="right") - 1
        # Paragraphs are numbered across documents; a span before the first one of its document counts there.
        divided = np.bincount(owner, minlength=len(names))
        within = np.maximum(before - (np.cumsum(divided) - divided)[document], 0)
        sizes = np.array([len(each) for each in names], np.int64)
        return list(chain.from_iterable(names)), (np.cumsum(sizes) - sizes)[document] + within


@dataclass(slots=True)
class Matches:
    """The match table of a batch: what each gold row and each predicted row was matched with.

    Attributes:
        gold, predicted: the rows of each side.
        equal: shape (predicted,), the gold row with the same key, -1 for none.
        partner: shape (gold,), the predicted row that it is matched with, -1 for none.
    """

    gold: Any
    predicted: Any
    equal: Index
    partner: Index

    @property
    def pairs(self) -> tuple[Index, Index]:
        """Gold and predicted rows that are matched with each other."""
        gold = np.flatnonzero(self.partner >= 0)
        return gold, self.partner[gold]

    def shown(self, g: int, p: int) -> tuple[Any, int]:
        """The side and row that show an item: gold's, or the prediction's where ``g`` is -1."""
        return (self.gold, g) if g >= 0 else (self.predicted, p)

    def unmatched(self) -> Index:
        """Predicted rows that are matched with none."""
        alone = np.ones(len(self.predicted), np.bool_)
        alone[self.partner[self.partner >= 0]] = False
        return np.flatnonzero(alone)

    def same(self) -> Index:
        """Shape (gold,): the predicted row with the same key, -1 for none."""
        found = np.full(len(self.gold), -1, np.int64)
        hit = np.flatnonzero(self.equal >= 0)
        found[self.equal[hit]] = hit
        return found


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One counted item; a line of the file that ``retold score --items`` writes, after the first one.

    Attributes:
        document_id: the document.
        task: mention, linking, coreference, stance, claim or verification.
        verdict: the judgement. ``correct``; ``missed``, ``merged`` and ``missing`` have no prediction, ``spurious``
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
        overlap: of a matched claim, the Jaccard overlap of its characters with its match.
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
    kind: str | UnsetType = UNSET
    event: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    overlap: float | UnsetType = UNSET
    strict: bool | UnsetType = UNSET
    context: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One item that two annotators labelled differently, or that only one of them has.

    Attributes:
        layer, document_id: where it is.
        item: what it is about: ``start:end`` of a span, ``holder/target`` of a cell, the key of a claim.
        kind: missing, label, evidence, kind, type, entity, kb_id (of one entity), boundary, source, claim.
        first, second: what each annotator gave, None for nothing.
        context: the sentence, or for pairs and cells nothing.
    """

    layer: str
    document_id: str
    item: str
    kind: str
    first: Any
    second: Any
    context: str

    def as_dict(self) -> dict[str, Any]:
        """The disagreement in the shape of ``retold agree --format json``."""
        return {name: getattr(self, name) for name in self.__slots__}


class BatchNames:
    """How a layer codes the names of one event, and the builders of its columns.

    Attributes:
        event: the event.
        gold, predicted: builders of either side; their codes are the same.
    """

    def __init__(self, event: str, gold: Builder, predicted: Builder) -> None:
        self.event, self.gold, self.predicted = event, gold, predicted


O = TypeVar("O")  # noqa: E741 - the options of a layer


class Layer(ABC, Generic[O]):
    """A layer of annotation, with the labels that a corpus declares for it.

    Attributes:
        name: its key in a record.
        options: what the manifest says of it.
        items_title: name of its items in reports, in the plural.
        uncounted: keys of an item that counting ignores.
        units_title: name of the units that are resampled where documents are few.
        gold_keys: keys that gold must carry although predictions may leave them out.
        columns, measures: what is counted, and the measures over it.
        track, headline: its default track, and the measures that it contributes to that track.
        agreement_columns, agreement_measures: likewise for two annotators.
        identity, separator: attributes that make the key of an item, and what joins them.
        decided: attributes that adjudication decides.
        plain_type: type of an item, whatever its labels.
        labels: the closed set of labels of an item, where it has one.
        clusters: whether items name clusters.
        across_documents: whether a cluster may reach across documents.
        names_claims: whether items name claims of the catalogue.
        event_keys: keys of event.json that the layer needs.
        unscored_kinds: kinds of items that no measure counts.
        tasks: names of the tasks that its items are judged in (``Item.task``).
        label_keys: keys of an item that hold a label, with the option that lists the allowed ones.
    """

    name: ClassVar[str]
    items_title: ClassVar[str]
    units_title: ClassVar[str]
    Options: ClassVar[type]
    gold_keys: tuple[str, ...]
    uncounted: ClassVar[tuple[str, ...]] = ()
    keyed: ClassVar[bool]
    clusters: ClassVar[bool] = False
    across_documents: bool = False
    identity: tuple[str, ...]
    separator: ClassVar[str]
    decided: ClassVar[tuple[str, ...]]
    plain_type: ClassVar[Any]
    labels: list[str] = []  # noqa: RUF012 - set by each layer for itself
    label_keys: ClassVar[Mapping[str, str]] = {}
    names_claims: ClassVar[bool] = False
    event_keys: tuple[str, ...] = ()
    unscored_kinds: tuple[str, ...] = ()
    tasks: tuple[str, ...]
    track: ClassVar[str]
    columns: tuple[str, ...]
    measures: tuple[Measure, ...]
    headline: tuple[str, ...]
    agreement_columns: tuple[str, ...]
    agreement_measures: Mapping[str, Callable[[Counts], Array]]

    def __init__(self, options: O) -> None:
        self.options = options

    # One item

    @abstractmethod
    def item_type(self) -> type[Struct]:
        """Type of an item, with the labels that the corpus allows."""

    def key_of(self, item: Any) -> str:
        """Key of an item, the unit of adjudication: ``start:end``, ``holder/target`` or the key of a claim."""
        return self.separator.join(str(getattr(item, name)) for name in self.identity)

    def sort_key(self, item: Any) -> tuple[Any, ...]:
        """Order of the items (or of dicts of their shape) in a record."""
        get = item.__getitem__ if isinstance(item, dict) else partial(getattr, item)
        return tuple(get(name) for name in self.identity)

    def repeated_keys(self, item: Any, keys: Vocabulary) -> dict[str, Any]:
        """Keys that an item (or a dict of its shape) repeats from the catalogue, and their values; by default none."""
        return {}

    @abstractmethod
    def check(
        self, items: Sequence[Any], document: Document | None, keys: Vocabulary | None, role: Role, found: list[Finding]
    ) -> None:
        """Append findings for what is wrong with the items of a record beyond their shape."""

    def check_complete(self, items: Sequence[Any], keys: Vocabulary | None, role: Role, found: list[Finding]) -> None:
        """Append findings for what annotations or gold lack; by default none."""

    def check_gold(self, record: Any, keys: Vocabulary | None, found: list[Finding]) -> None:
        """Append findings for contradictions and omissions in gold; by default none."""

    @classmethod
    def observe(cls, item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield what a gold item implies about the layer's options, as pairs that ``options_from`` counts."""
        return ((option, item[key]) for key, option in cls.label_keys.items() if key in item)

    @classmethod
    def options_from(cls, seen: Mapping[str, Counter[Any]]) -> dict[str, Any]:
        """Options inferred from the pairs that ``observe`` yielded for gold, with their counts."""
        return {}

    @classmethod
    def in_usual_order(cls, option: str, labels: Iterable[str]) -> list[str]:
        """The labels that occur: first those of the default manifest, in their usual order, then the others."""
        usual = list(getattr(cls.Options(), option))
        return [label for label in usual if label in labels] + sorted(set(labels) - set(usual))

    # Rows

    @abstractmethod
    def view_columns(self) -> dict[str, str]:
        """Columns of the layer's table, beside those that every table has, and their kinds."""

    def view_labels(self) -> dict[str, Sequence[str]]:
        """Class labels by the name of their kind; by default none."""
        return {}

    @abstractmethod
    def view_row(self, item: Any, document: Document, context: ViewContext) -> dict[str, Any]:
        """The columns of one item."""

    def refers_to(self, items: Sequence[Any]) -> Iterator[tuple[str, str]]:
        """Keys of the catalogues that items use: ("entity", key) or ("claim", key); by default none."""
        return iter(())

    def link(self, kb_id: str | None) -> str | None:
        """The knowledge base id; None for the string that means no entry."""
        return kb_id

    def check_catalogue(self, entity: Entity) -> list[Finding]:
        """What is wrong with an entity of the catalogue; by default nothing."""
        return []

    # A batch

    @abstractmethod
    def names(self, event: str, joined: Any) -> Any:
        """How names of an event are coded (a ``BatchNames``)."""

    @abstractmethod
    def columns_of(self, names: Any, batch: Batch) -> tuple[Any, Any]:
        """The gathered items of gold and prediction as columns; begins a new batch."""

    @abstractmethod
    def match(self, gold: Any, predicted: Any) -> Matches:
        """Match two sides."""

    @abstractmethod
    def count(self, matches: Matches, counts: LayerCounts, into: BatchCounts, batch: Batch, names: Any) -> None:
        """Add a match table to the counts."""

    @abstractmethod
    def items(
        self, matches: Matches, batch: Batch, names: Any, facts: CorpusFacts, refers_to: Any
    ) -> Iterator[tuple[int, Item]]:
        """Every counted item, with the number of its document in the batch."""

    def joined(self, *, shared: bool = False) -> Any:
        """A new accumulator for what is joined across documents; None where a layer joins nothing.

        Args:
            shared: whether names mean the same on both sides, as those of two annotators do.
        """
        return None

    def finish(self, counts: LayerCounts, refers_to: Callable[[str, str], str | None]) -> None:
        """Count what needed all documents; ``refers_to`` maps (event, predicted cluster) to a gold entity."""

    # Two annotators

    def match_annotations(self, first: Any, second: Any) -> Matches:
        """Match two annotators; of equally good matchings, take the one with the most agreement."""
        return self.match(first, second)

    @abstractmethod
    def count_agreement(self, matches: Matches, into: BatchCounts, batch: Batch, table: CountTable, names: Any) -> None:
        """Add the match table of two annotators to rows of ``agreement_columns``."""

    @abstractmethod
    def disagreements(self, matches: Matches, batch: Batch, names: Any) -> Iterator[Disagreement]:
        """Every item on which two annotators differ."""

    def means(self) -> dict[str, tuple[str, ...]]:
        """Measures that are means of others of the layer, with their parts; by default none."""
        return {}


class SpanLayer(Layer[O]):
    """A layer whose items are spans of the text."""

    keyed = False
    uncounted = ("text",)
    units_title = "paragraphs"
    identity = ("start", "end")
    separator = ":"

    def sort_key(self, item: Any) -> tuple[Any, ...]:
        start, end = super().sort_key(item)
        # Outer spans before those inside them.
        return start, -end

    def columns_of(self, names: BatchNames, batch: Batch) -> tuple[SpanColumns, SpanColumns]:
        (sizes, gold), (given_sizes, given) = names.gold.take(), names.predicted.take()
        low, high, given_low, given_high = bounded(gold["start"], gold["end"], given["start"], given["end"])
        bits = key_bits(low, high, given_low, given_high)
        first = SpanColumns.of(sizes, gold, low, high, bits)
        second = SpanColumns.of(given_sizes, given, given_low, given_high, bits)
        # What either side has in a zone that is not annotated counts neither way.
        return first.within(batch.zones), second.within(batch.zones)

    def rows(self, batch: Batch, table: CountTable, spans: SpanColumns, breakdowns: Sequence[Breakdown] = ()) -> Rows:
        """All spans of a side, to be counted at their positions."""
        units = None
        if batch.unit_kind != "document":
            names, index = batch.units_of_spans(spans.document, spans.start)
            units = np.array([table.codes[name] for name in names], np.int64)[index]
        return Rows(spans.document, units, breakdowns)

    def span_item(
        self, batch: Batch, matches: Matches, task: str, verdict: str, pair: tuple[int, int], *labels: Any, **more: Any
    ) -> tuple[int, Item]:
        """An item with the text around the span of a pair (-1 for none), and the number of its document."""
        side, row = matches.shown(*pair)
        number = int(side.document[row])
        context, (gold, predicted) = batch.documents[number], labels
        return number, Item(
            document_id=context.document_id,
            task=task,
            verdict=verdict,
            right=verdict == "correct",
            gold=gold,
            predicted=predicted,
            context=_context_of_span(context.document, int(side.start[row]), int(side.end[row])),
            **more,
        )

    def disagreement(
        self, batch: Batch, matches: Matches, kind: str, pair: tuple[int, int], first: Any, second: Any
    ) -> Disagreement:
        """A disagreement on the span of a pair (-1 for none)."""
        side, row = matches.shown(*pair)
        start, end, context = int(side.start[row]), int(side.end[row]), batch.documents[int(side.document[row])]
        around = _sentence_around(context.document, start, end)
        return Disagreement(self.name, context.document_id, f"{start}:{end}", kind, first, second, around)


class LayerCounts:
    """Everything that is kept of one layer while a shard is counted.

    Attributes:
        layer: the layer.
        units, breakdowns: counts by unit and by breakdown.
        joined: what is joined across documents once all are read.
        answered: of a keyed layer, gold items, those that were answered, and answers to what gold does not ask.
    """

    def __init__(self, layer: Layer[Any], facts: CorpusFacts) -> None:
        self.layer, self.facts = layer, facts
        self.units, self.breakdowns = CountTable(layer.columns), CountTable(layer.columns)
        self.joined = layer.joined()
        self.answered: Index = np.zeros(3, np.int64)
        self._names: dict[str, Any] = {}

    def names(self, event: str) -> Any:
        if event not in self._names:
            self._names[event] = self.layer.names(event, self.joined)
        return self._names[event]

    def extend(self, event: str, gold: list[Sequence[Any]], predicted: list[Sequence[Any]]) -> None:
        """Gather the items of some documents."""
        names = self.names(event)
        names.gold.extend(gold)
        names.predicted.extend(predicted)

    def extend_arrow(self, event: str, gold: Any, predicted: Any, documents: int) -> None:
        """Gather the items of some documents from Arrow arrays of lists.

        Raises:
            NotColumnar: they are not the items of valid records.
        """
        names = self.names(event)
        for builder, lists in ((names.gold, gold), (names.predicted, predicted)):
            if lists is None:
                builder.extend([()] * documents)
            else:
                builder.extend_arrow(lists, self.layer.uncounted)

    def flush(self, batch: Batch) -> tuple[Mask, Matches, Any]:
        """Match and count what was gathered: which documents a rule must check, the match table, and the names."""
        names = self.names(batch.event)
        gold, predicted = self.layer.columns_of(names, batch)
        needs_check = gold.needs_check | predicted.needs_check
        matches = self.layer.match(gold, predicted)
        if batch.asked[self.layer.name].any():
            into = BatchCounts(self.units, self.breakdowns, len(batch.documents))
            self.layer.count(matches, self, into, batch, names)
            into.close(batch.units_of_documents(self.units), batch.groups)
            if self.layer.keyed:
                found = int((matches.partner >= 0).sum())
                self.answered += (len(gold), found, len(predicted) - found)
        return needs_check, matches, names

    def close(self, event: str) -> None:
        """Forget the names of an event whose documents are all counted."""
        self._names.pop(event, None)

    def merge(self, other: LayerCounts) -> None:
        """Add the counts of other documents."""
        self.units.merge(other.units)
        self.breakdowns.merge(other.breakdowns)
        self.answered += other.answered
        if self.joined is not None:
            self.joined.merge(other.joined)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_names": {}, "facts": None, "layer": None}


def _context_of_span(document: Document | None, start: int, end: int) -> str | UnsetType:
    """The text around a span, with the span in brackets."""
    if document is None:
        return UNSET
    text = document.text
    return f"{text[max(start - _AROUND, 0) : start]}[{text[start:end]}]{text[end : end + _AROUND]}"


def context_of_evidence(document: Document | None, evidence: Sequence[int]) -> str | UnsetType:
    """The evidence sentences, separated by an ellipsis."""
    if document is None or not evidence:
        return UNSET
    sentences = [document.sentences[index] for index in evidence]
    return " … ".join(document.text[sentence.start : sentence.end] for sentence in sentences)


def _sentence_around(document: Document | None, start: int, end: int) -> str:
    """The sentence that a span starts in, with the span in brackets."""
    if document is None:
        return ""
    for sentence in document.sentences:
        if sentence.start <= start < sentence.end:
            text = document.text
            return f"{text[sentence.start : start]}[{text[start:end]}]{text[end : max(sentence.end, end)]}"
    return document.text[start:end]
