"""What stance and verification share: items that answer a question with one label of a closed set."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import UNSET

from retold.layers.base import Batch, BatchNames, CorpusFacts, Disagreement, Item, Layer, Matches, context_of_evidence
from retold.layers.columns import Builder, Field, KeyedColumns, Keys, Labels, Lists, join, shared_sentences
from retold.layers.counts import BatchCounts, Breakdown, CountTable, Rows
from retold.layers.names import Codes
from retold.layers.views import ViewContext, evidence_row
from retold.measures.base import Counts, f1
from retold.measures.chance import cohen_kappa, coincidences, krippendorff_alpha, raw_agreement
from retold.model.annotations import Document
from retold.model.arrays import Index, Mask, np
from retold.model.findings import Finding
from retold.model.manifest import check_labels, check_subset
from retold.rules import consistency, references
from retold.rules.vocabulary import Role, Vocabulary

__all__ = ["AnswerLayer", "KeyNames", "check_answers"]

O = TypeVar("O")  # noqa: E741 - the options of a layer


def check_answers(options: Any, usual: str, *subsets: str) -> None:
    """Check the labels of a layer's options, and fill in what is not given.

    Args:
        options: with ``labels`` and ``neutral``, which is ``usual`` where that is a label.
        subsets: keys that hold some of the labels: all but the neutral one, or those of the key before.
    """
    check_labels("labels", options.labels)
    if options.neutral is None and usual in options.labels:
        msgspec.structs.force_setattr(options, "neutral", usual)
    if options.neutral is not None:
        check_subset("neutral", [options.neutral], options.labels)
    default = [label for label in options.labels if label != options.neutral]
    for name in subsets:
        if getattr(options, name) is None:
            msgspec.structs.force_setattr(options, name, default)
        default = getattr(options, name)
        check_subset(name, default, options.labels)


class KeyNames(BatchNames):
    """Codes of the keys that identify a question, shared by both sides."""

    def __init__(self, event: str, parts: Sequence[Codes], sides: Sequence[Builder]) -> None:
        self._parts = parts
        super().__init__(event, *sides)

    def lists(self) -> list[list[str]]:
        """Names of the codes of each part."""
        return [list(part) for part in self._parts]


class AnswerLayer(Layer[O]):
    """A layer with a confusion table, whose items have no position in the text.

    Attributes:
        prefix: how the names of its measures begin.
        repeated: the rule against questions that are answered again.
    """

    keyed = True
    separator = "/"
    decided = ("label", "evidence")
    gold_keys = ("evidence",)
    label_keys: ClassVar = {"label": "labels"}
    prefix: ClassVar[str]
    repeated: ClassVar[Any]

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.labels = options.labels
        self._evidence_for = options.evidence_for
        cells = (f"{a}:{b}" for a in self.labels for b in self.labels)
        self.agreement_columns = (
            *cells,
            *("only_first", "only_second", "first_evidence", "second_evidence", "evidence"),
        )

        def table(c: Counts) -> Any:
            rows = [np.stack([np.asarray(c[f"{a}:{b}"]) for b in self.labels], axis=-1) for a in self.labels]
            return np.stack(rows, axis=-2)

        self.agreement_measures = {
            "agreement": lambda c: raw_agreement(table(c)),
            "kappa": lambda c: cohen_kappa(table(c)),
            "alpha": lambda c: krippendorff_alpha(coincidences(table(c))),
            "evidence.f1": lambda c: f1(c["evidence"], c["second_evidence"], c["first_evidence"]),
        }

    @cached_property
    def _shown(self) -> Mask:
        """Whether each label is shown by evidence."""
        return np.array([label in self._evidence_for for label in self.labels])

    def means(self) -> dict[str, tuple[str, ...]]:
        return {f"{self.prefix}.macro_f1": tuple(f"{self.prefix}.{label}.f1" for label in self.labels)}

    # One item

    def check(
        self, items: Sequence[Any], document: Document | None, keys: Vocabulary | None, role: Role, found: list[Finding]
    ) -> None:
        if keys is not None:
            self.check_keys(items, keys, role, found)
        if document is not None:
            self.check_evidence(items, len(document.sentences), role, found)
        self.check_values(items, role, found)
        given = list(map(self.key_of, items))
        if len(seen := set(given)) != len(given):
            seen.clear()
            for index, key in enumerate(given):
                if key in seen:
                    found.append(self.repeated(key, f"/{self.name}/{index}", role))
                seen.add(key)

    def check_evidence(self, items: Sequence[Any], sentences: int, role: Role, found: list[Finding]) -> None:
        """Append findings for sentences that the document does not have."""
        for index, item in enumerate(items):
            if item.evidence and max(item.evidence) >= sentences:
                for number, sentence in enumerate(item.evidence):
                    if sentence >= sentences:
                        pointer = f"/{self.name}/{index}/evidence/{number}"
                        found.append(references.no_such_sentence(sentence, sentences, pointer, role))

    @abstractmethod
    def check_keys(self, items: Sequence[Any], keys: Vocabulary, role: Role, found: list[Finding]) -> None:
        """Append findings for questions that the event does not have."""

    def check_values(self, items: Sequence[Any], role: Role, found: list[Finding]) -> None:
        """Append findings for what else an answer holds; by default none."""

    def check_complete(self, items: Sequence[Any], keys: Vocabulary | None, role: Role, found: list[Finding]) -> None:
        for index, item in enumerate(items):
            if item.label in self._evidence_for:
                if not item.evidence:
                    found.append(consistency.evidence_missing(item.label, f"/{self.name}/{index}", role))
            elif item.evidence:
                found.append(consistency.evidence_without_label(item.label, f"/{self.name}/{index}/evidence", role))

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

    # Rows

    @abstractmethod
    def question_columns(self) -> dict[str, str]:
        """Columns of the question, and their kinds."""

    @abstractmethod
    def question_row(self, item: Any, context: ViewContext) -> dict[str, Any]:
        """The columns of an item's question."""

    def view_columns(self) -> dict[str, str]:
        answer = {"label": self.name, "evidence": "ints", "evidence_text": "strings", "context": "string"}
        return {**self.question_columns(), **answer}

    def view_labels(self) -> dict[str, Sequence[str]]:
        return {self.name: self.labels}

    def view_row(self, item: Any, document: Document, context: ViewContext) -> dict[str, Any]:
        evidence = evidence_row(document, item.evidence)
        return {**self.question_row(item, context), "label": item.label, **evidence, "context": document.text}

    # A batch

    def more_fields(self) -> dict[str, Field]:
        """Columns of an answer beside label and evidence; by default none."""
        return {}

    def names(self, event: str, joined: None) -> KeyNames:
        codes = [Codes() for _ in self.identity]
        sides = [
            Builder(
                {
                    **{part: Keys(part, each) for part, each in zip(self.identity, codes, strict=True)},
                    "label": Labels("label", self.labels),
                    "evidence": Lists("evidence"),
                    **self.more_fields(),
                }
            )
            for _ in range(2)
        ]
        return KeyNames(event, codes, sides)

    def columns_of(self, names: BatchNames, batch: Batch) -> tuple[KeyedColumns, KeyedColumns]:
        (sizes, gold), (given_sizes, given) = names.gold.take(), names.predicted.take()
        return KeyedColumns.of(sizes, gold, self.identity), KeyedColumns.of(given_sizes, given, self.identity)

    def match(self, gold: KeyedColumns, predicted: KeyedColumns) -> Matches:
        return Matches(gold, predicted, join(gold.key, predicted.key), join(predicted.key, gold.key))

    def rows(
        self,
        batch: Batch,
        table: CountTable,
        items: KeyedColumns,
        names: Sequence[Sequence[str]],
        breakdowns: Sequence[Breakdown] = (),
    ) -> Rows:
        """All items of a side; where paragraphs are drawn, the unit of an item is its question in the event."""
        units = None
        if batch.unit_kind != "document":
            questions = [self.question(items, row, names).values() for row in range(len(items))]
            units = np.array([table.codes["/".join((batch.event, *question))] for question in questions], np.int64)
        return Rows(items.document, units, breakdowns)

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

    def strict(self, matches: Matches) -> Mask | None:
        """Whether each gold item's evidence holds too; None where that is not asked."""
        return None

    def items(
        self, matches: Matches, batch: Batch, names: KeyNames, facts: CorpusFacts, refers_to: Any
    ) -> Iterator[tuple[int, Item]]:
        lists = names.lists()
        gold, predicted, strict = matches.gold, matches.predicted, self.strict(matches)
        evidence = [_evidence_of(side) for side in (gold, predicted)]
        for g in np.argsort(gold.position).tolist():
            p, number = int(matches.partner[g]), int(gold.document[g])
            context = batch.documents[number]
            question = self.question(gold, g, lists)
            right = p >= 0 and gold.label[g] == predicted.label[p]
            answer: dict[str, Any] | None = None
            if p >= 0:
                answer = {**question, "label": self.labels[predicted.label[p]], "evidence": evidence[1][p]}
                if len(predicted.scores) and not np.isnan(predicted.scores[p, 0]):
                    answer["scores"] = dict(zip(self.labels, predicted.scores[p].tolist(), strict=True))
            item = Item(
                document_id=context.document_id,
                task=self.name,
                verdict="correct" if right else "wrong" if p >= 0 else "missing",
                right=bool(right),
                gold={**question, "label": self.labels[gold.label[g]], "evidence": evidence[0][g]},
                predicted=answer,
                context=context_of_evidence(context.document, evidence[0][g]),
                strict=UNSET if strict is None else bool(strict[g]),
            )
            yield number, item

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
