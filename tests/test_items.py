"""Items: what is written one by one must sum to the measures, and be called by its right name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from retold.cli import cli
from retold.corpus import Corpus
from retold.ranking import rank
from retold.scoring import Item, errors, flips, score_with_items
from retold.scoring.items import Flip

from test_scoring import noisy, released, write  # isort: skip

Record = dict[str, Any]


def share(part: float, whole: float) -> float:
    return part / whole


def f1(correct: float, predicted: float, gold: float) -> float:
    return 2 * correct / (predicted + gold)


def label_f1(items: list[Record], label: str) -> float:
    right = sum(item["gold"]["label"] == label == (item["predicted"] or {}).get("label") for item in items)
    given = sum((item["predicted"] or {}).get("label") == label for item in items)
    return f1(right, given, sum(item["gold"]["label"] == label for item in items))


@pytest.fixture(scope="module", params=[1, 2, 3])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], Record]:
    """The items of a system far from perfect, as ``retold score --items`` writes them, and its measures."""
    folder = tmp_path_factory.mktemp("items")
    system, target = write(folder, noisy(request.param)), folder / "items.jsonl"
    arguments = ["score", str(system), "--items", str(target), "--format", "json", "--resamples", "20"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    items = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    return items, json.loads(done.stdout)["measures"]


def sides(items: list[Record]) -> tuple[int, int]:
    """Items that have a prediction, and items that have a gold label."""
    return sum(item["predicted"] is not None for item in items), sum(item["gold"] is not None for item in items)


def test_mentions_and_links_sum_to_their_measures(written: tuple[list[Record], Record]) -> None:
    for task, measure in (("mention", "entities.mention"), ("linking", "entities.linking")):
        items = [item for item in written[0] if item["task"] == task]
        correct = sum(item["verdict"] == "correct" for item in items)
        predicted, gold = sides(items)
        found = {part: written[1][f"{measure}.{part}"]["value"] for part in ("precision", "recall", "f1")}
        assert found == pytest.approx(
            {"precision": correct / predicted, "recall": correct / gold, "f1": f1(correct, predicted, gold)}
        )


def test_boundaries_and_types_sum_to_the_regimes(written: tuple[list[Record], Record]) -> None:
    # SemEval-2013: exact wants the span, type the type, partial gives half for an overlap.
    items = [item for item in written[0] if item["task"] == "mention"]
    predicted, gold = sides(items)
    of = {verdict: sum(item["verdict"] == verdict for item in items) for verdict in (
        "correct", "type", "boundary", "boundary and type"
    )}  # fmt: skip
    exact, moved = of["correct"] + of["type"], of["boundary"] + of["boundary and type"]
    wanted = {
        "exact": f1(exact, predicted, gold),
        "partial": f1(exact + moved / 2, predicted, gold),
        "type": f1(of["correct"] + of["boundary"], predicted, gold),
    }
    assert {part: written[1][f"entities.mention.{part}.f1"]["value"] for part in wanted} == pytest.approx(wanted)


def test_stance_cells_sum_to_favg(written: tuple[list[Record], Record]) -> None:
    items = [item for item in written[0] if item["task"] == "stance"]
    favg = (label_f1(items, "favor") + label_f1(items, "against")) / 2
    assert written[1]["stance.favg"]["value"] == pytest.approx(favg)
    right = sum(item["right"] for item in items)
    assert written[1]["stance.accuracy"]["value"] == pytest.approx(right / len(items))


def test_claims_sum_to_span_and_attribution(written: tuple[list[Record], Record]) -> None:
    items = [item for item in written[0] if item["task"] == "claim"]
    overlap = sum(item.get("overlap", 0.0) for item in items)
    predicted, gold = sides(items)
    found = {part: written[1][f"claims.span.{part}"]["value"] for part in ("precision", "recall", "f1")}
    assert found == pytest.approx(
        {"precision": overlap / predicted, "recall": overlap / gold, "f1": f1(overlap, predicted, gold)}
    )
    attributed = sum(item["right"] for item in items)
    assert written[1]["claims.attribution.f1"]["value"] == pytest.approx(f1(attributed, predicted, gold))


def test_pairs_sum_to_verification(written: tuple[list[Record], Record]) -> None:
    items = [item for item in written[0] if item["task"] == "verification"]
    macro = sum(label_f1(items, label) for label in ("supported", "refuted", "not_enough_info")) / 3
    assert written[1]["claims.verification.macro_f1"]["value"] == pytest.approx(macro)
    strict = sum(item["strict"] for item in items) / len(items)
    assert written[1]["claims.verification.strict"]["value"] == pytest.approx(strict)


def tiny_items(tiny_corpus: Corpus, folder: Path, records: list[Record]) -> list[Item]:
    _, found = score_with_items(write(folder, records), tiny_corpus, resamples=0)
    assert found is not None
    return found


def spoiled(gold_record: Callable[[str], Record]) -> list[Record]:
    """Gold of the tiny corpus with one fault of each kind in the first document."""
    first, second = gold_record("flood-0"), gold_record("flood-1")
    vale, berg = first["entities"]
    del vale["text"], berg["text"]
    vale["end"] -= 1  # "Val": a boundary
    berg["type"], berg["kb_id"] = "ORG", "Q12"  # a wrong type and a wrong link
    first["entities"].append({"start": 0, "end": 5, "type": "LOC", "kb_id": "Q13"})  # River is no entity
    first["stance"][2]["label"] = "against"
    del first["stance"][3]
    (claim,) = first["claims"]
    del claim["text"]
    claim["source"] = "bo-berg"
    first["claims"].append({"start": 0, "end": 11, "source": "author"})  # River rises is no claim
    first["verification"][2]["label"] = "supported"
    return [first, second]


def test_each_kind_of_fault_has_its_name(
    tiny_corpus: Corpus, tmp_path: Path, gold_record: Callable[[str], Record]
) -> None:
    found = errors(tiny_items(tiny_corpus, tmp_path, spoiled(gold_record)))
    # Berg's type is wrong where his name begins at the same place: the second document has both right.
    assert found == {
        "mention": {
            "GPE": {"boundary": 1, "correct": 1},
            "PER": {"type": 1, "correct": 1},
            "LOC": {"spurious": 1},
        },
        "linking": {"all": {"link": 1, "spurious": 1, "correct": 1}},
        "stance": {
            "dam": {"none → none": 2, "favor → against": 1, "favor → favor": 1},
            "mayor-berg": {"none → none": 3, "none → missing": 1},
        },
        "claim": {"author": {"source": 1, "spurious": 1, "correct": 1}},
        "verification": {
            "supported": {"supported": 2},
            "refuted": {"refuted": 3, "supported": 1},
        },
    }


def test_a_claim_cut_in_two_is_split_and_two_taken_as_one_are_merged(
    tiny_corpus: Corpus, tmp_path: Path, gold_record: Callable[[str], Record]
) -> None:
    first, second = gold_record("flood-0"), gold_record("flood-1")
    (claim,) = first["claims"]
    middle = claim["start"] + 8
    first["claims"] = [
        {"start": claim["start"], "end": middle, "source": "author"},
        {"start": middle, "end": claim["end"], "source": "author"},
    ]
    found = errors(tiny_items(tiny_corpus, tmp_path, [first, second]))["claim"]["author"]
    # The longer part, 15 of 23 characters, is matched; the other is what was split off.
    assert found == {"correct": 2, "split": 1}


def test_an_item_shows_the_words_around_it(
    tiny_corpus: Corpus, tmp_path: Path, gold_record: Callable[[str], Record]
) -> None:
    items = tiny_items(tiny_corpus, tmp_path, spoiled(gold_record))
    (berg,) = [item for item in items if item.task == "mention" and item.verdict == "type"]
    assert isinstance(berg.context, str)
    assert "Mayor [Bo Berg] asked for a dam" in berg.context
    assert berg.gold is not None
    assert berg.gold["type"] == "PER"


def test_the_score_shows_errors_by_kind(tmp_path: Path) -> None:
    system = write(tmp_path, noisy())
    shown = CliRunner().invoke(cli, ["score", str(system), "--resamples", "20"], catch_exceptions=False).stdout
    for title in ("errors: mentions", "errors: links", "errors: stance", "errors: claims", "errors: verification"):
        assert title in shown


def test_a_flip_is_an_item_that_one_of_two_systems_has_right(
    tiny_corpus: Corpus, tmp_path: Path, gold_record: Callable[[str], Record]
) -> None:
    good = tiny_items(tiny_corpus, tmp_path / "a", [gold_record("flood-0"), gold_record("flood-1")])
    bad = tiny_items(tiny_corpus, tmp_path / "b", spoiled(gold_record))
    found = flips(good, bad)
    assert {flip.better for flip in found} == {"a"}
    tasks = [flip.task for flip in found]
    # Three mentions (boundary, type, spurious), two links, two cells, two claims, one pair.
    assert {task: tasks.count(task) for task in dict.fromkeys(tasks)} == {
        "claim": 2, "linking": 2, "mention": 3, "stance": 2, "verification": 1,
    }  # fmt: skip
    dam = next(flip for flip in found if flip.item == "mayor/dam")
    assert (dam.gold, dam.a, dam.b) == ("favor", "favor", "against")
    assert dam.context == "Mayor Bo Berg asked for a dam."
    # The other way round, the other is better.
    swapped = {"a": "b", "b": "a"}
    assert flips(bad, good) == [
        msgspec.structs.replace(flip, a=flip.b, b=flip.a, better=swapped[flip.better]) for flip in found
    ]
    assert flips(good, good) == []


def test_compare_lists_the_flips(tmp_path: Path) -> None:
    one, other = write(tmp_path, noisy(1), "one.jsonl"), write(tmp_path, noisy(2), "other.jsonl")
    run = CliRunner()
    found = json.loads(run.invoke(cli, ["rank", "--compare", str(one), str(other), "--format", "json"]).stdout)
    assert (found["a"], found["b"]) == ("one", "other")
    assert [msgspec.convert(flip, Flip) for flip in found["flips"]]
    shown = run.invoke(cli, ["rank", "--compare", str(one), str(other)]).stdout
    assert "only a is right" in shown
    assert run.invoke(cli, ["rank"], standalone_mode=False).exit_code != 0


def test_a_ranking_by_another_measure_is_that_of_ranking_by_it(tmp_path: Path) -> None:
    paths = [write(tmp_path, noisy(seed), f"s{seed}.jsonl") for seed in (1, 2, 3)]
    whole = rank(paths, released(), resamples=50)
    for measure in ("entities", "stance", "claims"):
        assert whole.by(measure).as_dict() == rank(paths, released(), measure=measure, resamples=50).as_dict()


def test_output_has_a_page_for_each_track(tmp_path: Path) -> None:
    system = write(tmp_path, noisy())
    done = CliRunner().invoke(
        cli, ["rank", str(system), "--resamples", "20", "--output", str(tmp_path / "out")], catch_exceptions=False
    )
    assert done.exit_code == 0
    pages = {page.name for page in (tmp_path / "out").glob("leaderboard-*.md")}
    assert pages == {"leaderboard-entities.md", "leaderboard-stance.md", "leaderboard-claims.md"}
