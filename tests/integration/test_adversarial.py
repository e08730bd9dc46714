"""Attacks on the scorer: each starts from an honest file and is refused, or gains no point by what it does."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from default_labels import HEADLINES, LAYERS, STANCE_LABELS, TRACKS, VERIFICATION_LABELS
from predictions import Record, gold_records, noisy, refused, released, run, values, write
from retold.model.annotations import Document
from retold.model.findings import FindingsError
from retold.scoring.score import score

#: What systems are ranked by, what that is made of, and what stands for the rest.
JUDGED = tuple(
    dict.fromkeys(
        (
            *HEADLINES,
            *(part for parts in TRACKS.values() for part in parts),
            *(f"entities.coreference.{family}.f1" for family in ("b3", "ceafm", "ceafe", "blanc", "lea")),
            *("entities.mention.exact.f1", "claims.span.exact.f1"),
            *("stance.macro_f1", "stance.evidence.f1", "claims.verification.strict"),
        )
    )
)
Values = dict[str, float | None]
Change = Callable[[Record, Document], None]


def honest(folder: Path) -> Values:
    """The values of the file that every attack starts from: far from perfect, made in good faith."""
    return values(run(folder / "honest", noisy()))


def attacked(folder: Path, change: Change, **options: Any) -> Values:
    """The values of the same file after a change to each of its records."""
    records = noisy()
    for record in records:
        change(record, released().documents[record["document_id"]])
    return values(run(folder / "attacked", records, **options))


def gains(before: Values, after: Values, names: tuple[str, ...] = JUDGED) -> dict[str, tuple[float, float]]:
    """The judged measures that went up."""
    pairs = {name: (before[name] or 0.0, after[name] or 0.0) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[1] > pair[0] + 1e-12}


def body(document: Document) -> tuple[int, int]:
    """The part of a document between the first and the last character of its body."""
    zones = [zone for zone in document.zones if zone.zone == "body"]
    return min(zone.start for zone in zones), max(zone.end for zone in zones)


# --- Repeating what is right ------------------------------------------------------------------------------------------


def test_a_mention_repeated_in_its_cluster_counts_once(tmp_path: Path) -> None:
    def repeat(record: Record, _: Document) -> None:
        for layer in ("entities", "claims"):
            record[layer] = [item for item in record[layer] for _ in range(10)]

    assert attacked(tmp_path, repeat) == honest(tmp_path)


@pytest.mark.parametrize("times", [pytest.param(1, id="TC-A8"), pytest.param(10, id="TC-A9")])
def test_a_mention_repeated_in_a_second_cluster_is_refused(tmp_path: Path, times: int) -> None:
    # TC-A8 and TC-A9 of the reference coreference scorer, which keeps the first cluster of the mention.
    records = noisy()
    mention = records[0]["entities"][0]
    records[0]["entities"] += [{**mention, "entity": "a-second-cluster"}] * times
    assert refused(tmp_path, records) == {"RT406"}


@pytest.mark.parametrize(("layer", "code"), [("stance", "RT503"), ("verification", "RT504")])
@pytest.mark.parametrize("label", ["the-same", "another"])
def test_a_repeated_cell_is_refused(tmp_path: Path, layer: str, code: str, label: str) -> None:
    records = noisy()
    first = records[0][layer][0]
    labels = STANCE_LABELS if layer == "stance" else VERIFICATION_LABELS
    other = next(each for each in labels if each != first["label"])
    records[0][layer].append(first if label == "the-same" else {**first, "label": other})
    assert refused(tmp_path, records) == {code}


def test_calling_names_nominals_gains_nothing(tmp_path: Path) -> None:
    # Nominals are no names, so that their wrong types would be free; the span of a gold name is a name all the same.
    gold = {record["document_id"]: record for record in gold_records()}

    def disown(record: Record, _: Document) -> None:
        types = {(m["start"], m["end"]): m["type"] for m in gold[record["document_id"]]["entities"]}
        for mention in record["entities"]:
            span = mention["start"], mention["end"]
            if span in types and types[span] != mention["type"]:
                mention["kind"] = "nominal"

    before = honest(tmp_path)
    assert not gains(before, attacked(tmp_path, disown))


def test_leaving_a_label_or_a_link_out_does_not_shrink_what_a_mean_is_over(tmp_path: Path) -> None:
    # Of every label that gold has, and of links, something is missed: the mean goes on counting it as nothing.
    for label, names in (("favor", ("stance", "stance.favg")), ("refuted", ("claims.verification.macro_f1",))):

        def without(record: Record, _: Document, label: str = label) -> None:
            for layer in ("stance", "verification"):
                record[layer] = [item for item in record[layer] if item["label"] != label]

        assert not gains(honest(tmp_path), attacked(tmp_path, without), (*names, "overall"))

    def unlinked(record: Record, _: Document) -> None:
        for mention in record["entities"]:
            mention["kb_id"] = None

    found = attacked(tmp_path, unlinked)
    assert found["entities.linking.f1"] == 0.0
    assert not gains(honest(tmp_path), found)


# --- Leaving out what is hard -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = write(tmp_path, noisy())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FindingsError) as caught:
        score(path, released(), resamples=0)
    # The line that was cut is no record, but says which document it was; those behind it are missing.
    lost = {"RT303"} if share < 0.9 else set()
    assert {finding.code for finding in caught.value.findings} == {"RT102"} | lost
    with pytest.raises(FindingsError):
        score(path, released(), resamples=0, allow_missing=True)


@pytest.mark.parametrize("left_out", range(5))
def test_dropping_a_document_is_refused_or_counts_as_silence(tmp_path: Path, left_out: int) -> None:
    records = noisy()
    dropped = records.pop(left_out)["document_id"]
    assert refused(tmp_path, records) == {"RT303"}

    def silence(record: Record, _: Document) -> None:
        if record["document_id"] == dropped:
            record.update({layer: [] for layer in LAYERS})

    before, found = honest(tmp_path), values(run(tmp_path, records, allow_missing=True))
    assert found == attacked(tmp_path, silence)
    # Nothing becomes right by silence: no recall and no accuracy rises, nor what they are part of.
    recalls = tuple(name for name in before if name.endswith((".recall", ".accuracy")))
    assert not gains(before, found, (*recalls, "claims.verification.strict"))
    # F1 counts a wrong answer twice, as missed and as spurious, so it may rise a little where a document has hardly
    # anything right (the stance of one, the exact spans of another). The board shows who left out how much.
    rises = gains(before, found)
    assert rises.keys() <= {"stance", "stance.favg", "claims.span.exact.f1"}
    assert all(after - was < 0.01 for was, after in rises.values())


def test_leaving_out_cells_and_pairs_does_not_make_them_right(tmp_path: Path) -> None:
    # The wrong ones are left out, as by somebody who knows: each was wrong, each stays wrong, none is imputed.
    gold = {record["document_id"]: record for record in gold_records()}

    def drop_wrong(record: Record, _: Document) -> None:
        for layer in ("stance", "verification"):
            keys = ("holder", "target") if layer == "stance" else ("claim",)
            right = {tuple(i[k] for k in (*keys, "label")) for i in gold[record["document_id"]][layer]}
            record[layer] = [i for i in record[layer] if tuple(i[k] for k in (*keys, "label")) in right]

    before, after = honest(tmp_path), attacked(tmp_path, drop_wrong)
    for name in ("stance.accuracy", "claims.verification.accuracy", "claims.verification.strict"):
        assert after[name] == before[name]


# --- Joining by position ----------------------------------------------------------------------------------------------


def test_lines_are_joined_by_document_and_not_by_position(tmp_path: Path) -> None:
    records = noisy()
    random.Random(3).shuffle(records)
    assert values(run(tmp_path / "shuffled", records)) == honest(tmp_path)
    assert [r["document_id"] for r in records] != [r["document_id"] for r in noisy()]


def test_labels_under_the_name_of_another_document_do_not_count_for_their_own(tmp_path: Path) -> None:
    # Whoever relies on the order of lines and names the documents wrongly loses; offsets may also be refused.
    records = [{key: value for key, value in r.items() if key in ("document_id", "verification")} for r in noisy()]
    names = [record["document_id"] for record in records]
    for record, name in zip(records, [*names[1:], names[0]], strict=True):
        record["document_id"] = name
        for pair in record["verification"]:
            pair["evidence"] = []
    found = values(run(tmp_path, records))
    assert not gains(honest(tmp_path), found, ("claims.verification.macro_f1", "claims.verification.strict"))


VARIANTS = {
    "upper case": "Macron-Coalition-0",
    "space behind": "macron-coalition-0 ",
    "space before": " macron-coalition-0",
    "line end": "macron-coalition-0\n",
    "compatibility form": "macron-coalition-\uff10",
    "another hyphen": "macron\u2010coalition-0",
    "zero-width space": "macron-coalition-0\u200b",
    "combining accent": "ma\u0301cron-coalition-0",
}


@pytest.mark.parametrize("name", VARIANTS.values(), ids=VARIANTS)
def test_a_document_named_almost_right_is_unknown(tmp_path: Path, name: str) -> None:
    # Neither taken for the document, nor as a second reading of it beside the first.
    (first, *rest) = noisy()
    assert first["document_id"] == "macron-coalition-0"
    unknown = "RT209" if name.endswith("\n") else "RT301"
    assert {unknown, "RT303"} <= refused(tmp_path, [{**first, "document_id": name}, *rest])
    assert unknown in refused(tmp_path, [*noisy(), {**first, "document_id": name}])


@pytest.mark.parametrize(
    ("layer", "key", "spoil"),
    [
        ("stance", "holder", str.upper),
        ("stance", "target", "{} ".format),
        ("verification", "claim", "{}\u200b".format),
        ("entities", "kb_id", str.lower),
        ("entities", "kb_id", "{} ".format),
    ],
)
def test_a_key_named_almost_right_is_refused(tmp_path: Path, layer: str, key: str, spoil: Callable[[str], str]) -> None:
    records = noisy()
    item = next(item for item in records[0][layer] if item[key])
    item[key] = spoil(item[key])
    assert refused(tmp_path, records) <= {"RT305", "RT306", "RT307", "RT512"}


def test_clusters_that_differ_in_case_or_normalisation_are_two(tmp_path: Path) -> None:
    # Names of clusters are compared as they are: nothing is joined that the system held apart, and nothing gained.
    def split(record: Record, _: Document) -> None:
        for number, mention in enumerate(record["entities"]):
            mention["entity"] += ("", "\u0301", " ")[number % 3]

    assert not gains(honest(tmp_path), attacked(tmp_path, split), ("entities", "entities.coreference.conll"))


# --- One answer to everything -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "label"),
    [*(("stance", label) for label in STANCE_LABELS), *(("verification", label) for label in VERIFICATION_LABELS)],
)
def test_predicting_one_constant_gains_nothing(tmp_path: Path, layer: str, label: str) -> None:
    cells = {record["document_id"]: record[layer] for record in gold_records()}

    def constant(record: Record, _: Document) -> None:
        record[layer] = [{**cell, "label": label} for cell in cells[record["document_id"]]]

    before, after = honest(tmp_path), attacked(tmp_path, constant)
    mean = "stance.macro_f1" if layer == "stance" else "claims.verification.macro_f1"
    # Accuracy rises with the most frequent label; nothing that systems are ranked by does.
    assert not gains(before, after, (*HEADLINES, "stance.favg", mean))
    # Labels never given stay in the mean with an F1 of 0: one label of three cannot pass a third.
    assert after[mean] is not None
    assert after[mean] <= 1 / 3


def test_a_stray_label_does_not_shrink_a_macro_average(tmp_path: Path) -> None:
    # Where the labels of a macro average are those seen, an unheard-of label changes all systems' means. Here the set
    # is fixed and the file is refused.
    for layer, key in (("stance", "label"), ("verification", "label"), ("entities", "type")):
        records = noisy()
        records[0][layer][0][key] = "neutral"
        assert "RT204" in refused(tmp_path, records)


@pytest.mark.parametrize("cluster", ["one", "own"])
def test_one_giant_cluster_and_all_singletons_gain_nothing(tmp_path: Path, cluster: str) -> None:
    # MUC alone rewards the giant cluster, a known weakness of the measure; CoNLL and every other family fall.
    def recluster(record: Record, _: Document) -> None:
        for mention in record["entities"]:
            mention["entity"] = "all" if cluster == "one" else f"{record['document_id']}/{mention['start']}"

    assert not gains(honest(tmp_path), attacked(tmp_path, recluster))


# --- Too much ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["entities", "claims"])
def test_huge_overlapping_spans_gain_nothing(tmp_path: Path, layer: str) -> None:
    labels = {"entities": {"type": "PER", "entity": "hamas", "kb_id": "Q38799"}, "claims": {"source": "author"}}[layer]

    def cover(record: Record, document: Document) -> None:
        start, end = body(document)
        record[layer] += [{"start": start + n, "end": end - n, **labels} for n in range(30)]

    # Not judged are the regimes partial and type: as SemEval-2013 defines them any overlap earns, and a few long spans
    # over missed names do raise them. Nothing is ranked by them.
    assert not gains(honest(tmp_path), attacked(tmp_path, cover))


def test_ten_thousand_spurious_spans_gain_nothing_and_hide_nothing(tmp_path: Path) -> None:
    draw = random.Random(1)

    def flood(record: Record, document: Document) -> None:
        start, end = body(document)
        taken = {(item["start"], item["end"]) for layer in ("entities", "claims") for item in record[layer]}
        for number in range(2000):
            while True:
                first = draw.randrange(start, end - 30)
                span = first, first + draw.randrange(1, 30)
                if span not in taken:
                    break
            taken.add(span)
            place = {"start": span[0], "end": span[1]}
            record["entities"].append({**place, "type": "ORG", "entity": f"z{number}", "kb_id": "Q38799"})
            record["claims"].append({**place, "source": "author"})

    before, after = honest(tmp_path), attacked(tmp_path, flood)
    assert not gains(before, after)
    # Thousands of warnings (spans that cross) must not end the reading: the other layers are those of all documents.
    for name in ("stance.favg", "stance.accuracy", "claims.verification.macro_f1", "claims.verification.strict"):
        assert after[name] == before[name]


def test_a_link_on_every_mention_gains_nothing(tmp_path: Path) -> None:
    def link(record: Record, _: Document) -> None:
        for mention in record["entities"]:
            mention["kb_id"] = mention["kb_id"] or "Q38799"

    # A guess may hit and raise recall; links on entities that have none, and wrong ones, cost more.
    assert not gains(honest(tmp_path), attacked(tmp_path, link))


def test_all_sentences_as_evidence_gain_nothing(tmp_path: Path) -> None:
    def show_all(record: Record, document: Document) -> None:
        for item in (*record["stance"], *record["verification"]):
            item["evidence"] = list(range(len(document.sentences)))

    found = attacked(tmp_path, show_all)
    assert not gains(honest(tmp_path), found)
    # Only five sentences are read for the strict score, so all of them are worth what the first five are.

    def show_five(record: Record, document: Document) -> None:
        for item in (*record["stance"], *record["verification"]):
            item["evidence"] = list(range(min(5, len(document.sentences))))

    assert attacked(tmp_path, show_five)["claims.verification.strict"] == found["claims.verification.strict"]


@pytest.mark.parametrize("left_out", [False, True])
def test_empty_evidence_earns_nothing(tmp_path: Path, left_out: bool) -> None:
    def empty(record: Record, _: Document) -> None:
        for item in (*record["stance"], *record["verification"]):
            item["evidence"] = []
            if left_out:
                del item["evidence"]

    found = attacked(tmp_path, empty)
    assert not gains(honest(tmp_path), found)
    # No precision of 1 for giving none; what stays in the strict score are the pairs that want no evidence.
    assert found["stance.evidence.f1"] == 0.0
    right = run(tmp_path, noisy()).measures["claims.verification.accuracy"].counts
    enough = right["not_enough_info:not_enough_info"]
    assert found["claims.verification.strict"] == pytest.approx(enough / sum(right.values()))


@pytest.mark.parametrize(
    ("number", "code"),
    [("NaN", "RT109"), ("1e999", "RT109"), ("-0.5", "RT205"), ("2.0", "RT205")],
)
def test_a_confidence_that_is_no_share_is_refused(tmp_path: Path, number: str, code: str) -> None:
    records = noisy()
    records[0]["stance"][0]["scores"] = {"favor": "HERE", "against": 0.0, "none": 0.0}
    path = write(tmp_path, records)
    path.write_text(path.read_text(encoding="utf-8").replace('"HERE"', number), encoding="utf-8")
    with pytest.raises(FindingsError, match=code):
        score(path, released(), resamples=0)


# --- Borrowed names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_clusters_called_like_keys_of_the_catalogue_gain_nothing(tmp_path: Path, seed: int) -> None:
    # The clusters swap their catalogue names, the sources keep theirs. A source is read through the mentions of the
    # cluster of that name, so it now points at somebody else.
    (event,) = released().events.values()
    keys = sorted(event.entities)
    shuffled = random.Random(seed).sample(keys, len(keys))
    rename = dict(zip(keys, shuffled, strict=True))

    def borrow(record: Record, _: Document) -> None:
        for mention in record["entities"]:
            mention["entity"] = rename.get(mention["entity"], mention["entity"])

    before, after = honest(tmp_path), attacked(tmp_path, borrow)
    assert not gains(before, after)
    assert after["entities.coreference.conll"] == before["entities.coreference.conll"]


def test_sources_that_name_no_cluster_of_the_system_are_worth_what_their_key_is(tmp_path: Path) -> None:
    # With every cluster renamed out of the catalogue, right sources stay right under their keys: a key is an answer,
    # and calling one's clusters like keys was worth nothing.
    gold = gold_records()
    plain = values(run(tmp_path / "plain", gold))["claims.attribution.f1"]
    for record in gold:
        for mention in record["entities"]:
            mention["entity"] = f"own-{mention['entity']}"
    assert values(run(tmp_path / "renamed", gold))["claims.attribution.f1"] == plain == 1.0


def test_a_cluster_called_author_is_no_author(tmp_path: Path) -> None:
    def pose(record: Record, _: Document) -> None:
        for mention in record["entities"]:
            if mention["entity"] == "emmanuel-macron":
                mention["entity"] = "author"
        for claim in record["claims"]:
            if claim["source"] == "emmanuel-macron":
                claim["source"] = "author"

    assert not gains(honest(tmp_path), attacked(tmp_path, pose))
