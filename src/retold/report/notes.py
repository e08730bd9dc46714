"""What a reader must be told beside the numbers of a score, in words that all formats share."""

from __future__ import annotations

from typing import Final, Literal

from retold.model.annotations import LAYERS, Layer
from retold.report.tables import ABSENT, number, one_line
from retold.scoring import TRACK_LAYERS, Score
from retold.scoring.headline import MEANS

__all__ = [
    "NOT_COMPETED",
    "UNDEFINED",
    "Status",
    "few_documents",
    "layers_left",
    "mean_notes",
    "other_corpus",
    "provenance",
    "saw_gold",
    "short_hash",
    "shown",
    "status",
    "unanswered",
]

#: What became of a measure: only "defined" has a value.
Status = Literal["defined", "undefined", "not competed in", "not in gold"]
#: What stands in print for a value that there cannot be.
OUTSIDE: Final = "·"
UNDEFINED: Final = f"{ABSENT} for a value: undefined (0/0), part of no mean"
NOT_COMPETED: Final = f"{OUTSIDE} for a value: the system does not compete there, or gold does not have it"
SAW_GOLD: Final = "saw-gold: the system saw the labels that it predicts; its numbers are no result."
#: Digits of a hash that are printed, as many as in a signature.
_DIGITS: Final = 16


def _layer(name: str) -> Layer:
    """The layer that a measure is computed from; ``name`` is no headline."""
    if name.startswith("claims.verification."):
        return "verification"
    return next(layer for layer in LAYERS if name.startswith(f"{layer}."))


def status(score: Score, name: str) -> Status:
    """Why a measure has a value or none; a headline is competed in where every layer that gold has is given."""
    if score.measures[name].value is not None:
        return "defined"
    gold, given = score.coverage["gold_layers"], score.coverage["layers"]
    if name == "overall":
        tracks = list(TRACK_LAYERS.values())
    else:
        tracks = [TRACK_LAYERS[name] if name in TRACK_LAYERS else (_layer(name),)]
    wanted = [[layer for layer in layers if layer in gold] for layers in tracks]
    if not all(wanted):
        return "not in gold"
    return "undefined" if all(layer in given for layers in wanted for layer in layers) else "not competed in"


def shown(score: Score, name: str) -> str:
    """A measure's value in print, or the mark of why there is none."""
    value = score.measures[name].value
    if value is not None:
        return number(value)
    return ABSENT if status(score, name) == "undefined" else OUTSIDE


def layers_left(score: Score) -> tuple[list[Layer], list[Layer]]:
    """Layers of gold that the system does not give, and layers that gold does not have."""
    gold, given = score.coverage["gold_layers"], score.coverage["layers"]
    return [each for each in LAYERS if each in gold and each not in given], [
        each for each in LAYERS if each not in gold
    ]


def mean_notes(score: Score) -> dict[str, str]:
    """For each mean that some of its parts are missing from: how many there are, and which are not."""
    notes = {}
    for name, gone in score.left_out.items():
        parts = len(MEANS[name])
        reasons: dict[str, list[str]] = {}
        for part in gone:
            # What is predicted where gold has nothing has a value, 0, but is no part of the mean either.
            reason = status(score, part)
            reasons.setdefault("nothing in gold" if reason == "defined" else reason, []).append(part)
        said = "; ".join(f"{reason}: {', '.join(of_reason)}" for reason, of_reason in reasons.items())
        notes[name] = f"{name} is the mean of {parts - len(gone)} of {parts} parts; {said}"
    return notes


def other_corpus(score: Score) -> str:
    """That a submission was made for another version of the corpus, where both versions are known; else nothing."""
    made, scored = score.submission["corpus_version"], score.corpus["version"]
    return (
        f"made for corpus {one_line(made)}, scored on {one_line(scored)}" if made and scored and made != scored else ""
    )


def unanswered(score: Score) -> str:
    """How many questions of gold a system that competes in a layer leaves unanswered; nothing where it answers all."""
    counted = [
        f"{score.coverage[layer]['missing']} of {score.coverage[layer]['gold']} {what}"
        for layer, what in (("stance", "stance cells"), ("verification", "verification pairs"))
        if layer in score.coverage["layers"] and score.coverage[layer]["missing"]
    ]
    return f"not answered: {', '.join(counted)}" if counted else ""


def saw_gold(score: Score) -> str:
    """That a system had the answers at hand; else nothing."""
    return SAW_GOLD if score.protocol == "saw-gold" else ""


def provenance(score: Score) -> str:
    """What was scored, in a line."""
    card = score.submission
    protocol, version = one_line(card["protocol"]) or "not given", one_line(card["corpus_version"]) or "not given"
    return f"submission: protocol {protocol}; corpus version {version}; SHA-256 {short_hash(score)}"


def short_hash(score: Score) -> str:
    """The first digits of the hash of what was scored."""
    return score.submission["sha256"][:_DIGITS] or ABSENT


def few_documents(documents: int, signature: str) -> str:
    """What a result on so few documents can and cannot show; the signature says what was drawn."""
    beyond = "They say nothing about other events or outlets."
    one = documents == 1
    count = "1 document" if one else f"{documents} documents"
    if "unit:paragraph" in signature:
        drawn = f"the paragraphs, stance cells and claims of {'this document' if one else 'these documents'}"
    elif one:
        return f"{count}: there is no other to draw, so intervals and tests cannot say how the result varies. {beyond}"
    else:
        drawn = "them"
    return f"{count}: intervals and tests say how the result varies over {drawn}. {beyond}"
