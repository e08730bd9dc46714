"""What a file is that holds no records: packed, a table, the output of another tool, another file of a corpus.

Such a file gets one finding that says so, instead of one for each of its lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from retold.model.findings import Finding
from retold.rules.registry import finding, rule

__all__ = ["HEAD", "foreign_file", "recognize"]

#: How much of the beginning of a file is enough to recognize it, in bytes.
HEAD: Final = 1 << 16
#: How much of a long first line is looked at: its values take many times its size.
_LONGEST: Final = 1 << 22

# What to do. A command that converts a format is named here.
_ROWS: Final = (
    "Write one JSON object a line for each document, with document_id and a list for each layer (schema/ has the "
    "keys); in Python, retold.score takes such dicts as they are."
)
_GATHER: Final = "Gather the items of a document in one record: {keys}."
_MENTIONS: Final = (
    'Gather the mentions of a document in one record, {"document_id": ..., "entities": [{"start": ..., "end": ..., '
    '"type": ...}]}: rename entity_group or label to type, leave out score, index and word.'
)
_LABELS: Final = "Write each label, as its string, into the record of its document, beside the keys that it is about."
_OFFSETS: Final = "Records count characters: give each span start and end in the text of the document. " + _ROWS
_UNPACK: Final = "Unpack it ({command}) and name the unpacked file."
_ENCODING: Final = "Save it as UTF-8."
_ONE_LINE: Final = "Write each record on a line of its own (jq -c {what} FILE > FILE.jsonl)."
_ITEMS: Final = _GATHER.format(keys="document_id and, for each layer, a list of items with the keys that schema/ lists")
_CORPUS: Final = "Validate its corpus folder as a whole: retold validate FOLDER."

#: First bytes of a file -> what it is, what to do.
_MAGIC: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\x1f\x8b", "a gzip file", _UNPACK.format(command="gunzip FILE")),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK.format(command="unzstd FILE")),
    (b"\xfd7zXZ\x00", "an xz file", _UNPACK.format(command="unxz FILE")),
    (b"BZh", "a bzip2 file", _UNPACK.format(command="bunzip2 FILE")),
    (b"\x04\x22\x4d\x18", "an LZ4 file", _UNPACK.format(command="unlz4 FILE")),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK.format(command="7z x FILE")),
    (b"Rar!", "a RAR archive", _UNPACK.format(command="unrar x FILE")),
    (b"PK\x03\x04", "a zip archive or an office file", "Name an archive with .zip; export a table as JSON."),
    (b"PAR1", "a Parquet file", "Name it with .parquet."),
    (b"ARROW1", "an Arrow file", "Write it as Parquet, and name it with .parquet."),
    (b"\xff\xff\xff\xff", "an Arrow stream, as datasets saves it", "Write it as Parquet: dataset.to_parquet(...)."),
    (b"SQLite format 3\x00", "an SQLite database", _ROWS),
    (b"\x93NUMPY", "a NumPy array", _ROWS),
    (b"%PDF-", "a PDF file", _ROWS),
    *((bytes((0x80, version)), "a Python pickle", _ROWS) for version in range(2, 6)),
    (b"\xff\xfe\x00\x00", "text in UTF-32", _ENCODING),
    (b"\x00\x00\xfe\xff", "text in UTF-32", _ENCODING),
    (b"version https://git-lfs", "a pointer of Git LFS", "Fetch the file that it stands for: git lfs pull."),
)

_LAYERS: Final = {"entities", "stance", "claims", "verification"}
_PANDAS: Final = "a table as pandas writes it"
_TO_JSON: Final = 'Write a record on each line: frame.to_json(FILE, orient="records", lines=True).'
_COLUMNS: Final = "an object of lists, one list a column"
_PIPELINE: Final = "output of a Hugging Face pipeline"
#: Keys of the items of each layer.
_ITEM_KEYS: Final = ({"start", "end"}, {"holder", "target"}, {"claim", "verdict"}, {"label"})


def _has(*keys: str) -> Callable[[dict[str, Any]], bool]:
    return lambda row: row.keys() >= set(keys)


def _by_document(row: dict[str, Any]) -> bool:
    return bool(row) and all(isinstance(value, dict) and value.keys() & _LAYERS for value in row.values())


def _items_by_document(row: dict[str, Any]) -> bool:
    return bool(row) and all(isinstance(items, list) and "start" in _first(items) for items in row.values())


def _first(items: Any) -> dict[str, Any]:
    """The first object of a list, empty if there is none."""
    return items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}


def _mentions(row: dict[str, Any]) -> tuple[str, str] | None:
    """Mentions as other tools give them, in a record or by themselves."""
    items: Any = row.get("entities") if "document_id" in row else [row]
    lists = isinstance(items, list) and items and isinstance(items[0], list) and isinstance(row["document_id"], str)
    if lists and items[0] and isinstance(items[0][0], int):
        return "mentions as lists", _MENTIONS
    first = _first(items)
    if "start" in first and ("entity_group" in first or first.keys() >= {"word", "score"}):
        return _PIPELINE, _MENTIONS
    known = "start" in first and "label" in first and "type" not in first
    return ("mentions as GLiNER and spaCy give them", _MENTIONS) if known else None


#: Of a JSON object that is no record: how it is recognized, what it is, what to do. The first that fits counts.
_OBJECTS: Final[tuple[tuple[Callable[[dict[str, Any]], bool], str, str], ...]] = (
    (lambda row: isinstance(row.get("document_id"), list), _COLUMNS, _ROWS),
    (lambda row: isinstance(row.get("document_id"), dict) or row.keys() >= {"columns", "data"}, _PANDAS, _TO_JSON),
    (_has("schema", "data"), _PANDAS, _TO_JSON),
    (_by_document, "one object with a record for each document", _ROWS),
    (_items_by_document, "one object with a list of items for each document", _ITEMS),
    (
        lambda row: len(row) == 1 and "document_id" in _first(next(iter(row.values()))),
        "one object around a list of records",
        _ONE_LINE.format(what="'.[][]'"),
    ),
    (lambda row: "custom_id" in row or "messages" in row, "input or output of a language model", _ROWS),
    (
        lambda row: {"id", "fold"} <= row.keys() or "stated_in" in row,
        "rows of a view of the corpus (views/)",
        _ITEMS + " The labels of the views are in gold.jsonl as records.",
    ),
    (_has("sequence", "labels", "scores"), _PIPELINE, _LABELS),
    (lambda row: row.keys() == {"label", "score"}, _PIPELINE, _LABELS),
    (lambda row: "tokens" in row or {"words", "tags"} <= row.keys() or "ner_tags" in row, "tokens with tags", _OFFSETS),
    (_has("document_id", "text", "zones"), "documents of a corpus", _CORPUS),
    (_has("entity", "name", "kb_status"), "a catalogue of entities", _CORPUS),
    (_has("claim", "text", "mutation_of"), "a catalogue of claims", _CORPUS),
    (_has("event", "holders", "targets"), "the card of an event", _CORPUS),
    (_has("document_id", "layer", "item", "decision"), "decisions of an adjudication", _CORPUS),
    (_has("name", "protocol"), "the card of a submission", "Name its folder, or its file of predictions."),
    (_has("version", "files", "sha256"), "the list of a release", _CORPUS),
    (_has("signature"), "a result of retold", "Name the submission that was scored."),
    (
        lambda row: "document_id" in row and bool(row.keys() & {"quote", "sentence"}),
        "quotes of an annotator",
        "Turn them into records with offsets: retold corpus import-quotes.",
    ),
    (lambda row: "layers" in row, "the manifest of a corpus", "Give it as --manifest."),
    (
        lambda row: "document_id" in row and any(row.keys() >= keys for keys in _ITEM_KEYS),
        "one item of a document on each line",
        _ITEMS,
    ),
    (lambda row: "annotations" in row or "completions" in row, "tasks of an annotation tool", _ROWS),
    (
        lambda row: "text" in row and bool(row.keys() & {"label", "labels", "ents", "spans", "entities", "relations"}),
        "texts with labels, as annotation tools export them",
        _ROWS,
    ),
)
#: The first line of a table of settings, or a setting.
_SETTINGS: Final = re.compile(r"\[{1,2}[A-Za-z_][\w.-]*\]{1,2}\s*$|[A-Za-z_][\w.-]* *= *\S", re.MULTILINE)
_TAG: Final = re.compile(r"[ \t](O|[BIESLUM]-\S+|_)$")


def recognize(head: bytes) -> tuple[str, str] | None:
    """What a file is, and what to do with it, from its first bytes; None for records, or if that is not clear.

    Args:
        head: about the first ``HEAD`` bytes; a longer first line may be whole.
    """
    for magic, what, hint in _MAGIC:
        if head.startswith(magic):
            return what, hint
    head = head[:_LONGEST].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK.format(command="tar xf FILE")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    if b"\x00" in head[:1024] and (head[:1] != b"{" or head[1:2] == b"\x00"):
        # Of what is ASCII, every second byte is 0.
        wide = any(head[at:1024:2].isascii() and not head[at:1024:2].strip(b"\x00") for at in (0, 1))
        return ("text in UTF-16", _ENCODING) if wide and head.strip(b"\x00") else ("binary data", _ROWS)
    # The last character may be cut.
    text = head.decode("utf-8", "replace")
    if head[:1] >= b"\x80" and "\ufffd" in text[:64]:
        return "binary data, or text that is not UTF-8", _ROWS
    if text.startswith("[") and not _SETTINGS.match(text):
        return _of_array(text)
    if text.startswith("{"):
        return _of_object(text)
    return _of_text(text)


def _of_array(text: str) -> tuple[str, str] | None:
    inner = text[1:].lstrip()
    first = _first_value(inner)
    if isinstance(first, list):
        first = first[0] if first else None
    if isinstance(first, dict):
        return _known(first) or (
            "a JSON array of objects",
            _ONE_LINE.format(what="'.[]'") if "document_id" in first else _ROWS,
        )
    whole = first is not None or inner.startswith("]")
    return ("a JSON array", _ROWS) if whole or re.match(r'\{\s*"', inner) else None


def _of_object(text: str) -> tuple[str, str] | None:
    row = _first_value(text)
    if isinstance(row, dict) and (found := _known(row)):
        return found
    if re.match(r"\{\s*'", text):
        return "Python objects as repr() prints them", "Write each record with json.dumps()."
    if isinstance(row, dict) and re.match(r"\s*,\s*(\{|$)", text[json.JSONDecoder().raw_decode(text)[1] :]):
        return "records with commas between them", "Write each record on a line of its own, without the comma."
    if re.match(r'\{\s*"document_id"\s*:\s*\[', text):
        return _COLUMNS, _ROWS
    many_lines = re.match(r'\{[ \t\r]*\n\s*"', text)
    return ("one JSON object over many lines", _ONE_LINE.format(what=".")) if many_lines else None


def _known(row: dict[str, Any]) -> tuple[str, str] | None:
    if isinstance(row.get("document_id"), str) and row.keys() & _LAYERS:
        # A record, which may have a key too many.
        return _mentions(row)
    return _mentions(row) or next(((what, hint) for fits, what, hint in _OBJECTS if fits(row)), None)


def _first_value(text: str) -> Any:
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _of_text(text: str) -> tuple[str, str] | None:
    lines = [line.rstrip("\r") for line in text.split("\n")[:50] if line.strip()]
    if lines and lines[0].startswith("```"):
        return "records in a Markdown fence", "Remove the lines that begin with ```."
    if not lines or any(line.startswith("{") for line in lines):
        # Records, the first of which is damaged.
        return None
    if lines[0].startswith("<"):
        return "XML or HTML", _ROWS
    if lines[0].startswith('"{') or (re.match(r'"|-?\d|[ntf]', lines[0]) and all(map(_is_json, lines[:5]))):
        return "JSON values that are not objects", _ROWS
    if len(lines[0]) >= 16 and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", lines[0]) and re.search(r"[\d+/=]", lines[0]):
        return "text in Base64", _UNPACK.format(command="base64 -d FILE")
    if _SETTINGS.match(lines[0]):
        return "TOML or another file of settings", _ROWS
    if re.match(r"[TAREN]\d+\t", lines[0]):
        return "annotations of brat", _OFFSETS
    if lines[0].startswith(("-DOCSTART-", "#begin document", "# sent_id", "# text", "# newdoc")) or all(
        _TAG.search(line) for line in lines[:5]
    ):
        return "columns of tokens with tags (CoNLL)", _OFFSETS
    for sign, what in (("\t", "a table with tabs (TSV)"), (",", "a table with commas (CSV)"), (";", "a table (CSV)")):
        # A row may have the sign in a quoted text as well, a head has names.
        if re.fullmatch(rf'"?[\w.-]+( [\w.-]+)*"?({sign}"?[\w.-]*( [\w.-]+)*"?)+', lines[0][:4000]):
            return what, _ROWS
    return "plain text", _ROWS


@rule("RT114")
def foreign_file(what: str, hint: str) -> Finding:
    """The file holds no records, but something that can be named: packed data, a table, the output of another tool.

    It is reported once; each of its lines would break the schema in the same way.
    Example: `{"document_id": ["flood-0", "flood-1"], "entities": [[], []]}` - an object of lists, one list a column.
    Hint: Write one JSON object a line for each document.
    """
    return finding("RT114", f"expected records, found {what}", hint=hint)
