"""Fleets to render: all outcomes, long plans, hostile names, and the largest that a report may get."""

from __future__ import annotations

from typing import Any

from reconciler.diagnostics import Diagnostic
from reconciler.report.documents.fleet import (
    FleetChange,
    FleetDocument,
    FleetItem,
    FleetStack,
    StackOutcome,
    fleet_document,
)
from tests.report.samples import CONTROLS, HOSTILE

CODES = {
    "done": 0,
    "changes": 0,
    "failed": 1,
    "invalid": 3,
    "refused": 4,
    "partial": 5,
    "locked": 6,
}
ERRORS: dict[str, tuple[str, str, str]] = {
    "failed": (
        "invalid_credentials",
        "Twilio refused the credentials",
        "Account `main` (AC0a0a0a0a): Twilio answered 401. Check auth_token, and that the account is "
        "not suspended.",
    ),
    "invalid": ("yaml_syntax", "This is not valid YAML", "A bracket or brace is not closed."),
    "refused": (
        "takeover_refused",
        "Foreign values would be overwritten",
        "number/+15550100101: voice_url https://pbx.example.net/in would be lost. Consent with\n"
        "  --allow-takeover=number/+15550100101",
    ),
    "partial": ("webhook_not_written", "The webhook was not written", "Twilio answered 500."),
    "locked": ("state_locked", "The state is locked", "Locked by ci@runner-7 since 09:41."),
    "crashed": (
        "stack_crashed",
        "The command of the stack crashed",
        "Its process was ended by signal 9; 9 often means too little memory.",
    ),
}


def stack(name: str, outcome: StackOutcome, **fields: Any) -> FleetStack:
    """A stack with the error that belongs to its outcome."""
    diagnostics: list[Diagnostic] = []
    if outcome in ERRORS:
        code, summary, detail = ERRORS[outcome]
        diagnostics.append(
            Diagnostic(
                code=code, summary=summary, detail=detail, file="reconciler.yaml", line=3, column=5
            )
        )
    given: dict[str, Any] = {
        "directory": f"customers/{name}",
        "exit_code": CODES.get(outcome),
        "summary": {"actions": 0},
        "seconds": 0.0 if outcome == "not_started" else 1.234,
        "diagnostics": diagnostics,
        "items": [],
        "left_out": 0,
        **fields,
    }
    return FleetStack(name=name, outcome=outcome, **given)


def item(index: int, **fields: Any) -> FleetItem:
    change = FleetChange(
        field="voice_url",
        before=f"https://agents.example.com/voice?customer={index}",
        after=f"https://agents.example.com/v2/voice?customer={index}",
    )
    given: dict[str, Any] = {
        "address": f"number/+1555{index:07d}",
        "what": "overwrite_webhooks",
        "why": "config",
        "changes": [change],
    }
    return FleetItem(**{**given, **fields})


def planned(name: str, first: int, items: int, **summary: Any) -> FleetStack:
    """A stack whose plan has so many actions."""
    return stack(
        name,
        "changes",
        summary={
            "actions": items,
            "by_action": {"overwrite_webhooks": items},
            "takeovers": 0,
            "would_refuse": [],
            **summary,
        },
        items=[item(first + number) for number in range(min(items, 200))],
        left_out=max(0, items - 200),
    )


def fleet(stacks: int = 1000) -> FleetDocument:
    """Of 1,000 stacks 20 fail in all ways, 5 are not started and 100 have changes, some of them many."""
    found: list[FleetStack] = []
    bad: list[StackOutcome] = ["failed"] * 8
    bad += ["invalid", "invalid", "refused", "refused", "partial", "locked", "locked", "crashed"]
    bad += ["failed"] * 4
    for number in range(stacks):
        name = f"customer-{number:04d}"
        if number % 50 == 7 and bad:
            found.append(stack(name, bad.pop(0)))
        elif number % 10 == 3:
            found.append(
                planned(name, number * 1000, 1000 if number % 100 == 3 else number % 9 + 1)
            )
        elif number >= stacks - 5:
            found.append(stack(name, "not_started"))
        else:
            found.append(stack(name, "done"))
    risky = FleetChange(
        field="voice_url", before="https://pbx.old-vendor.example.net/in", after="–", takeover=True
    )
    found[13] = planned("acme-voice", 13000, 3, takeovers=1, would_refuse=["takeover_refused"])
    found[13].items.insert(0, item(99, what="import", why="new", changes=[risky]))
    return fleet_document("fleet plan", found, [], 312.5)


def largest() -> FleetDocument:
    """1,000 stacks with as many items and errors as a stack may have."""
    found: list[FleetStack] = []
    for number in range(1000):
        whole = planned(f"customer-{number:04d}", number * 1000, 1000)
        broken = stack("x", "failed").diagnostics * 20
        outcome: StackOutcome = "failed" if number % 2 else "changes"
        found.append(
            FleetStack(
                name=whole.name,
                directory=whole.directory,
                outcome=outcome,
                exit_code=CODES[outcome],
                summary=whole.summary,
                seconds=1.0,
                diagnostics=broken if number % 2 else [],
                items=whole.items,
                left_out=800,
            )
        )
    return fleet_document("fleet plan", found, [], 900.0)


def hostile_fleet() -> FleetDocument:
    """Names, errors and values that mean to leave their place in every format."""
    change = FleetChange(field=HOSTILE, before=HOSTILE, after=CONTROLS, takeover=True)
    bad = item(1, address=f"number/{HOSTILE}", what=HOSTILE, why=CONTROLS, changes=[change])
    error = Diagnostic(code=HOSTILE, summary=HOSTILE, detail=f"{HOSTILE}\n{CONTROLS}", file=HOSTILE)
    return fleet_document(
        "fleet plan",
        [
            stack(HOSTILE, "failed", directory=HOSTILE, diagnostics=[error], items=[bad]),
            stack(CONTROLS, "changes", summary={"by_action": {HOSTILE: 1}}, items=[bad]),
        ],
        [],
        1.0,
    )
