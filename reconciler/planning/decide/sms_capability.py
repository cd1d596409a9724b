"""Numbers that cannot take messages: what a declaration means for one, and when it means nothing;
pure.

| declared for SMS      | on a number that cannot take messages                                     |
|-----------------------|---------------------------------------------------------------------------|
| a webhook             | an error: Twilio refuses it (21407), and the rest of the same call with it |
| an application        | its calls alone: ``SmsApplicationSid`` is left empty, or as it is if it    |
|                       | is there already                                                          |
| nothing               | nothing                                                                   |
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.desired import Desired, Profile
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Webhook
from reconciler.planning.decide.compare import live_value
from reconciler.planning.identity.observed import Observed


def without_sms(desired: Sequence[Desired], observed: Observed) -> Sequence[Desired]:
    """The same declarations, without the application's messages on numbers that cannot take any."""
    profiles = {id(want.profile): want.profile for want in desired}
    voice_only = {
        key: _without_messages(profile)
        for key, profile in profiles.items()
        if isinstance(profile.attrs.get("sms"), ApplicationRoute)
    }
    return (
        [_without_sms_route(want, voice_only, observed) for want in desired]
        if voice_only
        else desired
    )


def sms_error(want: Desired, address: str, live: Live) -> Diagnostic | None:
    """Why the declared messages of this number cannot be written; None when they can, or are there
    already.
    """
    sms = want.profile.attrs.get("sms")
    if live.can_text or not isinstance(sms, Webhook) or sms == live_value(live, "sms"):
        return None
    file, line, column = want.position
    return Diagnostic(
        code="number_cannot_text",
        summary="The number cannot take messages",
        detail=f"Twilio says that {live.key} has no SMS, and would refuse {sms.url or sms.fallback_url} (error 21407). "
        "Leave its messages alone with `manage: [voice, status]`, or give it an agent without `sms`.",
        address=address,
        file=file,
        line=line,
        column=column,
    )


def _without_sms_route(
    want: Desired, voice_only: dict[int, Profile], observed: Observed
) -> Desired:
    profile = voice_only.get(id(want.profile))
    live = observed.number(want.profile.account, want.key) if profile is not None else None
    if (
        profile is None
        or live is None
        or live.can_text
        or live_value(live, "sms") == want.profile.attrs["sms"]
    ):
        return want
    return msgspec.structs.replace(want, profile=profile)


def _without_messages(profile: Profile) -> Profile:
    return msgspec.structs.replace(profile, attrs={**profile.attrs, "sms": None})
