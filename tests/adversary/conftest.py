"""Attacks on a server of the test's own: only over loopback, and bounded in number and time."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.server import Server  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """One server per file, so that an attack in one file cannot disturb another file."""
    with Server(auth="verify") as running:
        yield running


@pytest.fixture(scope="module")
def open_server():
    """One server per file that accepts any credentials."""
    with Server(auth="any") as running:
        yield running
