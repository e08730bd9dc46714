"""Agreement of annotators as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from retold.report.notes import few_documents
from retold.report.tables import ABSENT, TableFormat, as_json, format_exact, interval, listed, number, table
from retold.scoring.agreement import Agreement, AgreementValue

__all__ = ["FORMATS", "agreement_rows", "render_agreement", "render_pairs"]

FORMATS: Final = ("text", "markdown", "json", "csv", "latex")


def render_agreement(result: Agreement, style: str, *, disagreements: bool = False) -> str:
    """Render an agreement in one of ``FORMATS``; JSON always holds the disagreements."""
    if style == "json":
        return as_json(result.as_dict())
    kind: TableFormat = style  # type: ignore[assignment]
    headers = ["measure", "value", "95% interval", "items"]
    if kind == "csv":
        rows = [
            [name, *map(format_exact, (value.value, value.low, value.high)), json.dumps(value.counts)]
            for name, value in result.measures.items()
        ]
        rows.append(["signature", result.signature, "", "", ""])
        return table(["measure", "value", "low", "high", "counts"], rows, kind)
    parts = [table(headers, agreement_rows(result), kind)]
    for dimension, values in result.breakdowns.items():
        names = [name for name in result.measures if any(name in cells for cells in values.values())]
        body = [[key, *(number(cells.get(name, {}).get("value")) for name in names)] for key, cells in values.items()]
        parts.append(table([dimension, *names], body, kind))
    if disagreements:
        rows = [
            [d.layer, d.document_id, d.item, d.kind, _brief(d.first), _brief(d.second), d.context]
            for d in result.disagreements
        ]
        parts.append(table(["layer", "document", "item", "differs in", *result.annotators, "context"], rows, kind))
    documents = len(result.breakdowns.get("document", {}))
    differ = len(result.disagreements)
    counted = "1 disagreement" if differ == 1 else f"{differ} disagreements"
    lines = [f"annotators: {result.annotators[0]}, {result.annotators[1]}; {counted}"]
    if documents < 30:
        lines.append(few_documents(documents, result.signature, result.scheme))
    lines.append(f"signature: {result.signature}")
    return "\n".join([*parts, listed(lines, kind)])


def render_pairs(results: Sequence[Agreement], style: str) -> str:
    """Render the agreement of each pair of annotators, and its mean over the pairs where it is defined."""
    if style == "json":
        pairs = [result.as_dict() for result in results]
        return as_json({"pairs": pairs})
    kind: TableFormat = style  # type: ignore[assignment]
    format_value = format_exact if kind == "csv" else number
    rows = []
    for name in results[0].measures:
        values = [result.measures[name].value if name in result.measures else None for result in results]
        known = [value for value in values if value is not None]
        rows.append([name, *map(format_value, values), format_value(sum(known) / len(known) if known else None)])
    headers = ["measure", *(" / ".join(result.annotators) for result in results), "mean"]
    if kind == "csv":
        return table(headers, [*rows, ["signature", results[0].signature, *[""] * len(results)]], kind)
    return f"{table(headers, rows, kind)}\n{listed([f'signature: {results[0].signature}'], kind)}"


def agreement_rows(result: Agreement) -> list[list[str]]:
    """One row for each measure: name, value, interval, number of items compared."""
    return [
        [name, number(value.value), interval(value.low, value.high), _items(name, value)]
        for name, value in result.measures.items()
    ]


def _items(name: str, value: AgreementValue) -> str:
    counts = value.counts
    if name.endswith("evidence.f1"):
        return f"{counts['first_evidence']} and {counts['second_evidence']}"
    if "linking" in name:
        return f"{counts['first_links']} and {counts['second_links']}"
    if "first" in counts:
        return f"{counts['first']} and {counts['second']}"
    return str(int(sum(amount for key, amount in counts.items() if ":" in key)))


def _brief(given: Any) -> str:
    return ABSENT if given is None else json.dumps(given, ensure_ascii=False)
