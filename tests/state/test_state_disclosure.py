"""What is said of a damaged state shows nothing of it that could be a secret, wherever the damage is."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.errors import StateError
from reconciler.model.entry import Entry
from reconciler.model.route import Webhook
from reconciler.state.format.document import State, decode, empty_state, encode
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.sanitize import safe_address, safe_reason

from .samples import entry

PLANTED = "planted"
URL = f"https://{PLANTED}:{PLANTED}@pbx.example.net/{PLANTED}?tokn={PLANTED}"


def planted() -> State:
    """A state that holds the planted value wherever a URL may stand, and in addresses with one."""
    full = empty_state("acme")
    applied = {"voice": Webhook(URL), "sms": None}
    full.resources["number/+15550000001"] = entry(
        1, last_applied=applied, prior={"voice_url": URL}, pending=applied
    )
    sip = f"sip:{PLANTED}@sbc.example.com"
    full.resources[f"origination_url/edge/{sip}"] = entry(
        2, kind="origination_url", key=sip, parent="trunk/edge"
    )
    return full


def damages(data: bytes) -> list[bytes]:
    """The document with each character lost, each made a quote, and a name ended and begun before each."""
    found = []
    for at in range(len(data)):
        before, after = data[:at], data[at + 1 :]
        found += [
            before + after,
            before + b'"' + after,
            before + b'":1,"' + data[at:],
            before + b'":{"' + data[at:],
        ]
    return found


def test_damaged_character_anywhere_never_exposes_a_url() -> None:
    told = set()
    for data in damages(encode(planted())):
        try:
            decode(data, "acme", "state.json")
        except StateError as error:
            told.add(str(error))
    assert len(told) > 100
    shown_anyway = [text for text in told if PLANTED in text]
    assert not shown_anyway, shown_anyway[0]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (b'{"https://x.example/?tokn=planted":1}', "a field is not known"),
        (b'{"options":{"planted":1}}', "a field is not known - at `$.options`"),
        (
            b'{"options":{"on_removal":"planted"}}',
            "a value is not one of those known - at `$.options.on_removal`",
        ),
        (b'{"options":{"on_removal":"x` - at `$.planted"}}', "a value is not one of those known"),
        (b'{"last_applied":{"voice":{"form":"planted"}}}', "a value is not one of those known"),
        (b'{"sid":1}', "Expected `str`, got `int` - at `$.sid`"),
        (b'{"sid":"planted', "Input data was truncated"),
        (b'{"sid":"planted\\x"}', "JSON is malformed: invalid escape character in string"),
        (b'{"sid":"planted\xff"}', "it is not text in UTF-8"),
        (b"{}", "Object missing required field `kind`"),
    ],
)
def test_message_names_our_fields_and_quotes_no_data(found: bytes, told: str) -> None:
    whole = b'{"kind":"number","account":"a","sid":"s","key":"k","last_applied":{},"options":{},'
    data = found if found == b"{}" else whole + found[1:]
    with pytest.raises(DECODE_ERRORS) as caught:
        msgspec.json.decode(data, type=_Closed)
    text = safe_reason(caught.value)
    assert told in text
    assert PLANTED not in text


class _Closed(Entry, forbid_unknown_fields=True):
    """An entry as strict as a row is."""


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("number/+15550000001", "number/+15550000001"),
        ("trunk/edge", "trunk/edge"),
        ("registration/nix/+15550000001", "registration/nix/+15550000001"),
        ("origination_url/edge/sip:planted@sbc.example.com;tokn=planted", "origination_url/edge/…"),
        ("credential/pbx/planted", "credential/pbx/…"),
        ("number/planted", "an invalid address"),
        ("https://planted", "an invalid address"),
        ("trunk/https:planted", "an invalid address"),
        ("planted", "an invalid address"),
    ],
)
def test_shows_only_the_certain_part_of_an_address(address: str, told: str) -> None:
    assert safe_address(address) == told
