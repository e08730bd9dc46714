"""Rules: clauses, reporting verbs and cue words of English and Indonesian, written by hand.

Claims are clauses: a sentence is divided at coordinated verbs, relative and participial clauses set off by commas are
claims of their own, and what somebody is reported to have said as fact is theirs. A holder takes a side where a
sentence of theirs has words of the target and more words of approval than of refusal before them, or the reverse.

Nothing is learned but the gazetteer. The people who wrote the rules had read the corpus and its labels, though: expect
less of them on another event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention, StanceCell, StanceLabel, Target
from retold.systems import Context

from ..common.defaults import MIN_WORDS, wording
from ..common.text import claim_span, content_words, fold, sentences, words
from .gazetteer import Gazetteer
from .overlap import TITLES, names, rarity, stem, verdict

NAME = "rules"
DESCRIPTION = (
    "Claims by clause splitting and attribution by reporting verbs, English and Indonesian; stance by cue words around "
    "holder and target, written by people who knew the corpus. Entities: gazetteer, then capitalised words; "
    "verification as in overlap."
)
PROTOCOL = "leave-one-document-out"


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    mentions = known_or_capitalised(document, Gazetteer(context.training))
    texts = sentences(document)
    weights = rarity([*texts, *(question.text for question in context.questions)])
    return AnnotationRecord(
        document_id=document.document_id,
        entities=mentions,
        stance=sides(document, context, mentions),
        claims=claims(document, mentions),
        verification=[verdict(question.claim, question.text, texts, weights) for question in context.questions],
    )


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


# Claims

_SAY = (
    r"(?:says?|said|stated?|states|reports?|reported|explain(?:s|ed|ing)|announce[sd]?|claim(?:s|ed)|confirm(?:s|ed)|"
    r"mengatakan|menyatakan|melaporkan|menjelaskan|menyarankan|menambahkan|mengumumkan)"
)
#: Somebody, a reporting verb, what is reported.
_REPORTED = re.compile(rf"^(?P<who>[^\",]{{1,80}}?)(?:, \w+,|,)? {_SAY}(?: \w+){{0,3}}?(?: that| bahwa| how|) ")
_REPORTED_THAT = re.compile(rf"^(?P<who>[^\"]{{1,120}}?) {_SAY}[^,\"]{{0,60}}? (?:that|bahwa) ")
_ACCORDING = re.compile(r",? (?:according to|menurut) (?P<who>[^,]+?)[.]?$")
#: Words that make a demand, a readiness or an opinion of what is reported.
_OPINION = re.compile(
    r"\b(?:must|should|ought|need|needs|had to|has to|have to|would benefit|want|wants|ready|duty|hope[sd]?|we|"
    r"harus|perlu|seharusnya|sebaiknya|siap|ingin)\b",
    re.IGNORECASE,
)
#: An Indonesian verb of the active voice; no English word that begins like one.
ACTIVE = r"me(?!mber|mor|nt)[mn]\w{4,}"
_FINITE = (
    r"(?:is|are|was|were|has|have|had|will|would|can|could|should|may|did|does|do|went|gave|took|made|says?|said|"
    r"involves|includes|calls|wants|plans|aims|remains?|[a-z]{3,}ed|telah|akan|sudah|masih|tidak|belum|"
    rf"{ACTIVE}|ber\w{{4,}}|di\w{{5,}}kan)"
)
#: A verb with what shows that it is no participle.
PAST = r"[a-z]{3,}ed (?:the|a|an|to|by|in|on|that|how|as|at|with|over|him|her|them|his|its|their)"
_VERB = (
    r"(?:also )?(?:is|are|was|were|has|have|had|will|would|could|went|gave|took|made|said|says|involves|includes|"
    rf"calls|wants|plans|aims|stressed|called|raised|discussed|asked|urged|added|{PAST})\b"
)


def coordination(verb: str, finite: str) -> re.Pattern[str]:
    """What joins two clauses.

    Args:
        verb: pattern of what follows a bare 'and' if it joins clauses.
        finite: pattern of the finite verb that a clause has.
    """
    return re.compile(
        rf"(?: (?:and|but),? )(?={verb})|(?:, (?:and|but|while|dan|tetapi|tapi|namun|sementara) )"
        rf"(?=[^,\"]{{0,60}}\b{finite}\b)|(?: dan )(?=(?:{ACTIVE}|telah|akan) )|"
        rf"(?:: )(?=[^\"]*\b{finite}\b)"
    )


_COORDINATED = coordination(_VERB, _FINITE)
_SUBORDINATE = re.compile(r"(?:While|Although|If|Jika|Regarding)\b")
#: What opens a clause after a comma that could be true or false apart.
_ASIDE = re.compile(
    r", (?=(?:which|who|whose|when|where|of which|(?:at least )?\w+ of (?:whom|which)|(?:after |\w+ly |first )?"
    rf"(?!during|including|according|following|regarding)(?:[a-z]{{3,}}ing|[a-z]{{3,}}ed) (?!and\b)|{ACTIVE} |yang ))"
)
_ASIDE_END = re.compile(
    r", (?=(?:to|also|could|should|would|will|can|has|have|is|are|was|were|said|says|which|who|while|but|according|"
    r"[a-z]{3,}ed|he|she|[A-Z]\w+)\b)"
)
_OPENER = re.compile(r"^(?:[A-Z][a-z]{3,}ing|With|In addition to) (?P<body>[^,\"]+), (?=[A-Z\w])")
_NO_OPENER = re.compile(r"^(?:During|Following|Regarding|According|Including)\b")


@dataclass(frozen=True)
class Clause:
    """A stretch of a sentence that may be a claim.

    Attributes:
        start, end: in the document.
        kind: how it was found: sentence, part, reported, aside or opener.
        who: where the words stand that name who says it; None for the article itself.
    """

    start: int
    end: int
    kind: str
    who: tuple[int, int] | None


def clauses(document: Document) -> Iterator[Clause]:
    """Divide each sentence into clauses; those of one sentence may nest."""
    for span, text in zip(document.sentences, sentences(document), strict=True):
        if len(words(text)) < MIN_WORDS:
            continue
        base = span.start
        parts = list(coordinated(text, _COORDINATED, _FINITE, _SUBORDINATE))
        for low, high in parts:
            part = text[low:high]
            said = _REPORTED_THAT.search(part) or _REPORTED.search(part)
            tail = _ACCORDING.search(part)
            who: tuple[int, int] | None = None
            start, end, kind = low, high, "sentence" if len(parts) == 1 else "part"
            if tail:
                end = low + tail.start()
                who = base + low + tail.start("who"), base + low + tail.end("who")
            elif said and not _OPINION.search(part, said.end()) and not quoted(part, said.start()):
                start, kind = low + said.end(), "reported"
                who = base + low + said.start("who"), base + low + said.end("who")
            asides = list(_asides(text, start, end))
            # "..., according to X" vouches for what stands nearest to it.
            outer = None if tail and asides else who
            yield Clause(base + start, base + end, kind, outer)
            for place, (a, b) in enumerate(asides):
                yield Clause(base + a, base + b, "aside", who if tail and place == len(asides) - 1 else None)
            opener = _OPENER.match(part)
            if opener and not _NO_OPENER.match(part) and not said:
                yield Clause(base + low, base + low + opener.end("body"), "opener", None)


def coordinated(
    text: str, joint: re.Pattern[str], finite: str, subordinate: re.Pattern[str]
) -> Iterator[tuple[int, int]]:
    """Coordinated clauses, at least one.

    Args:
        text: a folded sentence.
        joint: what joins them.
        finite: pattern of the finite verb without which nothing is a clause.
        subordinate: what opens a clause that is none by itself.
    """
    start = 0
    for match in joint.finditer(text):
        left, right = text[start : match.start()], text[match.end() :]
        if quoted(text, match.start()) or min(len(words(left)), len(words(right))) < MIN_WORDS - 1:
            continue
        if re.search(rf"\b{finite}\b", left) is None or subordinate.match(left):
            continue
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _asides(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Clauses set off by commas, each to the comma that closes it or to the end."""
    for match in _ASIDE.finditer(text, start, end):
        if quoted(text, match.start()):
            continue
        closing = _ASIDE_END.search(text, match.end(), end)
        stop = closing.start() if closing else end
        if len(words(text[match.end() : stop])) >= MIN_WORDS - 1:
            yield match.end(), stop


def quoted(text: str, place: int) -> bool:
    """Whether a place of a folded text lies inside a quotation."""
    return text.count('"', 0, place) % 2 == 1


def claims(document: Document, mentions: Sequence[Mention]) -> list[ClaimSpan]:
    """Every clause as a claim with its source."""
    return to_claims(document, clauses(document), mentions)


def to_claims(document: Document, found: Iterator[Clause], mentions: Sequence[Mention]) -> list[ClaimSpan]:
    """Clauses as claims, each span once. A pronoun takes the last person named; a source nobody knows is the author."""
    spans: dict[tuple[int, int], ClaimSpan] = {}
    for clause in found:
        source = "author" if clause.who is None else referent(clause.who, mentions) or "author"
        claim = claim_span(document, clause.start, clause.end, source)
        if claim is not None:
            spans.setdefault((claim.start, claim.end), claim)
    return [spans[place] for place in sorted(spans)]


def referent(who: tuple[int, int], mentions: Sequence[Mention]) -> str | None:
    """The entity that a noun phrase names: its longest mention, or the last person before it."""
    inside = [m for m in mentions if who[0] <= m.start and m.end <= who[1]]
    if inside:
        return str(max(inside, key=lambda m: m.end - m.start).entity)
    people = [m for m in mentions if m.end <= who[0] and m.type == "PER"]
    return str(people[-1].entity) if people else None


# Stance

_FOR = re.compile(
    r"\b(?:support|solidarity|call(?:s|ed)? for|urg(?:es|ed)|propos|suggest|back(?:s|ed)|advocat|seek|ask(?:s|ed)|"
    r"ready|wants?|must|should|need|demand|join|express|importan|decisive|stand|voice|emphasi|"
    r"aims?|securing|meminta|menargetkan|mendukung|dukungan|siap|harus|menawarkan)",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:against|condemn|oppos|warn|stop|prevent|fight|combat|battle|terroris|enemy|not to|not take|without|"
    r"aggression|occupation|threat|concern|risk|retaliat|raids|melawan|memerangi|perang|teroris|menahan|penahanan)",
    re.IGNORECASE,
)
#: Weighted share of a target's words that a sentence must have to speak about it.
ABOUT = 0.4
#: Characters before a word of the target in which a cue bears on it.
REACH = 40


def sides(document: Document, context: Context, mentions: Sequence[Mention]) -> list[StanceCell]:
    """Stance of every holder towards every target, by the cues of the sentences that are the holder's."""
    weights = rarity([" ".join(target.description.values()) for target in context.event.targets])
    texts = sentences(document)
    speakers = [speaker(text, span.start, mentions) for span, text in zip(document.sentences, texts, strict=True)]
    cells = []
    for holder in context.event.holders:
        own = [i for i, who in enumerate(speakers) if who in holder.entities]
        for target in context.event.targets:
            score = 0
            evidence: list[int] = []
            for index in own:
                if balance := _balance(texts[index], target, wording(target, document.language), weights):
                    score += balance
                    evidence.append(index)
            label: StanceLabel = "favor" if score > 0 else "against" if score < 0 else "none"
            cells.append(
                StanceCell(
                    holder=holder.holder,
                    target=target.target,
                    label=label,
                    evidence=evidence if label != "none" else [],
                )
            )
    return cells


def speaker(text: str, start: int, mentions: Sequence[Mention]) -> str | None:
    """Whose sentence it is: the first entity outside quotation marks that is no modifier of a title, or the last
    person before a pronoun."""
    if re.match(r"(?:He|She|Dia|Ia)\b", text) or re.search(r'" (?:he|she|katanya)\b', text):
        return referent((start, start), mentions)
    for mention in mentions:
        low, high = mention.start - start, mention.end - start
        if low >= 0 and high <= len(text) and not quoted(text, low):
            after = words(text[high:])[:1]
            if not (after and after[0] in TITLES.split()):
                return str(mention.entity)
    return referent((start, start), mentions)


def _balance(text: str, target: Target, meaning: str, weights: dict[str, float]) -> int:
    """1 if a sentence about the target has more words for than against before it, -1 the other way round, else 0."""
    wanted = {stem(w) for w in content_words(meaning)}
    there = {stem(w) for w in content_words(text)}
    total = sum(sorted(weights.get(s, 0.0) for s in wanted))
    key = {stem(w) for w in content_words(target.target)}
    if not (key and key <= there) and sum(sorted(weights.get(s, 0.0) for s in wanted & there)) <= ABOUT * total:
        return 0
    places = [m.start() for m in re.finditer(r"\w+", text) if stem(m[0].lower()) in wanted]
    near = [text[max(place - REACH, 0) : place] for place in places]
    # A word that the target has itself says what it is about, not which side is taken.
    favor = sum(m[0].lower() not in meaning.lower() for part in near for m in _FOR.finditer(part))
    against = sum(m[0].lower() not in meaning.lower() for part in near for m in _NOT.finditer(part))
    return (favor > against) - (against > favor)
