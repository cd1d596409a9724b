"""Compile a declared TwiML application to a desired resource, and lint its webhook URLs; pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.advice.findings import Finding
from reconciler.config.desired.parts import webhook_parts_of
from reconciler.config.desired.webhook_urls import lint_hook
from reconciler.config.sections.agent import Application
from reconciler.config.source.nodes import Place
from reconciler.model.desired import Desired, OnRemoval, Options, Profile
from reconciler.model.route import Attrs


def compile_application(name: str, declared: Application, account: str, place: Place) -> Desired:
    """Return the desired resource of one entry."""
    attrs: Attrs = {
        "friendly_name": declared.friendly_name or name,
        **webhook_parts_of(declared),
    }
    on_removal: OnRemoval = "keep" if declared.on_removal == "keep" else "restore"
    options = Options(on_removal=on_removal, protect=declared.protect)
    return Desired(
        "application",
        f"application/{name}",
        name,
        Profile(account, attrs, options),
        place.at("key"),
    )


def check_application(declared: Application) -> Iterator[Finding]:
    """Yield the problems of its URLs."""
    yield from lint_hook(declared.voice, ("voice",))
    yield from lint_hook(declared.sms, ("sms",))
    yield from lint_hook(declared.status, ("status",))
