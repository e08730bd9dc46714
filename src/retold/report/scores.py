"""One system's score as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from retold.report.items import ErrorTables, error_tables
from retold.report.notes import (
    UNDEFINED,
    coverage_of,
    few_documents,
    format_value,
    layers_left,
    mean_notes,
    missing_layers,
    other_corpus,
    provenance,
    saw_gold,
    spread,
    status,
)
from retold.report.tables import ABSENT, TableFormat, as_json, format_exact, heading, interval, listed, number, table
from retold.rules.registry import nearest
from retold.scoring.evaluate import Score

__all__ = ["FORMATS", "render_score", "select_measures"]

FORMATS: Final = ("text", "markdown", "json", "csv", "latex")

_COLUMNS: Final = (
    *("system", "measure", "value", "low", "high", "counts"),
    *("leave_one_out_low", "leave_one_out_high", "status", "note"),
)


def select_measures(score: Score, patterns: Sequence[str]) -> list[str]:
    """Names of the measures that match a pattern (``stance.favg``, ``claims.*``), in the order of the score.

    Raises:
        ValueError: a pattern matches nothing.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in score.measures):
            close = nearest(pattern, score.measures)
            raise ValueError(f"no measure {pattern!r}{f' (did you mean {close!r}?)' if close else ''}")
    return [name for name in score.measures if any(fnmatchcase(name, pattern) for pattern in patterns)]


def render_score(
    score: Score, style: str, errors: ErrorTables | None = None, measures: Collection[str] | None = None
) -> str:
    """Render a score in one of ``FORMATS``.

    Args:
        score: what to render.
        style: one of ``FORMATS``.
        errors: from ``retold.scoring.errors``; shown in the formats for people, unless ``measures`` are given.
        measures: names of the measures to show; all where it is None.
    """
    if style == "json":
        return as_json(_as_dict(score, measures))
    names = score.measures if measures is None else measures
    if style == "csv":
        return _csv(score, names)
    kind: TableFormat = style  # type: ignore[assignment]
    return _document(
        score, kind, errors if errors and measures is None else {}, names, measures or _in_breakdowns(score)
    )


def _in_breakdowns(score: Score) -> list[str]:
    """Measures that a breakdown shows in print, if it has them: parts of the tracks, and accuracy; JSON has all."""
    found = []
    for track in score.scheme.tracks.values():
        for part in track.parts:
            stem = part.rpartition(".")[0]
            more = "entities.coreference.links.f1" if stem == "entities.coreference" else f"{stem}.accuracy"
            found += [part, more]
    return list(dict.fromkeys(found))


def _as_dict(score: Score, measures: Collection[str] | None) -> dict[str, Any]:
    out = score.as_dict()
    if measures is not None:
        out["measures"] = {name: value for name, value in out["measures"].items() if name in measures}
        out["left_out"] = {name: parts for name, parts in out["left_out"].items() if name in measures}
        out["breakdowns"] = {
            dimension: {
                key: {name: cell for name, cell in cells.items() if name in measures} for key, cells in values.items()
            }
            for dimension, values in out["breakdowns"].items()
        }
    return out


def _csv(score: Score, names: Collection[str]) -> str:
    notes = mean_notes(score) | coverage_of(score)
    rows = []
    for name in names:
        value = score.measures[name]
        bounds = map(format_exact, (value.value, value.low, value.high))
        spread = map(format_exact, value.leave_one_out or (None, None))
        counts = json.dumps(value.counts)
        rows.append([score.system, name, *bounds, counts, *spread, status(score, name), notes.get(name, "")])
    doubts = {"protocol": saw_gold(score), "corpus_version": other_corpus(score)}
    about = [(f"submission.{key}", text, doubts.get(key, "")) for key, text in score.submission.items()]
    for name, text, note in (*about, ("signature", score.signature, "")):
        rows.append([score.system, name, text, *[""] * 6, note])
    return table(_COLUMNS, rows, "csv")


def _document(
    score: Score, style: TableFormat, errors: ErrorTables, names: Collection[str], in_breakdowns: Collection[str]
) -> str:
    parts = [heading(score.system, style, 1)]
    if headlines := [
        [
            name,
            format_value(score, name),
            interval(score.measures[name].low, score.measures[name].high),
            spread(score.measures[name]),
        ]
        for name in score.headlines
        if name in names
    ]:
        parts.append(table(["track", "score", "95% interval", "one document left out"], headlines, style))
    groups = dict.fromkeys(name.partition(".")[0] for name in score.measures if name not in score.headlines)
    for track in groups:
        rows = [
            [name, format_value(score, name), interval(value.low, value.high), _counts(value.counts)]
            for name, value in score.measures.items()
            if name.startswith(f"{track}.") and name in names and status(score, name) in ("defined", "undefined")
        ]
        if rows:
            parts += [heading(track, style, 2), table(["measure", "value", "95% interval", "counts"], rows, style)]
    for title, errors_by_kind in error_tables(errors, style):
        parts += [heading(title, style, 2), errors_by_kind]
    for dimension, values in score.breakdowns.items():
        parts += _breakdown(dimension, values, in_breakdowns, style)
    parts += [
        heading("coverage", style, 2),
        table(["", "gold", "predicted", "missing", "extra"], _coverage(score), style),
    ]
    return "\n".join([*parts, listed(_notes(score, names), style)])


def _counts(counts: Mapping[str, int | float]) -> str:
    # A confusion table has too many cells for a line; JSON and CSV have them.
    if not counts or len(counts) > 6:
        return f"{int(sum(counts.values()))} items" if counts else ABSENT
    return ", ".join(
        f"{name} {amount if isinstance(amount, int) else number(amount)}" for name, amount in counts.items()
    )


def _breakdown(
    dimension: str, values: Mapping[str, Mapping[str, Any]], names: Collection[str], style: TableFormat
) -> list[str]:
    columns = [name for name in names if any(name in cells for cells in values.values())]
    # A blank cell: the measure does not apply to the row. A dash: its value is undefined.
    rows = [
        [key, *(number(cells[name]["value"]) if name in cells else "" for name in columns)]
        for key, cells in values.items()
    ]
    return [heading(f"by {dimension}", style, 2), table([dimension, *columns], rows, style)] if columns else []


def _coverage(score: Score) -> list[list[str]]:
    rows = []
    for name in ("documents", *(name for name, layer in score.scheme.layers.items() if layer.keyed)):
        cells = score.coverage[name]
        rows.append([name, *(str(cells.get(key, ABSENT)) for key in ("gold", "predicted", "missing", "extra"))])
    return rows


def _notes(score: Score, names: Collection[str]) -> list[str]:
    lines = []
    if any(status(score, name) == "undefined" for name in names):
        lines.append(UNDEFINED)
    for words, layers in zip(("not competed in", "not in gold"), layers_left(score), strict=True):
        if layers:
            lines.append(f"· {words}: {', '.join(layers)}")
    if ignored := score.coverage.get("ignored_layers"):
        lines.append(f"answered but ignored, as gold lacks it: {', '.join(ignored)}")
    if gaps := missing_layers(score):
        lines.append(gaps)
    about = mean_notes(score) | coverage_of(score)
    lines += [*(note for name, note in about.items() if name in names), provenance(score)]
    lines += [note for note in (other_corpus(score), saw_gold(score)) if note]
    documents = score.coverage["documents"]["gold"]
    if documents < 30:
        lines.append(few_documents(documents, score.signature, score.scheme))
    return [*lines, f"signature: {score.signature}"]
