"""One submission against gold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from retold.corpus.load import Corpus, load_corpus
from retold.io.submission import Submission, open_submission, submission_of
from retold.layers.base import Item
from retold.model.findings import FindingsError
from retold.reading import ExecutorName
from retold.scoring.count import BY_DOCUMENT, count
from retold.scoring.evaluate import Score, evaluate, signature
from retold.scoring.items import SystemItems, read_items

__all__ = ["Predictions", "items_of", "open_corpus", "open_predictions", "score", "score_with_items"]

#: A file, folder or archive, an opened submission, or records (or dicts of their shape) in memory.
Predictions = str | Path | Submission | Iterable[Any]


def score(
    submission: Predictions,
    corpus: Corpus | str | Path | None = None,
    *,
    allow_missing: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
    workers: int | None = 1,
    executor: ExecutorName = "process",
) -> Score:
    """Score one submission.

    Args:
        submission: file of records, folder or .zip, an opened one, or records in memory.
        corpus: a corpus, a path that ``load_corpus`` takes, or None for the packaged corpus.
        allow_missing: take missing documents as empty instead of refusing the file.
        resamples: bootstrap resamples; 0 leaves the intervals out.
        seed: seed of the resampling.
        workers: how many share the lines of a large file, None for as many as suit the file and the machine. The
            result does not depend on it. Several processes need an importable main module.
        executor: how workers run: ``process`` or ``threads``.

    Raises:
        FindingsError: the submission is at fault.
        UnreadableError: a file cannot be read.
    """
    loaded, opened = open_corpus(corpus), open_predictions(submission)
    counts = count(opened, loaded, allow_missing=allow_missing, workers=workers, executor=executor)
    return evaluate(counts, loaded, resamples=resamples, seed=seed)


def score_with_items(
    submission: Predictions,
    corpus: Corpus | str | Path | None = None,
    *,
    allow_missing: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
    workers: int | None = 1,
    executor: ExecutorName = "process",
    however_many: bool = True,
) -> tuple[Score, list[Item] | None]:
    """``score``, and every counted item with its verdict.

    Args:
        however_many: whether items are also kept of a corpus of more documents than anybody looks at one by one; if
            not, they are None for such a corpus.
    """
    loaded, opened = open_corpus(corpus), open_predictions(submission)
    counts = count(opened, loaded, allow_missing=allow_missing, workers=workers, executor=executor)
    wanted = however_many or counts.coverage["documents"]["gold"] <= BY_DOCUMENT
    found = read_items(opened, loaded, counts) if wanted else None
    return evaluate(counts, loaded, resamples=resamples, seed=seed), found


def items_of(
    submission: Predictions, corpus: Corpus | str | Path | None = None, *, allow_missing: bool = False
) -> SystemItems:
    """Every counted item of a submission, to be compared with those of another; raises as ``score`` does."""
    loaded, opened = open_corpus(corpus), open_predictions(submission)
    counts = count(opened, loaded, allow_missing=allow_missing)
    return SystemItems(
        system=counts.system,
        signature=signature(loaded, counts, resamples=0, seed=0),
        corpus={"name": loaded.name, "version": loaded.version, "sha256": loaded.digest},
        submission=counts.submission,
        layers={layer: layer in counts.answered for layer in counts.layers if layer in counts.gold_layers},
        items=read_items(opened, loaded, counts),
        scheme=loaded.scheme,
        warnings=counts.warnings,
    )


def open_corpus(corpus: Corpus | str | Path | None) -> Corpus:
    """A corpus, loaded where it is given by its path.

    Raises:
        FindingsError: a catalogue has a key twice.
    """
    loaded = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    if loaded.repeated:
        raise FindingsError(loaded.repeated)
    return loaded


def open_predictions(submission: Predictions, name: str = "system") -> Submission:
    """A submission, opened where it is given by its path, and spooled where it is given as records."""
    if isinstance(submission, Submission):
        return submission
    return open_submission(submission) if isinstance(submission, str | Path) else submission_of(submission, name)
