"""The catalogue of measures as text."""

from __future__ import annotations

from collections.abc import Iterable

from retold.measures.base import Measure
from retold.report.tables import WIDTH, TableFormat, table, wrapped

__all__ = ["render_measure", "render_measures"]


def render_measures(measures: Iterable[Measure], style: TableFormat = "text", width: int = WIDTH) -> str:
    """One line for each measure: its definition as text, everything in the other formats."""
    if style == "text":
        return table(["measure", "definition"], [[m.name, m.definition] for m in measures], style, width)
    heads = ["measure", "definition", "reference", "counts", "0/0"]
    rows = [[m.name, m.definition, m.reference, ", ".join(m.counts), m.undefined] for m in measures]
    return table(heads, rows, style)


def render_measure(measure: Measure, width: int = WIDTH) -> str:
    """The page of one measure."""
    details = {"reference": measure.reference, "0/0": measure.undefined, "counts": ", ".join(measure.counts)}
    parts = [measure.name, measure.definition, *(f"{name}: {text}" for name, text in details.items() if text)]
    return wrapped("\n\n".join(parts), width)
