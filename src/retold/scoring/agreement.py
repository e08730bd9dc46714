"""Agreement: how far two annotators of the same documents gave the same labels, layer by layer.

The first annotator stands where gold stands in scoring and the second where a prediction does, so F1 measures are the
same whichever comes first. Mentions of all kinds count, and keys are compared as they are: annotators share the
catalogue. Items that only one annotator has lower the F1 measures; kappa and alpha are over the items that both have.
Spans that lie wholly in a zone that is not annotated count neither way, whoever gives them.

    entities    F1 of spans; of span + kind, span + type; of span + entity and of links (span + kb_id), over the
                mentions that are given one; CoNLL of the clusters
    stance      raw agreement, Cohen's kappa, Krippendorff's alpha over cells; F1 of evidence
    claims      overlap F1 (one-to-one, summed Jaccard), exact F1; Jaccard >= 0.5 and the same source (attribution), and
                the same claim (canonical, over the spans that are given one)
    verification raw agreement, kappa, alpha over pairs; F1 of evidence

Intervals are percentile bootstrap intervals over the units of ``retold.layers.units``; Wilson's where a share of items
is 0 or 1; none where resampling shows no spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET

from retold import __version__
from retold.corpus.load import Corpus
from retold.io.sources import Source, sha256
from retold.layers.base import Batch, Disagreement, DocumentContext, Layer
from retold.layers.coreference import CONLL
from retold.layers.counts import FIXED, BatchCounts, CountTable
from retold.layers.scheme import Scheme, default_scheme
from retold.layers.units import unit_kind
from retold.measures.clusters import conll
from retold.model.arrays import np
from retold.model.display import Summary, counted, estimate
from retold.model.findings import Finding, FindingsError
from retold.reading import Records
from retold.review import review
from retold.rules import located, unknown_document
from retold.rules.spans import ignored_spans
from retold.scoring.count import BATCH
from retold.scoring.evaluate import Value, bounded, check_resamples, entry, signature_of, warnings_as_dict
from retold.scoring.score import Predictions, open_corpus, open_predictions
from retold.stats.bootstrap import LinearResamples, bootstrap_products, bootstrap_sums

__all__ = ["Agreement", "AgreementValue", "Disagreement", "agreement", "compared"]

#: What the two annotators gave, by the end of a measure's name: the counts ``first_...`` and ``second_...``.
_SIDES: Final = {"evidence.f1": "evidence", "linking.f1": "links", "entity.f1": "entities", "canonical.f1": "claims"}

#: A measure of agreement has the shape of a measure of a system.
AgreementValue = Value


@dataclass(frozen=True, slots=True, repr=False)
class Agreement(Summary):
    """How far two annotators agree.

    Attributes:
        signature: what makes the numbers reproducible.
        annotators: their names.
        corpus: name, version and hash of the corpus.
        measures: ``layer.measure`` -> value.
        breakdowns: dimension -> value of the dimension -> measure -> {value, counts}.
        disagreements: every item on which they differ, document by document.
        documents: how many were compared: those in which both give a layer that they share.
        layers: what each annotator gives; only layers that both give in one document are compared.
        scheme: layers and labels of the corpus.
        layer_documents: in how many documents each layer was compared.
        identical: whether the two files are the same, byte for byte.
        warnings: what may be wrong with the records, and did not prevent comparing.
        unshared: documents that only one of them has, for each; they are left out.
    """

    signature: str
    annotators: tuple[str, str]
    corpus: dict[str, str]
    measures: dict[str, AgreementValue]
    breakdowns: dict[str, dict[str, dict[str, dict[str, Any]]]]
    disagreements: list[Disagreement]
    documents: int = 0
    layers: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    scheme: Scheme = field(default_factory=default_scheme, repr=False, compare=False)
    layer_documents: dict[str, int] = field(default_factory=dict)
    identical: bool = False
    warnings: list[Finding] = field(default_factory=list)

    @property
    def nothing(self) -> str:
        """Why nothing was compared; empty where something was."""
        given = zip(self.annotators, self.layers, strict=True)
        told = "; ".join(f"{name} has {', '.join(layers) or 'none'}" for name, layers in given)
        shown = f"nothing to compare: the files share no layer in any document ({told})"
        return "" if self.measures else shown

    unshared: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def readers(self) -> tuple[str, str]:
        """Former name of ``annotators``."""
        return self.annotators

    def _summary(self) -> tuple[str, list[tuple[str, str]]]:
        rows = [(name, estimate(each.value, each.low, each.high)) for name, each in self.measures.items()]
        return f"Agreement of {' and '.join(self.annotators)}, {counted(self.documents, 'document')}", rows

    def as_dict(self) -> dict[str, Any]:
        """The result in the shape of ``retold agree --format json``, ``annotators`` also under their former name."""
        return {
            "signature": self.signature,
            "annotators": list(self.annotators),
            "readers": list(self.annotators),
            "corpus": self.corpus,
            "documents": self.documents,
            "layer_documents": self.layer_documents,
            **({"identical": True} if self.identical else {}),
            **({"nothing": self.nothing} if self.nothing else {}),
            "unshared": {name: list(keys) for name, keys in zip(self.annotators, self.unshared, strict=True)},
            "measures": {name: value.as_dict() for name, value in self.measures.items()},
            "breakdowns": self.breakdowns,
            "disagreements": [item.as_dict() for item in self.disagreements],
            **warnings_as_dict(self.warnings),
        }


def agreement(
    first: Predictions,
    second: Predictions,
    corpus: Corpus | str | Path | None = None,
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> Agreement:
    """Compare two annotators.

    Args:
        first, second: files of records, folders or archives of them, or records in memory. What both have is compared.
        corpus: a corpus folder for the texts, or None for the packaged corpus.
        resamples: bootstrap resamples; 0 leaves the intervals out.
        seed: seed of the resampling.

    Raises:
        FindingsError: a file is malformed or names what the corpus does not have, or the two share no document.
        UnreadableError: a file cannot be read.
    """
    check_resamples(resamples)
    loaded = open_corpus(corpus)
    opened = [open_predictions(path, name) for path, name in ((first, "first"), (second, "second"))]
    warnings: list[Finding] = []
    records = [_read(submission.records, loaded, warnings) for submission in opened]
    shared = records[0].keys() & records[1].keys()
    if not shared:
        only = sorted(records[0].keys() | records[1].keys())
        message = f"the files have no document in common: {', '.join(only[:5]) or 'there are none'}"
        hint, file = "Compare annotations of the same documents.", opened[1].records.name
        raise FindingsError([Finding(code="RT303", severity="error", message=message, hint=hint, file=file)])
    pairs = [(records[0][key], records[1][key]) for key in sorted(shared)]
    names = opened[0].name, opened[1].name
    if names[0] == names[1]:
        names = opened[0].records.name, opened[1].records.name
    made = _Comparison(loaded, pairs, resamples, seed).result(names)
    identical = len({sha256(each.records) for each in opened}) == 1
    alone = tuple(tuple(key for key in theirs if key not in shared) for theirs in records)
    told = list(dict.fromkeys(warnings))
    return replace(made, identical=identical, warnings=told, unshared=(alone[0], alone[1]))


def compared(measure: str, counts: Mapping[str, int | float]) -> tuple[int | float, ...]:
    """What a measure rests on: what each annotator gave, or how many items both labelled."""
    for ending, what in _SIDES.items():
        if measure.endswith(ending):
            return counts[f"first_{what}"], counts[f"second_{what}"]
    if "first" in counts:
        return counts["first"], counts["second"]
    return (sum(amount for key, amount in counts.items() if ":" in key),)


def _read(source: Source, corpus: Corpus, warnings: list[Finding]) -> dict[str, Any]:
    """The records of one annotator by document, checked by the rules for predictions; adds to ``warnings``."""
    findings: list[Finding] = []
    records: dict[str, Any] = {}
    for number, _, record in Records(source, corpus.scheme.decoder, findings.extend):
        key = record.document_id
        document = corpus.documents.get(key)
        if document is None and corpus.bare is None:
            found = [unknown_document(key, corpus.documents, corpus.title)]
        else:
            vocabulary = corpus.vocabulary(document)
            found = corpus.scheme.check(record, role="prediction", document=document, vocabulary=vocabulary)
        findings += located(found, source.name, number)
        records[key] = record
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise FindingsError(errors)
    if ignored := sum(finding.code == "RT408" for finding in findings):
        warnings += located([ignored_spans(ignored, "annotation")], source.name, None)
    warnings += review(corpus, source, "annotation")
    return records


class _LayerAgreement:
    """The counts of one layer."""

    def __init__(self, layer: Layer[Any]) -> None:
        self.layer = layer
        self.units, self.breakdowns = (CountTable(layer.agreement_columns) for _ in range(2))
        self.joined = layer.joined(shared=True)
        self.documents: list[DocumentContext] = []


class _Comparison:
    """Counts of two annotators over some documents."""

    def __init__(self, corpus: Corpus, pairs: Sequence[tuple[Any, Any]], resamples: int, seed: int) -> None:
        self.corpus, self.resamples, self.seed = corpus, resamples, seed
        self.units = unit_kind(len(pairs), paragraphs_known=corpus.bare is None)
        self.layers = {name: _LayerAgreement(layer) for name, layer in corpus.scheme.layers.items()}
        self._found: dict[str, list[Disagreement]] = {}
        contexts = [
            DocumentContext(one.document_id, corpus.documents.get(one.document_id), pool=False, by_document=True)
            for one, _ in pairs
        ]
        order = sorted(range(len(pairs)), key=lambda number: contexts[number].event)
        for event, numbers in groupby(order, key=lambda number: contexts[number].event):
            rest = list(numbers)
            for start in range(0, len(rest), BATCH):
                some = rest[start : start + BATCH]
                self._add(event, [contexts[number] for number in some], [pairs[number] for number in some])
        first, second = (
            tuple(name for name in self.layers if any(getattr(pair[side], name) is not UNSET for pair in pairs))
            for side in (0, 1)
        )
        self.given = first, second
        self.found = [each for one, _ in pairs for each in self._found.get(one.document_id, ())]

    def _add(self, event: str, contexts: list[DocumentContext], pairs: list[tuple[Any, Any]]) -> None:
        asked = {
            name: np.array([UNSET not in (getattr(one, name), getattr(two, name)) for one, two in pairs], np.bool_)
            for name in self.layers
        }
        batch = Batch(event, contexts, self.units, asked)
        for name, counts in self.layers.items():
            if not asked[name].any():
                continue
            layer, given = counts.layer, asked[name].tolist()
            names = layer.names(event, counts.joined)
            for side, builder in enumerate((names.gold, names.predicted)):
                builder.extend(
                    [getattr(pair[side], name) if both else () for pair, both in zip(pairs, given, strict=True)]
                )
            matches = layer.match_annotations(*layer.columns_of(names, batch))
            into = BatchCounts(counts.units, counts.breakdowns, len(contexts))
            layer.count_agreement(matches, into, batch, counts.units, names)
            into.close(batch.units_of_documents(counts.units), batch.groups)
            if layer.clusters:
                counts.joined.extend(batch, matches)
            counts.documents += [context for context, both in zip(contexts, given, strict=True) if both]
            for each in layer.disagreements(matches, batch, names):
                self._found.setdefault(each.document_id, []).append(each)

    def result(self, annotators: tuple[str, str]) -> Agreement:
        """The agreement, computed from the counts."""
        measures: dict[str, AgreementValue] = {}
        breakdowns: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        for name, counts in self.layers.items():
            if not counts.documents:
                continue
            table = counts.units
            totals, amounts = table.real(table.totals()), _amounts(table.totals())
            units = self._unit_names(counts)
            stream = name if counts.layer.keyed and self.units == "paragraph" else "text"
            drawn = table.as_counts(bootstrap_sums(table.matrix(units), self.resamples, self.seed, stream))
            for measure, function in counts.layer.agreement_measures.items():
                amount = compared(measure, amounts)
                # Chance-corrected coefficients are no shares of items.
                trials = 0.0 if measure in ("kappa", "alpha") else sum(amount) / len(amount)
                replicates = function(drawn) if self.resamples else None
                value = bounded(float(function(totals)), replicates, trials, amounts, True, len(units))
                measures[f"{name}.{measure}"] = value
            if counts.layer.clusters:
                measures[CONLL] = self._clusters(counts, units, amounts)
            self._breakdown(counts, breakdowns)
        signature = signature_of(
            self.corpus,
            agreement=f"retold-{__version__}",
            unit=self.units,
            resamples=self.resamples,
            coreference="jackknife",
            seed=self.seed,
        )
        corpus = {"name": self.corpus.name, "version": self.corpus.version, "sha256": self.corpus.digest}
        documents = len({context.document_id for counts in self.layers.values() for context in counts.documents})
        return Agreement(
            signature,
            annotators,
            corpus,
            measures,
            breakdowns,
            self.found,
            documents,
            self.given,
            self.corpus.scheme,
            {name: len(counts.documents) for name, counts in self.layers.items() if counts.documents},
        )

    def _unit_names(self, counts: _LayerAgreement) -> list[str]:
        """Units that are drawn; for text also the paragraphs in which neither annotator marked anything."""
        if counts.layer.keyed or self.units == "document":
            return counts.units.filled()
        documents = {
            c.document_id: c for layer in self.layers.values() if not layer.layer.keyed for c in layer.documents
        }
        return sorted(unit for context in documents.values() for unit in context.paragraph_units())

    def _clusters(
        self, counts: _LayerAgreement, units: Sequence[str], amounts: dict[str, int | float]
    ) -> AgreementValue:
        mentions = counts.joined.finalize()
        point = conll(mentions.overlaps())
        if not units:
            return bounded(float(point[0]), None, 0.0, amounts, True, 0)
        left = mentions.leave_one_out(units)[CONLL]
        drawn = LinearResamples(point, left[:, None])
        for _, moved in bootstrap_products([drawn.influence], len(units), self.resamples, self.seed, "text"):
            drawn.add(*moved)
        return bounded(float(point[0]), drawn.all()[:, 0], 0.0, amounts, True, len(units))

    def _breakdown(self, counts: _LayerAgreement, out: dict[str, dict[str, dict[str, dict[str, Any]]]]) -> None:
        table = counts.breakdowns
        for key in table.names():
            dimension, _, value = key.partition("=")
            row = table.row(key)
            sums = table.real(row)
            found = out.setdefault(dimension, {}).setdefault(value, {})
            for measure, function in counts.layer.agreement_measures.items():
                found[f"{counts.layer.name}.{measure}"] = entry(float(function(sums)), _amounts(row))


def _amounts(totals: Mapping[str, int]) -> dict[str, int | float]:
    return {name.rstrip("~"): amount / FIXED if name.endswith("~") else amount for name, amount in totals.items()}
