"""Items: every measure can be computed from what is written one by one, and each item is called by its right name."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli import run
from layer_counts import context, count_layer
from layer_counts import document as made_document
from predictions import gold_records, noisy, released, write
from random_corpora import random_texts, write_random_corpus
from retold.corpus.load import Corpus, load_corpus
from retold.layers.base import Item
from retold.layers.coreference import MEASURE_NAMES, Mentions, measures_of
from retold.measures.clusters import sums_of
from retold.scoring.compare import Flip, compare_items, errors
from retold.scoring.items import SystemItems
from retold.scoring.ranking import rank
from retold.scoring.score import items_of, score_with_items
from tiny import TEXTS, gold_of

Record = dict[str, Any]
Value = float | None


# --- Every measure from the file alone --------------------------------------------------------------------------------
# The definitions once more, in plain code that knows nothing but lines of JSON. Undefined values are None.


def ratio(part: float, whole: float) -> Value:
    return part / whole if whole else None


def f1(correct: float, predicted: float, gold: float) -> Value:
    return ratio(2 * correct, predicted + gold)


def prf(prefix: str, correct: float, predicted: float, gold: float) -> dict[str, Value]:
    return {
        f"{prefix}.precision": ratio(correct, predicted),
        f"{prefix}.recall": ratio(correct, gold),
        f"{prefix}.f1": f1(correct, predicted, gold),
    }


def mean(values: Iterable[Value]) -> Value:
    defined = [value for value in values if value is not None]
    return ratio(sum(defined), len(defined))


def sides(items: list[Record]) -> tuple[int, int]:
    """Items that have a prediction, and items that have a gold label."""
    return sum(item["predicted"] is not None for item in items), sum(item["gold"] is not None for item in items)


def of_task(items: list[Record], task: str, kind: str | None = None) -> list[Record]:
    return [item for item in items if item["task"] == task and kind in (None, item.get("kind"))]


def mention_measures(items: list[Record], kind: str) -> dict[str, Value]:
    # SemEval-2013: exact wants the span, type the type, partial gives half for an overlap.
    items = of_task(items, "mention", kind)
    predicted, gold = sides(items)
    of = Counter(item["verdict"] for item in items)
    exact, moved = of["correct"] + of["type"], of["boundary"] + of["boundary and type"]
    return {
        **prf("entities.mention", of["correct"], predicted, gold),
        "entities.mention.exact.f1": f1(exact, predicted, gold),
        "entities.mention.partial.f1": f1(exact + moved / 2, predicted, gold),
        "entities.mention.type.f1": f1(of["correct"] + of["boundary"], predicted, gold),
    }


def linking_measures(items: list[Record], kind: str | None = None) -> dict[str, Value]:
    items = of_task(items, "linking", kind)
    right = sum(item["gold"] is not None and item["gold"] == item["predicted"] for item in items)
    return prf("entities.linking", right, *sides(items))


def joined(items: list[Record]) -> Mentions:
    """The clusters of both sides, counted anew; what the measures make of them is tested in test_clusters.py."""
    documents: dict[str, list[Record]] = defaultdict(list)
    for item in of_task(items, "coreference"):
        documents[item["document_id"]].append(item)
    counted = []
    for key, own in documents.items():
        text = made_document([(0, 30_000, "body")], [(0, 30_000)], key, own[0]["language"], own[0]["event"])
        sides = [[item[side] for item in own if item[side] is not None] for side in ("gold", "predicted")]
        # A mention that names no cluster is one of its own.
        named = [
            [{k: v for k, v in each.items() if v is not None} | {"type": "PER"} for each in side] for side in sides
        ]
        counted.append((context(text), *named))
    found: Mentions = count_layer("entities", *counted).joined.finalize()
    return found


def coreference_measures(items: list[Record], *, document: bool = False) -> dict[str, Value]:
    """Every family; with ``document`` each document is an event of its own."""
    if not of_task(items, "coreference"):
        return dict.fromkeys(MEASURE_NAMES)
    found = joined(items)
    values = measures_of(found.within() if document else sums_of(found.overlaps()))
    return {name: None if isnan(value[0]) else float(value[0]) for name, value in values.items()}


def cross_lingual(items: list[Record]) -> dict[str, Value]:
    """Links between mentions in different languages."""
    correct, predicted, gold = joined(items).cross_lingual()["counts"].values()
    return prf("entities.coreference.links", correct, predicted, gold)


def label_f1(items: list[Record], label: str) -> Value:
    right = sum(item["gold"]["label"] == label == (item["predicted"] or {}).get("label") for item in items)
    given = sum((item["predicted"] or {}).get("label") == label for item in items)
    return f1(right, given, sum(item["gold"]["label"] == label for item in items))


def mean_over_gold(items: list[Record], labels: Iterable[str]) -> Value:
    """Mean F1 of the labels that gold has."""
    asked = {item["gold"]["label"] for item in items}
    return mean(label_f1(items, label) for label in labels if label in asked)


def confusion(prefix: str, items: list[Record], labels: tuple[str, ...]) -> dict[str, Value]:
    values = {f"{prefix}.{label}.f1": label_f1(items, label) for label in labels}
    right = sum(item["gold"]["label"] == (item["predicted"] or {}).get("label") for item in items)
    return {
        **values,
        f"{prefix}.macro_f1": mean_over_gold(items, labels),
        f"{prefix}.accuracy": ratio(right, len(items)),
    }


def evidence(items: list[Record], side: str) -> set[tuple[Any, ...]]:
    """Sentences under a label that takes a side."""
    return {
        (number, item[side]["label"], sentence)
        for number, item in enumerate(items)
        if item[side] is not None and item[side]["label"] != "none"
        for sentence in item[side]["evidence"]
    }


def stance_measures(items: list[Record]) -> dict[str, Value]:
    items = of_task(items, "stance")
    values = confusion("stance", items, ("favor", "against", "none"))
    gold, given = evidence(items, "gold"), evidence(items, "predicted")
    values["stance.favg"] = mean_over_gold(items, ("favor", "against"))
    values["stance.evidence.f1"] = f1(len(gold & given), len(given), len(gold))
    scored = [item for item in items if "scores" in (item["predicted"] or {})]
    squares = 0.0
    bins: dict[int, list[float]] = defaultdict(list)
    for item in scored:
        scores, label = item["predicted"]["scores"], item["predicted"]["label"]
        squares += sum((score - (name == item["gold"]["label"])) ** 2 for name, score in scores.items())
        # Ten equal bins; what is less than sure of a right label adds to the gap, what is sure of a wrong one takes.
        bins[min(int(scores[label] * 10), 9)].append(scores[label] - (label == item["gold"]["label"]))
    values["stance.brier"] = ratio(squares, len(scored))
    values["stance.ece"] = ratio(sum(abs(sum(gaps)) for gaps in bins.values()), len(scored))
    return values


def claim_measures(items: list[Record]) -> dict[str, Value]:
    items = of_task(items, "claim")
    predicted, gold = sides(items)
    spans = [
        {(item["document_id"], item[side]["start"], item[side]["end"]) for item in items if item[side] is not None}
        for side in ("gold", "predicted")
    ]
    return {
        **prf("claims.span", sum(item.get("overlap", 0.0) for item in items), predicted, gold),
        "claims.span.exact.f1": f1(len(spans[0] & spans[1]), predicted, gold),
        "claims.attribution.f1": f1(sum(item["right"] for item in items), predicted, gold),
    }


def verification_measures(items: list[Record]) -> dict[str, Value]:
    items = of_task(items, "verification")
    values = confusion("claims.verification", items, ("supported", "refuted", "not_enough_info"))
    values["claims.verification.strict"] = ratio(sum(item["strict"] for item in items), len(items))
    return values


def recomputed(items: list[Record]) -> dict[str, Value]:
    """Every measure of a system, from its items."""
    values = {
        **mention_measures(items, "name"),
        **linking_measures(items),
        **coreference_measures(items),
        **stance_measures(items),
        **claim_measures(items),
        **verification_measures(items),
    }
    given = {item["task"] for item in items}
    three = ("entities.mention.f1", "entities.linking.f1", "entities.coreference.conll")
    of_claims = ("claims.span.f1", "claims.attribution.f1", "claims.verification.macro_f1")
    tracks = {
        "entities": mean(values[name] for name in three),
        "stance": values["stance.favg"],
        # Only for a system that gives both layers.
        "claims": mean(values[name] for name in of_claims) if given >= {"claim", "verification"} else None,
    }
    return {**values, **tracks, "overall": None if None in tracks.values() else mean(tracks.values())}


def as_floats(values: Mapping[str, Value]) -> dict[str, float]:
    return {name: nan if value is None else value for name, value in values.items()}


def assert_same(found: Mapping[str, Value], wanted: Mapping[str, Any]) -> None:
    shown = {name: cell["value"] for name, cell in wanted.items()}
    assert as_floats(found) == pytest.approx(as_floats(shown), abs=1e-9, nan_ok=True)


def disturbed(seed: int) -> list[Record]:
    """``noisy``, and what it lacks.

    Other kinds, mentions that are none or name no cluster, claims that are none or cut or joined, cells without scores,
    and labels where nothing is annotated.
    """
    draw, records = random.Random(seed), noisy(seed)
    for record in records:
        for mention in record["entities"]:
            if draw.random() < 0.1:
                mention["kind"] = "nominal" if mention["kind"] == "name" else "name"
            if draw.random() < 0.1:
                del mention["entity"]
        # Two letters inside the last word of a sentence are no mention.
        document = released().documents[record["document_id"]]
        for kind, sentence in zip(("name", "nominal"), document.sentences[:2], strict=True):
            made_up = {"start": sentence.end - 4, "end": sentence.end - 2, "type": "ORG", "kind": kind}
            record["entities"].append({**made_up, "entity": "israel"})
        for cell in record["stance"]:
            if draw.random() < 0.2:
                del cell["scores"]
        first, second, third, *others = sorted(record["claims"], key=lambda claim: claim["start"])
        middle = (third["start"] + third["end"]) // 2
        record["claims"] = [
            {"start": first["start"], "end": max(first["end"], second["end"]), "source": "author"},
            {**third, "end": middle},
            {**third, "start": middle},
            *others,
        ]
        gold = released().gold[record["document_id"]].claims or ()
        taken = [(claim.start, claim.end) for claim in gold]
        taken += [(claim["start"], claim["end"]) for claim in record["claims"]]
        for sentence in document.sentences:
            if all(end <= sentence.start or sentence.end <= start for start, end in taken):
                record["claims"].append({"start": sentence.start, "end": sentence.end, "source": "author"})
        for zone in document.zones:
            if zone.zone == "byline":
                span = {"start": zone.start, "end": zone.start + 4}
                record["entities"].append({**span, "type": "PER", "entity": "hamas", "kb_id": "Q38799"})
                record["claims"].append({**span, "source": "author"})
    return records


def entities_only() -> list[Record]:
    return [{key: record[key] for key in ("document_id", "entities")} for record in disturbed(4)]


#: Name -> predictions.
SYSTEMS: dict[str, Callable[[], list[Record]]] = {
    "gold": gold_records,
    **{f"disturbed {seed}": lambda seed=seed: disturbed(seed) for seed in (1, 2, 3)},  # type: ignore[misc]
    "entities only": entities_only,
    "nothing": lambda: [
        {"document_id": record["document_id"], "entities": [], "stance": [], "claims": [], "verification": []}
        for record in gold_records()
    ],
}


@pytest.fixture(scope="module", params=SYSTEMS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], Record]:
    """Lines of ``retold score --items``, and what ``retold score --format json`` says of the same system."""
    folder = tmp_path_factory.mktemp("items")
    system, target = write(folder, SYSTEMS[request.param]()), folder / "items.jsonl"
    done = run("score", system, "--items", target, "--format", "json", "--resamples", "20")
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()], json.loads(done.stdout)


def test_every_measure_can_be_computed_from_the_items_alone(written: tuple[list[Record], Record]) -> None:
    (_, *items), score = written
    assert_same(recomputed(items), score["measures"])


def test_so_can_the_breakdowns(written: tuple[list[Record], Record]) -> None:
    (_, *items), score = written
    assert len(score["breakdowns"]["document"]) == 5
    check_breakdowns(items, score["breakdowns"])


def check_breakdowns(items: list[Record], breakdowns: Record) -> None:
    """Assert that breakdowns by document and kind, and those of coreference, follow from the items."""
    for kind in ("name", "nominal"):
        found = {**mention_measures(items, kind), **linking_measures(items, kind)}
        assert_same(found, breakdowns["kind"][kind])
    assert_same(coreference_measures(items, document=True), breakdowns["coreference"]["within"])
    assert_same(cross_lingual(items), breakdowns["coreference"]["cross-lingual"])
    for document, wanted in breakdowns["document"].items():
        found = recomputed([item for item in items if item["document_id"] == document])
        assert_same({name: found[name] for name in wanted}, wanted)


@pytest.mark.parametrize(("seed", "size"), [(1, 5), (2, 12), (3, 40)])
def test_random_corpora_can_be_computed_from_their_items_alone(tmp_path: Path, seed: int, size: int) -> None:
    # Gold here contradicts its catalogue, leaves out ids of verified entities, and has no layer or label for sure.
    texts, gold, system = random_texts(random.Random(seed), size)
    corpus = load_corpus(write_random_corpus(tmp_path / "corpus", texts, gold))
    score, found = score_with_items(system.values(), corpus, resamples=0)
    items = msgspec.json.decode(msgspec.json.encode(found))
    result = score.as_dict()
    assert_same(recomputed(items), result["measures"])
    check_breakdowns(items, result["breakdowns"])


def test_the_first_line_says_what_the_items_are_of(written: tuple[list[Record], Record]) -> None:
    (first, *items), score = written
    assert first == {name: score[name] for name in ("signature", "system", "corpus", "submission")}
    assert len(first["submission"]["sha256"]) == 64
    assert all("signature" not in item and "task" in item for item in items)


def test_an_item_is_right_where_it_is_called_so(written: tuple[list[Record], Record]) -> None:
    for item in written[0][1:]:
        if item["task"] == "coreference":
            assert item["right"] is None
            # It stands where a mention or a link shows the words already.
            assert "context" not in item
        else:
            assert item["right"] == (item["verdict"] == "correct")
            assert ("kind" in item) == (item["task"] in ("mention", "linking"))


def test_disturbed_systems_have_items_of_every_verdict(tmp_path: Path) -> None:
    # Without them, the tests above would say less than they seem to.
    found = defaultdict(set)
    systems = [items_of(write(tmp_path, disturbed(seed)), released()) for seed in (1, 2, 3)]
    for item in (item for system in systems for item in system.items):
        found[item.task if item.kind != "nominal" else f"{item.kind} {item.task}"].add(item.verdict)
    assert found["mention"] >= {"correct", "boundary", "type", "kind", "missed", "spurious"}
    assert found["nominal mention"] >= {"correct", "boundary", "kind", "missed", "spurious"}
    assert found["linking"] | found["nominal linking"] == {"correct", "link", "missed", "spurious"}
    assert found["coreference"] == {"matched", "missed", "spurious"}
    assert found["claim"] == {"correct", "source", "overlap", "merged", "missed", "split", "spurious"}
    assert found["stance"] == found["verification"] == {"correct", "wrong", "missing"}


# --- Verdicts ---------------------------------------------------------------------------------------------------------


def spoiled() -> list[Record]:
    """Gold of the tiny corpus with one fault of each kind in the first document."""
    first, second = map(gold_of, TEXTS)
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


def test_each_kind_of_fault_has_its_name(tiny_corpus: Corpus) -> None:
    found = errors(items_of(spoiled(), tiny_corpus).items)
    # Berg's type is wrong where his name begins at the same place: the second document has both right.
    assert found == {
        "mention": {"GPE": {"boundary": 1, "correct": 1}, "PER": {"type": 1, "correct": 1}, "LOC": {"spurious": 1}},
        "linking": {"all": {"link": 1, "spurious": 1, "correct": 1}},
        "stance": {
            "dam": {"none → none": 2, "favor → against": 1, "favor → favor": 1},
            "mayor-berg": {"none → none": 3, "none → missing": 1},
        },
        "claim": {"author": {"source": 1, "spurious": 1, "correct": 1}},
        "verification": {"supported": {"supported": 2}, "refuted": {"refuted": 3, "supported": 1}},
    }


def test_a_claim_cut_in_two_is_split(tiny_corpus: Corpus) -> None:
    first, second = map(gold_of, TEXTS)
    (claim,) = first["claims"]
    middle = claim["start"] + 8
    first["claims"] = [
        {"start": claim["start"], "end": middle, "source": "author"},
        {"start": middle, "end": claim["end"], "source": "author"},
    ]
    found = errors(items_of([first, second], tiny_corpus).items)["claim"]["author"]
    # The longer part, 15 of 23 characters, is matched; the other is what was split off.
    assert found == {"correct": 2, "split": 1}


def test_claims_taken_as_one_are_merged_and_one_that_nothing_covers_is_missed(tiny_folder: Path) -> None:
    first, second = map(gold_of, TEXTS)
    # Three claims in "Mayor Bo Berg asked for a dam. The dam costs 5 million.\nVale was flooded on Monday."
    text = load_corpus(tiny_folder).documents["flood-0"].text
    words = ("Mayor Bo Berg asked for a dam", "The dam costs 5 million", "Vale was flooded on Monday")
    starts = [text.index(each) for each in words]
    spans = [
        {"start": start, "end": start + len(each), "text": each} for start, each in zip(starts, words, strict=True)
    ]
    first["claims"] = [{**span, "source": "author", "claim": "dam-costs-5"} for span in spans]
    write(tiny_folder / "events" / "flood", [first, second], "gold.jsonl")
    joined = {"start": spans[0]["start"], "end": spans[1]["end"], "source": "author"}
    found = items_of([{**first, "claims": [joined]}, second], load_corpus(tiny_folder)).items
    of_first = [item for item in found if item.task == "claim" and item.document_id == "flood-0"]
    # 29 characters, two between, 23: the first claim has 29/54 of what was given, more than the second, and is matched.
    assert [(item.verdict, item.right, item.predicted is None) for item in of_first] == [
        ("correct", True, False),
        ("merged", False, True),
        ("missed", False, True),
    ]
    assert of_first[0].overlap == pytest.approx(29 / 54)
    assert errors(found)["claim"] == {"author": {"correct": 2, "merged": 1, "missed": 1}}


def test_a_name_given_as_a_nominal_is_missed_and_told_as_such(tiny_folder: Path) -> None:
    first, second = map(gold_of, TEXTS)
    text = load_corpus(tiny_folder).documents["flood-0"].text
    mayor = {"start": text.index("Mayor"), "end": text.index("Mayor") + 5, "text": "Mayor"}
    mayor.update(kind="nominal", type="PER", entity="bo-berg", kb_id="Q11")
    first["entities"].append(mayor)
    write(tiny_folder / "events" / "flood", [first, second], "gold.jsonl")
    corpus = load_corpus(tiny_folder)
    good = items_of([first, second], corpus)
    turned = {"name": "nominal", "nominal": "name"}
    other = [{**mention, "kind": turned[mention["kind"]]} for mention in first["entities"]]
    bad = items_of([{**first, "entities": other}, second], corpus)
    # Nothing is spurious: a name called a nominal is one item, and the gold nominal is the ignore region of a name.
    assert errors(bad.items)["mention"] == {
        "GPE": {"kind": 1, "correct": 1},
        "PER": {"kind": 1, "correct": 1},
        "nominals": {"kind": 1},
    }
    assert all((item.predicted is None) == (item.kind == "nominal") for item in bad.items if item.verdict == "kind")
    # Between systems nominals do not count, and links and clusters are the same.
    assert [(flip.task, flip.gold, flip.a, flip.b, flip.b_verdict) for flip in compare_items(good, bad).flips] == [
        ("mention", "GPE", "GPE", "nominal", "kind"),
        ("mention", "PER", "PER", "nominal", "kind"),
    ]


def test_a_cluster_named_author_is_not_the_author(tmp_path: Path) -> None:
    # In a bare gold file an entity may have any key. The claim is the author's, its source is given as that entity.
    first = gold_of("flood-0")
    for mention in first["entities"]:
        mention["entity"] = "author" if mention["entity"] == "vale" else mention["entity"]
    guess = {**first, "entities": [{**mention, "entity": f"my-{mention['entity']}"} for mention in first["entities"]]}
    guess["claims"] = [{**claim, "source": "my-author"} for claim in first["claims"]]
    score, items = score_with_items(write(tmp_path, [guess]), write(tmp_path, [first], "gold.jsonl"), resamples=0)
    assert score.measures["claims.attribution.f1"].value == 0
    assert [item.verdict for item in items or () if item.task == "claim"] == ["source"]


def test_a_mention_without_a_cluster_is_null_and_stands_for_itself(tiny_corpus: Corpus) -> None:
    first, second = map(gold_of, TEXTS)
    for mention in first["entities"]:
        del mention["entity"]
    found = [item for item in items_of([first, second], tiny_corpus).items if item.task == "coreference"]
    assert [(item.gold or {})["entity"] for item in found] == ["vale", "bo-berg"] * 2
    assert [(item.predicted or {})["entity"] for item in found] == [None, None, "vale", "bo-berg"]
    assert [(item.event, item.language) for item in found] == [("flood", "en")] * 2 + [("flood", "id")] * 2


def test_an_item_shows_the_words_around_it(tiny_corpus: Corpus) -> None:
    items = items_of(spoiled(), tiny_corpus).items
    (berg,) = [item for item in items if item.task == "mention" and item.verdict == "type"]
    assert isinstance(berg.context, str)
    assert "Mayor [Bo Berg] asked for a dam" in berg.context
    assert berg.gold is not None
    assert berg.gold["type"] == "PER"


@pytest.mark.parametrize("style", ["text", "markdown", "latex"])
def test_the_score_shows_errors_by_kind(style: str, tmp_path: Path) -> None:
    shown = run("score", write(tmp_path, noisy()), "--resamples", "20", "--format", style, "--verbose").stdout
    for title in ("errors: mentions", "errors: links", "errors: stance", "errors: claims", "errors: verification"):
        assert title in shown


# --- Two systems ------------------------------------------------------------------------------------------------------


def test_a_flip_is_an_item_that_one_of_two_systems_has_right(tiny_corpus: Corpus) -> None:
    good = items_of([*map(gold_of, TEXTS)], tiny_corpus)
    bad = items_of(spoiled(), tiny_corpus)
    comparison = compare_items(good, bad)
    found = comparison.flips
    assert {flip.better for flip in found} == {"a"}
    # Three mentions (boundary, type, spurious), two links, two cells, two claims, one pair.
    wanted = {"mention": 3, "linking": 2, "stance": 2, "claim": 2, "verification": 1}
    assert Counter(flip.task for flip in found) == wanted
    assert comparison.tasks() == {task: (amount, 0) for task, amount in wanted.items()}
    assert list(dict.fromkeys(flip.task for flip in found)) == list(wanted)
    dam = next(flip for flip in found if flip.item == "mayor/dam")
    assert (dam.gold, dam.a, dam.b) == ("favor", "favor", "against")
    assert dam.context == "Mayor Bo Berg asked for a dam."
    # The other way round, the other is better.
    swapped = {"a": "b", "b": "a"}
    assert compare_items(bad, good).flips == [
        msgspec.structs.replace(
            flip, a=flip.b, b=flip.a, a_verdict=flip.b_verdict, b_verdict=flip.a_verdict, better=swapped[flip.better]
        )
        for flip in found
    ]
    assert compare_items(good, good).flips == []


def test_a_flip_shows_how_equal_labels_differ(tiny_corpus: Corpus) -> None:
    good = items_of([*map(gold_of, TEXTS)], tiny_corpus)
    bad = items_of(spoiled(), tiny_corpus)
    flips = compare_items(good, bad).flips
    shown = {(flip.task, flip.item): (flip.gold, flip.a, flip.b, flip.b_verdict) for flip in flips}
    # Vale stands at 15 to 19 of "River rises in Vale", and "Val" was given.
    assert shown["mention", "15:19"] == ("GPE", "GPE", "GPE 15:18", "boundary")
    # "River", which is none, was not given by the better one.
    assert shown["mention", "0:5"] == ("", "", "LOC", "spurious")
    assert shown["linking", "0:5"] == ("", "", "Q13", "spurious")


def test_only_layers_that_both_give_are_compared(tiny_corpus: Corpus) -> None:
    records = [*map(gold_of, TEXTS)]
    few = [{key: record[key] for key in ("document_id", "entities")} for record in records]
    fewest = [{key: record[key] for key in ("document_id", "claims")} for record in records]
    entities = items_of(few, tiny_corpus)
    claims = items_of(fewest, tiny_corpus)
    # A system with faults in every layer, some of them labels that gold does not have.
    bad = items_of(spoiled(), tiny_corpus)
    found = compare_items(entities, bad)
    assert found.compared == ["entities"]
    assert found.left_out == {"stance": ["a"], "claims": ["a"], "verification": ["a"]}
    assert found.tasks() == {"mention": (3, 0), "linking": (2, 0)}
    assert {flip.task for flip in found.flips} == {"mention", "linking"}
    found = compare_items(bad, entities)
    assert found.left_out == {"stance": ["b"], "claims": ["b"], "verification": ["b"]}
    assert found.tasks() == {"mention": (0, 3), "linking": (0, 2)}
    found = compare_items(entities, claims)
    assert (found.compared, found.tasks(), found.flips) == ([], {}, [])
    assert found.left_out == {
        "entities": ["b"], "stance": ["a", "b"], "claims": ["a"], "verification": ["a", "b"],
    }  # fmt: skip


CORPUS = {"name": "tiny", "version": "", "sha256": ""}
SIGNATURE = "corpus:tiny|unit:paragraph|seed:0"


def system_of(*items: Item) -> SystemItems:
    layers: Any = {"entities": True, "stance": True, "claims": True, "verification": True}
    return SystemItems("one", SIGNATURE, CORPUS, {"sha256": "ab"}, layers, list(items))


def test_what_gold_has_is_never_right_without_an_item_and_what_it_has_not_is() -> None:
    label = {"start": 0, "end": 4, "type": "PER"}
    wrong = Item(
        document_id="d", task="mention", verdict="missed", right=False, gold=label, predicted=None, kind="name"
    )
    right = msgspec.structs.replace(wrong, verdict="correct", right=True, predicted=label)
    spurious = msgspec.structs.replace(wrong, verdict="spurious", gold=None, predicted=label)
    assert compare_items(system_of(), system_of(wrong)).flips == []
    (flip,) = compare_items(system_of(), system_of(right)).flips
    assert (flip.better, flip.a, flip.a_verdict, flip.b) == ("b", "", "", "PER")
    (flip,) = compare_items(system_of(), system_of(spurious)).flips
    assert (flip.better, flip.gold, flip.a, flip.b) == ("a", "", "", "PER")
    # Both take words for a name that are none, if of different types.
    other = msgspec.structs.replace(spurious, predicted={**label, "type": "ORG"})
    assert compare_items(system_of(spurious), system_of(other)).flips == []


def test_items_of_different_corpora_are_not_compared() -> None:
    with pytest.raises(ValueError, match="corpus:other"):
        compare_items(system_of(), replace(system_of(), signature="corpus:other|unit:paragraph|seed:0"))


def test_compare_lists_the_flips(tmp_path: Path) -> None:
    one, other = write(tmp_path, noisy(1), "one.jsonl"), write(tmp_path, noisy(2), "other.jsonl")
    found = json.loads(run("rank", "--compare", one, other, "--format", "json").stdout)
    flips = [msgspec.convert(flip, Flip) for flip in found["flips"]]
    assert {flip.better for flip in flips} == {"a", "b"}
    assert all((flip.a, flip.a_verdict) != (flip.b, flip.b_verdict) for flip in flips)
    assert (found["a"], found["b"]) == ("one", "other")
    scores = [json.loads(run("score", path, "--format", "json", "--resamples", "1").stdout) for path in (one, other)]
    assert [found["submissions"][side] for side in "ab"] == [score["submission"] for score in scores]
    assert found["corpus"] == scores[0]["corpus"]
    assert found["signature"] == scores[0]["signature"].replace("|resamples:1|", "|resamples:0|")


@pytest.mark.parametrize(
    "option", [("--seed", "0"), ("--resamples", "10000"), ("--measure", "overall"), ("--output", "board")]
)
def test_options_of_a_ranking_are_refused_in_a_comparison(option: tuple[str, str], tmp_path: Path) -> None:
    # Also with the value that they have without being given.
    path = str(write(tmp_path, noisy()))
    refused = run("rank", "--compare", path, path, *option)
    assert refused.returncode == 2
    assert option[0] in refused.stderr
    assert refused.stdout == ""


def test_a_comparison_takes_two_systems_and_a_ranking_one_at_least(tmp_path: Path) -> None:
    path = str(write(tmp_path, noisy()))
    for arguments in (["rank", path, "--compare", path, path], ["rank"]):
        assert run(*arguments).returncode == 2


# --- Boards of the tracks ---------------------------------------------------------------------------------------------


def test_a_ranking_by_another_measure_is_that_of_ranking_by_it(tmp_path: Path) -> None:
    paths = [write(tmp_path, noisy(seed), f"s{seed}.jsonl") for seed in (1, 2, 3)]
    whole = rank(paths, released(), resamples=50)
    for measure in ("entities", "stance", "claims"):
        assert whole.by(measure).as_dict() == rank(paths, released(), measure=measure, resamples=50).as_dict()
