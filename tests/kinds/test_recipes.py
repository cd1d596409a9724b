"""Recipes: the route of an agent is built from its id, and recognised again; no id leaves its place in the route."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.platforms.recipes import (
    DAILY,
    OPENAI,
    PIPECAT,
    RECIPES,
    ULTRAVOX,
    Recipe,
    build_route,
    find_route,
)
from reconciler.kinds.platforms.table import PLATFORM_KINDS

UUID = "3f6c1a52-8e1b-4b0f-9a77-2f6d0c1b5e90"
BUILT = [
    (ULTRAVOX, UUID, f"https://app.ultravox.ai/api/agents/{UUID}/telephony_xml"),
    (OPENAI, "proj_abc123", "sip:proj_abc123@sip.api.openai.com;transport=tls"),
    (DAILY, "acme", "sip:acme.siptrunk.sip-us.daily.co"),
]


@pytest.mark.parametrize(("recipe", "agent", "url"), BUILT)
def test_the_route_is_the_documented_one(recipe: Recipe, agent: str, url: str) -> None:
    route = build_route(recipe, agent)
    assert route is not None
    assert (route.recipe, route.id, route.url) == (recipe, agent, url)
    assert find_route(url, recipe.way) == route
    other = "trunk" if recipe.way == "webhook" else "webhook"
    assert find_route(url, other) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recipe", "agent"),
    [
        (ULTRAVOX, ""),
        (ULTRAVOX, "../../admin"),
        (ULTRAVOX, "a?x=1"),
        (ULTRAVOX, "a#b"),
        (ULTRAVOX, "a\n"),
        (ULTRAVOX, "{id}"),
        (OPENAI, "abc"),
        (OPENAI, "proj_a@evil.example.com"),
        (OPENAI, "proj_a;transport=udp"),
        (DAILY, "evil.example.com"),
        (DAILY, "-a"),
        (DAILY, "a:5060"),
        (DAILY, "a" * 64),
        (PIPECAT, "any"),
    ],
)
def test_refuses_an_id_that_would_change_the_route(recipe: Recipe, agent: str) -> None:
    assert build_route(recipe, agent) is None


@given(st.sampled_from([ULTRAVOX, OPENAI, DAILY]), st.text(max_size=20))
def test_whatever_the_id_the_host_is_that_of_the_vendor(recipe: Recipe, agent: str) -> None:
    route = build_route(recipe, agent)
    if route is not None:
        host = urlsplit(route.url.replace("sip:", "sip://", 1)).hostname or ""
        assert host.partition(";")[0].endswith(recipe.domains)
        assert find_route(route.url, recipe.way) == route


@pytest.mark.parametrize(
    "url",
    [
        "https://app.ultravox.ai/api/agents//telephony_xml",
        "https://app.ultravox.ai/api/agents/a/b/telephony_xml",
        "https://app.ultravox.ai/api/agents/a/telephony_xml?x=1",
        "http://app.ultravox.ai/api/agents/a/telephony_xml",
        "https://app.ultravox.ai/api/agents/telephony_xml",
        "",
    ],
)
def test_a_similar_url_is_no_route_of_a_recipe(url: str) -> None:
    assert find_route(url, "webhook") is None


def test_each_recipe_says_where_its_route_is_documented() -> None:
    assert not RECIPES.keys() & PLATFORM_KINDS.keys()
    for recipe in RECIPES.values():
        assert recipe.source.startswith("https://")
        assert bool(recipe.template) != bool(recipe.limit)
        assert "{id}" in recipe.template or recipe.limit
