"""A job attacks the resolver and the http and https doors, which serve AWS's names in its network. It may break name
resolution for itself, but neither the server nor other jobs."""
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from helpers import wait_until  # noqa: E402
from sagemaker_world import World  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give jobs networks of their own")

ASKS = """
import json, os, socket, ssl, sys, threading, time

def question(name, kind=1):
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    return b"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0" + labels + b"\\0" + kind.to_bytes(2, "big") + b"\\0\\1"

def ask(bytes_sent, timeout=1):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(timeout)
        datagrams.sendto(bytes_sent, ("127.0.0.1", 53))
        try:
            return datagrams.recv(4096)
        except TimeoutError:
            return b""
found = {}
"""
REPORTS = """
json.dump(found, open("/opt/ml/model/found.json", "w"))
"""
GOOD = 'question("sts.us-east-1.amazonaws.com")'


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def reported(world, script):
    job = world.run(ASKS + script + REPORTS)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), world.job_log(job["TrainingJobName"])[-2000:])
    return json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])


def test_hostile_datagrams(world, server):
    found = reported(world, f"""
good = {GOOD}
found["codes"] = [ask(each)[3:4].hex() for each in (
    good[:20], good[:12] + b"\\xc0\\x0c\\0\\1\\0\\1", good[:5] + b"\\xff" + good[6:], good[:2] + b"\\x28" + good[3:], good + b"x" * 600,
    b"\\0" * 12)]
found["unanswered"] = [len(ask(each, 0.3)) for each in (b"", b"x", good[:2] + b"\\x81\\x80" + good[4:], good[:11])]
# A datagram that claims to come from the resolver itself would make two of them talk for ever; nobody but root may forge it.
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forged:
        forged.bind(("127.0.0.1", 1023))
    found["low port"] = "bound"
except PermissionError:
    found["low port"] = "refused"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
    for i in range(20_000):
        flood.sendto(os.urandom(i % 700) if i % 2 else good, ("127.0.0.1", 53))
# The flood can crowd out a datagram, so the client asks again, as resolvers do.
found["after"] = next((answer[-4:].hex() for answer in (ask(good) for _ in range(15)) if answer), "")
""")
    assert [int(code, 16) & 0x0f for code in found["codes"]] == [1, 1, 1, 4, 1, 1]
    assert found["unanswered"] == [0, 0, 0, 0] and found["low port"] == "refused" and found["after"] == "7f000001", found
    assert '"ok"' in server.get("/_tidemill/health")


def test_held_connections_of_the_resolver(world, server):
    """Connections beyond one job's share are closed; idle ones within it time out."""
    found = reported(world, f"""
good = {GOOD}
held = [socket.create_connection(("127.0.0.1", 53), timeout=20) for _ in range(60)]
time.sleep(0.5)
closed = 0
for each in held:
    each.setblocking(False)
    try:
        closed += each.recv(1) == b""
    except BlockingIOError:
        pass
found["closed"] = closed
found["udp"] = ask(good, 10)[-4:].hex()
begun = time.monotonic()
held[0].setblocking(True)
held[0].settimeout(20)
held[0].sendall(b"\\x02")
found["ended"] = held[0].recv(1) == b"" and time.monotonic() - begun < 15
with socket.create_connection(("127.0.0.1", 53), timeout=20) as long:
    long.sendall(b"\\xff\\xff" + b"x" * 1000)
    try:
        found["long"] = long.recv(10) == b""
    except ConnectionResetError:
        found["long"] = True
with socket.create_connection(("127.0.0.1", 53), timeout=20) as many:
    whole = len(good).to_bytes(2, "big") + good
    many.sendall(whole * 50)
    answers = b""
    while len(answers) < 50 * (2 + len(good) + 16):
        answers += many.recv(65536)
    found["many"] = answers.count(b"\\x7f\\0\\0\\1")
""")
    assert found == {"closed": 44, "udp": "7f000001", "ended": True, "long": True, "many": 50}
    assert '"ok"' in server.get("/_tidemill/health")


def test_names_that_are_not_awss_get_no_certificate(world):
    found = reported(world, """
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
def greet(name, check=True):
    own = context
    if not check:
        own = ssl.create_default_context()
        own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", 443), timeout=10) as wire, own.wrap_socket(wire, server_hostname=name) as secure:
            return [value for kind, value in secure.getpeercert().get("subjectAltName", ())] or "unverified"
    except OSError as error:
        return getattr(error, "reason", None) or type(error).__name__
found["names"] = [greet(name) for name in ("sts.us-east-1.amazonaws.com", "a-bucket.s3.eu-west-1.amazonaws.com")]
found["foreign"] = [greet(name, False) for name in ("example.com", "amazonaws.com", "sts.amazonaws.com.evil.example", "localhost", None)]
""")
    assert found["names"] == [["sts.us-east-1.amazonaws.com"], ["a-bucket.s3.eu-west-1.amazonaws.com"]]
    assert {reason.lower().replace("_", " ") for reason in found["foreign"]} <= {"tlsv1 unrecognized name", "tlsv1 alert unrecognized name"}, found


def test_a_job_that_asks_for_many_certificates_leaves_others_theirs(world, server):
    """Each name's certificate is made once, and the latest 512 are kept: many names cost the server time, but no
    memory."""
    name = world.start(ASKS + """
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
for i in range(1500):
    with socket.create_connection(("127.0.0.1", 443), timeout=10) as wire, \\
            context.wrap_socket(wire, server_hostname=f"b{i}.s3.amazonaws.com"):
        pass
    if i == 600:
        print("many", flush=True)
""" + REPORTS)
    wait_until(lambda: "many" in world.job_log(name))
    other = reported(world, f"""
import boto3
found["address"] = ask({GOOD}, 10)[-4:].hex()
for variable in ("AWS_ENDPOINT_URL", "HTTPS_PROXY", "https_proxy"):
    os.environ.pop(variable, None)
found["arn"] = ":assumed-role/" in boto3.client("sts").get_caller_identity()["Arn"]
""")
    assert other == {"address": "7f000001", "arn": True}
    assert world.finished(name)["TrainingJobStatus"] == "Completed"
    assert '"ok"' in server.get("/_tidemill/health")


def test_a_jobs_doors_share_its_connections(world, server):
    """The limit on a job's connections applies to all of its doors together."""
    found = reported(world, """
held, refused = [], 0
for port in (80, 443, int(os.environ["AWS_ENDPOINT_URL"].rsplit(":", 1)[1])):
    for _ in range(700):
        wire = socket.create_connection(("127.0.0.1", port), timeout=10)
        held.append(wire)
time.sleep(1)
for wire in held:
    wire.setblocking(False)
    try:
        wire.recv(1)
        refused += 1
    except BlockingIOError:
        pass
    except OSError:
        refused += 1
found["held"] = len(held) - refused
""")
    assert 500 <= found["held"] <= 1024, found
    assert '"ok"' in server.get("/_tidemill/health")
