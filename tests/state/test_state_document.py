"""The document: what goes in comes out, always as the same bytes; what is damaged is named with its place."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import StateError
from reconciler.kinds.table import RANKS, REGISTRATION
from reconciler.model.actor import Actor
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.heal import Heal
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook
from reconciler.state.format.document import State, Version, decode, empty_state, encode
from reconciler.state.format.migrations import FORMAT, MIGRATIONS, migrate
from reconciler.state.format.rows import Row
from tests.support.examples import examples

from .samples import address, entry, state

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), text)
values = st.one_of(
    plain,
    st.builds(Webhook, text, text, text, text),
    st.builds(TrunkRoute, text),
    st.builds(ApplicationRoute, text),
)
attrs = st.dictionaries(text, values, max_size=3)
options = st.builds(
    Options,
    agent=st.none() | text,
    on_removal=st.sampled_from(["restore", "clear", "keep"]),
    protect=st.booleans(),
    takeover=st.sampled_from(["refuse", "allow"]),
    observe_only=st.booleans(),
)
maybe = st.none() | text
actors = st.builds(Actor, sid=maybe, type=text, via=text, ip=maybe, time=text)
heals = st.lists(st.builds(Heal, text, plain, plain, st.none() | actors, text), max_size=3).map(
    tuple
)
entries = st.builds(
    Entry,
    kind=st.sampled_from(sorted(RANKS)),
    account=text,
    sid=text,
    key=text,
    last_applied=attrs,
    options=options,
    prior=st.dictionaries(text, plain, max_size=3),
    prior_at=maybe,
    pending=st.none() | attrs,
    normalised=st.dictionaries(text, st.lists(values, max_size=2), max_size=2),
    created=st.booleans(),
    imported_at=maybe,
    updated_at=maybe,
    healed=heals,
    healing=heals,
)


def addressed(entry: Entry) -> tuple[str, Entry]:
    """An address that fits the entry."""
    platform = "nix/" if entry.kind == REGISTRATION else ""
    return f"{entry.kind}/{platform}{entry.key or 'name'}", entry


resources = st.lists(entries.filter(lambda entry: entry.key), max_size=4).map(
    lambda them: dict(map(addressed, them))
)
states = st.builds(
    State,
    project=text,
    lineage=text,
    serial=st.integers(0, 2**63 - 1),
    resources=resources,
)


def without_digest(data: bytes, version: int = 1) -> bytes:
    """The document as a version wrote it that knew no digest."""
    head, _, _ = data.rpartition(b',"digest"')
    return head.replace(b'{"format":%d' % FORMAT, b'{"format":%d' % version, 1) + b"}\n"


def problem(data: bytes, **more: Any) -> Any:
    with pytest.raises(StateError) as caught:
        decode(data, "acme", "state.json", **more)
    return caught.value.diagnostics[0]


@examples(25)
@given(states)
def test_decoding_reverses_encoding(before: State) -> None:
    data = encode(before)
    after = decode(data, before.project, "state.json")
    assert after == before
    assert encode(after) == data


@examples(25)
@given(states)
def test_the_bytes_do_not_depend_on_the_order_in_which_things_were_learned(before: State) -> None:
    def turned(value: Any) -> Any:
        return (
            {name: turned(value[name]) for name in reversed(value)}
            if isinstance(value, dict)
            else value
        )

    backwards = {
        name: Entry(**{field: turned(getattr(each, field)) for field in Entry.__struct_fields__})
        for name, each in turned(before.resources).items()
    }
    assert encode(msgspec.structs.replace(before, resources=backwards)) == encode(before)


@examples(25)
@given(states)
def test_reformatted_document_is_the_same_state(before: State) -> None:
    for indent in (None, 2):
        again = json.dumps(json.loads(encode(before)), indent=indent).encode()
        assert decode(again, before.project, "state.json") == before


def test_writes_one_resource_per_line_sorted_by_address() -> None:
    lines = encode(state(600)).decode().splitlines()
    assert len(lines) == 602
    assert json.loads(lines[0] + "}}")["format"] == FORMAT
    assert [line[1 : line.index('":')] for line in lines[1:-1]] == sorted(state(600).resources)
    assert all(json.loads("{" + line.rstrip(",") + "}") for line in lines[1:-1])
    assert json.loads("\n".join(lines))["resources"][address(3)]["prior"]["trunk_sid"] == ""


def test_an_empty_state_is_a_document_too() -> None:
    fresh = empty_state("acme")
    assert decode(encode(fresh), "acme", "state.json") == fresh
    assert fresh.lineage != empty_state("acme").lineage


def test_equal_resources_share_their_parts_in_memory() -> None:
    first, second = list(decode(encode(state(2)), "acme", "state.json").resources.values())
    assert first.last_applied is second.last_applied
    assert first.prior is second.prior
    assert first.options is second.options


def test_a_row_has_the_fields_of_an_entry() -> None:
    def shape(struct: type[msgspec.Struct]) -> list[tuple[str, bool]]:
        return [(field.name, field.required) for field in msgspec.structs.fields(struct)]

    assert shape(Row) == shape(Entry)


def test_does_not_write_the_count_of_folded_journal_records() -> None:
    full = state(1)
    assert encode(msgspec.structs.replace(full, journal_records=3)) == encode(full)


def test_describes_versions_in_words() -> None:
    assert str(Version("one", 0)) == "the empty state"
    assert str(Version("one", 4)) == "serial 4 of lineage one"
    assert str(Version("one", 4, 2)) == "serial 4 and 2 records of a journal of lineage one"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Version("a", 1), Version("a", 1), True),
        (Version("a", 1), Version("b", 1), False),
        (Version("a", 1), Version("a", 2), False),
        (Version("a", 1), Version("a", 1, 1), False),
        (Version("a", 0), Version("b", 0), True),
        (Version("a", 0, 1), Version("b", 0, 1), False),
    ],
)
def test_versions_without_changes_are_equal(one: Version, other: Version, same: bool) -> None:
    assert one.is_same(other) is same
    assert other.is_same(one) is same


def test_refuses_a_state_of_a_different_project() -> None:
    with pytest.raises(StateError) as caught:
        decode(encode(state(1)), "other", "state.json")
    found = caught.value.diagnostics[0]
    assert found.code == "state_wrong_project"
    assert "'acme'" in found.detail
    assert "'other'" in found.detail


def without_sid(document: Any) -> None:
    del document["resources"][address(1)]["sid"]


def with_unknown_field(document: Any) -> None:
    document["resources"][address(1)]["colour"] = "red"


def with_wrong_prior(document: Any) -> None:
    document["resources"][address(1)]["prior"] = {"voice_url": 1.5}


def with_wrong_route(document: Any) -> None:
    document["resources"][address(1)]["last_applied"]["voice"] = {"form": "pigeon"}


@pytest.mark.parametrize(
    "harm", [without_sid, with_unknown_field, with_wrong_prior, with_wrong_route]
)
def test_names_an_invalid_resource_and_its_line(harm: Callable[[Any], None]) -> None:
    document = json.loads(encode(state(3)))
    harm(document)
    lines = [f'"{name}":{json.dumps(value)}' for name, value in document.pop("resources").items()]
    data = (json.dumps(document)[:-1] + ',"resources":{\n' + ",\n".join(lines) + "\n}}\n").encode()
    found = problem(data)
    assert (found.code, found.file, found.line, found.column) == (
        "state_damaged",
        "state.json",
        3,
        1,
    )
    assert address(1) in found.detail


def test_names_an_invalid_resource_written_with_other_escapes() -> None:
    document = json.loads(encode(state(3)))
    without_sid(document)
    assert address(1) in problem(json.dumps(document).replace("+", "\\u002b").encode()).detail


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"serial": -1}, "serial"),
        ({"serial": "4"}, "serial"),
        ({"project": 1}, "project"),
        ({"resources": []}, "resources"),
        ({"extra": 1}, "a field is not known"),
        ({"format": "1"}, "format"),
    ],
)
def test_reports_an_invalid_field_outside_the_resources(
    change: dict[str, object], reason: str
) -> None:
    found = problem(json.dumps(json.loads(encode(state(1))) | change).encode())
    assert found.code == "state_damaged"
    assert reason in found.detail


def test_truncated_document_is_damaged_at_its_end() -> None:
    data = encode(state(3))
    found = problem(data[: data.index(b"\n", 200) + 10])
    assert (found.code, found.line) == ("state_damaged", 3)


def test_invalid_character_is_damage_at_its_position() -> None:
    data = (
        encode(state(3))
        .replace(b'"created', b"!created")
        .replace(b'"sid":"PN00000000000000000000000000000001"', b"!")
    )
    found = problem(data)
    assert (found.code, found.line) == ("state_damaged", 3)
    assert found.column == data.splitlines()[2].index(b"!") + 1


def test_invalid_unicode_is_damage() -> None:
    assert problem(encode(state(1)).replace(b"support", b"supp\xffrt")).code == "state_damaged"
    assert problem(encode(state(1)).replace(b"main", b"ma\xffn")).code == "state_damaged"


def test_endless_nesting_is_damage() -> None:
    assert problem(b"[" * 100_000).code == "state_damaged"


def test_merge_with_both_sides_is_damage() -> None:
    lines = encode(state(3)).splitlines(keepends=True)
    lines.insert(2, lines[2].replace(b"before.example", b"other.example"))
    found = problem(b"".join(lines))
    assert (found.code, found.line) == ("state_damaged", 3)
    assert "twice" in found.detail


def test_a_blank_line_is_no_damage() -> None:
    data = encode(state(3)).replace(b"\n", b"\n\n", 1)
    assert decode(data, "acme", "state.json").resources == state(3).resources


def test_refuses_a_newer_format_before_any_other_check() -> None:
    found = problem(json.dumps({"format": FORMAT + 1, "resources": ["new"]}).encode())
    assert found.code == "state_too_new"
    found = problem(
        encode(state(1)).replace(b'{"format":%d' % FORMAT, b'{"format":%d' % (FORMAT + 1), 1)
    )
    assert found.code == "state_too_new"


def test_an_older_format_is_brought_up_to_date() -> None:
    """Format 0 of this test called resources things."""

    def step(document: dict[str, Any]) -> dict[str, Any]:
        return {
            "resources" if name == "things" else name: value for name, value in document.items()
        }

    old = without_digest(encode(state(2)), 0).replace(b'"resources"', b'"things"', 1)
    after = decode(old, "acme", "state.json", migrations={**MIGRATIONS, 0: step})
    assert after.resources == state(2).resources
    assert after.format == FORMAT


def test_refuses_a_damaged_older_format() -> None:
    found = problem(b'{"format":0}', migrations={**MIGRATIONS, 0: lambda document: document})
    assert found.code == "state_damaged"


def test_refuses_a_format_without_an_upgrade() -> None:
    assert problem(b'{"format":0}').code == "state_too_old"


def test_every_format_has_an_upgrade_to_the_next() -> None:
    assert sorted(MIGRATIONS) == list(range(1, FORMAT))


def test_applies_upgrades_in_sequence() -> None:
    steps = {
        version: lambda document, v=version: document | {"seen": [*document["seen"], v]}
        for version in range(-2, FORMAT)
    }
    assert migrate({"format": -2, "seen": []}, "x", steps) == {
        "format": FORMAT,
        "seen": list(range(-2, FORMAT)),
    }


def test_every_character_survives() -> None:
    odd = string.printable + "\u2028\u0000é😀"
    before = msgspec.structs.replace(state(0), resources={f"number/{odd}": entry(0, key=odd)})
    assert decode(encode(before), "acme", "state.json") == before
