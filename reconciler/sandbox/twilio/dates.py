"""Format dates as Twilio writes them (RFC 2822 in the 2010 API, ISO 8601 in the newer products),
and convert between the forms.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime


def rfc2822(moment: datetime) -> str:
    """Return ``Thu, 30 Jul 2015 23:19:04 +0000``."""
    return format_datetime(moment)


def iso8601(moment: datetime) -> str:
    """Return ``2015-07-30T23:19:04Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_from_rfc(text: str) -> str:
    """Return a date of the 2010 API in the form of the newer products."""
    return iso8601(parsedate_to_datetime(text))


def iso_from_filter(text: str) -> str:
    """Return a date of a query (``2015-03-01`` or with a time) in the stored form.

    Raises `ValueError`.
    """
    moment = datetime.fromisoformat(text)
    return iso8601(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
