"""Validation: a corpus, an annotation file or a submission in, a report of findings out.

Files are read line by line and joined with the corpus' documents as they come; memory holds keys, never texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from retold.corpus.load import Corpus, load_corpus
from retold.io.sources import Source, is_folder
from retold.io.submission import open_submission
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.rules import Role
from retold.validation.corpus import check_corpus
from retold.validation.records import Run
from retold.validation.report import MAX_FINDINGS, FindingCollector, Report, prefixes
from retold.validation.roles import FileRole, role_of

__all__ = ["MAX_FINDINGS", "Report", "sources", "validate"]

#: Endings of files of records in a folder.
_RECORDS = (".jsonl", ".ndjson", ".parquet")


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
        role: what the files are. Without it a submission (``predictions.*``, or with a card) is a prediction, a file in
            a corpus is what its place says, and for every other file it is guessed from its content: then only what is
            wrong in a file of any role is an error. The report says how each file was read.
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
        _check_corpus(run)
    else:
        for path in [paths] if isinstance(paths, str | Path) else paths:
            _validate_path(run, str(path), role)
    return run.collector.report()


def sources(
    path: str | Path, corpus: Corpus, role: Role | None = None, report: Callable[[list[Finding]], None] | None = None
) -> list[tuple[Source, FileRole]]:
    """The files of records at a path, with their roles.

    ``report`` is called with the findings of an invalid card; by default they are raised. UnreadableError says that the
    path is missing, is a corpus, or has no files of records.
    """
    path = str(path)
    folder = Path(path)
    if is_folder(path):
        if (folder / "events").is_dir():
            raise UnreadableError(f"{path}: expected a file of records, got a corpus folder")
        # Decisions are in the folder of the annotators' records.
        members = sorted(
            member
            for member in folder.iterdir()
            if member.suffix.lower() in _RECORDS and member.name != "adjudication.jsonl" and member.name[0] != "."
        )
        if members and not any(folder.glob("predictions.*")) and not (folder / "event.json").exists():
            found = [Source.of(member) for member in members]
            return [(source, role_of(source, corpus, role, card=False)) for source in found]
    submission = open_submission(path, report)
    return [(submission.records, role_of(submission.records, corpus, role, card=submission.card_file is not None))]


def _validate_path(run: Run, path: str, role: Role | None) -> None:
    folder = Path(path)
    try:
        if is_folder(folder / "events"):
            _check_corpus(Run(load_corpus(folder), run.collector))
            return
        files = sources(path, run.corpus, role, run.collector.add)
    except FindingsError as error:
        run.collector.files += 1
        run.collector.add(error.findings)
        return
    for source, its_role in files:
        run.collector.roles.append(its_role)
        run.check_records(source, its_role.role, certain=its_role.certain)


def _check_corpus(run: Run) -> None:
    bare = run.corpus.bare
    reason = "it is given as the corpus" if bare else "a corpus folder; annotators and catalogues by their place"
    run.collector.roles.append(FileRole(bare.name if bare else str(run.corpus.root), "gold", reason))
    check_corpus(run)
