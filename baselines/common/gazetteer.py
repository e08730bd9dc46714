"""Names and descriptions that annotators marked in other documents, found again in a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from retold.model.annotations import Document, Mention
from retold.systems import Example

from .names import names
from .text import fold, sentences

__all__ = ["Gazetteer", "clash", "known_or_capitalised", "mention_like"]


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
        self._entities: dict[str, tuple[str, str]] = {}
        for wording, like in sorted(self.known.items()):
            if like.kind == "name":
                self._entities[wording] = str(like.entity), like.type
                self._entities.setdefault(str(like.entity).replace("-", " ").title(), self._entities[wording])
        self._called = _pattern(self._entities, False)

    def mentions(self, document: Document) -> list[Mention]:
        """Mentions of a document: names, and nominals that neither cross a name nor lie in one."""
        found: list[Mention] = []
        for span, text in zip(document.sentences, sentences(document), strict=True):
            names = [match.span() for match in self._names.finditer(text)]
            nominals = [
                match.span()
                for match in self._nominals.finditer(text)
                if not any(clash(match.span(), name) for name in names)
            ]
            for kind, spans in (("name", names), ("nominal", nominals)):
                for low, high in spans:
                    like = self.known.get(text[low:high] if kind == "name" else text[low:high].lower())
                    if like is not None:
                        found.append(mention_like(like, document, span.start + low, span.start + high))
        return sorted(found, key=lambda mention: (mention.start, -mention.end))

    def passed_over(self, wording: str) -> bool:
        """Whether the other documents have a wording that is no mention there."""
        return wording not in self.known and _pattern([wording], False).search(self._unmarked) is not None

    def find(self, text: str) -> Iterator[tuple[int, int, str, str]]:
        """Start, end, entity and type of each name in any text; the key of an entity is a name of it, too."""
        for match in self._called.finditer(fold(text)):
            yield match.start(), match.end(), *self._entities[match[0]]

    def entities_of(self, text: str) -> set[str]:
        """Keys of the entities that a text names."""
        return {entity for _, _, entity, _ in self.find(text)}


def _without_mentions(example: Example) -> str:
    """The sentences of a document with its mentions blanked."""
    text = list(fold(example.document.text))
    for mention in example.gold.entities or []:
        text[mention.start : mention.end] = "#" * (mention.end - mention.start)
    return "\n".join("".join(text[span.start : span.end]) for span in example.document.sentences)


def mention_like(like: Mention, document: Document, start: int, end: int) -> Mention:
    """A mention of another span with the labels of ``like``."""
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


def clash(nominal: tuple[int, int], name: tuple[int, int]) -> bool:
    """Whether two spans overlap other than with the name lying inside the nominal."""
    inside = nominal[0] <= name[0] and name[1] <= nominal[1] and nominal != name
    return nominal[0] < name[1] and name[0] < nominal[1] and not inside


def known_or_capitalised(document: Document, gazetteer: Gazetteer) -> list[Mention]:
    """Mentions of the gazetteer, and names by their capitals where they touch none of them.

    A capitalised word that the annotators of the other documents passed over is left alone. A longer name of an
    organisation takes the place of the names in it, because nothing nests inside a name.
    """
    known = gazetteer.mentions(document)
    for fresh in names(document):
        if gazetteer.passed_over(fold(document.text[fresh.start : fresh.end])):
            continue
        touched = [m for m in known if m.start < fresh.end and fresh.start < m.end]
        inside = [m for m in touched if fresh.start <= m.start and m.end <= fresh.end and m.kind == "name"]
        longer = fresh.type == "ORG" and all(m.end - m.start < fresh.end - fresh.start for m in touched)
        if touched == inside and (longer or not touched):
            known = [m for m in known if m not in inside] + [fresh]
    return sorted(known, key=lambda mention: (mention.start, -mention.end))
