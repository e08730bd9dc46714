"""One-to-one matching of spans in many documents at once."""

from retold.measures.assignment import best_assignment as best_pairs
from retold.measures.overlap import overlaps

__all__ = ["best_pairs", "overlaps"]
