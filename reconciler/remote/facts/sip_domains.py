"""The SIP domains of accounts: a plan in → which domains use the lists that it would delete, and
the plan that knows.

A list does not show who uses it, and Twilio deletes none that is used; but by then it would be
empty. Asked only when a plan deletes a list: a call an account, and two or three for each of its
domains, side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.access_list import IP_ACCESS_CONTROL_LIST
from reconciler.kinds.credential_list import CREDENTIAL_LIST
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.table import list_watched_child_kinds
from reconciler.planning.identity.observed import Domains, Observed
from reconciler.planning.plan import Plan
from reconciler.remote.gateway import Gateway

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


def plan_with_domains(
    make: Callable[[Observed], Plan], observed: Observed, gateways: Mapping[str, Gateway]
) -> tuple[Plan, list[Diagnostic]]:
    """The plan of `make`: where it would delete lists, made again knowing which of them SIP domains
    use.

    Never raises RemoteError: domains that cannot be read are a warning, and `Domains.unread` for
    the plan.
    """
    plan = make(observed)
    kinds: dict[str, set[str]] = {}
    emptied: dict[str, set[str]] = {}
    for action in plan.actions:
        above = (action.parent or "").partition("/")[0]
        if action.action == "delete" and action.kind in MAPPINGS:
            kinds.setdefault(action.account, set()).add(action.kind)
        elif action.action == "delete" and action.reason == "drift" and above in MAPPINGS:
            kinds.setdefault(action.account, set()).add(above)
            emptied.setdefault(action.account, set()).add(above)
    if not kinds:
        return plan, []
    using: Using = {}
    problems: dict[str, Diagnostic] = {}
    for account in sorted(kinds):
        try:
            for sid, users in read_lists_in_use(gateways[account], sorted(kinds[account])).items():
                using.setdefault(sid, set()).update(users)
            for sid, users in read_trunks_using(
                gateways[account], sorted(emptied.get(account, ())), observed
            ).items():
                using.setdefault(sid, set()).update(users)
        except RemoteError as error:
            problems[account] = _unreadable_warning(account, error)
    found = Domains(using, frozenset(problems))
    return make(observed.with_domains(found)), list(problems.values())


def read_lists_in_use(gateway: Gateway, kinds: list[str]) -> Using:
    """Which SIP domains of an account use its lists of these kinds. Raises RemoteError."""
    mappings = [mapping for kind in kinds for mapping in MAPPINGS[kind]]
    below = [(row, mapping) for row in gateway.rows(DOMAINS) for mapping in mappings]
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="domains") as pool:
        pages = list(
            pool.map(lambda one: gateway.rows(one[1], domain_sid=str(one[0].get("sid"))), below)
        )
    using: Using = {}
    for (domain, _), lists in zip(below, pages, strict=True):
        for sid in (str(row.get("sid")) for row in lists):
            using.setdefault(sid, set()).add(str(domain.get("domain_name") or domain.get("sid")))
    return using


def read_trunks_using(gateway: Gateway, kinds: list[str], observed: Observed) -> Using:
    """Which trunks of an account that have no name here use its lists of these kinds.

    Raises RemoteError.
    """
    trunks = [
        live.sid
        for address, live in observed.resources.items()
        if live.account == gateway.account and address == f"trunk/{live.sid}"
    ]
    uses = [kind for kind in list_watched_child_kinds("trunk") if kind.refers in kinds]
    asked = [(sid, kind) for sid in trunks for kind in uses]
    if not asked:
        return {}

    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="trunks") as pool:
        pages = list(pool.map(lambda one: gateway.rows(one[1].listing, parent_sid=one[0]), asked))
    using: Using = {}
    for (trunk, _), lists in zip(asked, pages, strict=True):
        for row in lists:
            using.setdefault(str(row.get("sid")), set()).add(trunk)
    return using


def _unreadable_warning(account: str, error: RemoteError) -> Diagnostic:
    said = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="sip_domains_unreadable",
        summary="SIP domains cannot be read",
        detail=f"Whether a SIP domain of account `{account}` uses a list that is to be deleted or "
        "loses members is not known. It is deleted whole, without being emptied first: Twilio "
        "refuses that for a list in use, which then is as it was. Undeclared members are taken off "
        "only with consent. To know beforehand, give the key permission to read SIP domains. "
        f"{said.detail or said.summary}",
    )
