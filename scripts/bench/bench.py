"""Speed and memory on synthetic data, measured against the time of merely decoding it.

    python scripts/bench/bench.py score --documents 50000

makes a gold file and a system's predictions (seeded; 30 mentions, 10 stance cells and 12 claims in each document),
decodes both line by line with orjson on one core, scores one against the other with the ``retold`` command, and prints
the ratio of the two times and the peak memory of all processes. Times differ between machines, ratios hardly do.

    python scripts/bench/bench.py validate --documents 50000 --workers 2

validates a clean file of predictions (lines of 6 kB), in turns with plain jsonschema on the first of its lines.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import bench_validate

ENTITY_TYPES = ("PER", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT")
STANCE_LABELS = ("favor", "against", "none")
MENTIONS, CLAIMS = 30, 12
HOLDERS, TARGETS = ("h1", "h2"), ("t1", "t2", "t3", "t4", "t5")
#: Entities that the documents speak of.
ENTITIES = 10_000


def gold_records(documents: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Documents with distinct spans, entities drawn from ``ENTITIES``, sources among the document's entities."""
    draw = random.Random(seed)
    for number in range(documents):
        mentions, place = [], 0
        for _ in range(MENTIONS):
            start = place + draw.randrange(2, 90)
            place = start + draw.randrange(3, 25)
            entity = draw.randrange(ENTITIES)
            kind = ENTITY_TYPES[entity % len(ENTITY_TYPES)]
            item: dict[str, Any] = {"start": start, "end": place, "type": kind, "entity": f"entity-{entity}"}
            mentions.append(item | {"kb_id": f"Q{entity + 1}" if entity % 10 else None})
        cells = []
        for holder in HOLDERS:
            for target in TARGETS:
                label = draw.choice(STANCE_LABELS)
                evidence = [] if label == "none" else [draw.randrange(30)]
                cells.append({"holder": holder, "target": target, "label": label, "evidence": evidence})
        claims, place = [], 0
        for _ in range(CLAIMS):
            start = place + draw.randrange(1, 40)
            place = start + draw.randrange(40, 160)
            source = "author" if draw.random() < 0.5 else draw.choice(mentions)["entity"]
            claims.append({"start": start, "end": place, "source": source})
        key = f"document-{number:07d}"
        yield {"document_id": key, "entities": mentions, "stance": cells, "claims": claims}


def predicted(record: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """A reading of a record with some of everything wrong: missed, moved, mistyped, mislinked, mislabelled."""
    mentions = []
    for mention in record["entities"]:
        chance = draw.random()
        if chance < 0.1:
            continue
        changed = dict(mention)
        if chance < 0.15:
            changed["end"] += 1
        elif chance < 0.2:
            changed["type"] = draw.choice(ENTITY_TYPES)
        if chance > 0.9:
            other = draw.randrange(ENTITIES)
            changed["entity"], changed["kb_id"] = f"entity-{other}", f"Q{other + 1}"
        mentions.append(changed)
    cells = [dict(cell) for cell in record["stance"]]
    for cell in cells:
        if draw.random() < 0.3:
            cell["label"] = draw.choice(STANCE_LABELS)
    claims = []
    for claim in record["claims"]:
        chance = draw.random()
        if chance < 0.1:
            continue
        changed = dict(claim)
        if chance < 0.5:
            changed["end"] -= draw.randrange(20)
        if chance > 0.8:
            changed["source"] = "author"
        claims.append(changed)
    return {"document_id": record["document_id"], "entities": mentions, "stance": cells, "claims": claims}


def make(folder: Path, documents: int) -> tuple[Path, Path]:
    """Write (gold, predictions) of so many documents."""
    gold, system = folder / f"gold-{documents}.jsonl", folder / f"system-{documents}.jsonl"
    if not (gold.exists() and system.exists()):
        draw = random.Random(1)
        with gold.open("wb") as wanted, system.open("wb") as given:
            for record in gold_records(documents):
                wanted.write(msgspec.json.encode(record) + b"\n")
                given.write(msgspec.json.encode(predicted(record, draw)) + b"\n")
    return gold, system


def decode(*paths: Path) -> float:
    """Seconds that orjson takes for the lines of some files."""
    import orjson

    start = time.perf_counter()
    for path in paths:
        with path.open("rb") as stream:
            for line in stream:
                orjson.loads(line)
    return time.perf_counter() - start


def run(command: list[str]) -> tuple[float, float]:
    """Run a command: seconds, and MiB that all its processes held together at most (where /proc tells)."""
    peak = 0
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.02):
                peak = max(peak, sum(map(resident, family(process.pid))))

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)}: exit code {code}")
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return seconds, max(peak, largest) / 2**20


def family(process: int) -> list[int]:
    """A process and its descendants."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        below = {int(child) for task in tasks for child in (task / "children").read_text().split()}
    except OSError:
        return [process]
    return [process, *(each for child in below for each in family(child))]


def resident(process: int) -> int:
    """Bytes of memory that a process holds; shared pages are counted in each process."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def score(arguments: argparse.Namespace) -> None:
    """Score a synthetic system with every measure and every resample."""
    with tempfile.TemporaryDirectory() as temporary:
        gold, system = make(Path(arguments.folder or temporary), arguments.documents)
        size = (gold.stat().st_size + system.stat().st_size) / 2**20
        print(f"{arguments.documents} documents, {size:.0f} MiB in two files")
        command = [sys.executable, "-m", "retold", "score", str(system), "--gold", str(gold), "--format", "json"]
        command += ["--resamples", str(arguments.resamples)]
        command += ["--workers", str(arguments.workers)] if arguments.workers else []
        seconds, memory, base = [], [], []
        for _ in range(arguments.repeat):
            base.append(decode(gold, system))
            took, held = run(command)
            seconds.append(took)
            memory.append(held)
    unit, took = sorted(base)[len(base) // 2], sorted(seconds)[len(seconds) // 2]
    print(f"orjson, line by line: {unit:.2f} s")
    print(f"retold score, {arguments.resamples} resamples: {took:.2f} s, at most {max(memory):.0f} MiB")
    print(f"ratio: {took / unit:.2f}")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("score", help="retold score with all measures")
    command.add_argument("--documents", type=int, default=50_000)
    command.add_argument("--resamples", type=int, default=10_000)
    command.add_argument("--workers", type=int, help="as of retold score; its default where not given")
    command.add_argument("--repeat", type=int, default=1, help="runs; the median counts")
    command.add_argument("--folder", help="keep the data here and use it again")
    command.set_defaults(action=score)
    bench_validate.add_command(commands)
    arguments = parser.parse_args()
    arguments.action(arguments)


if __name__ == "__main__":
    main()
