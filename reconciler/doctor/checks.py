"""A project, looked at from end to end: accounts side by side, platforms' secrets, state. Changes nothing anywhere.

A further check of an account is a function in `ACCOUNT_CHECKS`, one of the project as a whole one in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from reconciler.config.project import AccountSettings, Project, Secret
from reconciler.config.secrets.references import reveal
from reconciler.diagnostics import Diagnostic
from reconciler.doctor.check import Check
from reconciler.doctor.connection import AnswerTimes, read_first_rows
from reconciler.doctor.permissions import find_account_use, list_needs
from reconciler.doctor.platforms import check_platform
from reconciler.doctor.regions import check_regions
from reconciler.doctor.verdicts import account_checks
from reconciler.errors import ReconcilerError
from reconciler.remote.gateway import Gateway
from reconciler.remote.platforms.contract import Adapter
from reconciler.state.recovery.missing_state import load_or_recover
from reconciler.state.stores.store import Store


class DoctorSubject(msgspec.Struct, frozen=True):
    """What is looked at, and by what means.

    `gateways` raises ReconcilerError for an account without its secrets, `adapters` does when a call needs them.
    """

    project: Project
    environ: Mapping[str, str]
    gateways: Mapping[str, Gateway]
    heard: AnswerTimes
    adapters: Mapping[str, Adapter]
    store: Callable[[], Store]


AccountCheck = Callable[[DoctorSubject, AccountSettings, Gateway], Iterable[Check]]
ProjectCheck = Callable[[DoctorSubject], Iterable[Check]]


def run_checks(patient: DoctorSubject) -> list[Check]:
    """Everything that was looked at: the accounts in their order, then what concerns all."""
    accounts = list(patient.project.accounts.values())
    with ThreadPoolExecutor(max(1, len(accounts)), thread_name_prefix="examine") as pool:
        of_accounts = list(pool.map(lambda account: _account(patient, account), accounts))
    of_all = [check for look in CHECKS for check in look(patient)]
    return [check for checks in of_accounts for check in checks] + of_all


def _account(patient: DoctorSubject, account: AccountSettings) -> list[Check]:
    try:
        gateway = patient.gateways[account.name]
    except ReconcilerError as error:
        return [_of(error, account.name, "secrets")]
    found = [Check(account=account.name, check="secrets", status="ok", detail=_sources(account))]
    for look in ACCOUNT_CHECKS:
        found += look(patient, account, gateway)
    return found


def _connection(
    patient: DoctorSubject, account: AccountSettings, gateway: Gateway
) -> Iterator[Check]:
    needs = list(list_needs(find_account_use(account.name, patient.project.desired)))
    yield from account_checks(
        account, gateway.account_sid, read_first_rows(gateway, needs), patient.heard
    )


def _regions(patient: DoctorSubject, account: AccountSettings, gateway: Gateway) -> Iterator[Check]:
    return check_regions(gateway, account.region, patient.project.desired)


def _secrets(patient: DoctorSubject) -> Iterator[Check]:
    """The secrets of platforms, of what is declared (passwords), and that of fingerprints."""
    found: dict[str, Mapping[str, Secret]] = {
        f"platform {p.name}": p.secrets for p in patient.project.platforms.values()
    }
    found |= {
        f"secrets of {address}": secrets
        for address, secrets in sorted(patient.project.secrets.items())
    }
    if patient.project.fingerprint_key is not None:
        found["fingerprint_key"] = {"fingerprint_key": patient.project.fingerprint_key}
    for name, secrets in found.items():
        missing = [problem for secret in secrets.values() for problem in _missing(secret, patient)]
        found_at = f"found: {', '.join(map(_source, secrets.values())) or 'none needed'}"
        yield Check(
            account=None,
            check=name,
            status="failed" if missing else "ok",
            detail=" ".join(problem.detail for problem in missing) or found_at,
            code=missing[0].code if missing else None,
        )


def _platforms(patient: DoctorSubject) -> Iterator[Check]:
    """What each platform says of itself, one after the other; one whose secrets are missing has been told of."""
    for name, platform in patient.project.platforms.items():
        if not any(_missing(secret, patient) for secret in platform.secrets.values()):
            yield from check_platform(patient.adapters[name])


def _missing(secret: Secret, patient: DoctorSubject) -> list[Diagnostic]:
    try:
        reveal(secret, patient.environ, patient.project.base)
    except ReconcilerError as error:
        return list(error.diagnostics)
    return []


def _state(patient: DoctorSubject) -> Iterator[Check]:
    """Whether the state can be read, and is this project's."""
    try:
        state, lost, _ = load_or_recover(patient.store(), patient.project)
    except ReconcilerError as error:
        yield _of(error, None, "state")
    except OSError as error:
        detail = f"{error.filename or patient.project.state}: {error.strerror or error}"
        yield Check(account=None, check="state", status="failed", detail=detail)
    else:
        if lost is not None:
            yield Check(
                account=None,
                check="state",
                status="failed",
                detail=lost.refusal.detail,
                code=lost.refusal.code,
            )
            return
        there = (
            f"serial {state.serial}, {len(state.resources)} resources"
            if state.serial or state.journal_records
            else "nothing there yet"
        )
        yield Check(account=None, check="state", status="ok", detail=f"{_shown(patient)}: {there}")


def _shown(patient: DoctorSubject) -> str:
    location = patient.project.state
    return location.partition("?")[0] if "://" in location else Path(location).as_posix()


def _sources(account: AccountSettings) -> str:
    secrets = [account.api_key, account.api_secret] if account.api_key else [account.auth_token]
    return f"found: {', '.join(_source(secret) for secret in secrets if secret is not None)}"


def _source(secret: Secret) -> str:
    return f"variable {secret.env}" if secret.env else f"file {secret.file}"


def _of(error: ReconcilerError, account: str | None, check: str) -> Check:
    detail = " ".join(diagnostic.detail or diagnostic.summary for diagnostic in error.diagnostics)
    return Check(
        account=account, check=check, status="failed", detail=detail, code=error.diagnostics[0].code
    )


ACCOUNT_CHECKS: tuple[AccountCheck, ...] = (_connection, _regions)
CHECKS: tuple[ProjectCheck, ...] = (_secrets, _platforms, _state)
