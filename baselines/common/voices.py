"""Whose sentence it is, and how it speaks: patterns and cue words of English and Indonesian news prose.

The lists are general, of no party and no event. The people who wrote them had read the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from retold.model.annotations import Document, Holder, Mention

from .stems import stems
from .text import TITLES, sentences, words

__all__ = ["AUTHOR", "SAY", "Voice", "cues", "described", "judging", "outside_quotes", "own_sentences", "voices"]

#: The holder that is the article itself.
AUTHOR = "author"
#: Reporting verbs.
SAY = (
    r"(?:says?|said|saying|told|tells|adds?|added|explain(?:s|ed)|stress(?:es|ed)|insist(?:s|ed)|warn(?:s|ed)|"
    r"declare[sd]|announce[sd]|conclude[sd]|state[sd]|note[sd]|claim(?:s|ed)|argue[sd]|repeat(?:s|ed)|continue[sd]|"
    r"kata|ujar|tutur|ungkap|jelas|tegas|tambah|mengatakan|menyatakan|menegaskan|menambahkan|menjelaskan|mengungkapkan)"
)
_WHO = r"(?P<who>[^,.:;\"]{2,80}?)"
_STOP = (
    r"(?= (?:in|at|on|after|before|during|to|with|when|as|while|from|di|pada|kepada|saat|ketika|setelah|dalam)\b|"
    r"[,.:;\"]|$)"
)
#: A quotation, a reporting verb, who; a quotation, who, a reporting verb.
_VERB_WHO = re.compile(rf"[,.?!]?\" {SAY} {_WHO}{_STOP}", re.IGNORECASE)
_WHO_VERB = re.compile(rf"[,.?!]?\",? {_WHO} (?:has |had |also |later |\w+ly )?{SAY}\b", re.IGNORECASE)
_ACCORDING = re.compile(rf"\b(?:according to|menurut) {_WHO}{_STOP}", re.IGNORECASE)
_HIS = re.compile(r"\b(?:katanya|ujarnya|tuturnya|ungkapnya|jelasnya|tegasnya|tambahnya)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"^(?:he|she|they|dia|ia|beliau)\b", re.IGNORECASE)
_BEGINS = re.compile(r"^(?:[A-Z]\w+ )?(?:he|she|dia|ia|beliau)\b", re.IGNORECASE)
#: What is no subject: an opening phrase up to its comma.
_OPENING = re.compile(
    r"^(?:\w+ing|With|After|Before|Regarding|Like|While|Although|In|On|At|During|Following|Alongside|Amid|Despite|"
    r"Setelah|Sebelum|Saat|Ketika|Dalam|Pada|Selain|Seperti|Sementara|Meskipun|Jika)\b[^,\"]*, ",
)
#: A person described and not named: 'The French president said'.
_DESCRIBED = re.compile(
    rf"^(?:the |an? )?(?:\w+ )?(?:{TITLES}|leader|premier|pemimpin)(?: \w+)? (?=(?-i:[a-z]))",
    re.IGNORECASE,
)
#: A person by office: 'the head of the office'.
_OFFICE = re.compile(
    r"^(?:the )?(?:head|chief|leader|president|director|kepala|ketua|pemimpin) (?:of|dari)?\b", re.IGNORECASE
)
_QUOTED = re.compile(r"\"[^\"]*(?:\"|$)")


@dataclass(frozen=True)
class Voice:
    """Whose a sentence is.

    Attributes:
        speaker: entity that says or does what the sentence reports; None if nobody is named or meant.
        reported: whether there is a quotation or a reporting phrase, so that it is not the article that speaks.
        named: all entities that the sentence names.
    """

    speaker: str | None
    reported: bool
    named: frozenset[str]


def outside_quotes(text: str) -> str:
    """A text without its quotations, of the same length."""
    return _QUOTED.sub(lambda match: " " * len(match[0]), text)


def voices(document: Document, mentions: Sequence[Mention]) -> list[Voice]:
    """Whose each sentence is.

    In this order: who stands beside a reporting verb next to a quotation; who is named after 'according to'; the first
    entity outside quotations that is no modifier of a title. A pronoun, a description of nobody known and a quotation
    with nothing beside it belong to whoever had the sentence before.
    """
    found = []
    last = person = None
    people = {str(mention.entity) for mention in mentions if mention.type == "PER"}
    for span, text in zip(document.sentences, sentences(document), strict=True):
        there = [m for m in mentions if span.start <= m.start and m.end <= span.end]
        bare = outside_quotes(text)
        match = _VERB_WHO.search(text) or _WHO_VERB.search(text) or _ACCORDING.search(text)
        quoted = bare != text
        opening = _OPENING.match(text)
        low = opening.end() if opening else 0
        main = text[low:]
        if match:
            who = [m for m in there if match.start("who") <= m.start - span.start < match.end("who")]
            if _OFFICE.match(match["who"]):
                who = [m for m in who if m.type == "PER"]
            named = None if _PRONOUN.match(match["who"]) else _head(who, text, span.start)
            speaker = named or person or last
        elif _BEGINS.match(main) or _HIS.search(text) or described(main, there, span.start + low):
            speaker = person or last
        else:
            outside = [m for m in there if m.start - span.start >= low and bare[m.start - span.start] != " "]
            subject = _head(outside, text, span.start)
            # A quotation without a name goes on with the speaker; another sentence without a name is nobody's.
            speaker = subject or (last if quoted else None)
        found.append(Voice(speaker, quoted or match is not None, frozenset(str(m.entity) for m in there)))
        last = speaker or last
        person = speaker if speaker in people else person
    return found


def described(main: str, there: Sequence[Mention], start: int) -> bool:
    """Whether a clause that begins at ``start`` begins with a person by office or description, without the name."""
    match = _DESCRIBED.match(main)
    if match:
        return not any(abs(mention.start - start - match.end()) <= 1 for mention in there)
    office = _OFFICE.match(main)
    return bool(office) and not any(mention.type == "PER" for mention in there)


def _head(mentions: Sequence[Mention], text: str, start: int) -> str | None:
    """The first entity that is no modifier of a title: not 'French' of 'French President', and no date or place."""
    for mention in mentions:
        after = words(text[mention.end - start :])[:1]
        if not (after and after[0] in TITLES.split("|")) and mention.type not in ("EVENT", "LOC"):
            return str(mention.entity)
    return None


def own_sentences(holder: Holder, found: Sequence[Voice], texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Sentences that a holder has as speaker or subject, and those that only name them.

    A holder is named by an entity or by the words of its key, so that parties without an entity are found. The author
    has them all.
    """
    if holder.holder == AUTHOR:
        return list(range(len(texts))), []
    keys = set(holder.entities) | {key.rsplit("-", 1)[-1] for key in holder.entities if key.count("-") == 1}
    label = set(stems(holder.holder.replace("-", " ")))
    own = [index for index, voice in enumerate(found) if voice.speaker in keys]
    named = [
        index
        for index, (voice, text) in enumerate(zip(found, texts, strict=True))
        if index not in own and (keys & voice.named or (label and label <= set(stems(text))))
    ]
    return own, named


# How it speaks

_APPROVAL = re.compile(
    r"\b(?:support\w*|solidarity|call(?:s|ed|ing)? for|urg(?:es?|ed|ing)|propos\w*|suggest\w*|back(?:s|ed|ing)|"
    r"advocat\w*|seek\w*|sought|asks?|asked|ready|wants?|wanted|must|should|needs?|demand\w*|join\w*|welcom\w*|"
    r"prais\w*|endors\w*|favou?r\w*|agree\w*|approv\w*|defend\w*|allow\w*|promis\w*|hail\w*|encourag\w*|"
    r"importan\w*|stands? (?:by|with)|stood (?:by|with)|voic\w+|emphasi[sz]\w*|aim\w*|intend\w*|vow\w*|"
    r"meminta|menargetkan|mendukung|dukungan|siap|harus|perlu|menawarkan|menyerukan|mendesak|mengusulkan|menyetujui|"
    r"setuju|membela|memuji|menyambut|ingin|berjanji|bertekad|solidaritas)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:against|condemn\w*|oppos\w*|warn\w*|stop\w*|prevent\w*|fight\w*|fought|combat\w*|battl\w*|reject\w*|"
    r"refus\w*|den(?:y|ies|ied)|criticis\w*|criticiz\w*|denounc\w*|blam\w*|accus\w*|enem(?:y|ies)|not to|avoid\w*|"
    r"without|aggression|occupation|threat\w*|concern\w*|risk\w*|retaliat\w*|veto\w*|protest\w*|resist\w*|ban\w*|"
    r"topple\w*|toppling|destroy\w*|defeat\w*|eliminat\w*|halt\w*|"
    r"melawan|memerangi|perang|menolak|mengecam|mengutuk|menentang|menghentikan|mencegah|memperingatkan|mengkritik|"
    r"menuduh|ancaman|mengancam|musuh|tanpa|jangan|menghancurkan|khawatir)\b",
    re.IGNORECASE,
)
_JUDGING = re.compile(
    r"\b(?:terroris[mt]s?|massacre[ds]?|regimes?|atrocit\w+|brutal\w*|barbar\w+|murder\w*|slaughter\w*|evil|heinous|"
    r"savage\w*|illegal\w*|aggress\w+|crimes?|criminal\w*|shameful\w*|disgrac\w+|outrageous|reckless\w*|cruel\w*|"
    r"teroris\w*|pembantaian|rezim|keji|brutal|biadab|kejam|kejahatan|penjahat)\b",
    re.IGNORECASE,
)
#: Words before a cue that turn it round.
_TURNED = re.compile(r"\b(?:not|never|no|without|didn't|doesn't|tidak|bukan|belum|tanpa)(?: \w+)? $", re.IGNORECASE)


def cues(text: str, meaning: str = "") -> tuple[int, int]:
    """How many words of a text approve and how many refuse; a negation straight before one turns it round.

    Args:
        text: a folded sentence.
        meaning: lower-case wording of the target. A word that it has itself says what the sentence is about, not which
            side it takes.
    """
    counts = [0, 0]
    for side, pattern in enumerate((_APPROVAL, _REFUSAL)):
        for match in pattern.finditer(text):
            if match[0].lower() not in meaning:
                turned = _TURNED.search(text, max(match.start() - 20, 0), match.start()) is not None
                counts[side != turned] += 1
    return counts[0], counts[1]


def judging(text: str) -> int:
    """How many words of a text judge whom it speaks of."""
    return len(_JUDGING.findall(text))
