"""Rules: records in, findings out. Nothing here opens a file or prints.

Each rule is a small function whose docstring documents it; ``RULES`` is the table of them all. ``LineDecoder``
turns bytes into a record, ``Scheme.check`` of ``retold.layers`` applies the rules to a record, the others look at what
only a whole file can show.
"""

from __future__ import annotations

# Every module of rules, so that the table is complete whoever asks for it.
from retold.rules import consistency, corpus, guideline, offsets, references, schema, spans
from retold.rules.bytes import DECODERS, LineDecoder, blank_line, located, no_records
from retold.rules.references import missing_documents, repeated_document, unknown_document
from retold.rules.registry import RULES, Rule
from retold.rules.vocabulary import Role, Vocabulary

__all__ = [
    "DECODERS",
    "RULES",
    "LineDecoder",
    "Role",
    "Rule",
    "Vocabulary",
    "blank_line",
    "consistency",
    "corpus",
    "guideline",
    "located",
    "missing_documents",
    "no_records",
    "offsets",
    "references",
    "repeated_document",
    "schema",
    "spans",
    "unknown_document",
]
