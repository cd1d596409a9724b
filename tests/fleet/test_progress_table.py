"""The table that shows a fleet on a terminal: what is in it, and that it fits and harms nothing."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from reconciler.cli import signals
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.fleet_lines import FleetLines
from reconciler.cli.fleet_progress import choose_fleet_progress
from reconciler.cli.fleet_table import FleetTable
from reconciler.cli.fleet_view import FleetView, show_estimate, show_seconds
from reconciler.cli.progress import BarProgress
from reconciler.fleet.job import Ended, Job
from reconciler.report.width import cell_width

HOSTILE = "\x1b[2J\x1b]0;owned\x07\r客户\u202e"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A terminal that keeps what it gets."""

    def isatty(self) -> bool:
        return True


class GoneTerminal(Terminal):
    """A terminal that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def options(*, no_color: bool = False) -> CommonOptions:
    return CommonOptions(Path(), "fleet.yaml", "text", no_color, 0, (), (), None, None, 0.0, False)


def job(name: str) -> Job:
    return Job(name=name, directory=Path(), file="x", words=())


def ended(name: str) -> Ended:
    return Ended(job=job(name), exit_code=0, seconds=1.0, output=Path(), errors=Path())


def texts(view: FleetView, width: int = 80, height: int = 24) -> list[str]:
    return [line.text for line in view.lines(width, height)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def view(clock: Clock) -> FleetView:
    """Of 1,000 stacks 15 have ended, and 12 run, the first of them for the longest time."""
    view = FleetView(clock)
    view.begin(1000)
    for number in range(12):
        view.start(f"running{number:02}")
        clock.now += 1
    for number in range(10):
        view.end(f"done{number}", "done")
    for number in range(4):
        view.explain(f"bad{number}", f"Reason {number} (some_code)")
        view.end(f"bad{number}", "refused")
    view.end("none", "no_match")
    return view


def test_shows_counts_times_what_runs_and_the_last_failures(view: FleetView) -> None:
    lines = texts(view, 100)
    assert lines[0] == (
        "15 of 1,000 stacks: 4 refused, 10 done, 1 no match, 12 running, 973 waiting"
    )
    assert lines[1].endswith("] 12 s, about 13 min left")
    assert lines[2:5] == ["Running", "  running00  12 s", "  running01  11 s"]
    start = lines.index("Last failures")
    assert lines[start + 1 :] == [
        f"  bad{number}  refused: Reason {number} (some_code)" for number in (3, 2, 1, 0)
    ]


def test_shows_no_estimate_from_nothing(clock: Clock) -> None:
    view = FleetView(clock)
    view.begin(10)
    clock.now += 60
    assert "left" not in texts(view)[1]
    assert texts(view)[0] == "0 of 10 stacks: 10 waiting"


@pytest.mark.parametrize("width", [5, 20, 40, 80, 300])
@pytest.mark.parametrize("height", [1, 2, 3, 4, 6, 10, 24, 100])
def test_fits_every_terminal(view: FleetView, width: int, height: int) -> None:
    view.start(f"a{HOSTILE}-{'x' * 200}")
    view.explain("customers/名前" * 9, "A reason that is much longer than a line " * 5)
    view.end("customers/名前" * 9, "failed")
    for requests in (0, 1):
        view.stop_requests = requests
        lines = texts(view, width, height)
        assert 1 <= len(lines) <= max(1, min(24, height - 1))
        assert max(map(cell_width, lines)) < max(width, 11)


def test_a_low_terminal_shows_what_runs_before_failures(view: FleetView) -> None:
    lines = texts(view, 80, 6)
    assert lines[2:] == ["Running", "  running00  12 s", "  and 11 more"]


@pytest.mark.parametrize(
    ("requests", "words"), [(1, "no further stack starts"), (2, "ends in order"), (3, "Ending")]
)
def test_a_request_to_stop_is_shown_and_the_rest_is_not_started(
    view: FleetView, requests: int, words: str
) -> None:
    view.stop_requests = requests
    lines = texts(view)
    assert lines[0].endswith("12 running, 973 not started")
    assert "left" not in lines[1]
    assert words in lines[2]


def test_stacks_on_workers_are_left_to_them(
    clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    view = FleetView(clock, in_queue=True)
    view.begin(2)
    for requests, words in ((1, "leaves them to the workers"), (3, "Leaving the stacks")):
        view.stop_requests = requests
        assert words in " ".join(texts(view, 200))
        FleetLines(in_queue=True).report_stop(requests)
        assert words in capfd.readouterr().err


def test_a_limit_of_failures_is_shown(view: FleetView) -> None:
    view.stop_starting("No further stack starts: 4 stacks have failed.")
    assert "No further stack starts: 4 stacks have failed." in texts(view)
    assert texts(view)[0].endswith("973 not started")


def test_a_name_cannot_control_the_terminal_or_show_a_secret(clock: Clock) -> None:
    view = FleetView(clock)
    view.begin(2)
    view.start(HOSTILE)
    view.explain("b", f"{HOSTILE} https://user:hunter2@example.com/?token=abc")
    view.end("b", "failed")
    text = "".join(texts(view, 200))
    assert not set("\x1b\x07\r\u202e") & set(text)
    assert "hunter2" not in text
    assert "abc" not in text
    assert "客户" in text


def test_a_second_round_starts_from_nothing(view: FleetView) -> None:
    view.begin(3)
    assert texts(view)[0] == "0 of 3 stacks: 3 waiting"


@pytest.mark.parametrize(
    ("seconds", "past", "future"),
    [
        (0.4, "0 s", "10 s"),
        (65, "1:05", "1 min"),
        (600, "10:00", "10 min"),
        (7203, "2:00:03", "2 h"),
    ],
)
def test_times_are_short(seconds: float, past: str, future: str) -> None:
    assert (show_seconds(seconds), show_estimate(seconds)) == (past, future)


def run_table(monkeypatch: pytest.MonkeyPatch, stream: Terminal, *, no_color: bool = False) -> None:
    """Show a table of three stacks, one of which fails, and remove it."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "20")
    monkeypatch.delenv("NO_COLOR", raising=False)
    table = FleetTable(options(no_color=no_color))
    table.begin(3)
    table.started(job("[bold]acme[/bold]"))
    table.started(job("globex"))
    table.explain_failure(job("globex"), "Not allowed")
    table.ended(ended("globex"), "refused")
    table.report("Submitted as run [7].")
    table.report_stop(1)
    table._live.refresh()
    table.close()
    table.close()


@pytest.mark.parametrize("no_color", [False, True])
def test_is_drawn_and_removed(monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    terminal = Terminal()
    run_table(monkeypatch, terminal, no_color=no_color)
    shown = terminal.getvalue()
    assert "  [bold]acme[/bold]  0 s" in shown, "names are no markup"
    assert "refused: Not allowed" in shown
    assert "Submitted as run [7]." in shown
    assert "no further stack starts" in shown
    assert ("\x1b[31m" in shown) is not no_color
    assert ("\x1b[1m" in shown) is not no_color
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1, "the cursor is back"

    # pytest's stdout is no terminal: so one line stays for a person.
    assert shown.endswith("1 of 3 stacks: 1 refused, 1 running, 1 not started, in 0 s.\n")


def test_a_terminal_that_is_gone_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run_table(monkeypatch, GoneTerminal())
    bar = BarProgress(options())
    bar.start(10)
    bar._bar.refresh()
    bar.close()


def test_a_signal_is_reported_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int, data: bytes) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "write", fail)
    FleetLines().report_stop(1)
    signals.report_time_over()


@pytest.mark.parametrize(
    ("environment", "terminal", "expected"),
    [
        ({"TERM": "xterm"}, True, FleetTable),
        ({"TERM": "xterm", "CI": "false"}, True, FleetTable),
        ({"TERM": "xterm", "CI": "true"}, True, FleetLines),
        ({"TERM": "dumb"}, True, FleetLines),
        ({"TERM": "xterm"}, False, FleetLines),
    ],
)
def test_a_log_gets_lines(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, expected: type
) -> None:
    monkeypatch.delenv("CI", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    assert type(choose_fleet_progress(options())) is expected
