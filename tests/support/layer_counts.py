"""One layer, matched and counted over items that a test writes down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np

from retold.layers.base import Batch, DocumentContext, Layer, LayerCounts
from retold.layers.scheme import default_scheme
from retold.layers.units import UnitKind
from retold.model.annotations import Document, Span, Zone

Counted = tuple[DocumentContext, Sequence[Any], Sequence[Any]]


class Catalogue:
    """What counting asks a corpus, answered by functions of the entity and its id, and of the claim."""

    def __init__(
        self,
        kb_status: Callable[[Any, Any], Any] = lambda entity, kb_id: "verified" if kb_id else "unverified",
        mutation: Callable[[str], str | None] = lambda claim: None,
    ) -> None:
        self._kb_status, self._mutation = kb_status, mutation

    def kb_status(self, event: str, entity: Any, kb_id: Any) -> Any:
        return self._kb_status(entity, kb_id)

    def mutation(self, event: str, claim: str) -> str | None:
        return self._mutation(claim)


def document(
    zones: Sequence[tuple[int, int, str]],
    paragraphs: Sequence[tuple[int, int]],
    name: str = "d",
    language: str = "en",
    event: str = "e",
) -> Document:
    """A document of x's with these zones and paragraphs, which are its sentences too."""
    spans = [Span(start=start, end=end) for start, end in paragraphs]
    return Document(
        document_id=name,
        event=event,
        text="x" * zones[-1][1],
        language=language,
        outlet=None,
        original_source=None,
        published=None,
        event_date="2023-10-24",
        seed="s.txt",
        seed_sha256="0" * 64,
        zones=[Zone(start=start, end=end, zone=zone) for start, end, zone in zones],  # type: ignore[arg-type]
        paragraphs=spans,
        sentences=spans,
        rights="",
    )


def context(text: Document | None = None, name: str = "d", *, by_document: bool = False) -> DocumentContext:
    """Where the labels of a document are counted."""
    return DocumentContext(text.document_id if text else name, text, pool=False, by_document=by_document)


@cache
def _item_type(layer: Layer[Any]) -> Any:
    return list[layer.item_type()]  # type: ignore[misc]


def count_layer(
    layer: str | Layer[Any],
    *documents: Counted,
    catalogue: Catalogue | None = None,
    units: UnitKind = "document",
    refers_to: Callable[[str, str], str | None] = lambda event, name: name,
) -> LayerCounts:
    """Counts of one layer.

    Args:
        layer: the layer; by its name, with its default labels.
        documents: context, gold items and predicted items of each, batched by event.
        refers_to: (event, predicted cluster) -> gold entity; a name is a key of the catalogue by default.
    """
    found = default_scheme().layers[layer] if isinstance(layer, str) else layer
    counts = LayerCounts(found, catalogue or Catalogue())
    for event in dict.fromkeys(each.event for each, _, _ in documents):
        some = [each for each in documents if each[0].event == event]
        sides = [
            [msgspec.convert(msgspec.to_builtins(each[side]), _item_type(found)) for each in some] for side in (1, 2)
        ]
        counts.extend(event, *sides)
        asked = np.ones(len(some), np.bool_)
        counts.flush(Batch(event, [each for each, _, _ in some], units, {found.name: asked}))
    found.finish(counts, refers_to)
    return counts


def measures(counts: LayerCounts) -> dict[str, float]:
    """Every measure of the layer by name."""
    sums = counts.units.real(counts.units.totals())
    return {measure.name: float(measure.value(sums)) for measure in counts.layer.measures}


def totals_of(layer: str, gold: Sequence[Any], predicted: Sequence[Any]) -> dict[str, int]:
    """Counts of one document by column."""
    return count_layer(layer, (context(), gold, predicted)).units.totals()


def measures_of(layer: str, prefix: str, gold: Sequence[Any], predicted: Sequence[Any]) -> dict[str, float]:
    """Measures of one document by name without their prefix."""
    found = measures(count_layer(layer, (context(), gold, predicted)))
    return {name.removeprefix(prefix): value for name, value in found.items()}


def rows(counts: LayerCounts) -> dict[str, dict[str, int]]:
    """The rows of the breakdowns that hold anything."""
    return {key: counts.breakdowns.row(key) for key in counts.breakdowns.filled()}
