"""Entities: mentions and links.

Task. Find the spans that refer to particular entities, type them, and link them to a knowledge base.

Conventions.
    Mention precision, recall and F1 are micro averages over mentions of the scored kinds (names) that match in span and
    type (CoNLL-2003, Tjong Kim Sang and De Meulder 2003). The other kinds (nominals) are an ignore region: a prediction
    that equals the span of a gold nominal counts neither way. Predicted nominals do not compete for names; but one with
    the span of a gold name is a name given wrongly and counts as predicted: it would be free here and earn in linking
    and coreference.
    The regimes exact, partial and type are those of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013), over one
    one-to-one matching of overlapping names: exact span and type first, then exact span, then the most pairs of
    equal type, then the most pairs. The result does not depend on the order of predictions.
    Linking counts gold mentions of any kind whose entity is ``verified`` in the catalogue. A null prediction is no
    link; mentions of ``unverified`` entities are an ignore region; a link given to a ``nil`` entity is wrong (as in TAC
    KBP, Ji et al. 2010, strong link match).
    In the breakdown by type a match counts only where both sides have the type, so that no share exceeds 1.
    A span given twice with the same labels counts once; the rules refuse a span given twice with different labels.
    0/0 is undefined: no gold and no prediction has no F1.
    Coreference has its own module, ``retold.layers.coreference``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from time import perf_counter
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
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
from retold.layers.columns import Builder, Integers, Labels, NamedKeys, SpanColumns, join
from retold.layers.coreference import CONLL, MentionTable
from retold.layers.counts import BatchCounts, CountTable, Rows, breakdown, breakdown_key
from retold.layers.names import UNNAMED, Namer
from retold.layers.types import labelled
from retold.layers.views import KB_STATUS, SENTENCE_COLUMNS, SPAN_COLUMNS, ViewContext, sentence_row, span_row
from retold.measures.assignment import best_assignment
from retold.measures.base import f1
from retold.measures.classification import f1_row, prf_rows
from retold.measures.overlap import overlaps
from retold.model.annotations import Document, Entity, Mention
from retold.model.arrays import Index, Mask, np
from retold.model.findings import Finding
from retold.model.manifest import Label, check_labels, check_subset
from retold.rules import consistency, references
from retold.rules.schema import label_not_allowed
from retold.rules.spans import check_spans
from retold.rules.vocabulary import Role, Vocabulary

__all__ = ["Entities", "EntitiesOptions", "KnowledgeBase"]

_VERIFIED, _NIL_STATUS, _UNVERIFIED = 0, 1, 2
#: Maximum number of ids that are remembered as valid.
_MAX_KNOWN: Final = 1 << 16
#: Codes of what is not a link: no key, null, a malformed id, and the string that means no entry.
_NO_LINK, _NIL, _NO_ID, _NIL_STRING = -2, -1, -3, -4

#: A string that only a pattern for anything matches.
_ANYTHING: Final = "? \u2205"
#: Seconds that no match of a few characters takes.
_SLOW: Final = 0.01
#: Longest id, so that the time of a match is bounded.
_MAX_ID: Final = 1000
_WIKIDATA: Final = re.compile("Q[1-9][0-9]*")
_TYPES: Final = {
    "PER": "a person",
    "ORG": "an organisation",
    "GPE": "a country, region or city with a government",
    "LOC": "a place without a government of its own",
    "FAC": "a building or other structure",
    "NORP": "a people or a political or religious group",
    "EVENT": "a named or dated happening",
}


@lru_cache
def _is_slow(pattern: re.Pattern[str]) -> bool:
    """Whether the time of a match grows exponentially with the length of a string, tried on repeats of short ones."""
    characters = [*dict.fromkeys(c for c in f"a0A{pattern.pattern}" if c.isalnum())][:10]
    units = [*characters, *(a + b for a in characters for b in characters)]
    # Growth shows before the strings are so long that it would take minutes.
    return any(_seconds(pattern, unit, length) > _SLOW for unit in units for length in range(10, 50, 4))


def _seconds(pattern: re.Pattern[str], unit: str, length: int) -> float:
    """Time of a match, that of a second one if the first was slow."""
    for _ in range(2):
        started = perf_counter()
        pattern.fullmatch((unit * length)[:length] + _ANYTHING)
        taken = perf_counter() - started
        if taken <= _SLOW:
            break
    return taken


class KnowledgeBase(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where entities are linked to."""

    name: Annotated[str, Meta(description="Name.", examples=["wikidata"])] = "wikidata"
    id: Annotated[str, Meta(description="Regular expression that a whole id matches.", examples=["Q[1-9][0-9]*"])] = (
        _WIKIDATA.pattern
    )
    url: Annotated[
        str, Meta(description="Page of an id, which stands for {id}.", examples=["https://www.wikidata.org/wiki/{id}"])
    ] = "https://www.wikidata.org/wiki/{id}"
    nil: Annotated[
        str | None, Meta(description="String that means no entry, beside null, such as NIL.", examples=[None])
    ] = None

    def __post_init__(self) -> None:
        try:
            pattern = re.compile(self.id)
        except re.error as error:
            raise ValueError(f"knowledge_base.id: not a regular expression ({error})") from None
        if _is_slow(pattern):
            raise ValueError("knowledge_base.id: takes too long to match; avoid repeats of repeats such as (a+)+")
        if pattern.fullmatch(""):
            raise ValueError("knowledge_base.id: matches the empty string")
        if self.nil is not None and (not self.nil or self.nil != self.nil.strip()):
            raise ValueError(f"knowledge_base.nil: expected a word such as NIL, or null, got {self.nil!r}")
        # A pattern that takes anything says nothing about the string.
        if self.nil is not None and pattern.fullmatch(self.nil) and not pattern.fullmatch(_ANYTHING):
            raise ValueError(f"knowledge_base.nil: {self.nil!r} is an id, too")


class EntitiesOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the layer ``entities``."""

    types: Annotated[
        dict[str, str] | list[Label],
        Meta(
            description="Types, with what they are; a type may be a path such as loc.phys.", examples=[["PER", "LOC"]]
        ),
    ] = msgspec.field(default_factory=lambda: dict(_TYPES))
    kinds: Annotated[
        list[Label], Meta(description="Kinds of mentions; the first is the default.", examples=[["name", "nominal"]])
    ] = msgspec.field(default_factory=lambda: ["name", "nominal"])
    scored_kinds: Annotated[
        list[Label] | None,
        Meta(description="Kinds that mention measures count; by default the first.", examples=[["name"]]),
    ] = None
    clusters: Annotated[
        Literal["event", "document"],
        Meta(description="Where equal cluster keys mean the same entity.", examples=["event"]),
    ] = "event"
    knowledge_base: Annotated[
        KnowledgeBase | None,
        Meta(description="Where entities are linked to; null where they are not.", examples=[{"name": "wikidata"}]),
    ] = KnowledgeBase()

    def __post_init__(self) -> None:
        check_labels("types", list(self.types))
        check_labels("kinds", self.kinds)
        if self.scored_kinds is None:
            msgspec.structs.force_setattr(self, "scored_kinds", self.kinds[:1])
        check_subset("scored_kinds", self.scored_kinds or (), self.kinds)


class _Names(BatchNames):
    """Codes of one event: clusters of both sides, and knowledge base ids."""

    def __init__(self, layer: Entities, event: str, table: MentionTable) -> None:
        self.ids: list[str] = []
        self._fits, self.nil = layer.fits, layer.nil
        clusters = table.clusters(event)
        self._clusters = clusters
        links = Namer(_Links(self))
        sides = [
            Builder(
                {
                    "start": Integers("start"),
                    "end": Integers("end"),
                    "type": Labels("type", layer.types),
                    "kind": Labels("kind", layer.options.kinds, layer.options.kinds[0]),
                    "entity": NamedKeys("entity", Namer(codes), optional=True),
                    "kb": NamedKeys("kb_id", links, optional=True),
                }
            )
            for codes in clusters
        ]
        super().__init__(event, *sides)
        self._statuses: dict[tuple[int, int], int] = {}
        self._last: Index = np.zeros((2, 0), np.int64)

    def entity(self, side: int, code: int) -> Any:
        """Name of a cluster; UNSET where a mention names none."""
        return UNSET if code == UNNAMED else self._clusters[side].name(code)

    def kb_id(self, code: int) -> Any:
        """Id of a link."""
        return self.ids[code] if code >= 0 else {_NIL: None, _NIL_STRING: None, _NO_LINK: UNSET, _NO_ID: ""}[code]

    def statuses(self, gold: SpanColumns, facts: CorpusFacts) -> Index:
        """Status of the id of each gold mention; the catalogue is asked once for a cluster and an id."""
        entity, link = gold.labels["entity"] - UNNAMED, gold.labels["kb"]
        # Nearly every cluster has a single id, so the last id of each and its status are cached.
        if (short := int(entity.max(initial=0)) + 1 - self._last.shape[1]) > 0:
            self._last = np.pad(self._last, ((0, 0), (0, short + 1024)), constant_values=_NIL_STRING - 1)
        found: Index = self._last[1][entity]
        other = np.flatnonzero(self._last[0][entity] != link)
        if len(other):
            width = int(link.max()) - _NIL_STRING + 1
            distinct, inverse = np.unique(entity[other] * width + link[other] - _NIL_STRING, return_inverse=True)
            answers = [self._status(code // width, code % width + _NIL_STRING, facts) for code in distinct.tolist()]
            found[other] = np.array(answers)[inverse]
            self._last[:, entity[other]] = link[other], found[other]
        return found

    def _status(self, entity: int, link: int, facts: CorpusFacts) -> int:
        status = self._statuses.get((entity, link))
        if status is None:
            name = self.entity(0, entity + UNNAMED)
            status = KB_STATUS.index(facts.kb_status(self.event, name, self.kb_id(link)))
            if link == _NIL_STRING and status == _UNVERIFIED:
                # Null may be "not known"; this string says that there is no entry.
                status = _NIL_STATUS
            self._statuses[entity, link] = status
        return status


class _Links(dict[Any, int]):
    """Codes of ids; a string that is no id has a code of its own."""

    def __init__(self, names: _Names) -> None:
        super().__init__({None: _NIL, UNSET: _NO_LINK})
        if names.nil is not None:
            self[names.nil] = _NIL_STRING
        self._names = names

    def __missing__(self, kb_id: str) -> int:
        code = _NO_ID
        if self._names._fits(kb_id):
            code = len(self._names.ids)
            self._names.ids.append(kb_id)
        self[kb_id] = code
        return code


class Entities(SpanLayer[EntitiesOptions]):
    """The layer ``entities``."""

    name = "entities"
    items_title = "mentions"
    Options = EntitiesOptions
    clusters = True
    label_keys: ClassVar = {"type": "types", "kind": "kinds"}
    track = "entities"
    plain_type = Mention
    decided = ("kind", "entity")
    columns = ("gold", "predicted", "strict", "exact", "type", "overlap", "linkable", "links", "linked")
    agreement_columns = (
        *("first", "second", "span", "kind", "type"),
        *("first_entities", "second_entities", "entity", "first_links", "second_links", "link"),
    )

    def __init__(self, options: EntitiesOptions) -> None:
        super().__init__(options)
        self.types = list(options.types)
        self.across_documents = options.clusters == "event"
        self.tasks = ("mention", "linking") if options.knowledge_base is not None else ("mention",)
        self.unscored_kinds = tuple(kind for kind in options.kinds if kind not in (options.scored_kinds or ()))
        base = options.knowledge_base
        self.gold_keys = ("text", "entity", *(("kb_id",) if base is not None else ()))
        self._pattern = re.compile(base.id) if base is not None else None
        self.nil = base.nil if base is not None else None
        self._known: set[object] = {None, UNSET}
        semeval = "SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013), by optimal one-to-one matching"
        linking = prf_rows(
            "entities.linking",
            "linked",
            "links",
            "linkable",
            definition="Mentions of verified entities with exact span and equal id.",
            reference="TAC KBP, strong link match (Ji et al. 2010)",
        )
        self.measures = (
            *prf_rows(
                "entities.mention",
                "strict",
                definition="Names with exact span and type.",
                reference="CoNLL-2003 (Tjong Kim Sang and De Meulder 2003)",
            ),
            f1_row("entities.mention.exact.f1", "exact", definition="Names with exact span.", reference=semeval),
            f1_row(
                "entities.mention.partial.f1",
                "exact",
                half="overlap",
                definition="Names with exact span; one that overlaps counts half.",
                reference=semeval,
            ),
            f1_row(
                "entities.mention.type.f1", "type", definition="Names that overlap, of equal type.", reference=semeval
            ),
            *(linking if base is not None else ()),
        )
        self.headline = ("entities.mention.f1", *(("entities.linking.f1",) if base is not None else ()), CONLL)
        linked = {"linking.f1": lambda c: f1(c["link"], c["second_links"], c["first_links"])}
        self.agreement_measures = {
            "span.f1": lambda c: f1(c["span"], c["second"], c["first"]),
            "kind.f1": lambda c: f1(c["kind"], c["second"], c["first"]),
            "type.f1": lambda c: f1(c["type"], c["second"], c["first"]),
            "entity.f1": lambda c: f1(c["entity"], c["second_entities"], c["first_entities"]),
            **(linked if base is not None else {}),
        }

    # One item

    @cached_property
    def _scored(self) -> Mask:
        """Whether each kind is scored."""
        return np.array([kind in (self.options.scored_kinds or ()) for kind in self.options.kinds])

    def item_type(self) -> type[Struct]:
        return labelled(Mention, {"kind": self.options.kinds, "type": self.types})

    def fits(self, kb_id: str) -> bool:
        """Whether a string is an id of the knowledge base."""
        return self._pattern is not None and len(kb_id) <= _MAX_ID and self._pattern.fullmatch(kb_id) is not None

    def check(
        self, items: Sequence[Any], document: Document | None, keys: Vocabulary | None, role: Role, found: list[Finding]
    ) -> None:
        check_spans("entities", items, _labels_of, document, role, found)
        known = self._known
        for index, mention in enumerate(items):
            if mention.kb_id not in known and not self._learn(mention.kb_id):
                found.append(self._no_kb_id(mention.kb_id, f"/entities/{index}/kb_id", role))
        if keys is None or role == "prediction":
            return
        for index, mention in enumerate(items):
            if mention.entity is UNSET:
                continue
            entity = keys.entities.get(mention.entity)
            if entity is None:
                pointer = f"/entities/{index}/entity"
                found.append(references.unknown_entity(mention.entity, keys.entities, pointer, role))
                continue
            if mention.type != entity.type:
                found.append(consistency.type_differs(mention.type, entity, f"/entities/{index}/type", role))
            if role == "gold" and mention.kb_id is not UNSET and self.link(mention.kb_id) != self.link(entity.kb_id):
                found.append(consistency.kb_id_differs(mention.kb_id, entity, f"/entities/{index}/kb_id", role))

    def _learn(self, kb_id: str) -> bool:
        """Whether a string is a valid id; valid ones are remembered, so that each is checked once."""
        fits = kb_id == self.nil or self.fits(kb_id)
        if fits and len(self._known) < _MAX_KNOWN:
            self._known.add(kb_id)
        return fits

    def _no_kb_id(self, given: Any, pointer: str, role: Role) -> Finding:
        base = self.options.knowledge_base
        said = (base.name, base.id) if base is not None else None
        return consistency.no_kb_id(given, said, pointer, role)

    def link(self, kb_id: str | None) -> str | None:
        return None if kb_id == self.nil else kb_id

    def repeated_keys(self, item: Any, keys: Vocabulary) -> dict[str, Any]:
        key = item.get("entity") if isinstance(item, dict) else item.entity
        entity = keys.entities.get(key) if isinstance(key, str) else None
        if entity is None:
            return {}
        return {"type": entity.type, **({"kb_id": entity.kb_id} if self._pattern is not None else {})}

    @classmethod
    def observe(cls, item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from super().observe({"kind": "name", **item})
        if "kb_id" in item:
            kb_id = item["kb_id"]
            # One entry for all ids of Wikidata: there may be millions.
            yield "ids", _WIKIDATA if isinstance(kb_id, str) and _WIKIDATA.fullmatch(kb_id) else kb_id

    @classmethod
    def options_from(cls, seen: Mapping[str, Counter[Any]]) -> dict[str, Any]:
        if not seen["types"]:
            return {}
        kinds = cls.in_usual_order("kinds", seen["kinds"])
        return {
            "types": cls.in_usual_order("types", seen["types"]),
            "kinds": kinds,
            # Which of the kinds are names is not known, so all are scored.
            "scored_kinds": kinds[:1] if "name" in kinds else kinds,
            "knowledge_base": _knowledge_base_of(seen["ids"]),
        }

    # Rows

    def view_columns(self) -> dict[str, str]:
        linked = {"kb_id": "string", "kb_status": "kb_status"} if self._pattern is not None else {}
        return {
            **SPAN_COLUMNS,
            "kind": "mention_kind",
            "type": "entity_type",
            "entity": "string",
            "entity_name": "string",
            **linked,
            **SENTENCE_COLUMNS,
        }

    def view_labels(self) -> dict[str, Sequence[str]]:
        return {"entity_type": self.types, "mention_kind": self.options.kinds}

    def view_row(self, item: Any, document: Document, context: ViewContext) -> dict[str, Any]:
        entity = context.entities[str(item.entity)]
        linked = {"kb_id": entity.kb_id, "kb_status": entity.kb_status} if self._pattern is not None else {}
        return {
            **span_row(document, item.start, item.end),
            "kind": item.kind,
            "type": item.type,
            "entity": entity.entity,
            "entity_name": entity.name,
            **linked,
            **sentence_row(document, item.start),
        }

    def refers_to(self, items: Sequence[Any]) -> Iterator[tuple[str, str]]:
        return (("entity", item.entity) for item in items if item.entity is not UNSET)

    def check_catalogue(self, entity: Entity) -> list[Finding]:
        found = []
        if entity.type not in self.types:
            found.append(label_not_allowed(entity.type, self.types, "/type"))
        if entity.kb_id is not None and not self._learn(entity.kb_id):
            found.append(self._no_kb_id(entity.kb_id, "/kb_id", "gold"))
        return found

    # A batch

    def joined(self, *, shared: bool = False) -> MentionTable:
        return MentionTable(by_document=self.options.clusters == "document", shared=shared)

    def names(self, event: str, joined: MentionTable) -> _Names:
        return _Names(self, event, joined)

    def columns_of(self, names: Any, batch: Batch) -> tuple[SpanColumns, SpanColumns]:
        sides = super().columns_of(names, batch)
        for side in sides:
            side.needs_check[side.document[side.labels["kb"] == _NO_ID]] = True
        return sides

    def match(self, gold: SpanColumns, predicted: SpanColumns) -> Matches:
        equal = join(gold.key, predicted.key)
        partner = np.full(len(gold), -1, np.int64)
        wanted, given = self._scored[gold.labels["kind"]], self._scored[predicted.labels["kind"]]
        # Equal spans of the same group are matched first, whatever their type: no other match is better.
        hit = np.flatnonzero(equal >= 0)
        hit = hit[wanted[equal[hit]] == given[hit]]
        partner[equal[hit]] = hit
        taken = np.zeros(len(predicted), np.bool_)
        taken[hit] = True
        # A prediction equal to a gold span of the other group is ignored there and cannot be matched.
        taken[equal >= 0] = True
        for group in (True, False):
            left, right = np.flatnonzero((wanted == group) & (partner < 0)), np.flatnonzero((given == group) & ~taken)
            if not len(left) or not len(right):
                continue
            g, p = overlaps(_ranges(gold, left), _ranges(predicted, right))
            documents = len(gold.needs_check)
            fewest = np.minimum(
                np.bincount(gold.document[left], minlength=documents),
                np.bincount(predicted.document[right], minlength=documents),
            )
            same_type = gold.labels["type"][left[g]] == predicted.labels["type"][right[p]]
            # One pair of equal type outweighs all pairs of its document that are not.
            weights = 1.0 + (fewest[gold.document[left[g]]] + 1.0) * same_type
            chosen = best_assignment(g, p, weights)
            partner[left[g[chosen]]] = right[p[chosen]]
        return Matches(gold, predicted, equal, partner)

    def count(self, matches: Matches, counts: LayerCounts, into: BatchCounts, batch: Batch, names: _Names) -> None:
        gold, predicted, equal = matches.gold, matches.predicted, matches.equal
        scored, given = self._scored[gold.labels["kind"]], self._scored[predicted.labels["kind"]]
        hit_scored = self._on_scored(matches)
        wanted = self.rows(batch, counts.units, gold, self._breakdowns(gold.labels["type"], gold.labels["kind"]))
        into.add("gold", wanted, np.flatnonzero(scored))
        counted = np.flatnonzero((given & ((equal < 0) | hit_scored)) | (~given & hit_scored))
        # A nominal with the span of a gold name counts as a wrong name.
        kinds = predicted.labels["kind"].copy()
        misnamed = np.flatnonzero(~given & hit_scored)
        kinds[misnamed] = gold.labels["kind"][equal[misnamed]]
        guesses = self.rows(batch, counts.units, predicted, self._breakdowns(predicted.labels["type"], kinds))
        into.add("predicted", guesses, counted)
        g, p = matches.pairs
        right = self._right(matches, g, p)
        of_both = np.where(right["type"], gold.labels["type"][g], -1)
        matched = wanted.take(g)
        matched = Rows(matched.document, matched.unit, self._breakdowns(of_both, gold.labels["kind"][g]))
        for column, mask in right.items():
            into.add(column, matched, np.flatnonzero(mask & scored[g]))
        self._count_unscored(matches, into)
        self._count_links(matches, counts, into, wanted, guesses, names)
        counts.joined.extend(batch, matches)

    def _breakdowns(self, types: Index, kinds: Index) -> list[Any]:
        return [breakdown("type", self.types, types, levels=True), breakdown("kind", self.options.kinds, kinds)]

    def _on_scored(self, matches: Matches) -> Mask:
        """Predictions with the span of a gold mention of a scored kind."""
        found = matches.equal >= 0
        found[found] = self._scored[matches.gold.labels["kind"][matches.equal[found]]]
        return found

    def _right(self, matches: Matches, g: Index, p: Index) -> dict[str, Any]:
        """For each column, which of the matched pairs count in it."""
        same_span = matches.equal[p] == g
        same_type = matches.gold.labels["type"][g] == matches.predicted.labels["type"][p]
        return {"strict": same_span & same_type, "exact": same_span, "type": same_type, "overlap": ~same_span}

    def _count_unscored(self, matches: Matches, into: BatchCounts) -> None:
        """Mentions of the other kinds stand in the breakdown by kind only; there, names are their ignore region."""
        gold, predicted = matches.gold, matches.predicted
        g, p = matches.pairs
        right, name_there = self._right(matches, g, p), self._on_scored(matches)
        for code, kind in enumerate(self.options.kinds):
            if self._scored[code]:
                continue
            wanted, given = gold.labels["kind"] == code, predicted.labels["kind"] == code
            amounts = {"gold": wanted.sum(), "predicted": (given & ~name_there).sum()}
            amounts |= {column: (mask & wanted[g]).sum() for column, mask in right.items()}
            for column, amount in amounts.items():
                into.breakdowns.add_amount(breakdown_key("kind", kind), column, int(amount))

    def _count_links(
        self, matches: Matches, counts: LayerCounts, into: BatchCounts, wanted: Rows, given: Rows, names: _Names
    ) -> None:
        if self._pattern is None:
            return
        status = names.statuses(matches.gold, counts.facts)
        verified = status == _VERIFIED
        into.add("linkable", wanted, np.flatnonzero(verified))
        link, gold_link = matches.predicted.labels["kb"], matches.gold.labels["kb"]
        found = np.flatnonzero((link >= 0) & (matches.equal >= 0))
        found = found[status[matches.equal[found]] != _UNVERIFIED]
        target = matches.equal[found]
        into.add("links", wanted, target)
        into.add("linked", wanted, target[(gold_link[target] == link[found]) & verified[target]])
        own = self._breakdowns(matches.predicted.labels["type"], matches.predicted.labels["kind"])
        into.add("links", Rows(given.document, given.unit, own), np.flatnonzero((link >= 0) & (matches.equal < 0)))

    def items(
        self, matches: Matches, batch: Batch, names: _Names, facts: CorpusFacts, refers_to: Any
    ) -> Iterator[tuple[int, Item]]:
        yield from self._mention_items(matches, batch, True)
        yield from self._mention_items(matches, batch, False)
        if self._pattern is not None:
            yield from self._link_items(matches, batch, names, facts)
        yield from self._cluster_items(matches, batch, names)

    def _mention_items(self, matches: Matches, batch: Batch, scored: bool) -> Iterator[tuple[int, Item]]:
        gold, predicted, equal, same = matches.gold, matches.predicted, matches.equal, matches.same()
        wanted, given = self._scored[gold.labels["kind"]] == scored, self._scored[predicted.labels["kind"]] == scored

        def item(verdict: str, g: int, p: int, kind: int) -> tuple[int, Item]:
            one, two = (
                None if index < 0 else {**_span(columns, index), "type": self.types[columns.labels["type"][index]]}
                for columns, index in ((gold, g), (predicted, p))
            )
            return self.span_item(batch, matches, "mention", verdict, (g, p), one, two, kind=self.options.kinds[kind])

        for g in np.flatnonzero(wanted).tolist():
            p, other = int(matches.partner[g]), int(same[g])
            if p >= 0:
                parts = ["boundary"] if equal[p] != g else []
                parts += ["type"] if gold.labels["type"][g] != predicted.labels["type"][p] else []
                yield item(" and ".join(parts) or "correct", g, p, gold.labels["kind"][g])
            elif other >= 0:
                # A gold name predicted as a nominal is an error; a gold nominal predicted as a name is ignored.
                yield item("kind", g, other if scored else -1, gold.labels["kind"][g])
            else:
                yield item("missed", g, -1, gold.labels["kind"][g])
        if scored:
            for p in np.flatnonzero((equal >= 0) & ~self._scored[predicted.labels["kind"]]).tolist():
                g = int(equal[p])
                if wanted[g] and matches.partner[g] >= 0:
                    yield item("kind", -1, p, gold.labels["kind"][g])
        alone = matches.unmatched()
        for p in alone[given[alone] & (equal[alone] < 0)].tolist():
            yield item("spurious", -1, p, predicted.labels["kind"][p])

    def _link_items(
        self, matches: Matches, batch: Batch, names: _Names, facts: CorpusFacts
    ) -> Iterator[tuple[int, Item]]:
        gold, predicted = matches.gold, matches.predicted
        status = names.statuses(gold, facts)
        for g, p in _in_text_order(matches):
            link = int(predicted.labels["kb"][p]) if p >= 0 else _NO_LINK
            state = status[g] if g >= 0 else None
            if state == _UNVERIFIED or (link < 0 and state != _VERIFIED):
                continue
            # A verified entity expects a link even where gold omits its id, as in the counts.
            wanted = {"kb_id": names.kb_id(gold.labels["kb"][g]) or None} if state == _VERIFIED else None
            guess = {"kb_id": names.kb_id(link)} if link >= 0 else None
            verdict = "correct" if wanted == guess else "missed" if guess is None else "link" if wanted else "spurious"
            side, row = matches.shown(g, p)
            labels = (None if each is None else {**_span(side, row), **each} for each in (wanted, guess))
            kind = self.options.kinds[side.labels["kind"][row]]
            yield self.span_item(batch, matches, "linking", verdict, (g, p), *labels, kind=kind)

    def _cluster_items(self, matches: Matches, batch: Batch, names: _Names) -> Iterator[tuple[int, Item]]:
        def cluster(number: int, columns: SpanColumns, row: int) -> dict[str, Any] | None:
            if row < 0:
                return None
            key = names.entity(number, int(columns.labels["entity"][row]))
            return {**_span(columns, row), "entity": None if key is UNSET else key}

        for g, p in _in_text_order(matches):
            side, row = matches.shown(g, p)
            number = int(side.document[row])
            context = batch.documents[number]
            item = Item(
                document_id=context.document_id,
                task="coreference",
                verdict="spurious" if g < 0 else "matched" if p >= 0 else "missed",
                right=None,
                gold=cluster(0, matches.gold, g),
                predicted=cluster(1, matches.predicted, p),
                event=context.event,
                language=context.language,
            )
            yield number, item

    # Two annotators

    def count_agreement(
        self, matches: Matches, into: BatchCounts, batch: Batch, table: CountTable, names: _Names
    ) -> None:
        first, second, same = matches.gold, matches.predicted, matches.same()
        sides = [
            self.rows(batch, table, columns, self._breakdowns(columns.labels["type"], columns.labels["kind"]))
            for columns in (first, second)
        ]
        alone = np.flatnonzero(matches.equal < 0)
        # What both have is counted where the first annotator has it.
        shared = np.flatnonzero(same >= 0)
        other = same[shared]
        into.add("first", sides[0])
        into.add("second", sides[0], shared)
        into.add("second", sides[1], alone)
        into.add("span", sides[0], shared)
        for name in ("kind", "type"):
            into.add(name, sides[0], shared[first.labels[name][shared] == second.labels[name][other]])
        for label, column, one in (("entity", "entities", "entity"), ("kb", "links", "link")):
            given = [
                columns.labels[label] != UNNAMED if label == "entity" else self._is_link(columns)
                for columns in (first, second)
            ]
            into.add(f"first_{column}", sides[0], np.flatnonzero(given[0]))
            into.add(f"second_{column}", sides[0], shared[given[1][other]])
            into.add(f"second_{column}", sides[1], alone[given[1][alone]])
            equal = (first.labels[label][shared] == second.labels[label][other]) & given[0][shared]
            into.add(one, sides[0], shared[equal])

    def _is_link(self, columns: SpanColumns) -> Any:
        return (columns.labels["kb"] >= 0) | (columns.labels["kb"] == _NO_ID)

    def disagreements(self, matches: Matches, batch: Batch, names: _Names) -> Iterator[Disagreement]:
        first, second = matches.gold, matches.predicted

        def labels(columns: SpanColumns, number: int, row: int) -> dict[str, Any]:
            found = columns.labels
            return {
                "kind": self.options.kinds[found["kind"][row]],
                "type": self.types[found["type"][row]],
                "entity": names.entity(number, int(found["entity"][row])) or None,
                "kb_id": names.kb_id(int(found["kb"][row])) or None,
            }

        for g, p in _in_text_order(matches):
            one = labels(first, 0, g) if g >= 0 else None
            two = labels(second, 1, p) if p >= 0 else None
            kinds = ["missing"]
            if one is not None and two is not None:
                kinds = [key for key in ("kind", "type", "entity") if one[key] != two[key]]
                if one["entity"] == two["entity"] and one["kb_id"] != two["kb_id"]:
                    kinds.append("kb_id")
            shown = ("kind", "type", "entity", "kb_id") if "kb_id" in kinds else ("kind", "type", "entity")
            both = [each and {key: each[key] for key in shown} for each in (one, two)]
            yield from (self.disagreement(batch, matches, kind, (g, p), *both) for kind in kinds)


def _knowledge_base_of(ids: Mapping[Any, int]) -> dict[str, Any] | None:
    """The knowledge base that gold links to: None where no mention has a ``kb_id``."""
    others = [each for each in ids if isinstance(each, str)]
    nil = next((each for each in others if each.upper() == "NIL"), None)
    if not ids:
        return None
    if all(each == nil for each in others):
        return {"nil": nil}
    return {"name": "unknown", "id": ".+", "url": "{id}", "nil": nil}


def _labels_of(mention: Any) -> tuple[object, ...]:
    return mention.kind, mention.type, mention.entity, mention.kb_id


def _ranges(columns: SpanColumns, which: Index) -> tuple[Index, Index, Index]:
    return columns.document[which], columns.low[which], columns.high[which]


def _span(columns: SpanColumns, row: int) -> dict[str, int]:
    return {"start": int(columns.start[row]), "end": int(columns.end[row])}


def _in_text_order(matches: Matches) -> Iterator[tuple[int, int]]:
    """Gold row and predicted row of every span of either side, -1 where a side does not have it."""
    same, alone = matches.same(), np.flatnonzero(matches.equal < 0)
    keys = np.append(matches.gold.key, matches.predicted.key[alone])
    for index in np.argsort(keys, kind="stable").tolist():
        yield (index, int(same[index])) if index < len(same) else (-1, int(alone[index - len(same)]))
