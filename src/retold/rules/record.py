"""One record against its document and the vocabulary of its event; scoring runs this for every line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from retold.model.annotations import (
    MAX_INTEGER,
    AnnotationRecord,
    ClaimSpan,
    Document,
    Mention,
    StanceCell,
    VerificationPair,
)
from retold.model.findings import Context, Finding, context_of
from retold.rules import consistency, references
from retold.rules.guideline import check_guideline
from retold.rules.registry import printable
from retold.rules.spans import check_spans
from retold.rules.vocabulary import Role, Vocabulary

__all__ = ["check_record"]

#: More sentences than an index can name, for an unknown document.
_UNLIMITED: Final = MAX_INTEGER + 1


def check_record(
    record: AnnotationRecord, *, role: Role, document: Document | None, vocabulary: Vocabulary | None
) -> list[Finding]:
    """Check a decoded record.

    Args:
        record: as decoded.
        role: decides which rules apply and how severe they are.
        document: its document; None if unknown, then rules about the text are skipped.
        vocabulary: the keys of its event; None if unknown, then rules about them are skipped.

    Returns:
        Findings with JSON pointer and document, without file and line.
    """
    # Conditions are checked in the loops, rules only make findings: a clean record costs nothing but comparisons.
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
        if document is not None:
            findings += check_guideline(record, document, role)
    if role == "gold":
        findings += consistency.check_gold(record, vocabulary)
    if not findings:
        return findings
    key = printable(record.document_id)
    return [
        msgspec.structs.replace(found, document=key, context=_context(found, record, document)) for found in findings
    ]


def _context(found: Finding, record: AnnotationRecord, document: Document | None) -> Context | None:
    """The text around the span of a finding; None if it is not about a span, or the text is unknown."""
    layer, _, rest = (found.pointer or "").removeprefix("/").partition("/")
    spans: Sequence[Mention | ClaimSpan] | UnsetType
    spans = record.entities if layer == "entities" else record.claims if layer == "claims" else ()
    if document is None or not spans or not rest:
        return None
    span = spans[int(rest.partition("/")[0])]
    return context_of(document.text, span.start, span.end)


def _labels_of_mention(mention: Mention) -> tuple[object, ...]:
    return mention.kind, mention.type, mention.entity, mention.kb_id


def _labels_of_claim(span: ClaimSpan) -> tuple[object, ...]:
    return span.source, span.claim


def _check_mentions(
    mentions: Sequence[Mention], vocabulary: Vocabulary | None, role: Role, findings: list[Finding]
) -> None:
    known = consistency.KNOWN_IDS
    for index, mention in enumerate(mentions):
        if mention.kb_id not in known and not consistency.is_kb_id(str(mention.kb_id)):
            findings.append(consistency.no_kb_id(mention.kb_id, f"/entities/{index}/kb_id", role))
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
    if vocabulary is not None:
        holders, targets = vocabulary.holders, vocabulary.targets
        for index, cell in enumerate(cells):
            if cell.holder not in holders:
                findings.append(references.unknown_holder(cell.holder, holders, f"/stance/{index}/holder", role))
            if cell.target not in targets:
                findings.append(references.unknown_target(cell.target, targets, f"/stance/{index}/target", role))
    sentences = len(document.sentences) if document is not None else _UNLIMITED
    for index, cell in enumerate(cells):
        if cell.evidence and max(cell.evidence) >= sentences:
            _check_evidence(cell.evidence, sentences, f"/stance/{index}", role, findings)
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
    sentences = len(document.sentences) if document is not None else _UNLIMITED
    for index, pair in enumerate(pairs):
        if vocabulary is not None and pair.claim not in vocabulary.claims:
            pointer = f"/verification/{index}/claim"
            findings.append(references.unknown_claim(pair.claim, vocabulary.claims, pointer, role))
        if pair.evidence and max(pair.evidence) >= sentences:
            _check_evidence(pair.evidence, sentences, f"/verification/{index}", role, findings)
    if len({pair.claim for pair in pairs}) != len(pairs):
        seen: set[str] = set()
        for index, pair in enumerate(pairs):
            if pair.claim in seen:
                findings.append(consistency.verification_pair_repeated(pair.claim, f"/verification/{index}", role))
            seen.add(pair.claim)


def _check_evidence(evidence: Sequence[int], sentences: int, pointer: str, role: Role, findings: list[Finding]) -> None:
    for index, sentence in enumerate(evidence):
        if sentence >= sentences:
            found = references.no_such_sentence(sentence, sentences, f"{pointer}/evidence/{index}", role)
            findings.append(found)
