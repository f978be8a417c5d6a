"""Waiting for a condition: the only sleep that tests have, but for those that tools/tidy/sleeps.txt names."""
import time


def wait_until(call, timeout_seconds=30, every_seconds=0.05, problem=None):
    """The first truthy answer of call(); fails after the timeout, with problem()'s text when there is one."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = call()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not so within {timeout_seconds} s" + (f": {problem()}" if problem else "")
        time.sleep(every_seconds)
