"""Credentials in URLs are masked by every format, however it writes values."""

from __future__ import annotations

import pytest

from reconciler.model import Action, Change
from reconciler.planning.plan import Plan
from reconciler.report.build import plan_document
from reconciler.report.formats import FORMATS
from reconciler.report.style import Style

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
