"""Prompts of the language-model systems, and the types of their answers.

The texts are the Jinja templates in ``prompts/``; the number in a file name is the version. Models give quotes and
numbers of sentences, never offsets.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import jinja2
import pydantic

from retold.model.annotations import ClaimSpan, Document, Mention, Span
from retold.systems import Context, Example, Question

from ._endpoint import Request

__all__ = ["ITEMS", "VERSION", "Item", "Prompter", "labels_of", "repair", "version"]

Item = dict[str, Any]
#: What is told with a document, and the answer if it is an example.
_Shown = tuple[Mapping[str, object], list[Item]]
_Value = TypeVar("_Value", str, tuple[str, str])

VERSION: Final = "1"
FOLDER: Final = Path(__file__).parent / "prompts"
#: Layer -> the key of its list in an answer.
ITEMS: Final = {"entities": "mentions", "stance": "pairs", "claims": "claims", "verification": "verdicts"}
#: The labels that the prompts explain.
ENTITY_TYPES: Final = ("PER", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT")
MENTION_KINDS: Final = ("name", "nominal")
STANCE_LABELS: Final = ("favor", "against", "none")
VERIFICATION_LABELS: Final = ("supported", "refuted", "not_enough_info")
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


class _Strict(pydantic.BaseModel):
    """Strict modes of endpoints want a schema without further keys; whoever answers with some is understood."""

    model_config = pydantic.ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": False})


def _model(name: str, fields: Mapping[str, Any]) -> type[pydantic.BaseModel]:
    given: dict[str, Any] = {field: (kind, ...) for field, kind in fields.items()}
    return pydantic.create_model(name, __base__=_Strict, **given)


def _one_of(labels: Iterable[str]) -> Any:
    return Literal[tuple(labels)]


def labels_of(questions: Sequence[Question]) -> dict[str, Question]:
    """Questions by the short labels under which a request has them."""
    return {f"q{number}": question for number, question in enumerate(questions, 1)}


def repair(request: Request, answer: str, faults: Sequence[str], remark: str = "") -> Request:
    """The same request again, with the unusable answer and what is wrong with it."""
    again = _render("repair", faults=faults, remark=remark)
    # Some endpoints refuse a message without content.
    turn = [{"role": "assistant", "content": answer or "(no answer)"}, {"role": "user", "content": again}]
    return replace(request, messages=[*request.messages, *turn])


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

        def shown(example: Example | None) -> _Shown:
            # What its own gold says is not told beforehand, as it is not for the document to predict.
            others = [other for other in self._context.training if other is not example]
            return {"known": _known(others)}, _gold_mentions(example) if example else []

        labels = {"kind": _one_of(MENTION_KINDS), "type": _one_of(ENTITY_TYPES)}
        fields = {"sentence": int, "quote": str, **labels, "entity": str, "wikidata": str | None}
        return self._request("entities", fields, shown)

    def stance(self) -> Request:
        """All cells of the document that are for or against."""
        event, language = self._context.event, self._own.language
        holders = {holder.holder: _meaning(holder.description, language) for holder in event.holders}
        targets = {target.target: _meaning(target.description, language) for target in event.targets}
        parties = {"holder": _one_of(holders), "target": _one_of(targets)}
        fields = {**parties, "evidence": list[int], "label": _one_of(STANCE_LABELS)}
        return self._request(
            "stance",
            fields,
            lambda example: ({}, _gold_cells(example) if example else []),
            holders=holders.items(),
            targets=targets.items(),
        )

    def claims(self, mentions: Sequence[Mention]) -> Request:
        """All claim spans of the document; ``mentions`` are those predicted in it, whose keys name the sources."""
        speakers: dict[str, list[str]] = {}
        for mention in sorted(mentions, key=lambda mention: str(mention.entity)):
            speakers.setdefault(str(mention.entity), []).append(_line(self._own, mention))
        return self._request(
            "claims",
            {"sentence": int, "quote": str, "source": str},
            lambda example: ({}, _gold_claims(example) if example else []),
            speakers=[(key, "; ".join(_frequent(wordings)[:4])) for key, wordings in speakers.items()],
        )

    def verification(self, questions: Sequence[Question]) -> Request:
        """Verdicts on some of the claims."""
        labels = labels_of(questions)
        own = [(label, question.text) for label, question in labels.items()]
        fields = {"claim": _one_of(labels), "evidence": list[int], "label": _one_of(VERIFICATION_LABELS)}
        return self._request(
            "verification",
            fields,
            lambda example: self._gold_verdicts(example) if example else ({"questions": own}, []),
        )

    def _request(
        self, layer: str, fields: Mapping[str, Any], shown: Callable[[Example | None], _Shown], **told: object
    ) -> Request:
        """Args: ``shown`` gives what is told with an example and its answer, or (None) with the document itself."""
        key = ITEMS[layer]
        item = _model("item", fields)
        schema = _model("answer", {key: list[item]}).model_json_schema()  # type: ignore[valid-type]
        in_words = json.dumps(schema, ensure_ascii=False) if self._in_words else ""
        system = _render(layer, answering=_render("answering", schema=in_words), **told)
        messages = [{"role": "system", "content": system}]
        for example in self._examples:
            beside, items = shown(example)
            answer = json.dumps({key: items}, ensure_ascii=False)
            messages.append({"role": "user", "content": self._document(example.document, beside)})
            messages.append({"role": "assistant", "content": answer})
        messages.append({"role": "user", "content": self._document(self._own, shown(None)[0])})
        return Request(layer, key, item, schema, messages)

    def _document(self, document: Document, beside: Mapping[str, object]) -> str:
        told = {"known": (), "questions": (), **beside, "event": self._context.event, "document": document}
        return _render("document", sentences=[_line(document, span) for span in document.sentences], **told)

    def _gold_verdicts(self, example: Example) -> _Shown:
        """Some questions of each label with their gold, mixed, so that the order tells nothing."""
        texts = {question.claim: question.text for question in self._context.questions}
        draw = random.Random(f"{self._context.seed} {example.document.document_id}")
        chosen = []
        for label in VERIFICATION_LABELS:
            pairs = [p for p in example.gold.verification or [] if p.label == label and p.claim in texts]
            pairs.sort(key=lambda pair: pair.claim)
            chosen += draw.sample(pairs, min(SHOWN_PER_LABEL, len(pairs)))
        draw.shuffle(chosen)
        numbered = [(f"q{number}", pair) for number, pair in enumerate(chosen, 1)]
        return {"questions": [(label, texts[pair.claim]) for label, pair in numbered]}, [
            {"claim": label, "evidence": list(pair.evidence or []), "label": pair.label} for label, pair in numbered
        ]


# Gold of other documents, as a model would have to answer


def _gold_mentions(example: Example) -> list[Item]:
    found: dict[tuple[int, str], Item] = {}
    for mention in sorted(example.gold.entities or [], key=lambda m: (m.start, -m.end)):
        quoted = _quoted(example.document, mention)
        labels = {"kind": mention.kind, "type": mention.type, "entity": mention.entity or "", "wikidata": mention.kb_id}
        found.setdefault((quoted["sentence"], quoted["quote"]), {**quoted, **labels})
    return list(found.values())


def _gold_cells(example: Example) -> list[Item]:
    return [
        {"holder": cell.holder, "target": cell.target, "evidence": list(cell.evidence or []), "label": cell.label}
        for cell in example.gold.stance or []
        if cell.label != "none"
    ]


def _gold_claims(example: Example) -> list[Item]:
    spans = sorted(example.gold.claims or [], key=lambda span: (span.start, -span.end))
    return [{**_quoted(example.document, span), "source": span.source} for span in spans]


def _quoted(document: Document, span: Mention | ClaimSpan) -> Item:
    sentence = max((n for n, each in enumerate(document.sentences) if each.start <= span.start), default=0)
    return {"sentence": sentence, "quote": _line(document, span)}


def _line(document: Document, span: Span | Mention | ClaimSpan) -> str:
    """A stretch of a document as a prompt shows it: on one line, with plain spaces; all else verbatim."""
    return " ".join(document.text[span.start : span.end].split())


def _known(examples: Sequence[Example]) -> list[Item]:
    """Entities of these documents, by key: the most frequent type and id, and some wordings."""
    mentions: dict[str, list[tuple[Mention, str]]] = {}
    for example in examples:
        for mention in example.gold.entities or []:
            mentions.setdefault(str(mention.entity), []).append((mention, _line(example.document, mention)))
    found = []
    for key, own in sorted(mentions.items()):
        kind, wikidata = _frequent([(mention.type, mention.kb_id or "") for mention, _ in own])[0]
        wordings = "; ".join(_frequent([line for _, line in own])[:4])
        found.append({"key": key, "type": kind, "wikidata": wikidata, "wordings": wordings})
    return found


def _frequent(values: Iterable[_Value]) -> list[_Value]:
    """The values from the most to the least frequent, ties by the alphabet."""
    counts = Counter(values)
    return sorted(counts, key=lambda value: (-counts[value], value))


def _meaning(description: Mapping[str, str], language: str) -> str:
    return description.get(language) or next(iter(description.values()), "")
