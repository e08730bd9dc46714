"""``python -m retold`` is the ``retold`` command."""

from retold.cli.main import main

main()
