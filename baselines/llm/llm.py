"""A language model behind an OpenAI-compatible endpoint, zero-shot; `llm_few_shot` is the same with examples.

One request for each layer of a document (verification in batches of claims): the rules of the annotation guideline in
short, the numbered sentences, and the JSON Schema of the answer. The model gives quotes and numbers of sentences; the
offsets are found here. An unusable answer is asked for once more, with what was wrong; what is still missing then gets
the plain default of the layer and is counted in the report.

Nothing was tuned: the prompts say what the guideline says, with examples made up for them, and no answer of a model had
been seen when they were written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention, StanceCell, VerificationPair
from retold.systems import Context, Question

from ..common.defaults import every_sentence
from ._answers import Reading, read, to_cells, to_claims, to_mentions, to_pairs
from ._endpoint import OPTIONS, Endpoint, Reply, Request, read_settings
from ._prompts import Prompter, labels_of, repair, version

__all__ = ["OPTIONS", "predict", "report"]

NAME = "llm"
DESCRIPTION = (
    "A language model behind an OpenAI-compatible endpoint, zero-shot: the guideline in short, structured answers with "
    "quotes, offsets found by the system."
)
PROTOCOL = "zero-shot"
EXTRA = "llm"

#: The endpoint of this run, with its options and cache folder.
_endpoints: dict[object, Endpoint] = {}


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document.

    Raises:
        LLMError: an option is wrong, or the endpoint refuses or keeps failing.
    """
    key = tuple(sorted(context.options.items())), context.cache
    if key not in _endpoints:
        report()
        folder = context.cache / "llm" / "answers" if context.cache else None
        _endpoints[key] = Endpoint(read_settings(context.options), folder)
    endpoint = _endpoints[key]
    settings = endpoint.settings
    prompter = Prompter(document, context, settings.examples, in_words=settings.structured != "json_schema")
    layers = _Layers(endpoint, prompter, document, context)
    entities = layers.entities()
    return AnnotationRecord(
        document_id=document.document_id,
        entities=entities,
        stance=layers.stance(),
        claims=layers.claims(entities),
        verification=layers.verification(settings.batch),
    )


def report() -> dict[str, object]:
    """What was done and spent since the first document or the last report; the cost is null without prices."""
    found: dict[str, object] = {}
    for endpoint in _endpoints.values():
        found = {"prompts": version(), **endpoint.report()}
        endpoint.close()
    _endpoints.clear()
    return found


@dataclass(frozen=True, slots=True)
class _Layers:
    """The layers of one document, each asked for, read and completed."""

    endpoint: Endpoint
    prompter: Prompter
    document: Document
    context: Context

    def entities(self) -> list[Mention]:
        reading = self._obtain(self.prompter.entities())
        self.endpoint.counts.fallback_entities += _gave_nothing(reading)
        return to_mentions(reading.items, self.document, self.endpoint.counts)

    def stance(self) -> list[StanceCell]:
        reading = self._obtain(self.prompter.stance())
        self.endpoint.counts.fallback_stance += _gave_nothing(reading)
        return to_cells(reading.items, self.document, self.context, self.endpoint.counts)

    def claims(self, mentions: Sequence[Mention]) -> list[ClaimSpan]:
        reading = self._obtain(self.prompter.claims(mentions))
        if _gave_nothing(reading):
            self.endpoint.counts.fallback_claims += 1
            return every_sentence(self.document)
        return to_claims(reading.items, self.document, self.endpoint.counts)

    def verification(self, batch: int) -> list[VerificationPair]:
        questions = self.context.questions
        found: dict[str, VerificationPair] = {}
        for first in range(0, len(questions), batch):
            found |= self._verdicts(questions[first : first + batch])
        self.endpoint.counts.fallback_verification += len(questions) - len(found)
        return [
            found.get(q.claim) or VerificationPair(claim=q.claim, label="not_enough_info", evidence=[])
            for q in questions
        ]

    def _verdicts(self, questions: Sequence[Question]) -> dict[str, VerificationPair]:
        request = self.prompter.verification(questions)
        reply = self.endpoint.ask(request)
        if reply.finish == "length" and len(questions) > 1:
            self.endpoint.counts.truncated += 1
            self.endpoint.counts.halved_batches += 1
            half = len(questions) // 2
            return self._verdicts(questions[:half]) | self._verdicts(questions[half:])
        reading = self._obtain(request, {"claim": list(labels_of(questions))}, reply)
        pairs = to_pairs(reading.items, questions, self.document, self.endpoint.counts)
        return {pair.claim: pair for pair in pairs}

    def _obtain(
        self, request: Request, required: Mapping[str, Sequence[str]] | None = None, reply: Reply | None = None
    ) -> Reading:
        """What a request and, if need be, one repair of it give; of two imperfect answers the one with more items."""
        reply = reply or self.endpoint.ask(request)
        first = self._read(request, reply, required)
        if not first.faults:
            return first
        self.endpoint.counts.repairs += 1
        answer, remark = reply.content or reply.refusal, ""
        if reply.finish == "length":
            # All of it would only leave less room for the next.
            answer, remark = f"{answer[:1000]}…", "Leave out line breaks and blanks between keys."
        again = repair(request, answer, first.faults, remark)
        second = self._read(again, self.endpoint.ask(again), required)
        best = first if second.faults and len(first.items) > len(second.items) else second
        self.endpoint.counts.invalid_items += best.invalid
        return best

    def _read(self, request: Request, reply: Reply, required: Mapping[str, Sequence[str]] | None) -> Reading:
        self.endpoint.counts.refusals += bool(reply.refusal) or reply.finish == "content_filter"
        self.endpoint.counts.truncated += reply.finish == "length"
        return read(reply, request, required)


def _gave_nothing(reading: Reading) -> bool:
    """Whether a layer falls back to its default: an answer at fault, without one item that can be used."""
    return bool(reading.faults) and not reading.items
