"""Mutate gold and submissions, and hold the validator to what it promises.

    python scripts/fuzz/fuzz.py --cases 100000 --seed 0

A case is a file of records, a submission's card or a container, with a few mutations of bytes, JSON structure, values
or characters. For each one: no exception leaves the validator, it answers within five seconds, it reports exactly the
codes that a second reading of the rules (fuzz_oracle.py) finds, so nothing invalid is accepted and nothing valid is
refused, and `jsonschema` and the typed decoder agree on every line that all readers of JSON take for the same value.
Failing files are kept in --keep. Exit code 1 if there are any.
"""

from __future__ import annotations

import io
import random
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import jsonschema
import msgspec

from fuzz_mutations import Mutator
from fuzz_oracle import SHAPE, Known, Malformed, read_line, violations
from retold.cli.main import main as run_command
from retold.corpus.load import Corpus, load_corpus
from retold.layers.scheme import default_scheme
from retold.model.findings import UnreadableError
from retold.model.json_schema import SCHEMAS, schema_of
from retold.rules import DECODERS
from retold.validation.validate import validate

SLOW: Final = 5.0
ROLES: Final = ("gold", "annotation", "prediction")
#: Share of cases that are containers and cards; the rest are files of records.
CONTAINERS: Final = 0.03
CARDS: Final = 0.02


@dataclass
class Outcome:
    """What a run saw: cases, how many were clean, codes by frequency, failures, the slowest case in seconds."""

    cases: int = 0
    clean: int = 0
    lines_compared: int = 0
    slowest: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


# A small corpus, cut out of the released one


def write_small_corpus(folder: Path) -> Corpus:
    """Three documents with their real texts and a few of their labels, complete by the rules of gold."""
    released = load_corpus()
    (event,) = list(released.events.values())[:1]
    claims = sorted(event.claims)[:6]
    holders, targets = event.event.holders[:3], event.event.targets[:2]
    named = {holder.holder for holder in holders}
    aimed = {target.target for target in targets}
    out = folder / "events" / event.event.event
    (out / "annotators").mkdir(parents=True)
    gold = []
    documents = [d for d in released.documents.values() if d.event == event.event.event][-3:]
    for document in documents:
        record = msgspec.to_builtins(released.gold[document.document_id])
        record["entities"] = record["entities"][:8]
        record["claims"] = [c for c in record["claims"] if c["claim"] in claims][:4]
        record["stance"] = [c for c in record["stance"] if c["holder"] in named and c["target"] in aimed]
        record["verification"] = [p for p in record["verification"] if p["claim"] in claims]
        gold.append(record)
    card = msgspec.structs.replace(event.event, holders=holders, targets=targets)
    rows: dict[str, list[Any]] = {
        "event.json": [card],
        "documents.jsonl": documents,
        "entities.jsonl": list(event.entities.values()),
        "claims.jsonl": [msgspec.structs.replace(event.claims[c], mutation_of=None, mutation=None) for c in claims],
        "gold.jsonl": gold,
    }
    for name, records in rows.items():
        (out / name).write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    return load_corpus(folder)


def known_of(corpus: Corpus) -> Known:
    """The corpus as the oracle sees it: plain values."""
    (event,) = corpus.events.values()
    return Known(
        documents={key: msgspec.to_builtins(document) for key, document in corpus.documents.items()},
        entities={key: msgspec.to_builtins(entity) for key, entity in event.entities.items()},
        claims=frozenset(event.claims),
        holders=frozenset(holder.holder for holder in event.event.holders),
        targets=frozenset(target.target for target in event.event.targets),
    )


# Checks


class Agreement:
    """`jsonschema` beside the typed decoder."""

    def __init__(self) -> None:
        # JSON Schema takes 1.0 for an integer, the decoder does not, and neither does the validator.
        checker = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
        kind = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=checker)
        types = {"annotation-record": default_scheme().record_type, "submission": SCHEMAS["submission"]}
        self.schemas = {name: kind(schema_of(name, made)) for name, made in types.items()}
        self.decoders: dict[str, Any] = {name: msgspec.json.Decoder(made) for name, made in types.items()}

    def disagreement(self, line: bytes, name: str) -> str | None:
        """What the two say of a line, where it is not the same; "skipped" where readers of JSON may differ."""
        try:
            value = read_line(line)
        except Malformed:
            return "skipped"
        valid = self.schemas[name].is_valid(value)
        try:
            self.decoders[name].decode(line)
        except msgspec.MsgspecError as error:
            return None if not valid else f"jsonschema takes it, the decoder does not: {error}"
        return None if valid else "the decoder takes it, jsonschema does not"


def reported(data: bytes, role: Any, corpus: Corpus, path: Path) -> set[str]:
    """Codes that the validator gives, in the oracle's terms, which leave statistics over a file out."""
    path.write_bytes(data)
    codes = {found.code for found in validate([path], corpus, role=role, ignore=["RT409"]).findings}
    return {SHAPE if code[:3] in ("RT1", "RT2") and code not in ("RT105", "RT111") else code for code in codes}


def container(mutator: Mutator, name: str) -> bytes:
    """A spoilt Parquet file or archive."""
    stream = io.BytesIO()
    if name.endswith(".parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(mutator.records), stream)
    else:
        with zipfile.ZipFile(stream, "w", mutator.chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as archive:
            archive.writestr(mutator.chance.choice(("predictions.jsonl", "../predictions.jsonl")), mutator.file())
            archive.writestr("submission.json", card(mutator))
    data = stream.getvalue()
    for _ in range(mutator.chance.choice((0, 1, 1, 3))):
        data = mutator.spoil(data)
    return data


def card(mutator: Mutator) -> bytes:
    """A spoilt card of a submission."""
    fields: Any = {"name": "s", "team": "t", "url": None, "protocol": "zero-shot", "corpus_version": "0.1.0"}
    for _ in range(mutator.chance.choice((0, 1, 2))):
        if isinstance(fields, dict):
            fields = mutator.chance.choice((mutator.structure, mutator.value, mutator.characters))(fields)
    return mutator.written(fields)


def run(cases: int, seed: int, *, keep: Path | None = None, progress: Callable[[int], None] | None = None) -> Outcome:
    """Run a number of cases; the same seed gives the same ones."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        corpus = write_small_corpus(folder / "corpus")
        known = known_of(corpus)
        gold = [msgspec.to_builtins(record) for record in corpus.gold.values()]
        bare = [{key: record[key] for key in ("document_id", "entities", "stance")} for record in gold]
        agreement = Agreement()
        for case in range(cases):
            chance = random.Random(f"{seed}/{case}")
            mutator = Mutator(chance, gold if chance.random() < 0.7 else bare)
            draw = chance.random()
            name, data, fault = "mine.jsonl", b"", None
            began = time.perf_counter()
            try:
                if draw < CONTAINERS:
                    name = chance.choice(("mine.zip", "predictions.parquet"))
                    data = container(mutator, name)
                    began = time.perf_counter()
                    (folder / name).write_bytes(data)
                    try:
                        validate([folder / name], corpus)
                    except UnreadableError:
                        outcome.codes["unreadable"] += 1
                elif draw < CONTAINERS + CARDS:
                    name, data = "submission.json", card(mutator)
                    _, findings = DECODERS["submission"].decode(data, number=None, file=name)
                    fault = agreement.disagreement(data, "submission")
                    outcome.codes.update({found.code for found in findings})
                else:
                    data = mutator.file()
                    role = chance.choice(ROLES)
                    expected = violations(data, role, known)
                    began = time.perf_counter()
                    found = reported(data, role, corpus, folder / name)
                    seconds = time.perf_counter() - began
                    outcome.codes.update(found)
                    outcome.clean += not found
                    if found != expected:
                        fault = f"as {role}: oracle alone {expected - found}, validator alone {found - expected}"
                    for line in data.split(b"\n"):
                        verdict = agreement.disagreement(line.removesuffix(b"\r"), "annotation-record")
                        outcome.lines_compared += verdict != "skipped"
                        fault = fault or (verdict if verdict != "skipped" else None)
                    began = time.perf_counter() - seconds
            except Exception:
                fault = traceback.format_exc(limit=-3)
            seconds = time.perf_counter() - began
            outcome.slowest = max(outcome.slowest, seconds)
            outcome.cases += 1
            if fault == "skipped":
                fault = None
            if fault is None and seconds > SLOW:
                fault = f"took {seconds:.1f} s"
            if fault is not None:
                outcome.failures.append(f"case {case}: {fault}")
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{seed}-{case}-{name}").write_bytes(data)
            if progress is not None:
                progress(1)
    return outcome


@click.command(help=__doc__)
@click.option("--cases", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the files of failing cases.")
def main(cases: int, seed: int, keep: Path | None) -> None:
    from tqdm import tqdm

    with tqdm(total=cases, disable=None) as bar:
        outcome = run(cases, seed, keep=keep, progress=bar.update)
    click.echo(
        f"{outcome.cases} cases, {outcome.clean} clean files, {outcome.lines_compared} lines read by jsonschema "
        f"and decoder, slowest case {outcome.slowest:.2f} s, {len(outcome.failures)} failures"
    )
    click.echo(", ".join(f"{code} {count}" for code, count in sorted(outcome.codes.items())))
    for failure in outcome.failures[:50]:
        click.echo(failure)
    raise SystemExit(1 if outcome.failures else 0)


if __name__ == "__main__":
    run_command(command=main)
