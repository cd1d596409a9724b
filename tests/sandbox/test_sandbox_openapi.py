"""Rows have the fields that Twilio's OpenAPI documents give them; skipped where the documents are absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask

from .test_sandbox_world import SEED

DOCUMENTS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "openapi"
ACCOUNT = "AC" + "1" * 32
BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
TRUNK = "/v1/Trunks/TK" + "1" * 32
CASES = [
    (
        "api_v2010",
        "api.v2010.account.incoming_phone_number",
        f"{BASE}/IncomingPhoneNumbers.json",
        "incoming_phone_numbers",
    ),
    ("api_v2010", "api.v2010.account.application", f"{BASE}/Applications.json", "applications"),
    (
        "api_v2010",
        "api.v2010.account.sip.sip_credential_list",
        f"{BASE}/SIP/CredentialLists.json",
        "credential_lists",
    ),
    (
        "api_v2010",
        "api.v2010.account.sip.sip_credential_list.sip_credential",
        f"{BASE}/SIP/CredentialLists/CL{'1' * 32}/Credentials.json",
        "credentials",
    ),
    (
        "api_v2010",
        "api.v2010.account.sip.sip_ip_access_control_list.sip_ip_address",
        f"{BASE}/SIP/IpAccessControlLists/AL{'1' * 32}/IpAddresses.json",
        "ip_addresses",
    ),
    (
        "api_v2010",
        "api.v2010.account.available_phone_number_country.available_phone_number_local",
        f"{BASE}/AvailablePhoneNumbers/GB/Local.json",
        "available_phone_numbers",
    ),
    (
        "api_v2010",
        "api.v2010.account.available_phone_number_country",
        f"{BASE}/AvailablePhoneNumbers.json",
        "countries",
    ),
    *(
        (
            "api_v2010",
            f"api.v2010.account.incoming_phone_number.incoming_phone_number_{kind}",
            f"{BASE}/IncomingPhoneNumbers/{path}.json",
            "incoming_phone_numbers",
        )
        for kind, path in (("local", "Local"),)
    ),
    ("api_v2010", "api.v2010.account.address", f"{BASE}/Addresses.json", "addresses"),
    ("api_v2010", "api.v2010.account.key", f"{BASE}/Keys.json", "keys"),
    ("api_v2010", "api.v2010.account.call", f"{BASE}/Calls.json", "calls"),
    ("api_v2010", "api.v2010.account", "/2010-04-01/Accounts.json", "accounts"),
    ("messaging_v1", "messaging.v1.service", "/v1/Services", "services"),
    ("trunking_v1", "trunking.v1.trunk", "/v1/Trunks", "trunks"),
    (
        "trunking_v1",
        "trunking.v1.trunk.origination_url",
        f"{TRUNK}/OriginationUrls",
        "origination_urls",
    ),
    ("trunking_v1", "trunking.v1.trunk.phone_number", f"{TRUNK}/PhoneNumbers", "phone_numbers"),
    (
        "trunking_v1",
        "trunking.v1.trunk.credential_list",
        f"{TRUNK}/CredentialLists",
        "credential_lists",
    ),
    ("monitor_v1", "monitor.v1.event", "/v1/Events", "events"),
    ("monitor_v1", "monitor.v1.alert", "/v1/Alerts", "alerts"),
    ("routes_v2", "routes.v2.phone_number", "/v2/PhoneNumbers/+447700900000", ""),
    ("routes_v2", "routes.v2.trunks", "/v2/Trunks/acme.pstn.twilio.com", ""),
]


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="Twilio's documents are not here")
@pytest.mark.parametrize(
    ("document", "schema", "path", "key"), CASES, ids=[case[1] for case in CASES]
)
def test_a_row_has_the_documented_fields(document: str, schema: str, path: str, key: str) -> None:
    text = (DOCUMENTS / f"twilio_{document}.json").read_text()
    expected = json.loads(text)["components"]["schemas"][schema]["properties"]
    with Sandbox(World.from_seed(SEED)) as sandbox:
        found: Any = ask(sandbox, "GET", path, password="t").json
    row = found[key][0] if key else found
    assert set(row) == set(expected)
