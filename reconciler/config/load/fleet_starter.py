"""Return the texts of a new fleet file and of the configuration of its stacks, one for each
subaccount.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.config.load.starter import SCHEMA, account_fields, schema_comment
from reconciler.config.source.write import Block, Entry, render_text

CONFIGURATION = "customer.yaml"
FLEET_SCHEMA = "fleet.schema.json"
STATES = "./*.state.json"
"""The states of all stacks, as the ignore file names them."""

_EXAMPLE = """
# Who answers, and on which numbers. Each subaccount has a file of its own, called like its stack:
#
# include: ["numbers/${name}.yaml"]
#
# agents:
#   support:
#     webhooks:
#       voice: https://agents.example.com/${sid}/voice
#
# And in numbers/NAME.yaml:
#
# numbers:
#   "+15550100101": support
"""


class FleetAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers about a new fleet: the beginning of the names of its projects, and the account that
    has the subaccounts, with its name in the configuration.
    """

    project: str
    account_sid: str
    account: str = "main"


def fleet_file(account: str) -> str:
    """Return the fleet file."""
    entries = [
        Entry("version", 1),
        Entry("for_each", {"subaccounts_of": account}),
        Entry("configuration", CONFIGURATION),
        Entry("parallel", 4),
        Entry("stop_after_failures", 10),
    ]
    head = [
        schema_comment(f"./{FLEET_SCHEMA}"),
        f"One stack for each active subaccount of the account {account} in {CONFIGURATION}.",
        "At most 4 stacks run at the same time; after 10 failures no further stack starts.",
    ]
    return render_text(entries, head)


def configuration_file(answers: FleetAnswers, environ: Mapping[str, str]) -> str:
    """Return the configuration of the stacks; it contains secrets only as references."""
    parent = account_fields(answers.account_sid, environ)
    customer = account_fields("${sid}", environ, answers.account_sid)
    accounts = (
        Entry(answers.account, Block(tuple(parent)), above=("Lists the subaccounts.",)),
        Entry(
            _customer(answers),
            Block(tuple(customer)),
            above=("The subaccount of a stack, with the credentials of its parent.",),
        ),
    )
    entries = [
        Entry("version", 1),
        Entry("project", f"{answers.project}-${{id}}"),
        Entry("state", STATES.replace("*", "${id}")),
        Entry("accounts", Block(accounts)),
        Entry("defaults", Block((Entry("account", _customer(answers)),))),
    ]
    head = [
        schema_comment(f"./{SCHEMA}"),
        "The configuration of each stack. Variables from its subaccount: ${sid}, ${id} (the SID in lower",
        "case), ${friendly_name}, and ${name} (made of the friendly name and the end of the SID).",
    ]
    return render_text(entries, head) + _EXAMPLE


def _customer(answers: FleetAnswers) -> str:
    """Return the name of the account of the subaccount, which differs from that of its parent."""
    return "customer" if answers.account != "customer" else "subaccount"
