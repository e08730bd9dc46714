"""Headline measures: the track scores and their mean, as functions of sums of counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from retold.layers import claims, entities, stance, verification
from retold.layers.counts import Counts
from retold.measures.base import Array, Measure, mean_of_defined, mean_over_gold
from retold.model.annotations import STANCE_LABELS, VERIFICATION_LABELS, Layer
from retold.scoring.count import TRACK_LAYERS

__all__ = ["HEADLINES", "MEANS", "PARTS", "TABLES", "behind_headlines", "headlines"]

#: Measures that systems are ranked and compared by.
HEADLINES: Final = ("overall", "entities", "stance", "claims")
#: What a headline measure is the mean of.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "overall": ("entities", "stance", "claims"),
    "entities": ("entities.mention.f1", "entities.linking.f1", "entities.coreference.conll"),
    "stance": ("stance.favg",),
    "claims": ("claims.span.f1", "claims.attribution.f1", "claims.verification.macro_f1"),
}
#: Every measure that is a mean of others, over those of which gold has something; CoNLL over those that are defined.
MEANS: Final[Mapping[str, tuple[str, ...]]] = {
    **PARTS,
    "entities.coreference.conll": tuple(f"entities.coreference.{family}.f1" for family in ("muc", "b3", "ceafe")),
    "stance.favg": ("stance.favor.f1", "stance.against.f1"),
    "stance.macro_f1": tuple(f"stance.{label}.f1" for label in STANCE_LABELS),
    "claims.verification.macro_f1": tuple(f"claims.verification.{label}.f1" for label in VERIFICATION_LABELS),
}
TABLES: Final[Mapping[Layer, tuple[Measure, ...]]] = {
    "entities": entities.MEASURES,
    "stance": stance.MEASURES,
    "claims": claims.MEASURES,
    "verification": verification.MEASURES,
}


#: In place of an amount of gold: what is a mean over gold itself is undefined where gold has nothing.
_SOME: Final = np.asarray(1.0)


def behind_headlines(layer: Layer) -> set[str]:
    """Columns of a table that the headline measures read."""
    parts = {name for names in PARTS.values() for name in names}
    return {
        column
        for measure in TABLES[layer]
        if measure.name in parts
        for columns in measure.counts.values()
        for column in columns
    }


def headlines(tables: Mapping[Layer, Counts], conll_score: Array, tracks: Iterable[str]) -> dict[str, Array]:
    """Track scores and their mean, from sums of counts.

    entities: mean of mention F1, linking F1 and CoNLL; stance: favg; claims: mean of span F1, attribution F1 and
    verification macro-F1; overall: mean of the three tracks, only where the system competes in all. A part of which
    gold has nothing is out of the mean for every system.
    """
    by_name = {measure.name: measure for layer in TABLES for measure in TABLES[layer]}

    def value(layer: Layer, name: str) -> Array:
        return by_name[name].value(tables[layer])

    out: dict[str, Array] = {}
    for track in tracks:
        if track == "entities":
            mentions = tables["entities"]
            parts = [value("entities", "entities.mention.f1"), value("entities", "entities.linking.f1"), conll_score]
            gold = [mentions["gold"], mentions["linkable"], _SOME]
        elif track == "stance":
            parts, gold = [value("stance", "stance.favg")], [_SOME]
        else:
            spans = tables["claims"]["gold"]
            parts = [
                value("claims", "claims.span.f1"),
                value("claims", "claims.attribution.f1"),
                value("verification", "claims.verification.macro_f1"),
            ]
            gold = [spans, spans, _SOME]
        out[track] = mean_over_gold(parts, gold)
    if all(track in out for track in TRACK_LAYERS):
        out["overall"] = mean_of_defined([out[track] for track in TRACK_LAYERS])
    return out
