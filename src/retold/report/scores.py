"""One system's score as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from retold.report.items import ErrorTables, error_tables
from retold.report.notes import (
    UNDEFINED,
    few_documents,
    layers_left,
    mean_notes,
    other_corpus,
    provenance,
    saw_gold,
    shown,
    status,
)
from retold.report.tables import ABSENT, TableFormat, heading, listed, number, table
from retold.scoring import HEADLINES, TRACK_LAYERS, Score, Value

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
_COLUMNS: Final = (
    *("system", "measure", "value", "low", "high", "counts"),
    *("leave_one_out_low", "leave_one_out_high", "status", "note"),
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

    means = mean_notes(score)
    rows = []
    for name, value in score.measures.items():
        bounds = [full(value.value), full(value.low), full(value.high)]
        apart = [full(bound) for bound in value.leave_one_out or (None, None)]
        counts = json.dumps(value.counts)
        rows.append([score.system, name, *bounds, counts, *apart, status(score, name), means.get(name, "")])
    doubts = {"protocol": saw_gold(score), "corpus_version": other_corpus(score)}
    about = [(f"submission.{key}", text, doubts.get(key, "")) for key, text in score.submission.items()]
    for name, text, note in (*about, ("signature", score.signature, "")):
        rows.append([score.system, name, text, *[""] * 6, note])
    return table(_COLUMNS, rows, "csv")


def _document(score: Score, style: TableFormat, errors: ErrorTables) -> str:
    parts = [heading(score.system, style, 1)]
    parts.append(table(["track", "score", "95% interval", "one document left out"], _headlines(score), style))
    for track in TRACK_LAYERS:
        rows = [
            [name, shown(score, name), _interval(value), _counts(value.counts)]
            for name, value in score.measures.items()
            if name.startswith(f"{track}.") and status(score, name) in ("defined", "undefined")
        ]
        if rows:
            parts += [heading(track, style, 2), table(["measure", "value", "95% interval", "counts"], rows, style)]
    for title, errors_by_kind in error_tables(errors, style):
        parts += [heading(title, style, 2), errors_by_kind]
    for dimension, values in score.breakdowns.items():
        parts += _breakdown(dimension, values, style)
    parts += [
        heading("coverage", style, 2),
        table(["", "gold", "predicted", "missing", "extra"], _coverage(score), style),
    ]
    return "\n".join([*parts, listed(_foot(score), style)])


def _headlines(score: Score) -> list[list[str]]:
    rows = []
    for name in HEADLINES:
        value = score.measures[name]
        apart = value.leave_one_out
        spread = f"{number(apart[0])} to {number(apart[1])}" if apart else ABSENT
        rows.append([name, shown(score, name), _interval(value), spread])
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
    columns = [name for name in _SHOWN if any(name in cells for cells in values.values())]
    # Where a measure has nothing to do with a row, there is nothing; a dash is a value that is undefined.
    rows = [
        [key, *(number(cells[name]["value"]) if name in cells else "" for name in columns)]
        for key, cells in values.items()
    ]
    return [heading(f"by {dimension}", style, 2), table([dimension, *columns], rows, style)] if columns else []


def _coverage(score: Score) -> list[list[str]]:
    rows = []
    for name in ("documents", "stance", "verification"):
        cells = score.coverage[name]
        rows.append([name, *(str(cells.get(key, ABSENT)) for key in ("gold", "predicted", "missing", "extra"))])
    return rows


def _foot(score: Score) -> list[str]:
    lines = []
    if any(status(score, name) == "undefined" for name in score.measures):
        lines.append(UNDEFINED)
    for words, layers in zip(("not competed in", "not in gold"), layers_left(score), strict=True):
        if layers:
            lines.append(f"· {words}: {', '.join(layers)}")
    lines += [*mean_notes(score).values(), provenance(score)]
    lines += [note for note in (other_corpus(score), saw_gold(score)) if note]
    documents = score.coverage["documents"]["gold"]
    if documents < 30:
        lines.append(few_documents(documents, score.signature))
    return [*lines, f"signature: {score.signature}"]
