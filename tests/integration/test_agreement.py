"""Agreement of two annotators: coefficients against other implementations, layers against annotations made by hand."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

import retold
from cli import Done, run
from default_labels import ENTITY_TYPES, STANCE_LABELS, VERIFICATION_LABELS
from predictions import values
from random_corpora import Record, random_texts, write_lines, write_random_corpus
from retold.corpus.load import Corpus, load_corpus
from retold.measures.chance import cohen_kappa, coincidences, krippendorff_alpha, raw_agreement
from retold.model.findings import FindingsError
from retold.report.agreement import FORMATS
from retold.scoring.agreement import Agreement, agreement, compared
from retold.stats.intervals import wilson
from tiny import TEXTS

# --- Coefficients -----------------------------------------------------------------------------------------------------

LABELS = 4
#: Items as two annotators label them.
ITEMS = st.lists(st.tuples(st.integers(0, LABELS - 1), st.integers(0, LABELS - 1)), min_size=1, max_size=40)


def table_of(items: Sequence[tuple[int, int]], labels: int = LABELS) -> Any:
    """How many items the first annotator gave the row's label and the second the column's."""
    table = np.zeros((labels, labels))
    for first, second in items:
        table[first, second] += 1
    return table


@given(items=ITEMS)
def test_kappa_is_that_of_scikit_learn(items: list[tuple[int, int]]) -> None:
    found = float(cohen_kappa(table_of(items)))
    if len({label for pair in items for label in pair}) == 1:
        # One and the same label throughout: chance agreement is 1 and kappa 0/0.
        assert math.isnan(found)
    else:
        first, second = zip(*items, strict=True)
        assert found == pytest.approx(cohen_kappa_score(first, second))


@given(items=ITEMS)
def test_alpha_is_that_of_the_krippendorff_package(items: list[tuple[int, int]]) -> None:
    found = float(krippendorff_alpha(coincidences(table_of(items))))
    if len({label for pair in items for label in pair}) == 1:
        assert math.isnan(found)
    else:
        data = np.array(items, dtype=float).T
        expected = krippendorff.alpha(
            reliability_data=data, value_domain=list(range(LABELS)), level_of_measurement="nominal"
        )
        assert found == pytest.approx(expected)


@given(items=ITEMS)
def test_coefficients_do_not_depend_on_which_annotator_comes_first(items: list[tuple[int, int]]) -> None:
    table = table_of(items)
    for measure in (raw_agreement, cohen_kappa, lambda t: krippendorff_alpha(coincidences(t))):
        assert measure(table) == pytest.approx(measure(table.T), nan_ok=True)


def test_coefficients_of_no_items_and_of_one_label_are_undefined() -> None:
    tables = np.stack([np.zeros((3, 3)), np.diag([7.0, 0.0, 0.0]), np.diag([3.0, 4.0, 0.0])])
    # Without items nothing is defined; with one label chance explains everything; two labels, all alike: 1.
    assert raw_agreement(tables) == pytest.approx([math.nan, 1.0, 1.0], nan_ok=True)
    assert cohen_kappa(tables) == pytest.approx([math.nan, math.nan, 1.0], nan_ok=True)
    assert krippendorff_alpha(coincidences(tables)) == pytest.approx([math.nan, math.nan, 1.0], nan_ok=True)


# --- Two annotations of one document, counted by hand ----------------------------------------------------------------

#: The English document of the tiny corpus (conftest.py).
DOCUMENT = "flood-0"


def at(words: str, nth: int = 0) -> Record:
    """The offsets of words of the document, the n-th occurrence counted from 0."""
    start = [found.start() for found in re.finditer(re.escape(words), TEXTS[DOCUMENT][1])][nth]
    return {"start": start, "end": start + len(words)}


VALE, BERG = {"entity": "vale", "kb_id": None}, {"entity": "bo-berg", "kb_id": "Q11"}
#: Two annotations of the document that differ in every way in which annotations can.
FIRST: Record = {
    "document_id": DOCUMENT,
    "entities": [
        {**at("Vale"), "kind": "name", "type": "GPE", **VALE},
        {**at("Mayor"), "kind": "nominal", "type": "PER", **BERG},
        {**at("Bo Berg"), "kind": "name", "type": "PER", **BERG},
        {**at("dam"), "kind": "nominal", "type": "FAC", "entity": "dam"},
        {**at("Vale", 1), "kind": "name", "type": "GPE", **VALE},
    ],
    "stance": [
        {"holder": "author", "target": "dam", "label": "none", "evidence": []},
        {"holder": "author", "target": "mayor-berg", "label": "against", "evidence": [3]},
        {"holder": "mayor", "target": "dam", "label": "favor", "evidence": [1]},
        {"holder": "mayor", "target": "mayor-berg", "label": "favor", "evidence": [1]},
    ],
    "claims": [
        {**at("River rises in\xa0Vale"), "source": "author"},
        {**at("Mayor Bo Berg asked for a dam"), "source": "author", "claim": "mayor-asks"},
        {**at("The dam costs 5 million"), "source": "author", "claim": "dam-costs-5"},
        {**at("Vale was flooded on Monday"), "source": "author", "claim": "vale-flooded"},
    ],
    "verification": [
        {"claim": "dam-costs-5", "label": "supported", "evidence": [2]},
        {"claim": "dam-costs-7", "label": "refuted", "evidence": [2]},
        {"claim": "dam-costs-9", "label": "not_enough_info", "evidence": []},
    ],
}
SECOND: Record = {
    "document_id": DOCUMENT,
    "entities": [
        {**at("Vale"), "kind": "name", "type": "LOC", **VALE},
        {**at("Mayor Bo Berg"), "kind": "name", "type": "PER", **BERG},
        {**at("Bo Berg"), "kind": "nominal", "type": "PER", **BERG},
        {**at("dam"), "kind": "nominal", "type": "FAC"},
        {**at("Vale", 1), "kind": "name", "type": "LOC", "entity": "vale-river", "kb_id": "Q22"},
    ],
    "stance": [
        {"holder": "author", "target": "dam", "label": "none", "evidence": []},
        {"holder": "author", "target": "mayor-berg", "label": "none", "evidence": []},
        {"holder": "mayor", "target": "dam", "label": "favor", "evidence": [1, 2]},
    ],
    "claims": [
        {**at("Bo Berg asked for a dam"), "source": "author", "claim": "mayor-asks"},
        {**at("The dam costs 5 million"), "source": "bo-berg", "claim": "dam-costs-5"},
        {**at("Vale", 1), "source": "author", "claim": "vale-flooded"},
        {**at("on Monday"), "source": "author", "claim": "flood-on-monday"},
    ],
    "verification": [
        {"claim": "dam-costs-5", "label": "supported", "evidence": [2]},
        {"claim": "dam-costs-7", "label": "supported", "evidence": [1, 2]},
        {"claim": "dam-costs-9", "label": "supported", "evidence": [2]},
    ],
}

Compare = Callable[..., Agreement]


@pytest.fixture
def compare(tiny_corpus: Corpus, tmp_path: Path) -> Compare:
    """Function: records of two annotators -> their agreement; no intervals unless asked for."""

    def compared(first: Sequence[Record], second: Sequence[Record], **options: Any) -> Agreement:
        paths = [write_lines(tmp_path / f"{name}.jsonl", r) for name, r in (("first", first), ("second", second))]
        return agreement(*paths, tiny_corpus, **{"resamples": 0, **options})

    return compared


#: Jaccard overlaps of the claims that are matched: 23 of 29 characters, all of 23, 9 of 26 ("on Monday", not "Vale",
#: which shares only 4 of 26).
OVERLAP = 23 / 29 + 1 + 9 / 26

#: Measure -> value. F1 = 2 shared / (of the first + of the second).
BY_HAND = {
    # 5 and 5 mentions. Shared spans: Vale, Bo Berg, dam, Vale.
    "entities.span.f1": 2 * 4 / 10,
    # Of these, Bo Berg is a name and a nominal.
    "entities.kind.f1": 2 * 3 / 10,
    # GPE and LOC, twice.
    "entities.type.f1": 2 * 2 / 10,
    # 5 and 4 mentions have a key; the title's Vale and Bo Berg have the same.
    "entities.entity.f1": 2 * 2 / 9,
    # Links: Mayor and Bo Berg; Mayor Bo Berg, Bo Berg and the second Vale. One shared.
    "entities.linking.f1": 2 * 1 / 5,
    # First {V1 V2} {Mayor BB} {dam}, second {V1} {V2} {MBB BB} {dam}. MUC: no shared link, 0. B3: recall
    # (1/2 + 1/2 + 0 + 1/2 + 1) / 5 = 1/2, precision (1 + 1 + 0 + 1/2 + 1) / 5 = 7/10, F1 7/12. CEAFe:
    # phi4 = 2/3 + 2/4 + 1 = 13/6 of 3 and 4 clusters, F1 13/21.
    "entities.coreference.conll": (0 + 7 / 12 + 13 / 21) / 3,
    # 3 cells that both have, 2 alike.
    "stance.agreement": 2 / 3,
    # none, against, favor are given 1, 1, 1 and 2, 0, 1 times: by chance (2 + 0 + 1) / 9.
    "stance.kappa": (2 / 3 - 1 / 3) / (1 - 1 / 3),
    # 6 values: 3 none, 1 against, 2 favor, 2 of them in disagreement.
    "stance.alpha": 1 - 5 * 2 / (36 - 9 - 1 - 4),
    # Of the cells that both have: 2 and 2 sentences, sentence 1 of mayor/dam shared.
    "stance.evidence.f1": 2 * 1 / 4,
    "claims.overlap.f1": 2 * OVERLAP / 8,
    "claims.exact.f1": 2 * 1 / 8,
    # At least half shared: two pairs; in one the source is the author and the mayor.
    "claims.attribution.f1": 2 * 1 / 8,
    # 3 and 4 spans have a key, and in both of the two pairs it is the same.
    "claims.canonical.f1": 2 * 2 / 7,
    "verification.agreement": 1 / 3,
    # supported is given 1 and 3 times: by chance 3 / 9.
    "verification.kappa": 0.0,
    # 6 values: 4 supported, 1, 1; 4 of them in disagreement.
    "verification.alpha": 1 - 5 * 4 / (36 - 16 - 1 - 1),
    # 2 and 4 sentences; of the one pair with one label, one is shared.
    "verification.evidence.f1": 2 * 1 / 6,
}


def test_every_measure_of_two_annotations_is_what_one_counts_by_hand(compare: Compare) -> None:
    found = values(compare([FIRST], [SECOND]))
    assert found == pytest.approx(BY_HAND)


def test_counts_stand_beside_every_measure(compare: Compare) -> None:
    measures = compare([FIRST], [SECOND]).measures
    entities = measures["entities.span.f1"].counts
    assert (entities["first"], entities["second"], entities["span"]) == (5, 5, 4)
    assert measures["claims.overlap.f1"].counts["jaccard"] == pytest.approx(OVERLAP)
    stance = measures["stance.kappa"].counts
    assert (stance["against:none"], stance["none:none"], stance["favor:favor"]) == (1, 1, 1)
    assert (stance["only_first"], stance["only_second"]) == (1, 0)


#: (layer, item as words or key, nth occurrence, what differs, what the first and the second give, context).
DIFFERENCES = [
    ("entities", "Vale", 0, "type", {"type": "GPE"}, {"type": "LOC"}, "River rises in\xa0[Vale] 🌊"),
    ("entities", "Mayor", 0, "missing", {"kind": "nominal"}, None, "[Mayor] Bo Berg asked for a dam."),
    ("entities", "Mayor Bo Berg", 0, "missing", None, {"kind": "name"}, "[Mayor Bo Berg] asked for a dam."),
    ("entities", "Bo Berg", 0, "kind", {"kind": "name"}, {"kind": "nominal"}, "Mayor [Bo Berg] asked for a dam."),
    ("entities", "dam", 0, "entity", {"entity": "dam"}, {"entity": None}, "Mayor Bo Berg asked for a [dam]."),
    ("entities", "Vale", 1, "type", {"type": "GPE"}, {"type": "LOC"}, "[Vale] was flooded on Monday."),
    ("entities", "Vale", 1, "entity", {"entity": "vale"}, {"entity": "vale-river"}, "[Vale] was flooded on Monday."),
    ("stance", "author/mayor-berg", None, "label", {"label": "against"}, {"label": "none"}, ""),
    ("stance", "mayor/dam", None, "evidence", {"evidence": [1]}, {"evidence": [1, 2]}, ""),
    ("stance", "mayor/mayor-berg", None, "missing", {"label": "favor"}, None, ""),
    ("claims", "River rises in\xa0Vale", 0, "missing", {"claim": None}, None, "[River rises in\xa0Vale] 🌊"),
    (
        *("claims", "Mayor Bo Berg asked for a dam", 0, "boundary"),
        *({"start": 33, "end": 62}, {"start": 39, "end": 62}, "[Mayor Bo Berg asked for a dam]."),
    ),
    (
        *("claims", "The dam costs 5 million", 0, "source"),
        *({"source": "author"}, {"source": "bo-berg"}, "[The dam costs 5 million]."),
    ),
    (
        *("claims", "Vale was flooded on Monday", 0, "boundary"),
        *({"start": 89, "end": 115}, {"start": 106, "end": 115}, "[Vale was flooded on Monday]."),
    ),
    (
        *("claims", "Vale was flooded on Monday", 0, "claim"),
        *({"claim": "vale-flooded"}, {"claim": "flood-on-monday"}, "[Vale was flooded on Monday]."),
    ),
    ("claims", "Vale", 1, "missing", None, {"claim": "vale-flooded"}, "[Vale] was flooded on Monday."),
    ("verification", "dam-costs-7", None, "label", {"label": "refuted"}, {"label": "supported"}, ""),
    ("verification", "dam-costs-9", None, "label", {"label": "not_enough_info"}, {"label": "supported"}, ""),
]


def test_every_difference_is_listed_and_nothing_else(compare: Compare) -> None:
    found = compare([FIRST], [SECOND]).disagreements
    listed = {(d.layer, d.item, d.kind): d for d in found}
    assert len(listed) == len(found)
    expected = {}
    for layer, item, nth, kind, first, second, context in DIFFERENCES:
        if nth is not None:
            span = at(item, nth)
            item = f"{span['start']}:{span['end']}"
        expected[layer, item, kind] = first, second, context
    assert listed.keys() == expected.keys()
    for key, (first, second, context) in expected.items():
        assert listed[key].document_id == DOCUMENT
        assert listed[key].context == context
        for shown, wanted in ((listed[key].first, first), (listed[key].second, second)):
            assert (shown is None) == (wanted is None)
            assert wanted is None or {name: shown[name] for name in wanted} == wanted


def test_a_link_that_differs_though_the_entity_does_not_is_listed(compare: Compare) -> None:
    mention = FIRST["entities"][2]
    first = {"document_id": DOCUMENT, "entities": [mention]}
    second = {"document_id": DOCUMENT, "entities": [{**mention, "kb_id": "Q12"}]}
    result = compare([first], [second])
    assert result.measures["entities.linking.f1"].value == 0.0
    assert [(d.kind, d.first["kb_id"], d.second["kb_id"]) for d in result.disagreements] == [("kb_id", "Q11", "Q12")]


def test_breakdowns_hold_the_measures_of_the_part(compare: Compare) -> None:
    breakdowns = compare([FIRST], [SECOND]).breakdowns
    # Of the author's two cells one is alike.
    assert breakdowns["holder"]["author"]["stance.agreement"]["value"] == pytest.approx(1 / 2)
    # 2 and 2 names of places at the same spans.
    assert breakdowns["type"]["GPE"]["entities.span.f1"]["value"] == 1.0
    assert breakdowns["document"][DOCUMENT]["entities.span.f1"]["value"] == pytest.approx(0.8)
    assert breakdowns["language"].keys() == {"en"}


# --- What must hold whatever was read ---------------------------------------------------------------------------------


def _swapped(name: str) -> str:
    """The name of a count after the annotators have changed places."""
    if name.startswith(("first", "only_first")):
        return name.replace("first", "second")
    if name.startswith(("second", "only_second")):
        return name.replace("second", "first")
    row, colon, column = name.partition(":")
    return f"{column}{colon}{row}"


@pytest.mark.parametrize(
    ("whole", "halves", "measure", "value"),
    [
        # One span against its two halves, each half of it: that with the same source is taken, or with the same claim.
        (("author", "one"), [("bo-berg", "one"), ("author", "two")], "claims.attribution.f1", 2 * 1 / 3),
        (("author", "one"), [("author", "two"), ("author", "one")], "claims.canonical.f1", 2 * 1 / 3),
    ],
)
def test_of_equally_good_matchings_the_one_that_agrees_most_is_taken(
    whole: tuple[str, str],
    halves: list[tuple[str, str]],
    measure: str,
    value: float,
    compare: Compare,
) -> None:
    def record(*claims: tuple[int, int, tuple[str, str]]) -> Record:
        spans = [{"start": s, "end": e, "source": label[0], "claim": label[1]} for s, e, label in claims]
        return {"document_id": DOCUMENT, "claims": spans}

    one, two = record((33, 45, whole)), record((33, 39, halves[0]), (39, 45, halves[1]))
    for first, second in ((one, two), (two, one)):
        assert values(compare([first], [second]))[measure] == pytest.approx(value)


#: Offsets of the title and the two paragraphs of the English document.
PARAGRAPHS = ((0, 19), (33, 88), (89, 116))
KEYS = st.sampled_from(["vale", "bo-berg", "dam"])


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int]:
    low, high = draw(st.sampled_from(PARAGRAPHS))
    # Coarse offsets, so that spans are often equal and often share much.
    start = draw(st.integers(0, (high - low) // 4 - 1))
    size = draw(st.integers(1, (high - low) // 4 - start))
    return low + 4 * start, low + 4 * (start + size)


@st.composite
def annotations(draw: st.DrawFn) -> Record:
    """Any annotation of the English document that the rules accept, keys left out here and there."""
    entities = [
        {
            **{"start": start, "end": end, "type": draw(st.sampled_from(ENTITY_TYPES[:2]))},
            **{"kind": draw(st.sampled_from(["name", "nominal"]))},
            **draw(st.fixed_dictionaries({}, optional={"entity": KEYS, "kb_id": st.sampled_from([None, "Q1", "Q2"])})),
        }
        for start, end in draw(st.lists(spans(), unique=True, max_size=6))
    ]
    claims = [
        {
            **{"start": start, "end": end, "source": draw(st.sampled_from(["author", "bo-berg"]))},
            **draw(st.fixed_dictionaries({}, optional={"claim": st.sampled_from(["one", "two"])})),
        }
        for start, end in draw(st.lists(spans(), unique=True, max_size=6))
    ]
    evidence = st.lists(st.integers(0, 3), unique=True, max_size=2)
    stance = [
        {
            **{"holder": holder, "target": target, "label": draw(st.sampled_from(STANCE_LABELS))},
            **{"evidence": draw(evidence)},
        }
        for holder in ("author", "mayor")
        for target in ("dam", "mayor-berg")
        if draw(st.booleans())
    ]
    verification = [
        {"claim": claim, "label": draw(st.sampled_from(VERIFICATION_LABELS)), "evidence": draw(evidence)}
        for claim in ("dam-costs-5", "dam-costs-7", "dam-costs-9")
        if draw(st.booleans())
    ]
    return {
        "document_id": DOCUMENT,
        "entities": entities,
        "stance": stance,
        "claims": claims,
        "verification": verification,
    }


# The files are written anew for each example, so the folder may be shared.
shared_folder = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(first=annotations(), second=annotations())
@shared_folder
def test_any_two_annotations_agree_as_much_whichever_comes_first(
    first: Record, second: Record, compare: Compare
) -> None:
    there, back = compare([first], [second]), compare([second], [first])
    assert values(back) == pytest.approx(values(there))
    for name, measure in there.measures.items():
        swapped = {_swapped(count): amount for count, amount in measure.counts.items()}
        assert back.measures[name].counts == pytest.approx(swapped)
    assert len(back.disagreements) == len(there.disagreements)


@given(annotation=annotations())
@shared_folder
def test_any_annotation_agrees_with_itself_wherever_agreement_is_defined(annotation: Record, compare: Compare) -> None:
    result = compare([annotation], [annotation])
    defined = {name: value for name, value in values(result).items() if value is not None}
    assert defined == pytest.approx(dict.fromkeys(defined, 1.0))
    assert result.disagreements == []


@given(first=annotations(), second=annotations(), data=st.data())
@shared_folder
def test_the_order_of_lines_and_items_does_not_matter(
    first: Record, second: Record, data: st.DataObject, compare: Compare
) -> None:
    empty = {"document_id": "flood-1", "entities": [], "stance": [], "claims": [], "verification": []}
    shuffled = {key: data.draw(st.permutations(v)) if isinstance(v, list) else v for key, v in second.items()}
    plain = compare([first, empty], [second, empty])
    turned = compare([empty, first], [shuffled, empty])
    # Only the bytes of the two files may no longer be the same.
    assert turned.as_dict() | {"identical": None} == plain.as_dict() | {"identical": None}


@given(first=annotations(), second=annotations())
@shared_folder
def test_values_are_in_range_and_measures_below_1_name_a_difference(
    first: Record, second: Record, compare: Compare
) -> None:
    result = compare([first], [second])
    for name, value in values(result).items():
        low = -1.0 if name.endswith(("kappa", "alpha")) else 0.0
        assert value is None or low - 1e-12 <= value <= 1 + 1e-12
    differing = {disagreement.layer for disagreement in result.disagreements}
    below = {name.partition(".")[0] for name, value in values(result).items() if value is not None and value < 1 - 1e-9}
    assert below <= differing


def test_gold_agrees_with_itself_in_every_measure() -> None:
    gold = retold.load_corpus().gold_sources()[0].path
    result = retold.agreement(gold, gold, resamples=20)
    # All that the annotations made by hand measure, and nothing undefined in a full record.
    assert result.measures.keys() == BY_HAND.keys()
    for name, measure in result.measures.items():
        assert measure.value == pytest.approx(1.0)
        # Nothing varies: Wilson's interval for a share of items, and none for what is no share.
        if name.endswith(("kappa", "alpha", "conll")):
            assert (measure.low, measure.high) == (None, None)
        else:
            items = compared(name, measure.counts)
            assert (measure.low, measure.high) == pytest.approx(
                wilson(sum(items) / len(items), sum(items) / len(items))
            )
    assert result.disagreements == []
    assert {part for parts in result.breakdowns.values() for part in parts} >= {"en", "id", "PER", "name"}


def test_spans_where_nothing_is_annotated_count_neither_way(compare: Compare) -> None:
    first, second = FIRST, SECOND
    byline = {**at("Ann Lee"), "kind": "name", "type": "PER", "entity": "ann-lee"}
    footer = {**at("Share this page"), "source": "author", "claim": "share"}
    more = {**first, "entities": [*first["entities"], byline], "claims": [*first["claims"], footer]}
    plain = compare([first], [second])
    marked = compare([more], [second]).as_dict()
    assert [found["message"].partition(" in ")[0] for found in marked.pop("warnings")] == ["2 spans are"]
    assert marked == plain.as_dict()
    assert values(compare([second], [more])) == pytest.approx(values(plain))


# --- Undefined and absent ---------------------------------------------------------------------------------------------


def test_layers_that_are_empty_on_both_sides_are_undefined_and_null(compare: Compare) -> None:
    empty = {"document_id": DOCUMENT, "entities": [], "stance": [], "claims": [], "verification": []}
    result = compare([empty], [empty], resamples=10)
    assert result.measures.keys() == BY_HAND.keys()
    for measure in result.measures.values():
        assert (measure.value, measure.low, measure.high) == (None, None, None)
        assert set(measure.counts.values()) == {0}
    assert "NaN" not in json.dumps(result.as_dict())


def test_one_label_throughout_has_agreement_but_no_kappa_and_no_alpha(compare: Compare) -> None:
    cells = [{"holder": "author", "target": target, "label": "none"} for target in ("dam", "mayor-berg")]
    record = {"document_id": DOCUMENT, "stance": cells}
    found = values(compare([record], [record]))
    assert found == {"stance.agreement": 1.0, "stance.kappa": None, "stance.alpha": None, "stance.evidence.f1": None}


def test_a_sentence_named_twice_counts_once(compare: Compare) -> None:
    # 1 and 2 sentences, one shared: 2 * 1 / (1 + 2).
    once, twice = (
        {
            "document_id": DOCUMENT,
            "stance": [{"holder": "mayor", "target": "dam", "label": "favor", "evidence": evidence}],
        }
        for evidence in ([1], [1, 1, 2])
    )
    for first, second in ((once, twice), (twice, once)):
        found = values(compare([first], [second]))
        assert found["stance.evidence.f1"] == pytest.approx(2 * 1 / 3)


def test_keys_that_neither_annotator_gives_are_no_agreement(compare: Compare) -> None:
    record = {
        "document_id": DOCUMENT,
        "entities": [{**at("Vale"), "type": "GPE"}],
        "claims": [{**at("The dam costs 5 million"), "source": "author"}],
    }
    found = values(compare([record], [record]))
    assert found["entities.entity.f1"] is None
    assert found["entities.linking.f1"] is None
    assert found["claims.canonical.f1"] is None
    assert found["entities.span.f1"] == found["claims.attribution.f1"] == 1.0


def test_a_layer_that_one_annotator_did_not_annotate_is_not_compared(compare: Compare) -> None:
    first = {key: value for key, value in FIRST.items() if key != "stance"}
    result = compare([first], [SECOND])
    assert {name.partition(".")[0] for name in result.measures} == {"entities", "claims", "verification"}
    assert "stance" not in {disagreement.layer for disagreement in result.disagreements}


# --- Intervals and signature ------------------------------------------------------------------------------------------


def test_intervals_are_reproducible_and_depend_on_the_seed(compare: Compare) -> None:
    runs = [compare([FIRST], [SECOND], resamples=200, seed=seed).measures for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    # Three paragraphs of which the title holds one exact mention out of one, so a resample of titles has span F1 1.
    assert runs[0]["entities.span.f1"].low < 0.8 < runs[0]["entities.span.f1"].high == 1.0


def test_the_signature_says_what_was_compared_and_how(compare: Compare, tiny_corpus: Corpus) -> None:
    result = compare([FIRST], [SECOND], resamples=7, seed=3)
    parts = dict(part.split(":", 1) for part in result.signature.split("|"))
    # A folder that was not released is named by the hash of a listing of its events' files, as sha256sum prints it.
    root = tiny_corpus.root
    listing = "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(root).as_posix()}\n"
        for file in sorted(root.glob("events/*/*.json*"))
    )
    assert parts == {
        "corpus": "tiny",
        "version": "none",
        "hash": f"unreleased-{hashlib.sha256(listing.encode()).hexdigest()[:16]}",
        "agreement": f"retold-{retold.__version__}",
        "unit": "paragraph",
        "resamples": "7",
        "coreference": "jackknife",
        "seed": "3",
    }
    assert result.annotators == ("first", "second")


def test_labels_that_are_not_the_default_are_told_in_the_signature(tmp_path: Path) -> None:
    # Two of three cells agree. Both are scored by the labels of the first file.
    def cells(*labels: str) -> Record:
        return {
            "document_id": "d",
            "stance": [{"target": f"t{n}", "label": label, "evidence": []} for n, label in enumerate(labels)],
        }

    first, second = cells("pour", "contre", "neutre"), cells("pour", "contre", "pour")
    corpus = load_corpus(write_lines(tmp_path / "first.jsonl", [first]), labels="from-gold")
    result = agreement([first], [second], corpus, resamples=0)
    assert result.signature.endswith(f"|labels:gold-{corpus.scheme.digest[:16]}")
    assert values(result)["stance.agreement"] == pytest.approx(2 / 3)


# --- Many documents ---------------------------------------------------------------------------------------------------


def test_counts_of_many_documents_are_the_sums_of_those_of_each(tmp_path: Path) -> None:
    # Two events in which keys mean something else, in an order of their own on either side.
    draw = random.Random(5)
    texts, gold, first = random_texts(draw, 16)
    *_, second = random_texts(draw, 16)
    corpus = load_corpus(write_random_corpus(tmp_path / "corpus", texts, gold))
    sides = [draw.sample(list(side.values()), len(side)) for side in (first, second)]
    together = agreement(*sides, corpus, resamples=0)
    alone = [agreement([first[key]], [second[key]], corpus, resamples=0) for key in first]
    assert "|unit:document|" in together.signature
    for name, value in together.measures.items():
        sums: Counter[str] = Counter()
        for each in alone:
            sums.update(each.measures[name].counts if name in each.measures else {})
        assert value.counts == pytest.approx(dict(sums)), name
    found = [item.as_dict() for each in alone for item in each.disagreements]
    assert sorted(found, key=repr) == sorted((item.as_dict() for item in together.disagreements), key=repr)


# --- What is refused --------------------------------------------------------------------------------------------------

#: Name -> (records of the first, records of the second from a annotation, code, file, line, words of the message).
REFUSED: Mapping[str, tuple[Callable[[Record], list[Record]], str, int | None, str]] = {
    "other documents": (
        lambda r: [{**r, "document_id": "flood-1", "entities": [], "claims": []}],
        "RT303",
        None,
        "flood-0, flood-1",
    ),
    "nothing": (lambda r: [], "RT303", None, "flood-0"),
    "a document twice": (lambda r: [r, r], "RT302", 2, "line 1"),
    "an unknown document": (lambda r: [r, {"document_id": "flood-7"}], "RT301", 2, "flood-7"),
    "a span beyond the text": (
        lambda r: [{**r, "entities": [{"start": 5, "end": 5000, "type": "PER"}]}],
        *("RT402", 1, "5000"),
    ),
    "an unknown label": (lambda r: [{**r, "stance": [{**r["stance"][0], "label": "favour"}]}], "RT204", 1, "favour"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_files_at_fault_are_refused_with_file_and_line(name: str, compare: Compare) -> None:
    spoil, code, line, words = REFUSED[name]
    with pytest.raises(FindingsError) as caught:
        compare([FIRST], spoil(FIRST))
    found = caught.value.findings[0]
    assert (found.code, found.line) == (code, line)
    assert words in found.message
    assert found.file is not None
    assert found.file.endswith("second.jsonl")


def test_documents_of_one_annotator_are_named_and_left_out(agree: Agree, files: tuple[Path, Path]) -> None:
    alone = json.loads(agree(*files, "--format", "json").stdout)
    write_lines(files[1], [{**FIRST, "document_id": "flood-1", "entities": [], "claims": []}, SECOND])
    done = agree(*files, "--format", "json")
    assert done.stderr == "warning: not compared, since first does not have them: 'flood-1' (second)\n"
    found = json.loads(done.stdout)
    assert found["unshared"] == {"first": [], "second": ["flood-1"]}
    assert {**found, "unshared": None} == {**alone, "unshared": None}


def test_an_unknown_document_is_told_with_the_corpus_that_was_searched(tmp_path: Path, tiny_folder: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [{"document_id": "lyon", "entities": []}])
    for options, searched in (((), "the released corpus"), (("--corpus", tiny_folder), str(tiny_folder))):
        for command in (("agree", file, file), ("validate", file), ("score", file)):
            done = run(*command, *options)
            told = f"not in {searched}; name its corpus with --corpus, or its gold with --gold."
            assert (done.returncode, told in done.stdout + done.stderr) == (1, True), done.stderr


def test_two_empty_files_are_refused(compare: Compare) -> None:
    with pytest.raises(FindingsError, match="there are none"):
        compare([], [])


# --- The command ------------------------------------------------------------------------------------------------------


Agree = Callable[..., Done]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write_lines(tmp_path / "first.jsonl", [FIRST]), write_lines(tmp_path / "second.jsonl", [SECOND])


@pytest.fixture
def agree(tiny_folder: Path) -> Agree:
    """Function: files and options -> what ``retold agree`` prints about the tiny corpus."""
    return lambda *given: run("agree", *given, "--gold", tiny_folder, "--resamples", 10)


@pytest.mark.parametrize("style", FORMATS)
def test_every_format_names_all_measures_and_carries_the_signature(
    style: str, files: tuple[Path, Path], agree: Agree
) -> None:
    done = agree(*files, "--format", style)
    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in (*BY_HAND, "seed:0") if name not in done.stdout] == []
    assert "NaN" not in done.stdout


def test_the_function_is_found_again_once_its_module_was_imported(
    files: tuple[Path, Path], tiny_corpus: Corpus
) -> None:
    # The import system puts the module retold.agreement over the lazy function of that name.
    once = retold.agreement(*files, tiny_corpus, resamples=0)
    again = retold.agreement(*files, tiny_corpus, resamples=0)
    assert once == again == agreement(*files, tiny_corpus, resamples=0)


def test_json_is_what_the_api_gives(files: tuple[Path, Path], tiny_folder: Path, agree: Agree) -> None:
    found = json.loads(agree(*files, "--seed", 4, "--format", "json").stdout)
    assert found == json.loads(json.dumps(retold.agreement(*files, tiny_folder, resamples=10, seed=4).as_dict()))
    assert found["measures"]["claims.overlap.f1"]["value"] == pytest.approx(2 * OVERLAP / 8)
    assert len(found["disagreements"]) == len(DIFFERENCES)


def test_csv_holds_full_precision(files: tuple[Path, Path], agree: Agree) -> None:
    rows = list(csv.DictReader(io.StringIO(agree(*files, "--format", "csv").stdout)))
    found = {row["measure"]: float(row["value"]) for row in rows if row["measure"] in BY_HAND}
    assert found == pytest.approx(BY_HAND, rel=1e-12, abs=1e-12)
    assert json.loads(rows[0]["counts"])["span"] == 4


@pytest.mark.parametrize(
    ("style", "row"),
    [
        # The measure, its value to three digits, and the 5 and 5 mentions behind it.
        ("text", ["entities.span.f1", "0.800", "5 and 5"]),
        ("markdown", ["|", "entities.span.f1", "|", "0.800", "|", "|", "5 and 5", "|"]),
        ("latex", ["entities.span.f1", "&", "0.800", "&", "&", "5 and 5", "\\\\"]),
    ],
)
def test_tables_show_value_and_items(style: str, row: list[str], files: tuple[Path, Path], agree: Agree) -> None:
    out = agree(*files, "--format", style).stdout
    line = next(line for line in out.splitlines() if "entities.span.f1" in line)
    place = 0
    for part in row:
        place = line.index(part, place) + len(part)
    mark = {"latex": "% ", "markdown": "- "}.get(style, "")
    assert f"\n{mark}annotators: first, second; {len(DIFFERENCES)} disagreements\n" in out


def test_one_disagreement_is_counted_as_one(agree: Agree, tmp_path: Path) -> None:
    # The second annotator leaves out one stance cell, and nothing else.
    for name, cells in (("a", FIRST["stance"]), ("b", FIRST["stance"][1:])):
        write_lines(tmp_path / f"{name}.jsonl", [{"document_id": DOCUMENT, "stance": cells}])
    out = agree(tmp_path / "a.jsonl", tmp_path / "b.jsonl").stdout
    assert "\nannotators: a, b; 1 disagreement\n" in out
    assert "\n1 document: intervals" in out


@pytest.mark.parametrize("style", ["text", "markdown"])
def test_disagreements_are_shown_when_asked_for(style: str, files: tuple[Path, Path], agree: Agree) -> None:
    assert "[Mayor Bo Berg] asked for a dam." not in agree(*files, "--format", style).stdout
    out = agree(*files, "--format", style, "--disagreements").stdout
    for *_, context in DIFFERENCES:
        # A table of text may show any blank as a plain one, and break a line at it.
        assert all(word in out for word in context.split())
    assert "differs in" in out


def test_undefined_values_are_dashes_for_people_and_empty_in_csv(agree: Agree, tmp_path: Path) -> None:
    empty = write_lines(tmp_path / "empty.jsonl", [{"document_id": DOCUMENT, "stance": []}])
    lines = agree(empty, empty).stdout.splitlines()
    assert next(line for line in lines if line.startswith("stance.kappa")).split()[1:3] == ["–", "–"]
    rows = csv.DictReader(io.StringIO(agree(empty, empty, "--format", "csv").stdout))
    assert {row["value"] for row in rows if row["measure"].startswith("stance")} == {""}


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ([SECOND, {"document_id": "flood-7"}], ["second.jsonl:2", "RT301"]),
        ([{"document_id": "flood-1"}], ["flood-0, flood-1"]),
    ],
)
def test_files_at_fault_exit_1_and_say_why_on_standard_error(
    second: list[Record], words: list[str], files: tuple[Path, Path], agree: Agree
) -> None:
    write_lines(files[1], second)
    done = agree(*files)
    assert (done.returncode, done.stdout) == (1, "")
    assert [each for each in words if each not in done.stderr] == []


def test_more_than_two_annotators_are_compared_pair_by_pair(tiny_folder: Path, tmp_path: Path, agree: Agree) -> None:
    gold = tiny_folder / "events" / "flood" / "gold.jsonl"
    files = [shutil.copy(gold, tmp_path / f"{name}.jsonl") for name in "abc"]
    pairs = json.loads(agree(*files, "--format", "json").stdout)["pairs"]
    assert [pair["annotators"] for pair in pairs] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert {pair["measures"]["entities.span.f1"]["value"] for pair in pairs} == {1.0}
    assert agree(*files, "--format", "csv").stdout.startswith("measure,a / b,a / c,b / c,mean\n")


# --- What was compared, and what can be said of it --------------------------------------------------------------------


def test_two_cells_are_no_certainty(agree: Agree, tmp_path: Path) -> None:
    # Wilson 1927 for 2 of 2, with z = 1.96: (2 + 1.9208 - 1.9208) / (2 + 3.8415) = 0.342; of 1 of 1: 0.207.
    cells = [
        {"holder": "mayor", "target": "dam", "label": "favor", "evidence": [1]},
        {"holder": "author", "target": "dam", "label": "none", "evidence": []},
    ]
    same = [
        write_lines(tmp_path / name, [{"document_id": DOCUMENT, "stance": cells}]) for name in ("a.jsonl", "b.jsonl")
    ]
    measures = json.loads(agree(*same, "--format", "json").stdout)["measures"]
    found = {name: (each["value"], each["low"], each["high"]) for name, each in measures.items()}
    assert found["stance.agreement"] == pytest.approx((1, 0.3424, 1), abs=1e-4)
    assert found["stance.evidence.f1"] == pytest.approx((1, 0.2065, 1), abs=1e-4)
    assert found["stance.kappa"] == found["stance.alpha"] == (1, None, None)
    assert "– for an interval: resampling shows no spread" in agree(*same).stdout


def test_files_that_share_no_layer_are_told_what_they_have(agree: Agree, tmp_path: Path) -> None:
    for name, layer in (("a", "entities"), ("b", "stance"), ("c", "stance")):
        write_lines(tmp_path / f"{name}.jsonl", [{"document_id": DOCUMENT, layer: FIRST[layer]}])
    a, b, c = (tmp_path / f"{name}.jsonl" for name in "abc")
    words = "nothing to compare: the files share no layer in any document (a has entities; b has stance)"
    alone = agree(a, b)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert words in " ".join(alone.stdout.split())
    assert "----" not in alone.stdout
    # Of three, the pair that shares one is shown beside the pairs that do not.
    three = " ".join(agree(a, b, c).stdout.split())
    assert f"a / b: {words}" in three
    assert "stance.kappa – – 1.000 1.000" in three


def test_only_documents_that_were_compared_are_counted(tmp_path: Path) -> None:
    # Both have two documents; they share a layer in one, in which both found nothing.
    gold = write_lines(tmp_path / "gold.jsonl", [{"document_id": key, "entities": []} for key in "xy"])
    a = write_lines(tmp_path / "a.jsonl", [{"document_id": "x", "entities": []}, {"document_id": "y"}])
    b = write_lines(tmp_path / "b.jsonl", [{"document_id": "x", "entities": []}, {"document_id": "y", "entities": []}])
    found = retold.agreement(a, b, gold)
    assert (found.documents, found.as_dict()["documents"]) == (1, 1)
    out = run("agree", a, b, "--gold", gold).stdout
    assert "\n1 document: " in out
    assert "documents:" not in out
    assert repr(found).startswith("Agreement of a and b, 1 document\n")


def test_annotators_of_one_name_are_told_apart(agree: Agree, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(files[1], tmp_path / "other" / "first.jsonl")
    found = json.loads(agree(files[0], tmp_path / "other" / "first.jsonl", "--format", "json").stdout)
    assert found["annotators"] == [str(files[0]), str(tmp_path / "other" / "first.jsonl")]


def test_agree_warns_as_score_does(agree: Agree, tmp_path: Path, tiny_folder: Path) -> None:
    text = TEXTS[DOCUMENT][1]
    byline = {"start": text.index("Ann"), "end": text.index("Ann") + 3, "type": "PER"}
    cut = [{"start": at, "end": at + 2, "type": "PER"} for at in range(text.index("Mayor") + 1, len(text) - 3, 9)]
    file = write_lines(tmp_path / "a.jsonl", [{"document_id": DOCUMENT, "entities": [byline, *cut]}])
    other = write_lines(tmp_path / "b.jsonl", [{"document_id": DOCUMENT, "entities": []}])
    done = agree(other, file, "--format", "json")
    assert f"{file}: warning RT408 2 spans are" in done.stderr
    assert f"{file}: warning RT409 entities: " in done.stderr
    assert [found["code"] for found in json.loads(done.stdout)["warnings"]] == ["RT408", "RT409"]


def test_documents_are_counted_by_layer_and_a_reason_is_given_where_none_is_shared(
    agree: Agree, tmp_path: Path
) -> None:
    keys = [{"document_id": key} for key in TEXTS]
    whole = write_lines(tmp_path / "a.jsonl", [{**key, "entities": [], "claims": []} for key in keys])
    part = write_lines(tmp_path / "b.jsonl", [{**keys[0], "entities": []}, {**keys[1], "entities": [], "claims": []}])
    found = json.loads(agree(whole, part, "--format", "json").stdout)
    assert (found["documents"], found["layer_documents"]) == (2, {"entities": 2, "claims": 1})
    assert "documents compared: entities in 2, claims in 1" in agree(whole, part).stdout
    none = write_lines(tmp_path / "c.jsonl", [{**key, "stance": []} for key in keys])
    assert "share no layer" in json.loads(agree(whole, none, "--format", "json").stdout)["nothing"]


def test_a_file_that_is_compared_with_itself_is_told(agree: Agree, files: tuple[Path, Path], tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(files[0])
    for other in (files[0], link):
        assert "the two files are the same, byte for byte" in agree(files[0], other).stdout
        assert json.loads(agree(files[0], other, "--format", "json").stdout)["identical"] is True
    assert "byte for byte" not in agree(*files).stdout
