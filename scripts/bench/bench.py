"""How long scoring takes, against the time of merely decoding its input, in one table with the goals.

    python scripts/bench/bench.py table [--documents 10000 50000] [--repeat 3] [--quick]

makes gold files and predictions (seeded; 30 mentions, 10 stance cells and 12 claims in each document) and counts them,
each time in a new process and in turns with orjson decoding the same lines on one core: on one worker and on two, from
Parquet, and predictions that share nothing with gold. Beside it stand the memory of all processes, whole runs of
``retold score``, also of a baseline on the released corpus, and of ``retold --help``. Medians of the runs; times differ
between machines, ratios hardly do, and where others use the machine as well, those of CPU time are to be trusted.
``--quick`` takes small files and one run, to see that everything works.

    python scripts/bench/bench.py score --documents 50000

scores one file with every resample, and prints ratio and peak memory.

    python scripts/bench/bench.py validate --documents 50000 --workers 2

validates a clean file of predictions (lines of 6 kB), in turns with plain jsonschema on the first of its lines.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import bench_validate

BASELINES = Path(__file__).resolve().parents[2] / "baselines"
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


def unlike(record: dict[str, Any]) -> dict[str, Any]:
    """A reading of a record that shares nothing with it: every span overlaps one of gold, and none is equal."""
    moved: dict[str, list[dict[str, Any]]] = {
        "entities": [dict(mention) for mention in record["entities"]],
        "claims": [],
    }
    for mention in moved["entities"]:
        mention["start"] += 1
        mention["end"] += 1
        mention["type"] = ENTITY_TYPES[(ENTITY_TYPES.index(mention["type"]) + 1) % len(ENTITY_TYPES)]
        mention["entity"], mention["kb_id"] = f"other-{mention['entity']}", "Q9999999"
    cells = [dict(cell) for cell in record["stance"]]
    for cell in cells:
        cell["label"] = STANCE_LABELS[(STANCE_LABELS.index(cell["label"]) + 1) % len(STANCE_LABELS)]
    for claim in record["claims"]:
        moved["claims"].append({"start": claim["start"] + 1, "end": claim["end"] + 1, "source": "other"})
    return {"document_id": record["document_id"], "stance": cells, **moved}


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


def make_unlike(folder: Path, documents: int) -> Path:
    """Write predictions that share nothing with the gold of so many documents."""
    path = folder / f"unlike-{documents}.jsonl"
    if not path.exists():
        with path.open("wb") as stream:
            for record in gold_records(documents):
                stream.write(msgspec.json.encode(unlike(record)) + b"\n")
    return path


def as_parquet(path: Path) -> Path:
    """The same records as Parquet, with nested columns, in groups that two workers can share."""
    made = path.with_suffix(".parquet")
    if not made.exists():
        from pyarrow import json, parquet

        records = json.read_json(path, json.ReadOptions(block_size=1 << 24))
        parquet.write_table(records, made, row_group_size=2_000)
    return made


class Cost(NamedTuple):
    """What a run took: seconds on the clock, seconds of CPU of all its processes, MiB that they held together."""

    seconds: float
    cpu: float
    memory: float = 0.0


def decode(*paths: Path) -> Cost:
    """What orjson takes for the lines of some files."""
    import orjson

    start, cpu = time.perf_counter(), time.process_time()
    for path in paths:
        with path.open("rb") as stream:
            for line in stream:
                orjson.loads(line)
    return Cost(time.perf_counter() - start, time.process_time() - cpu)


def run(command: list[str]) -> Cost:
    """Run a command; its memory is what its processes held at most, where /proc tells.

    A command ``count`` of this module prints what counting alone cost.
    """
    peak = 0
    printed: list[bytes] = []
    start, before = time.perf_counter(), os.times()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.02):
                peak = max(peak, sum(map(resident, family(process.pid))))

        watcher = threading.Thread(target=watch)
        watcher.start()
        printed.append(process.stdout.read())
        code = process.wait()
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)}: exit code {code}")
    if "count" in command:
        seconds, used = map(float, printed[0].split())
        return Cost(seconds, used, peak / 2**20)
    # The kernel's own peak is no help: it begins with what the process had that started this one.
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(seconds, cpu, peak / 2**20)


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


def command(system: Path | str, gold: Path | None = None, resamples: int = 0, workers: int | None = None) -> list[str]:
    """``retold score`` of a file or a submission."""
    made = [sys.executable, "-m", "retold", "score", str(system), "--format", "json", "--resamples", str(resamples)]
    made += ["--gold", str(gold)] if gold else []
    return [*made, "--workers", str(workers)] if workers else made


def counting(system: Path, gold: Path, workers: int = 1) -> list[str]:
    """The command that counts and nothing else."""
    return [sys.executable, __file__, "count", str(system), str(gold), "--workers", str(workers)]


def count(arguments: argparse.Namespace) -> None:
    """Count one file, and print seconds on the clock and of CPU."""
    from retold.corpus.load import load_corpus
    from retold.io.submission import open_submission
    from retold.scoring import count as counts

    if arguments.system.endswith(".parquet"):
        # Imports are not counting.
        import pyarrow.compute
        import pyarrow.parquet  # noqa: F401

    corpus, submission = load_corpus(arguments.gold), open_submission(arguments.system)
    start, before = time.perf_counter(), os.times()
    counts.count(submission, corpus, workers=arguments.workers)
    seconds, after = time.perf_counter() - start, os.times()
    print(seconds, sum(after[:4]) - sum(before[:4]))


@dataclass
class Row:
    """What is measured, and the goal: a function of medians by name."""

    what: str
    documents: int | None
    value: Callable[[dict[str, float]], float]
    unit: str
    goal: float | None
    at_least: bool = False

    def cells(self, medians: dict[str, float]) -> list[str]:
        value = self.value(medians)
        # Memory is a whole number of MiB, everything else has two digits.
        shown = f"{value:.0f}" if self.unit == "MiB" else f"{value:.2f}"
        if self.goal is None:
            return [self.what, self._size(), f"{shown} {self.unit}", "", ""]
        held = value >= self.goal if self.at_least else value <= self.goal
        goal = f"{'>=' if self.at_least else '<='} {self.goal:g} {self.unit}"
        return [self.what, self._size(), f"{shown} {self.unit}", goal, "yes" if held else "no"]

    def _size(self) -> str:
        return f"{self.documents:,}" if self.documents else ""


def table(arguments: argparse.Namespace) -> None:
    """Measure everything, in turns, and print the table."""
    sizes = [200, 400] if arguments.quick else arguments.documents
    large = None if arguments.quick else arguments.large
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.folder or temporary)
        runs, rows = _plan(folder, sizes)
        found: dict[str, list[float]] = {}
        for _ in range(1 if arguments.quick else arguments.repeat):
            for name, measured in runs.items():
                cost = measured()
                found.setdefault(name, []).append(cost.seconds)
                found.setdefault(f"{name} CPU", []).append(cost.cpu)
                found.setdefault(f"{name} MiB", []).append(cost.memory)
        if large:
            gold, system = make(folder, large)
            found["large MiB"] = [run(command(system, gold, workers=2)).memory]
            rows.append(Row("memory, two workers", large, lambda m: m["large MiB"], "MiB", 600))
    medians = {name: statistics.median(values) for name, values in found.items()}
    if arguments.quick:
        # Start-up is most of what such small files take.
        rows = [replace(row, goal=None) for row in rows]
    titles = ["", "documents", "measured", "goal", "held"]
    print(render([row.cells(medians) for row in rows], titles))


def _plan(folder: Path, sizes: Sequence[int]) -> tuple[dict[str, Callable[[], Cost]], list[Row]]:
    """What is run, by name, and the rows that are made of it."""
    runs: dict[str, Callable[[], Cost]] = {}
    rows: list[Row] = []

    def ratio(name: str, base: str) -> Callable[[dict[str, float]], float]:
        return lambda medians: medians[name] / medians[base]

    def of(name: str) -> Callable[[dict[str, float]], float]:
        return lambda medians: medians[name]

    for size in sizes:
        gold, system = make(folder, size)
        other = make_unlike(folder, size)
        columns = [as_parquet(path) for path in (gold, system)]
        base, unlike_base = f"orjson {size}", f"orjson unlike {size}"
        one, two, flat, none, whole = (f"{name} {size}" for name in ("one", "two", "parquet", "unlike", "whole"))
        runs |= {
            base: partial(decode, gold, system),
            one: partial(run, counting(system, gold)),
            two: partial(run, counting(system, gold, workers=2)),
            flat: partial(run, counting(columns[1], columns[0])),
            unlike_base: partial(decode, gold, other),
            none: partial(run, counting(other, gold, workers=2)),
            whole: partial(run, command(system, gold, workers=1)),
        }
        rows += [
            Row("orjson, both files line by line", size, of(base), "s", None),
            Row("counting, one worker", size, ratio(one, base), "x orjson", 5),
            Row("CPU of that", size, ratio(f"{one} CPU", f"{base} CPU"), "x orjson", None),
            Row("two workers against one", size, ratio(one, two), "x", 1.7, at_least=True),
            Row("CPU of two workers", size, ratio(f"{two} CPU", f"{base} CPU"), "x orjson", None),
            Row("memory, one worker", size, of(f"{one} MiB"), "MiB", None),
            Row("memory, two workers", size, of(f"{two} MiB"), "MiB", None),
            Row("Parquet, one worker", size, ratio(flat, base), "x orjson", 1.5),
            Row("CPU of that", size, ratio(f"{flat} CPU", f"{base} CPU"), "x orjson", None),
            Row("nothing shared, two workers", size, ratio(none, unlike_base), "x orjson", 6),
            Row("CPU of that", size, ratio(f"{none} CPU", f"{unlike_base} CPU"), "x orjson", None),
            Row("memory of that", size, of(f"{none} MiB"), "MiB", 600),
            Row("retold score, no resamples", size, ratio(whole, base), "x orjson", None),
        ]
    if len(sizes) > 1:
        few, many = min(sizes), max(sizes)

        def growth(medians: dict[str, float]) -> float:
            return medians[f"one {many}"] / medians[f"one {few}"] / (many / few)

        rows.append(Row(f"time a document, against that with {few:,}", many, growth, "x", 1.1))
    baseline = _baseline(folder)
    runs |= {
        "resampled": partial(run, command(baseline, resamples=10_000)),
        "counted": partial(run, command(baseline)),
        "help": partial(run, [sys.executable, "-m", "retold", "--help"]),
    }
    rows += [
        Row("a baseline on the released corpus, 10,000 resamples", None, of("resampled"), "s", 0.5),
        Row("the same, no resamples", None, of("counted"), "s", 0.35),
        Row("retold --help", None, of("help"), "s", 0.1),
    ]
    return runs, rows


def _baseline(folder: Path) -> Path:
    """The submission of a baseline that answers every layer."""
    from retold.corpus.load import load_corpus
    from retold.systems import find_systems, load_system, run_system

    made = folder / "rules"
    if not made.exists():
        run_system(load_system(find_systems(BASELINES)["rules"]), load_corpus(), made)
    return made


def render(rows: list[list[str]], titles: list[str]) -> str:
    """A Markdown table."""
    from retold.report.tables import table as text

    return text(titles, rows, "markdown")


def score(arguments: argparse.Namespace) -> None:
    """Score a synthetic system with every measure and every resample."""
    with tempfile.TemporaryDirectory() as temporary:
        gold, system = make(Path(arguments.folder or temporary), arguments.documents)
        size = (gold.stat().st_size + system.stat().st_size) / 2**20
        print(f"{arguments.documents} documents, {size:.0f} MiB in two files")
        seconds, memory, base = [], [], []
        for _ in range(arguments.repeat):
            base.append(decode(gold, system).seconds)
            cost = run(command(system, gold, arguments.resamples, arguments.workers))
            seconds.append(cost.seconds)
            memory.append(cost.memory)
    unit, took = statistics.median(base), statistics.median(seconds)
    print(f"orjson, line by line: {unit:.2f} s")
    print(f"retold score, {arguments.resamples} resamples: {took:.2f} s, at most {max(memory):.0f} MiB")
    print(f"ratio: {took / unit:.2f}")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    whole = commands.add_parser("table", help="everything, with the goals")
    whole.add_argument("--documents", type=int, nargs="+", default=[10_000, 50_000], help="sizes")
    whole.add_argument("--large", type=int, default=200_000, help="documents of the run for memory; 0 for none")
    whole.add_argument("--repeat", type=int, default=3, help="runs, in turns; the medians count")
    whole.add_argument("--folder", help="keep the data here and use it again")
    whole.add_argument("--quick", action="store_true", help="small files and one run")
    whole.set_defaults(action=table)
    single = commands.add_parser("score", help="retold score with all measures")
    single.add_argument("--documents", type=int, default=50_000)
    single.add_argument("--resamples", type=int, default=10_000)
    single.add_argument("--workers", type=int, help="as of retold score; its default where not given")
    single.add_argument("--repeat", type=int, default=1, help="runs; the median counts")
    single.add_argument("--folder", help="keep the data here and use it again")
    single.set_defaults(action=score)
    alone = commands.add_parser("count", help="counting one file, and nothing else")
    alone.add_argument("system")
    alone.add_argument("gold")
    alone.add_argument("--workers", type=int, default=1)
    alone.set_defaults(action=count)
    bench_validate.add_command(commands)
    arguments = parser.parse_args()
    arguments.action(arguments)


if __name__ == "__main__":
    main()
