"""`Credentials`: how to sign in to one Twilio account."""

from __future__ import annotations

import msgspec


class Credentials(msgspec.Struct, frozen=True):
    """How one Twilio account is reached. `sid` is the account's; `username` it or an API key; seconds for time-outs."""

    name: str
    sid: str
    username: str
    password: str
    region: str | None = None
    edge: str | None = None
    base_url: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r}, sid={self.sid!r}, password='***')"
