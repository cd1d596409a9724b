"""Describe LiveKit: settings, possible calls, fields that can change; sends nothing. It takes
numbers outside Twilio only, as SIP trunks and a dispatch rule.
"""

from __future__ import annotations

from reconciler.kinds.platforms.kind import PlatformField, PlatformKind, api_key, base_url

LIVEKIT = PlatformKind(
    type="livekit",
    model_name="LiveKit",
    title="LiveKit",
    summary="LiveKit.",
    settings=(
        base_url(example="https://acme.livekit.cloud"),
        api_key(),
        PlatformField(
            name="api_secret",
            form="secret",
            description="API secret.",
            example="LIVEKIT_SECRET",
        ),
    ),
    api_host="*.livekit.cloud",
    webhook_domains=("livekit.cloud",),
    can=frozenset({"list", "create", "update", "delete", "link"}),
    serves=frozenset({"sip"}),
    updates=(
        "agent",
        "supports_inbound",
        "supports_outbound",
        "media_encryption",
        "trunk_name",
        "room_name",
        "server_address",
        "username",
        "password",
        "pin",
    ),
)
