"""Look up a secret of a platform, an account or a SIP number of the project when a call needs it;
no secret is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.codes import diagnostic
from reconciler.config.formats import normal_sid
from reconciler.config.project import Project
from reconciler.config.secrets.references import reveal, reveal_header
from reconciler.errors import ReconcilerError
from reconciler.model.credentials import TwilioLogin


class ProjectVault:
    """The secrets of a project. Every method raises ReconcilerError `secret_not_found`."""

    def __init__(self, project: Project, environ: Mapping[str, str]) -> None:
        self._project = project
        self._environ = environ

    def platform(self, name: str, field: str) -> str:
        """Return a secret of a platform, by the name of its setting."""
        return reveal_header(
            self._project.platforms[name].secrets[field], self._environ, self._project.base
        )

    def organization(self, name: str) -> str:
        """Return the organisation id of a platform, which is no secret; "" where it has none."""
        return self._project.platforms[name].texts.get("organization_id", "")

    def twilio(self, account: str) -> tuple[str, str]:
        """Return SID and auth token of an account; the planner refuses accounts without a token."""
        settings = self._project.accounts[account]
        if settings.auth_token is None:
            detail = f"The account `{account}` has no `auth_token`."
            raise ReconcilerError(diagnostic("secret_not_found", detail, settings.position))
        return normal_sid(settings.sid or ""), reveal(
            settings.auth_token, self._environ, self._project.base
        )

    def login(self, account: str) -> TwilioLogin:
        """Return SID, auth token and API key of an account, as far as it declares them."""
        settings = self._project.accounts[account]
        values: list[str | None] = []
        for secret in (settings.auth_token, settings.api_key, settings.api_secret):
            value = None
            if secret is not None:
                value = reveal(secret, self._environ, self._project.base)
            values.append(value)

        token, key, key_secret = values
        return TwilioLogin(normal_sid(settings.sid or ""), token, key, key_secret)

    def sip(self, address: str) -> Mapping[str, str]:
        """Return password and PIN of a number outside Twilio, as far as it has them."""
        secrets = self._project.secrets.get(address, {})
        return {
            name: reveal(secret, self._environ, self._project.base)
            for name, secret in secrets.items()
        }
