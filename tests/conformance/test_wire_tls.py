"""HTTPS with the user's own certificate. Over https, boto3 sends aws-chunked bodies with trailers."""
import hashlib
import json
import socket
import ssl
import subprocess

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import SSLError

from helpers import aws_error, unique
from support.raw import Signer, Wire, head
from support.server import BINARY, Server


@pytest.fixture(scope="module")
def tls_server(certificate):
    with Server(auth="verify", options=["--tls-certificate", str(certificate / "certificate.pem"),
                                        "--tls-key", str(certificate / "key.pem")]) as server:
        yield server


@pytest.fixture(scope="module")
def s3(tls_server, certificate):
    return tls_server.session().client("s3", endpoint_url=tls_server.endpoint, verify=str(certificate / "certificate.pem"),
                                       config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))


@pytest.mark.parametrize("size", [0, 1, 1000, 1 << 20, 9_000_000])
def test_put_and_get_over_https(s3, size):
    bucket = unique("tls")
    s3.create_bucket(Bucket=bucket)
    sent = {}
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.update(request.headers))
    body = (hashlib.sha512(b"tls").digest() * (size // 64 + 1))[:size]
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    if size:
        assert sent["X-Amz-Content-SHA256"] == b"STREAMING-UNSIGNED-PAYLOAD-TRAILER", sent
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body and put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-19")["Body"].read() == body[10:20] if size > 20 else True


def test_env_and_health_say_https(tls_server, certificate):
    assert tls_server.env()["AWS_ENDPOINT_URL"] == tls_server.endpoint
    answer = requests.get(tls_server.endpoint + "/_tidemill/health", verify=str(certificate / "certificate.pem"), timeout=10)
    assert answer.json() == {"status": "ok"}


def test_presigned_url_over_https(s3, certificate):
    bucket = unique("tls")
    s3.create_bucket(Bucket=bucket)
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    assert requests.put(url, data=b"signed", verify=str(certificate / "certificate.pem"), timeout=10).status_code == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"signed"


def test_a_client_that_does_not_trust_the_certificate(tls_server):
    with pytest.raises(SSLError):
        tls_server.client("s3", Config(retries={"max_attempts": 0})).list_buckets()


def test_broken_and_plain_clients_do_not_disturb_others(tls_server, s3):
    for data in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 100, b"\x16\x03", b"\x00" * 5000):
        with socket.create_connection(("127.0.0.1", tls_server.port), timeout=10) as plain:
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            try:
                while plain.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    # TLS handshakes that stop midway.
    stuck = [socket.create_connection(("127.0.0.1", tls_server.port)) for _ in range(50)]
    for one in stuck:
        one.sendall(b"\x16\x03\x01\x00")
    s3.list_buckets()
    for one in stuck:
        one.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_of_tls_are_refused(tls_server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        Wire(tls_server.port, tls=context)


def test_pipelining_and_large_answers_over_tls(tls_server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    signer, bucket = Signer.of(tls_server, "s3"), unique("tls")
    body = bytes(range(256)) * 20_000
    with Wire(tls_server.port, tls=context) as wire:
        wire.send(signer.request("PUT", f"/{bucket}") + signer.request("PUT", f"/{bucket}/k", body=body) +
                  signer.request("GET", f"/{bucket}/k") * 3 + head("GET", "/_tidemill/health", {"Connection": "close"}))
        assert [wire.reply().status for _ in range(2)] == [200, 200]
        for _ in range(3):
            assert wire.reply().body == body
        assert wire.reply().status == 200 and wire.ended()


@pytest.mark.parametrize("spoil", ["no key", "no certificate", "missing file", "not a certificate", "another key"])
def test_a_certificate_that_cannot_be_used_is_named(certificate, tmp_path, spoil):
    chosen = {"--tls-certificate": str(certificate / "certificate.pem"), "--tls-key": str(certificate / "key.pem")}
    if spoil == "no key":
        del chosen["--tls-key"]
    elif spoil == "no certificate":
        del chosen["--tls-certificate"]
    elif spoil == "missing file":
        chosen["--tls-certificate"] = str(tmp_path / "nowhere.pem")
    elif spoil == "not a certificate":
        (tmp_path / "x.pem").write_text("hello")
        chosen["--tls-certificate"] = str(tmp_path / "x.pem")
    else:
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "other.pem"], check=True, capture_output=True)
        chosen["--tls-key"] = str(tmp_path / "other.pem")
    done = subprocess.run([BINARY, "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", *sum(chosen.items(), ())],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1, done
    assert "tls" in done.stderr.lower() or "certificate" in done.stderr or "key" in done.stderr, done.stderr


@pytest.mark.parametrize("version, allowed", [("1.2", True), ("1.3", True), ("1.4", False)])
def test_policies_see_the_version_of_tls(tls_server, certificate, version, allowed):
    """The Deny that AWS's pages show, against clients below a version."""
    verify = str(certificate / "certificate.pem")

    def client(service, **keys):
        return tls_server.session(**keys).client(service, endpoint_url=tls_server.endpoint, verify=verify)
    iam, name = client("iam"), unique("tls")
    account = client("sts").get_caller_identity()["Account"]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    answer = iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"NumericLessThan": {"s3:TlsVersion": version}}}]}))
    assert "x-tidemill-warning" not in answer["ResponseMetadata"]["HTTPHeaders"]
    taken = client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    s3 = client("s3", aws_access_key_id=taken["AccessKeyId"], aws_secret_access_key=taken["SecretAccessKey"],
                aws_session_token=taken["SessionToken"])
    if allowed:
        s3.list_buckets()
    else:
        with aws_error("AccessDenied", 403):
            s3.list_buckets()
