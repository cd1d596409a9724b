"""Values by the identity of shared objects: equal objects stay apart, and keys stay alive."""

from __future__ import annotations

from reconciler.model.identity_map import IdentityMap, list_distinct


def test_equal_objects_are_different_keys() -> None:
    one, other = {"voice": None}, {"voice": None}
    values: IdentityMap[str] = IdentityMap()
    assert values.put("one", one) == "one"
    assert values.get(one) == "one"
    assert values.get(other) is None


def test_every_object_of_a_key_counts() -> None:
    one, other = {"voice": None}, {"voice": None}
    values: IdentityMap[int] = IdentityMap()
    values.put(1, one, one, one, one)
    assert values.get(one, one, one, one) == 1
    for key in ((other, one, one, one), (one, other, one, one), (one, one, other, one)):
        assert values.get(*key) is None
    assert values.get(one, one, one, other) is None
    assert values.get(one, one, one) is None


def test_keeps_a_key_alive() -> None:
    """The id of an object that is gone is given to the next one of its size."""
    values: IdentityMap[int] = IdentityMap()
    for index in range(100):
        values.put(index, {"index": index})
    assert all(values.get({"index": index}) is None for index in range(100))


def test_keeps_order_and_separates_equal_objects() -> None:
    one, other = {"voice": None}, {"voice": None}
    found = list_distinct([one, other, one, other])
    assert [each is expected for each, expected in zip(found, [one, other], strict=True)] == [
        True,
        True,
    ]
