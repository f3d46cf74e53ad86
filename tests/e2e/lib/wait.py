# SPDX-License-Identifier: MIT
"""Waiting for conditions with a deadline.  Nothing in the tests sleeps and hopes."""

import asyncio
import time

DEADLINE = 15.0  # sanitizers, four workers on two cores
STEP = 0.02


def _late(what, seconds):
    what = what() if callable(what) else what
    return AssertionError(f"not within {seconds} s: {what}")


async def until(condition, what="the condition", timeout=DEADLINE):
    """Returns the first true value of condition(); AssertionError after the deadline."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise _late(what, timeout)
        await asyncio.sleep(STEP)
    return value


async def until_answer(ask, what="the answer", timeout=DEADLINE):
    """As until, for what has to be asked: `ask` is a coroutine function."""
    end = time.monotonic() + timeout
    while not (value := await ask()):
        if time.monotonic() > end:
            raise _late(what, timeout)
        await asyncio.sleep(STEP)
    return value


def until_sync(condition, what="the condition", timeout=DEADLINE):
    """As until, for code outside a coroutine: clients of the test stand still meanwhile."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise _late(what, timeout)
        time.sleep(STEP)
    return value
