"""All counts record by record, from the definitions in the docstrings of the layers and by no shared code.

For the default labels only, and for documents whose best matching is unique: which of equally good ones is taken is not
defined (``Tie``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

Record = Mapping[str, Any]
Span = tuple[int, int]
#: (document, event, span) of a mention, whose clusters reach across the documents of an event.
Place = tuple[str, str, Span]

SIDES = ("favor", "against")
NEEDS_EVIDENCE = ("supported", "refuted")
FIXED = 2**46


class Tie(Exception):
    """Two matchings of a document are equally good; names the layer."""


class Counts:
    """Counts of one layer: name of the row -> column -> amount."""

    def __init__(self) -> None:
        self.units: dict[str, Counter[str]] = defaultdict(Counter)
        self.breakdowns: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, column: str, amount: int = 1, *, unit: str, groups: Sequence[str], keys: Sequence[str] = ()) -> None:
        self.units[unit][column] += amount
        for key in (*groups, *keys):
            self.breakdowns[key][column] += amount


class CountOracle:
    """Counts of all layers of a corpus.

    Args:
        by_paragraph: whether paragraphs are the units.
        several_events: whether counts are broken down by event.
        statuses: kb_status of the catalogue's entities.
        mutations: what was changed in the catalogue's claims.
    """

    def __init__(
        self,
        *,
        by_paragraph: bool = False,
        several_events: bool = False,
        statuses: Mapping[str, str] | None = None,
        mutations: Mapping[str, str] | None = None,
    ) -> None:
        self.layers = {name: Counts() for name in ("entities", "stance", "claims", "verification")}
        #: Cluster of each mention; a mention that names none is a cluster of its own.
        self.gold: dict[Place, str | Place] = {}
        self.predicted: dict[Place, str | Place] = {}
        self._by_paragraph, self._several_events = by_paragraph, several_events
        self._statuses, self._mutations = statuses or {}, mutations or {}
        #: (event, name) of the system's clusters, counted or not, and whether gold has any layer of clusters.
        self._clusters: set[tuple[str, str]] = set()
        self._linked = False
        #: Matched claims of at least half: event, gold source, predicted source, unit, groups.
        self._sources: list[tuple[str, str, str, str, list[str]]] = []

    def add(self, gold: Record, predicted: Record, document: Record | None) -> None:
        """Count one document.

        Raises:
            Tie: its best matching is not unique; nothing is counted.
        """
        found = _Document(self, gold["document_id"], document)
        count = {
            "entities": found.entities,
            "claims": found.claims,
            "stance": found.stance,
            "verification": found.verification,
        }
        # Layers that may raise come first.
        matched = {name: match(gold[name], predicted.get(name, ())) for name, match in found.matchings(gold).items()}
        self._linked |= "entities" in gold
        self._clusters |= {(found.event, m["entity"]) for m in predicted.get("entities", ()) if "entity" in m}
        for name, layer in count.items():
            if name in gold:
                layer(gold[name], predicted.get(name, ()), *matched.get(name, ()))

    def finish(self) -> None:
        """Count the claims whose sources refer to the same entity, once all mentions are known."""
        shared: dict[tuple[str, str], Counter[str | Place]] = defaultdict(Counter)
        known = self._clusters if self._linked else set()
        sizes = Counter((place[1], name) for place, name in self.gold.items())
        for place, name in self.predicted.items():
            if isinstance(name, str) and place in self.gold:
                shared[place[1], name][self.gold[place]] += 1

        def refers_to(event: str, name: str) -> str | None:
            if name == "author" or (event, name) not in known:
                return name
            best = sorted(
                (
                    (amount, Fraction(amount, sizes[event, entity]), entity)
                    for entity, amount in shared[event, name].items()
                ),
                key=lambda each: each[:2],
                reverse=True,
            )
            if not best or (len(best) > 1 and best[0][:2] == best[1][:2]):
                return None
            # A gold mention without a key is nobody's name.
            return best[0][2] if isinstance(best[0][2], str) else None

        for event, wanted, given, unit, groups in self._sources:
            if refers_to(event, given) == wanted:
                self.layers["claims"].add("attributed", unit=unit, groups=groups, keys=[_source(wanted)])


def _source(name: str) -> str:
    return "source=author" if name == "author" else "source=entity"


class _Document:
    """One document: where its labels are counted."""

    def __init__(self, counts: CountOracle, key: str, document: Record | None) -> None:
        self.counts, self.key, self.document = counts, key, document
        self.event = document["event"] if document else ""
        languages = [f"language={document['language']}"] if document else []
        events = [f"event={self.event}"] if document and counts._several_events else []
        self.groups = [*languages, *events, f"document={key}"]

    def unit(self, start: int) -> str:
        """The paragraph in which a span begins, or the document."""
        if not self.counts._by_paragraph:
            return self.key
        begun = [p for p in self.document["paragraphs"] if p["start"] <= start] if self.document else []
        return f"{self.key}/{max(len(begun) - 1, 0)}"

    def spans(self, items: Sequence[Record], *, all_zones: bool) -> dict[Span, Record]:
        """Items by span, each once; predictions only where they reach into title or body."""
        found = {}
        for item in items:
            start, end = item["start"], item["end"]
            inside = self.document is None or any(
                zone["start"] < end and start < zone["end"] and zone["zone"] in ("title", "body")
                for zone in self.document["zones"]
            )
            if all_zones or inside:
                found[start, end] = item
        return found

    def matchings(self, gold: Record) -> dict[str, Any]:
        return {name: match for name, match in (("entities", self.names), ("claims", self.pairs)) if name in gold}

    # Entities

    def names(self, gold: Sequence[Record], predicted: Sequence[Record]) -> tuple[dict[str, list[tuple[Span, Span]]]]:
        """Matched mentions of each kind."""
        wanted, given = self.spans(gold, all_zones=True), self.spans(predicted, all_zones=False)
        found = {}
        for kind in ("name", "nominal"):
            mine = {span for span, item in wanted.items() if item["kind"] == kind}
            # What has the span of a gold mention of the other kind competes for nothing.
            theirs = {s for s, item in given.items() if item["kind"] == kind and (s in mine or s not in wanted)}
            equal = mine & theirs
            left, right = sorted(mine - equal), sorted(theirs - equal)
            fewest = min(len(left), len(right))
            weights = [
                [_meet(g, p) and 1 + (fewest + 1) * (wanted[g]["type"] == given[p]["type"]) for p in right]
                for g in left
            ]
            found[kind] = [(span, span) for span in equal]
            found[kind] += [(left[g], right[p]) for g, p in _best("entities", weights)]
        return (found,)

    def entities(
        self, gold: Sequence[Record], predicted: Sequence[Record], matched: dict[str, list[tuple[Span, Span]]]
    ) -> None:
        counts = self.counts.layers["entities"]
        wanted, given = self.spans(gold, all_zones=True), self.spans(predicted, all_zones=False)

        def add(column: str, span: Span, kind: str, *types: str) -> None:
            if kind == "name":
                counts.add(column, unit=self.unit(span[0]), groups=self.groups, keys=["kind=name", *types])
            else:
                counts.breakdowns["kind=nominal"][column] += 1

        for span, item in wanted.items():
            add("gold", span, item["kind"], f"type={item['type']}")
        for span, item in given.items():
            at = wanted.get(span)
            if at is None or item["kind"] == at["kind"]:
                add("predicted", span, item["kind"], f"type={item['type']}")
            elif at["kind"] == "name":
                # A name that is called a nominal is a name given wrongly.
                add("predicted", span, "name", f"type={item['type']}")
        for kind, pairs in matched.items():
            for g, p in pairs:
                kind_of = wanted[g]["type"], given[p]["type"]
                types = [f"type={kind_of[0]}"] if kind_of[0] == kind_of[1] else []
                for column, right in (
                    ("strict", g == p and types),
                    ("exact", g == p),
                    ("type", types),
                    ("overlap", g != p),
                ):
                    if right:
                        add(column, g, kind, *types)
        self._links(wanted, given)
        for side, items in ((self.counts.gold, wanted), (self.counts.predicted, given)):
            for span, item in items.items():
                place = (self.key, self.event, span)
                side[place] = item.get("entity", place)

    def _links(self, wanted: Mapping[Span, Record], given: Mapping[Span, Record]) -> None:
        counts = self.counts.layers["entities"]
        status = {
            span: self.counts._statuses.get(item.get("entity"), "verified" if item.get("kb_id") else "unverified")
            for span, item in wanted.items()
        }
        for span, item in wanted.items():
            keys = f"type={item['type']}", f"kind={item['kind']}"
            if status[span] == "verified":
                counts.add("linkable", unit=self.unit(span[0]), groups=self.groups, keys=keys)
            link = given[span].get("kb_id") if span in given else None
            if link and status[span] != "unverified":
                counts.add("links", unit=self.unit(span[0]), groups=self.groups, keys=keys)
                if status[span] == "verified" and link == item.get("kb_id"):
                    counts.add("linked", unit=self.unit(span[0]), groups=self.groups, keys=keys)
        for span, item in given.items():
            if span not in wanted and item.get("kb_id"):
                keys = f"type={item['type']}", f"kind={item['kind']}"
                counts.add("links", unit=self.unit(span[0]), groups=self.groups, keys=keys)

    # Claims

    def pairs(self, gold: Sequence[Record], predicted: Sequence[Record]) -> tuple[list[tuple[Span, Span]]]:
        """Matched claims: the largest sum of Jaccard overlaps."""
        left, right = sorted(self.spans(gold, all_zones=True)), sorted(self.spans(predicted, all_zones=False))
        best = _best("claims", [[float(_jaccard(g, p)) for p in right] for g in left])
        return ([(left[g], right[p]) for g, p in best],)

    def claims(self, gold: Sequence[Record], predicted: Sequence[Record], matched: list[tuple[Span, Span]]) -> None:
        counts = self.counts.layers["claims"]
        wanted, given = self.spans(gold, all_zones=True), self.spans(predicted, all_zones=False)
        for column, side in (("gold", wanted), ("predicted", given)):
            for span, item in side.items():
                counts.add(column, unit=self.unit(span[0]), groups=self.groups, keys=[_source(item["source"])])

        def of_both(g: Span, p: Span) -> list[str]:
            kinds = {_source(wanted[g]["source"]), _source(given[p]["source"])}
            return list(kinds) if len(kinds) == 1 else []

        for span in wanted.keys() & given.keys():
            counts.add("exact", unit=self.unit(span[0]), groups=self.groups, keys=of_both(span, span))
        for g, p in matched:
            share = _jaccard(g, p)
            amount = (2 * share.numerator * FIXED + share.denominator) // (2 * share.denominator)
            counts.add("jaccard~", amount, unit=self.unit(g[0]), groups=self.groups, keys=of_both(g, p))
            if share >= Fraction(1, 2):
                sources = wanted[g]["source"], given[p]["source"]
                self.counts._sources.append((self.event, *sources, self.unit(g[0]), self.groups))

    # Labels

    def question(self, *parts: str) -> str:
        """The unit of a label that has no position in the text."""
        return "/".join((self.event, *parts)) if self.counts._by_paragraph else self.key

    def stance(self, gold: Sequence[Record], predicted: Sequence[Record]) -> None:
        counts = self.counts.layers["stance"]
        answers = {(cell["holder"], cell["target"]): cell for cell in predicted}
        for cell in gold:
            holder, target, label = cell["holder"], cell["target"], cell["label"]
            keys = f"holder={holder}", f"target={target}", f"label={label}"
            add = partial(counts.add, unit=self.question(holder, target), groups=self.groups, keys=keys)
            answer = answers.get((holder, target))
            given = answer["label"] if answer else "missing"
            add(f"{label}:{given}")
            sentences = set(cell.get("evidence", ())) if label in SIDES else set()
            shown = set(answer.get("evidence", ())) if answer and given in SIDES else set()
            add("evidence_gold", len(sentences))
            add("evidence_predicted", len(shown))
            add("evidence_correct", len(sentences & shown) if label == given else 0)
            if answer and "scores" in answer:
                scores = answer["scores"]
                add("scored")
                error = 0.0
                # One after the other: from Python 3.12 on, sum() of floats rounds once.
                for each in ("favor", "against", "none"):
                    error += (scores[each] - (each == label)) ** 2
                add("squared_error~", round(error * FIXED))
                level = min(int(scores[given] * 10), 9)
                add(f"bin{level}:items")
                add(f"bin{level}:correct", int(given == label))
                add(f"bin{level}:confidence~", round(scores[given] * FIXED))

    def verification(self, gold: Sequence[Record], predicted: Sequence[Record]) -> None:
        counts = self.counts.layers["verification"]
        answers = {pair["claim"]: pair for pair in predicted}
        for pair in gold:
            answer = answers.get(pair["claim"])
            label, given = pair["label"], answer["label"] if answer else "missing"
            keys = [f"label={label}"]
            if pair["claim"] in self.counts._mutations:
                keys.append(f"mutation={self.counts._mutations[pair['claim']]}")
            unit = self.question(pair["claim"])
            counts.add(f"{label}:{given}", unit=unit, groups=self.groups, keys=keys)
            sentences = set(pair.get("evidence", ()))
            first = sorted(set(answer.get("evidence", ())))[:5] if answer else []
            if label == given and (label not in NEEDS_EVIDENCE or not sentences or sentences & set(first)):
                counts.add("strict", unit=unit, groups=self.groups, keys=keys)


def _meet(a: Span, b: Span) -> int:
    """Characters that two spans share."""
    return max(min(a[1], b[1]) - max(a[0], b[0]), 0)


def _jaccard(a: Span, b: Span) -> Fraction:
    shared = _meet(a, b)
    return Fraction(shared, a[1] - a[0] + b[1] - b[0] - shared)


def _best(layer: str, weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The pairs of the heaviest one-to-one assignment that weigh anything."""
    table = np.array(weights, float)
    if not table.size:
        return []
    rows, columns = linear_sum_assignment(table, maximize=True)
    chosen = [(g, p) for g, p in zip(rows.tolist(), columns.tolist(), strict=True) if table[g, p] > 0]
    best = sum(table[g, p] for g, p in chosen)
    for pair in chosen:
        other = table.copy()
        other[pair] = 0
        if other[linear_sum_assignment(other, maximize=True)].sum() > best - 1e-6:
            raise Tie(layer)
    return chosen
