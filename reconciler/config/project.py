"""Define `Project`, the result of loading a configuration, and its parts (accounts, platforms,
agents, limits …): frozen values without YAML or pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.desired import Desired, Money, Takeover
from reconciler.model.position import Position
from reconciler.model.route import Attrs, Webhook
from reconciler.planning.checks.limits import MAX_PURCHASES
from reconciler.planning.checks.limits import Limit as Limit
from reconciler.planning.identity.moved import Move


class Secret(msgspec.Struct, frozen=True):
    """A reference to a secret: an environment variable or a file; never the secret itself."""

    env: str | None
    file: str | None
    position: Position | None


class AccountSettings(msgspec.Struct, frozen=True):
    """A Twilio account as declared, or as the TWILIO_* variables describe it (then `position` is
    None).

    `parent` is the SID of the account to which the credentials belong, when that is another one.
    """

    name: str
    sid: str | None
    auth_token: Secret | None = None
    api_key: Secret | None = None
    api_secret: Secret | None = None
    parent: str | None = None
    region: str | None = None
    edge: str | None = None
    base_url: str | None = None
    position: Position | None = None
    check_webhook_rules: bool = False


class PlatformSettings(msgspec.Struct, frozen=True):
    """A voice-AI platform as declared; `secrets` and other `texts` by the name of their field."""

    name: str
    type: str
    base_url: str | None
    secrets: Mapping[str, Secret]
    connections: Mapping[str, str]
    texts: Mapping[str, str]
    position: Position


class Agent(msgspec.Struct, frozen=True):
    """An agent as declared; `parts` is what it puts on its numbers (nothing known when it lives on
    a platform). `in_place_of_id` describes the field that replaces `id`.
    """

    name: str
    kind: Literal["webhooks", "application", "platform"]
    parts: Attrs
    position: Position
    platform: str | None = None
    id: str | None = None
    in_place_of_id: str | None = None
    recipe_url: str | None = None
    """The URL of an agent on a recipe: its voice webhook, or an origination URL of a trunk."""
    application: str | None = None
    owner: str | None = None
    outbound_number: str | None = None
    recording_status: Webhook | None = None
    labels: dict[str, str] = {}


class Safety(msgspec.Struct, frozen=True):
    """The limits of a plan that needs no further consent."""

    takeover: Takeover = "refuse"
    max_updates: Limit = Limit(30, percent=True)
    max_removals: Limit = Limit(30, percent=True)
    state_secrets: Literal["warn", "allow", "refuse"] = "warn"
    max_purchases: int = MAX_PURCHASES
    max_spend: Money | None = None


class Policy(msgspec.Struct, frozen=True):
    """A rule of the user's own: resources of these kinds whose address is like `match` must fit the
    schema.
    """

    name: str
    kinds: frozenset[str]
    match: str
    schema: Mapping[str, Any]
    message: str | None
    level: Severity
    position: Position


class Project(msgspec.Struct, frozen=True):
    """A valid configuration.

    `base` is the folder of the entry file: `state` and secret files are relative to it. `files` are
    the files read, as diagnostics name them, and `digest` tells whether any of them changed.
    `our_urls` are all URLs that it declares, `secrets` says where those are found that resources
    hold: by address and field.
    """

    name: str
    state: str
    base: Path
    accounts: Mapping[str, AccountSettings]
    platforms: Mapping[str, PlatformSettings]
    agents: Mapping[str, Agent]
    desired: list[Desired]
    safety: Safety
    our_urls: frozenset[str]
    warnings: list[Diagnostic]
    digest: str
    files: tuple[str, ...]
    fingerprint_key: Secret | None = None
    moves: tuple[Move, ...] = ()
    encryption_keys: tuple[Secret, ...] = ()
    secrets: Mapping[str, Mapping[str, Secret]] = {}
    remarks: list[Diagnostic] = []
    """Diagnostics that only `lint` shows."""
    violations: list[Diagnostic] = []
    """Rules of level error, and policies, that are violated: the configuration is valid, and must
    not be applied.
    """
    policies: tuple[Policy, ...] = ()
    state_position: Position | None = None
    """Where `state` is declared; without it, where the entry file starts. None where nothing is
    written.
    """
    recipes: Mapping[str, str] = {}
    """The declared platforms that are recipes, with their types; they are not in `platforms`."""
    default_account: str | None = None
    """The account of resources that name none; None when each must name its own."""
