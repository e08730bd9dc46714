"""Rules 5xx: labels that contradict each other or the catalogue, and incomplete gold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from retold.model.annotations import Entity
from retold.model.findings import Finding, shorten
from retold.rules.references import listed
from retold.rules.registry import finding, rule
from retold.rules.vocabulary import Role


@rule("RT501", prediction=None)
def type_differs(given: str, entity: Entity, pointer: str, role: Role) -> Finding:
    """The type of a mention is not the type of its entity in the catalogue.

    The type belongs to the entity, not to the wording of the mention.
    Example: `{"start": 15, "end": 19, "type": "LOC", "entity": "vale"}` - in entities.jsonl vale is a GPE.
    Hint: Use the type in entities.jsonl, or the entity that is meant.
    """
    message = f"type is {given}, but {shorten(entity.entity)} has type {entity.type} in the catalogue"
    return finding("RT501", message, pointer=pointer, role=role)


@rule("RT502", annotation=None, prediction=None)
def kb_id_differs(given: str | None, entity: Entity, pointer: str, role: Role) -> Finding:
    """The `kb_id` of a gold mention differs from that of its entity in the catalogue.

    Gold repeats the id of the catalogue, so that one file is enough.
    Example: `{"start": 39, "end": 46, "type": "PER", "entity": "bo-berg", "kb_id": "Q12"}` - in entities.jsonl bo-berg
    has Q11.
    Hint: Use the id in entities.jsonl.
    """
    catalogued = format_kb_id(entity.kb_id)
    message = f"kb_id is {format_kb_id(given)}, but {shorten(entity.entity)} has {catalogued} in the catalogue"
    return finding("RT502", message, pointer=pointer, role=role)


def format_kb_id(kb_id: str | None) -> str:
    return "null" if kb_id is None else shorten(kb_id)


@rule("RT503")
def stance_cell_repeated(cell: str, pointer: str, role: Role) -> Finding:
    """A holder and a target have more than one cell.

    A cell has one label; with two, a guess would always be right.
    Example: `{"stance": [{"holder": "mayor", "target": "dam", "label": "none"}, {"holder": "mayor", "target": "dam",
    "label": "none"}]}` - the cell of mayor and dam occurs twice.
    Hint: Keep one cell.
    """
    return finding("RT503", f"duplicate cell {shorten(cell)}", pointer=pointer, role=role)


@rule("RT504")
def verification_pair_repeated(claim: str, pointer: str, role: Role) -> Finding:
    """A claim has more than one verdict.

    A document has one verdict on a claim; with two, a guess would always be right.
    Example: `{"verification": [{"claim": "dam-costs-5", "label": "not_enough_info"}, {"claim": "dam-costs-5", "label":
    "not_enough_info"}]}` - dam-costs-5 has two verdicts.
    Hint: Keep one.
    """
    return finding("RT504", f"duplicate verdict on claim {shorten(claim)}", pointer=pointer, role=role)


@rule("RT505", prediction=None)
def evidence_missing(label: str, pointer: str, role: Role) -> Finding:
    """A label that needs evidence has none.

    Such a label (favor, supported) needs at least one sentence by which it can be checked.
    Example: `{"claim": "dam-costs-5", "label": "supported"}` - there is no sentence that supports it.
    Hint: Add the indices of the sentences, or use the neutral label.
    """
    return finding("RT505", f"missing evidence for {label}", pointer=pointer, role=role)


@rule("RT506", prediction=None)
def evidence_without_label(label: str, pointer: str, role: Role) -> Finding:
    """A neutral label (none, not_enough_info) has evidence.

    If a sentence is evidence, the label should say of what.
    Example: `{"claim": "dam-costs-5", "label": "not_enough_info", "evidence": [2]}` - sentence 2 cannot be evidence.
    Hint: Remove the evidence, or change the label.
    """
    return finding("RT506", f"unexpected evidence for {label}", pointer=pointer, role=role)


@rule("RT507", prediction=None)
def stance_grid_incomplete(
    holder: str | None, missing: Sequence[str], neutral: str | None, pointer: str, role: Role
) -> Finding:
    """A holder has cells for only some of the targets, or the author has none at all.

    A holder is labelled for every target, so that "none" is a judgement and not an omission.
    Example: `{"stance": [{"holder": "author", "target": "dam", "label": "none"}]}` - mayor-berg is missing.
    Hint: Add the cells, with the label none if there is no stance.
    """
    message = f"{'no' if holder is None else f'holder {shorten(holder)} has no'} cell for {listed(missing)}"
    label = f", with the label {neutral} if there is no stance" if neutral else ""
    return finding("RT507", message, hint=f"Add the cells{label}.", pointer=pointer, role=role)


@rule("RT508")
def scores_do_not_sum(total: float, pointer: str, role: Role) -> Finding:
    """The probabilities of a cell do not sum to 1.

    Calibration is measured on probabilities.
    Example: `{"favor": 0.5, "against": 0.5, "none": 0.5}` - they sum to 1.5.
    Hint: Divide each by their sum.
    """
    return finding("RT508", f"scores sum to {total:.6g}, expected 1", pointer=pointer, role=role)


@rule("RT509", annotation=None, prediction=None)
def stated_but_not_supported(claim: str, label: str, pointer: str) -> Finding:
    """A gold span states a claim that is not verified as supported in the same document.

    A document supports what is stated in it, by whatever source.
    Example: `{"claims": [{"start": 64, "end": 87, "claim": "dam-costs-5"}], "verification": [{"claim": "dam-costs-5",
    "label": "refuted"}]}` - the document states what it refutes.
    Hint: Correct the claim of the span or the verdict.
    """
    return finding("RT509", f"the span states {shorten(claim)}, but its verification is {label}", pointer=pointer)


#: What a key of an item must have in gold, where it is not plain.
_OF_ITEMS: Final = {
    "text": "Add the text of the span, verbatim.",
    "entity": "Add a key of the entity, the same for all its mentions.",
    "claim": "Add the key of the canonical claim that the span states.",
    "kb_id": "Add the id of the entity, or null if there is none.",
    "evidence": "Add the indices of the sentences, or an empty list.",
}


@rule("RT510", annotation=None, prediction=None)
def gold_key_missing(key: str, pointer: str) -> Finding:
    """Gold lacks a key that is optional in predictions.

    In gold every layer is annotated and every item is complete; a missing key would mean "not annotated".
    Example: `{"start": 15, "end": 19, "kind": "name", "type": "GPE", "entity": "vale", "kb_id": null}` - the gold
    mention has no `text`.
    Hint: Add the key, with an empty list if there is nothing to annotate.
    """
    hint = _OF_ITEMS.get(key, "Add the key.") if pointer else None
    return finding("RT510", f"missing key {key!r}, which gold must have", hint=hint, pointer=pointer)


@rule("RT511", annotation=None, prediction=None)
def verification_incomplete(missing: Sequence[str]) -> Finding:
    """Claims of the catalogue have no verdict in gold.

    Every claim is verified in every document; a missing pair would not be scored.
    Example: `{"verification": [{"claim": "dam-costs-5", "label": "supported", "evidence": [2]}, {"claim":
    "dam-costs-7", "label": "refuted", "evidence": [2]}]}` - claims.jsonl also has dam-costs-9.
    Hint: Add the pairs.
    """
    return finding("RT511", f"no verdict on {listed(missing)}", pointer="/verification")


@rule("RT512")
def no_kb_id(given: Any, base: tuple[str, str] | None, pointer: str, role: Role) -> Finding:
    r"""A `kb_id` is not an id of the knowledge base.

    Ids are compared as strings: a URL, a lower-case q or a blank never equals a Wikidata id.
    Example: `{"start": 15, "end": 19, "type": "GPE", "kb_id": "Q12\n"}` - a line feed follows the id.
    Hint: Write Q and the number, or null if Wikidata has no item.
    """
    hint = None
    if base is None:
        message = f"the corpus has no knowledge base, got kb_id {shorten(given)}"
        hint = "Leave kb_id out, or use null."
    elif base[0] == "wikidata":
        message = f"expected a Wikidata id such as 'Q142', got {shorten(given)}"
    else:
        message = f"expected an id of {base[0]} (matches {base[1]}), got {shorten(given)}"
        hint = f"Write the id as {base[0]} has it, or null if there is no entry."
    return finding("RT512", message, hint=hint, pointer=pointer, role=role)
