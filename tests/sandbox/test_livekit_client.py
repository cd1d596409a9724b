"""LiveKit's own client drives the sandbox through every SIP call that it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from reconciler.sandbox.platforms import livekit_protobuf, livekit_rules, livekit_trunks
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

api = pytest.importorskip(
    "livekit.api", reason="livekit-api is not installed: it is among the `test` extras"
)

SECRET = "example-secret-of-at-least-32-characters"
NUMBER, OTHER = "+15550100101", "+15550100102"
REQUIRE = api.SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE
ALLOW = api.SIPMediaEncryption.SIP_MEDIA_ENCRYPT_ALLOW


def call(script: Callable[[api.LiveKitAPI], Awaitable[None]], secret: str = SECRET) -> list[str]:
    """Run a script with LiveKit's client; return the methods that the sandbox was asked for."""
    key = {"platform": "livekit", "key": "key-1", "secret": SECRET}
    with Sandbox(World.from_seed({"format": 1, "platform_keys": [key]})) as sandbox:

        async def run() -> None:
            async with api.LiveKitAPI(f"{sandbox.base_url}/livekit", "key-1", secret) as client:
                await script(client)

        asyncio.run(run())
        return [logged.path.rpartition("/")[2] for logged in sandbox.calls]


async def use_inbound_trunk(client: api.LiveKitAPI) -> None:
    sip = client.sip
    trunk = api.SIPInboundTrunkInfo(
        name="main",
        numbers=[NUMBER],
        allowed_addresses=["203.0.113.7"],
        headers={"X-Team": "support"},
        media=api.SIPMediaConfig(encryption=REQUIRE),
    )
    made = await sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=trunk))
    assert made.sip_trunk_id.startswith("ST_")
    assert (made.name, list(made.numbers)) == ("main", [NUMBER])
    assert dict(made.headers) == {"X-Team": "support"}
    assert made.media.encryption == made.media_encryption == REQUIRE

    changed = await sip.update_inbound_trunk_fields(made.sip_trunk_id, numbers=[OTHER], name="two")
    assert (changed.name, list(changed.numbers)) == ("two", [OTHER])
    assert list(changed.allowed_addresses) == ["203.0.113.7"]
    replaced = await sip.update_inbound_trunk(made.sip_trunk_id, trunk)
    assert (replaced.name, list(replaced.numbers)) == ("main", [NUMBER])

    listed = await sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest(numbers=[NUMBER]))
    assert [item.sip_trunk_id for item in listed.items] == [made.sip_trunk_id]
    await sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id))
    assert not (await sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())).items


async def use_outbound_trunk(client: api.LiveKitAPI) -> None:
    sip = client.sip
    trunk = api.SIPOutboundTrunkInfo(
        name="out",
        address="acme.pstn.twilio.com",
        numbers=[NUMBER],
        transport=api.SIPTransport.SIP_TRANSPORT_TLS,
        media_encryption=ALLOW,
    )
    made = await sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=trunk))
    assert (made.address, made.transport) == ("acme.pstn.twilio.com", trunk.transport)
    assert made.media.encryption == made.media_encryption == ALLOW

    changed = await sip.update_outbound_trunk_fields(made.sip_trunk_id, address="b.pstn.twilio.com")
    assert (changed.address, list(changed.numbers)) == ("b.pstn.twilio.com", [NUMBER])
    replaced = await sip.update_outbound_trunk(made.sip_trunk_id, trunk)
    assert replaced.address == "acme.pstn.twilio.com"
    listed = await sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    assert [item.address for item in listed.items] == ["acme.pstn.twilio.com"]
    await sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id))


async def use_dispatch_rule(client: api.LiveKitAPI) -> None:
    sip = client.sip
    rule = api.SIPDispatchRuleInfo(
        name="to support",
        numbers=[NUMBER],
        rule=api.SIPDispatchRule(
            dispatch_rule_individual=api.SIPDispatchRuleIndividual(room_prefix="call-")
        ),
        attributes={"Line-Name": "support"},
        room_config=api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="support")]),
    )
    made = await sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=rule))
    assert made.sip_dispatch_rule_id.startswith("SDR_")
    assert made.rule.dispatch_rule_individual.room_prefix == "call-"
    assert [agent.agent_name for agent in made.room_config.agents] == ["support"]
    assert dict(made.attributes) == {"Line-Name": "support"}

    changed = await sip.update_dispatch_rule_fields(made.sip_dispatch_rule_id, name="to sales")
    assert (changed.name, list(changed.numbers)) == ("to sales", [NUMBER])
    replaced = await sip.update_dispatch_rule(made.sip_dispatch_rule_id, rule)
    assert replaced.name == "to support"
    listed = await sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
    assert [item.name for item in listed.items] == ["to support"]
    request = api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=made.sip_dispatch_rule_id)
    await sip.delete_dispatch_rule(request)


def test_livekits_client_uses_every_call_of_the_sandbox() -> None:
    called: set[str] = set()
    for script in (use_inbound_trunk, use_outbound_trunk, use_dispatch_rule):
        called.update(call(script))

    served = {route.pattern.rpartition("/")[2] for route in livekit_trunks.ROUTES}
    served |= {route.pattern.rpartition("/")[2] for route in livekit_rules.ROUTES}
    assert called == served


def test_livekit_client_raises_its_own_error_on_a_refusal() -> None:
    async def create_open_trunk(client: api.LiveKitAPI) -> None:
        trunk = api.SIPInboundTrunkInfo(name="open to all")
        with pytest.raises(api.TwirpError) as raised:
            await client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=trunk))
        assert raised.value.code == "invalid_argument"
        assert "for security" in raised.value.message

    call(create_open_trunk)


def test_refuses_a_token_signed_with_a_different_secret() -> None:
    async def list_trunks(client: api.LiveKitAPI) -> None:
        with pytest.raises(api.TwirpError) as raised:
            await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
        assert raised.value.code == "unauthenticated"

    call(list_trunks, secret="another-secret-of-at-least-32-characters")


def test_refuses_bytes_that_are_not_a_message() -> None:
    with pytest.raises(ValueError, match="no message"):
        livekit_protobuf.decode("CreateSIPInboundTrunk", b"\xff\xff\xff")
