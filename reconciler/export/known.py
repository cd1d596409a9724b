"""A configuration that is there already → what an export may refer to and must not declare again; pure."""

from __future__ import annotations

from reconciler.config.project import Project
from reconciler.export.document import Known
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model import Live
from reconciler.planning.match import names_of
from reconciler.planning.observed import Observed


def of_project(project: Project, observed: Observed, name: str) -> Known:
    """What this configuration declares, with its trunks found among those that are there.

    Where there is none yet, the export is a whole configuration, for a project of this name.
    """
    numbers = [want for want in project.desired if want.kind in NUMBER_KINDS]
    trunks = [want for want in project.desired if want.kind == "trunk"]
    live = [live for address, live in observed.others.items() if address.startswith("trunk/")]
    names: dict[str, str] = {}
    for account in sorted(project.accounts):
        names.update(names_of("trunk", account, trunks, {}, _of_account(live, account)))
    return Known(
        numbers=frozenset(name for want in numbers for name in (want.key, want.sid) if name),
        agents={name: agent.parts for name, agent in project.agents.items()},
        trunks=names,
        names=frozenset(want.key for want in trunks),
        account=project.default_account,
        project=None if project.files else name,
    )


def _of_account(trunks: list[Live], account: str) -> list[Live]:
    return [trunk for trunk in trunks if trunk.account == account]
