"""Record the newest calls (request, parameters, status of the answer), and count reads, writes and
statuses.

Secrets are removed when a call is recorded.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping

import msgspec

from reconciler.sandbox.http.messages import Request

LIMIT = 10_000
_SECRETS = frozenset(
    {"password", "secret", "token", "authtoken", "apikey", "apisecret", "accesstoken", "pin"}
)
_SECRETS_OF_PLATFORMS = frozenset(
    {
        "twiliotoken",
        "twilioauthtoken",
        "twilioapisecret",
        "authpassword",
        "sippassword",
        "inboundpin",
        "headers",
        "telnyxapikey",
    }
)


class LoggedCall(msgspec.Struct, frozen=True):
    """One call; `status` is 0 when no answer was sent, `faults` names the faults that hit it."""

    method: str
    path: str
    params: dict[str, object]
    status: int
    faults: tuple[str, ...] = ()

    @property
    def is_write(self) -> bool:
        """Return true when the call may have changed something."""
        return self.method != "GET"


class CallLog:
    """The newest calls, at most `limit` of them, and counts of all calls since the last `reset`."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._lock = threading.Lock()
        self._calls: deque[LoggedCall] = deque(maxlen=limit)
        self._methods: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()

    def __iter__(self) -> Iterator[LoggedCall]:
        with self._lock:
            return iter(list(self._calls))

    def __len__(self) -> int:
        """Return the number of all calls, including those no longer in the log."""
        return self._methods.total()

    @property
    def reads(self) -> int:
        """Return the number of GET calls."""
        return self._methods["GET"]

    @property
    def writes(self) -> int:
        """Return the number of calls of other methods."""
        return len(self) - self.reads

    @property
    def statuses(self) -> dict[int, int]:
        """Return how often each status was answered; 0 means no answer."""
        with self._lock:
            return dict(self._statuses)

    def record(self, request: Request, status: int, faults: tuple[str, ...] = ()) -> None:
        """Record a call without its secrets."""
        call = LoggedCall(request.method, request.path, params_of(request), status, faults)
        with self._lock:
            self._calls.append(call)
            self._methods[request.method] += 1
            self._statuses[status] += 1

    def list_writes(self) -> list[LoggedCall]:
        """Return the calls that may have changed something."""
        return [call for call in self if call.is_write]

    def reset(self) -> None:
        """Remove all calls and counts."""
        with self._lock:
            self._calls.clear()
            self._methods.clear()
            self._statuses.clear()


def params_of(request: Request) -> dict[str, object]:
    """Return the parameters of query, form and JSON body, without secrets."""
    # JSON that is sent as a form would become the name of a parameter, with its secrets visible:
    # everything that looks like JSON is read as JSON.
    is_json = request.body.lstrip()[:1] in (b"{", b"[") or not request.form
    body = _json_params(request) if request.body and is_json else request.form
    return _without_secrets({**request.query, **body})


def _json_params(request: Request) -> Mapping[str, object]:
    try:
        value = request.json()
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {"": value}


def _without_secrets(params: Mapping[str, object]) -> dict[str, object]:
    cleaned: dict[str, object] = {}
    for name, value in params.items():
        bare = name.replace("_", "").replace("-", "").lower()
        if bare not in _SECRETS and bare not in _SECRETS_OF_PLATFORMS:
            cleaned[name] = _clean(value)
    return cleaned


def _clean(value: object) -> object:
    if isinstance(value, dict):
        return _without_secrets(value)
    return [_clean(item) for item in value] if isinstance(value, list) else value
