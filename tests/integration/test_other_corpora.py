"""Corpora with layers and labels of their own: whatever a command does, it does for them, and without any code.

``tests/data/corpora`` holds four: entities of OntoNotes' 18 types in French without a knowledge base; HIPE's fine types
with Wikidata ids beside NIL, and clusters by document; stance of four labels without holders; and verification with
AVeriTeC's labels. Their texts are invented. Each has two submissions, a good and a poor one.
"""

from __future__ import annotations

import csv
import io
import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import retold
from cli import Done, run
from files import lines_of, write_lines
from paths import DATA
from retold.corpus.load import Corpus, read_all
from retold.corpus.quotes import QuotedCell, resolve
from retold.corpus.views import labels_of, rows, tables_of
from retold.layers.scheme import Scheme
from retold.layers.views import ViewContext
from retold.model.annotations import encode

FOLDER = DATA / "corpora"
QUICK = ("--resamples", "20")
SUPPORTED, REFUTED = "Supported", "Refuted"
NOT_ENOUGH, CONFLICTING = "Not Enough Evidence", "Conflicting Evidence/Cherrypicking"


@dataclass(frozen=True)
class Case:
    """One of the corpora, and what is known of it without running anything.

    Attributes:
        name, event: of the folder, and of its event.
        layer, track: the only ones.
        poor, good: measure -> value of a submission.
        breakdowns: (dimension, value, measure) -> value, of the poor submission.
        agreed: measure of agreement -> value.
        wrong, near: a label that is none, and the label nearest to it.
        key: key of an item that holds the label.
        labels: what a message lists.
        classes: columns of the layer's table with class labels, and how many those are.
    """

    name: str
    event: str
    layer: str
    track: str
    poor: dict[str, float]
    good: dict[str, float]
    breakdowns: dict[tuple[str, str, str], float]
    agreed: dict[str, float]
    wrong: str
    near: str
    key: str
    labels: list[str]
    classes: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return FOLDER / self.name

    @property
    def folder(self) -> Path:
        return self.path / "events" / self.event

    @property
    def gold(self) -> Path:
        return self.folder / "gold.jsonl"

    @property
    def annotators(self) -> list[Path]:
        return [self.folder / "annotators" / f"ann-{number}.jsonl" for number in (1, 2)]

    def load(self) -> Corpus:
        return retold.load_corpus(self.path)


def f1(correct: float, predicted: float, gold: float) -> float:
    return 2 * correct / (predicted + gold)


ONTONOTES = Case(
    name="ontonotes-fr",
    event="marche-de-valombre",
    layer="entities",
    track="entities",
    # Right are Valombre (twice in the first text, once in the second), Garonde, and mardi (once in each). Wrong are
    # Émile (boundary), Valombre as LOC and Halle Vernet as ORG. Gold has nine mentions in each text.
    poor={
        "entities.mention.precision": 6 / 9,
        "entities.mention.recall": 6 / 18,
        "entities.mention.f1": f1(6, 9, 18),
        "entities.mention.exact.f1": f1(8, 9, 18),
        "entities.mention.partial.f1": f1(8 + 1 / 2, 9, 18),
        "entities.mention.type.f1": f1(7, 9, 18),
        # MUC over the event. Gold clusters of more than one: Valombre 5 mentions, of which 4 are in one cluster and 1
        # in none, 5 - 2; Garonde 3, in three parts, 0; mardi 2, 1; the company 2, both in none, 0. Recall 4/8.
        # Predicted: Valombre 4 of one entity, 3; Garonde with a span that gold lacks, 0; mardi 1. Precision 4/5.
        "entities.coreference.muc.recall": 4 / 8,
        "entities.coreference.muc.precision": 4 / 5,
    },
    good={"entities.mention.precision": 1, "entities.mention.recall": 16 / 18, "entities.mention.f1": f1(16, 16, 18)},
    breakdowns={
        ("type", "GPE", "entities.mention.f1"): f1(3, 3, 5),
        ("type", "DATE", "entities.mention.f1"): f1(2, 2, 3),
        ("type", "PERSON", "entities.mention.f1"): f1(1, 2, 3),
        ("type", "LOC", "entities.mention.f1"): f1(0, 1, 0),
        ("language", "fr", "entities.mention.f1"): f1(6, 9, 18),
    },
    # The second annotator has 16 of 18 spans, and Vernet for Halle Vernet.
    agreed={"entities.span.f1": f1(16, 17, 18), "entities.type.f1": f1(16, 17, 18)},
    wrong="PERSONN",
    near="PERSON",
    key="type",
    labels=[
        *("PERSON", "NORP", "FAC", "ORG", "GPE", "LOC", "PRODUCT", "EVENT", "WORK_OF_ART", "LAW", "LANGUAGE"),
        *("DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL"),
    ],
    classes={"type": 18, "kind": 1},
)
HIPE = Case(
    name="hipe",
    event="marlow-bridge",
    layer="entities",
    track="entities",
    # First text: Ida Crane and Crane are right; Port Ellery is called a region, the Tamsin a mountain, the Courier an
    # agency. Second text: Crane, Port Ellery, Ida Crane and Mount Sable are right. Gold has 8 and 7 mentions.
    poor={
        "entities.mention.f1": f1(6, 9, 15),
        "entities.mention.exact.f1": f1(9, 9, 15),
        # 11 mentions are of entities with an id. Links: Ida Crane, the Tamsin, Crane and Port Ellery are right; Crane
        # in the first text is linked to another id, the Courier to an id although gold says NIL.
        "entities.linking.precision": 4 / 6,
        "entities.linking.recall": 4 / 11,
        "entities.linking.f1": f1(4, 6, 11),
        # Clusters by document: cluster x of the first text is not that of the second. Gold clusters of two: Ida Crane
        # (in two clusters), and in the second text Ida Crane (together), Port Ellery and Mount Sable (half in none).
        "entities.coreference.muc.recall": 1 / 4,
        # The predicted cluster of three has two entities: 3 - 2 of 2 links.
        "entities.coreference.muc.precision": 1 / 2,
        # Five clusters of one are pure; of the three in x two share 2/3 and one has 1/3; Mount Sable is alone.
        "entities.coreference.b3.precision": (5 + 2 / 3 + 2 / 3 + 1 / 3 + 1) / 9,
        # Ida Crane and Crane are apart in the first text, three are alone; in the second two are together, and half of
        # Port Ellery and of Mount Sable is found.
        "entities.coreference.b3.recall": (1 / 2 + 1 / 2 + 3 + 1 + 1 + 1 / 2 + 1 / 2) / 15,
    },
    good={"entities.mention.f1": f1(14, 14, 15), "entities.linking.f1": 1},
    breakdowns={
        # A match counts at a level where both sides have the whole type.
        ("type", "loc", "entities.mention.f1"): f1(2, 4, 7),
        ("type", "loc.adm", "entities.mention.f1"): f1(1, 2, 3),
        ("type", "loc.adm.town", "entities.mention.f1"): f1(1, 1, 3),
        ("type", "loc.phys", "entities.mention.f1"): f1(1, 2, 3),
        ("type", "pers", "entities.mention.f1"): 1,
        ("type", "pers.ind", "entities.mention.f1"): 1,
    },
    # The second annotator lacks the Tamsin and the board, which both have ids.
    agreed={"entities.span.f1": f1(13, 13, 15), "entities.linking.f1": f1(9, 9, 11)},
    wrong="loc.adm.twn",
    near="loc.adm.town",
    key="type",
    labels=[
        *("pers.ind", "pers.coll", "pers.ind.articleauthor", "org.adm", "org.ent", "org.ent.pressagency"),
        *("prod.media", "prod.doctr", "time.date.abs", "loc.adm.town", "loc.adm.reg", "loc.adm.nat", "loc.adm.sup"),
        *("loc.phys.geo", "loc.phys.hydro", "loc.oro", "loc.fac", "loc.add.phys", "loc.unk"),
    ],
    classes={"type": 19, "kind": 1},
)
RUMOUR = Case(
    name="rumour",
    event="lamp-tower",
    layer="stance",
    track="stance",
    # Gold: support, comment | deny, query | query, comment | comment, deny.
    # Poor: support, support | comment, query | comment, comment | comment and nothing.
    poor={
        "stance.support.f1": f1(1, 2, 1),
        "stance.deny.f1": 0,
        "stance.query.f1": f1(1, 1, 2),
        "stance.comment.f1": f1(2, 4, 3),
        "stance.favg": (2 / 3 + 0 + 2 / 3) / 3,
        "stance.macro_f1": (2 / 3 + 0 + 2 / 3 + 4 / 7) / 4,
        "stance.accuracy": 4 / 8,
        # Six gold sentences under a label that takes a side, three given, two of them under the right label.
        "stance.evidence.f1": f1(2, 3, 6),
    },
    # One deny is called a comment. The given label has .7, each other .1: seven cells of .3^2 + 3 (.1^2), one of
    # .7^2 + .9^2 + 2 (.1^2).
    good={"stance.favg": (1 + 2 / 3 + 1) / 3, "stance.accuracy": 7 / 8, "stance.brier": (7 * 0.12 + 1.32) / 8},
    breakdowns={("target", "warden-knew", "stance.accuracy"): 2 / 4, ("label", "comment", "stance.accuracy"): 2 / 3},
    # 6 of 8 agree; by chance (1 x 1 + 2 x 3 + 2 x 1 + 3 x 3) / 64 (support, deny, query, comment).
    agreed={"stance.agreement": 6 / 8, "stance.kappa": (48 - 18) / (64 - 18), "stance.evidence.f1": f1(5, 6, 6)},
    wrong="supports",
    near="support",
    key="label",
    labels=["support", "deny", "query", "comment"],
    classes={"label": 4},
)
AVERITEC = Case(
    name="averitec",
    event="sorrel-dam",
    layer="verification",
    track="claims",
    # Gold has 2 Supported, 2 Refuted, 3 Not Enough Evidence, 1 Conflicting. Poor: a Refuted is called Supported, the
    # Conflicting one Not Enough Evidence, a Not Enough Evidence Refuted.
    poor={
        f"claims.verification.{SUPPORTED}.f1": f1(2, 3, 2),
        f"claims.verification.{REFUTED}.f1": f1(1, 2, 2),
        f"claims.verification.{NOT_ENOUGH}.f1": f1(2, 3, 3),
        f"claims.verification.{CONFLICTING}.f1": 0,
        "claims.verification.macro_f1": (4 / 5 + 1 / 2 + 2 / 3 + 0) / 4,
        "claims.verification.accuracy": 5 / 8,
        "claims.verification.strict": 5 / 8,
    },
    # All labels are right; a Refuted names another sentence.
    good={"claims.verification.macro_f1": 1, "claims.verification.accuracy": 1, "claims.verification.strict": 7 / 8},
    breakdowns={("label", NOT_ENOUGH, "claims.verification.accuracy"): 2 / 3},
    # 7 of 8 agree; by chance (2 x 2 + 2 x 3 + 3 x 3 + 1 x 0) / 64.
    agreed={"verification.agreement": 7 / 8, "verification.kappa": (56 - 19) / (64 - 19)},
    wrong="supported",
    near="Supported",
    key="label",
    labels=[SUPPORTED, REFUTED, NOT_ENOUGH, CONFLICTING],
    classes={"label": 4, "mutation": 7},
)
CASES = [ONTONOTES, HIPE, RUMOUR, AVERITEC]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def ok(*arguments: object, code: int = 0, **more: Any) -> Done:
    """Run a command that ends with this code."""
    done = run(*arguments, **more)
    assert done.returncode == code, done.stderr + done.stdout
    assert "internal error" not in done.stderr
    return done


def values_of(measures: dict[str, Any]) -> dict[str, Any]:
    return {name: value["value"] for name, value in measures.items()}


# The corpus itself


def test_corpus_and_its_files_have_no_findings(case: Case) -> None:
    assert "no findings" in ok("validate", case.path).stdout
    files = [*case.annotators, case.gold, case.path / "good", case.path / "poor"]
    assert "no findings" in ok("validate", *files, "--corpus", case.path).stdout


def test_gold_that_annotators_do_not_give_is_refused(case: Case, tmp_path: Path) -> None:
    root = shutil.copytree(case.path, tmp_path / "corpus")
    (root / "events" / case.event / "annotators" / "adjudication.jsonl").unlink()
    done = ok("validate", root, code=1)
    assert "RT714" in done.stdout


def test_corpus_survives_pickling(case: Case) -> None:
    corpus = pickle.loads(pickle.dumps(case.load()))
    assert corpus.scheme.digest == case.load().scheme.digest
    assert list(corpus.scheme.layers) == [case.layer]
    assert corpus.gold.keys() == corpus.documents.keys()


def test_views_have_the_columns_and_labels_of_the_layers(case: Case) -> None:
    corpus = case.load()
    scheme, folder = corpus.scheme, corpus.events[case.event]
    context = ViewContext(folder.event, folder.entities, folder.claims)
    tables, labels = tables_of(scheme), labels_of(scheme)
    assert set(tables) == {"documents", case.layer} | ({"claim_texts"} if case is AVERITEC else set())
    for table, columns in tables.items():
        made = list(rows(table, context, list(corpus.documents.values()), corpus.gold, scheme))
        assert made
        for row in made:
            assert list(row) == [*(["id", "event"] if table == "claim_texts" else []), *columns][-len(row) :]
            for column, kind in columns.items():
                assert kind not in labels or row[column] in labels[kind]
    assert {
        column: len(labels[kind])
        for column, kind in tables[case.layer].items()
        if kind in labels and kind != "kb_status"
    } == case.classes
    assert ("kb_id" in tables[case.layer]) == (case is HIPE)
    if case is RUMOUR:
        row = next(rows("stance", context, list(corpus.documents.values()), corpus.gold, scheme))
        assert "holder" not in row
        assert row["target_description"] == "The Lamp Tower is closed."


def test_descriptions_in_french_alone_are_shown(tmp_path: Path) -> None:
    root = shutil.copytree(RUMOUR.path, tmp_path / "corpus")
    card = root / "events" / RUMOUR.event / "event.json"
    event = json.loads(card.read_text(encoding="utf-8"))
    for target in event["targets"]:
        target["description"] = {"fr": f"La tour : {target['target']}."}
    card.write_text(json.dumps(event), encoding="utf-8")
    ok("validate", root)
    ok("score", root / "poor", "--corpus", root, *QUICK)
    corpus = retold.load_corpus(root)
    context = ViewContext(corpus.events[RUMOUR.event].event, {}, {})
    row = next(rows("stance", context, list(corpus.documents.values()), corpus.gold, corpus.scheme))
    assert row["target_description"] == "La tour : tower-closed."


def test_diff_names_what_changed(case: Case, tmp_path: Path) -> None:
    assert "no difference" in ok("corpus", "diff", case.path, case.path).stdout
    root = shutil.copytree(case.path, tmp_path / "corpus")
    gold = lines_of(case.gold)
    gold[0][case.layer].pop()
    write_lines(root / "events" / case.event / "gold.jsonl", gold)
    found = json.loads(ok("corpus", "diff", case.path, root, "--format", "json").stdout)
    assert found["counts"] == {case.layer: {"added": 0, "removed": 1, "changed": 0}}
    ok("corpus", "diff", case.path, root, "--format", "markdown")


def test_diff_shows_labels_that_were_added(tmp_path: Path) -> None:
    root = shutil.copytree(RUMOUR.path, tmp_path / "corpus")
    manifest = json.loads((root / "corpus.json").read_text(encoding="utf-8"))
    manifest["layers"]["stance"]["labels"].append("joke")
    (root / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")
    found = json.loads(ok("corpus", "diff", RUMOUR.path, root, "--format", "json").stdout)
    (change,) = found["changes"]
    assert (change["part"], change["key"], change["kind"]) == ("manifest", "layers/stance", "changed")
    assert set(change["after"]["labels"]) - set(change["before"]["labels"]) == {"joke"}
    assert found["bump"] == "minor"
    text = ok("corpus", "diff", RUMOUR.path, root).stdout
    assert "joke" in text
    # Corpora with nothing in common have differences too.
    ok("corpus", "diff", RUMOUR.path, AVERITEC.path)


def test_new_event_has_only_what_the_layers_need(case: Case, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    root.mkdir()
    shutil.copy(case.path / "corpus.json", root)
    text = tmp_path / "one.txt"
    text.write_text("La halle rouvre.\n\nLe maire est content. Il pleut.\n", encoding="utf-8")
    done = ok("corpus", "new-event", "une-halle", text, "--corpus", root, "--date", "2021-04-06")
    folder = root / "events" / "une-halle"
    needed = {"entities": {"entities.jsonl"}, "stance": set(), "verification": {"claims.jsonl"}}[case.layer]
    assert {path.name for path in folder.iterdir()} == {"event.json", "documents.jsonl", "annotators"} | needed
    event = json.loads((folder / "event.json").read_text(encoding="utf-8"))
    assert event["holders"] == event["targets"] == []
    # Of the manifest's languages, the first.
    (document,) = lines_of(folder / "documents.jsonl")
    assert document["language"] == ("fr" if case is ONTONOTES else "en")
    # What is still to do: title and description, targets where stance is labelled, gold; never a holder.
    assert ("stance targets" in done.stdout) == (case is RUMOUR)
    assert "holder" not in done.stdout
    assert ("claims.jsonl" in done.stdout) == (case is AVERITEC)


def test_quoted_annotations_have_the_layers_of_the_corpus() -> None:
    corpus = RUMOUR.load()
    cell = QuotedCell(document_id="lamp-tower-0", target="tower-closed", label="support", evidence=[1, 0])
    made = resolve(corpus.documents, {}, stance=[cell], scheme=corpus.scheme)
    assert [json.loads(encode(record)) for record in made][:2] == [
        {"document_id": "lamp-tower-0", "stance": [{"target": "tower-closed", "label": "support", "evidence": [0, 1]}]},
        {"document_id": "lamp-tower-1", "stance": []},
    ]


# Scores


def test_score_is_what_counting_by_hand_gives(case: Case) -> None:
    for name, expected in (("poor", case.poor), ("good", case.good)):
        found = retold.score(case.path / name, case.load(), resamples=0)
        for measure, value in expected.items():
            assert found.measures[measure].value == pytest.approx(value, abs=1e-12), measure
        assert found.measures["overall"].value == found.measures[case.track].value
    found = retold.score(case.path / "poor", case.load(), resamples=0)
    for cell, share in case.breakdowns.items():
        dimension, key, measure = cell
        shown = found.breakdowns[dimension][key][measure]["value"]
        assert shown == pytest.approx(share, abs=1e-12), cell


def test_clusters_of_an_event_cross_documents(tmp_path: Path) -> None:
    """The same files with clusters over the event."""
    root = shutil.copytree(HIPE.path, tmp_path / "corpus")
    manifest = json.loads((root / "corpus.json").read_text(encoding="utf-8"))
    manifest["layers"]["entities"]["clusters"] = "event"
    (root / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")
    measures = retold.score(root / "poor", root, resamples=0).measures
    # Now Ida Crane is 4 mentions in two clusters (2 of 3 links), Port Ellery 3 in three parts, the Courier 2 in two,
    # Mount Sable 2 in two. The predicted cluster x has four mentions of two entities.
    assert measures["entities.coreference.muc.recall"].value == pytest.approx(2 / (3 + 2 + 1 + 1))
    assert measures["entities.coreference.muc.precision"].value == pytest.approx((4 - 2) / 3)


def test_records_in_memory_score_as_their_file(case: Case) -> None:
    corpus = case.load()
    file = case.path / "poor" / "predictions.jsonl"
    expected = retold.score(file, corpus, resamples=0).measures
    decoded = read_all(file, corpus.scheme.decoder)
    for records in (lines_of(file), decoded):
        assert retold.score(records, corpus, resamples=0).measures == expected


@pytest.mark.parametrize("style", ["text", "markdown", "csv", "latex", "json"])
def test_score_in_every_format(case: Case, style: str) -> None:
    printed = ok("score", case.path / "poor", "--corpus", case.path, "--format", style, *QUICK).stdout
    others = {"entities", "stance", "claims", "verification"} - {case.layer, case.track}
    if style == "json":
        found = json.loads(printed)
        assert values_of(found["measures"]) | case.poor == pytest.approx(values_of(found["measures"]))
        names = set(found["measures"])
    elif style == "csv":
        table = list(csv.DictReader(io.StringIO(printed)))
        names = {row["measure"] for row in table}
        shown = {row["measure"]: row["value"] for row in table}
        assert all(float(shown[measure]) == pytest.approx(value) for measure, value in case.poor.items())
    else:
        names = {word for word in printed.replace("\\_", "_").split() if "." in word}
        assert "not in gold" not in printed
        assert not any(f"errors: {other}" in printed for other in others)
    assert not any(name.startswith(f"{other}.") for name in names for other in others)
    assert ("entities.linking.f1" in names) == (case is HIPE)


def test_items_hold_what_the_measures_count(case: Case, tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    ok("score", case.path / "poor", "--corpus", case.path, "--items", items, *QUICK)
    header, *found = lines_of(items)
    assert "labels:manifest-" in header["signature"]
    right = sum(item["right"] is True for item in found if item["task"] in ("mention", "stance", "verification"))
    assert right == {"entities": 6, "stance": 4, "verification": 5}[case.layer]


def test_errors_are_counted_by_the_labels_of_the_corpus(case: Case) -> None:
    printed = ok("score", case.path / "poor", "--corpus", case.path, *QUICK, "--format", "markdown").stdout
    printed = " ".join(printed.replace("|", " ").split())
    shown = {
        ONTONOTES.name: "GPE 3 0 1 0 0 1 0",
        HIPE.name: "loc.adm.town 1 0 1 0 0 1 0",
        RUMOUR.name: "deny → missing",
        AVERITEC.name: CONFLICTING,
    }[case.name]
    assert shown in printed


@pytest.mark.parametrize("style", ["table", "markdown", "json", "csv", "latex", "html"])
def test_rank_in_every_format(case: Case, style: str) -> None:
    submissions = case.path / "poor", case.path / "good"
    printed = ok("rank", *submissions, "--corpus", case.path, "--format", style, *QUICK).stdout
    others = {"entities", "stance", "claims"} - {case.track}
    assert not any(f"{other} [95" in printed or f"not in gold: {other}" in printed for other in others)
    if style == "json":
        ranked = json.loads(printed)["systems"]
        assert [(each["system"], each["rank"]) for each in ranked] == [("good", 1), ("poor", 2)]
        assert set(values_of(ranked[0]["measures"])) >= {"overall", case.track}


def test_rank_writes_its_folder(case: Case, tmp_path: Path) -> None:
    ok("rank", case.path / "poor", case.path / "good", "--corpus", case.path, "--output", tmp_path / "board", *QUICK)
    suffixes = {"txt", "md", "json", "csv", "tex", "html"}
    assert {path.name for path in (tmp_path / "board").iterdir()} >= {f"leaderboard.{suffix}" for suffix in suffixes}


def test_compare_lists_where_systems_differ(case: Case) -> None:
    found = json.loads(
        ok("compare", case.path / "good", case.path / "poor", "--corpus", case.path, "--format", "json").stdout
    )
    assert found["compared"] == [case.layer]
    assert found["left_out"] == {}
    better = sum(flip["better"] == "a" for flip in found["flips"] if flip["task"] != "linking")
    worse = sum(flip["better"] == "b" for flip in found["flips"] if flip["task"] != "linking")
    # What is right in good alone: 16 - 6 mentions; 14 - 6 mentions; three cells, the fourth that poor has not right is
    # wrong in both; three pairs.
    expected = {ONTONOTES.name: 10, HIPE.name: 8, RUMOUR.name: 3, AVERITEC.name: 3}[case.name]
    assert (better, worse) == (expected, 0)
    text = ok("compare", case.path / "good", case.path / "poor", "--corpus", case.path).stdout
    assert ("linking" in text) == (case is HIPE)
    for style in ("markdown", "csv", "latex"):
        ok("compare", case.path / "good", case.path / "poor", "--corpus", case.path, "--format", style)


def test_agreement_is_what_counting_by_hand_gives(case: Case) -> None:
    printed = ok("agree", *case.annotators, "--corpus", case.path, "--format", "json", *QUICK).stdout
    found = json.loads(printed)
    values = values_of(found["measures"])
    for measure, value in case.agreed.items():
        assert values[measure] == pytest.approx(value), measure
    assert ("entities.linking.f1" in values) == (case is HIPE)
    assert "labels:manifest-" in found["signature"]
    for style in ("text", "markdown", "csv", "latex"):
        ok("agree", *case.annotators, "--corpus", case.path, "--format", style, *QUICK)
    shown = ok("agree", *case.annotators, case.gold, "--corpus", case.path, *QUICK).stdout
    assert "ann-1 / ann-2" in shown


def test_notes_speak_of_what_the_corpus_has(case: Case) -> None:
    drawn = {"entities": "the paragraphs", "stance": "the stance cells", "verification": "the claims"}[case.layer]
    for command in (["score", case.path / "poor"], ["rank", case.path / "poor"], ["agree", *case.annotators]):
        assert f"varies over {drawn} of" in ok(*command, "--corpus", case.path, *QUICK).stdout


def test_measures_are_those_of_the_corpus(case: Case) -> None:
    printed = ok("measures", "--corpus", case.path).stdout
    assert all(measure in printed for measure in case.poor)
    assert ("linking" in printed) == (case is HIPE)
    one = next(iter(case.poor))
    assert one in ok("measures", one, "--corpus", case.path).stdout


COPIES = 40


def repeated(path: Path, target: Path) -> Path:
    """A file of records or documents many times over, each time under keys of its own."""
    records = [
        {**record, "document_id": f"{record['document_id']}-{copy}"}
        for copy in range(COPIES)
        for record in lines_of(path)
    ]
    return write_lines(target, records)


@pytest.mark.parametrize("bare", [False, True], ids=["folder", "bare"])
def test_workers_count_the_same(case: Case, bare: bool, tmp_path: Path) -> None:
    root = shutil.copytree(case.path, tmp_path / "corpus")
    folder = root / "events" / case.event
    for file in ("gold.jsonl", "documents.jsonl"):
        repeated(case.folder / file, folder / file)
    shutil.rmtree(folder / "annotators")
    predictions = repeated(case.path / "poor" / "predictions.jsonl", tmp_path / "predictions.jsonl")
    manifest = root / "corpus.json"
    corpus = retold.load_corpus(folder / "gold.jsonl", manifest=manifest) if bare else retold.load_corpus(root)
    one = retold.score(predictions, corpus, resamples=50)
    more = retold.score(predictions, corpus, resamples=50, workers=2, executor="threads" if bare else "process")
    assert more.as_dict() == one.as_dict()
    for measure, value in case.poor.items():
        # Clusters join the copies, unless they are of one document.
        if "coreference" not in measure or case is HIPE:
            assert one.measures[measure].value == pytest.approx(value), measure
    options = ["--gold", folder / "gold.jsonl", "--manifest", manifest] if bare else ["--corpus", root]
    assert "no findings" in ok("validate", predictions, *options, "--workers", 2).stdout


# Systems

SYSTEM = """
NAME = "majority"
DESCRIPTION = "The names and the most frequent labels of the other documents."
PROTOCOL = "leave-one-document-out"

from collections import Counter

from retold import AnnotationRecord, Mention, StanceCell, VerificationPair


def most(labels):
    return Counter(labels).most_common(1)[0][0]


def predict(document, context):
    golds = [example.gold for example in context.training]
    layers = {}
    if golds[0].entities:
        known = {m.text: m for gold in golds for m in gold.entities}
        layers["entities"] = [
            Mention(start=at, end=at + len(name), type=mention.type, entity=mention.entity, kb_id=mention.kb_id)
            for name, mention in sorted(known.items())
            if (at := document.text.find(name)) >= 0
        ]
    if golds[0].stance:
        label = most(cell.label for gold in golds for cell in gold.stance)
        layers["stance"] = [StanceCell(target=target.target, label=label) for target in context.event.targets]
    if golds[0].verification:
        label = most(pair.label for gold in golds for pair in gold.verification)
        layers["verification"] = [VerificationPair(claim=asked.claim, label=label) for asked in context.questions]
    return AnnotationRecord(document_id=document.document_id, **layers)
"""


@pytest.mark.parametrize("control", [None, "shuffled"])
def test_system_of_a_user_runs_on_the_corpus(case: Case, control: str | None, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SYSTEM, encoding="utf-8")
    more = ["--control", control] if control else []
    ok("run", tmp_path / "mine.py", "--corpus", case.path, "--output", tmp_path / "out", *more, folder=tmp_path)
    assert "no findings" in ok("validate", tmp_path / "out", "--corpus", case.path).stdout
    found = retold.score(tmp_path / "out", case.load(), resamples=0)
    if control is None and case is RUMOUR:
        # Without its own cells the most frequent label is comment in all but the first text, where deny comes first.
        assert found.coverage["stance"] == {"gold": 8, "predicted": 8, "missing": 0, "extra": 0}
    assert found.measures["overall"].value is not None


@pytest.mark.parametrize("name", ["majority", "random_prior", "gazetteer"])
def test_baselines_take_the_labels_of_the_corpus(name: str, case: Case, tmp_path: Path) -> None:
    known = Path(__file__).parents[2] / "baselines"
    ok("baseline", name, "--folder", known, "--corpus", case.path, "--output", tmp_path / "out", folder=tmp_path)
    assert "no findings" in ok("validate", tmp_path / "out", "--corpus", case.path).stdout


def test_system_with_a_wrong_label_is_refused(case: Case, tmp_path: Path) -> None:
    broken = SYSTEM.replace("label=label", f"label={case.wrong!r}").replace("type=mention.type", f"type={case.wrong!r}")
    (tmp_path / "mine.py").write_text(broken, encoding="utf-8")
    done = ok("run", tmp_path / "mine.py", "--corpus", case.path, "--output", tmp_path / "out", folder=tmp_path, code=2)
    assert "RT204" in done.stderr
    assert case.near in done.stderr


# A bare file of gold


def test_bare_gold_with_a_manifest_scores_as_the_corpus(case: Case) -> None:
    options = ["--gold", case.gold, "--manifest", case.path / "corpus.json"]
    found = json.loads(ok("score", case.path / "poor", *options, "--format", "json", *QUICK).stdout)
    values = values_of(found["measures"])
    for measure, value in case.poor.items():
        if "coreference" not in measure:
            assert values[measure] == pytest.approx(value), measure
    ok("validate", *options)
    ok("validate", case.path / "poor", *options)
    ok("agree", *case.annotators, *options, *QUICK)
    ok("rank", case.path / "poor", case.path / "good", *options, *QUICK)


def test_bare_gold_with_its_own_labels(case: Case) -> None:
    options = ["--gold", case.gold, "--labels", "from-gold"]
    done = ok("score", case.path / "good", *options, "--format", "json", *QUICK)
    found = json.loads(done.stdout)
    assert "labels:gold-" in found["signature"]
    values = values_of(found["measures"])
    for measure, value in case.good.items():
        assert values[measure] == pytest.approx(value), measure
    assert "no findings" in ok("validate", *options).stdout
    ok("validate", case.path / "good", *options)
    ok("agree", *case.annotators, *options, *QUICK)
    if case.layer != "entities":
        # The poor system gives labels that gold has too.
        shown = values_of(json.loads(ok("score", case.path / "poor", *options, "--format", "json").stdout)["measures"])
        assert shown == pytest.approx(shown | case.poor)
    else:
        refused = ok("score", case.path / "poor", *options, code=1).stderr
        assert "RT204" in refused
        assert "expected one of" in refused


def test_manifest_of_gold_is_what_its_labels_are(case: Case, tmp_path: Path) -> None:
    printed = ok("corpus", "manifest", case.gold).stdout
    layers = json.loads(printed)["layers"]
    assert list(layers) == [case.layer]
    options = layers[case.layer]
    if case is ONTONOTES:
        assert options["knowledge_base"] is None
    elif case is HIPE:
        assert options["knowledge_base"]["nil"] == "NIL"
        assert options["knowledge_base"]["name"] == "wikidata"
    else:
        assert sorted(options["labels"]) == sorted(case.labels)
        # The label that no sentence shows.
        assert options["neutral"] == {RUMOUR.name: "comment", AVERITEC.name: NOT_ENOUGH}[case.name]
    if case is RUMOUR:
        assert options["holders"] is False
        assert sorted(options["sides"]) == ["deny", "query", "support"]
    file = tmp_path / "corpus.json"
    file.write_text(printed, encoding="utf-8")
    own = retold.load_corpus(case.gold, manifest=file).scheme
    assert own.digest == retold.load_corpus(case.gold, labels="from-gold").scheme.digest
    assert json.loads(ok("corpus", "manifest", case.path).stdout)["languages"] == case.load().scheme.manifest.languages


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["Q1", None], {"name": "wikidata", "nil": None}),
        (["Q1", "NIL"], {"name": "wikidata", "nil": "NIL"}),
        ([None], {"name": "wikidata", "nil": None}),
        (["123", "NIL"], {"name": "unknown", "id": ".+", "nil": "NIL"}),
        ([], None),
    ],
)
def test_knowledge_base_of_gold(ids: list[str | None], expected: dict[str, Any] | None, tmp_path: Path) -> None:
    spans = [{"start": k, "end": k + 1, "type": "A", "kb_id": kb_id} for k, kb_id in enumerate(ids)]
    record = {"document_id": "a", "entities": spans or [{"start": 0, "end": 1, "type": "A"}]}
    file = write_lines(tmp_path / "gold.jsonl", [record])
    found = json.loads(ok("corpus", "manifest", file).stdout)["layers"]["entities"]["knowledge_base"]
    assert found == (None if expected is None else found | expected)
    assert (found is None) == (expected is None)


def test_kinds_of_gold_that_are_not_the_default_are_all_scored(tmp_path: Path) -> None:
    spans = [{"start": k, "end": k + 1, "type": "A", "kind": kind} for k, kind in enumerate(("nom", "nam"))]
    file = write_lines(tmp_path / "gold.jsonl", [{"document_id": "a", "entities": spans}])
    corpus = retold.load_corpus(file, labels="from-gold")
    assert corpus.scheme.layers["entities"].options.scored_kinds == ["nam", "nom"]
    found = retold.score(file, corpus, resamples=0)
    assert found.measures["entities.mention.f1"].counts["gold"] == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "RT102"),
        ("[]", "RT114"),
        ('{"document_id": "a", "stance": 3}', "RT201"),
        ('{"document_id": "a", "stance": [3]}', "RT201"),
        ('{"document_id": "a", "stance": [{"target": "t"}]}', "RT202"),
        ('{"document_id": "a", "stanse": []}', "RT203"),
        ('{"document_id": "a"}', "RT208"),
        ("", "RT111"),
        ('{"document_id": "a", "stance": [{"target": "t", "label": "missing"}]}', "RT208"),
        ('{"document_id": "a", "stance": [{"target": "t", "label": "a\\nb"}]}', "RT208"),
    ],
)
def test_gold_that_gives_no_labels_is_refused(line: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text(f"{line}\n", encoding="utf-8")
    for command in (["score", file], ["validate", file]):
        done = ok(*command, "--gold", file, "--labels", "from-gold", code=1)
        assert code in done.stderr
        assert "gold.jsonl" in done.stderr
    ok("corpus", "manifest", file, code=1)


# What is wrong


def first_item(record: dict[str, Any], case: Case) -> dict[str, Any]:
    item: dict[str, Any] = record[case.layer][0]
    return item


@pytest.mark.parametrize("role", ["gold", "annotation", "prediction"])
def test_wrong_label_is_refused_with_the_right_ones(case: Case, role: str, tmp_path: Path) -> None:
    records = lines_of(case.gold)
    first_item(records[0], case)[case.key] = case.wrong
    if role == "prediction":
        for record in records:
            for item in record[case.layer]:
                item.pop("text", None)
    root = shutil.copytree(case.path, tmp_path / "corpus")
    name = {"gold": f"events/{case.event}/gold.jsonl", "annotation": "mine.jsonl", "prediction": "predictions.jsonl"}
    file = write_lines(root / name[role], records)
    target = root if role == "gold" else file
    done = ok("validate", target, "--corpus", root, "--format", "json", code=1)
    found = next(each for each in json.loads(done.stdout)["findings"] if each["code"] == "RT204")
    assert Path(found["file"]).name == file.name
    assert (found["line"], found["pointer"]) == (1, f"/{case.layer}/0/{case.key}")
    assert found["message"] == f"'{case.wrong}' is not allowed, expected one of {', '.join(sorted(case.labels))}"
    assert found["hint"] == f"Did you mean '{case.near}'?"
    if role == "prediction":
        assert "RT204" in ok("score", file, "--corpus", root, code=1).stderr


def test_wrong_type_in_the_catalogue_is_refused(tmp_path: Path) -> None:
    root = shutil.copytree(HIPE.path, tmp_path / "corpus")
    file = root / "events" / HIPE.event / "entities.jsonl"
    entities = lines_of(file)
    entities[0]["type"] = "loc.fact"
    write_lines(file, entities)
    printed = ok("validate", root, code=1).stdout
    assert f"{file}:1: error RT204 'loc.fact' is not allowed" in printed
    assert "Did you mean 'loc.fac'?" in printed


def test_layer_that_the_corpus_lacks_counts_neither_way(case: Case, tmp_path: Path) -> None:
    other, item = {
        "entities": ("stance", {"target": "t", "label": "favor"}),
        "stance": ("verification", {"claim": "c", "label": "supported"}),
        "verification": ("entities", {"start": 0, "end": 3, "type": "PER"}),
    }[case.layer]
    records = [{**record, other: [item]} for record in lines_of(case.path / "poor" / "predictions.jsonl")]
    file = write_lines(tmp_path / "predictions.jsonl", records)
    done = ok("score", file, "--corpus", case.path, "--format", "json", *QUICK)
    found = json.loads(done.stdout)
    assert found["coverage"]["ignored_layers"] == {other: len(records)}
    assert values_of(found["measures"]) == pytest.approx(values_of(found["measures"]) | case.poor)
    assert f"answered but ignored, as gold lacks it: {other}" in ok("score", file, "--corpus", case.path, *QUICK).stdout


@pytest.mark.parametrize("content", [[], [{"start": 1}], [3]])
def test_annotation_of_a_layer_that_the_corpus_lacks_is_refused(case: Case, content: Any, tmp_path: Path) -> None:
    others = [name for name in ("entities", "stance", "claims", "verification") if name != case.layer]
    for other in others:
        records = lines_of(case.gold)
        records[1][other] = content
        file = write_lines(tmp_path / "mine.jsonl", records)
        role = ["--role", "annotation"]
        done = ok("validate", file, *role, "--corpus", case.path, "--format", "json", code=1)
        (found,) = json.loads(done.stdout)["findings"]
        assert (found["code"], found["line"], found["pointer"]) == ("RT203", 2, f"/{other}")


def test_holder_where_there_are_none_is_refused(tmp_path: Path) -> None:
    records = lines_of(RUMOUR.path / "poor" / "predictions.jsonl")
    records[0]["stance"][0]["holder"] = "warden"
    file = write_lines(tmp_path / "predictions.jsonl", records)
    for command in (["validate"], ["score"]):
        done = ok(*command, file, "--corpus", RUMOUR.path, code=1)
        assert "RT203 unknown key 'holder' [/stance/0/holder]" in done.stdout + done.stderr


def test_cells_that_are_missing_are_named_without_a_holder(tmp_path: Path) -> None:
    records = lines_of(RUMOUR.gold)
    del records[0]["stance"][1]
    file = write_lines(tmp_path / "mine.jsonl", records)
    printed = ok("validate", file, "--role", "annotation", "--corpus", RUMOUR.path, code=1).stdout
    assert "RT507 no cell for 'warden-knew' [/stance]" in printed
    assert "Add the cells, with the label comment if there is no stance." in printed


@pytest.mark.parametrize(
    ("base", "kb_id", "message"),
    [
        (None, "Q1", "the corpus has no knowledge base, got kb_id 'Q1'"),
        ({}, "x1", "expected a Wikidata id such as 'Q142', got 'x1'"),
        ({"nil": "NIL"}, "nil", "expected a Wikidata id such as 'Q142', got 'nil'"),
        ({"name": "geonames", "id": "[0-9]+"}, "Q1", "expected an id of geonames (matches [0-9]+), got 'Q1'"),
    ],
)
def test_wrong_id_is_refused_by_the_knowledge_base(
    base: dict[str, str] | None, kb_id: str, message: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "corpus.json"
    layers = {"entities": {"types": ["A"], "kinds": ["name"], "knowledge_base": base}}
    manifest.write_text(json.dumps({"layers": layers}), encoding="utf-8")
    span = {"start": 0, "end": 1, "type": "A"}
    gold = write_lines(tmp_path / "gold.jsonl", [{"document_id": "a", "entities": [span]}])
    file = write_lines(tmp_path / "mine.jsonl", [{"document_id": "a", "entities": [{**span, "kb_id": kb_id}]}])
    for command in ("validate", "score"):
        done = ok(command, file, "--gold", gold, "--manifest", manifest, code=1)
        assert f"RT512 {message} [/entities/0/kb_id]" in done.stdout + done.stderr


def test_null_and_nil_say_the_same(tmp_path: Path) -> None:
    root = shutil.copytree(HIPE.path, tmp_path / "corpus")
    for file in ("entities.jsonl", "annotators/ann-1.jsonl"):
        path = root / "events" / HIPE.event / file
        path.write_text(path.read_text(encoding="utf-8").replace('"NIL"', "null"), encoding="utf-8")
    assert "no findings" in ok("validate", root).stdout
    assert retold.score(root / "poor", root, resamples=0).measures["entities.linking.f1"].value == f1(4, 6, 11)
    folder = root / "events" / HIPE.event / "annotators"
    agreed = retold.agreement(folder / "ann-1.jsonl", HIPE.gold, retold.load_corpus(root), resamples=0)
    assert agreed.disagreements == []


def test_source_is_the_author_by_the_name_that_the_corpus_gives(tmp_path: Path) -> None:
    root = shutil.copytree(AVERITEC.path, tmp_path / "corpus")
    manifest = {"layers": {"claims": {"author": "voice"}}}
    (root / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")
    words = "The Sorrel Dam cost five million crowns"
    span = {"start": 0, "end": len(words), "text": words, "source": "voice", "claim": "dam-cost-five-million"}
    records = [{"document_id": f"sorrel-dam-{k}", "claims": [span] if k == 0 else []} for k in (0, 1)]
    mine = write_lines(root / "mine.jsonl", records)
    assert "no findings" in ok("validate", mine, "--corpus", root).stdout
    records[0]["claims"][0]["source"] = "author"  # type: ignore[index]
    write_lines(mine, records)
    printed = ok("validate", mine, "--role", "annotation", "--corpus", root, code=1).stdout
    assert "RT309 unknown source 'author'" in printed
    assert "`voice`" in printed


def test_determiners_and_possessives_are_those_of_english(tmp_path: Path) -> None:
    """French names may begin with an English determiner, or end in a quotation mark."""
    corpus = ONTONOTES.load()
    text = next(iter(corpus.documents.values())).text
    records = lines_of(ONTONOTES.gold)
    start = text.index("a construit la halle")
    mention = {"start": start, "end": start + 11, "text": "a construit", "kind": "name", "type": "ORG"}
    records[0]["entities"].append({**mention, "entity": "compagnie-du-lac"})
    records[0]["entities"].sort(key=lambda each: each["start"])
    file = write_lines(tmp_path / "mine.jsonl", records)
    assert "RT602" not in ok("validate", file, "--corpus", ONTONOTES.path).stdout


@pytest.mark.parametrize(
    ("manifest", "code", "pointer", "message"),
    [
        ('{"layers": ', "RT102", None, "malformed JSON"),
        ("[]", "RT201", "", "expected an object"),
        ('{"lairs": {}}', "RT203", "/lairs", "Did you mean 'layers'?"),
        ('{"format": 1}', "RT201", "/format", "expected 2"),
        ('{"layers": {"stanse": {}}}', "RT203", "/layers/stanse", "Did you mean 'stance'?"),
        ('{"layers": {"stance": {"labls": ["a"]}}}', "RT203", "/layers/stance/labls", "Did you mean 'labels'?"),
        ('{"layers": {"stance": {"labels": "a"}}}', "RT201", "/layers/stance/labels", "expected a list"),
        ('{"layers": {"stance": {"labels": []}}}', "RT208", "/layers/stance", "expected at least one label"),
        ('{"layers": {"stance": {"labels": ["a", "a"]}}}', "RT208", "/layers/stance", "'a' is listed twice"),
        ('{"layers": {"stance": {"labels": ["a", "missing"]}}}', "RT208", "/layers/stance", "reserved"),
        (
            '{"layers": {"stance": {"labels": ["a"], "neutral": "b"}}}',
            *("RT208", "/layers/stance", "neutral: 'b' is not one of a"),
        ),
        (
            '{"layers": {"stance": {"labels": ["evidence", "none"]}}}',
            *("RT208", "/layers/stance/labels", "'stance.evidence.f1'"),
        ),
        (
            '{"layers": {"verification": {"labels": ["a", "b:a", "a:b"]}}}',
            *("RT208", "/layers/verification/labels", "two measures or counts"),
        ),
        (
            '{"layers": {"entities": {"knowledge_base": {"id": "("}}}}',
            "RT208",
            "/layers/entities",
            "regular expression",
        ),
        *(
            (json.dumps({"layers": {"entities": {"knowledge_base": base}}}), "RT208", "/layers/entities", message)
            for base, message in (
                ({"id": "(a+)+"}, "takes too long"),
                ({"id": "(?:ab|a|b)*c"}, "takes too long"),
                ({"id": "[0-9]*"}, "matches the empty string"),
                ({"nil": ""}, "expected a word such as NIL, or null, got ''"),
                ({"nil": "NIL "}, "expected a word such as NIL, or null, got 'NIL '"),
                ({"nil": "Q1"}, "'Q1' is an id, too"),
            )
        ),
        (
            '{"layers": {"entities": {"types": ["caf\\u00e9", "cafe\\u0301"]}}}',
            *("RT208", "/layers/entities", "differ only in Unicode normalization"),
        ),
        ('{"layers": {"entities": {"clusters": "corpus"}}}', "RT204", "/layers/entities/clusters", "event"),
        (
            '{"layers": {"stance": {}}, "tracks": {"stance": ["stance.f1"]}}',
            *("RT208", "/tracks/stance", "no measure 'stance.f1'"),
        ),
        ('{"layers": {"stance": {}}, "overall": ["claims"]}', "RT208", "/overall", "no track 'claims'"),
    ],
)
def test_manifest_that_is_wrong_is_refused(
    manifest: str, code: str, pointer: str | None, message: str, tmp_path: Path
) -> None:
    root = shutil.copytree(RUMOUR.path, tmp_path / "corpus")
    (root / "corpus.json").write_text(manifest, encoding="utf-8")
    place = f" [{pointer}]" if pointer else ""
    commands: list[list[object]] = [
        ["validate", root],
        ["score", root / "poor", "--corpus", root],
        ["score", root / "poor", "--gold", RUMOUR.gold, "--manifest", root / "corpus.json"],
        ["corpus", "new-event", "another", root / "corpus.json", "--corpus", root],
    ]
    for command in commands:
        done = ok(*command, code=1)
        said = done.stdout + done.stderr
        assert f"{root / 'corpus.json'}" in said
        assert f"error {code} " in said
        assert message in said
        assert place in said


def test_fix_fills_in_what_the_catalogue_says(tmp_path: Path) -> None:
    """Of gold, whose keys must be complete; of a corpus without a knowledge base no id."""
    for case, expected in ((ONTONOTES, ["type", "entity"]), (HIPE, ["type", "entity", "kb_id"])):
        records = lines_of(case.gold)
        for record in records:
            for item in record["entities"]:
                del item["text"], item["type"]
                item.pop("kb_id", None)
        file = write_lines(tmp_path / f"{case.name}.jsonl", records)
        ok("validate", file, "--fix", "--role", "gold", "--corpus", case.path)
        fixed = lines_of(file)[0]["entities"][0]
        assert list(fixed) == ["start", "end", "text", "kind", *expected]


def test_rules_are_explained_without_a_corpus() -> None:
    assert "RT208" in ok("rules").stdout
    assert "knowledge base" in ok("rules", "RT512").stdout


@pytest.mark.parametrize("make", [lambda case: case.load(), lambda case: str(case.path)], ids=["corpus", "path"])
def test_library_takes_corpora_and_paths(case: Case, make: Callable[[Case], Any]) -> None:
    corpus = make(case)
    assert not retold.validate(None, corpus).findings
    board = retold.rank({"a": lines_of(case.gold), "b": lines_of(case.path / "poor" / "predictions.jsonl")}, corpus)
    assert [each.score.system for each in board.systems] == ["a", "b"]
    assert isinstance(board.systems[0].score.scheme, Scheme)


def test_gold_with_labels_of_its_own_names_the_options_that_take_them(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"document_id": "a", "entities": [{"start": 0, "end": 4, "type": "CITY"}]}\n', encoding="utf-8")
    refused = run("score", str(gold), "--gold", str(gold))
    assert refused.returncode == 1
    assert "--labels from-gold" in refused.stdout + refused.stderr
    assert run("score", str(gold), "--gold", str(gold), "--labels", "from-gold").returncode == 0
