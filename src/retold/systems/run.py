"""Running a system: one checked record per document, written as a submission; interrupted runs are resumed."""

from __future__ import annotations

import contextlib
import json
import sys
import time
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
from retold.model.annotations import AnnotationRecord, Document, Event, SubmissionCard, decode, encode
from retold.model.findings import FindingsError, UnreadableError
from retold.rules.registry import printable
from retold.systems.controls import CONTROLS
from retold.systems.guard import GoldRefused, without_gold
from retold.systems.interface import Context, Example, Question, System, SystemFault, text_of

__all__ = ["Account", "predictions", "run_system"]

#: Finished records of an interrupted run; the next run of the same system resumes from them.
PARTIAL: Final = "partial.jsonl"
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
            adds = _is_number(value) and _is_number(before)
            self.report[name] = before + value if adds else value  # type: ignore[operator]


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
        self._found: dict[str, _Line] = {}
        if path is not None and path.is_file():
            for _, line in read_lines(Source.of(path)):
                # The last line of an interrupted run may be torn; its document is predicted again.
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                    finished = msgspec.json.decode(line, type=_Line)
                    self._found[finished.key] = finished

    def get(self, key: str) -> _Line | None:
        return self._found.get(key)

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
) -> Iterator[AnnotationRecord]:
    """Yield one record for each document of the corpus, in its order.

    Args:
        system: the system. One that was loaded from a file is reloaded before the first document, and under
            leave-one-document-out before each document.
        corpus: a corpus folder with documents. Zero-shot needs no gold; documents without gold are not for training.
        seed: passed to the system.
        options: those that are not the defaults.
        cache: passed to the system.
        control: change to the training documents, a name in ``CONTROLS``.
        account: receives what the run cost.
        partial: file of finished records.

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
    begun = False
    learns = system.protocol == _LEARNS
    for document in corpus.documents.values():
        folder = corpus.events[document.event]
        others = [each for key, each in given.items() if each.event == document.event and key != document.document_id]
        questions = tuple(Question(key, folder.claims[key].text) for key in sorted(folder.claims))
        key = _key(system, encode(document), encode(folder.event), questions, others, seed, chosen)
        line = finished.get(key)
        if line is None:
            with _failures(system, document, corpus, finished):
                if system.again and (learns or not begun):
                    system = replace(system.again(), name=system.name)
                context = Context(
                    decode(encode(folder.event), Event),
                    questions,
                    tuple(e.example() for e in others),
                    seed,
                    chosen,
                    cache,
                    corpus.scheme.written_out()["layers"],
                )
                start = time.perf_counter()
                record = system.predict(decode(encode(document), Document), context)
                seconds = time.perf_counter() - start
                # A system that is reloaded for each document reports after each, others at the end.
                report = _report(system) if learns and system.again else {}
            begun = True
            _refuse_invalid(system, record, document, corpus)
            line = _Line(key, record, seconds, report)
            finished.add(line)
        else:
            account.resumed += 1
        account.seconds += line.seconds
        account.add(line.report)
        yield line.record
    if begun and not (learns and system.again):
        with _failures(system, document, corpus, finished):
            account.add(_report(system))


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


@contextlib.contextmanager
def _failures(system: System, document: Document, corpus: Corpus, partial: _Partial) -> Iterator[None]:
    """Run a system without access to gold, its output on standard error, and errors as ``SystemFault`` with the
    document."""
    at = f"at {document.document_id}"
    try:
        with contextlib.redirect_stdout(sys.stderr), without_gold([corpus.root]):
            yield
    except GoldRefused as error:
        # Earlier records may rest on what it read.
        partial.delete()
        raise SystemFault(f"{system.name} {at}: {error}") from error
    except ImportError as error:
        extra = f"; install the extra: pip install 'retold[{system.extra}]'" if system.extra else ""
        raise SystemFault(f"{system.name} {at}: {text_of(error)}{extra}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # The type of the error helps the author of the system, unless the error was written for users.
        for_users = isinstance(error, ValueError) and type(error).__module__.startswith("retold")
        kind = "" if for_users else f": {type(error).__name__}"
        raise SystemFault(f"{system.name}{kind} {at}: {text_of(error)}") from error


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


def _report(system: System) -> dict[str, object]:
    """What a system reports; raises SystemFault if it cannot be written as JSON."""
    if system.report is None:
        return {}
    found = system.report()
    try:
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
        return dict(found)
    except (TypeError, ValueError) as error:
        raise SystemFault(f"report() must return a dict that JSON can hold: {error}") from error


def _refuse_invalid(system: System, record: object, document: Document, corpus: Corpus) -> None:
    """Check what a system returned as a submission is checked, types included."""
    if not isinstance(record, AnnotationRecord):
        raise SystemFault(f"{system.name}: expected an AnnotationRecord, got {type(record).__name__}")
    if record.document_id != document.document_id:
        raise SystemFault(f"{system.name}: expected a record of {document.document_id}, got {record.document_id}")
    try:
        line = encode(record)
    except (TypeError, ValueError) as error:
        # For example a number or a string of another library.
        raise SystemFault(f"{system.name}: {document.document_id}: the record cannot be written: {error}") from error
    decoded, found = corpus.scheme.decoder.decode(line, number=1, file=document.document_id)
    if decoded is not None:
        vocabulary = corpus.vocabulary(document)
        found = corpus.scheme.check(decoded, role="prediction", document=document, vocabulary=vocabulary)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        pointer = f" [{errors[0].pointer}]" if errors[0].pointer else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise SystemFault(f"{system.name}: {document.document_id}: {errors[0].code} {errors[0].message}{pointer}{more}")


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
        "options": {key: printable(_without_folders(value)) for key, value in _options(system, options or {}).items()},
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
