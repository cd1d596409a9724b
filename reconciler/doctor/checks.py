"""Run all checks of `doctor`: connection and regions of the accounts in parallel, then secrets,
platforms and the state. Reads only.

To add a check, add a function to `ACCOUNT_CHECKS` (run for each account) or to `CHECKS` (run once).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from reconciler.config.project import AccountSettings, Project, Secret
from reconciler.config.secrets.references import reveal
from reconciler.diagnostics import Diagnostic
from reconciler.doctor.check import Check, failed_check
from reconciler.doctor.connection import AnswerTimes, read_first_rows
from reconciler.doctor.permissions import find_account_use, list_needs
from reconciler.doctor.platforms import check_platform
from reconciler.doctor.regions import check_regions, list_routed
from reconciler.doctor.verdicts import account_checks
from reconciler.errors import ReconcilerError
from reconciler.planning.checks.inbound_regions import share_limit
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms.contract import Adapter
from reconciler.state.recovery.missing_state import load_or_recover
from reconciler.state.stores.store import Store


class DoctorSubject(msgspec.Struct, frozen=True):
    """The project to check, with its interfaces to the outside.

    `gateways` raises ReconcilerError for an account without its secrets; an adapter raises it when
    a call needs them. At most `max_region_calls` numbers are asked for their region (None: all).
    """

    project: Project
    environ: Mapping[str, str]
    gateways: Mapping[str, Gateway]
    answer_times: AnswerTimes
    adapters: Mapping[str, Adapter]
    store: Callable[[], Store]
    max_region_calls: int | None = None


AccountCheck = Callable[[DoctorSubject, AccountSettings, Gateway], Iterable[Check]]
ProjectCheck = Callable[[DoctorSubject], Iterable[Check]]


def run_checks(subject: DoctorSubject) -> list[Check]:
    """Run all checks: the accounts in the order of the configuration, then those of the whole
    project.
    """
    accounts = list(subject.project.accounts.values())

    def check_account(account: AccountSettings) -> list[Check]:
        return _check_account(subject, account)

    by_account = map_each(check_account, accounts, workers=len(accounts), name="doctor")

    checks: list[Check] = []
    for account_result in by_account:
        checks += account_result
    for check in CHECKS:
        checks += check(subject)
    return checks


def _check_account(subject: DoctorSubject, account: AccountSettings) -> list[Check]:
    try:
        gateway = subject.gateways[account.name]
    except ReconcilerError as error:
        # Without its secrets no call is possible, so the other checks of the account are skipped.
        return [failed_check(error, account.name, "secrets")]

    detail = _describe_sources(account)
    checks = [Check(account=account.name, check="secrets", status="ok", detail=detail)]
    for check in ACCOUNT_CHECKS:
        checks += check(subject, account, gateway)
    return checks


def _check_connection(
    subject: DoctorSubject, account: AccountSettings, gateway: Gateway
) -> Iterator[Check]:
    needs = list(list_needs(find_account_use(account.name, subject.project.desired)))
    answers = read_first_rows(gateway, needs)
    yield from account_checks(account, gateway.account_sid, answers, subject.answer_times)


def _check_regions(
    subject: DoctorSubject, account: AccountSettings, gateway: Gateway
) -> Iterator[Check]:
    # The accounts are checked in parallel: each knows its part of the limit beforehand.
    declared = {name: each.region for name, each in subject.project.accounts.items()}
    by_account = list_routed(subject.project.desired, declared)
    limit = None
    if subject.max_region_calls is not None:
        wanted = {name: len(keys) for name, keys in by_account.items()}
        limit = share_limit(wanted, subject.max_region_calls).get(account.name, 0)
    return check_regions(gateway, account.region, by_account.get(account.name, set()), limit)


def _check_secrets(subject: DoctorSubject) -> Iterator[Check]:
    """Check the secrets of platforms and of declared resources (passwords), and the fingerprint
    key.
    """
    project = subject.project
    groups: dict[str, Mapping[str, Secret]] = {
        f"platform {platform.name}": platform.secrets for platform in project.platforms.values()
    }

    # Numbers on a platform share secrets of their account or trunk, which are checked there.
    known: set[Secret | None] = set()
    for account in project.accounts.values():
        known |= {account.auth_token, account.api_key, account.api_secret}
    for address, secrets in sorted(project.secrets.items()):
        own = {name: secret for name, secret in secrets.items() if secret not in known}
        known.update(own.values())
        if own:
            groups[f"secrets of {address}"] = own
    if project.fingerprint_key is not None:
        groups["fingerprint_key"] = {"fingerprint_key": project.fingerprint_key}

    for name, secrets in groups.items():
        problems: list[Diagnostic] = []
        for secret in secrets.values():
            problems += _find_problems(secret, subject)

        sources = f"found: {', '.join(map(_describe_source, secrets.values())) or 'none needed'}"
        yield Check(
            account=None,
            check=name,
            status="failed" if problems else "ok",
            detail=" ".join(problem.detail for problem in problems) or sources,
            code=problems[0].code if problems else None,
        )


def _check_platforms(subject: DoctorSubject) -> Iterator[Check]:
    """Check each platform, one after the other, but those with missing secrets, which
    `_check_secrets` reports.
    """
    for name, platform in subject.project.platforms.items():
        if not any(_find_problems(secret, subject) for secret in platform.secrets.values()):
            yield from check_platform(subject.adapters[name])


def _find_problems(secret: Secret, subject: DoctorSubject) -> list[Diagnostic]:
    try:
        reveal(secret, subject.environ, subject.project.base)
    except ReconcilerError as error:
        return list(error.diagnostics)
    return []


def _check_state(subject: DoctorSubject) -> Iterator[Check]:
    """Check that the state can be read and belongs to this project."""
    location = subject.project.state
    try:
        state, missing, _ = load_or_recover(subject.store(), subject.project)
    except ReconcilerError as error:
        yield failed_check(error, None, "state")
        return
    except OSError as error:
        detail = f"{error.filename or location}: {error.strerror or error}"
        yield Check(account=None, check="state", status="failed", detail=detail)
        return

    if missing is not None:
        refusal = missing.refusal
        yield Check(
            account=None,
            check="state",
            status="failed",
            detail=refusal.detail,
            code=refusal.code,
        )
        return

    # The query of a location may hold a password.
    shown = location.partition("?")[0] if "://" in location else Path(location).as_posix()
    content = "nothing there yet"
    if state.serial or state.journal_records:
        content = f"serial {state.serial}, {len(state.resources)} resources"
    yield Check(account=None, check="state", status="ok", detail=f"{shown}: {content}")


def _describe_sources(account: AccountSettings) -> str:
    secrets = [account.api_key, account.api_secret] if account.api_key else [account.auth_token]
    return f"found: {', '.join(_describe_source(secret) for secret in secrets if secret)}"


def _describe_source(secret: Secret) -> str:
    return f"variable {secret.env}" if secret.env else f"file {secret.file}"


ACCOUNT_CHECKS: tuple[AccountCheck, ...] = (_check_connection, _check_regions)
CHECKS: tuple[ProjectCheck, ...] = (_check_secrets, _check_platforms, _check_state)
