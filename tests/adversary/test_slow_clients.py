"""Clients that send slowly, or send without permission, and what they cost others."""
import contextlib
import time

import pytest

from support.raw import EMPTY_SHA256, Signer, Wire, head, json_headers

MIB = 1 << 20
QUICK_SECONDS = 5
TARGET = "/endpoints/none/invocations"


@pytest.fixture(scope="module")
def other(server):
    """A second principal, which may do everything."""
    iam = server.client("iam")
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
    arn = iam.create_role(RoleName="other", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    iam.put_role_policy(RoleName="other", PolicyName="all", PolicyDocument='{"Version":"2012-10-17","Statement":'
                        '[{"Effect":"Allow","Action":"*","Resource":"*"}]}')
    keys = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="other")["Credentials"]
    return Session(keys)


class Session:
    def __init__(self, keys):
        self.keys = keys

    def request(self, service, method, target, headers, body):
        signer = Signer(self.keys["AccessKeyId"], self.keys["SecretAccessKey"], service)
        return signer.request(method, target, {**headers, "X-Amz-Security-Token": self.keys["SessionToken"]}, body)


@pytest.fixture(scope="module", autouse=True)
def bucket(server):
    server.client("s3").create_bucket(Bucket="slow")


@contextlib.contextmanager
def many(server, count, data):
    """Opens this many connections that send `data` and then stay open."""
    wires = [Wire(server.port) for _ in range(count)]
    try:
        for wire in wires:
            # A connection that is refused at once may be closed before everything is sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                wire.send(data)
        yield wires
    finally:
        for wire in wires:
            wire.socket.close()


def upload(server, key, count=3):
    begun = time.monotonic()
    for i in range(count):
        data = Signer.of(server, "s3").request("PUT", f"/slow/{key}-{i}", {}, b"u" * (3 * MIB))
        with Wire(server.port) as wire:
            assert wire.send(data).reply().status == 200
    assert time.monotonic() - begun < QUICK_SECONDS


def lists_buckets(server):
    begun = time.monotonic()
    with Wire(server.port) as wire:
        assert wire.send(Signer.of(server, "s3").request("GET", "/")).reply().status == 200
    assert time.monotonic() - begun < QUICK_SECONDS


def test_slow_documents_without_a_key_do_not_stop_uploads(server):
    headers = {**json_headers("SageMaker.CreateModel"), "Content-Length": str(8 * MIB)}
    with many(server, 25, head("POST", "/", headers) + b"{" * 20_000) as wires:
        upload(server, "beside-documents")
        lists_buckets(server)
        for wire in wires:
            reply = wire.reply()
            assert reply.status == 403 and reply.error()[0] == "MissingAuthenticationTokenException", reply


def test_an_unknown_key_or_a_wrong_signature_is_heard_before_the_body(server):
    known = Signer.of(server, "sagemaker")
    for signer, code in ((Signer("AKIAUNKNOWN", "x", "sagemaker"), "UnrecognizedClientException"),
                         (Signer(known.key, "wrong", "sagemaker"), "InvalidSignatureException")):
        signed = signer.sign("POST", TARGET, {"Content-Type": "text/csv"}, payload="0" * 64)
        with Wire(server.port) as wire:
            begun = time.monotonic()
            reply = wire.send(head("POST", TARGET, {**signed, "Content-Length": str(5 * MIB)})).reply()
            assert reply.error()[0] == code and time.monotonic() - begun < QUICK_SECONDS, reply
            assert reply.headers["connection"] == "close"


def test_an_anonymous_upload_is_refused_unread(server):
    with Wire(server.port) as wire:
        reply = wire.send(head("PUT", "/slow/anonymous", {"Content-Length": str(50 * MIB)})).reply()
        assert (reply.status, reply.error()[0]) == (403, "AccessDenied"), reply


def invocation_head(server, length):
    """Root's request, signed for a body that is never sent."""
    signed = Signer.of(server, "sagemaker").sign("POST", TARGET, {"Content-Type": "text/csv"}, payload="1" * 64)
    return head("POST", TARGET, {**signed, "Content-Length": str(length)})


def invokes(server, request):
    """A large invocation of an endpoint that does not exist: the answer says so, rather than that there is no room."""
    begun = time.monotonic()
    with Wire(server.port) as wire:
        reply = wire.send(request).reply()
    assert reply.status == 400 and "not found" in reply.text.lower(), reply
    assert time.monotonic() - begun < QUICK_SECONDS


def test_slow_large_invocations_leave_room_for_others(server, other):
    body = b"1," * MIB
    own = Signer.of(server, "sagemaker").request("POST", TARGET, {"Content-Type": "text/csv"}, body)
    with many(server, 30, invocation_head(server, 63 * MIB) + b"1," * 50_000):
        lists_buckets(server)
        invokes(server, other.request("sagemaker", "POST", TARGET, {"Content-Type": "text/csv"}, body))
        invokes(server, own)


def test_one_principal_leaves_bytes_for_others(server, other):
    """Root uses everything that one principal may use: 20 bodies of 50 MB, most of which is sent."""
    part = b"1," * (21 * MIB)
    with many(server, 20, invocation_head(server, 63 * MIB) + part) as wires:
        deadline = time.monotonic() + QUICK_SECONDS
        while all(wire.nothing_comes(0.01) for wire in wires) and time.monotonic() < deadline:
            pass
        refused = [wire for wire in wires if not wire.nothing_comes(0.01)]
        assert refused and refused[0].reply().status == 429
        body = b"1," * (4 * MIB)
        invokes(server, other.request("sagemaker", "POST", TARGET, {"Content-Type": "text/csv"}, body))


def test_slow_uploads_of_one_principal_do_not_stop_others(server, other):
    """More than half of all upload threads, for one principal that may use three quarters of them."""
    signed = Signer.of(server, "s3").sign("PUT", "/slow/never", {}, payload="UNSIGNED-PAYLOAD")
    begin = head("PUT", "/slow/never", {**signed, "Content-Length": str(100 * MIB)}) + b"s" * MIB
    with many(server, 100, begin):
        lists_buckets(server)
        data = other.request("s3", "PUT", "/slow/others", {}, b"o" * (3 * MIB))
        begun = time.monotonic()
        with Wire(server.port) as wire:
            assert wire.send(data).reply().status == 200
        assert time.monotonic() - begun < QUICK_SECONDS


def test_documents_that_are_too_large_are_refused_by_their_head(server):
    for service, target, headers, status in (
            ("sagemaker", "/", json_headers("SageMaker.CreateModel"), 413),
            ("sagemaker", TARGET, {"Content-Type": "text/csv"}, 413), ("s3", "/slow?delete=", {}, 400)):
        signed = Signer.of(server, service).sign("POST", target, headers, payload=EMPTY_SHA256)
        if service == "s3":
            signed["X-Amz-Content-Sha256"] = EMPTY_SHA256
        with Wire(server.port) as wire:
            reply = wire.send(head("POST", target, {**signed, "Content-Length": str(70 * MIB)})).reply()
            assert reply.status == status, reply
