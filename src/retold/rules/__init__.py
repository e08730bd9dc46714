"""Rules: records in, findings out. Nothing here opens a file or prints.

Each rule is a small function whose docstring documents it; ``RULES`` is the table of all rules. ``decode_record`` turns
bytes into a record, ``check_record`` checks one record, the others check a whole file.
"""

from __future__ import annotations

from retold.rules import corpus
from retold.rules.bytes import blank_line, decode_line, decode_record, is_blank, located, no_records
from retold.rules.record import check_record
from retold.rules.references import missing_documents, repeated_document, unknown_document
from retold.rules.registry import RULES, Rule
from retold.rules.vocabulary import Role, Vocabulary

__all__ = [
    "RULES",
    "Role",
    "Rule",
    "Vocabulary",
    "blank_line",
    "check_record",
    "corpus",
    "decode_line",
    "decode_record",
    "is_blank",
    "located",
    "missing_documents",
    "no_records",
    "repeated_document",
    "unknown_document",
]
