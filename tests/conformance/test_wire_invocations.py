"""InvokeEndpoint and InvokeEndpointWithResponseStream with slow, rude and broken clients on raw sockets. Resources that
they take become free again: memory, descriptors, the model's workers."""
import errno
import os
import re
import socket
import struct
import threading
import time

import pytest
from botocore.eventstream import EventStreamBuffer

from helpers import unique, wait_until
from hosting import in_service, metric
from sagemaker_world import SCIKIT_LEARN, World, tar_gz
from support.raw import Dropped, Signer, Wire, head
from support.server import Server

MIB = 1 << 20
WORKERS = 4
# How much more a process of the server may hold afterwards: kept-alive connections, spare pages of its allocator.
DESCRIPTORS_SPARE, MEMORY_SPARE_BYTES = 16, 48 * MIB

# "N text" answers N times the text, in pieces where a stream is asked for; "wait S" sleeps.
SCRIPT = """
import time


def model_fn(model_dir):
    return None


def input_fn(body, content_type):
    return body


def predict_fn(body, model):
    word, _, rest = body.partition(" ")
    if word == "wait":
        time.sleep(float(rest))
        return ["waited " + rest]
    return (rest for _ in range(int(word)))


def output_fn(pieces, accept):
    return (iter(pieces), "text/plain") if accept == "text/pieces" else ("".join(pieces), "text/plain")
"""


class Hosting(World):
    """Two endpoints: a native model, and a script with WORKERS workers."""

    def __init__(self, server):
        super().__init__(server)
        archive = self.put(f"{unique('script')}/model.tar.gz", tar_gz({"code/inference.py": SCRIPT}))
        self.script = self.deploy(SCIKIT_LEARN, archive, {
            "SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS)})
        self.native = self.deploy_native()
        for name in (self.script, self.native):
            in_service(self, name)
        self.signer = Signer.of(server, "sagemaker")

    def deploy_native(self):
        """A model that answers a number from 0 to 9 with the next one."""
        import numpy
        import xgboost
        from sagemaker_world import XGBOOST
        rows = numpy.arange(10, dtype=float).reshape(-1, 1)
        booster = xgboost.train({"objective": "reg:squarederror", "eta": 1, "lambda": 0, "max_depth": 8,
                                 "min_child_weight": 0}, xgboost.DMatrix(rows, label=rows[:, 0] + 1), 1)
        return self.deploy(XGBOOST, self.put(f"{unique('native')}/model.tar.gz", tar_gz(
            {"xgboost-model": bytes(booster.save_raw("ubj"))})))

    def target(self, endpoint, stream=False):
        return f"/endpoints/{endpoint}/invocations" + ("-response-stream" if stream else "")

    def request(self, endpoint, body, kind="text/plain", stream=False, accept="text/plain"):
        """The whole request as bytes."""
        accepts = "X-Amzn-SageMaker-Accept" if stream else "Accept"
        return self.signer.request("POST", self.target(endpoint, stream), {"Content-Type": kind, accepts: accept},
                                   body)

    def native_request(self, number):
        return self.request(self.native, b"%d" % number, "text/csv", accept="text/csv")

    def stream_request(self, body):
        return self.request(self.script, body, stream=True, accept="text/pieces")

    def head_of(self, endpoint, body, headers=None, stream=False, length=None):
        """Sends only the head, signed for this body."""
        signed = self.signer.sign("POST", self.target(endpoint, stream), {"Content-Type": "text/csv", **(headers or {})},
                                  body)
        return head("POST", self.target(endpoint, stream), {
            **signed, "Content-Length": str(len(body) if length is None else length)})

    def answers_quickly(self, seconds=2):
        begun = time.monotonic()
        with Wire(self.server.port) as wire:
            assert float(wire.send(self.native_request(3)).reply().body) == 4.0
            assert wire.send(self.request(self.script, b"1 well")).reply().body == b"well"
        assert time.monotonic() - begun < seconds

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def memory_bytes(self):
        with open(f"/proc/{self.server.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024


@pytest.fixture(scope="module")
def world():
    with Server(auth="verify") as server:
        made = Hosting(server)
        yield made
        for name in (made.script, made.native):
            made.sm.delete_endpoint(EndpointName=name)
        wait_until(lambda: not made.sm.list_endpoints()["Endpoints"])


@pytest.fixture(autouse=True)
def nothing_stays(world):
    """Checks around each test that its clients' resources become free again."""
    world.answers_quickly(10)
    descriptors, memory = world.descriptors(), world.memory_bytes()
    yield
    world.answers_quickly(10)
    wait_until(lambda: world.descriptors() <= descriptors + DESCRIPTORS_SPARE, 15)
    wait_until(lambda: world.memory_bytes() <= memory + MEMORY_SPARE_BYTES, 15)


class SlowReader(threading.Thread):
    """Requests an endless stream and reads one byte a second until it is cut off; records how long that took."""

    def __init__(self, world, body):
        super().__init__(daemon=True)
        self.wire = Wire(world.server.port, timeout=90, receive_bytes=4096)
        self.wire.send(world.stream_request(body))
        self.begun, self.ended, self.taken, self.over = time.monotonic(), None, 0, threading.Event()
        self.start()

    def run(self):
        """A reset is noticed before everything that was sent before it has been read."""
        while time.monotonic() - self.begun < 80 and not self.over.is_set():
            assert self.wire.socket.recv(1)
            self.taken += 1
            if self.wire.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET:
                self.ended = time.monotonic() - self.begun
                return
            self.over.wait(1)

    def leave(self):
        self.over.set()
        self.join()
        self.wire.socket.close()


@pytest.fixture(scope="module", autouse=True)
def slow_reader(world):
    """It runs during all tests of this file; the last one checks the result."""
    reader = SlowReader(world, b"100000000 " + b"s" * 1000)
    yield reader
    reader.leave()


def test_a_body_that_trickles(world):
    """There are many of them, and nobody else has to wait."""
    whole = world.native_request(5)
    split = whole.index(b"\r\n\r\n") - 20
    wires = [Wire(world.server.port) for _ in range(50)]
    try:
        for wire in wires:
            wire.send(whole[:split])
        for byte in whole[split:]:
            for wire in wires:
                wire.send(bytes([byte]))
            time.sleep(0.02)
        world.answers_quickly()
        assert [float(wire.reply().body) for wire in wires] == [6.0] * 50
    finally:
        for wire in wires:
            wire.socket.close()


def test_a_large_body_that_stops_in_the_middle(world):
    """Sixty clients that have sent 1 MiB of 5 MiB each."""
    begin = world.head_of(world.native, b"", length=5 * MIB) + b"1," * (MIB // 2)
    wires = [Wire(world.server.port) for _ in range(60)]
    try:
        for wire in wires:
            wire.send(begin)
        for _ in range(3):
            world.answers_quickly(5)
    finally:
        for wire in wires:
            wire.socket.close()


@pytest.mark.parametrize("stream", [False, True])
def test_half_a_request_and_the_end(world, stream):
    """No model is asked; the client, which can still read, is told what was wrong."""
    before = metric(world, "tidemill_invocations_total")
    for body, sent in ((b"1,2,3,4", 3), (b"1" * 100_000, 50_000)):
        with Wire(world.server.port) as wire:
            wire.send(world.head_of(world.native, body, stream=stream) + body[:sent])
            wire.socket.shutdown(socket.SHUT_WR)
            try:
                reply = wire.reply()
                assert reply.status == 400 and reply.error()[0], reply
            except Dropped as dropped:
                assert "after b''" in str(dropped)  # or nothing at all, but not half of an answer
            assert wire.ended()
    assert metric(world, "tidemill_invocations_total") == before


def test_half_a_request_and_a_reset(world):
    before = metric(world, "tidemill_invocations_total")
    for _ in range(50):
        with Wire(world.server.port) as wire:
            wire.send(world.head_of(world.native, b"1" * 10_000) + b"1" * 5_000)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    world.answers_quickly()
    assert metric(world, "tidemill_invocations_total") == before + 2


def test_pipelined_invocations_are_answered_in_order(world):
    """Native requests, which are answered at once, follow those of a slow process on the same connection."""
    requests, expected = b"", []
    for i in range(24):
        requests += world.request(world.script, b"wait 0.02") if i % 6 == 0 else world.native_request(i % 10)
        expected.append(b"waited 0.02" if i % 6 == 0 else i % 10 + 1.0)
    with Wire(world.server.port) as wire:
        wire.send(requests)
        for wanted in expected:
            reply = wire.reply()
            assert reply.status == 200, reply
            assert (reply.body if isinstance(wanted, bytes) else float(reply.body)) == wanted
        assert wire.nothing_comes(0.05)


def test_an_invocation_behind_a_stream(world):
    with Wire(world.server.port) as wire:
        wire.send(world.stream_request(b"3 piece") + world.native_request(7))
        assert payload(wire.reply().body) == b"piece" * 3
        assert float(wire.reply().body) == 8.0


def payload(body):
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    events = list(buffer)
    assert {event.headers[":event-type"] for event in events} == {"PayloadPart"}
    return b"".join(event.payload for event in events)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("size", [1, 64 * 1024, 3 * MIB])
def test_100_continue_comes_before_the_body(world, size, stream):
    body = b"1 " + b"x" * size
    with Wire(world.server.port) as wire:
        wire.send(world.head_of(world.script, body, {"Expect": "100-continue", "Content-Type": "text/plain"}, stream))
        assert wire.reply().status == 100
        wire.send(body)
        reply = wire.reply()
        assert reply.status == 200
        assert (payload(reply.body) if stream else reply.body) == b"x" * size
        wire.send(world.native_request(1))  # the connection can be used again
        assert float(wire.reply().body) == 2.0


def test_a_client_that_does_not_wait_for_100(world):
    body = b"1 impatient"
    with Wire(world.server.port) as wire:
        wire.send(world.head_of(world.script, body, {"Expect": "100-continue"}) + body)
        reply = wire.reply()
        assert (wire.reply() if reply.status == 100 else reply).body == b"impatient"


def test_a_body_that_is_not_what_was_signed(world):
    """The signature covers the body, so the model must not be asked before the whole body has arrived."""
    before = metric(world, "tidemill_invocations_total")
    with Wire(world.server.port) as wire:
        wire.send(world.head_of(world.script, b"1 signed", {"Expect": "100-continue"}))
        assert wire.reply().status == 100
        reply = wire.send(b"1 forged").reply()
        assert reply.status in (400, 403) and reply.error()[0] == "InvalidSignatureException", reply
    assert metric(world, "tidemill_invocations_total") == before


def test_clients_that_leave_in_the_middle_of_a_stream(world):
    """Each keeps a worker of the model busy until the server tells it that nobody is listening."""
    for i in range(20):
        with Wire(world.server.port) as wire:
            wire.send(world.stream_request(b"100000000 " + b"m" * 1000))
            while len(wire.buffer) < 5000:
                wire._more()
            if i % 2:  # every second one with a reset
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    world.answers_quickly(5)


def test_clients_that_leave_before_the_answer(world):
    for i in range(30):
        with Wire(world.server.port) as wire:
            wire.send(world.request(world.script, b"wait 0.05") if i % 2 else world.stream_request(b"wait 0.05"))
    world.answers_quickly(10)


def test_readers_who_take_nothing_of_a_stream_hold_little_memory(world):
    """Unread answers stay in the model server, here for all of its workers: streams of 100 MB."""
    before = world.memory_bytes()
    wires = [Wire(world.server.port, receive_bytes=4096) for _ in range(2 * WORKERS)]
    try:
        for wire in wires:
            wire.send(world.stream_request(b"100000 " + b"n" * 1000))
        wait_until(lambda: sum(not wire.nothing_comes(0.01) for wire in wires) >= WORKERS - 1)
        time.sleep(1)  # time in which memory would grow
        assert world.memory_bytes() - before < 16 * MIB
        assert native_answer(world) == 5.0
    finally:
        for wire in wires:
            wire.socket.close()


def native_answer(world):
    """At the same time, other clients have taken the script's workers."""
    with Wire(world.server.port) as wire:
        return float(wire.send(world.native_request(4)).reply().body)


def test_a_large_answer_that_nobody_takes(world):
    """30 answers of 4 MB to clients that do not read."""
    wires = [Wire(world.server.port, receive_bytes=4096) for _ in range(30)]
    try:
        for wire in wires:
            wire.send(world.request(world.script, b"4000 " + b"a" * 1000))
        for _ in range(3):
            assert native_answer(world) == 5.0
        assert wires[0].reply().body == b"a" * 4_000_000
    finally:
        for wire in wires:
            wire.socket.close()


def test_the_slow_reader_was_cut_off_in_time(world, slow_reader):
    """Started before all other tests: 30 s in which the server cannot send a byte end it."""
    slow_reader.join(90)
    assert slow_reader.ended is not None and slow_reader.ended < 60, slow_reader.ended
    assert slow_reader.taken > 5
