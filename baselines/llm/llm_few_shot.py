"""A language model behind an OpenAI-compatible endpoint, few-shot.

As `llm`, with whole training documents and their gold as earlier turns of the conversation (Brown et al. 2020), and the
entities of the training documents with their keys and ids.
"""

from __future__ import annotations

from ._endpoint import FEW_SHOT_OPTIONS as OPTIONS
from .llm import predict, report

__all__ = ["OPTIONS", "predict", "report"]

NAME = "llm_few_shot"
DESCRIPTION = (
    "A language model behind an OpenAI-compatible endpoint, few-shot: as llm, with other documents and their gold as "
    "examples and the entities of the other documents."
)
PROTOCOL = "leave-one-document-out"
EXTRA = "llm"
