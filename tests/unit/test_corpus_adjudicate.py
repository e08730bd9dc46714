"""Adjudication: what both readers give is gold, every difference is decided in writing, and nothing else is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retold.corpus.adjudicate import AdjudicationError, adjudicate, differences
from retold.corpus.load import Corpus
from retold.model.annotations import AnnotationRecord, Decision, encode

Record = dict[str, Any]
DOCUMENTS = ("flood-0", "flood-1")
#: The sentence "Mayor Bo Berg asked for a dam." of the English document of the tiny corpus begins at 33, its title's
#: Vale stands at 15 to 19.
MAYOR, BERG, MAYOR_BERG, VALE = "33:38", "39:46", "33:46", "15:19"


def record_of(raw: Record) -> AnnotationRecord:
    return msgspec.convert(raw, AnnotationRecord)


def decision_of(layer: str, item: str, one: Any, two: Any, decided: Any, **changes: Any) -> Decision:
    """A decision about an item of the English document between readers ``one`` and ``two``."""
    raw = {
        "document_id": "flood-0",
        "layer": layer,
        "item": item,
        "readers": {"one": one, "two": two},
        "decision": decided,
        "reason": "The guideline says so.",
    }
    return msgspec.convert({**raw, **changes}, Decision)


@pytest.fixture
def gold(gold_record: Callable[[str], Record]) -> list[Record]:
    """Gold of both documents of the tiny corpus, fresh; its pairs in the order of their claims."""
    records = [gold_record(key) for key in DOCUMENTS]
    for record in records:
        record["verification"].sort(key=lambda pair: pair["claim"])
    return records


@pytest.fixture
def apart(gold: list[Record]) -> dict[str, list[Record]]:
    """Two annotations of the tiny corpus that differ in seven items of the English document."""
    one, two = copy.deepcopy(gold), copy.deepcopy(gold)
    mayor = {"start": 33, "end": 38, "text": "Mayor", "kind": "nominal", "type": "PER", "entity": "bo-berg"}
    one[0]["entities"].append({**mayor, "kb_id": "Q11"})
    two[0]["entities"][1]["kind"] = "nominal"
    two[0]["stance"][1].update(label="favor", evidence=[1])
    two[0]["stance"][2].update(evidence=[2, 1])
    two[0]["claims"][0].update(start=60, text="am. The dam costs 5 million")
    two[0]["verification"][2].update(label="not_enough_info", evidence=[])
    return {"one": one, "two": two}


NAME = {"kind": "name", "entity": "bo-berg"}
NOMINAL = {"kind": "nominal", "entity": "bo-berg"}
CLAIM = {"source": "author", "claim": "dam-costs-5"}
NO_STANCE = {"label": "none", "evidence": []}
FAVOR = {"label": "favor", "evidence": [1]}
REFUTED = {"label": "refuted", "evidence": [2]}
UNKNOWN = {"label": "not_enough_info", "evidence": []}

#: One decision for each difference of ``apart``: (layer, item, what one gives, what two gives, what is gold).
DECIDED: list[tuple[str, str, Any, Any, Any]] = [
    ("entities", MAYOR, NOMINAL, None, None),
    ("entities", BERG, NAME, NOMINAL, NAME),
    ("stance", "author/mayor-berg", NO_STANCE, FAVOR, FAVOR),
    # What is gold may be what neither annotator gives.
    ("stance", "mayor/dam", FAVOR, {"label": "favor", "evidence": [1, 2]}, {"label": "favor", "evidence": [2]}),
    ("claims", "64:87", CLAIM, None, CLAIM),
    ("claims", "60:87", None, CLAIM, None),
    ("verification", "dam-costs-9", REFUTED, UNKNOWN, UNKNOWN),
]


def run(
    readers: dict[str, list[Record]], decisions: Sequence[Decision], corpus: Corpus, **changes: Any
) -> list[AnnotationRecord]:
    event = corpus.events["flood"]
    annotations = {name: [record_of(record) for record in records] for name, records in readers.items()}
    arguments = {"documents": corpus.documents, "catalogue": event.entities, **changes}
    return adjudicate(annotations, decisions, **arguments)


def test_adjudicate_keeps_what_all_annotators_give(gold: list[Record], tiny_corpus: Corpus) -> None:
    for readers in ({"one": gold}, {"one": gold, "two": gold}):
        assert run(readers, [], tiny_corpus) == [record_of(record) for record in gold]


def test_adjudicate_ignores_the_order_of_items_and_evidence(gold: list[Record], tiny_corpus: Corpus) -> None:
    gold[0]["stance"][2]["evidence"] = [1, 2]
    other = copy.deepcopy(gold)
    other.reverse()
    for record in other:
        for layer in ("entities", "stance", "claims", "verification"):
            record[layer].reverse()
    other[1]["stance"][1]["evidence"] = [2, 1, 1]
    assert run({"one": gold, "two": other}, [], tiny_corpus) == [record_of(record) for record in gold]


def test_differences_lists_each_differing_item_by_annotator(apart: dict[str, list[Record]]) -> None:
    found = differences({name: [record_of(record) for record in records] for name, records in apart.items()})
    plain = {key[1:]: msgspec.to_builtins(values) for key, values in found.items()}
    assert {key[0] for key in found} == {"flood-0"}
    assert plain == {(layer, item): {"one": one, "two": two} for layer, item, one, two, _ in DECIDED}


def test_adjudicate_takes_decisions_where_annotators_differ(
    apart: dict[str, list[Record]], gold: list[Record], tiny_corpus: Corpus
) -> None:
    settled = run(apart, [decision_of(*decided) for decided in DECIDED], tiny_corpus)
    # Gold of the tiny corpus but for what was decided otherwise: a stance, its evidence, a verdict.
    gold[0]["stance"][1].update(FAVOR)
    gold[0]["stance"][2].update(evidence=[2])
    gold[0]["verification"][2].update(UNKNOWN)
    assert settled == [record_of(record) for record in gold]


def test_adjudicate_takes_types_ids_and_texts_from_catalogue_and_document(
    gold: list[Record], tiny_corpus: Corpus
) -> None:
    for mention in gold[0]["entities"]:
        mention.update(type="ORG", kb_id="Q999")
        del mention["text"]
    # Type, id and text of the two mentions as the catalogue and the document of the tiny corpus have them.
    settled = run({"one": gold}, [], tiny_corpus)[0].entities
    assert [(m.type, m.kb_id, m.text) for m in settled] == [("GPE", None, "Vale"), ("PER", "Q11", "Bo Berg")]


def test_adjudicate_adds_an_item_that_no_annotator_has(gold: list[Record], tiny_corpus: Corpus) -> None:
    added = decision_of("entities", MAYOR_BERG, None, None, NOMINAL)
    inside = decision_of("entities", MAYOR, None, None, NOMINAL)
    settled = run({"one": gold, "two": gold}, [inside, added], tiny_corpus)
    # By start, the outer span before those inside it.
    assert [mention.text for mention in settled[0].entities] == ["Vale", "Mayor Bo Berg", "Mayor", "Bo Berg"]
    cell = decision_of("stance", "author/berg", None, None, NO_STANCE)
    settled = run({"one": gold, "two": gold}, [cell], tiny_corpus)
    assert [(c.holder, c.target) for c in settled[0].stance][:3] == [
        ("author", "berg"),
        ("author", "dam"),
        ("author", "mayor-berg"),
    ]


def test_adjudicate_corrects_an_item_on_which_all_agree(gold: list[Record], tiny_corpus: Corpus) -> None:
    """A later review may find both annotators wrong; the correction states what they gave."""
    given = {"kind": "name", "entity": "vale"}
    settled = run({"one": gold, "two": gold}, [decision_of("entities", VALE, given, given, None)], tiny_corpus)
    spans = [f"{m.start}:{m.end}" for m in settled[0].entities or ()]
    assert VALE not in spans
    assert len(spans) == len(gold[0]["entities"]) - 1


def test_a_correction_stands_when_another_annotator_agrees(gold: list[Record], tiny_corpus: Corpus) -> None:
    decisions = [
        decision_of("entities", MAYOR_BERG, None, None, NOMINAL),
        decision_of("entities", BERG, NAME, NAME, None),
    ]
    two, three = dict.fromkeys(("one", "two"), gold), dict.fromkeys(("one", "two", "three"), gold)
    assert run(three, decisions, tiny_corpus) == run(two, decisions, tiny_corpus)


@given(order=st.permutations(range(len(DECIDED))))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_adjudicate_is_independent_of_the_order_of_decisions_and_annotators(
    order: list[int], apart: dict[str, list[Record]], tiny_corpus: Corpus
) -> None:
    decisions = [decision_of(*decided) for decided in DECIDED]
    expected = [encode(record) for record in run(apart, decisions, tiny_corpus)]
    shuffled = [decisions[index] for index in order]
    assert [encode(record) for record in run(apart, shuffled, tiny_corpus)] == expected
    swapped = dict(reversed(apart.items()))
    assert [encode(record) for record in run(swapped, shuffled, tiny_corpus)] == expected


@pytest.mark.parametrize("left_out", range(len(DECIDED)))
def test_adjudicate_refuses_a_difference_without_a_decision(
    left_out: int, apart: dict[str, list[Record]], tiny_corpus: Corpus
) -> None:
    decisions = [decision_of(*decided) for index, decided in enumerate(DECIDED) if index != left_out]
    layer, item = DECIDED[left_out][:2]
    with pytest.raises(AdjudicationError, match=f"1 difference without a decision: flood-0/{layer}/{item}$"):
        run(apart, decisions, tiny_corpus)


#: What is wrong -> (decisions beside those of DECIDED, or one changed; the item that the message names; its words).
WRONG: dict[str, tuple[Callable[[list[Decision]], list[Decision]], str, str]] = {
    "no difference and nothing changed": (
        lambda d: [*d, decision_of("entities", VALE, *[{"kind": "name", "entity": "vale"}] * 3)],
        *(f"flood-0/entities/{VALE}", "changes nothing"),
    ),
    "a correction that states other annotations": (
        lambda d: [*d, decision_of("entities", VALE, {"kind": "name", "entity": "vale"}, None, None)],
        *(f"flood-0/entities/{VALE}", "does not state"),
    ),
    "nothing read and nothing decided": (
        lambda d: [*d, decision_of("entities", MAYOR_BERG, None, None, None)],
        *(f"flood-0/entities/{MAYOR_BERG}", "do not differ"),
    ),
    "other annotations": (
        lambda d: [*d[:1], decision_of("entities", BERG, NOMINAL, NAME, NAME), *d[2:]],
        *(f"flood-0/entities/{BERG}", "does not state"),
    ),
    "an annotator left out": (
        lambda d: [*d[:1], decision_of("entities", BERG, None, None, NAME, readers={"one": NAME}), *d[2:]],
        *(f"flood-0/entities/{BERG}", "does not state"),
    ),
    "an unknown annotator": (
        lambda d: [*d, decision_of("entities", MAYOR_BERG, None, None, NAME, readers={"three": None})],
        *(f"flood-0/entities/{MAYOR_BERG}", "does not state"),
    ),
    "a blank reason": (
        lambda d: [*d[:2], decision_of(*DECIDED[2], reason=" \n"), *d[3:]],
        *("flood-0/stance/author/mayor-berg", "reason"),
    ),
    "decided twice": (lambda d: [*d, d[6]], "flood-0/verification/dam-costs-9", "twice"),
    "another document": (
        lambda d: [*d, decision_of("entities", MAYOR_BERG, None, None, NAME, document_id="flood-7")],
        *(f"flood-7/entities/{MAYOR_BERG}", "unknown document"),
    ),
    "a key of the layer left out": (
        lambda d: [*d[:1], decision_of("entities", BERG, NAME, NOMINAL, {"kind": "name"}), *d[2:]],
        *(f"flood-0/entities/{BERG}", "entity"),
    ),
    "an unknown entity": (
        lambda d: [*d[:1], decision_of("entities", BERG, NAME, NOMINAL, {**NAME, "entity": "nobody"}), *d[2:]],
        *(f"flood-0/entities/{BERG}", "nobody"),
    ),
    "a label of another layer": (
        lambda d: [*d[:6], decision_of(*DECIDED[6][:4], FAVOR)],
        *("flood-0/verification/dam-costs-9", "favor"),
    ),
    "no span": (
        lambda d: [*d, decision_of("entities", "Mayor Bo Berg", None, None, NAME)],
        *("flood-0/entities/Mayor Bo Berg", "start:end"),
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_adjudicate_refuses_invalid_decisions(name: str, apart: dict[str, list[Record]], tiny_corpus: Corpus) -> None:
    spoil, item, words = WRONG[name]
    decisions = spoil([decision_of(*decided) for decided in DECIDED])
    with pytest.raises(AdjudicationError) as caught:
        run(apart, decisions, tiny_corpus)
    assert str(caught.value).startswith(f"{item}: ")
    assert words in str(caught.value)


def test_documents_and_layers_of_one_annotator_are_gold_and_those_of_none_stay(
    apart: dict[str, list[Record]], tiny_corpus: Corpus
) -> None:
    one, two = apart.values()
    only = {key: one[0][key] for key in ("document_id", "stance")}
    # In the first document the new annotator has only the stance, in which they agree with the first.
    readers = {"zero": [only], "one": one, "two": two[:1]}
    decisions = [decision_of(*decided) for decided in DECIDED]
    of_three = [
        msgspec.structs.replace(
            d, readers={"zero": d.readers["one"], **d.readers} if d.layer == "stance" else d.readers
        )
        for d in decisions
    ]
    both = run({"one": one, "two": [two[0], one[1]]}, decisions, tiny_corpus)
    assert run(readers, of_three, tiny_corpus) == both
    kept = {"flood-1": AnnotationRecord(document_id="flood-1", stance=[])}
    parts = {name: [msgspec.convert(record, AnnotationRecord) for record in (only,)] for name in ("one", "two")}
    found = adjudicate(parts, [], tiny_corpus.documents, tiny_corpus.events["flood"].entities, None, kept)
    assert [found[0].entities, found[1]] == [msgspec.UNSET, kept["flood-1"]]


def test_adjudicate_refuses_missing_documents(gold: list[Record], tiny_corpus: Corpus) -> None:
    with pytest.raises(AdjudicationError, match="not annotated: flood-1"):
        run({"one": gold[:1], "two": gold[:1]}, [], tiny_corpus)
    with pytest.raises(AdjudicationError, match="not annotated: flood-0, flood-1"):
        run({}, [], tiny_corpus)


def test_adjudicate_refuses_an_addition_without_a_reason(gold: list[Record], tiny_corpus: Corpus) -> None:
    added = decision_of("entities", MAYOR_BERG, None, None, NOMINAL, reason=" ")
    with pytest.raises(AdjudicationError, match=f"flood-0/entities/{MAYOR_BERG}: the decision has no reason"):
        run({"one": gold, "two": gold}, [added], tiny_corpus)


def test_a_layer_that_nobody_has_is_left_out(gold: list[Record], tiny_corpus: Corpus) -> None:
    lacking = [{key: value for key, value in record.items() if key != "claims"} for record in gold]
    assert [record.claims for record in run({"one": lacking, "two": lacking}, [], tiny_corpus)] == [msgspec.UNSET] * 2
