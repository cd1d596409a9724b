"""Apply a saved plan: plan again with the command that made it, compare, and apply the new plan.

The file supplies the command with its arguments and the selection; nothing else of it reaches
Twilio or the state. Prints nothing, reads no command line.
"""

from __future__ import annotations

import msgspec

from reconciler.config.project import Project
from reconciler.config.secrets.destinations import KnownDestinations
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused, UsageError
from reconciler.state.plan_file import PlanFile
from reconciler.state.stores.store import Store
from reconciler.workflows import plan_apply, release, rollback
from reconciler.workflows.plan_apply import Confirm, Planner, apply_planned
from reconciler.workflows.session import Applied, Consent, Gateways, Planned, RunOptions


def apply(
    options: RunOptions, consent: Consent, confirm: Confirm, saved: PlanFile, expected: str | None
) -> Applied:
    """Apply the plan if it is still what would be planned now. Raises Refused, UsageError, and what
    a plan raises.
    """
    origin = saved.origin
    if origin.command != "plan" and expected is None:
        raise UsageError(_expect_missing(origin.command))

    # A configuration that has changed must not send secrets elsewhere before the plan is found to
    # be stale.
    selected = msgspec.structs.replace(
        options,
        targets=tuple(saved.targets),
        excludes=tuple(saved.excludes),
        planned=KnownDestinations("the saved plan", saved.state, tuple(saved.destinations)),
    )
    if origin.command == "plan":
        return plan_apply.apply(selected, consent, confirm, saved=saved, expected=expected)
    return apply_planned(
        selected, consent, confirm, _saved_planner(selected, consent, saved, expected)
    )


def _saved_planner(
    options: RunOptions, consent: Consent, saved: PlanFile, expected: str | None
) -> Planner:
    """Return the planner of a release or rollback that refuses every plan but the saved one."""
    origin = saved.origin
    if origin.command == "release":
        planner = release.planner(
            options, consent, release.ReleaseRequest(origin.addresses, origin.how)
        )
    else:
        planner = rollback.planner(options, consent, origin.to or rollback.PREVIOUS)

    def plan_again(
        project: Project, store: Store, gateways: Gateways, confirmed: PlanFile | None = None, /
    ) -> Planned:
        # The state first: once it has changed, an address or a version may refer to something else.
        from reconciler.workflows import saved_plan_check

        moved = saved_plan_check.find_moved_bases(options, saved, project, store.load())
        if moved and saved.actions:
            raise Refused(*moved)

        planned = saved_plan_check.use_saved_plan(
            options, saved, planner(project, store, gateways), gateways
        )
        saved_plan_check.check_digest(planned, expected, saved)
        return planned

    return plan_again


def _expect_missing(command: str) -> Diagnostic:
    detail = (
        f"The plan was saved by `{command}`, which changes more than the configuration declares. Check it with "
        "`reconciler show PLANFILE`, and pass the digest that it prints:\n  reconciler apply PLANFILE --expect DIGEST"
    )
    return Diagnostic(code="expect_missing", summary="Digest of the plan missing", detail=detail)
