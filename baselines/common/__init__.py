"""What the systems share: text, defaults, names, clauses, retrieval."""
