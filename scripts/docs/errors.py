"""Fill the tables of baselines/ERRORS.md, and check that its examples are items of the systems that they name.

    make results
    python scripts/docs/errors.py submissions [--check]

The folder holds the submissions of ``SYSTEMS``. All numbers are of ``retold score --format json --items FILE``. With
--check nothing is written, and it is an error if something would be.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

import retold
from retold.cli.main import main as run_command
from retold.report.tables import table

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "baselines" / "ERRORS.md"
#: The system whose errors the page shows, and those beside it.
READER: Final = "classical"
SYSTEMS: Final = (READER, "tfidf_logreg", "blind", "overlap")
TABLE: Final = re.compile(r"(?<=<!-- table: )(?P<name>[a-z]+)( -->\n\n)(?:\|.*\n)*")
EXAMPLE: Final = re.compile(
    r"<!-- item: (?P<document>\S+) (?P<task>\S+) (?P<verdict>[a-z ]+) --> `(?P<context>[^`]+)`; "
    r"(?:`(?P<question>[^`]+)`, )?gold `(?P<gold>[^`]+)`, predicted `(?P<predicted>[^`]+)`"
)
MEASURES: Final = (
    "entities.mention.f1",
    "entities.linking.f1",
    "stance.favg",
    "claims.span.f1",
    "claims.verification.accuracy",
)

Item = dict[str, Any]
Rows = list[list[str]]


@dataclass(frozen=True)
class Scored:
    """What ``retold score`` says of a submission: its breakdowns, and its items."""

    breakdowns: dict[str, Any]
    items: list[Item]

    def of(self, task: str) -> list[Item]:
        return [item for item in self.items if item["task"] == task]


def read(folder: Path) -> Scored:
    """Score a submission."""
    with tempfile.TemporaryDirectory() as made:
        items, result = Path(made, "items.jsonl"), Path(made, "score.json")
        command = [sys.executable, "-m", "retold", "score", str(folder), "--resamples", "0", "--format", "json"]
        options = ["--items", str(items), "--output", str(result)]
        done = subprocess.run([*command, *options], check=False, capture_output=True, text=True)
        if done.returncode:
            raise click.ClickException(f"{folder} cannot be scored: {done.stderr.strip()}")
        lines = items.read_text(encoding="utf-8").splitlines()[1:]
        return Scored(json.loads(result.read_bytes())["breakdowns"], [json.loads(line) for line in lines])


def wrong(scored: dict[str, Scored]) -> Rows:
    """Wrong items of the reader by task and verdict."""
    counts = Counter(
        (item["task"], item.get("kind", ""), item["verdict"]) for item in scored[READER].items if item["right"] is False
    )
    return [["task", "kind", "verdict", "items"], *([*key, str(n)] for key, n in sorted(counts.items()))]


def seen(scored: dict[str, Scored]) -> Rows:
    """Gold mentions whose words another document has for the same entity, and the others; how many are found."""
    corpus = retold.load_corpus()
    keys = defaultdict(set)
    kinds = {}
    for key, record in corpus.gold.items():
        text = corpus.documents[key].text
        for mention in record.entities or ():
            keys[text[mention.start : mention.end].lower(), mention.entity].add(key)
            kinds[key, mention.start, mention.end] = mention
    found = {
        (item["document_id"], item["gold"]["start"], item["gold"]["end"])
        for item in scored[READER].of("linking")
        if item["right"] and item["gold"]
    }
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 4)
    for (key, start, end), mention in kinds.items():
        text, language = corpus.documents[key].text[start:end].lower(), corpus.documents[key].language
        first = 0 if keys[text, mention.entity] - {key} else 2
        counts[mention.kind, language][first] += 1
        counts[mention.kind, language][first + 1] += (key, start, end) in found
    rows = [[f"{kind}, {language}", *map(str, row)] for (kind, language), row in sorted(counts.items())]
    return [["mentions", "seen", "linked", "not seen", "linked"], *rows]


def sides(items: Iterable[Item]) -> dict[tuple[str, str, str], list[Item]]:
    """Stance items whose gold label is a side, by holder, target and side: one for each document that shows it."""
    found = defaultdict(list)
    for item in items:
        if item["gold"] and item["gold"]["label"] != "none":
            found[item["gold"]["holder"], item["gold"]["target"], item["gold"]["label"]].append(item)
    return found


def targets(scored: dict[str, Scored]) -> Rows:
    """Gold sides of each target, those that stand alone, and the mean F1 of the systems."""
    gold = sides(scored[READER].of("stance"))
    rows = [["target", "favor", "against", "alone", *SYSTEMS[:3]]]
    for target in sorted(scored[READER].breakdowns["target"]):
        own = {
            side: [cells for key, cells in gold.items() if key[1:] == (target, side)] for side in ("favor", "against")
        }
        alone = sum(len(items) == 1 for groups in own.values() for items in groups)
        counts = [sum(map(len, groups)) for groups in own.values()]
        rows.append(
            [target, *map(str, (*counts, alone)), *_values(scored, SYSTEMS[:3], "target", target, "stance.favg")]
        )
    return rows


def recurring(scored: dict[str, Scored]) -> Rows:
    """Gold sides found, by whether another document shows them, and cells without a side that were given one."""
    every = sides(scored[READER].of("stance")).values()
    gold = [sum(len(items) for items in every if (len(items) > 1) is more) for more in (True, False)]
    rows = [["system", "recurring", "alone", "invented"], ["gold", *map(str, gold), ""]]
    for name in SYSTEMS[:3]:
        items = scored[name].of("stance")
        groups = sides(items).values()
        right = [sum(i["right"] for g in groups if (len(g) > 1) is more for i in g) for more in (True, False)]
        invented = sum(not i["right"] for i in items if i["gold"] and i["gold"]["label"] == "none")
        rows.append([name, *map(str, (*right, invented))])
    return rows


def mutations(scored: dict[str, Scored]) -> Rows:
    """Accuracy of verification by how a claim was mutated."""
    rows = [["mutation", *SYSTEMS]]
    for name in sorted(scored[READER].breakdowns["mutation"]):
        rows.append([name, *_values(scored, SYSTEMS, "mutation", name, "claims.verification.accuracy")])
    return rows


def languages(scored: dict[str, Scored]) -> Rows:
    """Measures by the language of the document."""
    codes = sorted(scored[READER].breakdowns["language"])
    rows = [["measure", *(f"{system} {code}" for system in SYSTEMS[:3] for code in codes)]]
    for measure in MEASURES:
        cells = [_values(scored, [system], "language", code, measure)[0] for system in SYSTEMS[:3] for code in codes]
        rows.append([measure, *cells])
    return rows


def _values(scored: dict[str, Scored], systems: Sequence[str], kind: str, name: str, measure: str) -> list[str]:
    return [f"{scored[system].breakdowns[kind][name][measure]['value']:.3f}" for system in systems]


TABLES: Final[dict[str, Callable[[dict[str, Scored]], Rows]]] = {
    made.__name__: made for made in (wrong, seen, targets, recurring, mutations, languages)
}


def filled(text: str, scored: dict[str, Scored]) -> str:
    """The page with its tables as they are now."""

    def made(match: re.Match[str]) -> str:
        headers, *rows = TABLES[match["name"]](scored)
        return f"{match['name']}{match[2]}{table(headers, rows, 'markdown')}"

    return TABLE.sub(made, text)


def stale_examples(text: str, reader: Scored) -> list[str]:
    """Examples of a page that are no items of the reader."""
    known = {
        (
            item["document_id"],
            item["task"],
            item["verdict"],
            _flat(item.get("context", "")),
            _question(item["gold"] or {}),
            _label(item["gold"]),
            _label(item["predicted"]),
        )
        for item in reader.items
    }
    found = EXAMPLE.finditer(_flat(text))
    order = ("document", "task", "verdict", "context", "question", "gold", "predicted")
    return [match["context"] for match in found if tuple(match[name] for name in order) not in known]


def _flat(text: str) -> str:
    return " ".join(text.split())


def _label(labels: Item | None) -> str:
    keys = ("label", "type", "kb_id", "source", "entity")
    return next((str(labels[key]) for key in keys if key in labels), "–") if labels else "–"


def _question(labels: Item) -> str | None:
    return labels.get("claim") or (f"{labels['holder']}/{labels['target']}" if "target" in labels else None)


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; fail where the page would change.")
def main(folder: Path, check: bool) -> None:
    scored = {name: read(folder / name) for name in SYSTEMS}
    before = PAGE.read_text(encoding="utf-8")
    after = filled(before, scored)
    stale = stale_examples(after, scored[READER])
    if not check:
        PAGE.write_text(after, encoding="utf-8")
    elif after != before:
        raise click.ClickException(f"{PAGE.name} is out of date; run `make results`")
    if stale:
        raise click.ClickException("no items any more: " + "; ".join(stale))


if __name__ == "__main__":
    run_command(command=main)
