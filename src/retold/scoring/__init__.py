"""Scoring: one submission against gold.

``count`` reads the files once and leaves counts, ``evaluate`` makes every number from the counts, ``score`` does both.
"""

from __future__ import annotations

from pathlib import Path

from retold.corpus import Corpus, load_corpus
from retold.files import Submission, open_submission
from retold.scoring.counting import TRACK_LAYERS, SystemCounts, count
from retold.scoring.evaluation import CELLS_AT_ONCE, COREFERENCE_BUDGET, Score, Value, evaluate, signature
from retold.scoring.headline import HEADLINES, headlines

__all__ = [
    "CELLS_AT_ONCE",
    "COREFERENCE_BUDGET",
    "HEADLINES",
    "TRACK_LAYERS",
    "Score",
    "SystemCounts",
    "Value",
    "count",
    "evaluate",
    "headlines",
    "score",
    "signature",
]


def score(
    submission: str | Path | Submission,
    corpus: Corpus | str | Path | None = None,
    *,
    allow_missing: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
) -> Score:
    """Score one submission.

    Args:
        submission: file of records, folder or .zip, or one that was opened.
        corpus: a corpus, a path that ``load_corpus`` takes, or None for the packaged corpus.
        allow_missing: take missing documents as empty instead of refusing the file.
        resamples: bootstrap resamples; 0 leaves the intervals out.
        seed: seed of the resampling.

    Raises:
        FindingsError: the submission is at fault.
        UnreadableError: a file cannot be read.
    """
    loaded = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    opened = submission if isinstance(submission, Submission) else open_submission(submission)
    counts = count(opened, loaded, allow_missing=allow_missing)
    return evaluate(counts, loaded, resamples=resamples, seed=seed)
