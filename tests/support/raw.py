"""HTTP by hand: raw bytes over a socket, parsed answers, and SigV4 of which every part can be changed. For requests
that well-behaved clients never send."""
import datetime
import functools
import hashlib
import hmac
import json
import re
import socket
import ssl
from urllib.parse import quote

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Dropped(AssertionError):
    """The server closed the connection without an answer."""


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def error(self):
        """(code, message) from the body, in any of the services' error formats."""
        if self.body[:1] == b"<":
            found = [re.search(rf"<{tag}>(.*?)</{tag}>", self.text, re.S) for tag in ("Code", "Message")]
            return tuple(m.group(1) if m else "" for m in found)
        parsed = json.loads(self.body) if self.body else {}
        code = parsed.get("__type") or self.headers.get("x-amzn-errortype", "")
        return code.split("#")[-1].split(":")[0], parsed.get("message", parsed.get("Message", ""))

    def request_id(self):
        return self.headers.get("x-amzn-requestid") or self.headers.get("x-amz-request-id")

    def __repr__(self):
        return f"{self.status} {self.headers} {self.text[:600]}"


class Wire:
    """One connection."""

    def __init__(self, port, timeout=15, tls=None, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _more(self):
        try:
            piece = self.socket.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Dropped(f"the connection ended after {self.buffer[:300]!r}")
        self.buffer += piece

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        out, self.buffer = self.buffer.split(mark, 1)
        return out

    def _exactly(self, count):
        while len(self.buffer) < count:
            self._more()
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def reply(self, head=False):
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        assert re.match(r"HTTP/1\.1 \d{3}", lines[0]), lines[0]
        status = int(lines[0][9:12])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        if head or status < 200 or status in (204, 304):
            return Reply(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                body += self._exactly(size)
                assert self._exactly(2) == b"\r\n"
            self._until(b"\r\n")
            return Reply(status, headers, body)
        if "content-length" in headers:
            return Reply(status, headers, self._exactly(int(headers["content-length"])))
        body = b""
        try:
            while True:
                self._more()
        except Dropped:
            body, self.buffer = self.buffer, b""
        return Reply(status, headers, body)

    def nothing_comes(self, seconds=0.3):
        """True when no byte arrives within this time."""
        if self.buffer:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self._more()
            return False
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        finally:
            self.socket.settimeout(before)

    def ended(self):
        """True when the server has closed the connection, or does so before the timeout."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def head(method, target, headers, host="127.0.0.1"):
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in {name.lower() for name in headers}:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def http_chunks(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"


def amz_date(when):
    return when.strftime("%Y%m%dT%H%M%SZ")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


@functools.lru_cache
def _root_key(server):
    return server.env()


class Signer:
    """SigV4 with one access key. Tests override whatever they want to be wrong."""

    def __init__(self, key, secret, service, region="us-east-1"):
        self.key, self.secret, self.service, self.region = key, secret, service, region

    @classmethod
    def of(cls, server, service, region="us-east-1"):
        if server.auth == "any":
            return cls("123456789012", "x", service, region)
        values = _root_key(server)
        return cls(values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"], service, region)

    def scope(self, date):
        return f"{date[:8]}/{self.region}/{self.service}/aws4_request"

    def signing_key(self, date):
        key = ("AWS4" + self.secret).encode()
        for part in (date[:8], self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key

    def signature(self, date, text):
        return hmac.new(self.signing_key(date), text.encode(), hashlib.sha256).hexdigest()

    def sign(self, method, target, headers=None, body=b"", when=None, payload=None, host="127.0.0.1",
             leave_out=()):
        """All headers, including the signature. `payload` replaces the body's hash in x-amz-content-sha256; `leave_out`
        names headers that are sent but not signed."""
        date = amz_date(when or now())
        payload = payload or hashlib.sha256(body).hexdigest()
        out = {"Host": host, **(headers or {}), "X-Amz-Date": date}
        if self.service == "s3" or payload != hashlib.sha256(body).hexdigest():
            out["X-Amz-Content-Sha256"] = payload
        names = {name.lower(): " ".join(str(value).split()) for name, value in out.items()
                 if name.lower() not in ("expect", "connection", "transfer-encoding", "content-length", *leave_out)}
        path, _, query = target.partition("?")
        parameters = sorted(tuple((part + "=").split("=")[:2]) for part in query.split("&") if part)
        canonical = "\n".join([
            method, path, "&".join(f"{n}={v}" for n, v in parameters),
            "".join(f"{name}:{names[name]}\n" for name in sorted(names)), ";".join(sorted(names)), payload])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", date, self.scope(date), hashlib.sha256(canonical.encode()).hexdigest()])
        self.seed, self.date = self.signature(date, to_sign), date
        out["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{self.scope(date)}, "
                                f"SignedHeaders={';'.join(sorted(names))}, Signature={self.seed}")
        return out

    def request(self, method, target, headers=None, body=b"", **how):
        """The whole request as bytes."""
        signed = self.sign(method, target, headers, body, **how)
        if body or method in ("PUT", "POST"):
            signed.setdefault("Content-Length", str(len(body)))
        return head(method, target, signed) + body

    def presign(self, method, target, expires=60, when=None, host="127.0.0.1", overrides=None):
        """The path and query of a presigned URL."""
        date = amz_date(when or now())
        query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.key}/{self.scope(date)}",
                 "X-Amz-Date": date, "X-Amz-Expires": str(expires), "X-Amz-SignedHeaders": "host"}
        query.update(overrides or {})
        query = {name: value for name, value in query.items() if value is not None}
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(query.items()))
        canonical = "\n".join([method, target, text, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", date, self.scope(date), hashlib.sha256(canonical.encode()).hexdigest()])
        return f"{target}?{text}&X-Amz-Signature={self.signature(date, to_sign)}"

    # After sign(..., payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER]"):

    def chunk(self, data):
        to_sign = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", self.date, self.scope(self.date), self.seed, EMPTY_SHA256,
                             hashlib.sha256(data).hexdigest()])
        self.seed = self.signature(self.date, to_sign)
        return b"%x;chunk-signature=%s\r\n%s" % (len(data), self.seed.encode(), data + b"\r\n" if data else b"")

    def signed_chunks(self, *pieces, end=b"\r\n"):
        return b"".join(self.chunk(piece) for piece in pieces) + self.chunk(b"") + end

    def trailer(self, name, value):
        """The trailer to send after signed_chunks(..., end=b"")."""
        to_sign = "\n".join(["AWS4-HMAC-SHA256-TRAILER", self.date, self.scope(self.date), self.seed,
                             hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest()])
        return f"{name}:{value}\r\nx-amz-trailer-signature:{self.signature(self.date, to_sign)}\r\n\r\n".encode()


# One small, valid request for every wire protocol: the service, its protocol and its signing name as in botocore, then
# method, target, headers and body.
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
CBOR = {"Smithy-Protocol": "rpc-v2-cbor", "Accept": "application/cbor", "Content-Type": "application/cbor"}


def json_headers(target, version="1.1"):
    return {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": target}


CALLS = {
    "s3": ("rest-xml", "s3", "GET", "/", {}, b""),
    "sts": ("query", "sts", "POST", "/", FORM, b"Action=GetCallerIdentity&Version=2011-06-15"),
    "iam": ("query", "iam", "POST", "/", FORM, b"Action=ListRoles&Version=2010-05-08"),
    "sagemaker": ("json", "sagemaker", "POST", "/", json_headers("SageMaker.ListModels"), b"{}"),
    "logs": ("json", "logs", "POST", "/", json_headers("Logs_20140328.DescribeLogGroups"), b"{}"),
    "sqs": ("json", "sqs", "POST", "/", json_headers("AmazonSQS.ListQueues", "1.0"), b"{}"),
    "sagemaker-runtime": ("rest-json", "sagemaker", "POST", "/endpoints/none/invocations",
                          {"Content-Type": "text/csv"}, b"1,2"),
    "cloudwatch": ("smithy-rpc-v2-cbor", "monitoring", "POST",
                   "/service/GraniteServiceVersion20100801/operation/ListMetrics", CBOR, b"\xa0"),
}


def decoded_error(reply, protocol):
    """The code and message of the error, as botocore's parser of this protocol reads them."""
    from botocore.parsers import create_parser
    parsed = create_parser(protocol).parse(
        {"status_code": reply.status, "headers": reply.headers, "body": reply.body}, None)
    return parsed["Error"]["Code"], parsed["Error"]["Message"]


def exchange(server, data, head=False, **options):
    """Sends one request on a new connection."""
    with Wire(server.port, **options) as wire:
        return wire.send(data).reply(head=head)
