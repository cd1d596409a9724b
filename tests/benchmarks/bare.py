"""The same writes by the plainest client that there can be: ready-made requests over plain sockets, answers not read
but for their first bytes.

    python -m tests.benchmarks.bare BASE_URL SID TOKEN CONCURRENCY

What this takes is what the server and the machine take; a client that builds requests, reads answers, checks them and
remembers what came of them can only come near it. Prints seconds.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

from tests.support.benchmark_sandbox import AGENT

_BODY = urlencode(
    {"VoiceUrl": f"{AGENT}/voice", "SmsUrl": f"{AGENT}/sms", "StatusCallback": f"{AGENT}/status"}
)


def writes(base_url: str, sid: str, token: str, concurrency: int) -> float:
    """Overwrite the webhooks of the first 1,000 numbers; seconds from the first write to the last answer."""
    account = f"/2010-04-01/Accounts/{sid}/IncomingPhoneNumbers"
    login = "Basic " + base64.b64encode(f"{sid}:{token}".encode()).decode()
    listing = urllib.request.Request(
        f"{base_url}{account}.json?PageSize=1000", headers={"Authorization": login}
    )
    with urllib.request.urlopen(listing) as answer:
        sids = [row["sid"] for row in json.load(answer)["incoming_phone_numbers"]]
    address = urlsplit(base_url)
    own = threading.local()

    def write(number: str) -> None:
        if not hasattr(own, "socket"):
            own.socket = socket.create_connection((address.hostname, address.port))
            own.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.socket.sendall(
            f"POST {account}/{number}.json HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {login}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(_BODY)}\r\n\r\n{_BODY}".encode()
        )
        assert own.socket.recv(65536).startswith(b"HTTP/1.1 200"), "the server refused a write"

    started = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(write, sids))
    return time.perf_counter() - started


if __name__ == "__main__":
    print(writes(*sys.argv[1:4], int(sys.argv[4])))
