"""A fleet that cannot be read protects what may be a state or rows of it: the report of the failure replaces only reports."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from reconciler.cli import reports
from reconciler.cli.main import main, run_to_exit_code

ROWS = "version: 1\nfor_each: {file: rows.csv}\nconfiguration: customer.yaml\n"
LISTED = "version: 1\nfor_each: {subaccounts_of: main}\nconfiguration: customer.yaml\n"
CUSTOMER = """\
version: 1
project: acme-${name}
state: ./${name}.json
accounts:
  main: {sid: AC0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a, auth_token: {env: NO_SUCH_TOKEN}}
"""
PRECIOUS = {
    "a.json": '{"format": 2, "project": "acme-a"}',
    "a.json.journal": '{"n": 1}\n',
    "rows.csv": 'name\na\nx,"',
    "token": "pl4nted",
}


def run(folder: Path, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    args = ["fleet", "plan", "-C", str(folder), *words]
    with redirect_stdout(out), redirect_stderr(out):
        code = run_to_exit_code(lambda: main.main(args, standalone_mode=False))
    return code, out.getvalue()


@pytest.mark.parametrize(("fleet", "code"), [(ROWS, 3), (LISTED, 1), ("version: [\n", 3)])
def test_the_report_of_a_failure_replaces_only_reports(
    tmp_path: Path, fleet: str, code: int
) -> None:
    files = {"fleet.yaml": fleet, "customer.yaml": CUSTOMER, **PRECIOUS}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name, text in PRECIOUS.items():
        for form in reports.NAMES:
            ended, printed = run(tmp_path, "--report", f"{form}={name}")
            assert ended == code
            assert f"`{name}` is kept as it is" in printed
            assert (tmp_path / name).read_text(encoding="utf-8") == text

    # A report of before is replaced, and so is an empty file.
    for form in ("json", "markdown", "html", "sarif", "junit"):
        (tmp_path / "report").write_text("", encoding="utf-8")
        for _ in range(2):
            ended, printed = run(tmp_path, "--report", f"{form}=report")
            assert ended == code
            assert "is kept" not in printed
            assert (tmp_path / "report").read_text(encoding="utf-8")
    (tmp_path / "former.json").write_text(json.dumps({"format_version": "1.0"}, indent=2))
    run(tmp_path, "--report", "json=former.json")
    assert "fleet plan" in (tmp_path / "former.json").read_text(encoding="utf-8")
