"""Names without a list of them: runs of capitalised words, typed by the words in and beside them.

The words that make a name an organisation or a region, the endings of peoples and the rule that any other single word
is a country suit news of states at war, and other news less.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from retold.model.annotations import Document, Mention

from .text import CALENDAR, TITLES, content_words, fold, sentences, words

__all__ = ["by_string", "folded", "names", "proper"]

_APART = CALENDAR | {*TITLES.split("|")}
_CAPITALISED = re.compile(r"(?<![\w'])[A-ZÀ-ÖØ-Þ][^\W_]*(?:-[A-ZÀ-ÖØ-Þ][^\W_]*)*")
_OPENING = re.compile(r'(?:^|[.:!?]|(?:^| )") *$')
_PLACE_CUE = re.compile(r"\b(?:in|to|from|across|near|di|ke|dari) (?:the )?$")
_TITLE_CUE = re.compile(rf"\b(?:{TITLES}) $", re.IGNORECASE)
_ORGANISATION = re.compile(r"\b(?:Union|League|Council|Authority|State|Forces|Army|Party|Group|Ministry|Pasukan)\b")
_REGION = re.compile(r"\b(?:Sea|Ocean|East|West|Mediterranean|Laut|Timur|Barat)\b")


@dataclass
class _Name:
    start: int
    end: int
    text: str
    before: str
    doubtful: bool


def names(document: Document) -> list[Mention]:
    """Capitalised words of a document as mentions."""
    found = capitalised(document)
    votes: dict[str, Counter[str]] = {}
    for name in found:
        votes.setdefault(name.text, Counter())[guess_type(name.text, name.before)] += 1
    types = {text: max(sorted(count), key=lambda kind: count[kind]) for text, count in votes.items()}
    # Whoever is called by the full name once is meant by the surname, too.
    people = {n.text.split()[-1] for n in found if types[n.text] == "PER" and not n.doubtful}
    mentions = []
    for name in found:
        kind = "PER" if name.text.split()[-1] in people else types[name.text]
        key = name.text.split()[-1] if kind == "PER" else name.text
        mentions.append(
            Mention(
                start=name.start,
                end=name.end,
                text=document.text[name.start : name.end],
                type=kind,
                entity=key.lower(),
                kb_id=None,
            )
        )
    return mentions


def capitalised(document: Document) -> list[_Name]:
    """Runs of capitalised words, divided by titles. A word that begins a sentence or stands in a headline counts only
    if the document has it with a capital elsewhere too."""
    found: list[_Name] = []
    for span, text in zip(document.sentences, sentences(document), strict=True):
        tokens = [m for m in _CAPITALISED.finditer(text) if m[0].lower() not in _APART]
        headline = text[-1] not in '.!?"' and 2 * len(tokens) > len(words(text))
        runs: list[list[re.Match[str]]] = []
        for token in tokens:
            if runs and not headline and text[runs[-1][-1].end() : token.start()] == " ":
                runs[-1].append(token)
            else:
                runs.append([token])
        for run in runs:
            first = bool(_OPENING.search(text[: run[0].start()]))
            if first and len(run) > 1 and not content_words(run[0][0]):
                run, first = run[1:], False
            low, high = run[0].start(), run[-1].end()
            before = text[max(low - 30, 0) : low]
            found.append(_Name(span.start + low, span.start + high, text[low:high], before, first or headline))
    sure = {word for name in found if not name.doubtful for word in (name.text, *name.text.split())}
    return [n for n in found if len(n.text) > 1 and (n.text in sure or not n.doubtful or " " in n.text)]


def guess_type(text: str, before: str) -> str:
    """Type of a name by its words and by those before it; a country where nothing tells."""
    if _TITLE_CUE.search(before):
        return "PER"
    if _REGION.search(text):
        return "LOC"
    if _ORGANISATION.search(text) or (text.isupper() and len(text) > 2):
        return "ORG"
    if text.endswith(("ians", "is")):
        return "NORP"
    if " " not in text or _PLACE_CUE.search(before) or before.endswith("the "):
        return "GPE"
    return "PER"


def proper(text: str) -> list[str]:
    """Stems of the capitalised words inside a sentence; the first word may be capital for no other reason."""
    # Floors use names and need no stems.
    from .stems import stem

    found = [match[0].lower() for match in _CAPITALISED.finditer(fold(text)) if match.start()]
    return [stem(word) for word in found if word not in CALENDAR]


def folded(text: str) -> str:
    """A name in lower case, without accents, with single spaces for all that is neither letter nor digit."""
    plain = unicodedata.normalize("NFKD", fold(text)).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", plain)) or plain.strip()


def by_string(document: Document, mentions: Sequence[Mention]) -> list[Mention]:
    """Mentions with their own wording as entity, whatever capitals, accents, spaces and hyphens it has."""
    return [replace(m, entity=folded(document.text[m.start : m.end]), kb_id=None) for m in mentions]
