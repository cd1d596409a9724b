"""Variables: values from four sources, inserted into strings only, each problem at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.load.load import load, load_header
from reconciler.config.load.variables import MOST_INSERTED
from reconciler.config.project import Project
from reconciler.config.variable_sources import VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, UsageError

Write = Callable[..., Path]
AGENT = 'agents: {support: {webhooks: {voice: "https://${host}/voice"}}}\n'
NUMBER = 'numbers: {"+15550100101": support}\n'


def load_with(entry: Path, **sources: Any) -> Project:
    """Load a configuration with these sources of values."""
    return load(entry, environ={}, display_root=entry.parent, variables=VariableSources(**sources))


def problems_of(entry: Path, **sources: Any) -> list[tuple[str, int | None, int | None]]:
    """Code, line and column of each error."""
    return [(d.code, d.line, d.column) for d in errors_of(entry, **sources)]


def errors_of(entry: Path, **sources: Any) -> list[Diagnostic]:
    """The errors of a configuration that must be invalid."""
    with pytest.raises(ConfigInvalid) as caught:
        load_with(entry, **sources)
    return [d for d in caught.value.diagnostics if d.severity == "error"]


def host_of(project: Project) -> str:
    """The host of the only number's voice URL."""
    [number] = project.desired
    voice = number.profile.attrs["voice"]
    return str(voice.url).split("/")[2]  # type: ignore[union-attr]


def test_a_later_source_wins(write: Write, tmp_path: Path) -> None:
    entry = write("variables: {host: {default: default.example.com}}\n" + AGENT + NUMBER)
    (tmp_path / "one.yaml").write_text("host: one.example.com\n", encoding="utf-8")
    (tmp_path / "two.yaml").write_text("host: two.example.com\n", encoding="utf-8")
    environ = {"RECONCILER_VAR_host": "environment.example.com"}
    files = (tmp_path / "one.yaml", tmp_path / "two.yaml")

    assert host_of(load_with(entry)) == "default.example.com"
    assert host_of(load_with(entry, environ=environ)) == "environment.example.com"
    assert host_of(load_with(entry, environ=environ, files=files[:1])) == "one.example.com"
    assert host_of(load_with(entry, environ=environ, files=files)) == "two.example.com"
    given = {"host": "given.example.com"}
    project = load_with(entry, environ=environ, files=files, given=given)
    assert host_of(project) == "given.example.com"


def test_an_empty_default_is_a_value(write: Write) -> None:
    entry = write(
        'variables: {sub: {default: ""}}\n'
        + AGENT.replace("${host}", "${sub}a.example.com")
        + NUMBER
    )
    assert host_of(load_with(entry)) == "a.example.com"


def test_values_reach_strings_of_every_section_and_file(write: Write) -> None:
    entry = write(
        """
        variables: {env: {}, sid: {}}
        include: more.yaml
        accounts: {second: {sid: "${sid}", auth_token: {env: TOKEN}}}
        agents: {}
        trunks: {edge: {domain: "acme-${env}.pstn.twilio.com", account: second}}
        """,
        head="version: 1\nproject: acme-${env}\nstate: ./state/${env}/state.json\n",
        more_yaml="""
        numbers:
          "+15550100101": {trunk: edge, friendly_name: "Line of ${env}", account: second, labels: {env: "${env}"}}
        """,
    )
    project = load_with(entry, given={"env": "eu", "sid": "AC" + "a" * 32})
    number = next(item for item in project.desired if item.kind == "number")
    trunk = next(item for item in project.desired if item.kind == "trunk")
    assert (project.name, project.state) == ("acme-eu", "./state/eu/state.json")
    assert project.accounts["second"].sid == "AC" + "a" * 32
    assert number.profile.attrs["friendly_name"] == "Line of eu"
    assert number.profile.options.labels == (("env", "eu"),)
    assert trunk.profile.attrs["domain_name"] == "acme-eu.pstn.twilio.com"


def test_a_value_never_becomes_structure_and_is_not_replaced_again(write: Write) -> None:
    entry = write(
        "variables: {name: {}, other: {default: x}}\n"
        'numbers: {"+15550100101": {agent: a, friendly_name: "${name}"}}\n'
        'agents: {a: {webhooks: {voice: "https://a.example.com/v"}}}\n'
    )
    for value in ('", agent: b, x: "', "a\nb: c", "${other}", "$${", "[1, 2]", "${"):
        project = load_with(entry, given={"name": value})
        [number] = project.desired
        assert number.profile.attrs["friendly_name"] == value


def test_a_doubled_dollar_is_the_text_itself_also_through_an_alias(write: Write) -> None:
    entry = write(
        "variables: {host: {default: h}}\n"
        'agents: {a: {webhooks: &hooks {voice: "https://a.example.com/$${host}"}}, b: {webhooks: *hooks}}\n'
        'numbers: {"+15550100101": a, "+15550100102": b}\n'
    )
    urls = {str(item.profile.attrs["voice"].url) for item in load_with(entry).desired}  # type: ignore[union-attr]
    assert urls == {"https://a.example.com/${host}"}


def test_secrets_policies_and_keys_are_taken_as_they_are(write: Write) -> None:
    account = "{sid: ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, auth_token: {file: 'key-${x}'}}"
    entry = write(
        "variables: {x: {default: other}}\n"
        "policies: {p: {kinds: [number], message: 'Use ${x}.', schema: {type: object}}}\n"
        f"accounts: {{second: {account}}}\n",
        head="version: 1\nproject: acme\n",
    )
    project = load_with(entry)
    token = project.accounts["second"].auth_token
    assert token is not None
    assert token.file == "key-${x}"
    assert project.policies[0].message == "Use ${x}."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("${hots}", "variable_not_declared"),
        ("${}", "variable_not_declared"),
        ("${host", "variable_unclosed"),
        ("${host ${host}", "variable_unclosed"),
        ("${host:-x}", "variable_not_declared"),
    ],
)
def test_a_reference_to_nothing_is_one_error_at_its_place(
    write: Write, text: str, code: str
) -> None:
    """Not also an invalid URL or SID: what the text will be is not known."""
    url = write(
        f'variables: {{host: {{default: h}}}}\nagents:\n  a: {{webhooks: {{voice: "{text}"}}}}\n'
    )
    assert problems_of(url) == [(code, 7, 25)]
    sid = write(
        "variables: {host: {default: h}}\naccounts:\n"
        f'  second: {{sid: "{text}", auth_token: {{env: T}}}}\n',
        head="version: 1\nproject: p\n",
    )
    assert problems_of(sid) == [(code, 5, 17)]


def test_a_variable_without_a_value_is_reported_once_where_it_is_declared(write: Write) -> None:
    entry = write(
        "variables:\n  host: {}\n"
        + AGENT
        + AGENT.replace("support", "sales")
        .replace("agents", "applications")
        .replace("{webhooks: {voice", "{voice")
        .replace("}}}", "}}")
        + NUMBER
    )
    [error] = errors_of(entry)
    assert (error.code, error.line, error.column) == ("variable_not_set", 6, 3)
    for way in ("default", "--var host=", "--var-file", "RECONCILER_VAR_host"):
        assert way in error.detail


def test_two_braces_in_a_url_lead_to_variables(write: Write) -> None:
    [error] = errors_of(write(AGENT.replace("${host}", "{{host}}")))
    assert error.code == "invalid_url"
    assert "`variables`" in error.detail


def test_variables_of_an_included_file_are_an_error(write: Write) -> None:
    entry = write(
        "include: more.yaml\n" + AGENT, more_yaml="variables: {host: {default: a.example.com}}\n"
    )
    found = {d.code: d.file for d in errors_of(entry)}
    assert found == {
        "variables_in_include": "more.yaml",
        "variable_not_declared": "reconciler.yaml",
    }


@pytest.mark.parametrize("value", ["../up", "a.b", "", "a" * 65, "a b", "a/b", "ä"])
def test_name_and_state_take_only_safe_values(write: Write, value: str) -> None:
    head = "version: 1\nproject: acme-${env}\nstate: s3://bucket/${env}/state.json\n"
    entry = write("variables: {env: {}}\n", head=head)
    found = problems_of(entry, given={"env": value})
    assert found == [("variable_not_allowed", 2, 10), ("variable_not_allowed", 3, 8)]


@pytest.mark.parametrize(
    "state",
    [
        "s3://${env}/state.json",
        "s3://bucket-${env}/state.json",
        "${env}://bucket/state.json",
        "s3://bucket/state.json?region=${env}",
        "postgresql://${env}.example.com/db",
        "s3://${env}",
    ],
)
def test_no_variable_decides_where_the_state_goes(write: Write, state: str) -> None:
    entry = write("variables: {env: {}}\n", head=f"version: 1\nproject: acme\nstate: {state}\n")
    assert problems_of(entry, given={"env": "eu"}) == [("variable_not_allowed", 3, 8)]


@pytest.mark.parametrize(
    "content", ["- a\n", "host: [\n", "host: 5\n", "host: {a: b}\n", "host: a\nhost: b\n"]
)
def test_a_file_of_values_is_a_mapping_of_texts(write: Write, tmp_path: Path, content: str) -> None:
    entry = write("variables: {host: {default: a.example.com}}\n" + AGENT)
    (tmp_path / "values.yaml").write_text(content, encoding="utf-8")
    assert {d.file for d in errors_of(entry, files=(tmp_path / "values.yaml",))} == {"values.yaml"}


def test_a_missing_file_of_values_is_an_error(write: Write, tmp_path: Path) -> None:
    entry = write("variables: {host: {default: a.example.com}}\n" + AGENT)
    [error] = errors_of(entry, files=(tmp_path / "none.yaml",))
    assert error.code == "unreadable_file"


def test_undeclared_values_of_a_file_warn_and_of_the_environment_do_not(
    write: Write, tmp_path: Path
) -> None:
    entry = write("variables: {host: {default: a.example.com}}\n" + AGENT)
    (tmp_path / "values.yaml").write_text("hots: b.example.com\n", encoding="utf-8")
    project = load_with(
        entry, files=(tmp_path / "values.yaml",), environ={"RECONCILER_VAR_unknown": "x"}
    )
    found = [(d.code, d.file) for d in project.warnings]
    assert ("variable_not_declared", "values.yaml") in found


def test_an_undeclared_name_on_the_command_line_is_wrong_usage(write: Write) -> None:
    entry = write("variables: {host: {default: a.example.com}}\n" + AGENT)
    with pytest.raises(UsageError) as caught:
        load_with(entry, given={"hots": "x"})
    assert "Do you mean `host`?" in caught.value.diagnostics[0].detail
    load_with(entry, given={"hots": "x"}, strict=False)


def test_the_digest_is_that_of_the_values(write: Write) -> None:
    entry = write("variables: {host: {default: a.example.com}}\n" + AGENT)
    first = load_with(entry).digest
    assert load_with(entry, given={"host": "b.example.com"}).digest != first
    described = write("variables: {host: {default: b.example.com, description: Host}}\n" + AGENT)
    assert load_with(described, given={"host": "a.example.com"}).digest == first
    assert load_with(write(AGENT.replace("${host}", "a.example.com"))).digest == first


def test_a_header_needs_only_its_own_variables(write: Write) -> None:
    head = "version: 1\nproject: acme-${env}\n"
    entry = write("variables: {env: {}, host: {}}\n" + AGENT, head=head)
    project = load_header(entry, environ={}, variables=VariableSources(given={"env": "eu"}))
    assert project.name == "acme-eu"
    with pytest.raises(ConfigInvalid):
        load_header(entry, environ={}, variables=VariableSources(given={"host": "x"}))


def test_values_that_would_fill_the_memory_are_refused(write: Write) -> None:
    value = "x" * (MOST_INSERTED // 64)
    names = "".join(f'  "+1555010{n:04d}": {{friendly_name: "${{a}}${{a}}"}}\n' for n in range(100))
    entry = write("variables: {a: {}}\nnumbers:\n" + names)
    codes = [code for code, _, _ in problems_of(entry, given={"a": value})]
    assert codes.count("variable_limit") == 1


@pytest.mark.parametrize("first", ["auth_token", "labels"])
def test_no_alias_lets_a_variable_choose_a_secret(write: Write, first: str) -> None:
    token = "{sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: REFERENCE}"
    number = '{"+15550100101": {labels: REFERENCE}}'
    anchored = '&x {env: "${which}"}'
    accounts, numbers = (anchored, "*x") if first == "auth_token" else ("*x", anchored)
    parts = [
        f"accounts: {{main: {token.replace('REFERENCE', accounts)}}}\n",
        f"numbers: {number.replace('REFERENCE', numbers)}\n",
    ]
    if first == "labels":
        parts.reverse()
    entry = write("variables: {which: {}}\n" + "".join(parts), head="version: 1\nproject: acme\n")
    assert "invalid_name" in [code for code, _, _ in problems_of(entry, given={"which": "HOME"})]


@pytest.mark.parametrize("key", ["fingerprint_key", "encryption_key"])
def test_no_variable_chooses_a_key_of_the_header(write: Write, key: str) -> None:
    entry = write(
        f'variables: {{which: {{}}}}\n{key}: {{env: "${{which}}"}}\n',
        head="version: 1\nproject: acme\n",
    )
    assert "invalid_name" in [code for code, _, _ in problems_of(entry, given={"which": "HOME"})]


def test_a_value_that_is_no_text_is_an_error(write: Write) -> None:
    entry = write("variables: {host: {}}\n" + AGENT)
    [error] = errors_of(entry, given={"host": "a\udcff"})
    assert "UTF-8" in error.detail
