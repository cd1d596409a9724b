"""The log of calls: what was asked, with which parameters, and what came back. Secrets are left out as they come in."""

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
    {"twiliotoken", "authpassword", "sippassword", "inboundpin", "headers", "telnyxapikey"}
)


class LoggedCall(msgspec.Struct, frozen=True):
    """One call; `status` is 0 when no answer was sent, `faults` names what was done to it on purpose."""

    method: str
    path: str
    params: dict[str, object]
    status: int
    faults: tuple[str, ...] = ()

    @property
    def is_write(self) -> bool:
        """Whether the call may have changed something."""
        return self.method != "GET"


class CallLog:
    """The newest calls, at most `limit` of them, and counts of all of them since the last `reset`."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._lock = threading.Lock()
        self._calls: deque[LoggedCall] = deque(maxlen=limit)
        self._methods: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()

    def __iter__(self) -> Iterator[LoggedCall]:
        with self._lock:
            return iter(list(self._calls))

    def __len__(self) -> int:
        """All calls, those that are not kept any more too."""
        return self._methods.total()

    @property
    def reads(self) -> int:
        """How many GETs there were."""
        return self._methods["GET"]

    @property
    def writes(self) -> int:
        """How many calls of other methods there were."""
        return len(self) - self.reads

    @property
    def statuses(self) -> dict[int, int]:
        """Status → how often it was answered; 0 stands for no answer."""
        with self._lock:
            return dict(self._statuses)

    def record(self, request: Request, status: int, faults: tuple[str, ...] = ()) -> None:
        """Remember a call without its secrets."""
        call = LoggedCall(request.method, request.path, params_of(request), status, faults)
        with self._lock:
            self._calls.append(call)
            self._methods[request.method] += 1
            self._statuses[status] += 1

    def list_writes(self) -> list[LoggedCall]:
        """The calls that may have changed something."""
        return [call for call in self if call.is_write]

    def reset(self) -> None:
        """Forget all calls and counts."""
        with self._lock:
            self._calls.clear()
            self._methods.clear()
            self._statuses.clear()


def params_of(request: Request) -> dict[str, object]:
    """Parameters of query, form and JSON body; those that are secrets are left out."""
    # Whatever looks like JSON is no form, even if it is sent as one: as a parameter's name it would show its secrets.
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
    return {
        name: _told(value)
        for name, value in params.items()
        if name.replace("_", "").replace("-", "").lower() not in _SECRETS | _SECRETS_OF_PLATFORMS
    }


def _told(value: object) -> object:
    if isinstance(value, dict):
        return _without_secrets(value)
    return [_told(item) for item in value] if isinstance(value, list) else value
