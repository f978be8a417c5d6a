"""Shared by all parts of the tests: `support` on the path, and one server for each kind of authentication. ./mill test
runs each file in its own process, so each file has its own servers."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from support.server import Server  # noqa: E402


@pytest.fixture(scope="session")
def server():
    """Signatures are verified."""
    with Server(auth="verify") as running:
        yield running


@pytest.fixture(scope="session")
def open_server():
    """Accepts any credentials."""
    with Server(auth="any") as running:
        yield running
