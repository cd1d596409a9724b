"""The three-way comparison on literals: reason, base, prior values, and what belongs to a run that died."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.kinds.number import WIRE_FIELDS, canonical_routes
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, WireValue
from reconciler.planning.decide.compare import (
    all_written_values,
    compare,
    last_applied,
    match_form,
    prior_value,
    prior_values,
)
from reconciler.planning.decide.live_values import live_value
from tests.support.memory.resources import declared, e164, hook, pn

WATCHED = Options(observe_only=True)
A, B, C = hook("a"), hook("b"), hook("c")


def live(name: str = "Line 1", sid: str = pn(1), **fields: str) -> Live:
    wire = {**dict.fromkeys(WIRE_FIELDS, ""), **fields}
    return Live(sid, e164(1), "main", wire, canonical_routes(wire, {}), name)


def entry(applied: dict[str, Value], **fields: Any) -> Entry:
    given: dict[str, Any] = {"options": Options(), **fields}
    return Entry("number", "main", pn(1), e164(1), applied, **given)


def want(**attrs: Value) -> Desired:
    return declared("number", e164(1), attrs, options=Options())


@pytest.mark.parametrize(
    ("written", "there", "wanted", "reason", "applied"),
    [
        # The rows of the table: same, drift, config, conflict, refresh.
        (A, A, A, None, A),
        (A, B, A, "drift", A),
        (A, A, B, "config", A),
        (A, B, C, "conflict", A),
        (A, B, B, None, B),
    ],
)
def test_the_table(
    written: Value, there: Any, wanted: Value, reason: str | None, applied: Value
) -> None:
    found = compare(want(voice=wanted), entry({"voice": written}), live(voice_url=there.url))
    assert found.wanted == ({} if reason is None else {"voice": wanted})
    if reason is not None:
        assert found.reason == reason
    assert found.base.last_applied == {"voice": applied}
    assert (found.fresh, found.resolved) == (frozenset(), False)


def test_drift_of_one_part_and_a_change_of_another_are_a_conflict() -> None:
    recorded = entry({"voice": A, "sms": A})
    found = compare(want(voice=A, sms=B), recorded, live(voice_url=C.url, sms_url=A.url))
    assert (found.wanted, found.reason) == ({"voice": A, "sms": B}, "conflict")


def test_drift_of_a_part_that_is_new_here_is_a_change_of_the_configuration() -> None:
    found = compare(want(voice=A, sms=B), entry({"voice": A}), live(voice_url=A.url))
    assert (found.wanted, found.reason, found.fresh) == ({"sms": B}, "config", frozenset({"sms"}))


def test_a_stored_form_is_the_value_that_was_sent() -> None:
    stored = hook("A")
    recorded = entry({"voice": A}, normalised={"voice": [A, stored], "sms": [A, stored]})
    found = compare(want(voice=A), recorded, live(voice_url=stored.url))
    assert (found.wanted, found.base.last_applied) == ({}, {"voice": A})
    assert found.base.normalised == {"voice": [A, stored]}, "sms is not managed any more"

    changed = compare(want(voice=B), recorded, live(voice_url=stored.url))
    assert (changed.wanted, changed.reason) == ({"voice": B}, "config")
    assert match_form(recorded, "voice", A, stored) == A
    assert match_form(recorded, "voice", B, stored) == stored
    assert match_form(recorded, "voice", A, B) == B
    assert match_form(recorded, "status", A, stored) == stored


PENDING: dict[str, Value] = {"voice": B}


@pytest.mark.parametrize(
    ("there", "expected"), [(B, B), (A, A), (C, A)], ids=["written", "not written", "changed since"]
)
def test_value_of_a_dead_run_counts_once_twilio_shows_it(there: Any, expected: Value) -> None:
    recorded = entry({"voice": A, "sms": None}, pending=PENDING)
    assert last_applied(recorded, live(voice_url=there.url), "voice") == expected
    assert last_applied(recorded, live(voice_url=there.url), "sms") is None
    settled = msgspec.structs.replace(recorded, pending=None)
    assert last_applied(settled, live(voice_url=there.url), "voice") == A
    assert last_applied(recorded, live(), "status") is None


@pytest.mark.parametrize(
    ("there", "wanted", "resumes", "resolved", "reason"),
    [
        # Nothing was written: the same write resumes the run, another one does not.
        (A, B, True, False, "config"),
        (A, C, False, False, "config"),
        # It was written: the next plan knows it as ours.
        (B, C, False, True, "config"),
        (B, A, False, True, "config"),
        # Somebody else has written since.
        (C, B, True, False, "conflict"),
        (C, A, False, False, "drift"),
    ],
)
def test_comparison_after_a_run_that_died(
    there: Any, wanted: Value, resumes: bool, resolved: bool, reason: str
) -> None:
    recorded = entry({"voice": A}, pending=PENDING)
    found = compare(want(voice=wanted), recorded, live(voice_url=there.url))
    assert (found.resumes, found.resolved, found.reason) == (resumes, resolved, reason)
    assert found.wanted == {"voice": wanted}
    assert found.base.pending is None


def test_only_the_very_write_that_was_begun_resumes() -> None:
    recorded = entry({"voice": A}, pending=PENDING)
    both = compare(want(voice=B, sms=C), recorded, live(voice_url=A.url))
    assert not both.resumes
    settled = compare(want(voice=B), entry({"voice": A}), live(voice_url=A.url))
    assert not settled.resumes


@pytest.mark.parametrize(("there", "resolved"), [(B, True), (C, False), (None, False)])
def test_a_part_that_was_about_to_be_managed_is_no_takeover(there: Any, resolved: bool) -> None:
    """The run that died had consent for it; its live value may be ours, so it is no prior value."""
    recorded = entry({"sms": None}, pending=PENDING, prior={"voice_url": "https://old.example/"})
    on_twilio = live(voice_url=there.url if there else "")
    found = compare(want(voice=A, sms=None), recorded, on_twilio)
    assert (found.fresh, found.resolved) == (frozenset(), resolved)
    assert found.base.prior == {"voice_url": "https://old.example/"}


def test_a_newly_managed_part_keeps_its_live_value_as_prior_value() -> None:
    recorded = entry({"sms": None}, prior={"sms_url": "https://old.example/sms"})
    on_twilio = live("Sales", voice_url=C.url, voice_method="GET", sms_method="GET")
    found = compare(want(voice=A, sms=None, friendly_name="B"), recorded, on_twilio)
    assert found.fresh == {"voice", "friendly_name"}
    assert found.base.prior == {
        "sms_url": "https://old.example/sms",
        "voice_url": C.url,
        "voice_method": "GET",
        "friendly_name": "Sales",
    }


def test_what_we_created_has_no_prior_values() -> None:
    recorded = entry({"sms": None}, created=True)
    found = compare(want(voice=A, sms=None), recorded, live(voice_url=C.url))
    assert (found.base.prior, found.base.created) == ({}, True)
    other = compare(want(voice=A), recorded, live(sid=pn(2), voice_url=C.url))
    assert (other.base.created, other.base.sid) == (False, pn(2))


def test_a_part_that_is_not_managed_any_more_is_still_known() -> None:
    recorded = entry({"voice": A, "sms": B}, previously_managed={"status": C})
    on_twilio = live(voice_url=A.url, sms_url=B.url, status_callback=C.url)
    found = compare(want(voice=A), recorded, on_twilio)
    assert found.base.previously_managed == {"sms": B, "status": C}
    assert found.base.last_applied == {"voice": A}

    # Managed again it is ours as long as it shows what we wrote.
    for there, fresh in ((C, set()), (B, {"status"})):
        again = live(voice_url=A.url, status_callback=there.url)
        found = compare(want(voice=A, status=A), recorded, again)
        assert found.fresh == fresh
        assert found.base.prior == ({"status_callback": B.url} if fresh else {})
        assert found.base.previously_managed == {"sms": B}


def test_other_kinds_know_nothing_of_former_parts() -> None:
    recorded = Entry(
        "trunk", "main", "TK1", "edge", {"secure": True, "domain_name": "a"}, Options()
    )
    attrs: dict[str, Value] = {"secure": True, "domain_name": "a"}
    on_twilio = Live("TK1", "edge", "main", dict(attrs), attrs)  # type: ignore[arg-type]
    found = compare(declared("trunk", "edge", {"secure": True}), recorded, on_twilio)
    assert (found.base.previously_managed, found.base.last_applied) == ({}, {"secure": True})


@pytest.mark.parametrize(
    ("there", "fresh", "prior"),
    [
        # Unchanged while it was watched: the prior value is that of the import.
        (C, {"voice"}, {"voice_url": "https://first.example/"}),
        # Changed while it was watched: the newest value of somebody else counts.
        (B, {"voice"}, {"voice_url": B.url}),
    ],
)
def test_a_watched_value_is_not_ours(
    there: Any, fresh: set[str], prior: dict[str, WireValue]
) -> None:
    recorded = entry({"voice": C}, options=WATCHED, prior={"voice_url": "https://first.example/"})
    found = compare(want(voice=A), recorded, live(voice_url=there.url))
    assert (found.fresh, found.base.prior) == (fresh, prior)
    assert found.base.previously_managed == {}


def test_a_value_that_we_wrote_before_we_only_watched_is_ours() -> None:
    recorded = entry({"voice": A}, options=WATCHED, previously_managed={"voice": A}, prior={})
    found = compare(want(voice=B), recorded, live(voice_url=A.url))
    assert (found.fresh, found.base.prior) == (frozenset(), {})
    assert all_written_values(recorded) == {"voice": A}
    settled = entry({"voice": B}, previously_managed={"voice": A, "sms": C})
    assert all_written_values(settled) == {"voice": B, "sms": C}


@pytest.mark.parametrize(
    ("names", "fields", "expected"),
    [
        (["voice"], {"voice_url": "x", "voice_method": "POST"}, {"voice_url": "x"}),
        (
            ["voice"],
            {"voice_url": "x", "voice_method": "GET"},
            {"voice_url": "x", "voice_method": "GET"},
        ),
        (["sms"], {"voice_url": "x"}, {}),
        (["friendly_name"], {"voice_url": "x"}, {"friendly_name": "Line 1"}),
        ([], {"voice_url": "x"}, {}),
    ],
)
def test_prior_values_are_the_raw_fields_that_are_set(
    names: list[str], fields: dict[str, str], expected: dict[str, WireValue]
) -> None:
    assert prior_values("number", live(**fields), names) == expected


def test_prior_values_of_other_kinds_are_what_is_set() -> None:
    wire: dict[str, WireValue] = {
        "secure": False,
        "domain_name": "",
        "weight": 0,
        "other": "x",
        "n": None,
    }
    on_twilio = Live("TK1", "edge", "main", wire, {})
    names = ["secure", "domain_name", "weight", "n", "absent"]
    assert prior_values("trunk", on_twilio, names) == {"secure": False, "weight": 0}


@pytest.mark.parametrize(
    ("prior", "field", "expected"),
    [
        ({"voice_url": "x"}, "voice_url", "x"),
        ({}, "voice_url", None),
        ({"voice_url": "x"}, "voice_method", "POST"),
        ({"voice_url": "x", "voice_method": "GET"}, "voice_method", "GET"),
        ({}, "voice_method", None),
        ({"voice_url": "x"}, "sms_method", None),
        ({"status_callback": "x"}, "status_callback_method", "POST"),
    ],
)
def test_a_prior_method_is_the_default_where_only_the_url_was_recorded(
    prior: dict[str, WireValue], field: str, expected: WireValue
) -> None:
    assert prior_value(entry({}, prior=prior), field) == expected


def test_the_friendly_name_of_a_number_is_not_among_what_numbers_share() -> None:
    assert live_value(live("Sales"), "friendly_name") == "Sales"
    trunk = Live("TK1", "edge", "main", {}, {"friendly_name": "Edge"}, "other")
    assert live_value(trunk, "friendly_name") == "Edge"
    assert live_value(trunk, "secure") is None
