"""Notes on the numbers of a score, the same in all formats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from retold.layers.scheme import Scheme
from retold.layers.units import MANY_DOCUMENTS
from retold.model.display import counted
from retold.report.tables import ABSENT, format_exact, interval, number
from retold.rules import RULES
from retold.rules.references import listed
from retold.scoring.evaluate import OVERALL, Score, Value, means

#: Why a measure has a value or none; only "defined" has one.
Status = Literal["defined", "undefined", "not competed in", "not in gold"]
#: Printed for the value of a layer that the system or gold does not have.
OUTSIDE: Final = "·"
UNDEFINED_VALUE: Final = f"{ABSENT}: undefined (0/0)"
UNDEFINED: Final = f"{UNDEFINED_VALUE}; not averaged"
INTERVAL: Final = f"{ABSENT} for an interval: resampling shows no spread, so it cannot tell one"
NOT_COMPETED: Final = f"{OUTSIDE}: not competed in, or not in gold"
TIERS: Final = (
    "range: the ranks that the tests leave open; tier: systems that are not separable from the first one of the tier; "
    "of near-copies only the best one can begin a tier"
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


def format_value(score: Score, name: str, *, in_words: bool = False) -> str:
    """A measure's value in print, or why there is none, in words or as a mark."""
    value, why = score.measures[name].value, status(score, name)
    if value is not None:
        return number(value)
    return why if in_words else ABSENT if why == "undefined" else OUTSIDE


def printed(value: Value) -> list[str]:
    """A value and its interval for people."""
    return [number(value.value), interval(value.low, value.high)]


def exact(value: Value) -> list[str]:
    """A value and the ends of its interval in full precision."""
    return [format_exact(each) for each in (value.value, value.low, value.high)]


def no_intervals(values: Iterable[Value], signature: str) -> list[str]:
    """What to say of values that have no interval although units were resampled."""
    lacking = any(value.value is not None and value.low is None for value in values)
    return [INTERVAL] if lacking and "|resamples:0|" not in signature else []


def spread(value: Value) -> str:
    """Range of a headline when one document is left out, or a dash."""
    return ABSENT if value.leave_one_out is None else " to ".join(map(number, value.leave_one_out))


def layers_left(score: Score) -> tuple[list[str], list[str]]:
    """Layers of gold that the system does not answer, and layers that gold does not have."""
    gold, given = score.coverage["gold_layers"], score.coverage["layers"]
    missing = [each for each in score.scheme.layers if each in gold and each not in given]
    return missing, [each for each in score.scheme.layers if each not in gold]


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


def covered(score: Score) -> dict[str, dict[str, int]]:
    """How many documents, cells and pairs gold has, and how many of them were predicted."""
    keyed = (name for name, layer in score.scheme.layers.items() if layer.keyed)
    return {name: score.coverage[name] for name in ("documents", *keyed)}


def unanswered(score: Score) -> str:
    """How many gold cells and pairs the system leaves unanswered in layers that it competes in."""
    told = [
        f"{cells['missing']} of {cells['gold']} {score.scheme.layers[name].items_title}"
        for name, cells in covered(score).items()
        if name in score.coverage["layers"] and cells["missing"]
    ]
    return f"unanswered: {', '.join(told)}" if told else ""


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
    for name, cells in covered(score).items():
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


def few_documents(documents: int, signature: str, scheme: Scheme) -> list[str]:
    """What a result on few documents can and cannot show; the signature names the resampling unit."""
    if documents >= MANY_DOCUMENTS:
        return []
    told, one = "say how the result varies over them", documents == 1
    if "unit:paragraph" in signature:
        titles = list(dict.fromkeys(layer.units_title for layer in scheme.layers.values()))
        units = " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))
        told = f"say how the result varies over the {units} of {'this document' if one else 'these documents'}"
    about = f"intervals and tests {told}"
    if one and "unit:paragraph" not in signature:
        about = "with nothing to resample, intervals and tests cannot say how the result varies"
    return [f"{counted(documents, 'document')}: {about}. They say nothing about other events or outlets."]
