"""Agreement of annotators as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from retold.model.display import counted
from retold.report.notes import UNDEFINED_VALUE, exact, few_documents, no_intervals, printed
from retold.report.tables import ABSENT, WIDTH, Page, as_json, format_exact, number, table
from retold.scoring.agreement import Agreement, compared

__all__ = ["FORMATS", "agreement_rows", "render_agreement", "render_pairs"]

FORMATS: Final = ("text", "markdown", "json", "csv", "latex")


def render_agreement(
    result: Agreement, style: str, *, disagreements: bool = False, verbose: bool = False, width: int = WIDTH
) -> str:
    """Render an agreement in one of ``FORMATS``; text has the breakdowns where it is ``verbose``, JSON everything."""
    if style == "json":
        return as_json(result.as_dict())
    if style == "csv":
        rows = [[name, *exact(value), json.dumps(value.counts)] for name, value in result.measures.items()]
        rows.append(["signature", result.signature, "", "", ""])
        return table(["measure", "value", "low", "high", "counts"], rows, "csv")
    page = Page(style, width)
    brief = page.style == "text" and not verbose
    page.table(["measure", "value", "95% interval", "items"], agreement_rows(result))
    for dimension, values in () if brief else result.breakdowns.items():
        names = [name for name in result.measures if any(name in cells for cells in values.values())]
        body = [[key, *(number(cells.get(name, {}).get("value")) for name in names)] for key, cells in values.items()]
        page.table([dimension, *names], body)
    if disagreements:
        rows = [
            [d.layer, d.document_id, d.item, d.kind, _brief(d.first), _brief(d.second), d.context]
            for d in result.disagreements
        ]
        page.table(["layer", "document", "item", "differs in", *result.annotators, "context"], rows)
    compared = result.measures and counted(len(result.disagreements), "disagreement")
    lines = [f"annotators: {result.annotators[0]}, {result.annotators[1]}; {compared or _nothing(result)}"]
    if result.measures:
        lines += _marks([result])
        lines += few_documents(result.documents, result.signature, result.scheme)
        more = "--verbose shows the agreement by document, type, label and so on; --disagreements every item."
        lines += [more] if brief else []
    page.notes([*lines, f"signature: {result.signature}"])
    return str(page)


def render_pairs(results: Sequence[Agreement], style: str, width: int = WIDTH) -> str:
    """Render the agreement of each pair of annotators, and its mean over the pairs where it is defined."""
    if style == "json":
        pairs = [result.as_dict() for result in results]
        return as_json({"pairs": pairs})
    format_value = format_exact if style == "csv" else number
    rows = []
    for name in dict.fromkeys(name for result in results for name in result.measures):
        values = [result.measures[name].value if name in result.measures else None for result in results]
        known = [value for value in values if value is not None]
        rows.append([name, *map(format_value, values), format_value(sum(known) / len(known) if known else None)])
    headers = ["measure", *(" / ".join(result.annotators) for result in results), "mean"]
    if style == "csv":
        return table(headers, [*rows, ["signature", results[0].signature, *[""] * len(results)]], "csv")
    page = Page(style, width)
    page.table(headers, rows)
    lines = [f"{' / '.join(each.annotators)}: {_nothing(each)}" for each in results if not each.measures]
    page.notes([*lines, *_marks(results, intervals=False), f"signature: {results[0].signature}"])
    return str(page)


def agreement_rows(result: Agreement) -> list[list[str]]:
    """One row for each measure: name, value, interval, number of items compared."""
    measures = result.measures.items()
    return [[name, *printed(value), " and ".join(map(str, compared(name, value.counts)))] for name, value in measures]


def _nothing(result: Agreement) -> str:
    given = zip(result.annotators, result.layers, strict=True)
    told = "; ".join(f"{name} has {', '.join(layers) or 'none'}" for name, layers in given)
    return f"nothing to compare: the files share no layer in any document ({told})"


def _marks(results: Sequence[Agreement], *, intervals: bool = True) -> list[str]:
    values = [value for result in results for value in result.measures.values()]
    lines = [UNDEFINED_VALUE] if any(value.value is None for value in values) else []
    return [*lines, *no_intervals(values, results[0].signature)] if intervals else lines


def _brief(given: Any) -> str:
    return ABSENT if given is None else json.dumps(given, ensure_ascii=False)
