"""The catalogue of measures as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from retold.measures.base import Measure
from retold.report.tables import TableFormat, table

__all__ = ["render_measure", "render_measures"]


def render_measures(measures: Iterable[Measure], style: TableFormat = "text") -> str:
    """One line for each measure: its definition as text, everything in the other formats."""
    if style == "text":
        return table(["measure", "definition"], [[m.name, m.definition] for m in measures], style)
    heads = ["measure", "definition", "reference", "counts", "0/0"]
    rows = [[m.name, m.definition, m.reference, ", ".join(m.counts), m.undefined] for m in measures]
    return table(heads, rows, style)


def render_measure(measure: Measure) -> str:
    """The page of one measure."""
    details = {"reference": measure.reference, "0/0": measure.undefined, "counts": ", ".join(measure.counts)}
    parts = [measure.name, textwrap.fill(measure.definition, 100)]
    parts += [f"{name}: {text}" for name, text in details.items() if text]
    return "\n\n".join(parts) + "\n"
