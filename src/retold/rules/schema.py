"""Rules 2xx: a JSON value against the schema of its record.

They run on what the typed decoder refused, which reports only the first error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from retold.model.findings import Finding, shorten
from retold.rules.registry import did_you_mean, finding, nearest, printable, rule

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

__all__ = ["pointer_to", "schema_findings", "validator_of"]

_TYPE_NAMES: Final[dict[str, str]] = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def pointer_to(*path: str | int) -> str:
    """JSON pointer (RFC 6901) of a path of keys and indices."""
    return "".join("/" + printable(str(part)).replace("~", "~0").replace("/", "~1") for part in path)


def schema_findings(validator: Any, value: Any) -> Iterator[Finding]:
    """Yield all schema errors of ``value`` by a validator of ``validator_of``."""
    yield from _findings(validator.iter_errors(value), set())


def _findings(errors: Iterable[ValidationError], incomplete: set[str]) -> Iterator[Finding]:
    for error in errors:
        path = list(error.absolute_path)
        keyword = str(error.validator)
        if keyword == "additionalProperties":
            known = list(error.schema["properties"])
            for key in error.instance:
                if key not in known:
                    yield unknown_key([*path, key], key, [name for name in known if name not in error.instance], known)
        elif keyword == "required":
            # There is one error per missing key, and only its message says which: report all at the first.
            if pointer_to(*path) not in incomplete:
                incomplete.add(pointer_to(*path))
                # A key of another format, which is unknown, says what it is renamed to.
                there = {*error.instance, *map(_RENAMED.get, error.instance)}
                yield from (key_missing(path, key, error) for key in error.validator_value if key not in there)
        elif keyword == "anyOf" and (inside := [each for each in error.context or () if _is_inside(each)]):
            # An object where an object or null may stand: what is wrong is inside.
            yield from _findings(inside, incomplete)
        else:
            yield _BY_KEYWORD.get(keyword, other_schema_fault)(path, error)


def _is_inside(error: ValidationError) -> bool:
    return bool(error.relative_path) or error.validator in ("additionalProperties", "required")


def validator_of(schema: Mapping[str, Any]) -> Any:
    """A validator that accepts what the typed decoder accepts."""
    # Not imported at the top: valid input never needs it, and it is a third of the start-up time.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            # The typed decoder takes neither 1.0 nor true for an integer; JSON Schema takes 1.0.
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: isinstance(value, (int, float)) and not isinstance(value, bool),
        }
    )
    return extend(Draft202012Validator, type_checker=checker)(schema)


def _expected(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_expected(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ("one of " if len(schema["enum"]) > 1 else "") + ", ".join(map(repr, schema["enum"]))
    return _TYPE_NAMES.get(str(schema.get("type")), "another type")


_INTEGRAL: Final = re.compile(r"-?[0-9]{1,15}(\.0)?")
#: Keys of other formats, and what they are called here.
_RENAMED: Final = {
    **dict.fromkeys(("entity_group", "entity_type", "ner_tag", "label"), "type"),
    **dict.fromkeys(("word", "surface", "mention"), "text"),
    **dict.fromkeys(("start_offset", "begin", "start_char"), "start"),
    **dict.fromkeys(("end_offset", "end_char"), "end"),
    **dict.fromkeys(("id", "doc_id", "doc_key", "docid"), "document_id"),
}


@rule("RT201")
def wrong_type(path: list[str | int], error: ValidationError) -> Finding:
    """A value has the wrong type.

    Nothing is converted: `"17"` is not 17, and `1.0` is not the integer 1.
    Example: `{"start": "15", "end": 19, "type": "GPE"}` - `start` is a string, not an integer.
    Hint: Use the type in the schema, or leave out an optional key.
    """
    message = f"expected {_expected(error.schema)}, got {shorten(error.instance)}"
    labels = error.schema.get("labels", ())
    hint = None
    if error.schema.get("type") == "integer" and _INTEGRAL.fullmatch(str(error.instance)):
        hint = f"Write {str(error.instance).partition('.')[0]}: an integer without quotes, point or .0."
    is_number = type(error.instance) is int and 0 <= error.instance < len(labels)
    table = ", ".join(f"{number} is {label}" for number, label in enumerate(labels))
    hint = f"Write the label, not its number as a ClassLabel: {table}." if is_number else hint
    return finding("RT201", message, hint=hint, pointer=pointer_to(*path))


@rule("RT202")
def key_missing(path: list[str | int], missing: str, error: ValidationError) -> Finding:
    """A required key is missing.

    Without it the item cannot be scored.
    Example: `{"start": 15, "type": "GPE"}` - the mention has no `end`.
    Hint: Add the key.
    """
    similar = nearest(missing, (key for key in error.instance if key not in error.schema["properties"]))
    hint = f"Add the key, or rename {similar!r}." if similar else None
    return finding("RT202", f"missing key {missing!r}", hint=hint, pointer=pointer_to(*path))


@rule("RT203")
def unknown_key(path: list[str | int], key: str, missing: list[str], known: list[str]) -> Finding:
    """An object has an unknown key.

    A misspelt key would otherwise be ignored, and with it a layer or a label.
    Example: `{"document_id": "flood-0", "entites": []}` - `entities` is misspelt.
    Hint: Remove the key, or correct its spelling.
    """
    renamed = _RENAMED.get(key)
    hint = f"Rename it to {renamed!r}." if renamed in missing else None
    hint = (
        hint
        or did_you_mean(key, missing)
        or did_you_mean(key, known)
        or f"Remove it; known keys are {', '.join(known)}."
    )
    return finding("RT203", f"unknown key {shorten(key)}", hint=hint, pointer=pointer_to(*path))


@rule("RT204")
def value_not_allowed(path: list[str | int], error: ValidationError) -> Finding:
    """A value is not one of the allowed values.

    Labels are compared as strings.
    Example: `{"start": 15, "end": 19, "type": "COUNTRY"}` - there is no type COUNTRY; a country is a GPE.
    Hint: Use one of the allowed values.
    """
    if not isinstance(error.instance, str):
        return wrong_type(path, error)
    allowed = list(map(str, error.validator_value))
    return _not_allowed(path, error.instance, allowed, ", ".join(allowed))


def _not_allowed(path: list[str | int], value: str, allowed: list[str], listed: str) -> Finding:
    message = f"{shorten(value)} is not allowed, expected one of {listed}"
    return finding("RT204", message, hint=did_you_mean(value, allowed), pointer=pointer_to(*path))


@rule("RT205")
def number_out_of_range(path: list[str | int], error: ValidationError) -> Finding:
    """A number is out of range.

    Offsets and sentence indices count from 0, probabilities lie between 0 and 1.
    Example: `{"start": -1, "end": 19, "type": "GPE"}` - `start` is less than 0.
    Hint: Use a number in the range.
    """
    side = "at least" if error.validator == "minimum" else "at most"
    message = f"expected {side} {error.validator_value}, got {shorten(error.instance)}"
    return finding("RT205", message, pointer=pointer_to(*path))


@rule("RT206")
def empty_string(path: list[str | int], error: ValidationError) -> Finding:
    """A key or a name is the empty string.

    An empty key names nothing, and all empty keys would be the same.
    Example: `{"start": 15, "end": 19, "type": "GPE", "entity": ""}` - the key of the entity is empty.
    Hint: Fill in the key, or leave it out if it is optional.
    """
    return finding("RT206", "expected a non-empty string", pointer=pointer_to(*path))


@rule("RT207")
def other_schema_fault(path: list[str | int], error: ValidationError) -> Finding:
    """The value breaks the schema in another way, or the decoder refuses it for another reason.

    Whatever the decoder refuses is an error, even if the schema allows it.
    Example: `{"document_id": "flood-0"}` and a decoder that refuses it - no line is known on which schema and decoder
    disagree.
    Hint: Compare the line with the schema in schema/.
    """
    return finding("RT207", shorten(error.message, 200), pointer=pointer_to(*path))


def label_not_allowed(value: str, allowed: Sequence[str], pointer: str) -> Finding:
    """RT204 for a label that the manifest of the corpus does not list."""
    message = f"{shorten(value)} is not allowed here; allowed: {', '.join(allowed)}"
    return finding("RT204", message, hint=did_you_mean(value, allowed), pointer=pointer)


@rule("RT208")
def invalid_manifest(message: str, pointer: str, hint: str | None = None) -> Finding:
    """The manifest contradicts itself, or names something that does not exist.

    Labels, measures and tables of the corpus come from it.

    Example: `{"layers": {"stance": {"labels": ["support", "deny"], "neutral": "none"}}}` - none is not a label.

    Hint: Correct corpus.json; schema/manifest.json describes it.
    """
    return finding("RT208", message, hint=hint, pointer=pointer)


@rule("RT209")
def unprintable_name(path: list[str | int], error: ValidationError) -> Finding:
    """A name or a key holds a control character or a mark of direction, has nothing that is seen, or is too long.

    Terminals, spreadsheets and pages act on such characters: a name could hide, or look like another.
    Example: `{"document_id": "flood-0\\u001b[2J"}` - a terminal would clear its screen.
    Hint: Use letters, digits and marks that are seen, and at most 100 characters for the name of a system.
    """
    if error.validator == "maxLength":
        message = f"{shorten(error.instance)} is longer than {error.validator_value} characters"
    else:
        message = f"{shorten(error.instance)} holds a control character or a mark of direction, or nothing that is seen"
    return finding("RT209", message, pointer=pointer_to(*path))


def _one_of(path: list[str | int], error: ValidationError) -> Finding:
    """``anyOf`` of a value and null: a string outside an enum is not allowed, anything else has the wrong type."""
    for option in error.validator_value:
        if "enum" in option and isinstance(error.instance, str):
            return _not_allowed(path, error.instance, option["enum"], f"{', '.join(option['enum'])} or null")
    return wrong_type(path, error)


_BY_KEYWORD: Final[dict[str, Callable[[list[str | int], Any], Finding]]] = {
    "type": wrong_type,
    "anyOf": _one_of,
    "enum": value_not_allowed,
    "minimum": number_out_of_range,
    "maximum": number_out_of_range,
    "minLength": empty_string,
    "maxLength": unprintable_name,
    "pattern": unprintable_name,
}
