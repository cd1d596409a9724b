"""Connect each platform adapter to the embedded sandbox, with two numbers and two agents."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import NamedTuple

from reconciler.config.project import PlatformSettings, Secret
from reconciler.model.credentials import TwilioLogin
from reconciler.model.position import Position
from reconciler.model.route import Attrs
from reconciler.remote.gateway import CallRecord, Wait
from reconciler.remote.platforms.contract import Adapter, RegistrationRequest
from reconciler.remote.platforms.registry import connect
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.scripted_server import FakeClock

AC, TOKEN = "AC" + "0d" * 16, "pl4nted-twilio-token"
ONE, TWO = "+15550100101", "+15550100102"
UUIDS = [f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in range(1, 6)]
KEY, SECRET = "pl4nted-key:pl4nted-half", "pl4nted-secret-of-at-least-32-characters"
PASSWORD, PIN = "pl4nted-password", "48151623"


class Kind(NamedTuple):
    """A platform type with the attributes that the tests use."""

    type: str
    connection: str
    attrs: Attrs
    other: Attrs
    twilio: bool = True


KINDS = {
    kind.type: kind
    for kind in (
        Kind("nixflex", "", {"agent": "agent_1"}, {"agent": "agent_2"}),
        Kind(
            "feather",
            UUIDS[0],
            {"bridge": False, "agent": UUIDS[1], "outbound_agent": None, "sms_agent": None},
            {"agent": UUIDS[2]},
        ),
        Kind(
            "butter",
            "intg_a1b2c3d4e5f6",
            {"agent": "agent_1", "supports_inbound": True, "supports_outbound": True},
            {"agent": "agent_2"},
        ),
        Kind("dasha", UUIDS[0], {"agent": UUIDS[1]}, {"agent": UUIDS[2]}),
        Kind(
            "retell",
            "",
            {
                "agent": "agent_1",
                "outbound_agent": None,
                "termination_uri": "edge.pstn.twilio.com",
                "username": "agents",
                "transport": "TLS",
                "friendly_name": "Desk",
                "inbound_countries": "GB,US",
                "outbound_countries": None,
            },
            {"agent": "agent_2"},
        ),
        Kind(
            "vapi",
            "",
            {
                "agent": UUIDS[1],
                "provider": "twilio",
                "sms_enabled": False,
                "credentials": "as declared",
            },
            {"agent": f"squad:{UUIDS[3]}"},
        ),
        Kind("ravan", "", {"friendly_name": "Sales", "price": "1.15"}, {}),
        Kind(
            "livekit",
            "",
            {
                "supports_inbound": True,
                "supports_outbound": True,
                "server_address": "sip.example.com",
                "agent": "a",
            },
            {"agent": "b"},
            twilio=False,
        ),
        Kind(
            "elevenlabs",
            "",
            {"provider": "twilio", "supports_inbound": True, "agent": "agent_1"},
            {"agent": "agent_2"},
        ),
    )
}


class LiteralVault:
    """Return secrets that are constants of this module."""

    __test__ = False

    def platform(self, name: str, field: str) -> str:
        return KEY if field == "api_key" else SECRET

    def organization(self, name: str) -> str:
        return "org_1"

    def twilio(self, account: str) -> tuple[str, str]:
        return AC, TOKEN

    def login(self, account: str) -> TwilioLogin:
        return TwilioLogin(AC, TOKEN)

    def sip(self, address: str) -> Mapping[str, str]:
        return {"password": PASSWORD, "pin": PIN}


def world() -> World:
    """Return a world with two numbers whose account is connected to all platforms."""
    numbers = [
        {"sid": f"PN{n:032x}", "account_sid": AC, "phone_number": e164}
        for n, e164 in enumerate((ONE, TWO), 1)
    ]
    return World.from_seed(
        {
            "format": 1,
            "accounts": [{"sid": AC, "auth_token": TOKEN}],
            "numbers": numbers,
            "nixflex_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "feather_connections": [{"id": UUIDS[0], "account_sid": AC}],
            "feather_assistants": [{"id": UUIDS[1]}, {"id": UUIDS[2]}],
            "butter_integrations": [{"integration_id": "intg_a1b2c3d4e5f6", "account_sid": AC}],
            "butter_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "dasha_providers": [{"id": UUIDS[0], "accountSid": AC, "name": "main"}],
            "dasha_agents": [{"id": UUIDS[1]}, {"id": UUIDS[2]}],
            "ravan_connections": [{"account_sid": AC}],
            "elevenlabs_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "retell_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "vapi_assistants": [{"id": UUIDS[1]}, {"id": UUIDS[2]}],
            "vapi_squads": [{"id": UUIDS[3]}],
        }
    )


class AdapterRunner:
    """Hold one adapter, its sandbox, and the calls and waits that it reported."""

    def __init__(self, sandbox: Sandbox, kind: Kind, **more: object) -> None:
        self.sandbox = sandbox
        self.kind = kind
        self.records: list[CallRecord] = []
        self.waits: list[Wait] = []
        self.stop = Event()
        place = Position("reconciler.yaml", 1, 1)
        settings = PlatformSettings(
            name="p",
            type=kind.type,
            base_url=f"{sandbox.base_url}/{kind.type}",
            secrets={
                "api_key": Secret("KEY", None, place),
                "api_secret": Secret("SECRET", None, place),
            },
            connections={"main": kind.connection} if kind.connection else {},
            texts={"organization_id": "org_1"},
            position=place,
        )
        self.clock = FakeClock()
        self.adapter: Adapter = connect(
            settings,
            LiteralVault(),
            stop=self.stop,
            on_call=self.records.append,
            on_wait=self.waits.append,
            clock=self.clock,
            jitter=lambda: 1.0,
            **more,  # type: ignore[arg-type]
        )

    def asked(self, key: str = ONE, attrs: Attrs | None = None) -> RegistrationRequest:
        """Return the request to register this number."""
        attrs = self.kind.attrs if attrs is None else attrs
        address = f"registration/p/{key}"
        if not self.kind.twilio:
            return RegistrationRequest(address, key, attrs)
        return RegistrationRequest(address, key, attrs, "main", self.sandbox.world.number(key).sid)

    @property
    def writes(self) -> int:
        """Count the writing calls to the platform. LiveKit and Retell also read with POST."""
        reads = ("/List", "/v2/list-")
        written = 0
        for call in self.sandbox.calls:
            written += call.is_write and not any(read in call.path for read in reads)
        return written
