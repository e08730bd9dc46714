"""Findings as text for people, JSON for programs, workflow commands for GitHub, and SARIF for code scanners."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from retold import __version__
from retold.model.display import columns, counted, visible
from retold.model.findings import Context, Finding, Severity, shorten
from retold.report.tables import WIDTH, as_json, table, wrapped
from retold.rules import RULES, Role
from retold.validation.report import MAX_FINDINGS

if TYPE_CHECKING:
    from retold.layers.scheme import Scheme
    from retold.validation.fix import FixedFile
    from retold.validation.report import Report

__all__ = [
    "STYLES",
    "next_steps",
    "render_findings",
    "render_fixes",
    "render_github",
    "render_json",
    "render_refusal",
    "render_sarif",
    "render_text",
    "rule_page",
    "rules_table",
]

_RED, _YELLOW, _BOLD, _DIM, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"
#: How many findings of one kind are shown as text.
_ALIKE: Final = 3
#: Roles in the words of the first lines.
_PLURAL: Final = {"gold": "gold", "annotation": "annotations", "prediction": "predictions"}
_SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render_findings(report: Report, style: str, *, color: bool = False, width: int = WIDTH) -> str:
    """A whole report in one of ``STYLES``; colour and width are for text only."""
    if style == "text":
        guessed = {each.file for each in report.roles if not each.certain}
        body = (
            render_text(report.findings, color=color, width=width, guessed=guessed)
            + _groups(_codes(report))
            + _summary(report)
        )
        return _roles(report) + body
    return STYLES[style](report)


def render_refusal(findings: Sequence[Finding], *, color: bool = False, width: int = WIDTH) -> str:
    """Why an input was refused: its findings, up to ``MAX_FINDINGS``, and how many there are of each rule."""
    text = render_text(findings[:MAX_FINDINGS], color=color, width=width)
    if len(findings) == 1:
        return text
    errors = sum(found.severity == "error" for found in findings)
    groups = _groups(Counter(found.code for found in findings))
    return f"{text}{groups}{_totals(errors, len(findings) - errors, len(findings) - MAX_FINDINGS)}\n"


# Text


def render_text(
    findings: Sequence[Finding], *, color: bool = False, width: int = WIDTH, guessed: Collection[str] = ()
) -> str:
    """One finding after the other, each with the text around its span, which fits ``width``, and a hint.

    Of findings of one file that differ only in numbers, the first ``_ALIKE`` are shown and the rest is counted; of
    warnings about a file whose role is ``guessed``, one for each rule.
    """
    lines: list[str] = []
    kinds = [
        (found.code, found.file) if found.severity == "warning" and found.file in guessed else _kind(found)
        for found in findings
    ]
    total, shown = Counter(kinds), Counter[tuple[Any, ...]]()
    for found, kind in zip(findings, kinds, strict=True):
        shown[kind] += 1
        most = 1 if len(kind) == 2 else _ALIKE
        if shown[kind] > most:
            continue
        mark = f"{found.severity} {found.code}"
        if color:
            mark = f"{_RED if found.severity == 'error' else _YELLOW}{_BOLD}{mark}{_RESET}"
        location = _location(found)
        pointer = f" [{visible(found.pointer)}]" if found.pointer else ""
        lines.append(f"{location}{location and ': '}{mark} {visible(found.message)}{pointer}")
        if found.context is not None:
            lines += [f"    | {line}" for line in _pointed_at(found.context, width - 6)]
        hint = visible(found.hint)
        lines.append(f"    {_DIM}{hint}{_RESET}" if color else f"    {hint}")
        if shown[kind] == most < total[kind]:
            lines.append(f"    and {total[kind] - most} more like it in this file")
    return "".join(f"{line}\n" for line in lines)


def _kind(found: Finding) -> tuple[Any, ...]:
    """What findings have in common that differ in their places and in numbers only."""
    texts = (found.pointer or "", found.message)
    return found.file, found.code, found.severity, *(re.sub(r"\d+(\.\d+)?", "0", text) for text in texts)


def _pointed_at(context: Context, width: int) -> tuple[str, str]:
    """The stretch of text on one line, cut to a width around the span, and a line of carets under the span."""
    parts = context.text[: context.start], context.text[context.start : context.end], context.text[context.end :]
    before, span, after = (visible(part.replace("\n", "⏎").replace("\xa0", "⍽")) for part in parts)
    room = max(width - columns(span), 8) // 2
    if columns(before + span + after) > width:
        before, after = _cut(before[::-1], room)[::-1], _cut(after, room)
    return before + span + after, " " * columns(before) + "^" * max(columns(span), 1)


def _cut(text: str, room: int) -> str:
    if columns(text) <= room:
        return text
    while columns(text) >= room:
        text = text[:-1]
    return f"{text}…"


def _roles(report: Report) -> str:
    """How the files were read, and why."""
    files: dict[tuple[str, str], list[str]] = {}
    for each in report.roles:
        files.setdefault((_PLURAL[each.role], each.reason), []).append(visible(each.file))
    text = ""
    for (role, reason), names in files.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        text += f"{', '.join(names[:3])}{more}: read as {role} ({reason})\n"
    guesses = sorted({_PLURAL[each.role] for each in report.roles if not each.certain})
    if guesses:
        text += f"A guess: what would be wrong only in {' or '.join(guesses)} is a warning.\n"
        text += "Say what they are with --role, such as --role prediction for the output of a system.\n"
    return text


def _groups(codes: Mapping[str, int]) -> str:
    """Findings by code, most frequent first."""
    if not codes:
        return ""
    width = len(str(max(codes.values())))
    most_first = sorted(codes.items(), key=lambda item: (-item[1], item[0]))
    return "\n" + "".join(f"{n:>{width}}  {code} {_name(code)}\n" for code, n in most_first)


def _summary(report: Report) -> str:
    checked = f"{counted(report.records, 'record')} in {counted(report.files, 'file')}"
    if not report.errors and not report.warnings:
        return f"{checked}: no findings\n"
    return f"{checked}: {_totals(report.errors, report.warnings, report.suppressed)}\n"


def _totals(errors: int, warnings: int, beyond: int) -> str:
    more = f" ({beyond} not shown)" if beyond > 0 else ""
    return f"{counted(errors, 'error')}, {counted(warnings, 'warning')}{more}"


def _location(found: Finding) -> str:
    place = [found.file and visible(found.file), found.line, found.line and found.column]
    return ":".join(str(part) for part in place if part is not None)


def _encodable(text: str | None) -> str | None:
    """Escape lone surrogates, which stand for bytes of a file name that are not UTF-8."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _codes(report: Report) -> dict[str, int]:
    """Findings by code, those beyond the limit included."""
    return dict(sorted((report.codes or Counter(found.code for found in report.findings)).items()))


def _name(code: str) -> str:
    return RULES[code].name if code in RULES else "unknown rule"


# JSON


def render_json(report: Report) -> str:
    """One JSON object: counts, and the findings with every key, null where it does not apply."""
    out = {
        "version": __version__,
        "files": report.files,
        "records": report.records,
        "errors": report.errors,
        "warnings": report.warnings,
        "suppressed": report.suppressed,
        "codes": _codes(report),
        "roles": [
            {"file": _encodable(each.file), "role": each.role, "reason": each.reason, "certain": each.certain}
            for each in report.roles
        ],
        "findings": [_as_dict(found) for found in report.findings],
    }
    return as_json(out)


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
        "hint": _encodable(found.hint),
        # The name before 0.2, kept for one minor version.
        "cure": _encodable(found.hint),
        "context": None
        if found.context is None
        else {**msgspec.to_builtins(found.context), "text": _encodable(found.context.text)},
    }


# GitHub


def render_github(report: Report) -> str:
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
    return f"::{found.severity} {given}::{_data(f'{found.message}{pointer}')}%0A{_data(found.hint)}\n"


def _data(text: str) -> str:
    """Escape the text of a command as GitHub's toolkit does."""
    text = _encodable(text) or ""
    return visible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# SARIF


def render_sarif(report: Report) -> str:
    """SARIF 2.1.0: one run, with the rules that it uses."""
    codes = sorted({found.code for found in report.findings})
    index = {code: number for number, code in enumerate(codes)}
    run = {
        "tool": {
            "driver": {"name": "retold", "semanticVersion": __version__, "rules": [_descriptor(code) for code in codes]}
        },
        "results": [_result(found, index[found.code]) for found in report.findings],
    }
    return as_json({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _descriptor(code: str) -> dict[str, Any]:
    rule = RULES.get(code)
    if rule is None:
        return {"id": code, "name": _name(code)}
    texts = {"shortDescription": rule.what, "fullDescription": f"{rule.what} {rule.why}".strip(), "help": rule.hint}
    return {"id": code, "name": rule.name, **{key: {"text": text} for key, text in texts.items()}}


def _result(found: Finding, rule_index: int) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if found.file is not None:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(found.file)}}
        if found.line is not None:
            # Columns are bytes in findings, characters in SARIF.
            physical["region"] = {"startLine": found.line}
        location["physicalLocation"] = physical
    if found.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": _encodable(found.pointer)}]
    out: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule_index,
        "level": found.severity,
        "message": {"text": _encodable(f"{found.message}\n{found.hint}")},
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


STYLES: Final[dict[str, Callable[[Report], str]]] = {
    "text": lambda report: render_findings(report, "text"),
    "json": render_json,
    "github": render_github,
    "sarif": render_sarif,
}


# A new event


def next_steps(folder: Path, root: str, scheme: Scheme, *, dated: bool) -> str:
    """What to do next with the folder of a new event."""
    keys = " and ".join(scheme.event_keys)
    card = ", ".join(
        ["title", *([] if dated else ["date (YYYY-MM-DD)"]), "description", *([f"stance {keys}"] if keys else [])]
    )
    files, name, corpus = scheme.catalogues, folder.name, f"--corpus {root}"
    steps = [
        f"retold corpus show {name} {corpus} > {name}.txt: correct zones, sentences, outlet, date and rights in it.",
        f"retold corpus divide {name}.txt {corpus}",
        f"{folder}/event.json: fill in {card}.",
        *([f"{root}/corpus.json: add {name} to a split."] if scheme.manifest.splits else []),
        *([f"{', '.join(files)} in {folder}: add a line for each {' and '.join(files.values())}."] if files else []),
        f"retold corpus import-quotes FOLDER --event {name} --annotator NAME {corpus}: for each annotator.",
        f"retold corpus adjudicate FILE --init --event {name} {corpus}: decide what two annotators differ on.",
        f"retold corpus build {corpus}; retold validate {corpus}",
    ]
    return "\nNext:\n" + "".join(f"{number}. {step}\n" for number, step in enumerate(steps, 1))


# Fixes


def render_fixes(fixed: FixedFile, limit: int) -> str:
    """What was fixed in a file, one line each, at most ``limit``."""
    if not fixed.fixes:
        return ""
    file = visible(fixed.file)
    lines = [f"{file}: offsets look like {fixed.convention}; converted to code points"] if fixed.convention else []
    for each in fixed.fixes[:limit]:
        changes = (
            f"{key} {shorten(each.before[key])} -> {shorten(value)}"
            if key in each.before
            else f"{key} {shorten(value)} added"
            for key, value in each.after.items()
        )
        what = ", ".join(changes) or "byte-order mark removed"
        pointer = f" [{visible(each.pointer)}]" if each.pointer else ""
        lines.append(f"{file}:{each.line}: fix {visible(what)}{pointer}")
    beyond = len(fixed.fixes) - limit
    number = counted(len(fixed.fixes), "fix", "fixes") + (f" ({beyond} not shown)" if beyond > 0 else "")
    lines.append(f"{file}: {number}, {counted(len(fixed.left), 'finding')} left")
    return "".join(f"{line}\n" for line in lines)


# The table of rules


def rules_table(style: str = "text", codes: Collection[str] = RULES, width: int = WIDTH) -> str:
    """Some or all rules, from their docstrings: what is wrong as text, everything as a Markdown table."""
    chosen = [rule for code, rule in sorted(RULES.items()) if code in codes]
    heads = ["code", "rule", "severity", "what is wrong"]
    if style == "text":
        shown = []
        for rule in chosen:
            distinct = set(rule.severity.values()) - {None}
            shown.append([rule.code, rule.name, str(*distinct) if len(distinct) == 1 else "by role", rule.what])
        foot = "by role: an error or a warning, by what the file is checked as. 'retold rules CODE' explains a rule."
        return f"{table(heads, shown, 'text', width)}\n{wrapped(foot, width)}"
    rows = [[*heads, "why it matters", "example", "hint"]]
    rows += [[r.code, r.name, _severities(r.severity), r.what, r.why, r.example, r.hint] for r in chosen]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows]
    return "".join([lines[0], "|" + "---|" * len(rows[0]) + "\n", *lines[1:]])


def rule_page(code: str, width: int | None = None) -> str:
    """The page of one rule, as Markdown; filled where a width is given.

    Raises:
        KeyError: there is no such rule.
    """
    rule = RULES[code]
    page = (
        f"# {rule.code} {rule.name}\n\n{rule.what}\n\n{rule.why}\n\n"
        f"Example: {rule.example}\n\nHint: {rule.hint}\n\nSeverity: {_severities(rule.severity)}\n"
    )
    return page if width is None else wrapped(page, width)


def _severities(by_role: Mapping[Role, Severity | None]) -> str:
    distinct = set(by_role.values())
    if len(distinct) == 1:
        return str(distinct.pop())
    return ", ".join(f"{role}: {severity}" for role, severity in by_role.items() if severity is not None)
