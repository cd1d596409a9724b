"""Read the rules of Twilio's webhook configuration of all accounts with webhooks, and return what
they apply to.
"""

from __future__ import annotations

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.planning.checks.webhook_rules import find_rule_effects, list_accounts_to_ask
from reconciler.remote.facts.webhook_rules import read_rules
from reconciler.workflows.session import RunOptions, check_destinations, open_gateways


def find_effects_of_webhook_rules(options: RunOptions, project: Project) -> list[Diagnostic]:
    """Return what the rules of each account apply to, or that they are not known."""
    accounts = list_accounts_to_ask(project.desired, project.accounts)
    check_destinations(options, project)
    with open_gateways(options, project) as gateways:
        facts = read_rules(accounts, gateways)
    return list(find_rule_effects(project.desired, facts, project.accounts))
