"""Report hosts in the files that no secret may be sent to, and secret files outside the allowed
folders; list the secret references of accounts, platforms and keys.

This needs no secret and sends nothing, so `validate` finds all problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.config.advice.findings import find_place
from reconciler.config.codes import diagnostic
from reconciler.config.confinement import explain_outside, locate_secret
from reconciler.config.project import Secret
from reconciler.config.secrets.allow_list import AllowList, Use, find_objection, read_allow_list
from reconciler.config.secrets.hosts import read_origin
from reconciler.config.secrets.references import secret_of, to_secret
from reconciler.config.secrets.state_locations import find_servers
from reconciler.config.sections.checks import is_location
from reconciler.config.sections.declared import Settings
from reconciler.config.source.nodes import Place
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.table import PLATFORM_KINDS

if TYPE_CHECKING:
    from reconciler.config.sections.general import Header
    from reconciler.config.sections.platform import AnyPlatform

_OF_ACCOUNT = ("auth_token", "api_key", "api_secret")
_UNUSUAL = "It is not certain which host would be connected to: "


def check_hosts(settings: Settings, environ: Mapping[str, str]) -> list[Diagnostic]:
    """Report every host in the files that no secret may be sent to."""
    try:
        allowed = read_allow_list(environ)
    except ValueError as error:
        return [diagnostic("host_not_allowed", str(error), None)]
    return [
        *_check_accounts(settings, allowed),
        *_check_platforms(settings, allowed),
        *_check_state(settings, allowed, environ),
    ]


def list_header_secrets(settings: Settings) -> list[Secret]:
    """Return the references of accounts, platforms and keys; those of resources are elsewhere."""
    found: list[Secret | None] = []
    for place, account in settings.accounts.values():
        if account is not None:
            found += [secret_of(account, field, place) for field in _OF_ACCOUNT]
    for place, platform in settings.platforms.values():
        if platform is not None:
            secrets = PLATFORM_KINDS[platform.type].secret_settings
            found += [secret_of(platform, field, place) for field in secrets]

    if settings.header is not None:
        found += _keys(settings.header, settings.header_places)
    return [secret for secret in found if secret is not None]


def check_secret_files(
    secrets: Iterable[Secret], base: Path, environ: Mapping[str, str]
) -> list[Diagnostic]:
    """Report every reference to a file outside the folders in which secrets may be."""
    problems = []
    known: dict[str, str] = {}
    for secret in secrets:
        if secret.file is None:
            continue
        if secret.file not in known:
            known[secret.file] = _find_fault(secret.file, base, environ)
        if known[secret.file]:
            problems.append(
                diagnostic("secret_outside_project", known[secret.file], secret.position)
            )
    return problems


def _keys(header: Header, places: Mapping[str, Place]) -> Iterator[Secret]:
    if header.fingerprint_key is not None:
        yield to_secret(header.fingerprint_key, places["fingerprint_key"].at("value"))
    for index, key in enumerate(header.encryption_key or ()):
        place = places["encryption_key"]
        yield to_secret(key, (place.child(index) or place).at("value"))


def _find_fault(path: str, base: Path, environ: Mapping[str, str]) -> str:
    try:
        located = locate_secret(path, base, environ)
    except (OSError, ValueError):
        return ""  # no such file; reported when the secret is needed
    return "" if located is not None else explain_outside(path)


def _check_accounts(settings: Settings, allowed: AllowList) -> Iterator[Diagnostic]:
    for place, account in settings.accounts.values():
        if account is not None and account.base_url is not None:
            yield from _check_base_url(account.base_url, place, allowed, "account")


def _check_platforms(settings: Settings, allowed: AllowList) -> Iterator[Diagnostic]:
    for place, platform in settings.platforms.values():
        if platform is not None:
            yield from _check_base_url(platform.base_url, place, allowed, "platform", platform)


def _check_base_url(
    url: str, entry: Place, allowed: AllowList, use: Use, platform: AnyPlatform | None = None
) -> Iterator[Diagnostic]:
    position = find_place(entry, ("base_url",)).at("value")
    try:
        origin = read_origin(url)
        if "?" in url or "#" in url:
            raise ValueError("it has a query or a fragment")
    except ValueError as error:
        yield diagnostic("host_not_allowed", f"{_UNUSUAL}{error}.", position)
        return

    objection = find_objection(
        origin, allowed, use, platform=platform.type if platform is not None else ""
    )
    if objection:
        yield diagnostic("host_not_allowed", objection, position)


def _check_state(
    settings: Settings, allowed: AllowList, environ: Mapping[str, str]
) -> Iterator[Diagnostic]:
    place = settings.header_places.get("state")
    if place is None or not isinstance(place.node, str) or not is_location(place.node):
        return  # its own problem is reported elsewhere
    location, position = str(place.node), place.at("value")
    try:
        servers = find_servers(location, environ)
    except ValueError as error:
        yield diagnostic("host_not_allowed", f"{_UNUSUAL}{error}.", position)
        return
    objections = dict.fromkeys(
        find_objection(
            server.origin, allowed, "state", encrypted=server.encrypted, location=location
        )
        for server in servers
    )
    for objection in objections:
        if objection:
            yield diagnostic("host_not_allowed", objection, position)
