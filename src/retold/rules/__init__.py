"""Rules: records in, findings out. Nothing here opens a file or prints.

Each rule is a small function whose docstring documents it; ``RULES`` is the table of them all. ``LineDecoder``
turns bytes into a record, ``Scheme.check`` of ``retold.layers`` applies the rules to a record, the others look at what
only a whole file can show.
"""

from __future__ import annotations

# Every module: RULES is complete only when all of them are imported.
from retold.rules import consistency, corpus, foreign, guideline, offsets, references, schema, spans  # noqa: F401
from retold.rules.bytes import DECODERS, LineDecoder, located, no_records
from retold.rules.references import layer_missing, missing_documents, repeated_document, unknown_document
from retold.rules.registry import RULES, Rule
from retold.rules.vocabulary import Role, Vocabulary

__all__ = [
    "DECODERS",
    "RULES",
    "LineDecoder",
    "Role",
    "Rule",
    "Vocabulary",
    "consistency",
    "corpus",
    "layer_missing",
    "located",
    "missing_documents",
    "no_records",
    "repeated_document",
    "unknown_document",
]
