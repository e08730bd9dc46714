"""Language models behind an OpenAI-compatible endpoint, zero-shot and few-shot.

One request for each layer of a document (verification in batches of claims): the rules of the annotation guideline in
short, the numbered sentences, and the JSON Schema of the answer. The model gives quotes and numbers of sentences; the
offsets are found here. An unusable answer is asked for once more, with what was wrong; what is still missing then gets
the plain default of the layer and is counted in the report.

``llm`` is zero-shot. ``llm.py:few_shot`` adds, for each layer, whole training documents with their gold as earlier
turns of the conversation (Brown et al. 2020), and the entities of the training documents with their keys and ids.

Nothing was tuned: the prompts say what the guideline says, with examples made up for them, and no answer of a model had
been seen when they were written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention, StanceCell, VerificationPair
from retold.systems import Context, Question

from ._llm_answers import Reading, read, to_cells, to_claims, to_mentions, to_pairs
from ._llm_cache import AnswerCache, Ledger, Reply
from ._llm_client import Ask, Client, Tally
from ._llm_prompts import Prompter, labels_of, version
from ._llm_settings import FEW_SHOT_OPTIONS, LanguageModelFault, Settings, read_settings
from ._llm_settings import OPTIONS as _OPTIONS
from ._plain import every_sentence

NAME = "llm"
DESCRIPTION = (
    "A language model behind an OpenAI-compatible endpoint, zero-shot: the guideline in short, structured answers with "
    "quotes, offsets found by the system."
)
PROTOCOL = "zero-shot"
EXTRA = "llm"
OPTIONS = _OPTIONS


@dataclass(slots=True)
class _Run:
    """What lasts from the first document of a run to its report."""

    of: tuple[Any, ...]
    settings: Settings
    tally: Tally
    client: Client


@dataclass(kw_only=True)
class LanguageModel:
    """A system: NAME and so on as for a module; ``clock``, ``sleep`` and ``now`` so that tests need not wait."""

    NAME: str
    DESCRIPTION: str
    PROTOCOL: Literal["zero-shot", "leave-one-document-out"]
    OPTIONS: Mapping[str, str]
    EXTRA: str = EXTRA
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    _run: _Run | None = field(default=None, init=False)

    def predict(self, document: Document, context: Context) -> AnnotationRecord:
        """Predict one document.

        Raises:
            LanguageModelFault: an option is wrong, the endpoint refuses or keeps failing, or the budget is spent.
        """
        try:
            return self._predict(document, context, self._run_for(context))
        except Exception:
            self._end()
            raise

    def _predict(self, document: Document, context: Context, run: _Run) -> AnnotationRecord:
        prompter = Prompter(context, run.settings.examples, in_words=run.settings.structured != "json_schema")
        layers = _Layers(run.client, run.tally, prompter, document, context)
        entities = layers.entities()
        return AnnotationRecord(
            document_id=document.document_id,
            entities=entities,
            stance=layers.stance(),
            claims=layers.claims(entities),
            verification=layers.verification(run.settings.batch),
        )

    def report(self) -> dict[str, object]:
        """What the run did and cost since its first document; ends it. Cost is null where prices are not given."""
        run = self._run
        if run is None:
            return {}
        self._end()
        priced = run.settings.input_price is not None and run.settings.output_price is not None
        return {
            "model": run.settings.model,
            "endpoint": run.client.endpoint,
            "prompts": version(),
            **run.tally.as_dict(),
            "cost": run.client.cost if priced else None,
        }

    def _run_for(self, context: Context) -> _Run:
        of = (dict(context.options), context.cache, context.seed)
        if self._run is None or self._run.of != of:
            self._end()
            settings = read_settings(context.options)
            if settings.budget and context.cache is None and context.training:
                # A system that learns is loaded anew for each document, and what it has spent would be forgotten.
                raise LanguageModelFault("a budget over several documents needs a cache folder")
            folder = None if context.cache is None else context.cache / "llm"
            answers = AnswerCache(None if folder is None else folder / "answers")
            ledger = None if folder is None else folder / "ledger.jsonl"
            tally = Tally()
            client = Client(
                settings,
                answers,
                lambda endpoint: Ledger(ledger, self.NAME, settings.model, endpoint),
                tally,
                seed=context.seed,
                clock=self.clock,
                sleep=self.sleep,
                now=self.now,
            )
            self._run = _Run(of, settings, tally, client)
        return self._run

    def _end(self) -> None:
        if self._run is not None:
            self._run.client.close()
            self._run = None


@dataclass(frozen=True, slots=True)
class _Layers:
    """The layers of one document, each asked for, read and completed."""

    client: Client
    tally: Tally
    prompter: Prompter
    document: Document
    context: Context

    def entities(self) -> list[Mention]:
        reading = self._obtain(self.prompter.entities(self.document))
        self.tally.fallback_entities += _gave_nothing(reading)
        return to_mentions(reading.items, self.document, self.tally)

    def stance(self) -> list[StanceCell]:
        reading = self._obtain(self.prompter.stance(self.document))
        self.tally.fallback_stance += _gave_nothing(reading)
        return to_cells(reading.items, self.document, self.context, self.tally)

    def claims(self, mentions: Sequence[Mention]) -> list[ClaimSpan]:
        reading = self._obtain(self.prompter.claims(self.document, mentions))
        if _gave_nothing(reading):
            self.tally.fallback_claims += 1
            return every_sentence(self.document)
        return to_claims(reading.items, self.document, self.tally)

    def verification(self, batch: int) -> list[VerificationPair]:
        questions = self.context.questions
        found: dict[str, VerificationPair] = {}
        for first in range(0, len(questions), batch):
            found |= self._verdicts(questions[first : first + batch])
        self.tally.fallback_verification += len(questions) - len(found)
        return [
            found.get(q.claim) or VerificationPair(claim=q.claim, label="not_enough_info", evidence=[])
            for q in questions
        ]

    def _verdicts(self, questions: Sequence[Question]) -> dict[str, VerificationPair]:
        ask = self.prompter.verification(self.document, questions)
        reply = self.client.ask(ask)
        if reply.finish == "length" and len(questions) > 1:
            self.tally.truncated += 1
            self.tally.halved_batches += 1
            half = len(questions) // 2
            return self._verdicts(questions[:half]) | self._verdicts(questions[half:])
        reading = self._obtain(ask, {"claim": list(labels_of(questions))}, reply)
        pairs = to_pairs(reading.items, questions, self.document, self.tally)
        return {pair.claim: pair for pair in pairs}

    def _obtain(
        self, ask: Ask, required: Mapping[str, Sequence[str]] | None = None, reply: Reply | None = None
    ) -> Reading:
        """What a request and, if need be, one repair of it give; of two imperfect answers the one with more items."""
        reply = reply or self.client.ask(ask)
        first = self._read(ask, reply, required)
        if not first.faults:
            return first
        self.tally.repairs += 1
        answer, remark = reply.content or reply.refusal, ""
        if reply.finish == "length":
            # All of it would only leave less room for the next.
            answer, remark = f"{answer[:1000]}…", "Leave out line breaks and blanks between keys."
        again = self.prompter.repair(ask, answer, first.faults, remark)
        second = self._read(again, self.client.ask(again), required)
        best = first if second.faults and len(first.items) > len(second.items) else second
        self.tally.invalid_items += best.invalid
        return best

    def _read(self, ask: Ask, reply: Reply, required: Mapping[str, Sequence[str]] | None) -> Reading:
        self.tally.refusals += bool(reply.refusal) or reply.finish == "content_filter"
        self.tally.truncated += reply.finish == "length"
        return read(reply, ask.name, ask.schema, required)


def _gave_nothing(reading: Reading) -> bool:
    """Whether a layer falls back to its default: an answer at fault, without one item that can be used."""
    return bool(reading.faults) and not reading.items


zero_shot: Final = LanguageModel(NAME=NAME, DESCRIPTION=DESCRIPTION, PROTOCOL="zero-shot", OPTIONS=OPTIONS)
few_shot: Final = LanguageModel(
    NAME="llm_few_shot",
    DESCRIPTION=(
        "A language model behind an OpenAI-compatible endpoint, few-shot: as llm, with other documents and their gold "
        "as examples and the entities of the other documents."
    ),
    PROTOCOL="leave-one-document-out",
    OPTIONS=FEW_SHOT_OPTIONS,
)
predict = zero_shot.predict
report = zero_shot.report
