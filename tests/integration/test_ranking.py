"""Ranking: places, ties, tiers and what a difference is worth, on the packaged corpus."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
import random
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import t
from statsmodels.stats.multitest import multipletests

from cli import run
from default_labels import HEADLINES, LAYERS
from predictions import Record, gold_records, released
from retold.corpus.load import load_corpus
from retold.model.findings import FindingsError
from retold.report.leaderboard import render_ranking
from retold.scoring import ranking as ranking_module
from retold.scoring.ranking import ALPHA, Ranked, Ranking, rank
from retold.scoring.score import score

RESAMPLES = 200


def thinned(share: float, seed: int = 1, layers: Sequence[str] = LAYERS) -> list[Record]:
    """Gold with this share of the items of these layers left out."""
    draw = random.Random(seed)
    records = gold_records()
    for record, layer in itertools.product(records, layers):
        record[layer] = [item for item in record[layer] if draw.random() >= share]
    return records


def sided_cells() -> list[tuple[str, str]]:
    """Cells (holder, target) for which some document of gold takes a side."""
    return sorted({(c["holder"], c["target"]) for r in gold_records() for c in r["stance"] if c["label"] != "none"})


def only(records: list[Record], *layers: str) -> list[Record]:
    """The same records without the other layers."""
    return [{key: value for key, value in r.items() if key in ("document_id", *layers)} for r in records]


Submit = Callable[..., Path]


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """Writes a submission and returns its path; a name may be used again in another folder."""
    count = itertools.count()

    def write(name: str, records: Sequence[Record]) -> Path:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write


def ranked(paths: Sequence[Path], **options: Any) -> Ranking:
    return rank(paths, released(), **{"resamples": RESAMPLES, **options})


def by_name(ranking: Ranking) -> dict[str, Ranked]:
    return {system.score.system: system for system in ranking.systems}


# --- Places -----------------------------------------------------------------------------------------------------------


def test_systems_come_from_first_to_last_whatever_order_they_are_given_in(submit: Submit) -> None:
    paths = [submit("poor", thinned(0.7)), submit("perfect", thinned(0)), submit("fair", thinned(0.3))]
    for given in itertools.permutations(paths):
        ranking = ranked(given, resamples=20)
        assert [(s.score.system, s.rank) for s in ranking.systems] == [("perfect", 1), ("fair", 2), ("poor", 3)]


def test_clearly_different_systems_have_ranks_and_tiers_of_their_own(submit: Submit) -> None:
    found = ranked([submit("poor", thinned(0.8)), submit("perfect", thinned(0)), submit("fair", thinned(0.3))])
    assert [(s.rank, s.rank_low, s.rank_high, s.tier) for s in found.systems] == [(n,) * 4 for n in (1, 2, 3)]


def test_exact_ties_share_a_rank_a_range_and_a_tier(submit: Submit) -> None:
    found = by_name(
        ranked(
            [submit("a", thinned(0.3)), submit("b", thinned(0.3)), submit("c", thinned(0.8)), submit("d", thinned(0))]
        )
    )
    assert (found["d"].rank, found["a"].rank, found["b"].rank, found["c"].rank) == (1, 2, 2, 4)
    # The range leaves the order of the two open: places 2 and 3.
    assert [(found[name].rank_low, found[name].rank_high) for name in "ab"] == [(2, 3), (2, 3)]
    assert found["a"].tier == found["b"].tier


def test_a_system_and_its_own_copy_cannot_be_told_apart(submit: Submit) -> None:
    # sacrebleu 2.6.0 gives p = 1 / (trials + 1) here; nothing is less extreme than no difference, so p is 1.
    found = ranked([submit("original", thinned(0.4)), submit("copy", thinned(0.4))])
    assert [c.measure for c in found.comparisons] == list(HEADLINES)
    for c in found.comparisons:
        assert (c.difference, c.low, c.high, c.p, c.p_holm) == (0.0, None, None, 1.0, 1.0)


def test_systems_that_the_tests_cannot_separate_share_a_tier_and_a_range(submit: Submit) -> None:
    # They differ in one mention: swapping its unit turns the difference round, so p is 1 in the exact test.
    other = thinned(0.3)
    other[0]["entities"].pop()
    found = ranked([submit("a", thinned(0.3)), submit("b", other)], measure="entities")
    assert [(s.rank_low, s.rank_high, s.tier) for s in found.systems] == [(1, 2, 1), (1, 2, 1)]
    assert [s.rank for s in found.systems] == [1, 2]


def test_a_system_that_does_not_compete_in_all_is_listed_but_not_ranked_overall(submit: Submit) -> None:
    # HELM's mean win rate keeps a system with a missing task on rank 1 (test_compute_win_rates_incomplete).
    paths = [
        submit("stance-only", only(thinned(0), "stance")),
        submit("all", thinned(0.5)),
        submit("less", thinned(0.8)),
    ]
    overall = ranked(paths)
    assert [s.score.system for s in overall.systems] == ["all", "less", "stance-only"]
    last = overall.systems[-1]
    assert (last.rank, last.rank_low, last.rank_high, last.tier) == (None, None, None, None)
    assert [s.rank for s in overall.systems] == [1, 2, None]
    # There are two places, not three.
    assert max(s.rank_high for s in overall.systems if s.rank_high is not None) == 2
    stance = ranked(paths, measure="stance")
    assert [(s.score.system, s.rank) for s in stance.systems] == [("stance-only", 1), ("all", 2), ("less", 3)]
    entities = by_name(ranked(paths, measure="entities"))
    assert entities["stance-only"].rank is None
    # It is compared where both compete.
    pairs = {(c.measure, c.a, c.b) for c in overall.comparisons if "stance-only" in (c.a, c.b)}
    assert pairs == {("stance", "stance-only", "all"), ("stance", "stance-only", "less")}


def test_one_system_alone_is_first(submit: Submit) -> None:
    found = ranked([submit("alone", thinned(0.5))])
    assert [(s.rank, s.rank_low, s.rank_high, s.tier) for s in found.systems] == [(1, 1, 1, 1)]
    assert found.comparisons == []
    assert found.minimum_detectable_difference == dict.fromkeys(HEADLINES)
    assert "chance of 80%" not in render_ranking(found, "table")


def test_names_are_made_unique(submit: Submit) -> None:
    paths = [submit(name, thinned(n / 10)) for n, name in enumerate(["x", "x", "x (2)", "x", "y"])]
    names = [s.score.system for s in ranked(paths, resamples=10).systems]
    assert sorted(names) == ["x", "x (2)", "x (3)", "x (4)", "y"]
    assert names[2] == "x (2)"  # the one that was called so keeps its name


# --- Comparisons ------------------------------------------------------------------------------------------------------


@pytest.fixture
def four(submit: Submit) -> Ranking:
    return ranked([submit(f"s{n}", thinned(share, seed=n)) for n, share in enumerate((0.2, 0.25, 0.3, 0.6))])


def test_every_pair_is_compared_on_every_headline_measure(four: Ranking) -> None:
    pairs = list(itertools.combinations(["s0", "s1", "s2", "s3"], 2))
    assert [(c.measure, c.a, c.b) for c in four.comparisons] == [(m, a, b) for m in HEADLINES for a, b in pairs]


def test_differences_are_those_of_the_values(four: Ranking) -> None:
    systems = by_name(four)
    for c in four.comparisons:
        a, b = (systems[name].score.measures[c.measure].value for name in (c.a, c.b))
        assert c.difference == a - b  # type: ignore[operator]
        assert c.low <= c.difference <= c.high  # type: ignore[operator]
        assert 1 / (RESAMPLES + 1) <= c.p <= 1


def test_the_minimum_detectable_difference_is_the_median_over_pairs(four: Ranking) -> None:
    corpus = load_corpus()
    paragraphs = sum(len(document.paragraphs) for document in corpus.documents.values())
    cells = len({(cell.holder, cell.target) for record in corpus.gold.values() for cell in record.stance or ()})
    assert cells < paragraphs < 230  # claims to verify
    for measure in HEADLINES:
        units = paragraphs if measure in ("entities", "claims") else cells
        # Quantiles .975 and .8 of t with one degree of freedom less than units, for resamples that spread too little.
        factor = (t.ppf(0.975, units - 1) + t.ppf(0.8, units - 1)) * (units / (units - 1)) ** 0.5
        replicates = [system.score.replicates[measure] for system in four.systems]
        errors = [float((a - b).std(ddof=1)) for a, b in itertools.combinations(replicates, 2)]
        assert four.minimum_detectable_difference[measure] == pytest.approx(factor * statistics.median(errors))
    assert "Minimum detectable difference in overall: " in render_ranking(four, "table")


def test_p_values_are_adjusted_by_holm_over_the_pairs_of_a_measure(four: Ranking) -> None:
    for measure in HEADLINES:
        of_measure = [c for c in four.comparisons if c.measure == measure]
        theirs = multipletests([c.p for c in of_measure], method="holm")[1]
        assert [c.p_holm for c in of_measure] == pytest.approx(theirs.tolist())


def test_copies_of_a_system_change_nothing_between_the_others(submit: Submit) -> None:
    # Three copies of b under other names: one hypothesis with a each, as b has, and none among themselves.
    a, b, c = thinned(0.02), thinned(0.2, seed=2), thinned(0.25, seed=3)
    paths = [submit("a", a), submit("b", b), submit("c", c)]
    before, after = ranked(paths), ranked([*paths, *(submit(f"b{n}", b) for n in range(3))])
    for measure in HEADLINES:
        alone = {(x.a, x.b): x.p_holm for x in before.comparisons if x.measure == measure}
        found = {(x.a, x.b): x.p_holm for x in after.comparisons if x.measure == measure}
        assert {pair: found[pair] for pair in alone} == alone
        assert found["a", "b2"] == alone["a", "b"]
        assert found["b", "b2"] == found["b0", "b1"] == 1.0
        assert after.hypotheses[measure] == before.hypotheses[measure] == 3
    assert by_name(after)["a"].rank_high == by_name(before)["a"].rank_high == 1


def with_labels_changed(records: Sequence[Record], *cells: int) -> list[Record]:
    """The same with other labels in some stance cells, by their number."""
    changed: list[Record] = json.loads(json.dumps(records))
    every = [cell for record in changed for cell in record["stance"]]
    for number in cells:
        every[number]["label"] = {"favor": "against", "against": "none", "none": "favor"}[every[number]["label"]]
    return changed


#: Three systems that differ by much, before near-copies join them.
THREE = {"a": thinned(0.1), "b": thinned(0.2, seed=2), "c": thinned(0.28, seed=3)}


@pytest.mark.parametrize("copies", [2, 6, 24])
@pytest.mark.parametrize("of", ["a", "b"])
def test_near_copies_change_nothing_between_the_others(of: str, copies: int) -> None:
    # Each differs from the original in one label, and from each other in two.
    joined = {f"{of}{n}": with_labels_changed(THREE[of], 7 * n) for n in range(copies)}
    before = rank(THREE, released(), measure="stance", resamples=RESAMPLES)
    after = rank(THREE | joined, released(), measure="stance", resamples=RESAMPLES)
    for measure in HEADLINES:
        there, here = before.by(measure), after.by(measure)
        (group,) = here.near_copies[measure]
        assert {*group} == {of, *joined}
        # In other layers the copies are exact, and each is as good as another.
        assert group == [of, *sorted(joined)] or measure in ("entities", "claims")
        assert after.hypotheses[measure] == before.hypotheses[measure] == 3
        alone = {(c.a, c.b): c.p_holm for c in before.comparisons if c.measure == measure}
        found = {(c.a, c.b): c.p_holm for c in after.comparisons if c.measure == measure}
        assert {pair: found[pair] for pair in alone} == alone
        assert {name: by_name(here)[name].tier for name in THREE} == {n: by_name(there)[n].tier for n in THREE}
        assert by_name(here)[f"{of}0"].tier == by_name(here)[of].tier
        assert after.minimum_detectable_difference[measure] == before.minimum_detectable_difference[measure]
    board = render_ranking(after, "table")
    noted = {row["system"] for row in csv.DictReader(io.StringIO(render_ranking(after, "csv"))) if row["notes"]}
    assert noted == set(joined)
    assert "Near-copies, whose answers agree by 95% or more, count as one system in Holm's correction" in board


def found_names(extra: int, missing: range) -> list[Record]:
    """40 documents of ten names: all found but the first one in some documents, and one found wrongly."""
    return [
        {
            "document_id": f"d{number}",
            "entities": [
                {"start": start, "end": start + 4, "type": "PER"}
                for start in [*range(10 * (number in missing), 100, 10), *([extra] if extra else [])]
            ],
        }
        for number in range(40)
    ]


def test_the_best_of_near_copies_begins_the_tier(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(record) + "\n" for record in found_names(0, range(0))), encoding="utf-8")
    corpus = load_corpus(gold, labels="from-gold")
    two = {"a": found_names(105, range(0)), "b": found_names(205, range(8))}
    copies = {f"c{n}": found_names(105, range(10 + n, 28)) for n in range(3)}
    alone, among = (rank(systems, corpus, measure="entities", resamples=2000) for systems in (two, two | copies))
    assert [(each.score.system, each.tier) for each in alone.systems] == [("a", 1), ("b", 2)]
    assert among.near_copies["entities"][0][0] != "a"
    assert {"a", *copies} == {*among.near_copies["entities"][0]}
    assert [by_name(among)[name].tier for name in "ab"] == [1, 2]


def test_claim_spans_with_moved_ends_make_no_other_system() -> None:
    # Claims of a sentence, each end up to eight characters earlier; the other system has every second one.
    def trimmed(characters: int, step: int = 1) -> list[Record]:
        return [
            {**record, "claims": [cut(claim, characters) for claim in record["claims"][::step]]}
            for record in THREE["a"]
        ]

    def cut(claim: Record, characters: int) -> Record:
        return {**{k: v for k, v in claim.items() if k != "text"}, "end": claim["end"] - characters}

    systems = {"a": trimmed(0), "other": trimmed(0, 2), **{f"a{n}": trimmed(n) for n in range(1, 9)}}
    found = rank(systems, released(), measure="claims", resamples=10)
    assert {*found.near_copies["claims"][0]} == systems.keys() - {"other"}
    assert found.hypotheses["claims"] == 1


def test_systems_between_two_do_not_make_them_one() -> None:
    # Each is a near-copy of the next, eight cells apart of some sixty that take sides; the first and the last are not.
    chain = {f"s{n}": with_labels_changed(only(gold_records(), "stance"), *range(3 * n)) for n in range(12)}
    groups = rank(chain, released(), measure="stance", resamples=10).near_copies["stance"]
    assert all(len(group) < len(chain) / 2 for group in groups)
    assert not any({"s0", "s11"} <= {*group} for group in groups)


def test_answers_that_count_neither_way_do_not_make_a_near_copy_another_system() -> None:
    # A name and a claim in each byline, and cells of holders that a document does not mention.
    disguised = with_labels_changed(THREE["a"], 3)
    (event,) = released().events.values()
    for record in disguised:
        known = {cell["holder"] for cell in record["stance"]}
        record["stance"] += [
            {"holder": holder.holder, "target": target.target, "label": "favor", "evidence": [0]}
            for holder, target in itertools.product(event.event.holders, event.event.targets)
            if holder.holder not in known
        ]
        for zone in released().documents[record["document_id"]].zones:
            for start in range(zone.start, zone.end - 1) if zone.zone == "byline" else ():
                span = {"start": start, "end": start + 1}
                record["entities"].append({**span, "type": "PER", "entity": "nobody"})
                record["claims"].append({**span, "source": "author"})
    found = rank({"a": THREE["a"], "disguised": disguised}, released(), resamples=10)
    assert [len(groups) for groups in found.near_copies.values()] == [1] * len(HEADLINES)


@pytest.mark.parametrize("layer", LAYERS)
def test_systems_that_differ_in_one_layer_are_no_near_copies_where_it_is_read(layer: str) -> None:
    # One item in six is missing in one layer, 2 * 5 / (5 + 6) is below .95; everything else is the same.
    systems = {"one": thinned(0.1), "other": thinned(0.1)}
    for record in systems["other"]:
        record[layer] = [item for number, item in enumerate(record[layer]) if number % 6]
    found = rank(systems, released(), resamples=10).near_copies
    tracks = {"entities": "entities", "stance": "stance", "claims": "claims", "verification": "claims"}
    assert {measure for measure, groups in found.items() if not groups} == {"overall", tracks[layer]}


def test_equal_counts_by_other_answers_make_no_near_copies(tmp_path: Path) -> None:
    # 40 documents of twelve names; each system finds the same number of them in each, but not the same ones.
    def records(found: Sequence[int]) -> list[Record]:
        mentions = [{"start": 10 * n, "end": 10 * n + 5, "type": "PER", "kb_id": None} for n in found]
        return [{"document_id": f"d{number}", "entities": mentions} for number in range(40)]

    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(record) + "\n" for record in records(range(12))), encoding="utf-8")
    systems = {"first": records(range(9)), "last": records(range(3, 12)), "again": records([*range(8), 11])}
    corpus = load_corpus(gold, labels="from-gold")
    assert rank(systems, corpus, measure="entities", resamples=10).near_copies["entities"] == []
    again = {**systems, "copy": records(range(9))}
    assert rank(again, corpus, measure="entities", resamples=10).near_copies["entities"] == [["first", "copy"]]


def test_pairs_of_groups_are_hypotheses_and_pairs_within_come_on_top() -> None:
    # Groups {0, 1}, {2}, {3}; 0 stands for its group. Family: (0,2) .01, (0,3) .04, (2,3) .03, by Holm .03, .06, .06.
    tested = {(0, 1): 0.02, (0, 2): 0.01, (0, 3): 0.04, (1, 2): 0.002, (1, 3): 0.5, (2, 3): 0.03}
    same = {number: bytes([number]) for number in range(4)}
    adjusted, hypotheses = ranking_module._adjusted(tested, [[0, 1], [2], [3]], same)
    assert hypotheses == 3
    # (1,2) in the place of (0,2): 3 * .002. (1,3) in that of (0,3): largest of three, .5. (0,1) is the second of four
    # by size (.01, .02, .03, .04): 3 * .02.
    assert adjusted == pytest.approx(
        {(0, 1): 0.06, (0, 2): 0.03, (0, 3): 0.06, (1, 2): 0.006, (1, 3): 0.5, (2, 3): 0.06}
    )


def test_turning_a_pair_round_turns_its_difference_round(submit: Submit) -> None:
    paths = [submit("a", thinned(0.3)), submit("b", thinned(0.35, seed=2))]
    for there, back in zip(ranked(paths).comparisons, ranked(paths[::-1]).comparisons, strict=True):
        assert (there.a, there.b) == (back.b, back.a)
        assert there.difference == -back.difference
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))  # type: ignore[operator]
        assert there.p == back.p


def test_p_is_the_share_of_exchanges_that_differ_as_much(submit: Submit) -> None:
    # The systems differ in four (holder, target) units, so 2**4 exchanges are all there are. Each is made here on the
    # predictions themselves, and scored anew.
    wrong = {"favor": "against", "against": "none", "none": "favor"}
    cells = sided_cells()[:4]

    def system(spoiled: Sequence[tuple[str, str]]) -> list[Record]:
        records = only(gold_records(), "stance")
        for cell in (cell for record in records for cell in record["stance"]):
            cell["evidence"] = []
            if (cell["holder"], cell["target"]) in spoiled:
                cell["label"] = wrong[cell["label"]]
        return records

    mine, yours = {cells[0]}, set(cells[1:])

    def favg(spoiled: set[tuple[str, str]]) -> float:
        value = score(submit("s", system(sorted(spoiled))), released(), resamples=0).measures["stance"].value
        assert value is not None
        return value

    observed = abs(favg(mine) - favg(yours))
    extreme = 0
    for exchanged in itertools.chain.from_iterable(itertools.combinations(cells, n) for n in range(5)):
        extreme += abs(favg(mine ^ set(exchanged)) - favg(yours ^ set(exchanged))) >= observed - 1e-12
    paths = [submit("mine", system(sorted(mine))), submit("yours", system(sorted(yours)))]
    (found,) = [c for c in ranked(paths, measure="stance").comparisons if c.measure == "stance"]
    assert 0 < extreme < 16
    assert found.p == pytest.approx(extreme / 16)


def test_units_that_differ_only_in_what_a_measure_does_not_read_leave_its_test_exact(submit: Submit) -> None:
    # Stance is ranked by favg, which reads labels alone. One system has two (holder, target) units wrong that the other
    # has right: of four exchanges, none and both are as far apart, p = 2/4. In evidence they differ in every unit. That
    # must not matter; 200 exchanges drawn from all of them would give a multiple of 1/201.
    cells = sided_cells()
    assert 2 ** len(cells) > RESAMPLES

    def system(spoiled: Sequence[tuple[str, str]], evidence: list[int]) -> list[Record]:
        records = only(gold_records(), "stance")
        for cell in (cell for record in records for cell in record["stance"]):
            if (cell["holder"], cell["target"]) in spoiled:
                cell["label"] = "none"
            cell["evidence"] = [] if cell["label"] == "none" else evidence
        return records

    paths = [submit("right", system([], [0])), submit("wrong", system([cells[0], cells[-1]], []))]
    (found,) = [c for c in ranked(paths, measure="stance").comparisons if c.measure == "stance"]
    assert found.p == 2 / 4


def test_a_difference_is_significant_only_below_the_adjusted_level(four: Ranking) -> None:
    pairs = [c for c in four.comparisons if c.measure == "overall"]
    for system in four.systems:
        name = system.score.system
        lost = sum(c.p_holm < ALPHA and (c.difference < 0) == (c.a == name) for c in pairs if name in (c.a, c.b))
        won = sum(c.p_holm < ALPHA and (c.difference > 0) == (c.a == name) for c in pairs if name in (c.a, c.b))
        assert (system.rank_low, system.rank_high) == (1 + lost, len(four.systems) - won)


def test_a_p_at_the_level_is_not_below_it(four: Ranking) -> None:
    at_the_level = [dataclasses.replace(c, p_holm=ALPHA) for c in four.comparisons]
    found = dataclasses.replace(four, comparisons=at_the_level).by("overall")
    assert {(s.rank_low, s.rank_high, s.tier) for s in found.systems} == {(1, 4, 1)}
    below = [dataclasses.replace(c, p_holm=ALPHA - 1e-9) for c in four.comparisons]
    found = dataclasses.replace(four, comparisons=below).by("overall")
    assert [(s.rank_low, s.rank_high, s.tier) for s in found.systems] == [(n, n, n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(("shares", "compared"), [((3, 3), True), ((3, 2), False), ((3, 0), True)])
def test_brier_scores_over_different_cells_are_not_compared(
    submit: Submit, shares: tuple[int, int], compared: bool
) -> None:
    # Probabilities for so many of every three cells.
    def system(share: int) -> list[Record]:
        records = only(gold_records(), "stance")
        for number, cell in enumerate(cell for record in records for cell in record["stance"]):
            if number % 3 < share:
                cell["scores"] = {label: float(label == cell["label"]) for label in ("favor", "against", "none")}
        return records

    ranking = ranked([submit(name, system(share)) for name, share in zip("ab", shares, strict=True)], measure="stance")
    assert ranking.incomparable == ([] if compared else ["stance.brier", "stance.ece"])
    rows = list(csv.DictReader(io.StringIO(render_ranking(ranking, "csv"))))
    cells = sum(len(record["stance"]) for record in gold_records())
    for row, share in zip(rows, shares, strict=True):
        given = sum(number % 3 < share for number in range(cells))
        assert row["stance.brier"] == ("0.0" if compared and share else "")
        assert (f"stance.brier is over {given} of {cells} cells" in row["notes"]) == (0 < share < 3)
        assert by_name(ranking)[row["system"]].score.measures["stance.ece"].counts == {"cells": given, "gold": cells}
    assert ("stance.brier is not compared" in render_ranking(ranking, "table")) != compared


# --- Output -----------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes(submit: Submit) -> None:
    # Ten units of the stance layer and more are drawn, so another seed shows.
    paths = [submit("a", thinned(0.2)), submit("b", thinned(0.25, seed=2))]
    first, again, other = (render_ranking(ranked(paths, seed=seed), "json") for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_board_of_a_track_is_ranked_by_that_track_in_every_format(submit: Submit, tmp_path: Path) -> None:
    # One system is best in stance and the other in all the rest: what is first overall is last in stance.
    poor_in = {"all-round": ["stance"], "stancy": ["entities", "claims", "verification"]}
    paths = [submit(name, thinned(0.9, layers=layers)) for name, layers in poor_in.items()]
    places = {s.score.system: s.rank for s in ranked(paths, resamples=20).systems}
    assert places == {"all-round": 1, "stancy": 2}
    folder = tmp_path / "out"
    done = run("rank", *paths, "--resamples", 20, "--output", folder, "--format", "html")
    assert done.returncode == 0
    assert done.stdout == (folder / "leaderboard.html").read_text(encoding="utf-8")
    orders = {
        "leaderboard": ("overall", ["all-round", "stancy"]),
        "leaderboard-entities": ("entities", ["all-round", "stancy"]),
        "leaderboard-stance": ("stance", ["stancy", "all-round"]),
        "leaderboard-claims": ("claims", ["all-round", "stancy"]),
    }
    for page, (measure, order) in orders.items():
        texts = {path.suffix: path.read_text(encoding="utf-8") for path in folder.glob(f"{page}.*")}
        assert set(texts) == {".txt", ".md", ".json", ".csv", ".tex", ".html"}
        for suffix, text in texts.items():
            if suffix == ".csv":
                rows = list(csv.DictReader(io.StringIO(text)))
                assert [(row["rank"], row["system"], row["ranked_by"]) for row in rows] == [
                    (str(rank + 1), name, measure) for rank, name in enumerate(order)
                ]
            elif suffix == ".json":
                assert json.loads(text)["measure"] == measure
                assert [system["system"] for system in json.loads(text)["systems"]] == order
            else:
                assert f"Leaderboard, ranked by {measure}" in text
                assert sorted(order, key=text.index) == order
                assert f"differ significantly in {measure} " in text


def test_a_system_scores_in_a_ranking_as_it_does_alone(submit: Submit) -> None:
    paths = [submit("a", thinned(0.2)), submit("b", thinned(0.4))]
    for path, system in zip(paths, ranked(paths).systems, strict=True):
        assert system.score.as_dict() == score(path, released(), resamples=RESAMPLES).as_dict()


# --- Refusals ---------------------------------------------------------------------------------------------------------


def test_a_submission_at_fault_refuses_the_ranking(submit: Submit) -> None:
    with pytest.raises(FindingsError, match="RT303"):
        ranked([submit("a", thinned(0.2)), submit("b", thinned(0.2)[1:])])


@pytest.mark.parametrize("options", [{"measure": "stance.brier"}, {"measure": ""}])
def test_what_cannot_be_ranked_is_an_error(submit: Submit, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ranked([submit("a", thinned(0.2))], **options)


def test_without_resamples_systems_are_ranked_by_value_alone(submit: Submit) -> None:
    found = ranked([submit("a", thinned(0.3)), submit("b", thinned(0.8)), submit("c", thinned(0.3))], resamples=0)
    assert [(each.score.system, each.rank) for each in found.systems] == [("a", 1), ("c", 1), ("b", 3)]
    assert all((value.low, value.high) == (None, None) for s in found.systems for value in s.score.measures.values())
    assert found.comparisons == []


def test_records_in_memory_are_ranked_as_files_are(submit: Submit) -> None:
    systems = {"a": thinned(0.3), "b": thinned(0.8)}
    files = ranked([submit(name, records) for name, records in systems.items()])
    memory = rank(systems, released(), resamples=RESAMPLES)
    assert [(s.score.system, s.rank, s.score.measures) for s in memory.systems] == [
        (s.score.system, s.rank, s.score.measures) for s in files.systems
    ]
    assert memory.comparisons == files.comparisons


def test_no_submission_is_an_error() -> None:
    with pytest.raises(ValueError, match="no submission"):
        ranked([])


def test_overall_rests_on_the_layers_of_its_tracks_only(tmp_path: Path) -> None:
    # Twelve documents with an entity and a stance cell each; overall is the track of entities alone.
    def records(found: int, label: str) -> list[dict[str, Any]]:
        mention = {"start": 0, "end": 3, "type": "PER"}
        cell = {"holder": "h", "target": "t", "label": label, "evidence": [0]}
        return [
            {"document_id": f"d{number}", "entities": [mention] if number < found else [], "stance": [cell]}
            for number in range(12)
        ]

    gold, manifest = tmp_path / "gold.jsonl", tmp_path / "manifest.json"
    gold.write_text("".join(json.dumps(record) + "\n" for record in records(12, "favor")), encoding="utf-8")
    layers: dict[str, Any] = {"entities": {"knowledge_base": None}, "stance": {}}
    manifest.write_text(json.dumps({"layers": layers, "overall": ["entities"]}), encoding="utf-8")
    corpus = load_corpus(gold, manifest=manifest)
    alone = score(records(9, "favor"), corpus, resamples=200)
    assert alone.measures["overall"].low == alone.measures["entities"].low
    # The second differs from the first only in stance: for overall it is a copy, and no hypothesis of its own.
    systems = {"one": records(9, "favor"), "two": records(9, "against"), "three": records(4, "favor")}
    ranking = rank(systems, corpus, measure="overall", resamples=200)
    pairs = {frozenset((pair.a, pair.b)): pair for pair in ranking.comparisons if pair.measure == "overall"}
    three = pairs[frozenset(("one", "three"))]
    assert three.p == three.p_holm < 0.5
