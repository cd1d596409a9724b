"""Pull requests, merges and cancelled runs end with everything applied, from an empty bucket on."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.faults.rules import Refuse
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.ci.hub import Hub
from tests.ci.runner import AC, READ, WRITE
from tests.ci.team import Pull, Team, remove
from tests.state.servers import S3, s3_server

NUMBERS = [f"+155501001{n:02}" for n in range(24)]
DEMO = "https://demo.twilio.com/welcome/voice/"
FOREIGN = "https://pbx.example.net/in"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def team(tmp_path: Path, s3: str) -> Iterator[Team]:
    keys = [{"sid": sid, "account_sid": AC, "secret": secret} for sid, secret in (READ, WRITE)]
    numbers = [{"account_sid": AC, "phone_number": each, "voice_url": DEMO} for each in NUMBERS]
    accounts = [{"sid": AC, "auth_token": "never-used"}]
    world = World.from_seed(
        {"format": 1, "accounts": accounts, "api_keys": keys, "numbers": numbers}
    )
    entry = (
        "version: 1\nproject: acme-voice\n"
        f"state: s3://states/{uuid.uuid4().hex}/voice.json\n"
        "include: ['numbers/*.yaml']\n"
        "safety: {max_updates: 100%}\n"
        "agents:\n"
        "  support: {webhooks: {voice: https://agents.example.com/support}}\n"
        "  sales: {webhooks: {voice: https://agents.example.com/sales}}\n"
    )
    files = {
        "reconciler.yaml": entry,
        "README.md": "Our numbers\n",
        "numbers/none.yaml": "numbers: {}\n",
    }
    store = {**S3, "AWS_ENDPOINT_URL": s3}
    with Hub() as hub, Sandbox(world) as sandbox:
        yield Team(tmp_path / "work", hub, sandbox, store, files)


def declares(number: str, agent: str, more: str = "") -> dict[str, str | None]:
    """A change that declares one number in a file of its own."""
    text = f'numbers:\n  "{number}": {{agent: {agent}{more}}}\n'
    return {f"numbers/{number[1:]}.yaml": text}


def voice(team: Team, number: str) -> str:
    found = team.sandbox.world.numbers.get_by_key(number)
    assert found is not None
    return found.voice_url


def url_of(agent: str) -> str:
    return f"https://agents.example.com/{agent}"


def test_first_run_in_an_empty_bucket(team: Team) -> None:
    pull = team.open(declares(NUMBERS[0], "support"))
    assert pull.planned == 0
    assert team.sandbox.calls.writes == 0
    team.merge(pull)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 0, run.log
    assert voice(team, NUMBERS[0]) == url_of("support")


def test_two_open_pull_requests_are_both_applied(team: Team) -> None:
    one, two = team.open(declares(NUMBERS[0], "support")), team.open(declares(NUMBERS[1], "sales"))
    for pull in (one, two):
        team.merge(pull)
        run = team.run_waiting()
        assert run is not None
        assert run.code == 0, run.log
    assert [voice(team, each) for each in NUMBERS[:2]] == [url_of("support"), url_of("sales")]


def test_run_after_cancelled_ones_applies_all_merges(team: Team) -> None:
    pulls = [team.open(declares(each, "support")) for each in NUMBERS[:3]]
    for pull in pulls:
        team.merge(pull)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 0, run.log
    assert len(team.cancelled) == 2
    assert {voice(team, each) for each in NUMBERS[:3]} == {url_of("support")}


def test_documentation_and_comments_stop_nothing(team: Team) -> None:
    number = team.open(declares(NUMBERS[0], "support"))
    page = team.open({"README.md": "Our phone numbers\n"})
    text = "# The numbers of the front desk\nnumbers: {}\n"
    comment = team.open({"numbers/none.yaml": text})
    assert (page.planned, comment.planned) == (None, 0)
    for pull in (page, comment, number):
        team.merge(pull)
        run = team.run_waiting()
        assert (run is None) == (pull is page)
        assert run is None or run.code == 0, run.log
    assert voice(team, NUMBERS[0]) == url_of("support")


def test_failed_apply_is_finished_by_the_next_one(team: Team) -> None:
    first = team.open(declares(NUMBERS[0], "support"))
    second = team.open(declares(NUMBERS[1], "support"))
    team.merge(first)
    team.sandbox.faults.add(
        Refuse(status=400, code=21210, method="POST", path="*/IncomingPhoneNumbers/*")
    )
    run = team.run_waiting()
    assert run is not None
    assert run.code == 5
    team.sandbox.faults.clear()

    team.merge(second)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 0, run.log
    assert {voice(team, each) for each in NUMBERS[:2]} == {url_of("support")}


def test_merge_of_a_fork_is_applied_by_hand_with_the_digest(team: Team) -> None:
    pull = team.open(declares(NUMBERS[0], "support"), fork=True)
    assert pull.planned is None, "a fork has no secrets"
    team.merge(pull)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 4
    [digest] = set(re.findall(r"sha256:[0-9a-f]{64}", run.summary))
    assert team.apply_by_hand(digest).code == 0
    assert voice(team, NUMBERS[0]) == url_of("support")

    # What was applied by hand counts: the next merge needs its own plan only.
    following = team.open(declares(NUMBERS[1], "support"))
    team.merge(following)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 0, run.log
    assert "#1" not in run.log


def test_unapplied_merge_is_in_the_plan_of_the_next_pull_request(team: Team) -> None:
    fork = team.open(declares(NUMBERS[0], "support"), fork=True)
    team.merge(fork)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 4
    following = team.open(declares(NUMBERS[1], "support"))
    team.merge(following)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 0, run.log
    assert {voice(team, each) for each in NUMBERS[:2]} == {url_of("support")}


def test_consent_is_in_the_difference_of_the_pull_request(team: Team) -> None:
    team.sandbox.edit(NUMBERS[0], {"voice_url": FOREIGN})
    without = team.open(declares(NUMBERS[0], "support"))
    assert without.planned == 4
    pull = team.open(declares(NUMBERS[0], "support", ", takeover: allow"))
    assert pull.planned == 0
    team.merge(pull)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 0, run.log
    assert voice(team, NUMBERS[0]) == url_of("support")


def test_second_change_of_a_number_that_was_planned_too_early_is_refused(team: Team) -> None:
    """Its plan says "nothing to do", for the number was not applied yet: nobody has reviewed a release."""
    first = team.open(declares(NUMBERS[0], "support"))
    team.merge(first)
    removal = team.open({f"numbers/{NUMBERS[0][1:]}.yaml": None})
    assert removal.planned == 0
    run = team.run_waiting()
    assert run is not None
    assert run.code == 0, run.log

    team.merge(removal)
    run = team.run_waiting()
    assert run is not None
    assert run.code == 4
    assert "in none of the reviewed plans" in run.log
    [digest] = set(re.findall(r"sha256:[0-9a-f]{64}", run.summary))
    assert team.apply_by_hand(digest).code == 0
    assert voice(team, NUMBERS[0]) == DEMO


@pytest.mark.parametrize("seed", [1])
def test_twenty_merges_in_random_order_are_all_applied(team: Team, seed: int) -> None:
    """Opened, merged and run in any order: numbers, changed agents, removals, pages and comments."""
    chance = random.Random(seed)
    expected = dict.fromkeys(NUMBERS, DEMO)
    free = NUMBERS.copy()
    chance.shuffle(free)
    applied: list[str] = []
    merged_numbers: list[str] = []
    open_pulls: list[tuple[Pull, dict[str, str]]] = []
    merged = 0
    while merged < 20:
        step = chance.choice(["open", "open", "merge", "merge", "run"])
        if step == "open" and len(open_pulls) < 4:
            open_pulls.append(_open_any(team, chance, free, applied, expected))
        elif step == "merge" and open_pulls:
            pull, becomes = open_pulls.pop(chance.randrange(len(open_pulls)))
            assert pull.planned in (0, None)
            team.merge(pull)
            expected |= becomes
            merged_numbers += [each for each, url in becomes.items() if url != DEMO]
            merged += 1
        elif step == "run":
            run = team.run_waiting()
            assert run is None or run.code == 0, run.log
            remove(team.folder)

            # The plan of a second change of a number is made once the first is applied.
            if team.waiting is None:
                applied += merged_numbers
                merged_numbers.clear()

    run = team.run_waiting()
    assert run is None or run.code == 0, run.log
    assert {each: voice(team, each) for each in NUMBERS} == expected
    assert team.cancelled, "no run was cancelled: the seed tests too little"


def _open_any(
    team: Team,
    chance: random.Random,
    free: list[str],
    applied: list[str],
    merged: dict[str, str],
) -> tuple[Pull, dict[str, str]]:
    """Open a pull request of any sort. Return it, and the URLs of numbers once it is applied.

    `merged` has the URLs that the default branch declares.
    """
    kind = chance.choice(["add", "add", "move", "remove", "page", "comment"])
    if kind in ("move", "remove") and not applied:
        kind = "add"
    if kind == "add":
        number = free.pop()
        agent = chance.choice(["support", "sales"])
        return team.open(declares(number, agent)), {number: url_of(agent)}
    if kind == "page":
        return team.open({f"docs/{chance.random()}.md": "A page\n"}), {}
    if kind == "comment":
        return team.open({f"numbers/{chance.random()}.yaml": "# A remark\nnumbers: {}\n"}), {}

    number = applied.pop(chance.randrange(len(applied)))
    if kind == "remove":
        return team.open({f"numbers/{number[1:]}.yaml": None}), {number: DEMO}
    agent = "sales" if url_of("support") == merged[number] else "support"
    return team.open(declares(number, agent)), {number: url_of(agent)}
