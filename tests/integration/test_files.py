"""Reading what users hand in, whatever it is, and writing files whole or not at all."""

from __future__ import annotations

import base64
import bz2
import errno
import gzip
import io
import json
import lzma
import os
import re
import shutil
import socket
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

import retold
from retold.corpus.load import load_corpus
from retold.corpus.quotes import QuotedPair
from retold.io import jsonl, submission
from retold.io.atomic import write_atomic
from retold.io.jsonl import Line, Lines, Lookup, count_lines, read_all, read_lines, read_one
from retold.io.sources import Source, sha256
from retold.io.submission import open_submission
from retold.model.findings import FindingsError, UnreadableError
from retold.rules.bytes import DECODERS, LineDecoder
from retold.scoring.score import score
from retold.validation.validate import validate
from tiny import TEXTS, gold_of, write_release, write_tiny_corpus

CARD = {"name": "mine", "protocol": "zero-shot", "corpus_version": "0.1.0"}


def source(path: Path) -> Source:
    return Source(path.name, str(path))


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def record(name: str) -> bytes:
    return json.dumps({"document_id": name, "entities": []}).encode()


# --- Lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *((data, [b"a", b"b"]) for data in (b"a\nb\n", b"a\nb", b"a\r\nb\r\n", b"a\r\nb")),
        # Blank lines keep the count, only a line feed ends a line, and bytes are not judged here.
        (b"a\n\n\r\nb\n", [b"a", b"", b"", b"b"]),
        ("a b\u2028c\x0bd\x85e\n".encode(), ["a b\u2028c\x0bd\x85e".encode()]),
        (b"\xff\xfe\n", [b"\xff\xfe"]),
        (b"", []),
    ],
)
def test_read_lines_numbers_lines_and_strips_line_ends(tmp_path: Path, data: bytes, expected: list[bytes]) -> None:
    path = source(written(tmp_path / "x.jsonl", data))
    assert list(read_lines(path)) == list(enumerate(expected, 1))
    assert count_lines(path) == len([line for line in expected if line])


def test_read_lines_refuses_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE", 10)
    lines = read_lines(source(written(tmp_path / "x.jsonl", b"short\n" + b"x" * 1000 + b"\nshort\n")))
    assert next(lines) == (1, b"short")
    with pytest.raises(FindingsError) as caught:
        next(lines)
    (finding,) = caught.value.findings
    assert (finding.code, finding.severity, finding.file, finding.line) == ("RT106", "error", "x.jsonl", 2)


# --- What cannot be read ----------------------------------------------------------------------------------------------


def test_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="folder"):
        list(read_lines(source(tmp_path)))
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(UnreadableError, match="regular file"):
        list(read_lines(source(tmp_path / "pipe.jsonl")))
    with pytest.raises(UnreadableError, match="regular file"):
        open_submission(tmp_path / "pipe.jsonl")


def test_read_lines_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.jsonl", b"{}")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # Root may read every file, so the refusal is played.
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableError, match="Permission denied"):
        list(read_lines(source(path)))


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "no-such-scheme://somewhere/x.jsonl"])
def test_open_submission_with_an_impossible_file_name_or_scheme(name: str) -> None:
    with pytest.raises(UnreadableError):
        open_submission(name)


def test_open_submission_reads_urls_with_fsspec() -> None:
    import fsspec

    with fsspec.open("memory://retold-test/x.jsonl", "wb") as stream:
        stream.write(record("d1") + b"\n")
    submission = open_submission("memory://retold-test/x.jsonl")
    assert submission.name == "x"
    assert [r.document_id for r in submission.read()] == ["d1"]


@pytest.mark.parametrize(
    "url",
    [
        *("memory://retold-test/none.jsonl", "reference://x", "zip://x.jsonl::none.zip", "dir://x", "data://", "://"),
        *("hf://datasets/none/none/x.jsonl", "github://none:none@none/x.jsonl", "no-such-scheme://x"),
    ],
)
def test_a_url_that_cannot_be_read_is_unreadable_whatever_its_driver_raises(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    for refused in (lambda: open_submission(url), lambda: retold.load_corpus(url), lambda: validate(url)):
        with pytest.raises(UnreadableError, match=re.escape(url)):
            refused()


def test_a_url_that_fails_while_it_is_read_is_unreadable() -> None:
    import fsspec
    from fsspec.implementations.memory import MemoryFile

    with fsspec.open("memory://retold-test/torn.jsonl", "wb") as stream:
        stream.write(record("d1") * 100_000)
    with (
        Source.of("memory://retold-test/torn.jsonl").open() as stream,
        mock.patch.object(MemoryFile, "read", side_effect=KeyError("connection lost")),
        pytest.raises(UnreadableError, match=r"memory://retold-test/torn\.jsonl: cannot be read"),
    ):
        stream.read()


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_open_submission_reads_standard_input_as_often_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, record("d1") + b"\n" + record("d2") + b"\n")
    submission = open_submission("-")
    assert (submission.name, submission.records.name) == ("stdin", "<stdin>")
    for _ in range(2):
        assert [r.document_id for r in submission.read()] == ["d1", "d2"]
    assert [r.document_id for r in read_all("-", DECODERS["record"])] == ["d1", "d2"]
    standard_input(monkeypatch, record("d3"))
    assert [r.document_id for r in open_submission("-").read()] == ["d3"]


def test_open_submission_with_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UnreadableError, match="standard input is closed"):
        open_submission("-")


def test_open_submission_reads_parquet_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, parquet(tmp_path / "x.parquet", [{"document_id": "d1"}]).read_bytes())
    assert [r.document_id for r in open_submission("-").read()] == ["d1"]


# --- Typed files ------------------------------------------------------------------------------------------------------


def test_read_all_names_the_invalid_line(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", record("d1") + b"\n\n{\n")
    with pytest.raises(FindingsError) as caught:
        read_all(path, DECODERS["record"])
    assert (caught.value.findings[0].code, caught.value.findings[0].line) == ("RT102", 3)


#: Every file of a corpus but the views, and the card of a submission.
FILES = [
    *("corpus.json", "release.json", "mine/submission.json", "events/flood/event.json"),
    *(f"events/flood/{name}.jsonl" for name in ("documents", "entities", "claims", "gold")),
    *("events/flood/annotators/reader-1.jsonl", "events/flood/annotators/adjudication.jsonl"),
]
#: What is wrong with the first object of a file, and the code that says so. Each has a first key that holds a string.
FAULTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "not UTF-8": (lambda data: data.replace(b'": "', b'": "\xff', 1), "RT101"),
    "truncated": (lambda data: data[: len(data) // 3], "RT102"),
    "something after it": (lambda data: data.rstrip().replace(b"\n", b" {}\n", 1) + b" {}", "RT102"),
    "a key twice": (lambda data: b"{" + data[1 : data.index(b",") + 1] + data[1:], "RT103"),
    "a byte-order mark": (lambda data: b"\xef\xbb\xbf" + data, "RT104"),
    "half a character": (lambda data: data.replace(b'": "', b'": "\\ud83d', 1), "RT107"),
    "a huge integer": (lambda data: data[: -1 - data.endswith(b"\n")] + b', "n": 9007199254740993}', "RT108"),
    "NaN": (lambda data: b"{" + b'"n": NaN,' + data[1:], "RT109"),
    "another type": (lambda data: data[: data.index(b":") + 1] + b"null" + data[data.index(b",") :], "RT201"),
    "an unknown key": (lambda data: b"{" + b'"n": 1,' + data[1:], "RT203"),
}


def with_every_file(folder: Path) -> Path:
    write_tiny_corpus(folder)
    item = {"document_id": "flood-0", "layer": "claims", "item": "1:2"}
    decision = {**item, "readers": {}, "decision": None, "reason": "never given"}
    decided = folder / "events" / "flood" / "annotators" / "adjudication.jsonl"
    written(decided, (json.dumps(decision) + "\n").encode())
    written(folder / "corpus.json", b'{"name": "tiny", "version": "1.0.0"}')
    write_release(folder)
    written(folder / "release.json", json.dumps(json.loads((folder / "release.json").read_bytes())).encode())
    (folder / "mine").mkdir()
    written(folder / "mine" / "submission.json", json.dumps(CARD).encode())
    written(folder / "mine" / "predictions.jsonl", record("flood-0") + b"\n" + record("flood-1") + b"\n")
    return folder


def messages_about(file: Path, folder: Path) -> list[tuple[str, str]]:
    """Code and message of all that ``validate`` says of a file, whether it reports or refuses."""
    try:
        card = file.name == "submission.json"
        findings = validate([file.parent] if card else None, load_corpus(folder)).findings
    except FindingsError as error:
        findings = error.findings
    return [(found.code, found.message) for found in findings if found.file == str(file)]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_file_is_read_as_strictly_with_the_same_messages(tmp_path: Path, fault: str) -> None:
    spoil, code = FAULTS[fault]
    folder = with_every_file(tmp_path)
    said = set()
    for file in FILES:
        path = folder / file
        whole = path.read_bytes()
        path.write_bytes(spoil(whole))
        about = messages_about(path, folder)
        path.write_bytes(whole)
        assert code in [each for each, _ in about], (file, about)
        said |= {message for each, message in about if each == code}
    assert len({re.split("[:'\"]", message)[0] for message in said}) == 1, said
    # The decoder's own words name types of Python, and paths that no pointer is.
    assert not any("`" in message or "$" in message for message in said)


@pytest.mark.parametrize("file", ["documents.jsonl", "gold.jsonl"])
def test_scoring_names_the_file_of_the_corpus_that_is_at_fault(tmp_path: Path, file: str) -> None:
    write_tiny_corpus(tmp_path)
    # A second event, so that there are several files of gold and of documents.
    first, second = (tmp_path / "events" / name for name in ("flood", "storm"))
    shutil.copytree(first, second)
    for path in [*second.glob("*.json*"), *second.glob("annotators/*")]:
        path.write_bytes(path.read_bytes().replace(b"flood", b"storm"))
    path = second / file
    path.write_bytes(path.read_bytes().replace(b'": "', b'": 5, "x": "', 1))
    with pytest.raises(FindingsError) as caught:
        score([{"document_id": f"{event}-{n}"} for event in ("flood", "storm") for n in range(2)], tmp_path)
    assert {(found.code, found.file, found.line) for found in caught.value.findings} == {
        ("RT201", str(path), 1),
        ("RT203", str(path), 1),
    }


@pytest.mark.parametrize("file", [file for file in FILES if file.endswith(".json")])
def test_an_empty_file_of_one_object_is_an_error(tmp_path: Path, file: str) -> None:
    folder = with_every_file(tmp_path)
    for data in (b"", b" \n\n"):
        (folder / file).write_bytes(data)
        assert messages_about(folder / file, folder) == [("RT111", "the file is empty")]


def test_scripts_and_records_of_a_submission_are_read_by_the_same_reader(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", b'{"document_id": "a", "document_id": "b"}\n')
    for read in (lambda: list(open_submission(path).read()), lambda: read_all(path, LineDecoder(QuotedPair))):
        with pytest.raises(FindingsError) as caught:
            read()
        assert caught.value.findings[0].code == "RT103"


def test_the_place_of_a_fault_in_a_pretty_printed_file(tmp_path: Path) -> None:
    path = written(tmp_path / "x.json", b'{\n  "name": "mine",\n  "team": x\n}\n')
    with pytest.raises(FindingsError) as caught:
        read_one(path, DECODERS["submission"])
    (found,) = caught.value.findings
    assert (found.line, found.column) == (3, 11)


@pytest.mark.parametrize(
    ("value", "said"), [(None, "null"), (False, "false"), ([True, None], "[true, null]"), ({"a": None}, "{'a': null}")]
)
def test_messages_show_json(value: object, said: str) -> None:
    line = json.dumps({"document_id": value}).encode()
    _, findings = DECODERS["record"].decode(line, number=1, file="f")
    assert findings[0].message == f"expected a string, got {said}"


def test_sha256(tmp_path: Path) -> None:
    # FIPS 180-2, appendix B.1: SHA-256 of "abc".
    assert sha256(written(tmp_path / "x", b"abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- Lookup -----------------------------------------------------------------------------------------------------------

KEYS = [f"d{n}" for n in range(12)]


decode = DECODERS["record"].require


class Numbered(Lines):
    """Lines in memory."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        super().__init__([Source("gold.jsonl", "")])
        self.lines = lines

    def __iter__(self) -> Iterator[Line]:
        yield from enumerate(self.lines, start=1)


def numbered(keys: list[str]) -> Lines:
    return Numbered(map(record, keys))


@settings(deadline=None)
@given(st.permutations(KEYS), st.permutations(KEYS), st.integers(0, len(KEYS)))
def test_lookup_in_any_order(stored: list[str], asked: list[str], amount: int) -> None:
    with Lookup(numbered(stored), decode) as lookup:
        assert [lookup.get(key).document_id for key in asked[:amount]] == asked[:amount]  # type: ignore[union-attr]
        assert sorted(r.document_id for r in lookup.rest()) == sorted(asked[amount:])


def test_lookup_in_file_order_spools_nothing() -> None:
    with Lookup(numbered(KEYS), decode) as lookup:
        for key in KEYS:
            assert lookup.get(key) is not None
        assert lookup._spool is None


def test_lookup_of_an_unknown_document() -> None:
    with Lookup(numbered(KEYS), decode) as lookup:
        assert lookup.get("nobody") is None
        assert [lookup.get(key).document_id for key in KEYS] == KEYS  # type: ignore[union-attr]
        assert lookup.get(KEYS[0]) is None  # taken already


def test_lookup_names_the_invalid_line() -> None:
    with Lookup(Numbered([record("d1"), b"", b"nonsense"]), decode) as lookup, pytest.raises(FindingsError) as caught:
        lookup.get("d2")
    assert (caught.value.findings[0].file, caught.value.findings[0].line) == ("gold.jsonl", 3)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_read_lines_of_parquet_drops_nulls_but_those_that_are_values(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"document_id": "d1", "entities": [{"start": 0, "end": 2, "type": "PER", "kb_id": None}], "claims": []},
        {"document_id": "d2", "entities": None, "claims": None},
    ]
    lines = list(read_lines(source(parquet(tmp_path / "x.parquet", rows))))
    assert [number for number, _ in lines] == [1, 2]
    assert [json.loads(line) for _, line in lines] == [
        {"document_id": "d1", "entities": [{"start": 0, "end": 2, "type": "PER", "kb_id": None}], "claims": []},
        {"document_id": "d2"},
    ]


def parquet_of(path: Path, entity: pa.Array, lists: Callable[..., pa.Array] = pa.ListArray.from_arrays) -> Path:
    """One document with two mentions whose entities are a column of any type."""
    offsets = pa.array([0, 2], pa.int32() if lists is pa.ListArray.from_arrays else pa.int64())
    columns = [pa.array([0, 2]), pa.array([1, 3], pa.uint8()), pa.array(["PER", "PER"]), entity]
    mentions = pa.StructArray.from_arrays(columns, names=["start", "end", "type", "entity"])
    pq.write_table(pa.table({"document_id": ["d1"], "entities": lists(offsets, mentions)}), path)
    return path


def refusals_of(path: Path) -> list[tuple[str, str, int | None]]:
    """Code, message and row of what validating and scoring a file of one document say, which is the same."""
    gold = {"document_id": "d1", "entities": [{"start": 0, "end": 1, "type": "PER", "entity": "e"}]}
    corpus = load_corpus(written(path.with_name("gold.jsonl"), json.dumps(gold).encode()))
    with pytest.raises(FindingsError) as caught:
        score(path, corpus, resamples=0)
    reported = validate([path], corpus, role="prediction").findings
    found = [[(each.code, each.message, each.line) for each in some] for some in (caught.value.findings, reported)]
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    "entity",
    [
        pa.array(["e", "f"]),
        pa.array(["e", "f"], pa.large_string()),
        pa.array(["e", "f"]).dictionary_encode(),
        pa.array(["e", None]),
        pa.nulls(2),
    ],
    ids=lambda array: str(array.type).partition("<")[0],
)
@pytest.mark.parametrize("lists", [pa.ListArray.from_arrays, pa.LargeListArray.from_arrays])
def test_parquet_types_that_json_has_are_read(tmp_path: Path, entity: pa.Array, lists: Callable[..., pa.Array]) -> None:
    path = parquet_of(tmp_path / "x.parquet", entity, lists)
    (made,) = open_submission(path).read()
    assert [mention.entity for mention in made.entities] == [value or UNSET for value in entity.to_pylist()]


@pytest.mark.parametrize(
    "entity",
    [
        pa.array([b"e", b"f"]),
        pa.array([b"e", b"f"], pa.large_binary()),
        pa.array([b"ee", b"ff"], pa.binary(2)),
        pa.array([b"e", b"f"]).dictionary_encode(),
        pa.array([0, 1], pa.timestamp("us")),
        pa.array([0, 1], pa.date32()),
        pa.array([0, 1], pa.time64("us")),
        pa.array([1, 2], pa.decimal128(5, 2)),
        pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
        pa.array([[b"e"], []], pa.list_(pa.binary())),
    ],
    ids=lambda array: str(array.type).partition("(")[0],
)
def test_a_parquet_type_that_json_does_not_have_is_one_finding(tmp_path: Path, entity: pa.Array) -> None:
    ((code, message, row),) = refusals_of(parquet_of(tmp_path / "x.parquet", entity))
    assert (code, row) == ("RT201", None)
    assert message.startswith("column 'entities.entity' has type ")


@pytest.mark.parametrize("nested", [False, True])
def test_a_parquet_column_given_twice_is_refused(tmp_path: Path, nested: bool) -> None:
    if nested:
        columns = [pa.array([0]), pa.array([1]), pa.array(["PER"]), pa.array(["GPE"])]
        mentions = pa.StructArray.from_arrays(columns, names=["start", "end", "type", "type"])
        table = pa.table({"document_id": ["d1"], "entities": pa.ListArray.from_arrays(pa.array([0, 1]), mentions)})
    else:
        columns = [pa.array(["d1"]), pa.array([[]]), pa.array([[]])]
        table = pa.Table.from_arrays(columns, ["document_id", "entities", "entities"])
    pq.write_table(table, tmp_path / "x.parquet")
    ((code, message, _),) = refusals_of(tmp_path / "x.parquet")
    assert (code, message) == ("RT103", f"duplicate column '{'entities.type' if nested else 'entities'}'")


def test_a_parquet_string_that_is_not_utf8_is_named_with_its_row(tmp_path: Path) -> None:
    keys = pa.array([b"d1", b"d2", b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"document_id": keys}), tmp_path / "x.parquet")
    with pytest.raises(FindingsError) as caught:
        list(read_lines(source(tmp_path / "x.parquet")))
    assert [(found.code, found.line) for found in caught.value.findings] == [("RT101", 3)]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_nan_is_refused_in_parquet_and_in_memory_as_in_json(tmp_path: Path, number: float) -> None:
    scores = {"favor": number, "against": 0.0, "none": 0.0}
    rows: list[dict[str, object]] = [
        {"document_id": "d", "stance": [{"holder": "a", "target": "x", "label": "none", "scores": scores}]}
    ]
    gold = load_corpus(written(tmp_path / "gold.jsonl", b'{"document_id": "d", "stance": []}'))
    lines = written(tmp_path / "x.jsonl", json.dumps(rows[0]).encode())
    for predictions in (parquet(tmp_path / "x.parquet", rows), lines, rows):
        with pytest.raises(FindingsError) as caught:
            score(predictions, gold, resamples=0)
        assert [(found.code, found.pointer) for found in caught.value.findings] == [("RT109", "/stance/0/scores/favor")]


@pytest.mark.parametrize("value", [b"e", date(2024, 5, 6), Decimal(1), object()])
def test_records_in_memory_hold_json_values_only(tmp_path: Path, value: object) -> None:
    gold = load_corpus(written(tmp_path / "gold.jsonl", b'{"document_id": "d", "entities": []}'))
    records = [{"document_id": "d", "entities": [{"start": 0, "end": 1, "type": "PER", "entity": value}]}]
    with pytest.raises(FindingsError) as caught:
        score(records, gold)
    assert [(found.code, found.file, found.line) for found in caught.value.findings] == [("RT201", "<system>", 1)]


def test_an_unknown_parquet_column_is_one_finding_even_if_it_is_empty(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"document_id": f"d{n}", "entites": None} for n in range(3)]
    with pytest.raises(FindingsError) as caught:
        list(read_lines(source(parquet(tmp_path / "x.parquet", rows))))
    (found,) = caught.value.findings
    assert (found.code, found.pointer, found.hint) == ("RT203", "/entites", "Did you mean 'entities'?")


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()], ids=str)
def test_numbers_of_any_precision_are_numbers(tmp_path: Path, kind: pa.DataType) -> None:
    values = [pa.array(np.array([value], kind.to_pandas_dtype())) for value in (0.5, 0.25, 0.25)]
    scores = pa.StructArray.from_arrays(values, names=["a", "b", "c"])
    cells = pa.StructArray.from_arrays([scores], names=["scores"])
    table = pa.table({"document_id": ["d"], "stance": pa.ListArray.from_arrays(pa.array([0, 1]), cells)})
    pq.write_table(table, tmp_path / "x.parquet")
    ((_, line),) = read_lines(source(tmp_path / "x.parquet"))
    assert json.loads(line)["stance"] == [{"scores": {"a": 0.5, "b": 0.25, "c": 0.25}}]


def test_valid_gold_in_parquet_has_no_findings(tmp_path: Path) -> None:
    # The tiny corpus has a mention whose kb_id is null.
    corpus = load_corpus(write_tiny_corpus(tmp_path / "tiny"))
    path = parquet(tmp_path / "gold.parquet", [gold_of(key) for key in TEXTS])
    assert validate([path], corpus, role="gold").findings == []


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_truncated_parquet_is_a_finding(tmp_path: Path, keep: int) -> None:
    path = parquet(tmp_path / "x.parquet", [{"document_id": f"d{n}"} for n in range(50)])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FindingsError) as caught:
        list(read_lines(source(path)))
    assert caught.value.findings[0].code == "RT110"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [("gold.parquet", b"PAR1 torn", "RT110"), ("gold.jsonl", b"", "RT111"), ("gold.jsonl", b"\n\n", "RT111")],
)
def test_gold_that_holds_nothing_is_at_fault_and_not_the_predictions(
    tmp_path: Path, name: str, data: bytes, code: str
) -> None:
    gold = written(tmp_path / name, data)
    for use in (lambda: score([{"document_id": "d1"}], gold), lambda: validate(None, gold)):
        with pytest.raises(FindingsError) as caught:
            use()
        assert [(found.code, found.file) for found in caught.value.findings] == [(code, str(gold))]


# --- Submissions ------------------------------------------------------------------------------------------------------


def test_open_submission_names_a_file_by_its_stem(tmp_path: Path) -> None:
    submission = open_submission(written(tmp_path / "my-system.jsonl", record("d1")))
    assert (submission.name, submission.card) == ("my-system", None)
    assert [r.document_id for r in submission.read()] == ["d1"]


def test_open_submission_reads_the_card_of_a_folder(tmp_path: Path) -> None:
    written(tmp_path / "predictions.jsonl", record("d1"))
    assert open_submission(tmp_path).name == tmp_path.name
    written(tmp_path / "submission.json", json.dumps(CARD).encode())
    submission = open_submission(tmp_path)
    assert submission.name == "mine"
    assert submission.card is not None
    assert submission.card.protocol == "zero-shot"


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("folder", ["", "mine/", "a/b/"])
def test_open_submission_of_a_zip(tmp_path: Path, folder: str) -> None:
    members = {f"{folder}predictions.jsonl": record("d1"), f"{folder}submission.json": json.dumps(CARD).encode()}
    submission = open_submission(zipped(tmp_path / "x.zip", members))
    assert submission.name == "mine"
    assert [r.document_id for r in submission.read()] == ["d1"]


def test_open_submission_ignores_the_case_of_extensions(tmp_path: Path) -> None:
    stored = parquet(tmp_path / "A.PARQUET", [{"document_id": "d1"}])
    archive = zipped(tmp_path / "B.ZIP", {"Predictions.PARQUET": stored.read_bytes()})
    for path in (stored, archive):
        assert [r.document_id for r in open_submission(path).read()] == ["d1"]


LINK = zipfile.ZipInfo("predictions.jsonl")
LINK.external_attr = 0o120777 << 16
#: Members of an archive, and why it is refused.
REFUSED_ZIPS: list[tuple[list[tuple[str | zipfile.ZipInfo, bytes]], str]] = [
    ([("a/predictions.jsonl", record("d1")), ("b/predictions.jsonl", record("d2"))], "more than one"),
    ([("readme.txt", b"hello")], "neither"),
    ([("../../predictions.jsonl", b"{}\n")], "outside the archive"),
    ([("/etc/predictions.jsonl", b"{}\n")], "outside the archive"),
    ([(LINK, b"/etc/passwd")], "is a link"),
    ([("predictions.jsonl", record("d1"))] * 2, "several members of the same name"),
    # A million blank lines pack to a thousandth; the limit on lines alone would let them pass.
    ([("predictions.jsonl", b"\n" * 1_000_000)], "200 times"),
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("members", "why"), REFUSED_ZIPS, ids=[why for _, why in REFUSED_ZIPS])
def test_open_submission_refuses_a_zip(
    members: list[tuple[str | zipfile.ZipInfo, bytes]], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "MAX_LINE", 100_000)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    with pytest.raises(UnreadableError, match=why):
        open_submission(tmp_path / "x.zip")


def test_open_submission_of_an_invalid_zip(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="zip"):
        open_submission(written(tmp_path / "x.zip", b"PK\x03\x04 and then something else"))
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(UnreadableError, match="folder"):
        open_submission(tmp_path / "folder.zip")


@pytest.mark.parametrize("at", [80, 300, 900])
def test_damaged_zip(tmp_path: Path, at: int) -> None:
    # Bytes inside the compressed member are overwritten; what zlib, or the checksum, says is one kind of error.
    lines = b"".join(record(f"d{os.urandom(6).hex()}") + b"\n" for _ in range(100))
    path = zipped(tmp_path / "x.zip", {"predictions.jsonl": lines})
    data = bytearray(path.read_bytes())
    data[at : at + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(UnreadableError):
        list(read_lines(open_submission(path).records))


def test_encrypted_zip(tmp_path: Path) -> None:
    # Bit 0 of the general purpose flag means encrypted (APPNOTE 4.4.4): at 6 of a local header, 8 of a central one.
    members = {"predictions.jsonl": record("d1"), "submission.json": json.dumps(CARD).encode()}
    path = zipped(tmp_path / "x.zip", members)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 1)
    path.write_bytes(data)
    with pytest.raises(UnreadableError):
        list(read_lines(open_submission(path).records))


# --- Files of no records ----------------------------------------------------------------------------------------------

ROWS = [json.loads(record(key)) for key in ("d1", "d2", "d3")]
PIPELINE = {"entity_group": "PER", "score": 0.9, "word": "Ann", "start": 0, "end": 3}
VIEW = {"id": "d1/stance/0", "event": "e", "document_id": "d1", "fold": "d1", "holder": "h", "label": 0}


def json_lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


#: Name -> content, what it is said to be, part of the advice.
FOREIGN: dict[str, tuple[bytes, str, str]] = {
    "a.jsonl.gz": (gzip.compress(json_lines(*ROWS)), "gzip", "gunzip"),
    "a.jsonl.XZ": (lzma.compress(json_lines(*ROWS)), "xz", "unxz"),
    "a.jsonl.bz2": (bz2.compress(json_lines(*ROWS)), "bzip2", "bunzip2"),
    # The frame of RFC 8878 begins with its magic number.
    "a.jsonl.zst": (b"\x28\xb5\x2f\xfd" + bytes(200), "Zstandard", "unzstd"),
    "zipped.jsonl": (b"PK\x03\x04" + bytes(200), "zip", ".zip"),
    "named.jsonl": (b"PAR1" + bytes(200), "Parquet", ".parquet"),
    "named.parquet": (json_lines(*ROWS), "JSON Lines", ".jsonl"),
    "a.csv": (b'document_id,start,end,type\nd1,0,1,"PER, or so"\n' * 9, "(CSV)", "JSON object a line"),
    "excel.csv": (b"\xef\xbb\xbfdocument_id;start\r\nd1;0\r\n", "(CSV)", "retold.score"),
    "a.TSV": (b"document_id\tstart\tend\nd1\t0\t1\n", "(TSV)", "JSON object a line"),
    "conll2003.txt": (b"-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n", "CoNLL", "characters"),
    "columns.txt": (b"EU\tB-ORG\nrejects\tO\nGerman\tB-MISC\n\ncall\tO\n", "CoNLL", "characters"),
    "a.ann": (b"T1\tPER 0 3\tAnn\nT2\tPER 4 6\tBo\n", "brat", "characters"),
    "a.xml": (b"<?xml version='1.0'?>\n<doc>\n</doc>\n", "XML", "JSON object a line"),
    "article.txt": (b"The mayor spoke.\nShe said, at last, what it costs.\n", "plain text", "JSON object a line"),
    "array.json": (json.dumps(ROWS).encode(), "JSON array", "jq -c '.[]'"),
    "array-of-lines.json": (
        b"[\n" + json_lines(*ROWS).replace(b"}\n{", b"},\n{") + b"]\n",
        "JSON array",
        "jq -c '.[]'",
    ),
    "indented.json": (json.dumps(ROWS, indent=2).encode(), "JSON array", "jq -c '.[]'"),
    "one.json": (json.dumps(ROWS[0], indent=2).encode(), "over many lines", "jq -c ."),
    "columns.json": (
        json_lines({"document_id": ["d1", "d2"], "entities": [[], []]}),
        "object of lists",
        "each document",
    ),
    "by-key.json": (json_lines({"d1": {"entities": []}, "d2": {"entities": []}}), "record for each document", "a line"),
    "view.jsonl": (json_lines(VIEW, VIEW), "view of the corpus", "gold.jsonl"),
    "pipeline.jsonl": (json_lines(PIPELINE, PIPELINE), "Hugging Face pipeline", "rename entity_group or label to type"),
    "lists.jsonl": (
        json_lines([PIPELINE], [PIPELINE]),
        "Hugging Face pipeline",
        "rename entity_group or label to type",
    ),
    "pipeline-in-records.jsonl": (
        json_lines({"document_id": "d1", "entities": [PIPELINE, PIPELINE]}),
        "Hugging Face pipeline",
        "rename entity_group or label to type",
    ),
    "classified.jsonl": (json_lines({"label": "favor", "score": 0.9}), "Hugging Face pipeline", "label"),
    "tokens.jsonl": (json_lines({"tokens": ["EU"], "ner_tags": [3]}), "tokens with tags", "characters"),
    "doccano.jsonl": (
        json_lines({"id": 1, "text": "Ann", "label": [[0, 3, "PER"]]}),
        "annotation tools",
        "JSON object",
    ),
    "documents.jsonl": (
        json_lines({"document_id": "d1", "text": "", "zones": []}),
        "documents",
        "retold validate FOLDER",
    ),
    "submission.json": (json_lines(CARD), "card of a submission", "Name its folder"),
    "binary": (bytes(range(256)) * 20, "binary", "JSON object"),
    "zeros": (bytes(100), "found binary data", "JSON object"),
    # A map of msgpack: 0x81 one pair, 0xab a string of 11 bytes, 0xa1 one of 1.
    "a.msgpack": (b"\x81\xabdocument_id\xa1a", "binary data", "JSON object"),
    "utf-32.jsonl": ("\ufeff{}".encode("utf-32-le"), "UTF-32", "UTF-8"),
    "utf-16.jsonl": (json_lines(*ROWS).decode().encode("utf-16-le"), "UTF-16", "UTF-8"),
    "pointer.jsonl": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n",
        "Git LFS",
        "git lfs pull",
    ),
    "strings.jsonl": (json_lines("a", "b"), "JSON values that are not objects", "JSON object"),
    "numbers.jsonl": (json_lines(1, 2), "JSON values that are not objects", "JSON object"),
    "encoded.jsonl": (base64.b64encode(json_lines(*ROWS)), "Base64", "base64 -d"),
    "blank-lines.xml": (b"\n\n<doc/>\n", "XML", "JSON object"),
    "items.jsonl": (json_lines({"document_id": "d1", "start": 0, "end": 3, "type": "PER"}), "one item", "Gather"),
    "wrapped.json": (json_lines({"predictions": ROWS}), "around a list of records", "jq -c '.[][]'"),
    "lists.json": (json_lines({"d1": [{"start": 0, "end": 3}]}), "list of items for each document", "Gather"),
    "split.json": (json_lines({"columns": ["document_id"], "index": [0], "data": [["d1"]]}), "pandas", "to_json"),
    "frame.json": (json_lines({"document_id": {"0": "d1"}, "entities": {"0": []}}), "pandas", "to_json"),
    "batch.jsonl": (json_lines({"custom_id": "d1", "response": {}}), "language model", "JSON object"),
    "repr.jsonl": (f"{ROWS[0]}\n{ROWS[1]}\n".encode(), "repr()", "json.dumps"),
    "commas.jsonl": (json_lines(*ROWS).replace(b"}\n", b"},\n"), "commas between", "without the comma"),
    "fence.md": (b"```json\n" + json_lines(*ROWS) + b"```\n", "Markdown fence", "Remove the lines"),
    "a.toml": (b'[a]\nb = "c"\n', "TOML", "JSON object"),
    "gliner.jsonl": (
        json_lines({"document_id": "d1", "entities": [{"start": 0, "end": 3, "label": "PER", "score": 0.9}]}),
        "GLiNER",
        "label to type",
    ),
    "triples.jsonl": (json_lines({"document_id": "d1", "entities": [[0, 3, "PER"]]}), "mentions as lists", '"start"'),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_no_records_gives_one_finding_that_names_it(name: str, tmp_path: Path) -> None:
    data, what, advice = FOREIGN[name]
    path = written(tmp_path / name, data)
    (found,) = validate(path).findings
    assert (found.code, found.file, found.line) == ("RT114", str(path), 1)
    assert what in found.message
    assert advice in found.hint
    # As predictions and as gold, for every command.
    for refused in (lambda: retold.score(path), lambda: retold.load_corpus(path), lambda: retold.agreement(path, path)):
        with pytest.raises(FindingsError) as caught:
            refused()
        assert [each.code for each in caught.value.findings] == ["RT114"]


@pytest.mark.parametrize("key", ["entites", "text", "tokens", "signature", "fold"])
def test_a_record_with_a_key_too_many_is_a_record(key: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", json_lines({"document_id": "macron-coalition-0", "entities": [], key: []}))
    assert [found.code for found in validate(path).findings] == ["RT203"]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (["sub\\predictions.jsonl"], "backslashes"),
        (["predictions.jsonl.gz"], "predictions.jsonl.gz; rename or unpack"),
        (["predictions.CSV", "submission.json"], "but predictions.CSV; rename"),
    ],
)
def test_what_is_there_instead_of_predictions_is_named(members: list[str], says: str, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", dict.fromkeys(members, b"{}"))
    for member in members:
        written(tmp_path / member, b"{}")
    archive_and_folder = [archive, tmp_path] if "\\" not in members[0] else [archive]
    for path in archive_and_folder:
        with pytest.raises(UnreadableError, match=re.escape(says)):
            open_submission(path)


def test_numbers_of_labels_and_keys_of_other_formats_are_answered(tmp_path: Path) -> None:
    cell = {"holder": "macron", "target": "hamas", "label": 2}
    mention = {"start": 0, "end": 6, "entity_type": "GPE"}
    line = json_lines({"document_id": "macron-coalition-0", "entities": [mention], "stance": [cell]})
    hints = {found.pointer: found.hint for found in validate(written(tmp_path / "x.jsonl", line)).findings}
    assert hints["/stance/0/label"].endswith(": 0 is favor, 1 is against, 2 is none.")
    assert hints["/entities/0/entity_type"] == "Rename it to 'type'."


# --- Writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", ["Zażółć\n", "Zażółć\n".encode(), ["Zaż".encode(), "ółć\n".encode()]])
def test_write_atomic_takes_text_bytes_and_iterables(tmp_path: Path, pieces: object) -> None:
    path = tmp_path / "new" / "folder" / "x.txt"
    write_atomic(path, pieces)  # type: ignore[arg-type]
    assert path.read_bytes() == "Zażółć\n".encode()


def test_write_atomic_interrupted_leaves_the_old_file(tmp_path: Path) -> None:
    path = written(tmp_path / "x.txt", b"old")

    def pieces() -> Iterator[bytes]:
        yield b"new" * 100_000
        assert path.read_bytes() == b"old"  # readers see the old file while the new one is written
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, pieces())
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def test_write_atomic_applies_the_umask(tmp_path: Path) -> None:
    path, plain = tmp_path / "x.txt", written(tmp_path / "plain.txt", b"")
    write_atomic(path, "x")
    assert path.stat().st_mode == plain.stat().st_mode


def test_open_submission_of_a_zip_by_url(tmp_path: Path) -> None:
    path = zipped(tmp_path / "mine.zip", {"mine/predictions.jsonl": record("d1")})
    for place in (path, path.as_uri()):
        assert [r.document_id for r in open_submission(place).read()] == ["d1"]


def test_write_atomic_follows_links(tmp_path: Path) -> None:
    target, link = written(tmp_path / "target", b"old"), tmp_path / "link"
    link.symlink_to(target)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_write_atomic_to_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(pipe.read_bytes)
        write_atomic(pipe, [b"a\n", b"b\n"])
        assert reading.result(timeout=30) == b"a\nb\n"
    assert pipe.is_fifo()
