"""Whom to ask about, of the numbers that are declared and not in state yet: where their calls are
answered; pure.

That they are about to change is known before Twilio has said anything, so they are asked about
while it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired, Profile
from reconciler.model.entry import Entry

SAMPLE = 10
"""As many numbers of an account are asked about in one run where it declares no region (decision
6).
"""


def sample_newcomers(
    desired: Sequence[Desired],
    resources: Mapping[str, Entry],
    accounts: Collection[str],
    chosen: Callable[[str], bool] = lambda address: True,
) -> list[tuple[str, str]]:
    """The first `SAMPLE` newcomers of each of these accounts whose address is chosen, as (account,
    E.164).

    None where state holds as much as is declared: then there are hardly any, and they are asked
    about later.
    """
    if len(resources) >= len(desired):
        return []
    counts = dict.fromkeys(accounts, 0)
    found = []
    for want in find_newcomers(desired, resources, accounts):
        account = want.profile.account
        if counts[account] < SAMPLE and chosen(want.address):
            counts[account] += 1
            found.append((account, want.key))
    return found


def find_newcomers(
    desired: Iterable[Desired], resources: Mapping[str, Entry], accounts: Collection[str]
) -> Iterator[Desired]:
    """Numbers of these accounts that are to answer calls and are not in state yet.

    Not those declared by their SID, whose E.164 only Twilio knows, nor those that may have to be
    bought.
    """
    unknown = [
        want for want in desired if want.kind in NUMBER_KINDS and want.address not in resources
    ]
    known = (
        {entry.key for entry in resources.values() if entry.kind in NUMBER_KINDS}
        if unknown
        else set()
    )
    for want in unknown:
        if (
            want.key.startswith("+")
            and want.key not in known
            and _is_asked_about(want.profile, accounts)
        ):
            yield want


def _is_asked_about(profile: Profile, accounts: Collection[str]) -> bool:
    kept = profile.options.observe_only or profile.purchase is not None
    return profile.account in accounts and profile.attrs.get("voice") is not None and not kept
