"""The baselines of features, linear models and forests: retrieval, figures, attribution, stance, clauses."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

import retold
from baseline_parts import document_of, example_of, named, part, system
from retold.corpus.load import Corpus, load_corpus
from retold.model.annotations import Holder, Mention
from retold.systems import Context, Example, Question, SystemFault, predictions

retrieval, numbers, voices, clauses, text = map(
    part, ("common.retrieval", "common.figures", "common.voices", "common.clauses", "common.text")
)
bm25, holder_target = part("lexical.bm25"), part("learned.holder_target")


def names_of(*names: tuple[str, str, str]) -> object:
    """What a document teaches in which these names are marked."""
    taught = document_of(" and ".join(wording for wording, _, _ in names) + ".")
    return part("common.gazetteer").Gazetteer([example_of(taught, *names)])


# Retrieval


def test_nearness_is_bm25_as_a_share_of_what_is_possible() -> None:
    index = retrieval.Index([["a", "b"], ["a", "a", "c", "d"], ["e", "e", "e"]], 2)
    # 3 texts of 2, 4 and 3 terms, on average 3. 'a' is in two of them, 'd' in one, 'never' in none.
    a, d, never = (math.log(1 + (3 - n + 0.5) / (n + 0.5)) for n in (2, 1, 0))
    # tf / (tf + length norm), norms 1.2 * (0.25 + 0.75 * 2/3) = 0.9 and 1.2 * (0.25 + 0.75 * 4/3) = 1.5.
    first, second = a * 1 / (1 + 0.9), a * 2 / (2 + 1.5) + d * 1 / (1 + 1.5)
    assert index.nearness(["a", "d"]) == pytest.approx([first / (a + d), second / (a + d)])
    assert index.nearness(["a", "d", "never"]) == pytest.approx([first / (a + d + never), second / (a + d + never)])
    assert index.coverage(["a", "d"], {"a", "b"}) == pytest.approx(a / (a + d))


def test_names_and_numbers_are_terms_of_either_language() -> None:
    names = names_of(("Bo Berg", "PER", "bo-berg"), ("Vale", "GPE", "vale"))
    english = retrieval.terms("Bo Berg met the minister in Vale on 7 October after 5,000 houses were flooded.", names)
    other = retrieval.terms("Bo Berg bertemu menteri di Vale pada 7 Oktober setelah 5.000 rumah banjir.", names)
    assert set(english) == {"@bo-berg", "@vale", "#5000", "#10-7", "meet", "minist", "hous", "flood"}
    assert {"@bo-berg", "@vale", "#5000", "#10-7"} <= set(other)


def test_a_pronoun_brings_the_last_person_named() -> None:
    names = names_of(("Bo Berg", "PER", "bo-berg"), ("Vale", "GPE", "vale"))
    texts = ["Bo Berg came to Vale.", "The river rises.", "He wants a dam.", "Bo Berg left with his wife."]
    found = retrieval.carried(texts, names)
    assert ["@bo-berg" in own for own in found] == [True, False, True, True]
    assert [own.count("@bo-berg") for own in found] == [1, 0, 1, 1]


# Figures


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("5,791 people", {(5791, 0)}),
        ("5.791 orang", {(5791, 0)}),
        ("more than 1,400 people", {(1400, 1)}),
        ("lebih dari 1.400 orang", {(1400, 1)}),
        ("fewer than two million", {(2_000_000, -1)}),
        ("2.5 million and 2,5 juta", {(2_500_000, 0)}),
        ("dua puluh rumah, sebelas orang", {(20, 0), (11, 0)}),
        ("two hundred and 40", {(200, 0), (40, 0)}),
        ("one of the houses", set()),
        ("on 7 October 2023 and on May 6th", set()),
    ],
)
def test_figures_are_read_in_both_languages(text: str, counted: set[tuple[int, int]]) -> None:
    assert {(figure.value, figure.bound) for figure in numbers.figures(text).counted} == counted


@pytest.mark.parametrize(
    ("claim", "text", "fits", "clashes"),
    [
        ("The coalition has 86 members.", "It is made up of 86 members.", 1, 0),
        ("The coalition has 76 members.", "It is made up of 86 members.", 0, 1),
        ("Four people died.", "Empat orang tewas.", 1, 0),
        ("Four people died.", "Lima orang tewas.", 0, 1),
        ("More than 5,000 people died.", "5.791 orang tewas.", 1, 0),
        ("More than 5,000 people died.", "Fewer than 6,000 people died.", 0, 1),
        ("Fewer than 100 houses burned.", "Some 40 houses burned.", 1, 0),
        ("More than 100 houses burned.", "Some 40 houses burned.", 0, 1),
        ("It happened on 7 October 2023.", "Itu terjadi pada 8 Oktober 2023.", 1, 1),
        ("It began in 2014.", "It began in 2016.", 0, 1),
        ("The coalition has 86 members.", "It has many members.", 0, 0),
    ],
)
def test_figures_agree_or_clash(claim: str, text: str, fits: int, clashes: int) -> None:
    assert numbers.agreement(numbers.figures(claim), numbers.figures(text)) == (fits, clashes)


@pytest.mark.parametrize(
    ("sentence", "count"),
    [("Israel is not a member.", 1), ("It isn't and never was.", 2), ("Perintah itu belum turun.", 1), ("Yes.", 0)],
)
def test_negations_are_counted(sentence: str, count: int) -> None:
    assert text.negations(sentence) == count


# Verification


def verdicts(example: Example, swapped: bool) -> Example:
    """The same document with the opposite answers."""
    turn = {"supported": "refuted", "refuted": "supported"} if swapped else {}
    pairs = [msgspec.structs.replace(p, label=turn.get(p.label, p.label)) for p in example.gold.verification or []]
    return Example(example.document, msgspec.structs.replace(example.gold, verification=pairs))


@pytest.mark.parametrize("prior", [True, False])
def test_without_prior_the_answers_of_other_documents_are_not_used(prior: bool, tiny_corpus: Corpus) -> None:
    asked = tiny_corpus.documents["flood-0"]
    other = Example(tiny_corpus.documents["flood-1"], tiny_corpus.gold["flood-1"])
    questions = tuple(Question(key, claim.text) for key, claim in sorted(tiny_corpus.events["flood"].claims.items()))
    alike = bm25.twins([question.text for question in questions])
    made = [
        bm25.compare(asked, [verdicts(other, swapped)], questions, alike, prior=prior).features
        for swapped in (False, True)
    ]
    assert np.array_equal(*made) is not prior


@pytest.mark.parametrize("name", ["bm25", "holder_target"])
def test_an_option_that_is_neither_yes_nor_no_is_refused(name: str, tiny_corpus: Corpus) -> None:
    with pytest.raises(SystemFault, match="option prior is 'maybe', it must be 'yes' or 'no'") as caught:
        list(predictions(system(name), tiny_corpus, options={"prior": "maybe"}))
    assert "Fault" not in str(caught.value)


# Stance

PEOPLE = (
    ("Bo Berg", "PER", "bo-berg"),
    ("Ida Ek", "PER", "ida-ek"),
    ("Vale", "GPE", "vale"),
    ("Swedish", "GPE", "sweden"),
)


@pytest.mark.parametrize(
    ("sentences", "speakers"),
    [
        # Subject; pronoun; quotation with nothing beside it.
        (["Bo Berg came to Vale.", "He wants a dam.", '"It will help."'], ["bo-berg", "bo-berg", "bo-berg"]),
        # Who is said to speak, before or after the verb, wins over who is named in the quotation.
        (['"Ida Ek is wrong," said Bo Berg in Vale.', '"No," Ida Ek said.'], ["bo-berg", "ida-ek"]),
        # A participle is no subject, and a described person is the last one that was named.
        (["Speaking beside Ida Ek, Bo Berg asked for help.", "The Swedish president left."], ["bo-berg", "bo-berg"]),
        (["Ida Ek came.", "The dam, according to Bo Berg, is old."], ["ida-ek", "bo-berg"]),
        (["Bo Berg datang.", '"Kami siap," katanya.', "Dia pergi."], ["bo-berg", "bo-berg", "bo-berg"]),
        (["Ida Ek datang.", '"Kami siap," kata Bo Berg di Vale.'], ["ida-ek", "bo-berg"]),
        (["The Swedish president Ida Ek came.", "Rain fell in May."], ["ida-ek", None]),
    ],
)
def test_sentences_have_speakers(sentences: list[str], speakers: list[str | None]) -> None:
    document = document_of(*sentences)
    assert [voice.speaker for voice in voices.voices(document, named(document, *PEOPLE))] == speakers


def test_a_holder_has_what_it_says_and_where_it_is_named() -> None:
    texts = ["Bo Berg asked for a dam.", "Ida Ek met Bo Berg.", "City leaders agree.", "Rain fell in Vale."]
    document = document_of(*texts)
    found = voices.voices(document, named(document, *PEOPLE))

    def own(holder: str, *entities: str) -> tuple[list[int], list[int]]:
        described = Holder(holder=holder, description={"en": "x"}, entities=list(entities))
        pair: tuple[list[int], list[int]] = voices.own_sentences(described, found, texts)
        return pair

    assert own("mayor", "bo-berg") == ([0], [1])
    assert own("author") == ([0, 1, 2, 3], [])
    # No entity, but the words of the key.
    assert own("city-leaders") == ([], [2])
    assert own("bakers") == ([], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He supports the dam and urges others to back it.", (2, 0)),
        ("She did not support the dam.", (0, 1)),
        ("They oppose and condemn it.", (0, 2)),
        ("Dia mendukung bendungan itu.", (1, 0)),
        ("Dia tidak mendukung bendungan itu.", (0, 1)),
        ("Warga menolak bendungan.", (0, 1)),
    ],
)
def test_cues_are_signed_and_turned_by_negation(text: str, expected: tuple[int, int]) -> None:
    assert voices.cues(text) == expected


# Claims


@pytest.mark.parametrize(
    ("given_text", "claim"),
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
def test_a_claim_has_the_edges_of_the_guideline(given_text: str, claim: str) -> None:
    start, end = text.claim_edges(given_text, 0, len(given_text))
    assert given_text[start:end] == claim


def test_claims_of_gold_have_these_edges_already() -> None:
    corpus = load_corpus()
    spans = [(corpus.documents[key].text, c) for key, record in corpus.gold.items() for c in record.claims or []]
    assert len(spans) > 100
    for article, claim in spans:
        assert text.claim_edges(article, claim.start, claim.end) == (claim.start, claim.end), claim.text


SPOKEN = (("Bo Berg", "PER", "bo-berg"), ("Vale", "GPE", "vale"), ("Ida Ek", "PER", "ida-ek"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bo Berg said that 40 houses were flooded.", [("40 houses were flooded", "bo-berg")]),
        (
            "Bo Berg said that the state must pay for the houses.",
            [("Bo Berg said that the state must pay for the houses", "author")],
        ),
        ("Some 40 houses were flooded, according to Bo Berg.", [("Some 40 houses were flooded", "bo-berg")]),
        ("Some 40 houses were flooded, according to residents.", [("Some 40 houses were flooded", "author")]),
        (
            '"I will come back to the town tomorrow," Bo Berg said.',
            [("I will come back to the town tomorrow", "bo-berg")],
        ),
        (
            "Bo Berg came to the town and met the people there.",
            [("Bo Berg came to the town", "author"), ("met the people there", "author")],
        ),
        (
            "Speaking in the town hall, Bo Berg promised help to all.",
            [
                ("Speaking in the town hall, Bo Berg promised help to all", "author"),
                ("Speaking in the town hall", "author"),
            ],
        ),
        (
            "The river, which rose in the night, flooded the town.",
            [("The river, which rose in the night, flooded the town", "author"), ("which rose in the night", "author")],
        ),
        (
            "After meeting with Ida Ek in Vale, Bo Berg went home.",
            [
                ("After meeting with Ida Ek in Vale, Bo Berg went home", "author"),
                ("meeting with Ida Ek in Vale", "author"),
            ],
        ),
        (
            "Mayor Berg Calls For A Dam, Dividing The People Of Vale",
            [
                ("Mayor Berg Calls For A Dam, Dividing The People Of Vale", "author"),
                ("Dividing The People Of Vale", "author"),
            ],
        ),
        # Names that end like a participle open no clause.
        (
            "Bo Berg came with Ida Ek, United Nations people and help from, Beijing said, the town.",
            [("Bo Berg came with Ida Ek, United Nations people and help from, Beijing said, the town", "author")],
        ),
        ("Bo Berg mengatakan bahwa 40 rumah terendam.", [("40 rumah terendam", "bo-berg")]),
        (
            "Bo Berg datang ke kota, tetapi warga menolak bendungan itu.",
            [("Bo Berg datang ke kota", "author"), ("warga menolak bendungan itu", "author")],
        ),
    ],
)
def test_clauses_are_claims_with_a_source(text: str, expected: list[tuple[str, str]]) -> None:
    document = document_of(text)
    found = clauses.claims(document, named(document, *SPOKEN))
    assert [(claim.text, claim.source) for claim in found] == expected


def test_a_government_called_by_a_name_is_what_the_name_stands_for() -> None:
    document = document_of("The Vale government says 40 houses were flooded.")
    outer = Mention(start=4, end=19, text="Vale government", kind="nominal", type="GPE", entity="somebody-else")
    found = clauses.claims(document, [outer, *named(document, *SPOKEN)])
    assert [(claim.text, claim.source) for claim in found] == [("40 houses were flooded", "vale")]


# The systems


def test_every_sentence_says_nothing_else(tiny_corpus: Corpus) -> None:
    records = list(predictions(system("every_sentence"), tiny_corpus))
    # Sentences of at least four words, without their full stops; headings and 'Biayanya 7 juta.' are shorter.
    assert [[claim.text for claim in record.claims or []] for record in records] == [
        [
            "River rises in\xa0Vale 🌊",
            "Mayor Bo Berg asked for a dam",
            "The dam costs 5 million",
            "Vale was flooded on Monday",
        ],
        ["Sungai meluap di\xa0Vale 🌊", "Bo Berg meminta bendungan"],
    ]
    assert {claim.source for record in records for claim in record.claims or []} == {"author"}
    assert {pair.label for record in records for pair in record.verification or []} == {"not_enough_info"}
    assert {(record.entities, record.stance) for record in records} == {(msgspec.UNSET, msgspec.UNSET)}


@pytest.mark.parametrize("name", ["bm25", "classical"])
def test_with_nothing_to_learn_from_pairs_are_judged_by_their_surface(name: str, tiny_corpus: Corpus) -> None:
    questions = (
        Question("dam-costs-5", "The dam costs 5 million."),
        Question("dam-costs-7", "The dam costs 7 million."),
    )
    loaded = system(name)
    context = Context(tiny_corpus.events["flood"].event, questions, (), 0, loaded.options)
    record = loaded.predict(tiny_corpus.documents["flood-0"], context)
    # The sentence has the 5 of the one and not the 7 of the other.
    wanted = [("dam-costs-5", "supported"), ("dam-costs-7", "refuted")]
    assert [(pair.claim, pair.label) for pair in record.verification or []] == wanted


def test_the_questions_may_be_none(tiny_corpus: Corpus) -> None:
    loaded = system("bm25")
    context = Context(tiny_corpus.events["flood"].event, (), (), 0, loaded.options)
    assert loaded.predict(tiny_corpus.documents["flood-0"], context).verification == []


@pytest.fixture(scope="module")
def reached(baseline_submission: Callable[[str], Path]) -> Callable[[str], dict[str, float]]:
    """Function: name of a baseline -> what it scores on the packaged corpus."""

    def measures(name: str) -> dict[str, float]:
        found = retold.score(baseline_submission(name), load_corpus(), resamples=0).measures
        return {key: value.value for key, value in found.items() if value.value is not None}

    return measures


def test_classical_is_above_what_can_be_had_without_reading(reached: Callable[[str], dict[str, float]]) -> None:
    reader, blind, rules = (reached(name) for name in ("classical", "blind", "rules"))
    for measure in ("stance", "claims", "claims.verification.macro_f1", "overall"):
        assert reader[measure] > max(blind[measure], rules[measure]), measure
