"""The entity systems: tagging, linking and clustering in small, and the floors on a document written out by hand."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from retold.corpus.load import Corpus, load_corpus
from retold.model.annotations import AnnotationRecord, Document, Event, Holder, Mention, Span, Target, Zone, encode
from retold.systems import Context, Example, load_system, predictions

BASELINES = Path(__file__).resolve().parents[2] / "baselines"


def part(name: str) -> Any:
    """A helper module of the baselines, in the package that the runner made of their folder."""
    package = load_system(BASELINES / "perceptron.py").predict.__module__.rpartition(".")[0]
    module: ModuleType = importlib.import_module(f"{package}.{name}")
    assert module is sys.modules[f"{package}.{name}"]
    return module


tagging, features = part("_tagging"), part("_tagging_features")
linking, clustering, perceptron = part("_linking"), part("_clustering"), part("perceptron")


def document_of(*texts: str, key: str = "flood-9", language: str = "en") -> Document:
    """A document of body sentences, one after the other on lines of their own."""
    text = "\n".join(texts)
    spans, start = [], 0
    for sentence in texts:
        spans.append(Span(start=start, end=start + len(sentence)))
        start += len(sentence) + 1
    return Document(
        document_id=key,
        event="flood",
        text=text,
        language=language,
        outlet=None,
        original_source=None,
        published=None,
        event_date="2024-05-06",
        seed="",
        seed_sha256="",
        zones=[Zone(start=0, end=len(text), zone="body")],
        paragraphs=spans,
        sentences=spans,
        rights="",
    )


def example_of(document: Document, *marked: tuple[str, str, str, str | None]) -> Example:
    """A document with gold: (name, type, entity, link) for every place that has the name."""
    mentions = []
    for name, kind, entity, link in marked:
        at = document.text.find(name)
        while at >= 0:
            end = at + len(name)
            mentions.append(Mention(start=at, end=end, type=kind, entity=entity, kb_id=link))  # type: ignore[arg-type]
            at = document.text.find(name, end)
    return Example(document, AnnotationRecord(document_id=document.document_id, entities=mentions))


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


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_viterbi_finds_the_best_of_all_sequences(data: st.DataObject) -> None:
    length, size = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    score = st.integers(-6, 6)

    def drawn(*shape: int) -> np.ndarray[Any, Any]:
        count = int(np.prod(shape))
        return np.array(data.draw(st.lists(score, min_size=count, max_size=count)), dtype=float).reshape(shape)

    emissions, transitions, opening = drawn(length, size), drawn(size, size), drawn(size)

    def total(path: tuple[int, ...] | list[int]) -> float:
        own = sum(emissions[place, label] for place, label in enumerate(path))
        return float(opening[path[0]] + own + sum(transitions[a, b] for a, b in pairwise(path)))

    found = tagging.viterbi(emissions, transitions, opening)
    assert len(found) == length
    assert total(found) == max(map(total, product(range(size), repeat=length)))


def test_viterbi_of_nothing_is_nothing() -> None:
    assert tagging.viterbi(np.zeros((0, 2)), np.zeros((2, 2)), np.zeros(2)) == []


def test_viterbi_takes_no_forbidden_step() -> None:
    # Label 1 has the most at both places (9 + 9), but it may neither begin nor follow 0: 0, 0 is left.
    forbidden = -np.inf
    moves = np.array([[0.0, forbidden], [0.0, 0.0]])
    assert tagging.viterbi(np.array([[0.0, 9.0], [0.0, 9.0]]), moves, np.array([0.0, forbidden])) == [0, 0]


TOY = {
    "Bo Berg met Ann Lee in Vale .": "B-PER I-PER O B-PER I-PER O B-GPE O",
    "Vale asked Ann Lee .": "B-GPE O B-PER I-PER O",
    "They flew to Vale .": "O O O B-GPE O",
    "Bo Berg saw Vale .": "B-PER I-PER O B-GPE O",
}


def rows_of(sentence: str) -> list[list[str]]:
    return [[f"w={word}"] for word in sentence.split()]


def test_the_perceptron_learns_what_can_be_told_apart() -> None:
    # Each word has one tag, so there are weights that make no mistake. The perceptron finds such (Novikoff 1962), and
    # the mean goes towards them with every pass.
    tagger = tagging.Tagger(epochs=200, seed=3).fit([rows_of(s) for s in TOY], [t.split() for t in TOY.values()])
    assert [tagger.predict(rows_of(sentence)) for sentence in TOY] == [tags.split() for tags in TOY.values()]
    # What was never seen is what is most often so, and words that were seen keep their tags.
    assert tagger.predict(rows_of("They asked Bo Berg .")) == ["O", "O", "B-PER", "I-PER", "O"]


def test_the_perceptron_uses_the_tag_before() -> None:
    # "x" alone says nothing: after "a" it goes on, after "b" it is outside.
    taught = {"a x": ["B-A", "I-A"], "b x": ["O", "O"], "a x b x": ["B-A", "I-A", "O", "O"]}
    tagger = tagging.Tagger(epochs=50).fit([rows_of(s) for s in taught], list(taught.values()))
    assert tagger.predict(rows_of("b x a x")) == ["O", "O", "B-A", "I-A"]


def test_no_tag_goes_on_with_what_was_not_begun() -> None:
    tagger = tagging.Tagger(epochs=3).fit([rows_of(s) for s in TOY], [t.split() for t in TOY.values()])
    for words in product(("Bo", "Lee", "Vale", "Berg", "new"), repeat=3):
        tags = tagger.predict(rows_of(" ".join(words)))
        for before, tag in zip(["O", *tags], tags, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]


def test_a_tagger_depends_on_its_seed_only() -> None:
    # Both labels fit "x"; the order of the sentences, which is drawn, decides between them.
    rows, tags = [rows_of("x"), rows_of("x y"), rows_of("y x")], [["B-A"], ["B-B", "O"], ["O", "B-A"]]
    weights = [tagging.Tagger(2, seed).fit(rows, tags)._weights[0].tolist() for seed in (0, 0, *range(1, 8))]
    assert weights[0] == weights[1]
    assert any(other != weights[0] for other in weights[2:])


def test_a_tagger_that_saw_no_span_finds_none() -> None:
    assert tagging.Tagger().fit([], []).predict(rows_of("a b")) == ["O", "O"]
    assert tagging.Tagger().fit([rows_of("a")], [["O"]]).predict(rows_of("a b")) == ["O", "O"]


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
    assert tagging.tags_of([tagging.Chunk(*span) for span in spans], 5) == tags.split()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("AB")), max_size=6))
def test_disjoint_spans_come_back_from_their_tags(steps: list[tuple[int, int, str]]) -> None:
    spans, at = [], 0
    for gap, length, label in steps:
        spans.append(tagging.Chunk(at + gap, at + gap + length, label))
        at += gap + length
    assert tagging.chunks(tagging.tags_of(spans, at + 1)) == spans


def test_an_inside_that_continues_nothing_opens() -> None:
    # As conlleval reads it: I-A after O, and I-B after A, each begin a chunk.
    found = tagging.chunks(["O", "I-A", "I-A", "I-B", "O", "I-B"])
    assert [(c.first, c.last, c.label) for c in found] == [(1, 3, "A"), (3, 4, "B"), (5, 6, "B")]


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
    assert all(part("_text").fold(text)[token.start : token.end] == token.text for token in found)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


def test_every_gold_span_can_be_tagged(corpus: Corpus) -> None:
    # What no sequence of tags says can never be found: names and nominals, each kind in a layer of its own.
    for kind in ("name", "nominal"):
        for key, document in corpus.documents.items():
            gold = [(m.start, m.end, m.type) for m in corpus.gold[key].entities or [] if m.kind == kind]
            reached = [
                (*sentence.place(chunk), chunk.label)
                for sentence in features.cut(document)
                for chunk in tagging.chunks(sentence.tags(gold))
            ]
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
    mentions = perceptron.link_names(document, places, table, dictionary)
    return [(str(m.text), m.type, str(m.entity), m.kb_id) for m in mentions]  # type: ignore[misc]


def test_a_known_wording_takes_key_and_link_and_type() -> None:
    # 'Vale' was named twice, so that a wrong type does not speak against it; the type becomes the entity's.
    found = linked(("Bo Berg", "PER"), ("Vale", "ORG"), text="In Vale they met Bo Berg.")
    assert found == [("Bo Berg", "PER", "bo-berg", "Q1"), ("Vale", "GPE", "vale", None)]


def test_whoever_is_like_nobody_known_is_nobody() -> None:
    assert linked(("Zoë Quist", "PER"), text="It was Zoë Quist.") == [("Zoë Quist", "PER", "zoe quist", None)]


def test_a_wording_seen_once_as_another_type_is_somebody_else() -> None:
    # Named once, weight 1: as a person e^0 = 1, above NIL = 0.3; as a place e^-2 = 0.135, below it.
    table = linking.AliasTable([TAUGHT])
    candidates = table.candidates("Bo Berg", linking.Dictionary(event_of()))
    assert candidates == {"bo-berg": 1}
    assert table.choose(candidates, "PER", Counter(), set()) == "bo-berg"
    assert table.choose(candidates, "GPE", Counter(), set()) is None
    assert table.choose({}, "PER", Counter(), set()) is None


def test_of_two_so_called_company_decides() -> None:
    sea = example_of(document_of("The harbour of Vale froze.", key="a"), ("Vale", "GPE", "vale-on-sea", "Q7"))
    hill = example_of(document_of("The vineyards around Vale burned.", key="b"), ("Vale", "GPE", "vale-on-hill", "Q8"))
    table = linking.AliasTable([sea, hill])
    candidates = table.candidates("Vale", linking.Dictionary(event_of()))
    assert candidates == {"vale-on-sea": 1, "vale-on-hill": 1}
    for word, entity in (("harbour", "vale-on-sea"), ("vineyards", "vale-on-hill")):
        near = linking.company(f"The {word} at Vale", 4 + len(word) + 4, 4 + len(word) + 8)
        assert table.choose(candidates, "GPE", near, set()) == entity


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


def test_agglomerative_clusters_are_those_of_scipy() -> None:
    draw = np.random.default_rng(7)
    for _ in range(20):
        points = draw.random((9, 2))
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)
        other = fcluster(linkage(squareform(distances, checks=False), "average"), 0.3, "distance")
        found = clustering.agglomerate(distances, 0.3)
        assert [a == b for a in found for b in found] == [a == b for a in other for b in other]


def test_average_linkage_merges_and_keeps_apart() -> None:
    # 0 and 1 are 0.1 apart. 2 is 0.2 from 0 and 0.9 from 1: on average 0.55, not below 0.5, though its nearest is near.
    distances = np.array([[0.0, 0.1, 0.2], [0.1, 0.0, 0.9], [0.2, 0.9, 0.0]])
    assert clustering.agglomerate(distances, 0.5) == [0, 0, 1]
    assert clustering.agglomerate(distances, 0.6) == [0, 0, 0]
    # Kept apart from 1, which is nearest, 0 goes to 2.
    assert clustering.agglomerate(distances, 0.5, apart=[(0, 1)]) == [0, 1, 0]
    assert clustering.agglomerate(np.zeros((0, 0)), 0.5) == []
    assert clustering.agglomerate(np.zeros((1, 1)), 0.5) == [0]


def test_known_entities_never_meet_in_one_cluster() -> None:
    # 'x' is 0.1 from a name of each of two known entities; it joins the nearer (0.1 < 0.2) and does not bridge them.
    class Given:
        known = (("one", "a"), ("one", "far"), ("two", "b"))

        def __call__(self, left: list[str], right: list[str]) -> np.ndarray[Any, Any]:
            table = {"a": 0.9, "b": 0.8, "far": 0.0, "x": 1.0, "y": 0.0}
            return np.array([[table[name] if thing == "x" or name == "y" else 0.0 for name in right] for thing in left])

    assert clustering.join_known(["x", "y"], Given(), 0.5) == [
        "one",
        clustering.join_known(["x", "y"], Given(), 0.5)[1],
    ]
    assert isinstance(clustering.join_known(["x", "y"], Given(), 0.5)[1], int)


def test_names_that_are_alike_are_one_and_others_are_not() -> None:
    # Nothing to learn a likeness from: the same words in another order, or an acronym, and nothing else.
    table, dictionary = linking.AliasTable([]), linking.Dictionary(event_of())

    def keys(*texts: str) -> list[str]:
        found = perceptron.cluster_new([clustering.Wording(t, "ORG", Counter()) for t in texts], table, dictionary)
        return [found[text] for text in texts]

    # The key is the longest name.
    assert keys("BEG", "Blue Earth Group", "Vale") == ["blue earth group", "blue earth group", "vale"]
    assert keys("Blue Earth Group", "The Earth Group, Blue") == ["the earth group blue"] * 2
    assert keys("Blue Earth Group", "Blue Moon Group") == ["blue earth group", "blue moon group"]


# Systems


def mentions_of(name: str, document: Document) -> list[Mention]:
    system = load_system(BASELINES / f"{name}.py")
    return list(system.predict(document, Context(event_of(), (), (), 0)).entities or [])


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


def test_the_perceptron_finds_names_that_nobody_taught() -> None:
    document = document_of("Mayor Ivo Mann said on Monday that Lima needs a port.")
    found = [
        (m.text, m.type, m.entity, m.kb_id)
        for m in perceptron.find_mentions(document, Context(event_of(), (), tuple(lessons()), 0))
    ]
    assert found == [("Ivo Mann", "PER", "ivo mann", None), ("Lima", "GPE", "lima", None)]


def test_the_perceptron_links_names_that_it_was_taught() -> None:
    document = document_of("Mayor Ann Lee said on Sunday that Vale needs a road.")
    found = [
        (m.text, m.type, m.entity, m.kb_id)
        for m in perceptron.find_mentions(document, Context(event_of(), (), tuple(lessons()), 0))
    ]
    assert found == [("Ann Lee", "PER", "person-1", "Q1"), ("Vale", "GPE", "place-0", None)]


def test_the_perceptron_gives_the_same_bytes_again(tiny_corpus: Corpus) -> None:
    system = load_system(BASELINES / "perceptron.py")
    runs = [b"".join(map(encode, predictions(system, tiny_corpus))) for _ in range(2)]
    assert runs[0] == runs[1] != b""
