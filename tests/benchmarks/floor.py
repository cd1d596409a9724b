"""The floor under `plan`: what no planner in Python can do without, and nothing else.

    python -m tests.benchmarks.floor BASE_URL ACCOUNT_SID TOKEN CONFIG STATE

Start the interpreter with twilio, pydantic and click, read all pages as JSON, run through the events of the YAML file,
read the state as JSON.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import click  # noqa: F401
import msgspec
import pydantic  # noqa: F401
import twilio.rest  # noqa: F401
import urllib3
from yaml.cyaml import CParser
from yaml.events import StreamEndEvent


def pages(base: str, sid: str, token: str) -> int:
    """Read every page of numbers; how many numbers there are."""
    pool = urllib3.PoolManager(headers=urllib3.make_headers(basic_auth=f"{sid}:{token}"))
    path, count = f"/2010-04-01/Accounts/{sid}/IncomingPhoneNumbers.json?PageSize=1000", 0
    while path:
        page = msgspec.json.decode(pool.request("GET", base + path).data)
        count += len(page["incoming_phone_numbers"])
        path = page["next_page_uri"]
    return count


def events(path: Path) -> int:
    """Run through all events of a YAML file."""
    parser, count = CParser(path.read_bytes()), 0
    while type(parser.get_event()) is not StreamEndEvent:
        count += 1
    return count


if __name__ == "__main__":
    gc.disable()
    url, account, password, config, state = sys.argv[1:]
    print(
        pages(url, account, password),
        events(Path(config)),
        len(msgspec.json.decode(Path(state).read_bytes())),
    )
