"""What the baselines share: edges of claims, words of the calendar, options; and documents that have no sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from retold.corpus.load import Corpus, load_corpus
from retold.model.annotations import AnnotationRecord
from retold.rules import check_record
from retold.systems import SystemFault, describe_systems, load_system, predictions

BASELINES = Path(__file__).resolve().parents[2] / "baselines"
NAMES = [entry.name for entry in describe_systems(BASELINES) if not entry.extra]


def helper(name: str) -> ModuleType:
    """A helper module, as a system that was just loaded imports it."""
    package = load_system(BASELINES / "classical.py").predict.__module__.rpartition(".")[0]
    return sys.modules[f"{package}.{name}"]


# Documents without sentences


def assert_fits(record: AnnotationRecord, corpus: Corpus) -> None:
    document = corpus.documents[record.document_id]
    vocabulary = corpus.events[document.event].vocabulary
    assert check_record(record, role="prediction", document=document, vocabulary=vocabulary) == []
    if not document.sentences:
        # What has no sentence has nothing to mark and nothing to show.
        assert not record.entities
        assert not record.claims
        for item in (*(record.stance or []), *(record.verification or [])):
            assert item.evidence == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beside", [("flood-0", "flood-1"), ("flood-0",), ()], ids=["two", "one", "none"])
def test_a_document_may_have_no_sentence(
    beside: Sequence[str], name: str, bare_corpus: Callable[[Sequence[str]], Corpus]
) -> None:
    # Such a document is predicted, and it is among those to learn from; with one beside, it is all that there is for
    # that one.
    corpus = bare_corpus(beside)
    found = list(predictions(load_system(BASELINES / f"{name}.py"), corpus))
    assert [record.document_id for record in found] == [*beside, "bare-0", "bare-1"]
    for record in found:
        assert_fits(record, corpus)


# Edges of claims


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        # Guideline 5.2, 3: without full stop or comma.
        ("The dam costs 5 million.", "The dam costs 5 million"),
        (" The dam costs 5 million, ", "The dam costs 5 million"),
        # D36: in pairs, with the full stop before the closing mark, or not at all.
        ("The fight must be “without mercy.”", "The fight must be “without mercy.”"),
        ("The fight must be “without mercy”.", "The fight must be “without mercy”"),
        ("“The fight goes on,", "The fight goes on"),
        ("The fight goes on.”", "The fight goes on"),
        ('He called it "a fight."', 'He called it "a fight."'),
        ('The fight goes on."', "The fight goes on"),
        # 5.1, 6: a quotation that stands alone loses its marks.
        ("“The fight goes on.”", "The fight goes on"),
        ('"The fight goes on."', "The fight goes on"),
        # Two quotations are not one.
        ("“Yes,” he said, and then “no.”", "“Yes,” he said, and then “no.”"),
        (" .” ", ""),
        ("", ""),
    ],
)
def test_a_claim_has_the_edges_of_the_guideline(text: str, claim: str) -> None:
    start, end = helper("_text").claim_edges(text, 0, len(text))
    assert text[start:end] == claim


def test_claims_of_gold_have_these_edges_already() -> None:
    edges = helper("_text").claim_edges
    corpus = load_corpus()
    spans = [(corpus.documents[key].text, c) for key, record in corpus.gold.items() for c in record.claims or []]
    assert len(spans) > 100
    for text, claim in spans:
        assert edges(text, claim.start, claim.end) == (claim.start, claim.end), claim.text


# Words and options


def test_months_days_and_numbers_are_known_in_both_languages() -> None:
    words = helper("_words")
    assert [words.MONTHS[name] for name in ("january", "januari", "may", "mei", "desember")] == [1, 1, 5, 5, 12]
    assert len(set(words.MONTHS.values())) == 12
    assert words.INDONESIAN_MONTHS["agustus"] == "august"
    # April, September and November are the same in both.
    assert len(words.INDONESIAN_MONTHS) == 9
    assert len(words.DAYS) == 14
    numbers = {"one": 1, "sepuluh": 10, "twelve": 12, "twenty": 20, "ninety": 90}
    assert {name: words.NUMBERS[name] for name in numbers} == numbers


def test_the_indonesian_word_list_has_no_names() -> None:
    to_english = helper("_indonesian").to_english
    for name in ("prancis", "mesir", "amerika", "tiongkok", "eropa", "jepang", "turki", "indonesia"):
        assert to_english(name) == name
    assert to_english("pemerintahnya") == "government"


@pytest.mark.parametrize("name", ["bm25", "holder_target"])
def test_an_option_that_says_neither_yes_nor_no_is_told_in_plain_words(name: str, tiny_corpus: Corpus) -> None:
    system = load_system(BASELINES / f"{name}.py")
    with pytest.raises(SystemFault, match="option prior is 'maybe', it must be 'yes' or 'no'") as caught:
        list(predictions(system, tiny_corpus, options={"prior": "maybe"}))
    assert "Error" not in str(caught.value)
    assert "Fault" not in str(caught.value)
