"""Trunks, origination URLs, recording, and numbers attached in both ways, over Twilio's own client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio.rest.trunking.v1.trunk import TrunkInstance

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from reconciler.sandbox.twilio.numbers import Number
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask, client_of

SIP = {
    "sip_url": "sip:sbc1.example.com;transport=tls",
    "weight": 10,
    "priority": 20,
    "enabled": True,
    "friendly_name": "one",
}


@pytest.fixture
def trunk(client: Client) -> TrunkInstance:
    return client.trunking.v1.trunks.create(
        friendly_name="Edge", domain_name="acme-edge.pstn.twilio.com", secure=True
    )


def code_of(error: pytest.ExceptionInfo[TwilioRestException]) -> int:
    return int(error.value.code)


def test_a_trunk_is_made_changed_and_deleted(client: Client, trunk: TrunkInstance) -> None:
    one = client.trunking.v1.trunks(trunk.sid)
    changed = one.update(
        friendly_name="Core", disaster_recovery_url="https://agents.example.com/dr", secure=False
    )
    assert (changed.friendly_name, changed.secure, changed.domain_name) == (
        "Core",
        False,
        "acme-edge.pstn.twilio.com",
    )
    assert [row.sid for row in client.trunking.v1.trunks.list()] == [trunk.sid]
    assert one.fetch().disaster_recovery_url == "https://agents.example.com/dr"
    assert one.update(disaster_recovery_url="").disaster_recovery_url is None
    assert one.delete()
    with pytest.raises(TwilioRestException) as error:
        one.fetch()
    assert code_of(error) == 20404


def test_dates_are_iso_and_links_absolute(sandbox: Sandbox, trunk: TrunkInstance) -> None:
    row = ask(sandbox, "GET", f"/v1/Trunks/{trunk.sid}").json
    assert row["date_created"].endswith("Z")
    assert row["url"] == f"{sandbox.base_url}/v1/Trunks/{trunk.sid}"
    assert ask(sandbox, "GET", row["links"]["origination_urls"]).json["origination_urls"] == []
    assert (row["auth_type"], row["auth_type_set"]) == ("", [])


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"domain_name": "acme.example.com"}, 21245),
        ({"domain_name": "pstn.twilio.com"}, 21245),
        ({"domain_name": "acme-edge.pstn.twilio.com"}, 21248),
        ({"friendly_name": "x" * 65}, 21245),
        ({"transfer_mode": "sometimes"}, 20001),
        ({"disaster_recovery_url": "nowhere"}, 21402),
    ],
)
def test_refuses_invalid_trunks(
    client: Client, trunk: TrunkInstance, params: dict[str, str], code: int
) -> None:
    with pytest.raises(TwilioRestException) as error:
        client.trunking.v1.trunks.create(**params)
    assert code_of(error) == code


def test_domain_is_reserved_across_accounts_until_released() -> None:
    with Sandbox(World.generate(accounts=2)) as sandbox:
        one, two = [account.sid for account in sandbox.world.accounts]
        with client_of(sandbox, one) as first, client_of(sandbox, two) as second:
            trunk = first.trunking.v1.trunks.create(domain_name="acme.pstn.twilio.com")
            with pytest.raises(TwilioRestException) as error:
                second.trunking.v1.trunks.create(domain_name="acme.pstn.twilio.com")
            assert code_of(error) == 21248
            assert (
                trunk.update(domain_name="acme.pstn.twilio.com").domain_name
                == "acme.pstn.twilio.com"
            )
            trunk.update(domain_name="")
            assert (
                second.trunking.v1.trunks.create(domain_name="acme.pstn.twilio.com").sid
                != trunk.sid
            )
            with pytest.raises(TwilioRestException) as error:
                second.trunking.v1.trunks(trunk.sid).fetch()
            assert code_of(error) == 20404


def test_the_domain_of_a_deleted_trunk_is_reserved_for_thirty_days_for_everybody() -> None:
    now = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    domain = "acme.pstn.twilio.com"
    with Sandbox(World.generate(accounts=2, clock=lambda: now[0])) as sandbox:
        one, two = [account.sid for account in sandbox.world.accounts]
        with client_of(sandbox, one) as first, client_of(sandbox, two) as second:
            first.trunking.v1.trunks.create(domain_name=domain).delete()
            other = first.trunking.v1.trunks.create(domain_name="acme-2.pstn.twilio.com")
            now[0] += timedelta(days=30, seconds=-1)
            for attempt in (
                lambda: first.trunking.v1.trunks.create(domain_name=domain),
                lambda: second.trunking.v1.trunks.create(domain_name=domain),
                lambda: other.update(domain_name=domain),
            ):
                with pytest.raises(TwilioRestException) as error:
                    attempt()
                assert code_of(error) == 21248
            now[0] += timedelta(seconds=1)
            assert second.trunking.v1.trunks.create(domain_name=domain).domain_name == domain


def test_an_account_has_a_hundred_trunks_at_most(sandbox: Sandbox) -> None:
    statuses = [ask(sandbox, "POST", "/v1/Trunks", form={}).status for _ in range(101)]
    assert statuses == [201] * 100 + [400]


def test_a_number_is_attached_and_detached_through_the_trunk(
    client: Client, trunk: TrunkInstance, number: Number
) -> None:
    attached = trunk.phone_numbers.create(phone_number_sid=number.sid)
    assert attached.trunk_sid == trunk.sid
    assert client.incoming_phone_numbers(number.sid).fetch().trunk_sid == trunk.sid
    assert [row.sid for row in trunk.phone_numbers.list()] == [number.sid]
    assert (
        client.trunking.v1.trunks(trunk.sid).phone_numbers(number.sid).fetch().phone_number
        == number.phone_number
    )
    assert client.trunking.v1.trunks(trunk.sid).phone_numbers(number.sid).delete()
    assert client.incoming_phone_numbers(number.sid).fetch().trunk_sid is None
    with pytest.raises(TwilioRestException) as error:
        client.trunking.v1.trunks(trunk.sid).phone_numbers(number.sid).delete()
    assert code_of(error) == 20404


def test_a_number_is_attached_and_detached_through_itself(
    client: Client, trunk: TrunkInstance, number: Number
) -> None:
    client.incoming_phone_numbers(number.sid).update(trunk_sid=trunk.sid)
    assert [row.sid for row in trunk.phone_numbers.list()] == [number.sid]
    client.incoming_phone_numbers(number.sid).update(trunk_sid="")
    assert trunk.phone_numbers.list() == []


def test_refuses_to_attach_an_unknown_number(client: Client, trunk: TrunkInstance) -> None:
    with pytest.raises(TwilioRestException) as error:
        trunk.phone_numbers.create(phone_number_sid="PN" + "0" * 32)
    assert code_of(error) == 20404


def test_a_trunk_with_numbers_cannot_be_deleted(
    client: Client, trunk: TrunkInstance, number: Number
) -> None:
    client.incoming_phone_numbers(number.sid).update(trunk_sid=trunk.sid)
    with pytest.raises(TwilioRestException) as error:
        trunk.delete()
    assert code_of(error) == 21247


def test_origination_urls_come_and_go_with_their_trunk(
    client: Client, sandbox: Sandbox, trunk: TrunkInstance
) -> None:
    url = trunk.origination_urls.create(**SIP)
    assert (url.sip_url, url.weight, url.priority, url.enabled) == (SIP["sip_url"], 10, 20, True)
    one = client.trunking.v1.trunks(trunk.sid).origination_urls(url.sid)
    assert one.update(weight=20, enabled=False).weight == 20
    assert (one.fetch().enabled, one.fetch().priority) == (False, 20)
    assert one.delete()
    assert trunk.origination_urls.list() == []
    trunk.origination_urls.create(**SIP)
    assert trunk.delete()
    assert len(sandbox.world.origination_urls) == 0


@pytest.mark.parametrize("missing", ["SipUrl", "Weight", "Priority", "Enabled", "FriendlyName"])
def test_an_origination_url_needs_all_five_parameters(
    sandbox: Sandbox, trunk: TrunkInstance, missing: str
) -> None:
    form = {
        "SipUrl": "sip:a.example.com",
        "Weight": "1",
        "Priority": "0",
        "Enabled": "true",
        "FriendlyName": "a",
    }
    del form[missing]
    answer = ask(sandbox, "POST", f"/v1/Trunks/{trunk.sid}/OriginationUrls", form=form)
    assert (answer.status, answer.json["code"]) == (400, 20001)
    assert missing in answer.json["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"weight": -1},
        {"weight": 65_536},
        {"priority": -1},
        {"priority": 65_536},
        {"sip_url": "https://a.example.com"},
    ],
)
def test_validates_the_bounds_of_an_origination_url(
    trunk: TrunkInstance, change: dict[str, object]
) -> None:
    with pytest.raises(TwilioRestException) as error:
        trunk.origination_urls.create(**{**SIP, **change})
    assert error.value.status == 400


def test_bounds_are_inclusive(trunk: TrunkInstance) -> None:
    trunk.origination_urls.create(**{**SIP, "weight": 65_535, "priority": 0})
    trunk.origination_urls.create(**{**SIP, "weight": 0, "priority": 65_535})


def test_a_trunk_has_ten_origination_urls_at_most(trunk: TrunkInstance) -> None:
    for place in range(10):
        trunk.origination_urls.create(**{**SIP, "sip_url": f"sip:sbc{place}.example.com"})
    with pytest.raises(TwilioRestException) as error:
        trunk.origination_urls.create(**SIP)
    assert code_of(error) == 21249


def test_recording_has_a_separate_call(client: Client, trunk: TrunkInstance) -> None:
    recording = client.trunking.v1.trunks(trunk.sid).recordings()
    assert recording.fetch().mode == "do-not-record"
    recording.update(mode="record-from-answer", trim="trim-silence")
    assert client.trunking.v1.trunks(trunk.sid).fetch().recording == {
        "mode": "record-from-answer",
        "trim": "trim-silence",
    }


def test_changes_of_trunks_leave_no_event(
    client: Client, sandbox: Sandbox, trunk: TrunkInstance
) -> None:
    trunk.origination_urls.create(**SIP)
    trunk.update(friendly_name="Other")
    assert len(sandbox.world.events) == 0


def test_a_subaccount_uses_its_own_credentials_for_trunks() -> None:
    with Sandbox(World.generate(subaccounts=1)) as sandbox:
        child = [account.sid for account in sandbox.world.accounts][1]
        made = ask(sandbox, "POST", "/v1/Trunks", form={}, user=child, password=SANDBOX_TOKEN)
        assert made.json["account_sid"] == child
        assert ask(sandbox, "GET", "/v1/Trunks").json["trunks"] == []
