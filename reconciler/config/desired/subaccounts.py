"""Report each trunk and messaging service in a subaccount that has only the credentials of its
parent, which cannot reach it; pure.

The paths of the 2010 API name the account, so a parent's credentials work for
`/Accounts/{subaccount}/…`. The paths of the newer APIs (trunking, monitor, messaging) do not: they
act on the account whose credentials they get.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.advice.findings import Finding, place_findings
from reconciler.config.desired.accounts import Accounts
from reconciler.config.sections.declared import Checked, Settings
from reconciler.diagnostics import Diagnostic


def find_unreachable(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    """Yield a problem for each trunk or messaging service in an account that uses the credentials of
    its parent.
    """
    by_parent = set()
    for name, entry in settings.accounts.items():
        if entry.value and entry.value.parent:
            by_parent.add(name)

    for kind, entries in (
        ("trunk", settings.trunks),
        ("messaging_service", settings.messaging_services),
    ):
        yield from _find_in_accounts(kind, entries, accounts, by_parent)


def _find_in_accounts(
    kind: str, entries: Mapping[str, Checked[Any]], accounts: Accounts, by_parent: set[str]
) -> Iterator[Diagnostic]:
    """Yield a problem for each of these entries in one of these accounts."""
    for name, (place, value) in entries.items():
        account = accounts.resolve_or_none(value.account) if value is not None else None
        if value is not None and account in by_parent:
            side = ("account",) if value.account else ()
            detail = _detail(kind.replace("_", " "), account)
            finding = Finding("subaccount_credentials", detail, side, "value" if side else "key")
            yield from place_findings([finding], place, f"{kind}/{name}")


def _detail(kind: str, account: str) -> str:
    return (
        f"Twilio creates a {kind} in the account whose credentials are sent, and the credentials of "
        f"`{account}` belong to its `parent`. Give `{account}` an API key (or the auth token) of the "
        "subaccount itself, and leave out `parent`. Numbers work either way."
    )
