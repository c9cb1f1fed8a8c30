"""Whether more receivers would get more, told by how long full answers take."""

from __future__ import annotations

from sink.pipeline.congestion import Congestion


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def begun() -> tuple[Congestion, Clock]:
    clock = Clock()
    congestion = Congestion(clock)
    congestion.begin()
    return congestion, clock


def test_answers_as_quick_as_the_quickest_carry_more() -> None:
    """Up to twice as long: a crowd that hides the way to the queue waits about once as long as the way."""
    congestion, _ = begun()

    assert congestion.allows_more(0.020)
    assert congestion.allows_more(0.040)
    assert not congestion.allows_more(0.041)


def test_a_quicker_answer_is_the_measure_from_then_on() -> None:
    """The first one may have come late by chance."""
    congestion, _ = begun()

    assert congestion.allows_more(0.100)
    assert congestion.allows_more(0.005)
    assert not congestion.allows_more(0.020)


def test_a_long_poll_that_waited_is_no_measure() -> None:
    """Sixteen that came together after a quiet while took no time on the way."""
    congestion, _ = begun()
    congestion.allows_more(17.0)

    assert congestion.allows_more(0.010)
    assert not congestion.allows_more(0.500)


def test_after_a_while_all_go_until_it_is_found_out_anew() -> None:
    """A way that has become longer is the measure of the next period."""
    congestion, clock = begun()
    congestion.allows_more(0.005)
    clock.now += 9.9

    assert congestion.allows_more(0.005)
    assert not congestion.allows_more(0.050)

    clock.now += 0.2
    assert not congestion.allows_more(0.005)

    congestion.begin()
    assert congestion.allows_more(0.050)
    assert congestion.allows_more(0.090)


def test_nothing_is_worth_it_before_it_has_begun() -> None:
    """Whoever asks has to begin, for it cannot know that nobody helps."""
    assert not Congestion(Clock()).allows_more(0.005)
