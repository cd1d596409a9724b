"""Connect a project's platform adapters at first use, add the numbers on platforms to what Twilio
has, and return the platform facts that planning needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Event

from reconciler.config.project import Project
from reconciler.config.secrets.vault import ProjectVault
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.decide.registrations import Platforms
from reconciler.planning.identity.observed import Observed
from reconciler.remote.gateway import CallRecord, Wait
from reconciler.remote.platforms.contract import Adapter
from reconciler.remote.platforms.observe import find_platforms, observe_platforms


class Adapters(dict[str, Adapter]):
    """The adapters of all platforms, each connected at its first use."""

    def __init__(
        self,
        project: Project,
        environ: Mapping[str, str],
        *,
        stop: Event,
        on_call: Callable[[CallRecord], None] | None,
        on_wait: Callable[[Wait], None] | None = None,
    ) -> None:
        super().__init__()
        self._project = project
        self._vault = ProjectVault(project, environ)

        self._stop = stop
        self._on_call = on_call
        self._on_wait = on_wait

    def __missing__(self, name: str) -> Adapter:
        from reconciler.remote.platforms.registry import connect  # most projects have no platform

        settings = self._project.platforms[name]
        self[name] = adapter = connect(
            settings, self._vault, stop=self._stop, on_call=self._on_call, on_wait=self._on_wait
        )
        return adapter

    def extend_observed(
        self, observed: Observed, desired: Sequence[Desired], resources: Mapping[str, Entry]
    ) -> Observed:
        """Return what was observed on Twilio, extended by the numbers on the platforms.

        Raises RemoteError, ReconcilerError.
        """
        declared = self._project.platforms.keys()
        names = sorted(find_platforms(desired, resources) & declared) if declared else []
        if not names:
            return observed

        # Connected here, in one thread: threads must not do it at the same time.
        used = {name: self[name] for name in names}
        found = observe_platforms(names, desired, resources, used, self._vault)
        return observed.with_registrations(found.registrations, found.partial, found.problems)


def platform_facts(project: Project) -> Platforms:
    """Return what planning needs to know of the platforms."""
    types = {name: platform.type for name, platform in project.platforms.items()}

    # Credentials of a parent account do not sign in to the subaccount as its own do.
    tokens: set[str] = set()
    logins: set[str] = set()
    for name, account in project.accounts.items():
        if account.parent is not None:
            continue
        logins.add(name)
        if account.auth_token is not None:
            tokens.add(name)

    return Platforms(types, frozenset(tokens), frozenset(logins))
