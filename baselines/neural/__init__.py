"""Systems that need a neural model."""
