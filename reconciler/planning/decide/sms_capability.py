"""Apply SMS declarations to numbers that cannot take messages; pure.

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
from reconciler.model.identity_map import IdentityMap, list_distinct
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Webhook
from reconciler.planning.decide.compare import live_value
from reconciler.planning.identity.observed import Observed


def without_sms(desired: Sequence[Desired], observed: Observed) -> Sequence[Desired]:
    """Remove the application's messages from the declarations of numbers that cannot take any."""
    voice_only: IdentityMap[Profile] = IdentityMap()
    has_sms_application = False
    for profile in list_distinct(declared.profile for declared in desired):
        if isinstance(profile.attrs.get("sms"), ApplicationRoute):
            voice_only.put(_without_messages(profile), profile)
            has_sms_application = True

    if not has_sms_application:
        return desired
    return [_without_sms_route(declared, voice_only, observed) for declared in desired]


def sms_error(declared: Desired, address: str, live: Live) -> Diagnostic | None:
    """Return why the declared messages of this number cannot be written; None when they can, or are
    there already.
    """
    sms = declared.profile.attrs.get("sms")
    if live.can_text or not isinstance(sms, Webhook) or sms == live_value(live, "sms"):
        return None

    return Diagnostic.at(
        declared.position,
        code="number_cannot_text",
        summary="The number cannot receive messages",
        detail=f"Twilio reports that {live.key} has no SMS, and would refuse {sms.url or sms.fallback_url} (error 21407). "
        "Leave its messages alone with `manage: [voice, status]`, or give it an agent without `sms`.",
        address=address,
    )


def _without_sms_route(
    declared: Desired, voice_only: IdentityMap[Profile], observed: Observed
) -> Desired:
    profile = voice_only.get(declared.profile)
    if profile is None:
        return declared

    # An application that is there already stays as it is.
    live = observed.number(declared.profile.account, declared.key)
    if live is None or live.can_text or live_value(live, "sms") == declared.profile.attrs["sms"]:
        return declared
    return msgspec.structs.replace(declared, profile=profile)


def _without_messages(profile: Profile) -> Profile:
    return msgspec.structs.replace(profile, attrs={**profile.attrs, "sms": None})
