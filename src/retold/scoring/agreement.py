"""Agreement: how far two readers of the same documents gave the same labels, layer by layer.

The first reader stands where gold stands in scoring and the second where a prediction does, so F1 measures are the
same whichever comes first. Mentions of both kinds count, and keys are compared as they are: annotators share the
catalogue. Items that only one reader has lower the F1 measures; kappa and alpha are over the items that both have.
Spans that lie wholly in a zone that is not annotated count neither way, whoever gives them.

    entities    F1 of spans; of span + kind, span + type; of span + entity and of links (span + kb_id), over the
                mentions that are given one; CoNLL of the clusters
    stance      raw agreement, Cohen's kappa, Krippendorff's alpha over cells; F1 of evidence
    claims      overlap F1 (one-to-one, summed Jaccard), exact F1; Jaccard >= 0.5 and the same source (attribution), and
                the same claim (canonical, over the spans that are given one)
    verification raw agreement, kappa, alpha over pairs; F1 of evidence

Intervals are percentile bootstrap intervals over the units of ``retold.stats.resampling``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import UNSET

from retold import __version__
from retold.corpus.load import Corpus, load_corpus
from retold.io.jsonl import read_lines
from retold.io.sources import Source
from retold.io.submission import open_submission
from retold.layers.base import Place, Tally, facet
from retold.layers.coreference import MentionTable
from retold.layers.counts import FIXED, Counts, CountTable
from retold.layers.matching import best_assignment, overlapping
from retold.measures.base import Array, f1
from retold.measures.chance import cohen_kappa, coincidences, krippendorff_alpha, raw_agreement
from retold.measures.clusters import conll
from retold.model.annotations import STANCE_LABELS, VERIFICATION_LABELS, AnnotationRecord, Document
from retold.model.findings import Finding, FindingsError
from retold.rules import check_record, decode_record, is_blank, located, repeated_document, unknown_document
from retold.stats.resampling import LinearResamples, bootstrap_sums, bootstrap_weights, percentile_interval, unit_kind

__all__ = ["Agreement", "AgreementValue", "Disagreement", "agreement"]

_ENTITIES: Final = (
    *("first", "second", "span", "kind", "type"),
    *("first_entities", "second_entities", "entity", "first_links", "second_links", "link"),
)
_CLAIMS: Final = (
    *("first", "second", "jaccard~", "exact", "attributed"),
    *("first_claims", "second_claims", "canonical"),
)
_EVIDENCE: Final = ("first_evidence", "second_evidence", "evidence")
#: Added to the overlap of two claims that also agree in boundaries, source, claim, far below any difference between
#: overlaps of real spans: of equally good matchings the one that agrees most is taken, whichever reader comes first.
_TIES: Final = (2.0**-30, 2.0**-36, 2.0**-42)


def _cells(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{a}:{b}" for a in labels for b in labels)


_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "entities": _ENTITIES,
    "stance": (*_cells(STANCE_LABELS), "only_first", "only_second", *_EVIDENCE),
    "claims": _CLAIMS,
    "verification": (*_cells(VERIFICATION_LABELS), "only_first", "only_second", *_EVIDENCE),
}


def _shared(column: str, first: str = "first", second: str = "second") -> Callable[[Counts], Array]:
    return lambda c: f1(c[column], c[second], c[first])


def _table(labels: Sequence[str]) -> Callable[[Counts], Array]:
    def stack(c: Counts) -> Array:
        rows = [np.stack([np.asarray(c[f"{a}:{b}"]) for b in labels], axis=-1) for a in labels]
        return np.stack(rows, axis=-2)

    return stack


def _labels(labels: Sequence[str]) -> dict[str, Callable[[Counts], Array]]:
    table = _table(labels)
    return {
        "agreement": lambda c: raw_agreement(table(c)),
        "kappa": lambda c: cohen_kappa(table(c)),
        "alpha": lambda c: krippendorff_alpha(coincidences(table(c))),
        "evidence.f1": _shared("evidence", "first_evidence", "second_evidence"),
    }


_MEASURES: Final[Mapping[str, Mapping[str, Callable[[Counts], Array]]]] = {
    "entities": {
        "span.f1": _shared("span"),
        "kind.f1": _shared("kind"),
        "type.f1": _shared("type"),
        "entity.f1": _shared("entity", "first_entities", "second_entities"),
        "linking.f1": _shared("link", "first_links", "second_links"),
    },
    "stance": _labels(STANCE_LABELS),
    "claims": {
        "overlap.f1": _shared("jaccard"),
        "exact.f1": _shared("exact"),
        "attribution.f1": _shared("attributed"),
        "canonical.f1": _shared("canonical", "first_claims", "second_claims"),
    },
    "verification": _labels(VERIFICATION_LABELS),
}


@dataclass(frozen=True, slots=True)
class AgreementValue:
    """A measure of agreement with its 95% interval and the counts behind it; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    counts: dict[str, int | float]

    def as_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "counts": self.counts}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One item that the two readers labelled differently, or that only one of them has.

    Attributes:
        layer, document_id: where.
        item: what: ``start:end`` of a span, ``holder/target`` of a cell, the key of a claim.
        kind: missing, label, evidence, kind, type, entity, kb_id (of one entity), boundary, source, claim.
        first, second: what each reader gave, None for nothing.
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
        return {
            "layer": self.layer,
            "document_id": self.document_id,
            "item": self.item,
            "kind": self.kind,
            "first": self.first,
            "second": self.second,
            "context": self.context,
        }


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two readers agree."""

    signature: str
    readers: tuple[str, str]
    corpus: dict[str, str]
    measures: dict[str, AgreementValue]
    breakdowns: dict[str, dict[str, dict[str, dict[str, Any]]]]
    disagreements: list[Disagreement]

    def as_dict(self) -> dict[str, Any]:
        """The result in the shape of ``retold agree --format json``."""
        return {
            "signature": self.signature,
            "readers": list(self.readers),
            "corpus": self.corpus,
            "measures": {name: value.as_dict() for name, value in self.measures.items()},
            "breakdowns": self.breakdowns,
            "disagreements": [item.as_dict() for item in self.disagreements],
        }


def agreement(
    first: str | Path,
    second: str | Path,
    corpus: Corpus | str | Path | None = None,
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> Agreement:
    """Compare two files of records.

    Args:
        first, second: files of records of the same documents.
        corpus: a corpus folder for the texts, or None for the packaged corpus.
        resamples: bootstrap resamples; 0 leaves the intervals out.
        seed: seed of the resampling.

    Raises:
        FindingsError: a file is malformed or names what the corpus does not have, or the two hold different documents.
        UnreadableError: a file cannot be read.
    """
    loaded = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    opened = [open_submission(path) for path in (first, second)]
    readings = [_read(submission.records, loaded) for submission in opened]
    if readings[0].keys() != readings[1].keys() or not readings[0]:
        only = sorted(readings[0].keys() ^ readings[1].keys())
        message = f"the files do not hold the same documents: {', '.join(only[:5]) or 'there are none'}"
        raise FindingsError(
            [
                Finding(
                    code="RT303",
                    severity="error",
                    message=message,
                    hint="Compare records of the same documents.",
                    file=opened[1].records.name,
                )
            ]
        )
    compared = _Comparison(loaded, sorted(readings[0]), resamples, seed)
    for key in sorted(readings[0]):
        compared.add(readings[0][key], readings[1][key])
    return compared.result((opened[0].name, opened[1].name))


def _read(source: Source, corpus: Corpus) -> dict[str, AnnotationRecord]:
    """The records of one reader by document; what is at fault in a system's predictions is at fault here."""
    records: dict[str, AnnotationRecord] = {}
    lines: dict[str, int] = {}
    findings: list[Finding] = []
    for number, line in read_lines(source):
        if is_blank(line):
            continue
        record, found = decode_record(line, number=number, file=source.name)
        if record is not None:
            key = record.document_id
            document = corpus.documents.get(key)
            if key in records:
                found = located([repeated_document(key, lines[key])], source.name, number)
            elif document is None and corpus.bare is None:
                found = located([unknown_document(key, corpus.documents)], source.name, number)
            else:
                vocabulary = corpus.vocabulary(document)
                checked = check_record(record, role="prediction", document=document, vocabulary=vocabulary)
                found = [*found, *located(checked, source.name, number)]
            lines.setdefault(key, number)
            records.setdefault(key, record)
        findings += found
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise FindingsError(errors)
    return records


class _Comparison:
    """Counts of two readings, document by document."""

    def __init__(self, corpus: Corpus, documents: Sequence[str], resamples: int, seed: int) -> None:
        self.corpus, self.resamples, self.seed = corpus, resamples, seed
        self.units = unit_kind(len(documents), paragraphs_known=corpus.bare is None)
        self.tallies = {layer: Tally(columns) for layer, columns in _COLUMNS.items()}
        self.mentions = MentionTable()
        self.seen: dict[str, dict[str, None]] = {layer: {} for layer in _COLUMNS}
        self.texts: dict[str, Document] = {}
        self.compared: set[str] = set()
        self.found: list[Disagreement] = []

    def add(self, first: AnnotationRecord, second: AnnotationRecord) -> None:
        document = self.corpus.documents.get(first.document_id)
        place = Place(first.document_id, document, self.units, pool=False, by_document=True)
        for layer in _COLUMNS:
            a, b = getattr(first, layer), getattr(second, layer)
            if a is UNSET or b is UNSET:
                continue
            self.compared.add(layer)
            if layer in ("entities", "claims"):
                a, b = ([span for span in spans if place.annotated(span.start, span.end)] for spans in (a, b))
                if document is not None:
                    self.texts[document.document_id] = document
            if layer == "entities":
                self._entities(a, b, place, document)
                self.mentions.add(place, a, b)
            elif layer == "claims":
                self._claims(a, b, place, document)
            elif layer == "stance":
                self._pairs(layer, {(c.holder, c.target): c for c in a}, {(c.holder, c.target): c for c in b}, place)
            else:
                self._pairs(layer, {(p.claim,): p for p in a}, {(p.claim,): p for p in b}, place)

    def _rows(self, layer: str, unit: str, place: Place, *facets: str) -> tuple[list[list[int]], dict[str, int]]:
        self.seen[layer][unit] = None
        return self.tallies[layer].rows(unit, place, *facets), _AT[layer]

    def _differ(self, layer: str, place: Place, item: str, kind: str, first: Any, second: Any, context: str) -> None:
        self.found.append(Disagreement(layer, place.document_id, item, kind, first, second, context))

    def _entities(self, a: Sequence[Any], b: Sequence[Any], place: Place, document: Document | None) -> None:
        first, second = {(m.start, m.end): m for m in a}, {(m.start, m.end): m for m in b}
        for span in sorted(first.keys() | second.keys()):
            one: Any = first.get(span)
            two: Any = second.get(span)
            seen = one or two
            rows, at = self._rows(
                "entities", place.unit_at(span[0]), place, facet("type", seen.type), facet("kind", seen.kind)
            )
            both = one is not None and two is not None
            changes = {
                "first": one is not None,
                "second": two is not None,
                "span": both,
                "kind": both and one.kind == two.kind,
                "type": both and one.type == two.type,
                "first_entities": one is not None and isinstance(one.entity, str),
                "second_entities": two is not None and isinstance(two.entity, str),
                "entity": both and isinstance(one.entity, str) and one.entity == two.entity,
                "first_links": one is not None and isinstance(one.kb_id, str),
                "second_links": two is not None and isinstance(two.kb_id, str),
                "link": both and isinstance(one.kb_id, str) and one.kb_id == two.kb_id,
            }
            for row in rows:
                for name, amount in changes.items():
                    row[at[name]] += amount
            kinds = ["missing"]
            if both:
                kinds = [name for name in ("kind", "type", "entity") if getattr(one, name) != getattr(two, name)]
                if one.entity == two.entity and (one.kb_id or None) != (two.kb_id or None):
                    kinds.append("kb_id")
            names = ("kind", "type", "entity", "kb_id") if "kb_id" in kinds else ("kind", "type", "entity")
            for kind in kinds:
                shown = [None if m is None else {name: getattr(m, name) or None for name in names} for m in (one, two)]
                item, context = f"{span[0]}:{span[1]}", _context(document, span)
                self._differ("entities", place, item, kind, shown[0], shown[1], context)

    def _claims(self, a: Sequence[Any], b: Sequence[Any], place: Place, document: Document | None) -> None:
        one, two = {(c.start, c.end): c for c in a}, {(c.start, c.end): c for c in b}
        first, second = sorted(one), sorted(two)
        for spans, given, side in ((first, one, "first"), (second, two, "second")):
            for span in spans:
                rows, at = self._rows("claims", place.unit_at(span[0]), place)
                for row in rows:
                    row[at[side]] += 1
                    row[at[f"{side}_claims"]] += isinstance(given[span].claim, str)
        edges, jaccards, agreed = [], {}, {}
        for i, j in overlapping(first, second):
            shared = min(first[i][1], second[j][1]) - max(first[i][0], second[j][0])
            either = first[i][1] - first[i][0] + second[j][1] - second[j][0] - shared
            mine, yours = one[first[i]], two[second[j]]
            alike = 2 * shared >= either
            jaccards[i, j] = shared / either
            agreed[i, j] = (
                first[i] == second[j],
                alike and mine.source == yours.source,
                alike and isinstance(mine.claim, str) and mine.claim == yours.claim,
            )
            ties = sum(bonus for bonus, same in zip(_TIES, agreed[i, j], strict=True) if same)
            edges.append((i, j, shared / either + ties))
        matched = best_assignment(edges)
        for i, j, _ in matched:
            mine, yours = one[first[i]], two[second[j]]
            rows, at = self._rows("claims", place.unit_at(first[i][0]), place)
            exact, attributed, canonical = agreed[i, j]
            for row in rows:
                row[at["jaccard~"]] += round(jaccards[i, j] * FIXED)
                row[at["exact"]] += exact
                row[at["attributed"]] += attributed
                row[at["canonical"]] += canonical
            kinds = ["boundary"] if first[i] != second[j] else []
            kinds += [name for name in ("source", "claim") if getattr(mine, name) != getattr(yours, name)]
            for kind in kinds:
                self._differ(
                    "claims", place, _item(mine), kind, _shown(mine), _shown(yours), _context(document, first[i])
                )
        for i in sorted(set(range(len(first))) - {i for i, _, _ in matched}):
            mine = one[first[i]]
            self._differ("claims", place, _item(mine), "missing", _shown(mine), None, _context(document, first[i]))
        for j in sorted(set(range(len(second))) - {j for _, j, _ in matched}):
            yours = two[second[j]]
            self._differ("claims", place, _item(yours), "missing", None, _shown(yours), _context(document, second[j]))

    def _pairs(
        self, layer: str, first: Mapping[tuple[str, ...], Any], second: Mapping[tuple[str, ...], Any], place: Place
    ) -> None:
        for key in sorted(first.keys() | second.keys()):
            facets = [facet("holder", key[0]), facet("target", key[1])] if layer == "stance" else []
            rows, at = self._rows(layer, place.unit_of_pair(*key), place, *facets)
            one, two = first.get(key), second.get(key)
            changes: dict[str, int] = {}
            if one is None or two is None:
                changes["only_second" if one is None else "only_first"] = 1
                kinds = ["missing"]
            else:
                mine, yours = set(one.evidence or ()), set(two.evidence or ())
                changes[f"{one.label}:{two.label}"] = 1
                changes["first_evidence"], changes["second_evidence"] = len(mine), len(yours)
                changes["evidence"] = len(mine & yours) if one.label == two.label else 0
                kinds = ["label"] if one.label != two.label else ["evidence"] if mine != yours else []
            for row in rows:
                for name, amount in changes.items():
                    row[at[name]] += amount
            for kind in kinds:
                shown = [
                    None if p is None else {"label": p.label, "evidence": list(p.evidence or ())} for p in (one, two)
                ]
                self._differ(layer, place, "/".join(key), kind, shown[0], shown[1], "")

    def result(self, readers: tuple[str, str]) -> Agreement:
        measures: dict[str, AgreementValue] = {}
        breakdowns: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        for layer, functions in _MEASURES.items():
            if layer not in self.compared:
                continue
            table = self.tallies[layer].units
            totals, amounts = _sums(table), _amounts(table)
            units = self._unit_names(layer)
            stream = "text" if layer in ("entities", "claims") or self.units == "document" else layer
            drawn = table.as_counts(bootstrap_sums(table.matrix(units), self.resamples, self.seed, stream))
            for name, function in functions.items():
                measures[f"{layer}.{name}"] = self._value(float(function(totals)), function(drawn), amounts, len(units))
            if layer == "entities":
                measures["entities.coreference.conll"] = self._clusters(units, amounts)
            self._breakdown(layer, breakdowns)
        signature = "|".join(
            f"{key}:{value}"
            for key, value in {
                "corpus": self.corpus.name,
                "version": self.corpus.version or "none",
                "hash": self.corpus.short_digest,
                "agreement": f"retold-{__version__}",
                "unit": self.units,
                "resamples": self.resamples,
                "coreference": "jackknife",
                "seed": self.seed,
            }.items()
        )
        corpus = {"name": self.corpus.name, "version": self.corpus.version, "sha256": self.corpus.digest}
        return Agreement(signature, readers, corpus, measures, breakdowns, self.found)

    def _unit_names(self, layer: str) -> list[str]:
        """Units that are drawn: for text also the paragraphs in which neither reader found anything."""
        if layer in ("entities", "claims") and self.units == "paragraph":
            sizes = {key: len(document.paragraphs) or 1 for key, document in self.texts.items()}
            return sorted(f"{key}/{index}" for key, size in sizes.items() for index in range(size))
        return sorted(self.seen[layer])

    def _clusters(self, units: Sequence[str], amounts: dict[str, int | float]) -> AgreementValue:
        mentions = self.mentions.settle()
        point = conll(mentions.overlaps())
        without = mentions.without_each(units)["entities.coreference.conll"]
        drawn = LinearResamples(point, without[:, None])
        for _, weights in bootstrap_weights(len(units), self.resamples, self.seed, "text"):
            drawn.draw(weights)
        return self._value(float(point[0]), drawn.all()[:, 0], amounts, len(units))

    def _value(self, point: float, drawn: Array, amounts: dict[str, int | float], units: int) -> AgreementValue:
        if np.isnan(point):
            return AgreementValue(None, None, None, amounts)
        low, high = percentile_interval(drawn, units) or (None, None)
        return AgreementValue(point, low, high, amounts)

    def _breakdown(self, layer: str, out: dict[str, dict[str, dict[str, dict[str, Any]]]]) -> None:
        table = self.tallies[layer].facets
        for key in sorted(table.rows):
            dimension, _, value = key.partition("=")
            row = CountTable(table.columns)
            row.rows["all"] = table.rows[key]
            sums = _sums(row)
            place = out.setdefault(dimension, {}).setdefault(value, {})
            for name, function in _MEASURES[layer].items():
                number = float(function(sums))
                place[f"{layer}.{name}"] = {"value": None if np.isnan(number) else number, "counts": _amounts(row)}


_AT: Final = {layer: {name: index for index, name in enumerate(columns)} for layer, columns in _COLUMNS.items()}


def _sums(table: CountTable) -> Counts:
    total = CountTable(table.columns)
    total.rows["all"] = list(table.totals().values())
    return table.as_counts(total.matrix()[0])


def _amounts(table: CountTable) -> dict[str, int | float]:
    return {
        name.rstrip("~"): amount / FIXED if name.endswith("~") else amount for name, amount in table.totals().items()
    }


def _item(claim: Any) -> str:
    return f"{claim.start}:{claim.end}"


def _shown(claim: Any) -> dict[str, Any]:
    return {
        "start": claim.start,
        "end": claim.end,
        "text": claim.text or "",
        "source": claim.source,
        "claim": claim.claim or None,
    }


def _context(document: Document | None, span: tuple[int, int]) -> str:
    if document is None:
        return ""
    for sentence in document.sentences:
        if sentence.start <= span[0] < sentence.end:
            before, words, after = (
                document.text[sentence.start : span[0]],
                document.text[span[0] : span[1]],
                document.text[span[1] : max(sentence.end, span[1])],
            )
            return f"{before}[{words}]{after}"
    return document.text[span[0] : span[1]]
