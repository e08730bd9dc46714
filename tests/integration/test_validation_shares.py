"""A large file read by several processes: the same report as from one, whatever the file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench_validate import write_synthetic
from retold.corpus.load import Corpus, load_corpus
from retold.io.sources import Source
from retold.validation import shares
from retold.validation.validate import validate

DOCUMENTS = 200
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, list[bytes]]:
    folder, predictions = write_synthetic(tmp_path_factory.mktemp("synthetic"), DOCUMENTS)
    return load_corpus(folder), predictions.read_bytes().splitlines()


def edited(line: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(line), **changes}).encode()


#: Name -> what is done to the lines of a clean file, and whether its shares can tell that it is clean.
FILES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], bool]] = {
    "clean": (lambda lines: lines, True),
    "backwards": (lambda lines: lines[::-1], False),
    "one missing": (lambda lines: lines[:-1], False),
    "one missing in the middle": (lambda lines: lines[:90] + lines[91:], False),
    "one twice": (lambda lines: [*lines, lines[3]], False),
    "one twice, another missing": (lambda lines: [*lines[:-1], lines[3]], False),
    "blank line": (lambda lines: [*lines[:70], b"", *lines[70:]], False),
    "broken line": (lambda lines: [*lines[:150], lines[150][:-9], *lines[151:]], False),
    "fault of a rule": (lambda lines: [*lines[:70], edited(lines[70], claims=[SPAN]), *lines[71:]], False),
    "unknown document": (lambda lines: [*lines[:-1], edited(lines[-1], document_id="x")], False),
    "empty": (lambda lines: [], False),
}
SPAN = {"start": 9, "end": 3, "source": "author"}


@pytest.mark.parametrize("name", FILES)
def test_shares_never_change_the_report(
    name: str, synthetic: tuple[Corpus, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, lines = synthetic
    spoil, clean = FILES[name]
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in spoil(lines)))
    # The shares as the workers read them, without the cost of starting processes.
    parts = [shares._share(Source("p", str(path)), corpus, "prediction", part, 3) for part in range(3)]
    keys = [key for part in parts if part is not None for key in part]
    assert (None not in parts and len(set(keys)) == len(keys) > 0) is clean
    report = validate([path], corpus)
    assert (report.findings == []) is (clean or name == "backwards")
    certified = report.records if clean else None
    monkeypatch.setattr("retold.validation.records.certify", lambda *_: certified)
    assert validate([path], corpus, workers=3) == report


def test_processes(synthetic: tuple[Corpus, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, lines = synthetic
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    source = Source("p", str(path))
    assert shares.certify(source, corpus, "prediction", 2) is None, "too small to be worth a process"
    monkeypatch.setattr(shares, "WORTHWHILE", 0)
    assert shares.certify(source, corpus, "prediction", 1) is None
    assert shares.certify(source, corpus, "prediction", 2) == DOCUMENTS


def test_the_bench_runs() -> None:
    command = [sys.executable, "scripts/bench/bench.py", "validate", "--documents", "50", "--repeat", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "documents/s" in done.stdout
    assert "ratio: " in done.stdout
