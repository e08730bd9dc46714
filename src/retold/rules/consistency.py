"""Rules 5xx: labels that contradict each other, the catalogue, or what gold must have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retold.model.annotations import Entity
from retold.model.findings import Finding, shorten
from retold.rules.references import listed
from retold.rules.registry import finding, rule
from retold.rules.vocabulary import Role


@rule("RT501", prediction=None)
def type_differs(given: str, entity: Entity, pointer: str, role: Role) -> Finding:
    """The type of a mention is not the type of its entity in the catalogue.

    The type belongs to the entity, whatever words refer to it.

    Example: `{"start": 15, "end": 19, "type": "LOC", "entity": "vale"}` - in entities.jsonl vale is a GPE.

    Hint: Use the type of entities.jsonl, or another entity if the mention means another.
    """
    message = f"the type is {given}, the catalogue gives {shorten(entity.entity)} the type {entity.type}"
    return finding("RT501", role, message, pointer=pointer)


@rule("RT502", annotation=None, prediction=None)
def kb_id_differs(given: str | None, entity: Entity, pointer: str, role: Role) -> Finding:
    """The `kb_id` of a gold mention is not that of its entity in the catalogue.

    Gold repeats the catalogue's id for readers of one file; the catalogue decides.

    Example: `{"start": 39, "end": 46, "type": "PER", "entity": "bo-berg", "kb_id": "Q12"}` - in entities.jsonl bo-berg
    has Q11.

    Hint: Use the id of entities.jsonl.
    """
    message = f"kb_id is {_shown(given)}, the catalogue gives {shorten(entity.entity)} {_shown(entity.kb_id)}"
    return finding("RT502", role, message, pointer=pointer)


def _shown(kb_id: str | None) -> str:
    return "null" if kb_id is None else shorten(kb_id)


@rule("RT503")
def stance_cell_repeated(cell: str, pointer: str, role: Role) -> Finding:
    """A holder and a target have more than one cell.

    A cell has one label; with two, one of them would always hit.

    Example: `{"stance": [{"holder": "mayor", "target": "dam", "label": "none"}, {"holder": "mayor", "target": "dam",
    "label": "none"}]}` - the cell of mayor and dam is given twice.

    Hint: Keep one cell.
    """
    message = f"the cell {shorten(cell)} is given already"
    return finding("RT503", role, message, pointer=pointer)


@rule("RT504")
def verification_pair_repeated(claim: str, pointer: str, role: Role) -> Finding:
    """A claim has more than one verdict.

    A document has one verdict on a claim; with two, one of them would always hit.

    Example: `{"verification": [{"claim": "dam-costs-5", "label": "not_enough_info"}, {"claim": "dam-costs-5", "label":
    "not_enough_info"}]}` - dam-costs-5 has two verdicts.

    Hint: Keep one.
    """
    return finding("RT504", role, f"the claim {shorten(claim)} has a verdict already", pointer=pointer)


@rule("RT505", prediction=None)
def evidence_missing(label: str, pointer: str, role: Role) -> Finding:
    """A label that the document must show has no evidence.

    favor, against, supported and refuted rest on at least one sentence; without it nobody can check the label.

    Example: `{"claim": "dam-costs-5", "label": "supported"}` - no sentence is named that supports it.

    Hint: Name the sentences, or use the label for "not said".
    """
    return finding("RT505", role, f"{label} has no evidence", pointer=pointer)


@rule("RT506", prediction=None)
def evidence_without_label(label: str, pointer: str, role: Role) -> Finding:
    """A label for "not said" has evidence.

    If a sentence shows something, the label should say what.

    Example: `{"claim": "dam-costs-5", "label": "not_enough_info", "evidence": [2]}` - sentence 2 is said to show
    nothing.

    Hint: Empty the evidence, or change the label.
    """
    return finding("RT506", role, f"{label} has evidence", pointer=pointer)


@rule("RT507", prediction=None)
def stance_grid_incomplete(holder: str, missing: Sequence[str], pointer: str, role: Role) -> Finding:
    """A holder that the document speaks of lacks cells, or the author has none.

    A holder is labelled for every target, so that "none" is a judgement and not an omission.

    Example: `{"stance": [{"holder": "author", "target": "dam", "label": "none"}]}` - the target mayor-berg is left out.

    Hint: Add the cells, with the label none where nothing is said.
    """
    message = f"the holder {shorten(holder)} has no cell for {listed(missing)}"
    return finding("RT507", role, message, pointer=pointer)


@rule("RT508")
def scores_do_not_sum(total: float, pointer: str, role: Role) -> Finding:
    """The probabilities of a cell do not sum to 1.

    Calibration is measured on them as probabilities.

    Example: `{"favor": 0.5, "against": 0.5, "none": 0.5}` - they sum to 1.5.

    Hint: Divide each by their sum.
    """
    return finding("RT508", role, f"the scores sum to {total:.6g}, not to 1", pointer=pointer)


@rule("RT509", annotation=None, prediction=None)
def stated_but_not_supported(claim: str, label: str, pointer: str) -> Finding:
    """A gold span states a claim that the same document does not support, by its own verification.

    A document supports what it states, in any voice.

    Example: `{"claims": [{"start": 64, "end": 87, "claim": "dam-costs-5"}], "verification": [{"claim": "dam-costs-5",
    "label": "refuted"}]}` - the document states what it is said to refute.

    Hint: Correct the claim of the span or the verdict.
    """
    message = f"the span states {shorten(claim)}, verification says {label}"
    return finding("RT509", "gold", message, pointer=pointer)


@rule("RT510", annotation=None, prediction=None)
def gold_key_missing(key: str, pointer: str) -> Finding:
    """Gold lacks a key that predictions may leave out.

    Every layer is annotated in gold, and every item is complete; a key left out would say that it was not looked at.

    Example: `{"start": 15, "end": 19, "kind": "name", "type": "GPE", "entity": "vale", "kb_id": null}` - the gold
    mention has no `text`.

    Hint: Add the key; an empty list says that there is nothing.
    """
    return finding("RT510", "gold", f"gold must carry the key {key!r}", pointer=pointer)


@rule("RT511", annotation=None, prediction=None)
def verification_incomplete(missing: Sequence[str]) -> Finding:
    """Claims of the catalogue have no verdict in gold.

    Verification is over every claim and every document; a missing pair would silently not be scored.

    Example: `{"verification": [{"claim": "dam-costs-5", "label": "supported", "evidence": [2]}, {"claim":
    "dam-costs-7", "label": "refuted", "evidence": [2]}]}` - claims.jsonl has dam-costs-9 too.

    Hint: Add the pairs.
    """
    return finding("RT511", "gold", f"no verdict on {listed(missing)}", pointer="/verification")


@rule("RT512")
def no_kb_id(given: Any, pointer: str, role: Role) -> Finding:
    r"""A `kb_id` is no Wikidata item id.

    Ids are compared as strings: a URL, a lower-case q or a blank never equals an id.

    Example: `{"start": 15, "end": 19, "type": "GPE", "kb_id": "Q12\n"}` - a line feed follows the id.

    Hint: Write Q and the number, or null where Wikidata has none.
    """
    return finding("RT512", role, f"{shorten(given)} is no Wikidata id such as 'Q142'", pointer=pointer)
