"""``corpus.json``: what a corpus declares about itself. Layers, labels, tracks and splits are data, not code.

The manifest knows no layer: it holds the options of each by name, and ``retold.layers`` says which options there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from retold.model.alike import differ_only_in, look_alike, visible
from retold.model.annotations import about

__all__ = ["MISSING", "Label", "Manifest", "check_distinct", "check_labels", "check_subset"]

#: What a confusion table calls the answer that was not given; no label may have this name.
MISSING: Final = "missing"

Label = Annotated[str, Meta(min_length=1)]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a corpus declares about itself.

    Every key has a default. A layer that is not named does not exist in the corpus: no rule asks for it and no table
    shows it. Tracks are named means of measures, ``overall`` the mean of some tracks; by default each layer brings its
    own.
    """

    format: Annotated[Literal[2], about("Version of this format.", 2)] = 2
    name: Annotated[str, about("Name of the corpus.", "retold")] = ""
    version: Annotated[str, about("Semantic version of the data.", "1.2.0")] = ""
    languages: Annotated[list[Label], about("ISO 639 codes of the documents' languages.", ["en", "id"])] = []
    splits: Annotated[
        dict[str, list[Label]], about("Keys of the events of each split.", {"test": ["macron-coalition"]})
    ] = {}
    layers: Annotated[dict[str, Any], about("Options of each annotated layer.", {"stance": {"holders": True}})] = {}
    tracks: Annotated[
        dict[str, list[Label]] | None, about("Measures that each track is the mean of.", {"stance": ["stance.favg"]})
    ] = None
    overall: Annotated[list[Label] | None, about("Tracks that `overall` is the mean of.", ["stance"])] = None

    def as_dict(self) -> dict[str, Any]:
        """The manifest as it stands in ``corpus.json``."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {key: value for key, value in found.items() if value is not None}


def check_labels(name: str, labels: Sequence[str]) -> None:
    """Raise ValueError for a set of labels that is empty, or cannot be told apart or printed."""
    if not labels:
        raise ValueError(f"{name}: expected at least one label")
    check_distinct(name, labels)
    for label in labels:
        if label == MISSING:
            raise ValueError(f"{name}: {label!r} is reserved for answers that are missing")
        if label != label.strip() or not label.isprintable() or set(label) & set('"\\'):
            raise ValueError(f"{name}: {label!r} has an outer blank, a quotation mark, a backslash or a control code")


def check_distinct(name: str, labels: Sequence[str]) -> None:
    """Raise ValueError for a list that names something twice."""
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise ValueError(f"{name}: {twice!r} is listed twice")
    for pair in look_alike(labels):
        # Tag sets may tell labels apart by case.
        if (reason := differ_only_in(*pair)) != "case":
            raise ValueError(f"{name}: {' and '.join(visible(*pair))} differ only in {reason or 'form'}")


def check_subset(name: str, part: Sequence[str], labels: Sequence[str]) -> None:
    """Raise ValueError for a list that names what is not among the labels, or one of them twice."""
    check_distinct(name, part)
    for label in part:
        if label not in labels:
            raise ValueError(f"{name}: {label!r} is not one of {', '.join(labels)}")
