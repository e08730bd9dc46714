"""Running a system: one checked record per document, written as a submission; interrupted runs are resumed."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from retold import __version__
from retold.corpus.load import Corpus
from retold.io.atomic import append_line, write_atomic
from retold.io.jsonl import read_lines
from retold.io.sources import Source
from retold.model.annotations import AnnotationRecord, Document, SubmissionCard, decode, encode
from retold.model.display import one_line
from retold.model.findings import FindingsError, UnreadableError
from retold.systems.controls import CONTROLS
from retold.systems.interface import Example, Question, System, SystemFault
from retold.systems.load import load_system
from retold.systems.worker import Answer, Task, Worker, perform

__all__ = ["Account", "predictions", "run_system"]

#: Finished records of an interrupted run; the next run of the same system resumes from them.
PARTIAL: Final = "partial.jsonl"
#: Folder of the caches of the folds in that of all runs.
FOLDS: Final = "folds"
_LEARNS: Final = "leave-one-document-out"


@dataclass
class Account:
    """What a run cost: seconds spent in the system, what it reports, documents taken from an earlier run."""

    seconds: float = 0.0
    report: dict[str, object] = field(default_factory=dict)
    resumed: int = 0

    def add(self, report: Mapping[str, object]) -> None:
        """Merge a further report: numbers are added, anything else is replaced."""
        for name, value in report.items():
            before = self.report.get(name)
            if _is_number(value) and _is_number(before):
                try:
                    value = before + value  # type: ignore[operator]
                    # An overflow, too, if it is infinite.
                    math.floor(value)
                except OverflowError:
                    raise SystemFault(f"report(): the sum of {one_line(name)} is too large") from None
            self.report[name] = value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Line(msgspec.Struct, frozen=True):
    """A finished record, with a digest of everything it depends on, and what it cost."""

    key: str
    record: AnnotationRecord
    seconds: float
    report: dict[str, Any]


class _Partial:
    """Finished records of a run, in a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.found: dict[str, _Line] = {}
        if path is not None and path.is_file():
            for _, line in read_lines(Source.of(path)):
                # The last line of an interrupted run may be torn; its document is predicted again.
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                    finished = msgspec.json.decode(line, type=_Line)
                    self.found[finished.key] = finished

    def add(self, line: _Line) -> None:
        if self._path is not None:
            append_line(self._path, msgspec.json.encode(line))

    def delete(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Given:
    """A training document and its gold as bytes: each fold decodes its own copy, which it may change."""

    event: str
    document: bytes
    gold: bytes
    digest: bytes

    def example(self) -> Example:
        return Example(decode(self.document, Document), decode(self.gold, AnnotationRecord))


def predictions(
    system: System,
    corpus: Corpus,
    seed: int = 0,
    *,
    options: Mapping[str, str] | None = None,
    cache: Path | None = None,
    control: str | None = None,
    account: Account | None = None,
    partial: Path | None = None,
    isolated: bool = True,
) -> Iterator[AnnotationRecord]:
    """Yield one record for each document of the corpus, in its order.

    Args:
        system: the system. One that was loaded from a file is loaded anew, in a process of its own, before the first
            document, and under leave-one-document-out before each document.
        corpus: a corpus folder with documents. Zero-shot needs no gold; documents without gold are not for training.
        seed: passed to the system.
        options: those that are not the defaults.
        cache: folder for expensive results; under leave-one-document-out each document has one of its own in it.
        control: change to the training documents, a name in ``CONTROLS``.
        account: receives what the run cost.
        partial: file of finished records.
        isolated: whether a system that was loaded from a file has processes of its own; a debugger needs it here.

    Raises:
        SystemFault: the system failed, or returned no record, one of another document, or an invalid one; it opened the
            corpus; or there is no such option or control.
        UnreadableError: the corpus is a bare file of gold, without documents, or its gold cannot be read.
    """
    if not corpus.documents:
        raise UnreadableError(f"{corpus.root}: has no documents to predict, expected a corpus folder")
    account = Account() if account is None else account
    chosen = _options(system, options or {})
    given = _training(system, corpus, control, seed)
    finished = _Partial(partial)
    learns = system.protocol == _LEARNS
    each_anew = learns and system.file is not None
    layers = corpus.scheme.written_out()["layers"]
    roots, folds = [str(corpus.root)], str(cache / FOLDS) if cache else None
    task: Task | None = None
    with contextlib.closing(Worker(system, roots, folds) if system.file and isolated else _Here(system)) as runs:
        for document in corpus.documents.values():
            folder = corpus.events[document.event]
            others = [
                each for key, each in given.items() if each.event == document.event and key != document.document_id
            ]
            questions = tuple(Question(key, folder.claims[key].text) for key in sorted(folder.claims))
            text, event = encode(document), encode(folder.event)
            key = _key(system, text, event, questions, others, seed, chosen)
            line = finished.found.get(key)
            if line is None:
                task = Task(
                    name=system.name,
                    key=document.document_id,
                    roots=roots,
                    fresh=each_anew,
                    document=text,
                    event=event,
                    questions=[(question.claim, question.text) for question in questions],
                    training=[(other.document, other.gold) for other in others],
                    seed=seed,
                    options=chosen,
                    layers=layers,
                    folds=folds,
                    cache=_cache(cache, text, control, seed, alone=learns),
                    # A system that is loaded anew for each document reports after each, others at the end.
                    report=each_anew,
                )
                answer = _checked(runs.perform(task), finished)
                record = _valid(system, answer.record or b"", document, corpus)
                line = _Line(key, record, answer.seconds, answer.report)
                finished.add(line)
            else:
                account.resumed += 1
            account.seconds += line.seconds
            account.add(line.report)
            yield line.record
        if task is not None and not each_anew:
            end = msgspec.structs.replace(task, document=None, report=True)
            account.add(_checked(runs.perform(end), finished).report)


class _Here:
    """Performs tasks in this process, without access to labels; a counterpart of ``Worker``."""

    def __init__(self, system: System) -> None:
        self._system, self._loaded = system, system.file is None

    def perform(self, task: Task) -> Answer:
        def load() -> System:
            if self._system.file is not None and (task.fresh or not self._loaded):
                self._system, self._loaded = load_system(*self._system.file), True
            return self._system

        with contextlib.redirect_stdout(sys.stderr):
            return perform(load, task)

    def close(self) -> None:
        pass


def _cache(cache: Path | None, document: bytes, control: str | None, seed: int, *, alone: bool) -> str | None:
    """Folder for expensive results of one document.

    What a system keeps may rest on gold of the other documents. Each fold therefore has a folder of its own, which does
    not depend on the run, and controls have others.
    """
    if cache is None or not alone:
        return str(cache) if cache else None
    name = sha256(json.dumps([control, seed if control else None]).encode() + document).hexdigest()[:16]
    return str(cache / FOLDS / name)


def _checked(answer: Answer, partial: _Partial) -> Answer:
    """An answer that is no fault."""
    if answer.fault is None:
        return answer
    if answer.refused:
        # Earlier records may rest on what it read.
        partial.delete()
    raise SystemFault(answer.fault)


def _training(system: System, corpus: Corpus, control: str | None, seed: int) -> dict[str, _Given]:
    """The documents with gold, by key; none for a system that does not learn."""
    if control is not None:
        if control not in CONTROLS:
            raise SystemFault(f"unknown control {control!r} (choose from {', '.join(CONTROLS)})")
        if system.protocol != _LEARNS:
            raise SystemFault(f"{system.name}: {system.protocol}, but a control is for systems that learn")
    if system.protocol != _LEARNS:
        return {}
    try:
        gold = corpus.gold
    except FindingsError as error:
        raise UnreadableError(f"{corpus.root}: invalid gold ({error}); run `retold validate`") from error
    made = {}
    for key, document in corpus.documents.items():
        if key in gold:
            example = Example(document, gold[key])
            if control is not None:
                example = CONTROLS[control](example, seed)
            parts = encode(document), encode(example.gold)
            made[key] = _Given(document.event, *parts, sha256(b"\n".join(parts)).digest())
    return made


def _options(system: System, given: Mapping[str, str]) -> dict[str, str]:
    for name in given:
        if name not in system.options:
            known = ", ".join(system.options) or "it has none"
            raise SystemFault(f"{system.name}: unknown option {name!r} (options: {known})")
    return {**system.options, **given}


def _without_folders(value: str) -> str:
    """The last part of a path to an existing file or folder, so that run.json does not publish local folders."""
    try:
        path = Path(value).expanduser()
        return path.name if path.name != value and path.exists() else value
    except (OSError, RuntimeError, ValueError):
        return value


def _key(
    system: System,
    document: bytes,
    event: bytes,
    questions: Iterable[Question],
    others: Iterable[_Given],
    seed: int,
    options: Mapping[str, str],
) -> str:
    settings = json.dumps([__version__, system.name, system.code, seed, sorted(options.items())])
    asked = msgspec.json.encode([(question.claim, question.text) for question in questions])
    digest = sha256(settings.encode())
    for piece in (document, event, asked):
        digest.update(sha256(piece).digest())
    for other in others:
        digest.update(other.digest)
    return digest.hexdigest()


def _valid(system: System, line: bytes, document: Document, corpus: Corpus) -> AnnotationRecord:
    """What a system returned, checked as a submission is."""
    decoded, found = corpus.scheme.decoder.decode(line, number=1, file=document.document_id)
    if decoded is not None:
        vocabulary = corpus.vocabulary(document)
        found = corpus.scheme.check(decoded, role="prediction", document=document, vocabulary=vocabulary)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        pointer = f" [{errors[0].pointer}]" if errors[0].pointer else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise SystemFault(f"{system.name}: {document.document_id}: {errors[0].code} {errors[0].message}{pointer}{more}")
    record: AnnotationRecord = decode(line, AnnotationRecord)
    return record


def run_system(
    system: System,
    corpus: Corpus,
    output: Path,
    *,
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    cache: Path | None = None,
    control: str | None = None,
    team: str = "",
    progress: Callable[[Iterable[AnnotationRecord]], Iterable[AnnotationRecord]] = iter,
) -> Path:
    """Run a system over a corpus and write its submission folder (submission.json, predictions.jsonl, run.json).

    ``run.json`` says how it was run and what that cost: corpus, options, seed, seconds, what the system reports. An
    interrupted run leaves the finished records in the folder, and the next run of the same system resumes from them.

    Args:
        system, corpus, seed, options, cache, control: as for :func:`predictions`.
        output: the folder; created if missing.
        team: who submits it.
        progress: wraps the iterator of records.

    Raises:
        SystemFault: as for :func:`predictions`.
        UnreadableError: the folder cannot be written.
    """
    if output.exists() and not output.is_dir():
        raise UnreadableError(f"{output}: is a file, expected a folder")
    name = f"{system.name}-{control}" if control else system.name
    partial = output / PARTIAL
    account = Account()
    made = predictions(
        replace(system, name=name),
        corpus,
        seed,
        options=options,
        cache=cache,
        control=control,
        account=account,
        partial=partial,
    )
    lines = [encode(record) + b"\n" for record in progress(made)]
    about = f"Control, trained on {control} labels. " if control else ""
    card = SubmissionCard(
        name=name,
        team=team,
        description=about + system.description,
        protocol=system.protocol,
        corpus_version=corpus.version,
    )
    run = {
        "system": name,
        "retold": __version__,
        "corpus": {"name": corpus.name, "version": corpus.version, "sha256": corpus.digest},
        "code": system.code,
        "protocol": system.protocol,
        "control": control,
        "seed": seed,
        "options": {key: _without_folders(value) for key, value in _options(system, options or {}).items()},
        "seconds": round(account.seconds, 2),
        "resumed_documents": account.resumed,
        "report": account.report,
    }
    # Written after the whole run, so that the three files are always of the same run.
    files: dict[str, Iterable[bytes] | bytes | str] = {
        "predictions.jsonl": lines,
        "submission.json": encode(card) + b"\n",
        "run.json": json.dumps(run, ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    }
    for file, content in files.items():
        write_atomic(output / file, content)
    partial.unlink(missing_ok=True)
    return output
