"""A language model asked through its API."""
