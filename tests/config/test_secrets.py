"""Secrets are found when they are needed, and shown never."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.config.load.load import load
from reconciler.config.project import AccountSettings, Secret
from reconciler.config.secrets.fingerprints import seal
from reconciler.config.secrets.references import credentials, reveal
from reconciler.config.source.source_line import (
    mask_secrets,
    read_line_with_mark,
    read_source_line,
    show_difference,
)
from reconciler.errors import ConfigInvalid, Exit, ReconcilerError
from reconciler.model.position import Position

from .conftest import HEAD, Load

SID = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
PLANTED = "hunter2-0123456789abcdef"


def account(loaded: Load, fields: str) -> AccountSettings:
    text = f"{HEAD}accounts:\n  main: {{sid: {SID.replace('a', 'A')}, {fields}}}\n"
    return loaded("", head=text).accounts["main"]


def failure(settings: AccountSettings, environ: dict[str, str], base: Path) -> ReconcilerError:
    with pytest.raises(ReconcilerError) as caught:
        credentials(settings, environ, base)
    return caught.value


def test_an_auth_token_goes_with_the_account_sid(loaded: Load, tmp_path: Path) -> None:
    found = credentials(account(loaded, "auth_token: {env: TOKEN}"), {"TOKEN": PLANTED}, tmp_path)
    assert (found.name, found.sid, found.username, found.password) == ("main", SID, SID, PLANTED)
    assert PLANTED not in repr(found)


def test_resources_with_one_reference_share_a_fingerprint(loaded: Load, tmp_path: Path) -> None:
    """A trunk may have 10,000 numbers: a fingerprint of its own for each would take minutes."""
    text = """
platforms: {ret: {type: retell, api_key: {env: KEY}, credential: pbx/agents}}
agents: {desk: {platform: ret, id: agent_1}}
trunks:
  edge:
    domain: acme-edge.pstn.twilio.com
    credential_lists: [{name: pbx, credentials: [{username: agents, password: {env: PASSWORD}}]}]
numbers:
  "+15550100101": {agent: desk, trunk: edge}
  "+15550100102": {agent: desk, trunk: edge}
"""
    project = loaded(text)
    environ = {"PASSWORD": "Planted-Password-1"}
    sealed = seal(project, project.desired, [], environ)
    values = [each.profile.attrs.get("password") for each in sealed.desired]
    found = {value for value in values if value is not None}
    assert len([value for value in values if value is not None]) == 3
    assert len(found) == 1
    assert list(sealed.secrets.values()) == ["Planted-Password-1"]


def test_an_api_key_goes_before_an_auth_token(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PLANTED + "\n")
    fields = "api_key: {env: KEY}, api_secret: {file: secret}, auth_token: {env: UNSET}, region: ie1, edge: dublin"
    found = credentials(account(loaded, fields), {"KEY": "SK1"}, tmp_path)
    assert (found.username, found.password, found.region, found.edge) == (
        "SK1",
        PLANTED,
        "ie1",
        "dublin",
    )


def test_a_parents_token_goes_with_the_parents_sid(loaded: Load, tmp_path: Path) -> None:
    parent = "AC" + "C" * 32
    found = credentials(
        account(loaded, f"parent: {parent}, auth_token: {{env: TOKEN}}"), {"TOKEN": "t"}, tmp_path
    )
    assert (found.sid, found.username) == (SID, "AC" + "c" * 32)


@pytest.mark.parametrize(
    ("field", "environ", "words"),
    [
        ("{env: TOKEN}", {}, "TOKEN is not set"),
        ("{env: TOKEN}", {"TOKEN": ""}, "TOKEN is empty"),
        ("{file: nowhere}", {}, "nowhere cannot be read"),
        ("{file: empty}", {}, "empty is empty"),
        ("{file: binary}", {}, "binary is not text"),
        ('{file: "a\\0b"}', {}, "is not text"),
    ],
)
def test_reports_a_missing_secret_at_its_reference(
    loaded: Load, tmp_path: Path, field: str, environ: dict[str, str], words: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    error = failure(account(loaded, f"auth_token: {field}"), environ, tmp_path)
    (diagnostic,) = error.diagnostics
    assert (diagnostic.code, diagnostic.file, diagnostic.line, diagnostic.column) == (
        "secret_not_found",
        "reconciler.yaml",
        4,
        63,
    )
    assert words in diagnostic.detail
    assert error.exit is Exit.FAILED


def test_reports_all_missing_secrets_at_once(loaded: Load, tmp_path: Path) -> None:
    error = failure(account(loaded, "api_key: {env: KEY}, api_secret: {env: SECRET}"), {}, tmp_path)
    assert [d.column for d in error.diagnostics] == [60, 84]


@pytest.mark.parametrize(
    ("environ", "username", "password"),
    [
        ({"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "t"}, SID, "t"),
        (
            {"TWILIO_ACCOUNT_SID": SID, "TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s"},
            "SK1",
            "s",
        ),
        (
            {
                "TWILIO_ACCOUNT_SID": SID,
                "TWILIO_API_KEY": "SK1",
                "TWILIO_API_SECRET": "s",
                "TWILIO_AUTH_TOKEN": "t",
            },
            "SK1",
            "s",
        ),
        ({"TWILIO_ACCOUNT_SID": SID, "TWILIO_API_KEY": "SK1", "TWILIO_AUTH_TOKEN": "t"}, SID, "t"),
    ],
)
def test_the_environment_gives_the_default_account(
    loaded: Load, tmp_path: Path, environ: dict[str, str], username: str, password: str
) -> None:
    settings = loaded("", head=HEAD, environ=environ).accounts["default"]
    found = credentials(settings, environ, tmp_path)
    assert (found.username, found.password) == (username, password)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, ["TWILIO_AUTH_TOKEN is not set", "TWILIO_ACCOUNT_SID is not set"]),
        ({"TWILIO_ACCOUNT_SID": SID, "TWILIO_API_KEY": "SK1"}, ["TWILIO_API_SECRET is not set"]),
        (
            {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t"},
            ["TWILIO_ACCOUNT_SID must be AC"],
        ),
    ],
)
def test_names_missing_environment_variables(
    loaded: Load, tmp_path: Path, environ: dict[str, str], words: list[str]
) -> None:
    settings = loaded("", head=HEAD, environ=environ).accounts["default"]
    error = failure(settings, environ, tmp_path)
    assert len(error.diagnostics) == len(words)
    for diagnostic, part in zip(error.diagnostics, words, strict=True):
        assert part in diagnostic.detail
        assert diagnostic.file is None


def test_any_reference_can_be_followed(tmp_path: Path) -> None:
    assert reveal(Secret("KEY", None, None), {"KEY": PLANTED}, tmp_path) == PLANTED
    with pytest.raises(ReconcilerError, match="secret_not_found"):
        reveal(Secret("KEY", None, Position("a.yaml", 1, 1)), {}, tmp_path)


PLACES = """\
version: 1
project: acme-voice
state: postgresql://reconciler:{0}@db.example.com/state
fingerprint_key: {0}
accounts:
  main: {{sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, api_key: {0}, api_secret: [{0}]}}
  other:
    sid: ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    authToken: "{0}"
    twilio_token:
      {0}
platforms:
  nix: {{type: nixflex, api_key: {0}}}
  lk: {{type: livekit, base_url: "https://u:{0}@lk.example.com", api_key: {0}, api_secret: {{literal: {0}}}}}
agents:
  support: {{webhooks: {{voice: "https://u:{0}@agents.example.com/", sms: "http://{0}@x.ngrok.io/ x"}}}}
trunks:
  edge:
    credential_lists: [{{name: pbx, credentials: [{{username: pbx, password: {0}}}]}}]
numbers:
  "+15550100100": {{provider: sip, platform: lk, sip: {{server_address: sip.example.com, password: {0}, pin: {0}}}}}
"""


@pytest.mark.parametrize(
    "planted", [PLANTED, "0123456789", "12345678901", "1.234567890123", "!hunter22", "12:34:56"]
)
def test_a_planted_secret_is_in_no_diagnostic_and_no_source_line(
    write: Callable[..., Path], tmp_path: Path, planted: str
) -> None:
    entry = write(PLACES.format(planted), head="")
    with pytest.raises(ConfigInvalid) as caught:
        load(entry, environ={}, display_root=tmp_path)
    assert planted not in str(caught.value)
    found = caught.value.diagnostics
    assert sum(d.code == "literal_secret" for d in found) >= (10 if planted[0] != "!" else 2)
    for diagnostic in found:
        assert planted not in repr(diagnostic)
        line = read_source_line(diagnostic.file or "", diagnostic.line or 0, tmp_path)
        assert line is not None
        assert planted not in line


@pytest.mark.parametrize("between", [" ", "=", "=:", ":", "\ufeff: ", "\uff1a"])
def test_hides_a_secret_next_to_a_missing_or_wrong_colon(
    write: Callable[..., Path], tmp_path: Path, between: str
) -> None:
    account = f"{{sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token{between}{PLANTED}}}"
    entry = write(f"version: 1\nproject: acme\naccounts:\n  main: {account}\n", head="")
    with pytest.raises(ConfigInvalid) as caught:
        load(entry, environ={}, display_root=tmp_path)
    for found in caught.value.diagnostics:
        assert PLANTED not in repr(found)
        assert PLANTED not in (read_source_line(found.file or "", found.line or 0, tmp_path) or "")


@pytest.mark.parametrize(
    ("line", "before", "shown"),
    [
        ("    agent: support", "", "    agent: support"),
        ("    auth_token: abc", "", "    auth_token: ***"),
        ("    authToken: 'a: b' # c", "", "    authToken: ***"),
        ('  "password":  x', "", '  "password": ***'),
        ("    auth_token:abc", "", "    auth_token: ***"),
        ("  m: {api_key:abc, x: y}", "", "  m: {api_key: ***"),
        ("    auth_token abc", "", "    auth_token ***"),
        ("  m: {sid: x, api_key abc, x: y}", "", "  m: {sid: x, api_key ***"),
        ("    auth_token=abc", "", "    auth_token= ***"),
        ("    auth_token = abc", "", "    auth_token = ***"),
        ("    auth_token\uff1aabc", "", "    auth_token\uff1a ***"),
        ("    auth_token\ufeff: abc", "", "    auth_token\ufeff: ***"),
        ("    pasword: abc", "", "    pasword: ***"),
        ("    passwrd: abc", "", "    passwrd: ***"),
        ("    friendly_name: the pin of all", "", "    friendly_name: the pin of all"),
        ("    auth_token: {env: TOKEN}", "", "    auth_token: {env: TOKEN}"),
        ("    auth_token: {file: a/b} # why", "", "    auth_token: {file: a/b} # why"),
        ("    auth_token: # below", "", "    auth_token: # below"),
        (
            "  m: {api_key: {env: A}, api_secret: abc}",
            "",
            "  m: {api_key: {env: A}, api_secret: ***",
        ),
        (
            "  m: {api_key: {env: A}, api_secret: {env: B}}",
            "",
            "  m: {api_key: {env: A}, api_secret: {env: B}}",
        ),
        ("  m: {api_key: {literal: A}}", "", "  m: {api_key: ***"),
        ("      abc", "    auth_token:", "      ***"),
        ("      abc", "    auth_token: |-", "      ***"),
        ("      env: TOKEN", "    auth_token:", "      env: TOKEN"),
        (
            "    voice: https://u:abc@agents.example.com/",
            "",
            "    voice: https://***@agents.example.com/",
        ),
        ("state: s3://bucket/key", "", "state: s3://bucket/key"),
    ],
)
def test_a_source_line_shows_references_and_hides_values(
    line: str, before: str, shown: str
) -> None:
    assert mask_secrets(line, before) == shown


@pytest.mark.parametrize(
    ("line", "what", "before"),
    [
        (
            "  {a: 'https://u:abc@x.example.com', b: c}",
            "c}",
            "  {a: 'https://***@x.example.com', b: ",
        ),
        ("  {api_key: abc, b: c}", "c}", "  {api_key: ***"),
        ("  {b: c, api_key: abc}", "abc", "  {b: c, api_key: "),
        ("  {b: 'https://u:abc@x.example.com'}", "bc@", "  {b: 'https://***"),
        ("  plain", "plain", "  "),
    ],
)
def test_maps_columns_in_a_line_with_masked_secrets(
    tmp_path: Path, line: str, what: str, before: str
) -> None:
    (tmp_path / "a.yaml").write_text(f"a:\n{line}\n", encoding="utf-8")
    found = read_line_with_mark("a.yaml", 2, line.index(what) + 1, tmp_path)
    assert found == (mask_secrets(line), before)


def test_a_source_line_is_read_from_the_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text("one: 1\ntoken:\n  abc\n", encoding="utf-8")
    assert read_source_line("a.yaml", 1, tmp_path) == "one: 1"
    assert read_source_line(str(tmp_path / "a.yaml"), 3) == "  ***"
    monkeypatch.chdir(tmp_path)
    assert read_source_line("a.yaml", 2) == "token:"
    assert read_source_line("a.yaml", 4) is None
    assert read_source_line("a.yaml", 0) is None
    assert read_source_line("b.yaml", 1) is None
    assert read_source_line("a\0b.yaml", 1) is None


def test_shows_no_line_of_a_file_that_is_not_yaml(tmp_path: Path) -> None:
    for name in ("token.txt", "token.json"):
        (tmp_path / name).write_text(f"{PLANTED}\n")
    (tmp_path / "link.yaml").symlink_to("token.txt")
    for name in ("token.txt", "token.json", "link.yaml"):
        assert read_source_line(name, 1, tmp_path) is None


@pytest.mark.parametrize("included", ["token.txt", "link.yaml", "*oken.txt", "/proc/self/environ"])
def test_including_a_secret_does_not_show_it(tmp_path: Path, included: str) -> None:
    (tmp_path / "token.txt").write_text(f"{PLANTED}\n")
    (tmp_path / "link.yaml").symlink_to("token.txt")
    entry = tmp_path / "reconciler.yaml"
    entry.write_text(f'version: 1\nproject: acme\ninclude: "{included}"\n')
    with pytest.raises(ConfigInvalid) as caught:
        load(entry, environ={}, display_root=tmp_path)
    assert [(d.code, d.file, d.line, d.column) for d in caught.value.diagnostics] == [
        (
            "include_outside_project" if included[0] == "/" else "include_not_yaml",
            "reconciler.yaml",
            3,
            10,
        )
    ]
    assert PLANTED not in repr(caught.value.diagnostics)


def test_including_a_secret_in_json_does_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(f'{{"private": "{PLANTED}", "numbers": "{PLANTED}"}}\n')
    entry = tmp_path / "reconciler.yaml"
    entry.write_text("version: 1\nproject: acme\ninclude: key.json\n")
    with pytest.raises(ConfigInvalid) as caught:
        load(entry, environ={}, display_root=tmp_path)
    assert {d.file for d in caught.value.diagnostics} == {"key.json"}
    assert PLANTED not in repr(caught.value.diagnostics)
    assert [
        read_source_line("key.json", d.line or 0, tmp_path) for d in caught.value.diagnostics
    ] == [
        None,
        None,
    ]


def test_a_difference_hides_a_value_below_its_key_also_where_its_key_is_not_shown() -> None:
    before = f"one: 1\nauth_token:\n  {PLANTED}\na: 1\nb: 1\nc: 1\n"
    assert show_difference("a.yaml", before, before.replace("c: 1", "c: 2")) == (
        "--- a.yaml\n+++ a.yaml\n@@ -3,4 +3,4 @@\n   ***\n a: 1\n b: 1\n-c: 1\n+c: 2\n"
    )
    added = show_difference("a.yaml", "one: 1\n", before)
    assert PLANTED not in added
    assert "+  ***\n" in added


def test_a_difference_behind_a_masked_value_is_shown() -> None:
    before = "x: 1\nvoice: {sms: 'https://a.example.com/?token=abc'}\n"
    shown = show_difference("a.yaml", before, before.replace("'}", "', voice: 'https://b'}"))
    assert "abc" not in shown
    assert [line[0] for line in shown.splitlines()[2:]] == ["@", " ", "-", "+"]
    assert show_difference("a.yaml", before, before) == ""
