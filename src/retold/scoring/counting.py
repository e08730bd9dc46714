"""Counting: one pass over a submission beside gold.

A line is decoded, checked by the rules, turned into counts and forgotten. Kept for each system are rows of integers by
unit, and seven integers for each mention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import UNSET

from retold.corpus import Corpus
from retold.files import Lookup, Submission, count_lines, read_lines
from retold.findings import Finding, FindingsError
from retold.measures import Array
from retold.records import LAYERS, AnnotationRecord, Document, Layer
from retold.resampling import POOL, UnitKind, unit_kind
from retold.rules import (
    check_record,
    decode_record,
    located,
    missing_documents,
    no_records,
    repeated_document,
    unknown_document,
)
from retold.tasks import Place, Tally, claims, entities, stance, verification
from retold.tasks.coreference import Mentions, MentionTable

__all__ = ["BY_DOCUMENT", "TRACK_LAYERS", "SystemCounts", "count"]

#: Layers whose gold a system must compete in for a track.
TRACK_LAYERS: Final[Mapping[str, tuple[Layer, ...]]] = {
    "entities": ("entities",),
    "stance": ("stance",),
    "claims": ("claims", "verification"),
}
#: Breakdowns by document are kept up to this many documents.
BY_DOCUMENT: Final = 1000
#: Findings after which a file is not read any further.
MAX_FINDINGS: Final = 1000


@dataclass
class SystemCounts:
    """All that is kept of a system once its file has been read.

    Attributes:
        system: its name.
        protocol: what it saw, as its card says; empty where there is no card.
        layers: layers that it competes in.
        gold_layers: layers that gold has.
        units: what is drawn: text units, and the units of labels without a place (stance, verification).
        pooled: whether units were joined into groups, which are drawn in their place.
        unit_names: the units of each table, the same for every system.
        tallies: counts of each table.
        mentions: mentions as integers, for coreference.
        coverage: how much of gold was predicted.
        allow_missing: whether missing documents were taken as empty.
    """

    system: str
    protocol: str
    units: UnitKind
    allow_missing: bool
    pooled: bool = False
    layers: set[Layer] = field(default_factory=set)
    gold_layers: set[Layer] = field(default_factory=set)
    unit_names: dict[str, list[str]] = field(default_factory=dict)
    tallies: dict[Layer, Tally] = field(default_factory=dict)
    mentions: Mentions = field(default_factory=lambda: MentionTable().settle())
    coverage: dict[str, Any] = field(default_factory=dict)

    def competes(self, track: str) -> bool:
        """Whether the system gives every layer of a track that gold has."""
        wanted = [layer for layer in TRACK_LAYERS[track] if layer in self.gold_layers]
        return bool(wanted) and all(layer in self.layers for layer in wanted)

    def stream(self, layer: Layer) -> str:
        """Name of the random stream of a table's units: tables with the same units are drawn together."""
        return "text" if self.units == "document" or layer in ("entities", "claims") else layer

    def matrix(self, layer: Layer) -> Array:
        """Counts of a table over its units, shape (units, columns)."""
        return self.tallies[layer].units.matrix(self.unit_names[self.stream(layer)])


def count(submission: Submission, corpus: Corpus, *, allow_missing: bool = False) -> SystemCounts:
    """Read a submission beside gold, one line at a time, and count.

    Raises:
        FindingsError: the submission is at fault; every finding of the file is named, up to a limit.
        UnreadableError: a file cannot be read.
    """
    return _Counter(submission, corpus, allow_missing).run()


class _Counter:
    """The pass over the files."""

    def __init__(self, submission: Submission, corpus: Corpus, allow_missing: bool) -> None:
        self.submission, self.corpus = submission, corpus
        documents = sum(count_lines(source) for source in corpus.gold_sources())
        self.units = unit_kind(documents, paragraphs_known=corpus.bare is None)
        self.pool = self.units == "document" and documents > POOL
        self.by_document = documents <= BY_DOCUMENT
        card = submission.card
        self.counts = SystemCounts(submission.name, card.protocol if card else "", self.units, allow_missing, self.pool)
        self.tallies = self.counts.tallies = {
            "entities": Tally(entities.COLUMNS),
            "stance": Tally(stance.COLUMNS),
            "claims": Tally(claims.COLUMNS),
            "verification": Tally(verification.COLUMNS),
        }
        self.attributions = claims.Attributions()
        self.mentions = MentionTable()
        self.unit_sets: dict[str, set[str]] = {"text": set(), "stance": set(), "verification": set()}
        self.cells = {"stance": [0, 0, 0], "verification": [0, 0, 0]}
        self.predicted: dict[Layer, int] = dict.fromkeys(LAYERS, 0)
        self.missing = 0
        self.total = 0
        self.findings: list[Finding] = []

    def run(self) -> SystemCounts:
        name = self.submission.records.name
        seen: dict[str, int] = {}
        with (
            Lookup(self.corpus.gold_lines(), AnnotationRecord, "gold") as gold,
            Lookup(self.corpus.document_lines(), Document, "documents") as documents,
        ):
            for number, line in read_lines(self.submission.records):
                record, findings = decode_record(line, number=number, file=name)
                self.findings += findings
                if record is not None:
                    self._one(record, number, name, seen, gold, documents)
                if len(self.findings) >= MAX_FINDINGS:
                    break
            missing = []
            for wanted in gold.rest():
                missing.append(wanted.document_id)
                if self.counts.allow_missing:
                    self.missing += 1
                    document = documents.get(wanted.document_id)
                    self._count(wanted, AnnotationRecord(document_id=wanted.document_id), document)
        if not seen and not self.findings:
            self.findings += located([no_records()], name, None)
        elif missing and not self.counts.allow_missing and len(self.findings) < MAX_FINDINGS:
            self.findings += located([missing_documents(missing)], name, None)
        errors = [finding for finding in self.findings if finding.severity == "error"]
        if errors:
            raise FindingsError(errors)
        return self._finish()

    def _one(
        self, record: AnnotationRecord, number: int, name: str, seen: dict[str, int], gold: Lookup, documents: Lookup
    ) -> None:
        key = record.document_id
        if key in seen:
            self.findings += located([repeated_document(key, seen[key])], name, number)
            return
        wanted = gold.get(key)
        if wanted is None:
            known = list(self.corpus.documents) or list(seen)
            self.findings += located([unknown_document(key, known)], name, number)
            return
        seen[key] = number
        document = documents.get(key)
        vocabulary = self.corpus.vocabulary(document)
        found = check_record(record, role="prediction", document=document, vocabulary=vocabulary)
        if found:
            self.findings += located(found, name, number)
        if not any(finding.severity == "error" for finding in found):
            self._count(wanted, record, document)

    def _count(self, gold: AnnotationRecord, record: AnnotationRecord, document: Document | None) -> None:
        place = Place(gold.document_id, document, self.units, pool=self.pool, by_document=self.by_document)
        self.total += 1
        event = place.event
        if self.units == "document":
            self.unit_sets["text"].add(place.unit_at(0))
        elif document is not None:
            self.unit_sets["text"].update(f"{place.document_id}/{i}" for i in range(max(len(document.paragraphs), 1)))
        for layer in LAYERS:
            if getattr(gold, layer) is not UNSET:
                self.counts.gold_layers.add(layer)
            if getattr(record, layer) is not UNSET:
                self.counts.layers.add(layer)
                self.predicted[layer] += 1
        if gold.entities is not UNSET:
            given_mentions = record.entities or ()
            entities.count(
                gold.entities,
                given_mentions,
                place,
                self.tallies["entities"],
                lambda mention: self.corpus.kb_status(event, mention),
            )
            self.mentions.add(place, gold.entities, given_mentions)
        if gold.stance is not UNSET:
            given_cells = record.stance or ()
            stance.count(gold.stance, given_cells, place, self.tallies["stance"])
            if self.units == "paragraph":
                self.unit_sets["stance"].update(place.unit_of_pair(c.holder, c.target) for c in gold.stance)
            self._cover(
                "stance", {(c.holder, c.target) for c in gold.stance}, {(c.holder, c.target) for c in given_cells}
            )
        if gold.claims is not UNSET:
            claims.count(gold.claims, record.claims or (), place, self.tallies["claims"], self.attributions)
        if gold.verification is not UNSET:
            given_pairs = record.verification or ()
            verification.count(
                gold.verification,
                given_pairs,
                place,
                self.tallies["verification"],
                lambda claim: self.corpus.mutation(event, claim),
            )
            if self.units == "paragraph":
                self.unit_sets["verification"].update(place.unit_of_pair(p.claim) for p in gold.verification)
            self._cover("verification", {p.claim for p in gold.verification}, {p.claim for p in given_pairs})

    def _cover(self, layer: str, wanted: set[Any], given: set[Any]) -> None:
        sums = self.cells[layer]
        for index, amount in enumerate((len(wanted), len(wanted & given), len(given - wanted))):
            sums[index] += amount

    def _finish(self) -> SystemCounts:
        self.counts.mentions = self.mentions.settle()
        references = self.counts.mentions.references()
        self.attributions.settle(
            self.tallies["claims"],
            lambda event, name: references.get((event, name), name),
        )
        self.counts.unit_names = {stream: sorted(units) for stream, units in self.unit_sets.items()}
        self.counts.coverage = {
            "documents": {"gold": self.total, "predicted": self.total - self.missing, "missing": self.missing},
            "layers": {layer: self.predicted[layer] for layer in LAYERS if layer in self.counts.layers},
            **{
                layer: {"gold": wanted, "predicted": given, "missing": wanted - given, "extra": extra}
                for layer, (wanted, given, extra) in self.cells.items()
            },
        }
        return self.counts
