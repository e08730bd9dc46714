"""Scoring: one submission against gold.

``count`` reads the files once and leaves counts, ``evaluate`` makes every number from the counts, ``score`` does both.
"""

from __future__ import annotations

from pathlib import Path

from retold.corpus.load import Corpus, load_corpus
from retold.io.submission import Submission, open_submission
from retold.model.annotations import LAYERS
from retold.scoring.compare import Flip, ItemComparison, compare_items, errors
from retold.scoring.count import BY_DOCUMENT, TRACK_LAYERS, SystemCounts, count
from retold.scoring.evaluate import Score, Value, evaluate, signature, units_behind
from retold.scoring.headline import HEADLINES, behind_headlines, headlines
from retold.scoring.items import Item, SystemItems, read_items

__all__ = [
    "HEADLINES",
    "TRACK_LAYERS",
    "Flip",
    "Item",
    "ItemComparison",
    "Score",
    "SystemCounts",
    "SystemItems",
    "Value",
    "behind_headlines",
    "compare_items",
    "count",
    "errors",
    "evaluate",
    "headlines",
    "items_of",
    "read_items",
    "score",
    "score_with_items",
    "signature",
    "units_behind",
]


def score(
    submission: str | Path | Submission,
    corpus: Corpus | str | Path | None = None,
    *,
    allow_missing: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
    workers: int | None = 1,
) -> Score:
    """Score one submission.

    Args:
        submission: file of records, folder or .zip, or one that was opened.
        corpus: a corpus, a path that ``load_corpus`` takes, or None for the packaged corpus.
        allow_missing: take missing documents as empty instead of refusing the file.
        resamples: bootstrap resamples; 0 leaves the intervals out.
        seed: seed of the resampling.
        workers: processes that share the lines of a large file, None for as many as suit the file and the machine. The
            result does not depend on it. More than one need a main module that can be imported.

    Raises:
        FindingsError: the submission is at fault.
        UnreadableError: a file cannot be read.
    """
    loaded, opened = _opened(corpus, submission)
    counts = count(opened, loaded, allow_missing=allow_missing, workers=workers)
    return evaluate(counts, loaded, resamples=resamples, seed=seed)


def score_with_items(
    submission: str | Path | Submission,
    corpus: Corpus | str | Path | None = None,
    *,
    allow_missing: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
    workers: int | None = 1,
    however_many: bool = True,
) -> tuple[Score, list[Item] | None]:
    """``score``, and every counted item with its verdict.

    Args:
        however_many: whether items are also kept of a corpus of more documents than a reader looks at one by one; if
            not, they are None for such a corpus.
    """
    loaded, opened = _opened(corpus, submission)
    counts = count(opened, loaded, allow_missing=allow_missing, workers=workers)
    wanted = however_many or counts.coverage["documents"]["gold"] <= BY_DOCUMENT
    found = list(read_items(opened, loaded, counts)) if wanted else None
    return evaluate(counts, loaded, resamples=resamples, seed=seed), found


def items_of(
    submission: str | Path | Submission, corpus: Corpus | str | Path | None = None, *, allow_missing: bool = False
) -> SystemItems:
    """Every counted item of a submission, to be compared with those of another; raises as ``score`` does."""
    loaded, opened = _opened(corpus, submission)
    counts = count(opened, loaded, allow_missing=allow_missing)
    return SystemItems(
        system=counts.system,
        signature=signature(loaded, counts, resamples=0, seed=0),
        corpus={"name": loaded.name, "version": loaded.version, "sha256": loaded.digest},
        submission=counts.submission,
        layers={layer: layer in counts.layers for layer in LAYERS if layer in counts.gold_layers},
        items=list(read_items(opened, loaded, counts)),
    )


def _opened(corpus: Corpus | str | Path | None, submission: str | Path | Submission) -> tuple[Corpus, Submission]:
    loaded = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    return loaded, submission if isinstance(submission, Submission) else open_submission(submission)
