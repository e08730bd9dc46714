"""From what a model answered to records: JSON, types, quotes.

An answer is used as far as it can be: an item that is wrong is left out, and what is left out is counted. Keys that
were not asked for are ignored, offsets among them: models count characters badly and quote well.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import pydantic
from pydantic_core import from_json

from retold.model.annotations import ClaimSpan, Document, Mention, StanceCell, VerificationPair
from retold.systems import Context, Question

from ..common.defaults import cells
from ..common.text import claim_edges, fold
from ._endpoint import Counts, Reply, Request
from ._prompts import Item, labels_of

__all__ = ["Quotes", "Reading", "read", "to_cells", "to_claims", "to_mentions", "to_pairs"]

_Span = TypeVar("_Span", Mention, ClaimSpan)
#: Faults that a repair request names; a model that gets everything wrong need not read it all.
NAMED_FAULTS: Final = 10
_THOUGHT: Final = re.compile(r"<think>.*?</think>", re.DOTALL)
_KB_ID: Final = re.compile(r"Q[1-9][0-9]*", re.ASCII)
#: What ``fold`` leaves: further dashes and quotation marks. All marks become one, since models swap " and ' to spare
#: escapes. One character for one character, so that offsets stay.
_MARKS: Final = str.maketrans({**dict.fromkeys("—‑‐−―", "-"), **dict.fromkeys('"„‟«»‹›‚‛`´ʼ', "'")})
_EDGES: Final = " \t\n'\".,;:!?…“”‘’«»"


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as far as it can be used.

    Attributes:
        items: those that are valid, without keys that were not asked for.
        faults: what is wrong, in words for the model.
        invalid: how many items were left out.
    """

    items: list[Item]
    faults: list[str]
    invalid: int = 0


def read(reply: Reply, request: Request, required: Mapping[str, Sequence[str]] | None = None) -> Reading:
    """Read the answer to a request; ``required``: key of an item -> values that some item must have."""
    if reply.refusal or reply.finish == "content_filter":
        return Reading([], [f"You did not answer: {reply.refusal or 'the answer was withheld'}"])
    cut = reply.finish == "length"
    faults = ["It was cut off before its end."] if cut else []
    text = _THOUGHT.sub("", reply.content)
    # From the first brace to the last: models put objects into code fences, or words around them.
    text = text[max(text.find("{"), 0) : text.rfind("}") + 1]
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        faults = faults or [f"It is not valid JSON: {error}"]
        # The items before the one that is cut off or broken.
        answer = from_json(text[: text.rfind("}", 0, getattr(error, "pos", 0)) + 1] or "{}", allow_partial=True)
    items = answer.get(request.key) if isinstance(answer, dict) else None
    if not isinstance(items, list):
        return Reading([], [*faults, f"The object must have the key {request.key!r} with a list."])
    kept: list[Item] = []
    for number, item in enumerate(items):
        try:
            kept.append(request.item.model_validate(item).model_dump())
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = "".join(f", {key}" for key in first["loc"])
            faults.append(f"Item {number}{where}: {first['msg']}")
    given = {(key, item[key]) for item in kept for key in required or {}}
    for key, values in (required or {}).items():
        if not cut and (missing := [value for value in values if (key, value) not in given]):
            faults.append(f"There is no {key} {', '.join(missing)}.")
    return Reading(kept, faults[:NAMED_FAULTS], len(items) - len(kept))


# Quotes


class Quotes:
    """Where quotes stand in a document.

    A quote is looked for in the sentence that it is said to be in: as it is, then whatever its case, then without marks
    at its edges; always whatever the kind of its spaces, dashes and quotation marks, and as whole words. If it is not
    there but stands in the document exactly once, it is taken from there and counted as moved.
    """

    def __init__(self, document: Document, counts: Counts) -> None:
        self._starts = [span.start for span in document.sentences]
        self._plain = [_plain(document.text[span.start : span.end]) for span in document.sentences]
        self._counts = counts

    def find(self, sentence: int, quote: str) -> list[tuple[int, int]]:
        """Every occurrence, from left to right; empty and counted where there is none, or no telling which."""
        patterns = list(_patterns(quote))
        if 0 <= sentence < len(self._plain):
            for pattern in patterns:
                if spans := self._in_sentence(sentence, pattern):
                    return spans
        for pattern in patterns:
            spans = [span for number in range(len(self._plain)) for span in self._in_sentence(number, pattern)]
            if len(spans) == 1:
                self._counts.moved_quotes += 1
                return spans
        self._counts.dropped_quotes += 1
        return []

    def _in_sentence(self, number: int, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
        start = self._starts[number]
        return [(start + m.start(), start + m.end()) for m in pattern.finditer(self._plain[number])]


def _plain(text: str) -> str:
    return fold(text).translate(_MARKS)


def _patterns(quote: str) -> Iterator[re.Pattern[str]]:
    plain = _plain(quote)
    for text in dict.fromkeys((plain, plain.strip(_EDGES))):
        words = text.split()
        if not words:
            continue
        wording = r"\s+".join(map(re.escape, words))
        # Whole words only: "IS" does not stand in "ISIS".
        left = r"(?<!\w)" if words[0][0].isalnum() else ""
        right = r"(?!\w)" if words[-1][-1].isalnum() else ""
        yield re.compile(left + wording + right)
        yield re.compile(left + wording + right, re.IGNORECASE)


# Records


def to_mentions(items: Sequence[Item], document: Document, counts: Counts) -> list[Mention]:
    """Mentions. A quote stands for all its occurrences in its sentence; of two items for one span the first counts;
    what lies in a name is no mention (guideline D3)."""
    quotes = Quotes(document, counts)
    found: dict[tuple[int, int], Mention] = {}
    for item in items:
        for start, end in quotes.find(item["sentence"], item["quote"]):
            text = document.text[start:end]
            mention = Mention(
                start=start,
                end=end,
                text=text,
                kind=item["kind"],
                type=item["type"],
                entity=_slug(item["entity"]) or _slug(text) or "entity",
                kb_id=item["wikidata"] if _KB_ID.fullmatch(item["wikidata"] or "") else None,
            )
            found.setdefault((start, end), mention)
    names = [mention for mention in found.values() if mention.kind == "name"]
    return _in_order(m for m in found.values() if not any(_inside(m, n) for n in names))


def to_claims(items: Sequence[Item], document: Document, counts: Counts) -> list[ClaimSpan]:
    """Claim spans. A quote stands for its first occurrence in its sentence that is not taken yet; a span that crosses
    an earlier one is left out."""
    quotes = Quotes(document, counts)
    found: dict[tuple[int, int], ClaimSpan] = {}
    for item in items:
        source = "author" if item["source"].strip().lower() == "author" else _slug(item["source"]) or "author"
        for occurrence in quotes.find(item["sentence"], item["quote"]):
            start, end = claim_edges(document.text, *occurrence)
            if start == end or any(low < start < high < end or start < low < end < high for low, high in found):
                counts.invalid_items += 1
                break
            if (start, end) not in found:
                found[start, end] = ClaimSpan(start=start, end=end, text=document.text[start:end], source=source)
                break
    return _in_order(found.values())


def to_cells(items: Sequence[Item], document: Document, context: Context, counts: Counts) -> list[StanceCell]:
    """A cell for every holder and target; none where no item names it. Of two items for one cell the first counts."""
    given: dict[tuple[str, str], Item] = {}
    for item in items:
        given.setdefault((item["holder"], item["target"]), item)
    found = []
    for holder, target in cells(context):
        named = given.get((holder, target), {"label": "none"})
        evidence = [] if named["label"] == "none" else _evidence(named["evidence"], document, counts)
        found.append(StanceCell(holder=holder, target=target, label=named["label"], evidence=evidence))
    return found


def to_pairs(
    items: Sequence[Item], questions: Sequence[Question], document: Document, counts: Counts
) -> list[VerificationPair]:
    """A pair for every question that has an item; of two items the first counts. Of the evidence, the first five."""
    given: dict[str, Item] = {}
    for item in items:
        given.setdefault(item["claim"], item)
    found = []
    for label, question in labels_of(questions).items():
        if verdict := given.get(label):
            shown = verdict["label"] != "not_enough_info"
            evidence = _evidence(verdict["evidence"], document, counts)[:5] if shown else []
            found.append(VerificationPair(claim=question.claim, label=verdict["label"], evidence=evidence))
    return found


def _evidence(numbers: Sequence[int], document: Document, counts: Counts) -> list[int]:
    """Numbers of sentences, sorted; one that the document does not have is dropped and counted."""
    given = sorted(set(numbers))
    kept = [number for number in given if 0 <= number < len(document.sentences)]
    counts.dropped_evidence += len(given) - len(kept)
    return kept


def _slug(text: str) -> str:
    """A key in kebab-case without accents, so that spellings of one key meet."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", "-", plain).strip("-")


def _inside(mention: Mention, name: Mention) -> bool:
    return mention is not name and name.start <= mention.start and mention.end <= name.end


def _in_order(spans: Iterable[_Span]) -> list[_Span]:
    return sorted(spans, key=lambda span: (span.start, -span.end))
