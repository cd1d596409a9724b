"""The forms of a pattern, each over what is declared, recorded and planned."""

from __future__ import annotations

import pytest

from reconciler.model.desired import Options
from reconciler.planning.identity.named import Named
from reconciler.planning.selection import unmatched
from reconciler.planning.selection.patterns import find_selection
from reconciler.planning.selection.unmatched import check_matches

SID, OTHER, TRUNK_SID = "PN" + "1" * 32, "PN" + "ab" * 16, "TK" + "2" * 32
ONE, TWO, BRIDGE = "+15550100101", "+15550100102", "+15550100103"
SALES = Options(agent="sales", labels=(("team", "sales"), ("tier", "gold=1")))
SUPPORT = Options(agent="support", labels=(("team", "support"),))
EVERYTHING = [
    Named(f"number/{ONE}", None, SALES),
    Named(f"number/{ONE}", SID, SUPPORT),
    Named(f"number/{TWO}", OTHER, SUPPORT),
    Named(f"bridge_number/{BRIDGE}", None, Options(labels=(("team", "sales"),))),
    Named(f"registration/nix/{ONE}", "platform-id", Options(agent="sales")),
    Named("trunk/edge", TRUNK_SID, Options()),
    Named("origination_url/edge/sip:sbc.example.com", None, Options()),
    Named(
        "registration/lk/+15550100109", None, Options(agent="lobby", labels=(("team", "sales"),))
    ),
]
ADDRESSES = {each.address for each in EVERYTHING}


def find(pattern: str) -> set[str]:
    """The addresses that a run with this target is about, without their kinds."""
    selection = find_selection((pattern,), (), EVERYTHING)
    found = {address for address in ADDRESSES if selection.selects(address)}
    left = find_selection((), (pattern,), EVERYTHING)
    assert {address for address in ADDRESSES if not left.selects(address)} == found, (
        "an exclusion is the opposite"
    )
    return found


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (f"number/{ONE}", {f"number/{ONE}"}),
        ("number/*", {f"number/{ONE}", f"number/{TWO}"}),
        ("*edge*", {"trunk/edge", "origination_url/edge/sip:sbc.example.com"}),
        (ONE, {f"number/{ONE}", f"registration/nix/{ONE}"}),
        (BRIDGE, {f"bridge_number/{BRIDGE}"}),
        ("+1555010010[23]", {f"number/{TWO}", f"bridge_number/{BRIDGE}"}),
        ("+15550100109", {"registration/lk/+15550100109"}),
        (SID, {f"number/{ONE}", f"registration/nix/{ONE}"}),
        (OTHER.upper(), {f"number/{TWO}"}),
        (TRUNK_SID, {"trunk/edge"}),
        ("agent/sales", {f"number/{ONE}", f"registration/nix/{ONE}"}),
        ("agent/s*", {f"number/{ONE}", f"number/{TWO}", f"registration/nix/{ONE}"}),
        ("agent/lobby", {"registration/lk/+15550100109"}),
        (
            "label:team=sales",
            {
                f"number/{ONE}",
                f"registration/nix/{ONE}",
                f"bridge_number/{BRIDGE}",
                "registration/lk/+15550100109",
            },
        ),
        ("label:team=supp*", {f"number/{ONE}", f"number/{TWO}", f"registration/nix/{ONE}"}),
        ("label:tier=gold=1", {f"number/{ONE}", f"registration/nix/{ONE}"}),
    ],
)
def test_a_pattern_matches(pattern: str, found: set[str]) -> None:
    assert find(pattern) == found


@pytest.mark.parametrize(
    "pattern",
    [
        "number",
        "trunk",
        "PN" + "9" * 32,
        SID[:-1],
        "agent/sale",
        "label:team=sale",
        "label:team",
        "label:=",
        "*9x",
        "",
    ],
)
def test_pattern_without_a_match_selects_nothing(pattern: str) -> None:
    assert find(pattern) == set()


def test_finds_a_number_declared_by_sid_under_its_phone_number() -> None:
    """Its declaration holds the agent and the labels, and only state or plan knows its E.164."""
    declared = Named(f"number/{SID}", SID, SALES)
    everything = [
        declared,
        Named(f"number/{ONE}", SID, None),
        Named(f"registration/nix/{ONE}", None, None),
    ]
    both = {f"number/{ONE}", f"registration/nix/{ONE}"}
    for pattern in (SID, "agent/sales", "label:team=sales"):
        selection = find_selection((pattern,), (), everything)
        assert both <= {address for address in both if selection.selects(address)}
    assert find_selection((f"number/{SID}",), (), everything).selects(f"number/{ONE}")


def test_without_a_pattern_everything_is_chosen() -> None:
    nothing = find_selection((), (), iter(()))
    assert not nothing
    assert nothing.selects("number/anything")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("nubmer/*", "number/*"),
        (ONE[1:], f"number/{ONE}"),
        ("number/+15550100191", f"number/{ONE}"),
        ("edge", "trunk/edge"),
        ("agent/suport", "agent/support"),
        ("label:team=suport", "label:team=support"),
        ("label:temas=sales", "label:team=sales"),
    ],
)
def test_suggests_a_similar_address(wrong: str, meant: str) -> None:
    from reconciler.errors import UsageError

    with pytest.raises(UsageError) as raised:
        check_matches(find_selection((wrong,), (), EVERYTHING), EVERYTHING, ())
    assert f"Did you mean `{meant}`" in raised.value.diagnostics[0].detail


def test_compares_a_mistyped_address_with_a_limited_number_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from reconciler.errors import UsageError

    compared: list[int] = []

    def count_options(word: str, options: list[str], n: int) -> list[str]:
        compared.append(len(options))
        return []

    monkeypatch.setattr(unmatched, "get_close_matches", count_options)
    everything = [Named(f"number/+1555{n:07d}", None, None) for n in range(100_000)]
    with pytest.raises(UsageError):
        check_matches(find_selection(("number/+25550000000",), (), everything), everything, ())
    assert sum(compared) > 0
    assert sum(compared) <= 10_000
