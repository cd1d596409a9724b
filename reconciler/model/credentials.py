"""Define `Credentials`: name, SID, login, password and server of one Twilio account, and
`TwilioLogin`, what a platform gets of them; `repr` hides secrets. Reads no secret.
"""

from __future__ import annotations

import msgspec


class Credentials(msgspec.Struct, frozen=True):
    """Credentials and server of one Twilio account. `username` is the account's `sid` or the SID of
    an API key.
    """

    name: str
    sid: str
    username: str
    password: str
    region: str | None = None
    edge: str | None = None
    base_url: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r}, sid={self.sid!r}, password='***')"


class TwilioLogin(msgspec.Struct, frozen=True):
    """What a platform may use to sign in to a Twilio account: its auth token, an API key, or both."""

    sid: str
    auth_token: str | None = None
    api_key: str | None = None
    api_secret: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the secret values, which no message may show."""
        return tuple(value for value in (self.auth_token, self.api_secret) if value)

    def __repr__(self) -> str:
        return f"TwilioLogin(sid={self.sid!r}, auth_token='***', api_secret='***')"
