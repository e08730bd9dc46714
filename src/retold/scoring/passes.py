"""One pass over a submission beside gold: lines in, counts out, nothing kept of a line that was counted.

A pass reads all lines, or a share of them: lines are dealt out in runs, so that several workers read one file. A share
joins predictions and gold by their place in the files, which holds where both name the same documents in the same
order; where they do not, or anything is at fault, it stumbles, and one pass over everything finds out what is wrong.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from operator import itemgetter
from typing import Any, Final, NoReturn

import msgspec
import numpy as np
from msgspec import UNSET

from retold.corpus.load import Corpus
from retold.io.jsonl import Line, Lookup, read_lines
from retold.io.sources import Source
from retold.layers import claims, entities, stance, verification
from retold.layers.base import Place, Tally
from retold.layers.batches import BATCH, WARM, Batches, Tables
from retold.layers.coreference import MentionTable
from retold.model.annotations import LAYERS, AnnotationRecord, Document, Layer, encode
from retold.model.findings import Finding, FindingsError
from retold.rules import (
    check_record,
    decode_record,
    located,
    missing_documents,
    no_records,
    repeated_document,
    unknown_document,
)
from retold.rules.consistency import TOLERANCE, is_kb_id
from retold.stats.resampling import UnitKind

__all__ = ["Pass", "Stumbled"]

#: Findings after which a file is not read any further.
MAX_FINDINGS: Final = 1000
#: Events whose documents are gathered at the same time.
MAX_EVENTS: Final = 16


_DECODER: Final = msgspec.json.Decoder(AnnotationRecord)
_QUOTE: Final = ord('"')
_NOTHING: Final[Line] = (0, b"")
_Gathered = tuple[int, Place, int, bytes, bytes]


class Stumbled(Exception):
    """A share of the lines cannot be counted by itself."""


class Pass:
    """What one pass has counted.

    Args:
        corpus: the corpus; it may be a bare file of gold.
        units: what is drawn.
        pool: whether units are pooled into groups.
        by_document: whether breakdowns by document are kept.
        allow_missing: whether missing documents are taken as empty.

    Attributes:
        tallies, attributions, mentions: the counts.
        unit_sets: units by stream.
        layers, gold_layers: layers that were seen on either side.
        predicted: documents that give each layer.
        cells: for stance and verification: gold items, answered items, items that gold does not have.
        total, missing: documents.
        seen: line of each document.
    """

    def __init__(self, corpus: Corpus, units: UnitKind, *, pool: bool, by_document: bool, allow_missing: bool) -> None:
        self._corpus, self._units = corpus, units
        self._pool, self._by_document, self._allow_missing = pool, by_document, allow_missing
        self.tallies: dict[Layer, Tally] = {
            "entities": Tally(entities.COLUMNS),
            "stance": Tally(stance.COLUMNS),
            "claims": Tally(claims.COLUMNS),
            "verification": Tally(verification.COLUMNS),
        }
        self.attributions = claims.Attributions()
        self.mentions = MentionTable()
        self.unit_sets: dict[str, set[str]] = {"text": set(), "stance": set(), "verification": set()}
        self.layers: set[Layer] = set()
        self.gold_layers: set[Layer] = set()
        self.predicted: dict[Layer, int] = dict.fromkeys(LAYERS, 0)
        self.cells = {"stance": [0, 0, 0], "verification": [0, 0, 0]}
        self.missing = 0
        self.total = 0
        self.seen: dict[str, int] = {}
        self._name = ""
        self._sharing = False
        self._findings: list[Finding] = []
        self._tables = Tables(
            tallies=self.tallies,
            attributions=self.attributions,
            mentions=self.mentions,
            kb_status=corpus.kb_status,
            mutation=corpus.mutation,
            is_kb_id=is_kb_id,
            tolerance=TOLERANCE,
        )
        #: Documents by the layers that they lack, first those of gold, then those of the submission, as in LAYERS.
        self._layouts: Counter[tuple[bool, ...]] = Counter()
        self._batches: dict[str, Batches] = {}
        #: By event: line number, place, line number in gold, and the lines of gold and prediction, for those that need
        #: a closer look.
        self._gathered: dict[str, list[_Gathered]] = {}

    def whole(self, records: Source) -> None:
        """Count every line.

        Raises:
            FindingsError: the submission is at fault; every finding of the file is named, up to a limit.
            UnreadableError: a file cannot be read.
        """
        self._name = records.name
        missing: list[str] = []
        with (
            Lookup(self._corpus.gold_lines(), AnnotationRecord, self._gold_name()) as gold,
            Lookup(self._corpus.document_lines(), Document, "documents") as documents,
        ):
            for number, line in read_lines(records):
                record, findings = decode_record(line, number=number, file=self._name)
                self._blame(findings)
                if record is not None:
                    self._join(record, line, number, gold, documents)
                if len(self._findings) >= MAX_FINDINGS:
                    break
            else:
                for key, place in gold.repeated:
                    self._refuse_gold(repeated_document(key, self._first_of(key)), place)
                for wanted in gold.rest():
                    if wanted.document_id in self.seen:
                        self._refuse_gold(
                            repeated_document(wanted.document_id, self._first_of(wanted.document_id)), gold.number
                        )
                    missing.append(wanted.document_id)
                    if self._allow_missing:
                        self.missing += 1
                        self.seen[wanted.document_id] = 0
                        empty = AnnotationRecord(document_id=wanted.document_id)
                        document = documents.get(wanted.document_id)
                        self._take(0, wanted, gold.number, gold.line, empty, encode(empty), document)
            self._finish()
        if len(self.seen) == self.missing and not self._findings:
            self._findings += located([no_records()], self._name, None)
        elif missing and not self._allow_missing and len(self._findings) < MAX_FINDINGS:
            self._findings += located([missing_documents(missing)], self._name, None)
        if self._findings:
            raise FindingsError(self._findings)

    def share(self, records: Source, take: Callable[[], int]) -> None:
        """Count the lines that fall to one of several workers.

        Args:
            take: gives the number of the run of ``BATCH`` lines that is to be counted next, each larger than the last.

        Raises:
            Stumbled: the lines of the files do not match, or something is at fault.
        """
        self._name, self._sharing = records.name, True
        decode_document = msgspec.json.Decoder(Document).decode
        with_documents = bool(self._corpus.events)
        try:
            runs = _Runs(take)
            wanted = _dealt(self._corpus.gold_lines(), runs)
            documents = _dealt(self._corpus.document_lines(), runs) if with_documents else None
            # Strict on every side: one line more or less in any file is for one pass over everything to explain.
            pairs = zip(wanted, documents, strict=True) if documents else ((line, _NOTHING) for line in wanted)
            lines = zip(_dealt(read_lines(records), runs), pairs, strict=True)
            for (number, line), ((gold_number, gold_line), (_, document_line)) in lines:
                record, gold = _DECODER.decode(line), _DECODER.decode(gold_line)
                key = record.document_id
                document = decode_document(document_line) if document_line else None
                if key != gold.document_id or key in self.seen or (document and document.document_id != key):
                    raise Stumbled
                self.seen[key] = number
                self._take(number, gold, gold_number, gold_line, record, line, document)
            self._finish()
        except (ValueError, OSError) as error:
            raise Stumbled from error
        if self._findings:
            raise Stumbled

    def merge(self, other: Pass) -> None:
        """Add what another share has counted.

        Raises:
            Stumbled: a document stands in both.
        """
        if self.seen.keys() & other.seen.keys():
            raise Stumbled
        self.seen.update(other.seen)
        for layer, tally in self.tallies.items():
            tally.merge(other.tallies[layer])
        self.attributions.merge(other.attributions)
        self.mentions.merge(other.mentions)
        for stream, units in self.unit_sets.items():
            units |= other.unit_sets[stream]
        self.layers |= other.layers
        self.gold_layers |= other.gold_layers
        for layer in LAYERS:
            self.predicted[layer] += other.predicted[layer]
        for name, sums in self.cells.items():
            sums[:] = [mine + theirs for mine, theirs in zip(sums, other.cells[name], strict=True)]
        self.total += other.total

    def _blame(self, findings: Sequence[Finding]) -> None:
        # Warnings do not keep a file from being scored, and must not count towards the limit.
        self._findings += [finding for finding in findings if finding.severity == "error"]

    def _join(self, record: AnnotationRecord, line: bytes, number: int, gold: Lookup, documents: Lookup) -> None:
        key = record.document_id
        if key in self.seen:
            self._blame(located([repeated_document(key, self.seen[key])], self._name, number))
            return
        wanted = gold.get(key)
        if wanted is None:
            known = list(self._corpus.documents) or list(self.seen)
            self._blame(located([unknown_document(key, known)], self._name, number))
            return
        self.seen[key] = number
        self._take(number, wanted, gold.number, gold.line, record, line, documents.get(key))

    def _gold_name(self) -> str:
        """How messages call the gold file."""
        sources = self._corpus.gold_sources()
        return sources[0].name if len(sources) == 1 else "gold"

    def _refuse_gold(self, fault: Finding, number: int) -> NoReturn:
        """Gold that cannot be scored against is nobody's prediction to mend."""
        raise FindingsError(located([fault], self._gold_name(), number))

    def _first_of(self, document_id: str) -> int:
        """Line of the first gold record of a document."""
        for number, line in self._corpus.gold_lines():
            if line and _DECODER.decode(line).document_id == document_id:
                return number
        return 0

    def _take(
        self,
        number: int,
        gold: AnnotationRecord,
        gold_number: int,
        gold_line: bytes,
        record: AnnotationRecord,
        line: bytes,
        document: Document | None,
    ) -> None:
        """Check and count a document, at once or with others; line 0 stands for one that is missing."""
        if self._corpus.events and document is None:
            self._refuse_gold(unknown_document(gold.document_id, list(self._corpus.documents)), gold_number)
        place = Place(gold.document_id, document, self._units, pool=self._pool, by_document=self._by_document)
        if self._units == "paragraph" or document is not None:
            self._check_gold(gold, gold_number, document)
            scorable, clean = self._is_sound(number, record, document)
            if not clean or self._units == "paragraph":
                if self._sharing:
                    self._look_closer(line, number)
                if scorable:
                    self._count(place, gold, record, document)
                return
        # Without the text, a batch sees by itself what a rule might object to. Of what is gathered only the bytes are
        # kept: records that wait are cold when they are looked at again.
        event = place.event
        batches = self._batches.get(event)
        if batches is None:
            # Documents come event by event; the event that came first has none left, or begins anew.
            if len(self._batches) == MAX_EVENTS:
                self._close(next(iter(self._batches)))
            batches = self._batches[event] = Batches(self._tables, event)
            self._gathered[event] = []
        batches.add(place, gold, record)
        self._gathered[event].append((number, place, gold_number, gold_line, line))
        self._note(place, gold, record)
        if len(batches) >= BATCH:
            self._flush(event)

    def _close(self, event: str) -> None:
        """Count what was gathered of an event, and let it go."""
        self._flush(event)
        batches = self._batches.pop(event)
        del self._gathered[event]
        batches.settle()
        for name, cells in batches.cells.items():
            self.cells[name] = [mine + theirs for mine, theirs in zip(self.cells[name], cells, strict=True)]

    def _flush(self, event: str) -> None:
        gathered, self._gathered[event] = self._gathered[event], []
        batches = self._batches[event]
        left = batches.flush()
        lines = [line for *_, line in gathered]
        if self._sharing and _quotes(lines) != batches.quotes:
            for number, *_, line in gathered:
                self._look_closer(line, number)
        for at in left:
            number, place, gold_number, gold_line, line = gathered[at]
            record, gold = _DECODER.decode(line), _DECODER.decode(gold_line)
            # With the text at hand, the rules have had nothing to say.
            if not self._corpus.events:
                self._check_gold(gold, gold_number, None)
                if not self._is_sound(number, record, None)[0]:
                    continue
            self._count(place, gold, record, None, noted=True)

    def _look_closer(self, line: bytes, number: int) -> None:
        """Look for what the typed decoder accepts and the rules do not, a key that is given twice.

        A record that dropped such a key takes fewer quotes than its line. So lines that together have as few quotes as
        their records need no closer look.
        """
        _, findings = decode_record(line, number=number, file=self._name)
        if findings:
            raise Stumbled

    def _check_gold(self, gold: AnnotationRecord, number: int, document: Document | None) -> None:
        """Refuse gold that no prediction can be compared with: spans that end before they begin, and the like.

        Whether its keys are those of the catalogues is for ``retold validate``.
        """
        found = check_record(gold, role="prediction", document=document, vocabulary=None)
        faults = [finding for finding in found if finding.severity == "error"]
        if faults:
            raise FindingsError(located(faults, self._gold_name(), number))

    def _is_sound(self, number: int, record: AnnotationRecord, document: Document | None) -> tuple[bool, bool]:
        """Whether a record can be scored, and whether no rule has anything to say about it."""
        vocabulary = self._corpus.vocabulary(document)
        found = check_record(record, role="prediction", document=document, vocabulary=vocabulary)
        if not found:
            return True, True
        self._blame(located(found, self._name, number))
        return not any(finding.severity == "error" for finding in found), False

    def _finish(self) -> None:
        for event in list(self._batches):
            self._close(event)
        for absent, documents in self._layouts.items():
            for layer, no_gold, no_answer in zip(LAYERS, absent[: len(LAYERS)], absent[len(LAYERS) :], strict=True):
                if not no_gold:
                    self.gold_layers.add(layer)
                if not no_answer:
                    self.layers.add(layer)
                    self.predicted[layer] += documents
        self._layouts.clear()
        # Batches are checked after later lines were decoded.
        self._findings.sort(key=lambda finding: finding.line or 0)

    def _note(self, place: Place, gold: AnnotationRecord, record: AnnotationRecord) -> None:
        self.total += 1
        if self._units == "document":
            self.unit_sets["text"].add(place.unit_at(0))
        # Documents differ little in which layers they have.
        self._layouts[
            gold.entities is UNSET,
            gold.stance is UNSET,
            gold.claims is UNSET,
            gold.verification is UNSET,
            record.entities is UNSET,
            record.stance is UNSET,
            record.claims is UNSET,
            record.verification is UNSET,
        ] += 1

    def _count(
        self,
        place: Place,
        gold: AnnotationRecord,
        record: AnnotationRecord,
        document: Document | None,
        *,
        noted: bool = False,
    ) -> None:
        if not noted:
            self._note(place, gold, record)
        event = place.event
        if self._units == "paragraph" and document is not None:
            self.unit_sets["text"].update(f"{place.document_id}/{i}" for i in range(max(len(document.paragraphs), 1)))
        if gold.entities is not UNSET:
            given_mentions = record.entities or ()
            entities.count(
                gold.entities,
                given_mentions,
                place,
                self.tallies["entities"],
                lambda mention: self._corpus.kb_status(event, mention),
            )
            self.mentions.add(place, gold.entities, given_mentions)
        if gold.stance is not UNSET:
            given_cells = record.stance or ()
            stance.count(gold.stance, given_cells, place, self.tallies["stance"])
            if self._units == "paragraph":
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
                lambda claim: self._corpus.mutation(event, claim),
            )
            if self._units == "paragraph":
                self.unit_sets["verification"].update(place.unit_of_pair(p.claim) for p in gold.verification)
            self._cover("verification", {p.claim for p in gold.verification}, {p.claim for p in given_pairs})

    def _cover(self, layer: str, wanted: set[Any], given: set[Any]) -> None:
        sums = self.cells[layer]
        for index, amount in enumerate((len(wanted), len(wanted & given), len(given - wanted))):
            sums[index] += amount


def _quotes(lines: Sequence[bytes]) -> int:
    # Some lines at a time, which stay in the processor's cache.
    parts = (b"".join(lines[start : start + WARM]) for start in range(0, len(lines), WARM))
    return sum(int(np.count_nonzero(np.frombuffer(part, np.uint8) == _QUOTE)) for part in parts)


class _Runs:
    """The runs of lines that one worker takes, the same in every file."""

    def __init__(self, take: Callable[[], int]) -> None:
        self._take = take
        self._taken: list[int] = []

    def __getitem__(self, place: int) -> int:
        if place == len(self._taken):
            self._taken.append(self._take())
        return self._taken[place]


def _dealt(lines: Iterator[Line], runs: _Runs) -> Iterator[Line]:
    """The lines of one worker, without blank ones."""
    kept = filter(itemgetter(1), lines)
    run = 0
    for place in count():
        # What others count is passed over without a step of Python's for each line.
        deque(islice(kept, (runs[place] - run) * BATCH), maxlen=0)
        before = next(kept, None)
        if before is None:
            return
        yield before
        yield from islice(kept, BATCH - 1)
        run = runs[place] + 1
