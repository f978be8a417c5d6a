"""Memory that clients can make the server take: large bodies that never end, large answers that nobody reads. What it
took at most (VmHWM) stays within the budgets of src/server/request_chain.h."""
import contextlib
import re
import sys
import time
from pathlib import Path

import pytest

from support.raw import Signer, Wire, head, json_headers
from support.server import Server

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from sagemaker_world import SCIKIT_LEARN, World, tar_gz  # noqa: E402

MIB = 1 << 20
# One principal's, or one model's, share of 1 GiB; and what the server takes besides.
SHARE_BYTES, SPARE_BYTES = 768 * MIB, 200 * MIB
ANSWERS, ANSWER_BYTES = 16, 60_000_000

SCRIPT = """
def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(body, model):
    return "a" * int(body)

def output_fn(text, accept):
    return text, "text/plain"
"""


@pytest.fixture
def fresh():
    """A server whose memory no other test has raised."""
    with Server(auth="verify") as running:
        yield running


def most_memory_bytes(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


def test_bodies_that_never_end(fresh):
    """30 invocations of which 40 MiB of 63 come: 1.2 GB."""
    target = "/endpoints/none/invocations"
    signed = Signer.of(fresh, "sagemaker").sign("POST", target, {"Content-Type": "text/csv"}, payload="1" * 64)
    begin = head("POST", target, {**signed, "Content-Length": str(63 * MIB)})
    before, part = most_memory_bytes(fresh), b"1," * (20 * MIB)
    wires = [Wire(fresh.port) for _ in range(30)]
    try:
        for wire in wires:
            with contextlib.suppress(OSError):
                wire.send(begin + part)
        time.sleep(0.5)
        assert most_memory_bytes(fresh) - before < SHARE_BYTES + SPARE_BYTES
        statuses = [wire.reply().status for wire in wires if not wire.nothing_comes(0.02)]
        assert statuses and set(statuses) == {429}, statuses
    finally:
        for wire in wires:
            wire.socket.close()


def test_bodies_without_a_key_cost_nothing(fresh):
    before = most_memory_bytes(fresh)
    begin = head("POST", "/endpoints/none/invocations", {"Content-Type": "text/csv", "Content-Length": str(20 * MIB)})
    for _ in range(30):
        with Wire(fresh.port) as wire, contextlib.suppress(OSError):
            wire.send(begin + b"1," * MIB)
            wire.socket.recv(1)
    # And those small enough that no one asks who sends them: 16 KiB each.
    wires = [Wire(fresh.port) for _ in range(300)]
    for wire in wires:
        wire.send(head("POST", "/", {"Content-Length": "16000"}) + b"x" * 15_000)
    time.sleep(0.2)
    for wire in wires:
        wire.socket.close()
    assert most_memory_bytes(fresh) - before < 64 * MIB


def test_documents_that_grow_when_they_are_read(fresh):
    """Ten of 16 MB, each of which takes 500 MB decoded; ones of 1 MB find room on every worker."""
    def document(count):
        return Signer.of(fresh, "sagemaker").request("POST", "/", json_headers("SageMaker.CreateModel"),
                                                     b'{"ModelName":"m","Tags":[' + b"{}," * count + b"{}]}")
    before = most_memory_bytes(fresh)
    for count, wanted in ((5 * MIB, {"ValidationException", "ThrottlingException"}), (MIB // 3, {"ValidationException"})):
        wires = [Wire(fresh.port, timeout=60).send(document(count)) for _ in range(10)]
        codes = {wire.reply().error()[0] for wire in wires}
        for wire in wires:
            wire.socket.close()
        assert codes == wanted
    assert most_memory_bytes(fresh) - before < 1024 * MIB + SPARE_BYTES


def test_answers_that_nobody_reads(fresh):
    """Sixteen of 60 MB: 960 MB, of which as many are kept as there is room for; the others are told to come again."""
    world = World(fresh)
    archive = world.put("script/model.tar.gz", tar_gz({"code/inference.py": SCRIPT}))
    endpoint = world.deploy(SCIKIT_LEARN, archive, {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_MODEL_SERVER_WORKERS": "2"})
    assert world.settled(endpoint)["EndpointStatus"] == "InService"
    before = most_memory_bytes(fresh)
    request = Signer.of(fresh, "sagemaker").request(
        "POST", f"/endpoints/{endpoint}/invocations", {"Content-Type": "text/plain", "Accept": "text/plain"}, b"%d" % ANSWER_BYTES)
    wires = [Wire(fresh.port, timeout=60, receive_bytes=4096) for _ in range(ANSWERS)]
    try:
        for wire in wires:
            wire.send(request)
        statuses = []
        for wire in wires:  # heads only: the bodies stay with the server
            while b"\r\n\r\n" not in wire.buffer:
                wire._more()
            statuses.append(int(wire.buffer[9:12]))
        assert set(statuses) == {200, 429} and 8 <= statuses.count(200) <= 13, statuses
        assert most_memory_bytes(fresh) - before < SHARE_BYTES + SPARE_BYTES
    finally:
        for wire in wires:
            wire.socket.close()
    with Wire(fresh.port, timeout=60) as wire:  # what they held is there again
        assert len(wire.send(request).reply().body) == ANSWER_BYTES
    world.sm.delete_endpoint(EndpointName=endpoint)
