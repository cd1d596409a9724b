"""Build the pydantic models of `platforms`, one for each type of voice-AI platform that imports
numbers itself.

The models are built from the descriptions in `reconciler.kinds.platforms`.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, create_model

from reconciler.config.sections.fields import (
    SecretReference,
    Section,
    Text,
    Url,
    mandatory_field,
    optional_field,
)
from reconciler.kinds.platforms.kind import Form, PlatformField, PlatformKind
from reconciler.kinds.platforms.recipes import RECIPES, Recipe
from reconciler.kinds.platforms.table import PLATFORM_KINDS

_TYPES: dict[Form, Any] = {
    "secret": SecretReference,
    "text": Text,
    "url": Url,
    "connections": dict[str, Text],
    "credential": Text,
}


def field_of(field: PlatformField) -> tuple[Any, Any]:
    """Return type and default of a field, as pydantic's `create_model` takes them."""
    example: object = field.example
    type_: Any = Literal[field.choices] if field.form == "choice" else _TYPES[field.form]
    if field.form == "secret":
        example = {"env": field.example}
    elif field.form == "connections":
        return _TYPES[field.form], optional_field(
            field.description, {"main": field.example}, default={}
        )

    if field.is_required:
        return type_, mandatory_field(field.description, example)
    return type_, optional_field(field.description, example, default=field.default)


def _model_of(kind: PlatformKind) -> type[Section]:
    """Return the model of the entries of one type of platform."""
    fields: dict[str, Any] = {
        "type": (Literal[kind.type], mandatory_field("Which platform it is.", kind.type))
    }
    for field in kind.settings:
        fields[field.name] = field_of(field)
    return create_model(
        kind.model_name, __base__=Section, __doc__=kind.summary, __module__=__name__, **fields
    )


def _recipe_model(recipe: Recipe) -> type[Section]:
    """Return the model of the entries of one recipe, which has no settings."""
    type_ = (Literal[recipe.type], mandatory_field("Which platform it is.", recipe.type))
    fields: dict[str, Any] = {"type": type_}
    doc = f"{recipe.title}, a recipe without calls."
    return create_model(
        recipe.model_name, __base__=Section, __doc__=doc, __module__=__name__, **fields
    )


MODELS: dict[str, type[Section]] = {
    **{kind.type: _model_of(kind) for kind in PLATFORM_KINDS.values()},
    **{recipe.type: _recipe_model(recipe) for recipe in RECIPES.values()},
}

if TYPE_CHECKING:

    class AnyPlatform(Section):
        """The fields that every platform has; other settings are read by their names."""

        type: str
        base_url: str

    Platform = AnyPlatform
else:
    # The members of the union are known only at run time.
    AnyPlatform = Union[tuple(MODELS.values())]  # noqa: UP007
    Platform = Annotated[AnyPlatform, Field(discriminator="type")]
