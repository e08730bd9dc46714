"""CRF: names by a conditional random field, entities by an alias table and agglomerative clustering.

Names are tagged with their types from the form of a word, its neighbours, how it is written elsewhere, and what
documents with gold know of it. Those features are jackknifed: a document to learn from is described with what the
*others* know, once with all of them and once with a single one, so that the tagger learns how far to trust them and
what to do without.

A name is linked by an alias table: who is so called, weighed by type, or nobody.
A name that nobody is known by is clustered with the known entities and the other new names by a learned likeness; a
cluster with a known entity takes its key, link and type, any other has its longest name as key. Nominals are those of
the gazetteer.

Tuned by hand on the documents of the released corpus, with the gold of each left out while it was predicted: the
features, the penalties, the two descriptions of each document. The thresholds are where probabilities are even
(``MERGED``) or were set without search (the weights of the alias table).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from retold.model.annotations import AnnotationRecord, Document, Mention
from retold.systems import Context

from ..common.gazetteer import Gazetteer, clash
from ..common.names import by_string, folded
from ..common.names import names as capitalised_names
from ..common.text import fold, sentences
from ._clustering import Likeness, Wording, join_known
from ._linking import AliasTable, Dictionary, most_frequent
from ._tagging import Capitals, Tagger, cut, describe
from .tfidf_logreg import claims, stance, verification

NAME = "crf"
DESCRIPTION = (
    "Conditional random field for names; links by an alias table, coreference by agglomerative clustering over a "
    "learned likeness of names, nominals as in gazetteer. Stance, claims and verification as in tfidf_logreg."
)
PROTOCOL = "leave-one-document-out"

#: Mean distance (1 - probability) below which names are one entity.
MERGED = 0.5


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document, on one thread, as in ``tfidf_logreg``, so that every run gives the same bytes."""
    with threadpool_limits(1):
        mentions = find_mentions(document, context)
        return AnnotationRecord(
            document_id=document.document_id,
            entities=mentions,
            stance=stance(document, mentions, context),
            claims=claims(document, mentions, context.training),
            verification=verification(document, context, Gazetteer(context.training)),
        )


def find_mentions(document: Document, context: Context) -> list[Mention]:
    """The mentions of a document: names, and nominals that neither cross a name nor lie in one."""
    training = context.training
    if not training:
        return by_string(document, capitalised_names(document))
    dictionary = Dictionary(context.event)
    visible = [text for seen in (document, *(e.document for e in training)) for text in sentences(seen)]
    capitals = Capitals([*visible, *(question.text for question in context.questions)])
    rows, tags = [], []
    for index, example in enumerate(training):
        others = [other for other in training if other is not example]
        gold = [(m.start, m.end, m.type) for m in example.gold.entities or [] if m.kind == "name"]
        for known in [others, [others[index % len(others)]]] if len(others) > 1 else [others]:
            rows += describe(example.document, AliasTable(known), Gazetteer(known), dictionary, capitals)
            tags += [sentence.tags(gold) for sentence in cut(example.document)]
    table, gazetteer = AliasTable(training), Gazetteer(training)
    tagged = Tagger().fit(rows, tags).predict(describe(document, table, gazetteer, dictionary, capitals))
    found = [span for sentence, own in zip(cut(document), tagged, strict=True) for span in sentence.spans(own)]
    names = link_names(document, found, table, dictionary)
    nominals = [
        mention
        for mention in gazetteer.mentions(document)
        if mention.kind == "nominal"
        and not any(clash((mention.start, mention.end), (name.start, name.end)) for name in names)
    ]
    return sorted([*names, *nominals], key=lambda mention: (mention.start, -mention.end))


def link_names(
    document: Document, found: Sequence[tuple[int, int, str]], table: AliasTable, dictionary: Dictionary
) -> list[Mention]:
    """Spans of names (start, end, type) as mentions with entity and link; all mentions of an entity get one type."""
    text = document.text
    wordings = [fold(text[start:end]) for start, end, _ in found]
    candidates = {wording: table.candidates(wording, dictionary) for wording in wordings}
    meant = [table.choose(candidates[name], kind) for name, (_, _, kind) in zip(wordings, found, strict=True)]
    new: dict[str, Counter[str]] = {}
    for wording, (_, _, kind), entity in zip(wordings, found, meant, strict=True):
        if entity is None:
            new.setdefault(wording, Counter())[kind] += 1
    # Who is not known by a name may be known by one like it.
    unknown = [(wording, most_frequent(kinds)) for wording, kinds in sorted(new.items())]
    keys = cluster_new(unknown, table, dictionary)
    chosen = [entity or keys[wording] for entity, wording in zip(meant, wordings, strict=True)]
    votes: dict[str, Counter[str]] = {}
    for key, (_, _, kind) in zip(chosen, found, strict=True):
        votes.setdefault(key, Counter())[kind] += 1
    return [
        _mention(document, start, end, key, table, most_frequent(votes[key]))
        for key, (start, end, _) in zip(chosen, found, strict=True)
    ]


def cluster_new(unknown: Sequence[Wording], table: AliasTable, dictionary: Dictionary) -> dict[str, str]:
    """Wordings that the table does not know -> keys: those of known entities, else the folded longest name."""
    owners = join_known(unknown, Likeness(table, dictionary), MERGED)
    members: dict[int | str, list[str]] = {}
    for wording, owner in zip(unknown, owners, strict=True):
        members.setdefault(owner, []).append(wording[0])
    return {
        text: owner if isinstance(owner, str) else folded(max(texts, key=lambda one: (len(one), one)))
        for owner, texts in members.items()
        for text in texts
    }


def _mention(document: Document, start: int, end: int, entity: str, table: AliasTable, otherwise: str) -> Mention:
    """A name with type and link of a known entity, or with the type that it has otherwise."""
    known = table.entities.get(entity)
    return Mention(
        start=start,
        end=end,
        text=document.text[start:end],
        type=known.type if known else otherwise,
        entity=entity,
        kb_id=known.kb_id if known else None,
    )
