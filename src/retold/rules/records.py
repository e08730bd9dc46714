"""One record against its document and its event's vocabulary: the loop that scoring runs for every line."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from retold.findings import Finding
from retold.records import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Mention,
    StanceCell,
    VerificationPair,
)
from retold.rules import consistency, references
from retold.rules.spans import check_spans
from retold.rules.table import printable
from retold.rules.vocabulary import Role, Vocabulary

__all__ = ["check_record"]


def check_record(
    record: AnnotationRecord, *, role: Role, document: Document | None, vocabulary: Vocabulary | None
) -> list[Finding]:
    """Say what is wrong with a record beyond its shape.

    Args:
        record: as decoded.
        role: decides which rules apply and how severe they are.
        document: the document that it reads; None where it is not known, and rules about the text are skipped.
        vocabulary: the keys of the event; None where they are not known, and rules about them are skipped.

    Returns:
        Findings with JSON pointer and document, without file and line.
    """
    # Conditions stand in the loops and rules make findings only: a clean record costs comparisons and nothing else.
    findings: list[Finding] = []
    if record.entities:
        check_spans("entities", record.entities, _labels_of_mention, document, role, findings)
        _check_mentions(record.entities, vocabulary, role, findings)
    if record.stance:
        _check_stance(record.stance, document, vocabulary, role, findings)
    if record.claims:
        check_spans("claims", record.claims, _labels_of_claim, document, role, findings)
        if vocabulary is not None and role != "prediction":
            _check_claims(record.claims, vocabulary, role, findings)
    if record.verification:
        _check_verification(record.verification, document, vocabulary, role, findings)
    if role != "prediction":
        findings += consistency.check_complete(record, vocabulary, role)
    if role == "gold":
        findings += consistency.check_gold(record, vocabulary)
    if not findings:
        return findings
    key = printable(record.document_id)
    return [msgspec.structs.replace(found, document=key) for found in findings]


def _labels_of_mention(mention: Mention) -> tuple[object, ...]:
    return mention.kind, mention.type, mention.entity, mention.kb_id


def _labels_of_claim(span: ClaimSpan) -> tuple[object, ...]:
    return span.source, span.claim


def _check_mentions(
    mentions: Sequence[Mention], vocabulary: Vocabulary | None, role: Role, findings: list[Finding]
) -> None:
    is_kb_id = consistency.is_kb_id
    for index, mention in enumerate(mentions):
        kb_id = mention.kb_id
        # None and UNSET are falsy; an empty string is no id.
        if (kb_id or kb_id == "") and not is_kb_id(kb_id):
            findings.append(consistency.no_kb_id(kb_id, f"/entities/{index}/kb_id", role))
    if vocabulary is None or role == "prediction":
        return
    for index, mention in enumerate(mentions):
        if mention.entity is UNSET:
            continue
        entity = vocabulary.entities.get(mention.entity)
        if entity is None:
            pointer = f"/entities/{index}/entity"
            findings.append(references.unknown_entity(mention.entity, vocabulary.entities, pointer, role))
            continue
        if mention.type != entity.type:
            findings.append(consistency.type_differs(mention.type, entity, f"/entities/{index}/type", role))
        if role == "gold" and mention.kb_id is not UNSET and mention.kb_id != entity.kb_id:
            findings.append(consistency.kb_id_differs(mention.kb_id, entity, f"/entities/{index}/kb_id", role))


def _check_stance(
    cells: Sequence[StanceCell],
    document: Document | None,
    vocabulary: Vocabulary | None,
    role: Role,
    findings: list[Finding],
) -> None:
    for index, cell in enumerate(cells):
        if vocabulary is not None:
            if cell.holder not in vocabulary.holders:
                pointer = f"/stance/{index}/holder"
                findings.append(references.unknown_holder(cell.holder, vocabulary.holders, pointer, role))
            if cell.target not in vocabulary.targets:
                pointer = f"/stance/{index}/target"
                findings.append(references.unknown_target(cell.target, vocabulary.targets, pointer, role))
        if cell.evidence and document is not None:
            _check_evidence(cell.evidence, document, f"/stance/{index}", role, findings)
        scores = cell.scores
        if scores is not UNSET and abs(scores.favor + scores.against + scores.none - 1.0) > consistency.TOLERANCE:
            findings.append(consistency.scores_do_not_sum(scores, f"/stance/{index}/scores", role))
    if len({(cell.holder, cell.target) for cell in cells}) != len(cells):
        seen: set[tuple[str, str]] = set()
        for index, cell in enumerate(cells):
            if (cell.holder, cell.target) in seen:
                findings.append(consistency.stance_cell_repeated(cell.holder, cell.target, f"/stance/{index}", role))
            seen.add((cell.holder, cell.target))


def _check_claims(spans: Sequence[ClaimSpan], vocabulary: Vocabulary, role: Role, findings: list[Finding]) -> None:
    for index, span in enumerate(spans):
        if span.claim is not UNSET and span.claim not in vocabulary.claims:
            pointer = f"/claims/{index}/claim"
            findings.append(references.unknown_claim(span.claim, vocabulary.claims, pointer, role))
        if span.source != "author" and span.source not in vocabulary.entities:
            pointer = f"/claims/{index}/source"
            findings.append(references.unknown_source(span.source, vocabulary.entities, pointer, role))


def _check_verification(
    pairs: Sequence[VerificationPair],
    document: Document | None,
    vocabulary: Vocabulary | None,
    role: Role,
    findings: list[Finding],
) -> None:
    for index, pair in enumerate(pairs):
        if vocabulary is not None and pair.claim not in vocabulary.claims:
            pointer = f"/verification/{index}/claim"
            findings.append(references.unknown_claim(pair.claim, vocabulary.claims, pointer, role))
        if pair.evidence and document is not None:
            _check_evidence(pair.evidence, document, f"/verification/{index}", role, findings)
    if len({pair.claim for pair in pairs}) != len(pairs):
        seen: set[str] = set()
        for index, pair in enumerate(pairs):
            if pair.claim in seen:
                findings.append(consistency.verification_pair_repeated(pair.claim, f"/verification/{index}", role))
            seen.add(pair.claim)


def _check_evidence(
    evidence: Sequence[int], document: Document, pointer: str, role: Role, findings: list[Finding]
) -> None:
    sentences = len(document.sentences)
    for place, sentence in enumerate(evidence):
        if sentence >= sentences:
            found = references.no_such_sentence(sentence, sentences, f"{pointer}/evidence/{place}", role)
            findings.append(found)
