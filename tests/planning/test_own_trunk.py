"""A number whose calls reach its platform by a declared trunk: what waits for what, so that they are always answered."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.action import Action
from reconciler.model.desired import Desired, Options, Profile, Purchase
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, TrunkRoute, Value, Webhook
from reconciler.planning.plan import Plan
from tests.planning.registration_plans import (
    E164,
    NUMBER,
    PBX,
    PLACE,
    SID,
    action,
    live,
    own,
    plan,
    steps,
)

REGISTRATION = f"registration/lk/{E164}"
TK = "TK" + "1" * 32
WAY: Attrs = {
    "agent": "a",
    "termination_uri": "edge.pstn.twilio.com",
    "username": "desk",
    "password": "scrypt$a$b",
}
ROUTE: Attrs = {"voice": TrunkRoute("edge"), "sms": None, "status": None}
NEEDS = ("trunk/edge", "trunk_credential_list/edge/pbx", "credential/pbx/desk")
ON_PLATFORM = Options(agent="sales", platform="lk")
HERS = live(voice_url=PBX)
ON_TRUNK = Live(SID, E164, "main", live(trunk_sid=TK).wire, dict(ROUTE))


def trunk(name: str = "edge") -> list[Desired]:
    """A trunk with an origination URL, a credential list and a user."""
    address, profile = f"trunk/{name}", Profile("main", {}, Options())
    return [
        Desired("trunk", address, name, _with(domain_name=f"{name}.pstn.twilio.com"), PLACE),
        Desired(
            "origination_url",
            f"origination_url/{name}/sip:{name}.example.com",
            f"sip:{name}.example.com",
            _with(sip_url=f"sip:{name}.example.com"),
            PLACE,
            parent=address,
        ),
        Desired("credential_list", "credential_list/pbx", "pbx", profile, PLACE),
        Desired(
            "credential",
            "credential/pbx/desk",
            "desk",
            _with(username="desk"),
            PLACE,
            parent="credential_list/pbx",
        ),
        Desired(
            "trunk_credential_list",
            f"trunk_credential_list/{name}/pbx",
            "pbx",
            _with(list="pbx"),
            PLACE,
            parent=address,
            needs=("credential_list/pbx",),
        ),
    ]


def _with(**attrs: Value) -> Profile:
    return Profile("main", attrs, Options())


def on_trunk(attrs: Attrs = WAY, name: str = "edge") -> list[Desired]:
    """The number with a trunk, and its registration."""
    route = {**ROUTE, "voice": TrunkRoute(name)}
    return [
        Desired("number", NUMBER, E164, Profile("main", route, ON_PLATFORM), PLACE),
        Desired(
            "registration",
            REGISTRATION,
            E164,
            Profile("main", attrs, Options(agent="sales")),
            PLACE,
            parent=NUMBER,
            needs=NEEDS,
        ),
    ]


def bound(attrs: Attrs = WAY) -> dict[str, Entry]:
    return {
        NUMBER: Entry(
            "number", "main", SID, E164, dict(ROUTE), ON_PLATFORM, prior={"voice_url": PBX}
        ),
        REGISTRATION: Entry(
            kind="registration",
            account="main",
            sid="id-1",
            key=E164,
            last_applied=dict(attrs),
            options=Options(agent="sales"),
            parent=NUMBER,
            created=True,
        ),
    }


def has(attrs: Attrs = WAY) -> dict[str, Live]:
    return {REGISTRATION: Live("id-1", E164, "main", {}, dict(attrs))}


def step(of: Plan, name: str, address: str) -> Action:
    return next(a for a in of.actions if (a.action, a.address) == (name, address))


def order(of: Plan) -> list[tuple[str, str]]:
    return [(a.address.partition("/")[0], a.action) for a in of.actions]


def test_a_working_number_joins_the_trunk_only_once_the_platform_has_it() -> None:
    """Calls keep their route until everything behind the new one stands."""
    made = plan([*trunk(), *on_trunk()], None, HERS)
    register, attach = step(made, "register", REGISTRATION), step(made, "attach_trunk", NUMBER)
    below = {a.address for a in made.actions if a.parent == "trunk/edge"}

    assert {*NEEDS, *below, NUMBER} <= set(register.depends_on)
    assert {REGISTRATION, "trunk/edge", *below} <= set(attach.depends_on)
    assert attach.joins
    assert order(made)[-2:] == [("registration", "register"), ("number", "attach_trunk")]


def test_a_number_that_is_bought_joins_the_trunk_once_the_platform_has_it() -> None:
    desired = on_trunk()
    for at, each in enumerate(desired):
        profile = msgspec.structs.replace(each.profile, purchase=Purchase(country="US"))
        desired[at] = msgspec.structs.replace(each, profile=profile)
    made = plan(desired)
    assert order(made) == [
        ("number", "purchase"),
        ("registration", "register"),
        ("number", "overwrite_webhooks"),
        ("number", "attach_trunk"),
    ]
    assert REGISTRATION in action(made, "attach_trunk").depends_on


def test_the_platform_neither_reads_nor_writes_the_number() -> None:
    """Otherwise a lost webhook would be shown, or an outage of Twilio would stop the platform's part."""
    register = action(plan([*trunk(), *on_trunk()], None, HERS), "register")
    assert register.number_sid is None
    assert register.takeover == ()
    assert {change.field for change in register.changes} == {*WAY}


def test_what_the_number_loses_is_a_takeover_of_the_number() -> None:
    attach = action(plan([*trunk(), *on_trunk()], None, HERS), "attach_trunk")
    assert [change.before for change in attach.takeover] == [PBX]


def test_a_settled_number_needs_nothing() -> None:
    assert steps(plan(on_trunk(), bound(), ON_TRUNK, has())) == []


def test_a_foreign_route_is_drift_and_put_back_at_once() -> None:
    """The heal of a route must not wait for a change on the platform that may fail."""
    desired = on_trunk({**WAY, "agent": "b"})
    made = plan(desired, bound(), HERS, has())
    assert set(steps(made)) == {
        (NUMBER, "attach_trunk", "drift"),
        (REGISTRATION, "update", "config"),
    }
    assert REGISTRATION not in action(made, "attach_trunk").depends_on


def test_a_removed_registration_comes_before_the_trunk_again() -> None:
    made = plan(on_trunk(), bound(), HERS, {})
    assert REGISTRATION in action(made, "attach_trunk").depends_on


def test_a_removal_gives_the_calls_back_before_the_platform_drops_the_number() -> None:
    made = plan([], bound(), ON_TRUNK, has())
    assert [name for _, name, _ in steps(made)][-2:] == ["release", "unregister"]
    assert action(made, "unregister").depends_on == (NUMBER,)
    assert REGISTRATION not in action(made, "release").depends_on
    assert action(made, "unregister").number_sid is None


def test_an_own_agent_answers_before_the_platform_drops_the_number() -> None:
    made = plan(own(), bound(), ON_TRUNK, has())
    assert order(made) == [
        ("number", "overwrite_webhooks"),
        ("number", "detach_trunk"),
        ("registration", "unregister"),
    ]
    assert action(made, "unregister").depends_on == (NUMBER,)


def test_the_trunk_is_deleted_after_the_platform_has_let_go_of_it() -> None:
    """Calls that the platform still makes through it would fail."""
    entries = bound()
    entries["trunk/edge"] = Entry("trunk", "main", TK, "edge", {}, Options(), created=True)
    there = {**has(), "trunk/edge": Live(TK, "edge", "main", {}, {})}
    made = plan([], entries, ON_TRUNK, there)
    assert {NUMBER, REGISTRATION} <= set(step(made, "delete", "trunk/edge").depends_on)


def test_a_new_trunk_stands_before_the_platform_and_the_number_use_it() -> None:
    attrs = {**WAY, "username": "west"}
    desired = on_trunk(attrs, "west")
    desired[1] = msgspec.structs.replace(desired[1], needs=("trunk/west",))
    made = plan([*trunk("west"), *desired], bound(), ON_TRUNK, has())
    assert "trunk/west" in step(made, "update", REGISTRATION).depends_on
    assert {"trunk/west", REGISTRATION} <= set(action(made, "attach_trunk").depends_on)


@pytest.mark.parametrize("entry", ["interrupted", "finished"])
def test_what_a_number_shows_is_never_taken_for_the_platforms_doing(entry: str) -> None:
    """A foreign value on a number that is released stays: the platform has no access to Twilio."""
    entries = bound()
    if entry == "interrupted":
        entries[REGISTRATION] = msgspec.structs.replace(
            entries[REGISTRATION], sid="", pending=dict(WAY)
        )
    foreign = "https://somebody.example.net/voice"
    shown = live(voice_url=foreign)
    shown = msgspec.structs.replace(shown, attrs={**shown.attrs, "voice": Webhook(foreign)})
    release = action(plan([], entries, shown, has()), "release")
    assert release.restore == {}


def test_the_password_is_shown_to_nobody() -> None:
    register = action(plan([*trunk(), *on_trunk()], None, HERS), "register")
    shown = {change.field: change.after for change in register.changes}
    assert shown["password"] != WAY["password"]
