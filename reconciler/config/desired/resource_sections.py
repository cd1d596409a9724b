"""Map each section with one named resource an entry to its kind, model,
compiler and check.

`trunks` is not in it: a trunk declares several resources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from reconciler.config.advice.findings import Finding
from reconciler.config.desired.applications import check_application, compile_application
from reconciler.config.desired.messaging_services import (
    check_messaging_service,
    compile_messaging_service,
)
from reconciler.config.sections.agent import Application
from reconciler.config.sections.fields import Section
from reconciler.config.sections.messaging_service import MessagingService
from reconciler.config.source.nodes import Place
from reconciler.model.desired import Desired

Compile = Callable[[str, Any, str, Place], Desired]
"""Name, valid entry, name of its account, and place → the desired resource."""

Check = Callable[[Any], Iterable[Finding]]
"""Valid entry → its problems beyond those of its model."""


def find_no_problem(entry: object) -> Iterable[Finding]:
    """Return no finding: the check of a section whose model checks everything."""
    return ()


class ResourceSection(NamedTuple):
    """A section with one resource of `kind` for each entry.

    The model has `account`. The attributes of the resource contain the key field of its kind, which
    must be unique in an account: the resource is found on Twilio by it.
    """

    kind: str
    model: type[Section]
    compile: Compile
    check: Check = find_no_problem


RESOURCE_SECTIONS: dict[str, ResourceSection] = {
    "applications": ResourceSection(
        "application", Application, compile_application, check_application
    ),
    "messaging_services": ResourceSection(
        "messaging_service", MessagingService, compile_messaging_service, check_messaging_service
    ),
}
"""Name of the section → its kind, model and functions."""
