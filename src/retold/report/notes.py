"""Notes on the numbers of a score, the same in all formats."""

from __future__ import annotations

from typing import Final, Literal

from retold.layers.scheme import Scheme, default_scheme
from retold.model.display import counted
from retold.report.tables import ABSENT, number
from retold.rules import RULES
from retold.rules.references import listed
from retold.scoring.evaluate import OVERALL, Score, Value, means

__all__ = [
    "INTERVAL",
    "NOT_COMPETED",
    "TIERS",
    "UNDEFINED",
    "UNDEFINED_VALUE",
    "Status",
    "coverage",
    "coverage_of",
    "few_documents",
    "format_value",
    "layers_left",
    "mean_notes",
    "missing_layers",
    "other_corpus",
    "provenance",
    "saw_gold",
    "short_hash",
    "spread",
    "status",
    "unanswered",
    "warnings",
]

#: Why a measure has a value or none; only "defined" has one.
Status = Literal["defined", "undefined", "not competed in", "not in gold"]
#: Printed for the value of a layer that the system or gold does not have.
OUTSIDE: Final = "·"
UNDEFINED_VALUE: Final = f"{ABSENT}: undefined (0/0)"
UNDEFINED: Final = f"{UNDEFINED_VALUE}; not averaged"
INTERVAL: Final = f"{ABSENT} for an interval: resampling shows no spread, so it cannot tell one"
NOT_COMPETED: Final = f"{OUTSIDE}: not competed in, or not in gold"
TIERS: Final = (
    "range: the ranks that the tests leave open; tier: systems that are not separable from the first one of the tier"
)
SAW_GOLD: Final = "saw-gold: the system had access to the gold labels; its scores are not comparable"
#: Digits of a hash that are printed, as in a signature.
_DIGITS: Final = 16


def status(score: Score, name: str) -> Status:
    """Why a measure has a value or none; competing in a headline takes an answer to each of its layers in gold."""
    if score.measures[name].value is not None:
        return "defined"
    gold, given = score.coverage["gold_layers"], score.coverage["layers"]
    scheme = score.scheme
    if name == OVERALL:
        tracks = [scheme.track_layers[track] for track in scheme.overall]
    else:
        tracks = [scheme.track_layers.get(name) or (scheme.layer_of(name),)]
    wanted = [[layer for layer in layers if layer in gold] for layers in tracks]
    if not all(wanted):
        return "not in gold"
    return "undefined" if all(layer in given for layers in wanted for layer in layers) else "not competed in"


def format_value(score: Score, name: str) -> str:
    """A measure's value in print, or a mark that says why there is none."""
    value = score.measures[name].value
    if value is not None:
        return number(value)
    return ABSENT if status(score, name) == "undefined" else OUTSIDE


def spread(value: Value) -> str:
    """Range of a headline when one document is left out, or a dash."""
    bounds = value.leave_one_out
    return ABSENT if bounds is None else f"{number(bounds[0])} to {number(bounds[1])}"


def layers_left(score: Score) -> tuple[list[str], list[str]]:
    """Layers of gold that the system does not answer, and layers that gold does not have."""
    gold, given = score.coverage["gold_layers"], score.coverage["layers"]
    layers = score.scheme.layers
    return [each for each in layers if each in gold and each not in given], [
        each for each in layers if each not in gold
    ]


def mean_notes(score: Score) -> dict[str, str]:
    """For each mean that lacks some of its parts: how many it has, and which are missing."""
    notes = {}
    for name, gone in score.left_out.items():
        parts = len(means(score.scheme)[name])
        reasons: dict[str, list[str]] = {}
        for part in gone:
            # A prediction where gold has nothing scores 0, and is not averaged either.
            reason = status(score, part)
            reasons.setdefault("nothing in gold" if reason == "defined" else reason, []).append(part)
        said = "; ".join(f"{reason}: {', '.join(of_reason)}" for reason, of_reason in reasons.items())
        notes[name] = f"{name} is the mean of {parts - len(gone)} of {parts} parts; {said}"
    return notes


def other_corpus(score: Score) -> str:
    """A note if the submission was made for another version of the corpus."""
    made, scored = score.submission["corpus_version"], score.corpus["version"]
    return f"made for corpus {made}, scored on {scored}" if made and scored and made != scored else ""


def unanswered(score: Score) -> str:
    """How many gold cells and pairs the system leaves unanswered in layers that it competes in."""
    counted = [
        f"{score.coverage[name]['missing']} of {score.coverage[name]['gold']} {layer.items_title}"
        for name, layer in score.scheme.layers.items()
        if layer.keyed and name in score.coverage["layers"] and score.coverage[name]["missing"]
    ]
    return f"unanswered: {', '.join(counted)}" if counted else ""


def missing_layers(score: Score) -> str:
    """Which layers are missing in documents, and were taken as empty there."""
    gaps = score.coverage.get("missing_layers", {})
    where = (f"{layer} in {listed(gap['documents'], gap['missing'])}" for layer, gap in gaps.items())
    return f"missing, taken as empty: {'; '.join(where)}" if gaps else ""


def coverage_of(score: Score, *, whole: bool = False) -> dict[str, str]:
    """For each measure over items that the system chose: how many of gold's items those are, unless it is all."""
    found = {}
    for name, measure in score.scheme.measures.items():
        if measure.over and name in score.measures and score.measures[name].value is not None:
            (items, chosen), (_, gold) = score.measures[name].counts.items()
            if whole or chosen < gold:
                found[name] = f"{name} is over {chosen} of {gold} {items} ({chosen / gold:.0%})"
    return found


def coverage(score: Score) -> str:
    """How much of gold was predicted, in one line."""
    told = []
    for name in ("documents", *(name for name, layer in score.scheme.layers.items() if layer.keyed)):
        cells = score.coverage[name]
        extra = f" ({cells['extra']} extra)" if cells.get("extra") else ""
        told.append(f"{name} {cells['predicted']} of {cells['gold']}{extra}")
    return f"predicted of gold: {', '.join(told)}"


def warnings(score: Score) -> str:
    """How many findings do not prevent scoring, by rule."""
    codes = score.coverage.get("warnings")
    if not codes:
        return ""
    told = (f"{count} {code} {RULES[code].name}" for code, count in sorted(codes.items(), key=lambda c: (-c[1], c[0])))
    return f"{counted(sum(codes.values()), 'warning')}: {', '.join(told)}; retold validate shows them"


def saw_gold(score: Score) -> str:
    """A note if the system saw gold."""
    return SAW_GOLD if score.protocol == "saw-gold" else ""


def provenance(score: Score) -> str:
    """What was scored, in one line."""
    card = score.submission
    protocol, version = card["protocol"] or "not given", card["corpus_version"] or "not given"
    return f"submission: protocol {protocol}; corpus version {version}; SHA-256 {short_hash(score)}"


def short_hash(score: Score) -> str:
    """Start of the hash of what was scored."""
    return score.submission["sha256"][:_DIGITS] or ABSENT


def few_documents(documents: int, signature: str, scheme: Scheme | None = None) -> str:
    """What a result on few documents can and cannot show; the signature names the resampling unit."""
    beyond = "They say nothing about other events or outlets."
    one = documents == 1
    count = "1 document" if one else f"{documents} documents"
    if "unit:paragraph" in signature:
        titles = list(dict.fromkeys(layer.units_title for layer in (scheme or default_scheme()).layers.values()))
        listed = " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))
        drawn = f"the {listed} of {'this document' if one else 'these documents'}"
    elif one:
        return f"{count}: with nothing to resample, intervals and tests cannot say how the result varies. {beyond}"
    else:
        drawn = "them"
    return f"{count}: intervals and tests say how the result varies over {drawn}. {beyond}"
