"""Offsets that cannot be right are noticed by what the spans of a whole file show, and right ones never are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import retold
from cli import run
from predictions import Record, gold_records, write
from retold.corpus.load import Corpus, load_corpus
from retold.io.sources import Source
from retold.model.annotations import Document, Mention
from retold.review import review
from retold.rules.offsets import OffsetStatistics, cuts_no_word
from retold.scoring.score import score
from retold.validation.validate import validate
from tiny import TEXTS, gold_of, line_of, span_of

CORPUS = load_corpus()
FIVE = [key for key in CORPUS.documents if key.startswith("macron")]

#: Name of a way to count -> an offset in code points, and whether it is an end, counted that way.
Count = Callable[[str, int, bool], int]
WAYS: dict[str, Count] = {
    "bytes": lambda text, at, _: len(text[:at].encode()),
    "inclusive ends": lambda _, at, is_end: at - is_end,
    "positions counted from 1": lambda _, at, __: at + 1,
    "positions counted from 1, ends inclusive": lambda _, at, is_end: at + 1 - is_end,
    "positions in a text with CRLF line ends": lambda text, at, _: len(text[:at].replace("\n", "\r\n")),
}


def counted(way: Count, keys: list[str], layers: tuple[str, ...] = ("entities", "claims")) -> list[Record]:
    """Gold of some documents without text, its spans counted another way."""
    found = []
    for key in keys:
        text = CORPUS.documents[key].text
        gold: Record = msgspec.to_builtins(CORPUS.gold[key])
        for span in (span for layer in layers for span in gold[layer]):
            del span["text"]
            span["start"], span["end"] = way(text, span["start"], False), way(text, span["end"], True)
        found.append({"document_id": key, **{layer: gold[layer] for layer in layers}})
    return found


def warnings(records: list[Record], folder: Path, corpus: Corpus = CORPUS) -> list[str]:
    path = write(folder / "mine", records)
    return [f.message for f in validate(path, corpus, role="annotation").findings if f.code == "RT409"]


@pytest.mark.parametrize("key", [*FIVE, None])
@pytest.mark.parametrize("name", WAYS)
def test_each_way_to_count_is_named(name: str, key: str | None, tmp_path: Path) -> None:
    found = warnings(counted(WAYS[name], [key] if key else FIVE, ("entities",)), tmp_path)
    assert len(found) == 1
    assert found[0].endswith(f"spans cut a word; offsets look like {name}"), found


@pytest.mark.parametrize("name", WAYS)
def test_claims_are_noticed_too(name: str, tmp_path: Path) -> None:
    (found,) = warnings(counted(WAYS[name], FIVE, ("claims",)), tmp_path)
    assert found.startswith("claims: ")


def test_score_and_rank_warn_as_validate_does(tmp_path: Path) -> None:
    path = write(tmp_path / "mine", counted(WAYS["bytes"], list(CORPUS.documents)))
    said = [found.message for found in validate(path, role="prediction").findings if found.code == "RT409"]
    assert len(said) == 2
    assert [f.message for f in score(path, resamples=0).warnings if f.code == "RT409"] == said
    compared = run("compare", path, path, "--format", "json")
    assert all(message in compared.stderr for message in said)
    assert [found["message"] for found in json.loads(compared.stdout)["warnings"] if found["code"] == "RT409"] == said
    for command in ("score", "rank"):
        done = run(command, path, "--resamples", 0, "--format", "json")
        assert done.returncode == 0
        made = json.loads(done.stdout)
        shown = (made["systems"][0] if command == "rank" else made)["warnings"]
        assert [found["message"] for found in shown if found["code"] == "RT409"] == said
        assert all(f"{path}: warning RT409 {message}" in done.stderr for message in said)


def test_one_document_among_others_is_noticed(tmp_path: Path) -> None:
    # One seed begins with white space; counted in the stripped text, all of its spans are off.
    (key,) = [key for key in FIVE if CORPUS.documents[key].text[0].isspace()]
    stripped = counted(lambda text, at, _: at - len(text) + len(text.lstrip()), FIVE, ("entities",))
    (found,) = warnings(stripped, tmp_path)
    assert "stripped of white space" in found
    # A shift that no convention explains.
    records = [each if each["document_id"] != key else shift(each, 7) for each in counted(lambda _, at, __: at, FIVE)]
    assert [f"of {key!r} cut a word" in each for each in warnings(records, tmp_path)] == [True, True]


@pytest.mark.parametrize("key", FIVE)
def test_one_document_in_bytes_is_noticed_and_its_convention_named(key: str, tmp_path: Path) -> None:
    right, wrong = (counted(way, FIVE, ("entities",)) for way in (lambda _, at, __: at, WAYS["bytes"]))
    mixed = [other if other["document_id"] == key else each for each, other in zip(right, wrong, strict=True)]
    (found,) = warnings(mixed, tmp_path)
    assert found.endswith(f"spans of {key!r} cut a word; offsets look like bytes")
    # All but one: those that are wrong are named, or the whole file is.
    mixed = [each if each["document_id"] == key else other for each, other in zip(right, wrong, strict=True)]
    (found,) = warnings(mixed, tmp_path)
    assert found.endswith("offsets look like bytes")


def test_what_comes_late_in_a_file_is_noticed(tmp_path: Path) -> None:
    right = gold_records()[0]
    late = json.loads(json.dumps(right))
    for span in late["entities"]:
        span["start"], span["end"] = span["start"] + 40, span["end"] + 40
    gold = [{**right, "document_id": f"d{number}"} for number in range(1200)]
    records = [{**(late if number >= 600 else right), "document_id": f"d{number}"} for number in range(1200)]
    corpus = load_corpus(write(tmp_path / "gold", gold))
    late["entities"][0]["entity"] += "\u200b"
    found = review(corpus, Source.of(write(tmp_path / "mine", records)), "prediction")
    assert {each.code for each in found} == {"RT311", "RT410"}
    assert found[-1].message.endswith("whose text gold has are at other offsets than in gold")


def shift(record: Record, by: int) -> Record:
    moved = [{**span, "start": span["start"] + by, "end": span["end"] + by} for span in record["entities"]]
    return {
        **record,
        "entities": moved,
        "claims": record["claims"]
        and [{**span, "start": span["start"] + by, "end": span["end"] + by} for span in record["claims"]],
    }


def test_right_offsets_are_never_warned_about(tmp_path: Path) -> None:
    assert warnings(counted(lambda _, at, __: at, list(CORPUS.documents)), tmp_path) == []
    for key in CORPUS.documents:
        assert warnings(counted(lambda _, at, __: at, [key]), tmp_path) == []
    assert score(write(tmp_path / "gold", gold_records()), resamples=0).warnings == []


@pytest.mark.parametrize("name", ["every_sentence", "gazetteer", "majority", "overlap", "rules", "same_string"])
def test_baselines_are_never_warned_about(name: str, baseline_submission: Callable[[str], Path]) -> None:
    assert score(baseline_submission(name), resamples=0).warnings == []


def document(text: str) -> Document:
    plain = msgspec.to_builtins(next(iter(CORPUS.documents.values())))
    plain |= {"text": text, "zones": [{"start": 0, "end": len(text), "zone": "body"}]}
    return msgspec.convert({**plain, "paragraphs": [], "sentences": []}, Document)


def messages(text: str, spans: list[tuple[int, int]]) -> list[str]:
    statistics = OffsetStatistics()
    statistics.add([Mention(start=start, end=end, type="PER") for start, end in spans], document(text))
    return [message] if (message := statistics.message()) else []


def test_utf_16_and_scripts_without_spaces() -> None:
    words = "🌊 Ann met Bo and Cy in Ely on May Day"
    at = [words.index(name) for name in ("Ann", "met", "Bo", "and", "Cy", "in", "Ely")]
    ends = [words.find(" ", start) for start in at]
    assert messages(words, list(zip(at, ends, strict=True))) == []
    (found,) = messages(words, [(start + 1, end + 1) for start, end in zip(at, ends, strict=True)])
    assert found == "100% of 7 spans cut a word; offsets look like UTF-16 units"
    # Chinese, Japanese, Korean and Thai put no spaces between words, or hang particles on them.
    for text in (
        "马克龙提议扩大国际联盟打击哈马斯",
        "マクロン大統領は連合を提案した",
        "마크롱대통령은연합을제안했다",
        "มาครงเสนอให้ขยายแนวร่วม",
    ):
        assert messages(text, [(i, i + 2) for i in range(0, 10, 2)]) == []


def test_spans_in_no_sentence(tiny_corpus: Corpus) -> None:
    byline = TEXTS["flood-0"][1].index("Ann")
    statistics = OffsetStatistics()
    statistics.add([Mention(start=byline, end=byline + 3, type="PER")] * 5, tiny_corpus.documents["flood-0"])
    assert statistics.message() == "100% of 5 spans lie in no sentence"


@pytest.mark.parametrize(
    ("span", "clean"),
    [((0, 5), True), ((6, 8), True), *((span, False) for span in ((0, 4), (1, 5), (0, 6), (6, 99), (3, 3)))],
)
def test_words(span: tuple[int, int], clean: bool) -> None:
    assert cuts_no_word("Hello U.", *span) is clean


def test_texts_that_differ_from_those_of_gold_without_documents(tmp_path: Path) -> None:
    gold = [gold_of(key) for key in TEXTS]
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(map(line_of, gold)), encoding="utf-8")
    corpus = load_corpus(path)
    assert score(gold, corpus, resamples=0).warnings == []
    gold[1]["entities"][0]["text"] = "Dale"
    mine = write(tmp_path / "mine", gold)
    (found,) = score(mine, corpus, resamples=0).warnings
    # Of each document two mentions and a claim.
    start = span_of(TEXTS["flood-1"][1], "Vale")["start"]
    assert (found.code, found.severity, found.line) == ("RT410", "warning", 2)
    assert found.message.startswith("1 of 6 spans")
    assert found.message.endswith(f"at {start} to {start + 4} it is 'Dale', in gold 'Vale'")
    assert [each.code for each in validate(mine, corpus, role="prediction").findings] == ["RT410"]
    assert validate(None, corpus).findings == []


def test_texts_that_gold_has_at_other_offsets(tmp_path: Path) -> None:
    gold = gold_records()
    corpus = load_corpus(write(tmp_path / "gold", gold))
    for record in gold:
        text = CORPUS.documents[record["document_id"]].text
        for span in record["entities"]:
            span["start"], span["end"] = (len(text[: span[key]].encode()) for key in ("start", "end"))
    (found,) = score(gold, corpus, resamples=0).warnings
    # All but those before the first curly quote, and the claims: 79% of the mentions, as above.
    assert found.code == "RT410"
    assert found.message.endswith("spans whose text gold has are at other offsets than in gold")


def test_texts_elsewhere_in_one_document_or_beside_others(tmp_path: Path) -> None:
    gold = gold_records()
    corpus = load_corpus(write(tmp_path / "gold", gold))
    (found,) = score([shift(gold[0], 9), *gold[1:]], corpus, resamples=0).warnings
    assert found.message.endswith(f"of {FIVE[0]!r} whose text gold has are at other offsets than in gold")
    # Of all spans, a few come to stand where gold has another text.
    one, other = score([shift(record, 40) for record in gold], corpus, resamples=0).warnings
    assert one.message.startswith("2 of 2 spans have another text")
    assert other.message.endswith("of 505 spans whose text gold has are at other offsets than in gold")


# Zones


def with_byline(record: dict[str, Any]) -> dict[str, Any]:
    """A record that also marks the author's name in the byline."""
    name = {**span_of(TEXTS[record["document_id"]][1], "Ann Lee"), "kind": "name", "type": "PER"}
    claim = {**span_of(TEXTS[record["document_id"]][1], "Ann Lee"), "source": "author"}
    spans = {"entities": {**name, "entity": "bo-berg", "kb_id": "Q11"}, "claims": {**claim, "claim": "dam-costs-5"}}
    return {
        **record,
        **{layer: sorted([*record[layer], span], key=lambda s: s["start"]) for layer, span in spans.items()},
    }


def test_spans_in_a_byline_count_neither_way_on_either_side(tiny_folder: Path, tmp_path: Path) -> None:
    plain = [gold_of(key) for key in TEXTS]
    marked = [with_byline(record) for record in plain]
    expected = score(plain, load_corpus(tiny_folder), resamples=100).as_dict()["measures"]
    assert {value["value"] for value in expected.values()} == {1.0, None}
    (tiny_folder / "events" / "flood" / "gold.jsonl").write_text("".join(map(line_of, marked)), encoding="utf-8")
    corpus = load_corpus(tiny_folder)
    for records in (plain, marked):
        result, items = retold.scoring.score.score_with_items(records, corpus, resamples=100)
        assert result.as_dict()["measures"] == expected
        assert items is not None
        assert not any("Ann Lee]" in str(item.context) for item in items)
        said = [found.message.partition(" are")[0] for found in result.warnings]
        assert said == ["4 gold spans", *(["4 predicted spans"] if records is marked else [])]
        assert {found.code for found in result.warnings} == {"RT408"}
    agreed = retold.agreement(write(tmp_path / "a", marked), write(tmp_path / "b", plain), corpus)
    assert {value.value for name, value in agreed.measures.items() if name.startswith(("entities", "claims"))} <= {
        1.0,
        None,
    }


def test_gold_that_is_partly_in_a_byline_is_told(tiny_folder: Path) -> None:
    gold = [gold_of(key) for key in TEXTS]
    byline = TEXTS["flood-0"][1].index("Ann Lee")
    gold[0]["claims"] = [{"start": byline, "end": byline + 20, "source": "author"}, *gold[0]["claims"]]
    (tiny_folder / "events" / "flood" / "gold.jsonl").write_text("".join(map(line_of, gold)), encoding="utf-8")
    (found,) = score(gold, load_corpus(tiny_folder), resamples=0).warnings
    assert (found.code, Path(str(found.file)).name) == ("RT408", "gold.jsonl")
    assert found.message == "1 gold span is partly in a zone that is not annotated, and counted"
