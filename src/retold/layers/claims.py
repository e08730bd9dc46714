"""Claims: where does a document state something that could be checked, and who says it?

Task. Find the clauses that state factual claims; name the source of each, ``author`` or an entity.

Conventions.
    Spans are matched one to one so that the summed Jaccard overlap of their characters is largest. Precision is the sum
    over the number of predicted spans, recall the sum over the number of gold spans: a span that is half right earns
    half, a span given twice earns once. ``exact.f1`` counts the spans that both sides have, whatever is matched.
    attribution: a matched pair counts if its Jaccard overlap is at least 0.5 and its sources refer to the same entity;
    precision over predicted spans, recall over gold spans.
    A predicted source refers to an entity through the system's own clusters: the cluster of that name refers to the
    gold entity with which it shares most mentions (exact spans, over the event; ties go to the larger share of the
    gold entity's mentions, then to nobody; a cluster without a counted mention is nobody). A name that is no cluster of
    the system's is read as a key of the catalogue. So renaming clusters changes nothing.
    In the breakdown by source a match counts only where both sides name the author, or both an entity.
    A span given twice with the same source counts once; the rules refuse one given twice with different sources.
    0/0 is undefined: no gold and no prediction has no F1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct

from retold.layers.base import (
    Batch,
    BatchNames,
    CorpusFacts,
    Disagreement,
    Item,
    LayerCounts,
    Matches,
    SpanLayer,
)
from retold.layers.columns import Builder, Integers, NamedKeys, SpanColumns, join
from retold.layers.counts import FIXED, BatchCounts, CountTable, Rows, breakdown, breakdown_key
from retold.layers.names import UNNAMED, Codes, EventCodes, EventNames, Namer
from retold.layers.views import SENTENCE_COLUMNS, SPAN_COLUMNS, ViewContext, sentence_row, span_row
from retold.measures.assignment import best_assignment
from retold.measures.base import f1
from retold.measures.classification import f1_row, prf_rows
from retold.measures.overlap import overlaps
from retold.model.annotations import ClaimSpan, Document
from retold.model.arrays import Array, Index, Small, np
from retold.model.findings import Finding
from retold.rules import references
from retold.rules.spans import check_spans
from retold.rules.vocabulary import Role, Vocabulary

__all__ = ["Claims", "ClaimsOptions", "SourceMatches"]

#: Added to the weight of a pair whose sources are both the author or both an entity, far below any difference between
#: overlaps of real spans: it decides between equally good matchings. Names must not: a cluster may have any name.
_SAME_KIND: Final = 2.0**-36
#: Likewise for two annotators who agree in boundaries, source and claim.
_AGREED: Final = (2.0**-30, 2.0**-36, 2.0**-42)
#: Overlaps of spans so long that fixed-point division would overflow 64 bits are divided as Python's integers.
_LONG: Final = 1 << 39
_HALF: Final = FIXED.bit_length() // 2


class ClaimsOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the layer ``claims``."""

    author: Annotated[
        str, Meta(min_length=1, description="Source of what the document says in its own voice.", examples=["author"])
    ] = "author"


class SourceMatches:
    """Sources of the matched claims, as integers, until it is known what the system's clusters refer to."""

    def __init__(self, author: str) -> None:
        self._author = author
        self._events = Codes()
        self._sources = EventCodes()
        #: Codes of (unit, breakdown keys of the document).
        self._units = Codes()
        #: Unit, gold source and predicted source of each match, each a code.
        self._parts: list[Small] = []

    def sources(self, event: str) -> EventNames:
        """Codes of the sources of an event by name."""
        return self._sources.of(self._events[event])

    def extend(self, units: Sequence[tuple[str, ...]], unit: Index, gold: Index, predicted: Index) -> None:
        """Keep matched pairs.

        Args:
            units: the unit of a pair and the breakdowns that it is in.
            unit: index of each pair in them.
            gold, predicted: sources in codes of ``sources``.
        """
        used, inverse = np.unique(unit, return_inverse=True)
        codes = np.array([self._units[units[index]] for index in used.tolist()], np.int64)[inverse]
        self._parts.append(np.column_stack([codes, gold, predicted]).astype(np.int32))

    def _table(self) -> Small:
        return np.concatenate([np.zeros((0, 3), np.int32), *self._parts])

    def merge(self, other: SourceMatches) -> None:
        """Add the pairs of other documents."""
        table = other._table()
        if not len(table):
            return
        units = np.array([self._units[key] for key in other._units], np.int32)
        events = [self._events[event] for event in other._events]
        sources = np.array([self._sources.of(events[event])[name] for event, name in other._sources.keys], np.int32)
        self._parts.append(np.column_stack([units[table[:, 0]], sources[table[:, 1:]]]))

    def count(self, units: CountTable, breakdowns: CountTable, refers_to: Callable[[str, str], str | None]) -> None:
        """Count each kept pair whose sources refer to the same entity.

        Args:
            refers_to: (event, predicted source) -> key of the gold entity that it refers to, None for nobody.
        """
        unit, gold, predicted = self._table().T
        if not len(unit):
            return
        events, sources = list(self._events), self._sources.keys
        # What each source refers to, -1 for nobody; the author refers to the author alone.
        meant = Codes()
        named, referred = [], []
        for event, name in sources:
            named.append(meant[event, name])
            target = self.referent(name, partial(refers_to, events[event]))
            referred.append(-1 if target is None else meant[event, target])
        right = np.flatnonzero(np.array(named)[gold] == np.array(referred)[predicted])
        by_author = np.array([name == self._author for _, name in sources])[gold[right]]
        for source, amount in ((self._author, int(by_author.sum())), ("entity", int((~by_author).sum()))):
            if amount:
                breakdowns.add_amount(breakdown_key("source", source), "attributed", amount)
        amounts = np.bincount(unit[right], minlength=len(self._units)).tolist()
        for (name, *groups), amount in zip(self._units, amounts, strict=True):
            if amount:
                units.add_amount(name, "attributed", amount)
                for group in groups:
                    breakdowns.add_amount(group, "attributed", amount)

    def referent(self, name: str, refers_to: Callable[[str], str | None]) -> str | None:
        """The gold source that a predicted one refers to."""
        if name == self._author:
            return self._author
        entity = refers_to(name)
        # A cluster is never the author, whatever it is called.
        return None if entity == self._author else entity


class _Names(BatchNames):
    """Codes of sources and claims of one event, the same on both sides."""

    def __init__(self, event: str, sources: EventNames, author: str) -> None:
        self.sources = sources
        self.author = sources[author]
        self._claims = EventCodes().of(0)
        sources_of, claims_of = Namer(sources), Namer(self._claims)
        sides = [
            Builder(
                {
                    "start": Integers("start"),
                    "end": Integers("end"),
                    "source": NamedKeys("source", sources_of),
                    "claim": NamedKeys("claim", claims_of, optional=True),
                }
            )
            for _ in range(2)
        ]
        super().__init__(event, *sides)

    def source(self, code: int) -> str:
        """Name of a source."""
        name: str = self.sources.name(code)
        return name

    def claim(self, code: int) -> str | None:
        """Key of a claim, None where none is given."""
        return None if code == UNNAMED else self._claims.name(code)


class Claims(SpanLayer[ClaimsOptions]):
    """The layer ``claims``."""

    name = "claims"
    items_title = "claim spans"
    tasks = ("claim",)
    Options = ClaimsOptions
    gold_keys = ("text", "claim")
    track = "claims"
    plain_type = ClaimSpan
    names_claims = True
    decided = ("source", "claim")
    columns = ("gold", "predicted", "jaccard~", "exact", "attributed")
    measures = (
        *prf_rows(
            "claims.span",
            "jaccard",
            shown="overlap",
            definition="A span counts by the Jaccard overlap of its characters with its match (one to one, for the "
            "largest sum).",
        ),
        f1_row("claims.span.exact.f1", "exact", definition="Spans with the same boundaries."),
        f1_row(
            "claims.attribution.f1",
            "attributed",
            definition="Matched spans with an overlap of at least .5 whose sources refer to the same entity.",
        ),
    )
    headline = ("claims.span.f1", "claims.attribution.f1")
    agreement_columns = (
        *("first", "second", "jaccard~", "exact", "attributed"),
        *("first_claims", "second_claims", "canonical"),
    )
    agreement_measures: Mapping[str, Callable[[Mapping[str, Array]], Array]] = {
        "overlap.f1": lambda c: f1(c["jaccard"], c["second"], c["first"]),
        "exact.f1": lambda c: f1(c["exact"], c["second"], c["first"]),
        "attribution.f1": lambda c: f1(c["attributed"], c["second"], c["first"]),
        "canonical.f1": lambda c: f1(c["canonical"], c["second_claims"], c["first_claims"]),
    }

    # One item

    def item_type(self) -> type[Struct]:
        return ClaimSpan

    def check(
        self, items: Sequence[Any], document: Document | None, keys: Vocabulary | None, role: Role, found: list[Finding]
    ) -> None:
        check_spans("claims", items, lambda span: (span.source, span.claim), document, role, found)
        if keys is None or role == "prediction":
            return
        for index, span in enumerate(items):
            if span.claim is not UNSET and span.claim not in keys.claims:
                found.append(references.unknown_claim(span.claim, keys.claims, f"/claims/{index}/claim", role))
            author = self.options.author
            if span.source != author and span.source not in keys.entities:
                pointer = f"/claims/{index}/source"
                found.append(references.unknown_source(span.source, author, keys.entities, pointer, role))

    # Rows

    def view_columns(self) -> dict[str, str]:
        return {
            **SPAN_COLUMNS,
            **dict.fromkeys(("source", "claim", "claim_text"), "string"),
            **SENTENCE_COLUMNS,
        }

    def view_row(self, item: Any, document: Document, context: ViewContext) -> dict[str, Any]:
        return {
            **span_row(document, item.start, item.end),
            "source": item.source,
            "claim": item.claim,
            "claim_text": context.claims[str(item.claim)].text,
            **sentence_row(document, item.start),
        }

    def refers_to(self, items: Sequence[Any]) -> Iterator[tuple[str, str]]:
        return (("claim", item.claim) for item in items if item.claim is not UNSET)

    # A batch

    def joined(self, *, shared: bool = False) -> SourceMatches:
        return SourceMatches(self.options.author)

    def names(self, event: str, joined: SourceMatches) -> _Names:
        return _Names(event, joined.sources(event), self.options.author)

    def match(self, gold: SpanColumns, predicted: SpanColumns) -> Matches:
        # All that a tie may depend on: whether a source is the author.
        kinds = [columns.labels["source"] == columns.labels["author"] for columns in (gold, predicted)]
        return self._match(gold, predicted, lambda g, p, share: _SAME_KIND * (kinds[0][g] == kinds[1][p]))

    def match_annotations(self, first: SpanColumns, second: SpanColumns) -> Matches:
        def agreed(g: Index, p: Index, share: Array) -> Array:
            alike = share >= 0.5
            same_source = alike & (first.labels["source"][g] == second.labels["source"][p])
            claim = first.labels["claim"][g]
            same_claim = alike & (claim == second.labels["claim"][p]) & (claim != UNNAMED)
            exact = first.key[g] == second.key[p]
            parts = zip(_AGREED, (exact, same_source, same_claim), strict=True)
            return np.asarray(sum((bonus * same for bonus, same in parts), start=np.zeros(len(g))))

        return self._match(first, second, agreed)

    def _match(
        self, gold: SpanColumns, predicted: SpanColumns, bonus: Callable[[Index, Index, Array], Array]
    ) -> Matches:
        g, p = overlaps((gold.document, gold.low, gold.high), (predicted.document, predicted.low, predicted.high))
        shared, either = _overlap(gold, predicted, g, p)
        share = shared / either
        chosen = best_assignment(g, p, share + bonus(g, p, share))
        partner = np.full(len(gold), -1, np.int64)
        partner[g[chosen]] = p[chosen]
        return Matches(gold, predicted, join(gold.key, predicted.key), partner)

    def columns_of(self, names: Any, batch: Batch) -> tuple[SpanColumns, SpanColumns]:
        sides = super().columns_of(names, batch)
        for side in sides:
            side.labels["author"] = np.full(len(side), names.author)
        return sides

    def count(self, matches: Matches, counts: LayerCounts, into: BatchCounts, batch: Batch, names: _Names) -> None:
        gold, predicted = matches.gold, matches.predicted
        wanted = self.rows(batch, counts.units, gold, self._breakdowns(self._kinds(gold)))
        into.add("gold", wanted)
        into.add("predicted", self.rows(batch, counts.units, predicted, self._breakdowns(self._kinds(predicted))))
        g, p = matches.pairs
        shared, either = _overlap(gold, predicted, g, p)
        into.add("jaccard~", self._of_both(matches, wanted, g, p), None, _fixed(shared, either))
        equal = np.flatnonzero(matches.equal >= 0)
        into.add("exact", self._of_both(matches, wanted, matches.equal[equal], equal))
        near = np.flatnonzero(2 * shared >= either)
        g, p = g[near], p[near]
        unit_names, unit = batch.units_of_spans(gold.document[g], gold.start[g])
        if batch.unit_kind == "document":
            units = [(each.unit, *each.groups) for each in batch.documents]
        else:
            of_unit = dict(zip(unit.tolist(), gold.document[g].tolist(), strict=True))
            units = [
                (name, *batch.documents[of_unit[index]].groups) if index in of_unit else (name,)
                for index, name in enumerate(unit_names)
            ]
        counts.joined.extend(units, unit, gold.labels["source"][g], predicted.labels["source"][p])

    def finish(self, counts: LayerCounts, refers_to: Callable[[str, str], str | None]) -> None:
        counts.joined.count(counts.units, counts.breakdowns, refers_to)

    def _kinds(self, spans: SpanColumns) -> Index:
        """0 for what the author says, 1 for what an entity does."""
        kinds: Index = (spans.labels["source"] != spans.labels["author"]).astype(np.int64)
        return kinds

    def _breakdowns(self, kinds: Index) -> list[Any]:
        return [breakdown("source", (self.options.author, "entity"), kinds)]

    def _of_both(self, matches: Matches, wanted: Rows, g: Index, p: Index) -> Rows:
        """Matched pairs, in the breakdown by source only where both sides have the same kind of source."""
        kind, other = self._kinds(matches.gold)[g], self._kinds(matches.predicted)[p]
        rows = wanted.take(g)
        return Rows(rows.document, rows.unit, self._breakdowns(np.where(kind == other, kind, -1)))

    def items(
        self, matches: Matches, batch: Batch, names: _Names, facts: CorpusFacts, refers_to: Any
    ) -> Iterator[tuple[int, Item]]:
        gold, predicted = matches.gold, matches.predicted
        touching = overlaps((gold.document, gold.low, gold.high), (predicted.document, predicted.low, predicted.high))
        touched = [np.zeros(len(side), np.bool_) for side in (gold, predicted)]
        for mask, rows in zip(touched, touching, strict=True):
            mask[rows] = True
        shared, either = _overlap(gold, predicted, np.arange(len(gold)), matches.partner)
        sources = SourceMatches(self.options.author)

        def item(verdict: str, g: int, p: int, **more: Any) -> tuple[int, Item]:
            one, two = self._labels(gold, g, names), self._labels(predicted, p, names)
            return self.span_item(batch, matches, "claim", verdict, (g, p), one, two, **more)

        for g, p in enumerate(matches.partner.tolist()):
            if p < 0:
                # A prediction that overlaps this span was matched with another one.
                yield item("merged" if touched[0][g] else "missed", g, -1)
                continue
            near = 2 * shared[g] >= either[g]
            named = names.source(int(predicted.labels["source"][p]))
            target = sources.referent(named, lambda key: refers_to(batch.event, key))
            same = target == names.source(int(gold.labels["source"][g]))
            verdict = "overlap" if not near else "correct" if same else "source"
            yield item(verdict, g, p, overlap=int(shared[g]) / int(either[g]))
        for p in matches.unmatched().tolist():
            yield item("split" if touched[1][p] else "spurious", -1, p)

    def _labels(self, columns: SpanColumns, row: int, names: _Names) -> dict[str, Any] | None:
        if row < 0:
            return None
        source = names.source(int(columns.labels["source"][row]))
        return {"start": int(columns.start[row]), "end": int(columns.end[row]), "source": source}

    # Two annotators

    def count_agreement(
        self, matches: Matches, into: BatchCounts, batch: Batch, table: CountTable, names: _Names
    ) -> None:
        first, second = matches.gold, matches.predicted
        for columns, side in ((first, "first"), (second, "second")):
            rows = self.rows(batch, table, columns)
            into.add(side, rows)
            into.add(f"{side}_claims", rows, np.flatnonzero(columns.labels["claim"] != UNNAMED))
        rows = self.rows(batch, table, first)
        g, p = matches.pairs
        shared, either = _overlap(first, second, g, p)
        into.add("jaccard~", rows, g, np.rint(shared / either * FIXED).astype(np.int64))
        alike = 2 * shared >= either
        claim = first.labels["claim"][g]
        into.add("exact", rows, g[first.key[g] == second.key[p]])
        into.add("attributed", rows, g[alike & (first.labels["source"][g] == second.labels["source"][p])])
        into.add("canonical", rows, g[alike & (claim == second.labels["claim"][p]) & (claim != UNNAMED)])

    def disagreements(self, matches: Matches, batch: Batch, names: _Names) -> Iterator[Disagreement]:
        first, second = matches.gold, matches.predicted

        def labels(columns: SpanColumns, row: int) -> dict[str, Any] | None:
            if (shown := self._labels(columns, row, names)) is None:
                return None
            source, document = shown.pop("source"), batch.documents[int(columns.document[row])].document
            text = document.text[shown["start"] : shown["end"]] if document is not None else ""
            return {**shown, "text": text, "source": source, "claim": names.claim(int(columns.labels["claim"][row]))}

        def differ(kind: str, g: int, p: int) -> tuple[int, Disagreement]:
            side, row = matches.shown(g, p)
            found = self.disagreement(batch, matches, kind, (g, p), labels(first, g), labels(second, p))
            return int(side.document[row]), found

        found: list[tuple[int, Disagreement]] = []
        for g, p in zip(*(side.tolist() for side in matches.pairs), strict=True):
            kinds = ["boundary"] if first.key[g] != second.key[p] else []
            kinds += [name for name in ("source", "claim") if first.labels[name][g] != second.labels[name][p]]
            found += [differ(kind, g, p) for kind in kinds]
        found += [differ("missing", g, -1) for g in np.flatnonzero(matches.partner < 0).tolist()]
        found += [differ("missing", -1, p) for p in matches.unmatched().tolist()]
        yield from (each for _, each in sorted(found, key=lambda pair: pair[0]))


def _overlap(gold: SpanColumns, predicted: SpanColumns, g: Index, p: Index) -> tuple[Index, Index]:
    """Characters shared by overlapping spans, and characters in either."""
    if not len(predicted):
        return np.zeros(len(g), np.int64), np.ones(len(g), np.int64)
    shared = np.minimum(gold.end[g], predicted.end[p]) - np.maximum(gold.start[g], predicted.start[p])
    return shared, gold.end[g] - gold.start[g] + predicted.end[p] - predicted.start[p] - shared


def _fixed(shared: Index, either: Index) -> Index:
    """shared / either in multiples of 1 / FIXED, rounded half up, by a division in two steps that fit into int64."""
    if int(either.max(initial=0)) >= _LONG:
        exact = zip(shared.tolist(), either.tolist(), strict=True)
        return np.array([(2 * part * FIXED + total) // (2 * total) for part, total in exact], np.int64)
    low = FIXED.bit_length() - 1 - _HALF
    first, rest = np.divmod(shared << _HALF, either)
    second, rest = np.divmod(rest << low, either)
    return (first << low) + second + (2 * rest >= either)
