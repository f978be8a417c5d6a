"""What every part of the tests has: `support` on the path, and one server for each kind of authentication. ./mill test
runs each file in a process of its own, so a file's servers are its own, too."""
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
    """Takes any credentials."""
    with Server(auth="any") as running:
        yield running
