"""Which Twilio account a resource belongs to: what it says, what is declared in, a name or a finding out; pure."""

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
        """The account of a resource: its own, else the default, else the only one; never a guess."""
        name = own or self._default
        if name is not None:
            return name if name in self._names or not self._complete else self.unknown(name)
        if len(self._names) == 1 or not self._complete:
            return next(iter(self._names), FROM_ENVIRONMENT)
        detail = f"There are several accounts ({', '.join(sorted(self._names))}): name one with `account`, or for all "
        return Finding(
            "ambiguous_integration",
            f"{detail}resources with `defaults: {{account: …}}`.",
            (),
            "key",
        )

    def resolve_or_none(self, own: str | None) -> str | None:
        """The account of a resource, None when there is something wrong with it."""
        account = self.resolve(own)
        return account if isinstance(account, str) else None

    def unknown(self, name: str) -> Finding:
        """The finding that no such account is declared."""
        detail = f"`accounts` declares no `{name}`.{suggest_options(name, self._names)}"
        return Finding("no_twilio_integration", detail, ("account",))

    def check_default(self) -> list[Finding]:
        """Whether the default account is declared."""
        name = self._default
        return [self.unknown(name)] if name and self._complete and name not in self._names else []


def account_settings(name: str, account: Account, place: Place) -> AccountSettings:
    """A declared account as a value."""

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
    )


def account_from_environment(environ: Mapping[str, str]) -> AccountSettings:
    """The account that the TWILIO_* variables describe; what is missing there is told when it is needed."""
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
