"""Clauses as claims, with the edges that the guideline draws and with who is their source.

Patterns of English and Indonesian divide a sentence at coordinated verbs; clauses set off by commas and openings with a
participle are claims of their own. Where reported speech may be read in two ways, what is said is taken if it is a
fact, and the whole report if it is a demand, a readiness or an opinion. A logistic regression over the form of the
clauses reached no more than this rule. Who wrote the patterns had read the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from retold.model.annotations import ClaimSpan, Document, Mention

from .text import MIN_WORDS, TITLES, claim_edges, quoted, sentences, words
from .voices import SAY, Voice, described, voices

__all__ = ["Clause", "claims", "clauses", "to_claims"]

#: Words that make a demand, a readiness, a hope or an opinion of what is said.
_OPINION = re.compile(
    r"\b(?:must|should|ought|needs?|needed|had to|has to|have to|would|want(?:s|ed)?|ready|duty|hope[sd]?|think|"
    r"believe|harus|perlu|seharusnya|sebaiknya|siap|ingin|berharap)\b",
    re.IGNORECASE,
)
_REPORT = (
    rf"(?:{SAY}|reports?|reported|suggest(?:s|ed)|promise[sd]|confirm(?:s|ed)|reveal(?:s|ed)|"
    r"melaporkan|mengumumkan|menyarankan|mengonfirmasi)"
)
_HEAD = re.compile(
    rf"^(?P<who>[^\",:]{{0,90}}?)(?:, \w+,|,)? ?\b{_REPORT}"
    r"(?: (?:on|in|to|that|before)\b[^,\"]{0,50}?)?(?: that| bahwa| how)? "
)
_HEAD_THAT = re.compile(rf"^(?P<who>[^\"]{{0,120}}?) ?\b{_REPORT}[^,\"]{{0,60}}? (?:that|bahwa|explaining that) ")
_ACCORDING = re.compile(r",? (?:according to|menurut) (?P<who>[^,\"]+?)[.]?$")
_TAIL = re.compile(
    rf",?\"?,? (?P<who>[^,\"]{{2,60}}?) (?:has |had |also |later |\w+ly )?{SAY}(?P<rest> [^,\"]{{0,60}})?[.]?$"
)
_TAIL_TURNED = re.compile(rf",?\"?,? {SAY} (?P<who>[^,\"]{{2,60}}?)(?P<rest>)[.]?$")
#: An Indonesian verb of the active voice; no English word that begins like one.
_ACTIVE = r"me(?!mber|mor|nt)[mn]\w{4,}"
#: A verb with what shows that it is no participle.
_PAST = r"[a-z]{3,}ed (?:the|a|an|to|by|in|on|that|how|as|at|with|over|him|her|them|his|its|their)"
_FINITE = (
    r"(?:is|are|was|were|has|have|had|will|would|can|could|should|may|must|might|did|does|do|went|gave|took|made|says?|"
    r"said|came|flew|met|told|left|held|led|fell|rose|won|lost|began|became|kept|sent|found|put|set|spoke|"
    r"involves|includes|calls|wants|plans|aims|remains?|[a-z]{3,}ed|telah|akan|sudah|masih|tidak|belum|harus|adalah|"
    rf"datang|pergi|pulang|tiba|minta|tewas|jatuh|naik|turun|{_ACTIVE}|ber\w{{4,}}|ter\w{{5,}}|di\w{{5,}}kan)"
)
_VERB = (
    r"(?:also |later |then )?(?:is|are|was|were|has|have|had|will|would|could|went|gave|took|made|said|says|told|"
    rf"involves|includes|calls|wants|plans|aims|stressed|called|raised|discussed|asked|urged|added|met|flew|{_PAST})\b"
)
#: What joins two clauses.
_JOINT = re.compile(
    rf"(?: (?:and|but),? )(?={_VERB})|(?:, (?:and|but|while|dan|tetapi|tapi|namun|sementara) )"
    rf"(?=[^,\"]{{0,60}}\b{_FINITE}\b)|(?: dan )(?=(?:{_ACTIVE}|telah|akan) )|(?:: )(?=[^\"]*\b{_FINITE}\b)"
)
_SUBORDINATE = re.compile(r"^(?:While|Although|Though|If|When|As|Jika|Meskipun|Ketika|Saat|Regarding)\b")
_ASIDE = re.compile(
    r", (?=(?:which|who|whose|when|where|of which|(?:at least )?\w+ of (?:whom|which)|(?:after |\w+ly |first )?"
    r"(?!during|including|according|following|regarding)(?:[a-z]{3,}ing|[a-z]{3,}ed) (?!and\b)|"
    rf"{_ACTIVE} |yang |with [^,]{{3,60}} (?:[a-z]{{3,}}ing|[a-z]{{3,}}ed) ))"
)
#: The same in a headline that writes nearly every word with a capital.
_ASIDE_CAPITAL = re.compile(_ASIDE.pattern, re.IGNORECASE)
_ASIDE_END = re.compile(
    r", (?=(?:to|also|could|should|would|will|can|has|have|is|are|was|were|said|says|which|who|while|but|according|"
    r"he|she|(?-i:[A-Z])\w+)\b)"
)
_OPENER = re.compile(
    r"^(?:(?P<lead>With|In addition to|After|Before|Besides|By|Setelah|Selain|Sebelum) )?(?P<body>[^,\"]+), (?=\w)"
)
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|has|have|had|will|would|can|could|must|should|may)\b")
_NO_OPENER = re.compile(r"^(?:During|Following|Regarding|According|Including)\b", re.IGNORECASE)
#: What joins a nested clause to the text before it and is no part of it.
_LEADING = re.compile(
    r"^(?:(?:after|before|by|besides|in addition to|setelah|sebelum|selain)(?= \w+ing\b| [a-z]+)|with) ", re.IGNORECASE
)
_PRONOUN = re.compile(r"^(?:he|she|they|it|dia|ia|beliau|mereka)$", re.IGNORECASE)
_GOVERNMENT = re.compile(r"\bgovernment$|^pemerintah\b", re.IGNORECASE)


@dataclass(frozen=True)
class Clause:
    """A stretch of a document that may be a claim: whose it would be ('author' or an entity), and how it was found."""

    start: int
    end: int
    source: str
    kind: str


def claims(document: Document, mentions: Sequence[Mention]) -> list[ClaimSpan]:
    """Every clause as a claim."""
    return to_claims(document, clauses(document, mentions))


def to_claims(document: Document, found: Iterable[Clause]) -> list[ClaimSpan]:
    """Clauses as claims."""
    return [ClaimSpan(start=c.start, end=c.end, text=document.text[c.start : c.end], source=c.source) for c in found]


def clauses(document: Document, mentions: Sequence[Mention]) -> list[Clause]:
    """One reading of each clause in the order of the text, the longer first; each span once."""
    found: dict[tuple[int, int], Clause] = {}
    who = voices(document, mentions)
    for number, (span, text) in enumerate(zip(document.sentences, sentences(document), strict=True)):
        if len(words(text)) < MIN_WORDS:
            continue
        sources = _Sources(mentions, span.start, text, who[number], who[number - 1].speaker if number else None)
        for readings in _read(text, sources):
            low, high, source, kind = _chosen(text, readings)
            start, end = claim_edges(document.text, span.start + low, span.start + high)
            if start < end:
                found.setdefault((start, end), Clause(start, end, source or "author", kind))
    return sorted(found.values(), key=lambda made: (made.start, -made.end))


def _chosen(text: str, readings: Sequence[_Reading]) -> _Reading:
    """What is said if it is no opinion, else the report of it."""
    for reading in readings:
        if reading[3].endswith("content") and not _OPINION.search(text, reading[0], reading[1]):
            return reading
    return next((reading for reading in readings if not reading[3].endswith("content")), readings[0])


@dataclass(frozen=True)
class _Sources:
    """Who the words that name a speaker in one sentence stand for."""

    mentions: Sequence[Mention]
    start: int
    text: str
    voice: Voice
    before: str | None

    def of(self, low: int, high: int) -> str | None:
        """The entity that a stretch of the sentence names; None if nobody known."""
        words_there = self.text[low:high].strip()
        there = [m for m in self.mentions if self.start + low <= m.start and m.end <= self.start + high]
        if not words_there or _PRONOUN.match(words_there) or words_there.endswith((" it", " he", " she")):
            return self.voice.speaker or self.before
        if described(words_there + " said", there, self.start + low):
            return self.voice.speaker or self.before
        outer = [m for m in there if not any(_holds(other, m) for other in there)]
        for mention in outer:
            after = self.text[mention.end - self.start : mention.end - self.start + 30]
            if not (len(outer) > 1 and re.match(rf" (?:{TITLES})\b", after, re.IGNORECASE)):
                inside = [m for m in there if _holds(mention, m)]
                # A government that is called by a name is what the name stands for (guideline, D4).
                return str(
                    inside[0].entity
                    if inside and _GOVERNMENT.search(self.text[mention.start - self.start : mention.end - self.start])
                    else mention.entity
                )
        return None


def _holds(outer: Mention, inner: Mention) -> bool:
    return outer is not inner and outer.start <= inner.start and inner.end <= outer.end


#: Start and end in the sentence, source and kind of a clause.
_Reading = tuple[int, int, str | None, str]


@dataclass(frozen=True)
class _Part:
    """A coordinated clause.

    Attributes:
        readings: how it may be read as a whole.
        start, end: what is stated in it, without the words that report it.
        reporter: who is said to report it; None for the article.
    """

    readings: list[_Reading]
    start: int
    end: int
    reporter: str | None


def _read(text: str, sources: _Sources) -> Iterator[list[_Reading]]:
    """The clauses of a sentence, each with its readings."""
    parts = list(_coordinated(text))
    reporter: str | None = None
    for low, high in parts:
        part = _part(text, low, high, sources, reporter)
        if len(parts) == 1 and part.readings[0][3] == "part":
            part.readings[0] = (low, high, None, "sentence")
        if part.readings[0][3] == "content":
            reporter = part.reporter
        yield part.readings
        asides = list(_asides(text, part.start, part.end))
        for count, (start, end) in enumerate(asides, start=1):
            lead = _LEADING.match(text[start:end])
            source = sources.voice.speaker if quoted(text, start) else None
            if part.readings[0][3] == "according" and count == len(asides):
                # '..., according to X' vouches for what stands nearest to it.
                source = part.reporter
            yield [(start + (lead.end() if lead else 0), end, source, "aside")]
        opener = _OPENER.match(text[low:high])
        if opener and not _NO_OPENER.match(opener[0]) and _participle(opener):
            yield [(low + opener.start("body"), low + opener.end("body"), None, "opener")]


def _coordinated(text: str) -> Iterator[tuple[int, int]]:
    """Coordinated clauses, at least one."""
    start = 0
    for match in _JOINT.finditer(text):
        left, right = text[start : match.start()], text[match.end() :]
        if quoted(text, match.start()) or min(len(words(left)), len(words(right))) < MIN_WORDS - 1:
            continue
        if re.search(rf"\b{_FINITE}\b", left) is None or _SUBORDINATE.match(left):
            continue
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _part(text: str, low: int, high: int, sources: _Sources, before: str | None) -> _Part:
    """How a clause may be read as a whole; ``before`` is who reports the clause before it in the sentence."""
    part = text[low:high]
    if tail := _ACCORDING.search(part):
        who = sources.of(low + tail.start("who"), low + tail.end("who"))
        end = low + tail.start()
        return _Part([(low, end, who, "according")], low, end, who)
    if said := _tail(part):
        who = sources.of(low + said.start("who"), low + said.end("who"))
        content = (low, low + said.start(), who, "tail content")
        return _Part([content, (low, high, None, "tail report")], low, high, None)
    head = _HEAD_THAT.search(part) or _HEAD.search(part)
    if head and not quoted(part, head.start()) and not quoted(part, head.end("who")):
        # A verb without a subject is that of whoever has the sentence.
        who = None if head["who"].strip() else sources.voice.speaker
        who = who or sources.of(low + head.start("who"), low + head.end("who"))
        start = low + head.end()
        return _Part([(start, high, who, "content"), (low, high, None, "report")], start, high, who)
    if _QUOTATION.match(part):
        return _Part([(low, high, None, "quotation")], low, high, None)
    if before and text[:low].endswith("while "):
        # What is said goes on after 'while' and has no reporting verb of its own.
        return _Part([(low, high, before, "goes on")], low, high, None)
    return _Part([(low, high, None, "part")], low, high, None)


_QUOTATION = re.compile(r"^\"[^\"]+\"?[.]?$")


def _participle(opener: re.Match[str]) -> bool:
    """Whether an opening is a participial clause: 'Speaking in ...', 'With ... trading ...', but no whole clause."""
    body = opener["body"]
    pattern = r"\b[a-z]{3,}(?:ing|ed)\b" if opener["lead"] else r"^[A-Z][a-z]{2,}ing\b"
    return (
        len(words(body)) >= MIN_WORDS - 1 and re.search(pattern, body) is not None and _AUXILIARY.search(body) is None
    )


def _tail(part: str) -> re.Match[str] | None:
    """'..., he said', '... ," said the mayor': a reporting clause at the end, after a comma or a quotation."""
    for pattern in (_TAIL, _TAIL_TURNED):
        for match in pattern.finditer(part):
            opening = match[0][:3]
            # After a comma alone, what is said to whom or where: 'said on Monday', and no object.
            rest = re.match(r" (?:on|in|at|to|during|after|before|pada|di|kepada)\b", match["rest"] or " on")
            apart = '"' in opening or ("," in opening and rest is not None)
            short = len(words(match["who"])) <= 6 and len(words(part[: match.start()])) >= MIN_WORDS - 1
            if apart and short and not quoted(part, match.start("who")):
                return match
    return None


def _asides(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Clauses set off by commas, each to the comma that closes it or to the end."""
    main = 0
    found = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3]
    headline = text[-1] not in '.!?"' and 5 * sum(word[0].isupper() for word in found) >= 4 * len(found)
    for match in (_ASIDE_CAPITAL if headline else _ASIDE).finditer(text, start, end):
        if match.start() == main:
            # What goes on after an aside that parted the subject from its verb is the verb.
            continue
        closing = _ASIDE_END.search(text, match.end(), end)
        stop = closing.start() if closing else end
        if not re.search(rf"\b{_FINITE}\b", text[start : match.start()]):
            comma = text.find(", ", match.end(), end)
            stop = main = comma if comma >= 0 else stop
        if len(words(text[match.end() : stop])) >= MIN_WORDS - 1:
            yield match.end(), stop
