"""The ``retold`` command."""
