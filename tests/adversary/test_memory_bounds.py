"""Memory that clients can make the server use: large bodies that never end, and large answers that nobody reads. Its
peak (VmHWM) stays within the budgets of src/server/request_chain.h."""
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
# The share of 1 GiB that one principal or model may use, and what the server needs besides.
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
    """A server whose peak memory no other test has raised."""
    with Server(auth="verify") as running:
        yield running


def most_memory_bytes(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


def test_bodies_that_never_end(fresh):
    """30 invocations that send 40 of their 63 MiB: 1.2 GB in all."""
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
    # Bodies of 16 KiB each are read before the caller is known.
    wires = [Wire(fresh.port) for _ in range(300)]
    for wire in wires:
        wire.send(head("POST", "/", {"Content-Length": "16000"}) + b"x" * 15_000)
    time.sleep(0.2)
    for wire in wires:
        wire.socket.close()
    assert most_memory_bytes(fresh) - before < 64 * MIB


def test_documents_that_grow_when_they_are_read(fresh):
    """Ten documents of 16 MB, each of which takes 500 MB when decoded. Documents of 1 MB still find room on every
    worker."""
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
    """Sixteen answers of 60 MB, 960 MB in all: as many are kept as fit, and the other clients are told to try again."""
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
        for wire in wires:  # reads only the heads; the server keeps the bodies
            while b"\r\n\r\n" not in wire.buffer:
                wire._more()
            statuses.append(int(wire.buffer[9:12]))
        assert set(statuses) == {200, 429} and 8 <= statuses.count(200) <= 13, statuses
        assert most_memory_bytes(fresh) - before < SHARE_BYTES + SPARE_BYTES
    finally:
        for wire in wires:
            wire.socket.close()
    with Wire(fresh.port, timeout=60) as wire:  # the memory has become available again
        assert len(wire.send(request).reply().body) == ANSWER_BYTES
    world.sm.delete_endpoint(EndpointName=endpoint)
