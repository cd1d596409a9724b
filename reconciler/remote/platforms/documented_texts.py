"""Map a platform's refusal to our code by the beginning of its text, for the few texts that vendors
document; pure.

Status and documented fields decide first. A text decides only where a vendor documents it and
nothing else tells two refusals apart. No other module compares the text of a refusal.
"""

from __future__ import annotations

from typing import NamedTuple

_BUTTER = "https://docs.getbutter.ai/api-reference/phone-numbers/import, Errors, 400"
_DASHA = "https://blackbox.dasha.ai/docs/api-reference, import-numbers, Common Errors"
_LIVEKIT = "https://github.com/livekit/protocol, sip/sip.go, errors of validation"


class DocumentedText(NamedTuple):
    """How a refusal begins, its code, and where its vendor documents it."""

    platform: str
    text: str
    code: str
    source: str


DOCUMENTED_TEXTS = (
    DocumentedText("butter", "Missing required fields", "missing_field", _BUTTER),
    DocumentedText("butter", "Invalid provider", "invalid_provider", _BUTTER),
    DocumentedText("dasha", "Not found", "number_not_in_twilio", _DASHA),
    DocumentedText("dasha", "Already imported", "number_already_imported", _DASHA),
    DocumentedText("dasha", "Trunk attachment failed", "trunk_attachment_failed", _DASHA),
    DocumentedText(
        "livekit", "Conflicting inbound SIP Trunks", "number_already_imported", _LIVEKIT
    ),
    DocumentedText(
        "livekit", "Dispatch rule for the same trunk", "number_already_imported", _LIVEKIT
    ),
)


def code_for_text(platform: str, message: str) -> str | None:
    """Return our code for a refusal of this type of platform that begins with a documented text.

    A message that contains the texts of two codes does not tell which one applies: None.
    """
    words = message.strip().lower()
    first: str | None = None
    codes: set[str] = set()
    for documented in DOCUMENTED_TEXTS:
        text = documented.text.lower()
        if documented.platform != platform or text not in words:
            continue
        codes.add(documented.code)
        if words.startswith(text):
            first = documented.code
    return first if len(codes) == 1 else None
