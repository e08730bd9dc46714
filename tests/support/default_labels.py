"""Layers, labels and headlines of a corpus without a manifest, and of the packaged one."""

from __future__ import annotations

from retold.layers.scheme import default_scheme
from retold.scoring.evaluate import headline_names

__all__ = ["ENTITY_TYPES", "HEADLINES", "LAYERS", "STANCE_LABELS", "TRACKS", "VERIFICATION_LABELS"]

_SCHEME = default_scheme()
LAYERS = tuple(_SCHEME.layers)
ENTITY_TYPES = tuple(_SCHEME.layers["entities"].options.types)
STANCE_LABELS = tuple(_SCHEME.layers["stance"].labels)
VERIFICATION_LABELS = tuple(_SCHEME.layers["verification"].labels)
#: Measures that each track is the mean of.
TRACKS = {name: track.parts for name, track in _SCHEME.tracks.items()}
HEADLINES = headline_names(_SCHEME)
