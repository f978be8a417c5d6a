"""Attacks on the proxy of transparent mode: many tunnels, slow and silent clients, data sent together with CONNECT, a
stolen authority, and requests smuggled behind the head."""
import os
import socket
import ssl
import subprocess
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.server import Server

AWS = "sts.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def server():
    with Server(auth="verify", options=["--connections-max", "400"]) as running:
        yield running


def connect(server, target, after=b""):
    wire = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    wire.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode() + after)
    return wire


def head_of(wire):
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = wire.recv(1)
        if not piece:
            break
        answer += piece
    return answer.decode()


def trusting(server):
    return ssl.create_default_context(cafile=server.data / "trust/authority.pem")


def is_well(server):
    return '"ok"' in server.get("/_tidemill/health")


def test_a_client_that_does_not_wait_for_the_answer(server):
    """The TLS greeting arrives in the same packet as CONNECT."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = trusting(server).wrap_bio(incoming, outgoing, server_hostname=AWS)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    wire = connect(server, f"{AWS}:443", outgoing.read())
    assert head_of(wire).startswith("HTTP/1.1 200 ")
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            wire.sendall(outgoing.read())
            incoming.write(wire.recv(65536))
    assert session.getpeercert()["subjectAltName"] == (("DNS", AWS),)


def test_what_is_no_tls_after_connect_ends_the_connection(server):
    for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 200, os.urandom(4000), b"\x16\x03\x01\xff\xff" + b"a" * 70_000):
        wire = connect(server, f"{AWS}:443", junk)
        try:
            while wire.recv(65536):
                pass
        except ConnectionResetError:
            pass
    assert is_well(server)


def test_a_request_behind_a_refused_connect_is_not_a_tunnels(server):
    """After a refusal the connection is plain HTTP again, so what follows is another request by the same caller."""
    wire = connect(server, "127.0.0.1:22", b"GET /_tidemill/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    wire.settimeout(10)
    text = b""
    while b"ok" not in text:
        piece = wire.recv(65536)
        assert piece
        text += piece
    assert text.startswith(b"HTTP/1.1 403 ") and text.count(b"HTTP/1.1 ") == 2 and b"SSH" not in text


def test_clients_that_fall_silent_after_connect_are_shed(server):
    """With three hundred half-open connections, other clients are served, and all are closed within the time limit for
    heads."""
    silent = [connect(server, f"b{i}.s3.amazonaws.com:443") for i in range(300)]
    assert is_well(server)
    assert server.client("sts").get_caller_identity()["Account"]
    for wire in silent:
        wire.close()


def test_names_that_nobody_answers_do_not_stop_others(server):
    """Hanging look-ups and connections block no event loop and no worker."""
    hanging = [connect(server, f"{i}.no-such-name.invalid:443") for i in range(60)]
    hanging += [connect(server, "198.51.100.1:443") for _ in range(60)]  # TEST-NET-2: nothing answers
    began = time.monotonic()
    assert is_well(server) and server.client("s3").list_buckets()
    assert time.monotonic() - began < 3
    for wire in hanging:
        wire.close()


def test_no_more_tunnels_than_the_limit():
    """Whatever happens to them on this machine: silence, a refusal, or an answer."""
    def active(server):
        line = next(one for one in server.get("/_tidemill/metrics").splitlines() if one.startswith("tidemill_tunnels_active"))
        return int(line.split()[1])

    with Server(auth="verify", options=["--connections-max", "1000"]) as server:
        wires = [connect(server, "198.51.100.1:443") for _ in range(300)]
        for _ in range(10):
            assert active(server) <= 256
            time.sleep(0.05)
        for one in wires:
            one.close()
        assert is_well(server)


def test_certificates_of_thousands_of_names_do_not_add_up(server):
    """Each bucket has a host name of its own; the number of certificates kept is limited, and so is memory."""
    def resident_bytes():
        with open(f"/proc/{server.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def ask(numbers):
        for number in numbers:
            wire = connect(server, f"bucket-{number}.s3.us-east-1.amazonaws.com:443")
            assert head_of(wire).startswith("HTTP/1.1 200 ")
            wire.close()
    ask(range(600))
    before = resident_bytes()
    ask(range(600, 2000))
    assert resident_bytes() - before < 16 << 20


def test_the_server_stops_promptly_with_tunnels_and_half_made_connections():
    with Server(auth="verify") as server:
        wires = [connect(server, f"{AWS}:443") for _ in range(20)] + [connect(server, "198.51.100.1:443") for _ in range(20)]
        time.sleep(0.2)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 12
        for wire in wires:
            wire.close()


def test_the_authority_of_a_stolen_key_certifies_no_other_host(server, tmp_path):
    """A stolen key can sign a certificate for pypi.org, but clients that trust the authority refuse it."""
    folder = server.data / "authority"
    commands = f"""
openssl ecparam -name prime256v1 -genkey -noout -out {tmp_path}/k.pem
openssl req -new -key {tmp_path}/k.pem -subj /CN=pypi.org -out {tmp_path}/r.pem
printf 'subjectAltName=DNS:pypi.org\n' > {tmp_path}/ext
openssl x509 -req -in {tmp_path}/r.pem -CA {folder}/authority.pem -CAkey {folder}/authority-key.pem -CAcreateserial \
  -CAserial {tmp_path}/serial -days 10 -extfile {tmp_path}/ext -out {tmp_path}/c.pem
"""
    subprocess.run(["sh", "-euc", commands], check=True, capture_output=True)
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")

    def serve():
        wire, _ = listener.accept()
        try:
            context.wrap_socket(wire, server_side=True)
        except (ssl.SSLError, OSError):
            pass
    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        trusting(server).wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="pypi.org")
    thread.join()
    listener.close()


def test_the_plain_address_of_a_server_elsewhere_admits_as_its_own_does():
    """The credentials port is the proxy here. It used to read bodies before checking keys, and documents over 1 MiB
    gave a 500."""
    host = "s3.us-east-1.amazonaws.com"
    with Server(auth="verify", host="127.0.0.2") as server:
        proxy, root = server.env("--transparent")["HTTPS_PROXY"], server.env()
        with socket.create_connection(("127.0.0.1", int(proxy.rsplit(":", 1)[1])), timeout=5) as wire:
            wire.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
            assert head_of(wire).startswith("HTTP/1.1 200 ")
            inside = trusting(server).wrap_socket(wire, server_hostname=host)
            inside.sendall(f"PUT /b/k HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n\r\n".encode())
            assert inside.recv(4096).startswith(b"HTTP/1.1 403 ")  # without having read the body
        runtime = boto3.client(
            "sagemaker-runtime", region_name="us-east-1", verify=str(server.data / "trust/bundle.pem"),
            aws_access_key_id=root["AWS_ACCESS_KEY_ID"], aws_secret_access_key=root["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={"https": proxy}, retries={"total_max_attempts": 1}))
        with pytest.raises(ClientError) as refused:
            runtime.invoke_endpoint(EndpointName="none", ContentType="text/csv", Body=b"1," * (1 << 20))
        assert refused.value.response["Error"]["Code"] == "ValidationError"
