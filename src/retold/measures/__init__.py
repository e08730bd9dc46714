"""Measures: pure functions from sums of counts to numbers."""
