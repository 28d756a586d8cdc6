"""Elapsed time across a counter that wraps."""

from keyfob.oauth.ticks import PERIOD, Stopwatch, diff

HALF = PERIOD // 2


def test_difference_is_right_on_both_sides_of_the_wrap():
    cases = [
        # later, earlier, difference
        (0, 0, 0),
        (5, 3, 2),
        (3, 5, -2),
        (0, PERIOD - 1, 1),
        (PERIOD - 1, 0, -1),
        (4_000, PERIOD - 1_000, 5_000),
        (PERIOD - 1_000, 4_000, -5_000),
        (HALF - 1, 0, HALF - 1),
        (0, HALF - 1, 1 - HALF),
    ]
    for later, earlier, expected in cases:
        assert diff(later, earlier) == expected, (later, earlier)


def test_difference_needs_no_reading_to_be_reduced_first():
    # MicroPython on a PC counts to 2**62; a difference of its readings is the same.
    assert diff(PERIOD * 7 + 250, PERIOD * 7 - 250) == 500


def test_stopwatch_counts_on_through_any_number_of_wraps():
    start = PERIOD - 1_234
    watch = Stopwatch(start)
    stride = HALF - 1  # the longest time between two looks
    for looks in range(1, 12):
        assert watch.elapsed((start + looks * stride) % PERIOD) == looks * stride


def test_stopwatch_shows_the_same_when_looked_at_twice():
    watch = Stopwatch(PERIOD - 10)
    assert [watch.elapsed(now) for now in (PERIOD - 10, 20, 20, 21)] == [0, 30, 30, 31]


def test_stopwatch_never_runs_backwards():
    watch = Stopwatch(1_000)
    assert watch.elapsed(6_000) == 5_000
    assert watch.elapsed(2_000) == 5_000
    assert watch.elapsed(6_500) == 5_500
