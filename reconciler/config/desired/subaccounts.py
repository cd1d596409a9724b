"""What the credentials of a parent account cannot do for a subaccount; pure.

The 2010 API has the account in its paths, so a parent's credentials act on `/Accounts/{subaccount}/…`. The newer APIs
(trunking, monitor, messaging) have none: they act on the account whose credentials they get.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.advice.findings import Finding, place_findings
from reconciler.config.desired.accounts import Accounts
from reconciler.config.sections.declared import Settings
from reconciler.diagnostics import Diagnostic


def find_unreachable(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    """A problem for each trunk in an account that is reached by the credentials of its parent."""
    by_parent = {
        name for name, entry in settings.accounts.items() if entry.value and entry.value.parent
    }
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
        f"Trunks are made in the account whose credentials are sent, and those of `{account}` belong to its `parent`. "
        f"Give `{account}` an API key (or the auth token) of the subaccount itself and leave out `parent`; numbers can "
        "be reached either way."
    )
