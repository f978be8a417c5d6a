"""Waiting for a condition: the only sleep in tests, except for those listed in tools/tidy/sleeps.txt."""
import time


def wait_until(call, timeout_seconds=30, every_seconds=0.05, problem=None):
    """Returns the first truthy result of call(); fails after the timeout, with the text from problem() if given."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = call()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not so within {timeout_seconds} s" + (f": {problem()}" if problem else "")
        time.sleep(every_seconds)
