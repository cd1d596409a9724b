"""Collect the declarations of an existing configuration, which an export refers to and does not
repeat; pure.
"""

from __future__ import annotations

from reconciler.config.project import Project
from reconciler.export.applications import ApplicationNames
from reconciler.export.document import DeclaredConfig
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.desired import Desired
from reconciler.planning.identity.match import find_names
from reconciler.planning.identity.observed import Observed


def find_declared(project: Project, observed: Observed, name: str) -> DeclaredConfig:
    """Collect the declarations of this configuration, with the SIDs of its live trunks and
    applications.

    Without a configuration, the export is a whole one, for a project of this name.
    """
    numbers: set[str] = set()
    for resource in project.desired:
        if resource.kind in NUMBER_KINDS:
            numbers.add(resource.key)
            if resource.sid:
                numbers.add(resource.sid)

    texts: dict[str, bool] = {}
    for application in _select(project, "application"):
        texts[application.key] = application.profile.attrs["sms"] is not None

    applications: dict[str, ApplicationNames] = {}
    for sid, application_name in _live_names("application", project, observed).items():
        applications[sid] = ApplicationNames(application_name, texts[application_name])

    return DeclaredConfig(
        numbers=frozenset(numbers),
        agents={name: agent.parts for name, agent in project.agents.items()},
        trunks=_live_names("trunk", project, observed),
        names=frozenset(trunk.key for trunk in _select(project, "trunk")),
        services=_live_names("messaging_service", project, observed),
        service_names=frozenset(each.key for each in _select(project, "messaging_service")),
        applications=applications,
        application_names=frozenset(texts),
        recipes=project.recipes,
        platform_names=frozenset([*project.platforms, *project.recipes]),
        account=project.default_account,
        project=None if project.files else name,
    )


def _select(project: Project, kind: str) -> list[Desired]:
    return [resource for resource in project.desired if resource.kind == kind]


def _live_names(kind: str, project: Project, observed: Observed) -> dict[str, str]:
    """Return SID → name of the declared resources of this kind that exist."""
    live = [
        live for address, live in observed.resources.items() if Address.parse(address).kind == kind
    ]
    names: dict[str, str] = {}
    for account in sorted(project.accounts):
        of_account = [one for one in live if one.account == account]
        names.update(find_names(kind, account, _select(project, kind), {}, of_account))
    return names
