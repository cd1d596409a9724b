"""The codes of configuration problems with their constant summaries, and which are warnings.

Codes that also exist elsewhere (platforms, Twilio) have the same name everywhere.
"""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

SUMMARIES: dict[str, str] = {
    # the file as such
    "unreadable_file": "The file cannot be read",
    "not_utf8": "The file is not UTF-8",
    "empty_file": "The file is empty",
    "yaml_syntax": "This is not valid YAML",
    "tab_indentation": "A tab where YAML wants spaces",
    "unicode_space": "A space that is text to YAML",
    "multiple_documents": "More than one YAML document in a file",
    "duplicate_key": "The same key is declared twice",
    "unquoted_number": "A number where text is needed",
    "ambiguous_scalar": "A value that YAML programs read differently",
    "merge_key": "Merge keys are not supported",
    "complex_key": "A key must be plain text",
    "custom_tag": "Tags are not supported",
    "unknown_alias": "An alias without its anchor",
    "alias_explosion": "Aliases expand to too much",
    "too_deep": "Nested too deeply",
    # several files
    "include_not_found": "An included file does not exist",
    "include_no_match": "An include pattern matches no file",
    "policy_unusable": "A policy cannot be evaluated",
    "include_limit": "Too many included files",
    "include_not_yaml": "An included file is neither YAML nor JSON",
    "include_cycle": "Files include each other",
    "include_outside_project": "An included file is outside the project",
    # fields
    "unknown_key": "Unknown key",
    "missing_field": "A required field is missing or empty",
    "wrong_type": "A value of the wrong type",
    "invalid_value": "A value that is not allowed",
    "invalid_name": "A name that is not allowed",
    "invalid_phone_format": "Not a phone number in E.164 format",
    "invalid_twilio_sid": "Not a Twilio account SID",
    "invalid_number_sid": "Not a Twilio phone number SID",
    "invalid_provider": "Unknown provider",
    "invalid_url": "Not a usable URL",
    "unsupported_version": "Unknown version of the configuration",
    "invalid_pin": "A PIN of the wrong length",
    "short_secret": "A secret is too short",
    "secret_unusable": "A key or token that cannot be sent",
    "weak_sip_password": "SIP password against Twilio's rules",
    "unsupported_feature": "Not supported by this version",
    "conflicting_fields": "Fields that exclude each other",
    "literal_secret": "A secret is written into the file",
    "reference_not_allowed": "A secret reference where a plain value is needed",
    # across sections
    "agent_not_found": "The agent is not declared",
    "agent_not_owned": "The agent belongs to another project",
    "trunk_not_found": "The trunk is not declared",
    "application_not_found": "The application is not declared",
    "platform_not_found": "The platform is not declared",
    "platform_cannot_import": "The platform has no way to take this",
    "no_twilio_integration": "The Twilio account is not declared",
    "ambiguous_integration": "Ambiguous Twilio account",
    "subaccount_credentials": "A subaccount's own credentials are needed",
    "account_mismatch": "Two resources of different Twilio accounts",
    "number_already_imported": "The number is declared twice",
    "invalid_move": "This cannot be the same resource under a new name",
    "sid_number_mismatch": "Two identities that contradict each other",
    # where secrets may come from and go to
    "host_not_allowed": "Host not allowed for secrets",
    "secret_outside_project": "Secret file outside the project",
    # warnings
    "tunnel_url": "The URL is a temporary tunnel",
    "loopback_url": "Twilio cannot reach this URL",
    "demo_url": "The URL is Twilio's demo",
    "insecure_url": "The URL is not encrypted",
    "credentials_in_url": "The URL holds credentials",
    "unusable_number": "The number is used for nothing",
    # secrets, looked up when they are needed
    "secret_not_found": "A secret cannot be found",
}

WARNINGS = frozenset(
    {
        "include_no_match",
        "tunnel_url",
        "loopback_url",
        "demo_url",
        "insecure_url",
        "credentials_in_url",
        "unusable_number",
    }
)


def diagnostic(
    code: str, detail: str, position: Position | None, address: str | None = None
) -> Diagnostic:
    """Return a diagnostic of this code at this position; the code decides severity and summary."""
    file, line, column = position if position is not None else (None, None, None)
    return Diagnostic(
        severity="warning" if code in WARNINGS else "error",
        code=code,
        summary=SUMMARIES[code],
        detail=detail,
        address=address,
        file=file,
        line=line,
        column=column,
    )
