"""List the destinations of a project's secrets, find new ones, and refuse those without consent;
pure, and never with a secret itself.

A destination is the reference of a credential, the host that it is sent to and, for platforms, the
reference of the platform's own key: with another key, the same host is another customer's account.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from reconciler.config.project import AccountSettings, PlatformSettings, Project, Secret
from reconciler.config.secrets.hosts import read_origin
from reconciler.config.secrets.state_locations import find_servers
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused, UsageError
from reconciler.kinds.platforms.kind import PlatformKind, uses_own_trunk
from reconciler.kinds.platforms.table import PLATFORM_KINDS, platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.destination import Destination
from reconciler.model.position import Position

STATE = "state"
"""The name of the state's location in `--allow-destination`."""
_TWILIO = "*.twilio.com"


class KnownDestinations(msgspec.Struct, frozen=True):
    """The destinations and the state that a change is compared with; `name` describes their source."""

    name: str
    state: str
    destinations: tuple[Destination, ...]


class UsedEndpoints(msgspec.Struct, frozen=True):
    """The accounts and platforms that a run has connected to, and the addresses it may write to."""

    accounts: frozenset[str]
    platforms: frozenset[str]
    chooses: Callable[[str], bool]


def destinations_of(project: Project) -> tuple[Destination, ...]:
    """Return all destinations of a project, sorted, each once."""
    return _sort(_find_destinations(project, lambda address: True))


def find_trusted(
    project: Project, used: UsedEndpoints, recorded: Iterable[Destination]
) -> tuple[Destination, ...]:
    """Return the destinations that a run has used or that were recorded before, sorted.

    A run with `--target` reads a part of the project; destinations that it did not use stay new,
    and `plan` continues to list them.
    """
    names = {STATE, *used.accounts, *used.platforms}
    found = {each for each in _find_destinations(project, used.chooses) if each.name in names}

    before = {_identity(destination) for destination in recorded}
    found |= {each for each in destinations_of(project) if _identity(each) in before}
    return _sort(found)


def _find_destinations(project: Project, chooses: Callable[[str], bool]) -> set[Destination]:
    """Return the destinations of a project; those of resources only if their address is chosen."""
    found = {*_of_accounts(project), *_of_platforms(project), *_of_state(project)}
    return found | {*_of_tokens(project, chooses), *_of_resources(project, chooses)}


def _sort(destinations: Iterable[Destination]) -> tuple[Destination, ...]:
    return tuple(sorted(destinations, key=lambda d: (d.name, d.credential, d.host, d.key)))


def find_new(present: Iterable[Destination], known: Iterable[Destination]) -> list[Destination]:
    """Return the destinations that are not known. The name of an account or platform is ignored."""
    there = {_identity(destination) for destination in known}
    return [destination for destination in present if _identity(destination) not in there]


def check_consent(project: Project, consent: Collection[str]) -> None:
    """Raise UsageError when `--allow-destination` names an unknown account or platform."""
    known = {*project.accounts, *project.platforms, STATE}
    unknown = sorted(set(consent) - known)
    if unknown:
        detail = f"--allow-destination {unknown[0]}: there is no such account or platform. Known: "
        listed = ", ".join(sorted(known))
        raise UsageError(
            Diagnostic(
                code="address_not_found",
                summary="Unknown account or platform",
                detail=f"{detail}{listed}.",
            )
        )


def refuse_new(project: Project, known: KnownDestinations, consent: Collection[str]) -> None:
    """Raise Refused for new destinations and another state, before anything is connected to.

    Twilio itself is never a refused destination: nobody else reads the secret there.
    """
    refused = []
    if project.state != known.state and STATE not in consent:
        refused.append(_other_state(known.name, project.state_position))

    for destination in find_new(destinations_of(project), known.destinations):
        if (
            destination.host != _TWILIO
            and destination.name not in consent
            and destination.name != STATE
        ):
            refused.append(_new(destination, known.name, _position(project, destination.name)))
    if refused:
        raise Refused(*refused)


def _identity(destination: Destination) -> tuple[str, str, str]:
    return destination.credential, destination.host, destination.key


def _of_accounts(project: Project) -> Iterator[Destination]:
    for account in project.accounts.values():
        used = [account.auth_token]
        if account.api_key is not None:
            used = [account.api_key, account.api_secret]
        yield Destination(account.name, _references(used), _host_of_account(account))


def _of_platforms(project: Project) -> Iterator[Destination]:
    for platform in project.platforms.values():
        key = _key(platform)
        yield Destination(platform.name, key, _host(platform.base_url or ""), key)


def _of_tokens(project: Project, chooses: Callable[[str], bool]) -> Iterator[Destination]:
    """Yield the credentials of accounts that platforms get with the numbers that they import."""
    takers: dict[str, PlatformKind] = {}
    for name, platform in project.platforms.items():
        kind = PLATFORM_KINDS[platform.type]
        if kind.needs_token or kind.needs_login:
            takers[name] = kind
    if not takers:
        return

    pairs = set()
    for want in project.desired:
        if want.kind == REGISTRATION and chooses(want.address):
            name = platform_name(want.address)
            if name in takers and not uses_own_trunk(want.profile.attrs):
                pairs.add((name, want.profile.account))

    for name, account in pairs:
        declared = project.accounts.get(account)
        if declared is None:
            continue

        used = [declared.auth_token]
        if takers[name].needs_login and declared.api_key is not None:
            used = [declared.api_key, declared.api_secret]
        references = _references(used)
        if references:
            platform_settings = project.platforms[name]
            host, key = _host(platform_settings.base_url or ""), _key(platform_settings)
            yield Destination(name, references, host, key)


def _of_resources(project: Project, chooses: Callable[[str], bool]) -> Iterator[Destination]:
    """Yield passwords and PINs of resources, by the account or platform that gets them."""
    if not project.secrets:
        return

    owners: dict[str, str] = {}
    for want in project.desired:
        if want.address not in project.secrets:
            continue
        # The password of a trunk goes to the platform as well, which makes calls through the trunk.
        is_registration = want.kind == REGISTRATION
        account = want.profile.account
        owners[want.address] = platform_name(want.address) if is_registration else account

    for address, secrets in project.secrets.items():
        owner = owners.get(address, "") if chooses(address) else ""
        for secret in secrets.values():
            reference = _references([secret])
            if owner in project.accounts:
                host = _host_of_account(project.accounts[owner])
                yield Destination(owner, reference, host)
            elif owner in project.platforms:
                platform = project.platforms[owner]
                host = _host(platform.base_url or "")
                yield Destination(owner, reference, host, _key(platform))


def _of_state(project: Project) -> Iterator[Destination]:
    """Yield the servers that the location of the state names."""
    try:
        servers = find_servers(project.state, {})
    except ValueError:
        return
    for server in servers:
        yield Destination(STATE, "password of the state", str(server.origin))


def _references(secrets: Iterable[Secret | None]) -> str:
    """Return references in one comparable form, in the order in which they are used."""
    found = []
    for secret in secrets:
        if secret is not None:
            found.append(f"env:{secret.env}" if secret.env else f"file:{secret.file}")
    return ", ".join(found)


def _key(platform: PlatformSettings) -> str:
    return _references(platform.secrets.values())


def _host_of_account(account: AccountSettings) -> str:
    return _host(account.base_url) if account.base_url else _TWILIO


def _host(url: str) -> str:
    """Return the origin of a URL; all hosts of Twilio count as one."""
    try:
        origin = read_origin(url)
    except ValueError:
        return url  # of a configuration that is only compared
    if origin.scheme == "https" and origin.host.endswith(_TWILIO[1:]):
        return _TWILIO
    return str(origin)


def _position(project: Project, name: str) -> Position | None:
    if name in project.platforms:
        return project.platforms[name].position
    return project.accounts[name].position if name in project.accounts else None


def _new(destination: Destination, known: str, position: Position | None) -> Diagnostic:
    key = ""
    if destination.key not in ("", destination.credential):
        key = f" (with the key {destination.key})"

    detail = (
        f"`{destination.name}`: the secret {destination.credential} would be sent to {destination.host}{key}, and "
        f"{known} does not send it there. A change could send a secret to a stranger this way. "
        f"Nothing was sent. If this is intended, give consent:\n  --allow-destination {destination.name}"
    )
    return _refusal(detail, position)


def _other_state(known: str, position: Position | None) -> Diagnostic:
    detail = (
        f"`state` names another place than {known}. A change could send the password of the state to "
        "a stranger this way, or plan without what was applied. Nothing was sent. If this is intended, give consent:\n"
        f"  --allow-destination {STATE}"
    )
    return _refusal(detail, position)


def _refusal(detail: str, position: Position | None) -> Diagnostic:
    file, line, column = position if position is not None else (None, None, None)
    return Diagnostic(
        code="new_secret_destination",
        summary="New destination of a secret",
        detail=detail,
        file=file,
        line=line,
        column=column,
    )
