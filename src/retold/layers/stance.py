"""Stance: is a holder, as this document shows it, for a target, against it, or neither?

Task. For each (holder, target) cell of a document give a label, its evidence sentences and, optionally, a
probability for each label. Where a corpus has no holders, a cell is a target alone.

Conventions.
    The gold cells are what is scored. A missing cell is wrong for its label and is never imputed; a cell that gold does
    not have (the document does not mention the holder) counts neither way.
    favg is the mean F1 of the labels that take a side, (F1 favor + F1 against) / 2, over all cells (SemEval-2016 task
    6, Mohammad et al. 2016).
    evidence: micro F1 over (cell, label, sentence) triples of the labels that need evidence: a sentence under a wrong
    label is wrong, as in SciFact's selection + label (Wadden et al. 2020).
    brier: sum over the labels of squared error, mean over the cells with scores (Brier 1950), 0 to 2, lower is better.
    ece: ten equal bins of the score of the given label (Naeini et al. 2015), lower is better.
    A label with neither gold nor prediction has no F1; one that gold does not have is not averaged in.
    A cell left out is wrong, but a wrong label is wrong twice in F1: missed for its own label, spurious for the one
    given. So F1 rewards leaving out an answer that would be wrong; accuracy does not, and coverage shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct

from retold.layers.answers import AnswerLayer, KeyNames, check_answers
from retold.layers.base import Batch, LayerCounts, Matches
from retold.layers.columns import Field, KeyedColumns, Scores, shared_sentences
from retold.layers.counts import FIXED, BatchCounts, Breakdown, Rows, breakdown, compact
from retold.layers.types import labelled
from retold.layers.views import ViewContext, wording
from retold.measures.calibration import calibration_measures
from retold.measures.classification import confusion_columns, confusion_measures, f1_row, macro_f1_row
from retold.model.annotations import Score, StanceCell
from retold.model.arrays import Array, Index, np
from retold.model.findings import Finding
from retold.model.manifest import Label
from retold.rules import consistency, references
from retold.rules.vocabulary import Role, Vocabulary

__all__ = ["BINS", "Stance", "StanceOptions"]

BINS: Final = 10
#: How far probabilities may be from summing to 1.
_TOLERANCE: Final = 1e-3


class StanceOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the layer ``stance``."""

    labels: Annotated[list[Label], Meta(description="Labels of a cell.", examples=[["favor", "against", "none"]])] = (
        msgspec.field(default_factory=lambda: ["favor", "against", "none"])
    )
    sides: Annotated[
        list[Label] | None,
        Meta(
            description="Labels that favg is over; all but the neutral one by default.", examples=[["favor", "against"]]
        ),
    ] = None
    neutral: Annotated[
        str | None,
        Meta(description="Label that takes no side; by default 'none', if that is a label.", examples=["none"]),
    ] = None
    holders: Annotated[bool, Meta(description="Whether cells name a holder beside the target.", examples=[True])] = True
    evidence_for: Annotated[
        list[Label] | None,
        Meta(description="Labels that need evidence; by default those of sides.", examples=[["favor", "against"]]),
    ] = None

    def __post_init__(self) -> None:
        check_answers(self, "none", "sides", "evidence_for")


class Stance(AnswerLayer[StanceOptions]):
    """The layer ``stance``."""

    name = "stance"
    items_title = "stance cells"
    units_title = "stance cells"
    tasks = ("stance",)
    Options = StanceOptions
    prefix = "stance"
    repeated = staticmethod(consistency.stance_cell_repeated)
    track = "stance"
    plain_type = StanceCell

    def __init__(self, options: StanceOptions) -> None:
        super().__init__(options)
        labels = self.labels
        self.identity = ("holder", "target") if options.holders else ("target",)
        self.event_keys = ("holders", "targets") if options.holders else ("targets",)
        confusion = confusion_columns(labels)
        self.columns = (
            *confusion,
            *("evidence_correct", "evidence_predicted", "evidence_gold", "scored", "squared_error~"),
            *(f"bin{k}:{what}" for what in ("items", "correct", "confidence~") for k in range(BINS)),
        )
        sides = options.sides or []
        semeval = "SemEval-2016 task 6 (Mohammad et al. 2016)"
        self.measures = (
            *((macro_f1_row("stance.favg", labels, sides, reference=semeval),) if sides else ()),
            *confusion_measures("stance", labels, definition="Over the gold cells; a missing one is wrong."),
            f1_row(
                "stance.evidence.f1",
                "evidence_correct",
                "evidence_predicted",
                "evidence_gold",
                definition="Sentences under the right label that gold names.",
                reference="SciFact, selection + label (Wadden et al. 2020)",
            ),
            *calibration_measures("stance", BINS, gold=confusion, shown="cells"),
        )
        self.headline = ("stance.favg",) if sides else ("stance.macro_f1",)

    def means(self) -> dict[str, tuple[str, ...]]:
        sides = self.options.sides or ()
        favg = {"stance.favg": tuple(f"stance.{label}.f1" for label in sides)} if sides else {}
        return favg | super().means()

    # One item

    def item_type(self) -> type[Struct]:
        labels = self.labels
        scores: Any = msgspec.defstruct(
            "StanceScores",
            [
                (
                    f"label{k}",
                    Annotated[Score, Meta(description=f"Probability of {label}.", examples=[0.8 if k == 0 else 0.1])],
                )
                for k, label in enumerate(labels)
            ],
            rename={f"label{k}": label for k, label in enumerate(labels)},
            frozen=True,
            forbid_unknown_fields=True,
            gc=False,
            kw_only=True,
            namespace={"__doc__": _scores_doc(len(labels))},
        )
        example = {label: 0.8 if k == 0 else round(0.2 / max(len(labels) - 1, 1), 3) for k, label in enumerate(labels)}
        given = Annotated[
            scores, Meta(description="Probabilities of the labels (predictions only).", examples=[example])
        ]
        more: dict[str, Any] = {"scores": (given | msgspec.UnsetType, UNSET)}
        if self.options.holders:
            more["holder"] = (
                Annotated[str, Meta(min_length=1, description="Key of a stance holder.", examples=["macron"])],
            )
        return labelled(StanceCell, {"label": labels}, more, () if self.options.holders else ("holder",))

    def check_keys(self, items: Sequence[Any], keys: Vocabulary, role: Role, found: list[Finding]) -> None:
        for index, cell in enumerate(items):
            if self.options.holders and cell.holder not in keys.holders:
                found.append(references.unknown_holder(cell.holder, keys.holders, f"/stance/{index}/holder", role))
            if cell.target not in keys.targets:
                found.append(references.unknown_target(cell.target, keys.targets, f"/stance/{index}/target", role))

    def check_values(self, items: Sequence[Any], role: Role, found: list[Finding]) -> None:
        for index, cell in enumerate(items):
            if cell.scores is not UNSET:
                total = sum(msgspec.structs.astuple(cell.scores))
                if abs(total - 1.0) > _TOLERANCE:
                    found.append(consistency.scores_do_not_sum(total, f"/stance/{index}/scores", role))

    def check_complete(self, items: Sequence[Any], keys: Vocabulary | None, role: Role, found: list[Finding]) -> None:
        super().check_complete(items, keys, role, found)
        if keys is None:
            return
        cells: dict[Any, set[str]] = {"author": set()} if self.options.holders and "author" in keys.holders else {}
        for cell in items:
            cells.setdefault(cell.holder if self.options.holders else None, set()).add(cell.target)
        for holder, targets in cells.items():
            missing = sorted(keys.targets - targets)
            if missing and (holder in keys.holders or holder is None):
                neutral = self.options.neutral
                found.append(consistency.stance_grid_incomplete(holder, missing, neutral, "/stance", role))

    @classmethod
    def observe(cls, item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from super().observe(item)
        yield "holders", "holder" in item

    @classmethod
    def options_from(cls, seen: Mapping[str, Counter[Any]]) -> dict[str, Any]:
        return {**super().options_from(seen), "holders": True in seen["holders"] or not seen["holders"]}

    # Rows

    def question_columns(self) -> dict[str, str]:
        return {column: "string" for part in self.identity for column in (part, f"{part}_description")}

    def question_row(self, item: Any, context: ViewContext) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for part, known in (("holder", context.event.holders), ("target", context.event.targets)):
            if part in self.identity:
                key = getattr(item, part)
                row[part] = key
                row[f"{part}_description"] = wording({getattr(e, part): e for e in known}[key].description)
        return row

    # A batch

    def more_fields(self) -> dict[str, Field]:
        return {"scores": Scores("scores", self.labels)}

    def columns_of(self, names: Any, batch: Batch) -> tuple[KeyedColumns, KeyedColumns]:
        sides = super().columns_of(names, batch)
        for side in sides:
            if len(side.scores):
                sums = side.scores.sum(axis=1)
                side.needs_check[side.document[np.abs(sums - 1.0) > _TOLERANCE / 2]] = True
        return sides

    def part_breakdowns(self, columns: KeyedColumns, names: KeyNames) -> list[Breakdown]:
        return [
            compact(part, *pair)
            for part, pair in zip(self.identity, zip(names.lists(), columns.parts, strict=True), strict=True)
        ]

    def count(self, matches: Matches, counts: LayerCounts, into: BatchCounts, batch: Batch, names: KeyNames) -> None:
        gold, predicted, hit = matches.gold, matches.predicted, matches.partner
        breakdowns = [*self.part_breakdowns(gold, names), breakdown("label", self.labels, gold.label)]
        rows = self.rows(batch, counts.units, gold, names.lists(), breakdowns)
        into.add_each(self.confusion(matches), rows)
        given = self.given(matches)
        wanted, wanted_sentences = self._of_sides(gold)
        owner, sentences = self._of_sides(predicted)
        cell = matches.equal[owner]
        shown, sentences = cell[cell >= 0], sentences[cell >= 0]
        into.add("evidence_gold", rows, wanted)
        into.add("evidence_predicted", rows, shown)
        both = shared_sentences((wanted, wanted_sentences), (shown, sentences))
        into.add("evidence_correct", rows, shown[both & (gold.label == given)[shown]])
        if len(predicted.scores):
            scored = np.flatnonzero(hit >= 0)
            scored = scored[~np.isnan(predicted.scores[hit[scored], 0])]
            self._calibrate(predicted.scores[hit[scored]], gold.label[scored], given[scored], scored, rows, into)

    def _of_sides(self, columns: KeyedColumns) -> tuple[Index, Index]:
        """The evidence of the cells whose label needs it."""
        owner, sentences = columns.evidence
        taken = self._shown[columns.label[owner]]
        return owner[taken], sentences[taken]

    def _calibrate(
        self, scores: Array, label: Index, guess: Index, which: Index, rows: Rows, into: BatchCounts
    ) -> None:
        gaps = scores - (label[:, None] == np.arange(len(self.labels)))
        squares = gaps * gaps
        error = squares[:, 0].copy()
        for column in squares.T[1:]:
            error += column
        confidence = scores[np.arange(len(scores)), guess]
        level = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
        into.add("scored", rows, which)
        into.add("squared_error~", rows, which, np.rint(error * FIXED).astype(np.int64))
        for k in np.unique(level).tolist():
            here = level == k
            into.add(f"bin{k}:items", rows, which[here])
            into.add(f"bin{k}:confidence~", rows, which[here], np.rint(confidence[here] * FIXED).astype(np.int64))
            into.add(f"bin{k}:correct", rows, which[here & (label == guess)])


def _scores_doc(labels: int) -> str:
    number = {2: "two", 3: "three", 4: "four"}.get(labels, str(labels))
    return f"A probability for each stance label; the {number} sum to 1."
