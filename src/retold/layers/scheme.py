"""The annotation scheme of a corpus: its layers with their labels, made from the manifest.

The scheme says what a record is (its type, decoder and JSON Schema), which rules it must keep, and what is measured.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cache, cached_property
from typing import Annotated, Any, Final, Literal, Self, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from retold.layers import LAYERS
from retold.layers.base import Layer
from retold.layers.coreference import COREFERENCE_MEASURES, no_sum
from retold.layers.types import labelled, made
from retold.measures.base import Measure, Track
from retold.model.annotations import Annotation, AnnotationRecord, Decision, Document, Entity
from retold.model.documentation import docstring
from retold.model.findings import Finding, context_of
from retold.model.json_schema import SCHEMAS, schema_of
from retold.model.manifest import Manifest, check_distinct
from retold.rules.bytes import MAX_LINE_FINDINGS, LineDecoder
from retold.rules.consistency import gold_key_missing
from retold.rules.guideline import check_guideline
from retold.rules.registry import printable
from retold.rules.schema import unknown_key
from retold.rules.vocabulary import Role, Vocabulary

__all__ = [
    "ManifestError",
    "Scheme",
    "default_scheme",
    "manifest_decoder",
    "manifest_schema",
    "published_schemas",
    "scheme_from_gold",
]


class ManifestError(ValueError):
    """A manifest is inconsistent; the message begins with the key."""


_TRACK_NAME: Final = re.compile(r"[\w-]+")


def _distinct(key: str, names: Sequence[str]) -> None:
    try:
        check_distinct(key, names)
    except ValueError as error:
        raise ManifestError(str(error)) from None


class _TooManyErrors(Exception):
    """The other findings of a record are not looked for."""


class _Findings(list[Finding]):
    """Findings of one record; warnings beyond the limit are dropped, errors end the search."""

    def __init__(self) -> None:
        super().__init__()
        self._left = {"error": MAX_LINE_FINDINGS, "warning": MAX_LINE_FINDINGS}

    def append(self, found: Finding) -> None:
        if self._left[found.severity]:
            self._left[found.severity] -= 1
            super().append(found)
        elif found.severity == "error":
            raise _TooManyErrors

    def extend(self, findings: Iterable[Finding]) -> None:
        for found in findings:
            self.append(found)

    def __iadd__(self, findings: Iterable[Finding]) -> Self:  # type: ignore[override, misc]
        self.extend(findings)
        return self


class Scheme:
    """The layers of a corpus.

    Args:
        manifest: what the corpus declares; without layers it has all of them, with their default labels.

    Attributes:
        layers: the declared layers by name, in the order of ``LAYERS``.
        tracks: headline scores by name.
        overall: names of the tracks that ``overall`` is the mean of.

    Raises:
        ManifestError: an option is unknown or wrong, or a track has a measure that the layers do not have.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        declared = manifest.layers or {name: {} for name in LAYERS}
        for name in declared:
            if name not in LAYERS:
                raise ManifestError(f"layers: unknown layer {name!r}; known layers are {', '.join(LAYERS)}")
        self.layers: dict[str, Layer[Any]] = {}
        options: Any
        for name, kind in LAYERS.items():
            if name in declared:
                try:
                    options = msgspec.convert(declared[name], kind.Options)
                except msgspec.ValidationError as error:
                    raise ManifestError(f"layers.{name}: {error}") from None
                self.layers[name] = kind(options)
                self._refuse_ambiguous(self.layers[name])
        self.tracks = self._tracks()
        self.overall = tuple(self.tracks if manifest.overall is None else manifest.overall)
        _distinct("overall", self.overall)
        for track in self.overall:
            if track not in self.tracks:
                raise ManifestError(f"overall: no track {track!r}; tracks are {', '.join(self.tracks)}")

    @staticmethod
    def _refuse_ambiguous(layer: Layer[Any]) -> None:
        """Refuse labels that would give two measures, or two counts, the same name."""
        for names in ([measure.name for measure in layer.measures], layer.columns, layer.agreement_columns):
            if len(set(names)) != len(names):
                name = next(name for name, times in Counter(names).items() if times > 1)
                raise ManifestError(f"layers.{layer.name}.labels: two measures or counts would be called {name!r}")

    def _tracks(self) -> dict[str, Track]:
        if self.manifest.tracks is None:
            parts: dict[str, tuple[str, ...]] = {}
            for layer in self.layers.values():
                parts[layer.track] = (*parts.get(layer.track, ()), *layer.headline)
        else:
            parts = {name: tuple(names) for name, names in self.manifest.tracks.items()}
        seen: dict[str, str] = {"overall": "overall"}
        for track, names in parts.items():
            # Boards are written to files that are named after them.
            if not _TRACK_NAME.fullmatch(track):
                raise ManifestError(f"tracks: {track!r} should consist of letters, digits, _ and -")
            if (other := seen.setdefault(track.casefold(), track)) is not track:
                raise ManifestError(f"tracks: {track!r} is reserved, or differs from {other!r} only in case")
            if not names:
                raise ManifestError(f"tracks.{track}: expected at least one measure")
            _distinct(f"tracks.{track}", names)
            for name in names:
                if name not in self.measures:
                    raise ManifestError(f"tracks.{track}: no measure {name!r}; retold measures lists them")
        return {name: Track(name, names) for name, names in parts.items()}

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Every measure of the layers by name; those of coreference have no counts of their own."""
        found = {measure.name: measure for layer in self.layers.values() for measure in layer.measures}
        if any(layer.clusters for layer in self.layers.values()):
            found |= {measure.name: measure for measure in COREFERENCE_MEASURES}
        return found

    @cached_property
    def described(self) -> dict[str, Measure]:
        """``overall``, the tracks and every measure, for a list of them."""
        means = {"overall": ("Mean of the tracks, for a system that competes in all of them", self.overall)}
        for name, track in self.tracks.items():
            means[name] = ("Mean of the parts for which gold has any labels", track.parts)
        lack = "null where gold has none of the parts"
        found = {name: no_sum(name, f"{what}: {', '.join(parts)}.", lack) for name, (what, parts) in means.items()}
        return {**found, **self.measures}

    @property
    def parts(self) -> list[str]:
        """Measures that the tracks are means of."""
        return list(dict.fromkeys(part for track in self.tracks.values() for part in track.parts))

    def layer_of(self, measure: str) -> str:
        """Name of the layer that a measure is of."""
        for layer in self.layers.values():
            if any(each.name == measure for each in layer.measures):
                return layer.name
        return next(layer.name for layer in self.layers.values() if layer.clusters)

    @cached_property
    def track_layers(self) -> dict[str, tuple[str, ...]]:
        """For each track, the layers that its measures are of."""
        found = {}
        for name, track in self.tracks.items():
            needed = {self.layer_of(part) for part in track.parts}
            found[name] = tuple(layer for layer in self.layers if layer in needed)
        return found

    def layers_of(self, headline: str) -> list[str]:
        """Layers that a headline is over: those of a track, or of the tracks that ``overall`` is the mean of."""
        needed = {each for track in self.overall if headline == "overall" for each in self.track_layers[track]}
        return [layer for layer in self.layers if layer in needed or layer in self.track_layers.get(headline, ())]

    @property
    def catalogues(self) -> dict[str, str]:
        """Files of an event that the layers need beside its documents, and what a line of each is."""
        layers = self.layers.values()
        needed = {
            "entities.jsonl": ("entity", any(layer.clusters for layer in layers)),
            "claims.jsonl": ("claim", any(layer.names_claims for layer in layers)),
        }
        return {file: line for file, (line, wanted) in needed.items() if wanted}

    @property
    def event_keys(self) -> list[str]:
        """Keys of event.json that the layers need."""
        return [key for layer in self.layers.values() for key in layer.event_keys]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the scheme says of layers, tracks and the mean over them."""
        said = {
            "layers": {name: msgspec.to_builtins(layer.options) for name, layer in self.layers.items()},
            "tracks": {name: track.parts for name, track in self.tracks.items()},
            "overall": self.overall,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def written_out(self, languages: Sequence[str] = ()) -> dict[str, Any]:
        """The manifest with every layer option spelled out and empty keys dropped; ``languages`` if it has none."""
        layers = {name: msgspec.to_builtins(layer.options) for name, layer in self.layers.items()}
        found = {**self.manifest.as_dict(), "layers": layers}
        found["languages"] = found["languages"] or list(languages)
        return {key: value for key, value in found.items() if value not in ("", [], {})}

    @property
    def is_default(self) -> bool:
        """Whether layers, labels and tracks are those of the default manifest."""
        return self is default_scheme() or self.digest == default_scheme().digest

    def __reduce__(self) -> tuple[Any, ...]:
        return _scheme_of, (msgspec.json.encode(self.manifest),)

    # Records

    @cached_property
    def record_type(self) -> type[Struct]:
        """Type of a record, with the labels that the layers allow. A layer that is not declared may hold anything."""
        return self._record_type(sparse=False)

    @cached_property
    def _sparse_type(self) -> type[Struct]:
        return self._record_type(sparse=True)

    def _record_type(self, *, sparse: bool) -> type[Struct]:
        known = {field.name: field for field in msgspec.structs.fields(AnnotationRecord)}
        fields: list[Any] = []
        for name in LAYERS:
            meta = known[name].type.__args__[0].__metadata__[0] if name in known else Meta(description=name)
            kind: Any = Any
            if name in self.layers:
                kind = self.layers[name].item_type()
                if sparse:
                    kind = msgspec.defstruct(
                        kind.__name__, [], bases=(kind,), frozen=True, gc=False, omit_defaults=True
                    )
            fields.append((name, Annotated[list[kind], meta] | UnsetType, UNSET))
        record: type[Struct] = made("AnnotationRecord", fields, docstring(AnnotationRecord), AnnotationRecord)
        return record

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of a record."""
        return schema_of("annotation-record", self.record_type)

    @cached_property
    def decoder(self) -> LineDecoder:
        """Decoder of a record."""
        return LineDecoder(self.record_type, self._with_labels, self._sparse_type)

    @cached_property
    def counting_decoder(self) -> LineDecoder:
        """Decoder of records that are counted and never compared with each other."""
        return LineDecoder(self.record_type, self._with_labels, self._sparse_type, either=True)

    def _with_labels(self) -> dict[str, Any]:
        """The schema with labels in the order of the manifest, which a view numbers them in, beside those it allows."""
        schema = deepcopy(self.schema)
        for layer in self.layers.values():
            item = schema["$defs"][layer.item_type().__name__]["properties"]
            for key, option in layer.label_keys.items():
                item[key]["labels"] = list(getattr(layer.options, option))
        return schema

    @cached_property
    def entity_type(self) -> type[Struct]:
        """Type of an entity of the catalogue, with the types that are allowed."""
        types = self._allowed("type")
        return labelled(Entity, {"type": types[0]}) if types else Entity

    @cached_property
    def decision_type(self) -> type[Struct]:
        """Type of a decision between annotators, with the layers and labels that are allowed."""
        told = {field.name: field.type for kind in (Annotation, Decision) for field in msgspec.structs.fields(kind)}

        def described(kind: Any, name: str) -> Any:
            return Annotated[kind, told[name].__metadata__[0]]

        allowed = {name: self._allowed(name) for name in Annotation.__struct_fields__}
        labels = {
            name: (described(Union[(*(Literal[tuple(each)] for each in sets), UnsetType)], name), UNSET)
            for name, sets in allowed.items()
            if sets
        }
        annotation = labelled(Annotation, {}, labels) | None
        parts = {"readers": dict[str, annotation], "decision": annotation}  # type: ignore[valid-type]
        more = {name: (described(kind, name),) for name, kind in parts.items()}
        return labelled(Decision, {"layer": list(self.layers)}, more)

    @cached_property
    def decision_decoder(self) -> LineDecoder:
        """Decoder of a decision between annotators."""
        return LineDecoder(self.decision_type, lambda: schema_of("decision", self.decision_type))

    def _allowed(self, key: str) -> list[Sequence[str]]:
        """For each layer whose items hold a label under this key, the allowed ones."""
        return [
            list(getattr(layer.options, layer.label_keys[key]))
            for layer in self.layers.values()
            if key in layer.label_keys
        ]

    def convert(self, record: Any) -> Any:
        """A record from a dict or from a record of another type.

        Raises:
            msgspec.ValidationError: it is not a record of this scheme.
        """
        return msgspec.convert(msgspec.to_builtins(record), self.record_type)

    def check(
        self, record: Any, *, role: Role, document: Document | None, vocabulary: Vocabulary | None
    ) -> list[Finding]:
        """What is wrong with a record beyond its shape.

        Args:
            record: as decoded.
            role: decides which rules apply and how severe they are.
            document: the document; None where it is not known, and rules about the text are skipped.
            vocabulary: the keys of the event; None where they are not known, and rules about them are skipped.

        Returns:
            Findings with JSON pointer and document, without file and line; at most ``MAX_LINE_FINDINGS`` errors and as
            many warnings.
        """
        found = _Findings()
        with suppress(_TooManyErrors):
            for name, layer in self.layers.items():
                items = getattr(record, name)
                if items:
                    layer.check(items, document, vocabulary, role, found)
            if role != "prediction":
                self._check_annotation(record, role, document, vocabulary, found)
        if not found:
            return found
        key = printable(record.document_id)
        return [
            msgspec.structs.replace(each, document=key, context=self._context(each, record, document)) for each in found
        ]

    def _check_annotation(
        self, record: Any, role: Role, document: Document | None, vocabulary: Vocabulary | None, found: list[Finding]
    ) -> None:
        for name in LAYERS:
            items, layer = getattr(record, name), self.layers.get(name)
            if layer is None:
                if items is not UNSET:
                    found.append(unknown_key([name], name, [], ["document_id", *self.layers]))
            elif items is not UNSET:
                layer.check_complete(items, vocabulary, role, found)
        if document is not None:
            spans = {name: getattr(record, name) or () for name, layer in self.layers.items() if not layer.keyed}
            found += check_guideline(spans, document, role)
        if role == "gold":
            found += [gold_key_missing(name, "") for name in self.layers if getattr(record, name) is UNSET]
            for name, layer in self.layers.items():
                for index, item in enumerate(getattr(record, name) or ()):
                    missing = (key for key in layer.gold_keys if getattr(item, key) is UNSET)
                    found += [gold_key_missing(key, f"/{name}/{index}") for key in missing]
            for name, layer in self.layers.items():
                if getattr(record, name) is not UNSET:
                    layer.check_gold(record, vocabulary, found)

    def _context(self, finding: Finding, record: Any, document: Document | None) -> Any:
        """The text around the span that a finding is about; None where it is about none, or the text is not known."""
        name, _, rest = (finding.pointer or "").removeprefix("/").partition("/")
        if document is None or not rest or name not in self.layers or self.layers[name].keyed:
            return None
        span = getattr(record, name)[int(rest.partition("/")[0])]
        return context_of(document.text, span.start, span.end)


@cache
def _scheme_of(manifest: bytes) -> Scheme:
    """Rebuild a scheme that was pickled by another process."""
    return Scheme(msgspec.json.decode(manifest, type=Manifest))


@cache
def default_scheme() -> Scheme:
    """All layers with their default labels: what a corpus without a manifest has."""
    return Scheme(Manifest())


def scheme_from_gold(records: Iterable[Any], name: str = "") -> Scheme:
    """The scheme that some gold records follow: their layers, and the labels that occur in them.

    Args:
        records: decoded JSON objects.
        name: of the corpus.

    Raises:
        ManifestError: a label has control characters or another form that no manifest may have.
    """
    seen: dict[str, dict[str, Counter[Any]]] = {}
    for record in records:
        for name_of_layer in LAYERS.keys() & record.keys():
            found = seen.setdefault(name_of_layer, defaultdict(Counter))
            for item in record[name_of_layer]:
                for option, value in LAYERS[name_of_layer].observe(item):
                    found[option][value] += 1
    layers = {layer: LAYERS[layer].options_from(seen[layer]) for layer in LAYERS if layer in seen}
    return Scheme(Manifest(name=name, layers=layers))


@cache
def manifest_decoder() -> LineDecoder:
    """Decoder of ``corpus.json`` with the options of every layer; ``Scheme`` checks them against each other."""
    options = [
        (name, Annotated[layer.Options | UnsetType, Meta(description=f"Options of {name}.", examples=[{}])], UNSET)
        for name, layer in LAYERS.items()
    ]
    layers = made("Layers", options, "The annotated layers and their options.")
    known = {field.name: field for field in msgspec.structs.fields(Manifest)}
    meta = known["layers"].type.__metadata__[0]
    declared = ("layers", Annotated[layers, meta], msgspec.field(default_factory=layers))
    kind = made("Manifest", [declared], docstring(Manifest), Manifest)
    return LineDecoder(kind, lambda: _with_defaults(schema_of("manifest", kind)))


def manifest_schema() -> dict[str, Any]:
    """JSON Schema of ``corpus.json``, with the options of every layer."""
    return dict(manifest_decoder().schema)


def _with_defaults(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the defaults of default factories, which msgspec leaves out."""
    for layer in LAYERS.values():
        properties = schema["$defs"][layer.Options.__name__]["properties"]
        for name, default in msgspec.to_builtins(layer.Options()).items():
            properties[name].setdefault("default", default)
    schema["$defs"]["Manifest"]["properties"]["layers"]["default"] = {}
    return schema


def published_schemas() -> dict[str, dict[str, Any]]:
    """Every JSON Schema that is published, by the stem of its file, with the labels of the default scheme."""
    scheme = default_scheme()
    return {name: schema_of(name) for name in SCHEMAS} | {
        "annotation-record": scheme.schema,
        "entity": schema_of("entity", scheme.entity_type),
        "decision": schema_of("decision", scheme.decision_type),
        "manifest": manifest_schema(),
    }
