"""The files that run workers of a fleet: valid for those who read them, hardened, and with commands that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from reconciler.cli.main import main
from reconciler.config.secrets.allow_list import read_allow_list
from tests.ci.runner import CI, ROOT

FLEET = ROOT / "examples" / "fleet-queue"
KUBERNETES = FLEET / "kubernetes"
COMPOSE = yaml.safe_load((FLEET / "compose.yaml").read_text(encoding="utf-8"))
CHECKS = {
    "workers": ["kubernetes-validate", "--strict", KUBERNETES / "workers.yaml"],
    "submit": ["kubernetes-validate", "--strict", KUBERNETES / "submit.yaml"],
    "compose": [
        "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        FLEET / "compose.yaml",
    ],
    "image": ["hadolint", FLEET / "Dockerfile"],
}
ENDING = 120
"""Seconds after `--timeout` until a stack that does not end is ended by force."""


class Started(NamedTuple):
    """A container of a manifest that runs a command of this program."""

    file: str
    args: list[str]
    environ: dict[str, str]
    container: dict[str, Any]


def pods() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the specification of each pod in a manifest."""
    for path in (*sorted(KUBERNETES.glob("*.yaml")), CI / "kubernetes" / "drift.yaml"):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            spec = document["spec"]
            spec = spec.get("jobTemplate", {}).get("spec", spec)
            if "template" in spec:
                yield path, spec["template"]["spec"]


def started() -> Iterator[Started]:
    """Yield each container that runs a command."""
    for path, pod in pods():
        for container in pod["containers"]:
            environ = {each["name"]: each.get("value", "") for each in container.get("env", ())}
            yield Started(path.name, container["args"], environ, container)
    for name in ("worker", "submit"):
        service = COMPOSE["services"][name]
        yield Started(f"compose.yaml {name}", service["command"], service["environment"], service)


def parse(words: list[str]) -> dict[str, Any]:
    """Return the options of a command line, parsed by this program. The folder of the image is that of the example."""
    args = [str(FLEET) if word in ("/stacks", "/config") else word for word in words]
    command: click.Command = main
    context = click.Context(main, info_name="reconciler")
    while isinstance(command, click.Group):
        name, found, args = command.resolve_command(context, args)
        assert found is not None
        command, context = found, click.Context(found, context, name)
    return command.make_context(str(context.info_name), args, context.parent).params


def seconds(duration: str) -> int:
    """Return the seconds of `10m` or `90s`."""
    found = re.fullmatch(r"(\d+)([ms])", duration)
    assert found is not None
    return int(found[1]) * (60 if found[2] == "m" else 1)


@pytest.mark.parametrize("name", CHECKS)
def test_file_matches_the_schema_of_its_reader(name: str) -> None:
    program, *words = map(str, CHECKS[name])
    found = Path(sys.executable).parent / program
    if not found.exists():
        pytest.skip(f"{program} is not installed: it is among the `test` extras")
    done = subprocess.run([found, *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("each", list(started()), ids=lambda each: each.file)
def test_every_command_and_option_exists(each: Started) -> None:
    parse(each.args)


def test_workers_and_submitters_use_one_queue_and_one_image() -> None:
    for found in (
        [each for each in started() if each.file in ("workers.yaml", "submit.yaml")],
        [each for each in started() if each.file.startswith("compose.yaml")],
    ):
        assert [each.args[0] for each in sorted(found)] in (
            ["fleet", "worker"],
            ["worker", "fleet"],
        )
        assert len({each.container["image"] for each in found}) == 1
        names = ("RECONCILER_QUEUE", "PGHOST", "RECONCILER_ALLOW_HOSTS")
        shared = {tuple(each.environ[name] for name in names) for each in found}
        assert len(shared) == 1
        read_allow_list(found[0].environ)


def test_pods_run_without_privileges() -> None:
    for path, pod in pods():
        assert pod["automountServiceAccountToken"] is False, path
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert "@sha256:" in container["image"]


def test_services_run_without_privileges_and_publish_no_port() -> None:
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "ports" in service] == []
    assert COMPOSE["networks"]["database"]["internal"] is True
    assert services["database"]["networks"] == services["submit"]["networks"] == ["database"]
    for name in ("worker", "submit"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]


def test_no_manifest_has_a_secret_and_only_workers_get_credentials() -> None:
    for path in sorted(KUBERNETES.glob("*.yaml")):
        documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        assert "Secret" not in [document["kind"] for document in documents]
    for each in started():
        assert not [name for name in each.environ if re.search("TOKEN|PASSWORD|SECRET|KEY", name)]
    submit = yaml.safe_load((KUBERNETES / "submit.yaml").read_text(encoding="utf-8"))
    (container,) = submit["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "reconciler-database"}}]
    assert "env_file" not in COMPOSE["services"]["submit"]


def test_a_stopped_worker_has_the_time_that_a_run_gives_a_stack() -> None:
    limits = {
        seconds(each.args[each.args.index("--timeout") + 1])
        for each in started()
        if "fleet" in each.args
    }
    (pod,) = [pod for path, pod in pods() if path.name == "workers.yaml"]
    grace = COMPOSE["services"]["worker"]["stop_grace_period"]
    assert pod["terminationGracePeriodSeconds"] == seconds(grace) == max(limits) + ENDING
