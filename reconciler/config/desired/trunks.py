"""Compile trunks with their children and lists, and the entries of `resource_sections`, to desired
resources and secrets; find lists that trunks declare differently; pure.

Several trunks may use one list. The list is declared by the trunk that gives its content, and two
trunks must not give different contents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from reconciler.config.advice.findings import Finding, find_place
from reconciler.config.desired.accounts import Accounts
from reconciler.config.desired.resource_sections import RESOURCE_SECTIONS
from reconciler.config.project import Secret
from reconciler.config.secrets.references import to_secret
from reconciler.config.sections.declared import Checked
from reconciler.config.source.nodes import Place
from reconciler.kinds.table import KINDS
from reconciler.model.desired import Desired, OnRemoval, Options, Profile, Takeover, Unlisted
from reconciler.model.route import Attrs, Value
from reconciler.planning.identity.same_key import number_addresses

if TYPE_CHECKING:
    from reconciler.config.sections.trunk import (
        AccessList,
        Address,
        Credential,
        CredentialList,
        Origination,
        Trunk,
    )

_ACCESS, _CREDENTIALS = "ip_access_control_lists", "credential_lists"
_WITH_ITS_TRUNK = Options()
"""`protect` and `on_removal` on a trunk cover everything under it (see
`planning.decide.trunk_members`).
"""
_KINDS = {_ACCESS: "ip_access_control_list", _CREDENTIALS: "credential_list"}


class DesiredResources:
    """The resources of all sections but the numbers; `secrets` are references by address and field."""

    def __init__(self, accounts: Accounts, takeover: Takeover = "refuse") -> None:
        self._takeover = takeover
        self.desired: list[Desired] = []
        self.secrets: dict[str, dict[str, Secret]] = {}
        self._accounts = accounts

    def add_section(self, section: str, declared: Mapping[str, Checked[Any]]) -> None:
        """Add the resources of a section in `RESOURCE_SECTIONS`."""
        row = RESOURCE_SECTIONS[section]
        for name, (place, value) in declared.items():
            if value is None:
                continue
            account = self._accounts.resolve_or_none(value.account)
            if account is not None:
                desired = row.compile(name, value, account, place)
                self.desired.append(self._with_consent(desired))

    def _with_consent(self, desired: Desired) -> Desired:
        """Return the resource with the consent of the whole file, where its import asks for one."""
        if not KINDS[desired.kind].consents or self._takeover == "refuse":
            return desired
        options = msgspec.structs.replace(desired.profile.options, takeover=self._takeover)
        profile = msgspec.structs.replace(desired.profile, options=options)
        return msgspec.structs.replace(desired, profile=profile)

    def trunks(self, declared: Mapping[str, Checked[Trunk]]) -> None:
        """Add the trunks with their children, and the lists that they use."""
        for name, (place, trunk) in declared.items():
            account = self._accounts.resolve_or_none(trunk.account) if trunk is not None else None
            if trunk is not None and account is not None:
                self._trunk(name, trunk, account, place)

    def _trunk(self, name: str, trunk: Trunk, account: str, place: Place) -> None:
        on_removal: OnRemoval = "keep" if trunk.on_removal == "keep" else "restore"
        options = Options(on_removal=on_removal, protect=trunk.protect, takeover=self._takeover)
        address = f"trunk/{name}"
        profile = Profile(account, _trunk_attrs(trunk), options)
        top = Desired(
            "trunk",
            address,
            name,
            profile,
            place.at("key"),
            on_create={"friendly_name": name},
            unlisted=_unlisted_by_kind(trunk),
        )
        self.desired.append(top)
        self.desired += _originations(top, trunk, place)

        if trunk.recording is not None:
            attrs: Attrs = {"mode": trunk.recording.mode, "trim": trunk.recording.trim}
            position = find_place(place, ("recording",)).at("key")
            recording = Desired(
                "recording",
                f"recording/{name}",
                "",
                Profile(account, attrs, _WITH_ITS_TRUNK),
                position,
                parent=address,
            )
            self.desired.append(recording)

        for index, used in enumerate(trunk.ip_access_control_lists):
            self._access_list(top, used, find_place(place, (_ACCESS, index)))
        for index, users in enumerate(trunk.credential_lists):
            self._credential_list(top, users, find_place(place, (_CREDENTIALS, index)))

    def _access_list(self, trunk: Desired, used: AccessList, place: Place) -> None:
        content: dict[str, Unlisted] | None = (
            {"ip_address": used.unlisted} if used.addresses is not None else None
        )
        owner = self._use(trunk, _ACCESS, used.name, used.sid, content, place)
        for index, address in enumerate(used.addresses or ()):
            if owner is not None:
                self.desired.append(
                    _address(owner, address, find_place(place, ("addresses", index)))
                )

    def _credential_list(self, trunk: Desired, used: CredentialList, place: Place) -> None:
        content: dict[str, Unlisted] | None = (
            {"credential": used.unlisted} if used.credentials is not None else None
        )
        owner = self._use(trunk, _CREDENTIALS, used.name, used.sid, content, place)
        if owner is None:
            return

        for index, credential in enumerate(used.credentials or ()):
            position = find_place(place, ("credentials", index))
            found = _credential(owner, credential, position)
            self.desired.append(found)

            reference = find_place(position, ("password",)).at("value")
            password = to_secret(credential.password, reference)
            self.secrets[found.address] = {"password": password}

    def _use(
        self,
        trunk: Desired,
        section: str,
        name: str | None,
        sid: str | None,
        content: dict[str, Unlisted] | None,
        place: Place,
    ) -> Desired | None:
        """Attach a list to the trunk, and return the list if this trunk is the first to declare it.

        `content` is the handling of undeclared items on a managed list, None for a list that is
        only used.
        """
        kind, key = _KINDS[section], name or sid or ""
        account, position = trunk.profile.account, place.at("value")
        address = f"{kind}/{key}"
        self.desired.append(
            Desired(
                f"trunk_{kind}",
                f"trunk_{kind}/{trunk.key}/{key}",
                key,
                Profile(account, {"list": key}, _WITH_ITS_TRUNK),
                position,
                parent=trunk.address,
                needs=(address,),
            )
        )

        # The first trunk that gives the content declares the list; `list_findings` compares others.
        if content is None or any(known.address == address for known in self.desired):
            return None
        profile = Profile(account, {"friendly_name": key}, Options(takeover=self._takeover))
        owner = Desired(kind, address, key, profile, position, unlisted=content)
        self.desired.append(owner)
        return owner


_PARTS = {
    "origination_url": "origination",
    "trunk_ip_access_control_list": _ACCESS,
    "trunk_credential_list": _CREDENTIALS,
}
"""Kind of child of a trunk → the key that declares children of it."""


def _unlisted_by_kind(trunk: Trunk) -> dict[str, Unlisted]:
    """Return the handling of undeclared children by kind: `watch` where the key is left out."""
    found: dict[str, Unlisted] = {}
    for kind, field in _PARTS.items():
        found[kind] = trunk.unlisted if field in trunk.model_fields_set else "watch"
    return found


def _trunk_attrs(trunk: Trunk) -> Attrs:
    recovery = trunk.disaster_recovery
    declared: dict[str, Value] = {
        "friendly_name": trunk.friendly_name,
        "domain_name": trunk.domain,
        "secure": trunk.secure,
        "cnam_lookup_enabled": trunk.cnam_lookup,
        "transfer_mode": trunk.transfer_mode,
        "transfer_caller_id": trunk.transfer_caller_id,
        "disaster_recovery_url": recovery.url if recovery else None,
        "disaster_recovery_method": recovery.method if recovery else None,
    }
    return {field: value for field, value in declared.items() if value is not None}


def _originations(trunk: Desired, declared: Trunk, place: Place) -> Iterator[Desired]:
    account = trunk.profile.account
    prefix = f"origination_url/{trunk.key}/"
    addresses = number_addresses(prefix + each.sip_url for each in declared.origination)
    for index, (origination, address) in enumerate(
        zip(declared.origination, addresses, strict=True)
    ):
        url = origination.sip_url
        yield Desired(
            "origination_url",
            address,
            url,
            Profile(account, _origination_attrs(origination), _WITH_ITS_TRUNK),
            find_place(place, ("origination", index)).at("value"),
            parent=trunk.address,
            on_create={"friendly_name": sip_host(url)[:64]},
        )


def _origination_attrs(origination: Origination) -> Attrs:
    attrs: dict[str, Value] = {
        "sip_url": origination.sip_url,
        "priority": origination.priority,
        "weight": origination.weight,
        "enabled": origination.enabled,
    }

    # Without a declared name the present one stays.
    if origination.friendly_name:
        attrs["friendly_name"] = origination.friendly_name
    return attrs


def sip_host(url: str) -> str:
    """Return the host of a SIP URL, without port and parameters."""
    host = url.removeprefix("sip:").partition(";")[0].partition("?")[0].rpartition("@")[2]
    return host.rpartition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def _address(owner: Desired, address: Address, place: Place) -> Desired:
    ip, _, prefix = address.cidr.partition("/")
    attrs: dict[str, Value] = {"ip_address": ip, "cidr_prefix_length": int(prefix)}
    if address.name is not None:
        attrs["friendly_name"] = address.name
    return Desired(
        "ip_address",
        f"ip_address/{owner.key}/{address.cidr}",
        address.cidr,
        Profile(owner.profile.account, attrs, _WITH_ITS_TRUNK),
        place.at("value"),
        parent=owner.address,
        on_create={"friendly_name": address.cidr},
    )


def _credential(owner: Desired, credential: Credential, place: Place) -> Desired:
    return Desired(
        "credential",
        f"credential/{owner.key}/{credential.username}",
        credential.username,
        Profile(owner.profile.account, {"username": credential.username}, _WITH_ITS_TRUNK),
        place.at("value"),
        parent=owner.address,
    )


def list_findings(
    trunks: Mapping[str, Checked[Trunk]], accounts: Accounts
) -> Iterator[tuple[str, Finding]]:
    """Yield (name of the trunk, finding) for lists that trunks declare differently."""
    first: dict[tuple[str, str], tuple[str, str | None]] = {}
    managed: dict[tuple[str, str], tuple[str, object]] = {}
    for name, (_, trunk) in trunks.items():
        if trunk is None:
            continue

        account = accounts.resolve_or_none(trunk.account)
        for section, index, key, content in _lists_of(trunk):
            user, home = first.setdefault((section, key), (name, account))
            if home != account:
                yield (
                    name,
                    Finding("conflicting_fields", _two_homes(user, home, key), (section, index)),
                )
            elif content is not None:
                owner, known = managed.setdefault((section, key), (name, content))
                if owner != name and known != content:
                    detail = (
                        f"Trunk `{owner}` gives list `{key}` another content. Give it in one place, "
                        f"and only the name in the others:\n  - {key}"
                    )
                    yield name, Finding("conflicting_fields", detail, (section, index))


def _two_homes(user: str, home: str | None, key: str) -> str:
    return (
        f"Trunk `{user}` uses a list `{key}` in account `{home}`, and one name means one list here. "
        "Give a managed list another name, and name a list that exists already by its `sid`."
    )


def _content(items: object, unlisted: Unlisted) -> object:
    """Return the content that a trunk gives to a list; None if it only uses the list."""
    return (items, unlisted) if items is not None else None


def _lists_of(trunk: Trunk) -> Iterator[tuple[str, int, str, object]]:
    for index, access in enumerate(trunk.ip_access_control_lists):
        yield (
            _ACCESS,
            index,
            access.name or access.sid or "",
            _content(access.addresses, access.unlisted),
        )
    for index, credentials in enumerate(trunk.credential_lists):
        users = _content(credentials.credentials, credentials.unlisted)
        yield _CREDENTIALS, index, credentials.name or credentials.sid or "", users
