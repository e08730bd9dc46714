"""Verification: what does a document say about a canonical claim?

Task. For each (claim, document) pair give a verdict (supported, refuted, not_enough_info), with evidence sentences.

Conventions.
    The gold pairs are what is scored. A missing pair is wrong for its label and is never imputed.
    macro_f1 is the mean of the labels' F1.
    strict (FEVER, Thorne et al. 2018): the label is right and, unless it is one that needs no evidence, at least one
    gold evidence sentence is among the first five that are given, in the order in which they are given.
    A label with neither gold nor prediction has no F1; one that gold does not have is not averaged in.
    A gold pair without evidence asks for none in strict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct

from retold.layers.answers import (
    AnswerLayer,
    KeyNames,
    agreement_columns,
    agreement_measures,
    check_evidence,
    check_labels_shown,
    check_repeated,
)
from retold.layers.base import Batch, CorpusFacts, Item, LayerCounts, Matches
from retold.layers.columns import MAX_EVIDENCE, Builder, Keys, Labels, Lists, shared_sentences
from retold.layers.counts import BatchCounts, breakdown
from retold.layers.names import Codes
from retold.layers.types import labelled
from retold.layers.views import ViewContext, evidence_row
from retold.measures.base import Measure, ratio
from retold.measures.classification import added_up, confusion_columns, confusion_measures
from retold.model.annotations import Document, VerificationPair
from retold.model.arrays import Index, Mask, np
from retold.model.findings import Finding
from retold.model.manifest import Label, check_labels, check_subset
from retold.rules import consistency, references
from retold.rules.vocabulary import Role, Vocabulary

__all__ = ["Verification", "VerificationOptions"]


class VerificationOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the layer ``verification``."""

    labels: Annotated[
        list[Label],
        Meta(
            description="Verdicts; the first is that the document states the claim.",
            examples=[["supported", "refuted", "not_enough_info"]],
        ),
    ] = msgspec.field(default_factory=lambda: ["supported", "refuted", "not_enough_info"])
    neutral: Annotated[
        str | None,
        Meta(
            description="Verdict that leaves the claim open; not_enough_info by default, where it is one.",
            examples=["not_enough_info"],
        ),
    ] = None
    evidence_for: Annotated[
        list[Label] | None,
        Meta(
            description="Verdicts that need evidence; by default all but the neutral one.",
            examples=[["supported", "refuted"]],
        ),
    ] = None
    evidence: Annotated[Literal["sentences"], Meta(description="Unit of evidence.", examples=["sentences"])] = (
        "sentences"
    )
    unlisted: Annotated[
        Literal["ignored"],
        Meta(description="How an answer to a pair that gold lacks is counted.", examples=["ignored"]),
    ] = "ignored"

    def __post_init__(self) -> None:
        check_labels("labels", self.labels)
        if self.neutral is None and "not_enough_info" in self.labels:
            msgspec.structs.force_setattr(self, "neutral", "not_enough_info")
        if self.neutral is not None:
            check_subset("neutral", [self.neutral], self.labels)
        if self.evidence_for is None:
            msgspec.structs.force_setattr(self, "evidence_for", [each for each in self.labels if each != self.neutral])
        check_subset("evidence_for", self.evidence_for or (), self.labels)


class Verification(AnswerLayer[VerificationOptions]):
    """The layer ``verification``."""

    name = "verification"
    items_title = "verification pairs"
    units_title = "claims"
    tasks = ("verification",)
    Options = VerificationOptions
    gold_keys = ("evidence",)
    label_keys: ClassVar = {"label": "labels"}
    track = "claims"
    identity = ("claim",)
    plain_type = VerificationPair
    names_claims = True
    headline = ("claims.verification.macro_f1",)

    def __init__(self, options: VerificationOptions) -> None:
        super().__init__(options)
        labels = self.labels = options.labels
        confusion = confusion_columns(labels)
        self.columns = (*confusion, "strict")
        strict = Measure(
            name="claims.verification.strict",
            value=lambda c: ratio(c["strict"], added_up(c, confusion)),
            trials=lambda c: added_up(c, confusion),
            counts={"correct": ("strict",), "gold": confusion},
            definition="Share of gold pairs whose label is right and, where it needs evidence, whose gold "
            f"sentences include one of the first {MAX_EVIDENCE} given.",
            reference="FEVER score (Thorne et al. 2018), with single sentences as evidence",
            undefined="null where gold has no pair",
        )
        over = "Over the gold pairs; a missing one is wrong."
        self.measures = (*confusion_measures("claims.verification", labels, definition=over), strict)
        self.agreement_columns = agreement_columns(labels)
        self.agreement_measures = agreement_measures(labels)

    @cached_property
    def _shown(self) -> Mask:
        """Whether each label is shown by evidence."""
        return np.array([label in (self.options.evidence_for or ()) for label in self.labels])

    def means(self) -> dict[str, tuple[str, ...]]:
        return {"claims.verification.macro_f1": tuple(f"claims.verification.{label}.f1" for label in self.labels)}

    # One item

    def item_type(self) -> type[Struct]:
        return labelled(VerificationPair, {"label": self.labels})

    def check(
        self, items: Sequence[Any], document: Document | None, keys: Vocabulary | None, role: Role, found: list[Finding]
    ) -> None:
        if keys is not None:
            for index, pair in enumerate(items):
                if pair.claim not in keys.claims:
                    pointer = f"/verification/{index}/claim"
                    found.append(references.unknown_claim(pair.claim, keys.claims, pointer, role))
        check_evidence("verification", items, document, role, found)
        claims = [pair.claim for pair in items]
        check_repeated("verification", claims, consistency.verification_pair_repeated, role, found)

    def check_complete(self, items: Sequence[Any], keys: Vocabulary | None, role: Role, found: list[Finding]) -> None:
        check_labels_shown("verification", items, self.options.evidence_for or (), role, found)

    def check_gold(self, record: Any, keys: Vocabulary | None, found: list[Finding]) -> None:
        stated = self.labels[0]
        verdicts = {pair.claim: pair.label for pair in record.verification}
        spans = record.claims
        for index, span in enumerate(spans if spans is not UNSET else ()):
            claim = getattr(span, "claim", UNSET)
            if claim is not UNSET and verdicts.get(claim, stated) != stated:
                found.append(consistency.stated_but_not_supported(claim, verdicts[claim], f"/claims/{index}/claim"))
        if keys is not None and (missing := sorted(keys.claims - verdicts.keys())):
            found.append(consistency.verification_incomplete(missing))

    # Rows

    def view_columns(self) -> dict[str, str]:
        return {
            "claim": "string",
            "claim_text": "string",
            "mutation": "mutation",
            "label": "verification",
            "evidence": "ints",
            "evidence_text": "strings",
            "context": "string",
        }

    def view_labels(self) -> dict[str, Sequence[str]]:
        return {"verification": self.labels}

    def view_row(self, item: Any, document: Document, context: ViewContext) -> dict[str, Any]:
        claim = context.claims[item.claim]
        return {
            "claim": item.claim,
            "claim_text": claim.text,
            "mutation": claim.mutation or "none",
            "label": item.label,
            **evidence_row(document, item.evidence),
            "context": document.text,
        }

    def refers_to(self, items: Sequence[Any]) -> Iterator[tuple[str, str]]:
        # Only stating a claim uses it: one that every document refutes or leaves open counts as unused.
        return (("claim", item.claim) for item in items if item.label == self.labels[0])

    # A batch

    def names(self, event: str, joined: None) -> KeyNames:
        claims = Codes()
        sides = [
            Builder(
                {"claim": Keys("claim", claims), "label": Labels("label", self.labels), "evidence": Lists("evidence")}
            )
            for _ in range(2)
        ]
        return KeyNames(event, [claims], sides)

    def count(self, matches: Matches, counts: LayerCounts, into: BatchCounts, batch: Batch, names: KeyNames) -> None:
        gold = matches.gold
        breakdowns = [breakdown("label", self.labels, gold.label)]
        claims = names.lists()[0]
        used, inverse = np.unique(gold.parts[0], return_inverse=True)
        kinds = Codes()
        of_claim = [
            kinds[kind] if (kind := counts.facts.mutation(batch.event, claims[code])) else -1 for code in used.tolist()
        ]
        if kinds:
            breakdowns.append(breakdown("mutation", kinds, np.array(of_claim, np.int64)[inverse]))
        rows = self.rows(batch, counts.units, gold, names.lists(), breakdowns)
        into.add_each(self.confusion(matches), rows)
        into.add("strict", rows, np.flatnonzero(self._strict(matches)))

    def _strict(self, matches: Matches) -> Mask:
        """Whether the label is right and, where it rests on evidence, one of the first sentences given is gold."""
        gold, predicted = matches.gold, matches.predicted
        shown = _shown(gold, predicted, matches.partner)
        strict: Mask = (gold.label == self.given(matches)) & (~self._shown[gold.label] | shown)
        return strict

    def items(
        self, matches: Matches, batch: Batch, names: KeyNames, facts: CorpusFacts, refers_to: Any
    ) -> Iterator[tuple[int, Item]]:
        strict = self._strict(matches).tolist()
        yield from self.answer_items("verification", matches, batch, names, {"strict": lambda g, p: strict[g]})


def _shown(gold: Any, predicted: Any, hit: Index) -> Mask:
    """Pairs without gold evidence, and pairs with a gold sentence among the first few given."""
    wanted_owner, wanted = gold.evidence
    both = (hit[wanted_owner] >= 0) & shared_sentences(predicted.first, (hit[wanted_owner], wanted))
    found = np.ones(len(hit), np.bool_)
    found[wanted_owner] = False
    found[wanted_owner[both]] = True
    return found
