"""Proves that both runtimes really run: each test here passes for a reason of its own."""

import sys

import support


def test_runs_on_the_runtime_that_imported_it():
    assert sys.implementation.name in ("cpython", "micropython")


async def test_coroutines_are_awaited():
    import asyncio

    steps = []

    async def step():
        steps.append(len(steps))

    await asyncio.gather(step(), step())
    assert steps == [0, 1]


def test_raises_hands_back_the_exception():
    error = support.raises(ValueError, int, "seven")
    assert "invalid" in str(error)


def test_raises_fails_where_nothing_is_raised():
    error = support.raises(AssertionError, support.raises, ValueError, int, "7")
    assert str(error) == "ValueError was not raised"


def test_sweep_sees_how_much_to_run():
    assert support.WHOLE in (True, False)
