"""`platforms`: the voice-AI platforms that import numbers themselves."""

from typing import Annotated, Any, Literal

from pydantic import Field

from reconciler.config.sections.fields import (
    SecretReference,
    Section,
    Text,
    Url,
    mandatory_field,
    optional_field,
)

_Connections = dict[str, Text]


def _type(name: str) -> Any:
    return mandatory_field("Which platform it is.", name)


def _key(description: str = "API key.") -> Any:
    return mandatory_field(description, {"env": "PLATFORM_API_KEY"})


def _base_url(default: str) -> Any:
    return optional_field("Where its API is.", default, default=default)


def _connections() -> Any:
    text = "Twilio account → the platform's own id of it (integration, provider, connection)."
    return optional_field(text, {"main": "intg_a1b2c3d4e5f6"}, default={})


class Nixflex(Section):
    """Nixflex."""

    type: Literal["nixflex"] = _type("nixflex")
    api_key: SecretReference = _key("API key, as KEY_ID:KEY_SECRET.")
    base_url: Url = _base_url("https://api.nixflex.com")


class Feather(Section):
    """Feather."""

    type: Literal["feather"] = _type("feather")
    api_key: SecretReference = _key()
    base_url: Url = mandatory_field("Where its API is.", "https://api-sandbox.featherhq.com")
    connections: _Connections = _connections()


class Butter(Section):
    """Butter AI."""

    type: Literal["butter"] = _type("butter")
    api_key: SecretReference = _key()
    organization_id: Text = mandatory_field("The organisation's id.", "org_a1b2c3")
    connections: _Connections = _connections()
    base_url: Url = _base_url("https://api.getbutter.ai")


class Dasha(Section):
    """Dasha BlackBox."""

    type: Literal["dasha"] = _type("dasha")
    api_key: SecretReference = _key("Bearer token.")
    connections: _Connections = _connections()
    base_url: Url = _base_url("https://blackbox.dasha.ai")


class Ravan(Section):
    """Ravan AI (Agni)."""

    type: Literal["ravan"] = _type("ravan")
    api_key: SecretReference = _key()
    base_url: Url = _base_url("https://api.ravan.ai")


class LiveKit(Section):
    """LiveKit."""

    type: Literal["livekit"] = _type("livekit")
    base_url: Url = mandatory_field("Where its API is.", "https://acme.livekit.cloud")
    api_key: SecretReference = _key()
    api_secret: SecretReference = mandatory_field("API secret.", {"env": "LIVEKIT_SECRET"})


AnyPlatform = Nixflex | Feather | Butter | Dasha | Ravan | LiveKit
Platform = Annotated[AnyPlatform, Field(discriminator="type")]
