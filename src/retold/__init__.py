"""Retold: a benchmark of how one news event is told by several outlets.

The same functions as the commands, on the packaged corpus or any other of the same shape::

    import retold

    corpus = retold.load_corpus()
    report = retold.validate(["predictions.jsonl"], corpus)
    result = retold.score("submissions/mine", corpus)
    board = retold.rank(["submissions/mine", "submissions/yours"], corpus)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retold.corpus.load import Corpus, load_corpus
    from retold.io.submission import Submission
    from retold.io.submission import open_submission as load_submission
    from retold.model.annotations import (
        AnnotationRecord,
        ClaimSpan,
        Document,
        Mention,
        StanceCell,
        VerificationPair,
    )
    from retold.model.findings import Finding, FindingsError, UnreadableError
    from retold.model.manifest import Manifest
    from retold.scoring.agreement import Agreement, agreement
    from retold.scoring.evaluate import Score
    from retold.scoring.ranking import Ranking, rank
    from retold.scoring.score import score
    from retold.validation.validate import Report, validate

__version__ = "0.1.0"

__all__ = [
    "Agreement",
    "AnnotationRecord",
    "ClaimSpan",
    "Corpus",
    "Document",
    "Finding",
    "FindingsError",
    "Manifest",
    "Mention",
    "Ranking",
    "Report",
    "Score",
    "StanceCell",
    "Submission",
    "UnreadableError",
    "VerificationPair",
    "__version__",
    "agreement",
    "load_corpus",
    "load_submission",
    "rank",
    "score",
    "validate",
]

#: Public name -> (module, name there); loaded when first used, so that ``import retold`` costs nothing.
_HOMES = {
    "Manifest": ("retold.model.manifest", "Manifest"),
    "VerificationPair": ("retold.model.annotations", "VerificationPair"),
    "StanceCell": ("retold.model.annotations", "StanceCell"),
    "Mention": ("retold.model.annotations", "Mention"),
    "Document": ("retold.model.annotations", "Document"),
    "ClaimSpan": ("retold.model.annotations", "ClaimSpan"),
    "AnnotationRecord": ("retold.model.annotations", "AnnotationRecord"),
    "Agreement": ("retold.scoring.agreement", "Agreement"),
    "Corpus": ("retold.corpus.load", "Corpus"),
    "Finding": ("retold.model.findings", "Finding"),
    "FindingsError": ("retold.model.findings", "FindingsError"),
    "Ranking": ("retold.scoring.ranking", "Ranking"),
    "Report": ("retold.validation.validate", "Report"),
    "Score": ("retold.scoring.evaluate", "Score"),
    "Submission": ("retold.io.submission", "Submission"),
    "UnreadableError": ("retold.model.findings", "UnreadableError"),
    "agreement": ("retold.scoring.agreement", "agreement"),
    "load_corpus": ("retold.corpus.load", "load_corpus"),
    "load_submission": ("retold.io.submission", "open_submission"),
    "rank": ("retold.scoring.ranking", "rank"),
    "score": ("retold.scoring.score", "score"),
    "validate": ("retold.validation.validate", "validate"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retold' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
