"""Waiting for events, always with a deadline."""

import time

POLL_S = 0.01


def until(condition, what, timeout_s=30):
    """Calls `condition` until it answers something true, and gives that back."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {timeout_s} s still not: {what}")
        time.sleep(POLL_S)


def attempt(call, *errors):
    """What `call` gives, or None when it raises one of `errors`."""
    try:
        return call()
    except errors:
        return None
