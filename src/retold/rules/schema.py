"""Rules 2xx: a JSON value against the schema of its record.

They run only on what the typed decoder refused, to say everything that is wrong with it and not the first thing alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from retold.model.findings import Finding, shorten
from retold.rules.registry import finding, nearest, printable, rule

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
    """Yield all that is wrong with ``value`` by a validator of ``validator_of``."""
    incomplete: set[str] = set()
    for error in validator.iter_errors(value):
        path = list(error.absolute_path)
        keyword = str(error.validator)
        if keyword == "additionalProperties":
            known = list(error.schema["properties"])
            for key in error.instance:
                if key not in known:
                    yield unknown_key([*path, key], key, [name for name in known if name not in error.instance], known)
        elif keyword == "required":
            # One error comes for each missing key, and only its message says which: take them all at the first.
            if pointer_to(*path) not in incomplete:
                incomplete.add(pointer_to(*path))
                yield from (key_missing(path, key, error) for key in error.validator_value if key not in error.instance)
        else:
            yield _BY_KEYWORD.get(keyword, other_schema_fault)(path, error)


def validator_of(schema: Mapping[str, Any]) -> Any:
    """A validator that takes what the typed decoder takes."""
    # Imported here: valid input never needs it, and it costs a third of the start-up time.
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
        return "one of " + ", ".join(map(repr, schema["enum"]))
    return _TYPE_NAMES.get(str(schema.get("type")), "another type")


@rule("RT201")
def wrong_type(path: list[str | int], error: ValidationError) -> Finding:
    """A value has a type that its key does not take.

    `"17"` and `1.0` are not the integer 17 or 1: readers disagree on what they mean, so nothing is converted.

    Example: `{"start": "15", "end": 19, "type": "GPE"}` - `start` is a string, not an integer.

    Hint: Write the value in the type that the schema names; leave the key out where there is nothing to say.
    """
    return finding(
        "RT201",
        "gold",
        f"expected {_expected(error.schema)}, found {shorten(error.instance)}",
        pointer=pointer_to(*path),
    )


@rule("RT202")
def key_missing(path: list[str | int], missing: str, error: ValidationError) -> Finding:
    """A required key is missing.

    Without it the item cannot be placed or compared.

    Example: `{"start": 15, "type": "GPE"}` - the mention has no `end`.

    Hint: Add the key.
    """
    similar = nearest(missing, (key for key in error.instance if key not in error.schema["properties"]))
    hint = f"Add the key; is {similar!r} meant to be it?" if similar else None
    return finding("RT202", "gold", f"the key {missing!r} is missing", hint=hint, pointer=pointer_to(*path))


@rule("RT203")
def unknown_key(path: list[str | int], key: str, missing: list[str], known: list[str]) -> Finding:
    """An object has a key that its record does not know.

    A misspelt key would otherwise be dropped without a word, and with it a layer or a label.

    Example: `{"document_id": "flood-0", "entites": []}` - `entities` is misspelt.

    Hint: Remove the key, or spell it as the schema does.
    """
    similar = nearest(key, missing) or nearest(key, known)
    hint = f"Did you mean {similar!r}?" if similar else f"Remove it; known keys are {', '.join(known)}."
    return finding("RT203", "gold", f"unknown key {shorten(key)}", hint=hint, pointer=pointer_to(*path))


@rule("RT204")
def value_not_allowed(path: list[str | int], error: ValidationError) -> Finding:
    """A value is none of those that its key allows.

    Labels are compared as they stand; another word for a label would be counted as wrong.

    Example: `{"start": 15, "end": 19, "type": "COUNTRY"}` - no type is called so; a country is a GPE.

    Hint: Use one of the allowed values, spelt exactly so.
    """
    if not isinstance(error.instance, str):
        return wrong_type(path, error)
    similar = nearest(error.instance, error.validator_value)
    return finding(
        "RT204",
        "gold",
        f"{shorten(error.instance)} is not allowed here; allowed: {', '.join(error.validator_value)}",
        hint=f"Did you mean {similar!r}?" if similar else None,
        pointer=pointer_to(*path),
    )


@rule("RT205")
def number_out_of_range(path: list[str | int], error: ValidationError) -> Finding:
    """A number is below the least or above the greatest value that its key takes.

    Offsets and sentence indices count from 0, probabilities lie between 0 and 1.

    Example: `{"start": -1, "end": 19, "type": "GPE"}` - `start` is below 0.

    Hint: Give a number inside the range.
    """
    side = "at least" if error.validator == "minimum" else "at most"
    message = f"expected {side} {error.validator_value}, found {shorten(error.instance)}"
    return finding("RT205", "gold", message, pointer=pointer_to(*path))


@rule("RT206")
def empty_string(path: list[str | int], error: ValidationError) -> Finding:
    """A key or a name is the empty string.

    An empty key names nothing, and all empty keys would be one and the same.

    Example: `{"start": 15, "end": 19, "type": "GPE", "entity": ""}` - the key of the entity is empty.

    Hint: Write the key, or leave it out where it may be left out.
    """
    return finding("RT206", "gold", "the string is empty", pointer=pointer_to(*path))


@rule("RT207")
def other_schema_fault(path: list[str | int], error: ValidationError) -> Finding:
    """The value breaks the schema in another way, or the decoder refuses it for a reason of its own.

    Nothing that the decoder refuses is ever taken as read.

    Example: `{"document_id": "flood-0"}` and a decoder that refuses it - schema and decoder disagree; no line is known
    on which they do.

    Hint: Compare the line with the schema in schema/.
    """
    return finding("RT207", "gold", shorten(error.message, 200), pointer=pointer_to(*path))


def _one_of(path: list[str | int], error: ValidationError) -> Finding:
    """``anyOf`` of a value and null: a string outside an enum is not allowed, all else has the wrong type."""
    for option in error.validator_value:
        if "enum" in option and isinstance(error.instance, str):
            return finding(
                "RT204",
                "gold",
                f"{shorten(error.instance)} is not allowed here; allowed: {', '.join(option['enum'])} or null",
                hint=f"Did you mean {similar!r}?" if (similar := nearest(error.instance, option["enum"])) else None,
                pointer=pointer_to(*path),
            )
    return wrong_type(path, error)


_BY_KEYWORD: Final[dict[str, Callable[[list[str | int], Any], Finding]]] = {
    "type": wrong_type,
    "anyOf": _one_of,
    "enum": value_not_allowed,
    "minimum": number_out_of_range,
    "maximum": number_out_of_range,
    "minLength": empty_string,
}
