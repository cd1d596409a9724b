"""Convert the way of outgoing calls through a trunk between the attributes of a registration and the
`outbound_trunk_config` of ElevenLabs; sends nothing.

https://elevenlabs.io/docs/eleven-agents/phone-numbers/sip-trunking. Its answers show no password,
only whether there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.platforms.kind import TERMINATION_URI
from reconciler.model.route import Attrs, Value
from reconciler.remote.platforms.parsing import object_in, text_in

ATTRIBUTES = frozenset({TERMINATION_URI, "transport", "media_encryption", "username", "password"})
"""The attributes of a registration that make up the configuration."""
_OTHER_FIELDS = ("headers", "attributes_to_headers", "enabled_codecs")
"""Fields of the configuration that are not managed."""


def to_config(attrs: Attrs, secrets: Mapping[str, str], row: Any) -> dict[str, object]:
    """Return the whole configuration, with the unmanaged fields of the present one in `row`."""
    present = object_in(row, "outbound_trunk")
    config: dict[str, object] = {}
    for name in _OTHER_FIELDS:
        if present.get(name):
            config[name] = present[name]

    config["address"] = attrs.get(TERMINATION_URI)
    config["transport"] = str(attrs.get("transport") or "AUTO").lower()
    config["media_encryption"] = attrs.get("media_encryption") or "allowed"
    if attrs.get("username") is not None:
        credentials = {"username": attrs["username"]}
        if "password" in secrets:
            credentials["password"] = secrets["password"]
        config["credentials"] = credentials
    return config


def to_attrs(row: Mapping[str, Any]) -> dict[str, Value]:
    """Return the attributes that the list shows of a number on a trunk."""
    config = object_in(row, "outbound_trunk") or object_in(row, "provider_config")
    transport = text_in(config, "transport")
    attrs: dict[str, Value] = {
        TERMINATION_URI: text_in(config, "address"),
        "transport": transport.upper() if transport else None,
        "media_encryption": text_in(config, "media_encryption"),
        "username": text_in(config, "username"),
    }
    # Without credentials there is no password either; with them it is as it was written.
    if config.get("has_auth_credentials") is False:
        attrs |= {"username": None, "password": None}
    return attrs
