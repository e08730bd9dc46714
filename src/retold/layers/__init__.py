"""Layers of annotation: what each records, matches and counts."""
