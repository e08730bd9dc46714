"""Records into columns, each as soon as it is decoded: what is touched once while it is warm costs least."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from msgspec import UNSET

from retold.records import (
    ENTITY_TYPES,
    MENTION_KINDS,
    STANCE_LABELS,
    VERIFICATION_LABELS,
    ClaimSpan,
    Mention,
    StanceCell,
    VerificationPair,
)
from retold.tasks.batches.columns import LabelColumns, SpanColumns, as_index
from retold.tasks.codes import Codes

__all__ = ["NO_ID", "ClaimColumn", "Links", "MentionColumn", "PairColumn", "StanceColumn"]

#: Code of a link that is no id.
NO_ID: Final = -3

_TYPES: Final[dict[str, int]] = {name: code for code, name in enumerate(ENTITY_TYPES)}
_KINDS: Final[dict[str, int]] = {name: code for code, name in enumerate(MENTION_KINDS)}
_STANCE: Final[dict[str, int]] = {name: code for code, name in enumerate(STANCE_LABELS)}
_VERDICTS: Final[dict[str, int]] = {name: code for code, name in enumerate(VERIFICATION_LABELS)}


class Links(dict[Any, int]):
    """Codes of knowledge base ids: -1 for null, -2 for none given, ``NO_ID`` for a string that is no id."""

    __slots__ = ("_is_kb_id", "ids")

    def __init__(self, is_kb_id: Callable[[str], bool]) -> None:
        super().__init__({None: -1, UNSET: -2})
        self._is_kb_id = is_kb_id
        #: The id of each code from 0; the last three are those of the codes below.
        self.ids: list[str] = []

    def __missing__(self, kb_id: str) -> int:
        if not self._is_kb_id(kb_id):
            self[kb_id] = NO_ID
            return NO_ID
        code = self[kb_id] = len(self.ids)
        self.ids.append(kb_id)
        return code


def _integers() -> array[int]:
    return array("q")


class MentionColumn:
    """Mentions of one side of a batch.

    Args:
        clusters: codes of cluster names.
        links: codes of ids.
    """

    def __init__(self, clusters: dict[Any, int], links: Links) -> None:
        self._clusters, self._links = clusters, links
        self.clear()

    def clear(self) -> None:
        """Begin a batch."""
        self._sizes, self._start, self._end = _integers(), _integers(), _integers()
        self._type, self._kind, self._entity, self._kb = _integers(), _integers(), _integers(), _integers()

    def add(self, mentions: Sequence[Mention]) -> None:
        """Add a document."""
        self._sizes.append(len(mentions))
        if mentions:
            clusters, links = self._clusters, self._links
            self._start.fromlist([m.start for m in mentions])
            self._end.fromlist([m.end for m in mentions])
            self._type.fromlist([_TYPES[m.type] for m in mentions])
            self._kind.fromlist([_KINDS[m.kind] for m in mentions])
            self._entity.fromlist([clusters[m.entity] for m in mentions])
            self._kb.fromlist([links[m.kb_id] for m in mentions])

    def columns(self) -> SpanColumns:
        """The batch."""
        return SpanColumns.of(
            as_index(self._sizes),
            as_index(self._start),
            as_index(self._end),
            {
                "type": as_index(self._type),
                "kind": as_index(self._kind),
                "entity": as_index(self._entity),
                "kb": as_index(self._kb),
            },
        )


class ClaimColumn:
    """Claim spans of one side of a batch.

    Args:
        sources: codes of the names of sources.
    """

    def __init__(self, sources: dict[Any, int]) -> None:
        self._sources = sources
        self.clear()

    def clear(self) -> None:
        """Begin a batch."""
        self._sizes, self._start, self._end, self._source = _integers(), _integers(), _integers(), _integers()

    def add(self, spans: Sequence[ClaimSpan]) -> None:
        """Add a document."""
        self._sizes.append(len(spans))
        if spans:
            sources = self._sources
            self._start.fromlist([c.start for c in spans])
            self._end.fromlist([c.end for c in spans])
            self._source.fromlist([sources[c.source] for c in spans])

    def columns(self) -> SpanColumns:
        """The batch."""
        labels = {"source": as_index(self._source)}
        return SpanColumns.of(as_index(self._sizes), as_index(self._start), as_index(self._end), labels)


class _Labels:
    """Labels of one side of a batch, with their evidence."""

    def __init__(self) -> None:
        self._label, self._sizes = _integers(), _integers()
        self._shown, self._sentences = _integers(), _integers()

    def clear(self) -> None:
        """Begin a batch."""
        self._label, self._sizes = _integers(), _integers()
        self._shown, self._sentences = _integers(), _integers()

    def _evidence(self, given: Sequence[Any]) -> None:
        """Add evidence lists of a document; what was not given is as good as empty."""
        self._shown.fromlist([len(evidence) if evidence else 0 for evidence in given])
        self._sentences.fromlist([sentence for evidence in given if evidence for sentence in evidence])


class StanceColumn(_Labels):
    """Stance cells of one side of a batch.

    Args:
        holders, targets: codes of their keys.
    """

    def __init__(self, holders: Codes, targets: Codes) -> None:
        self._holders, self._targets = holders, targets
        self.clear()

    def clear(self) -> None:
        super().clear()
        self._holder, self._target = _integers(), _integers()
        self._scored, self._scores = _integers(), array("d")

    def add(self, cells: Sequence[StanceCell]) -> None:
        """Add a document."""
        self._sizes.append(len(cells))
        if cells:
            holders, targets = self._holders, self._targets
            before = len(self._label)
            self._holder.fromlist([holders[c.holder] for c in cells])
            self._target.fromlist([targets[c.target] for c in cells])
            self._label.fromlist([_STANCE[c.label] for c in cells])
            self._evidence([c.evidence for c in cells])
            for place, scores in enumerate([c.scores for c in cells], before):
                if scores is not UNSET:
                    self._scored.append(place)
                    self._scores.extend((scores.favor, scores.against, scores.none))

    def columns(self) -> LabelColumns:
        """The batch."""
        scores = np.zeros((0, len(STANCE_LABELS)))
        if self._scored:
            scores = np.full((len(self._label), len(STANCE_LABELS)), np.nan)
            scores[as_index(self._scored)] = np.frombuffer(self._scores, np.float64).reshape(-1, len(STANCE_LABELS))
        return LabelColumns.of(
            as_index(self._sizes),
            as_index(self._label),
            (as_index(self._holder), as_index(self._target)),
            as_index(self._shown),
            as_index(self._sentences),
            scores,
        )


class PairColumn(_Labels):
    """Verification pairs of one side of a batch.

    Args:
        claims: codes of their keys.
    """

    def __init__(self, claims: Codes) -> None:
        self._claims = claims
        self.clear()

    def clear(self) -> None:
        super().clear()
        self._claim = _integers()

    def add(self, pairs: Sequence[VerificationPair]) -> None:
        """Add a document."""
        self._sizes.append(len(pairs))
        if pairs:
            claims = self._claims
            self._claim.fromlist([claims[p.claim] for p in pairs])
            self._label.fromlist([_VERDICTS[p.label] for p in pairs])
            self._evidence([p.evidence for p in pairs])

    def columns(self) -> LabelColumns:
        """The batch."""
        parts = (as_index(self._claim),)
        evidence = as_index(self._shown), as_index(self._sentences)
        return LabelColumns.of(as_index(self._sizes), as_index(self._label), parts, *evidence, np.zeros((0, 3)))
