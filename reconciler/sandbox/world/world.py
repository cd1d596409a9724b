"""Hold the data of a sandbox: generate it, read it from a seed, write it as a seed again, or
restore its initial state.

A seed is an object with `format` (1) and a list of rows per section (`accounts`, `numbers`,
`trunks` …). A row has the fields that Twilio sends; missing fields are filled in, and an unknown
field is an error that names its place.
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
    """All accounts with their resources.

    Empty unless it is made by `generate`, `from_seed` or `load`.
    """

    def __init__(self, *, seed: str = "sandbox", clock: Clock | None = None) -> None:
        super().__init__(seed=seed, clock=clock)
        self._make_initial: Callable[[], World] = lambda: World(seed=seed, clock=clock)

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
        """Return accounts with API keys, and numbers distributed over them.

        The same arguments give the same world.
        """
        world = cls(seed=seed, clock=clock)
        generate.generate_rows(world, numbers=numbers, accounts=accounts, subaccounts=subaccounts)

        world._make_initial = lambda: cls.generate(
            numbers, accounts, subaccounts=subaccounts, seed=seed, clock=clock
        )

        return world

    @classmethod
    def from_seed(cls, seed: object, *, clock: Clock | None = None) -> World:
        """Return the world that a seed describes; raises `SeedError`."""
        world = cls(seed=str(_sections(seed).get("seed", "sandbox")), clock=clock)
        world.extend(seed)
        world._make_initial = lambda: cls.from_seed(seed, clock=clock)
        return world

    @classmethod
    def load(cls, path: Path, *, clock: Clock | None = None) -> World:
        """Return the world in a file; raises `SeedError`, and `OSError` when it cannot be read."""
        return cls.from_seed(read_json(path.read_bytes()), clock=clock)

    def extend(self, seed: object) -> None:
        """Add the rows of a seed.

        Raises `SeedError`; the rows before the error are added.
        """
        sections = _sections(seed)
        with self.lock:
            try:
                self.made = max(self.made, msgspec.convert(sections.get("made", 0), int))
                self.released |= msgspec.convert(sections.get("released", []), set[str])
                self.reserved |= msgspec.convert(sections.get("reserved", {}), dict[str, str])
            except msgspec.ValidationError as error:
                raise SeedError(f"made, released or reserved: {error}") from None

            # The order of the shelves matters: a row may refer to rows of earlier sections only.
            for shelf in SHELVES:
                shelf.read(self, sections.get(shelf.name, []))

    def dump(self) -> bytes:
        """Return the whole world as JSON; `from_seed` makes the same world of it."""
        with self.lock:
            sections = {}
            for shelf in SHELVES:
                rows = shelf.rows(self)
                if rows:
                    sections[shelf.name] = rows

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
        """Write the world to a file, completely or not at all."""
        part = path.with_name(path.name + ".part")
        part.write_bytes(self.dump())
        part.chmod(part.stat().st_mode & 0o644)
        part.replace(path)

    def initial(self) -> World:
        """Return a new world as it was at the beginning."""
        return self._make_initial()

    def become(self, other: Store) -> None:
        """Replace all rows with those of `other`; `other` must not be used afterwards."""
        super().become(other)
        if isinstance(other, World):
            self._make_initial = other._make_initial

    @property
    def accounts(self) -> Table[Account]:
        """Return the table of accounts."""
        return self.table(ACCOUNTS)

    @property
    def numbers(self) -> Table[Number]:
        """Return the table of numbers."""
        return self.table(NUMBERS)

    @property
    def trunks(self) -> Table[Trunk]:
        """Return the table of trunks."""
        return self.table(TRUNKS)

    @property
    def origination_urls(self) -> Table[OriginationUrl]:
        """Return the table of origination URLs."""
        return self.table(ORIGINATION_URLS)

    @property
    def events(self) -> Table[Event]:
        """Return the table of events, oldest first."""
        return self.table(EVENTS)

    @property
    def account(self) -> Account:
        """Return the first account."""
        return next(iter(self.accounts))

    def number(self, name: str) -> Number:
        """Return the number with this E.164 or SID; raises `KeyError`."""
        number = self.numbers.get_by_key(name) or self.numbers.get(name)
        if number is None:
            raise KeyError(name)
        return number


def read_json(text: bytes) -> object:
    """Return JSON as plain data; raises `SeedError`."""
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
