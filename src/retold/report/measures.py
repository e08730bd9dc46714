"""The catalogue of measures as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from retold.measures.base import Measure
from retold.report.tables import table

__all__ = ["render_measure", "render_measures"]


def render_measures(measures: Iterable[Measure]) -> str:
    """One line for each measure, with its definition."""
    return table(["measure", "definition"], [[m.name, m.definition] for m in measures], "text")


def render_measure(measure: Measure) -> str:
    """The page of one measure."""
    details = {"reference": measure.reference, "0/0": measure.undefined, "counts": ", ".join(measure.counts)}
    parts = [measure.name, textwrap.fill(measure.definition, 100)]
    parts += [f"{name}: {text}" for name, text in details.items() if text]
    return "\n\n".join(parts) + "\n"
