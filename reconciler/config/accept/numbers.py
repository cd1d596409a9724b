"""Change the declarations of numbers and bridge numbers so that they have their live values.

The first of these that gives exactly the live routes is chosen:

1. the number's own `trunk` and `webhooks` go, if its agent then gives the live routes;
2. `agent` becomes another declared agent that gives all live routes of the number;
3. the agent's own webhook changes, if every number that has its value from there is accepted with
   the same live value. Not where the configuration has variables: with other values of these, other
   numbers may use the agent;
4. `webhooks`, `trunk` or `supports_inbound` of the number are set;
5. `webhooks` of the number take the place of its agent: an agent that has messages or a status
   callback cannot be without them on one number.

A value that comes from a variable is refused: the files serve other values of it as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.config.accept.files import ConfigurationFiles, DeclaredEntry, check_variable
from reconciler.config.accept.hooks import (
    declare_field,
    declare_hook,
    declare_label,
    key_in,
    value_in,
)
from reconciler.config.accept.messaging_services import add_membership
from reconciler.config.accept.request import CannotAccept, Request
from reconciler.config.accept.routes import RouteSearch, Routing, expand_short_form
from reconciler.config.desired.parts import PARTS
from reconciler.config.project import Agent, Project
from reconciler.config.source.edit import REMOVE, Change, Merge
from reconciler.config.source.nodes import Map
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.number_fields import BY_NAME
from reconciler.model.desired import Desired
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Value, Webhook
from reconciler.planning.identity.match import rename_references

_NO_FORM = (
    "The file cannot declare the live route of this number, and no declared agent has it. Declare "
    "an agent that has it, or change the number on Twilio."
)


class NumberWriter:
    """The changes of the declarations of numbers; `names` are those of trunks and applications by
    SID.
    """

    def __init__(
        self,
        project: Project,
        files: ConfigurationFiles,
        requests: Sequence[Request],
        names: Mapping[str, str],
    ) -> None:
        self._project = project
        self._files = files
        self._names = names
        self._accepted = {each.declared.address: each.values for each in requests}
        self._agents: dict[str, Attrs] = {}
        for name, agent in sorted(project.agents.items()):
            if agent.kind != "platform" and agent.owner in (None, project.name):
                self._agents[name] = agent.parts

    def add(self, request: Request, entry: DeclaredEntry) -> None:
        """Add the changes for one number. Raises CannotAccept."""
        declared = request.declared
        if "friendly_name" in request.values:
            check_variable(entry.text, entry.node, ("friendly_name",))
            label = declare_label(request.values["friendly_name"])
            self._files.merge(entry, {key_in(entry.node, "friendly_name"): label})

        for name in [name for name in BY_NAME if name in request.values]:
            check_variable(entry.text, entry.node, (name,))
            written = declare_field(name, request.values[name])
            self._files.merge(entry, {key_in(entry.node, name): written})
        if MEMBERSHIP in request.values:
            add_membership(request, entry, self._files)

        drifted = {part: request.values[part] for part in PARTS if part in request.values}
        if not drifted:
            return
        platform = declared.profile.options.platform
        if platform is not None:
            reason = (
                f"`{platform}` writes the webhooks of this number, so no file can declare them."
            )
            if not declared.profile.options.platform_written:
                reason = f"The agent of this number is on `{platform}`, which its trunk leads to."
            raise CannotAccept(
                f"{reason} Apply puts the values back; or give the number an agent of your own."
            )
        if declared.kind == "bridge_number":
            self._add_bridge(entry, drifted)
        else:
            self._add_routes(declared, entry, drifted)

    def _add_bridge(self, entry: DeclaredEntry, drifted: Attrs) -> None:
        voice = drifted.get("voice")
        if not isinstance(voice, Webhook):
            raise CannotAccept(
                "A bridge number declares a voice webhook, and its live voice is another. Change "
                "it on Twilio, or declare the number under `numbers`."
            )
        check_variable(entry.text, entry.node, ("voice",))
        present = value_in(entry.node, "voice")
        self._files.merge(
            entry, {key_in(entry.node, "voice"): declare_hook("voice", voice, present)}
        )

    def _add_routes(self, declared: Desired, entry: DeclaredEntry, drifted: Attrs) -> None:
        attrs = rename_references(declared.profile.attrs, self._names)
        wanted = {**{part: attrs[part] for part in PARTS if part in attrs}, **drifted}
        search = RouteSearch(entry.node, wanted, drifted, self._agents, self._names)
        self._check_variables(entry, search, drifted)

        # Values that the number has always declared itself stay its own where they can.
        found = search.find_without_own()
        if found is None and not search.all_own:
            found = search.find_agent()
        if found is None:
            found = self._change_agent_or_number(declared, entry, search, (wanted, drifted))
        if found is None:
            found = search.find_agent()
        if found is None:
            raise CannotAccept(_NO_FORM)
        changes = search.list_changes(found)
        if isinstance(entry.node, str) and changes:
            short = expand_short_form(entry.node, changes)
            self._files.add(entry.file, entry.path, short)
        elif changes:
            spelled = {key_in(entry.node, name): change for name, change in changes.items()}
            self._files.merge(entry, spelled)

    def _change_agent_or_number(
        self,
        declared: Desired,
        entry: DeclaredEntry,
        search: RouteSearch,
        routes: tuple[Attrs, Attrs],
    ) -> Routing | None:
        """Change the agent where only accepted numbers have a value from it, else the number."""
        wanted, drifted = routes
        agent = self._project.agents.get(search.present.agent or "")
        own: list[str] = []
        agents = dict(self._agents)
        for part, value in drifted.items():
            if agent is None or search.has_own(part) or not self._all_agree(agent, part, value):
                own.append(part)
                continue
            self._change_agent(agent, part, value)
            agents[agent.name] = {**agents.get(agent.name, agent.parts), part: value}

        changed = RouteSearch(entry.node, wanted, drifted, agents, self._names)
        return changed.override(own)

    def _all_agree(self, agent: Agent, part: str, value: Value) -> bool:
        """Return whether each number with this part of the agent is accepted with this value."""
        if agent.kind != "webhooks" or isinstance(value, TrunkRoute | ApplicationRoute):
            return False
        if self._files.has_variables:
            return False
        others = [name for name, hook in agent.parts.items() if name != part and hook is not None]
        if value is None and not others:
            return False
        for each in self._project.desired:
            attrs = each.profile.attrs
            if each.profile.options.agent != agent.name or part not in attrs:
                continue
            if attrs[part] != agent.parts.get(part):
                continue
            accepted = self._accepted.get(each.address, {})
            if part not in accepted or accepted[part] != value:
                return False
        return True

    def _change_agent(self, agent: Agent, part: str, value: Value) -> None:
        entry = self._files.find("agents", agent.position)
        webhooks = value_in(entry.node, "webhooks") if entry is not None else None
        if entry is None or not isinstance(webhooks, Map):
            raise CannotAccept(f"The declaration of agent `{agent.name}` cannot be rewritten.")

        # An agent has at least one webhook, so the last one is never removed.
        change: Change = REMOVE
        if value is not None:
            change = declare_hook(part, value, webhooks.get(part))
        self._files.merge(entry, {key_in(entry.node, "webhooks"): Merge({part: change})})

    def _check_variables(self, entry: DeclaredEntry, search: RouteSearch, drifted: Attrs) -> None:
        """Raise CannotAccept when one of the drifted routes is declared through a variable."""
        agent = self._project.agents.get(search.present.agent or "")
        source = self._files.find("agents", agent.position) if agent is not None else None
        for part in drifted:
            if part == "voice" and search.present.trunk is not None:
                check_variable(entry.text, entry.node, ("trunk",))
            elif part in search.present.own:
                check_variable(entry.text, entry.node, ("webhooks", part))
            else:
                check_variable(entry.text, entry.node, ("agent",))
                if source is not None:
                    check_variable(source.text, source.node, ("webhooks", part))
                    check_variable(source.text, source.node, ("application",))
