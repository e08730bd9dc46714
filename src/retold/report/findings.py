"""Findings as text for people, JSON for programs, workflow commands for GitHub, and SARIF for code scanners."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from retold import __version__
from retold.findings import Finding, Severity
from retold.rules import RULES, Role

__all__ = [
    "STYLES",
    "render_findings",
    "render_github",
    "render_json",
    "render_sarif",
    "render_text",
    "rule_page",
    "rules_table",
]

_RED, _YELLOW, _BOLD, _DIM, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"
_SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Validated(Protocol):
    """What the renderers need of a report."""

    @property
    def findings(self) -> list[Finding]: ...
    @property
    def files(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def warnings(self) -> int: ...
    @property
    def suppressed(self) -> int: ...


def render_findings(report: Validated, style: str, *, color: bool = False) -> str:
    """A whole report in one of ``STYLES``; colour is for text only."""
    if style == "text":
        return render_text(report.findings, color=color) + _summary(report)
    return STYLES[style](report)


# Text


def render_text(findings: Sequence[Finding], *, color: bool = False) -> str:
    """One finding after the other, each with its cure, and how many there are of each code."""
    lines: list[str] = []
    for found in findings:
        mark = f"{found.severity} {found.code}"
        if color:
            mark = f"{_RED if found.severity == 'error' else _YELLOW}{_BOLD}{mark}{_RESET}"
        place = _place(found)
        pointer = f" [{_plain(found.pointer)}]" if found.pointer else ""
        lines.append(
            f"{place}: {mark} {_plain(found.message)}{pointer}" if place else f"{mark} {_plain(found.message)}"
        )
        cure = _plain(found.cure)
        lines.append(f"    {_DIM}{cure}{_RESET}" if color else f"    {cure}")
    if findings:
        lines.append(", ".join(f"{code} {_name(code)}: {n}" for code, n in _by_code(findings)))
    return "".join(f"{line}\n" for line in lines)


def _summary(report: Validated) -> str:
    counted = f"{_many(report.records, 'record')} in {_many(report.files, 'file')}"
    if not report.errors and not report.warnings:
        return f"{counted}: nothing found\n"
    beyond = f" ({report.suppressed} not shown)" if report.suppressed else ""
    return f"{counted}: {_many(report.errors, 'error')}, {_many(report.warnings, 'warning')}{beyond}\n"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _place(found: Finding) -> str:
    parts = [_plain(found.file)] if found.file is not None else []
    if found.line is not None:
        parts.append(str(found.line))
        if found.column is not None:
            parts.append(str(found.column))
    return ":".join(parts)


def _plain(text: str) -> str:
    """``text`` without what a terminal would obey and without what cannot be encoded."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _encodable(text: str | None) -> str | None:
    """File names may hold bytes that are no UTF-8, which Python keeps as lone surrogates."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _by_code(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    return sorted(Counter(found.code for found in findings).items())


def _name(code: str) -> str:
    return RULES[code].name if code in RULES else "unknown rule"


# JSON


def render_json(report: Validated) -> str:
    """One JSON object: counts, and the findings with every key, null where there is nothing to say."""
    out = {
        "version": __version__,
        "files": report.files,
        "records": report.records,
        "errors": report.errors,
        "warnings": report.warnings,
        "suppressed": report.suppressed,
        "codes": dict(_by_code(report.findings)),
        "findings": [_as_dict(found) for found in report.findings],
    }
    return json.dumps(out, ensure_ascii=False, indent=2) + "\n"


def _as_dict(found: Finding) -> dict[str, Any]:
    return {
        "code": found.code,
        "name": _name(found.code),
        "severity": found.severity,
        "file": _encodable(found.file),
        "line": found.line,
        "column": found.column,
        "pointer": _encodable(found.pointer),
        "document": _encodable(found.document),
        "message": _encodable(found.message),
        "cure": _encodable(found.cure),
    }


# GitHub


def render_github(report: Validated) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    return "".join(_command(found) for found in report.findings)


def _command(found: Finding) -> str:
    properties = {
        "file": _encodable(found.file),
        "line": found.line,
        "col": found.column,
        "title": f"{found.code} {_name(found.code)}",
    }
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None)
    pointer = f" [{found.pointer}]" if found.pointer else ""
    return f"::{found.severity} {given}::{_data(f'{found.message}{pointer}')}%0A{_data(found.cure)}\n"


def _data(text: str) -> str:
    """Escapes of a command's text, as GitHub's toolkit makes them."""
    text = _encodable(text) or ""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# SARIF


def render_sarif(report: Validated) -> str:
    """SARIF 2.1.0 with one run; it names the rules that it uses."""
    codes = [code for code, _ in _by_code(report.findings)]
    index = {code: number for number, code in enumerate(codes)}
    run = {
        "tool": {
            "driver": {"name": "retold", "semanticVersion": __version__, "rules": [_descriptor(code) for code in codes]}
        },
        "results": [_result(found, index[found.code]) for found in report.findings],
    }
    return (
        json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2) + "\n"
    )


def _descriptor(code: str) -> dict[str, Any]:
    out: dict[str, Any] = {"id": code, "name": _name(code)}
    if code in RULES:
        rule = RULES[code]
        out["shortDescription"] = {"text": rule.what}
        out["fullDescription"] = {"text": f"{rule.what} {rule.why}".strip()}
        out["help"] = {"text": rule.cure}
    return out


def _result(found: Finding, rule_index: int) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if found.file is not None:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(found.file)}}
        if found.line is not None:
            # Columns of findings count bytes, those of SARIF count characters; the line alone is right in both.
            physical["region"] = {"startLine": found.line}
        location["physicalLocation"] = physical
    if found.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": _encodable(found.pointer)}]
    out: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule_index,
        "level": found.severity,
        "message": {"text": _encodable(f"{found.message}\n{found.cure}")},
    }
    if location:
        out["locations"] = [location]
    properties = {"document": _encodable(found.document), "byteColumn": found.column}
    if given := {key: value for key, value in properties.items() if value is not None}:
        out["properties"] = given
    return out


def _uri(file: str) -> str:
    if "://" in file:
        return quote(file, safe=":/?#[]@!$&'()*+,;=%", errors="replace")
    path = Path(file)
    encoded = quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/")
    return f"file://{encoded}" if path.is_absolute() else encoded


STYLES: Final[dict[str, Callable[[Validated], str]]] = {
    "text": lambda report: render_findings(report, "text"),
    "json": render_json,
    "github": render_github,
    "sarif": render_sarif,
}


# The table of rules


def rules_table() -> str:
    """All rules as a Markdown table, made from their docstrings."""
    rows = ["| code | rule | severity | what is wrong | why it matters | cure |", "|---|---|---|---|---|---|"]
    for code, rule in sorted(RULES.items()):
        cells = (code, rule.name, _severities(rule.severity), rule.what, rule.why, rule.cure)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def rule_page(code: str) -> str:
    """The page of one rule, as Markdown.

    Raises:
        KeyError: there is no such rule.
    """
    rule = RULES[code]
    return (
        f"# {rule.code} {rule.name}\n\n{rule.what}\n\n{rule.why}\n\n"
        f"Cure: {rule.cure}\n\nSeverity: {_severities(rule.severity)}\n"
    )


def _severities(by_role: Mapping[Role, Severity | None]) -> str:
    distinct = set(by_role.values())
    if len(distinct) == 1:
        return str(distinct.pop())
    return ", ".join(f"{role}: {severity}" for role, severity in by_role.items() if severity is not None)
