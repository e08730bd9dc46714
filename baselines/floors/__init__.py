"""Floors and a diagnosis: no system should fall below them."""
