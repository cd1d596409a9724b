"""Search numbers for sale, and add chosen ones to a configuration file.

Buys nothing: `apply` buys numbers, with consent.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from reconciler.config.load import write_files
from reconciler.config.load.append import append_numbers
from reconciler.config.project import Project
from reconciler.config.source.write import Entry, Flow
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, UsageError
from reconciler.kinds.purchase import NumberForSale
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.remote.facts.for_sale import search_numbers
from reconciler.state.stores.companions import is_state_file, local_path
from reconciler.workflows.session import RunOptions, open_gateways
from reconciler.workflows.validate import validate_or_load_account

_SUFFIXES = (".yaml", ".yml")
_NORTH_AMERICA = ("US", "CA")


class NumberRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers to list, and of those to write: how many, or which, and what they declare."""

    country: str
    type: str = "local"
    area_code: str | None = None
    contains: str | None = None
    account: str | None = None
    write: Path | None = None
    numbers: tuple[str, ...] = ()
    count: int = 1
    agent: str | None = None
    bundle: str | None = None
    address: str | None = None


class NumbersFound(msgspec.Struct, frozen=True):
    """The numbers for sale; `declared` and `written` are E.164 numbers among them."""

    numbers: tuple[NumberForSale, ...]
    declared: frozenset[str]
    written: frozenset[str]


def search(options: RunOptions, request: NumberRequest) -> NumbersFound:
    """List numbers for sale, and add the chosen ones to a file.

    Raises UsageError, ConfigInvalid, RemoteError, and ReconcilerError when nothing can be added.
    """
    project = validate_or_load_account(options)
    account = _account(project, request.account)
    query = _query(request)
    _check_agent(project, request.agent)
    target = options.directory / request.write if request.write is not None else None
    if target is not None:
        _check_target(target, project)

    with open_gateways(options, project) as gateways:
        numbers = tuple(search_numbers(gateways[account], request.country, request.type, query))
    listed = {number.phone_number for number in numbers}
    declared = frozenset(
        each.key for each in project.desired if each.kind in NUMBER_KINDS and each.key in listed
    )
    if target is None:
        return NumbersFound(numbers, declared, frozenset())

    chosen = _choose(numbers, declared, request)
    entries = [_entry(number, account, project, request) for number in chosen]
    _append(target, os.path.relpath(target, options.directory), entries)
    return NumbersFound(numbers, declared, frozenset(number.phone_number for number in chosen))


def _account(project: Project, named: str | None) -> str:
    """Return the account to search with: the named one, the default, or the only one. Raises
    UsageError.
    """
    known = ", ".join(sorted(project.accounts))
    if named is not None:
        if named in project.accounts:
            return named
        raise _usage(
            "no_twilio_integration", "Unknown account", f"No account `{named}`; there are: {known}."
        )

    if project.default_account is not None:
        return project.default_account
    if len(project.accounts) == 1:
        return next(iter(project.accounts))
    detail = f"The configuration has several accounts ({known}), and none is the default. Name one with --account."
    raise _usage("ambiguous_integration", "Ambiguous Twilio account", detail)


def _query(request: NumberRequest) -> dict[str, str]:
    """Return the parameters of the search. Raises UsageError."""
    if request.area_code is not None and request.country not in _NORTH_AMERICA:
        detail = (
            f"Twilio has area codes only for the US and Canada, not for {request.country}. Search for the beginning "
            "of the number instead:\n  --contains '+4420'"
        )
        raise _usage("invalid_value", "Area code outside the US and Canada", detail)
    query = {"AreaCode": request.area_code, "Contains": request.contains}
    return {name: value for name, value in query.items() if value is not None}


def _check_agent(project: Project, agent: str | None) -> None:
    if agent is not None and project.files and agent not in project.agents:
        known = ", ".join(sorted(project.agents)) or "none"
        raise _usage(
            "agent_not_found",
            "Agent not declared",
            f"`agents` declares no `{agent}`; there are: {known}.",
        )


def _check_target(target: Path, project: Project) -> None:
    """Raise UsageError for a file that is not named like a configuration, or that is the state."""
    if target.suffix not in _SUFFIXES:
        detail = f"{target.name} does not end in .yaml or .yml. Numbers are added only to a configuration file."
        raise _usage("not_a_configuration", "Not a configuration file", detail)

    state = local_path(project.state, project.base)
    if state is not None and is_state_file(target, state):
        detail = (
            f"{target.name} is the state or a file that belongs to it. Name a configuration file."
        )
        raise _usage("not_a_configuration", "Not a configuration file", detail)


def _choose(
    numbers: Sequence[NumberForSale], declared: Collection[str], request: NumberRequest
) -> list[NumberForSale]:
    """Return the numbers to write: the named ones, else the first ones that are not declared yet."""
    by_number = {number.phone_number: number for number in numbers}
    missing = [number for number in request.numbers if number not in by_number]
    if missing:
        detail = f"{missing[0]} is not among the numbers for sale that match. Search again without --number."
        raise ReconcilerError(_problem("number_not_for_sale", "Number not found for sale", detail))

    twice = [number for number in request.numbers if number in declared]
    if twice:
        detail = f"{twice[0]} is already declared. Remove its --number."
        raise ReconcilerError(
            _problem("number_already_imported", "Number already declared", detail)
        )

    if request.numbers:
        return [by_number[number] for number in dict.fromkeys(request.numbers)]

    free = [number for number in numbers if number.phone_number not in declared]
    if not free:
        detail = "Every matching number for sale is already declared, or none matches. Nothing was written. Use a wider search."
        raise ReconcilerError(_problem("number_not_for_sale", "Number not found for sale", detail))
    return free[: request.count]


def _entry(number: NumberForSale, account: str, project: Project, request: NumberRequest) -> Entry:
    """Return the declaration of one number; its present price becomes `max_price`."""
    purchase: dict[str, Flow] = {"country": number.country, "type": number.type}
    if number.price is not None and number.price.currency == "USD":
        purchase["max_price"] = number.price.amount
    elif number.price is not None:
        purchase["max_price"] = {"amount": number.price.amount, "currency": number.price.currency}
    given = {"bundle": request.bundle, "address": request.address}
    purchase |= {name: sid for name, sid in given.items() if sid is not None}

    fields: dict[str, Flow] = {}
    if account != project.default_account:
        fields["account"] = account
    if request.agent is not None:
        fields["agent"] = request.agent
    return Entry(
        number.phone_number, {**fields, "purchase": purchase}, _todo_comment(number, request)
    )


def _todo_comment(number: NumberForSale, request: NumberRequest) -> str:
    """Return what has to be added by hand, as a comment behind the entry."""
    if number.bundle_required and request.bundle is None:
        return "needs purchase.bundle"
    needs_address = number.address_requirements not in (None, "none")
    if needs_address and request.address is None and request.bundle is None:
        return "needs purchase.address or purchase.bundle"
    return ""


def _append(target: Path, label: str, entries: Sequence[Entry]) -> None:
    try:
        data = target.read_bytes()
    except FileNotFoundError:
        data = None

    text = append_numbers(data, label, entries)
    if data is None:
        write_files.create_file(target, text)
    else:
        write_files.replace_file(target, text)


def _usage(code: str, summary: str, detail: str) -> UsageError:
    return UsageError(_problem(code, summary, detail))


def _problem(code: str, summary: str, detail: str) -> Diagnostic:
    return Diagnostic(code=code, summary=summary, detail=detail)
