"""Prompts of the language-model systems, and the types of their answers.

The texts are the Jinja templates in ``prompts/``; the number in a file name is the version. Models give quotes and
numbers of sentences, never offsets.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

import jinja2
import pydantic

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

from ._endpoint import Message, Request

__all__ = ["ITEMS", "VERSION", "Item", "Prompter", "labels_of", "repair", "version"]

Item = dict[str, Any]

VERSION: Final = "1"
FOLDER: Final = Path(__file__).parent / "prompts"
#: Layer -> the key of its list in an answer.
ITEMS: Final = {"entities": "mentions", "stance": "pairs", "claims": "claims", "verification": "verdicts"}
#: Questions of each label that an example of verification shows.
SHOWN_PER_LABEL: Final = 4

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def _render(name: str, **values: object) -> str:
    return _TEMPLATES.get_template(f"{name}-{VERSION}.jinja").render(values).strip()


@cache
def version() -> str:
    """Version of the prompts, with a digest of their texts, so that an edit without a new version shows."""
    digest = sha256()
    for file in sorted(FOLDER.glob(f"*-{VERSION}.jinja")):
        digest.update(file.name.encode() + file.read_bytes())
    return f"{VERSION} ({digest.hexdigest()[:12]})"


# Types of answers


class _Strict(pydantic.BaseModel):
    """Strict modes of endpoints want a schema without further keys; whoever answers with some is understood."""

    model_config = pydantic.ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": False})


def _request(layer: str, messages: Sequence[Message], fields: Mapping[str, Any]) -> Request:
    key = ITEMS[layer]
    item = pydantic.create_model(key.removesuffix("s"), __base__=_Strict, **_required(fields))
    answer = pydantic.create_model("answer", __base__=_Strict, **_required({key: list[item]}))  # type: ignore[valid-type]
    return Request(layer, key, item, answer.model_json_schema(), messages)


def _required(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (kind, ...) for name, kind in fields.items()}


def _one_of(labels: Sequence[str]) -> Any:
    return Literal[tuple(labels)]


# Texts


def labels_of(questions: Sequence[Question]) -> dict[str, Question]:
    """Questions by the short labels under which a request has them."""
    return {f"q{number}": question for number, question in enumerate(questions, 1)}


def repair(request: Request, answer: str, faults: Sequence[str], remark: str = "") -> Request:
    """The same request again, with the unusable answer and what is wrong with it."""
    again = _render("repair", faults=faults, remark=remark)
    # Some endpoints refuse a message without content.
    turn = [{"role": "assistant", "content": answer or "(no answer)"}, {"role": "user", "content": again}]
    return Request(request.layer, request.key, request.item, request.schema, [*request.messages, *turn])


class Prompter:
    """Makes the requests for a document.

    Args:
        document: to be predicted.
        context: its ``training`` gives the examples, and is empty under zero-shot.
        examples: how many training documents are shown, those of the document's language first.
        in_words: whether the schema is told in the prompt, for endpoints that are not given it otherwise.
    """

    def __init__(self, document: Document, context: Context, examples: int, in_words: bool) -> None:
        self._own = document
        self._context = context
        self._in_words = in_words
        by_language = sorted(context.training, key=lambda e: e.document.language != document.language)
        self._examples = by_language[:examples]

    def entities(self) -> Request:
        """All mentions of the document."""
        shown: list[Message] = []
        for example in self._examples:
            # What its own gold says is not told beforehand, as it is not for the document to predict.
            others = [other for other in self._context.training if other is not example]
            shown.append(self._document(example.document, known=_known(others)))
            shown.append(_answer("entities", _gold_mentions(example)))
        shown.append(self._document(self._own, known=_known(self._context.training)))
        return self._ask(
            "entities",
            shown,
            sentence=int,
            quote=str,
            kind=_one_of(MENTION_KINDS),
            type=_one_of(ENTITY_TYPES),
            entity=str,
            wikidata=str | None,
        )

    def stance(self) -> Request:
        """All cells of the document that are for or against."""
        event, language = self._context.event, self._own.language
        holders = [(holder.holder, _meaning(holder.description, language)) for holder in event.holders]
        targets = [(target.target, _meaning(target.description, language)) for target in event.targets]
        shown: list[Message] = []
        for example in self._examples:
            cells = [
                {"holder": c.holder, "target": c.target, "evidence": list(c.evidence or []), "label": c.label}
                for c in example.gold.stance or []
                if c.label != "none"
            ]
            shown += [self._document(example.document), _answer("stance", cells)]
        return self._ask(
            "stance",
            [*shown, self._document(self._own)],
            {"holders": holders, "targets": targets},
            holder=_one_of([key for key, _ in holders]),
            target=_one_of([key for key, _ in targets]),
            evidence=list[int],
            label=_one_of(STANCE_LABELS),
        )

    def claims(self, mentions: Sequence[Mention]) -> Request:
        """All claim spans of the document; ``mentions`` are those predicted in it, whose keys name the sources."""
        shown: list[Message] = []
        for example in self._examples:
            shown += [self._document(example.document), _answer("claims", _gold_claims(example))]
        wordings: dict[str, list[str]] = {}
        for mention in mentions:
            wordings.setdefault(str(mention.entity), []).append(self._own.text[mention.start : mention.end])
        speakers = [(key, _some(wordings[key])) for key in sorted(wordings)]
        shown.append(self._document(self._own))
        return self._ask("claims", shown, {"speakers": speakers}, sentence=int, quote=str, source=str)

    def verification(self, questions: Sequence[Question]) -> Request:
        """Verdicts on some of the claims."""
        labels = labels_of(questions)
        shown: list[Message] = []
        for example in self._examples:
            asked, verdicts = self._gold_verdicts(example)
            shown += [self._document(example.document, questions=asked), _answer("verification", verdicts)]
        shown.append(self._document(self._own, questions=[(label, q.text) for label, q in labels.items()]))
        return self._ask(
            "verification",
            shown,
            claim=_one_of(list(labels)),
            evidence=list[int],
            label=_one_of(VERIFICATION_LABELS),
        )

    def _ask(
        self, layer: str, shown: Sequence[Message], told: Mapping[str, object] | None = None, **fields: Any
    ) -> Request:
        request = _request(layer, [], fields)
        schema = json.dumps(request.schema, ensure_ascii=False) if self._in_words else ""
        system = _render(layer, answering=_render("answering", schema=schema), **(told or {}))
        messages = [{"role": "system", "content": system}, *shown]
        return Request(layer, request.key, request.item, request.schema, messages)

    def _document(
        self,
        document: Document,
        *,
        known: Sequence[Mapping[str, object]] = (),
        questions: Sequence[tuple[str, str]] = (),
    ) -> Message:
        content = _render(
            "document",
            event=self._context.event.title,
            event_date=document.event_date,
            published=document.published,
            language=document.language,
            sentences=[_line(document, span) for span in document.sentences],
            known=known,
            questions=questions,
        )
        return {"role": "user", "content": content}

    def _gold_verdicts(self, example: Example) -> tuple[list[tuple[str, str]], list[Item]]:
        """Some questions of each label with their gold, mixed, so that the order tells nothing."""
        texts = {question.claim: question.text for question in self._context.questions}
        draw = random.Random(f"{self._context.seed} {example.document.document_id}")
        chosen = []
        for label in VERIFICATION_LABELS:
            pairs = [p for p in example.gold.verification or [] if p.label == label and p.claim in texts]
            pairs.sort(key=lambda pair: pair.claim)
            chosen += draw.sample(pairs, min(SHOWN_PER_LABEL, len(pairs)))
        draw.shuffle(chosen)
        asked = [(f"q{number}", texts[pair.claim]) for number, pair in enumerate(chosen, 1)]
        verdicts = [
            {"claim": f"q{number}", "evidence": list(pair.evidence or []), "label": pair.label}
            for number, pair in enumerate(chosen, 1)
        ]
        return asked, verdicts


def _line(document: Document, span: Span) -> str:
    """A sentence as a prompt shows it: on one line, with plain spaces; all else verbatim."""
    return " ".join(document.text[span.start : span.end].split())


# Gold of other documents, as a model would have to answer


def _answer(layer: str, items: Sequence[Item]) -> Message:
    return {"role": "assistant", "content": json.dumps({ITEMS[layer]: items}, ensure_ascii=False)}


def _gold_mentions(example: Example) -> list[Item]:
    found: dict[tuple[int, str], Item] = {}
    for mention in sorted(example.gold.entities or [], key=lambda m: (m.start, -m.end)):
        quoted = _quoted(example.document, mention)
        labels = {"kind": mention.kind, "type": mention.type, "entity": mention.entity or "", "wikidata": mention.kb_id}
        found.setdefault((quoted["sentence"], quoted["quote"]), {**quoted, **labels})
    return list(found.values())


def _gold_claims(example: Example) -> list[Item]:
    spans = sorted(example.gold.claims or [], key=lambda span: (span.start, -span.end))
    return [{**_quoted(example.document, span), "source": span.source} for span in spans]


def _quoted(document: Document, span: Any) -> Item:
    sentence = max((n for n, each in enumerate(document.sentences) if each.start <= span.start), default=0)
    return {"sentence": sentence, "quote": _line(document, span)}


def _known(examples: Sequence[Example]) -> list[Item]:
    """Entities of these documents, by key: the most frequent type and id, and some wordings."""
    labels: dict[str, Counter[tuple[str, str]]] = {}
    wordings: dict[str, list[str]] = {}
    for example in examples:
        for mention in example.gold.entities or []:
            key = str(mention.entity)
            labels.setdefault(key, Counter())[mention.type, mention.kb_id or ""] += 1
            wordings.setdefault(key, []).append(example.document.text[mention.start : mention.end])
    found = []
    for key in sorted(labels):
        kind, wikidata = min(labels[key], key=lambda pair: (-labels[key][pair], pair))
        found.append({"key": key, "type": kind, "wikidata": wikidata, "wordings": _some(wordings[key])})
    return found


def _some(wordings: Sequence[str], most: int = 4) -> str:
    """The most frequent wordings, ties by the alphabet."""
    counts = Counter(" ".join(wording.split()) for wording in wordings)
    return "; ".join(sorted(counts, key=lambda wording: (-counts[wording], wording))[:most])


def _meaning(description: Mapping[str, str], language: str) -> str:
    return description.get(language) or next(iter(description.values()), "")
