"""Report each trunk in a subaccount that has only the credentials of its parent, which cannot reach
it; pure.

The paths of the 2010 API name the account, so a parent's credentials work for
`/Accounts/{subaccount}/…`. The paths of the newer APIs (trunking, monitor, messaging) do not: they
act on the account whose credentials they get.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.advice.findings import Finding, place_findings
from reconciler.config.desired.accounts import Accounts
from reconciler.config.sections.declared import Settings
from reconciler.diagnostics import Diagnostic


def find_unreachable(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    """Yield a problem for each trunk in an account that uses the credentials of its parent."""
    by_parent = set()
    for name, entry in settings.accounts.items():
        if entry.value and entry.value.parent:
            by_parent.add(name)

    for name, (place, trunk) in settings.trunks.items():
        account = accounts.resolve_or_none(trunk.account) if trunk is not None else None
        if trunk is not None and account in by_parent:
            side = ("account",) if trunk.account else ()
            finding = Finding(
                "subaccount_credentials", _detail(account), side, "value" if side else "key"
            )
            yield from place_findings([finding], place, f"trunk/{name}")


def _detail(account: str) -> str:
    return (
        "Twilio creates a trunk in the account whose credentials are sent, and the credentials of "
        f"`{account}` belong to its `parent`. Give `{account}` an API key (or the auth token) of the "
        "subaccount itself, and leave out `parent`. Numbers work either way."
    )
