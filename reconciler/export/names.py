"""Derive valid, unique names for exported resources: agents from their URLs, trunks and
applications from their labels; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from reconciler.config.sections.checks import describe_bad_name
from reconciler.kinds.known_hosts import find_owner

_WORDS = (
    "api app call callback calls handler hook hooks http https in inbound incoming message "
    "messages messaging phone prod production receive sms status text texts twilio twiml url "
    "voice voices web webhook webhooks welcome www xml v1 v2 v3 php aspx json html reply"
)
_GENERIC_WORDS = frozenset(_WORDS.split())
"""Words of URLs that do not distinguish one agent from another."""
_LONGEST = 48


def name_from_urls(urls: Iterable[str]) -> str:
    """Return a name from the first URL with a host: the platform or the host's words, then those of
    the path.
    """
    for url in urls:
        try:
            parts = urlsplit(url)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            continue
        if not host:
            continue

        # A host of Twilio is shared by all its customers, so only the path distinguishes the
        # agents.
        owner = find_owner(url)
        first = [owner] if owner and "Twilio" not in owner else _host_words(host)
        return slug(first, _path_words(path))
    return "agent"


def name_from_label(label: str, otherwise: str) -> str:
    """Return a name from a friendly name or a domain."""
    return slug([label], []) if re.search("[A-Za-z0-9]", label) else otherwise


def slug(first: list[str], more: list[str]) -> str:
    """Return words as a name: lower case, letters and digits joined by dashes, limited in length."""
    words = [re.sub("[^a-z0-9]+", "-", word.lower()).strip("-") for word in (*first, *more)]
    name = "-".join(filter(None, words))[:_LONGEST].strip("-")
    return "agent" if describe_bad_name(name) else name


class UniqueNames:
    """A supply of names that returns each name once; a repeated name gets a number."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def name(self, preferred: str) -> str:
        """Return the name, or the first of ``name-2``, ``name-3`` … that is free."""
        name, count = preferred, 1
        while name in self._taken:
            count += 1
            name = f"{preferred}-{count}"
        self._taken.add(name)
        return name


def _host_words(host: str) -> list[str]:
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        return [host]

    # example.co.uk: a short label before a country code belongs to the top of the domain.
    labels = host.split(".")
    top = 2 if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 1
    words = [label for label in labels[:-top] if label not in _GENERIC_WORDS]
    return words or [labels[0]]


def _path_words(path: str) -> list[str]:
    words: list[str] = []
    for word in re.split(r"[/._]+", path.lower()):
        # Longer words are ids or tokens, which may be secret.
        if word and word not in _GENERIC_WORDS and len(word) <= 24:
            words.append(word)
    return words[:3]
