"""Mentions and links: hand-made records with the arithmetic shown, published scenarios, seqeval as oracle."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from conformance import Case, cases, check, name
from layer_counts import Catalogue, context, count_layer, document, measures, rows
from retold.layers.entities import Entities, EntitiesOptions, KnowledgeBase
from retold.layers.scheme import default_scheme
from retold.model.annotations import Document, Mention

Spans = Sequence[tuple[str, int, int]]
TYPES = list(default_scheme().layers["entities"].options.types)


def names(spans: Spans) -> list[Mention]:
    """Names from (type, start, end)."""
    return [Mention(type=kind, start=start, end=end) for kind, start, end in spans]  # type: ignore[arg-type]


def counted(
    gold: Sequence[Mention],
    predicted: Sequence[Mention],
    text: Document | None = None,
    catalogue: Catalogue | None = None,
    layer: Entities | str = "entities",
) -> tuple[dict[str, int], dict[str, float]]:
    """Counts by column, and measures by name without their ``entities.``"""
    counts = count_layer(layer, (context(text), gold, predicted), catalogue=catalogue)
    found = {name.removeprefix("entities."): value for name, value in measures(counts).items()}
    return counts.units.totals(), found


def by_type(gold: Sequence[Mention], predicted: Sequence[Mention]) -> dict[str, float]:
    """Precision, recall and F1 of each type, from the breakdown by type."""
    counts = count_layer("entities", (context(), gold, predicted))
    return {
        f"{kind.removeprefix('type=')}.{part}": float(measure.value(counts.breakdowns.real(row)))
        for kind, row in rows(counts).items()
        if kind.startswith("type=")
        for part in ("precision", "recall", "f1")
        for measure in counts.layer.measures
        if measure.name == f"entities.mention.{part}"
    }


def regimes(gold: Sequence[Mention], predicted: Sequence[Mention]) -> dict[str, dict[str, int]]:
    """SemEval's five counts in each regime, from the counts that are kept."""
    counts, _ = counted(gold, predicted)
    matched = counts["exact"] + counts["overlap"]
    both = {"missed": counts["gold"] - matched, "spurious": counts["predicted"] - matched}

    def of(correct: int, partial: int = 0) -> dict[str, int]:
        return {"correct": correct, "partial": partial, "incorrect": matched - correct - partial, **both}

    return {
        "strict": of(counts["strict"]),
        "exact": of(counts["exact"]),
        "type": of(counts["type"]),
        "partial": of(counts["exact"], counts["overlap"]),
    }


def five(correct: int, incorrect: int, partial: int, missed: int, spurious: int) -> dict[str, int]:
    return {"correct": correct, "incorrect": incorrect, "partial": partial, "missed": missed, "spurious": spurious}


# --- SemEval-2013 regimes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("mentions"), ids=name)
def test_the_published_counts_and_scores_are_met(case: Case) -> None:
    gold, predicted = (names(spans) for spans in case.given)
    _, values = counted(gold, predicted)
    found: dict[str, float] = {
        f"{regime}.{part}": count
        for regime, counts in regimes(gold, predicted).items()
        for part, count in counts.items()
    }
    found |= {f"strict.{part}": values[f"mention.{part}"] for part in ("precision", "recall", "f1")}
    found |= {f"{regime}.f1": values[f"mention.{regime}.f1"] for regime in ("exact", "partial", "type")}
    found |= {f"by-type.{key}": value for key, value in by_type(gold, predicted).items()}
    check(case, found)


def test_every_regime_is_over_all_that_was_predicted_and_all_of_gold() -> None:
    # Two predicted, three gold. PER 0-5 is exact and typed; PER 10-14 overlaps ORG 10-15: half a match, wrongly typed.
    gold = names([("PER", 0, 5), ("ORG", 10, 15), ("GPE", 20, 25)])
    _, values = counted(gold, names([("PER", 0, 5), ("PER", 10, 14)]))
    assert values["mention.exact.f1"] == pytest.approx(2 * 1 / (2 + 3))
    assert values["mention.partial.f1"] == pytest.approx(2 * (1 + 1 / 2) / (2 + 3))
    assert values["mention.type.f1"] == pytest.approx(2 * 1 / (2 + 3))


@pytest.mark.parametrize("backwards", [False, True])
def test_the_order_of_predictions_does_not_decide_which_one_matches(backwards: bool) -> None:
    # After MantisAI/nervaluate issue 84, where nervaluate 1.2.1 gives correct 0 or 1 as the list is turned; there both
    # spans are 0-2, which is refused here. The one of the right type is to be matched: correct 1, spurious 1.
    predicted = names([("ORG", 0, 2), ("PER", 0, 3)])
    found = regimes(names([("PER", 0, 1)]), predicted[::-1] if backwards else predicted)
    assert found["type"] == five(1, 0, 0, 0, 1)


@pytest.mark.parametrize(("gold", "predicted"), [((0, 5), (5, 8)), ((5, 8), (0, 5))])
def test_spans_that_only_touch_do_not_overlap(gold: tuple[int, int], predicted: tuple[int, int]) -> None:
    # Half-open: [0, 5) and [5, 8) share nothing. nervaluate 1.2.1 takes ends as inclusive and counts a hit.
    # The long span elsewhere keeps short ones in the search.
    found = regimes(names([("PER", *gold)]), names([("PER", *predicted), ("ORG", 100, 140)]))
    for regime in ("strict", "exact", "type", "partial"):
        assert found[regime] == five(0, 0, 0, 1, 2), regime


@pytest.mark.parametrize(
    ("gold", "predicted", "found"),
    [
        # Overlaps are matched one to one: of the three gold names under one long span two stay missed.
        pytest.param(
            [("PER", 0, 2), ("PER", 3, 5), ("PER", 6, 8)], [("PER", 0, 8)], {"partial": (0, 0, 1, 2, 0)}, id="long-span"
        ),
        # X 0-3 lies under A, Y 3-6 under A and B. X-A and Y-B: both typed.
        pytest.param(
            [("PER", 0, 4), ("ORG", 4, 8)], [("PER", 0, 3), ("ORG", 3, 6)], {"type": (2, 0, 0, 0, 0)}, id="most-typed"
        ),
        # The prediction 0-4 equals the second gold span; it must not be spent on the first, which it overlaps too.
        pytest.param(
            [("PER", 0, 9), ("ORG", 0, 4)], [("ORG", 0, 4)], {"strict": (1, 0, 0, 1, 0)}, id="exact-before-overlap"
        ),
        # By the regimes' order (exact span, then type): ORG 0-5 takes PER 0-5, so PER 1-5 is left over.
        pytest.param(
            [("PER", 0, 5)],
            [("ORG", 0, 5), ("PER", 1, 5)],
            {"exact": (1, 0, 0, 0, 1), "type": (0, 1, 0, 0, 1)},
            id="exact-of-another-type-before-overlap-of-the-right-type",
        ),
    ],
)
def test_which_mentions_are_matched(gold: Spans, predicted: Spans, found: dict[str, tuple[int, ...]]) -> None:
    counts = regimes(names(gold), names(predicted))
    assert {regime: counts[regime] for regime in found} == {regime: five(*each) for regime, each in found.items()}


# --- seqeval as oracle ------------------------------------------------------------------------------------------------


def tags(spans: Spans, length: int) -> list[str]:
    out = ["O"] * length
    for kind, start, end in spans:
        out[start] = f"B-{kind}"
        out[start + 1 : end] = [f"I-{kind}"] * (end - start - 1)
    return out


@st.composite
def flat_spans(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Spans over twelve tokens that do not overlap."""
    cuts = draw(st.lists(st.integers(0, 12), unique=True, max_size=8).map(sorted))
    pairs = [(a, b) for a, b in itertools.pairwise(cuts) if draw(st.booleans())]
    return [(draw(st.sampled_from(TYPES[:3])), a, b) for a, b in pairs]


@settings(deadline=None)
@given(flat_spans(), flat_spans())
def test_strict_micro_f1_agrees_with_seqeval(gold: Spans, predicted: Spans) -> None:
    _, values = counted(names(gold), names(predicted))
    if not gold and not predicted:
        assert math.isnan(values["mention.f1"])  # seqeval says 0 here
        return
    theirs = f1_score([tags(gold, 12)], [tags(predicted, 12)], mode="strict", scheme=IOB2, zero_division=0)
    assert values["mention.f1"] == pytest.approx(float(theirs))


def test_no_gold_and_no_prediction_is_undefined() -> None:
    # seqeval 1.2.2 gives micro 0.0 and macro NaN for a text with no entity that is left alone (issues 60, 98).
    counts, values = counted([], [])
    assert set(counts.values()) <= {0}
    assert all(math.isnan(value) for value in values.values())


# --- Nominals, zones, repeated spans ----------------------------------------------------------------------------------


def test_a_prediction_on_a_gold_nominal_counts_neither_way() -> None:
    gold = [Mention(type="PER", start=0, end=5), Mention(type="PER", start=10, end=20, kind="nominal")]
    right = [Mention(type="PER", start=0, end=5)]
    on_nominal = [Mention(type="ORG", start=10, end=20)]
    assert counted(gold, right + on_nominal)[0] == counted(gold, right)[0]
    assert counted(gold, right)[0]["gold"] == 1


def test_a_nominal_with_the_span_of_a_gold_name_is_a_name_given_wrongly() -> None:
    # Two gold names. One is found, the other called a nominal: it is missed, and what was given is wrong. A nominal of
    # another span is nobody's name.
    gold = [Mention(type="PER", start=0, end=5), Mention(type="ORG", start=7, end=9)]
    given = [
        Mention(type="PER", start=0, end=5),
        Mention(type="ORG", start=7, end=9, kind="nominal"),
        Mention(type="ORG", start=7, end=12, kind="nominal"),
    ]
    counts, values = counted(gold, given)
    assert (counts["gold"], counts["predicted"], counts["strict"]) == (2, 2, 1)
    assert (values["mention.precision"], values["mention.recall"]) == (1 / 2, 1 / 2)
    # Nothing is lost by leaving the span out, or won by calling a wrong name a nominal.
    assert counted(gold, given[:1])[1]["mention.precision"] == 1.0


#: Forty characters in four zones and two paragraphs.
ARTICLE = document(
    [(0, 10, "byline"), (10, 15, "boilerplate"), (15, 30, "body"), (30, 40, "byline")], [(15, 22), (22, 30)]
)


@pytest.mark.parametrize(
    ("start", "end", "taken"),
    [
        pytest.param(2, 6, False, id="in-the-byline"),
        pytest.param(0, 10, False, id="the-whole-byline"),
        pytest.param(12, 15, False, id="in-boilerplate"),
        pytest.param(5, 12, False, id="across-byline-and-boilerplate"),
        pytest.param(31, 40, False, id="at-the-end"),
        pytest.param(16, 20, True, id="in-the-body"),
        pytest.param(12, 16, True, id="reaching-into-the-body"),
        pytest.param(29, 33, True, id="reaching-out-of-the-body"),
        pytest.param(0, 40, True, id="over-everything"),
    ],
)
def test_a_prediction_wholly_outside_title_and_body_counts_neither_way(start: int, end: int, taken: bool) -> None:
    predicted = [Mention(type="PER", start=start, end=end, kb_id="Q1")]
    counts, _ = counted([], predicted, ARTICLE)
    assert (counts["predicted"], counts["links"]) == (int(taken), int(taken))


# --- Linking ----------------------------------------------------------------------------------------------------------


def link(start: int, end: int, kb_id: str | None, kind: Any = "name") -> Mention:
    """A mention; where it begins at 90 or later, its entity is one that nobody has looked up."""
    entity = "unknown" if start >= 90 else "known"
    return Mention(type="PER", start=start, end=end, kb_id=kb_id, kind=kind, entity=entity)


#: No id is NIL, or unverified where the entity was not looked up.
STATUSES = Catalogue(
    lambda entity, kb_id: "verified" if kb_id is not None else "unverified" if entity == "unknown" else "nil"
)


@pytest.mark.parametrize("case", cases("links"), ids=name)
def test_the_published_scores_of_links_are_met(case: Case) -> None:
    gold, predicted = ([link(*mention) for mention in mentions] for mentions in case.given)
    titles = Entities(EntitiesOptions(knowledge_base=KnowledgeBase(name="wikipedia", id=".+")))
    counts, values = counted(gold, predicted, catalogue=STATUSES, layer=titles)
    right = counts["linked"]
    wrong, missing = counts["links"] - right, counts["linkable"] - right
    found = {f"link.{part}": values[f"linking.{part}"] for part in ("precision", "recall", "f1")}
    check(case, found | {"link.right": right, "link.wrong": wrong, "link.missing": missing})


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        pytest.param([(0, 5, "Q1")], [(0, 5, "Q1")], (1, 1, 1), id="right"),
        pytest.param([(0, 5, "Q1")], [(0, 5, "Q2")], (1, 1, 0), id="wrong-id"),
        pytest.param([(0, 5, "Q1")], [(0, 6, "Q1")], (1, 1, 0), id="wrong-span"),
        pytest.param([(0, 5, "Q1")], [(0, 5, None)], (1, 0, 0), id="null-is-no-link"),
        pytest.param([(0, 5, "Q1")], [], (1, 0, 0), id="nothing"),
        pytest.param([(0, 5, None)], [(0, 5, "Q2")], (0, 1, 0), id="a-link-to-a-nil-entity-is-wrong"),
        pytest.param([(0, 5, None)], [(0, 5, None)], (0, 0, 0), id="nil-left-alone"),
        pytest.param([(95, 99, None)], [(95, 99, "Q2")], (0, 0, 0), id="unverified-is-ignored"),
        pytest.param([], [(0, 5, "Q1")], (0, 1, 0), id="spurious"),
        pytest.param([(0, 5, "Q1")], [(0, 5, "Q1")] * 3, (1, 1, 1), id="given-thrice-counts-once"),
        pytest.param([(0, 5, "Q1")] * 2, [(0, 5, "Q1")], (1, 1, 1), id="twice-in-gold-counts-once"),
    ],
)
def test_links_are_counted_against_verified_entities(
    gold: list[tuple[int, int, str | None]],
    predicted: list[tuple[int, int, str | None]],
    expected: tuple[int, int, int],
) -> None:
    # (linkable, links, linked), by the convention of the track.
    counts, _ = counted([link(*m) for m in gold], [link(*m) for m in predicted], catalogue=STATUSES)
    assert (counts["linkable"], counts["links"], counts["linked"]) == expected


def test_links_of_nominals_count_and_their_kind_and_type_do_not_matter() -> None:
    gold = [link(0, 5, "Q1", "nominal")]
    predicted = [Mention(type="ORG", start=0, end=5, kb_id="Q1", kind="name")]
    assert counted(gold, predicted, catalogue=STATUSES)[1]["linking.f1"] == 1.0


def test_the_links_of_hipe_with_nil_judged_by_kb_links_alone() -> None:
    # hipe-eval/HIPE-scorer, unittest_eval_2022.py test_nel_1 (inclusive token ends there): NIL 7-10, Q68120 14, Q70
    # 26-28 against the same with Q70 at 28 only. HIPE strict, NIL being a label: 2 correct, 1 incorrect, F1 2/3.
    # Here NIL is no link: of the links Q68120 is right and Q70 has the wrong span, F1 1/2; the NIL stays unlinked.
    gold = [link(7, 11, None), link(14, 15, "Q68120"), link(26, 29, "Q70")]
    predicted = [link(7, 11, None), link(14, 15, "Q68120"), link(28, 29, "Q70")]
    counts, values = counted(gold, predicted, catalogue=STATUSES)
    assert (counts["linkable"], counts["links"], counts["linked"]) == (2, 2, 1)
    assert values["linking.f1"] == pytest.approx(1 / 2)
    hipe_correct = counts["linked"] + sum(m.kb_id is None for m in gold if m in predicted)
    assert 2 * hipe_correct / (len(gold) + len(predicted)) == pytest.approx(2 / 3)


def test_nothing_to_link_and_no_link_is_undefined() -> None:
    _, values = counted([link(95, 99, None)], [link(95, 99, "Q2")], catalogue=STATUSES)
    assert math.isnan(values["linking.f1"])
