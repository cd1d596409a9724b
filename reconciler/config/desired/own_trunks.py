"""Collect the domains and users of declared trunks, and check the trunk of a number whose agent
runs on a platform: the platform makes calls through it and receives calls from it; pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from reconciler.config.advice.findings import Finding, find_place, suggest_options
from reconciler.config.desired.parts import trunk_ref
from reconciler.config.formats import is_sid
from reconciler.config.project import Secret
from reconciler.config.secrets.references import to_secret
from reconciler.config.sections.declared import Checked
from reconciler.config.sections.number import Number
from reconciler.kinds.platforms.kind import OwnTrunk, PlatformKind
from reconciler.kinds.platforms.table import PLATFORM_KINDS

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform
    from reconciler.config.sections.trunk import Trunk


class TrunkUser(msgspec.Struct, frozen=True):
    """A user of a declared credential list, with the reference to its password."""

    list: str
    username: str
    password: Secret


class Trunks(msgspec.Struct, frozen=True):
    """The valid trunks by name: their domains (None: not declared) and the credential lists that
    they use; and all declared users by LIST/USERNAME.
    """

    domains: Mapping[str, str | None] = {}
    lists: Mapping[str, frozenset[str]] = {}
    users: Mapping[str, TrunkUser] = {}


def collect_trunks(declared: Mapping[str, Checked[Trunk]]) -> Trunks:
    """Return what platforms need to know of the declared trunks."""
    domains: dict[str, str | None] = {}
    lists: dict[str, frozenset[str]] = {}
    users: dict[str, TrunkUser] = {}
    for name, (place, trunk) in declared.items():
        if trunk is None:
            continue

        domains[name] = trunk.domain
        lists[name] = frozenset(used.name for used in trunk.credential_lists if used.name)
        for at, used in enumerate(trunk.credential_lists):
            for index, credential in enumerate(used.credentials or ()):
                loc = ("credential_lists", at, "credentials", index, "password")
                password = to_secret(credential.password, find_place(place, loc).at("value"))
                user = TrunkUser(used.name or "", credential.username, password)
                users.setdefault(f"{user.list}/{user.username}", user)
    return Trunks(domains, lists, users)


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
    domain = trunks.domains.get(name)
    if domain is None:
        return None
    user = find_user(platform, trunks)
    return OwnTrunk(name, domain, user.username if user is not None else None)


def list_needs(own: OwnTrunk, user: TrunkUser | None) -> tuple[str, ...]:
    """Return the addresses that must be in place before the platform gets the trunk."""
    trunk = f"trunk/{own.name}"
    if user is None:
        return (trunk,)
    use = f"trunk_credential_list/{own.name}/{user.list}"
    return (trunk, use, f"credential/{user.list}/{user.username}")


def user_findings(platform: AnyPlatform, trunks: Trunks) -> list[Finding]:
    """Find a user that no declared credential list has."""
    written = getattr(platform, "credential", "")
    if not written or written in trunks.users:
        return []

    detail = (
        f"No credential list of a declared trunk has the user `{written}`; write LIST/USERNAME."
        f"{suggest_options(written, trunks.users)}"
    )
    return [Finding("credential_not_found", detail, ("credential",))]


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
    elif name in trunks.domains:
        yield from _trunk_findings(name, platform, trunks)


def _trunk_findings(name: str, platform: AnyPlatform, trunks: Trunks) -> Iterator[Finding]:
    title = PLATFORM_KINDS[platform.type].title
    if trunks.domains[name] is None:
        detail = (
            f"{title} makes calls through the domain of the trunk, and trunk `{name}` declares none. "
            f"Add it:\n  {name}: {{domain: NAME.pstn.twilio.com}}"
        )
        yield Finding("missing_field", detail, ("trunk",))

    user = find_user(platform, trunks)
    if user is not None and user.list not in trunks.lists[name]:
        detail = (
            f"{title} signs in as `{user.list}/{user.username}`, and trunk `{name}` does not use the "
            f"credential list `{user.list}`. Add it to the trunk:\n  credential_lists: [{user.list}]"
        )
        yield Finding("credential_not_found", detail, ("trunk",))
