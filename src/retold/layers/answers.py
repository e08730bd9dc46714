"""What stance and verification share: items that answer a question with one label of a closed set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from retold.layers.base import Batch, BatchNames, Disagreement, Item, KeyedLayer, Matches, context_of_evidence
from retold.layers.columns import Builder, KeyedColumns, shared_sentences
from retold.layers.counts import BatchCounts, Breakdown, CountTable
from retold.layers.names import Codes
from retold.measures.base import Counts, f1
from retold.measures.chance import cohen_kappa, coincidences, krippendorff_alpha, raw_agreement
from retold.model.annotations import Document
from retold.model.arrays import Index, np
from retold.model.findings import Finding
from retold.rules import consistency, references
from retold.rules.vocabulary import Role

__all__ = [
    "AnswerLayer",
    "KeyNames",
    "agreement_columns",
    "agreement_measures",
    "check_evidence",
    "check_labels_shown",
    "check_repeated",
]

O = TypeVar("O")  # noqa: E741 - the options of a layer


class KeyNames(BatchNames):
    """Codes of the keys that identify a question, shared by both sides."""

    def __init__(self, event: str, parts: Sequence[Codes], sides: Sequence[Builder]) -> None:
        self._parts = parts
        super().__init__(event, *sides)

    def lists(self) -> list[list[str]]:
        """Names of the codes of each part."""
        return [list(part) for part in self._parts]


class AnswerLayer(KeyedLayer[O]):
    """A layer with a confusion table."""

    labels: list[str]

    @classmethod
    def observe(cls, item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from super().observe(item)
        if item.get("evidence"):
            yield "evidence_for", item["label"]

    @classmethod
    def options_from(cls, seen: Mapping[str, Counter[Any]]) -> dict[str, Any]:
        if not seen["labels"]:
            return {}
        labels = cls.in_usual_order("labels", seen["labels"])
        shown = [label for label in labels if label in seen["evidence_for"]]
        options: dict[str, Any] = {"labels": labels, "evidence_for": shown}
        silent = [label for label in labels if label not in shown]
        if shown and len(silent) == 1:
            # The only label that never has evidence is the neutral one.
            options["neutral"] = silent[0]
        return options

    def given(self, matches: Matches) -> Index:
        """Code of the label predicted for each gold item; ``len(labels)`` where there is no answer."""
        found = np.full(len(matches.gold), len(self.labels), np.int64)
        answered = np.flatnonzero(matches.partner >= 0)
        found[answered] = matches.predicted.label[matches.partner[answered]]
        return found

    def confusion(self, matches: Matches) -> Index:
        """Index of each gold item's cell in the flattened confusion table."""
        cells: Index = matches.gold.label * (len(self.labels) + 1) + self.given(matches)
        return cells

    def answer_items(
        self, task: str, matches: Matches, batch: Batch, names: KeyNames, more: Mapping[str, Any]
    ) -> Iterator[tuple[int, Item]]:
        """An item for each gold label; ``more`` maps further fields to functions of (gold row, predicted row)."""
        lists = names.lists()
        gold, predicted = matches.gold, matches.predicted
        evidence = [_evidence_of(side) for side in (gold, predicted)]
        for g in np.argsort(gold.position).tolist():
            p, number = int(matches.partner[g]), int(gold.document[g])
            context = batch.documents[number]
            question = self.question(gold, g, lists)
            right = p >= 0 and gold.label[g] == predicted.label[p]
            extra = {name: value for name, make in more.items() if (value := make(g, p)) is not None}
            scores = extra.pop("scores", None)
            answer = None
            if p >= 0:
                answer = {**question, "label": self.labels[predicted.label[p]], "evidence": evidence[1][p]}
                if scores:
                    answer["scores"] = scores
            yield (
                number,
                Item(
                    document_id=context.document_id,
                    task=task,
                    verdict="correct" if right else "wrong" if p >= 0 else "missing",
                    right=bool(right),
                    gold={**question, "label": self.labels[gold.label[g]], "evidence": evidence[0][g]},
                    predicted=answer,
                    context=context_of_evidence(context.document, evidence[0][g]),
                    **extra,
                ),
            )

    def question(self, columns: KeyedColumns, row: int, lists: Sequence[Sequence[str]]) -> dict[str, str]:
        """The parts of an item's key by name: holder and target, or claim."""
        codes = zip(self.identity, lists, columns.parts, strict=True)
        return {part: names[values[row]] for part, names, values in codes}

    # Two annotators

    def part_breakdowns(self, columns: KeyedColumns, names: KeyNames) -> list[Breakdown]:
        """Breakdowns by the parts of the questions; by default none."""
        return []

    def count_agreement(
        self, matches: Matches, into: BatchCounts, batch: Batch, table: CountTable, names: KeyNames
    ) -> None:
        first, second, same = matches.gold, matches.predicted, matches.partner
        lists = names.lists()
        rows = self.rows(batch, table, first, lists, self.part_breakdowns(first, names))
        others = self.rows(batch, table, second, lists, self.part_breakdowns(second, names))
        shared = np.flatnonzero(same >= 0)
        into.add("only_first", rows, np.flatnonzero(same < 0))
        into.add("only_second", others, np.flatnonzero(matches.equal < 0))
        into.add_each(first.label[shared] * len(self.labels) + second.label[same[shared]], rows.take(shared))
        owner, sentences = first.evidence
        kept = same[owner] >= 0
        into.add("first_evidence", rows, owner[kept])
        other, theirs = second.evidence
        of_both = matches.equal[other] >= 0
        other, theirs = matches.equal[other[of_both]], theirs[of_both]
        into.add("second_evidence", rows, other)
        both = shared_sentences((owner, sentences), (other, theirs))
        equal = np.zeros(len(first), np.bool_)
        equal[shared] = first.label[shared] == second.label[same[shared]]
        into.add("evidence", rows, other[both & equal[other]])

    def disagreements(self, matches: Matches, batch: Batch, names: KeyNames) -> Iterator[Disagreement]:
        first, second, same = matches.gold, matches.predicted, matches.partner
        lists = names.lists()
        evidence = [_evidence_of(side) for side in (first, second)]
        alone = np.flatnonzero(matches.equal < 0)
        pairs = [(g, p) for g, p in enumerate(same.tolist())] + [(-1, p) for p in alone.tolist()]

        def where(pair: tuple[int, int]) -> tuple[int, tuple[str, ...]]:
            columns, row = (first, pair[0]) if pair[0] >= 0 else (second, pair[1])
            return int(columns.document[row]), tuple(self.question(columns, row, lists).values())

        for g, p in sorted(pairs, key=where):
            number, question = where((g, p))
            one, two = (
                None if row < 0 else {"label": self.labels[columns.label[row]], "evidence": given[row]}
                for columns, row, given in ((first, g, evidence[0]), (second, p, evidence[1]))
            )
            if one is None or two is None:
                kind = "missing"
            elif one["label"] != two["label"]:
                kind = "label"
            elif one["evidence"] != two["evidence"]:
                kind = "evidence"
            else:
                continue
            yield Disagreement(self.name, batch.documents[number].document_id, "/".join(question), kind, one, two, "")


def _evidence_of(columns: KeyedColumns) -> list[list[int]]:
    """Sentences of each item, sorted."""
    owner, sentences = columns.evidence
    ends = np.searchsorted(owner, np.arange(len(columns) + 1))
    values = sentences.tolist()
    return [values[start:end] for start, end in pairwise(ends.tolist())]


def agreement_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Columns of the agreement of two annotators on labels and evidence."""
    cells = (f"{a}:{b}" for a in labels for b in labels)
    return (*cells, "only_first", "only_second", "first_evidence", "second_evidence", "evidence")


def agreement_measures(labels: Sequence[str]) -> dict[str, Any]:
    """Raw agreement, Cohen's kappa, Krippendorff's alpha, and F1 of evidence."""

    def table(c: Counts) -> Any:
        rows = [np.stack([np.asarray(c[f"{a}:{b}"]) for b in labels], axis=-1) for a in labels]
        return np.stack(rows, axis=-2)

    return {
        "agreement": lambda c: raw_agreement(table(c)),
        "kappa": lambda c: cohen_kappa(table(c)),
        "alpha": lambda c: krippendorff_alpha(coincidences(table(c))),
        "evidence.f1": lambda c: f1(c["evidence"], c["second_evidence"], c["first_evidence"]),
    }


def check_repeated(
    layer: str, keys: Sequence[str], make: Callable[[str, str, Role], Finding], role: Role, found: list[Finding]
) -> None:
    """Report questions that are answered again."""
    if len(seen := set(keys)) != len(keys):
        seen.clear()
        for index, key in enumerate(keys):
            if key in seen:
                found.append(make(key, f"/{layer}/{index}", role))
            seen.add(key)


def check_evidence(
    layer: str, items: Sequence[Any], document: Document | None, role: Role, found: list[Finding]
) -> None:
    """Report evidence with sentence indices that the document does not have."""
    if document is None:
        return
    sentences = len(document.sentences)
    for index, item in enumerate(items):
        if item.evidence and max(item.evidence) >= sentences:
            for number, sentence in enumerate(item.evidence):
                if sentence >= sentences:
                    pointer = f"/{layer}/{index}/evidence/{number}"
                    found.append(references.no_such_sentence(sentence, sentences, pointer, role))


def check_labels_shown(
    layer: str, items: Sequence[Any], evidence_for: Sequence[str], role: Role, found: list[Finding]
) -> None:
    """Report labels that need evidence and have none, and evidence for labels that take none."""
    for index, item in enumerate(items):
        if item.label in evidence_for:
            if not item.evidence:
                found.append(consistency.evidence_missing(item.label, f"/{layer}/{index}", role))
        elif item.evidence:
            found.append(consistency.evidence_without_label(item.label, f"/{layer}/{index}/evidence", role))
