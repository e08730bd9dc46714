"""The table of rules. A rule is a function that makes the finding; its docstring documents it.

The docstring has four parts: what is wrong, why it matters, a minimal example ("Example:") and what to do ("Hint:").
The hint of a finding is the last part, unless the rule passes a more specific one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, ParamSpec, TypeVar

from retold.model.alike import differ_only_in, skeleton, visible
from retold.model.documentation import docstring
from retold.model.findings import Finding, Severity
from retold.rules.vocabulary import Role

__all__ = ["RULES", "Rule", "declare", "did_you_mean", "finding", "nearest", "printable", "rule"]

P = ParamSpec("P")
R = TypeVar("R")

#: Limits for ``nearest``: names, and characters of a name. difflib is quadratic in both.
_NEAREST_NAMES: Final = 5000
_NEAREST_LENGTH: Final = 80
#: Characters of a key or a name in the place of a finding; there may be a thousand findings for each line.
_LONGEST_NAME: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table: a code that never changes, the rule in hyphenated words, and its documentation."""

    code: str
    name: str
    #: By role; None if the rule does not apply to files of that role.
    severity: Mapping[Role, Severity | None]
    what: str
    why: str
    example: str
    hint: str


#: Every rule by code.
RULES: Final[dict[str, Rule]] = {}


def declare(
    code: str,
    name: str,
    documentation: str,
    *,
    gold: Severity | None = "error",
    annotation: Severity | None = "error",
    prediction: Severity | None = "error",
) -> None:
    """Add a row to the table; raises ValueError if the code already exists, or the documentation lacks a part."""
    if code in RULES:
        raise ValueError(f"{code} is declared twice")
    parts = _parts(documentation)
    # Under python -OO and without the source there are no docstrings, this module's included; rules work without them.
    if __doc__ and (missing := [name for name, part in parts.items() if not part]):
        raise ValueError(f"the documentation of {code} lacks: {', '.join(missing)}")
    severity: dict[Role, Severity | None] = {"gold": gold, "annotation": annotation, "prediction": prediction}
    RULES[code] = Rule(code=code, name=name, severity=severity, **parts)


def _parts(documentation: str) -> dict[str, str]:
    """The parts of a rule's documentation by name, empty if missing."""
    parts = {"what": "", "why": "", "example": "", "hint": ""}
    current = "what"
    for line in inspect.cleandoc(documentation).splitlines():
        for label in ("Example: ", "Hint: "):
            if line.startswith(label):
                current, line = label[:-2].lower(), line.removeprefix(label)
        if not line and current == "what":
            current = "why"
        parts[current] = f"{parts[current]} {line}".strip()
    return parts


def rule(code: str, **severity: Severity | None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function the rule of ``code``: its name and docstring fill the row."""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        declare(code, function.__name__.replace("_", "-"), docstring(function), **severity)
        return function

    return register


def finding(
    code: str,
    message: str,
    *,
    role: Role = "gold",
    hint: str | None = None,
    pointer: str | None = None,
    document: str | None = None,
    column: int | None = None,
) -> Finding:
    """Make a finding of a rule, with the severity for the role; a rule that is for all files needs none."""
    row = RULES[code]
    severity = row.severity[role]
    if severity is None:
        raise ValueError(f"{code} does not apply to {role} files")
    place: dict[str, Any] = {"column": column, "pointer": pointer, "document": document}
    return Finding(code=code, severity=severity, message=message, hint=row.hint if hint is None else hint, **place)


def nearest(value: object, known: Iterable[str]) -> str | None:
    """The known name nearest to ``value`` (difflib, regardless of case), None if none is near."""
    if not isinstance(value, str) or len(value) > _NEAREST_LENGTH:
        return None
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in islice(known, _NEAREST_NAMES) if len(name) <= _NEAREST_LENGTH}
    found = get_close_matches(value.casefold(), by_folded, n=1)
    return by_folded[found[0]] if found else None


def did_you_mean(value: object, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known name, None if none is near."""
    names = list(islice(known, _NEAREST_NAMES))
    if isinstance(value, str) and len(value) <= 2 * _NEAREST_LENGTH:
        looks = skeleton(value)
        same = next((name for name in names if skeleton(name) == looks and name != value), None)
        if same is not None:
            (given, meant), reason = visible(value, same), differ_only_in(value, same) or "form"
            return f"Did you mean {meant}?" + (f" {given} differs only in {reason}." if reason != "case" else "")
    similar = nearest(value, names)
    return f"Did you mean {similar!r}?" if similar else None


def printable(text: str) -> str:
    """A name with lone surrogates written as escapes, so that it can be encoded; cut where it is very long."""
    if len(text) > _LONGEST_NAME:
        text = f"{text[: _LONGEST_NAME // 2]}…{text[-_LONGEST_NAME // 4 :]}"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
