"""What no single line of a file shows: offsets that cannot be right, names that look alike, texts other than gold's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET

from retold.corpus.load import Corpus, EventFolder
from retold.io.jsonl import Lines, Lookup, read_lines
from retold.io.sources import Source
from retold.model.alike import differ_only_in, look_alike
from retold.model.annotations import Document
from retold.model.findings import Finding, FindingsError
from retold.reading import Key, layers_in
from retold.rules import Role, located
from retold.rules.bytes import DECODERS
from retold.rules.offsets import OffsetStatistics, misplaced_spans
from retold.rules.references import names_look_alike, no_layers
from retold.rules.spans import text_differs_from_gold, texts_elsewhere_in_gold

__all__ = ["review"]

#: Records of a file that are all reviewed. Of the next so many it is every second one, then every third, and so on.
REVIEWED: Final = 500
#: Fewest spans whose texts gold has at other offsets before anything is said.
_FEWEST_ELSEWHERE: Final = 5
#: Share of them in a document among others.
_NEARLY_ALL: Final = 0.8
#: Keys of items that hold names, and what each names.
_NAMES: Final = {"entity": "entity", "source": "entity", "holder": "holder", "target": "target", "claim": "claim"}


def review(corpus: Corpus, source: Source, role: Role, event: EventFolder | None = None) -> list[Finding]:
    """Warnings about what no single line shows, by a sample of the records of a file: the first, and some of the rest.

    They are about offsets that cannot be right, names that look alike and, where there are no documents, texts that
    differ from those of gold. Invalid lines are skipped; reading the file reports them. ``event`` is the one that the
    file is about, if not all of the corpus.
    """
    statistics: dict[str, OffsetStatistics] = {}
    names: dict[str, dict[Any, None]] = {}
    texts = _TextsOfGold()
    read, answered = 0, False
    # Records are joined with documents, or with gold where there are none; what is not asked for is not decoded.
    decoder = DECODERS["document"] if corpus.events else corpus.scheme.decoder
    lines = corpus.document_lines() if event is None else Lines([Source.of(event.documents_file)])
    if corpus.bare is not None:
        lines = Lines([corpus.bare], _is_sampled if corpus.bare.is_parquet else None)
    with (
        suppress(FindingsError, ValueError, RecursionError),
        Lookup(lines, lambda line, *_: msgspec.json.decode(line, type=Key)) as others,
    ):
        for number, line in read_lines(source, _is_sampled):
            record, _ = corpus.scheme.decoder.decode(line, number=None, file="") if line else (None, [])
            if record is None:
                # It may hold what others lack.
                answered = answered or bool(line)
                continue
            read, answered = read + 1, answered or any(layers_in(record))
            names.setdefault("document", {})[record.document_id] = None
            other = others.get(record.document_id) if corpus.events or role != "gold" else None
            other = other and decoder.require(others.line, others.number, others.file)
            for name, layer in corpus.scheme.layers.items():
                items = getattr(record, name) or ()
                for key in [key for key in _NAMES if items and hasattr(items[0], key)]:
                    names.setdefault(_NAMES[key], {}).update(dict.fromkeys(map(attrgetter(key), items)))
                if not layer.keyed and isinstance(other, Document):
                    statistics.setdefault(name, OffsetStatistics()).add(items, other)
                elif not layer.keyed and other is not None:
                    texts.add(number, record.document_id, items, getattr(other, name) or ())
    found = [misplaced_spans(f"{name}: {why}", role) for name, each in statistics.items() if (why := each.message())]
    found += [] if answered or not read or role != "prediction" else [no_layers(read)]
    for what, seen in names.items():
        # A system may name its clusters by the words of the text, as they are written.
        by_words = role == "prediction" and what == "entity"
        if pairs := [
            pair
            for pair in look_alike(name for name in seen if name is not UNSET)
            if not by_words or differ_only_in(*pair) != "case"
        ]:
            found.append(names_look_alike(what, pairs))
    return located(found, source.name) + texts.findings(source.name, role)


def _is_sampled(number: int) -> bool:
    return number % (1 + number // REVIEWED) == 0


@dataclass
class _TextsOfGold:
    """Texts of spans, held against those of gold.

    Attributes:
        shared, differing: spans that gold has at the same offsets with a text, and those with another text.
        known, elsewhere: spans whose text gold has, too, and those that it has at other offsets only.
        documents: the documents of which nearly all are elsewhere, and both numbers there.
        first: the first span of another text: its line, the span and the text of gold.
    """

    shared: int = 0
    differing: int = 0
    known: int = 0
    elsewhere: int = 0
    first: tuple[int, Any, str] | None = None
    documents: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, number: int, document: str, spans: Sequence[Any], gold: Sequence[Any]) -> None:
        """Compare the spans of a record, in line ``number``, with those of gold."""
        before = self.known, self.elsewhere
        texts = {(span.start, span.end): span.text for span in gold if span.text is not UNSET}
        known = set(texts.values())
        for span in spans:
            wanted = texts.get((span.start, span.end))
            self.known += span.text in known
            self.elsewhere += span.text in known and wanted is None
            if wanted is not None and span.text is not UNSET:
                self.shared += 1
                self.differing += wanted != span.text
                if wanted != span.text and self.first is None:
                    self.first = number, span, wanted

        seen, elsewhere = self.known - before[0], self.elsewhere - before[1]
        if elsewhere >= max(_FEWEST_ELSEWHERE, _NEARLY_ALL * seen):
            self.documents[document] = elsewhere, seen

    def findings(self, file: str, role: Role) -> list[Finding]:
        found = []
        if self.first is not None:
            number, span, wanted = self.first
            found += located([text_differs_from_gold(self.differing, self.shared, span, wanted, role)], file, number)
        if self.elsewhere >= max(_FEWEST_ELSEWHERE, self.known / 2):
            found += located([texts_elsewhere_in_gold(self.elsewhere, self.known, role)], file, None)
        elif self.documents:
            elsewhere, known = map(sum, zip(*self.documents.values(), strict=True))
            found += located([texts_elsewhere_in_gold(elsewhere, known, role, [*self.documents])], file, None)
        return found
