"""Documents to render: the plan that a reviewer must understand at first sight, a hostile one, large ones."""

from __future__ import annotations

from typing import Any

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Change, RouteChange
from reconciler.model.actor import Actor
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.report.documents.build import failure_document
from reconciler.report.documents.types import (
    ActionOutcome,
    ApplyDocument,
    Document,
    DriftDocument,
    OutcomeError,
    PlanDocument,
    PlannedAction,
    ValidateDocument,
)

OLD, NEW = "https://agents.example.com/voice", "https://agents.example.com/v2/voice"
PBX = "https://pbx.old-vendor.example.net/incoming/main-line"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>|`*_[x](javascript:alert(3))@everyone %0A::error::x"
CONTROLS = "a\n::error::forged\r\x1b[31mred\x00\u202eright to left"
"""What is hostile, in the words of every format at once."""


def number(index: int) -> str:
    return f"+1555{index:07d}"


def action(address: str, name: str = "overwrite_webhooks", **fields: Any) -> PlannedAction:
    """An action; what is not given is as for a change of the configuration."""
    given: dict[str, Any] = {
        "reason": "config",
        "account": "main",
        "agent": "support",
        "sid": "PN" + "1" * 32,
        "changes": [],
        "actor": None,
        "takeover": [],
        "route": None,
        "file": "reconciler.yaml",
        "line": 20,
        "column": 3,
        "note": None,
        **fields,
    }
    return PlannedAction(address=address, action=name, **given)


def moved(index: int, before: str = OLD, after: str = NEW, **fields: Any) -> PlannedAction:
    """A number whose calls go elsewhere."""
    return action(
        f"number/{number(index)}",
        changes=[Change("voice_url", before, after)],
        route=RouteChange(f"webhook {before}", f"webhook {after}"),
        line=30 + index,
        **fields,
    )


def taken_over(index: int) -> list[PlannedAction]:
    """A number that belongs to somebody else so far."""
    address = f"number/{number(index)}"
    changes = [
        Change("voice_url", PBX, NEW),
        Change("sms_url", None, "https://agents.example.com/sms"),
    ]
    write = action(
        address,
        reason="new",
        changes=changes,
        takeover=[Change("voice_url", PBX, None)],
        route=RouteChange(f"webhook {PBX}", f"webhook {NEW}"),
        line=20 + index % 10,
    )
    return [action(address, "import", reason="new", line=20 + index % 10), write]


def bought(index: int) -> list[PlannedAction]:
    """A number that is in no account yet."""
    address = f"number/{number(index)}"
    buy = action(
        address,
        "purchase",
        reason="new",
        changes=[Change("phone_number", None, number(index))],
        note="1.15 USD a month",
    )
    route = RouteChange("nothing", f"webhook {NEW}")
    return [
        buy,
        action(address, reason="new", changes=[Change("voice_url", None, NEW)], route=route),
    ]


def warning(code: str, line: int, **fields: Any) -> Diagnostic:
    return Diagnostic(
        severity="warning", code=code, file="reconciler.yaml", line=line, column=3, **fields
    )


def takeover_warning(index: int) -> Diagnostic:
    address = f"number/{number(index)}"
    return warning(
        "takeover_refused",
        20 + index % 10,
        summary="Foreign values would be overwritten",
        detail=f"{address}: voice_url {PBX} would be lost, and nobody here has set it. Consent with\n"
        f"  --allow-takeover={address}\n"
        "The values are recorded first and put back when the number is released.",
        address=address,
    )


def plan(
    *actions: PlannedAction, diagnostics: tuple[Diagnostic, ...] = (), unmanaged: int = 0
) -> PlanDocument:
    """The document of these actions, with its counts."""
    from collections import Counter

    severities = Counter(d.severity for d in diagnostics)
    return PlanDocument(
        command="plan",
        summary={
            "actions": len(actions),
            "addresses": len({a.address for a in actions}),
            "by_action": dict(sorted(Counter(a.action for a in actions).items())),
            "takeovers": len({a.address for a in actions if a.takeover}),
            "refreshes": 0,
            "unmanaged": unmanaged,
            "errors": severities["error"],
            "warnings": severities["warning"],
            "would_refuse": sorted({d.code for d in diagnostics if d.code.endswith("_refused")}),
        },
        diagnostics=list(diagnostics),
        actions=list(actions),
        state_updates=[],
        unmanaged=unmanaged,
        digest="sha256:" + "0123456789abcdef" * 4,
    )


def reviewed() -> PlanDocument:
    """2 takeovers, 812 numbers that change alike, a hidden route and 3 warnings."""
    hidden = action(
        "number/+15550200001",
        "attach_trunk",
        changes=[Change("trunk", None, "edge")],
        route=RouteChange(f"webhook {OLD}", "trunk edge", (f"webhook {OLD}",)),
        line=900,
    )
    tunnel = warning(
        "tunnel_url",
        14,
        summary="A tunnel answers calls",
        detail="https://laptop.example.dev/voice leads to a machine that may be asleep. Use the agent's own host.",
    )
    return plan(
        *[moved(1000 + n) for n in range(812)],
        *taken_over(101),
        *taken_over(102),
        hidden,
        diagnostics=(tunnel, takeover_warning(101), takeover_warning(102)),
        unmanaged=14,
    )


def large(count: int) -> PlanDocument:
    """So many numbers, each of which changes in its own way."""
    return plan(*(moved(n, after=f"https://agents.example.com/{n}") for n in range(count)))


def hostile() -> PlanDocument:
    """Values of YAML and Twilio that mean to leave their place in every format."""
    return plan(
        action(
            f"number/+1555{CONTROLS}",
            agent=HOSTILE,
            changes=[Change("friendly_name", HOSTILE, CONTROLS)],
            takeover=[Change("friendly_name", HOSTILE, None)],
            route=RouteChange(f"webhook {HOSTILE}", f"trunk {CONTROLS}", (HOSTILE,)),
            file=f"{HOSTILE},line=1:x\n.yaml",
            note=HOSTILE + CONTROLS,
        ),
        diagnostics=(
            Diagnostic(
                code="duplicate_key",
                summary="A key stands twice",
                detail=f"{HOSTILE}\n{CONTROLS}",
                address=CONTROLS,
                file=f"{HOSTILE},line=1:x\n.yaml",
                line=3,
                column=1,
            ),
        ),
    )


def drifted() -> DriftDocument:
    """40 numbers led to a laptop by one hand, one number gone, and 2 changes waiting."""
    actor = Actor("US1", "user", "console", None, "2026-03-01T12:00:00Z")
    fields = (DriftedField("voice_url", OLD, "https://laptop.example.dev/voice", actor),)
    found = [Drifted(f"number/{number(n)}", "main", "PN" + "1" * 32, fields) for n in range(40)]
    gone = Drifted(
        "number/+15550300001",
        "main",
        "PN" + "2" * 32,
        (DriftedField("sid", "PN" + "2" * 32, None),),
    )
    return DriftDocument(
        command="drift",
        summary={"drifted": 41, "pending": 2, "unmanaged": 0, "events": "read"},
        drifted=[*found, gone],
        pending=2,
        unmanaged=0,
    )


def calm() -> DriftDocument:
    """No drift."""
    return DriftDocument(
        command="drift",
        summary={"drifted": 0, "pending": 0, "unmanaged": 0, "events": "read"},
        drifted=[],
        pending=0,
        unmanaged=0,
    )


def applied() -> ApplyDocument:
    """20 done, 5 refused alike, one that was waiting for them."""
    done = [outcome(n) for n in range(20)]
    failed = [
        outcome(n, "failed", OutcomeError("twilio_refused", "21402: Url is not a valid URL"))
        for n in range(20, 25)
    ]
    skipped = outcome(25, "skipped", OutcomeError("dependency_failed", "trunk/edge was not made"))
    return ApplyDocument(
        command="apply",
        summary={
            "success_count": 20,
            "failed_count": 6,
            "interrupted": False,
            "by_action": {"overwrite_webhooks": 20},
        },
        outcomes=[*done, *failed, skipped],
        success_count=20,
        failed_count=6,
        errors=[],
    )


def outcome(
    index: int, status: Any = "applied", error: OutcomeError | None = None
) -> ActionOutcome:
    return ActionOutcome(
        address=f"number/{number(index)}",
        action="overwrite_webhooks",
        status=status,
        error=error,
        note=None,
    )


def failed() -> Document:
    """A plan that could not be made."""
    return failure_document(
        "plan",
        [Diagnostic(code="missing_field", summary="A field is missing", file="a.yaml", line=1)],
    )


def valid() -> ValidateDocument:
    """A valid configuration with a warning."""
    return ValidateDocument(
        command="validate",
        summary={"project": "acme-voice", "numbers": 12, "trunks": 1, "errors": 0, "warnings": 1},
        diagnostics=[warning("tunnel_url", 14, summary="A tunnel answers calls")],
    )


ALL = {
    "reviewed": reviewed,
    "hostile": hostile,
    "large": lambda: large(3000),
    "empty": plan,
    "drifted": drifted,
    "calm": calm,
    "applied": applied,
    "failed": failed,
    "valid": valid,
}
"""A document of every kind."""
