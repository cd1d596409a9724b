"""Define `Webhook`, `TrunkRoute` and `ApplicationRoute`, the ways in which a number answers,
`Membership` in a messaging service, and the types of attributes in canonical form and of fields in wire form; converts nothing.
"""

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
    """A URL that Twilio requests, its HTTP method, and the fallback for when that fails.

    Canonical form: methods in upper case, no URL is ``""``, and without a fallback URL the fallback
    method is ``""``.
    """

    url: str
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = ""


class TrunkRoute(
    msgspec.Struct, frozen=True, tag="trunk", tag_field="form", forbid_unknown_fields=True, gc=False
):
    """A SIP trunk takes the calls: the name of a managed trunk, else its SID (``TK…``)."""

    trunk: str


class ApplicationRoute(
    msgspec.Struct,
    frozen=True,
    tag="application",
    tag_field="form",
    forbid_unknown_fields=True,
    gc=False,
):
    """A TwiML application answers: the name of a managed application, else its SID (``AP…``)."""

    application: str


class Membership(
    msgspec.Struct,
    frozen=True,
    tag="messaging_service",
    tag_field="form",
    forbid_unknown_fields=True,
    gc=False,
):
    """A number is in a messaging service: the name of a managed service, else its SID (``MG…``)."""

    service: str


Value = Webhook | TrunkRoute | ApplicationRoute | Membership | str | int | bool | None


Attrs = Mapping[str, Value]
"""Canonical attributes by field name; equal attributes need no action."""


WireValue = str | int | bool | None


Wire = Mapping[str, WireValue]
"""Fields with the names and values of Twilio's API (``voice_url`` …)."""


Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
