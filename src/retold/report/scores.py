"""One system's score as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from retold.report.items import ErrorTables, error_tables
from retold.report.tables import ABSENT, TableFormat, number, one_line, table
from retold.scoring import HEADLINES, Score, Value

__all__ = ["FORMATS", "render_score"]

FORMATS: Final = ("text", "markdown", "json", "csv", "latex")

#: Measures that a breakdown shows in print; JSON has all.
_SHOWN: Final = (
    "entities.mention.f1",
    "entities.linking.f1",
    "entities.coreference.conll",
    "entities.coreference.links.f1",
    "stance.favg",
    "stance.accuracy",
    "claims.span.f1",
    "claims.attribution.f1",
    "claims.verification.macro_f1",
    "claims.verification.accuracy",
)


def render_score(score: Score, style: str, errors: ErrorTables | None = None) -> str:
    """Render a score in one of ``FORMATS``; ``errors`` (``retold.scoring.errors``) are shown to people only."""
    if style == "json":
        return json.dumps(score.as_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    if style == "csv":
        return _csv(score)
    return _document(score, style, errors or {})  # type: ignore[arg-type]


def _csv(score: Score) -> str:
    def full(value: float | None) -> str:
        return "" if value is None else repr(value)

    rows = [
        [score.system, name, full(value.value), full(value.low), full(value.high), json.dumps(value.counts)]
        for name, value in score.measures.items()
    ]
    rows.append([score.system, "signature", score.signature, "", "", ""])
    return table(["system", "measure", "value", "low", "high", "counts"], rows, "csv")


def _document(score: Score, style: TableFormat, errors: ErrorTables) -> str:
    parts = [_heading(one_line(score.system), style, 1)]
    parts.append(table(["track", "score", "95% interval", "one document left out"], _headlines(score), style))
    for track in ("entities", "stance", "claims"):
        rows = [
            [name, number(value.value), _interval(value), _counts(value.counts)]
            for name, value in score.measures.items()
            if name.startswith(f"{track}.") and value.value is not None
        ]
        if rows:
            parts += [_heading(track, style, 2), table(["measure", "value", "95% interval", "counts"], rows, style)]
    for title, errors_by_kind in error_tables(errors, style):
        parts += [_heading(title, style, 2), errors_by_kind]
    for dimension, values in score.breakdowns.items():
        parts += _breakdown(dimension, values, style)
    parts += [
        _heading("coverage", style, 2),
        table(["", "gold", "predicted", "missing", "extra"], _coverage(score), style),
    ]
    parts.append(_foot(score, style))
    return "\n".join(parts)


def _headlines(score: Score) -> list[list[str]]:
    rows = []
    for name in HEADLINES:
        value = score.measures[name]
        apart = value.leave_one_out
        spread = f"{number(apart[0])} to {number(apart[1])}" if apart else ABSENT
        rows.append([name, number(value.value), _interval(value), spread])
    return rows


def _interval(value: Value) -> str:
    return ABSENT if value.low is None else f"[{number(value.low)}, {number(value.high)}]"


def _counts(counts: Mapping[str, int | float]) -> str:
    # A confusion table has too many cells for a line; JSON and CSV have them.
    if not counts or len(counts) > 6:
        return f"{int(sum(counts.values()))} items" if counts else ABSENT
    return ", ".join(
        f"{name} {amount if isinstance(amount, int) else number(amount)}" for name, amount in counts.items()
    )


def _breakdown(dimension: str, values: Mapping[str, Mapping[str, Any]], style: TableFormat) -> list[str]:
    shown = [name for name in _SHOWN if any(cells.get(name, {}).get("value") is not None for cells in values.values())]
    rows = [[key, *(number(cells.get(name, {}).get("value")) for name in shown)] for key, cells in values.items()]
    return [_heading(f"by {dimension}", style, 2), table([dimension, *shown], rows, style)] if shown else []


def _coverage(score: Score) -> list[list[str]]:
    rows = []
    for name in ("documents", "stance", "verification"):
        cells = score.coverage[name]
        rows.append([name, *(str(cells.get(key, ABSENT)) for key in ("gold", "predicted", "missing", "extra"))])
    return rows


def _foot(score: Score, style: TableFormat) -> str:
    lines = [f"signature: {one_line(score.signature)}"]
    documents = score.coverage["documents"]["gold"]
    if documents < 30:
        lines.append(few_documents(documents, score.signature))
    if style == "latex":
        return "".join(f"% {line}\n" for line in lines)
    return "".join(f"{line}\n" for line in lines)


def few_documents(documents: int, signature: str) -> str:
    """What a result on so few documents can and cannot show; the signature says what was drawn."""
    drawn = "the paragraphs, stance cells and claims of these documents" if "unit:paragraph" in signature else "them"
    return (
        f"{documents} documents: intervals and tests say how the result varies over {drawn}. "
        "They say nothing about other events or outlets."
    )


def _heading(text: str, style: TableFormat, level: int) -> str:
    if style == "markdown":
        return f"{'#' * level} {text}\n"
    if style == "latex":
        return f"% {text}"
    return f"{text}\n{'=' * len(text)}\n" if level == 1 else f"{text}\n{'-' * len(text)}\n"
