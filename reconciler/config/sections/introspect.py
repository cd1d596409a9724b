"""Return the pydantic model of the mapping at a path of keys in the configuration; None where there
is no model.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from reconciler.config.formats import spellings
from reconciler.config.source.nodes import Loc


def model_at(annotation: Any, loc: Loc) -> type[BaseModel] | None:
    """Return the model of the mapping at `loc`; None when no model describes it."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return model_at(args[0], loc)
    if origin in (Union, types.UnionType):
        return _member_at(args, loc)
    if origin in (dict, list):
        return model_at(args[-1], loc[1:])

    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return None
    if not loc:
        return annotation
    for name, field in annotation.model_fields.items():
        if loc[0] in spellings(name):
            return model_at(field.annotation, loc[1:])
    return None


def _member_at(members: tuple[Any, ...], loc: Loc) -> type[BaseModel] | None:
    for member in members:
        tag = member.model_fields.get("type") if hasattr(member, "model_fields") else None
        if tag is not None and loc and loc[0] in get_args(tag.annotation):
            return model_at(member, loc[1:])
    return next(filter(None, (model_at(member, loc) for member in members)), None)
