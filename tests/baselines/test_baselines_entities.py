"""The entity systems: tagging, linking and clustering in small, and the floors on a document written out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseline_parts import document_of, example_of, part, system
from retold.corpus.load import Corpus, load_corpus
from retold.model.annotations import Document, Event, Holder, Mention, Target
from retold.systems import Context, Example

tagging, linking, clustering, crf = map(
    part, ("learned._tagging", "learned._linking", "learned._clustering", "learned.crf")
)


def event_of(english: str = "A flood", indonesian: str = "Banjir") -> Event:
    """An event with one holder, described in both languages."""
    return Event(
        event="flood",
        title="A flood",
        date="2024-05-06",
        description="A flood.",
        holders=[Holder(holder="mayor", description={"en": english, "id": indonesian}, entities=["bo-berg"])],
        targets=[Target(target="dam", description={"en": "A dam should be built."})],
    )


# Tagging


TOY = {
    "Bo Berg met Ann Lee in Vale .": "B-PER I-PER O B-PER I-PER O B-GPE O",
    "Vale asked Ann Lee .": "B-GPE O B-PER I-PER O",
    "They flew to Vale .": "O O O B-GPE O",
    "Bo Berg saw Vale .": "B-PER I-PER O B-GPE O",
}


def rows_of(sentence: str) -> list[list[str]]:
    return [[f"w={word}"] for word in sentence.split()]


def test_the_tagger_learns_what_can_be_told_apart() -> None:
    tagger = tagging.Tagger().fit([rows_of(s) for s in TOY] * 5, [t.split() for t in TOY.values()] * 5)
    assert tagger.predict([rows_of(sentence) for sentence in TOY]) == [tags.split() for tags in TOY.values()]
    # What was never seen is what is most often so, and words that were seen keep their tags.
    assert tagger.predict([rows_of("They asked Bo Berg .")]) == [["O", "O", "B-PER", "I-PER", "O"]]


def test_the_tagger_uses_the_tag_before() -> None:
    # "x" alone says nothing: after "a" it goes on, after "b" it is outside.
    taught = {"a x": ["B-A", "I-A"], "b x": ["O", "O"], "a x b x": ["B-A", "I-A", "O", "O"]}
    tagger = tagging.Tagger().fit([rows_of(s) for s in taught] * 5, list(taught.values()) * 5)
    assert tagger.predict([rows_of("b x a x")]) == [["O", "O", "B-A", "I-A"]]


@pytest.mark.parametrize(
    ("spans", "tags"),
    [
        ([(0, 2, "A"), (2, 3, "A"), (3, 5, "B")], "B-A I-A B-A B-B I-B"),  # Adjacent, of one label and of two
        ([(1, 2, "A"), (4, 5, "A")], "O B-A O O B-A"),
        ([(0, 5, "A"), (1, 2, "B")], "B-A I-A I-A I-A I-A"),  # Nested: the outer one
        ([(0, 2, "A"), (1, 4, "B")], "O B-B I-B I-B O"),  # Crossing: the longer one
        ([(0, 2, "A"), (1, 3, "B")], "B-A I-A O O O"),  # As long: the first
        ([], "O O O O O"),
    ],
)
def test_spans_as_tags(spans: list[tuple[int, int, str]], tags: str) -> None:
    assert tagging.tags_of(spans, 5) == tags.split()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("AB")), max_size=6))
def test_disjoint_spans_come_back_from_their_tags(steps: list[tuple[int, int, str]]) -> None:
    spans, at = [], 0
    for gap, length, label in steps:
        spans.append((at + gap, at + gap + length, label))
        at += gap + length
    assert tagging.spans_of(tagging.tags_of(spans, at + 1)) == spans


def test_an_inside_that_continues_nothing_opens() -> None:
    # As conlleval reads it: I-A after O, and I-B after A, each begin a chunk.
    found = tagging.spans_of(["O", "I-A", "I-A", "I-B", "O", "I-B"])
    assert found == [(1, 3, "A"), (3, 4, "B"), (5, 6, "B")]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Berg’s anti-BLUE plan", "Berg 's anti - BLUE plan"),
        ("the Vale-based “Greens”", 'the Vale - based " Greens "'),
        ("on May 7th 1,400 (IDF),", "on May 7th 1,400 ( IDF ) ,"),
        ("BfmTv\xa0said", "BfmTv said"),
        ("Greens’ plan", "Greens ' plan"),
    ],
)
def test_tokens_end_where_names_may_end(text: str, cut: str) -> None:
    found = tagging.tokens(text)
    assert [token.text for token in found] == cut.split()
    # Typographic signs are folded one for one, so that offsets hold.
    assert all(part("common.text").fold(text)[token.start : token.end] == token.text for token in found)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


def test_every_gold_span_can_be_tagged(corpus: Corpus) -> None:
    # What no sequence of tags says can never be found: names and nominals, each kind in a layer of its own.
    for kind in ("name", "nominal"):
        for key, document in corpus.documents.items():
            gold = [(m.start, m.end, m.type) for m in corpus.gold[key].entities or [] if m.kind == kind]
            reached = [span for sentence in tagging.cut(document) for span in sentence.spans(sentence.tags(gold))]
            assert gold
            assert sorted(reached) == sorted(gold)


# Linking


TAUGHT = example_of(
    document_of(
        "Mayor Bo Berg of Vale met the Blue Earth Group.", "Berg left Vale. The Blue Earth Group stayed.", key="t"
    ),
    ("Bo Berg", "PER", "bo-berg", "Q1"),
    ("Vale", "GPE", "vale", None),
    ("Blue Earth Group", "ORG", "blue-earth", "Q3"),
)


def linked(*found: tuple[str, str], text: str, event: Event | None = None) -> list[tuple[str, str, str, str | None]]:
    """(wording, type) of names in a text -> wording, type, entity and link as they are resolved."""
    document = document_of(text)
    places = [(text.index(name), text.index(name) + len(name), kind) for name, kind in found]
    table, dictionary = linking.AliasTable([TAUGHT]), linking.Dictionary(event or event_of())
    mentions = crf.link_names(document, places, table, dictionary)
    return [(str(m.text), m.type, str(m.entity), m.kb_id) for m in mentions]  # type: ignore[misc]


def test_a_known_wording_takes_key_and_link_and_type() -> None:
    # 'Vale' was named twice, so that a wrong type does not speak against it; the type becomes the entity's.
    found = linked(("Bo Berg", "PER"), ("Vale", "ORG"), text="In Vale they met Bo Berg.")
    assert found == [("Bo Berg", "PER", "bo-berg", "Q1"), ("Vale", "GPE", "vale", None)]


def test_whoever_is_like_nobody_known_is_nobody() -> None:
    assert linked(("Zoë Quist", "PER"), text="It was Zoë Quist.") == [("Zoë Quist", "PER", "zoe quist", None)]


def test_acronyms_and_translations_reach_the_known_name() -> None:
    event = event_of("with the Blue Earth Group and Vale", "bersama Kelompok Bumi Biru dan Vale")
    found = linked(("BEG", "ORG"), ("Kelompok Bumi Biru", "ORG"), text="BEG: Kelompok Bumi Biru.", event=event)
    assert [(entity, link) for _, _, entity, link in found] == [("blue-earth", "Q3"), ("blue-earth", "Q3")]


@pytest.mark.parametrize(
    ("short", "long", "whether"),
    [
        ("BEG", "Blue Earth Group", True),
        ("UN", "United Nations", True),
        ("LN", "League of Nations", True),  # Words in small letters have no part
        ("BE", "Blue Earth Group", False),
        ("Beg", "Blue Earth Group", False),
        ("B", "Berg", False),
    ],
)
def test_acronyms(short: str, long: str, whether: bool) -> None:
    assert linking.is_acronym(short, long) is whether


@pytest.mark.parametrize(
    ("left", "right"),
    [("Zürich", "Zurich"), ("Quebec", "Kuebek"), ("the Gulf of Xenia", "Teluk Xenia"), ("May 7th", "Mei 7")],
)
def test_one_name_in_two_spellings_has_one_canonical_form(left: str, right: str) -> None:
    assert linking.canonical(left) == linking.canonical(right)


# Clustering


def test_names_that_are_alike_are_one_and_others_are_not() -> None:
    # Nothing to learn a likeness from: the same words in another order, or an acronym, and nothing else.
    table, dictionary = linking.AliasTable([]), linking.Dictionary(event_of())

    def keys(*texts: str) -> list[str]:
        found = crf.cluster_new([(t, "ORG") for t in texts], table, dictionary)
        return [found[text] for text in texts]

    # The key is the longest name.
    assert keys("BEG", "Blue Earth Group", "Vale") == ["blue earth group", "blue earth group", "vale"]
    assert keys("Blue Earth Group", "The Earth Group, Blue") == ["the earth group blue"] * 2
    assert keys("Blue Earth Group", "Blue Moon Group") == ["blue earth group", "blue moon group"]


# Systems


def mentions_of(name: str, document: Document) -> list[Mention]:
    return list(system(name).predict(document, Context(event_of(), (), (), 0)).entities or [])


def test_same_string_makes_one_entity_of_equal_names() -> None:
    document = document_of(
        "The mayor said that Bo Berg saw Vale and VALE.", "Then came Berg, and Bo\xa0Berg left Vale alone."
    )
    found = [(m.text, m.entity, m.kb_id) for m in mentions_of("same_string", document)]
    # Capitals and spaces make no difference, 'Berg' and 'Bo Berg' do; there are no links.
    assert found == [
        ("Bo Berg", "bo berg", None),
        ("Vale", "vale", None),
        ("VALE", "vale", None),
        ("Berg", "berg", None),
        ("Bo\xa0Berg", "bo berg", None),
        ("Vale", "vale", None),
    ]


def test_title_gazetteer_finds_persons_by_their_titles() -> None:
    document = document_of(
        "Prime Minister Bo Berg met Dr. Ann Lee-Falk and Kim Orr in Vale.",
        "Berg thanked Mr Berg’s friends, said Lee-Falk; the president of Vale and General Motors did not.",
    )
    found = [(m.text, m.type, m.entity) for m in mentions_of("title_gazetteer", document)]
    assert found == [
        ("Bo Berg", "PER", "berg"),
        ("Ann Lee-Falk", "PER", "lee falk"),
        ("Berg", "PER", "berg"),
        ("Berg", "PER", "berg"),
        ("Lee-Falk", "PER", "lee falk"),
        ("Motors", "PER", "motors"),  # A floor: it does not know companies
    ]


def test_title_gazetteer_reads_indonesian_titles() -> None:
    document = document_of(
        "Perdana Menteri Norwegia Bo Berg bertemu Presiden Ann Lee.",
        "Menurut Pak Orr, Presiden Norwegia diam; Berg dan Lee pergi.",
        language="id",
    )
    found = [(m.text, m.entity) for m in mentions_of("title_gazetteer", document)]
    # The state between office and name is no part of it, and an office before a state alone names nobody.
    assert found == [("Bo Berg", "berg"), ("Ann Lee", "lee"), ("Orr", "orr"), ("Berg", "berg"), ("Lee", "lee")]


def test_without_titles_there_are_no_persons() -> None:
    assert mentions_of("title_gazetteer", document_of("Bo Berg met the president in Vale.")) == []


LESSONS = (
    ("Mayor Bo Berg said on Monday that Vale needs a dam.", "Bo Berg", "Vale"),
    ("Mayor Ann Lee said on Friday that Oslo needs a road.", "Ann Lee", "Oslo"),
    ("Mayor Kim Orr said on Sunday that Bern needs a bridge.", "Kim Orr", "Bern"),
    ("Mayor Eva Falk said on Tuesday that Rome needs a park.", "Eva Falk", "Rome"),
)


def lessons() -> list[Example]:
    return [
        example_of(
            document_of(text, key=f"flood-{number}"),
            (person, "PER", f"person-{number}", f"Q{number}"),
            (place, "GPE", f"place-{number}", None),
        )
        for number, (text, person, place) in enumerate(LESSONS)
    ]


def test_crf_finds_names_that_nobody_taught() -> None:
    document = document_of("Mayor Ivo Mann said on Monday that Lima needs a port.")
    found = [
        (m.text, m.type, m.entity, m.kb_id)
        for m in crf.find_mentions(document, Context(event_of(), (), tuple(lessons()), 0))
    ]
    assert found == [("Ivo Mann", "PER", "ivo mann", None), ("Lima", "GPE", "lima", None)]


def test_crf_links_names_that_it_was_taught() -> None:
    document = document_of("Mayor Ann Lee said on Sunday that Vale needs a road.")
    found = [
        (m.text, m.type, m.entity, m.kb_id)
        for m in crf.find_mentions(document, Context(event_of(), (), tuple(lessons()), 0))
    ]
    assert found == [("Ann Lee", "PER", "person-1", "Q1"), ("Vale", "GPE", "place-0", None)]
