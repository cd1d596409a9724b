"""Build the credential `byo-sip-trunk` of Vapi, which sends calls to a trunk of Twilio and takes
calls from it; sends nothing.

https://docs.vapi.ai/advanced/sip/sip-trunk. A change replaces all gateways, so all are sent each
time. A host name is for outgoing calls only: incoming ones are accepted by network.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from reconciler.kinds.platforms.kind import TERMINATION_URI
from reconciler.model.route import Attrs

SIGNALLING_NETWORKS = (
    "54.172.60.0/30",  # North America, Virginia (us1)
    "54.244.51.0/30",  # North America, Oregon (us2)
    "54.171.127.192/30",  # Europe, Ireland (ie1)
    "35.156.191.128/30",  # Europe, Frankfurt (de1)
    "54.65.63.192/30",  # Asia Pacific, Tokyo (jp1)
    "54.169.127.128/30",  # Asia Pacific, Singapore (sg1)
    "54.252.254.64/30",  # Asia Pacific, Sydney (au1)
    "177.71.206.192/30",  # South America, São Paulo (br1)
)
"""All networks that Twilio signals calls of a trunk from. Any of them may take over from another, so
all are allowed: https://www.twilio.com/docs/sip-trunking/ip-addresses
"""

ATTRIBUTES = frozenset({"trunk_credential", TERMINATION_URI, "username", "password"})
"""The attributes of a registration that make up the credential."""


def to_credential(attrs: Attrs, secrets: Mapping[str, str]) -> dict[str, object]:
    """Return the whole body of a change of the credential.

    Without a user of the trunk the credential keeps the way in which it signs in.
    """
    gateways: list[dict[str, object]] = [
        {"ip": attrs.get(TERMINATION_URI), "inboundEnabled": False, "outboundEnabled": True}
    ]
    for text in SIGNALLING_NETWORKS:
        network = ip_network(text)
        gateways.append(
            {
                "ip": str(network.network_address),
                "netmask": network.prefixlen,
                "inboundEnabled": True,
                "outboundEnabled": False,
            }
        )

    # Twilio accepts outgoing calls to numbers with a leading plus only.
    body: dict[str, object] = {
        "provider": "byo-sip-trunk",
        "gateways": gateways,
        "outboundLeadingPlusEnabled": True,
    }
    if attrs.get("username") is not None:
        plan = {"authUsername": attrs["username"]}
        if "password" in secrets:
            plan["authPassword"] = secrets["password"]
        body["outboundAuthenticationPlan"] = plan
    return body
