"""Running a system: one record for each document, checked, kept while the run lasts, written as a submission."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from retold import __version__
from retold.corpus import Corpus, EventFolder
from retold.files import Source, append_line, read_lines, write_atomic
from retold.findings import UnreadableError
from retold.records import AnnotationRecord, Document, SubmissionCard, encode
from retold.rules import check_record, decode_record
from retold.systems.controls import CONTROLS
from retold.systems.guard import GoldRefused, without_gold
from retold.systems.interface import Context, Example, Question, System, SystemFault

__all__ = ["predictions", "run_system"]

#: Finished records of a run that was interrupted; the next run of the same system goes on from there.
PARTIAL: Final = "partial.jsonl"


class _Kept:
    """Finished records of a run, by a digest of all that they depend on."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._found: dict[str, AnnotationRecord] = {}
        if path is not None and path.is_file():
            for _, line in read_lines(Source(str(path), str(path))):
                try:
                    kept = msgspec.json.decode(line, type=tuple[str, AnnotationRecord])
                except msgspec.DecodeError:
                    # A line that was cut off when the run was.
                    continue
                self._found[kept[0]] = kept[1]

    def get(self, key: str) -> AnnotationRecord | None:
        return self._found.get(key)

    def keep(self, key: str, record: AnnotationRecord) -> None:
        if self._path is not None:
            append_line(self._path, msgspec.json.encode((key, record)))


def predictions(
    system: System,
    corpus: Corpus,
    seed: int = 0,
    *,
    options: Mapping[str, str] | None = None,
    cache: Path | None = None,
    control: str | None = None,
    costs: dict[str, object] | None = None,
    partial: Path | None = None,
) -> Iterator[AnnotationRecord]:
    """Yield one record for each document of the corpus, in its order.

    Args:
        system: what predicts.
        corpus: a corpus folder with documents.
        seed: handed to the system.
        options: those that are not the defaults.
        cache: handed to the system.
        control: what is done to the training documents, a name of ``CONTROLS``.
        costs: takes what the system reports; numbers of several folds are added.
        partial: where finished records are kept, and looked for.

    Raises:
        SystemFault: the system failed, or returned no record, one of another document, or one that scoring refuses; it
            opened the corpus; or there is no such option or control.
        UnreadableError: the corpus is a bare file of gold, without documents.
    """
    if not corpus.documents:
        raise UnreadableError(f"{corpus.root}: has no documents to predict; name a corpus folder")
    chosen = _options(system, options or {})
    if control is not None and control not in CONTROLS:
        raise SystemFault(f"no control {control!r}; there are {', '.join(CONTROLS)}")
    gold = corpus.gold  # Read before the system is at work.
    learns = system.protocol == "leave-one-document-out"
    examples = {key: Example(document, gold[key]) for key, document in corpus.documents.items() if learns}
    if control is not None:
        examples = {key: CONTROLS[control](example, seed) for key, example in examples.items()}
    kept = _Kept(partial)
    fresh = True
    for document in corpus.documents.values():
        folder = corpus.events[document.event]
        others = tuple(
            example
            for key, example in examples.items()
            if example.document.event == document.event and key != document.document_id
        )
        questions = tuple(Question(key, folder.claims[key].text) for key in sorted(folder.claims))
        context = Context(folder.event, questions, others, seed, chosen, cache)
        key = _key(system, document, context)
        record = kept.get(key)
        if record is None:
            with _faults(system, document, corpus):
                if learns and system.again and not fresh:
                    system = replace(system.again(), name=system.name)
                fresh = False
                record = system.predict(document, context)
            if not isinstance(record, AnnotationRecord) or record.document_id != document.document_id:
                raise SystemFault(f"{system.name}: no record of {document.document_id} was returned")
            _refuse_invalid(system, record, document, folder)
            if costs is not None and learns and system.again:
                _add(costs, system)
            kept.keep(key, record)
        yield record
    if costs is not None and not (learns and system.again) and not fresh:
        _add(costs, system)


class _faults:
    """Whatever goes wrong in a system is told as a fault of it, with the document at which it went wrong."""

    def __init__(self, system: System, document: Document, corpus: Corpus) -> None:
        self._system = system
        self._document = document
        self._guard = without_gold([corpus.root])

    def __enter__(self) -> None:
        self._guard.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            self._guard.__exit__(None, None, None)
        except GoldRefused as refused:
            error = refused
        if isinstance(error, ImportError) and self._system.extra:
            raise SystemFault(
                f"{self._system.name}: {error}; it needs the extra: pip install 'retold[{self._system.extra}]'"
            ) from error
        if isinstance(error, Exception):
            # The kind of error tells the author of a system where to look. An error of the system's own, a ValueError
            # of its modules, was made for its user and stands without.
            told = isinstance(error, GoldRefused | ValueError) and type(error).__module__.startswith("retold")
            kind_of = "" if told else f": {type(error).__name__}"
            raise SystemFault(f"{self._system.name}{kind_of} at {self._document.document_id}: {error}") from error


def _options(system: System, given: Mapping[str, str]) -> dict[str, str]:
    for name in given:
        if name not in system.options:
            there = ", ".join(system.options) or "none"
            raise SystemFault(f"{system.name}: has no option {name!r}; there are: {there}")
    return {**system.options, **given}


def _key(system: System, document: Document, context: Context) -> str:
    known = [encode(document), *(msgspec.json.encode(example.gold) for example in context.training)]
    asked = msgspec.json.encode([(question.claim, question.text) for question in context.questions])
    settings = json.dumps([__version__, system.name, system.code, context.seed, sorted(context.options.items())])
    digest = sha256(settings.encode())
    for piece in (encode(context.event), asked, *known):
        digest.update(sha256(piece).digest())
    return digest.hexdigest()


def _add(costs: dict[str, object], system: System) -> None:
    if system.report is None:
        return
    for name, value in system.report().items():
        before = costs.get(name)
        adds = isinstance(value, int | float) and isinstance(before, int | float)
        costs[name] = before + value if adds else value  # type: ignore[operator]


def _refuse_invalid(system: System, record: AnnotationRecord, document: Document, folder: EventFolder) -> None:
    """Check what a system returned as its submission would be checked, types included."""
    try:
        line = encode(record)
    except (TypeError, ValueError) as error:
        # A number or a string of another library, for one; str() and int() make them plain.
        raise SystemFault(f"{system.name}: {document.document_id}: the record cannot be written: {error}") from error
    decoded, found = decode_record(line, number=1, file=document.document_id)
    if decoded is not None:
        found = check_record(decoded, role="prediction", document=document, vocabulary=folder.vocabulary)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        place = f" [{errors[0].pointer}]" if errors[0].pointer else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise SystemFault(f"{system.name}: {document.document_id}: {errors[0].code} {errors[0].message}{place}{more}")


def run_system(
    system: System,
    corpus: Corpus,
    output: Path,
    *,
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    cache: Path | None = None,
    control: str | None = None,
    progress: Callable[[Iterable[AnnotationRecord]], Iterable[AnnotationRecord]] = iter,
) -> Path:
    """Run a system over a corpus and write its submission folder (submission.json, predictions.jsonl, run.json).

    ``run.json`` says how it was run and what that cost: options, seed, seconds, what the system reports. An interrupted
    run leaves the finished records in the folder, and the next run of the same system goes on from there.

    Args:
        system, corpus, seed, options, cache, control: as for :func:`predictions`.
        output: the folder; made where it is missing.
        progress: wraps the records while they are made.

    Raises:
        SystemFault: the system is at fault.
    """
    name = f"{system.name}-{control}" if control else system.name
    partial = output / PARTIAL
    costs: dict[str, object] = {}
    began = time.perf_counter()
    made = predictions(
        replace(system, name=name),
        corpus,
        seed,
        options=options,
        cache=cache,
        control=control,
        costs=costs,
        partial=partial,
    )
    lines = [encode(record) + b"\n" for record in progress(made)]
    seconds = time.perf_counter() - began
    about = f"Control, trained on {control} labels. " if control else ""
    card = SubmissionCard(
        name=name,
        team=f"Retold {__version__} baselines",
        description=about + system.description,
        protocol=system.protocol,
        corpus_version=corpus.version,
    )
    run = {
        "system": name,
        "retold": __version__,
        "protocol": system.protocol,
        "control": control,
        "seed": seed,
        "options": _options(system, options or {}),
        "seconds": round(seconds, 2),
        "report": costs,
    }
    write_atomic(output / "predictions.jsonl", lines)
    write_atomic(output / "submission.json", encode(card) + b"\n")
    write_atomic(output / "run.json", json.dumps(run, ensure_ascii=False, indent=2) + "\n")
    partial.unlink(missing_ok=True)
    return output
