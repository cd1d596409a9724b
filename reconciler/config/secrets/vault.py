"""The secrets of a project, each looked up at the moment when a call needs it; never keeps one."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.codes import diagnostic
from reconciler.config.formats import normal_sid
from reconciler.config.project import Project
from reconciler.config.secrets.references import reveal
from reconciler.errors import ReconcilerError


class ProjectVault:
    """What the references of a configuration lead to. Every method raises ReconcilerError `secret_not_found`."""

    def __init__(self, project: Project, environ: Mapping[str, str]) -> None:
        self._project = project
        self._environ = environ

    def platform(self, name: str, field: str) -> str:
        """A secret of a platform: its `api_key`, its `api_secret`."""
        return reveal(
            self._project.platforms[name].secrets[field], self._environ, self._project.base
        )

    def organization(self, name: str) -> str:
        """The organisation of a platform that wants one named; no secret."""
        return self._project.platforms[name].organization_id or ""

    def twilio(self, account: str) -> tuple[str, str]:
        """SID and auth token of a Twilio account; only for one that has a token (`planning` refuses the others)."""
        settings = self._project.accounts[account]
        if settings.auth_token is None:
            detail = f"The account `{account}` has no `auth_token`."
            raise ReconcilerError(diagnostic("secret_not_found", detail, settings.position))
        return normal_sid(settings.sid or ""), reveal(
            settings.auth_token, self._environ, self._project.base
        )

    def sip(self, address: str) -> Mapping[str, str]:
        """Password and PIN of a number outside Twilio, as far as it has them."""
        secrets = self._project.secrets.get(address, {})
        return {
            name: reveal(secret, self._environ, self._project.base)
            for name, secret in secrets.items()
        }
