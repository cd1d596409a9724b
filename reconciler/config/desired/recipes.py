"""Replace the agents on recipes by agents of the project's own, whose routes the recipes build, and
add origination URLs to the trunks that lead to such agents; pure.

After that nothing else knows of recipes: a route to such an agent is planned, written and watched as
any route of the project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.config.advice.findings import Finding, place_findings
from reconciler.config.formats import is_sid
from reconciler.config.sections.agent import Agent, AgentWebhooks, Hook
from reconciler.config.sections.declared import Checked, Settings
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.recipes import RECIPES, VOICE_METHOD, Recipe, Route, build_route

if TYPE_CHECKING:
    from reconciler.config.sections.trunk import Trunk


def expand_recipes(settings: Settings) -> list[Diagnostic]:
    """Replace the agents on recipes in the settings; return their problems.

    An agent with a problem becomes invalid, which hides no problem of its numbers.
    """
    recipes: dict[str, Recipe] = {}
    for name, (_, platform) in settings.platforms.items():
        if platform is not None and platform.type in RECIPES:
            recipes[name] = RECIPES[platform.type]
    for name in recipes:
        del settings.platforms[name]
    settings.recipes = {name: recipe.type for name, recipe in recipes.items()}

    problems: list[Diagnostic] = []
    for name, (place, agent) in settings.agents.items():
        recipe = recipes.get(agent.platform or "") if agent is not None else None
        if agent is None or recipe is None:
            continue

        route = build_route(recipe, agent.id or "")
        problems += place_findings(_check_agent(agent, recipe, route), place)
        if route is None:
            settings.agents[name] = Checked(place, None)
        else:
            settings.agents[name] = Checked(place, _to_own_agent(agent, route))
            settings.recipe_routes[name] = route._replace(platform=agent.platform or "")
    return problems


def _check_agent(agent: Agent, recipe: Recipe, route: Route | None) -> Iterator[Finding]:
    """Check an agent on a recipe. Fields of other platforms are found with those of all agents."""
    if recipe.limit:
        yield Finding("unsupported_feature", recipe.limit, ("platform",))
    elif not agent.id:
        detail = f"An agent on {recipe.title} needs `id`: {recipe.pattern_words}."
        yield Finding("missing_field", detail, (), "key")
    elif route is None:
        detail = f"This is not an id of {recipe.title}'s: {recipe.pattern_words}."
        yield Finding("invalid_value", detail, ("id",))

    if agent.outbound_number is not None:
        detail = f"{recipe.title} documents no caller id of an agent. Remove `outbound_number`."
        yield Finding("unsupported_feature", detail, ("outbound_number",), "key")


def _to_own_agent(agent: Agent, route: Route) -> Agent:
    """Return the agent with the webhooks of its recipe; a trunk brings the calls of the others."""
    webhooks = AgentWebhooks.model_construct()
    if route.recipe.way == "webhook":
        webhooks = AgentWebhooks(voice=Hook(url=route.url, method=VOICE_METHOD))
    return agent.model_copy(update={"platform": None, "id": None, "webhooks": webhooks})


def route_findings(
    agent: str, route: Route, trunk: str | None, trunks: Mapping[str, Trunk | None]
) -> Iterator[Finding]:
    """Check that the trunk of a number leads to its agent; `trunks` are the declared ones."""
    title = route.recipe.title
    if route.recipe.way != "trunk":
        return
    if trunk is None:
        detail = (
            f"Calls reach the agent `{agent}` on {title} by a trunk. Declare the trunk, and add "
            "`trunk: NAME` to the number."
        )
        yield Finding("missing_field", detail, ("agent",))
        return
    if is_sid(trunk, "TK"):
        detail = (
            f"Whether the trunk leads to the agent `{agent}` on {title} is not known: a SID does not "
            "show it. Declare the trunk under `trunks`, and name it here: it is imported as it is."
        )
        yield Finding("trunk_not_found", detail, ("trunk",))
        return

    # A name that is not declared is an error of every number.
    declared = trunks.get(trunk)
    if declared is None or "origination" not in declared.model_fields_set:
        return
    if all(each.sip_url != route.url for each in declared.origination):
        detail = (
            f"The trunk `{trunk}` does not lead to the agent `{agent}` on {title}. Add its URL, or "
            f'leave `origination` out: then it is added.\n  origination: [{{sip_url: "{route.url}"}}]'
        )
        yield Finding("missing_field", detail, ("trunk",))


def recipe_finding(platform: str) -> Finding:
    """Return the problem of a number that names a recipe as its platform."""
    detail = f"`{platform}` is a recipe: it serves Twilio numbers through their agents only."
    return Finding("platform_cannot_import", detail, ("platform",))


def conflict_finding(trunk: str, known: Route, route: Route) -> Finding:
    """Return the problem of a trunk that would lead to two agents on recipes."""
    detail = (
        f"Other numbers on the trunk `{trunk}` have an agent at {known.url}; a trunk cannot tell its "
        "numbers apart. Give this one another trunk, or declare both URLs in its `origination`."
    )
    return Finding("conflicting_fields", detail, ("agent",))


def add_origination(
    trunks: Mapping[str, Checked[Trunk]], routes: Mapping[str, Route]
) -> dict[str, Checked[Trunk]]:
    """Return the trunks with the URLs of `routes` (by trunk) where `origination` is left out.

    The part counts as not declared all the same: other URLs of the trunk are watched, not removed.
    """
    from reconciler.config.sections.trunk import Origination

    completed = dict(trunks)
    for name, route in routes.items():
        place, trunk = trunks[name]
        if trunk is None or "origination" in trunk.model_fields_set:
            continue
        copy = trunk.model_copy(update={"origination": [Origination(sip_url=route.url)]})
        copy.model_fields_set.discard("origination")
        completed[name] = Checked(place, copy)
    return completed
