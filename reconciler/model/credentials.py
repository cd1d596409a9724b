"""Define `Credentials`: name, SID, login, password and server of one Twilio account; `repr` hides
the password. Reads no secret.
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
