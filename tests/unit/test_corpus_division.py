"""Division as text: a document is shown and read back the same, what is moved moves, and no word is lost."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import run
from paths import ROOT
from retold.corpus.division import divided, numbered_sentences, written_out
from retold.corpus.load import Corpus, load_corpus
from retold.corpus.proposal import propose
from retold.model.annotations import Document
from retold.model.findings import FindingsError
from retold.rules.corpus import check_document
from tiny import document_of

# The English document of tests/support/tiny.py.
SHOWN = """\
=== flood-0
language: en
outlet:
original_source:
published: 2024-05-06
rights: Made for the tests.

[title]
0  River rises in Vale 🌊

[byline]
-  By Ann Lee

[body]
1  Mayor Bo Berg asked for a dam.
2  The dam costs 5 million.

3  Vale was flooded on Monday.

[boilerplate]
-  Share this page
"""


def words(document: Document, name: str) -> list[str]:
    return [document.text[span.start : span.end] for span in getattr(document, name)]


def test_a_document_is_shown_with_its_zones_and_numbers(tiny_corpus: Corpus) -> None:
    assert written_out(tiny_corpus.documents["flood-0"]) == SHOWN
    assert numbered_sentences(tiny_corpus.documents["flood-1"]).splitlines()[1:3] == [
        "1  Bo Berg meminta bendungan.",
        "2  Biayanya 7 juta.",
    ]


def test_the_released_documents_are_read_back_as_they_are() -> None:
    documents = load_corpus(ROOT / "corpus").documents
    text = "\n".join(map(written_out, documents.values()))
    assert divided(text, documents, "x") == documents


@given(st.text(st.sampled_from("aB .!?\n\r\t\xa0“”’1[]=-🌊\u2028\x1c\u200b\x1b\\é"), max_size=80))
def test_any_text_is_read_back_as_it_is(text: str) -> None:
    zones, paragraphs, sentences = propose(text)
    plain = {**document_of("flood-0"), "text": text, "zones": [], "paragraphs": [], "sentences": []}
    document = msgspec.structs.replace(
        msgspec.convert(plain, Document), zones=zones, paragraphs=paragraphs, sentences=sentences
    )
    shown = written_out(document)
    assert all(line.isprintable() for line in shown.split("\n"))
    if text.strip():
        assert divided(shown, {"flood-0": document}, "x") == {"flood-0": document}


@pytest.mark.parametrize(
    ("old", "new", "zones", "paragraphs", "sentences"),
    [
        # One sentence of two, with or without a number; a paragraph; another zone; white space.
        ("a dam.\n2  The", "a dam. The", None, None, (1, "Mayor Bo Berg asked for a dam. The dam costs 5 million.")),
        ("asked for", "\nasked for", None, (1, "Mayor Bo Berg"), (2, "asked for a dam.")),
        ("asked for", "\n7\tasked for", None, None, (2, "asked for a dam.")),
        ("asked for", "\n  asked \xa0for", None, None, (2, "asked for a dam.")),
        ("\n\n3  Vale", "\nVale", None, (1, None), (3, "Vale was flooded on Monday.")),
        ("2  The", "\n2  The", None, (2, "The dam costs 5 million."), (2, "The dam costs 5 million.")),
        ("\n3  Vale", "[boilerplate]\n-  Vale", ["title", "byline", "body", "boilerplate", "boilerplate"], None, None),
        ("[byline]\n-", "[body]\n", ["title", "body", "body", "boilerplate"], None, (1, "By Ann Lee")),
    ],
)
def test_what_is_moved_in_the_text_moves(
    old: str,
    new: str,
    zones: list[str] | None,
    paragraphs: tuple[int, str | None] | None,
    sentences: tuple[int, str] | None,
    tiny_corpus: Corpus,
) -> None:
    assert old in SHOWN
    document = divided(SHOWN.replace(old, new), tiny_corpus.documents, "x")["flood-0"]
    assert [each.code for each in check_document(document, "flood")] == []
    assert [zone.zone for zone in document.zones] == (zones or ["title", "byline", "body", "boilerplate"])
    if paragraphs and paragraphs[1]:
        assert words(document, "paragraphs")[paragraphs[0]].startswith(paragraphs[1])
    if sentences:
        assert words(document, "sentences")[sentences[0]] == sentences[1]


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "says"),
    [
        ("dam costs", "dam cost", "RT403", 16, "expected 'costs 5 million. Vale was flooded', got '5 million.'"),
        ("5 million", "6 million", "RT403", 16, "got '6 million.'"),
        ("2  The dam costs 5 million.\n", "", "RT403", 17, "expected 'The dam costs 5 million. Vale'"),
        ("-  Share this page\n", "", "RT705", 1, "flood-0 goes on with 'Share this page'"),
        ("this page", "this page now", "RT403", 21, "the document has ended before 'now'"),
        ("[byline]", "[by-line]", "RT705", 11, "unknown zone 'by-line'"),
        ("outlet:", "outlets: Vale", "RT203", 3, "key 'outlets' is not one of"),
        ("outlet:", "language: en", "RT203", 3, "key 'language' is given twice"),
        ("language: en", "language:", "RT202", 2, "language is empty"),
        ("=== flood-0", "=== flod-0", "RT301", 1, "unknown document 'flod-0'"),
        ("2024-05-06", "2024-02-30", "RT715", 1, "not a valid date: '2024-02-30'"),
        ("=== flood-0", "flood-0", "RT705", 1, "expected '=== '"),
        (SHOWN, "\n", "RT705", 1, "no document"),
        (SHOWN, SHOWN + SHOWN, "RT302", 22, "is also on line 1"),
    ],
)
def test_what_does_not_fit_is_refused(old: str, new: str, code: str, line: int, says: str, tiny_corpus: Corpus) -> None:
    with pytest.raises(FindingsError) as caught:
        divided(SHOWN.replace(old, new), tiny_corpus.documents, "flood.txt")
    [found] = caught.value.findings
    assert (found.code, found.file, found.line) == (code, "flood.txt", line)
    assert says in found.message
    assert found.hint


def test_divide_writes_what_changed_and_only_before_anyone_annotates(tiny_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "flood.txt"
    file.write_text(SHOWN.replace("outlet:", "outlet: The Vale Post"), encoding="utf-8")
    done = run("corpus", "divide", file, "--corpus", tiny_folder)
    assert (done.returncode, done.stderr.endswith("documents.jsonl: flood-0\n")) == (0, True)
    assert load_corpus(tiny_folder).documents["flood-0"].outlet == "The Vale Post"
    done = run("corpus", "divide", "-", "--corpus", tiny_folder, stdin=file.read_bytes())
    assert (done.returncode, done.stderr.endswith("documents.jsonl: no changes\n")) == (0, True)
    file.write_text(SHOWN.replace("asked for", "\nasked for"), encoding="utf-8")
    done = run("corpus", "divide", file, "--corpus", tiny_folder)
    assert done.returncode == 1
    assert "the sentences of flood-0 would change, which reader-1.jsonl, gold.jsonl count" in done.stderr
    for annotated in ("gold.jsonl", "annotators/reader-1.jsonl"):
        (tiny_folder / "events" / "flood" / annotated).unlink()
    assert run("corpus", "divide", file, "--corpus", tiny_folder).returncode == 0
    assert len(load_corpus(tiny_folder).documents["flood-0"].sentences) == 5


def test_show_takes_documents_events_and_text_files(tiny_folder: Path, tmp_path: Path) -> None:
    shown = run("corpus", "show", "flood", "--corpus", tiny_folder).stdout
    assert shown == SHOWN + "\n" + run("corpus", "show", "flood-1", "--corpus", tiny_folder).stdout
    text = tmp_path / "tiga.id.txt"
    text.write_text("Banjir\n\nVale banjir. Warga pergi.\n", encoding="utf-8")
    assert run("corpus", "show", text, "--sentences").stdout == "0  Banjir\n1  Vale banjir.\n2  Warga pergi.\n"
    assert "language: id" in run("corpus", "show", text).stdout
    assert run("corpus", "show", "macron-coalition-0", "--sentences").stdout.startswith(" 0  French President")
    done = run("corpus", "show", "flod-1", "--corpus", tiny_folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"flod-1: not a document or event of {tiny_folder}, nor a text file. Did you mean 'flood-1'?" in done.stderr
    assert run("corpus", "show", "-", "--sentences", stdin=text.read_bytes()).stdout.startswith("0  Banjir\n1  Vale")
    text.write_bytes(b"\xff")
    done = run("corpus", "show", text)
    assert (done.returncode, "RT101" in done.stderr) == (1, True)
