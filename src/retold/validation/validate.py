"""Validation: a corpus, an annotation file or a submission in, a report of findings out.

Files are read line by line and joined with the corpus' documents as they come; memory holds keys, never texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from retold.corpus.load import Corpus, load_corpus
from retold.io.sources import Source
from retold.io.submission import open_submission
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.rules import Role
from retold.validation.corpus import check_corpus
from retold.validation.records import Run
from retold.validation.report import MAX_FINDINGS, FindingCollector, Report, prefixes

__all__ = ["MAX_FINDINGS", "Report", "sources", "validate"]


def validate(
    paths: str | Path | Sequence[str | Path] | None = None,
    corpus: Corpus | str | Path | None = None,
    *,
    role: Role | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    max_findings: int = MAX_FINDINGS,
    workers: int = 1,
) -> Report:
    """Validate files against a corpus, or the corpus itself.

    Args:
        paths: one or several annotation files, submissions (file, folder, .zip), folders of annotation files, corpus
            folders, or ``-`` for standard input; None validates ``corpus``.
        corpus: where documents and keys are looked up: a corpus, a path that ``load_corpus`` takes, or None for the
            packaged corpus.
        role: what the files are. Without it a submission (``predictions.*``, or with a card) is a prediction,
            ``events/*/gold.jsonl`` is gold, and every other file is an annotation.
        select: codes or prefixes of codes (``RT4``) to report; none means all.
        ignore: codes or prefixes of codes to leave out.
        max_findings: maximum number of findings to keep; the rest is counted.
        workers: processes for a large file; the findings do not depend on it.

    Raises:
        UnreadableError: a path is missing, or cannot be validated.
        ValueError: ``select`` or ``ignore`` matches no rule.
    """
    loaded = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    run = Run(loaded, FindingCollector(prefixes(select), prefixes(ignore), max_findings), workers)
    if paths is None:
        check_corpus(run)
    else:
        for path in [paths] if isinstance(paths, str | Path) else paths:
            _validate_path(run, str(path), role)
    return run.report()


def sources(
    path: str | Path, role: Role | None = None, report: Callable[[list[Finding]], None] | None = None
) -> list[tuple[Source, Role]]:
    """The files of records at a path, with their roles.

    Args:
        path: as of ``validate``.
        role: likewise.
        report: called with the findings of an invalid card; by default they are raised.

    Raises:
        UnreadableError: the path is missing, is a corpus, or has no files of records.
        FindingsError: the card of a submission is invalid.
    """
    path = str(path)
    folder = Path(path)
    if "://" not in path and folder.is_dir():
        if (folder / "events").is_dir():
            raise UnreadableError(f"{path}: expected a file of records, got a corpus folder")
        # Decisions are in the folder of the annotators' records.
        members = sorted(member for member in folder.glob("*.jsonl") if member.name != "adjudication.jsonl")
        if members and not any(folder.glob("predictions.*")) and not (folder / "event.json").exists():
            return [(Source.of(member), role or _role_of(str(member))) for member in members]
    submission = open_submission(path, *([report] if report else []))
    source = submission.records
    return [(source, role or ("prediction" if submission.card_file else _role_of(source.member or source.path)))]


def _validate_path(run: Run, path: str, role: Role | None) -> None:
    folder = Path(path)
    try:
        if "://" not in path and (folder / "events").is_dir():
            check_corpus(run.for_corpus(load_corpus(folder)))
            return
        files = sources(path, role, run.collector.add)
    except FindingsError as error:
        run.files += 1
        run.collector.add(error.findings)
        return
    for source, its_role in files:
        run.check_records(source, its_role)


def _role_of(path: str) -> Role:
    parts = PurePosixPath(Path(path).absolute().as_posix()) if "://" not in path else PurePosixPath(path)
    stem = parts.name.partition(".")[0]
    if stem == "predictions":
        return "prediction"
    return "gold" if stem == "gold" and parts.parent.parent.name == "events" else "annotation"
