"""Entities: mentions and links.

Task. Find the spans that refer to particular entities, type them, and link them to Wikidata.

Conventions.
    Mention precision, recall and F1 are micro averages over *names* that match in span and type (CoNLL-2003, Tjong Kim
    Sang and De Meulder 2003). Nominals are an ignore region: a prediction that equals the span of a gold nominal counts
    neither way. Predicted nominals do not compete for names; but one with the span of a gold name is a name given
    wrongly and counts as predicted: it would be free here and earn in linking and coreference.
    The regimes exact, partial and type are those of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013), over one
    one-to-one matching of overlapping names: exact span and type first, then exact span, then the most pairs of
    equal type, then the most pairs. The result does not depend on the order of predictions.
    Linking counts gold mentions of either kind whose entity is ``verified`` in the catalogue. A null prediction is no
    link; mentions of ``unverified`` entities are an ignore region; a link given to a ``nil`` entity is wrong (as in TAC
    KBP, Ji et al. 2010, strong link match).
    In the breakdown by type a match counts only where both sides have the type, so that no share exceeds 1.
    A span given twice with the same labels counts once; the rules refuse a span given twice with different labels.
    0/0 is undefined: no gold and no prediction has no F1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import UNSET

from retold.layers.base import Place, Tally, facet
from retold.layers.matching import best_assignment, overlapping
from retold.measures.classification import f1_row, prf_rows
from retold.model.annotations import KbStatus, Mention, MentionKind

__all__ = ["COLUMNS", "MEASURES", "NameSpan", "count", "match_names", "misnamed"]

COLUMNS: Final = ("gold", "predicted", "strict", "exact", "type", "overlap", "linkable", "links", "linked")
GOLD, PREDICTED, STRICT, EXACT, TYPE, OVERLAP, LINKABLE, LINKS, LINKED = range(len(COLUMNS))

MEASURES: Final = (
    *prf_rows("entities.mention", "strict"),
    f1_row("entities.mention.exact.f1", "exact"),
    f1_row("entities.mention.partial.f1", "exact", half="overlap"),
    f1_row("entities.mention.type.f1", "type"),
    *prf_rows("entities.linking", "linked", "links", "linkable"),
)


def count(
    gold: Sequence[Mention],
    predicted: Sequence[Mention],
    place: Place,
    tally: Tally,
    kb_status: Callable[[Mention], KbStatus],
) -> None:
    """Add one document's mentions and links to the tally.

    Args:
        gold: gold mentions, names and nominals.
        predicted: predicted mentions of the same document.
        place: the document.
        tally: a tally of ``COLUMNS``.
        kb_status: gold mention -> status of its entity's kb_id.
    """
    predicted = [mention for mention in predicted if place.annotated(mention.start, mention.end)]
    _count_names(gold, predicted, place, tally)
    _count_nominals(gold, predicted, place, tally)
    _count_links(gold, predicted, place, tally, kb_status)


#: Start, end and type.
NameSpan = tuple[int, int, str]


def _spans(mentions: Sequence[Mention], kind: str) -> list[NameSpan]:
    return sorted({(m.start, m.end, m.type) for m in mentions if m.kind == kind})


def match_names(
    gold: Sequence[Mention], predicted: Sequence[Mention], kind: MentionKind = "name"
) -> tuple[list[NameSpan], list[NameSpan], list[tuple[NameSpan, NameSpan]]]:
    """Gold names, predicted names that count, and who is matched with whom; or nominals, whose ignore region is names.

    Predictions lie in annotated zones.
    """
    ignored = {(m.start, m.end) for m in gold if m.kind != kind}
    names = _spans(gold, kind)
    guesses = [span for span in _spans(predicted, kind) if (span[0], span[1]) not in ignored]
    return names, guesses, _match(names, guesses)


def misnamed(gold: Sequence[Mention], predicted: Sequence[Mention]) -> list[NameSpan]:
    """Predicted nominals that have the span of a gold name."""
    names = {(m.start, m.end) for m in gold if m.kind == "name"}
    return [span for span in _spans(predicted, "nominal") if span[:2] in names]


def _count_names(gold: Sequence[Mention], predicted: Sequence[Mention], place: Place, tally: Tally) -> None:
    names, guesses, pairs = match_names(gold, predicted)
    for start, _, kind in names:
        for row in tally.rows(place.unit_at(start), place, facet("type", kind), facet("kind", "name")):
            row[GOLD] += 1
    for start, _, kind in [*guesses, *misnamed(gold, predicted)]:
        for row in tally.rows(place.unit_at(start), place, facet("type", kind), facet("kind", "name")):
            row[PREDICTED] += 1
    for name, guess in pairs:
        facets = [facet("kind", "name")]
        if name[2] == guess[2]:
            facets.append(facet("type", name[2]))
        for row in tally.rows(place.unit_at(name[0]), place, *facets):
            _add_match(row, name, guess)


def _add_match(row: list[int], gold: NameSpan, guess: NameSpan) -> None:
    same_span, same_type = gold[:2] == guess[:2], gold[2] == guess[2]
    row[STRICT] += same_span and same_type
    row[EXACT] += same_span
    row[TYPE] += same_type
    row[OVERLAP] += not same_span


def _match(gold: Sequence[NameSpan], predicted: Sequence[NameSpan]) -> list[tuple[NameSpan, NameSpan]]:
    """Match mentions of one kind: exact span and type, then exact span, then most of equal type, then most."""
    both = set(gold) & set(predicted)
    pairs = [(span, span) for span in sorted(both)]
    by_span = {span[:2]: span for span in predicted if span not in both}
    left = []
    for span in gold:
        if span not in both:
            guess = by_span.pop(span[:2], None)
            if guess:
                pairs.append((span, guess))
            else:
                left.append(span)
    gold, predicted = left, sorted(by_span.values())
    candidates = overlapping([span[:2] for span in gold], [span[:2] for span in predicted])
    same_type_first = float(min(len(gold), len(predicted)) + 1)
    edges = [(g, p, 1.0 + same_type_first * (gold[g][2] == predicted[p][2])) for g, p in candidates]
    return pairs + [(gold[g], predicted[p]) for g, p, _ in best_assignment(edges)]


def _count_nominals(gold: Sequence[Mention], predicted: Sequence[Mention], place: Place, tally: Tally) -> None:
    """Nominals stand in the breakdown by kind only; there, names are their ignore region."""
    names = {(m.start, m.end) for m in gold if m.kind == "name"}
    nominals = _spans(gold, "nominal")
    guesses = [span for span in _spans(predicted, "nominal") if span[:2] not in names]
    row = tally.facets.row(facet("kind", "nominal"))
    row[GOLD] += len(nominals)
    row[PREDICTED] += len(guesses)
    for nominal, guess in _match(nominals, guesses):
        _add_match(row, nominal, guess)


def _count_links(
    gold: Sequence[Mention],
    predicted: Sequence[Mention],
    place: Place,
    tally: Tally,
    kb_status: Callable[[Mention], KbStatus],
) -> None:
    by_span = {(m.start, m.end): m for m in gold}
    for mention in by_span.values():
        if kb_status(mention) == "verified":
            facets = facet("type", mention.type), facet("kind", mention.kind)
            for row in tally.rows(place.unit_at(mention.start), place, *facets):
                row[LINKABLE] += 1
    links = {(m.start, m.end): m for m in predicted if m.kb_id is not UNSET and m.kb_id is not None}
    for span, link in links.items():
        target = by_span.get(span)
        if target is not None and kb_status(target) == "unverified":
            continue
        right = target is not None and kb_status(target) == "verified" and target.kb_id == link.kb_id
        seen = target or link
        for row in tally.rows(place.unit_at(span[0]), place, facet("type", seen.type), facet("kind", seen.kind)):
            row[LINKS] += 1
            row[LINKED] += right
