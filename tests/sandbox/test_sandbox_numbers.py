"""Phone numbers over Twilio's own client: what is stored, cleared, hidden and refused."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.numbers import Capabilities, Number
from tests.support.sandbox_client import ask, numbers_path

URL = "https://agents.example.com/voice"


def refused(client: Client, number: Number, **params: object) -> int:
    with pytest.raises(TwilioRestException) as error:
        client.incoming_phone_numbers(number.sid).update(**params)
    assert error.value.status == 400
    return int(error.value.code)


def test_all_numbers_are_listed(client: Client, sandbox: Sandbox) -> None:
    listed = client.incoming_phone_numbers.list()
    assert {row.sid for row in listed} == {row.sid for row in sandbox.world.numbers}
    assert listed[0].date_created.year == 2025
    assert listed[0].capabilities["voice"] is True


def test_fetches_a_single_number(client: Client, number: Number) -> None:
    row = client.incoming_phone_numbers(number.sid).fetch()
    assert (row.phone_number, row.friendly_name) == ("+15552000000", "(555) 200-0000")
    assert row.uri.endswith(f"/IncomingPhoneNumbers/{number.sid}.json")


def test_an_update_is_stored(client: Client, number: Number) -> None:
    client.incoming_phone_numbers(number.sid).update(
        voice_url=URL, voice_method="GET", friendly_name="Support"
    )
    row = client.incoming_phone_numbers(number.sid).fetch()
    assert (row.voice_url, row.voice_method, row.friendly_name) == (URL, "GET", "Support")


def test_a_listing_after_an_update_shows_the_update(client: Client, number: Number) -> None:
    client.incoming_phone_numbers.list()
    client.incoming_phone_numbers(number.sid).update(voice_url=URL)
    assert {
        row.voice_url for row in client.incoming_phone_numbers.list() if row.sid == number.sid
    } == {URL}


def test_fragments_of_urls_are_kept(client: Client, number: Number) -> None:
    url = f"{URL}#rc=3&ct=1000"
    assert client.incoming_phone_numbers(number.sid).update(voice_url=url).voice_url == url


def test_an_empty_string_clears_a_field(client: Client, number: Number) -> None:
    update = client.incoming_phone_numbers(number.sid).update
    update(voice_url=URL, voice_fallback_url=URL, status_callback=URL)
    row = update(voice_url="", voice_fallback_url="", status_callback="")
    assert (row.voice_url, row.voice_fallback_url, row.status_callback) == ("", None, "")


def test_a_cleared_sid_is_null(client: Client, number: Number) -> None:
    trunk = client.trunking.v1.trunks.create()
    update = client.incoming_phone_numbers(number.sid).update
    assert update(trunk_sid=trunk.sid).trunk_sid == trunk.sid
    assert update(trunk_sid="").trunk_sid is None


def test_trunk_and_application_replace_each_other(client: Client, number: Number) -> None:
    trunk, application = client.trunking.v1.trunks.create(), client.applications.create()
    update = client.incoming_phone_numbers(number.sid).update
    update(voice_url=URL, voice_application_sid=application.sid)
    row = update(trunk_sid=trunk.sid)
    assert (row.trunk_sid, row.voice_application_sid, row.voice_url) == (trunk.sid, None, URL)
    row = update(voice_application_sid=application.sid)
    assert (row.trunk_sid, row.voice_application_sid, row.voice_url) == (None, application.sid, URL)


def test_a_trunk_sent_together_with_an_application_is_not_applied(
    client: Client, number: Number
) -> None:
    trunk, application = client.trunking.v1.trunks.create(), client.applications.create()
    update = client.incoming_phone_numbers(number.sid).update
    assert update(trunk_sid=trunk.sid, voice_application_sid=application.sid).trunk_sid is None
    row = update(trunk_sid=trunk.sid, voice_application_sid="")
    assert (row.trunk_sid, row.voice_application_sid) == (None, None)


def test_unknown_parameters_are_ignored(sandbox: Sandbox, number: Number) -> None:
    answer = ask(
        sandbox, "POST", numbers_path(sandbox, number.sid), form={"Colour": "red", "VoiceUrl": URL}
    )
    assert (answer.status, answer.json["voice_url"]) == (200, URL)


def test_a_json_body_changes_nothing(sandbox: Sandbox, number: Number) -> None:
    answer = ask(sandbox, "POST", numbers_path(sandbox, number.sid), body={"VoiceUrl": URL})
    assert (answer.status, answer.json["voice_url"]) == (200, "")


@pytest.mark.parametrize(
    "url", ["ftp://example.com", "example.com/voice", "https://", "https://exa mple.com", "//[x"]
)
def test_refuses_what_is_not_a_web_url(client: Client, number: Number, url: str) -> None:
    assert refused(client, number, voice_url=url) == 21402


@pytest.mark.parametrize("method", ["PUT", ""])
def test_methods_other_than_get_and_post_are_refused(
    client: Client, number: Number, method: str
) -> None:
    assert refused(client, number, voice_method=method) == 21403


def test_a_fallback_needs_a_url(client: Client, number: Number) -> None:
    assert refused(client, number, voice_fallback_url=URL) == 21405
    assert refused(client, number, sms_fallback_url=URL) == 21406
    row = client.incoming_phone_numbers(number.sid).update(voice_url=URL, voice_fallback_url=URL)
    assert row.voice_fallback_url == URL


def test_refuses_an_sms_url_on_a_number_without_messages(client: Client, number: Number) -> None:
    number.capabilities = Capabilities(sms=False, mms=False)
    assert refused(client, number, sms_url=URL) == 21407
    assert client.incoming_phone_numbers(number.sid).update(sms_url="").sms_url == ""


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_friendly_name_has_1_to_64_characters(client: Client, number: Number, name: str) -> None:
    assert refused(client, number, friendly_name=name) == 20002


def test_refuses_an_unknown_trunk_or_application(client: Client, number: Number) -> None:
    assert refused(client, number, trunk_sid="TK" + "0" * 32) == 21245
    assert refused(client, number, trunk_sid="nonsense") == 21245
    assert refused(client, number, voice_application_sid="AP" + "0" * 32) == 21420
    assert refused(client, number, voice_caller_id_lookup="perhaps") == 20001


def test_a_refused_update_changes_nothing(client: Client, number: Number) -> None:
    refused(client, number, friendly_name="New", voice_url="nonsense")
    assert number.friendly_name == "(555) 200-0000"


def test_numbers_are_found_by_whole_number_part_and_star(client: Client) -> None:
    find = client.incoming_phone_numbers.list
    assert [row.phone_number for row in find(phone_number="+15552000003")] == ["+15552000003"]
    assert len(find(phone_number="555200000")) == 10
    assert [row.phone_number for row in find(phone_number="2****11")] == ["+15552000011"]
    assert find(phone_number="867") == []


def test_numbers_are_found_by_name_origin_and_beta(client: Client) -> None:
    find = client.incoming_phone_numbers.list
    assert [row.phone_number for row in find(friendly_name="(555) 200-0003")] == ["+15552000003"]
    assert len(find(origin="twilio", beta=False)) == 12
    assert find(origin="hosted") == []


def test_a_number_is_bought_once(client: Client) -> None:
    bought = client.incoming_phone_numbers.create(phone_number="+15005550006", voice_url=URL)
    assert (bought.voice_url, bought.friendly_name) == (URL, "(500) 555-0006")
    assert client.incoming_phone_numbers.create(phone_number="+15005550006").sid == bought.sid


def test_a_number_is_bought_by_area_code(client: Client) -> None:
    numbers = [client.incoming_phone_numbers.create(area_code="415").phone_number for _ in range(2)]
    assert numbers == ["+14155550000", "+14155550001"]


@pytest.mark.parametrize(
    ("params", "code"),
    [({"phone_number": "15005550006"}, 21421), ({"area_code": "099"}, 21451), ({}, 21452)],
)
def test_refuses_to_sell_what_is_not_for_sale(
    client: Client, params: dict[str, str], code: int
) -> None:
    with pytest.raises(TwilioRestException) as error:
        client.incoming_phone_numbers.create(**params)
    assert error.value.code == code


def test_an_emergency_address_is_ignored_when_buying_and_kept_by_an_update(
    client: Client, number: Number
) -> None:
    address = "AD" + "1" * 32
    bought = client.incoming_phone_numbers.create(area_code="415", emergency_address_sid=address)
    assert bought.emergency_address_sid is None
    held = client.incoming_phone_numbers(number.sid)
    assert held.update(emergency_address_sid=address).emergency_address_status == "registered"
    with pytest.raises(TwilioRestException):
        held.delete()
    held.update(emergency_address_sid="")
    assert held.delete()


def test_released_number_does_not_return(client: Client, number: Number) -> None:
    assert client.incoming_phone_numbers(number.sid).delete()
    with pytest.raises(TwilioRestException) as error:
        client.incoming_phone_numbers(number.sid).fetch()
    assert (error.value.status, error.value.code) == (404, 20404)
    with pytest.raises(TwilioRestException) as error:
        client.incoming_phone_numbers.create(phone_number=number.phone_number)
    assert error.value.code == 21422


def test_statuses_and_bodies_are_twilios(sandbox: Sandbox, number: Number) -> None:
    created = ask(sandbox, "POST", numbers_path(sandbox), form={"AreaCode": "212"})
    deleted = ask(sandbox, "DELETE", numbers_path(sandbox, number.sid))
    missing = ask(sandbox, "GET", numbers_path(sandbox, number.sid))
    assert (created.status, deleted.status, deleted.body, missing.status) == (201, 204, b"", 404)
    assert missing.json["more_info"] == "https://www.twilio.com/docs/errors/20404"
    assert missing.json["message"].startswith("The requested resource /2010-04-01/Accounts/AC")
    assert created.json["date_created"].endswith(" +0000")


def test_a_bought_number_has_the_webhooks_of_the_demo(client: Client) -> None:
    demo = "https://demo.twilio.com/welcome"
    bought = client.incoming_phone_numbers.create(phone_number="+15005550006")
    assert (bought.voice_url, bought.sms_url, bought.status_callback) == (
        f"{demo}/voice/",
        f"{demo}/sms/reply/",
        "",
    )
    given = client.incoming_phone_numbers.create(
        phone_number="+15005550007", voice_url=URL, sms_url=""
    )
    assert (given.voice_url, given.sms_url) == (URL, "")
