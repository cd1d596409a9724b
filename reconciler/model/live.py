"""Define `Live`, one resource as read from its API: SID, key, account, raw fields and their
canonical form.
"""

from __future__ import annotations

import msgspec

from reconciler.model.route import Attrs, Wire


class Live(msgspec.Struct, frozen=True, gc=False):
    """One resource as its API returns it: raw fields in `wire`, their canonical form in `attrs`.

    Resources with equal configuration share `wire` and `attrs`. A number's `attrs` are voice, sms
    and status; its friendly name is in `name`, because it differs from number to number. `can_text`
    and `can_call` are false for a number that Twilio reports as unable to receive messages or
    calls; `receives_fax` is true for one that takes each call as a fax. `fields` are a number's
    other fields in canonical form; None where they were not read.
    """

    sid: str
    key: str
    account: str
    wire: Wire
    attrs: Attrs
    name: str = ""
    parent: str | None = None
    can_text: bool = True
    can_call: bool = True
    receives_fax: bool = False
    fields: Attrs | None = None
