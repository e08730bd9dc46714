"""Exchanging gold and prediction exchanges precision and recall, in every layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from default_labels import STANCE_LABELS, VERIFICATION_LABELS
from layer_counts import Catalogue, context, count_layer, measures
from retold.model.annotations import ClaimSpan, Mention, StanceCell, VerificationPair

Values = dict[str, float | None]


def values(layer: str, gold: Sequence[Any], predicted: Sequence[Any]) -> Values:
    """The measures of a layer; None where one is undefined."""
    catalogue = Catalogue(kb_status=lambda entity, kb_id: "verified")
    found = measures(count_layer(layer, (context(), gold, predicted), catalogue=catalogue))
    return {name: None if math.isnan(value) else value for name, value in found.items()}


spans = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda pair: (pair[0], sum(pair)))


def mentions(labels: Mapping[tuple[int, int], tuple[str, str]]) -> list[Mention]:
    return [Mention(start=s, end=e, type=kind, kb_id=kb) for (s, e), (kind, kb) in labels.items()]


def claim_spans(labels: Mapping[tuple[int, int], str]) -> list[ClaimSpan]:
    return [ClaimSpan(start=start, end=end, source=source) for (start, end), source in labels.items()]


def of_entities(gold: Any, predicted: Any) -> Values:
    return values("entities", mentions(gold), mentions(predicted))


def of_claims(gold: Any, predicted: Any) -> Values:
    found = values("claims", claim_spans(gold), claim_spans(predicted))
    # The matching may choose among pairs that are equally good but for their sources.
    del found["claims.attribution.f1"]
    return found


def of_stance(gold: Any, predicted: Any) -> Values:
    def cells(labels: Sequence[tuple[str, list[int]]]) -> list[StanceCell]:
        return [
            StanceCell(holder="h", target=f"t{n}", label=label, evidence=evidence)
            for n, (label, evidence) in enumerate(labels)
        ]

    found = values("stance", cells(gold), cells(predicted))
    # Means over the labels that gold has.
    del found["stance.favg"], found["stance.macro_f1"]
    return found


def of_verification(gold: Any, predicted: Any) -> Values:
    def pairs(labels: Sequence[str]) -> list[VerificationPair]:
        return [VerificationPair(claim=f"c{n}", label=label) for n, label in enumerate(labels)]

    found = values("verification", pairs(gold), pairs(predicted))
    # One asks for evidence of gold alone, the other is a mean over the labels that gold has.
    del found["claims.verification.strict"], found["claims.verification.macro_f1"]
    return found


def two_annotations(labels: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Two sequences of labels for the same questions."""
    return st.integers(0, 8).flatmap(
        lambda size: st.tuples(*[st.lists(labels, min_size=size, max_size=size) for _ in range(2)])
    )


def exchanged(found: Values) -> Values:
    """What the other way round has to be: precision for recall, all else as it is."""
    turn = {"precision": "recall", "recall": "precision"}
    return {".".join(turn.get(part, part) for part in name.split(".")): value for name, value in found.items()}


@pytest.mark.parametrize(
    ("measured", "annotations"),
    [
        pytest.param(
            of_entities,
            st.tuples(
                *[
                    st.dictionaries(
                        spans, st.tuples(st.sampled_from(("PER", "ORG")), st.sampled_from(("Q1", "Q2"))), max_size=7
                    )
                    for _ in range(2)
                ]
            ),
            id="entities",
        ),
        pytest.param(
            of_claims,
            st.tuples(*[st.dictionaries(spans, st.sampled_from(("author", "a", "b")), max_size=7) for _ in range(2)]),
            id="claims",
        ),
        pytest.param(
            of_stance,
            two_annotations(st.tuples(st.sampled_from(STANCE_LABELS), st.lists(st.integers(0, 3), max_size=3))),
            id="stance",
        ),
        pytest.param(of_verification, two_annotations(st.sampled_from(VERIFICATION_LABELS)), id="verification"),
    ],
)
def test_exchanging_the_sides_exchanges_precision_and_recall(
    measured: Callable[[Any, Any], Values], annotations: st.SearchStrategy[Any]
) -> None:
    @settings(max_examples=200, deadline=None)
    @given(annotations)
    def holds(both: tuple[Any, Any]) -> None:
        there, back = measured(*both), measured(*reversed(both))
        assert exchanged(there).keys() == back.keys()
        for name, value in exchanged(there).items():
            assert value == pytest.approx(back[name], abs=1e-12), name

    holds()
