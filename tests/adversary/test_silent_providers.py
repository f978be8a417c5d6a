"""Callers without credentials, and providers that do not answer: neither may hold the server up."""
import base64
import concurrent.futures
import json
import socket
import threading
import time

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from support.waiting import wait_until

CALLERS = 40


def base64url(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


class SilentProvider:
    """Takes connections and never says a word."""

    def __init__(self):
        self.listener, self.taken = socket.create_server(("127.0.0.1", 0)), []
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in self.taken:
            each.close()


class DrippingProvider(SilentProvider):
    """Begins a handshake and sends a byte of it every half second, for ever."""

    def run(self):
        while True:
            try:
                taken = self.listener.accept()[0]
            except OSError:
                return
            self.taken.append(taken)
            threading.Thread(target=self.drip, args=(taken,), daemon=True).start()

    def drip(self, taken):
        try:
            taken.recv(4096)
            for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(16000):
                taken.sendall(bytes([byte]))
                time.sleep(0.5)
        except OSError:
            pass


@pytest.fixture
def provider():
    made = SilentProvider()
    yield made
    made.close()


def anonymous(server):
    return server.client("sts", config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}))


def code(server, role, token):
    try:
        anonymous(server).assume_role_with_web_identity(RoleArn=role, RoleSessionName="session", WebIdentityToken=token)
        return "ok"
    except ClientError as error:
        return error.response["Error"]["Code"]


def test_a_silent_provider_holds_up_one_caller(server, provider):
    iam = server.client("iam")
    iam.create_open_id_connect_provider(Url=provider.url, ClientIDList=["a"])
    account = server.client("sts").get_caller_identity()["Account"]
    now = int(time.time())
    token = ".".join([base64url({"alg": "RS256"}), base64url({"iss": provider.url, "sub": "s", "aud": "a", "iat": now, "exp": now + 60}), "AAAA"])
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        answers = [pool.submit(code, server, f"arn:aws:iam::{account}:role/r", token) for _ in range(CALLERS)]
        wait_until(lambda: provider.taken)
        began = time.monotonic()
        iam.list_roles()
        assert time.monotonic() - began < 2
        assert {each.result() for each in answers} == {"InvalidIdentityToken"}
    assert len(provider.taken) <= 2  # localhost may be two addresses


def test_dripping_providers_hold_up_few_callers_and_not_for_long(server):
    iam = server.client("iam")
    providers = [DrippingProvider() for _ in range(6)]
    try:
        account = server.client("sts").get_caller_identity()["Account"]
        now = int(time.time())
        tokens = []
        for each in providers:
            iam.create_open_id_connect_provider(Url=each.url, ClientIDList=["a"])
            claims = {"iss": each.url, "sub": "s", "aud": "a", "iat": now, "exp": now + 600}
            tokens.append(".".join([base64url({"alg": "RS256"}), base64url(claims), "AAAA"]))
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(tokens)) as pool:
            answers = [pool.submit(code, server, f"arn:aws:iam::{account}:role/r", token) for token in tokens]
            wait_until(lambda: any(each.taken for each in providers))
            asked = time.monotonic()
            iam.list_roles()
            assert time.monotonic() - asked < 2
            codes = [each.result() for each in answers]
        assert time.monotonic() - began < 15
        assert set(codes) <= {"InvalidIdentityToken", "IDPCommunicationError"}
        assert "IDPCommunicationError" in codes  # two at a time are waited for
    finally:
        for each in providers:
            each.close()


@pytest.mark.parametrize("token", [
    "....", "a.b.c", "e30.e30.AAAA", "e30.e30.", ".".join(["e30"] * 4), "eyJhbGciOiJub25lIn0.e30.AAAA", "[".join(["x"] * 2000),
    base64url("[" * 2000) + ".e30.AAAA", base64url({"alg": "RS256"}) + "." + base64url([1]) + ".AAAA",
    base64url({"alg": "RS256"}) + "." + base64url({"iss": {"a": 1}, "sub": 1, "aud": {}}) + ".AAAA",
    base64url({"alg": 5, "kid": []}) + "." + base64url({"iss": "https://x", "sub": "s", "aud": "a"}) + ".AAAA",
    base64url({"alg": "RS256"}) + "." + base64url({"iss": "https://x/../y", "sub": "s", "aud": "a"}) + ".AAAA"])
def test_tokens_of_every_shape_are_refused(server, token):
    account = server.client("sts").get_caller_identity()["Account"]
    assert code(server, f"arn:aws:iam::{account}:role/r", token) == "InvalidIdentityToken"
