"""Claims: span overlap against a brute-force assignment, and attribution through the system's own clusters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layer_counts import context, count_layer, measures, rows
from retold.layers.base import LayerCounts
from retold.model.annotations import ClaimSpan, Mention

Given = Sequence[tuple[int, int, str]]


def spans(items: Given) -> list[ClaimSpan]:
    return [ClaimSpan(start=start, end=end, source=source) for start, end, source in items]


def counted(gold: Given, predicted: Given, references: Mapping[str, str | None] | None = None) -> LayerCounts:
    """Counts; ``references`` says what the system's clusters refer to, a name outside it is a key of the catalogue."""
    known = references or {}
    return count_layer(
        "claims", (context(), spans(gold), spans(predicted)), refers_to=lambda _, name: known.get(name, name)
    )


def measured(gold: Given, predicted: Given, references: Mapping[str, str | None] | None = None) -> dict[str, float]:
    """Measures by name without their ``claims.``"""
    found = measures(counted(gold, predicted, references))
    return {name.removeprefix("claims."): value for name, value in found.items()}


# --- Spans ------------------------------------------------------------------------------------------------------------


def test_precision_and_recall_are_summed_jaccard_over_predicted_and_gold() -> None:
    # 0-10 against 5-10: 5 shared of 10, Jaccard 1/2. 20-30 equal: 1. 40-50 alone on the gold side.
    found = measured([(0, 10, "a"), (20, 30, "a"), (40, 50, "a")], [(5, 10, "a"), (20, 30, "a")])
    assert found["span.precision"] == pytest.approx(1.5 / 2)
    assert found["span.recall"] == pytest.approx(1.5 / 3)
    assert found["span.f1"] == pytest.approx(2 * 1.5 / (2 + 3))
    assert found["span.exact.f1"] == pytest.approx(2 * 1 / (2 + 3))


def test_one_long_prediction_earns_one_match() -> None:
    # 0-30 over three gold spans of 10: Jaccard 1/3 with each, taken once.
    found = measured([(0, 10, "a"), (10, 20, "a"), (20, 30, "a")], [(0, 30, "a")])
    assert found["span.precision"] == pytest.approx(1 / 3)
    assert found["span.recall"] == pytest.approx(1 / 9)


def test_a_long_chain_of_overlaps_is_matched_exactly() -> None:
    # 1,200 gold spans 3i to 3i+4, predictions 3i+1 to 3i+5: each overlaps its own prediction in 3 of 5 characters and
    # the one before in 2 of 6. Best is each with its own; a chain of so many is too large for a dense solver.
    found = measured([(3 * i, 3 * i + 4, "a") for i in range(1200)], [(3 * i + 1, 3 * i + 5, "a") for i in range(1200)])
    assert found["span.f1"] == pytest.approx(3 / 5)


def test_equal_spans_are_counted_whatever_is_matched() -> None:
    # Gold A 1-7, B 1-21; predictions X 1-21, Y 4-21, Z 12-26. A-X with B-Y (6/20 + 17/20) is as good a matching as A-Y
    # with B-X (3/20 + 1). Whichever is taken, B and X are equal: one of two, and of three.
    found = measured([(1, 7, "a"), (1, 21, "a")], [(1, 21, "a"), (4, 21, "a"), (12, 26, "a")])
    assert found["span.exact.f1"] == pytest.approx(2 * 1 / (2 + 3))


def test_nothing_on_both_sides_is_undefined() -> None:
    assert all(math.isnan(value) for value in measured([], []).values())


_ranges = st.lists(
    st.tuples(st.integers(0, 15), st.integers(1, 8)).map(lambda t: (t[0], t[0] + t[1], "a")), max_size=5, unique=True
)


def brute_force(gold: Given, predicted: Given) -> float:
    """The largest summed Jaccard overlap over every one-to-one assignment, over sets of characters."""

    def jaccard(a: tuple[int, int, str], b: tuple[int, int, str]) -> float:
        first, second = set(range(a[0], a[1])), set(range(b[0], b[1]))
        return len(first & second) / len(first | second)

    few, many = sorted((gold, predicted), key=len)
    return max(
        sum(jaccard(a, b) for a, b in zip(few, choice, strict=True))
        for choice in itertools.permutations(many, len(few))
    )


@settings(deadline=None)
@given(_ranges, _ranges)
def test_span_measures_equal_a_brute_force_assignment(gold: Given, predicted: Given) -> None:
    found, best = measured(gold, predicted), brute_force(gold, predicted)
    if gold:
        assert found["span.recall"] == pytest.approx(best / len(gold))
    if predicted:
        assert found["span.precision"] == pytest.approx(best / len(predicted))
    if gold or predicted:
        assert found["span.f1"] == pytest.approx(2 * best / (len(gold) + len(predicted)))


# --- Attribution ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "predicted", "references", "expected"),
    [
        pytest.param("author", "author", {}, 1, id="author"),
        pytest.param("author", "hamas", {}, 0, id="entity-for-author"),
        pytest.param("hamas", "author", {}, 0, id="author-for-entity"),
        pytest.param("hamas", "hamas", {}, 1, id="key-of-the-catalogue"),
        pytest.param("hamas", "c7", {"c7": "hamas"}, 1, id="cluster-that-refers-to-it"),
        pytest.param("hamas", "c7", {"c7": "israel"}, 0, id="cluster-that-refers-to-another"),
        pytest.param("hamas", "c7", {"c7": None}, 0, id="cluster-that-refers-to-nobody"),
        pytest.param("hamas", "unheard-of", {}, 0, id="name-that-is-nothing"),
        # A cluster of one's own called like an entity is judged by its mentions, not by its name.
        pytest.param("hamas", "hamas", {"hamas": "israel"}, 0, id="cluster-with-a-borrowed-name"),
        # "author" is a word of the format; a cluster of that name cannot be a source.
        pytest.param("hamas", "author", {"author": "hamas"}, 0, id="cluster-called-author"),
    ],
)
def test_a_match_counts_if_the_sources_refer_to_the_same_entity(
    gold: str, predicted: str, references: dict[str, str | None], expected: int
) -> None:
    found = measured([(0, 10, gold)], [(0, 10, predicted)], references)
    assert found["attribution.f1"] == expected


@pytest.mark.parametrize(
    ("end", "expected"),
    [pytest.param(5, 1, id="exactly-half"), pytest.param(4, 0, id="less-than-half"), pytest.param(10, 1, id="equal")],
)
def test_attribution_wants_half_of_the_span(end: int, expected: int) -> None:
    # Gold 0-10 against 0-end: Jaccard end / 10.
    assert measured([(0, 10, "hamas")], [(0, end, "hamas")])["attribution.f1"] == expected


def test_attribution_f1_is_over_predicted_and_gold_spans() -> None:
    # Three gold, two predicted, one with the right source: 2 * 1 / (2 + 3).
    found = measured([(0, 10, "a"), (20, 30, "b"), (40, 50, "a")], [(0, 10, "a"), (20, 30, "a")])
    assert found["attribution.f1"] == pytest.approx(2 * 1 / (2 + 3))


def mention(start: int, entity: str) -> Mention:
    return Mention(start=start, end=start + 1, type="ORG", entity=entity)


def references_of(gold: Sequence[Mention], predicted: Sequence[Mention]) -> dict[str, str | None]:
    found = count_layer("entities", (context(), gold, predicted)).joined.finalize()
    return {name: entity for (_, name), entity in found.references().items()}


def test_a_cluster_refers_to_the_entity_with_which_it_shares_most_mentions() -> None:
    gold = [mention(0, "hamas"), mention(2, "hamas"), mention(4, "israel"), mention(6, "france"), mention(8, "france")]
    predicted = [
        *(mention(start, "x") for start in (0, 2, 4)),  # two of hamas, one of israel
        mention(30, "y"),  # nobody
        *(mention(start, "z") for start in (6, 30 + 2)),  # one of france, one spurious
    ]
    assert references_of(gold, predicted) == {"x": "hamas", "y": None, "z": "france"}


def test_more_mentions_decide_before_the_share_of_the_entity_s_mentions() -> None:
    # Two of hamas's four mentions (1/2) against the only one of israel (1/1).
    gold = [*(mention(start, "hamas") for start in (0, 2, 4, 6)), mention(8, "israel")]
    assert references_of(gold, [mention(start, "x") for start in (0, 2, 8)]) == {"x": "hamas"}


def test_equal_shares_go_to_the_entity_that_is_covered_better_and_then_to_nobody() -> None:
    # One mention each: israel has one in all (1/1), hamas two (1/2). Then 1/1 against 1/1.
    gold = [mention(0, "hamas"), mention(2, "hamas"), mention(4, "israel"), mention(6, "france")]
    assert references_of(gold, [mention(0, "x"), mention(4, "x")]) == {"x": "israel"}
    # Whichever of the two comes first in the text.
    later = [mention(4, "israel"), mention(9, "hamas"), mention(11, "hamas")]
    assert references_of(later, [mention(4, "x"), mention(9, "x")]) == {"x": "israel"}
    assert references_of(gold, [mention(4, "x"), mention(6, "x")]) == {"x": None}


@pytest.mark.parametrize("sources", [("author", "hamas"), ("hamas", "author")])
@pytest.mark.parametrize("given", ["author", "hamas"])
def test_of_equally_good_matchings_the_one_with_the_same_kind_of_source_is_taken(
    sources: tuple[str, str], given: str
) -> None:
    # 0-12 overlaps 0-8 by 8/12 and 0-18 by 12/18, both 2/3: F1 of attribution 2 * 1 / (1 + 2).
    gold = [(0, 8, sources[0]), (0, 18, sources[1])]
    assert measured(gold, [(0, 12, given)])["attribution.f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", ["hamas", "israel", "x"])
def test_the_name_of_a_cluster_does_not_decide_between_equally_good_matchings(name: str) -> None:
    # 0-12 overlaps 0-8 by 8/12 and 0-18 by 12/18, both 2/3; whatever its cluster is called, the same pair is taken.
    gold = [(0, 8, "hamas"), (0, 18, "israel")]
    found, plain = counted(gold, [(0, 12, name)], {name: "hamas"}), counted(gold, [(0, 12, "q")], {"q": "hamas"})
    assert (found.units.totals(), rows(found)) == (plain.units.totals(), rows(plain))
