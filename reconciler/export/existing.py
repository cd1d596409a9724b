"""A configuration that is there already → what an export may refer to and must not declare again; pure."""

from __future__ import annotations

from reconciler.config.project import Project
from reconciler.export.applications import ApplicationNames
from reconciler.export.document import DeclaredConfig
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.identity.match import names_of
from reconciler.planning.identity.observed import Observed


def find_declared(project: Project, observed: Observed, name: str) -> DeclaredConfig:
    """What this configuration declares, with its trunks and applications found among those that are there.

    Where there is none yet, the export is a whole configuration, for a project of this name.
    """
    numbers = [want for want in project.desired if want.kind in NUMBER_KINDS]
    texts = {
        want.key: want.profile.attrs["sms"] is not None
        for want in _declared("application", project)
    }
    return DeclaredConfig(
        numbers=frozenset(name for want in numbers for name in (want.key, want.sid) if name),
        agents={name: agent.parts for name, agent in project.agents.items()},
        trunks=_named("trunk", project, observed),
        names=frozenset(want.key for want in _declared("trunk", project)),
        applications={
            sid: ApplicationNames(name, texts[name])
            for sid, name in _named("application", project, observed).items()
        },
        application_names=frozenset(texts),
        account=project.default_account,
        project=None if project.files else name,
    )


def _declared(kind: str, project: Project) -> list[Desired]:
    return [want for want in project.desired if want.kind == kind]


def _named(kind: str, project: Project, observed: Observed) -> dict[str, str]:
    """SID → name of what is declared of this kind and there."""
    live = [live for address, live in observed.resources.items() if address.startswith(f"{kind}/")]
    names: dict[str, str] = {}
    for account in sorted(project.accounts):
        mine = (one for one in live if one.account == account)
        names.update(names_of(kind, account, _declared(kind, project), {}, mine))
    return names
