"""One action on a platform → the calls of its adapter → a verified outcome; then what it wrote on Twilio is read.

What a number shows after its platform has written to it becomes the baseline of drift (`Outcome.learned`). Errors
become outcomes; nothing is saved here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import msgspec

from reconciler.apply.outcome import Failure, Outcome
from reconciler.errors import RemoteError
from reconciler.kinds.number import FETCH, NUMBER, Observer
from reconciler.kinds.platforms import PlatformKind, platform_of
from reconciler.kinds.table import REGISTRATION
from reconciler.model import Action, Attrs
from reconciler.planning.observed import Observed
from reconciler.remote.gateway import Gateway
from reconciler.remote.platforms.contract import Adapter, Asked, Registered

PAGE = 1000
_AT_ONCE = 8
_WRITES = frozenset({"register", "link", "update", "reassign", "unregister"})
_DONE_ALREADY = frozenset({"number_already_imported"})


class Registrar:
    """Carries out the actions of registrations. `names` are the trunks that have a name here, by SID.

    `sids` are the SIDs of all that has one, by address; it grows as numbers are bought.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        gateways: Mapping[str, Gateway],
        observed: Observed,
        names: Mapping[str, str],
        sids: Mapping[str, str],
    ) -> None:
        self._adapters = adapters
        self._gateways = gateways
        self._observed = observed
        self._names = names
        self._sids = sids

    def batch_of(self, action: Action) -> str | None:
        """What this action may be carried out together with: registrations on a platform that imports many at once."""
        if action.action != "register":
            return None
        name = platform_of(action.address)
        return name if self._adapters[name].kind.bulk else None

    def perform(self, actions: Sequence[Action]) -> list[Outcome]:
        """Carry out actions of one platform: one, or a batch; never raises for what platform or network do."""
        adapter = self._adapters[platform_of(actions[0].address)]
        match actions[0].action:
            case "register":
                outcomes = self._register(adapter, actions)
            case _:
                outcomes = [self._single(adapter, action) for action in actions]
        shown = self._shown([action for action in actions if self._number_sid(action) is not None])
        return [self._with_baseline(o, shown.get(o.action.address)) for o in outcomes]

    def check(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes as they stand after each platform was read once more; what is not there has failed."""
        written = [o for o in outcomes if o.succeeded and o.action.kind == REGISTRATION and o.action.action in _WRITES]
        checked: dict[int, Outcome] = {}
        for name in dict.fromkeys(platform_of(o.action.address) for o in written):
            last = {o.action.address: o for o in written if platform_of(o.action.address) == name}
            checked |= {id(was): now for was, now in self._checked(self._adapters[name], [*last.values()])}
        return [checked.get(id(outcome), outcome) for outcome in outcomes]

    def _checked(self, adapter: Adapter, outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, Outcome]]:
        if "list" not in adapter.kind.can:
            return
        asked = {o.action.address: self._asked(o.action) for o in outcomes}
        try:
            there = {number.key: number for number in adapter.list([*asked.values()])}
        except RemoteError as error:
            for outcome in outcomes:
                yield outcome, msgspec.structs.replace(outcome, note=f"done, but could not be read back: {error}")
            return
        for outcome in outcomes:
            wanted = asked[outcome.action.address]
            wrong = _wrong(outcome.action, wanted, there.get(wanted.key))
            if wrong:
                yield (
                    outcome,
                    msgspec.structs.replace(outcome, status="dropped", error=_not_there(outcome, adapter, wrong)),
                )

    def _register(self, adapter: Adapter, actions: Sequence[Action]) -> list[Outcome]:
        asked = [self._asked(action) for action in actions]
        try:
            results = adapter.create(asked)
        except RemoteError as error:
            results = [error] * len(asked)
        results = self._found_after_all(adapter, asked, results)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="link") as pool:
            return [*pool.map(lambda row: self._linked(adapter, *row), zip(actions, asked, results, strict=True))]

    def _found_after_all(
        self, adapter: Adapter, asked: Sequence[Asked], results: Sequence[Registered | RemoteError]
    ) -> list[Registered | RemoteError]:
        """Where no answer came, or it is said to be there already, the platform is asked whether it is."""
        doubtful = [
            each
            for each, result in zip(asked, results, strict=True)
            if isinstance(result, RemoteError) and (result.ambiguous or result.code in _DONE_ALREADY)
        ]
        if not doubtful or "list" not in adapter.kind.can:
            return list(results)
        try:
            there = {number.key: number for number in adapter.list(doubtful)}
        except RemoteError:
            return list(results)
        return [
            found
            if isinstance(result, RemoteError)
            and each in doubtful
            and (found := there.get(each.key))
            and _same(found, each, adapter.kind)
            else result
            for each, result in zip(asked, results, strict=True)
        ]

    def _linked(self, adapter: Adapter, action: Action, asked: Asked, result: Registered | RemoteError) -> Outcome:
        """What the import began, finished: the number is linked to its agents where that is a call of its own."""
        if isinstance(result, RemoteError):
            return Outcome(action=action, status="failed", error=_failure(result))
        assert action.entry is not None
        entry = msgspec.structs.replace(action.entry, sid=result.id, key=result.key)
        links = {name: asked.attrs[name] for name in adapter.kind.links if name in asked.attrs}
        wanted = {name: value for name, value in links.items() if value != result.attrs.get(name)}
        if wanted:
            try:
                adapter.link(result, msgspec.structs.replace(asked, attrs=wanted))
            except RemoteError as error:
                there = {name: result.attrs.get(name) for name in wanted}
                known = msgspec.structs.replace(entry, applied={**entry.applied, **there})
                return Outcome(action=action, status="failed", entry=known, error=_failure(error))
        return Outcome(action=action, status="applied", entry=entry, sid=result.id)

    def _single(self, adapter: Adapter, action: Action) -> Outcome:
        asked, there = self._asked(action), self._there(action)
        try:
            match action.action:
                case "link":
                    adapter.link(there, asked)
                case "update":
                    adapter.update(there, asked)
                case "unregister":
                    adapter.delete(there)
                    return Outcome(action=action, status="applied", sid=action.sid)
                case "reassign":
                    adapter.delete(there)
                    return self._register(adapter, [action])[0]
                case _:
                    raise AssertionError(f"a registration knows no {action.action}")
        except RemoteError as error:
            return Outcome(action=action, status="failed", error=_failure(error))
        return Outcome(action=action, status="applied", entry=action.entry, sid=action.sid)

    def _asked(self, action: Action) -> Asked:
        key = action.address.rsplit("/", 1)[1]
        sid = self._number_sid(action)
        if sid is None:
            return Asked(action.address, key, action.writes)
        return Asked(action.address, key, action.writes, action.account, sid)

    def _number_sid(self, action: Action) -> str | None:
        """The number that this action is about; one that was bought only a step before is in `sids`."""
        return action.number_sid or self._sids.get(action.parent or "")

    def _there(self, action: Action) -> Registered:
        live = self._observed.others.get(action.address)
        attrs: Attrs = live.attrs if live is not None else {}
        return Registered(action.sid or "", action.address.rsplit("/", 1)[1], attrs)

    def _shown(self, actions: Sequence[Action]) -> dict[str, Attrs | RemoteError]:
        """What the numbers of these actions show now: one by one or by listing, whichever is fewer calls."""
        shown: dict[str, Attrs | RemoteError] = {}
        for account in dict.fromkeys(action.account for action in actions):
            sids = {sid: a.address for a in actions if a.account == account and (sid := self._number_sid(a))}
            total = len(self._observed.numbers.get(account, {}))
            by_listing = len(sids) > ceil(total / PAGE)
            read = self._listed if by_listing and len(sids) > 1 else self._fetched
            shown.update(read(self._gateways[account], sids))
        return shown

    def _listed(self, gateway: Gateway, sids: Mapping[str, str]) -> dict[str, Attrs | RemoteError]:
        observer, shown = Observer(self._names), dict[str, Attrs | RemoteError]()
        try:
            for page in gateway.number_pages():
                for row in page:
                    if row.sid in sids:
                        shown[sids[row.sid]] = observer.live(row, gateway.account).attrs
        except RemoteError as error:
            return {**dict.fromkeys(sids.values(), error), **shown}
        return shown

    def _fetched(self, gateway: Gateway, sids: Mapping[str, str]) -> dict[str, Attrs | RemoteError]:
        shown: dict[str, Attrs | RemoteError] = {}
        for sid, address in sids.items():
            try:
                shown[address] = NUMBER.observe(gateway.call(FETCH, sid=sid), gateway.account, self._names).attrs
            except RemoteError as error:
                shown[address] = error
        return shown

    def _with_baseline(self, outcome: Outcome, shown: Attrs | RemoteError | None) -> Outcome:
        if shown is None:
            return outcome
        if isinstance(shown, RemoteError):
            return msgspec.structs.replace(outcome, note=f"what it wrote on Twilio could not be read: {shown}")
        return msgspec.structs.replace(outcome, learned=dict(shown))


def _same(found: Registered, asked: Asked, kind: PlatformKind) -> bool:
    """Whether what is there is what was asked for; who answers may still be to be set, by a call of its own."""
    names = found.attrs.keys() & asked.attrs.keys()
    differing = {name for name in names if found.attrs[name] != asked.attrs[name]}
    return all(name in kind.links and found.attrs[name] is None for name in differing)


def _wrong(action: Action, wanted: Asked, there: Registered | None) -> str:
    """What is not as the action should have left it, in words; nothing when all that can be read is right."""
    if action.action == "unregister":
        return "it is still there" if there is not None else ""
    if there is None:
        return "it is not there"
    names = [name for name in wanted.attrs if name in there.attrs and there.attrs[name] != wanted.attrs[name]]
    return f"other values in {', '.join(names)}" if names else ""


def _not_there(outcome: Outcome, adapter: Adapter, wrong: str) -> Failure:
    message = f"{adapter.kind.title} answered that {outcome.action.address} is done, and its list says: {wrong}."
    return Failure("write_dropped", message)


def _failure(error: RemoteError) -> Failure:
    diagnostic = error.diagnostics[0]
    return Failure(error.code, diagnostic.detail or diagnostic.summary)
