"""A number and a platform in one embedded sandbox, applied in this process: one world for each case of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from reconciler.kinds.number import WIRE_FIELDS
from reconciler.sandbox.platforms import (
    butter,
    dasha_rows,
    elevenlabs_rows,
    feather_bridges,
    feather_numbers,
    livekit_rules,
    livekit_trunks,
    nixflex,
    ravan,
    retell,
    vapi_rows,
)
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from reconciler.workflows import plan_apply
from reconciler.workflows.session import Applied, Consent, Planned, RunOptions
from tests.support.progress import SilentProgress

AC, TOKEN = "AC" + "0d" * 16, "token-of-main"
NUMBER = "+15550100101"
PBX, SMS, MENU = (
    "https://pbx.example.net/in",
    "https://pbx.example.net/sms",
    "https://pbx.example.net/menu",
)
PROVIDER, FIRST, SECOND = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
TRUNK, APPLICATION = "TK" + "1" * 32, "AP" + "1" * 32


class Played(NamedTuple):
    """One platform: its agents, the calls that write, and the rows that it keeps."""

    type: str
    agents: tuple[str, str]
    first_import: tuple[str, ...]
    move: tuple[str, ...]
    shelves: tuple[Any, ...]
    settings: Mapping[str, object] = {}
    serves: str = "number"
    """What lives there: a Twilio number, a bridge number, or a number outside Twilio (`sip`)."""
    trunk: str = ""
    """The declared trunk that takes its calls there."""

    @property
    def name(self) -> str:
        """The platform, and what lives there where it has several kinds."""
        return "feather_bridge" if self.serves == "bridge_number" else self.type


PLATFORMS = {
    played.name: played
    for played in (
        Played(
            "nixflex",
            ("agent_1", "agent_2"),
            ("POST */v1/phone-numbers",),
            ("DELETE */v1/phone-numbers/*", "POST */v1/phone-numbers"),
            (nixflex.NUMBERS,),
        ),
        Played(
            "feather",
            (FIRST, SECOND),
            ("POST */phone-numbers", "PUT */channels/inbound_call", "PUT */channels/sms"),
            ("PUT */channels/inbound_call", "PUT */channels/outbound_call", "PUT */channels/sms"),
            (feather_numbers.NUMBERS, feather_numbers.CHANNELS),
        ),
        Played(
            "butter",
            ("agent_1", "agent_2"),
            ("POST */api/phone-numbers", "POST */assign-phone-number"),
            ("POST */unassign-phone-number/*", "POST */assign-phone-number"),
            (butter.NUMBERS,),
            {"organization_id": "org_1", "connections": {"main": "intg_a1b2c3d4e5f6"}},
        ),
        Played(
            "dasha",
            (FIRST, SECOND),
            ("POST */import-numbers", "PUT */agent-link"),
            ("PUT */agent-link",),
            (dasha_rows.NUMBERS,),
            {"connections": {"main": PROVIDER}},
        ),
        Played(
            "retell",
            ("agent_1", "agent_2"),
            ("POST */import-phone-number",),
            ("PATCH */update-phone-number/*",),
            (retell.NUMBERS,),
            {"credential": "pbx/agents"},
            trunk="edge",
        ),
        Played(
            "vapi",
            (FIRST, SECOND),
            ("POST */phone-number",),
            ("PATCH */phone-number/*",),
            (vapi_rows.NUMBERS,),
        ),
        Played("ravan", ("any", "any"), ("POST */add-twilio",), (), (ravan.NUMBERS,)),
        Played(
            "feather",
            ("any", "any"),
            ("POST */bridge-numbers",),
            (),
            (feather_bridges.BRIDGES,),
            serves="bridge_number",
        ),
        Played(
            "livekit",
            ("agent_1", "agent_2"),
            (
                "POST */CreateSIPInboundTrunk",
                "POST */CreateSIPDispatchRule",
                "POST */CreateSIPOutboundTrunk",
            ),
            ("POST */UpdateSIPDispatchRule",),
            (livekit_trunks.INBOUND, livekit_trunks.OUTBOUND, livekit_rules.RULES),
            {"api_secret": {"env": "PLATFORM_SECRET"}},
            serves="sip",
        ),
        Played(
            "elevenlabs",
            ("agent_1", "agent_2"),
            ("POST */v1/convai/phone-numbers",),
            ("PATCH */v1/convai/phone-numbers/*",),
            (elevenlabs_rows.NUMBERS,),
        ),
    )
}
ROUTES: dict[str, dict[str, object]] = {
    "trunk": {"voice_url": PBX, "sms_url": SMS, "trunk_sid": TRUNK},
    "application": {"voice_url": PBX, "voice_method": "GET", "voice_application_sid": APPLICATION},
    "webhook": {"voice_url": PBX, "voice_method": "GET", "sms_url": SMS, "status_callback": SMS},
    "none": {},
}


def seeded(route: str | Mapping[str, str]) -> World:
    """A Twilio account with one number on this route, or with several, connected to all platforms."""
    routes = {NUMBER: route} if isinstance(route, str) else route
    numbers = [
        {"sid": f"PN{at:032x}", "account_sid": AC, "phone_number": e164, **ROUTES[name]}
        for at, (e164, name) in enumerate(routes.items(), 1)
    ]
    return World.from_seed(
        {
            "format": 1,
            "accounts": [{"sid": AC, "auth_token": TOKEN}],
            "trunks": [{"sid": TRUNK, "account_sid": AC, "friendly_name": "theirs"}],
            "applications": [
                {"sid": APPLICATION, "account_sid": AC, "friendly_name": "menu", "voice_url": MENU}
            ],
            "numbers": numbers,
            "nixflex_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "feather_connections": [{"id": PROVIDER, "account_sid": AC}],
            "feather_assistants": [{"id": FIRST}, {"id": SECOND}],
            "butter_integrations": [{"integration_id": "intg_a1b2c3d4e5f6", "account_sid": AC}],
            "butter_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "dasha_providers": [{"id": PROVIDER, "accountSid": AC, "name": "main"}],
            "dasha_agents": [{"id": FIRST}, {"id": SECOND}],
            "ravan_connections": [{"account_sid": AC}],
            "elevenlabs_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "retell_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
            "vapi_assistants": [{"id": FIRST}, {"id": SECOND}],
        }
    )


_UNSTEADY = frozenset(
    {"changed_at", "sid", "created_at", "updated_at", "phone_number_id", "former"}
)
"""Fields of a platform's rows that differ for what was removed and made again; `former` is what the
sandbox itself notes about Twilio."""


SIP = {
    "trunk_name": "my-trunk",
    "server_address": "sip.example.com",
    "room_name": "desk-",
    "username": "user",
    "password": {"env": "SIP_PASSWORD"},
}
EDGE = {
    "domain": "edge.pstn.twilio.com",
    "origination": [{"sip_url": "sip:sip.retellai.com;transport=tcp"}],
    "credential_lists": [
        {
            "name": "pbx",
            "credentials": [{"username": "agents", "password": {"env": "SIP_PASSWORD"}}],
        }
    ],
}
_DECLARED: dict[str, dict[str, object]] = {
    "number": {"agent": "sales", "takeover": "allow"},
    "bridge_number": {"platform": "p", "takeover": "allow"},
    "sip": {
        "provider": "sip",
        "platform": "p",
        "agent": "sales",
        "takeover": "allow",
        "sip": SIP,
    },
}


class LawRunner:
    """One configuration folder and one sandbox."""

    def __init__(self, folder: Path, sandbox: Sandbox, played: Played) -> None:
        self.folder, self.sandbox, self.played = folder, sandbox, played
        self.world = sandbox.world

    def declare(self, agent: str | None) -> None:
        """Declare the number under this agent of the platform; None: not at all."""
        numbers: dict[str, dict[str, object]] = {"numbers": {}, "bridge_numbers": {}}
        if agent:
            section = "bridge_numbers" if self.played.serves == "bridge_number" else "numbers"
            declared = dict(_DECLARED[self.played.serves])
            if self.played.trunk:
                declared["trunk"] = self.played.trunk
            numbers[section][NUMBER] = declared
        self.write(
            platforms={"p": self.platform(self.played)},
            agents={"sales": {"platform": "p", "id": agent or "none"}},
            trunks={self.played.trunk: EDGE} if self.played.trunk else {},
            **numbers,
        )

    def platform(self, played: Played) -> dict[str, object]:
        """The declaration of this platform."""
        return {
            "type": played.type,
            "api_key": {"env": "PLATFORM_KEY"},
            "base_url": f"{self.sandbox.base_url}/{played.type}",
            **played.settings,
        }

    def write(self, **sections: object) -> None:
        """Write the configuration."""
        account = {"sid": AC, "auth_token": {"env": "TOKEN"}, "base_url": self.sandbox.base_url}
        whole = {"version": 1, "project": "laws", "accounts": {"main": account}, **sections}
        (self.folder / "reconciler.yaml").write_text(json.dumps(whole), encoding="utf-8")

    def setting(self) -> RunOptions:
        """How each run works."""
        environ = {
            "PLATFORM_KEY": "key:half",
            "PLATFORM_SECRET": "secret-of-at-least-32-characters",
            "SIP_PASSWORD": "Correct-Horse-1",
            "NEW_PASSWORD": "Another-Horse-2",
            "TOKEN": TOKEN,
        }
        return RunOptions(
            directory=self.folder,
            environ=environ,
            progress=SilentProgress(),
            clock=lambda: datetime(2026, 3, 1, tzinfo=UTC),
            concurrency=2,
        )

    def apply(self, then: Callable[[], None] = lambda: None) -> Applied:
        """Plan, let something happen, carry out."""

        class Between(SilentProgress):
            def show_plan(self, planned: Planned) -> None:
                then()

        setting = msgspec.structs.replace(self.setting(), progress=Between())
        return plan_apply.apply(setting, Consent(), None)

    def plan(self) -> Planned:
        """What would be done."""
        return plan_apply.plan(self.setting(), Consent())

    def number(self, e164: str = NUMBER) -> dict[str, object]:
        """Every field of the number that decides how it is reached."""
        number = self.world.number(e164)
        return {field: getattr(number, field) or "" for field in WIRE_FIELDS}

    def route(self) -> str:
        """Who answers a call: the first that is set of trunk, application and URL."""
        number = self.number()
        return str(
            number["trunk_sid"]
            or number["voice_application_sid"]
            or number["voice_url"]
            or "nobody"
        )

    def records(self) -> list[dict[str, object]]:
        """What the platform keeps of its numbers, without ids and times; what is retired is gone."""
        rows = [
            msgspec.structs.asdict(row)
            for shelf in self.played.shelves
            for row in self.world.table(shelf)
        ]
        retired = {fields["sid"] for fields in rows if fields.get("status") == "retired"}
        found: list[dict[str, object]] = []
        for fields in rows:
            if not retired & {fields["sid"], fields.get("phone_number_id")}:
                found.append(
                    {name: value for name, value in fields.items() if name not in _UNSTEADY}
                )
        return sorted(found, key=repr)
