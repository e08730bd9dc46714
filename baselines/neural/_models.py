"""Transformer models for tagging words and for inference between two texts, from a folder or by name.

Models run on the CPU, on one thread, one text at a time: what they answer for a text does not depend on what else was
asked. Whatever is wrong with a model is told in one line.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

__all__ = [
    "Entailment",
    "SetupFault",
    "Tagger",
    "Verdict",
    "called",
    "digest_of_files",
    "digest_of_weights",
    "model_errors",
    "name_folder",
    "one_thread",
    "parse_mapping",
    "quiet",
    "require",
]

_Ours = TypeVar("_Ours", bound=str)
#: Longest input in tokens, whatever a model may take.
LONGEST = 512


class SetupFault(ValueError):
    """An option, a model, or a package that it needs, is missing or of the wrong kind."""


def require(package: str, extra: str) -> ModuleType:
    """Import a package of an extra.

    Raises:
        SetupFault: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise SetupFault(f"{error}; install what it needs: pip install 'retold[{extra}]'") from error


@contextmanager
def model_errors(source: str, kind: str) -> Iterator[None]:
    """Tell in one line what was wrong with a model, whatever its library raised."""
    try:
        yield
    except SetupFault:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise SetupFault(f"{source}: cannot be loaded as {kind}: {type(error).__name__}: {first}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Load without the progress bars of transformers, which would also be drawn into a log."""
    logging = require("transformers", "transformers").utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: several add in another order, and the last bits would differ between machines."""
    torch = require("torch", "transformers")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def name_folder(source: str) -> str:
    """A model's source with ``~`` resolved, if it is a folder; a name on the hub as it is.

    Raises:
        SetupFault: it is written like a path, but there is no such folder.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder)
    # Names on the hub have at most one slash and begin with a letter or digit.
    if source.count("/") > 1 or not source[:1].isalnum() or folder.exists():
        raise SetupFault(f"{source}: no such folder of a model")
    return source


def called(source: str) -> str:
    """What a model is called in a report: a folder by its last part, which tells nothing of the machine."""
    folder = Path(source).expanduser()
    return folder.resolve().name if folder.is_dir() else source


def digest_of_files(folder: Path) -> str:
    """SHA-256 of the names and contents of all files of a folder."""
    digest = sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        # Mapped, because weights may be larger than what there is of memory; an empty file cannot be.
        if file.stat().st_size:
            content: Any = np.memmap(file, np.uint8, "r")
            digest.update(content)
    return digest.hexdigest()


def digest_of_weights(model: Any) -> str:
    """SHA-256 of the modules and weights of a model that came by name."""
    digest = sha256(str(model).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        # As doubles, because numpy does not know every kind of number that torch knows.
        digest.update(tensor.cpu().double().numpy().tobytes())
    return digest.hexdigest()


def parse_mapping(option: str, text: str, allowed: Sequence[_Ours]) -> dict[str, _Ours]:
    """Read an option like ``PERSON:PER,GPE:LOC``: the label of a model, in upper case, to ours.

    Raises:
        SetupFault: it is written otherwise, or maps to what is not allowed.
    """
    known: dict[str, _Ours] = {str(ours): ours for ours in allowed}
    found: dict[str, _Ours] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        theirs, _, ours = (part.strip() for part in pair.partition(":"))
        if not theirs or ours not in known:
            raise SetupFault(
                f"option {option}: {pair!r} is not of the form LABEL:OURS, where OURS is one of {', '.join(allowed)}"
            )
        found[theirs.upper()] = known[ours]
    return found


@dataclass(frozen=True)
class _Model:
    """A model in memory.

    Attributes:
        tokenizer: a fast tokenizer, which knows the offsets of its tokens.
        model: the network, in float32, ready to predict.
        labels: names of the outputs, in their order.
        longest: how many tokens it takes.
        name: what it is called in a report.
        fingerprint: digest of its files, or of its weights if it came by name.
    """

    tokenizer: Any
    model: Any
    labels: tuple[str, ...]
    longest: int
    name: str
    fingerprint: str


def _load(source: str, head: str, kind: str) -> _Model:
    """Load a model whose architecture ends in ``head``, with a fast tokenizer."""
    transformers = require("transformers", "transformers")
    require("torch", "transformers")
    source = name_folder(source)
    with quiet(), model_errors(source, kind):
        config = transformers.AutoConfig.from_pretrained(source)
        made = list(config.architectures or [])
        # A model of another kind would be loaded all the same, with outputs that nobody has trained.
        if not any(name.endswith(head) for name in made):
            raise SetupFault(f"{source}: is {', '.join(made) or 'of no known architecture'}, not {kind} (*{head})")
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        if not tokenizer.is_fast or len(tokenizer) <= len(tokenizer.all_special_ids):
            raise SetupFault(f"{source}: has no fast tokenizer (tokenizer.json), which is needed for offsets")
        model = getattr(transformers, f"AutoModel{head}").from_pretrained(source).float().eval()
    # Two positions less than there are: some models, as RoBERTa, do not use the first two.
    positions = config.to_dict().get("max_position_embeddings") or LONGEST + 2
    return _Model(
        tokenizer=tokenizer,
        model=model,
        labels=tuple(str(config.id2label[place]) for place in range(config.num_labels)),
        longest=int(min(LONGEST, tokenizer.model_max_length, positions - 2)),
        name=called(source),
        fingerprint=digest_of_files(Path(source)) if Path(source).is_dir() else digest_of_weights(model),
    )


# Tagging

#: A word or a single other character; what models were given as one word, a name of ours may have to split.
_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_PREFIX = re.compile(r"^([BIESLU])[-_](?=.)")


class Tagger:
    """A token classification model as a finder of spans.

    A word takes the label of its first token, as in training (Devlin et al. 2019, 5.3). Labels may be marked as BIO,
    BIOES or BILOU, or not at all. A text that is too long is read in windows that overlap; a word is judged in the
    window where it stands farthest from an edge.

    Raises:
        SetupFault: the model cannot be used.
    """

    def __init__(self, source: str) -> None:
        self._loaded = _load(source, "ForTokenClassification", "a token classification model")
        self.name, self.fingerprint = self._loaded.name, self._loaded.fingerprint
        #: The labels without their marks, and without "outside".
        self.types = tuple(sorted({_split(label)[1] for label in self._loaded.labels} - {"O"}))

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, label) of each span of a text, in order; labels as the model names them, without marks."""
        found: list[tuple[int, int, str]] = []
        going = False
        for start, end, name in self._words(text):
            mark, kind = _split(name)
            if kind == "O":
                going = False
                continue
            if going and mark not in ("B", "S", "U") and found[-1][2] == kind:
                found[-1] = (found[-1][0], end, kind)
            else:
                found.append((start, end, kind))
            going = mark not in ("E", "S", "L", "U")
        return found

    def _words(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Each word that the model has an answer for, with its label."""
        torch = require("torch", "transformers")
        loaded = self._loaded
        room = loaded.longest - loaded.tokenizer.num_special_tokens_to_add()
        windows = loaded.tokenizer(
            text,
            truncation=True,
            max_length=loaded.longest,
            stride=room // 4,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        answers: dict[int, tuple[int, str]] = {}
        for place, ids in enumerate(windows["input_ids"]):
            with one_thread(), torch.inference_mode():
                best = loaded.model(input_ids=torch.tensor([ids])).logits[0].argmax(dim=-1).tolist()
            offsets = windows["offset_mapping"][place]
            for index, ((start, end), label) in enumerate(zip(offsets, best, strict=True)):
                # Some tokenizers count the space before a word as part of it.
                while start < end and text[start].isspace():
                    start += 1
                depth = min(index, len(ids) - 1 - index)
                if start < end and depth > answers.get(start, (-1, ""))[0]:
                    answers[start] = (depth, loaded.labels[label])
        for word in _WORD.finditer(text):
            if word.start() in answers:
                yield word.start(), word.end(), answers[word.start()][1]


def _split(label: str) -> tuple[str, str]:
    """Mark and type of a label: B-PER -> B, PER. A label without mark has none."""
    match = _PREFIX.match(label)
    return (match[1], label[match.end() :]) if match else ("", label)


# Inference


@dataclass(frozen=True)
class Verdict:
    """Probabilities that one text entails another, contradicts it, or neither."""

    entailment: float
    contradiction: float
    neutral: float


class Entailment:
    """A natural language inference model (Bowman et al. 2015).

    Args:
        source: folder or name.
        mapping: label of the model, in upper case -> entailment, contradiction, neutral; what it lacks is told by the
            names of the labels.

    Raises:
        SetupFault: the model cannot be used, or its labels are not understood.
    """

    MEANINGS = ("entailment", "contradiction", "neutral")

    def __init__(self, source: str, mapping: Mapping[str, str]) -> None:
        self._loaded = _load(source, "ForSequenceClassification", "a natural language inference model")
        self.name, self.fingerprint = self._loaded.name, self._loaded.fingerprint
        labels = self._loaded.labels
        if unknown := sorted(set(mapping) - {label.upper() for label in labels}):
            raise SetupFault(f"option nli_labels: {source} has no label {unknown[0]}; it has {', '.join(labels)}")
        meant = [mapping.get(label.upper()) or _meaning(label) for label in labels]
        if len(labels) != len(self.MEANINGS):
            raise SetupFault(f"{source}: has the labels {', '.join(labels)}; needed are {', '.join(self.MEANINGS)}")
        if sorted(filter(None, meant)) != sorted(self.MEANINGS):
            example = ",".join(f"{label}:{meaning}" for label, meaning in zip(labels, self.MEANINGS, strict=True))
            raise SetupFault(
                f"{source}: its labels {', '.join(labels)} do not say which are entailment, contradiction and neutral; "
                f"say it, in the right order, with --option nli_labels={example}"
            )
        self._places = [meant.index(meaning) for meaning in self.MEANINGS]

    def judge(self, premise: str, hypothesis: str) -> Verdict:
        """What the premise says of the hypothesis; what is too long is cut at its end."""
        torch = require("torch", "transformers")
        loaded = self._loaded
        given = loaded.tokenizer(premise, hypothesis, truncation=True, max_length=loaded.longest, return_tensors="pt")
        with one_thread(), torch.inference_mode():
            shares = loaded.model(**given).logits[0].softmax(dim=-1).tolist()
        return Verdict(*(float(shares[place]) for place in self._places))


def _meaning(label: str) -> str | None:
    """What a label means by its name; None for "not_entailment" and for names that say nothing."""
    name = label.lower()
    for stem, meaning in (("entail", "entailment"), ("contradict", "contradiction"), ("neutral", "neutral")):
        if name.startswith(stem):
            return meaning
    return None
