"""Models of transformers pipelines, from a folder or by name on the Hugging Face hub.

Models run on the CPU, on one thread, one text at a time: what they answer for a text does not depend on what else was
asked.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "MEANINGS",
    "Entailment",
    "ModelError",
    "Tagger",
    "fingerprint",
    "loading",
    "locate",
    "one_thread",
    "parse_mapping",
]

_Ours = TypeVar("_Ours", bound=str)
#: Longest input in tokens, whatever a model may take.
LONGEST = 512
#: What a natural language inference model may answer.
MEANINGS = ("entailment", "contradiction", "neutral")
#: A word or a single other character; what models were given as one word, a name of ours may have to split.
_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_MARK = re.compile(r"^([BIESLU])[-_](?=.)")


class ModelError(ValueError):
    """A model is missing or of the wrong kind, an option cannot be read, or the cache folder cannot be written to."""


@contextmanager
def loading(source: str, kind: str) -> Iterator[None]:
    """Load without progress bars and advice in the log, and turn any error into a one-line ModelError."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise ModelError(f"{source}: cannot be loaded as {kind}: {type(error).__name__}: {first}") from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: several add in another order, and the last bits would differ between machines."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def locate(source: str) -> tuple[str, str]:
    """The folder or hub name to load a model from, and its name in reports (of a folder the last part).

    Raises:
        ModelError: it looks like a path, but there is no such folder.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder), folder.resolve().name
    # Names on the hub have at most one slash and begin with a letter or digit.
    if source.count("/") > 1 or not source[:1].isalnum() or folder.exists():
        raise ModelError(f"{source}: no such model folder")
    return source, source


def fingerprint(source: str, load: Callable[[], Any]) -> str:
    """SHA-256 of a model: of the files of a folder; of the weights of a model that came by name."""
    digest = hashlib.sha256()
    folder = Path(source)
    if not folder.is_dir():
        for name, tensor in sorted(load().state_dict().items()):
            # As doubles, because numpy does not know every kind of number that torch knows.
            digest.update(name.encode() + tensor.cpu().double().numpy().tobytes())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        digest.update(file.relative_to(folder).as_posix().encode() + content)
    return digest.hexdigest()


def parse_mapping(option: str, text: str, allowed: Sequence[_Ours]) -> dict[str, _Ours]:
    """Parse an option like ``PERSON:PER,GPE:LOC``: the label of a model, in upper case, to ours."""
    known = {str(ours): ours for ours in allowed}
    found: dict[str, _Ours] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        theirs, _, ours = (part.strip() for part in pair.partition(":"))
        if not theirs or ours not in known:
            raise ModelError(
                f"option {option}: expected LABEL:OURS with OURS one of {', '.join(allowed)}, got {pair!r}"
            )
        found[theirs.upper()] = known[ours]
    return found


class _Model:
    """A pipeline; ``task``, ``head`` and ``kind`` say of which one. Raises ModelError if it cannot be used."""

    task: str
    head: str
    kind: str

    def __init__(self, source: str, **how: Any) -> None:
        import torch
        import transformers

        source, self.name = locate(source)
        with loading(source, self.kind):
            config = transformers.AutoConfig.from_pretrained(source)
            made = list(config.architectures or [])
            # A model of another kind would be loaded all the same, with outputs that nobody has trained.
            if not any(name.endswith(self.head) for name in made):
                raise ModelError(f"{source}: is {', '.join(made) or 'of no known architecture'}, not {self.kind}")
            # Words are given one by one, as in training; byte-level tokenizers then need the space before each.
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, add_prefix_space=True)
            if not tokenizer.is_fast or len(tokenizer) <= len(tokenizer.all_special_ids):
                raise ModelError(f"{source}: has no fast tokenizer (tokenizer.json)")
            # Two positions less than there are: some models, as RoBERTa, do not use the first two.
            positions = config.to_dict().get("max_position_embeddings") or LONGEST + 2
            tokenizer.model_max_length = int(min(LONGEST, tokenizer.model_max_length, positions - 2))
            self.pipeline = transformers.pipeline(
                self.task,
                model=source,
                config=config,
                tokenizer=tokenizer,
                device="cpu",
                dtype=torch.float32,
                **how,
            )
        self.labels: list[str] = [str(config.id2label[index]) for index in range(config.num_labels)]
        self.fingerprint = fingerprint(source, lambda: self.pipeline.model)


class Tagger(_Model):
    """A token classification model as a finder of spans.

    A word takes the label of its first token, as in training (Devlin et al. 2019, 5.3). Labels may be marked as BIO,
    BIOES or BILOU, or not at all. A text that is too long is read in windows that overlap.

    Args:
        source: folder or name.
    """

    task, head, kind = "token-classification", "ForTokenClassification", "a token classification model"

    def __init__(self, source: str) -> None:
        super().__init__(source, aggregation_strategy="first")
        # The pipeline knows B and I, and takes a label without mark for I.
        marks = {"E": "I-", "L": "I-", "S": "B-", "U": "B-", "B": "B-", "I": "I-"}
        marked = [_MARK.sub(lambda mark: marks[mark[1]], label) for label in self.labels]
        self.pipeline.model.config.id2label = dict(enumerate(marked))
        #: The labels without their marks, and without "outside".
        self.types = tuple(sorted({_MARK.sub("", label) for label in marked} - {"O"}))

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, label) of each span of a text, in order; labels as the model names them, without marks."""
        words = list(_WORD.finditer(text))
        if not words:
            return []
        with one_thread(), warnings.catch_warnings():
            # The warning that byte-level tokenizers do not know words does not apply: the words are given.
            warnings.simplefilter("ignore", UserWarning)
            overlap = self.pipeline.tokenizer.model_max_length // 4
            (found,) = self.pipeline([word[0] for word in words], is_split_into_words=True, stride=overlap)
        # The offsets are those of the words joined by spaces.
        starts = list(accumulate((len(word[0]) + 1 for word in words), initial=0))
        spans = []
        # A byte-level token that is nothing but the space before a word may be an entity of no length.
        for entity in (each for each in found if each["start"] < each["end"]):
            first, last = (bisect_right(starts, offset) - 1 for offset in (entity["start"], entity["end"] - 1))
            spans.append((words[first].start(), words[last].end(), str(entity["entity_group"])))
        return spans


class Entailment(_Model):
    """A natural language inference model (Bowman et al. 2015).

    Args:
        source: folder or name.
        given: label of the model, in upper case -> one of ``MEANINGS``; for other labels their names decide.
    """

    task, head, kind = "text-classification", "ForSequenceClassification", "a natural language inference model"

    def __init__(self, source: str, given: Mapping[str, str]) -> None:
        super().__init__(source, top_k=None)
        if unknown := sorted(set(given) - {label.upper() for label in self.labels}):
            raise ModelError(f"option nli_labels: {source} has no label {unknown[0]}; it has {', '.join(self.labels)}")
        meant = {label: given.get(label.upper()) or _meaning(label) for label in self.labels}
        if len(self.labels) != len(MEANINGS):
            raise ModelError(f"{source}: expected labels {', '.join(MEANINGS)}, got {', '.join(self.labels)}")
        if sorted(filter(None, meant.values())) != sorted(MEANINGS):
            example = ",".join(f"{label}:{meaning}" for label, meaning in zip(self.labels, MEANINGS, strict=True))
            raise ModelError(
                f"{source}: cannot tell which of its labels {', '.join(self.labels)} means entailment, contradiction "
                f"or neutral; map them in the right order with --option nli_labels={example}"
            )
        self._meant = meant

    def judge(self, premise: str, hypothesis: str) -> Mapping[str, float]:
        """Probability of each of ``MEANINGS``; what is too long is cut at its end."""
        with one_thread():
            found = self.pipeline({"text": premise, "text_pair": hypothesis}, truncation=True)
        return {str(self._meant[each["label"]]): float(each["score"]) for each in found}


def _meaning(label: str) -> str | None:
    """The meaning in a label's name; None for "not_entailment" and for names without one."""
    stems = {"entail": "entailment", "contradict": "contradiction", "neutral": "neutral"}
    return next((meaning for stem, meaning in stems.items() if label.lower().startswith(stem)), None)
