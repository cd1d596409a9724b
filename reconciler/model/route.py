"""Routes of a number, and the values of attributes in canonical and in wire form."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Webhook(
    msgspec.Struct,
    frozen=True,
    tag="webhooks",
    tag_field="form",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """A URL that Twilio asks, its HTTP method, and whom it asks when that fails.

    Canonical form: methods in capitals, no URL is ``""``, and without a fallback URL the fallback method is ``""``.
    """

    url: str
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = ""


class TrunkRoute(
    msgspec.Struct, frozen=True, tag="trunk", tag_field="form", forbid_unknown_fields=True, gc=False
):
    """Calls go to a SIP trunk: the name of one that we manage, else its SID (``TK…``)."""

    trunk: str


class ApplicationRoute(
    msgspec.Struct,
    frozen=True,
    tag="application",
    tag_field="form",
    forbid_unknown_fields=True,
    gc=False,
):
    """A TwiML application answers: the name of one that we manage, else its SID (``AP…``)."""

    application: str


Value = Webhook | TrunkRoute | ApplicationRoute | str | int | bool | None


Attrs = Mapping[str, Value]
"""Canonical attributes by field name; equal attributes mean nothing to do."""


WireValue = str | int | bool | None


Wire = Mapping[str, WireValue]
"""Fields as Twilio's API names and writes them (``voice_url`` …)."""


Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
