"""Names for what has none in an account: agents from their URLs, trunks from their labels; stable, unique, pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from reconciler.config.sections.fields import describe_bad_name
from reconciler.kinds.known_hosts import find_owner

_SAYS_NOTHING = frozenset(
    word
    for line in (
        "api app call callback calls handler hook hooks http https in inbound incoming message messages messaging",
        "phone prod production receive sms status text texts twilio twiml url voice voices web webhook webhooks",
        "welcome www xml v1 v2 v3 php aspx json html reply",
    )
    for word in line.split()
)
_LONGEST = 48


def name_from_urls(urls: Iterable[str]) -> str:
    """A name from the first URL that has a host: its host without the top of its domain, and what its path says."""
    for url in urls:
        try:
            parts = urlsplit(url)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            continue
        if host:
            known = find_owner(url)
            return slug(
                [known] if known and "Twilio" not in known else _host_words(host), _path_words(path)
            )
    return "agent"


def name_from_label(label: str, otherwise: str) -> str:
    """A name from a friendly name or a domain."""
    return slug([label], []) if re.search("[A-Za-z0-9]", label) else otherwise


def slug(first: list[str], more: list[str]) -> str:
    """Words as a name: lower case, letters and digits joined by dashes, never too long."""
    joined = "-".join(
        filter(
            None, (re.sub("[^a-z0-9]+", "-", word.lower()).strip("-") for word in (*first, *more))
        )
    )
    name = joined[:_LONGEST].strip("-")
    return "agent" if describe_bad_name(name) else name


class UniqueNames:
    """Gives out each name once: a second one that would be the same gets a number."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def name(self, wanted: str) -> str:
        """The name, or the first of ``name-2``, ``name-3`` … that is free."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}-{count}"
        self._taken.add(name)
        return name


def _host_words(host: str) -> list[str]:
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        return [host]
    labels = host.split(".")
    top = 2 if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 1
    words = [label for label in labels[:-top] if label not in _SAYS_NOTHING]
    return words or [labels[0]]


def _path_words(path: str) -> list[str]:
    words = [
        word for word in re.split(r"[/._]+", path.lower()) if word and word not in _SAYS_NOTHING
    ]
    return [word for word in words if len(word) <= 24][:3]
