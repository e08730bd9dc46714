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
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct

from retold.layers.answers import AnswerLayer, KeyNames, check_answers
from retold.layers.base import Batch, LayerCounts, Matches
from retold.layers.columns import MAX_EVIDENCE, shared_sentences
from retold.layers.counts import BatchCounts, breakdown
from retold.layers.names import Codes
from retold.layers.types import labelled
from retold.layers.views import ViewContext
from retold.measures.base import Measure, ratio
from retold.measures.classification import added_up, confusion_columns, confusion_measures
from retold.model.annotations import VerificationPair
from retold.model.arrays import Mask, np
from retold.model.findings import Finding
from retold.model.manifest import Label
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
        check_answers(self, "not_enough_info", "evidence_for")


class Verification(AnswerLayer[VerificationOptions]):
    """The layer ``verification``."""

    name = "verification"
    items_title = "verification pairs"
    units_title = "claims"
    tasks = ("verification",)
    Options = VerificationOptions
    prefix = "claims.verification"
    repeated = staticmethod(consistency.verification_pair_repeated)
    track = "claims"
    identity = ("claim",)
    plain_type = VerificationPair
    names_claims = True
    headline = ("claims.verification.macro_f1",)

    def __init__(self, options: VerificationOptions) -> None:
        super().__init__(options)
        confusion = confusion_columns(self.labels)
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
        self.measures = (*confusion_measures(self.prefix, self.labels, definition=over), strict)

    # One item

    def item_type(self) -> type[Struct]:
        return labelled(VerificationPair, {"label": self.labels})

    def check_keys(self, items: Sequence[Any], keys: Vocabulary, role: Role, found: list[Finding]) -> None:
        for index, pair in enumerate(items):
            if pair.claim not in keys.claims:
                found.append(references.unknown_claim(pair.claim, keys.claims, f"/verification/{index}/claim", role))

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

    def question_columns(self) -> dict[str, str]:
        return {"claim": "string", "claim_text": "string", "mutation": "mutation"}

    def question_row(self, item: Any, context: ViewContext) -> dict[str, Any]:
        claim = context.claims[item.claim]
        return {"claim": item.claim, "claim_text": claim.text, "mutation": claim.mutation or "none"}

    def refers_to(self, items: Sequence[Any]) -> Iterator[tuple[str, str]]:
        # Only stating a claim uses it: one that every document refutes or leaves open counts as unused.
        return (("claim", item.claim) for item in items if item.label == self.labels[0])

    # A batch

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
        into.add("strict", rows, np.flatnonzero(self.strict(matches)))

    def strict(self, matches: Matches) -> Mask:
        # A pair without gold evidence asks for none; of the others, a gold sentence must be among the first few given.
        gold, hit = matches.gold, matches.partner
        owner, wanted = gold.evidence
        both = (hit[owner] >= 0) & shared_sentences(matches.predicted.first, (hit[owner], wanted))
        shown = np.ones(len(hit), np.bool_)
        shown[owner] = False
        shown[owner[both]] = True
        strict: Mask = (gold.label == self.given(matches)) & (~self._shown[gold.label] | shown)
        return strict
