import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.server import Server  # noqa: E402


@pytest.fixture(scope="session")
def server():
    """One server for the whole run, signatures verified."""
    with Server(auth="verify") as running:
        yield running


@pytest.fixture(scope="session")
def open_server():
    """One server that takes any credentials."""
    with Server(auth="any") as running:
        yield running


@pytest.fixture(scope="module")
def environment(server):
    """That of `tidemill env`, by which an unmodified SDK finds the server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.env().items():
            patch.setenv(name, value)
        yield
