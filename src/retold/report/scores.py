"""One system's score as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from retold.report import notes
from retold.report.items import ErrorTables, error_tables
from retold.report.tables import ABSENT, WIDTH, Page, as_json, format_exact, interval, number, table
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
    score: Score,
    style: str,
    errors: ErrorTables | None = None,
    measures: Collection[str] | None = None,
    *,
    verbose: bool = False,
    width: int = WIDTH,
) -> str:
    """Render a score in one of ``FORMATS``.

    Args:
        score: what to render.
        style: one of ``FORMATS``.
        errors: from ``retold.scoring.errors``; shown in the formats for people, unless ``measures`` are given.
        measures: names of the measures to show; all where it is None.
        verbose: whether text shows more than headlines and their parts, or than ``measures``; other formats always do.
        width: columns that text may take.
    """
    if style == "json":
        return as_json(_as_dict(score, measures))
    names = score.measures if measures is None else measures
    if style == "csv":
        return _csv(score, names)
    page = Page(style, width)
    brief = page.style == "text" and not verbose
    page.heading(score.system, 1)
    under = {name: track.parts for name, track in score.scheme.tracks.items() if brief}
    first = [each for name in score.headlines for each in (name, *under.get(name, ())) if each in names]
    rest = [name for name in names if name not in first]
    if brief and measures:
        first = [*first, *rest]
    _measures(page, score, first)
    if not brief:
        for track in dict.fromkeys(name.partition(".")[0] for name in rest):
            _measures(page, score, [name for name in rest if name.startswith(f"{track}.")], track)
        for title, headers, rows in error_tables(errors if errors and measures is None else {}):
            page.table(headers, rows, title)
        for dimension, values in score.breakdowns.items():
            _breakdown(page, dimension, values, measures or _in_breakdowns(score))
        heads = ("gold", "predicted", "missing", "extra")
        body = [[name, *(str(cells.get(key, ABSENT)) for key in heads)] for name, cells in notes.covered(score).items()]
        page.table(["", *heads], body, "coverage")
    page.notes(_notes(score, first if brief else names, brief=brief))
    return str(page)


def _measures(page: Page, score: Score, names: Sequence[str], title: str = "") -> None:
    """A table of measures with intervals, and their counts, or without a title the ranges of the headlines."""
    rows: list[list[str]] = []
    above = ""
    for name in names:
        value = score.measures[name]
        if name not in score.headlines and notes.status(score, name) not in ("defined", "undefined"):
            continue
        more = _counts(value.counts) if title else notes.spread(value) if name in score.headlines else ""
        shown = "as above" if title and page.style == "text" and more == above != ABSENT else more
        rows.append([name, notes.format_value(score, name), interval(value.low, value.high), shown])
        above = more
    last = slice(None if any(row[-1] not in ("", ABSENT) for row in rows) else -1)
    headers = ["measure", "value", "95% interval", "counts" if title else "one document left out"]
    page.table(headers[last], [row[last] for row in rows], title)


def _in_breakdowns(score: Score) -> list[str]:
    """Measures that a breakdown shows in print, if it has them: parts of the tracks, and accuracy; JSON has all."""
    found = []
    for part in score.scheme.parts:
        stem = part.rpartition(".")[0]
        found += [part, "entities.coreference.links.f1" if stem == "entities.coreference" else f"{stem}.accuracy"]
    return list(dict.fromkeys(found))


def _as_dict(score: Score, measures: Collection[str] | None) -> dict[str, Any]:
    def chosen(found: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in found.items() if measures is None or name in measures}

    out = score.as_dict()
    out |= {key: chosen(out[key]) for key in ("measures", "left_out")}
    out["breakdowns"] = {
        dimension: {key: chosen(cells) for key, cells in values.items()}
        for dimension, values in out["breakdowns"].items()
    }
    return out


def _csv(score: Score, names: Collection[str]) -> str:
    said = notes.mean_notes(score) | notes.coverage_of(score)
    rows = []
    for name in names:
        value = score.measures[name]
        ranges = map(format_exact, value.leave_one_out or (None, None))
        row = [score.system, name, *notes.exact(value), json.dumps(value.counts), *ranges]
        rows.append([*row, notes.status(score, name), said.get(name, "")])
    doubts = {"protocol": notes.saw_gold(score), "corpus_version": notes.other_corpus(score)}
    about = [(f"submission.{key}", text, doubts.get(key, "")) for key, text in score.submission.items()]
    for name, text, note in (*about, ("signature", score.signature, "")):
        rows.append([score.system, name, text, *[""] * 6, note])
    return table(_COLUMNS, rows, "csv")


def _counts(counts: Mapping[str, int | float]) -> str:
    # A confusion table has too many cells for a line; JSON and CSV have them.
    if not counts or len(counts) > 6:
        return f"{int(sum(counts.values()))} items" if counts else ABSENT
    return ", ".join(
        f"{name} {amount if isinstance(amount, int) else number(amount)}" for name, amount in counts.items()
    )


def _breakdown(page: Page, dimension: str, values: Mapping[str, Mapping[str, Any]], names: Collection[str]) -> None:
    columns = [name for name in names if any(name in cells for cells in values.values())]
    # A blank cell: the measure does not apply to the row. A dash: its value is undefined.
    rows = [
        [key, *(number(cells[name]["value"]) if name in cells else "" for name in columns)]
        for key, cells in values.items()
        if columns
    ]
    page.table([dimension, *columns], rows, f"by {dimension}")


def _notes(score: Score, names: Collection[str], *, brief: bool = False) -> list[str]:
    lines = [notes.UNDEFINED] if any(notes.status(score, name) == "undefined" for name in names) else []
    lines += notes.no_intervals([score.measures[name] for name in names], score.signature)
    for words, layers in zip(("not competed in", "not in gold"), notes.layers_left(score), strict=True):
        lines += [f"· {words}: {', '.join(layers)}"] if layers else []
    if ignored := score.coverage.get("ignored_layers"):
        lines.append(f"answered but ignored, as gold lacks it: {', '.join(ignored)}")
    lines += filter(None, [notes.missing_layers(score)])
    lines += [note for name, note in (notes.mean_notes(score) | notes.coverage_of(score)).items() if name in names]
    lines += [notes.coverage(score)] if brief else []
    about = (notes.warnings, notes.provenance, notes.other_corpus, notes.saw_gold)
    lines += filter(None, (note(score) for note in about))
    lines += notes.few_documents(score.coverage["documents"]["gold"], score.signature, score.scheme)
    more = "--verbose shows all measures, their counts, errors by kind and breakdowns; --format json everything."
    return [*lines, *([more] if brief else []), f"signature: {score.signature}"]
