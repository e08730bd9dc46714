"""Many documents at once: the counts of the tasks, from columns of integers instead of one label after another.

The counts are those that the tasks make document by document, to the last bit; a test compares them. What would need a
closer look (a span given twice, an offset that no column holds, whatever a rule may find fault with) is left to the
tasks. The document must be the unit: a batch does not divide documents into paragraphs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import numpy as np
from msgspec import UNSET

from retold.layers.base import Place, Tally
from retold.layers.batches import claims, entities, stance, verification
from retold.layers.batches.columns import Index, LabelColumns, Mask, SpanColumns, covered, join
from retold.layers.batches.gathering import NO_ID, ClaimColumn, Links, MentionColumn, PairColumn, StanceColumn
from retold.layers.batches.naming import Namer
from retold.layers.batches.rows import Rows
from retold.layers.claims import AUTHOR, Attributions
from retold.layers.codes import UNNAMED, Codes
from retold.layers.coreference import MentionTable
from retold.model.annotations import LAYERS, AnnotationRecord, KbStatus, Layer, Mention

__all__ = ["BATCH", "WARM", "Batches", "Tables"]

#: Documents of one batch.
BATCH: Final = 512
#: Documents whose labels wait as objects: few enough for a processor's cache, enough for a column to be worth a loop.
WARM: Final = 32

#: Quotes of ``document_id`` and its value, and of the key of a layer.
_QUOTES: Final = 4
_QUOTES_OF_LAYER: Final = 2


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Where batches are counted, and what they ask the corpus and the rules.

    Attributes:
        tallies: the table of each layer.
        attributions, mentions: what is joined across documents.
        kb_status: (event, gold mention) -> status of its entity's kb_id.
        mutation: (event, claim) -> the kind of fact changed in it, None where there is no catalogue.
        is_kb_id: whether a string is an id.
        tolerance: how far probabilities may be from summing to 1.
    """

    tallies: Mapping[Layer, Tally]
    attributions: Attributions
    mentions: MentionTable
    kb_status: Callable[[str, Mention], KbStatus]
    mutation: Callable[[str, str], str | None]
    is_kb_id: Callable[[str], bool]
    tolerance: float


class Batches:
    """Gathers the documents of one event and counts them batch by batch.

    Attributes:
        cells: for stance and verification: gold items, answered items, items that gold does not have.
        quotes: how many quotes the predictions of the batch that was flushed last take at least, written as JSON;
            what is predicted of a layer that gold lacks is left out.
    """

    def __init__(self, tables: Tables, event: str) -> None:
        self._tables, self._event = tables, event
        self._rows = {layer: Rows(tally) for layer, tally in tables.tallies.items()}
        self._links = Links(tables.is_kb_id)
        self._kb_ids = Namer(self._links)
        self._units = Codes()
        self._statuses = entities.Statuses(self._kb_status)
        self._holders, self._targets, self._claims = Codes(), Codes(), Codes()
        self._sources = tables.attributions.sources(event)
        self._source_names = Namer(self._sources)
        self.cells: dict[str, tuple[int, int, int]] = {"stance": (0, 0, 0), "verification": (0, 0, 0)}
        self.quotes = 0
        self._places: list[Place] = []
        self._asked: set[Layer] = set()
        #: Records of documents that were not drained yet.
        self._waiting: list[tuple[AnnotationRecord, AnnotationRecord]] = []
        #: Documents that answer a layer that gold lacks, and those whose gold has no mentions to be joined.
        self._unasked: list[int] = []
        self._without_mentions: set[int] = set()
        self._answered = 0
        self._gold, self._predicted = (self._columns(side) for side in tables.mentions.clusters(event))
        self._sides = [(attrgetter(layer), layer, self._gold[layer], self._predicted[layer]) for layer in LAYERS]

    def _columns(self, clusters: dict[Any, int]) -> dict[str, Any]:
        return {
            "entities": MentionColumn(Namer(clusters), self._kb_ids),
            "stance": StanceColumn(self._holders, self._targets),
            "claims": ClaimColumn(self._source_names),
            "verification": PairColumn(self._claims),
        }

    def __len__(self) -> int:
        return len(self._places)

    def add(self, place: Place, gold: AnnotationRecord, predicted: AnnotationRecord) -> None:
        """Gather a document."""
        self._places.append(place)
        self._waiting.append((gold, predicted))
        if len(self._waiting) == WARM:
            self._drain()

    def _drain(self) -> None:
        if not self._waiting:
            return
        golds, predictions = zip(*self._waiting, strict=True)
        first = len(self._places) - len(self._waiting)
        self._waiting.clear()
        for labels_of, layer, wanted, given in self._sides:
            labels, guesses = [*map(labels_of, golds)], [*map(labels_of, predictions)]
            if UNSET in guesses:
                self._answered -= guesses.count(UNSET)
                guesses = [() if guess is UNSET else guess for guess in guesses]
            if UNSET in labels:
                lacking = [number for number, label in enumerate(labels) if label is UNSET]
                # Nothing is counted; an answer that is given nevertheless is looked at by the rules.
                self._unasked += [first + number for number in lacking if guesses[number]]
                for number in lacking:
                    labels[number] = guesses[number] = ()
                if layer == "entities":
                    self._without_mentions.update(first + number for number in lacking)
                if len(lacking) < len(labels):
                    self._asked.add(layer)
            else:
                self._asked.add(layer)
            self._answered += len(guesses)
            wanted.drain(labels)
            given.drain(guesses)

    def flush(self) -> list[int]:
        """Count what was gathered; return the places of documents to be checked and counted one by one instead."""
        if not self._places:
            return []
        self._drain()
        gold = {layer: column.columns() for layer, column in self._gold.items()}
        predicted = {layer: column.columns() for layer, column in self._predicted.items()}
        self.quotes = _QUOTES * len(self._places) + _QUOTES_OF_LAYER * self._answered
        self.quotes += sum(column.quotes for column in self._predicted.values())
        odd = np.zeros(len(self._places), np.bool_)
        odd[self._unasked] = True
        for side in (*gold.values(), *predicted.values()):
            odd |= side.odd
        for sides in (gold, predicted):
            mentions, cells = sides["entities"], sides["stance"]
            odd[mentions.document[mentions.labels["kb"] == NO_ID]] = True
            if len(cells.scores):
                sums = cells.scores[:, 0] + cells.scores[:, 1] + cells.scores[:, 2]
                odd[cells.document[np.abs(sums - 1.0) > self._tables.tolerance]] = True
        if odd.any():
            gold = {layer: _without(side, odd) for layer, side in gold.items()}
            predicted = {layer: _without(side, odd) for layer, side in predicted.items()}
        self._count(gold, predicted)
        for column in (*self._gold.values(), *self._predicted.values()):
            column.clear()
        self._places, self._asked, self._unasked, self._without_mentions, self._answered = [], set(), [], set(), 0
        return np.flatnonzero(odd).tolist()

    def settle(self) -> None:
        """Hand over what is still held here, once all is added; nothing can be added any more."""
        for rows in self._rows.values():
            rows.settle(self._units)
        # It knows this object, and no collector looks for circles while files are read.
        del self._statuses

    def _count(self, gold: dict[str, Any], predicted: dict[str, Any]) -> None:
        places, asked, event = self._places, self._asked, self._event
        for rows in self._rows.values():
            rows.begin(len(places))
        if "entities" in asked:
            mentions, guesses = gold["entities"], predicted["entities"]
            hit = join(mentions.key, guesses.key)
            status = self._statuses.of(mentions)
            entities.count(mentions, guesses, hit, status, self._rows["entities"])
            self._join(mentions, guesses, hit)
        if "stance" in asked:
            names = list(self._holders), list(self._targets)
            stance.count(gold["stance"], predicted["stance"], self._rows["stance"], *names)
            self._cover("stance", gold["stance"], predicted["stance"])
        if "claims" in asked:
            table, author = self._rows["claims"], self._sources[AUTHOR]
            claims.count(gold["claims"], predicted["claims"], places, table, self._tables.attributions, author)
        if "verification" in asked:
            verification.count(
                gold["verification"],
                predicted["verification"],
                self._rows["verification"],
                list(self._claims),
                lambda claim: self._tables.mutation(event, claim),
            )
            self._cover("verification", gold["verification"], predicted["verification"])
        unit = np.array([self._units[place.unit_at(0)] for place in places], np.int64)
        faceted = [number for number, place in enumerate(places) if place.facets]
        for rows in self._rows.values():
            rows.end(places, unit, faceted)

    def _kb_status(self, cluster: int, link: int) -> KbStatus:
        """Status of a gold mention of a cluster with a link, both in codes; the corpus looks at nothing else of it."""
        name = UNSET if cluster == UNNAMED else self._tables.mentions.gold_name(cluster)
        kb_id = self._links.ids[link] if link >= 0 else {-1: None, -2: UNSET, NO_ID: ""}[link]
        return self._tables.kb_status(self._event, Mention(start=0, end=1, type="PER", entity=name, kb_id=kb_id))

    def _join(self, gold: SpanColumns, predicted: SpanColumns, hit: Index) -> None:
        """Keep the mentions of either side, in the order of the text, with their clusters."""
        alone = np.flatnonzero(hit < 0)
        given = np.full(len(gold), -1, np.int64)
        given[hit[hit >= 0]] = predicted.labels["entity"][hit >= 0]
        order = np.argsort(np.concatenate([gold.key, predicted.key[alone]]), kind="stable")
        self._tables.mentions.extend(
            [None if number in self._without_mentions else place for number, place in enumerate(self._places)],
            np.concatenate([gold.document, predicted.document[alone]])[order],
            np.concatenate([gold.labels["entity"], np.full(len(alone), -1, np.int64)])[order],
            np.concatenate([given, predicted.labels["entity"][alone]])[order],
        )

    def _cover(self, layer: str, gold: LabelColumns, predicted: LabelColumns) -> None:
        self.cells[layer] = tuple(  # type: ignore[assignment]
            before + more for before, more in zip(self.cells[layer], covered(gold, predicted), strict=True)
        )


def _without(side: SpanColumns | LabelColumns, odd: Mask) -> SpanColumns | LabelColumns:
    return side.without(odd) if isinstance(side, LabelColumns) else side.taken(~odd[side.document])
