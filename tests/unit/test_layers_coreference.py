"""Coreference across documents and languages: how mentions become clusters, and the breakdowns, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from conformance import Case, cases, check
from layer_counts import Counted, context, count_layer
from layer_counts import document as made_document
from retold.layers import coreference
from retold.layers.coreference import Mentions, measures_of
from retold.layers.units import UnitKind
from retold.measures.clusters import FAMILIES, sums_of
from retold.model.annotations import Document, Mention


def document(name: str, language: str = "en", event: str = "e") -> Document:
    """A hundred characters: byline 0-10, body 10-100, a paragraph every 30 characters."""
    paragraphs = [(start, start + 30) for start in (10, 40, 70)]
    return made_document([(0, 10, "byline"), (10, 100, "body")], paragraphs, name, language, event)


def joined(*documents: Counted, units: UnitKind = "document") -> Mentions:
    """The mentions of some documents, joined to clusters."""
    found: Mentions = count_layer("entities", *documents, units=units).joined.finalize()
    return found


#: (document, language) -> one-letter clusters at successive places; "." for a place without mention.
Layout = Mapping[tuple[str, str], str]


def mentions(letters: str, kind: str = "name", first: int = 10) -> list[Mention]:
    """A mention at every letter, two characters apart; the letter names its cluster, "?" leaves it without one."""
    return [
        Mention(start=first + 2 * n, end=first + 2 * n + 1, type="PER", entity=UNSET if letter == "?" else letter)
        for n, letter in enumerate(letters)
        if letter != "."
    ]


def clustered(gold: Layout, predicted: Layout, event_of: Mapping[str, str] | None = None) -> Mentions:
    places = {
        (name, language): context(document(name, language, (event_of or {}).get(name, "e")), by_document=True)
        for name, language in gold
    }
    return joined(
        *((where, mentions(gold[key]), mentions(predicted.get(key, ""))) for key, where in places.items()),
        units="paragraph",
    )


def values(found: Mentions) -> dict[str, float]:
    """Point values by name without their ``entities.coreference.``"""
    return {
        name.removeprefix("entities.coreference."): float(value[0])
        for name, value in measures_of(sums_of(found.overlaps())).items()
    }


ONE = ("d1", "en")
TWO = ("d2", "en")
ID = ("d3", "id")


def test_documents_of_an_event_are_taken_as_one() -> None:
    # Cluster a runs through both documents; the system cuts it. MUC: 3 links in gold, 2 kept; precision 1.
    found = values(clustered({ONE: "aa", TWO: "aa"}, {ONE: "xx", TWO: "yy"}))
    assert found["muc.recall"] == pytest.approx(2 / 3)
    assert found["muc.precision"] == 1.0
    # B3: each mention has 2 of its 4; precision 1.
    assert found["b3.recall"] == pytest.approx(1 / 2)


def test_events_do_not_share_clusters() -> None:
    # The same key in two events is two entities, so splitting it is right.
    found = values(clustered({ONE: "aa", TWO: "aa"}, {ONE: "xx", TWO: "yy"}, {"d1": "e", "d2": "f"}))
    assert all(found[f"{family}.f1"] == pytest.approx(1) for family in FAMILIES)


def test_mentions_without_a_key_belong_to_the_event_of_their_document() -> None:
    # Four singletons in two events on both sides: two pairs of mentions that do not corefer, all found. Were the
    # unnamed ones all of one event, six pairs would be predicted and BLANC's precision would be 2/6.
    found = values(clustered({ONE: "ab", TWO: "ab"}, {ONE: "??", TWO: "??"}, {"d1": "e", "d2": "f"}))
    assert [found[f"blanc.{part}"] for part in ("precision", "recall", "f1")] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("names", [{"a": "n1", "b": "n2"}, {"a": "b", "b": "a"}])
def test_names_of_nil_clusters_are_arbitrary(names: dict[str, str]) -> None:
    # wikilinks/neleval, examples/tac_gold and tac_system: two NIL clusters renamed score 1 in every measure; a scorer
    # that compares id strings gives 6 of 10.
    renamed = "".join(names[letter][-1] for letter in "aabb")
    found = values(clustered({ONE: "kkkkmm" + "aabb"}, {ONE: "kkkkmm" + renamed}))
    for family in FAMILIES:
        assert found[f"{family}.f1"] == pytest.approx(1), family


@pytest.mark.parametrize("case", cases("coreference"), ids=lambda case: case.name)
def test_the_values_of_the_reference_scorers_are_met(case: Case) -> None:
    # Each letter is a span; TC-A7 names one twice, which is to count once.
    def side(words: str) -> list[Mention]:
        return [
            Mention(start=ord(letter), end=ord(letter) + 1, type="PER", entity=f"{number}")
            for number, word in enumerate(words.split())
            for letter in word
        ]

    check(case, values(joined((context(), *map(side, case.given)))))


def test_mentions_match_by_span_whatever_their_type_or_kind() -> None:
    gold = [Mention(start=0, end=5, type="PER", entity="a"), Mention(start=7, end=9, type="PER", entity="a")]
    predicted = [
        Mention(start=0, end=5, type="ORG", entity="x"),
        Mention(start=7, end=9, type="PER", kind="nominal", entity="x"),
    ]
    assert values(joined((context(), gold, predicted)))["conll"] == pytest.approx(1)


def test_a_mention_without_a_key_is_a_cluster_of_its_own() -> None:
    assert values(clustered({ONE: "abc"}, {ONE: "???"}))["b3.f1"] == pytest.approx(1)
    # Two mentions of one entity left without keys are two singletons: B3 recall 1/2, precision 1.
    found = values(clustered({ONE: "aa"}, {ONE: "??"}))
    assert (found["b3.precision"], found["b3.recall"]) == pytest.approx((1, 1 / 2))


def test_a_prediction_outside_title_and_body_counts_neither_way() -> None:
    where, gold = context(document("d")), mentions("aab")
    outside = Mention(start=2, end=6, type="PER", entity="a")
    assert values(joined((where, gold, [*gold, outside]))) == values(joined((where, gold, gold)))


# --- Breakdowns -------------------------------------------------------------------------------------------------------


def test_within_cuts_clusters_at_document_borders() -> None:
    # Joining or splitting across documents does not matter inside them.
    gold = {ONE: "aab", TWO: "aab"}
    for predicted in ({ONE: "xxy", TWO: "zzw"}, {ONE: "xxy", TWO: "yyx"}):
        found = measures_of(clustered(gold, predicted).within())
        assert float(found["entities.coreference.conll"][0]) == pytest.approx(1)


def test_within_adds_up_the_documents() -> None:
    # d1: aa found as one cluster; d2: aa found as two singletons. MUC recall 1 of 2, precision 1 of 1.
    found = measures_of(clustered({ONE: "aa", TWO: "aa"}, {ONE: "xx", TWO: "xy"}).within())
    assert float(found["entities.coreference.muc.recall"][0]) == pytest.approx(1 / 2)
    assert float(found["entities.coreference.muc.precision"][0]) == pytest.approx(1)


def test_within_is_the_same_however_many_documents_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two documents whose sums differ; each in a run of its own, and both in one.
    table = clustered({ONE: "aabbc", TWO: "aab"}, {ONE: "xxyzz", TWO: "xyy"})
    together = table.within()
    monkeypatch.setattr(coreference, "_MENTIONS_AT_ONCE", 2)
    assert len(list(table._cut())) == 2
    apart = table.within()
    for family, sums in together.items():
        assert [float(each[0]) for each in apart[family]] == pytest.approx([float(each[0]) for each in sums]), family


def test_within_has_no_links_across_documents() -> None:
    # d1: aab found as it is, one link and two pairs apart. d2: aab found as xyy: no link of one, one pair apart of two
    # (the first and the third mention). BLANC: links 1 of 2, pairs apart 3 of 4, in precision and recall alike.
    found = measures_of(clustered({ONE: "aab", TWO: "aab"}, {ONE: "xxy", TWO: "xyy"}).within())
    for part in ("precision", "recall", "f1"):
        assert float(found[f"entities.coreference.blanc.{part}"][0]) == pytest.approx((1 / 2 + 3 / 4) / 2), part


def test_cross_lingual_counts_pairs_of_mentions_in_two_languages() -> None:
    # Gold: cluster a has 2 English and 2 Indonesian mentions, 4 pairs; b has 1 and 1, 1 pair: 5. The system puts one
    # Indonesian a with the English ones (2 right pairs), the other with b (b-b right, b-a wrong): 4 pairs, 3 right.
    found = clustered({ONE: "aab", ID: "aab"}, {ONE: "xxy", ID: "xyy"}).cross_lingual()
    assert found["counts"] == {"correct": 3, "predicted": 4, "gold": 5}
    assert found["precision"] == pytest.approx(3 / 4)
    assert found["recall"] == pytest.approx(3 / 5)
    assert found["f1"] == pytest.approx(2 * 3 / (4 + 5))


# --- Units ------------------------------------------------------------------------------------------------------------

_letters = st.text("ab.", min_size=3, max_size=20)


@settings(deadline=None, max_examples=50)
@given(_letters, _letters, _letters, _letters)
def test_counts_by_unit_add_up_to_the_whole(gold_1: str, predicted_1: str, gold_2: str, predicted_2: str) -> None:
    found = clustered({ONE: gold_1, ID: gold_2}, {ONE: predicted_1, ID: predicted_2})
    units = [f"{name}/{number}" for name in ("d1", "d3") for number in range(3)]
    whole, by_unit = found.by_unit(units)
    assert by_unit.shape == (len(units), len(found.overlaps().gold))
    assert (by_unit.sum(axis=0) == found.overlaps().mentions[0]).all()
    assert (whole.mentions == found.overlaps().mentions).all()


def test_a_mention_belongs_to_the_paragraph_in_which_it_begins() -> None:
    # Places 10, 12, ..., 38 lie in paragraph 0; 40 in paragraph 1.
    found = clustered({ONE: "a" * 15 + "b"}, {ONE: ""})
    _, by_unit = found.by_unit(["d1/0", "d1/1", "d1/2"])
    assert by_unit.sum(axis=1).tolist() == [15, 1, 0]


def test_a_mention_that_reaches_into_the_next_paragraph_belongs_to_its_first() -> None:
    over = Mention(start=38, end=42, type="PER", entity="a")
    _, by_unit = joined((context(document("d1")), [over], []), units="paragraph").by_unit(["d1/0", "d1/1", "d1/2"])
    assert by_unit.sum(axis=1).tolist() == [1, 0, 0]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(_letters, _letters), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_neither_the_order_of_documents_nor_names_change_a_bit(
    texts: Sequence[tuple[str, str]], random: object
) -> None:
    keys = [(f"d{n}", "en" if n % 2 else "id") for n in range(len(texts))]
    gold = {key: g for key, (g, _) in zip(keys, texts, strict=True)}
    predicted = {key: p for key, (_, p) in zip(keys, texts, strict=True)}
    random.shuffle(keys)  # type: ignore[attr-defined]
    again = clustered(
        {key: gold[key] for key in keys},
        {key: predicted[key].replace("a", "q").replace("b", "a").replace("q", "b") for key in keys},
    )
    before, after = clustered(gold, predicted), again
    for there, back in ((sums_of(before.overlaps()), sums_of(after.overlaps())), (before.within(), after.within())):
        first, second = measures_of(there), measures_of(back)
        assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)
