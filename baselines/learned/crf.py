"""Perceptron: names and nominals by sequence tagging, entities by an alias table and agglomerative clustering.

Names are tagged with their types, then nominals around them, each by an averaged structured perceptron (Collins 2002)
over the form of a word, its neighbours, its place, how it is written elsewhere, and what documents with gold know of
it. Those features are jackknifed: a document to learn from is described with what the *others* know, once with all of
them and once with a single one, so that the tagger learns how far to trust them and what to do without.

A name is linked by an alias table: who is so called, weighed by type, company and presence in the document, or nobody.
A name that nobody is known by is clustered with the known entities and the other new names by a learned likeness; a
cluster with a known entity takes its key, link and type, any other has its longest name as key. A nominal takes the
most probable entity of a ranking, or is no mention.

Tuned by hand on the documents of the released corpus, with the gold of each left out while it was predicted: the
features, ``EPOCHS``, ``RESTARTS``, the two descriptions of each document. The thresholds are where probabilities
are even (``MERGED``) or were set without search (``NOBODY``, the weights of the alias table).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from retold.model.annotations import ENTITY_TYPES, AnnotationRecord, Document, EntityType, Mention
from retold.systems import Context, Example

from ..common.gazetteer import Gazetteer
from ..common.linking import AliasTable, Dictionary, company, folded
from ..common.text import fold, sentences
from ..floors.same_string import by_string
from ..lexical.overlap import names as capitalised_names
from ._clustering import Likeness, Wording, join_known
from ._nominals import Named
from ._tagging import Tagger, chunks
from ._tagging_features import Capitals, Sentence, cut, describe_names

NAME = "crf"
DESCRIPTION = (
    "Averaged structured perceptron for names and nominals; links by an alias table, coreference by agglomerative "
    "clustering over a learned likeness of names. Stance, claims and verification as in tfidf_logreg."
)
PROTOCOL = "leave-one-document-out"

#: Passes over the sentences, and how often they are learned in another order.
EPOCHS, RESTARTS = 10, 5
#: Mean distance (1 - probability) below which names are one entity.
MERGED = 0.5
#: Probability below which a nominal means nobody.
NOBODY = 0.3

#: Rows of features, one for each token of each sentence of a document.
Described = list[list[list[str]]]


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document.

    On one thread, as in ``tfidf_logreg``, so that every run gives the same bytes.
    """
    with threadpool_limits(1):
        mentions = find_mentions(document, context)
        return AnnotationRecord(
            document_id=document.document_id,
            entities=mentions,
        )


@dataclass(frozen=True)
class _Memory:
    """What some documents teach of names and entities."""

    table: AliasTable
    gazetteer: Gazetteer

    @classmethod
    def of(cls, training: Sequence[Example]) -> _Memory:
        return cls(AliasTable(training), Gazetteer(training))


@dataclass(frozen=True)
class _Lesson:
    """A document to learn from, and what the tagger is told about it: nothing that its own gold says."""

    example: Example
    memory: _Memory

    @property
    def mentions(self) -> list[Mention]:
        return self.example.gold.entities or []

    def spans(self, kind: str) -> list[tuple[int, int, str]]:
        return [(m.start, m.end, m.type) for m in self.mentions if m.kind == kind]


def find_mentions(document: Document, context: Context) -> list[Mention]:
    """The mentions of a document: names, and the nominals that describe somebody who has a name."""
    training = context.training
    if not training:
        return by_string(document, capitalised_names(document))
    dictionary = Dictionary(context.event)
    visible = [text for seen in (document, *(e.document for e in training)) for text in sentences(seen)]
    capitals = Capitals([*visible, *(question.text for question in context.questions)])
    memory = _Memory.of(training)
    full, scarce = _lessons(training)

    def names_told(of: Document, known: _Memory) -> Described:
        return describe_names(of, cut(of), known.table, known.gazetteer, dictionary, capitals)

    tagger = _taught(
        [
            (names_told(lesson.example.document, lesson.memory), lesson, "name")
            for lesson in ((*full, *scarce) if not __import__("os").environ.get("NOSC") else full)
        ],
        context.seed,
    )
    tagged = _tagged(document, names_told(document, memory), tagger)
    names = link_names(document, tagged, memory.table, dictionary)

    nominals = []
    for m in memory.gazetteer.mentions(document):
        if m.kind == "nominal":
            within = [n for n in names if m.start <= n.start and n.end <= m.end]
            touched = [n for n in names if n.start < m.end and m.start < n.end]
            if touched == within and _has_a_noun(document.text, m.start, m.end, within):
                nominals.append(m)
    return sorted([*names, *nominals], key=lambda mention: (mention.start, -mention.end))


def _lessons(training: Sequence[Example]) -> tuple[list[_Lesson], list[_Lesson]]:
    """Each training document with the memory of all others, and with that of one, in turn."""
    full, scarce = [], []
    for index, example in enumerate(training):
        others = [other for other in training if other is not example]
        full.append(_Lesson(example, _Memory.of(others)))
        if len(others) > 1:
            scarce.append(_Lesson(example, _Memory.of([others[index % len(others)]])))
    return full, scarce


def _taught(lessons: Sequence[tuple[Described, _Lesson, str]], seed: int) -> Tagger:
    """A tagger for one kind of mention. Nominals have one label: too few of a type are seen to learn it."""
    rows: Described = []
    tags: list[list[str]] = []
    for described, lesson, kind in lessons:
        spans = lesson.spans(kind)
        if kind == "nominal":
            spans = [(start, end, "NOMINAL") for start, end, _ in spans]
        rows += described
        tags += [sentence.tags(spans) for sentence in cut(lesson.example.document)]
    return Tagger().fit(rows, tags)


def _tagged(document: Document, described: Described, tagger: Tagger) -> list[tuple[int, int, str]]:
    """Spans (start, end, label) of a document."""
    pairs: list[tuple[Sentence, list[list[str]]]] = list(zip(cut(document), described, strict=True))
    return [
        (*sentence.place(chunk), chunk.label)
        for sentence, tags in zip(cut(document), tagger.predict(described), strict=True)
        for chunk in chunks(tags)
    ]


# Entities


def link_names(
    document: Document, found: Sequence[tuple[int, int, str]], table: AliasTable, dictionary: Dictionary
) -> list[Mention]:
    """Spans of names (start, end, type) as mentions with entity and link; all mentions of an entity get one type."""
    text = document.text
    wordings = [fold(text[start:end]) for start, end, _ in found]
    candidates = {wording: table.candidates(wording, dictionary) for wording in wordings}
    present = {next(iter(candidates[wording])) for wording in wordings if len(candidates[wording]) == 1}
    near = [company(text, start, end) for start, end, _ in found]
    meant = [
        table.choose(candidates[wording], kind, beside, present)
        for wording, (_, _, kind), beside in zip(wordings, found, near, strict=True)
    ]
    new: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for wording, (_, _, kind), beside, entity in zip(wordings, found, near, meant, strict=True):
        if entity is None:
            kinds, words = new.setdefault(wording, (Counter(), Counter()))
            kinds[kind] += 1
            words += beside
    # Who is not known by a name may be known by one like it.
    unknown = [Wording(wording, _most(kinds), words) for wording, (kinds, words) in sorted(new.items())]
    keys = (
        cluster_new(unknown, table, dictionary)
        if not __import__("os").environ.get("NOCL")
        else {w.text: folded(w.text) for w in unknown}
    )
    chosen = [entity or keys[wording] for entity, wording in zip(meant, wordings, strict=True)]
    votes: dict[str, Counter[str]] = {}
    for key, (_, _, kind) in zip(chosen, found, strict=True):
        votes.setdefault(key, Counter())[kind] += 1
    return [
        _mention(document, start, end, key, table, _most(votes[key]))
        for key, (start, end, _) in zip(chosen, found, strict=True)
    ]


def cluster_new(unknown: Sequence[Wording], table: AliasTable, dictionary: Dictionary) -> dict[str, str]:
    """Wordings that the table does not know -> keys: those of known entities, else the folded longest name."""
    owners = join_known(unknown, Likeness(table, dictionary), MERGED)
    members: dict[int | str, list[str]] = {}
    for wording, owner in zip(unknown, owners, strict=True):
        members.setdefault(owner, []).append(wording.text)
    return {
        text: owner if isinstance(owner, str) else folded(max(texts, key=lambda one: (len(one), one)))
        for owner, texts in members.items()
        for text in texts
    }


def resolve_nominals(
    document: Document,
    found: Sequence[tuple[int, int]],
    names: Sequence[Mention],
    table: AliasTable,
    resolver: Callable[[Named, int, int], tuple[str | None, float]],
) -> list[Mention]:
    """Spans of nominals as mentions with entity and link. One that crosses a name, is one or lies in one is none."""
    named = Named(document, names)
    made = []
    for start, end in found:
        within = [m for m in names if start <= m.start and m.end <= end]
        touched = [m for m in names if m.start < end and start < m.end]
        if touched != within or not _has_a_noun(document.text, start, end, within):
            continue
        entity, chance = resolver(named, start, end)
        if entity is not None and chance >= NOBODY:
            made.append(_mention(document, start, end, entity, table, named.types.get(entity, "ORG"), nominal=True))
    return made


def _has_a_noun(text: str, start: int, end: int, names: Sequence[Mention]) -> bool:
    """Whether a span has a word of its own besides the names in it."""
    rest = list(text[start:end])
    for name in names:
        rest[name.start - start : name.end - start] = " " * (name.end - name.start)
    return any(len(word) > 2 and word.isalpha() for word in "".join(rest).replace("-", " ").split())


def _mention(
    document: Document,
    start: int,
    end: int,
    entity: str,
    table: AliasTable,
    otherwise: EntityType,
    *,
    nominal: bool = False,
) -> Mention:
    """A mention with type and link of a known entity, or with the type that it has otherwise."""
    known = table.entities.get(entity)
    return Mention(
        start=start,
        end=end,
        text=document.text[start:end],
        kind="nominal" if nominal else "name",
        type=known.type if known else otherwise,
        entity=entity,
        kb_id=known.kb_id if known else None,
    )


def _most(votes: Counter[str]) -> EntityType:
    """The most frequent type; of equally frequent ones the first by name."""
    return min(ENTITY_TYPES, key=lambda kind: (-votes[kind], kind))
