"""Credentials in URLs are masked by every format, however it writes values."""

from __future__ import annotations

import pytest

from reconciler.model.action import Action, Change
from reconciler.planning.checks.secrecy import mask
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.planning.plan import Plan
from reconciler.report.documents.build import drift_document, plan_document
from reconciler.report.formats.registry import FORMATS
from reconciler.report.text.style import Style

SECRET = "s3cr3t-value"
URL = f"https://user:{SECRET}@agents.example.com/voice?lang=en&token={SECRET}#a=1"


@pytest.mark.parametrize("name", list(FORMATS))
def test_no_format_shows_a_credential_in_a_url(name: str) -> None:
    action = Action(
        address="number/+15550100101",
        action="overwrite_webhooks",
        reason="config",
        kind="number",
        account="main",
        changes=(Change("voice_url", URL, "https://agents.example.com/new"),),
        takeover=(Change("voice_url", URL, None),),
    )
    document = plan_document(Plan((action,), {}, (), {"number": 1}, 0, {}), [])
    report = FORMATS[name].render(document, "acme-voice", Style())
    assert SECRET not in report


@pytest.mark.parametrize("name", list(FORMATS))
def test_no_format_shows_a_drifted_credential(name: str) -> None:
    found = Drifted(
        "number/+15550100101", "main", "PN" + "0" * 32, (DriftedField("voice_url", None, URL),)
    )
    report = FORMATS[name].render(
        drift_document([found], Plan((), {}, (), {}, 0, {}), []), "acme-voice", Style()
    )
    assert SECRET not in report
    assert "token=***" in report


@pytest.mark.parametrize(
    "text",
    [
        "?API-KEY=",
        "?x-api-key=",
        "&api.key=",
        ";apikey=",
        "&access-key=",
        "#access_token=",
        "?X-Amz-Signature=",
        "?code=",
    ],
)
def test_a_value_with_a_name_like_a_secret_is_masked(text: str) -> None:
    shown = mask(f"https://agents.example.com/voice{text}{SECRET}&lang=en")
    assert SECRET not in shown
    assert shown.endswith(f"{text}***&lang=en")


def test_shows_url_fragments_that_twilio_reads() -> None:
    url = "https://agents.example.com/voice#rc=3&ct=1000&rp=5xx"
    assert mask(url) == url
