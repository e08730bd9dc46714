"""Small files that unpack to very much: memory, time and output stay bounded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retold.io import parquet
from retold.io.jsonl import read_lines
from retold.io.sources import Source
from retold.model.findings import FindingsError
from retold.rules import bytes as rules
from retold.rules.bytes import DECODERS

resource = pytest.importorskip("resource")

#: Bounds of one command: bytes of data, seconds of the processor, characters of output.
MEMORY, SECONDS, OUTPUT = 600 * 1024**2, 30, 2_000_000


def spans(count: int, start: str) -> bytes:
    """A record of so many spans that end at 1."""
    span = b'{"start":%s,"end":1,"type":"PER"}' % start.encode()
    return b'{"document_id":"d","entities":[%s]}\n' % b",".join([span] * count)


def rows(*sizes: int, entity: str = "e") -> pa.Table:
    """Documents of so many mentions, all of which are the same."""
    total = sum(sizes)
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(total, np.int32)), pa.array([entity]))
    types = pa.DictionaryArray.from_arrays(names.indices, pa.array(["PER"]))
    numbers = [pa.array(np.full(total, value)) for value in (0, 1)]
    mentions = pa.StructArray.from_arrays([*numbers, types, names], names=["start", "end", "type", "entity"])
    offsets = pa.array(np.cumsum([0, *sizes]), pa.int32())
    keys = [f"d{number or ''}" for number in range(len(sizes))]
    return pa.table({"document_id": keys, "entities": pa.ListArray.from_arrays(offsets, mentions)})


def parquet_file(path: Path, table: pa.Table) -> Path:
    # Without Arrow's own schema, a dictionary of the file is unpacked when it is read.
    pq.write_table(table, path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 1024**2
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


#: Each takes gigabytes, or prints megabytes, where only lines are bounded.
BOMBS: dict[str, tuple[Callable[[], bytes | pa.Table], str]] = {
    "bad spans": (lambda: spans(400_000, "5"), "RT401"),
    "values of a bad type": (lambda: spans(400_000, '"5"'), "RT201"),
    "values of a record": (lambda: spans(1_500_000, "5"), "RT106"),
    "objects": (lambda: b'{"document_id":"d","entities":[%s{}]}' % (b"{}," * 5_000_000), "RT106"),
    "numbers": (lambda: b'{"document_id":"d","entities":[%s0]}' % (b"0," * 10_000_000), "RT106"),
    "a long key": (lambda: b'{"document_id":"d","%s":1}' % (b"k" * 5_000_000), "RT203"),
    "a long document": (lambda: spans(200_000, '"5"').replace(b'"d"', b'"%s"' % (b"d" * 50_000)), "RT201"),
    "blank lines": (lambda: b"\n" * 2_000_000 + b'{"document_id":"e"}\n', "RT301"),
    "invalid lines": (lambda: b"{\n" * 1_000_000, "RT102"),
    "values of a row": (lambda: rows(8_000_000), "RT106"),
    "values of a hidden row": (lambda: rows(*[1] * 5000, 6_000_000, *[1] * 5000), "RT106"),
    "values of many rows": (lambda: rows(*[8_000] * 80), "RT301"),
    "long names": (lambda: rows(90_000, entity="x" * 50_000), "RT106"),
}


@pytest.mark.parametrize("command", ["validate", "score"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_stays_small(tmp_path: Path, bomb: str, command: str) -> None:
    made, code = BOMBS[bomb]
    data = made()
    is_table = isinstance(data, pa.Table)
    path = parquet_file(tmp_path / "x.parquet", data) if is_table else written(tmp_path / "x.jsonl", data)
    gold = written(tmp_path / "gold.jsonl", b'{"document_id": "d", "entities": []}\n')
    arguments = [command, str(path), "--gold", str(gold)]
    if command == "validate":
        # JSON tells more of each finding than text does.
        arguments += ["--role", "prediction", "--format", "json"]
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "retold", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 1, printed[-500:]
    assert code in printed
    assert "Traceback" not in printed
    assert len(printed) < OUTPUT
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime < SECONDS


# Where the bounds are


@pytest.mark.parametrize(("values", "refused"), [(9, False), (10, False), (11, True)])
def test_bound_of_a_record(monkeypatch: pytest.MonkeyPatch, values: int, refused: bool) -> None:
    monkeypatch.setattr(rules, "MAX_VALUES", 10)
    # One object and one list beside the integers; what stands in strings does not count.
    integers = ", ".join(["0"] * (values - 2))
    line = f'{{"document_id": "d, [{{\\"", "sentences": [{integers}]}}'
    codes = {found.code for found in DECODERS["document"].decode(line.encode(), number=1, file="f")[1]}
    assert (codes == {"RT106"}) == refused


def test_a_record_that_is_refused_is_not_missing_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_VALUES", 10)
    _, (found,) = DECODERS["record"].decode(
        b'{"entities": [%s0], "document_id": "d"}' % (b"0, " * 20), number=1, file="f"
    )
    assert found.document == "d"


@pytest.mark.parametrize(("mentions", "refused"), [(4, False), (5, True)])
def test_bound_of_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mentions: int, refused: bool) -> None:
    # A document has its key, its list, and four values for each mention; the row group holds less on average.
    monkeypatch.setattr(rules, "MAX_VALUES", 2 + 4 * 4)
    source = Source.of(parquet_file(tmp_path / "x.parquet", rows(1, 1, mentions, 1)))
    if not refused:
        assert len(list(read_lines(source))) == 4
        return
    with pytest.raises(FindingsError) as caught:
        list(read_lines(source))
    assert [(found.code, found.line) for found in caught.value.findings] == [("RT106", 3)]


def test_an_honest_row_group_may_be_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MAX_UNPACKED", 1000)
    draw = np.random.default_rng(0)
    starts = draw.integers(0, 10**6, (50, 40)).tolist()
    records = [
        {"document_id": f"d{n}", "entities": [{"start": at, "end": at + 5, "type": "PER"} for at in each]}
        for n, each in enumerate(starts)
    ]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "x.parquet")
    assert len(list(read_lines(Source.of(tmp_path / "x.parquet")))) == 50
