"""Map the codes of configuration problems to constant summaries, list which are warnings, and build
the diagnostic of a code.

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
    "tab_indentation": "Tab used for indentation",
    "unicode_space": "Unicode space that YAML reads as text",
    "multiple_documents": "More than one YAML document in a file",
    "duplicate_key": "The same key is declared twice",
    "unquoted_number": "Number without quotes",
    "ambiguous_scalar": "Ambiguous plain value",
    "merge_key": "Merge keys are not supported",
    "complex_key": "A key must be plain text",
    "custom_tag": "Tags are not supported",
    "unknown_alias": "Alias without an anchor",
    "alias_explosion": "Aliases expand to too many values",
    "too_deep": "Nested too deeply",
    # several files
    "include_not_found": "An included file does not exist",
    "include_no_match": "Include pattern matches no file",
    "policy_unusable": "A policy cannot be evaluated",
    "include_limit": "Too many included files",
    "include_not_yaml": "An included file is neither YAML nor JSON",
    "include_not_csv": "A file of numbers is not CSV",
    "include_cycle": "Files include each other",
    "include_outside_project": "An included file is outside the project",
    # files of numbers
    "csv_syntax": "This is not valid CSV",
    "csv_limit": "The CSV file is too large",
    # variables
    "variable_not_set": "The variable has no value",
    "variable_not_declared": "The variable is not declared",
    "variable_unclosed": "Variable without its closing brace",
    "variable_not_allowed": "Variable or value not allowed here",
    "variable_limit": "The values of variables are too long",
    "variables_in_include": "Variables declared outside the entry file",
    # fields
    "unknown_key": "Unknown key",
    "missing_field": "A required field is missing or empty",
    "wrong_type": "Wrong type of value",
    "invalid_value": "Value not allowed",
    "invalid_name": "Name not allowed",
    "invalid_phone_format": "Not a phone number in E.164 format",
    "invalid_twilio_sid": "Not a Twilio account SID",
    "invalid_number_sid": "Not a Twilio phone number SID",
    "invalid_provider": "Unknown provider",
    "invalid_url": "Not a usable URL",
    "unsupported_version": "Unknown version of the configuration",
    "invalid_pin": "A PIN of the wrong length",
    "short_secret": "A secret is too short",
    "secret_unusable": "Malformed key or token",
    "weak_sip_password": "SIP password violates Twilio's rules",
    "unsupported_feature": "Not supported by this version",
    "conflicting_fields": "Conflicting fields",
    "literal_secret": "Secret written into the file",
    "reference_not_allowed": "Secret reference not allowed here",
    # across sections
    "agent_not_found": "The agent is not declared",
    "agent_not_owned": "The agent belongs to another project",
    "trunk_not_found": "The trunk is not declared",
    "credential_not_found": "The user of the trunk is not declared",
    "application_not_found": "The application is not declared",
    "messaging_service_not_found": "The messaging service is not declared",
    "platform_not_found": "The platform is not declared",
    "platform_cannot_import": "Import not supported by the platform",
    "no_twilio_integration": "The Twilio account is not declared",
    "ambiguous_integration": "Ambiguous Twilio account",
    "subaccount_credentials": "The subaccount needs its own credentials",
    "no_subaccounts": "The account has no active subaccount",
    "account_mismatch": "Resources of different Twilio accounts",
    "number_already_imported": "The number is declared twice",
    "invalid_move": "Invalid move",
    "sid_number_mismatch": "SID and number do not belong together",
    # where secrets may come from and go to
    "host_not_allowed": "Host not allowed for secrets",
    "secret_outside_project": "Secret file outside the project",
    # warnings
    "subaccounts_left_out": "Subaccounts without a stack",
    "tunnel_url": "The URL is a temporary tunnel",
    "loopback_url": "Twilio cannot reach this URL",
    "demo_url": "The URL is Twilio's demo page",
    "insecure_url": "The URL is not encrypted",
    "credentials_in_url": "The URL contains credentials",
    "unusable_number": "The number has no use",
    "messages_dropped": "The messaging service drops messages",
    # secrets, looked up when they are needed
    "secret_not_found": "Secret not found",
}

WARNINGS = frozenset(
    {
        "include_no_match",
        "subaccounts_left_out",
        "tunnel_url",
        "loopback_url",
        "demo_url",
        "insecure_url",
        "credentials_in_url",
        "unusable_number",
        "messages_dropped",
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
