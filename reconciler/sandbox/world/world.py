"""The world a sandbox plays: made up by a generator, or read from a seed, and written down again as one.

A seed is an object with `format` (1) and a list of rows per section (`accounts`, `numbers`, `trunks` …). A row has the
fields that Twilio sends; what it leaves out is filled in, what nobody knows is an error that says where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from reconciler.sandbox.store import Clock, SeedError, Store, Table
from reconciler.sandbox.twilio.accounts import ACCOUNTS, Account
from reconciler.sandbox.twilio.events import EVENTS, Event
from reconciler.sandbox.twilio.numbers import NUMBERS, Number
from reconciler.sandbox.twilio.trunks import ORIGINATION_URLS, TRUNKS, OriginationUrl, Trunk
from reconciler.sandbox.world import generate
from reconciler.sandbox.world.products import SHELVES

FORMAT = 1
_SECTIONS = tuple(shelf.name for shelf in SHELVES)
_KEYS = ("format", "seed", "made", "released", "reserved", *_SECTIONS)


class World(Store):
    """All accounts with all that is in them; empty unless it comes from `generate`, `from_seed` or `load`."""

    def __init__(self, *, seed: str = "sandbox", clock: Clock | None = None) -> None:
        super().__init__(seed=seed, clock=clock)
        self._again: Callable[[], World] = lambda: World(seed=seed, clock=clock)

    @classmethod
    def generate(
        cls,
        numbers: int = 0,
        accounts: int = 1,
        *,
        subaccounts: int = 0,
        seed: str = "sandbox",
        clock: Clock | None = None,
    ) -> World:
        """Accounts with API keys and numbers dealt out among them; the same arguments give the same world."""
        world = cls(seed=seed, clock=clock)
        generate.generate_rows(world, numbers=numbers, accounts=accounts, subaccounts=subaccounts)
        world._again = lambda: cls.generate(
            numbers, accounts, subaccounts=subaccounts, seed=seed, clock=clock
        )
        return world

    @classmethod
    def from_seed(cls, seed: object, *, clock: Clock | None = None) -> World:
        """The world that a seed describes; raises `SeedError`."""
        world = cls(seed=str(_sections(seed).get("seed", "sandbox")), clock=clock)
        world.extend(seed)
        world._again = lambda: cls.from_seed(seed, clock=clock)
        return world

    @classmethod
    def load(cls, path: Path, *, clock: Clock | None = None) -> World:
        """The world in a file; raises `SeedError`, and `OSError` when it cannot be read."""
        return cls.from_seed(read_json(path.read_bytes()), clock=clock)

    def extend(self, seed: object) -> None:
        """Add the rows of a seed to what is there; raises `SeedError`, what stands before the error is added."""
        sections = _sections(seed)
        with self.lock:
            try:
                self.made = max(self.made, msgspec.convert(sections.get("made", 0), int))
                self.released |= msgspec.convert(sections.get("released", []), set[str])
                self.reserved |= msgspec.convert(sections.get("reserved", {}), dict[str, str])
            except msgspec.ValidationError as error:
                raise SeedError(f"made, released or reserved: {error}") from None
            for shelf in SHELVES:
                shelf.read(self, sections.get(shelf.name, []))

    def dump(self) -> bytes:
        """The whole world as JSON; `from_seed` makes the same world of it."""
        with self.lock:
            sections = {shelf.name: rows for shelf in SHELVES if (rows := shelf.rows(self))}
            return msgspec.json.encode(
                {
                    "format": FORMAT,
                    "seed": self.seed,
                    "made": self.made,
                    "released": sorted(self.released),
                    "reserved": dict(sorted(self.reserved.items())),
                    **sections,
                }
            )

    def save(self, path: Path) -> None:
        """Write the world to a file, whole or not at all."""
        part = path.with_name(path.name + ".part")
        part.write_bytes(self.dump())
        part.chmod(part.stat().st_mode & 0o644)
        part.replace(path)

    def initial(self) -> World:
        """The world as it was at the beginning."""
        return self._again()

    def become(self, other: Store) -> None:
        """Forget everything and hold what `other` holds; `other` must not be used afterwards."""
        super().become(other)
        if isinstance(other, World):
            self._again = other._again

    @property
    def accounts(self) -> Table[Account]:
        """All accounts."""
        return self.table(ACCOUNTS)

    @property
    def numbers(self) -> Table[Number]:
        """All numbers."""
        return self.table(NUMBERS)

    @property
    def trunks(self) -> Table[Trunk]:
        """All trunks."""
        return self.table(TRUNKS)

    @property
    def origination_urls(self) -> Table[OriginationUrl]:
        """All origination URLs."""
        return self.table(ORIGINATION_URLS)

    @property
    def events(self) -> Table[Event]:
        """All events, oldest first."""
        return self.table(EVENTS)

    @property
    def account(self) -> Account:
        """The first account."""
        return next(iter(self.accounts))

    def number(self, name: str) -> Number:
        """The number with this E.164 or SID; raises `KeyError`."""
        number = self.numbers.get_by_key(name) or self.numbers.get(name)
        if number is None:
            raise KeyError(name)
        return number


def read_json(text: bytes) -> object:
    """JSON as plain data; raises `SeedError`."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise SeedError(f"a seed is JSON: {error}") from None


def _sections(seed: object) -> Mapping[str, object]:
    if not isinstance(seed, Mapping):
        raise SeedError("a seed is an object with `format` and sections")
    unknown = sorted(set(map(str, seed)) - set(_KEYS))
    if unknown:
        raise SeedError(f"unknown section `{unknown[0]}`; known are {', '.join(_KEYS)}")
    if seed.get("format", FORMAT) != FORMAT:
        raise SeedError(f"format {seed['format']} is not known; this is format {FORMAT}")
    return seed
