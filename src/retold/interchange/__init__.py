"""Interchange: annotation formats of other tools to records and back. One module for each format."""
