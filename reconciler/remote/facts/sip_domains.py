"""Read which SIP domains and unmanaged trunks use the lists that a plan would delete or empty; an
account that cannot be read gives a warning.

A list does not show who uses it. Twilio refuses to delete a used list, but by then it would be
empty. Read only if a plan deletes a list: one call for each account, and two or three for each of
its domains, several at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.access_list import IP_ACCESS_CONTROL_LIST
from reconciler.kinds.credential_list import CREDENTIAL_LIST
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.table import list_watched_child_kinds
from reconciler.model.route import Json
from reconciler.planning.checks.list_users import ListUsersQuestion
from reconciler.planning.identity.observed import Domains, Observed
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each

_PATH = "/2010-04-01/Accounts/{account_sid}/SIP/Domains"
_WORKERS = 8


def _listing(path: str, items: str) -> Endpoint:
    return Endpoint("GET", "api", f"{_PATH}{path}.json", items=items, optional=True)


DOMAINS = _listing("", "domains")
MAPPINGS = {
    IP_ACCESS_CONTROL_LIST.name: (
        _listing("/{domain_sid}/Auth/Calls/IpAccessControlListMappings", "contents"),
        _listing("/{domain_sid}/IpAccessControlListMappings", "ip_access_control_list_mappings"),
    ),
    CREDENTIAL_LIST.name: (
        _listing("/{domain_sid}/Auth/Calls/CredentialListMappings", "contents"),
        _listing("/{domain_sid}/Auth/Registrations/CredentialListMappings", "contents"),
        _listing("/{domain_sid}/CredentialListMappings", "credential_list_mappings"),
    ),
}
"""Kind of list → every way in which a domain may use one."""

Using = dict[str, set[str]]
"""SID of a list → the names of the domains that use it."""


def read_list_users(
    questions: Iterable[ListUsersQuestion], gateways: Mapping[str, Gateway], observed: Observed
) -> tuple[Domains, list[Diagnostic]]:
    """Return the users of lists that a plan would delete or empty; never raises RemoteError.

    An account whose domains cannot be read is in `unread`, with a warning.
    """
    users: Using = {}
    problems: dict[str, Diagnostic] = {}
    for question in questions:
        gateway = gateways[question.account]
        try:
            _add_users(users, read_lists_in_use(gateway, sorted(question.kinds)))
            _add_users(users, read_trunks_using(gateway, sorted(question.emptied), observed))
        except RemoteError as error:
            problems[question.account] = _unreadable_warning(question.account, error)
    return Domains(users, frozenset(problems)), list(problems.values())


def _add_users(users: Using, more: Using) -> None:
    for sid, names in more.items():
        users.setdefault(sid, set()).update(names)


def read_lists_in_use(gateway: Gateway, kinds: list[str]) -> Using:
    """Return which SIP domains of an account use its lists of these kinds. Raises RemoteError."""
    mappings: list[Endpoint] = []
    for kind in kinds:
        mappings += MAPPINGS[kind]
    listings: list[tuple[dict[str, Json], Endpoint]] = []
    for domain in gateway.rows(DOMAINS):
        listings += [(domain, mapping) for mapping in mappings]

    def read(listing: tuple[dict[str, Json], Endpoint]) -> list[dict[str, Json]]:
        domain, mapping = listing
        return gateway.rows(mapping, domain_sid=str(domain.get("sid")))

    pages = map_each(read, listings, workers=_WORKERS, name="domains")

    users: Using = {}
    for (domain, _), rows in zip(listings, pages, strict=True):
        name = str(domain.get("domain_name") or domain.get("sid"))
        for row in rows:
            users.setdefault(str(row.get("sid")), set()).add(name)
    return users


def read_trunks_using(gateway: Gateway, kinds: list[str], observed: Observed) -> Using:
    """Return which trunks without a name here use lists of these kinds. Raises RemoteError."""
    trunks: list[str] = []
    for address, live in observed.resources.items():
        if live.account == gateway.account and address == f"trunk/{live.sid}":
            trunks.append(live.sid)
    uses = [kind for kind in list_watched_child_kinds("trunk") if kind.refers in kinds]
    listings: list[tuple[str, Endpoint]] = []
    for trunk in trunks:
        listings += [(trunk, kind.listing) for kind in uses]

    def read(listing: tuple[str, Endpoint]) -> list[dict[str, Json]]:
        trunk, endpoint = listing
        return gateway.rows(endpoint, parent_sid=trunk)

    pages = map_each(read, listings, workers=_WORKERS, name="trunks")
    users: Using = {}
    for (trunk, _), rows in zip(listings, pages, strict=True):
        for row in rows:
            users.setdefault(str(row.get("sid")), set()).add(trunk)
    return users


def _unreadable_warning(account: str, error: RemoteError) -> Diagnostic:
    cause = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="sip_domains_unreadable",
        summary="SIP domains cannot be read",
        detail=f"A list that is to be deleted or to lose members may be used by a SIP domain of "
        f"account `{account}`. The list is deleted whole, without being emptied first: Twilio "
        "refuses that for a used list, which then stays unchanged. Undeclared members are removed "
        "only with consent. To check this in advance, give the key permission to read SIP domains. "
        f"{cause.detail or cause.summary}",
    )
