"""Small accounts and configurations, drawn at random: values, not YAML."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from reconciler.model.desired import Desired, Options
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value
from tests.support.memory.fake_twilio import FakeTwilio, Row
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import (
    bridge,
    declared,
    e164,
    hook,
    number,
    origination,
    row,
    trunk,
)

NUMBERS = (1, 2, 3)
UNMANAGED = 9
"""A number that no configuration declares."""
OLD_TRUNK = "TK" + "1" * 32
"""A trunk that nobody declares, with an origination URL."""
EDGE = "TK" + "2" * 32
"""A trunk that is there before `edge` is declared."""
MENU, LOBBY = "AP" + "1" * 32, "AP" + "2" * 32
HOOKS = (hook("a"), hook("b", method="GET"), hook("c", fallback_url="https://agents.example.com/d"))
OURS = frozenset(url for h in HOOKS for url in (h.url, h.fallback_url) if url)
FOREIGN = ("", "https://foreign.example.net/x", "https://demo.twilio.com/welcome", HOOKS[0].url)
METHODS = ("POST", "GET")
PARTS = ("voice", "sms", "status")


@st.composite
def rows(draw: st.DrawFn, last: int) -> Row:
    """A number as somebody left it."""
    voice_url = draw(st.sampled_from(FOREIGN))
    switch = draw(st.sampled_from((None, None, OLD_TRUNK, MENU)))
    return row(
        last,
        voice_url=voice_url or None,
        voice_method=draw(st.sampled_from(METHODS)),
        voice_fallback_url=draw(st.sampled_from((None, "https://foreign.example.net/f")))
        if voice_url
        else None,
        trunk_sid=switch if switch == OLD_TRUNK else None,
        voice_application_sid=switch if switch == MENU else None,
        sms_url=draw(st.sampled_from(FOREIGN)),
        sms_application_sid=draw(st.sampled_from((None, None, LOBBY))),
        status_callback=draw(st.sampled_from(FOREIGN)),
    )


@st.composite
def runners(draw: st.DrawFn) -> MemoryRunner:
    """An account of four numbers, a trunk or two, two applications; nothing is remembered yet."""
    trunks = [{"sid": OLD_TRUNK, "friendly_name": "old", "domain_name": "old.pstn.twilio.com"}]
    urls = [_url("OU" + "1" * 32, OLD_TRUNK, "old")]
    if draw(st.booleans()):
        trunks.append(
            {"sid": EDGE, "friendly_name": "theirs", "domain_name": "edge.pstn.twilio.com"}
        )
        urls += draw(st.sampled_from(([], [_url("OU" + "2" * 32, EDGE, "sbc1")])))
    account = {
        "numbers": [draw(rows(last)) for last in (*NUMBERS, UNMANAGED)],
        "trunks": trunks,
        "origination_urls": urls,
        "applications": [MENU, LOBBY],
    }
    return MemoryRunner({"main": account}, OURS)


def _url(sid: str, parent: str, host: str) -> Row:
    return {
        "sid": sid,
        "trunk_sid": parent,
        "sip_url": f"sip:{host}.example.com",
        "friendly_name": host,
    }


def parts() -> st.SearchStrategy[dict[int, tuple[str, ...]]]:
    """Which parts of each number are managed, for as long as it is."""
    some = st.lists(st.sampled_from((*PARTS, "friendly_name")), unique=True, min_size=1).map(tuple)
    return st.fixed_dictionaries(dict.fromkeys(NUMBERS, some))


@st.composite
def configurations(
    draw: st.DrawFn,
    managed: dict[int, tuple[str, ...]] | None = None,
    *,
    restore: bool = False,
    names: tuple[str, ...] = ("edge", "core"),
) -> list[Desired]:
    """Some trunks and numbers. `managed` fixes the parts; `restore`: what is declared no longer is put back.

    `names` are those that a declared trunk may have.
    """
    trunks = draw(st.dictionaries(st.sampled_from(names), _hosts(), max_size=2)) if names else {}
    desired: list[Desired] = []
    for name, hosts in trunks.items():
        desired.append(trunk(name, secure=draw(st.booleans())))
        desired += [
            origination(name, host, weight=draw(st.sampled_from((10, 20)))) for host in hosts
        ]
    for last in NUMBERS:
        fixed = managed[last] if managed is not None else None
        want = draw(_declaration(last, tuple(trunks), fixed, restore))
        if want is not None:
            desired.append(want)
    return desired


def _hosts() -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(("sbc1", "sbc2")), unique=True)


@st.composite
def _declaration(
    draw: st.DrawFn,
    last: int,
    trunks: tuple[str, ...],
    managed: tuple[str, ...] | None,
    restore: bool,
) -> Desired | None:
    if draw(st.integers(0, 4)) == 0:
        return None
    parts = managed or draw(
        st.lists(st.sampled_from((*PARTS, "friendly_name")), unique=True).map(tuple)
    )
    if (parts == ("voice",) or managed is None) and draw(st.integers(0, 2)) == 0:
        return bridge(last, draw(st.sampled_from(HOOKS)))
    attrs: dict[str, Value] = {part: draw(_value(part, trunks)) for part in parts}
    if restore:
        return number(last, **attrs)
    on_removal: Any = draw(st.sampled_from(("restore", "clear", "keep")))
    options = Options(on_removal=on_removal, takeover="allow", observe_only=not attrs)
    return declared("number", e164(last), attrs, options=options)


def _value(part: str, trunks: tuple[str, ...]) -> st.SearchStrategy[Value]:
    if part == "friendly_name":
        return st.sampled_from(("Sales", "Support"))
    values: list[Value] = [None, *HOOKS[:2]]
    if part != "status":
        values += [HOOKS[2], ApplicationRoute(LOBBY)]
    if part == "voice":
        values += [TrunkRoute(OLD_TRUNK), *map(TrunkRoute, trunks)]
    return st.sampled_from(values)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(NUMBERS),
        st.sampled_from(("voice_url", "sms_url", "status_callback")),
        st.sampled_from(("", "https://colleague.example.net/edit")),
    ),
    max_size=2,
)
"""What a colleague does in the console."""


def edit(runner: MemoryRunner, edits: list[tuple[int, str, str]]) -> None:
    """Do it."""
    by_key = {row["phone_number"]: row for row in runner.twilio.numbers().values()}
    for last, field, value in edits:
        by_key[e164(last)][field] = value
        if not value and field in ("voice_url", "sms_url"):
            by_key[e164(last)][field.replace("_url", "_fallback_url")] = ""


def picture(twilio: FakeTwilio) -> dict[str, Any]:
    """The world without SIDs that chance gave, with one way to write nothing, and no method where no URL is."""
    main = twilio.accounts["main"]
    domains = {sid: row["domain_name"] for sid, row in main.trunks.items()}
    return {
        "numbers": {row["phone_number"]: _plain(row, domains) for row in main.numbers.values()},
        "trunks": {row["domain_name"]: _plain(row, domains) for row in main.trunks.values()},
        "urls": {
            (domains[row["trunk_sid"]], row["sip_url"]): _plain(row, domains)
            for row in main.origination_urls.values()
        },
    }


def _plain(row: Row, domains: dict[str, str]) -> Row:
    plain = {name: value or None for name, value in row.items() if name != "sid"}
    idle = [name for name in plain if name.endswith("_method") and not (row.get(_url_of(name)))]
    return {**plain, **dict.fromkeys(idle), "trunk_sid": domains.get(row.get("trunk_sid") or "")}


def _url_of(method: str) -> str:
    return method.removesuffix("_method") + ("" if method.startswith("status") else "_url")


def has_route(twilio: FakeTwilio, row: Row) -> bool:
    """Whether a call to this number reaches anybody."""
    if row["trunk_sid"]:
        urls = twilio.accounts["main"].origination_urls.values()
        return any(url["trunk_sid"] == row["trunk_sid"] for url in urls)
    return bool(row["voice_application_sid"] or row["voice_url"])


def routed(twilio: FakeTwilio) -> set[str]:
    """The numbers that reach somebody."""
    return {sid for sid, row in twilio.numbers().items() if has_route(twilio, row)}
