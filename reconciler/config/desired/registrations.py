"""Compile the registrations of numbers on platforms with their secrets, and check each number
against what its platform supports; pure.

Numbers that are declared alike share one `RegistrationShape`; `registration_of` adds the values of
the single number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from reconciler.config.advice.findings import Finding, find_place
from reconciler.config.desired.own_trunks import (
    Trunks,
    find_own_trunk,
    find_user,
    list_needs,
    own_trunk_findings,
    takes_own_trunk,
)
from reconciler.config.project import Secret
from reconciler.config.secrets.references import to_secret
from reconciler.config.sections.agent import Agent, read_platform_fields
from reconciler.config.sections.fields import Reference
from reconciler.config.sections.number import BridgeNumber, Number, Sip
from reconciler.config.source.nodes import Place
from reconciler.kinds.platforms.kind import (
    TERMINATION_URI,
    OwnTrunk,
    PlatformAgent,
    PlatformNumber,
    Serves,
)
from reconciler.kinds.platforms.table import PLATFORM_KINDS, registration_address
from reconciler.kinds.table import REGISTRATION
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.position import Position
from reconciler.model.route import Attrs, Value

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform

_SIP_SECRETS = ("password", "pin")


class RegistrationShape(msgspec.Struct, frozen=True):
    """The common part of registrations of numbers that are declared alike.

    `secrets` are fields below `sip` whose values are looked up only when they are needed,
    `known_secrets` those that are declared elsewhere. `needs` are the addresses of the trunk that
    takes the calls, and of its user.
    `outbound_number` is the one number that is the agent's caller id. `labelled`: the platform gets
    the number's friendly name.
    """

    platform: str
    profile: Profile
    on_create: Attrs = {}
    secrets: Mapping[str, Reference] = {}
    outbound_number: str | None = None
    labelled: bool = False
    known_secrets: Mapping[str, Secret] = {}
    needs: tuple[str, ...] = ()


class AccountFacts(msgspec.Struct, frozen=True):
    """What a platform gets to know of a Twilio account.

    `region` is its region with the edge, as `ie1/dublin`; empty where it declares none. `login` are
    the secrets with which a platform signs in, by the attribute of the registration.
    """

    region: str = ""
    login: Mapping[str, Secret] = {}


NO_FACTS = AccountFacts()


def platform_agents(agents: Mapping[str, Agent | None]) -> dict[str, PlatformAgent]:
    """Return the agents that run on a platform, by name."""
    found = {}
    for name, agent in agents.items():
        if agent is not None and agent.platform:
            fields = read_platform_fields(agent)
            found[name] = PlatformAgent(
                name, agent.platform, agent.id or "", agent.outbound_number, fields
            )
    return found


def number_registration(
    number: Number,
    account: str,
    agent: PlatformAgent,
    platform: AnyPlatform,
    options: Options,
    trunks: Trunks,
    facts: AccountFacts,
) -> RegistrationShape:
    """Return the registration of a Twilio number whose agent runs on this platform."""
    own = find_own_trunk(number, platform, trunks)
    declared = PlatformNumber(
        inbound=number.supports_inbound,
        outbound=number.supports_outbound,
        writes_sms="sms" in options.platform_written,
        trunk=own,
        price=number.price,
        has_label=number.friendly_name is not None,
        region=facts.region,
    )

    kind = PLATFORM_KINDS[platform.type]
    registering = kind.attributes(declared, agent)
    shape = RegistrationShape(
        agent.platform,
        Profile(account, registering.attrs, _own(options, agent.name)),
        registering.on_create,
        outbound_number=agent.outbound_number if registering.caller_id else None,
        labelled=registering.sends_label,
    )
    if own is not None:
        return _by_own_trunk(shape, own, platform, trunks)
    return _with_login(shape, facts.login) if kind.keeps_login else shape


def _with_login(shape: RegistrationShape, login: Mapping[str, Secret]) -> RegistrationShape:
    """Return the registration with the credentials that its platform keeps."""
    # A fingerprint takes the place of "declared" once the secret is looked up.
    attrs: dict[str, Value] = {**shape.profile.attrs, **dict.fromkeys(login, "declared")}
    profile = msgspec.structs.replace(shape.profile, attrs=attrs)
    return msgspec.structs.replace(shape, profile=profile, known_secrets=login)


def _by_own_trunk(
    shape: RegistrationShape, own: OwnTrunk, platform: AnyPlatform, trunks: Trunks
) -> RegistrationShape:
    """Return the registration with the domain of the trunk, and with the user that calls through it."""
    user = find_user(platform, trunks)
    attrs: dict[str, Value] = {**shape.profile.attrs, TERMINATION_URI: own.domain}
    for name in PLATFORM_KINDS[platform.type].trunk_settings:
        attrs[name] = getattr(platform, name)
    secrets: dict[str, Secret] = {}
    if user is not None:
        # A fingerprint takes the place of "declared" once the secret is looked up.
        attrs |= {"username": user.username, "password": "declared"}
        secrets["password"] = user.password

    return msgspec.structs.replace(
        shape,
        profile=msgspec.structs.replace(shape.profile, attrs=attrs),
        known_secrets=secrets,
        needs=list_needs(own, user),
    )


def bridge_registration(
    bridge: BridgeNumber, name: str, account: str, options: Options
) -> RegistrationShape:
    """Return the registration of a bridge number."""
    return RegistrationShape(name, Profile(account, {"bridge": True}, _own(options, None)))


def sip_registration(
    number: Number, name: str, agent: PlatformAgent | None, options: Options
) -> RegistrationShape:
    """Return the registration of a number outside Twilio; its account is the platform itself."""
    sip, inbound, outbound = number.sip or Sip(), number.supports_inbound, number.supports_outbound
    attrs: dict[str, Value] = {
        "supports_inbound": inbound,
        "supports_outbound": outbound,
        "media_encryption": sip.media_encryption,
        "username": sip.username,
    }
    if inbound:
        attrs["agent"] = agent.id if agent else None

    # Fields that are left out are not managed.
    optional = {
        "trunk_name": sip.trunk_name,
        "room_name": sip.room_name if inbound else None,
        "server_address": sip.server_address if outbound else None,
    }
    for option, value in optional.items():
        if value is not None:
            attrs[option] = value

    # A fingerprint takes the place of "declared" once the secret is looked up.
    secrets: dict[str, Reference] = {}
    for field in _SIP_SECRETS:
        reference = getattr(sip, field)
        if reference is not None:
            secrets[field] = reference
        attrs[field] = "declared" if reference is not None else None

    return RegistrationShape(
        name, Profile(name, attrs, _own(options, agent.name if agent else None)), secrets=secrets
    )


def _own(options: Options, agent: str | None) -> Options:
    return msgspec.structs.replace(
        options, agent=agent, platform=None, platform_written=(), observe_only=False
    )


def registration_of(
    asked: RegistrationShape,
    key: str,
    parent: str | None,
    position: Position,
    profile: Profile | None,
    price: float | None = None,
) -> Desired:
    """Return the registration of one number.

    `profile` is that of the number, for its own label; `price` its own price.
    """
    # The attributes that alike numbers do not share: caller id, label and price.
    attrs = dict(asked.profile.attrs)
    if asked.outbound_number is not None and asked.outbound_number == key:
        attrs["outbound_agent"] = attrs.get("agent")
    if asked.labelled and profile is not None:
        attrs["friendly_name"] = profile.attrs["friendly_name"]

    on_create = dict(asked.on_create)
    if "price" in on_create and price is not None:
        on_create["price"] = str(price)

    return Desired(
        REGISTRATION,
        registration_address(asked.platform, key),
        key,
        msgspec.structs.replace(
            asked.profile, attrs=attrs, purchase=profile.purchase if profile is not None else None
        ),
        position,
        parent=parent,
        on_create=on_create,
        needs=asked.needs,
    )


def secrets_of(asked: RegistrationShape, entry: Place) -> dict[str, Secret]:
    """Return the secrets of one number with the positions of their references."""
    secrets = dict(asked.known_secrets)
    for field, reference in asked.secrets.items():
        secrets[field] = to_secret(reference, find_place(entry, ("sip", field)).at("value"))
    return secrets


def number_problems(
    number: Number,
    account: str | Finding,
    agent: PlatformAgent,
    platform: AnyPlatform,
    trunks: Trunks,
    region: str = "",
) -> Iterator[Finding]:
    """Check a number whose agent runs on this platform."""
    kind = PLATFORM_KINDS[platform.type]
    yield from _check_serves(platform, "number", ("agent",))
    yield from own_trunk_findings(number, agent.name, platform, trunks)
    for name in () if takes_own_trunk(number, kind) else ("trunk", "webhooks"):
        if getattr(number, name) is not None:
            detail = (
                f"The agent `{agent.name}` runs on `{agent.platform}`, which writes the webhooks of "
                f"its numbers itself. Remove `{name}`, or give the number an agent of your own."
            )
            yield Finding("conflicting_fields", detail, (name,), "key")

    if kind.both_ways and not (number.supports_inbound and number.supports_outbound):
        switch = "supports_outbound" if number.supports_inbound else "supports_inbound"
        detail = (
            f"{kind.title} takes and makes calls with each of its numbers: its import has no such "
            "switch."
        )
        yield Finding("unsupported_feature", detail, (switch,), "key")
    if not takes_own_trunk(number, kind):
        yield from _check_connection(account, agent.platform, platform, ("agent",))

    zones = region.split("/") if region and kind.twilio_zones else []
    for zone in zones:
        if zone not in kind.twilio_zones:
            known = ", ".join(f"`{name}`" for name in kind.twilio_zones)
            detail = (
                f"The account declares `{zone}`, which is no Twilio region or edge that {kind.title} "
                f"documents: {known}."
            )
            yield Finding("unsupported_feature", detail, ("agent",))


def bridge_problems(
    bridge: BridgeNumber, platform: AnyPlatform | None, known: str
) -> Iterator[Finding]:
    """Check a bridge number of this platform; `known` lists platforms when it is not declared."""
    if platform is None:
        yield Finding(
            "platform_not_found",
            f"`platforms` declares no `{bridge.platform}`.{known}",
            ("platform",),
        )
    else:
        yield from _check_serves(platform, "bridge_number", ("platform",))


def sip_problems(
    number: Number, agent: PlatformAgent | None, platform: AnyPlatform | None, known: str
) -> Iterator[Finding]:
    """Check a number outside Twilio; `known` lists platforms when its own is not declared."""
    if platform is None:
        yield Finding(
            "platform_not_found",
            f"`platforms` declares no `{number.platform}`.{known}",
            ("platform",),
        )
        return

    yield from _check_serves(platform, "sip", ("platform",))
    if number.agent and (agent is None or agent.platform != number.platform):
        detail = f"The number is on `{number.platform}`, but its agent `{number.agent}` is not."
        yield Finding("conflicting_fields", detail, ("agent",))


def connection_findings(platform: AnyPlatform) -> list[Finding]:
    """Find ids of Twilio accounts that do not have the form of this platform's ids."""
    kind = PLATFORM_KINDS[platform.type]
    findings: list[Finding] = []
    for field in kind.settings:
        if field.form != "connections" or not field.pattern:
            continue

        detail = f"This is not an id of {kind.title}'s: {field.pattern_words}."
        for name, value in getattr(platform, field.name).items():
            if not re.fullmatch(field.pattern, value):
                findings.append(Finding("invalid_value", detail, (field.name, name)))
    return findings


def _check_serves(platform: AnyPlatform, what: Serves, loc: tuple[str, ...]) -> Iterator[Finding]:
    kind = PLATFORM_KINDS[platform.type]
    if what not in kind.serves:
        names = {
            "number": "a Twilio number",
            "bridge_number": "a bridge number",
            "sip": "a number outside Twilio",
        }
        able = ", ".join(sorted(f"`{k.type}`" for k in PLATFORM_KINDS.values() if what in k.serves))
        detail = f"{kind.title} documents no way to take {names[what]}; these do: {able}."
        yield Finding("platform_cannot_import", detail, loc)


def _check_connection(
    account: str | Finding, name: str, platform: AnyPlatform, loc: tuple[str, ...]
) -> Iterator[Finding]:
    kind = PLATFORM_KINDS[platform.type]
    if not kind.needs_connection or not isinstance(account, str):
        return

    if account not in getattr(platform, "connections", {}):
        detail = (
            f"{kind.title} knows Twilio accounts by ids of its own: connect the account there, and add "
            f"`connections: {{{account}: <its id>}}` to the platform `{name}`."
        )
        yield Finding("no_twilio_integration", detail, loc)
