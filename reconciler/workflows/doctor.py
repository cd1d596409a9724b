"""Load the configuration, connect to its accounts, platforms and state, and return the results of
all checks of `doctor`; change nothing.
"""

from __future__ import annotations

import msgspec

from reconciler.config.project import Project
from reconciler.doctor.check import Check
from reconciler.doctor.checks import DoctorSubject, run_checks
from reconciler.doctor.connection import AnswerTimes
from reconciler.workflows.session import (
    RunOptions,
    open_gateways,
    open_state_store,
)
from reconciler.workflows.validate import validate


def doctor(options: RunOptions) -> tuple[Project, list[Check]]:
    """Check everything that the configuration needs, and change nothing. Raises ConfigInvalid."""

    project = validate(options)
    answers = AnswerTimes(options.clock, options.on_call)
    with open_gateways(msgspec.structs.replace(options, on_call=answers), project) as gateways:
        subject = DoctorSubject(
            project,
            options.environ,
            gateways,
            answers,
            gateways.adapters,
            lambda: open_state_store(options, project),
            options.max_region_calls,
        )
        return project, run_checks(subject)
