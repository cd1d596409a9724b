"""Define the pydantic model of `accounts`: the Twilio accounts of numbers, trunks and applications,
and their credentials as references.
"""

from typing import Self

from pydantic import model_validator

from reconciler.config.sections.checks import make_refusal
from reconciler.config.sections.fields import (
    AccountSid,
    SecretReference,
    Section,
    Url,
    Zone,
    mandatory_field,
    optional_field,
)


class Account(Section):
    """A Twilio account: its SID, and an auth token or an API key with its secret."""

    sid: AccountSid = mandatory_field(
        "SID of the account (or subaccount).", "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    )
    auth_token: SecretReference | None = optional_field(
        "Auth token of the account; an API key is safer.", {"env": "TWILIO_AUTH_TOKEN"}
    )
    api_key: SecretReference | None = optional_field(
        "SID of an API key; it needs `api_secret`.", {"env": "TWILIO_API_KEY"}
    )
    api_secret: SecretReference | None = optional_field(
        "Secret of `api_key`.", {"env": "TWILIO_API_SECRET"}
    )
    parent: AccountSid | None = optional_field(
        "SID of the parent account, if `auth_token` or the API key belongs to the parent. Such credentials reach the "
        "numbers of a subaccount, but not its trunks.",
        "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    )
    region: Zone | None = optional_field("Twilio region whose settings are managed.", "ie1")
    edge: Zone | None = optional_field("Twilio edge that receives the requests.", "dublin")
    check_webhook_rules: bool = optional_field(
        "Read the rules of Twilio's webhook configuration in each plan, and report what they apply to.",
        True,
        default=False,
    )
    base_url: Url | None = optional_field(
        "Server that is used instead of Twilio, for example a sandbox.", "http://127.0.0.1:8010"
    )

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if (self.api_key is None) != (self.api_secret is None):
            missing = "api_key" if self.api_key is None else "api_secret"
            raise make_refusal(
                "missing_field",
                f"`api_key` and `api_secret` belong together; `{missing}` is missing.",
            )

        if self.auth_token is None and self.api_key is None:
            raise make_refusal(
                "missing_field", "An account needs `api_key` and `api_secret`, or `auth_token`."
            )

        if self.parent is not None and self.parent == self.sid:
            raise make_refusal(
                "conflicting_fields",
                "`parent` is the account itself: leave it out when the credentials are the account's own.",
            )
        return self
