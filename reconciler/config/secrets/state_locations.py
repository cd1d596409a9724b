"""Find the servers that a `state` location names, parsed as its client does; pure.

libpq decodes %XX after it has found the parts of an address and before it splits lists of hosts,
lets a later parameter replace an earlier one, and finds a user even behind a question mark.
Addresses in which that would matter are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from reconciler.config.secrets.hosts import Origin, normal_host, read_origin

_POSTGRESQL = re.compile(
    r"postgres(?:ql)?://(?:[^@/?#:\s\\]*@)?(?P<hosts>[^@/?#\s\\]*)(?:/[^@?#\s\\]*)?(?:\?(?P<query>[^@#\s\\]*))?"
)
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>[0-9]*))?")
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{0,254}")
_ENCRYPTED_MODES = frozenset({"require", "verify-ca", "verify-full"})
_HARMLESS = frozenset(
    {
        "application_name",
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "dbname",
        "fallback_application_name",
        "gssencmode",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "options",
        "port",
        "require_auth",
        "requirepeer",
        "ssl",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "sslsni",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    }
)
"""Parameters of libpq that name neither another server nor a file with a secret."""


class Server(NamedTuple):
    """A server that a `state` names, and whether requests to it are encrypted for certain."""

    origin: Origin
    encrypted: bool


def find_servers(location: str, environ: Mapping[str, str]) -> list[Server]:
    """Return the servers that a location or libpq's variables name; none for a file or a socket.

    Raises ValueError, which names what is unusual about the location.
    """
    scheme, separator, rest = location.partition("://")
    if not separator:
        return []
    if scheme in ("http", "https"):
        return [_web_server(location)]
    if scheme in ("postgresql", "postgres"):
        return _databases(location, environ)

    # A bucket: its endpoint comes from the environment, not from the location.
    _check_bucket(rest)
    return []


def _web_server(location: str) -> Server:
    origin = read_origin(location)
    if "/" not in location.partition("://")[2].partition("?")[0]:
        raise ValueError("it has no path behind its host")
    return Server(origin, origin.scheme == "https")


def _check_bucket(rest: str) -> None:
    """Check the bucket's name: the client makes it a part of the provider's host."""
    bucket, _, key = rest.partition("/")
    if "?" in rest or "#" in rest:
        raise ValueError(
            "a bucket takes no parameters; its endpoint comes from the environment alone"
        )
    if bucket and not _BUCKET.fullmatch(bucket):
        raise ValueError("the name of its bucket is not one of letters, digits, dots and hyphens")
    if "\\" in key:
        raise ValueError("its key has a backslash")


def _databases(location: str, environ: Mapping[str, str]) -> list[Server]:
    found = _POSTGRESQL.fullmatch(location)
    if found is None:
        raise ValueError(
            "write it as postgresql://user@host:port/database?sslmode=require, and %40 for another @"
        )
    parameters = _parameters(found["query"] or "")
    named, ports = _split_hosts(found["hosts"])

    # A parameter replaces what the address says, and the address counts where it is not one: check
    # both.
    sources = [named, *(parameters[name] for name in ("host", "hostaddr") if name in parameters)]
    ports = parameters.get("port", ports) or environ.get("PGPORT") or "5432"
    encrypted = _is_encrypted(parameters, environ)

    # libpq takes from the environment what the location does not name, and prefers an address to a
    # name.
    names_host = bool(named or parameters.get("host") or parameters.get("hostaddr"))
    if not parameters.get("hostaddr"):
        sources.append(environ.get("PGHOSTADDR", ""))
    if not names_host:
        sources.append(environ.get("PGHOST", ""))
        _check_service(parameters, environ)

    servers = []
    for source in filter(None, sources):
        for host, port in _pairs(source, ports, environ):
            if host and host[0] not in "/@":  # else a socket of this machine
                bracketed = f"[{host}]" if ":" in host else host
                servers.append(
                    Server(Origin("postgresql", normal_host(bracketed), port), encrypted)
                )
    return servers


def _is_encrypted(parameters: Mapping[str, str], environ: Mapping[str, str]) -> bool:
    """Return whether libpq connects over TLS or not at all."""
    mode = parameters.get("sslmode") or environ.get("PGSSLMODE", "")
    if "sslmode" not in parameters and parameters.get("ssl") == "true":
        mode = "require"
    return mode in _ENCRYPTED_MODES


def _check_service(parameters: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Raise ValueError for a location that could take TLS away from the unknown server of
    PGSERVICE.
    """
    mode = parameters.get("sslmode")
    if environ.get("PGSERVICE") and mode is not None and mode not in _ENCRYPTED_MODES:
        raise ValueError(
            "PGSERVICE names its server, so `state` may only contain `sslmode=require` or stricter"
        )


def _split_hosts(text: str) -> tuple[str, str]:
    """Return hosts and ports of an address, each with commas; decoded before the split, as in
    libpq.
    """
    hosts, ports = [], []
    for part in text.split(","):
        found = _HOST_AND_PORT.fullmatch(part)
        if found is None:
            raise ValueError("one of its hosts is neither host nor host:port")
        hosts.append(found["host"].removeprefix("[").removesuffix("]"))
        ports.append(found["port"] or "")

    return _decode(",".join(hosts)), ",".join(ports) if any(ports) else ""


def _pairs(hosts: str, ports: str, environ: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return each host with its port; a single port applies to all."""
    names, numbers = hosts.split(","), ports.split(",")
    if len(numbers) == 1:
        numbers *= len(names)
    if len(numbers) != len(names):
        raise ValueError("it names more hosts than ports, or more ports than hosts")

    pairs = []
    for name, number in zip(names, numbers, strict=True):
        text = number or environ.get("PGPORT") or "5432"
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
            raise ValueError("its port is no number from 1 to 65535")
        pairs.append((name, int(text)))
    return pairs


def _parameters(query: str) -> dict[str, str]:
    """Return the parameters of a PostgreSQL address. Raises ValueError for forbidden ones."""
    found: dict[str, str] = {}
    for pair in query.split("&") if query else []:
        name, _, value = (_decode(part) for part in pair.partition("="))
        if name in ("service", "servicefile"):
            raise ValueError(
                f"`{name}` would take the server from another file; name the server itself"
            )

        if name not in _HARMLESS:
            reason = (
                "it can name another secret"
                if name in ("passfile", "sslkey", "sslpassword")
                else "not known here"
            )
            raise ValueError(
                f"the parameter `{name}` is not allowed in `state` ({reason}); use libpq's variables"
            )
        if name in found:
            raise ValueError(f"it has `{name}` twice")
        found[name] = value
    return found


def _decode(text: str) -> str:
    """Decode %XX as libpq does. Raises ValueError for text that it cannot decode."""
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", text):
        raise ValueError("it has a percent sign that is not followed by two hexadecimal digits")
    return unquote(text, errors="strict")
