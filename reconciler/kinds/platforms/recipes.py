"""Describe the recipes: platforms that have no import of numbers, and are reached by a URL or a SIP
URL that contains the id of the agent; build that route, and recognise one. Pure, sends nothing.

A recipe is data. What its vendor documents only in part is not built: `limit` says what to do
instead.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import msgspec

Way = Literal["webhook", "trunk"]
"""Calls arrive at the voice URL of the number, or at an origination URL of its trunk."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe.

    `template` is the route with ``{id}`` in the place of the agent's id, whose form `pattern` is;
    without a template the recipe cannot be built, for the reason in `limit`. `domains` are the hosts
    of the routes. `source` is the page that documents the route.
    """

    type: str
    model_name: str
    title: str
    way: Way
    source: str
    domains: tuple[str, ...]
    template: str = ""
    pattern: str = ""
    pattern_words: str = ""
    limit: str = ""


class Route(NamedTuple):
    """A route that a recipe has built: the recipe, the agent's id, the URL, and the declared name of
    the platform, where that is known.
    """

    recipe: Recipe
    id: str
    url: str
    platform: str = ""


ULTRAVOX = Recipe(
    type="ultravox",
    model_name="Ultravox",
    title="Ultravox",
    way="webhook",
    source="https://docs.ultravox.ai/telephony/inbound-calls",
    domains=("ultravox.ai",),
    template="https://app.ultravox.ai/api/agents/{id}/telephony_xml",
    pattern=r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,126}[A-Za-z0-9])?",
    pattern_words="letters, digits, `-` and `_`, for example a UUID",
)
OPENAI = Recipe(
    type="openai",
    model_name="OpenAI",
    title="OpenAI",
    way="trunk",
    source="https://developers.openai.com/api/docs/guides/realtime-sip",
    domains=("sip.api.openai.com",),
    template="sip:{id}@sip.api.openai.com;transport=tls",
    pattern=r"proj_[A-Za-z0-9_-]{1,123}",
    pattern_words="the id of the project, `proj_…`",
)
DAILY = Recipe(
    type="daily",
    model_name="Daily",
    title="Daily",
    way="trunk",
    source="https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-trunk/twilio",
    domains=("daily.co",),
    template="sip:{id}.siptrunk.sip-us.daily.co",
    pattern=r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    pattern_words="the name of the SIP trunk, one label of a host name",
)
PIPECAT = Recipe(
    type="pipecat",
    model_name="Pipecat",
    title="Pipecat Cloud",
    way="webhook",
    source="https://docs.pipecat.ai/deployment/pipecat-cloud/guides/telephony/twilio-websocket",
    domains=("pipecat.daily.co",),
    limit=(
        "Pipecat Cloud is reached by TwiML (`<Connect><Stream>`) and not by a URL of its own, and "
        "Twilio has no API for TwiML Bins. Serve the TwiML yourself, and declare its address:\n"
        "  webhooks: {voice: https://…}"
    ),
)

RECIPES: dict[str, Recipe] = {recipe.type: recipe for recipe in (ULTRAVOX, OPENAI, PIPECAT, DAILY)}
VOICE_METHOD: Literal["POST"] = "POST"
"""The method of the voice URL of a recipe."""


def build_route(recipe: Recipe, agent_id: str) -> Route | None:
    """Return the route to an agent; None for an id that does not have the form of the recipe."""
    if not recipe.template or re.fullmatch(recipe.pattern, agent_id) is None:
        return None
    return Route(recipe, agent_id, recipe.template.replace("{id}", agent_id))


def find_route(url: str, way: Way) -> Route | None:
    """Return the route that a recipe builds as this URL; None when there is none."""
    for recipe in RECIPES.values():
        if recipe.way != way or not recipe.template:
            continue
        start, _, end = recipe.template.partition("{id}")
        if not (url.startswith(start) and url.endswith(end)):
            continue

        route = build_route(recipe, url[len(start) : len(url) - len(end)])
        if route is not None and route.url == url:
            return route
    return None
