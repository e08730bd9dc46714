"""Intervals, tests and corrections for many tests."""
