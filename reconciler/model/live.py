"""`Live`: one resource as its API returns it."""

from __future__ import annotations

import msgspec

from reconciler.model.route import Attrs, Wire


class Live(msgspec.Struct, frozen=True, gc=False):
    """One resource as its API shows it: raw fields in `wire`, their canonical form in `attrs`.

    `wire` and `attrs` are shared between resources that are configured alike. A number's `attrs` hold voice, sms
    and status; its friendly name stands apart, in `name`, because it differs from number to number. `can_text` is
    false for a number that Twilio says cannot take messages.
    """

    sid: str
    key: str
    account: str
    wire: Wire
    attrs: Attrs
    name: str = ""
    parent: str | None = None
    can_text: bool = True
