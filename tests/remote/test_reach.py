from __future__ import annotations

from reconciler.remote.transport.outage import Outage


def test_a_server_that_was_never_tried_has_all_the_time() -> None:
    assert Outage(30).seconds_left(500) == 30


def test_silence_counts_from_the_start_of_the_first_attempt() -> None:
    reach = Outage(30)
    reach.note_silence(100, 105)
    reach.note_silence(106, 111)
    assert reach.seconds_left(112) == 18


def test_one_answer_to_anybody_ends_it() -> None:
    reach = Outage(30)
    reach.note_silence(100, 105)
    reach.note_answer()
    assert reach.seconds_left(106) == 30


def test_a_silence_of_half_a_minute_leaves_nothing_to_anybody() -> None:
    reach = Outage(30)
    for start in range(100, 130, 5):
        reach.note_silence(start, start + 5)
    assert reach.seconds_left(130) <= 0


def test_a_silence_that_nobody_tried_to_break_is_forgotten() -> None:
    reach = Outage(30)
    reach.note_silence(100, 130)
    assert reach.seconds_left(145) == 30
    reach.note_silence(145, 150)
    assert reach.seconds_left(150) == 25
