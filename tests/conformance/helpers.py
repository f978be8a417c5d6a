"""Small helpers that several test files use."""
import contextlib
import uuid

import pytest
from botocore.exceptions import ClientError

from support.waiting import wait_until  # noqa: F401: many files import it from here


@contextlib.contextmanager
def aws_error(code, status=None, containing=None):
    """The block must raise a ClientError with this code (and this status and text, if given)."""
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
