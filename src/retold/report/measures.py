"""Measures and tracks of a corpus as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from retold.layers.scheme import Scheme
from retold.measures.base import Measure, Track
from retold.report.tables import table
from retold.scoring.evaluate import OVERALL

__all__ = ["describe", "render_measure", "render_measures"]


def describe(scheme: Scheme) -> dict[str, Measure | Track]:
    """Everything with a value, by name: the mean of the tracks, the tracks, the measures."""
    return {OVERALL: Track(OVERALL, scheme.overall), **scheme.tracks, **scheme.measures}


def render_measures(measures: Iterable[Measure | Track]) -> str:
    """One line for each measure, with the first sentence of its definition."""
    return table(["measure", "definition"], [[m.name, _definition(m).partition(". ")[0]] for m in measures], "text")


def render_measure(measure: Measure | Track) -> str:
    """The page of one measure."""
    details = {}
    if isinstance(measure, Measure):
        details = {"reference": measure.reference, "0/0": measure.undefined, "counts": ", ".join(measure.counts)}
    parts = [measure.name, textwrap.fill(_definition(measure), 100)]
    parts += [f"{name}: {text}" for name, text in details.items() if text]
    return "\n\n".join(parts) + "\n"


def _definition(measure: Measure | Track) -> str:
    if isinstance(measure, Measure):
        return measure.definition
    return f"{measure.definition} Mean of {', '.join(measure.parts)}.".strip()
