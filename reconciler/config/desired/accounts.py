"""Resolve the Twilio account of a resource (a name, or a finding), and build account settings from
a declaration or from the TWILIO_* variables; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.config.advice.findings import Finding, suggest_options
from reconciler.config.project import AccountSettings, Secret
from reconciler.config.secrets.references import secret_of
from reconciler.config.sections.account import Account
from reconciler.config.source.nodes import Place

FROM_ENVIRONMENT = "default"


class Accounts:
    """The names of all accounts, and the one for resources that name none."""

    def __init__(self, names: Collection[str], default: str | None, *, complete: bool) -> None:
        self._names = names
        self._default = default
        self._complete = complete

    def resolve(self, own: str | None) -> str | Finding:
        """Return the account of a resource: its own, else the default, else the only one.

        Several accounts without a default are a finding: the account is never guessed.
        """
        name = own or self._default
        if name is not None:
            return name if name in self._names or not self._complete else self.unknown(name)

        # Another account may be declared in a file that could not be read.
        if len(self._names) == 1 or not self._complete:
            return next(iter(self._names), FROM_ENVIRONMENT)

        detail = (
            f"There are several accounts ({', '.join(sorted(self._names))}): name one with "
            "`account`, or for all resources with `defaults: {account: …}`."
        )
        return Finding("ambiguous_integration", detail, (), "key")

    def resolve_or_none(self, own: str | None) -> str | None:
        """Return the account of a resource, or None when it cannot be resolved."""
        account = self.resolve(own)
        return account if isinstance(account, str) else None

    def unknown(self, name: str) -> Finding:
        """Return the finding that no such account is declared."""
        detail = f"`accounts` declares no `{name}`.{suggest_options(name, self._names)}"
        return Finding("no_twilio_integration", detail, ("account",))

    def check_default(self) -> list[Finding]:
        """Check that the default account is declared."""
        name = self._default
        return [self.unknown(name)] if name and self._complete and name not in self._names else []


def account_settings(name: str, account: Account, place: Place) -> AccountSettings:
    """Return a declared account as a value."""
    return AccountSettings(
        name=name,
        sid=account.sid,
        auth_token=secret_of(account, "auth_token", place),
        api_key=secret_of(account, "api_key", place),
        api_secret=secret_of(account, "api_secret", place),
        parent=account.parent,
        region=account.region,
        edge=account.edge,
        base_url=account.base_url,
        position=place.at("key"),
        check_webhook_rules=account.check_webhook_rules,
    )


def account_from_environment(environ: Mapping[str, str]) -> AccountSettings:
    """Return the account that the TWILIO_* variables describe.

    A missing variable is reported when its value is needed.
    """
    # An API key without its secret is unusable, so the auth token is preferred to that.
    by_key = environ.get("TWILIO_API_KEY") and (
        environ.get("TWILIO_API_SECRET") or not environ.get("TWILIO_AUTH_TOKEN")
    )

    def secret(variable: str) -> Secret:
        return Secret(variable, None, None)

    return AccountSettings(
        name=FROM_ENVIRONMENT,
        sid=environ.get("TWILIO_ACCOUNT_SID") or None,
        auth_token=None if by_key else secret("TWILIO_AUTH_TOKEN"),
        api_key=secret("TWILIO_API_KEY") if by_key else None,
        api_secret=secret("TWILIO_API_SECRET") if by_key else None,
        region=environ.get("TWILIO_REGION") or None,
        edge=environ.get("TWILIO_EDGE") or None,
        base_url=environ.get("TWILIO_BASE_URL") or None,
    )
