"""What is proposed in place of a wrong value is right itself; and nothing of this is looked at while all is well."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from reconciler.config.advice.phone_numbers import advise_on_phone, guess_number
from reconciler.config.advice.suggestions import find_variable
from reconciler.config.load.load import load
from reconciler.config.sections.fields import Section
from reconciler.config.sections.model import Config
from reconciler.config.source.parse import parse_file
from reconciler.config.validation.examples import flow, render_right_form, render_section_example
from reconciler.errors import ConfigInvalid

ROOT = Path(__file__).parents[2]

ABSTRACT = {"Header", "Config", "Handling", "TwilioNumber", "_List"}
"""Models that no key of the file holds by themselves."""


def models(of: type[Section] = Section) -> Iterator[type[Section]]:
    for model in of.__subclasses__():
        yield model
        yield from models(model)


def proposed(ending: str) -> Any:
    """The value that the end of a sentence proposes, as YAML reads it."""
    (document,) = [
        parse_file(f"proposed: {ending.split(chr(10) + '  ', 1)[1]}\n".encode(), "a.yaml")
    ]
    assert document.diagnostics == []
    return document.root["proposed"]


@pytest.mark.parametrize(
    "model",
    # Sorted: the order of imports differs between processes.
    sorted((m for m in models() if m.__name__ not in ABSTRACT), key=lambda m: m.__name__),
    ids=lambda m: m.__name__,
)
def test_generic_example_form_is_valid(model: type[BaseModel]) -> None:
    model.model_validate(proposed(render_right_form(model, 5, key="")))


@pytest.mark.parametrize(
    "section",
    [name for name, field in Config.model_fields.items() if "dict" in str(field.annotation)],
)
@pytest.mark.parametrize(
    "value", ["text", "+15550100100", "https://agents.example.com/x?token=1", ["a", "b"], [], True]
)
def test_the_form_of_a_section_is_valid(section: str, value: Any) -> None:
    document = parse_file(render_section_example(section, value, ["support"]).encode(), "a.yaml")
    assert document.diagnostics == []
    whole = {"version": 1, "project": "acme", **document.root}
    Config.model_validate(whole)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"voice": "https://a.example.com/x"}, "{voice: https://a.example.com/x}"),
        (
            {"+1555": ["yes", "1", "a b", "0x1", "é", ""]},
            '{"+1555": ["yes", "1", "a b", "0x1", "é", ""]}',
        ),
        ({"a": [1, True, 1.5, None, {"b": "c:"}]}, '{a: [1, true, 1.5, null, {b: "c:"}]}'),
    ],
)
def test_writes_a_value_on_one_line_and_reads_it_back(value: Any, shown: str) -> None:
    assert flow(value) == shown
    assert parse_file(f"key: {shown}\n".encode(), "a.yaml").root == {"key": value}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("+1 (555) 010-0100", "+15550100100"),
        ("tel:+15550100100", "+15550100100"),
        ("0044 7700 900123", "+447700900123"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("1_555_010_0100", "+15550100100"),
        ("０１５", ""),
        ("＋１５５５０１００１００", "+15550100100"),
        ("hello", ""),
        ("", ""),
        ("+15550100100 ext. 5", ""),
    ],
)
def test_recognises_a_number_in_any_notation(text: str, meant: str) -> None:
    assert guess_number(text) == meant
    assert not meant or f'"{meant}"' in advise_on_phone(text)


def test_proposes_a_number_from_a_spreadsheet_only_if_it_is_complete() -> None:
    assert '"+15550100100"' in advise_on_phone("1.5550100100E+10")
    assert '"+15550100100"' in advise_on_phone("1,5550100100e10")
    assert "dropped digits" in advise_on_phone("1.555E+10")
    assert "dropped digits" in advise_on_phone("1.5550100100E+60")


@pytest.mark.parametrize(
    "secret", ["$ecret", "s3cret", "ABC123DEF456", "0" * 32, "$ABC123", "{{ secret }}", "a_b", 5]
)
def test_does_not_propose_a_possible_secret_as_a_variable(secret: object) -> None:
    assert find_variable(secret) == ""


@pytest.mark.parametrize(
    "planted", ["pl4nted-secret", "0123456789abcdef0123456789abcdef", "pl4nted.example.com:x"]
)
def test_no_proposal_repeats_a_possible_secret(
    write: Callable[..., Path], tmp_path: Path, planted: str
) -> None:
    entry = write(
        f"""accounts:
  main: {planted}
  other: ["{planted}"]
  third: {{auth_token:{planted}}}
platforms:
  nix: {planted}
  lk: [{planted}]
trunks:
  edge:
    credential_lists: [[{planted}]]
  west:
    credential_lists: [{{name: pbx, credentials: "{planted}"}}]
  east:
    credential_lists: [{{name: pbx, credentials: ["{planted}"]}}]
agents:
  support: https://u:{planted}@agents.example.com/
  sales: {{webhooks: "https://agents.example.com/?token={planted}"}}
safety: [{planted}]
defaults: {{auth_token:{planted}}}
""",
        head="",
    )
    with pytest.raises(ConfigInvalid) as caught:
        load(entry, environ={}, display_root=tmp_path)
    assert len(caught.value.diagnostics) >= 12
    assert planted not in repr(caught.value.diagnostics)


def test_valid_configuration_imports_no_explaining_code(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(
        'version: 1\nproject: acme\nagents:\n  support: {webhooks: {voice: "https://agents.example.com/voice"}}\n'
        "trunks:\n  edge: {domain: acme.pstn.twilio.com, recording: {mode: record-from-answer}}\n"
        'numbers:\n  "+15550100100": support\n  "+15550100101": {agent: support, trunk: edge}\n',
        encoding="utf-8",
    )
    explain = "{'examples', 'whitespace_errors', 'phone_numbers', 'suggestions', 'invisible_characters', 'width'}"
    for name in ast.literal_eval(explain):
        assert list((ROOT / "reconciler").rglob(f"{name}.py")), (
            f"{name} is no module: the test checks nothing"
        )
    script = (
        "import sys\nfrom reconciler.cli.main import main, run_to_exit_code\n"
        f"code = run_to_exit_code(lambda: main.main(['validate', '-C', {str(tmp_path)!r}], standalone_mode=False))\n"
        "ours = [name.split('.') for name in sys.modules if name.startswith('reconciler.')]\n"
        f"found = [name for name in ours if name[-1] in {explain}]\n"
        "print(found, file=sys.stderr)\nsys.exit(code or bool(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
