"""Store and look up values by the identity of one to four shared objects, not by their content, and
list each distinct object once.

100,000 numbers share a few profiles, attributes and options. What is worked out for one of these
objects holds for every number that has it, and the identity of an object is a key that needs no
hashing of its content. This is the only place where such a key is made; see
docs/decisions/0036-shared-objects-are-looked-up-by-identity.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
V = TypeVar("V")


class IdentityMap(Generic[V]):
    """A map whose key is one to four objects, compared by identity.

    Equal objects that are not the same object are different keys. The map keeps its keys alive:
    the id of an object is unique only as long as the object exists.
    """

    __slots__ = ("_keys", "_values")

    def __init__(self) -> None:
        self._values: dict[tuple[int, int, int, int], V] = {}
        self._keys: list[tuple[object, object, object, object]] = []

    def get(
        self, first: object, second: object = None, third: object = None, fourth: object = None
    ) -> V | None:
        """Return the value of these objects; None where none has been put."""
        # Four fixed parameters: with `*parts` a look-up takes 1.7 times as long (measured), and
        # planning does one for each of 100,000 numbers.
        return self._values.get((id(first), id(second), id(third), id(fourth)))

    def put(
        self,
        value: V,
        first: object,
        second: object = None,
        third: object = None,
        fourth: object = None,
    ) -> V:
        """Set the value of these objects, and return it."""
        self._values[id(first), id(second), id(third), id(fourth)] = value
        self._keys.append((first, second, third, fourth))
        return value

    def values(self) -> Iterable[V]:
        """Return all values, in the order in which their keys were first put."""
        return self._values.values()


def list_distinct(objects: Iterable[T]) -> list[T]:
    """Return each object once, in the order of its first occurrence; equal objects stay apart."""
    return list({id(each): each for each in objects}.values())
