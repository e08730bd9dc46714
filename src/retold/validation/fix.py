"""Fixing what has exactly one right answer in a file of records. Everything else is left as it is, and listed.

A file whose offsets, by the ``text`` of its spans, follow another convention throughout is converted to code points.
Apart from that, only what a rule complains of is changed: offsets that are off while the text is once nearby, a text
that differs in form, white space at the edges, a missing key that repeats catalogue or document, a byte-order mark.
Nothing is changed that would make a new finding.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from retold.corpus.load import Corpus
from retold.io.atomic import write_atomic
from retold.io.jsonl import Lookup
from retold.io.sources import Source, open_bytes
from retold.model.alike import differ_only_in, occurrences
from retold.model.annotations import Document
from retold.model.findings import Finding, UnreadableError
from retold.rules import Role
from retold.rules.bytes import BOM, DECODERS, located
from retold.rules.offsets import CONVENTIONS, Convention, cuts_no_word, ones
from retold.validation.validate import sources

__all__ = ["MAX_FILE_SIZE", "Fix", "FixedFile", "fix", "write"]

#: Files are fixed in memory.
MAX_FILE_SIZE: Final = 256 * 1024**2
#: How far a span may be from its text, in characters, if nearly all others are in their places.
NEARBY: Final = 40
#: Share of the spans with text that a convention must explain, or that must be in their places.
_NEARLY_ALL: Final = 0.9
#: Fewest spans that show how a file counts.
_FEWEST: Final = 2
_KEYS: Final = ("start", "end", "text", "kind", "type", "entity", "kb_id", "source", "claim")


@dataclass(frozen=True, slots=True)
class Fix:
    """What was changed in an item: the keys that differ, before and after; none for a byte-order mark."""

    line: int
    pointer: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file before and after, the same if there was nothing to fix."""

    file: str
    before: bytes
    after: bytes
    #: What its offsets were, if not code points.
    convention: str | None = None
    fixes: list[Fix] = field(default_factory=list)
    #: What is still wrong with its records.
    left: list[Finding] = field(default_factory=list)


def fix(path: str | Path, corpus: Corpus, *, role: Role | None = None) -> Iterator[FixedFile]:
    """Yield each file of records at ``path``, fixed. Nothing is written.

    Args:
        path: as for ``validate``: a JSON Lines file, or a folder of such files or with a submission.
        corpus: where documents and keys are looked up.
        role: what the files are; guessed as ``validate`` does if not given.

    Raises:
        UnreadableError: a file cannot be read, is too large, or is not a local JSON Lines file.
        FindingsError: the card of a submission or the corpus itself is invalid.
    """
    for source, its_role in sources(path, corpus, role):
        if source.is_parquet or source.member is not None or "://" in source.path or str(path) == "-":
            raise UnreadableError(f"{source.name}: only local JSON Lines files can be fixed")
        # What only annotations need is not added on a guess.
        yield _fix_file(source, corpus, its_role.role if its_role.certain else "prediction")


def write(fixed: FixedFile) -> None:
    """Replace the file, keeping its permissions; a link is followed."""
    path = Path(fixed.file).resolve()
    mode = path.stat().st_mode
    write_atomic(path, fixed.after)
    path.chmod(mode)


def _fix_file(source: Source, corpus: Corpus, role: Role) -> FixedFile:
    with open_bytes(source.path) as stream:
        before = stream.read(MAX_FILE_SIZE + 1)
    if len(before) > MAX_FILE_SIZE:
        raise UnreadableError(f"{source.name}: larger than {MAX_FILE_SIZE} bytes, cannot be fixed")
    lines = before.split(b"\n")
    records = list(_records(lines, corpus, role, source.path))
    convention = _convention(records)
    if convention is not None:
        converted = [(record, record.converted(convention)) for record in records]
        if any(record.codes(value) - record.codes(record.value) for record, value in converted):
            convention = None
        for record, value in converted if convention else ():
            record.value = value
    changed = True
    while changed:
        # What was fixed may show where the rest belongs.
        state = _others_in_place(records), _all_on_words(records)
        changed = bool(sum(record.fix(*state) for record in records))
    fixes = []
    for record in records:
        found = list(record.fixes())
        if found:
            lines[record.number - 1] = _written(record.line, record.given, record.value)
        fixes += found
    left = [finding for record in records for finding in record.findings(record.value)]
    name = convention.name if convention is not None else None
    return FixedFile(source.path, before, b"\n".join(lines), name, fixes, left)


def _records(lines: list[bytes], corpus: Corpus, role: Role, file: str) -> Iterator[_Record]:
    """The records that are JSON, with their documents; none of a bare gold file has one."""
    with Lookup(corpus.document_lines(), DECODERS["document"].require) as lookup:
        for number, line in enumerate(lines, 1):
            _, findings = corpus.scheme.decoder.decode(line, number=number, file=file)
            if any(found.code.startswith("RT1") and found.code != "RT104" for found in findings):
                continue
            value = json.loads(line.removeprefix(BOM))
            if isinstance(value, dict) and isinstance(value.get("document_id"), str):
                document = lookup.get(value["document_id"])
                yield _Record(corpus, role, file, number, line, value, deepcopy(value), document)


def _written(line: bytes, before: Any, after: Any) -> bytes:
    """A record in the style of its line, so that only the fixes differ."""
    end = b"\r" if line.endswith(b"\r") else b""
    line = line.removeprefix(BOM).removesuffix(b"\r")
    for separators in ((",", ":"), (", ", ": ")):
        for escaped in (False, True):
            if json.dumps(before, ensure_ascii=escaped, separators=separators).encode() == line:
                return json.dumps(after, ensure_ascii=escaped, separators=separators).encode() + end
    return json.dumps(after, ensure_ascii=False, separators=(",", ":")).encode() + end


# The whole file


def _convention(records: list[_Record]) -> Convention | None:
    """The only way to count that explains the texts of a file, None for code points.

    Some spans must have their text by it alone, none without it alone, and nearly all by it; and no more of the spans
    without text may cut words.
    """
    found: list[tuple[Convention, list[Any]]] = []
    spans = [(record, span) for record in records for span in record.spans()]
    plain = [_in_place(record, span, _at(span)) for record, span in spans]
    seen = len(plain) - plain.count(None)
    for convention in (*CONVENTIONS, *_shifts(spans)) if plain.count(False) else ():
        read = [convention.read(record.text, *_at(span)) for record, span in spans]
        placed = [_in_place(record, span, at) for (record, span), at in zip(spans, read, strict=True)]
        pairs = list(zip(plain, placed, strict=True))
        gained, lost = pairs.count((False, True)), pairs.count((True, False))
        cut = [
            (cuts_no_word(record.text, *_at(span)), at is not None and cuts_no_word(record.text, *at))
            for (record, span), at, known in zip(spans, read, plain, strict=True)
            if known is None
        ]
        worse = cut.count((True, False)) > (1 - _NEARLY_ALL) * cut.count((False, True))
        if gained >= _FEWEST and not lost and not worse and placed.count(True) >= _NEARLY_ALL * seen:
            found.append((convention, read))
    return found[0][0] if found and all(read == found[0][1] for _, read in found) else None


def _shifts(spans: list[tuple[_Record, dict[str, Any]]]) -> list[Convention]:
    """The shift that most of the spans with a text that is in its document once have, if any."""
    shifts: Counter[int] = Counter()
    for record, span in spans:
        found = list(occurrences(record.text, given)) if isinstance(given := span.get("text"), str) else []
        shifts.update([span["start"] - found[0]] if len(found) == 1 else [])
    return [Convention(f"positions shifted by {by}", ones, -by, -by) for by, _ in shifts.most_common(1) if by]


def _in_place(record: _Record, span: dict[str, Any], at: tuple[int, int] | None) -> bool | None:
    """Whether a span has its text at these offsets; None if it gives none."""
    given = span.get("text")
    return (at is not None and _same(_slice(record.text, *at), given)) if isinstance(given, str) else None


def _others_in_place(records: list[_Record]) -> bool:
    """Whether nearly all spans with text are in their places, so that one that is not is a slip."""
    placed = [_in_place(record, span, _at(span)) for record in records for span in record.spans()]
    seen, right = len(placed) - placed.count(None), placed.count(True)
    return right >= _FEWEST and right >= _NEARLY_ALL * (seen - 1)


def _all_on_words(records: list[_Record]) -> bool:
    """Whether no span cuts a word, white space at its edges aside."""
    return all(cuts_no_word(r.text, *_inner(r.text, *_at(span))) for r in records for span in r.spans())


def _at(span: dict[str, Any]) -> tuple[int, int]:
    return span["start"], span["end"]


def _inner(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without white space at its edges."""
    words = _slice(text, start, end)
    start += len(words) - len(words.lstrip())
    return start, start + len(words.strip())


def _slice(text: str, start: int, end: int) -> str:
    return text[start:end] if 0 <= start < end <= len(text) else ""


def _same(actual: str, given: str) -> bool:
    """Whether two texts are the same but for their form."""
    return not actual.isspace() and (actual == given != "" or differ_only_in(actual, given) is not None)


# One record


@dataclass
class _Record:
    """A record as it was given, and what became of it."""

    corpus: Corpus
    role: Role
    file: str
    number: int
    line: bytes
    given: dict[str, Any]
    value: dict[str, Any]
    document: Document | None

    @property
    def text(self) -> str:
        return self.document.text if self.document is not None else ""

    def spans(self, value: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Spans that have offsets into a known text."""
        for name, layer in self.corpus.scheme.layers.items():
            items = (value or self.value).get(name) if not layer.keyed and self.document is not None else None
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and type(item.get("start")) is int and type(item.get("end")) is int:
                    yield item

    def findings(self, value: dict[str, Any]) -> list[Finding]:
        decode = self.corpus.scheme.decoder.decode
        record, found = decode(json.dumps(value).encode(), number=self.number, file=self.file)
        if record is not None:
            found = self.corpus.check(record, self.role, self.document)
        return located(found, self.file, self.number)

    def codes(self, value: dict[str, Any]) -> Counter[str]:
        return Counter(found.code for found in self.findings(value))

    def converted(self, convention: Convention) -> dict[str, Any]:
        """The record with its offsets in code points."""
        value = deepcopy(self.value)
        for span in self.spans(value):
            span["start"], span["end"] = convention.read(self.text, *_at(span)) or _at(span)
        return value

    def fix(self, *state: bool) -> bool:
        """Fix what has one right answer and makes no new finding; whether there was anything.

        ``state`` is what the other spans of the file show: whether they are in their places, and cut no word.
        """
        before = self.value
        found = self.findings(before)
        for finding in found:
            self.value = self._fixed(self.value, finding, *state)
        if self.value is before or self._is_better(self.value, before):
            return self.value is not before
        self.value = before
        for finding in found:
            fixed = self._fixed(self.value, finding, *state)
            self.value = fixed if self._is_better(fixed, self.value) else self.value
        return self.value is not before

    def _is_better(self, value: dict[str, Any], than: dict[str, Any]) -> bool:
        new, old = self.codes(value), self.codes(than)
        # Of a record that breaks the schema nothing else is known.
        broken, breaks = (sum(n for code, n in codes.items() if code.startswith("RT2")) for codes in (old, new))
        return breaks < broken or (not new - old and new != old)

    def _fixed(
        self, value: dict[str, Any], finding: Finding, others_in_place: bool, all_on_words: bool
    ) -> dict[str, Any]:
        """The record with one finding fixed, the same if there is not one right answer."""
        parts = (finding.pointer or "").split("/")
        layer = self.corpus.scheme.layers.get(parts[1]) if len(parts) > 2 else None
        item = value[parts[1]][int(parts[2])] if layer is not None and self.document is not None else None
        change: dict[str, Any] | None = None
        if not isinstance(item, dict):
            return value
        if finding.code in ("RT202", "RT510"):
            change = self._missing(layer, item, finding.code)
        elif finding.code in ("RT205", "RT401", "RT402", "RT403"):
            change = self._moved(item, others_in_place)
        elif finding.code == "RT404":
            change = self._trimmed(item, all_on_words)
        if not change:
            return value
        changed = {**item, **change}
        # Where keys are added, all are put in their usual order.
        order = (*_KEYS, *changed) if change.keys() - item else changed
        items = list(value[parts[1]])
        items[int(parts[2])] = {key: changed[key] for key in order if key in changed}
        return {**value, parts[1]: items}

    def _missing(self, layer: Any, item: dict[str, Any], code: str) -> dict[str, Any]:
        """Missing keys that repeat catalogue or document."""
        vocabulary = self.corpus.vocabulary(self.document)
        known = layer.repeated_keys(item, vocabulary) if vocabulary is not None and self.role != "prediction" else {}
        if code == "RT510" and not layer.keyed and cuts_no_word(self.text, item["start"], item["end"]):
            known["text"] = self.text[item["start"] : item["end"]]
        needed = layer.gold_keys
        if code == "RT202":
            needed = [key.name for key in msgspec.structs.fields(layer.plain_type) if key.required]
        return {key: value for key, value in known.items() if key in needed and key not in item}

    def _moved(self, span: dict[str, Any], others_in_place: bool) -> dict[str, Any] | None:
        """A span where its text is, or a text as the document has it."""
        text, start, end, given = self.text, span.get("start"), span.get("end"), span.get("text")
        if type(start) is not int or type(end) is not int or not isinstance(given, str):
            return None
        size, found = len(given.strip()), list(occurrences(text, given.strip()))
        if _same(actual := _slice(text, start, end), given):
            if found and differ_only_in(actual, given) != "white space":
                # The text is elsewhere as it is given.
                return None
            start, end = _inner(text, start, end)
            return {"start": start, "end": end, "text": text[start:end]}
        if len(found) > 1 and not others_in_place:
            # Even an offset that agrees with one of them may do so by chance.
            return None
        near = [at for at in found if abs(at - start) <= NEARBY]
        cut = not cuts_no_word(text, start, end)
        agreeing = [at for at in near if cut and (at == start or at + size == end)]
        if len(agreeing or near) != 1:
            return None
        (at,) = agreeing or near
        # Offsets of other whole words may be right, and the text wrong.
        if not cut and not (end - start == size and at < end and start < at + size):
            return None
        return {"start": at, "end": at + size, "text": text[at : at + size]}

    def _trimmed(self, span: dict[str, Any], all_on_words: bool) -> dict[str, Any] | None:
        """A span without white space at its edges; None if its text is another."""
        start, end = _inner(self.text, *_at(span))
        words, inner = self.text[span["start"] : span["end"]], self.text[start:end]
        if not inner or span.get("text", words) not in (words, inner) or ("text" not in span and not all_on_words):
            return None
        return {"start": start, "end": end, **({"text": inner} if "text" in span else {})}

    def fixes(self) -> Iterator[Fix]:
        """What differs from what was given."""
        if self.line.startswith(BOM):
            yield Fix(self.number, "", {}, {})
        for name in self.corpus.scheme.layers:
            pairs = zip(self.given.get(name) or (), self.value.get(name) or (), strict=True)
            for index, (old, new) in enumerate(pairs):
                if old != new:
                    keys = [key for key in new if key not in old or old[key] != new[key]]
                    before = {key: old[key] for key in keys if key in old}
                    yield Fix(self.number, f"/{name}/{index}", before, {key: new[key] for key in keys})
