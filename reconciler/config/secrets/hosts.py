"""Parse URLs and entries of the allow list into comparable origins, and match origins with entries;
pure.

The check must see the same host as the HTTP client. Parsers of URLs disagree about unusual
spellings (backslashes, two @, octal addresses, letters outside ASCII), so everything unusual is
refused here instead of being interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

PORTS = {"http": 80, "https": 443, "postgresql": 5432}
"""The schemes that a host can be reached by, each with its usual port."""
_URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?:(?P<user>[^@/?#\\\s]*)@)?(?P<host>\[[^\[\]@/?#\\\s]*\]|[^\[\]:@/?#\\\s]*)"
    r"(?::(?P<port>[0-9]*))?(?P<rest>[/?#][^\s\\]*)?"
)
_ENTRY = re.compile(
    r"(?:(?P<scheme>[A-Za-z]+)://)?(?P<host>\[[^\[\]]*\]|[^\[\]:/@]*)(?::(?P<port>[0-9]*))?"
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Origin(NamedTuple):
    """The server of a request: scheme, host in normal form, and port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


class HostEntry(NamedTuple):
    """An entry of the allow list; `scheme` and `port` are None where it names none, `*.` matches
    subdomains.
    """

    scheme: str | None
    host: str
    port: int | None


def read_origin(url: str) -> Origin:
    """Return the origin of a URL. Raises ValueError, which names what is unusual about it."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError(
            "it is no plain URL: scheme, host, port and path, without backslashes, spaces or a second @"
        )
    scheme = normal_scheme(found["scheme"])
    return Origin(scheme, normal_host(found["host"]), _port(found["port"], scheme))


def normal_scheme(scheme: str) -> str:
    """Return the scheme in normal form. Raises ValueError for one that is not supported."""
    lowered = scheme.lower()
    known = "postgresql" if lowered == "postgres" else lowered
    if known not in PORTS:
        raise ValueError("its scheme is not https, http or postgresql")
    return known


def normal_host(text: str) -> str:
    """Return a host in normal form: lower case, no dot at its end. Raises ValueError if unusual."""
    if not text.isascii():
        raise ValueError("its host has letters outside ASCII; write it in its xn-- form")
    if text.startswith("[") and text.endswith("]"):
        return _normal_ipv6(text[1:-1])

    name = text.lower().removesuffix(".")
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError("its host is no plain host name")

    # A name whose last part is a number is an address to the resolver: 2130706433, 0x7f.1 and 127.1
    # are 127.0.0.1.
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        return _normal_ipv4(name)
    return name


def is_loopback(host: str) -> bool:
    """Return whether a host in normal form is this machine."""
    if host == "localhost":
        return True
    try:
        address = IPv6Address(host) if ":" in host else IPv4Address(host)
    except ValueError:
        return False
    return address.is_loopback


def read_entry(text: str) -> HostEntry:
    """Parse an entry: ``host``, ``host:port`` or ``scheme://host:port``. Raises ValueError."""
    wildcard, bare = text.count("*"), text.strip()
    if bare.count(":") > 1 and re.fullmatch(r"[0-9A-Fa-f:]++(?:\.[0-9A-Fa-f.]*)?", bare):
        bare = f"[{bare}]"  # an IPv6 address without its brackets cannot have a port
    found = _ENTRY.fullmatch(bare)
    if found is None:
        raise ValueError("it is none of host, host:port and scheme://host:port")

    scheme = normal_scheme(found["scheme"]) if found["scheme"] else None
    below = found["host"].removeprefix("*.") if wildcard else found["host"]
    host = normal_host(below)
    is_address = ":" in host or bool(re.fullmatch(r"[0-9.]+", host))
    if wildcard and (wildcard > 1 or below == found["host"] or is_address):
        raise ValueError(
            "a star is only allowed at the beginning of a host name, as in *.example.com"
        )
    port = _port(found["port"], "https") if found["port"] is not None else None
    return HostEntry(scheme, f"*.{host}" if wildcard else host, port)


def entry_for(origin: Origin) -> HostEntry:
    """Return the entry that matches exactly this origin."""
    return HostEntry(origin.scheme, origin.host, origin.port)


def matches_host(entry: HostEntry, host: str) -> bool:
    """Return whether an entry matches this host."""
    if entry.host.startswith("*."):
        return host.endswith(entry.host[1:])
    return host == entry.host


def find_matches(entries: Iterable[HostEntry], origin: Origin) -> list[HostEntry]:
    """Return the entries that match an origin; no scheme or no port in an entry matches any."""
    found = []
    for entry in entries:
        same_scheme = entry.scheme in (None, origin.scheme)
        same_port = entry.port in (None, origin.port)
        if same_scheme and same_port and matches_host(entry, origin.host):
            found.append(entry)
    return found


def _normal_ipv4(name: str) -> str:
    try:
        return str(IPv4Address(name))
    except ValueError:
        raise ValueError(
            "its host is a number; write an address as four decimal numbers, like 192.0.2.1"
        ) from None


def _normal_ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise ValueError("its host is no IPv6 address") from None
    if address.scope_id is not None:
        raise ValueError("its host is an IPv6 address with a zone")
    mapped = address.ipv4_mapped
    return str(mapped if mapped is not None else address)


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return PORTS[scheme]
    port = int(text) if text and len(text) < 6 else 0
    if not 0 < port < 65536:
        raise ValueError("its port is no number from 1 to 65535")
    return port
