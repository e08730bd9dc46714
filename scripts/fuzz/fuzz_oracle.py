"""A second reading of the validator's rules, plain and slow, for scripts/fuzz/fuzz.py to compare with.

It follows the documentation of the rules (`retold rules`) and shares no code with them: JSON is read by the standard
library, shapes are checked key by key, spans are compared pair by pair. What it returns are codes; everything that is
wrong with bytes, JSON or shape of a line is the one word "shape".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from unicodedata import category, normalize

__all__ = ["SHAPE", "Known", "read_line", "violations"]

SHAPE: Final = "shape"
TYPES: Final = ("PER", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT")
STANCES: Final = ("favor", "against", "none")
VERDICTS: Final = ("supported", "refuted", "not_enough_info")
LAYERS: Final = ("entities", "stance", "claims", "verification")
LARGEST: Final = 2**53 - 1


@dataclass(frozen=True)
class Known:
    """What a file is compared with, as plain JSON values: one event's documents, entities, claims and card."""

    documents: Mapping[str, Any]
    entities: Mapping[str, Any]
    claims: frozenset[str]
    holders: frozenset[str]
    targets: frozenset[str]


class Malformed(ValueError):
    """The bytes are not one JSON text that every reader takes for the same."""


# Bytes to a value


def read_line(line: bytes) -> Any:
    """The JSON value of a line; raises Malformed where readers of JSON could differ about it."""
    try:
        value = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error
    _look(value, 0)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise Malformed("a key is given twice")
    return dict(pairs)


def _constant(name: str) -> float:
    raise Malformed(name)


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST:
        raise Malformed("too large")
    return int(digits)


def _float(digits: str) -> float:
    if math.isinf(float(digits)):
        raise Malformed("too large")
    return float(digits)


def _look(value: Any, depth: int) -> None:
    if isinstance(value, (dict, list)) and depth >= 64:
        raise Malformed("nested too deeply")
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise Malformed("half of a surrogate pair")
    if isinstance(value, dict):
        for key, item in value.items():
            _look(key, depth + 1)
            _look(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _look(item, depth + 1)


# A value to a record


def _offset(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST


def _key(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _evidence(value: Any) -> bool:
    return isinstance(value, list) and all(_offset(item) for item in value)


def _scores(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == set(STANCES) and all(_share(item) for item in value.values())


#: Layer -> key -> (required, what a value must be).
SHAPES: Final[dict[str, dict[str, tuple[bool, Any]]]] = {
    "entities": {
        "start": (True, _offset),
        "end": (True, _offset),
        "text": (False, lambda v: isinstance(v, str)),
        "kind": (False, lambda v: v in ("name", "nominal")),
        "type": (True, lambda v: v in TYPES),
        "entity": (False, _key),
        "kb_id": (False, lambda v: v is None or isinstance(v, str)),
    },
    "stance": {
        "holder": (True, _key),
        "target": (True, _key),
        "label": (True, lambda v: v in STANCES),
        "evidence": (False, _evidence),
        "scores": (False, _scores),
    },
    "claims": {
        "start": (True, _offset),
        "end": (True, _offset),
        "text": (False, lambda v: isinstance(v, str)),
        "source": (True, _key),
        "claim": (False, _key),
    },
    "verification": {
        "claim": (True, _key),
        "label": (True, lambda v: v in VERDICTS),
        "evidence": (False, _evidence),
    },
}


def _is_item(item: Any, shape: Mapping[str, tuple[bool, Any]]) -> bool:
    if not isinstance(item, dict) or set(item) - set(shape):
        return False
    for key, (required, fits) in shape.items():
        if key not in item:
            if required:
                return False
        elif not fits(item[key]):
            return False
    return True


def is_record(value: Any) -> bool:
    """Whether a value has the shape of a record."""
    if not isinstance(value, dict) or set(value) - {"document_id", *LAYERS} or not _key(value.get("document_id")):
        return False
    return all(
        isinstance(value[layer], list) and all(_is_item(item, SHAPES[layer]) for item in value[layer])
        for layer in LAYERS
        if layer in value
    )


# A file


def violations(data: bytes, role: str, known: Known) -> set[str]:
    """Codes of all rules that a file of records breaks."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    blank = [not line.strip(b" \t\r") for line in lines]
    if all(blank):
        return {"RT111"}
    last = max(number for number, is_blank in enumerate(blank) if not is_blank)
    broken = {"RT105"} if any(blank[:last]) else set()
    seen: set[str] = set()
    records: list[Any] = []
    layouts: list[set[str]] = []
    unknown = False
    for line, is_blank in zip(lines, blank, strict=True):
        if is_blank:
            continue
        line = line[:-1] if line.endswith(b"\r") else line
        if line.startswith(b"\xef\xbb\xbf"):
            broken.add(SHAPE)
            line = line[3:]
        try:
            value = read_line(line)
        except Malformed:
            value = None
        if not is_record(value):
            broken.add(SHAPE)
            named = _named(line)
            seen |= named
            unknown |= not named
            continue
        records.append(value)
        document = value["document_id"]
        if document in seen:
            broken.add("RT302")
            continue
        seen.add(document)
        if document in known.documents:
            broken |= _record(value, known.documents[document], role, known)
            layouts.append(set(value) & set(LAYERS))
        else:
            broken.add("RT301")
    # A record at fault may be that of any document that seems missing.
    if role != "annotation" and set(known.documents) - seen and not unknown:
        broken.add("RT303")
    if role == "prediction" and any(layout != layouts[0] for layout in layouts):
        broken.add("RT310")
    if (
        role == "prediction"
        and records
        and SHAPE not in broken
        and not any(set(record) & set(LAYERS) for record in records)
    ):
        broken.add("RT312")
    return broken | _names(records, role)


def _names(records: Iterable[Any], role: str) -> set[str]:
    """RT311 where two names of a kind look the same; predicted clusters may differ in case."""
    names: dict[str, list[str]] = {"document": [record["document_id"] for record in records]}
    for item in (item for record in records for layer in LAYERS for item in record.get(layer, [])):
        for key in {"entity", "source", "holder", "target", "claim"} & set(item):
            names.setdefault("entity" if key == "source" else key, []).append(item[key])
    for kind, each in names.items():
        first: dict[str, str] = {}
        for name in each:
            other = first.setdefault(_look_of(name), name)
            by_case = role == "prediction" and kind == "entity" and other.casefold() == name.casefold()
            if other != name and not by_case:
                return {"RT311"}
    return set()


def _look_of(name: str) -> str:
    shown = [c for c in name if category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f" and c != "\u034f"]
    plain = "".join("-" if c in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d" else c for c in shown)
    folded = normalize("NFKC", normalize("NFKC", plain).casefold())
    return re.sub(r"\s+", " ", folded).strip()


def _named(line: bytes) -> set[str]:
    """The document of a line at fault, which is then not missing; none where nothing can be read."""
    try:
        value = json.loads(line.decode("utf-8"), parse_int=lambda digits: 0)
        _look(value, 0)
    except Malformed as error:
        if "deeply" in str(error):
            return _named_in_text(line)
    except (ValueError, RecursionError):
        return _named_in_text(line)
    key = value.get("document_id") if isinstance(value, dict) else None
    return {key} if isinstance(key, str) else set()


def _named_in_text(line: bytes) -> set[str]:
    """The document that a line names, whatever else it holds: the first string that is the value of such a key."""
    for rest in line.split(b'"document_id"')[1:]:
        colon, text = rest.lstrip()[:1], rest.lstrip()[1:].lstrip()
        if colon != b":" or text[:1] != b'"':
            continue
        end = 1
        while end < len(text) and text[end : end + 1] != b'"':
            end += 2 if text[end : end + 1] == b"\\" else 1
        if end < len(text):
            try:
                return {json.loads(text[: end + 1].decode("utf-8"))}
            except ValueError:
                return set()
    return set()


# A record


def _record(record: Mapping[str, Any], document: Mapping[str, Any], role: str, known: Known) -> set[str]:
    broken: set[str] = set()
    entities, claims = record.get("entities", []), record.get("claims", [])
    stance, verification = record.get("stance", []), record.get("verification", [])
    labels = [(m.get("kind", "name"), m["type"], m.get("entity", ...), m.get("kb_id", ...)) for m in entities]
    broken |= _spans(entities, labels, document, role)
    broken |= _spans(claims, [(c["source"], c.get("claim", ...)) for c in claims], document, role)
    for mention in entities:
        broken |= _mention(mention, role, known)
    cells = [(cell["holder"], cell["target"]) for cell in stance]
    pairs = [pair["claim"] for pair in verification]
    if len(set(cells)) < len(cells):
        broken.add("RT503")
    if len(set(pairs)) < len(pairs):
        broken.add("RT504")
    for cell in stance:
        if cell["holder"] not in known.holders:
            broken.add("RT305")
        if cell["target"] not in known.targets:
            broken.add("RT306")
        if "scores" in cell and abs(sum(cell["scores"].values()) - 1) > 1e-3:
            broken.add("RT508")
    if not set(pairs) <= known.claims:
        broken.add("RT307")
    for item in (*stance, *verification):
        if any(sentence >= len(document["sentences"]) for sentence in item.get("evidence", [])):
            broken.add("RT308")
    if role == "prediction":
        return broken
    broken |= _guideline(entities, claims, document)
    for span in claims:
        if span.get("claim", next(iter(known.claims))) not in known.claims:
            broken.add("RT307")
        if span["source"] != "author" and span["source"] not in known.entities:
            broken.add("RT309")
    for item in (*stance, *verification):
        if item["label"] in ("favor", "against", "supported", "refuted"):
            if not item.get("evidence"):
                broken.add("RT505")
        elif item.get("evidence"):
            broken.add("RT506")
    if "stance" in record:
        for holder in {"author", *(holder for holder, _ in cells)} & known.holders:
            if known.targets - {target for given, target in cells if given == holder}:
                broken.add("RT507")
    return broken | (_gold(record, known) if role == "gold" else set())


def _spans(spans: list[Any], labels: list[Any], document: Mapping[str, Any], role: str) -> set[str]:
    broken: set[str] = set()
    text = document["text"]
    zones = document["zones"]
    hidden = [zone["zone"] not in ("title", "body") for zone in zones for _ in range(zone["start"], zone["end"])]
    for span in spans:
        start, end = span["start"], span["end"]
        if end <= start:
            broken.add("RT401")
            continue
        if end > len(text):
            broken.add("RT402")
            continue
        if "text" in span and span["text"] != text[start:end]:
            broken.add("RT403")
        if text[start:end] != text[start:end].strip():
            broken.add("RT404")
        inside = hidden[start:end]
        if all(inside) if role == "prediction" else any(inside):
            broken.add("RT408")
    places = [(span["start"], span["end"]) for span in spans]
    for number, place in enumerate(places):
        first = places.index(place)
        if first < number:
            broken.add("RT405" if labels[first] == labels[number] else "RT406")
    if role != "prediction" and any(a < c < b < d for a, b in places for c, d in places):
        broken.add("RT407")
    return broken


def _guideline(entities: list[Any], claims: list[Any], document: Mapping[str, Any]) -> set[str]:
    broken: set[str] = set()
    text = document["text"]
    determiner = re.compile("(the|a|an|this|that|these|those|its|his|her|their|whose) ")
    for span in (*entities, *claims):
        words = text[span["start"] : span["end"]]
        if not words or span["end"] > len(text):
            continue
        if "type" in span:
            is_name = span.get("kind", "name") == "name"
            if is_name and re.search("['’]s?$(?!\n)", words):
                broken.add("RT601")
            if determiner.match(words if is_name else words.lower()):
                broken.add("RT602")
        else:
            if words[-1] in ".,;:":
                broken.add("RT604")
            if re.match("“[^”]*$", words) or re.search("^[^“]*”$(?!\n)", words):
                broken.add("RT605")
        # The sentence that holds the first character, where there is one, must hold the last.
        for sentence in document["sentences"]:
            if sentence["start"] <= span["start"] < sentence["end"] < span["end"]:
                broken.add("RT603")
    return broken


def _mention(mention: Mapping[str, Any], role: str, known: Known) -> set[str]:
    broken: set[str] = set()
    kb_id = mention.get("kb_id")
    if kb_id is not None and not re.fullmatch("Q[1-9][0-9]*", kb_id):
        broken.add("RT512")
    if role == "prediction" or "entity" not in mention:
        return broken
    entity = known.entities.get(mention["entity"])
    if entity is None:
        return broken | {"RT304"}
    if entity["type"] != mention["type"]:
        broken.add("RT501")
    if role == "gold" and "kb_id" in mention and kb_id != entity["kb_id"]:
        broken.add("RT502")
    return broken


def _gold(record: Mapping[str, Any], known: Known) -> set[str]:
    broken: set[str] = set()
    wanted: dict[str, Iterable[str]] = {
        "entities": ("text", "entity", "kb_id"),
        "stance": ("evidence",),
        "claims": ("text", "claim"),
        "verification": ("evidence",),
    }
    for layer, keys in wanted.items():
        if layer not in record or any(key not in item for item in record[layer] for key in keys):
            broken.add("RT510")
    if "verification" in record:
        verdicts = {pair["claim"]: pair["label"] for pair in record["verification"]}
        if known.claims - set(verdicts):
            broken.add("RT511")
        for span in record.get("claims", []):
            if verdicts.get(span.get("claim"), "supported") != "supported":
                broken.add("RT509")
    return broken
