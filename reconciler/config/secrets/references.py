"""Convert declared references to `Secret` values, and read the secrets and account credentials when
they are needed; messages never show a value.

The only place that reads environment variables and files for secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.config.advice.findings import find_place
from reconciler.config.codes import diagnostic
from reconciler.config.confinement import explain_outside, locate_secret
from reconciler.config.formats import is_sid, normal_sid
from reconciler.config.project import AccountSettings, Secret
from reconciler.config.sections.checks import is_zone
from reconciler.config.sections.fields import Reference, Section
from reconciler.config.source.nodes import Place
from reconciler.config.source.source_line import mask_secrets
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError
from reconciler.model.credentials import Credentials
from reconciler.model.position import Position


def secret_of(section: Section, field: str, entry: Place) -> Secret | None:
    """Return the reference in this field of a declared entry."""
    reference = getattr(section, field, None)
    return (
        to_secret(reference, find_place(entry, (field,)).at("value"))
        if isinstance(reference, Reference)
        else None
    )


def to_secret(reference: Reference, position: Position) -> Secret:
    """Return a declared reference as a value."""
    return Secret(reference.env or None, reference.file or None, position)


def reveal(secret: Secret, environ: Mapping[str, str], base: Path) -> str:
    """Return the secret that a reference leads to; files are relative to `base`.

    Raises `secret_not_found`, and `secret_outside_project` for a file that no secret may be in.
    """
    value = _from_environment(secret, environ) if secret.env else _from_file(secret, base, environ)
    if not value:
        raise _not_found(secret, f"{_name(secret)} is empty.")
    return value


def reveal_header(secret: Secret, environ: Mapping[str, str], base: Path) -> str:
    """Return a secret that is sent in a header: a key or a token, which is one line without spaces.

    Raises what `reveal` does, and `secret_unusable`: the server would answer only that the
    credentials are wrong.
    """
    value = reveal(secret, environ, base)

    defect = ""
    if "\n" in value or "\r" in value:
        defect = "holds a line break"
    elif value != value.strip():
        defect = "begins or ends with a space"
    elif value[0] == value[-1] and value[0] in "\"'":
        defect = "is in quotes, which are part of the value"

    # The message must not quote the value.
    if defect:
        detail = f"{_name(secret)} {defect}. Set it to the bare key or token."
        raise ReconcilerError(diagnostic("secret_unusable", detail, secret.position))
    return value


def credentials(account: AccountSettings, environ: Mapping[str, str], base: Path) -> Credentials:
    """Return the credentials of an account: its API key, else its or its parent's auth token.

    Raises `ReconcilerError` with every problem: `secret_not_found` at its reference,
    `invalid_twilio_sid`.
    """
    problems: list[ReconcilerError] = []

    def get(secret: Secret | None) -> str:
        try:
            return reveal_header(secret, environ, base) if secret is not None else ""
        except ReconcilerError as error:
            problems.append(error)
            return ""

    sid = account.sid or ""
    key, password = get(account.api_key), get(account.api_secret or account.auth_token)
    if not is_sid(sid, "AC"):
        problems.append(_bad_sid(sid))
    if not all(is_zone(zone) for zone in (account.region, account.edge) if zone is not None):
        # Only TWILIO_REGION or TWILIO_EDGE: values in files have been validated.
        problems.append(_bad_zone())
    if account.position is None and account.base_url is not None:
        # Only TWILIO_BASE_URL: values in files have been validated.
        problems += _check_base_url(account.base_url)
    if problems:
        diagnostics: list[Diagnostic] = []
        for problem in problems:
            diagnostics += problem.diagnostics
        raise ReconcilerError(*diagnostics)

    return Credentials(
        name=account.name,
        sid=normal_sid(sid),
        username=key or account.parent or normal_sid(sid),
        password=password,
        region=account.region,
        edge=account.edge,
        base_url=account.base_url,
    )


def _from_environment(secret: Secret, environ: Mapping[str, str]) -> str:
    value = environ.get(secret.env or "")
    if value is None:
        raise _not_found(
            secret,
            f"{_name(secret)} is not set. Set it in the environment of this command (`export`).",
        )
    return value


def _from_file(secret: Secret, base: Path, environ: Mapping[str, str]) -> str:
    path = secret.file or ""
    try:
        # Checked again: a link may lead elsewhere since the configuration was read.
        located = locate_secret(path, base, environ)
        if located is None:
            raise ReconcilerError(
                diagnostic("secret_outside_project", explain_outside(path), secret.position)
            )
        return Path(located).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise _not_found(secret, f"{_name(secret)} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise _not_found(secret, f"{_name(secret)} is not text in UTF-8.") from error


def _name(secret: Secret) -> str:
    return f"The environment variable {secret.env}" if secret.env else f"The file {secret.file}"


def _not_found(secret: Secret, detail: str) -> ReconcilerError:
    hint = (
        ""
        if secret.position
        else " With no `accounts` declared, the account comes from the TWILIO_* variables."
    )
    return ReconcilerError(diagnostic("secret_not_found", detail + hint, secret.position))


def _bad_sid(sid: str) -> ReconcilerError:
    if not sid:
        missing = Secret("TWILIO_ACCOUNT_SID", None, None)
        return _not_found(missing, f"{_name(missing)} is not set.")
    detail = "TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal digits."
    return ReconcilerError(diagnostic("invalid_twilio_sid", detail, None))


def _check_base_url(url: str) -> list[ReconcilerError]:
    """Return the error of a TWILIO_BASE_URL without a scheme or a host."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname:
        return []
    hint = ""
    if "://" not in url:
        hint = f" Did you mean `http://{url}`?"
    detail = f"TWILIO_BASE_URL is `{mask_secrets(url)}`, which is not an http(s) URL.{hint}"
    return [ReconcilerError(diagnostic("invalid_url", detail, None))]


def _bad_zone() -> ReconcilerError:
    detail = "TWILIO_REGION and TWILIO_EDGE are names of up to 32 small letters, digits and hyphens, like `ie1`."
    return ReconcilerError(diagnostic("invalid_value", detail, None))
