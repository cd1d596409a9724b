"""Define the membership of numbers in messaging services: a field of the number here, a resource of
the service on Twilio; no I/O.

A number is in one service at most, and its own resource does not show it. Source:
https://www.twilio.com/docs/messaging/api/phonenumber-resource
"""

from __future__ import annotations

from reconciler.kinds.kind import Endpoint

MEMBERSHIP = "messaging_service"
"""The field of a number: the name or the SID of its service."""
MEMBERSHIP_PARAM = "MessagingServiceSid"
"""The name of the membership among the parameters of a number. It is never sent: Twilio's numbers
have no such parameter.
"""
MOST_MEMBERS = 400
"""The most numbers in one service, unless Twilio has raised the limit (21714)."""

_BASE = "/v1/Services/{service_sid}/PhoneNumbers"
MEMBERS = Endpoint("GET", "messaging", _BASE, items="phone_numbers")
JOIN = Endpoint("POST", "messaging", _BASE, idempotent=False)
LEAVE = Endpoint("DELETE", "messaging", _BASE + "/{sid}")
FETCH_MEMBER = Endpoint("GET", "messaging", _BASE + "/{sid}")
