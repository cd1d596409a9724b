from __future__ import annotations

from reconciler.remote.transport.outage import Outage


def test_untried_server_gets_the_full_time() -> None:
    assert Outage(30).seconds_left(500) == 30


def test_silence_counts_from_the_start_of_the_first_attempt() -> None:
    reach = Outage(30)
    reach.note_silence(100, 105)
    reach.note_silence(106, 111)
    assert reach.seconds_left(112) == 18


def test_any_answer_ends_the_silence() -> None:
    reach = Outage(30)
    reach.note_silence(100, 105)
    reach.note_answer()
    assert reach.seconds_left(106) == 30


def test_silence_of_half_a_minute_leaves_no_time() -> None:
    reach = Outage(30)
    for start in range(100, 130, 5):
        reach.note_silence(start, start + 5)
    assert reach.seconds_left(130) <= 0


def test_forgets_a_silence_without_recent_attempts() -> None:
    reach = Outage(30)
    reach.note_silence(100, 130)
    assert reach.seconds_left(145) == 30
    reach.note_silence(145, 150)
    assert reach.seconds_left(150) == 25
