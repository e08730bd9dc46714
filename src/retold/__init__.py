"""Retold: a benchmark of how one news event is told by several outlets."""

__version__ = "0.1.0"
