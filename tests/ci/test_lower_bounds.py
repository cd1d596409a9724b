"""Every dependency has a lower bound, and none of them lets in a version with a known vulnerability."""

from __future__ import annotations

import re
import subprocess
import tomllib

from tests.ci.runner import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FIXED = {
    "deepdiff": "8.6.2",
    "urllib3": "2.7",
    "pyjwt": "2.13",
    "requests": "2.33",
    "aiohttp": "3.14.3",
    "cryptography": "50",
}
"""The first version that has every known fix, as the comments of `pyproject.toml` say."""


def extras() -> list[str]:
    """Return the requirements of all extras that users may choose."""
    groups = PROJECT["optional-dependencies"]
    return [each for name in groups if name not in ("test", "all") for each in groups[name]]


def bounds() -> dict[str, str]:
    wanted = [*PROJECT["dependencies"], *extras()]
    found = {each: re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([0-9.]+)", each) for each in wanted}
    assert all(found.values()), [each for each, match in found.items() if match is None]
    return {match[1]: match[2] for match in found.values() if match is not None}


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_lower_bounds_exclude_known_vulnerabilities() -> None:
    found = bounds()
    assert FIXED.keys() <= found.keys()
    assert {
        name: found[name] for name, fixed in FIXED.items() if version(found[name]) < version(fixed)
    } == {}


def test_every_security_bound_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"^#   {name} .*(CVE|GHSA)-", text, re.MULTILINE) for name in FIXED)


def test_the_lower_bounds_are_tried_by_the_continuous_integration() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^\.ci/lower-bounds$", run, re.MULTILINE)
    done = subprocess.run(
        ["bash", "-n", ROOT / ".ci" / "lower-bounds"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_each_library_is_named_beside_tests_that_exist() -> None:
    """Twilio's client brings `requests` and `aiohttp`; the extras of object stores share a library."""
    script = (ROOT / ".ci" / "lower-bounds").read_text(encoding="utf-8")
    choice = script.partition("set -- ")[2]
    named = {name for comment in re.findall(r"`# (.*?)`", choice) for name in comment.split(", ")}
    required = {re.split(r"[\[>]", each)[0] for each in (*PROJECT["dependencies"], *extras())}
    assert named == required - {"requests", "aiohttp"}
    files = re.findall(r"\btests/\S+", choice)
    assert [name for name in files if not (ROOT / name.partition("::")[0]).exists()] == []
