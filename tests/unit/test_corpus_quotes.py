"""Quotes: every quote is found at its place in its sentence, or all that are not found are named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import Done
from cli import run as run_command
from files import lines_of
from retold.corpus.load import Corpus
from retold.corpus.quotes import QuotedCell, QuotedClaim, QuotedMention, QuotedPair, resolve
from retold.model.annotations import AnnotationRecord, ClaimSpan, Mention
from retold.model.findings import Finding, FindingsError

# The English document of the tiny corpus (conftest.py), its sentences by number:
#   0 "River rises in\xa0Vale 🌊" from 0    1 "Mayor Bo Berg asked for a dam." from 33
#   2 "The dam costs 5 million." from 64   3 "Vale was flooded on Monday." from 89
# and the Indonesian one: 0 "Sungai meluap di\xa0Vale 🌊" from 0, 1 "Bo Berg meminta bendungan." from 37.


def mention(sentence: int, quote: str, entity: str = "vale", **changes: Any) -> QuotedMention:
    raw = {"document_id": "flood-0", "sentence": sentence, "quote": quote, "kind": "name", "entity": entity}
    return msgspec.convert({**raw, **changes}, QuotedMention)


def claim(sentence: int, quote: str, **changes: Any) -> QuotedClaim:
    raw = {"document_id": "flood-0", "sentence": sentence, "quote": quote, "source": "author", "claim": "one"}
    return msgspec.convert({**raw, **changes}, QuotedClaim)


def cell(holder: str, target: str, **changes: Any) -> QuotedCell:
    raw = {"document_id": "flood-0", "holder": holder, "target": target, "label": "none", "evidence": []}
    return msgspec.convert({**raw, **changes}, QuotedCell)


def pair(key: str, **changes: Any) -> QuotedPair:
    raw = {"document_id": "flood-0", "claim": key, "label": "supported", "evidence": [2]}
    return msgspec.convert({**raw, **changes}, QuotedPair)


def run(corpus: Corpus, **quoted: Any) -> dict[str, AnnotationRecord]:
    records = resolve(corpus.documents, corpus.events["flood"].entities, **quoted)
    return {record.document_id: record for record in records}


def refused(corpus: Corpus, **quoted: Any) -> list[Finding]:
    with pytest.raises(FindingsError) as caught:
        run(corpus, **quoted)
    return caught.value.findings


def test_resolve_gives_offsets_type_and_id(tiny_corpus: Corpus) -> None:
    found = run(
        tiny_corpus,
        mentions=[mention(1, "Bo Berg", "bo-berg")],
        claims=[claim(2, "The dam costs 5 million", claim="dam-costs-5")],
    )["flood-0"]
    assert found.entities == [
        Mention(start=39, end=46, text="Bo Berg", kind="name", type="PER", entity="bo-berg", kb_id="Q11")
    ]
    assert found.claims == [
        ClaimSpan(start=64, end=87, text="The dam costs 5 million", source="author", claim="dam-costs-5")
    ]


@pytest.mark.parametrize("space", [" ", "\xa0"])
def test_resolve_ignores_the_kind_of_space(space: str, tiny_corpus: Corpus) -> None:
    [found] = run(tiny_corpus, mentions=[mention(0, f"rises{space}in{space}Vale")])["flood-0"].entities
    # The text of the record is the document's, not the quote.
    assert (found.start, found.text) == (6, "rises in\xa0Vale")


def test_resolve_gives_a_sorted_record_per_document(tiny_corpus: Corpus) -> None:
    found = run(
        tiny_corpus,
        mentions=[mention(1, "Berg"), mention(1, "Bo Berg"), mention(1, "Mayor Bo Berg"), mention(1, "Mayor")],
        stance=[cell("mayor", "dam", evidence=[3, 1]), cell("author", "mayor-berg"), cell("author", "dam")],
        verification=[pair("dam-costs-9"), pair("dam-costs-5", evidence=[2, 0])],
    )
    record = found["flood-0"]
    # By start, the outer span before those inside it.
    assert [m.text for m in record.entities] == ["Mayor Bo Berg", "Mayor", "Bo Berg", "Berg"]
    assert [(c.holder, c.target) for c in record.stance] == [
        ("author", "dam"),
        ("author", "mayor-berg"),
        ("mayor", "dam"),
    ]
    assert record.stance[2].evidence == [1, 3]
    assert [(p.claim, p.evidence) for p in record.verification] == [("dam-costs-5", [0, 2]), ("dam-costs-9", [2])]
    assert found["flood-1"] == AnnotationRecord(
        document_id="flood-1", entities=[], stance=[], claims=[], verification=[]
    )


#: What is wrong -> (quotes, code, file, words of the message).
WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "not in the sentence": ({"mentions": [mention(1, "Vale")]}, "RT403", "mentions", "sentence 1 of flood-0"),
    "not so often": ({"claims": [claim(1, "dam", nth=2)]}, "RT403", "claims", "no occurrence 2 of 'dam'"),
    "across sentences": ({"claims": [claim(1, "dam. The dam")]}, "RT403", "claims", "'dam. The dam'"),
    "other capitals": ({"mentions": [mention(1, "mayor")]}, "RT403", "mentions", "'mayor'"),
    "empty": ({"mentions": [mention(1, "")]}, "RT403", "mentions", "''"),
    "unknown document": ({"mentions": [mention(1, "dam", document_id="flood-7")]}, "RT301", "mentions", "'flood-7'"),
    "unknown document of a pair": (
        {"verification": [pair("dam-costs-5", document_id="no")]},
        *("RT301", "verification", "'no'"),
    ),
    "no such sentence": ({"mentions": [mention(4, "dam")]}, "RT308", "mentions", "no sentence 4; flood-0 has 4"),
    "a sentence counted from the end": ({"claims": [claim(-1, "Vale")]}, "RT308", "claims", "no sentence -1"),
    "evidence of a cell": ({"stance": [cell("mayor", "dam", evidence=[9])]}, "RT308", "stance", "no sentence 9"),
    "evidence of a pair": ({"verification": [pair("x", evidence=[1, 4])]}, "RT308", "verification", "no sentence 4"),
    "unknown entity": ({"mentions": [mention(1, "dam", "dam")]}, "RT304", "mentions", "unknown entity 'dam'"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_resolve_refuses_what_does_not_exist(name: str, tiny_corpus: Corpus) -> None:
    quoted, code, file, words = WRONG[name]
    layer, wrong = next(iter(quoted.items()))
    right = {
        "mentions": mention(1, "Bo Berg", "bo-berg"),
        "claims": claim(2, "The dam costs 5 million"),
        "stance": cell("author", "dam"),
        "verification": pair("dam-costs-7"),
    }[layer]
    [found] = refused(tiny_corpus, **{layer: [right, *wrong]})
    assert (found.code, found.severity, found.file, found.line) == (code, "error", f"{file}.jsonl", 2)
    assert words in found.message
    assert found.hint


def test_resolve_reports_all_problems(tiny_corpus: Corpus) -> None:
    found = refused(
        tiny_corpus,
        mentions=[mention(1, "Vale"), mention(1, "Bo Berg", "bo-berg"), mention(7, "Vale", "nobody")],
        claims=[claim(1, "nothing"), claim(2, "nothing either")],
        stance=[cell("mayor", "dam", evidence=[8, 9])],
        verification=[pair("dam-costs-5"), pair("dam-costs-7", document_id="flood-7")],
    )
    assert [(fault.file, fault.line, fault.code) for fault in found] == [
        ("mentions.jsonl", 1, "RT403"),
        # Both the entity and the sentence.
        ("mentions.jsonl", 3, "RT304"),
        ("mentions.jsonl", 3, "RT308"),
        ("claims.jsonl", 1, "RT403"),
        ("claims.jsonl", 2, "RT403"),
        ("stance.jsonl", 1, "RT308"),
        ("stance.jsonl", 1, "RT308"),
        ("verification.jsonl", 2, "RT301"),
    ]


@pytest.mark.parametrize("nth", [0, -1])
def test_resolve_counts_occurrences_from_1(nth: int, tiny_corpus: Corpus) -> None:
    with pytest.raises(msgspec.ValidationError, match="nth"):
        mention(1, "dam", nth=nth)
    # Made in Python, where no decoder looks at it.
    made = QuotedMention(document_id="flood-0", sentence=1, quote="dam", nth=nth, kind="name", entity="vale")
    assert [fault.code for fault in refused(tiny_corpus, mentions=[made])] == ["RT403"]


def test_resolve_refuses_unknown_labels(tiny_corpus: Corpus) -> None:
    found = refused(tiny_corpus, mentions=[mention(1, "dam", kind="names")], stance=[cell("mayor", "dam", label="for")])
    assert [(finding.code, finding.file) for finding in found] == [
        ("RT204", "mentions.jsonl"),
        ("RT204", "stance.jsonl"),
    ]
    assert found[0].hint == "Did you mean 'name'?"


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_resolve_any_words_of_a_sentence(data: st.DataObject, tiny_corpus: Corpus) -> None:
    document = tiny_corpus.documents[data.draw(st.sampled_from(sorted(tiny_corpus.documents)))]
    number = data.draw(st.integers(0, len(document.sentences) - 1))
    sentence = document.sentences[number]
    start = data.draw(st.integers(sentence.start, sentence.end - 1))
    end = data.draw(st.integers(start + 1, sentence.end))
    plain = document.text.replace("\xa0", " ")
    quote = plain[start:end]
    # Which occurrence it is, by looking at every offset up to its own.
    nth = sum(plain.startswith(quote, place) for place in range(sentence.start, start + 1))
    quoted = claim(number, quote, document_id=document.document_id, nth=nth)
    [found] = run(tiny_corpus, claims=[quoted])[document.document_id].claims
    assert (found.start, found.end, found.text) == (start, end, document.text[start:end])


# From files


MENTION = '{"document_id": "flood-0", "sentence": 1, "quote": "Bo Berg", "kind": "name", "entity": "bo-berg"}'
CELL = '{"document_id": "flood-1", "holder": "mayor", "target": "dam", "label": "favor", "evidence": [1]}'


def imported(corpus: Path, folder: Path, files: dict[str, str], *options: str) -> Done:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    options = options or ("--annotator", "ann")
    return run_command("corpus", "import-quotes", folder, "--corpus", corpus, *options)


def test_import_writes_the_layers_that_have_a_file_and_names_the_others(tiny_folder: Path, tmp_path: Path) -> None:
    done = imported(tiny_folder, tmp_path / "q", {"mentions.jsonl": f"\n{MENTION}\n", "notes.md": "?"})
    assert done.returncode == 0, done.stderr
    file = tiny_folder / "events" / "flood" / "annotators" / "ann.jsonl"
    records = lines_of(file)
    assert [record.keys() for record in records] == [{"document_id", "entities"}]
    assert [(m["start"], m["end"], m["kb_id"]) for m in records[0]["entities"]] == [(39, 46, "Q11")]
    assert done.stderr.splitlines() == [
        "warning: claims.jsonl is missing: claims is not annotated",
        "warning: stance.jsonl is missing: stance is not annotated",
        "warning: verification.jsonl is missing: verification is not annotated",
        "warning: no quotes from flood-1: it is not annotated",
        f"wrote {file}",
    ]
    given = ("--annotator", "ann", "--empty", "flood-1")
    done = imported(tiny_folder, tmp_path / "r", {"mentions.jsonl": MENTION}, *given)
    assert "flood-1" not in done.stderr
    assert lines_of(file)[1] == {"document_id": "flood-1", "entities": []}


#: What is wrong -> (files, options, exit code, words of the message).
WRONG_FILES: dict[str, tuple[dict[str, str], tuple[str, ...], int, str]] = {
    "misspelt layer": ({"mention.jsonl": MENTION}, (), 1, "Did you mean 'mentions.jsonl'?"),
    "name of the layer": ({"entities.jsonl": MENTION}, (), 1, "entities.jsonl: error RT204 no layer has quotes"),
    "other ending": ({"mentions.json": MENTION}, (), 1, "Did you mean 'mentions.jsonl'?"),
    "other capitals": ({"Stance.jsonl": CELL}, (), 1, "Did you mean 'stance.jsonl'?"),
    "a backup": ({"mentions.jsonl": MENTION, "mentions.bak.jsonl": MENTION}, (), 1, "mentions.bak.jsonl: error RT204"),
    "unknown key": ({"mentions.jsonl": MENTION.replace("quote", "quot")}, (), 1, "Did you mean 'quote'?"),
    "key twice": ({"stance.jsonl": CELL.replace("{", '{"label": "none", ')}, (), 1, "stance.jsonl:1: error RT103"),
    "wrong type": ({"mentions.jsonl": MENTION.replace("1,", '"1",')}, (), 1, "mentions.jsonl:1: error RT2"),
    "malformed": ({"mentions.jsonl": f"{MENTION}\n\n{{"}, (), 1, "mentions.jsonl:3:2: error RT102"),
    "line after a blank one": (
        {"mentions.jsonl": f"{MENTION}\n\n{MENTION.replace('Bo Berg', 'Bo Bx')}"},
        *((), 1, "mentions.jsonl:3: error RT403"),
    ),
    "other sentence": ({"mentions.jsonl": MENTION.replace("1,", "2,")}, (), 1, "It is in sentence 1."),
    "no document": ({"stance.jsonl": CELL.replace("flood-1", "flod-1")}, (), 1, "Did you mean 'flood-1'?"),
    "no file": ({"notes.md": "?"}, (), 2, "has no quotes (expected mentions.jsonl, claims.jsonl"),
    "no line": ({"mentions.jsonl": "\n"}, (), 2, "has no quotes"),
    "unknown event": ({"stance.jsonl": CELL}, ("--annotator", "a", "--event", "flod"), 2, "did you mean 'flood'?"),
    "unknown empty document": (
        {"stance.jsonl": CELL},
        *(("--annotator", "a", "--empty", "flod-0"), 2, "unknown document 'flod-0'. Did you mean 'flood-0'?"),
    ),
    "no name": ({"stance.jsonl": CELL}, ("--annotator", "../a"), 2, "not a valid name of an annotator"),
    "name of the decisions": ({"stance.jsonl": CELL}, ("--annotator", "adjudication"), 2, "not a valid name"),
}


@pytest.mark.parametrize("name", list(WRONG_FILES))
def test_import_refuses_what_it_cannot_place_and_writes_nothing(name: str, tiny_folder: Path, tmp_path: Path) -> None:
    files, options, code, words = WRONG_FILES[name]
    before = sorted((tiny_folder / "events" / "flood" / "annotators").iterdir())
    done = imported(tiny_folder, tmp_path / "q", files, *options)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted((tiny_folder / "events" / "flood" / "annotators").iterdir()) == before
