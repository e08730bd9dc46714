"""Running a system on a corpus under a protocol, without gold of the document that it predicts.

A system is a Python module, or an object in one, with

    NAME = "majority"                       # as the leaderboard shows it
    DESCRIPTION = "The most frequent label."
    PROTOCOL = "leave-one-document-out"     # or "zero-shot"

    def predict(document: Document, context: Context) -> AnnotationRecord: ...

and optionally

    OPTIONS = {"model": "small"}            # what a user may set, with defaults; all are strings
    EXTRA = "embeddings"                    # the extra of the package that it needs
    FLOOR = True                            # a lower bound for other systems
    def report() -> dict[str, object]: ...  # what the run cost; numbers of several folds are added

``predict`` is called once for each document, in a process that has never read the corpus. Under leave-one-document-out
the context holds the gold of all other documents, and each document has a process and a cache of its own, so that
nothing learned from one fold reaches the next; under zero-shot the context has no gold.
"""

from __future__ import annotations

from retold.systems.controls import CONTROLS
from retold.systems.interface import Context, Example, Question, System, SystemFault
from retold.systems.load import Entry, describe_systems, find_systems, load_system
from retold.systems.run import Account, predictions, run_system

__all__ = [
    "CONTROLS",
    "Account",
    "Context",
    "Entry",
    "Example",
    "Question",
    "System",
    "SystemFault",
    "describe_systems",
    "find_systems",
    "load_system",
    "predictions",
    "run_system",
]
