"""Measures and what defines them, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Protocol

from retold.report.tables import table

__all__ = ["render_measure", "render_measures"]


class Described(Protocol):
    """What a page needs of a measure."""

    @property
    def name(self) -> str: ...
    @property
    def definition(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def undefined(self) -> str: ...
    @property
    def counts(self) -> Iterable[str]: ...


def render_measures(measures: Iterable[Described]) -> str:
    """One line for each measure, with the first sentence of its definition."""
    return table(["measure", "definition"], [[m.name, m.definition.partition(". ")[0]] for m in measures], "text")


def render_measure(measure: Described) -> str:
    """The page of one measure."""
    said = {"reference": measure.reference, "0/0": measure.undefined, "counts": ", ".join(measure.counts)}
    parts = [measure.name, textwrap.fill(measure.definition, 100)]
    parts += [f"{name}: {text}" for name, text in said.items() if text]
    return "\n\n".join(parts) + "\n"
