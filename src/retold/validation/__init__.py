"""Validation: a corpus, an annotation file or a submission in, a report of findings out.

Files are read line by line and joined with the corpus' documents as they come; memory holds keys, never texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from retold.corpus import Corpus, load_corpus
from retold.files import Source, open_submission
from retold.findings import FindingsError
from retold.rules import Role
from retold.validation.corpus import check_corpus
from retold.validation.records import Run
from retold.validation.report import MAX_FINDINGS, Report, Sieve, prefixes

__all__ = ["MAX_FINDINGS", "Report", "validate"]


def validate(
    paths: Sequence[str | Path] | None,
    corpus: Corpus,
    *,
    role: Role | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    max_findings: int = MAX_FINDINGS,
) -> Report:
    """Validate files against a corpus, or the corpus itself.

    Args:
        paths: annotation files, submissions (file, folder, .zip), folders of annotation files, or corpus folders; None
            validates ``corpus``.
        corpus: what documents and keys are looked up in.
        role: what the files are. Without it a submission (``predictions.*``, or with a card) is a prediction,
            ``events/*/gold.jsonl`` is gold, and every other file is an annotation.
        select: codes or beginnings of codes (``RT4``) to report; none means all.
        ignore: codes or beginnings of codes to leave out.
        max_findings: how many findings are kept; the others are counted.

    Raises:
        UnreadableError: a path is missing, or is nothing that can be validated.
        ValueError: ``select`` or ``ignore`` matches no rule.
    """
    run = Run(corpus, Sieve(prefixes(select), prefixes(ignore), max_findings))
    if paths is None:
        check_corpus(run)
    else:
        for path in paths:
            _validate_path(run, str(path), role)
    return run.report()


def _validate_path(run: Run, path: str, role: Role | None) -> None:
    folder = Path(path)
    if "://" not in path and folder.is_dir():
        if (folder / "events").is_dir():
            try:
                other = load_corpus(folder)
            except FindingsError as error:
                run.refused(error)
            else:
                check_corpus(run.of(other))
            return
        members = sorted(folder.glob("*.jsonl"))
        if members and not any(folder.glob("predictions.*")) and not (folder / "event.json").exists():
            for member in members:
                run.records_of(Source(str(member), str(member)), role or _role_of(str(member)))
            return
    try:
        submission = open_submission(path)
    except FindingsError as error:
        run.refused(error)
        return
    source = submission.records
    run.records_of(source, role or ("prediction" if submission.card else _role_of(source.member or source.path)))


def _role_of(path: str) -> Role:
    parts = PurePosixPath(Path(path).absolute().as_posix()) if "://" not in path else PurePosixPath(path)
    stem = parts.name.partition(".")[0]
    if stem == "predictions":
        return "prediction"
    return "gold" if stem == "gold" and parts.parent.parent.name == "events" else "annotation"
