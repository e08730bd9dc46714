"""From what a model answered to records: JSON, schema, labels, quotes.

An answer is used as far as it can be: an item that is wrong is left out, and what is left out is counted. Keys that
were not asked for are ignored, offsets among them: models count characters badly and quote well.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jsonschema

from retold.model.annotations import ClaimSpan, Document, Mention, StanceCell, VerificationPair
from retold.systems import Context, Question

from ._llm_cache import Reply
from ._llm_client import Tally
from ._llm_prompts import ITEMS, labels_of
from ._plain import cells
from ._text import claim_edges, fold

__all__ = ["Quotes", "Reading", "read", "to_cells", "to_claims", "to_mentions", "to_pairs"]

Item = dict[str, Any]

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
        items: those that are valid under the schema, without keys that it does not have.
        faults: what is wrong, in words for the model.
        invalid: how many items were left out.
    """

    items: list[Item]
    faults: list[str]
    invalid: int = 0


def read(
    reply: Reply, layer: str, schema: Mapping[str, Any], required: Mapping[str, Sequence[str]] | None = None
) -> Reading:
    """Read the answer to a request.

    Args:
        reply: the answer.
        layer: of the request.
        schema: of the answer.
        required: key of an item -> values that some item must have.
    """
    if reply.refusal or reply.finish == "content_filter":
        return Reading([], [f"You did not answer: {reply.refusal or 'the answer was withheld'}"])
    text = _THOUGHT.sub("", reply.content)
    item_schema = schema["properties"][ITEMS[layer]]["items"]
    if reply.finish == "length":
        return _sorted_out(list(_complete(text)), item_schema, ["It was cut off before its end."])
    try:
        answer = json.loads(_object_in(text))
    except (ValueError, RecursionError) as error:
        fault = f"It is no JSON: {error}" if isinstance(error, ValueError) else "It is nested too deep."
        return _sorted_out(list(_complete(text)), item_schema, [fault])
    items = answer.get(ITEMS[layer]) if isinstance(answer, dict) else None
    if not isinstance(items, list):
        return Reading([], [f"The object must have the key {ITEMS[layer]!r} with a list."])
    reading = _sorted_out(items, item_schema, [])
    for key, values in (required or {}).items():
        given = {item[key] for item in reading.items}
        if missing := [value for value in values if value not in given]:
            reading.faults.append(f"There is no {key} {', '.join(missing)}.")
    return reading


def _object_in(text: str) -> str:
    """From the first brace to the last: models put objects into code fences, or words around them."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _complete(text: str) -> Iterator[Any]:
    """The complete items of a list that is cut off or broken further on."""
    decoder = json.JSONDecoder()
    at = text.find("[") + 1
    while at and (start := text.find("{", at)) >= 0:
        try:
            item, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return
        yield item


def _sorted_out(items: Sequence[Any], schema: Mapping[str, Any], faults: list[str]) -> Reading:
    """The valid items, and what is wrong with the others."""
    validator = jsonschema.Draft202012Validator(schema)
    kept: list[Item] = []
    invalid = 0
    for number, item in enumerate(items):
        if isinstance(item, dict):
            item = {key: value for key, value in item.items() if key in schema["properties"]}
        errors = sorted(validator.iter_errors(item), key=lambda error: (error.json_path, error.message))
        if not errors:
            kept.append(item)
            continue
        invalid += 1
        if len(faults) < NAMED_FAULTS:
            faults.append(f"Item {number}, at {errors[0].json_path}: {errors[0].message[:200]}")
    return Reading(kept, faults, invalid)


# Quotes


class Quotes:
    """Where quotes stand in a document.

    A quote is looked for in the sentence that it is said to be in: as it is, then whatever its case, then without marks
    at its edges; always whatever the kind of its spaces, dashes and quotation marks, and as whole words. If it is not
    there but stands in the document exactly once, it is taken from there and counted as moved.
    """

    def __init__(self, document: Document, tally: Tally) -> None:
        self._starts = [span.start for span in document.sentences]
        self._plain = [_plain(document.text[span.start : span.end]) for span in document.sentences]
        self._tally = tally

    def find(self, sentence: int, quote: str) -> list[tuple[int, int]]:
        """Every occurrence, from left to right; empty and counted where there is none, or no telling which."""
        patterns = list(_patterns(quote))
        if 0 <= sentence < len(self._plain):
            for pattern in patterns:
                if places := self._in_sentence(sentence, pattern):
                    return places
        for pattern in patterns:
            places = [place for number in range(len(self._plain)) for place in self._in_sentence(number, pattern)]
            if len(places) == 1:
                self._tally.moved_quotes += 1
                return places
        self._tally.dropped_quotes += 1
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


def to_mentions(items: Sequence[Item], document: Document, tally: Tally) -> list[Mention]:
    """Mentions. A quote stands for all its occurrences in its sentence; of two items for one place the first counts;
    what lies in a name is no mention (guideline D3)."""
    quotes = Quotes(document, tally)
    found: dict[tuple[int, int], Mention] = {}
    for item in items:
        for start, end in quotes.find(int(item["sentence"]), item["quote"]):
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
    names = [place for place, mention in found.items() if mention.kind == "name"]
    return [found[place] for place in _in_order(found) if not any(_inside(place, name) for name in names)]


def to_claims(items: Sequence[Item], document: Document, tally: Tally) -> list[ClaimSpan]:
    """Claim spans. A quote stands for its first occurrence in its sentence that is not taken yet; a span that crosses
    an earlier one is left out."""
    quotes = Quotes(document, tally)
    found: dict[tuple[int, int], ClaimSpan] = {}
    for item in items:
        source = "author" if item["source"].strip().lower() == "author" else _slug(item["source"]) or "author"
        for start, end in quotes.find(int(item["sentence"]), item["quote"]):
            place = claim_edges(document.text, start, end)
            if place[0] == place[1] or any(_cross(place, other) for other in found):
                tally.invalid_items += 1
                break
            if place not in found:
                found[place] = ClaimSpan(start=place[0], end=place[1], text=document.text[slice(*place)], source=source)
                break
    return [found[place] for place in _in_order(found)]


def to_cells(items: Sequence[Item], document: Document, context: Context, tally: Tally) -> list[StanceCell]:
    """A cell for every holder and target; none where no item names it. Of two items for one cell the first counts."""
    given: dict[tuple[str, str], Item] = {}
    for item in items:
        given.setdefault((item["holder"], item["target"]), item)
    found = []
    for holder, target in cells(context):
        named = given.get((holder, target), {"label": "none"})
        evidence = [] if named["label"] == "none" else _evidence(named["evidence"], document, tally)
        found.append(StanceCell(holder=holder, target=target, label=named["label"], evidence=evidence))
    return found


def to_pairs(
    items: Sequence[Item], questions: Sequence[Question], document: Document, tally: Tally
) -> list[VerificationPair]:
    """A pair for every question that has an item; of two items the first counts. Of the evidence, the first five."""
    given: dict[str, Item] = {}
    for item in items:
        given.setdefault(item["claim"], item)
    found = []
    for label, question in labels_of(questions).items():
        if verdict := given.get(label):
            shown = verdict["label"] != "not_enough_info"
            evidence = _evidence(verdict["evidence"], document, tally)[:5] if shown else []
            found.append(VerificationPair(claim=question.claim, label=verdict["label"], evidence=evidence))
    return found


def _evidence(numbers: Sequence[float], document: Document, tally: Tally) -> list[int]:
    """Numbers of sentences, sorted; one that the document does not have is dropped and counted."""
    # JSON Schema takes 7.0 for an integer.
    given = sorted({int(number) for number in numbers})
    kept = [number for number in given if 0 <= number < len(document.sentences)]
    tally.dropped_evidence += len(given) - len(kept)
    return kept


def _slug(text: str) -> str:
    """A key in kebab-case without accents, so that spellings of one key meet."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", "-", plain).strip("-")


def _in_order(places: Mapping[tuple[int, int], object]) -> list[tuple[int, int]]:
    return sorted(places, key=lambda place: (place[0], -place[1]))


def _inside(place: tuple[int, int], other: tuple[int, int]) -> bool:
    return other[0] <= place[0] and place[1] <= other[1] and place != other


def _cross(a: tuple[int, int], b: tuple[int, int]) -> bool:
    low, high = sorted((a, b))
    return low[0] < high[0] < low[1] < high[1]
