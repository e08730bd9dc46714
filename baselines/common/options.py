"""Options of the systems, as a user gives them."""

from __future__ import annotations

from retold.systems import Context

__all__ = ["OptionFault", "yes_or_no"]


class OptionFault(ValueError):
    """An option has no such value. Told to the user."""


def yes_or_no(context: Context, name: str, default: str) -> bool:
    """An option that says yes or no.

    Args:
        context: has the options; one that it lacks has the default.
        name: of the option.
        default: 'yes' or 'no'.

    Raises:
        OptionFault: it says neither.
    """
    said = context.options.get(name, default)
    if said not in ("yes", "no"):
        raise OptionFault(f"option {name} is {said!r}, it must be 'yes' or 'no'")
    return said == "yes"
