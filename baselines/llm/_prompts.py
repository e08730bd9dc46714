"""Prompts of the language-model systems, and the JSON Schemas of their answers.

The texts are the Jinja templates in ``prompts/``; the number in a file name is the version. Models give quotes and
numbers of sentences, never offsets. Schemas use only what strict modes of endpoints know: types, enums, required keys.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import jinja2

from retold.model.annotations import (
    ENTITY_TYPES,
    MENTION_KINDS,
    STANCE_LABELS,
    VERIFICATION_LABELS,
    Document,
    Mention,
    Span,
)
from retold.systems import Context, Example, Question

from ._llm_client import Ask, Message

__all__ = ["ITEMS", "VERSION", "Prompter", "labels_of", "shown", "version"]

VERSION: Final = "1"
FOLDER: Final = Path(__file__).parent / "prompts"
#: Layer -> the key of its list in an answer.
ITEMS: Final = {"entities": "mentions", "stance": "pairs", "claims": "claims", "verification": "verdicts"}
#: Questions of each label that an example of verification shows.
SHOWN_PER_LABEL: Final = 4

Schema = dict[str, Any]


_LOADER: Final = jinja2.FileSystemLoader(FOLDER)


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=_LOADER,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def _render(name: str, **values: object) -> str:
    return _templates().get_template(f"{name}-{VERSION}.jinja").render(values).strip()


@cache
def version() -> str:
    """Version of the prompts, with a digest of their texts, so that an edit without a new version shows."""
    environment = _templates()
    names = environment.list_templates(filter_func=lambda name: name.endswith(f"-{VERSION}.jinja"))
    texts = [_LOADER.get_source(environment, name)[0] for name in names]
    return f"{VERSION} ({sha256(json.dumps([names, texts]).encode()).hexdigest()[:12]})"


# Schemas


def _schema(layer: str, **properties: Schema) -> Schema:
    item = _object(**properties)
    return _object(**{ITEMS[layer]: {"type": "array", "items": item}})


def _object(**properties: Schema) -> Schema:
    # Strict modes want every key required and no other allowed.
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _one_of(labels: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(labels)}


_TEXT: Final[Schema] = {"type": "string"}
_SENTENCE: Final[Schema] = {"type": "integer"}
_EVIDENCE: Final[Schema] = {"type": "array", "items": {"type": "integer"}}


def labels_of(questions: Sequence[Question]) -> dict[str, Question]:
    """Questions by the short labels under which a request has them."""
    return {f"q{number}": question for number, question in enumerate(questions, 1)}


# Texts


def shown(document: Document, span: Span) -> str:
    """A sentence as a prompt shows it: on one line, with plain spaces; all else verbatim."""
    return " ".join(document.text[span.start : span.end].split())


@dataclass(frozen=True, slots=True)
class _Known:
    """An entity of other documents as a prompt shows it."""

    key: str
    type: str
    wikidata: str | None
    wordings: str


class Prompter:
    """Makes the requests for the documents of an event.

    Args:
        context: of the document to predict; its ``training`` gives the examples, and is empty under zero-shot.
        examples: how many training documents are shown, those of the document's language first.
        in_words: whether the schema is told in the prompt, for endpoints that are not given it otherwise.
    """

    def __init__(self, context: Context, examples: int, in_words: bool) -> None:
        self._context = context
        self._examples = examples
        self._in_words = in_words

    def entities(self, document: Document) -> Ask:
        """All mentions of a document."""
        schema = _schema(
            "entities",
            sentence=_SENTENCE,
            quote=_TEXT,
            kind=_one_of(MENTION_KINDS),
            type=_one_of(ENTITY_TYPES),
            entity=_TEXT,
            wikidata={"type": ["string", "null"]},
        )
        messages: list[Message] = []
        for example in self._shown(document):
            # What its own gold says is not told beforehand, as it is not for the document to predict.
            others = [other for other in self._context.training if other is not example]
            messages.append(self._document(example.document, known=_known(others)))
            messages.append(_answer("entities", _gold_mentions(example)))
        messages.append(self._document(document, known=_known(self._context.training)))
        return self._ask("entities", schema, messages)

    def stance(self, document: Document) -> Ask:
        """All cells of a document that are for or against."""
        event, language = self._context.event, document.language
        holders = [(holder.holder, _meaning(holder.description, language)) for holder in event.holders]
        targets = [(target.target, _meaning(target.description, language)) for target in event.targets]
        schema = _schema(
            "stance",
            holder=_one_of(key for key, _ in holders),
            target=_one_of(key for key, _ in targets),
            evidence=_EVIDENCE,
            label=_one_of(STANCE_LABELS),
        )
        messages: list[Message] = []
        for example in self._shown(document):
            cells = [
                {"holder": c.holder, "target": c.target, "evidence": list(c.evidence or []), "label": c.label}
                for c in example.gold.stance or []
                if c.label != "none"
            ]
            messages += [self._document(example.document), _answer("stance", cells)]
        messages.append(self._document(document))
        return self._ask("stance", schema, messages, holders=holders, targets=targets)

    def claims(self, document: Document, mentions: Sequence[Mention]) -> Ask:
        """All claim spans of a document; ``mentions`` are those predicted in it, whose keys name the sources."""
        schema = _schema("claims", sentence=_SENTENCE, quote=_TEXT, source=_TEXT)
        messages: list[Message] = []
        for example in self._shown(document):
            messages += [self._document(example.document), _answer("claims", _gold_claims(example))]
        messages.append(self._document(document))
        wordings: dict[str, list[str]] = {}
        for mention in mentions:
            wordings.setdefault(str(mention.entity), []).append(document.text[mention.start : mention.end])
        speakers = [(key, _some(wordings[key])) for key in sorted(wordings)]
        return self._ask("claims", schema, messages, speakers=speakers)

    def verification(self, document: Document, questions: Sequence[Question]) -> Ask:
        """Verdicts on some of the claims."""
        labelled = labels_of(questions)
        # Labels are the same in examples, so the schema is that of the longest list.
        schema = _schema(
            "verification", claim=_one_of(labelled), evidence=_EVIDENCE, label=_one_of(VERIFICATION_LABELS)
        )
        messages: list[Message] = []
        for example in self._shown(document):
            asked, verdicts = self._gold_verdicts(example)
            messages += [self._document(example.document, questions=asked), _answer("verification", verdicts)]
        messages.append(self._document(document, questions=[(label, q.text) for label, q in labelled.items()]))
        return self._ask("verification", schema, messages)

    def repair(self, ask: Ask, answer: str, faults: Sequence[str], remark: str = "") -> Ask:
        """The same request again, with the unusable answer and what is wrong with it."""
        again = _render("repair", faults=faults, remark=remark)
        # Some endpoints refuse a message without content.
        turn = [{"role": "assistant", "content": answer or "(no answer)"}, {"role": "user", "content": again}]
        return Ask(ask.name, [*ask.messages, *turn], ask.schema, ask.prompts)

    def _ask(self, layer: str, schema: Schema, messages: Sequence[Message], **values: object) -> Ask:
        told = json.dumps(schema, ensure_ascii=False) if self._in_words else ""
        system = _render(layer, answering=_render("answering", schema=told), **values)
        return Ask(layer, [{"role": "system", "content": system}, *messages], schema, version())

    def _document(
        self, document: Document, *, known: Sequence[_Known] = (), questions: Sequence[tuple[str, str]] = ()
    ) -> Message:
        content = _render(
            "document",
            event=self._context.event.title,
            event_date=document.event_date,
            published=document.published,
            language=document.language,
            sentences=[shown(document, span) for span in document.sentences],
            known=known,
            questions=questions,
        )
        return {"role": "user", "content": content}

    def _shown(self, document: Document) -> list[Example]:
        training = self._context.training
        return sorted(training, key=lambda e: e.document.language != document.language)[: self._examples]

    def _gold_verdicts(self, example: Example) -> tuple[list[tuple[str, str]], list[dict[str, object]]]:
        """Some questions of each label with their gold, mixed, so that the order tells nothing."""
        texts = {question.claim: question.text for question in self._context.questions}
        draw = random.Random(f"{self._context.seed} {example.document.document_id}")
        chosen = []
        for label in VERIFICATION_LABELS:
            pairs = [p for p in example.gold.verification or [] if p.label == label and p.claim in texts]
            pairs.sort(key=lambda pair: pair.claim)
            chosen += draw.sample(pairs, min(SHOWN_PER_LABEL, len(pairs)))
        draw.shuffle(chosen)
        labelled = [(f"q{number}", pair) for number, pair in enumerate(chosen, 1)]
        verdicts: list[dict[str, object]] = [
            {"claim": label, "evidence": list(pair.evidence or []), "label": pair.label} for label, pair in labelled
        ]
        return [(label, texts[pair.claim]) for label, pair in labelled], verdicts


# Gold of other documents, as a model would have to answer


def _answer(layer: str, items: Sequence[Mapping[str, object]]) -> Message:
    return {"role": "assistant", "content": json.dumps({ITEMS[layer]: items}, ensure_ascii=False)}


def _gold_mentions(example: Example) -> list[dict[str, object]]:
    found: dict[tuple[int, str], dict[str, object]] = {}
    for mention in sorted(example.gold.entities or [], key=lambda m: (m.start, -m.end)):
        place = _quoted(example.document, mention.start, mention.end)
        labels = {"kind": mention.kind, "type": mention.type, "entity": mention.entity or "", "wikidata": mention.kb_id}
        found.setdefault((place["sentence"], place["quote"]), {**place, **labels})
    return list(found.values())


def _gold_claims(example: Example) -> list[dict[str, object]]:
    spans = sorted(example.gold.claims or [], key=lambda span: (span.start, -span.end))
    return [{**_quoted(example.document, span.start, span.end), "source": span.source} for span in spans]


def _quoted(document: Document, start: int, end: int) -> dict[str, Any]:
    sentence = max((n for n, span in enumerate(document.sentences) if span.start <= start), default=0)
    return {"sentence": sentence, "quote": shown(document, Span(start=start, end=end))}


def _known(examples: Sequence[Example]) -> list[_Known]:
    """Entities of these documents, by key: the most frequent type and id, and some wordings."""
    labels: dict[str, Counter[tuple[str, str]]] = {}
    wordings: dict[str, list[str]] = {}
    for example in examples:
        for mention in example.gold.entities or []:
            key = str(mention.entity)
            labels.setdefault(key, Counter())[mention.type, mention.kb_id or ""] += 1
            text = example.document.text[mention.start : mention.end]
            wordings.setdefault(key, []).append(text)
    found = []
    for key in sorted(labels):
        kind, wikidata = min(labels[key], key=lambda pair: (-labels[key][pair], pair))
        found.append(_Known(key, kind, wikidata or None, _some(wordings[key])))
    return found


def _some(wordings: Sequence[str], most: int = 4) -> str:
    """The most frequent wordings, ties by the alphabet."""
    counts = Counter(" ".join(wording.split()) for wording in wordings)
    return "; ".join(sorted(counts, key=lambda wording: (-counts[wording], wording))[:most])


def _meaning(description: Mapping[str, str], language: str) -> str:
    return description.get(language) or next(iter(description.values()), "")
