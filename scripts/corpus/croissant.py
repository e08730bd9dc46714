"""Croissant metadata of the corpus (MLCommons Croissant 1.0, with the responsible-AI vocabulary), from the views."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from retold.corpus.views import labels_of, tables_of
from retold.layers.scheme import Scheme

__all__ = ["croissant"]

_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_RESPONSIBLE_AI: Final[Mapping[str, Any]] = {
    "rai:dataCollection": "Five news articles on one event of October 2023, four in English and one in Indonesian, "
    "taken verbatim from web copies.",
    "rai:dataCollectionType": ["Others"],
    "rai:dataAnnotationProtocol": "Two independent passes over every layer from a written guideline "
    "(GUIDELINES.md), each reading every layer twice, then adjudication of every difference in writing. Labels were "
    "given as quotes and resolved to offsets by a script.",
    "rai:dataAnnotationPlatform": ["Plain text files; the retold validator"],
    "rai:dataAnnotationAnalysis": ["Agreement of the two passes by layer stands in the dataset card."],
    "rai:annotationsPerItem": "2",
    "rai:annotatorDemographics": [
        "Language models; no human annotator took part. Such readers agree with each other more than people would."
    ],
    "rai:machineAnnotationTools": ["Large language models as annotators and as adjudicator"],
    "rai:dataUseCases": [
        "Evaluation of entity recognition, linking, cross-document coreference, stance detection, claim "
        "detection, attribution and claim verification"
    ],
    "rai:dataLimitations": [
        "Five documents of one event; nothing generalises to other events, outlets or languages. A "
        "supported claim is supported by the document, not true."
    ],
    "rai:dataBiases": [
        "English and Western outlets prevail; three texts are copies of other outlets' stories; the event is seen in "
        "its first days."
    ],
    "rai:dataSocialImpact": "The subject is a war. The labels say what documents say and take no side; they are not "
    "for judging outlets, persons or parties.",
    "rai:personalSensitiveInformation": ["Public figures only, with opinions that the articles attribute to them."],
}

#: Columns whose cells are lists of objects; Croissant has no type that its reader would load them as.
_NESTED: Final = ("spans", "zones")
_DESCRIPTIONS: Final = {
    "documents": "One row for each document; its zones, paragraphs and sentences stand in the file only.",
    "entities": "One row for each mention.",
    "stance": "One row for each holder and target of a document.",
    "claims": "One row for each claim span.",
    "verification": "One row for each canonical claim and document.",
    "claim_texts": "One row for each canonical claim.",
}
_TYPES: Final = {"string": "sc:Text", "int": "sc:Integer", "strings": "sc:Text", "ints": "sc:Integer"}


def croissant(scheme: Scheme, views: Mapping[str, bytes], version: str, date: str, languages: Sequence[str]) -> bytes:
    """croissant.json for the flat tables.

    Args:
        scheme: layers and labels.
        views: name of a JSON Lines file, without its ending -> bytes. It is that of the table, or of table and split.
        version, date: of the release.
        languages: of the documents.
    """
    metadata = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": "retold",
        "description": "How one news event is told by several outlets: five articles with dense labels for entities, "
        "stance, factual claims and their verification, joined by key across documents and languages.",
        "license": "Annotations: CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). Article texts: rights "
        "remain with their publishers, see the section Rights of README.md.",
        "url": "urn:retold:corpus",
        "version": version,
        "datePublished": date,
        "creator": {"@type": "sc:Organization", "name": "The Retold authors"},
        "inLanguage": list(languages),
        "keywords": ["news", "stance", "entity linking", "coreference", "claim verification"],
        "isLiveDataset": False,
        "citeAs": f"The Retold authors. Retold: how one news event is told by several outlets. Version {version}.",
        **_RESPONSIBLE_AI,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"{name}.jsonl",
                "name": f"{name}.jsonl",
                "description": f"Rows of the table {name}.",
                "contentUrl": f"views/{name}.jsonl",
                "contentSize": f"{len(data)} B",
                "encodingFormat": "application/jsonlines",
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            for name, data in views.items()
        ],
        "recordSet": [_record_set(scheme, name) for name in views],
    }
    return json.dumps(metadata, ensure_ascii=False, indent=2).encode() + b"\n"


def _record_set(scheme: Scheme, name: str) -> dict[str, Any]:
    table = name.partition("-")[0]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": _DESCRIPTIONS[table],
        "key": {"@id": f"{name}/id"},
        "field": [
            _field(name, column, kind, labels_of(scheme).get(kind))
            for column, kind in tables_of(scheme)[table].items()
            if kind not in _NESTED
        ],
    }


def _field(table: str, column: str, kind: str, labels: Sequence[str] | None) -> dict[str, Any]:
    source = {"fileObject": {"@id": f"{table}.jsonl"}, "extract": {"column": column}}
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column}",
        "name": column,
        "description": f"One of: {', '.join(labels)}." if labels else column.replace("_", " "),
        "dataType": _TYPES.get(kind, "sc:Text"),
        "source": source,
    }
    if kind in ("strings", "ints"):
        field["repeated"] = True
    return field
