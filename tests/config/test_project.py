"""What a loaded project holds: accounts, settings, files, digest, warnings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.config.load.load import load
from reconciler.config.load.merge import Merged
from reconciler.errors import ConfigInvalid, Exit
from reconciler.model.position import Position
from reconciler.planning.checks.limits import Limit

from .conftest import HEAD, Diagnose, Load

TWO = """\
accounts:
  one: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: ONE}}
  two: {sid: ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, api_key: {env: KEY}, apiSecret: {file: key}, region: ie1, edge: dublin}
"""


def test_smallest_configuration_is_an_empty_project(
    write: Callable[..., Path],
) -> None:
    project = load(write("", head=HEAD), environ={})
    assert (project.name, project.state, project.desired, project.warnings) == (
        "acme-voice",
        "./state.json",
        [],
        [],
    )
    assert project.safety.takeover == "refuse"
    assert project.safety.max_updates == project.safety.max_removals == Limit(30, percent=True)
    assert project.fingerprint_key is None
    assert project.base == Path(project.files[0]).parent


def test_accepts_empty_sections(loaded: Load) -> None:
    project = loaded("agents:\nnumbers:\ntrunks:\ndefaults:\nsafety:\ninclude:\n")
    assert project.desired == []


def test_safety_takes_numbers_and_shares(loaded: Load) -> None:
    safety = loaded("safety: {takeover: allow, max_updates: 12.5%, max_removals: 5}\n").safety
    assert safety.takeover == "allow"
    assert safety.max_updates == Limit(12.5, percent=True)
    assert safety.max_removals == Limit(5, percent=False)


def test_a_limit_counts_from_ten_bound_resources_on() -> None:
    assert Limit(30, percent=True).most(9) is None
    assert Limit(30, percent=True).most(10) == 3
    assert Limit(12.5, percent=True).most(100) == 12
    assert Limit(5, percent=False).most(1000) == 5
    assert (str(Limit(12.5, percent=True)), str(Limit(5, percent=False))) == ("12.5%", "5")


def test_accounts_hold_references_instead_of_secrets(loaded: Load) -> None:
    accounts = loaded("", head=HEAD + TWO).accounts
    assert list(accounts) == ["one", "two"]
    one, two = accounts["one"], accounts["two"]
    assert one.auth_token is not None
    assert (one.auth_token.env, one.auth_token.position) == (
        "ONE",
        Position("reconciler.yaml", 4, 62),
    )
    assert (one.sid, one.position) == (
        "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        Position("reconciler.yaml", 4, 3),
    )
    assert two.api_secret is not None
    assert (two.api_secret.file, two.api_secret.position) == (
        "key",
        Position("reconciler.yaml", 5, 82),
    )
    assert (two.region, two.edge, two.base_url) == ("ie1", "dublin", None)


@pytest.mark.parametrize(
    ("number", "defaults", "account"),
    [
        ("{account: two}", "", "two"),
        ("{}", "defaults: {account: two}\n", "two"),
        ("{account: one}", "defaults: {account: two}\n", "one"),
    ],
)
def test_number_takes_its_account_from_itself_or_the_defaults(
    loaded: Load, number: str, defaults: str, account: str
) -> None:
    project = loaded(f'numbers:\n  "+15550100100": {number}\n{defaults}', head=HEAD + TWO)
    assert project.desired[0].profile.account == account


def test_environment_describes_the_account_when_none_is_declared(loaded: Load) -> None:
    environ = {
        "TWILIO_ACCOUNT_SID": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_REGION": "ie1",
        "TWILIO_EDGE": "dublin",
        "TWILIO_BASE_URL": "http://127.0.0.1:8010",
    }
    project = loaded('numbers:\n  "+15550100100": {}\n', head=HEAD, environ=environ)
    account = project.accounts["default"]
    assert project.desired[0].profile.account == "default"
    assert account.sid == environ["TWILIO_ACCOUNT_SID"]
    assert (account.region, account.edge, account.base_url) == (
        "ie1",
        "dublin",
        "http://127.0.0.1:8010",
    )
    assert account.auth_token is not None
    assert account.auth_token.env == "TWILIO_AUTH_TOKEN"
    assert account.api_key is None


def test_no_variable_is_needed_to_load(loaded: Load) -> None:
    account = loaded("", head=HEAD).accounts["default"]
    assert account.sid is None
    assert account.position is None


def test_platforms_are_typed_and_have_defaults(loaded: Load) -> None:
    project = loaded(
        """\
        platforms:
          nix: {type: nixflex, api_key: {env: NIXFLEX_KEY}}
          feather: {type: feather, api_key: {file: feather}, base_url: http://localhost:8000, connections: {main: abc}}
          butter: {type: butter, api_key: {env: BUTTER_KEY}, organization_id: org_1}
          lk: {type: livekit, base_url: https://acme.livekit.cloud, api_key: {env: K}, api_secret: {env: S}}
          dasha: {type: dasha, api_key: {env: DASHA_TOKEN}}
          ravan: {type: ravan, api_key: {env: RAVAN_KEY}}
        """
    )
    platforms = project.platforms
    assert platforms["nix"].base_url == "https://api.nixflex.com"
    assert platforms["feather"].connections == {"main": "abc"}
    assert platforms["feather"].secrets["api_key"].file == "feather"
    assert platforms["butter"].texts == {"organization_id": "org_1"}
    assert set(platforms["lk"].secrets) == {"api_key", "api_secret"}
    assert [platform.type for platform in platforms.values()] == [
        "nixflex",
        "feather",
        "butter",
        "livekit",
        "dasha",
        "ravan",
    ]
    assert platforms["nix"].position == Position("reconciler.yaml", 6, 3)
    assert project.warnings == []


def test_the_fingerprint_key_is_a_reference(loaded: Load) -> None:
    key = loaded("fingerprint_key: {env: FINGERPRINT_KEY}\n").fingerprint_key
    assert key is not None
    assert (key.env, key.position) == ("FINGERPRINT_KEY", Position("reconciler.yaml", 5, 18))


def test_warnings_never_make_a_configuration_invalid(loaded: Load) -> None:
    project = loaded(
        """\
        include: parts/*.yaml
        agents:
          support: {webhooks: {voice: https://x.ngrok.app/voice}}
        numbers:
          "+15550100100": {supports_inbound: false, supports_outbound: false}
        """
    )
    assert [(d.severity, d.code, d.line) for d in project.warnings] == [
        ("warning", "include_no_match", 5),
        ("warning", "tunnel_url", 7),
        ("warning", "unusable_number", 9),
    ]
    assert project.warnings[2].address == "number/+15550100100"


def test_included_files_are_merged_and_keep_their_names(loaded: Load) -> None:
    project = loaded(
        'include: [numbers/*.yaml, agents.yaml]\nnumbers:\n  "+15550100100": support\n',
        numbers__a_yaml='version: 1\ninclude: ../numbers/*.yaml\nnumbers:\n  "+15550100101": support\n',
        numbers__b_yaml='numbers:\n  "+15550100102": support\nsafety: {max_updates: 1}\n',
        agents_yaml="agents:\n  support: {webhooks: {voice: https://agents.example.com/voice}}\n",
    )
    assert project.files == ("reconciler.yaml", "numbers/a.yaml", "numbers/b.yaml", "agents.yaml")
    assert [desired.position for desired in project.desired] == [
        Position("reconciler.yaml", 7, 3),
        Position("numbers/a.yaml", 4, 3),
        Position("numbers/b.yaml", 2, 3),
    ]
    assert len({id(desired.profile) for desired in project.desired}) == 1
    assert project.safety.max_updates == Limit(1, percent=False)


def test_file_included_twice_counts_once(loaded: Load) -> None:
    project = loaded(
        'include: [a.yaml, "./a.yaml", "*.yaml"]\n',
        a_yaml='include: reconc*.yaml\nnumbers:\n  "+15550100100": {}\n',
    )
    assert project.files == ("reconciler.yaml", "a.yaml")


def test_the_digest_changes_with_the_meaning_and_not_with_the_place(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    entry = write("include: a.yaml\n", a_yaml="numbers: {}\n")
    first = load(entry, environ={}).digest
    assert load(entry, environ={"TWILIO_REGION": "ie1"}, display_root=tmp_path).digest == first
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("reconciler.yaml", "a.yaml"):
        (moved / name).write_bytes((tmp_path / name).read_bytes())
    assert load(moved / "reconciler.yaml", environ={}).digest == first
    (tmp_path / "a.yaml").write_text("numbers: {} # changed\n")
    assert load(entry, environ={}).digest == first
    (tmp_path / "a.yaml").write_text('numbers: {"+15550100100": {}}\n')
    assert load(entry, environ={}).digest != first


@pytest.mark.parametrize(("one", "other"), [("1", "1.0"), ("1", '"1"'), ("true", '"true"')])
def test_the_digest_tells_values_of_different_types_apart(
    write: Callable[..., Path], one: str, other: str
) -> None:
    digests: list[str] = []
    for value in (one, other):
        merged = Merged(write(f"agents: {{a: {value}}}\n"), None)
        digests.append(merged.digest)
    assert digests[0] != digests[1]


def test_names_files_relative_to_the_display_root_or_as_given(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = write('include: a.yaml\nnumbers:\n  "+15550100100": {}\n', a_yaml="agents: {}\n")
    assert (
        load(entry, environ={}, display_root=tmp_path.parent).files[1] == f"{tmp_path.name}/a.yaml"
    )
    assert load(entry, environ={}, display_root=tmp_path / "below").files[1] == str(
        tmp_path / "a.yaml"
    )
    assert load(entry, environ={}).files == (str(entry), str(tmp_path / "a.yaml"))
    monkeypatch.chdir(tmp_path)
    assert load(Path("reconciler.yaml"), environ={}).files == ("reconciler.yaml", "a.yaml")


def test_missing_entry_file_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path / "nowhere.yaml", environ={}, display_root=tmp_path)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.file, diagnostic.line) == (
        "unreadable_file",
        "nowhere.yaml",
        1,
    )
    assert "reconciler init" in diagnostic.detail, (
        "whoever stands in the wrong folder is told what to do"
    )
    assert caught.value.exit is Exit.INVALID


def test_reports_an_unreadable_include_at_its_include_line(
    diagnosed: Diagnose,
) -> None:
    found = diagnosed('include: ["a\\0b.yaml", parts]\n', parts__x_yaml="agents: {}\n")
    assert [(d.code, d.line, d.column) for d in found] == [
        ("include_not_found", 5, 11),
        ("unreadable_file", 5, 24),
    ]


def test_unreadable_file_causes_no_further_errors(diagnosed: Diagnose) -> None:
    found = diagnosed(
        """\
        include: agents.yaml
        trunks:
          edge: {account: elsewhere}
        numbers:
          "+15550100100": {agent: support, trunk: other, account: other}
          "+15550100101": {agent: ivr, trunk: edge}
        agents:
          ivr: {application: menu}
        """,
        agents_yaml="agents: [\n",
    )
    assert [(d.file, d.code) for d in found] == [("agents.yaml", "yaml_syntax")]


def test_diagnostics_about_resources_carry_their_address(diagnosed: Diagnose) -> None:
    found = diagnosed(
        """\
        trunks:
          edge: {domain: example.com}
        numbers:
          "+15550100100": nobody
          PN00000000000000000000000000000ABC: nobody
          hello: {}
        bridge_numbers:
          "+15550100200": {}
        """
    )
    assert [d.address for d in found] == [
        "trunk/edge",
        "number/+15550100100",
        "number/PN00000000000000000000000000000abc",
        "number/hello",
        "bridge_number/+15550100200",
    ]


def test_the_same_mistake_in_many_numbers_is_shown_at_each(diagnosed: Diagnose) -> None:
    numbers = "".join(f'  "+1555010{i:04}": {{agent: nobody}}\n' for i in range(500))
    found = diagnosed("numbers:\n" + numbers)
    assert [(d.code, d.line, d.column) for d in found] == [
        ("agent_not_found", 6 + i, 27) for i in range(500)
    ]
