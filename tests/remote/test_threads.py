from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from reconciler.kinds.number import FETCH, UPDATE
from reconciler.remote.transport.retry import RetryPolicy
from reconciler.remote.twilio.http import Reply
from tests.support.scripted_server import Answer, Seen, Server, number, number_page

from .conftest import Connect


def test_answers_reach_only_the_thread_that_asked(connected: Connect, server: Server) -> None:
    server.behaves(lambda seen: Answer(body={"path": seen.path}))
    gateway = connected(server.url, concurrency=8)

    def fetch(index: int) -> bool:
        sid = f"PN{index:032x}"
        reply = gateway.call(
            FETCH if index % 2 else UPDATE, {"VoiceUrl": f"https://a/{index}"}, sid=sid
        )
        return sid in str(reply["path"])

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fetch, range(200)))
    assert sorted(seen.form["VoiceUrl"] for seen in server.seen if seen.method == "POST") == sorted(
        f"https://a/{index}" for index in range(0, 200, 2)
    )


class Crowded:
    """A server that bears three requests at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.under_way = self.most = self.refused = 0

    def request(self, *args: object, **rest: object) -> Reply:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            status = 429 if self.under_way > 3 else 200
            self.refused += status == 429
        time.sleep(0.001)
        with self.lock:
            self.under_way -= 1
        return Reply(status, b"{}", {})


def test_concurrency_is_bounded_and_adapts_to_the_server(connected: Connect) -> None:
    crowded = Crowded()
    gateway = connected(http_client=crowded, concurrency=8, retry_policy=RetryPolicy(attempts=99))
    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(lambda index: gateway.call(FETCH, sid=f"PN{index}"), range(300)))
    assert replies == [{}] * 300
    assert 3 < crowded.most <= 8
    assert crowded.refused < 300, (
        "it keeps near what the server bears instead of asking for more all the time"
    )


def test_pages_and_calls_work_with_one_call_at_a_time(connected: Connect, server: Server) -> None:
    def script(seen: Seen) -> Answer:
        if not seen.path.endswith("IncomingPhoneNumbers.json"):
            return Answer(body={"fine": True})
        index = int(seen.query.get("Page", 0))
        return number_page([number(index)], None if index == 4 else f"{seen.path}?Page={index + 1}")

    server.behaves(script)
    gateway = connected(server.url, concurrency=1)
    for page in gateway.number_pages():
        assert gateway.call(FETCH, sid=page[0].sid) == {"fine": True}
