"""What a tagger is told of each token: its form, its neighbours, its place, and what is known of it elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from retold.model.annotations import Document, Mention

from ..common.calendar import DAYS, MONTHS
from ..common.gazetteer import Gazetteer
from ..common.linking import AliasTable, Dictionary, canonical, is_acronym, singular, spelling
from ..common.text import NEGATIONS, content_words, fold, sentences
from ..lexical.overlap import TITLES, names
from ._tagging import Chunk, Token, from_spans, tags_of, tokens

__all__ = ["Capitals", "Sentence", "cut", "describe_names", "describe_nominals"]

_CALENDAR = frozenset({*DAYS, *MONTHS})
_TITLES = frozenset(f"{TITLES} leader head spokesman spokeswoman pemimpin kepala juru".split())
_DETERMINING = "the a an this that these those its his her their our some any such each every para sang"
_DETERMINERS = frozenset(_DETERMINING.split())
#: Pronouns, which in Indonesian may be written with a capital.
_PERSONAL = "i we you he she it they anda kami kita saya dia ia mereka"
_PRONOUNS = frozenset(_PERSONAL.split())
_WORD = re.compile(r"[^\W\d_]+")


class Sentence:
    """A sentence cut into tokens.

    Attributes:
        start: where it begins in its document.
        tokens: with offsets into the sentence.
        headline: whether it has no final punctuation, so that its capitals may say nothing.
    """

    def __init__(self, start: int, text: str) -> None:
        self.start = start
        self.text = text
        self.tokens: list[Token] = tokens(text)
        self.headline = bool(self.tokens) and self.tokens[-1].text not in '.!?"'

    def tags(self, spans: Iterable[tuple[int, int, str]]) -> list[str]:
        """BIO tags of spans (start, end, label) of the document, as far as they lie in the sentence."""
        here = [(a - self.start, b - self.start, label) for a, b, label in spans]
        return tags_of(from_spans(self.tokens, here), len(self.tokens))

    def place(self, chunk: Chunk) -> tuple[int, int]:
        """Where a span of tokens stands in the document."""
        return self.start + self.tokens[chunk.first].start, self.start + self.tokens[chunk.last - 1].end


def cut(document: Document) -> list[Sentence]:
    """The sentences of a document, cut into tokens."""
    return [Sentence(span.start, text) for span, text in zip(document.sentences, sentences(document), strict=True)]


class Capitals:
    """How often words have a capital where nothing but a name asks for one, and how often they are in lower case."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._upper: Counter[str] = Counter()
        self._lower: Counter[str] = Counter()
        self._lower_beginnings: Counter[str] = Counter()
        for text in texts:
            found = list(_WORD.finditer(fold(text)))
            capital = sum(match[0][0].isupper() for match in found)
            if 2 * capital > len(found) > 3:
                continue  # A headline in capitals.
            for match in found[1:]:
                before = text[: match.start()].rstrip()[-1:]
                if match[0][0].islower():
                    self._lower[match[0]] += 1
                    self._lower_beginnings[_beginning(match[0])] += 1
                elif before not in '.:!?"“‘':
                    self._upper[match[0]] += 1

    def describe(self, word: str) -> str:
        """How a word with a capital is written elsewhere.

        'upper', 'lower', 'both' or 'unseen'; 'akin' if a longer word of small letters begins alike, and 'acronym' for
        one in capitals, whose small letters are another word.
        """
        if _acronym(word):
            return "acronym"
        upper, lower = self._upper[word] > 0, self._lower[word.lower()] > 0
        if upper or lower:
            return "both" if upper and lower else "upper" if upper else "lower"
        return "akin" if len(word) > 5 and self._lower_beginnings[_beginning(word)] else "unseen"


def _acronym(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _beginning(word: str) -> str:
    """What a word shares with its other forms, and with the same loan word in another language."""
    return spelling(word)[:5]


def describe_names(
    document: Document,
    cut_sentences: Sequence[Sentence],
    table: AliasTable,
    gazetteer: Gazetteer,
    dictionary: Dictionary,
    capitals: Capitals,
) -> list[list[list[str]]]:
    """Features of every token, for the layer of names.

    Args:
        table, gazetteer: what *other* documents have; the features must not know the document's own gold.
    """
    known = [(m.start, m.end, f"{m.type}/{m.kind}") for m in gazetteer.mentions(document) if m.kind == "name"]
    guessed = [(m.start, m.end, m.type) for m in names(document)]
    lexicon = _Lexicon(table, dictionary)
    heads, _ = nominal_words(table)
    made = []
    for sentence in cut_sentences:
        matched, guess = sentence.tags(known), sentence.tags(guessed)
        own: list[list[str]] = []
        for place, token in enumerate(sentence.tokens):
            word = token.text
            features = [f"shape={shape(word)}", f"gaz={matched[place]}"]
            pronoun = word.lower() in _PRONOUNS and not _acronym(word)
            if not pronoun:
                features.append(f"guess={guess[place]}")
            if singular(canonical(word)[0] if word[0].isalpha() else word) in heads:
                features.append(f"head={heads[singular(canonical(word)[0])]}")
            features += lexicon.describe(word)
            if word.lower() in _TITLES:
                features.append("title")
            if word.lower() in _CALENDAR:
                features.append("calendar")
            if word[0].isalpha():
                first = _opens(sentence, place)
                state = "small" if pronoun or not word[0].isupper() else capitals.describe(word)
                features.append(f"case={state}")
                features.append(f"first={first} headline={sentence.headline} case={state}")
                if not content_words(word) and not _acronym(word):
                    features.append("function")
            own.append(features)
        made.append(_with_neighbours(sentence, own, document.language))
    return made


import os

_AB = [x for x in os.environ.get("AB", "").split(",") if x]


def _with_neighbours(sentence, own, language):
    own = [[f for f in fs if not any(f.startswith(a) for a in _AB)] for fs in own]
    made = _with_neighbours0(sentence, own, language)
    return [[f for f in fs if not any(f.startswith(a) for a in _AB)] for fs in made]


def _with_neighbours0(sentence: Sentence, own: Sequence[Sequence[str]], language: str) -> list[list[str]]:
    """Add words, affixes and what is told of the tokens beside."""
    words = [token.text.lower() for token in sentence.tokens]
    made = []
    for place, word in enumerate(words):
        features = [f"language={language}", f"w={word}", *own[place]]
        features += [f"prefix={word[:n]}" for n in (3, 4) if len(word) > n]
        features += [f"suffix={word[-n:]}" for n in (2, 3, 4) if len(word) > n]
        for step in (-2, -1, 1, 2):
            there = place + step
            beside = words[there] if 0 <= there < len(words) else "|"
            features.append(f"w[{step}]={beside}")
            if 0 <= there < len(words):
                features += [f"[{step}]{feature}" for feature in own[there] if abs(step) == 1 or feature[:3] == "gaz"]
        features.append(f"pair={'|'.join(words[max(place - 1, 0) : place + 1])}")
        features.append(f"pair+={'|'.join(words[place : place + 2])}")
        made.append(features)
    return made


def _opens(sentence: Sentence, place: int) -> bool:
    """Whether a token begins a sentence, a quotation or what follows a colon."""
    if place == 0:
        return True
    before = sentence.tokens[place - 1]
    # A single mark of quotation opens only after a space; elsewhere it is an apostrophe.
    opening = before.text == "'" and sentence.text[max(before.start - 1, 0)] in " '"
    return before.text in '.:!?"' or opening


def shape(word: str) -> str:
    """Capitals as X, small letters as x, digits as 0, repeats left out: 'BfmTv' is 'XxXx'."""
    signs = ("0" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word)
    kept: list[str] = []
    for sign in signs:
        if not kept or kept[-1] != sign:
            kept.append(sign)
    return "".join(kept) + ("." if len(word) == 1 and word.isupper() else "")


class _Lexicon:
    """Words of the names that are known, in canonical form."""

    def __init__(self, table: AliasTable, dictionary: Dictionary) -> None:
        self._whole: dict[str, set[str]] = {}
        self._parts: dict[str, set[str]] = {}
        self._wordings: list[tuple[str, str]] = []
        for known in table.entities.values():
            for wording in known.names:
                for reading in dictionary.readings(wording):
                    words = canonical(reading)
                    self._wordings.append((reading, known.type))
                    if len(words) == 1:
                        self._whole.setdefault(words[0], set()).add(known.type)
                    else:
                        for word in words:
                            self._parts.setdefault(word, set()).add(known.type)
        self._seen: dict[str, list[str]] = {}

    def describe(self, word: str) -> list[str]:
        """Features of a word; only of one with a capital, because names have them."""
        if not word[0].isupper():
            return []
        if word not in self._seen:
            self._seen[word] = self._describe(word)
        return self._seen[word]

    def _describe(self, word: str) -> list[str]:
        form = canonical(word)[0]
        found = [f"known={kind}" for kind in sorted(self._whole.get(form, ()))]
        found += [f"part={kind}" for kind in sorted(self._parts.get(form, ()))]
        if not found and len(form) >= 4:
            like = {
                kind
                for other, kinds in self._whole.items()
                if len(other) >= 4 and form[:4] == other[:4] and abs(len(form) - len(other)) <= 4
                for kind in kinds
            }
            found += [f"like={kind}" for kind in sorted(like)]
        if word.isupper():
            found += sorted({f"acronym={kind}" for reading, kind in self._wordings if is_acronym(word, reading)})
        return found


def describe_nominals(
    document: Document,
    cut_sentences: Sequence[Sentence],
    mentions: Sequence[Mention],
    table: AliasTable,
    gazetteer: Gazetteer,
) -> list[list[list[str]]]:
    """Features of every token, for the layer of nominals.

    Args:
        mentions: the names of the document: gold to learn from, found ones to apply.
        table, gazetteer: what *other* documents have.
    """
    found = [(m.start, m.end, m.type) for m in mentions if m.kind == "name"]
    known = [(m.start, m.end, m.type) for m in gazetteer.mentions(document) if m.kind == "nominal"]
    heads, inner = nominal_words(table)
    made = []
    for sentence in cut_sentences:
        name, matched = sentence.tags(found), sentence.tags(known)
        own = []
        for place, token in enumerate(sentence.tokens):
            word = token.text.lower()
            form = singular(canonical(word)[0]) if word[0].isalpha() else word
            features = [f"name={name[place]}", f"gaz={matched[place]}", f"shape={shape(token.text)}"]
            if name[place] == "O" and form in heads:
                features += ["head", f"head={heads[form]}"]
            if name[place] == "O" and form in inner:
                features.append("inner")
            if word in _DETERMINERS:
                features.append("determiner")
            if word in _TITLES:
                features.append("title")
            if word in NEGATIONS or not content_words(word):
                features.append("function")
            own.append(features)
        rows = _with_neighbours(sentence, own, document.language)
        for place, row in enumerate(rows):
            row.extend(_phrase(sentence, own, place))
        made.append(rows)
    return made


def _phrase(sentence: Sentence, own: Sequence[Sequence[str]], place: int) -> list[str]:
    """What the phrase of a token has: the head before it and how that goes on, and the head still to come."""
    found = []
    for step in range(1, 7):
        there = place - step
        if there < 0 or sentence.tokens[there].text in ",.;:" or ("determiner" in own[there] and step > 3):
            break
        if heads := [feature for feature in own[there] if feature.startswith("head=")]:
            way = sentence.tokens[there + 1].text.lower()
            name = next(feature for feature in own[place] if feature.startswith("name="))
            found += [
                f"behind {heads[0]}",
                f"behind {heads[0]} by {way}",
                f"behind by {way} {name}",
                f"by {way} {step}",
            ]
            break
    for step in range(1, 6):
        there = place + step
        if there >= len(own) or "determiner" in own[there] or sentence.tokens[there].text in ",.;:":
            return [*found, f"end={step}"]
        if heads := [feature for feature in own[there] if feature.startswith("head=")]:
            return [*found, f"ahead={min(step, 4)}", f"ahead {heads[0]}"]
    return found


def nominal_words(table: AliasTable) -> tuple[dict[str, str], set[str]]:
    """Canonical heads of known nominals with the type that they mostly have, and their other words."""
    votes: dict[str, Counter[str]] = {}
    for known in table.entities.values():
        for head, count in known.heads.items():
            votes.setdefault(head, Counter())[known.type] += count
    phrases = (wording for known in table.entities.values() for wording in known.nominals)
    inner = {word for wording in phrases for word in canonical(wording)} - votes.keys()
    return {head: min(count, key=lambda kind: (-count[kind], kind)) for head, count in votes.items()}, inner
