"""Shared by all parts of the tests: `support` on the path, and one server for each kind of authentication. ./mill test
runs each file in its own process, so each file has its own servers."""
import subprocess
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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A folder with a self-signed certificate.pem for localhost and its key.pem."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", folder / "key.pem", "-out", folder / "certificate.pem", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return folder
