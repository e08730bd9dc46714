"""Types of items with the labels that a corpus allows, made from the plain ones of ``retold.model.annotations``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from retold.model.documentation import docstring

__all__ = ["labelled", "made"]


def labelled(
    base: type[Struct],
    labels: Mapping[str, Sequence[str]],
    more: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
) -> type[Struct]:
    """A subtype of an item whose fields ``labels`` take these labels only.

    A field with a default takes the first label as its default. ``more`` replaces the types of further fields. A type
    ``without`` some of the fields is no subtype of ``base``.
    """
    fields: list[Any] = []
    for field in msgspec.structs.fields(base):
        if field.name in labels:
            allowed = tuple(labels[field.name])
            meta: Meta = get_args(field.type)[1]
            examples = [example for example in meta.examples or () if example in allowed] or [allowed[0]]
            kind = Annotated[Literal[allowed], Meta(description=meta.description, examples=examples)]  # type: ignore[valid-type]
            fields.append((field.name, kind) if field.required else (field.name, kind, allowed[0]))
        elif more and field.name in more:
            fields.append((field.name, *more[field.name]))
        elif without and field.name not in without:
            fields.append((field.name, field.type) if field.required else (field.name, field.type, field.default))
    found: type[Struct] = made(base.__name__, fields, docstring(base), Struct if without else base, gc=False)
    return found


def made(name: str, fields: Sequence[Any], documentation: str | None, base: type[Struct] = Struct, **more: Any) -> Any:
    """A frozen type that refuses unknown keys."""
    return msgspec.defstruct(
        name,
        fields,
        bases=(base,),
        namespace={"__doc__": documentation},
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
        **more,
    )
