"""Numbers are added to a configuration file, and everything else in it stays as it is."""

from __future__ import annotations

import pytest

from reconciler.config.load.append import append_numbers
from reconciler.config.source.write import Entry
from reconciler.errors import ConfigInvalid, UsageError

NEW = Entry("+15550100177", {"agent": "support", "purchase": {"country": "US", "max_price": 1.15}})
LINE = '"+15550100177": {agent: support, purchase: {country: US, max_price: 1.15}}'

PLACES = {
    "behind the last number": (
        '# top\nnumbers:   # all\n  "+15550100101": support   # sales\n\n# below\nsafety: {max_removals: 5}\n',
        f'# top\nnumbers:   # all\n  "+15550100101": support   # sales\n  {LINE}\n\n# below\nsafety: {{max_removals: 5}}\n',
    ),
    "with the indentation of its neighbours": (
        'numbers:\n    "+15550100101":\n        agent: support\n',
        f'numbers:\n    "+15550100101":\n        agent: support\n    {LINE}\n',
    ),
    "behind a text of several lines": (
        'numbers:\n  "+15550100101":\n    friendly_name: |-\n      one\n\n      # two\nlint: {}\n',
        f'numbers:\n  "+15550100101":\n    friendly_name: |-\n      one\n\n      # two\n  {LINE}\nlint: {{}}\n',
    ),
    "without a break at the end": (
        'numbers:\n  "+15550100101": support',
        f'numbers:\n  "+15550100101": support\n  {LINE}\n',
    ),
    "a section without value": (
        "version: 1\nnumbers:   # none yet\n# end\n",
        f"version: 1\nnumbers:   # none yet\n  {LINE}\n# end\n",
    ),
    "a section with null": ("numbers: null  # none\n", f"numbers:  # none\n  {LINE}\n"),
    "an empty section": ("numbers: {}\nversion: 1\n", f"numbers:\n  {LINE}\nversion: 1\n"),
    "no section": ("version: 1  # ours\n", f"version: 1  # ours\n\nnumbers:\n  {LINE}\n"),
    "an empty file": ("\n", f"numbers:\n  {LINE}\n"),
    "breaks of another system": (
        'numbers:\r\n  "+15550100101": support\r\n',
        f'numbers:\r\n  "+15550100101": support\r\n  {LINE}\r\n',
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_number_is_added(place: str) -> None:
    before, after = PLACES[place]
    assert append_numbers(before.encode(), "a.yaml", [NEW]) == after


def test_a_new_file_holds_only_the_numbers() -> None:
    assert append_numbers(None, "a.yaml", [NEW]) == f"numbers:\n  {LINE}\n"


REFUSED = {
    "numbers on one line": 'numbers: {"+15550100101": support}\n',
    "one mapping on one line": '{"version": 1, "numbers": {}}\n',
    "the number is there": 'numbers:\n  "+15550100177": support\n',
    "an alias": "agents: &a {x: {webhooks: {voice: https://agents.example.com/v}}}\nnumbers: *a\n",
    "broken YAML": "numbers: [\n",
    "tabs": "numbers:\n\t'+15550100101': a\n",
    "a list": "- numbers\n",
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_a_file_without_a_position_for_the_number(case: str) -> None:
    with pytest.raises(ConfigInvalid):
        append_numbers(REFUSED[case].encode(), "a.yaml", [NEW])


@pytest.mark.parametrize(
    "text", ['{"lineage": "x", "resources": {}}\n', "services:\n  web: {image: a}\n"]
)
def test_refuses_a_file_that_is_not_a_configuration(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        append_numbers(text.encode(), "a.yaml", [NEW])
    assert caught.value.diagnostics[0].code == "not_a_configuration"
