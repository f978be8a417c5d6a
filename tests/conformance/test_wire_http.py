"""HTTP/1.1 on raw sockets: framing, order, limits, and clients that are slow, rude or many. A broken request is
answered before the connection closes."""
import hashlib
import random
import threading
import time

import pytest

from helpers import unique
from support.raw import CALLS, Dropped, Signer, Wire, exchange, head, http_chunks
from support.server import Server

MIB = 1 << 20
HEALTH = head("GET", "/_tidemill/health", {})


class SlowClient(threading.Thread):
    """Sends `first`, then `drip` every half second, and records when which bytes come back."""

    def __init__(self, port, first, drip):
        super().__init__(daemon=True)
        self.wire, self.first, self.drip = Wire(port, timeout=60), first, drip
        self.begun, self.ended, self.answer = time.monotonic(), None, None
        self.start()

    def run(self):
        try:
            self.wire.send(self.first)
            while self.wire.nothing_comes(0.5):
                self.wire.send(self.drip)
            self.answer = self.wire.reply()
        except (Dropped, OSError):
            pass
        self.ended = time.monotonic() - self.begun


@pytest.fixture(scope="module", autouse=True)
def slow_clients(server):
    """They run during all other tests of this file; the last test checks the results."""
    assert exchange(server, Signer.of(server, "s3").request("PUT", "/slow-bucket")).status == 200
    put = Signer.of(server, "s3").sign("PUT", "/slow-bucket/k", payload="UNSIGNED-PAYLOAD")
    return {"head": SlowClient(server.port, b"GET /_tidemill/health HTTP/1.1\r\nX-Slow: ", b"z"),
            "body": SlowClient(server.port, head("PUT", "/slow-bucket/k", {**put, "Content-Length": "1000"}), b""),
            "stream": SlowClient(server.port, head("PUT", "/slow-bucket/k", {**put, "Content-Length": "5000000"}), b"")}


@pytest.fixture(scope="module")
def signer(server):
    return Signer.of(server, "s3")


@pytest.fixture(scope="module")
def bucket(server, signer):
    name = unique("http")
    assert exchange(server, signer.request("PUT", f"/{name}")).status == 200
    return name


def answers_quickly(server, seconds=2):
    begun = time.monotonic()
    assert exchange(server, HEALTH).status == 200
    assert exchange(server, Signer.of(server, "s3").request("GET", "/")).status == 200
    assert time.monotonic() - begun < seconds


def test_pipelined_requests_are_done_and_answered_in_order(server, signer, bucket):
    requests, expected = b"", []
    for i in range(30):
        target, body = f"/{bucket}/pipe-{i % 3}", b"%d" % i
        requests += signer.request("PUT", target, body=body) + signer.request("GET", target) + signer.request("HEAD", target)
        expected += [b"", body, b""]
    with Wire(server.port) as wire:
        wire.send(requests)
        for i, body in enumerate(expected):
            reply = wire.reply(head=i % 3 == 2)
            assert reply.status == 200 and reply.body == body, (i, reply)
        assert wire.nothing_comes(0.05)


def test_a_request_that_comes_byte_by_byte(server, signer, bucket):
    with Wire(server.port) as wire:
        for byte in signer.request("PUT", f"/{bucket}/bytes", body=b"slowly"):
            wire.send(bytes([byte]))
        assert wire.reply().status == 200
    assert exchange(server, signer.request("GET", f"/{bucket}/bytes")).body == b"slowly"


def test_chunked_with_extensions_and_trailers(server, signer, bucket):
    target = f"/{bucket}/chunked"
    signed = signer.sign("PUT", target, {"Transfer-Encoding": "chunked"}, payload="UNSIGNED-PAYLOAD")
    body = b'5;name="value"\r\nhello\r\n006 ;x\r\n there\r\n000\r\nX-Trailer: 1\r\n\r\n'
    with Wire(server.port) as wire:
        wire.send(head("PUT", target, signed) + body + signer.request("GET", target))
        assert wire.reply().status == 200
        assert wire.reply().body == b"hello there"


@pytest.mark.parametrize("body", [
    b"5\r\nhel", b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"-5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\nhello", b"5" + b";" * 3000 + b"\r\nhello\r\n0\r\n\r\n",
    b"0\r\n" + b"A: " + b"b" * 20000 + b"\r\n\r\n", b"7fffffffffffffff\r\nhello"])
def test_broken_chunked_framing(server, signer, bucket, body):
    target = f"/{bucket}/{unique()}"
    signed = signer.sign("PUT", target, {"Transfer-Encoding": "chunked"}, payload="UNSIGNED-PAYLOAD")
    with Wire(server.port) as wire:
        wire.send(head("PUT", target, signed) + body)
        wire.socket.shutdown(1)
        reply = wire.reply()
        assert reply.status in (400, 413) and reply.error()[1], reply
        assert wire.ended()
    assert exchange(server, signer.request("GET", target)).status == 404


@pytest.mark.parametrize("size", [0, 10, MIB, 3 * MIB])
def test_100_continue_comes_before_the_body_is_sent(server, signer, bucket, size):
    target, body = f"/{bucket}/expect-{size}", b"e" * size
    signed = signer.sign("PUT", target, {"Expect": "100-continue"}, body)
    with Wire(server.port) as wire:
        wire.send(head("PUT", target, {**signed, "Content-Length": str(size)}))
        if size:
            assert wire.reply().status == 100
        wire.send(body)
        assert wire.reply().status == 200
        wire.send(signer.request("GET", target))
        assert wire.reply().body == body


def test_a_client_that_does_not_wait_for_100(server, signer, bucket):
    target, body = f"/{bucket}/impatient", b"i" * 1000
    signed = signer.sign("PUT", target, {"Expect": "100-continue"}, body)
    with Wire(server.port) as wire:
        wire.send(head("PUT", target, {**signed, "Content-Length": "1000"}) + body)
        reply = wire.reply()
        assert (wire.reply() if reply.status == 100 else reply).status == 200


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_a_refused_request_is_not_told_to_continue(server, bucket, size):
    """A client that asks first and is not allowed must not send the body in vain."""
    target = f"/{bucket}/refused"
    nobody = Signer("AKIAIOSFODNN7EXAMPLE", "x", "s3")
    signed = nobody.sign("PUT", target, {"Expect": "100-continue"}, payload="UNSIGNED-PAYLOAD")
    with Wire(server.port) as wire:
        wire.send(head("PUT", target, {**signed, "Content-Length": str(size)}))
        reply = wire.reply()
        assert (reply.status, reply.error()[0]) == (403, "InvalidAccessKeyId"), reply


def test_an_unknown_expectation(server):
    reply = exchange(server, head("PUT", "/b/k", {"Expect": "200-ok", "Content-Length": "5"}))
    assert reply.status == 417


@pytest.mark.parametrize("request_bytes, status", [
    (head("GET", "/", {"X-Big": "x" * 70_000}), 431),
    (head("GET", "/", {f"X-{i}": "x" * 900 for i in range(100)}), 431),
    (head("GET", "/", {f"X-{i}": "" for i in range(300)}), 431),
    (head("GET", "/" + "a" * 40_000, {}), 414),
    (head("GET", "/?" + "a" * 40_000, {}), 414),
    (b"G" * 70_000, 414),
], ids=["one huge header", "many large headers", "too many headers", "long path", "long query", "endless method"])
def test_heads_over_the_limits(server, request_bytes, status):
    with Wire(server.port) as wire:
        try:
            wire.send(request_bytes)
        except OSError:
            pass
        reply = wire.reply()
        assert reply.status == status and reply.headers["connection"] == "close", reply
        assert reply.error()[0] and reply.error()[1] and reply.request_id()
        assert wire.ended()


def test_heads_just_under_the_limits(server, signer):
    assert exchange(server, signer.request("GET", "/", {"X-Amz-Meta-Big": "x" * 60_000})).status == 200
    assert exchange(server, signer.request("GET", "/", {f"X-{i}": "1" for i in range(200)})).status == 200


SMUGGLED = "GET /_tidemill/health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("text", [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nX: a\r\n Content-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nX: a\rContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "GET /\r\nHost: a\r\n\r\n", "/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x00\x00\x00\x00", "SSH-2.0-x\r\n\r\n",
    "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /?a=%f HTTP/1.1\r\nHost: a\r\n\r\n",
])
def test_what_two_parsers_could_read_in_two_ways_ends_the_connection(server, text):
    """Answers 400 (or 501, 505) and closes: what follows is never taken for another request."""
    with Wire(server.port) as wire:
        wire.send((text + SMUGGLED).encode("latin-1"))
        reply = wire.reply()
        assert reply.status in (400, 413, 414, 501, 505), reply
        assert reply.error()[0] and reply.error()[1] and reply.request_id(), reply
        assert wire.ended() and not wire.buffer, wire.buffer


def test_tolerated_forms(server):
    for text in ("\r\n\r\n" + SMUGGLED, SMUGGLED.replace("Host: a", "hOsT:a"), SMUGGLED.replace("Host: a", "Host:\t a \t"),
                 SMUGGLED.replace("/_tid", "http://localhost/_tid").replace("Host: a", "Host: localhost"),
                 "GET /_tidemill/health HTTP/1.0\r\n\r\n"):
        assert exchange(server, text.encode()).status == 200, text


def test_http_1_0_closes_unless_asked_to_stay(server):
    with Wire(server.port) as wire:
        wire.send(b"GET /_tidemill/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert wire.reply().headers["connection"] == "keep-alive"
        wire.send(b"GET /_tidemill/health HTTP/1.0\r\n\r\n")
        assert wire.reply().status == 200
        assert wire.ended()


@pytest.mark.parametrize("target, status", [("/_tidemill/health", 200), ("/BUCKET/none", 404), ("/BUCKET", 200), ("/none-such-bucket", 404)])
def test_head_has_the_headers_and_no_body(server, signer, bucket, target, status):
    target = target.replace("BUCKET", bucket)
    with Wire(server.port) as wire:
        wire.send(signer.request("HEAD", target) + HEALTH)
        reply = wire.reply(head=True)
        assert reply.status == status, reply
        assert wire.reply().text == '{"status":"ok"}\n'


def test_the_connection_stays_usable_after_errors(server, signer, bucket):
    wrong = Signer(signer.key, "wrong", "s3")
    with Wire(server.port) as wire:
        for request, status in [
                (signer.request("GET", f"/{bucket}/none"), 404), (wrong.request("GET", "/"), 403),
                (signer.request("PUT", "/none-such-bucket/k", body=b"x" * 900_000), 404),
                (wrong.request("PUT", f"/{bucket}/k", body=b"x" * 900_000), 403),
                (signer.request("POST", f"/{bucket}?delete=", body=b"<Dele"), 400),
                (signer.request("BREW", f"/{bucket}"), 405), (HEALTH, 200)]:
            wire.send(request)
            reply = wire.reply()
            assert reply.status == status and reply.headers.get("connection") != "close", reply


@pytest.mark.parametrize("size", [3 * MIB, 24 * MIB])
def test_an_early_refusal_reaches_a_client_that_is_still_sending(server, signer, size):
    body = bytes(size)
    for request in (signer.request("PUT", "/none-such-bucket/k", body=body),
                    Signer("AKIAIOSFODNN7EXAMPLE", "x", "s3").request("PUT", "/b/k", body=body)):
        with Wire(server.port) as wire:
            wire.send(request)
            reply = wire.reply()
            assert reply.status in (403, 404), reply
            if reply.headers.get("connection") != "close":
                assert wire.send(HEALTH).reply().status == 200


def test_200_connections_at_once(server, signer):
    wires = [Wire(server.port) for _ in range(200)]
    try:
        for _ in range(2):
            for wire in wires:
                wire.send(signer.request("GET", "/"))
            assert [wire.reply().status for wire in wires] == [200] * 200
    finally:
        for wire in wires:
            wire.socket.close()
    answers_quickly(server)


def test_more_connections_than_allowed_are_told_so():
    """Ten connections in mid-request; idle ones would have been closed to make room."""
    with Server(auth="any", options=["--connections-max", "10"]) as server:
        begun = HEALTH[:-2] + b"Content-Length: 2\r\n\r\n1"
        wires = [Wire(server.port).send(begun) for _ in range(10)]
        time.sleep(0.3)
        reply = exchange(server, b"")
        assert reply.status == 503 and reply.headers["connection"] == "close"
        assert wires[0].send(b"2").reply().status == 200
        wires.pop().socket.close()
        deadline = time.monotonic() + 5
        while (status := exchange(server, HEALTH).status) != 200:
            assert status == 503 and time.monotonic() < deadline
        for wire in wires[1:]:
            assert wire.send(b"2").reply().status == 200
            wire.socket.close()


def test_an_idle_connection_is_closed_without_a_word():
    with Server(auth="any", options=["--idle-timeout-seconds", "1"]) as server, Wire(server.port) as wire:
        assert wire.send(HEALTH).reply().status == 200
        begun = time.monotonic()
        assert wire.ended() and not wire.buffer
        assert 0.5 < time.monotonic() - begun < 5


def test_slow_readers_of_large_objects_hold_nobody_up(server, signer, bucket):
    target = f"/{bucket}/large"
    data = hashlib.sha512(b"large").digest() * (24 * MIB // 64)
    assert exchange(server, signer.request("PUT", target, body=data)).status == 200
    readers = [Wire(server.port, receive_bytes=16_384) for _ in range(30)]
    try:
        for wire in readers:
            wire.send(signer.request("GET", target))
        for _ in range(5):
            answers_quickly(server)
        assert exchange(server, signer.request("GET", target, {"Range": "bytes=100-199"})).body == data[100:200]
        reply = readers[0].reply()
        assert reply.status == 200 and hashlib.sha256(reply.body).digest() == hashlib.sha256(data).digest()
    finally:
        for wire in readers:
            wire.socket.close()
    answers_quickly(server)


def test_slow_senders_hold_nobody_up(server, signer, bucket):
    """More uploads that stopped in mid-body than there are workers."""
    target = f"/{bucket}/stuck"
    signed = signer.sign("PUT", target, payload="UNSIGNED-PAYLOAD")
    senders = [Wire(server.port) for _ in range(40)]
    try:
        for wire in senders:
            wire.send(head("PUT", target, {**signed, "Content-Length": "5000000"}) + b"x" * 10)
        for _ in range(3):
            answers_quickly(server, 5)
    finally:
        for wire in senders:
            wire.socket.close()
    answers_quickly(server)


def test_a_client_that_leaves_before_its_answer(server, signer, bucket):
    for _ in range(50):
        with Wire(server.port) as wire:
            wire.send(signer.request("GET", f"/{bucket}/large"))
    answers_quickly(server)


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        kind = rng.random()
        if kind < 0.4:
            data[at] = rng.randrange(256)
        elif kind < 0.6:
            del data[at:at + rng.randint(1, 20)]
        elif kind < 0.8:
            data[at:at] = rng.choice([b"\r\n", b"\x00", b"%", b"[[[[[[", b'"', b"<a>", b"\xff\xfe", b"0", b"&", b"]]>", b"{}"])
        else:
            data[at:at] = data[at:at + rng.randint(1, 50)]
        if not data:
            break
    return bytes(data)


XML = b"<Delete><Object><Key>k</Key></Object><Quiet>true</Quiet></Delete>"
FUZZED = {**CALLS, "s3-delete": ("rest-xml", "s3", "POST", "/bucket?delete=", {}, XML),
          "s3-put": ("rest-xml", "s3", "PUT", "/bucket/key", {"X-Amz-Meta-A": "b"}, b"body"),
          "s3-list": ("rest-xml", "s3", "GET", "/bucket?list-type=2&max-keys=10&prefix=a%2Fb", {}, b""),
          "logs-put": ("json", "logs", "POST", "/", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.PutLogEvents"},
                       b'{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1700000000000,"message":"m"}]}')}


@pytest.mark.parametrize("call", FUZZED)
def test_mutated_requests_get_an_answer_that_is_no_500(open_server, call):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    _, service, method, target, headers, body = FUZZED[call]
    whole = Signer.of(open_server, service).request(method, target, headers, body)
    for i in range(150):
        # Half of them change only the bytes after the blank line and have a matching length, so that they reach the
        # parsers.
        if body and i % 2:
            changed = mutated(rng, body)
            data = Signer.of(open_server, service).request(method, target, headers, changed)
        else:
            data = mutated(rng, whole)
        with Wire(open_server.port) as wire:
            wire.send(data)
            wire.socket.shutdown(1)
            try:
                reply = wire.reply()
            except Dropped:
                assert data.strip(b"\r\n") == b"", f"seed {seed}, {i}: no answer to {data!r}"
                continue
            assert reply.status < 500 or reply.status in (501, 505), f"seed {seed}, {i}: {reply} to {data!r}"


def test_slow_clients_were_cut_off_in_time(server, slow_clients):
    """Started before all other tests of this file: 20 s for a head, 30 s without progress in a body."""
    for name, status, latest in (("head", 408, 25), ("body", 408, 38), ("stream", 400, 38)):
        client = slow_clients[name]
        client.join(60)
        assert client.ended is not None and client.ended < latest, (name, client.ended)
        assert client.answer is not None and client.answer.status == status, (name, client.answer)
        assert client.answer.error()[1], client.answer
    assert slow_clients["stream"].answer.error()[0] == "RequestTimeout"
    answers_quickly(server)
