"""Gazetteer: the names and descriptions that annotators marked in the other documents, found again in this one.

Learned are the wording of each mention and, by majority, its type, kind, entity and Wikidata id. Entities get the keys
of the other documents, so clusters reach across documents and languages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from retold.model.annotations import AnnotationRecord, Document, Mention
from retold.systems import Context, Example

from ..common.defaults import every_sentence, no_stance, not_enough_info
from ..common.text import fold, sentences

NAME = "gazetteer"
DESCRIPTION = (
    "Entities: longest match of the names and nominals of the other documents, with their types, clusters and links. "
    "Stance none, verification not_enough_info, every sentence a claim of the author."
)
PROTOCOL = "leave-one-document-out"
FLOOR = True


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        entities=Gazetteer(context.training).mentions(document),
        stance=no_stance(context),
        claims=every_sentence(document),
        verification=not_enough_info(context),
    )


class Gazetteer:
    """Wordings and what they refer to, learned from documents with gold.

    A wording is left out where it is marked less than half of the times that it occurs: most coalitions are *the*
    coalition, few groups are *the* group.

    Args:
        training: the documents to learn from.

    Attributes:
        known: wording -> a mention like which it is labelled. Wordings are folded; those of nominals are lower case.
    """

    def __init__(self, training: Sequence[Example]) -> None:
        votes: dict[str, Counter[tuple[str, ...]]] = {}
        first: dict[tuple[str, ...], Mention] = {}
        for example in training:
            for mention in example.gold.entities or []:
                wording = _wording(example.document.text[mention.start : mention.end], mention)
                key = (mention.kind, mention.type, str(mention.entity), str(mention.kb_id))
                votes.setdefault(wording, Counter())[key] += 1
                first.setdefault(key, mention)
        self._unmarked = "\n".join(_without_mentions(example) for example in training)
        self.known: dict[str, Mention] = {}
        for wording in sorted(votes):
            like = first[min(votes[wording], key=lambda key: (-votes[wording][key], key))]
            found = _pattern([wording], like.kind == "nominal")
            if votes[wording].total() >= len(found.findall(self._unmarked)):
                self.known[wording] = like
        self._names = _pattern([w for w, like in self.known.items() if like.kind == "name"], False)
        self._nominals = _pattern([w for w, like in self.known.items() if like.kind == "nominal"], True)

    def mentions(self, document: Document) -> list[Mention]:
        """Mentions of a document: names, and nominals that neither cross a name nor lie in one."""
        found: list[Mention] = []
        for span, text in zip(document.sentences, sentences(document), strict=True):
            names = [match.span() for match in self._names.finditer(text)]
            nominals = [
                match.span()
                for match in self._nominals.finditer(text)
                if not any(_clash(match.span(), name) for name in names)
            ]
            for kind, places in (("name", names), ("nominal", nominals)):
                for low, high in places:
                    like = self.known.get(text[low:high] if kind == "name" else text[low:high].lower())
                    if like is not None:
                        found.append(mention_like(like, document, span.start + low, span.start + high))
        return sorted(found, key=lambda mention: (mention.start, -mention.end))

    def passed_over(self, wording: str) -> bool:
        """Whether the other documents have a wording that is no mention there."""
        return wording not in self.known and _pattern([wording], False).search(self._unmarked) is not None

    def entities_of(self, text: str) -> set[str]:
        """Keys of the entities that a text names."""
        return {str(self.known[match[0]].entity) for match in self._names.finditer(fold(text))}


def _without_mentions(example: Example) -> str:
    """The sentences of a document with its mentions blanked."""
    text = list(fold(example.document.text))
    for mention in example.gold.entities or []:
        text[mention.start : mention.end] = "#" * (mention.end - mention.start)
    return "\n".join("".join(text[span.start : span.end]) for span in example.document.sentences)


def mention_like(like: Mention, document: Document, start: int, end: int) -> Mention:
    """A mention at another place with the labels of ``like``."""
    return Mention(
        start=start,
        end=end,
        text=document.text[start:end],
        kind=like.kind,
        type=like.type,
        entity=like.entity,
        kb_id=like.kb_id,
    )


def _wording(text: str, mention: Mention) -> str:
    """A name is known by its case ('US' is not 'us'); a description may begin a sentence."""
    return fold(text) if mention.kind == "name" else fold(text).lower()


def _pattern(wordings: Iterable[str], any_case: bool) -> re.Pattern[str]:
    """Any of the wordings as whole words, the longest that fits."""
    ordered = sorted(wordings, key=lambda wording: (-len(wording), wording))
    if not ordered:
        return re.compile(r"(?!)")
    body = "|".join(map(re.escape, ordered))
    return re.compile(rf"(?<!\w)(?:{body})(?!\w)", re.IGNORECASE if any_case else 0)


def _clash(nominal: tuple[int, int], name: tuple[int, int]) -> bool:
    """Whether two spans overlap other than with the name lying inside the nominal."""
    inside = nominal[0] <= name[0] and name[1] <= nominal[1] and nominal != name
    return nominal[0] < name[1] and name[0] < nominal[1] and not inside
