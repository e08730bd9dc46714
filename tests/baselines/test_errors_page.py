"""The page of errors: every example is an item of the system it names, every table is what scoring counts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from retold.corpus.load import Corpus, load_corpus
from retold.io.submission import open_submission
from retold.model.annotations import AnnotationRecord
from retold.scoring import Item, Score, score_with_items
from retold.systems import load_system, run_system

BASELINES = Path(__file__).parents[2] / "baselines"
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


#: A block of running text, up to the comment that says what is counted there: every number in it is looked at.
COUNTED = re.compile(r"(?:^|\n\n|\n(?=- ))((?:(?!\n\n|\n- |<!--)[\s\S])+?)\s<!-- counted: ([^>]+) -->")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")

EXAMPLES = [match.groupdict() for match in EXAMPLE.finditer(flat(PAGE))]
TABLES = {
    match["name"]: [[cell.strip() for cell in line.strip("|\n").split("|")] for line in match["rows"].splitlines()]
    for match in TABLE.finditer(PAGE)
}

FIGURES = {name: NUMBER.findall(text) for text, name in COUNTED.findall(PAGE)}


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
def scored(
    corpus: Corpus, baseline_submission: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Scored]:
    """Every system of the page."""
    made = {}
    for system in SYSTEMS:
        name, *given = system.split()
        if given:
            options = dict(option.split("=") for option in given)
            folder = run_system(
                load_system(BASELINES / f"{name}.py"), corpus, tmp_path_factory.mktemp(name), options=options
            )
        else:
            folder = baseline_submission(name)
        score, items = score_with_items(folder, corpus, resamples=0)
        assert items is not None
        made[system] = Scored(list(open_submission(folder).read()), score, items)
    return made


def test_the_page_has_examples_of_every_task_and_no_comment_that_is_not_read() -> None:
    assert {example["task"] for example in EXAMPLES} == {"mention", "linking", "stance", "claim", "verification"}
    assert len(EXAMPLES) == PAGE.count("<!-- item:")
    assert len(TABLES) == PAGE.count("<!-- table:") + PAGE.count("<!-- groups:")
    assert len(FIGURES) == PAGE.count("<!-- counted:")
    kinds = ("item", "table", "groups", "counted")
    assert PAGE.count("<!--") == sum(PAGE.count(f"<!-- {kind}:") for kind in kinds)
    # At the start of a line it would make the rest of the line raw HTML.
    assert not re.search(r"^[\s-]*<!-- (item|counted):", PAGE, flags=re.MULTILINE)
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
    wanted = [example[key] for key in ("document", "verdict", "question", "gold", "predicted")]
    found = [
        item
        for item in scored[str(example["system"])].of(str(example["task"]))
        if [item.document_id, item.verdict, question(item), label(item.gold), label(item.predicted)] == wanted
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
    wrong = wrong_items(scored, corpus)
    assert groups == wrong
    what = ("mention", "nominal", "linking", "stance", "claim", "verification")
    assert FIGURES["wrong"] == [str(wrong[name]) for name in what]


def wrong_items(scored: dict[str, Scored], corpus: Corpus) -> Counter[str]:
    """Wrong items of the system that was read, by task; nominals, whose spans alone were read, missed and spurious."""
    system = scored["classical"]
    wrong = Counter(item.task for item in system.items if item.right is False and not _is_nominal_mention(item))
    wrong["nominal"] = len(nominals(corpus.gold.values()) ^ nominals(system.records))
    return wrong


def _is_nominal_mention(item: Item) -> bool:
    return item.task == "mention" and item.kind == "nominal"


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


def shown(*values: int | float, digits: int = 3) -> list[str]:
    return [f"{value:.{digits}f}" if isinstance(value, float) else str(value) for value in values]


def test_figures_on_mentions() -> None:
    _, _, *rows = TABLES["seen by classical"]
    counts = {name: [int(cell) for cell in cells] for name, *cells in rows}
    assert all(cells[0] == cells[1] for name, cells in counts.items() if name.startswith("name"))
    new = [cells for name, cells in counts.items() if name.startswith("nominal")]
    assert FIGURES["nominals"] == shown(sum(c[0] + c[2] for c in new), sum(c[2] for c in new))
    (seen, _, unseen, _), (_, found, other, also) = counts["name, id"], counts["nominal, id"]
    assert FIGURES["Indonesian mentions"] == shown(seen, seen + unseen, found + also, other)


def test_figures_on_stance(scored: dict[str, Scored]) -> None:
    items = scored["classical"].of("stance")
    missed = sum(label(item.gold) != "none" and label(item.predicted) == "none" for item in items)
    invented = sum(label(item.gold) == "none" and not item.right for item in items)
    assert missed + invented == sum(not item.right for item in items)
    assert FIGURES["missed sides"] == shown(missed, invented)

    rows = {row["target"]: row for row in table("stance.favg by target")}
    every = {name: int(row["favor"]) + int(row["against"]) for name, row in rows.items()}
    known = [item for group in sides(scored["blind"].of("stance")).values() for item in group if item.right]
    found = Counter((item.gold or {})["target"] for item in known)
    assert FIGURES["hamas"] == shown(found["hamas"], every["hamas"])
    small = ("ceasefire", "hostage-release", "two-state", "wider-war")
    assert FIGURES["small targets"] == shown(min(every[name] for name in small), max(every[name] for name in small))
    assert not any(found[name] for name in small)
    two = [rows[name] for name in ("israel", "israel-offensive")]
    best = max(float(cell) for row in two for system, cell in row.items() if system in SYSTEMS)
    of_two = every["israel"] + every["israel-offensive"]
    assert FIGURES["israel"] == shown(sum(int(row["alone"]) for row in two), of_two, best)

    groups = sides(items).values()
    alone = [group[0] for group in groups if len(group) == 1]
    where = Counter(item.document_id[-1] for item in alone)
    assert FIGURES["alone"] == shown(len(alone), where["4"], where["0"], 0, where["1"], 1)
    assert set(where) == {"0", "1", "4"}

    counted: dict[tuple[bool, bool], list[bool]] = defaultdict(list)
    for group in groups:
        for item in group:
            counted[len(group) > 1, item.document_id[-1] == "4"].append(item.right)
    assert all(counted[True, True])
    assert not any(counted[False, True])
    english = [size for recur in (True, False) for size in (sum(counted[recur, False]), len(counted[recur, False]))]
    assert FIGURES["Indonesian stance"] == shown(len(counted[True, True]), len(counted[False, True]), *english)
    values = [float(scored[name].score.measures["stance.favg"].value or 0) for name in ("blind", "classical")]
    assert FIGURES["stance without reading"] == shown(*values)
    assert not any(group[0].right for group in sides(scored["blind"].of("stance")).values() if len(group) == 1)


def test_figures_on_verification(scored: dict[str, Scored], corpus: Corpus) -> None:
    measure = "claims.verification.accuracy"
    read, blind, free = (
        {_pair(item): item for item in scored[name].of("verification")} for name in ("classical", "blind", SYSTEMS[-1])
    )
    wrong = [pair for pair, item in read.items() if not item.right]
    same = sum(label(read[pair].predicted) == label(blind[pair].predicted) for pair in wrong)
    lost = sum(item.right and not free[pair].right for pair, item in read.items())
    is_open = {pair for pair, item in read.items() if label(item.gold) == "not_enough_info"}
    assert FIGURES["verdicts"] == shown(
        same, len(wrong), sum(free[pair].right for pair in wrong), len(wrong), lost,
        len(is_open.intersection(wrong)), len(wrong),
    )  # fmt: skip
    right = [pair for pair, item in read.items() if item.right]
    neither = sum(not blind[pair].right and not free[pair].right for pair in right)
    macro = [scored[name].score.measures["claims.verification.macro_f1"].value for name in ("blind", SYSTEMS[-1])]
    both = scored["classical"].score.measures["claims.verification.macro_f1"].value
    assert FIGURES["without reading"] == shown(*(float(v or 0) for v in (*macro, both)), neither, len(right))

    claims = {
        claim.claim: claim.mutation or "none" for event in corpus.events.values() for claim in event.claims.values()
    }
    sizes = Counter(claims.values())
    plain = sizes.pop("none")
    assert FIGURES["mutations"] == shown(min(sizes.values()), max(sizes.values()), plain)
    rows = {row["mutation"]: row for row in table(f"{measure} by mutation")}
    pairs = {name: [pair for pair in read if claims[pair[1]] == name] for name in rows}
    errors = [pair for pair in pairs["number"] if not read[pair].right]
    on_open = len(is_open.intersection(errors))
    share = len(is_open.intersection(pairs["number"])) / len(pairs["number"])
    assert FIGURES["number"] == shown(share, len(errors), len(errors) - on_open, on_open)
    assert FIGURES["person"] == [rows["person"]["refuted"], str(len(pairs["person"]))]
    assert rows["person"]["blind"] == rows["person"]["classical"]
    worth = {name: float(row["classical"]) - float(row[SYSTEMS[-1]]) for name, row in rows.items()}
    assert worth["place"] <= 0
    three = [worth[name] for name in ("time", "role", "negation")]
    assert FIGURES["prior"] == shown(min(three), max(three), digits=2)


def test_figures_on_indonesian(scored: dict[str, Scored], corpus: Corpus) -> None:
    values = {name: scored[name].score.breakdowns["language"] for name in SYSTEMS}
    spans = len(corpus.gold["macron-coalition-4"].claims or ())
    assert FIGURES["Indonesian claims"] == shown(spans, values["classical"]["id"]["claims.span.f1"]["value"])
    rows = table("verification")
    every = sum(int(row["Indonesian"]) for row in rows)
    own = [
        sum(int(row["Indonesian"]) for row in rows if word in row["group"]) for word in ("said in Indonesian", "office")
    ]
    items = [item for item in scored["classical"].of("verification") if item.document_id == "macron-coalition-4"]
    left_open = sum(label(item.gold) == "not_enough_info" for item in items) / len(items)
    without = [values["blind"][language]["claims.verification.accuracy"]["value"] for language in ("en", "id")]
    wanted = shown(own[0], every, own[1], every - sum(own), left_open, *without)
    assert FIGURES["Indonesian verification"] == wanted


def test_every_figure_is_looked_at() -> None:
    """A name that no test asks for would say that its block is counted, while it is not."""
    asked = set(re.findall(r'FIGURES\["([^"]+)"\]', Path(__file__).read_text(encoding="utf-8")))
    assert asked == set(FIGURES)
