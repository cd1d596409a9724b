"""Plans about numbers on platforms, from literals."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.kinds.number import WIRE_FIELDS, canonical_routes
from reconciler.model.action import Action
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.position import Position
from reconciler.model.route import Attrs, Value, Webhook
from reconciler.planning.decide.registrations import Platforms
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources

E164, SID = "+15550100101", "PN" + "1" * 32
NUMBER = f"number/{E164}"
PLACE = Position("reconciler.yaml", 7, 3)
TYPES = {
    "nix": "nixflex",
    "bu": "butter",
    "da": "dasha",
    "fe": "feather",
    "ra": "ravan",
    "lk": "livekit",
}
PLATFORMS = Platforms(TYPES, frozenset({"main"}))
PBX, THEIRS = "https://pbx.example.net/in", "https://api.nixflex.com/voice"
BASELINE: dict[str, Value] = {"voice": Webhook(THEIRS), "sms": None, "status": None}


def address(platform: str) -> str:
    return f"registration/{platform}/{E164}"


def declared(platform: str, attrs: Attrs, *, key: str = E164, **options: object) -> list[Desired]:
    """A number whose agent lives on this platform."""
    own = Options(agent="sales", **options)  # type: ignore[arg-type]
    on = msgspec.structs.replace(
        own, platform=platform, platform_written=("voice", "sms", "status")
    )
    return [
        Desired("number", f"number/{key}", key, Profile("main", {}, on), PLACE),
        Desired(
            "registration",
            f"registration/{platform}/{key}",
            key,
            Profile("main", attrs, own),
            PLACE,
            parent=f"number/{key}",
        ),
    ]


def own(url: str = "https://agents.example.com/voice") -> list[Desired]:
    """The same number with webhooks of its own."""
    attrs: Attrs = {"voice": Webhook(url), "sms": None, "status": None}
    return [Desired("number", NUMBER, E164, Profile("main", attrs, Options(agent="own")), PLACE)]


def live(**fields: str) -> Live:
    wire = {**dict.fromkeys(WIRE_FIELDS, ""), **fields}
    return Live(SID, E164, "main", wire, canonical_routes(wire, {}))


def there(platform: str, attrs: Attrs, sid: str = "id-1") -> dict[str, Live]:
    """The number as the platform has it."""
    return {address(platform): Live(sid, E164, "main", dict(attrs), attrs)}  # type: ignore[arg-type]


def known(platform: str, attrs: Attrs, **more: object) -> dict[str, Entry]:
    """What is remembered of a number that was registered."""
    options = Options(agent="sales", platform=platform, platform_written=("voice", "sms", "status"))
    number = Entry("number", "main", SID, E164, BASELINE, options, prior={"voice_url": PBX})
    fields: dict[str, object] = {
        "sid": "id-1",
        "created": True,
        "options": Options(agent="sales"),
        **more,
    }
    entry = Entry(
        kind="registration",
        account="main",
        key=E164,
        last_applied=dict(attrs),
        parent=NUMBER,
        **fields,  # type: ignore[arg-type]
    )
    return {NUMBER: number, address(platform): entry}


def plan(
    desired: list[Desired],
    resources: Mapping[str, Entry] | None = None,
    on_twilio: Live | None = None,
    others: Mapping[str, Live] | None = None,
    platforms: Platforms = PLATFORMS,
) -> Plan:
    numbers = {"main": {E164: on_twilio}} if on_twilio is not None else {"main": {}}
    return plan_resources(
        desired, resources or {}, Observed(numbers, others or {}), frozenset(), platforms
    )


def steps(of: Plan) -> list[tuple[str, str, str]]:
    return [(a.address, a.action, a.reason) for a in of.actions]


def codes(of: Plan) -> list[str]:
    return [d.code for d in of.diagnostics]


def action(of: Plan, name: str) -> Action:
    return next(a for a in of.actions if a.action == name)


AGENT: Attrs = {"agent": "a"}
REGISTERED = live(voice_url=THEIRS)
