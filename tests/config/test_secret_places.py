"""Hosts and files that a configuration may name for its secrets: each spelling, each variable, each kind of path.

The realistic mistakes: comparing text instead of hosts, trusting one part of an address where the client uses another,
resolving a path without its links, checking only one of several places that name a host.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from urllib3.util import parse_url

from reconciler.config.load.load import load
from reconciler.config.project import Secret
from reconciler.config.secrets.hosts import read_entry, read_origin
from reconciler.config.secrets.references import reveal
from reconciler.errors import ConfigInvalid, ReconcilerError
from reconciler.remote.twilio.http import BaseUrl

SID = "AC" + "a" * 32
GITLAB = "https://gitlab.example.com/api/v4/projects/1/terraform/state/voice"
IN_GITLAB = {
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
    "CI_JOB_TOKEN": "job-token-value",
}


def problems(folder: Path, text: str, **environ: str) -> list[tuple[str, int | None, int | None]]:
    """Code, line and column of every problem of this configuration; none when it is valid."""
    entry = folder / "reconciler.yaml"
    entry.write_text(text, encoding="utf-8")
    try:
        load(entry, environ=environ, display_root=folder)
    except ConfigInvalid as error:
        return [(d.code, d.line, d.column) for d in error.diagnostics if d.severity == "error"]
    return []


def account(**fields: str) -> str:
    more = "".join(f"    {name}: {value!r}\n" for name, value in fields.items())
    return f"version: 1\nproject: acme\naccounts:\n  main:\n    sid: {SID}\n    auth_token: {{env: T}}\n{more}"


def platform(url: str, kind: str = "nixflex") -> str:
    more = "    api_secret: {env: S}\n" if kind == "livekit" else ""
    head = "version: 1\nproject: acme\nplatforms:\n  p:\n"
    return f"{head}    type: {kind}\n    api_key: {{env: K}}\n    base_url: {url!r}\n{more}"


def state(location: str) -> str:
    return f"version: 1\nproject: acme\nstate: {location!r}\n"


FOREIGN = [
    "https://relay.example.net",
    "https://relay.example.net:443/x",
    "https://RELAY.example.NET.",
    "https://twilio.com",
    "https://eviltwilio.com",
    "https://api.twilio.com.example.net",
    "https://api.twilio.com@relay.example.net",
    "https://api.twilio.com:443@relay.example.net/",
    "https://relay.example.net#@api.twilio.com",
    "https://relay.example.net?@api.twilio.com/",
    "https://relay.example.net\\@api.twilio.com/",
    "https://api.twilio.com\\@relay.example.net/",
    "https://a@b@api.twilio.com",
    "https://api.twilio.com%2f.relay.example.net",
    "https://%61pi.twilio.com",
    "https://api.twilio.com%00.relay.example.net",
    "https://api。twilio。com",
    "https://ａpi.twilio.com",
    "https://аpi.twilio.com",
    "http://api.twilio.com",
    "http://2130706433",
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://127.1",
    "http://127.0.0.1.relay.example.net",
    "http://127.0.0.1@relay.example.net",
    "http://localhost.example.net",
    "http://localhost@relay.example.net:8010",
    "http://0.0.0.0:8010",
    "http://169.254.169.254",
    "http://[::]",
    "http://[2001:db8::1]",
    "http://[::ffff:192.0.2.1]",
    "http://[fe80::1%25lo]",
    "https://..",
    "https://api..twilio.com",
    "https://api.twilio.com:99999",
]


@pytest.mark.parametrize("url", FOREIGN)
def test_refuses_a_foreign_host_in_any_spelling(tmp_path: Path, url: str) -> None:
    for text, line in ((account(base_url=url), 7), (platform(url), 7)):
        found = problems(tmp_path, text)
        assert [(code, at) for code, at, _ in found] in (
            [("host_not_allowed", line)],
            [("invalid_url", line)],
        ), url


@pytest.mark.parametrize(
    "url",
    [
        "https://api.twilio.com",
        "https://API.Dublin.IE1.Twilio.com.:443/",
        "http://127.0.0.1:8010",
        "http://127.8.9.10:8010/nixflex",
        "http://localhost:8010",
        "http://LOCALHOST.:8010",
        "http://[::1]:8010",
        "http://[::ffff:127.0.0.1]:8010",
    ],
)
def test_twilio_and_this_machine_need_no_setting(tmp_path: Path, url: str) -> None:
    assert problems(tmp_path, account(base_url=url)) == []


@pytest.mark.parametrize(
    ("kind", "url", "allowed"),
    [
        ("nixflex", "https://api.nixflex.com", True),
        ("nixflex", "https://api.getbutter.ai", False),
        ("nixflex", "https://api.twilio.com", False),
        ("feather", "https://api-sandbox.featherhq.com", True),
        ("vapi", "https://api.eu.vapi.ai", True),
        ("vapi", "https://a.sip.vapi.ai", False),
        ("feather", "https://featherhq.com.example.net", False),
        ("livekit", "https://acme.livekit.cloud", True),
        ("livekit", "http://acme.livekit.cloud", False),
        ("dasha", "https://blackbox.dasha.ai", True),
        ("ravan", "https://api.ravan.ai", True),
        ("ravan", "https://api.ravan.ai:8443", True),
    ],
)
def test_sends_a_platform_key_only_to_hosts_of_the_platform(
    tmp_path: Path, kind: str, url: str, allowed: bool
) -> None:
    assert (problems(tmp_path, platform(url, kind)) == []) is allowed


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("relay.example.net", "https://relay.example.net:8443", True),
        ("RELAY.example.net.", "https://relay.example.net", True),
        ("relay.example.net", "http://relay.example.net", False),
        ("relay.example.net:8010", "http://relay.example.net:8010", False),
        ("relay.example.net:443", "https://relay.example.net", True),
        ("relay.example.net:443", "https://relay.example.net:8443", False),
        ("http://relay.example.net:8010", "http://relay.example.net:8010", True),
        ("http://relay.example.net:8010", "http://relay.example.net:8011", False),
        ("http://relay.example.net", "http://relay.example.net:8011", True),
        ("https://relay.example.net", "http://relay.example.net", False),
        ("*.example.net", "https://relay.example.net", True),
        ("*.example.net", "https://a.relay.example.net", True),
        ("*.example.net", "https://example.net", False),
        ("*.example.net", "https://badexample.net", False),
        (" other.example.com , relay.example.net ", "https://relay.example.net", True),
        ("192.0.2.7", "https://192.0.2.7", True),
        ("[2001:db8::1]:8010", "https://[2001:DB8:0::1]:8010", True),
        ("2001:db8::1", "https://[2001:db8::1]", True),
        ("", "https://relay.example.net", False),
    ],
)
def test_allow_list_entry_permits_exactly_its_host(
    tmp_path: Path, entry: str, url: str, allowed: bool
) -> None:
    for text in (account(base_url=url), platform(url), state(f"{url}/voice")):
        assert (problems(tmp_path, text, RECONCILER_ALLOW_HOSTS=entry) == []) is allowed


@pytest.mark.parametrize(
    "entry",
    ["*", "*.*.net", "a*.net", "*.192.0.2.1", "https://", "http://h/path", "u@h", "h:0", "ftp://h"],
)
def test_invalid_allow_list_entry_is_an_error(tmp_path: Path, entry: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_entry(entry)
    assert problems(tmp_path, account(), RECONCILER_ALLOW_HOSTS=f"ok.example.com,{entry}") == [
        ("host_not_allowed", None, None)
    ]


@pytest.mark.parametrize(
    ("text", "environ", "allowed"),
    [
        (account(base_url="http://sandbox:8010"), {"TWILIO_BASE_URL": "http://sandbox:8010"}, True),
        (platform("http://sandbox:8010/nixflex"), {"TWILIO_BASE_URL": "http://sandbox:8010"}, True),
        (
            account(base_url="http://sandbox:8011"),
            {"TWILIO_BASE_URL": "http://sandbox:8010"},
            False,
        ),
        (
            account(base_url="http://sandbox:8010"),
            {"TF_HTTP_ADDRESS": "http://sandbox:8010/x"},
            False,
        ),
        (account(base_url="https://gitlab.example.com/api/v4/"), IN_GITLAB, False),
        (platform("https://gitlab.example.com/api/v4/"), IN_GITLAB, False),
        (state(GITLAB), IN_GITLAB, True),
        (state(GITLAB), {}, False),
        (state("https://gitlab.example.com/somebody/else"), IN_GITLAB, False),
        (
            state("https://gitlab.example.com.example.net/api/v4/projects/1/terraform/state/voice"),
            IN_GITLAB,
            False,
        ),
        (
            state("http://gitlab.example.com/api/v4/projects/1/terraform/state/voice"),
            IN_GITLAB,
            False,
        ),
        (
            state("https://state.example.com/v"),
            {"TF_HTTP_ADDRESS": "https://state.example.com/v"},
            True,
        ),
        (
            state("https://state.example.com/v"),
            {"TF_HTTP_LOCK_ADDRESS": "https://state.example.com/l"},
            True,
        ),
        (state("http://state:80/v"), {"TF_HTTP_UNLOCK_ADDRESS": "http://state/u"}, True),
        (
            state("https://state.example.com/v"),
            {"TWILIO_BASE_URL": "https://state.example.com"},
            False,
        ),
        (state("https://api.twilio.com/v"), {}, False),
        (state("postgresql:///voice"), {}, True),
        (state("postgresql:///voice"), {"PGHOST": "db"}, False),
        (state("postgresql:///voice"), {"PGHOST": "db", "PGSSLMODE": "require"}, True),
        (state("postgresql:///voice?sslmode=require"), {"PGHOST": "db"}, True),
        (
            state("postgresql:///voice?sslmode=disable"),
            {"PGHOST": "db", "PGSSLMODE": "require"},
            False,
        ),
        (
            state("postgresql:///voice"),
            {"PGHOST": "db", "RECONCILER_ALLOW_HOSTS": "postgresql://db"},
            True,
        ),
        (state("postgresql:///voice"), {"PGHOST": "/run/pg,db"}, False),
        (state("postgresql:///voice"), {"PGHOST": "/var/run/postgresql"}, True),
        (state("postgresql:///voice"), {"PGHOST": "localhost", "PGPORT": "5433"}, True),
        (state("postgresql:///voice"), {"PGHOSTADDR": "192.0.2.1"}, False),
        (state("postgresql:///voice"), {"PGHOSTADDR": "192.0.2.1", "PGSSLMODE": "require"}, True),
        (state("postgresql:///voice?host=/run/pg"), {"PGHOSTADDR": "192.0.2.1"}, False),
        (state("postgresql://localhost/voice"), {"PGHOST": "db"}, True),
        (
            state("postgresql:///voice?sslmode=disable"),
            {"PGSERVICE": "voice", "PGSSLMODE": "require"},
            False,
        ),
        (state("postgresql:///voice?sslmode=verify-full"), {"PGSERVICE": "voice"}, True),
        (state("postgresql:///voice"), {"PGSERVICE": "voice"}, True),
        (state("postgresql:///voice?host=/var/run/postgresql"), {}, True),
        (state("postgresql://%2Fvar%2Frun%2Fpostgresql/voice"), {}, True),
        (state("postgresql://localhost/voice"), {}, True),
        (state("postgresql://127.0.0.1:5433,[::1]:5434/voice"), {}, True),
        (state("postgresql:///voice?host=localhost,127.0.0.1&port=5433,5434"), {}, True),
        (state("postgresql://u@db/voice"), {}, False),
        (state("postgresql://u@db/voice"), {"PGHOST": "db"}, False),
        (state("postgresql://u@db/voice"), {"PGHOST": "db", "PGSSLMODE": "verify-full"}, True),
        (state("postgresql://u@db/voice?sslmode=require"), {"PGHOST": "db"}, True),
        (
            state("postgresql://u@db/voice?sslmode=prefer"),
            {"PGHOST": "db", "PGSSLMODE": "require"},
            False,
        ),
        (state("postgresql://u@db/voice?sslmode=require"), {"RECONCILER_ALLOW_HOSTS": "db"}, True),
        (state("postgresql://u@db/voice"), {"RECONCILER_ALLOW_HOSTS": "db:5432"}, False),
        (
            state("postgresql://u@db/voice"),
            {"RECONCILER_ALLOW_HOSTS": "postgresql://db:5432"},
            True,
        ),
        (
            state("postgres://u@db/voice"),
            {"RECONCILER_ALLOW_HOSTS": "postgres://db"},
            False,
        ),  # not a `state`
        (
            state("postgresql://u@db:5433/voice"),
            {"RECONCILER_ALLOW_HOSTS": "postgresql://db:5432"},
            False,
        ),
        (state("postgresql://db,evil/voice?sslmode=require"), {"PGHOST": "db"}, False),
        (state("postgresql://db%2Cevil/voice?sslmode=require"), {"PGHOST": "db"}, False),
        (state("postgresql://localhost/voice?host=evil&sslmode=require"), {}, False),
        (state("postgresql://evil/voice?host=localhost&sslmode=require"), {}, False),
        (state("postgresql://localhost/voice?hostaddr=192.0.2.1&sslmode=require"), {}, False),
        (state("postgresql://localhost/voice?%68ostaddr=192.0.2.1"), {}, False),
        (state("postgresql://localhost?x=@evil/voice"), {}, False),
        (state("postgresql://localhost/voice?host=localhost&host=evil"), {}, False),
        (state("postgresql:///voice?service=elsewhere"), {}, False),
        (state("postgresql:///voice?servicefile=x"), {}, False),
        (state("postgresql:///voice?passfile=.pgpass"), {}, False),
        (state("postgresql:///voice?sslkey=../id_rsa"), {}, False),
        (state("postgresql:///voice?oauth_issuer=https://relay.example.net"), {}, False),
        (state("postgresql:///voice?sslkeylogfile=x"), {}, False),
        (state("postgresql:///voice?gssdelegation=1"), {}, False),
        (state("s3://voice-state/acme.json"), {}, True),
        (state("s3://relay.example.net#/acme.json"), {}, False),
        (state("s3://relay.example.net\\x/acme.json"), {}, False),
        (state("s3://a@relay.example.net/acme.json"), {}, False),
        (state("s3://voice-state/acme.json?endpoint=https://relay.example.net"), {}, False),
        (state("gs://relay.example.net:80/acme.json"), {}, False),
        (state("az://voice-state/acme.json"), {}, True),
        (state("./state.json"), {}, True),
    ],
)
def test_environment_decides_which_hosts_are_allowed(
    tmp_path: Path, text: str, environ: dict[str, str], allowed: bool
) -> None:
    found = problems(tmp_path, text, **environ)
    assert (found == []) is allowed, found
    assert allowed or found[0][1] is not None, "it has a position"


@pytest.mark.parametrize(
    "url", [*FOREIGN, "https://user:word@relay.example.net:8443/x", "https://h_1.example.net./"]
)
def test_checks_the_host_that_clients_connect_to(url: str) -> None:
    try:
        origin = read_origin(url)
    except ValueError:
        return
    start = BaseUrl(url).rewrite("https://api.twilio.com/2010-04-01").removesuffix("/2010-04-01")
    for spelled in (url, start):
        client = parse_url(spelled)
        host = (client.host or "").strip("[]").removesuffix(".")
        assert host == origin.host or "ffff" in host
        assert (client.port or {"http": 80, "https": 443}[client.scheme or ""]) == origin.port
        assert urlsplit(spelled).hostname in (client.host, (client.host or "").strip("[]"))


@pytest.mark.parametrize(
    "zone",
    ["a@relay.example.net:8010/", "ie1.example.net", "IE1", "a" * 33, "ie1\n", "a/b", "é", "a.b"],
)
def test_refuses_a_region_or_edge_that_changes_the_host(tmp_path: Path, zone: str) -> None:
    for field in ("region", "edge"):
        assert problems(tmp_path, account(**{field: zone})) == [
            ("invalid_value", 7, 13 if field == "region" else 11)
        ]


def test_a_region_of_the_environment_is_checked_as_well(tmp_path: Path) -> None:
    from reconciler.config.desired.accounts import account_from_environment
    from reconciler.config.secrets.references import credentials

    environ = {
        "TWILIO_ACCOUNT_SID": SID,
        "TWILIO_AUTH_TOKEN": "token-value",
        "TWILIO_REGION": "a@relay.example.net",
    }
    with pytest.raises(ReconcilerError) as caught:
        credentials(account_from_environment(environ), environ, tmp_path)
    assert [d.code for d in caught.value.diagnostics] == ["invalid_value"]


def secret_in(path: str) -> str:
    return f"version: 1\nproject: acme\naccounts:\n  main: {{sid: {SID}, auth_token: {{file: {path!r}}}}}\n"


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A project beside secrets of others, with links that lead to them."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "key").write_text("key of another\n")
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("token = x\n")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "token").write_text("own\n")
    (folder / "inside").symlink_to("secrets/token")
    (folder / "link").symlink_to("../other/key")
    (folder / "folder").symlink_to("../other")
    (folder / "git").symlink_to(".git")
    return folder


INSIDE = ["secrets/token", "./secrets/../secrets/token", "inside", "secrets/not-there-yet"]
OUTSIDE = [
    "../other/key",
    "link",
    "folder/key",
    "/proc/self/environ",
    ".git/config",
    "git/config",
    ".GIT/config",
    "/etc/x",
    ".",
    "~/../../y",
]


@pytest.mark.parametrize("path", [*INSIDE, *OUTSIDE])
def test_a_secret_comes_from_below_the_entry_file(stage: Path, path: str) -> None:
    inside = path in INSIDE
    assert problems(stage, secret_in(path)) == (
        [] if inside else [("secret_outside_project", 4, 63)]
    )
    if not inside or (stage / path).exists():
        try:
            assert reveal(Secret(None, path, None), {}, stage) == "own"
        except ReconcilerError as error:
            assert [d.code for d in error.diagnostics] == ["secret_outside_project"]  # noqa: PT017
            assert not inside


@pytest.mark.parametrize("variable", ["RECONCILER_SECRETS_DIR", "CREDENTIALS_DIRECTORY"])
def test_folders_of_the_environment_hold_secrets_too(stage: Path, variable: str) -> None:
    other = str(stage.parent / "other")
    environ = {variable: f"/nowhere:{other}" if variable == "RECONCILER_SECRETS_DIR" else other}
    for path in (f"{other}/key", "../other/key", "link"):
        assert problems(stage, secret_in(path), **environ) == []
        assert reveal(Secret(None, path, None), environ, stage) == "key of another"
    assert problems(stage, secret_in("/etc/hostname"), **environ) != []
    assert problems(stage, secret_in("/etc/hostname"), **{variable: ""}) != []
    assert problems(stage, secret_in("../x"), **{variable: ".."}) != [], "a relative folder is none"


def test_does_not_read_a_file_that_became_a_link(stage: Path) -> None:
    assert problems(stage, secret_in("secrets/token")) == []
    (stage / "secrets" / "token").unlink()
    (stage / "secrets" / "token").symlink_to("../../other/key")
    with pytest.raises(ReconcilerError) as caught:
        reveal(Secret(None, "secrets/token", None), {}, stage)
    assert caught.value.diagnostics[0].code == "secret_outside_project"


@pytest.mark.parametrize(
    "pattern",
    ["../outside.yaml", "link.yaml", "folder/outside.yaml", "/etc/hostname", "folder/*.yaml", "../*.yaml",
     "*/outside.yaml", ".git/secret.yaml", "/**/*.yaml", "li*.yaml", "deep/*/../../../*.yaml", "/nowhere/at-all.yaml"],
)  # fmt: skip
def test_includes_nothing_from_outside_the_repository(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "outside.yaml").write_text("PLANTED: [")
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "secret.yaml").write_text("PLANTED: [")
    (folder / "link.yaml").symlink_to("../outside.yaml")
    (folder / "folder").symlink_to("..")
    text = f'version: 1\nproject: acme\ninclude: "{pattern}"\n'
    assert problems(folder, text) == [("include_outside_project", 3, 10)]
    with pytest.raises(ConfigInvalid) as caught:
        load(folder / "reconciler.yaml", environ={}, display_root=folder)
    assert "PLANTED" not in repr(caught.value.diagnostics)


def test_files_of_the_same_repository_are_included_from_anywhere_in_it(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")  # as in a work tree
    folder = tmp_path / "stacks" / "voice"
    folder.mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "agents.yaml").write_text(
        'agents: {a: {webhooks: {voice: "https://agents.example.com/v"}}}\n'
    )
    (folder / "link.yaml").symlink_to("../../shared/agents.yaml")
    for pattern in (
        "../../shared/agents.yaml",
        "link.yaml",
        "../../shared/*.yaml",
        f"{tmp_path}/shared/agents.yaml",
    ):
        assert problems(folder, f'version: 1\nproject: acme\ninclude: "{pattern}"\n') == []
    (tmp_path / ".git").unlink()
    assert (
        problems(folder, 'version: 1\nproject: acme\ninclude: "../../shared/agents.yaml"\n') != []
    )


def test_checks_every_reference_to_a_secret_file(tmp_path: Path) -> None:
    text = f"""\
version: 1
project: acme
fingerprint_key: {{file: /etc/a}}
encryption_key: [{{env: K}}, {{file: /etc/b}}]
accounts:
  main: {{sid: {SID}, api_key: {{file: /etc/c}}, api_secret: {{file: /etc/d}}}}
platforms:
  lk: {{type: livekit, base_url: "https://a.livekit.cloud", api_key: {{file: /etc/e}}, api_secret: {{file: /etc/f}}}}
  bu: {{type: butter, api_key: {{env: K}}, organization_id: o}}
trunks:
  edge:
    domain: acme.pstn.twilio.com
    credential_lists: [{{name: c, credentials: [{{username: u, password: {{file: /etc/g}}}}]}}]
agents:
  desk: {{platform: bu, id: agent_1}}
numbers:
  "+15550100101":
    provider: sip
    platform: bu
    agent: desk
    sip: {{trunk_name: t, server_address: sip.example.com, username: u, password: {{file: /etc/h}}}}
"""
    found = problems(tmp_path, text)
    assert [code for code, _, _ in found] == ["secret_outside_project"] * 8, found
    assert [line for _, line, _ in found] == [3, 4, 6, 6, 8, 8, 13, 21]


def test_the_folder_may_be_reached_through_a_link(tmp_path: Path) -> None:
    real = tmp_path / "releases" / "1"
    real.mkdir(parents=True)
    (real / "token").write_text("own\n")
    (real / "numbers.yaml").write_text("numbers: {}\n")
    (tmp_path / "current").symlink_to("releases/1")
    folder = tmp_path / "current"
    assert problems(folder, secret_in("token") + "include: numbers.yaml\n") == []
    assert reveal(Secret(None, "token", None), {}, folder) == "own"
    assert os.path.realpath(folder) != str(folder)
