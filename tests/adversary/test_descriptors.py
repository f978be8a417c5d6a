"""Idle connections use up file descriptors: the server raises the soft limit, and within the hard limit it closes idle
connections."""
import contextlib
import re
import resource
import shutil
import socket
from pathlib import Path

import pytest

from support.raw import Signer, Wire
from support.server import BINARY, Server

IDLE = 1100
HEALTH = b"GET /_tidemill/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def own_descriptors():
    """Raises this process's own limit to at least as many descriptors."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if before[1] == resource.RLIM_INFINITY else min(before[1], 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], wanted), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def limited(soft, hard, **options):
    """Starts a server under this limit of open files."""
    assert shutil.which("prlimit"), "util-linux has it"
    return Server(auth="verify", command=["prlimit", f"--nofile={soft}:{hard}", str(BINARY)], **options)


@contextlib.contextmanager
def connections(server, count, data=b""):
    wires = []
    try:
        for _ in range(count):
            wires.append(Wire(server.port))
            if data:
                wires[-1].send(data)
        yield wires
    finally:
        for wire in wires:
            wire.socket.close()


def put_and_get(server, bucket):
    """Gets objects that are stored as files, over several connections."""
    signer = Signer.of(server, "s3")
    data = b"d" * (2 << 20)
    for i in range(5):
        with Wire(server.port) as wire:
            assert wire.send(signer.request("PUT", f"/{bucket}/k{i}", {}, data)).reply().status == 200
            assert wire.send(signer.request("GET", f"/{bucket}/k{i}")).reply().body == data


def metric(server, name):
    return int(re.search(rf"^{name} (\d+)$", server.get("/_tidemill/metrics"), re.M).group(1))


def test_the_soft_limit_is_raised_and_idle_connections_stay():
    hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1] % (1 << 63), 65536)
    assert hard > 2 * IDLE
    with limited(1024, hard) as server:
        server.client("s3").create_bucket(Bucket="raised")
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        assert re.search(rf"^Max open files +{hard} +{hard}", limits, re.M), limits
        with connections(server, IDLE) as wires:
            put_and_get(server, "raised")
            assert wires[0].send(HEALTH).reply().status == 200
            assert wires[-1].send(HEALTH).reply().status == 200


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_hard_limit_is_shared_out(sent):
    """Connections that send nothing, or that never finish a request's head."""
    with limited(1024, 1024) as server:
        server.client("s3").create_bucket(Bucket="shared")
        with connections(server, IDLE, sent):
            put_and_get(server, "shared")
            assert metric(server, "tidemill_http_connections_active") <= 768
            assert metric(server, "tidemill_http_connections_shed_total") > 0
            assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < 900
        assert "fewer connections" in server.log_path.read_text()


def test_the_credentials_port_is_within_the_limit_too():
    """The second port of a server that listens on another address once took 1,024 more descriptors, and GETs and PUTs
    failed with 500."""
    with limited(1024, 1024, host="127.0.0.2") as server, contextlib.ExitStack() as wires:
        s3, data = server.client("s3"), b"d" * (2 << 20)
        s3.create_bucket(Bucket="both")
        for address, count in ((("127.0.0.1", int((server.data / "credentials-port").read_text())), IDLE), (("127.0.0.2", server.port), 700)):
            for _ in range(count):
                wires.enter_context(socket.create_connection(address, timeout=5))
        for i in range(5):
            s3.put_object(Bucket="both", Key=f"k{i}", Body=data)
            assert s3.get_object(Bucket="both", Key=f"k{i}")["Body"].read() == data
