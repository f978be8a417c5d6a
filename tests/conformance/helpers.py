"""Small things several test files need."""
import contextlib
import time
import uuid

import pytest
from botocore.exceptions import ClientError


@contextlib.contextmanager
def aws_error(code, status=None, containing=None):
    """The block must raise a ClientError of this code (and status, and text)."""
    with pytest.raises(ClientError) as raised:
        yield raised
    error = raised.value.response
    assert error["Error"]["Code"] == code, error
    if status is not None:
        assert error["ResponseMetadata"]["HTTPStatusCode"] == status, error
    if containing is not None:
        assert containing in error["Error"]["Message"], error
    if code not in ("404", "403"):
        assert error["ResponseMetadata"].get("RequestId"), error


def unique(prefix="t"):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def wait_until(call, timeout_seconds=30, every_seconds=0.05):
    """The first truthy answer of call(); fails after the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = call()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not so within {timeout_seconds} s"
        time.sleep(every_seconds)
