"""A large file checked by several processes: the same report as from one, whatever the file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench_validate import write_synthetic
from retold import reading
from retold.corpus.load import Corpus, load_corpus
from retold.io.sources import Source
from retold.reading import Shard, ShardMismatch, map_shards, shards_of
from retold.validation import records
from retold.validation.validate import validate

DOCUMENTS = 200
ROOT = Path(__file__).resolve().parents[2]
SPAN = {"start": 9, "end": 3, "source": "author"}


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, list[bytes]]:
    folder, predictions = write_synthetic(tmp_path_factory.mktemp("synthetic"), DOCUMENTS)
    return load_corpus(folder), predictions.read_bytes().splitlines()


def edited(line: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(line), **changes}).encode()


def without(line: bytes, layer: str) -> bytes:
    return json.dumps({key: value for key, value in json.loads(line).items() if key != layer}).encode()


#: Name -> (change to the lines of a clean file, whether the workers can tell that the result is clean).
FILES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], bool]] = {
    "clean": (lambda lines: lines, True),
    "backwards": (lambda lines: lines[::-1], False),
    "one missing": (lambda lines: lines[:-1], False),
    "one missing in the middle": (lambda lines: lines[:90] + lines[91:], False),
    "one twice": (lambda lines: [*lines, lines[3]], False),
    "one twice, another missing": (lambda lines: [*lines[:-1], lines[3]], False),
    "blank line": (lambda lines: [*lines[:70], b"", *lines[70:]], False),
    "broken line": (lambda lines: [*lines[:150], lines[150][:-9], *lines[151:]], False),
    "invalid span": (lambda lines: [*lines[:70], edited(lines[70], claims=[SPAN]), *lines[71:]], False),
    "missing layer": (lambda lines: [*lines[:70], without(lines[70], "stance"), *lines[71:]], False),
    "unknown document": (lambda lines: [*lines[:-1], edited(lines[-1], document_id="x")], False),
    "empty": (lambda lines: [], False),
}


@pytest.mark.parametrize("name", FILES)
def test_validate_gives_the_same_report_with_several_workers(
    name: str, synthetic: tuple[Corpus, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, lines = synthetic
    change, clean = FILES[name]
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in change(lines)))
    report = validate([path], corpus)
    assert (report.findings == []) is (clean or name == "backwards")
    monkeypatch.setattr(reading, "MIN_SHARD", 1)
    monkeypatch.setattr(records, "map_shards", lambda work, shards, workers: map(work, shards))
    assert validate([path], corpus, workers=3) == report
    shards = shards_of([[Source.of(path)], corpus.document_sources()], 3)
    assert len(shards) in (0, 3)
    try:
        parts = [records.check_shard(corpus, "prediction", shard) for shard in shards]
    except ShardMismatch:
        parts = []
    found = {key for keys, _ in parts for key in keys}
    layouts = {layout for _, layouts in parts for layout in layouts}
    assert (len(found) == DOCUMENTS and len(layouts) == 1) is clean


def test_validate_with_processes(
    synthetic: tuple[Corpus, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, lines = synthetic
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    alone = validate([path], corpus)
    # A record that is read line by line would call it.
    monkeypatch.setattr(records, "Records", None)
    monkeypatch.setattr(reading, "MIN_SHARD", 1)
    assert validate([path], corpus, workers=2) == alone


def test_map_shards_when_a_worker_ends() -> None:
    with pytest.raises(ShardMismatch):
        list(map_shards(ended, [()], 1))


def ended(shard: Shard) -> None:
    """What a worker does that runs out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


SLEEPERS = """
import os, time
from retold.reading import map_shards
def work(shard):
    os.write(1, b"at work\\n")
    time.sleep(600)
list(map_shards(work, [(), ()], 2))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGINT"])
@pytest.mark.parametrize("group", [False, True], ids=["the parent alone", "as from a terminal"])
def test_workers_end_with_their_parent(name: str, group: bool) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SLEEPERS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert parent.stdout is not None
    assert [parent.stdout.readline() for _ in range(2)] == [b"at work\n"] * 2
    (os.killpg if group else os.kill)(parent.pid, signal.Signals[name])
    try:
        # The pipe ends when nobody has it any more: a worker that outlives the parent would hold it.
        _, said = parent.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
    assert parent.returncode == -signal.Signals[name]
    # At most the parent's own traceback.
    assert said.count(b"Traceback") == (name == "SIGINT")


INTERRUPTED = """
import signal
from retold.reading import map_shards
def work(shard):
    return bytes(200_000_000)
signal.signal(signal.SIGALRM, signal.default_int_handler)
for tenths in range(1, 7):
    signal.setitimer(signal.ITIMER_REAL, tenths / 10)
    try:
        list(map_shards(work, [(), ()] * 50, 2))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_an_interrupt_in_the_middle_of_a_result_is_not_waited_for() -> None:
    # Some of the interrupts come while a worker sends its 200 MB.
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("interrupted\n" * 6, "")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["validate", "--documents", "50", "--repeat", "1"], ["documents/s", "ratio: "]),
        (["score", "--documents", "50", "--resamples", "10"], ["MiB", "ratio: "]),
        (["table", "--quick"], ["counting, one worker", "Parquet, one worker", "nothing shared", "retold --help"]),
    ],
    ids=lambda value: value[0],
)
def test_the_bench_runs(arguments: list[str], shown: list[str]) -> None:
    command = [sys.executable, "scripts/bench/bench.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [words for words in shown if words not in done.stdout] == []
