"""Convert a live webhook, label or field of a number to the value that declares it in a given place; pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.accept.request import CannotAccept
from reconciler.config.desired.roundtrip import (
    can_declare_webhook,
    hook_fields,
    is_label,
    written_field,
)
from reconciler.config.formats import spellings
from reconciler.config.source.nodes import Map, Node
from reconciler.config.source.write import Flow
from reconciler.model.route import Value, Webhook
from reconciler.planning.checks.secrecy import has_credentials

MOST_CHARACTERS = 4_096
"""The longest live value that is written into a file."""


def escape(text: str) -> str:
    """Return a text as a file has it: a live `${` must not become a variable."""
    return text.replace("${", "$${")


def declare_text(text: str) -> str:
    """Return a live text as a file has it. Raises CannotAccept for credentials, which do not belong
    in a file, and for a text that no form of Twilio's accepts.
    """
    if len(text) > MOST_CHARACTERS:
        raise CannotAccept(
            f"A live value has {len(text):,} characters; at most {MOST_CHARACTERS:,} are written "
            "into a file. Change it on Twilio."
        )
    if has_credentials(text):
        raise CannotAccept(
            "The live URL holds credentials, which do not belong in the files. Change it on Twilio, "
            "or declare it by hand."
        )
    return escape(text)


def declare_hook(part: str, value: Value, present: Node) -> Flow:
    """Return the value that declares a webhook where `present` is declared now.

    Raises CannotAccept.
    """
    if not isinstance(value, Webhook) or not can_declare_webhook(value, status=part == "status"):
        raise CannotAccept(
            f"The live {part} cannot be declared as a webhook. Change it on Twilio, or leave "
            f"{part} out of `manage`."
        )

    fields: dict[str, Flow] = {
        name: declare_text(text) for name, text in hook_fields(value).items()
    }
    if not isinstance(present, Map):
        return fields["url"] if fields.keys() == {"url"} else fields

    # A method that is written out although it is the default stays.
    if _key(present, "method") in present:
        fields["method"] = value.method
    if _key(present, "fallback_method") in present and value.fallback_url:
        fields["fallback_method"] = value.fallback_method
    return {_key(present, name): text for name, text in fields.items()}


def declare_label(value: Value) -> Flow:
    """Return the value that declares a friendly name. Raises CannotAccept."""
    if not isinstance(value, str) or not is_label(value):
        raise CannotAccept("The live friendly name cannot be declared. Rename it on Twilio.")
    return declare_text(value)


def declare_field(name: str, value: Value) -> Flow:
    """Return the value that declares a field of a number. Raises CannotAccept."""
    written = written_field(name, value)
    if written is None:
        raise CannotAccept(f"The live {name} cannot be declared. Change it on Twilio.")
    return written


def _key(present: Mapping[str, object], name: str) -> str:
    """Return the spelling of a field's name in a mapping; ours where it is not there."""
    return next((each for each in spellings(name) if each in present), name)


def key_in(present: Node, name: str) -> str:
    """Return the spelling of a field's name in what is declared; ours where it is not there."""
    return _key(present, name) if isinstance(present, Map) else name


def value_in(present: Node, name: str) -> Node:
    """Return the declared value of a field, whatever its spelling; None where it is not there."""
    return present.get(_key(present, name)) if isinstance(present, Map) else None
