"""Whatever a file says, no command sends a secret to a host that nothing outside the files allows.

Every way in which a configuration can name a destination or a secret, with every command that could connect. A real
listener waits under a foreign name; that it can be reached is proved by the same command with consent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from reconciler.cli.main import main
from reconciler.kinds.platforms.table import PLATFORM_KINDS
from tests.support.processes.independent_twilio import IndependentTwilio
from tests.support.processes.listener import (
    ASK_PASSWORD,
    NAME,
    SECRET,
    SID,
    Listener,
    account,
    platform,
    run_each,
    write,
)

PLATFORMS = sorted(type_ for type_, kind in PLATFORM_KINDS.items() if kind.secret_settings)
"""The platforms that get a key; a recipe has none."""
COMMANDS: dict[str, list[str]] = {
    "validate": [],
    "lint": [],
    "plan": [],
    "drift": [],
    "apply": ["--auto-approve"],
    "doctor": [],
    "export": [],
    "graph": [],
    "list": [],
    "log": [],
    "show": [],
    "undo": ["--auto-approve"],
    "rollback": ["--to", "1", "--auto-approve"],
    "release": ["+15550100101", "--auto-approve"],
    "numbers search": ["--country", "US"],
    "state list": [],
    "state show": ["number/+15550100101"],
    "state history": [],
    "state pull": [],
    "state push": ["pushed.json"],
    "state mv": ["number/+15550100101", "number/+15550100102"],
    "state rm": ["number/+15550100101"],
    "state repair": [],
    "state unlock": [],
}
"""Commands that read a configuration, each with the arguments that it needs."""
WITHOUT = {"init", "fmt", "explain", "schema", "completion", "sandbox", "demo", "mcp"} | {
    # They run the commands above, each in a process of its own.
    # `fleet init` and `fleet validate` list subaccounts: tests/e2e/test_e2e_fleet_subaccounts.py.
    "fleet init",
    "fleet validate",
    "fleet plan",
    "fleet apply",
    "fleet drift",
    "fleet list",
    # The queue is named outside the files.
    "fleet status",
    "fleet cancel",
    "worker",
}
"""Commands that connect to nothing that a configuration names."""
MAIN = ("validate", "plan", "apply")
"""Commands for each way; an account, a platform and a state are tried with every command."""
ONLY_HEADER = ("state list", "state show")
"""Commands that read only where the state is, and no account or platform."""
Sections = dict[str, Any]


def on(url: str) -> Sections:
    """An account at this address."""
    return {"accounts": account(base_url=url)}


HOSTS: dict[str, Callable[[str, int], Sections]] = {
    "account": lambda host, port: on(f"http://{host}:{port}"),
    "account over TLS": lambda host, port: on(f"https://{host}:{port}"),
    "account, capitals and a dot": lambda host, port: on(f"http://{host.upper()}.:{port}/"),
    "account behind a user": lambda host, port: on(f"http://127.0.0.1@{host}:{port}"),
    "account behind two": lambda host, port: on(f"http://a@127.0.0.1@{host}:{port}"),
    "account behind a backslash": lambda host, port: on(f"http://127.0.0.1\\@{host}:{port}"),
    "account below Twilio's name": lambda host, port: on(f"http://api.twilio.com.{host}:{port}"),
    "account in other letters": lambda host, port: on(f"http://ⓡⓔlay.example.net:{port}"),
    "account with another dot": lambda host, port: on(f"http://relay。example。net:{port}"),
    "account by address": lambda host, port: on(f"http://0.0.0.0:{port}"),
    "account by number": lambda host, port: on(f"http://0:{port}"),
    "account by octal number": lambda host, port: on(f"http://0177.0.0.1:{port}"),
    "account by IPv6": lambda host, port: on(f"http://[::ffff:0.0.0.0]:{port}"),
    "account by the environment": lambda host, port: on("http://${RELAY}"),
    "account by a variable": lambda host, port: {
        **on("http://${RELAY}"), "variables": {"RELAY": {"default": f"{host}:{port}"}}
    },
    "account by a reference": lambda host, port: {"accounts": account(base_url={"env": "RELAY_URL"})},
    "region": lambda host, port: {"accounts": account(region=f"a@{host}:{port}/")},
    "region as a host": lambda host, port: {"accounts": account(region=f"x.{host}:{port}/#")},
    "edge": lambda host, port: {"accounts": account(edge=f"a@{host}:{port}/")},
    "edge with a query": lambda host, port: {"accounts": account(edge=f"{host}:{port}?", region="ie1")},
    **{f"platform {kind}": lambda host, port, kind=kind: {"platforms": platform(f"http://{host}:{port}", kind=kind)}
       for kind in PLATFORMS},
    "platform at Twilio": lambda host, port: {"platforms": platform("https://relay.twilio.com")},
    "platform at another": lambda host, port: {"platforms": platform("https://api.ravan.ai")},
    "platform below its name": lambda host, port: {"platforms": platform(f"https://api.nixflex.com.{host}:{port}")},
    "state": lambda host, port: {"state": f"http://{host}:{port}/voice"},
    "state over TLS": lambda host, port: {"state": f"https://{host}:{port}/voice"},
    "state like GitLab's": lambda host, port: {"state": f"http://{host}:{port}/api/v4/projects/1/terraform/state/v"},
    "state behind a user": lambda host, port: {"state": f"http://127.0.0.1@{host}:{port}/voice"},
    "state at Twilio": lambda host, port: {"state": "https://relay.twilio.com/voice"},
    "PostgreSQL": lambda host, port: {"state": f"postgresql://u@0.0.0.0:{port}/voice"},
    "PostgreSQL over TLS": lambda host, port: {"state": f"postgresql://u@0.0.0.0:{port}/voice?sslmode=require"},
    "PostgreSQL by parameter": lambda host, port: {"state": f"postgresql://u@localhost/voice?host=0.0.0.0&port={port}"},
    "PostgreSQL by address": lambda host, port: {"state": f"postgresql:///v?host=localhost&hostaddr=0.0.0.0&port={port}"},
    "PostgreSQL in a list": lambda host, port: {"state": f"postgresql://u@127.0.0.1:1,0.0.0.0:{port}/voice"},
    "PostgreSQL in a coded list": lambda host, port: {"state": f"postgresql://u@localhost%2C0.0.0.0:{port}/voice"},
    "PostgreSQL by service": lambda host, port: {"state": "postgresql:///voice?service=relay"},
    "PostgreSQL by a service file": lambda host, port: {"state": "postgresql:///voice?servicefile=service.conf"},
    "PostgreSQL with a file": lambda host, port: {"state": f"postgresql://u@localhost:{port}/v?passfile=/etc/hostname"},
    "PostgreSQL with a key": lambda host, port: {"state": f"postgresql://u@localhost:{port}/v?sslkey=../id_rsa"},
    "PostgreSQL behind a question": lambda host, port: {"state": f"postgresql://localhost?x=@0.0.0.0:{port}/voice"},
    "s3 with an endpoint": lambda host, port: {"state": f"s3://bucket/key?endpoint=http://{host}:{port}"},
    "s3 at a port": lambda host, port: {"state": f"s3://0.0.0.0:{port}/key"},
    "s3 behind a user": lambda host, port: {"state": f"s3://bucket@0.0.0.0:{port}/key"},
    "gs with an endpoint": lambda host, port: {"state": f"gs://bucket/key?base_url=http://{host}:{port}"},
    "gs at a port": lambda host, port: {"state": f"gs://0.0.0.0:{port}/key"},
    "az with an endpoint": lambda host, port: {"state": f"az://box/key?endpoint=http://{host}:{port}"},
    "az behind a user": lambda host, port: {"state": f"az://box@0.0.0.0:{port}/key"},
    "another scheme": lambda host, port: {"state": f"ftp://{host}:{port}/voice"},
}  # fmt: skip
"""How a file can name a host, all with a credential that the environment has."""

STOLEN = {"file": "../outside.txt"}
"""A file of the machine that is not the project's."""
TRUNK = {"domain": "acme-edge.pstn.twilio.com"}
REFERENCES: dict[str, Callable[[str], Sections]] = {
    "parent": lambda url: {"accounts": account(base_url=url, auth_token=STOLEN)},
    "absolute": lambda url: {
        "accounts": account(base_url=url, auth_token={"file": "/etc/hostname"})
    },
    "environment of the process": lambda url: {
        "accounts": account(base_url=url, auth_token={"file": "/proc/self/environ"})
    },
    "through a link": lambda url: {
        "accounts": account(base_url=url, auth_token={"file": "link.txt"})
    },
    "through a folder": lambda url: {
        "accounts": account(base_url=url, auth_token={"file": "away/outside.txt"})
    },
    "data of git": lambda url: {
        "accounts": account(base_url=url, auth_token={"file": ".git/config"})
    },
    "data of git in capitals": lambda url: {
        "accounts": account(base_url=url, auth_token={"file": ".GIT/config"})
    },
    "API key": lambda url: {
        "accounts": {
            "main": {"sid": SID, "base_url": url, "api_key": {"env": "KEY"}, "api_secret": STOLEN}
        }
    },
    "platform": lambda url: {
        "platforms": {"nix": {"type": "nixflex", "base_url": url, "api_key": STOLEN}}
    },
    "second key of a platform": lambda url: {
        "platforms": {
            "kit": {
                "type": "livekit",
                "base_url": url,
                "api_key": {"env": "KEY"},
                "api_secret": STOLEN,
            }
        }
    },
    "user of a trunk": lambda url: {
        "trunks": {
            "edge": {
                **TRUNK,
                "credential_lists": {"pbx": [{"username": "pbx", "password": STOLEN}]},
            }
        }
    },
    "fingerprint key": lambda url: {"fingerprint_key": STOLEN},
    "encryption key": lambda url: {"encryption_key": [STOLEN]},
}
"""How a file can name a secret that it must not have, with a server that may be used."""

INCLUDES: dict[str, list[str]] = {
    "parent": ["../outside.yaml"],
    "absolute": ["/etc/hostname"],
    "through a link": ["link.yaml"],
    "by a glob": ["away/*.yaml"],
    "data of git": [".git/more.yaml"],
}
CODES = {
    "variable_not_declared",
    "host_not_allowed", "secret_outside_project", "include_outside_project", "invalid_value", "wrong_type",
    "include_not_found", "invalid_url", "state_backend_missing", "reference_not_allowed", "literal_secret",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project beside files that are not its own, with links to them."""
    made = tmp_path / "project"
    (made / ".git").mkdir(parents=True)
    (made / ".git" / "config").write_text(SECRET)
    (made / ".git" / "more.yaml").write_text(f"broken: [{SECRET}\n")
    (tmp_path / "outside").mkdir()
    for name in ("outside.txt", "outside/outside.txt"):
        (tmp_path / name).write_text(SECRET)
    for name in ("outside.yaml", "outside/outside.yaml"):
        (tmp_path / name).write_text(f"broken: [{SECRET}\n")
    (made / "link.txt").symlink_to(tmp_path / "outside.txt")
    (made / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (made / "away").symlink_to(tmp_path / "outside")
    (made / "pushed.json").write_text("{}")
    return made


def list_commands(group: click.Group, before: str = "") -> Iterator[str]:
    """The names of all commands, those of groups with the group's."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from list_commands(command, f"{before}{name} ")
        else:
            yield before + name


def lines(names: Any) -> list[list[str]]:
    return [[*name.split(), *COMMANDS[name]] for name in names]


def check_refused(folder: Path, commands: list[list[str]], **environ: str) -> None:
    """Every command ends with 3 and says where the file is wrong."""
    for ended in run_each(folder, [[*command, "--json"] for command in commands], environ):
        assert ended.code == 3, ended
        errors = [found for found in ended.diagnostics if found["severity"] == "error"]
        assert errors, ended
        assert {found["code"] for found in errors} <= CODES, ended
        assert all(found["file"] and found["line"] and found["column"] for found in errors), ended


def test_every_command_is_tried() -> None:
    assert set(list_commands(main)) - WITHOUT == COMMANDS.keys()  # type: ignore[arg-type]


@pytest.mark.parametrize("way", HOSTS)
def test_sends_no_byte_to_a_host_that_only_the_files_name(
    folder: Path, listener: Listener, way: str
) -> None:
    write(folder, **HOSTS[way](NAME, listener.port))
    every = way in ("account", "platform nixflex", "state")
    environ = {
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "RELAY": f"{NAME}:{listener.port}",
        "RELAY_URL": f"http://{NAME}:{listener.port}",
    }
    (folder / "service.conf").write_text(f"[relay]\nhost=0.0.0.0\nport={listener.port}\nuser=u\n")
    names = [*COMMANDS] if every else [*MAIN]
    if way != "state":
        names = [name for name in names if name not in ONLY_HEADER]
    check_refused(folder, lines(names), PGSERVICEFILE="service.conf", **environ)
    assert (listener.connections, listener.received) == (0, b"")


@pytest.mark.parametrize("way", REFERENCES)
def test_sends_no_local_file_even_to_a_known_host(
    folder: Path, listener: Listener, way: str
) -> None:
    write(folder, **REFERENCES[way](f"http://127.0.0.1:{listener.port}"))
    check_refused(folder, lines(MAIN))
    assert (listener.connections, listener.received) == (0, b"")


@pytest.mark.parametrize("way", INCLUDES)
def test_no_file_outside_is_included_or_shown(folder: Path, listener: Listener, way: str) -> None:
    write(folder, include=INCLUDES[way], **on(f"http://127.0.0.1:{listener.port}"))
    check_refused(folder, lines(MAIN))
    assert listener.connections == 0


def test_a_host_in_an_included_file_is_no_more_trusted(folder: Path, listener: Listener) -> None:
    """The account stands in another file: that file is named."""
    (folder / "more.yaml").write_text(json.dumps(on(f"http://{NAME}:{listener.port}")))
    (folder / "reconciler.yaml").write_text(
        json.dumps({"version": 1, "project": "acme", "include": ["more.yaml"]})
    )
    (ended,) = run_each(folder, [["validate", "--json"]], {})
    assert [(found["code"], found["file"]) for found in ended.diagnostics] == [
        ("host_not_allowed", "more.yaml")
    ]
    check_refused(folder, lines(MAIN))
    assert listener.connections == 0


@pytest.mark.parametrize("way", ["account", "account below Twilio's name", "state", "PostgreSQL"])
def test_with_consent_the_same_file_does_reach_the_listener(folder: Path, way: str) -> None:
    """Otherwise the tests above would prove nothing: the name resolves, and the secret is sent."""
    listener = Listener(ASK_PASSWORD) if way == "PostgreSQL" else Listener()
    write(folder, **HOSTS[way](NAME, listener.port))
    entry = (
        f"postgresql://0.0.0.0:{listener.port}"
        if way == "PostgreSQL"
        else f"http://*.{NAME}:{listener.port}"
    )
    allowed = f"{entry},http://{NAME}:{listener.port}"
    for ended in run_each(folder, [["plan"]], {"RECONCILER_ALLOW_HOSTS": allowed}):
        assert ended.code != 3, ended
    assert listener.connections
    sent = SECRET.encode() if way == "PostgreSQL" else b"Authorization: Basic"
    assert sent in listener.received
    listener.close()


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_requests_a_bucket_only_at_the_endpoint_of_the_environment(
    folder: Path, scheme: str
) -> None:
    """A bucket may be called like a host; only the environment names the endpoint."""
    relay, endpoint = Listener(), Listener()
    key = {
        "gcs_base_url": f"http://127.0.0.1:{endpoint.port}",
        "disable_oauth": True,
        "client_email": "a@example.com",
    }
    (folder.parent / "key.json").write_text(
        json.dumps({**key, "private_key": "", "private_key_id": ""})
    )
    environ = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{endpoint.port}",
        "AWS_REGION": "us-east-1",
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{endpoint.port}",
        "AZURE_STORAGE_ACCOUNT_NAME": "acme",
        "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0",
        "GOOGLE_SERVICE_ACCOUNT": os.fspath(folder.parent / "key.json"),
    }
    write(folder, state=f"{scheme}://{NAME}/key")
    for ended in run_each(folder, lines(("plan", "state list")), environ):
        assert ended.code != 3, ended
    assert relay.connections == 0
    assert endpoint.connections > 0


def test_never_calls_declared_webhooks_and_schemas(
    folder: Path, listener: Listener, twilio: IndependentTwilio
) -> None:
    """They name hosts too, but no command connects to them; also none that looks for traps or checks connections."""
    relay = f"http://{NAME}:{listener.port}"
    hook = {"url": f"{relay}/voice", "fallback_url": f"{relay}/fallback"}
    agents = {
        "support": {"webhooks": {"voice": hook, "sms": f"{relay}/sms", "status": f"{relay}/status"}}
    }
    policies = {"ours": {"kinds": ["number"], "schema": {"$ref": f"{relay}/schema.json"}}}
    twilio.add_account(SID, **{SID: SECRET})
    twilio.add_number(SID, "+15550100101")
    write(folder, agents=agents, **on(twilio.url))
    write(folder, "policies.yaml", agents=agents, policies=policies, **on(twilio.url))

    commands = [
        *lines((*MAIN, "doctor", "export")),
        ["apply", "--auto-approve", "--allow-takeover"],
    ]
    ended = run_each(
        folder, [*commands, ["lint", "-f", "policies.yaml"], ["plan", "-f", "policies.yaml"]], {}
    )
    codes = {each.args: each.code for each in ended}
    assert (
        codes["validate",],
        codes["plan",],
        codes["apply", "--auto-approve", "--allow-takeover"],
    ) == (0, 0, 0)
    assert twilio.number("+15550100101")["voice_url"] == f"{relay}/voice"
    assert listener.connections == 0
