"""The page of errors: every example is an item of the system it names, every table is what scoring counts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from retold.corpus import Corpus, load_corpus
from retold.files import open_submission
from retold.records import AnnotationRecord
from retold.scoring import Item, Score, score_with_items
from retold.systems import load_system, run_system

BASELINES = Path(__file__).parents[1] / "baselines"
PAGE = (BASELINES / "ERRORS.md").read_text(encoding="utf-8")
#: Systems the page shows, and whose options are not the defaults.
SYSTEMS = ("classical", "tfidf_logreg", "overlap", "blind", "bm25 prior=no")

EXAMPLE = re.compile(
    r"<!-- item: (?P<system>\S+) (?P<document>\S+) (?P<task>\S+) (?P<verdict>[a-z ]+) --> `(?P<context>[^`]+)`; "
    r"(?:`(?P<question>[^`]+)`, )?gold `(?P<gold>[^`]+)`, predicted `(?P<predicted>[^`]+)`"
)
TABLE = re.compile(r"^<!-- (?P<kind>table|groups): (?P<name>.+) -->\n\n(?P<rows>(?:\|.*\n)+)", flags=re.MULTILINE)


def flat(text: str) -> str:
    """Text with every run of white space as one space: a page breaks its lines elsewhere than an article."""
    return " ".join(text.split())


EXAMPLES = [match.groupdict() for match in EXAMPLE.finditer(flat(PAGE))]
TABLES = {
    match["name"]: [[cell.strip() for cell in line.strip("|\n").split("|")] for line in match["rows"].splitlines()]
    for match in TABLE.finditer(PAGE)
}


def table(name: str) -> list[dict[str, str]]:
    """Rows of a table of the page by the names of its columns."""
    header, _, *rows = TABLES[name]
    return [dict(zip(header, row, strict=True)) for row in rows]


@dataclass(frozen=True)
class Scored:
    """A system of the page: its records, its score, its items."""

    records: list[AnnotationRecord]
    score: Score
    items: list[Item]

    def of(self, task: str) -> list[Item]:
        return [item for item in self.items if item.task == task]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


@pytest.fixture(scope="module")
def scored(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scored]:
    """Every system of the page, run once."""
    made = {}
    for system in SYSTEMS:
        name, *given = system.split()
        options = dict(option.split("=") for option in given)
        folder = tmp_path_factory.mktemp(name)
        run_system(load_system(BASELINES / f"{name}.py"), corpus, folder, options=options)
        score, items = score_with_items(folder, corpus, resamples=0)
        assert items is not None
        made[system] = Scored(list(open_submission(folder).read()), score, items)
    return made


def test_the_page_has_examples_of_every_task_and_no_comment_that_is_not_read() -> None:
    assert {example["task"] for example in EXAMPLES} == {"mention", "linking", "stance", "claim", "verification"}
    assert len(EXAMPLES) == PAGE.count("<!-- item:")
    assert len(TABLES) == PAGE.count("<!-- table:") + PAGE.count("<!-- groups:")
    # At the start of a line it would make the rest of the line raw HTML.
    assert not re.search(r"^[\s-]*<!-- item:", PAGE, flags=re.MULTILINE)
    assert max(map(len, PAGE.splitlines())) <= 120


def label(labels: Mapping[str, Any] | None) -> str:
    if labels is None:
        return "–"
    return str(next(labels[key] for key in ("label", "type", "kb_id", "source") if key in labels))


def question(item: Item) -> str | None:
    labels = item.gold or {}
    return labels.get("claim") or ("/".join((labels["holder"], labels["target"])) if "target" in labels else None)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: flat(example["context"])[:40])
def test_an_example_is_an_item(example: dict[str, str | None], scored: dict[str, Scored], corpus: Corpus) -> None:
    wanted = [example[key] for key in ("document", "task", "verdict", "question", "gold", "predicted")]
    found = [
        item
        for item in scored[str(example["system"])].items
        if [item.document_id, item.task, item.verdict, question(item), label(item.gold), label(item.predicted)]
        == wanted
    ]
    context = str(example["context"])
    exact = [item for item in found if item.context is not msgspec.UNSET and flat(item.context) == context]
    # Where gold has no evidence an item has no context, and the page quotes what the system took for evidence.
    quoted = []
    for item in found:
        document = corpus.documents[item.document_id]
        taken = [document.sentences[place] for place in (item.predicted or {}).get("evidence", [])]
        if item.context is msgspec.UNSET:
            quoted += [s for s in taken if flat(document.text[s.start : s.end]) == context]
    assert len(exact) + len(quoted) == 1


def test_groups_add_up(scored: dict[str, Scored], corpus: Corpus) -> None:
    groups: Counter[str] = Counter()
    for name in TABLES:
        if TABLES[name][0][:3] == ["what", "group", "wrong"]:
            for row in table(name):
                groups[row["what"]] += int(row["wrong"])
    system = scored["classical"]
    wrong = Counter(item.task for item in system.items if not item.right)
    gold = nominals(corpus.gold.values())
    wrong["nominal"] = len(gold ^ nominals(system.records))
    assert groups == wrong


def nominals(records: Any) -> set[tuple[str, int, int]]:
    return {(r.document_id, m.start, m.end) for r in records for m in r.entities if m.kind == "nominal"}


def test_groups_of_verdicts_add_up_by_column(scored: dict[str, Scored]) -> None:
    wrong = [item for item in scored["classical"].of("verification") if not item.right]
    others = {name: {_pair(item): item for item in scored[name].of("verification")} for name in ("blind", SYSTEMS[-1])}
    indonesian = sum(item.document_id == "macron-coalition-4" for item in wrong)
    wanted = {
        "English": len(wrong) - indonesian,
        "Indonesian": indonesian,
        "as `blind`": sum(label(item.predicted) == label(others["blind"][_pair(item)].predicted) for item in wrong),
        "right with `prior=no`": sum(others[SYSTEMS[-1]][_pair(item)].right for item in wrong),
    }
    rows = table("verification")
    assert {column: sum(int(row[column]) for row in rows) for column in wanted} == wanted
    assert all(int(row["wrong"]) == int(row["English"]) + int(row["Indonesian"]) for row in rows)


def _pair(item: Item) -> tuple[str, str]:
    assert item.gold is not None
    return item.document_id, item.gold["claim"]


def test_seen_mentions(scored: dict[str, Scored], corpus: Corpus) -> None:
    holders = defaultdict(set)
    for key, record in corpus.gold.items():
        for mention in record.entities or ():
            holders[mention.text.lower(), mention.entity].add(key)
    given = {
        (r.document_id, m.start, m.end, m.kind, m.entity) for r in scored["classical"].records for m in r.entities or ()
    }
    counted: dict[str, list[int]] = {
        f"{kind}, {code}": [0] * 4 for kind in ("name", "nominal") for code in ("en", "id")
    }
    for key, record in corpus.gold.items():
        for mention in record.entities or ():
            row = counted[f"{mention.kind}, {corpus.documents[key].language}"]
            first = 0 if holders[mention.text.lower(), mention.entity] - {key} else 2
            row[first] += 1
            row[first + 1] += (key, mention.start, mention.end, mention.kind, mention.entity) in given
    _, _, *rows = TABLES["seen by classical"]
    assert {name: [int(cell) for cell in cells] for name, *cells in rows} == counted


def sides(items: list[Item]) -> dict[tuple[str, str, str], list[Item]]:
    """Stance items whose gold label is a side, by holder, target and side: one for each document that shows it."""
    found = defaultdict(list)
    for item in items:
        if item.gold is not None and item.gold["label"] != "none":
            found[item.gold["holder"], item.gold["target"], item.gold["label"]].append(item)
    return found


def test_targets(scored: dict[str, Scored]) -> None:
    gold = sides(scored["classical"].of("stance"))
    rows = table("stance.favg by target")
    assert {row["target"] for row in rows} == set(scored["classical"].score.breakdowns["target"])
    for row in rows:
        mine = {key: items for key, items in gold.items() if key[1] == row["target"]}
        for side in ("favor", "against"):
            assert int(row[side]) == sum(len(items) for key, items in mine.items() if key[2] == side)
        assert int(row["documents"]) == len({item.document_id for items in mine.values() for item in items})
        assert int(row["alone"]) == sum(len(items) == 1 for items in mine.values())
        assert_values(row, scored, "target", row["target"], "stance.favg")


def assert_values(row: dict[str, str], scored: dict[str, Scored], kind: str, name: str, measure: str) -> None:
    """The cells of a row that stand under a system are its values of a measure in a breakdown."""
    shown = {system: cell for system, cell in row.items() if system in SYSTEMS}
    assert len(shown) >= 3
    for system, cell in shown.items():
        assert cell == f"{scored[system].score.breakdowns[kind][name][measure]['value']:.3f}", (name, system)


def test_sides_that_recur_and_sides_alone(scored: dict[str, Scored]) -> None:
    gold, *rows = table("sides")
    every = sides(scored["classical"].of("stance")).values()
    assert int(gold["recurring"]) == sum(len(items) for items in every if len(items) > 1)
    assert int(gold["alone"]) == sum(len(items) == 1 for items in every)
    for row in rows:
        items = scored[row["system"]].of("stance")
        right = Counter[bool]()
        for group in sides(items).values():
            right[len(group) > 1] += sum(item.right for item in group)
        invented = sum(not item.right for item in items if label(item.gold) == "none")
        assert [int(row[name]) for name in ("recurring", "alone", "invented")] == [right[True], right[False], invented]


def test_mutations(scored: dict[str, Scored]) -> None:
    measure = "claims.verification.accuracy"
    rows = table(f"{measure} by mutation")
    found = scored["classical"].score.breakdowns["mutation"]
    assert {row["mutation"] for row in rows} == set(found)
    for row in rows:
        gold = Counter[str]()
        for cell, pairs in found[row["mutation"]][measure]["counts"].items():
            gold[cell.split(":")[0]] += int(pairs)
        assert {name: int(row[name]) for name in gold} == gold
        assert_values(row, scored, "mutation", row["mutation"], measure)


def test_languages(scored: dict[str, Scored]) -> None:
    for row in table("by language"):
        for column in list(row)[1:]:
            system, language = column.split()
            value = scored[system].score.breakdowns["language"][language][row["measure"]]["value"]
            assert row[column] == f"{value:.3f}", (row["measure"], column)
