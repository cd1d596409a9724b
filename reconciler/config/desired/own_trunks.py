"""Collect the domains and users of declared trunks, and check the trunk of a number whose agent
runs on a platform: the platform makes calls through it and receives calls from it; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from reconciler.config.advice.findings import Finding, find_place, place_findings, suggest_options
from reconciler.config.desired.parts import trunk_ref
from reconciler.config.formats import is_sid
from reconciler.config.project import Secret
from reconciler.config.secrets.references import to_secret
from reconciler.config.sections.declared import Checked, Settings
from reconciler.config.sections.number import Number
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.kind import OwnTrunk, PlatformKind, uses_own_trunk
from reconciler.kinds.platforms.table import PLATFORM_KINDS, platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.desired import Desired

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform
    from reconciler.config.sections.trunk import Trunk


class TrunkUser(msgspec.Struct, frozen=True):
    """A user of a declared credential list, with the reference to its password."""

    list: str
    username: str
    password: Secret


class TrunkFacts(msgspec.Struct, frozen=True):
    """A declared trunk: its domain, whether it is encrypted, and the credential lists it uses."""

    domain: str | None
    secure: bool
    lists: frozenset[str]


class Trunks(msgspec.Struct, frozen=True):
    """The valid trunks by name, and all declared users by LIST/USERNAME."""

    by_name: Mapping[str, TrunkFacts] = {}
    users: Mapping[str, TrunkUser] = {}


def collect_trunks(declared: Mapping[str, Checked[Trunk]]) -> Trunks:
    """Return what platforms need to know of the declared trunks."""
    by_name: dict[str, TrunkFacts] = {}
    users: dict[str, TrunkUser] = {}
    for name, (place, trunk) in declared.items():
        if trunk is None:
            continue

        lists = frozenset(used.name for used in trunk.credential_lists if used.name)
        by_name[name] = TrunkFacts(trunk.domain, trunk.secure, lists)
        for at, used in enumerate(trunk.credential_lists):
            for index, credential in enumerate(used.credentials or ()):
                loc = ("credential_lists", at, "credentials", index, "password")
                password = to_secret(credential.password, find_place(place, loc).at("value"))
                user = TrunkUser(used.name or "", credential.username, password)
                users.setdefault(f"{user.list}/{user.username}", user)
    return Trunks(by_name, users)


def takes_own_trunk(number: Number, kind: PlatformKind) -> bool:
    """Return whether the declared trunk of a number takes its calls to its platform."""
    return number.trunk is not None and kind.own_trunk != "refused"


def find_user(platform: AnyPlatform, trunks: Trunks) -> TrunkUser | None:
    """Return the declared user with which a platform makes calls through trunks."""
    return trunks.users.get(getattr(platform, "credential", ""))


def find_own_trunk(number: Number, platform: AnyPlatform, trunks: Trunks) -> OwnTrunk | None:
    """Return the trunk of a number on a platform; None without one, or without its domain."""
    if number.trunk is None or PLATFORM_KINDS[platform.type].own_trunk == "refused":
        return None

    name = trunk_ref(number.trunk)
    facts = trunks.by_name.get(name)
    if facts is None or facts.domain is None:
        return None
    user = find_user(platform, trunks)
    username = user.username if user is not None else None
    return OwnTrunk(name, facts.domain, facts.secure, username)


def list_needs(own: OwnTrunk, user: TrunkUser | None) -> tuple[str, ...]:
    """Return the addresses that must be in place before the platform gets the trunk."""
    trunk = f"trunk/{own.name}"
    if user is None:
        return (trunk,)
    use = f"trunk_credential_list/{own.name}/{user.list}"
    return (trunk, use, f"credential/{user.list}/{user.username}")


def find_unknown_users(settings: Settings, desired: Iterable[Desired]) -> list[Diagnostic]:
    """Return an error for each platform that is to sign in to trunks with a user that is not
    declared.

    Without numbers on a trunk the user is not needed: trunk and numbers may be removed together.
    """
    users = collect_trunks(settings.trunks).users
    names: dict[str, None] = {}
    for each in desired:
        if each.kind == REGISTRATION and uses_own_trunk(each.profile.attrs):
            names[platform_name(each.address)] = None

    problems: list[Diagnostic] = []
    for name in names if settings.complete else ():
        place, platform = settings.platforms[name]
        written = getattr(platform, "credential", "")
        if written and written not in users:
            detail = (
                f"No credential list of a declared trunk has the user `{written}`; write LIST/USERNAME."
                f"{suggest_options(written, users)}"
            )
            finding = Finding("credential_not_found", detail, ("credential",))
            problems += place_findings([finding], place)
    return problems


def own_trunk_findings(
    number: Number, agent: str, platform: AnyPlatform, trunks: Trunks
) -> Iterator[Finding]:
    """Check the trunk of a number whose agent runs on a platform that needs or takes one."""
    kind = PLATFORM_KINDS[platform.type]
    if kind.own_trunk == "refused":
        return
    if number.trunk is None:
        if kind.own_trunk == "needed":
            detail = (
                f"The agent `{agent}` runs on {kind.title}, which takes calls through a trunk of "
                "yours. Declare the trunk, and add `trunk: NAME` to the number."
            )
            yield Finding("missing_field", detail, ("agent",))
        return

    # A name that is not declared is an error of every number.
    name = trunk_ref(number.trunk)
    if is_sid(name, "TK"):
        detail = (
            f"{kind.title} needs the domain of the trunk, and a SID does not show it. Declare the "
            "trunk under `trunks` with its `domain`, and name it here: it is imported as it is."
        )
        yield Finding("trunk_not_found", detail, ("trunk",))
    elif name in trunks.by_name:
        yield from _trunk_findings(name, platform, trunks)


def _trunk_findings(name: str, platform: AnyPlatform, trunks: Trunks) -> Iterator[Finding]:
    title = PLATFORM_KINDS[platform.type].title
    facts = trunks.by_name[name]
    if facts.domain is None:
        detail = (
            f"{title} makes calls through the domain of the trunk, and trunk `{name}` declares none. "
            f"Add it:\n  {name}: {{domain: NAME.pstn.twilio.com}}"
        )
        yield Finding("missing_field", detail, ("trunk",))

    for setting in PLATFORM_KINDS[platform.type].trunk_settings:
        if not getattr(platform, setting):
            detail = (
                f"A number of {title} on a trunk needs `{setting}` of its platform. Add it there."
            )
            yield Finding("missing_field", detail, ("trunk",))

    user = find_user(platform, trunks)
    if user is not None and user.list not in facts.lists:
        detail = (
            f"{title} signs in as `{user.list}/{user.username}`, and trunk `{name}` does not use the "
            f"credential list `{user.list}`. Add it to the trunk:\n  credential_lists: [{user.list}]"
        )
        yield Finding("credential_not_found", detail, ("trunk",))
