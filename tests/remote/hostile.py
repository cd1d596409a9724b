"""Answers of a hostile or broken server, and a program that reads them in a process of its own.

Run as a module it takes what to read and NAME=URL of each case. It prints the code of the error, the time and its peak
memory in MB, a line of JSON for each case.
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

AC = "AC" + "a" * 32
OTHER = "AC" + "b" * 32
Body = Iterator[bytes]
GIVE_UP = 8.0
"""Seconds for an answer; the machine of a test may be busy."""
Case = Callable[[str, dict[str, str], int], tuple[dict[str, str], Body]]
"""(path, query, number of the request) → headers and pieces of the body."""

ITEMS = {
    "OriginationUrls": "origination_urls",
    "IpAddresses": "ip_addresses",
    "Credentials.json": "credentials",
    "CredentialLists": "credential_lists",
    "IpAccessControlLists": "ip_access_control_lists",
    "IncomingPhoneNumbers": "incoming_phone_numbers",
    "Trunks": "trunks",
    "Applications": "applications",
    "Events": "events",
    "sip-phone-numbers": "items",
    "api/phone-numbers": "data",
    "v1/phone-numbers": "phone_numbers",
    "convai/v2/phone-numbers": "phone_numbers",
    "ListSIP": "items",
}
"""Part of a path → the key of its rows, children before their parents; Feather answers with a list alone."""


def row(index: int, **fields: Any) -> dict[str, Any]:
    """A row that every listing accepts: the fields of numbers, trunks, applications, events and of all platforms."""
    number, sid = f"+1555{index:07d}", f"PN{index:032x}"
    return {
        "sid": sid,
        "id": sid,
        "phone_number_id": sid,
        "phone_number": number,
        "phoneNumber": number,
        "phone_e164": number,
        "number": number,
        "provider": "twilio",
        "friendly_name": "a",
        "account_sid": AC,
        "event_date": "2026-01-01T00:00:00Z",
        **fields,
    }


def page(path: str, rows: list[Any], link: str | None = None) -> bytes:
    """One page in the form of this listing."""
    if "communication" in path or "identity" in path or path == "/phone-number":
        return json.dumps(rows).encode()
    key = next(items for part, items in ITEMS.items() if part in path)
    if "/convai/" in path:
        more = {"has_more": link is not None, "next_cursor": link}
        return json.dumps({key: rows, **more}).encode()
    if "/v1/" in path and "phone-numbers" not in path:
        return json.dumps({key: rows, "meta": {"key": key, "next_page_url": link}}).encode()
    return json.dumps({key: rows, "next_page_uri": link}).encode()


def whole(body: bytes) -> tuple[dict[str, str], Body]:
    return {"Content-Length": str(len(body))}, iter([body])


@cache
def _bomb() -> bytes:
    """Gzip of a JSON text of 1 GB, made without holding it."""
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = b"a" * (1 << 20)
    pieces = [pack.compress(b'{"x": "'), *(pack.compress(block) for _ in range(1024))]
    return b"".join([*pieces, pack.compress(b'"}'), pack.flush()])


def gzip_bomb(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return {"Content-Encoding": "gzip"}, iter([_bomb()])


def gzip_bomb_of_small_members(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    member = gzip.compress(b" " * (1 << 20))
    return {"Content-Encoding": "gzip"}, itertools.repeat(member, 2000)


def unknown_encoding(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return {"Content-Encoding": "br"}, iter([b"abc"])


def broken_gzip(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return {"Content-Encoding": "gzip"}, iter([gzip.compress(page(path, [row(1)]))[:-12]])


def endless_body(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return {}, itertools.repeat(b" " * (1 << 20))


def stated_size(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return {"Content-Length": str(1 << 40)}, itertools.repeat(b" " * (1 << 20))


def endless_trickle(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    def drops() -> Body:
        while True:
            time.sleep(0.05)
            yield b" "

    return {}, drops()


def many_small_values(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return whole(b"[" + b'{"":0},' * 8_000_000 + b"0]")


def deep_nesting(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return whole(b"[" * 1_000_000)


def no_json(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return whole(b"<html>Please log in</html>")


def no_rows(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return whole(b'{"meta": {}, "ok": true}')


def rows_of_text(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return whole(page(path, ["a", "b"]))


def rows_without_a_key(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    return whole(page(path, [{"friendly_name": "a"}]))


def wrong_types(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    names = (
        "agent_id",
        "assigned_agent_id",
        "incomingCallsAgentId",
        "status",
        "assistantId",
        "assigned_agent",
    )
    agents: dict[str, Any] = {name: {"id": []} for name in names}
    return whole(page(path, [row(1, friendly_name=["a"], voice_url=3, **agents)]))


def _more(path: str, count: int) -> str:
    return f"{path}?Page={count}&PageToken=T{count}"


def circle(path: str, query: dict[str, str], count: int) -> tuple[dict[str, str], Body]:
    following = 1 + int(query.get("Page", 0)) % 3
    return whole(page(path, [row(1 + int(query.get("Page", 0)))], _more(path, following)))


def known_rows_under_new_links(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    return whole(page(path, [row(n) for n in range(1, 1001)], _more(path, count)))


def empty_pages_without_end(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    return whole(page(path, [], _more(path, count)))


def new_rows_without_end(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    rows = [row(count * 1000 + n) for n in range(1000)]
    return whole(page(path, rows, _more(path, count)))


def one_number_two_sids(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    number = row(1)["phone_number"]
    names = dict.fromkeys(("phone_number", "phoneNumber", "phone_e164"), number)
    return whole(page(path, [row(1), row(2, **names)]))


def one_number_two_sids_on_two_pages(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    if "Page" not in query:
        return whole(page(path, [row(1)], _more(path, 1)))
    return whole(page(path, [row(2, phone_number=row(1)["phone_number"])]))


def one_sid_two_contents(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    if "Page" not in query:
        return whole(page(path, [row(1, friendly_name="a")], _more(path, 1)))
    return whole(page(path, [row(1, friendly_name="b")]))


def rows_of_another_account(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    return whole(page(path, [row(1), row(2, account_sid=OTHER)]))


def link_to_another_host(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    return whole(page(path, [row(count)], f"https://evil.example.com{path}?Page=1"))


def link_to_another_path(
    path: str, query: dict[str, str], count: int
) -> tuple[dict[str, str], Body]:
    return whole(page(path, [row(count)], f"/2010-04-01/Accounts/{OTHER}/Messages.json?Page=1"))


CASES: dict[str, Case] = {
    name: made
    for name, made in globals().items()
    if callable(made) and getattr(made, "__annotations__", {}).get("query") == "dict[str, str]"
}


class Hostile:
    """A server on loopback that answers every request with one of the cases, and counts the requests."""

    def __init__(self, case: Case) -> None:
        self.requests = 0
        self._counting = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with outer._counting:
                    outer.requests += 1
                    count = outer.requests
                length = int(self.headers.get("Content-Length", 0))
                self.rfile.read(length)
                parts = urlsplit(self.path)
                headers, body = case(parts.path, dict(parse_qsl(parts.query)), count)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.close_connection = True
                    self.send_header("Connection", "close")
                self.end_headers()
                try:
                    for piece in body:
                        self.wfile.write(piece)
                except OSError:
                    self.close_connection = True

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def read(what: str, url: str) -> None:
    """Read one thing from the server as the program would."""
    if what.startswith("platform:"):
        read_platform(what.partition(":")[2], url)
        return

    from reconciler.kinds.application import APPLICATION
    from reconciler.kinds.number import FETCH
    from reconciler.kinds.table import KINDS
    from reconciler.kinds.trunk import TRUNK
    from reconciler.model.credentials import Credentials
    from reconciler.remote.queries.rows import read_rows
    from reconciler.remote.twilio.gateway import connect

    gateway = connect(
        Credentials("main", AC, AC, password="x", base_url=url), give_up_after=GIVE_UP
    )
    try:
        if what == "numbers":
            for _ in gateway.number_pages():
                pass
        elif what == "trunks":
            read_rows(gateway, TRUNK)
        elif what.startswith("below:"):
            read_rows(gateway, KINDS[what.partition(":")[2]], parent_sid="TK" + "0" * 32)
        elif what == "applications":
            read_rows(gateway, APPLICATION)
        elif what == "events":
            gateway.events(limit=10**9)
        else:
            gateway.call(FETCH, sid="PN" + "0" * 32)
    finally:
        gateway.close()


def read_platform(name: str, url: str) -> None:
    from reconciler.config.project import PlatformSettings, Secret
    from reconciler.model.position import Position
    from reconciler.remote.platforms.registry import connect
    from tests.support.adapter_runner import KINDS, LiteralVault

    place = Position("reconciler.yaml", 1, 1)
    connection = KINDS[name].connection
    settings = PlatformSettings(
        name="p",
        type=name,
        base_url=url,
        secrets={"api_key": Secret("KEY", None, place)},
        connections={"main": connection} if connection else {},
        texts={"organization_id": "org_1"},
        position=place,
    )
    adapter = connect(settings, LiteralVault(), give_up_after=GIVE_UP)
    try:
        adapter.list([])
    finally:
        adapter.close()


def peak_memory() -> int:
    """The most memory that this process has had, in MB.

    Linux hands `ru_maxrss` on from the process that forked this one, so a large test worker would count as ours.
    """
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    raise AssertionError("/proc/self/status has no VmHWM")


def main(what: str, *cases: str) -> None:
    """Read each case, one after the other."""
    from reconciler.errors import RemoteError

    for case in cases:
        name, _, url = case.partition("=")
        started, code, text = time.monotonic(), "", ""
        try:
            read(what, url)
        except RemoteError as error:
            code, text = error.code, error.diagnostics[0].detail
        peak = peak_memory()
        seconds = time.monotonic() - started
        print(
            json.dumps(
                {"case": name, "code": code, "detail": text, "peak": peak, "seconds": seconds}
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
