"""Reading what users hand in, whatever it is, and writing files whole or not at all."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retold.io import jsonl, submission
from retold.io.atomic import write_atomic
from retold.io.jsonl import Lookup, count_lines, decode_json, read_json, read_jsonl, read_lines
from retold.io.sources import Source, sha256
from retold.io.submission import open_submission
from retold.model.annotations import AnnotationRecord, SubmissionCard
from retold.model.findings import FindingsError, UnreadableError

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
        pytest.param(b"a\nb\n", [(1, b"a"), (2, b"b")], id="lines"),
        pytest.param(b"a\nb", [(1, b"a"), (2, b"b")], id="last-line-without-end"),
        pytest.param(b"a\r\nb\r\n", [(1, b"a"), (2, b"b")], id="crlf"),
        pytest.param(b"a\r\nb", [(1, b"a"), (2, b"b")], id="crlf-and-no-end"),
        pytest.param(b"a\n\n\nb\n", [(1, b"a"), (2, b""), (3, b""), (4, b"b")], id="blank-lines-keep-the-count"),
        pytest.param(b"a\n\r\nb\n", [(1, b"a"), (2, b""), (3, b"b")], id="blank-crlf-line"),
        pytest.param(b"", [], id="empty"),
        pytest.param(
            "a b\u2028c\x0bd\x85e\n".encode(), [(1, "a b\u2028c\x0bd\x85e".encode())], id="only-lf-ends-a-line"
        ),
        pytest.param(b"\xff\xfe\n", [(1, b"\xff\xfe")], id="bytes-are-not-judged-here"),
    ],
)
def test_read_lines_numbers_lines_and_strips_line_ends(
    tmp_path: Path, data: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert list(read_lines(source(written(tmp_path / "x.jsonl", data)))) == expected


def test_count_lines_ignores_blank_lines(tmp_path: Path) -> None:
    assert count_lines(source(written(tmp_path / "x.jsonl", b"a\n\nb"))) == 2


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


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_open_submission_reads_standard_input_as_often_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, record("d1") + b"\n" + record("d2") + b"\n")
    submission = open_submission("-")
    assert (submission.name, submission.records.name) == ("stdin", "<stdin>")
    for _ in range(2):
        assert [r.document_id for r in submission.read()] == ["d1", "d2"]
    assert [r.document_id for r in read_jsonl("-", AnnotationRecord)] == ["d1", "d2"]
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


def test_read_jsonl_names_the_invalid_line(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", record("d1") + b"\n\n{\n")
    with pytest.raises(FindingsError) as caught:
        read_jsonl(path, AnnotationRecord)
    assert (caught.value.findings[0].code, caught.value.findings[0].line) == ("RT102", 3)


def test_read_json_distinguishes_malformed_json_from_wrong_shape(tmp_path: Path) -> None:
    for data, code in ((b"{", "RT102"), (b"{}", "RT201"), (b"\xff", "RT102")):
        with pytest.raises(FindingsError) as caught:
            read_json(written(tmp_path / "x.json", data), SubmissionCard)
        assert caught.value.findings[0].code == code, data[:5]


def test_sha256(tmp_path: Path) -> None:
    # FIPS 180-2, appendix B.1: SHA-256 of "abc".
    assert sha256(written(tmp_path / "x", b"abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- Lookup -----------------------------------------------------------------------------------------------------------

KEYS = [f"d{n}" for n in range(12)]


def decode(line: bytes, number: int) -> AnnotationRecord:
    record: AnnotationRecord = decode_json(msgspec.json.Decoder(AnnotationRecord), line, "gold.jsonl", number)
    return record


def numbered(keys: list[str]) -> Iterator[tuple[int, bytes]]:
    yield from enumerate(map(record, keys), start=1)


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
    lines = iter([(1, record("d1")), (2, b""), (3, b"nonsense")])
    with Lookup(lines, decode) as lookup, pytest.raises(FindingsError) as caught:
        lookup.get("d2")
    assert (caught.value.findings[0].file, caught.value.findings[0].line) == ("gold.jsonl", 3)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_read_lines_of_parquet_drops_nulls(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"document_id": "d1", "entities": [{"start": 0, "end": 2, "type": "PER", "kb_id": None}], "claims": []},
        {"document_id": "d2", "entities": None, "claims": None},
    ]
    lines = list(read_lines(source(parquet(tmp_path / "x.parquet", rows))))
    assert [number for number, _ in lines] == [1, 2]
    assert [json.loads(line) for _, line in lines] == [
        {"document_id": "d1", "entities": [{"start": 0, "end": 2, "type": "PER"}], "claims": []},
        {"document_id": "d2"},
    ]


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_truncated_parquet_is_a_finding(tmp_path: Path, keep: int) -> None:
    path = parquet(tmp_path / "x.parquet", [{"document_id": f"d{n}"} for n in range(50)])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FindingsError) as caught:
        list(read_lines(source(path)))
    assert caught.value.findings[0].code == "RT110"


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


@pytest.mark.parametrize(
    "card",
    [
        pytest.param({"name": "mine"}, id="keys-missing"),
        pytest.param({**CARD, "protocol": "cheating"}, id="unknown-protocol"),
        pytest.param({**CARD, "nmae": "x"}, id="unknown-key"),
    ],
)
def test_open_submission_with_an_invalid_card(tmp_path: Path, card: dict[str, str]) -> None:
    written(tmp_path / "predictions.jsonl", record("d1"))
    written(tmp_path / "submission.json", json.dumps(card).encode())
    with pytest.raises(FindingsError) as caught:
        open_submission(tmp_path)
    assert caught.value.findings[0].file is not None
    assert caught.value.findings[0].file.endswith("submission.json")


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


def test_open_submission_of_a_zip_with_parquet(tmp_path: Path) -> None:
    stored = parquet(tmp_path / "x.parquet", [{"document_id": "d1"}, {"document_id": "d2"}]).read_bytes()
    submission = open_submission(zipped(tmp_path / "x.zip", {"predictions.parquet": stored}))
    assert submission.name == "x"
    assert [r.document_id for r in submission.read()] == ["d1", "d2"]


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
