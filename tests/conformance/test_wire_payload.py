"""Bodies of S3 uploads on the wire: every framing and signature that clients use, made by hand, and each of them
broken. A refused request leaves no object; an accepted one leaves no framing inside the object."""
import base64
import hashlib
import zlib

import pytest

from helpers import unique
from support.raw import EMPTY_SHA256, Dropped, Signer, Wire, exchange, head, http_chunks

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = SIGNED + "-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SMALL = b"hello aws-chunked " * 20
LARGE = hashlib.sha256(b"large").digest() * 100_000  # more than the server gathers before a handler runs


@pytest.fixture(scope="module")
def signer(server):
    return Signer.of(server, "s3")


@pytest.fixture(scope="module")
def bucket(server, signer):
    name = unique("payload")
    assert exchange(server, signer.request("PUT", f"/{name}")).status == 200
    return name


@pytest.fixture
def target(bucket):
    return f"/{bucket}/{unique('key')}"


@pytest.fixture
def stored(server, signer, target):
    """The object stored under the target, or None."""
    def get():
        reply = exchange(server, signer.request("GET", target))
        assert reply.status in (200, 404), reply
        return reply.body if reply.status == 200 else None
    return get


@pytest.fixture
def refused(server, stored):
    """Sends the request, which must be answered with this error, leave nothing behind, and break nothing."""
    def check(data, status, *codes):
        reply = exchange(server, data)
        assert reply.status == status and reply.error()[0] in codes, reply
        assert reply.error()[1] and reply.request_id(), reply
        assert stored() is None
        return reply
    return check


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def halves(data):
    return data[:len(data) // 2], data[len(data) // 2:]


def framed(signer, target, payload, body, length, extra=None):
    """A PUT whose body() is made after the head is signed and uses aws-chunked framing."""
    headers = {"X-Amz-Decoded-Content-Length": str(length), "Content-Encoding": "aws-chunked", **(extra or {})}
    signed = signer.sign("PUT", target, headers, payload=payload)
    data = body()
    return head("PUT", target, {**signed, "Content-Length": str(len(data))}) + data


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_signed_chunks(server, signer, target, stored, data):
    pieces = [piece for piece in halves(data) if piece]
    request = framed(signer, target, SIGNED, lambda: signer.signed_chunks(*pieces), len(data))
    reply = exchange(server, request)
    assert reply.status == 200, reply
    assert reply.headers["etag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert stored() == data


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_signed_chunks_with_a_signed_trailer(server, signer, target, stored, data):
    request = framed(
        signer, target, SIGNED_TRAILER,
        lambda: signer.signed_chunks(*halves(data), end=b"") + signer.trailer("x-amz-checksum-crc32", crc32(data)),
        len(data), {"X-Amz-Trailer": "x-amz-checksum-crc32"})
    reply = exchange(server, request)
    assert reply.status == 200 and reply.headers["x-amz-checksum-crc32"] == crc32(data), reply
    assert stored() == data


def unsigned_chunks(data, value, name="x-amz-checksum-crc32"):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in halves(data)) + b"0\r\n" + f"{name}:{value}\r\n\r\n".encode()


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_unsigned_chunks_with_a_trailer(server, signer, target, stored, data):
    request = framed(signer, target, UNSIGNED_TRAILER, lambda: unsigned_chunks(data, crc32(data)), len(data),
                     {"X-Amz-Trailer": "x-amz-checksum-crc32"})
    assert exchange(server, request).status == 200
    assert stored() == data


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_double_framing(server, signer, target, stored, data):
    """aws-chunked inside HTTP chunked with different boundaries, as JavaScript's streams send it."""
    headers = {"X-Amz-Decoded-Content-Length": str(len(data)), "Content-Encoding": "aws-chunked,gzip",
               "X-Amz-Trailer": "x-amz-checksum-crc32", "Transfer-Encoding": "chunked"}
    signed = signer.sign("PUT", target, headers, payload=UNSIGNED_TRAILER)
    inner = unsigned_chunks(data, crc32(data))
    step = len(inner) // 7 + 1
    outer = http_chunks(*(inner[i:i + step] for i in range(0, len(inner), step)))
    assert exchange(server, head("PUT", target, signed) + outer).status == 200
    assert stored() == data
    reply = exchange(server, signer.request("HEAD", target), head=True)
    assert reply.headers["content-encoding"] == "gzip" and reply.headers["content-length"] == str(len(data))


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_http_chunked_without_aws_framing(server, signer, target, stored, data):
    signed = signer.sign("PUT", target, {"Transfer-Encoding": "chunked"}, payload="UNSIGNED-PAYLOAD")
    assert exchange(server, head("PUT", target, signed) + http_chunks(*halves(data))).status == 200
    assert stored() == data


def test_what_looks_like_framing_is_data_when_nothing_says_aws_chunked(server, signer, target, stored):
    data = b"5\r\nhello\r\n0\r\n\r\n"
    assert exchange(server, signer.request("PUT", target, body=data)).status == 200
    assert stored() == data


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_bad_chunk_signature(signer, target, refused, data):
    def spoiled(where):
        def body():
            chunks = bytearray(signer.signed_chunks(*halves(data)))
            at = [i for i in range(len(chunks)) if chunks.startswith(b"chunk-signature=", i)][where] + 16
            chunks[at] = ord("0") if chunks[at] != ord("0") else ord("1")
            return bytes(chunks)
        return body
    for where in (0, 1, 2):
        refused(framed(signer, target, SIGNED, spoiled(where), len(data)), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_changed_byte_in_a_signed_chunk(signer, target, refused, data):
    def body():
        chunks = bytearray(signer.signed_chunks(*halves(data)))
        chunks[len(chunks) // 4] ^= 1
        return bytes(chunks)
    refused(framed(signer, target, SIGNED, body, len(data)), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_swapped_chunks(signer, target, refused, data):
    def body():
        first, second = (signer.chunk(piece) for piece in halves(data))
        return second + first + signer.chunk(b"") + b"\r\n"
    refused(framed(signer, target, SIGNED, body, len(data)), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_stream_cut_at_a_chunk_that_still_has_the_right_http_length(signer, target, refused, data):
    first, second = halves(data)
    refused(framed(signer, target, SIGNED, lambda: signer.chunk(first), len(data)), 400, "IncompleteBody")
    refused(framed(signer, target, SIGNED, lambda: signer.signed_chunks(first), len(data)), 400, "IncompleteBody")
    refused(framed(signer, target, SIGNED, lambda: signer.signed_chunks(first, second)[:-len(second) - 95], len(data)),
            400, "IncompleteBody")
    refused(framed(signer, target, UNSIGNED_TRAILER, lambda: unsigned_chunks(data, "")[:len(data) // 2], len(data),
                   {"X-Amz-Trailer": "x-amz-checksum-crc32"}), 400, "IncompleteBody")


def test_more_bytes_than_the_decoded_length_says(signer, target, refused):
    refused(framed(signer, target, SIGNED, lambda: signer.signed_chunks(SMALL), len(SMALL) - 1), 400, "IncompleteBody")
    refused(framed(signer, target, SIGNED, lambda: signer.signed_chunks(SMALL) + b"more", len(SMALL)), 400, "InvalidRequest")


@pytest.mark.parametrize("body", [
    b"zz\r\nhello\r\n0\r\n\r\n", b"-1\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n", b"5 hello\r\n", b"5\r\nhello0\r\n\r\n",
    b"ffffffffffffffff\r\nhello\r\n", b"fffffffffffffffff\r\nhello\r\n", b"5;x=" + b"y" * 5000 + b"\r\nhello\r\n0\r\n\r\n", b"5\n",
    b"\x00" * 40, b"0\r\n" + b"a:b\r\n" * 5000, b""])
def test_broken_framing(signer, target, refused, body):
    refused(framed(signer, target, UNSIGNED_TRAILER, lambda: body, 5), 400, "InvalidRequest", "IncompleteBody",
            "MalformedTrailerError")


@pytest.mark.parametrize("length", ["-1", "five", "1e3", "9" * 30])
def test_a_decoded_length_that_is_no_number(signer, target, refused, length):
    refused(framed(signer, target, SIGNED, lambda: signer.signed_chunks(SMALL), length), 400, "InvalidArgument")


def test_no_decoded_length(signer, target, refused):
    signed = signer.sign("PUT", target, {"Content-Encoding": "aws-chunked"}, payload=SIGNED)
    body = signer.signed_chunks(SMALL)
    refused(head("PUT", target, {**signed, "Content-Length": str(len(body))}) + body, 411, "MissingContentLength")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_trailers_that_are_wrong(signer, target, refused, data):
    def put(payload, body, trailer="x-amz-checksum-crc32"):
        return framed(signer, target, payload, body, len(data), {"X-Amz-Trailer": trailer})
    wrong = crc32(b"something else")
    refused(put(UNSIGNED_TRAILER, lambda: unsigned_chunks(data, wrong)), 400, "BadDigest")
    refused(put(UNSIGNED_TRAILER, lambda: unsigned_chunks(data, "not base64!")), 400, "BadDigest", "InvalidRequest",
            "MalformedTrailerError")
    refused(put(UNSIGNED_TRAILER, lambda: unsigned_chunks(data, crc32(data), "x-amz-checksum-sha1")), 400,
            "MalformedTrailerError", "BadDigest")
    refused(put(UNSIGNED_TRAILER, lambda: unsigned_chunks(data, "x")[:-len("x-amz-checksum-crc32:x\r\n\r\n")] + b"\r\n"),
            400, "MalformedTrailerError")
    refused(put(SIGNED_TRAILER, lambda: signer.signed_chunks(*halves(data), end=b"") + signer.trailer("x-amz-checksum-crc32", wrong)),
            400, "BadDigest")

    def swapped():
        chunks = signer.signed_chunks(*halves(data), end=b"")
        return chunks + signer.trailer("x-amz-checksum-crc32", wrong).replace(wrong.encode(), crc32(data).encode())
    refused(put(SIGNED_TRAILER, swapped), 403, "SignatureDoesNotMatch")
    refused(put(SIGNED_TRAILER, lambda: signer.signed_chunks(*halves(data), end=b"") +
                f"x-amz-checksum-crc32:{crc32(data)}\r\n\r\n".encode()), 400, "MalformedTrailerError")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_body_that_is_not_what_was_signed(server, signer, target, refused, data):
    signed = signer.sign("PUT", target, payload=hashlib.sha256(b"another body").hexdigest())
    refused(head("PUT", target, {**signed, "Content-Length": str(len(data))}) + data, 400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize("claim", ["", "abc", "STREAMING-NEW-THING", "z" * 64, EMPTY_SHA256 + "0"])
def test_a_content_sha256_of_no_known_form(server, signer, target, refused, claim):
    signed = signer.sign("PUT", target, payload=claim or "x")
    signed["X-Amz-Content-Sha256"] = claim
    refused(head("PUT", target, {**signed, "Content-Length": "4"}) + b"body", 400, "InvalidArgument", "InvalidRequest")


def test_no_content_sha256(server, signer, target, refused):
    signed = signer.sign("PUT", target)
    del signed["X-Amz-Content-Sha256"]
    refused(head("PUT", target, {**signed, "Content-Length": "4"}) + b"body", 400, "InvalidRequest")


def test_no_length_at_all(server, signer, target, refused):
    refused(head("PUT", target, signer.sign("PUT", target)), 411, "MissingContentLength")


def test_too_large_is_refused_before_it_is_sent(server, signer, target, stored):
    """6 GiB are announced; the server does not wait for a single byte."""
    for length in (6 << 30, 1 << 62):
        signed = signer.sign("PUT", target, payload="UNSIGNED-PAYLOAD")
        reply = exchange(server, head("PUT", target, {**signed, "Content-Length": str(length)}), timeout=5)
        assert reply.status in (400, 413) and reply.error()[0] in ("EntityTooLarge", "BadRequest"), reply
    signed = signer.sign("PUT", target, payload="UNSIGNED-PAYLOAD")
    reply = exchange(server, head("PUT", target, {**signed, "Content-Length": str((5 << 30) + 1)}), timeout=5)
    assert reply.status == 400 and reply.error()[0] == "EntityTooLarge", reply
    assert "5368709120" in reply.text
    assert stored() is None


@pytest.mark.parametrize("key, status", [("k" * 1024, 200), ("k" * 1025, 400), ("%C3%BC" * 512, 200), ("%C3%BC" * 513, 400)])
def test_the_longest_key(server, signer, bucket, key, status):
    reply = exchange(server, signer.request("PUT", f"/{bucket}/{key}", body=b"x"))
    assert reply.status == status, reply
    if status != 200:
        assert reply.error()[0] == "KeyTooLongError"


@pytest.mark.parametrize("headers, code", [
    ({"Content-MD5": "short"}, "InvalidDigest"), ({"Content-MD5": base64.b64encode(b"x" * 16).decode()}, "BadDigest"),
    ({"X-Amz-Checksum-Crc32": "!!!!"}, "InvalidRequest"), ({"X-Amz-Checksum-Crc32": "AAAA"}, "InvalidRequest"),
    ({"X-Amz-Checksum-Crc32": "AAAAAA==", "X-Amz-Checksum-Sha1": "AAAA"}, "InvalidRequest"),
    ({"X-Amz-Sdk-Checksum-Algorithm": "CRC32"}, "InvalidRequest"),
    ({"X-Amz-Storage-Class": "ON_PAPER"}, "InvalidStorageClass"),
    ({"X-Amz-Copy-Source": "nonsense"}, "InvalidArgument"),
    ({"X-Amz-Tagging": "a=1&a=2"}, "InvalidArgument"), ({"X-Amz-Tagging": "=x"}, "InvalidTag"),
])
def test_upload_headers_that_are_wrong(server, signer, target, refused, headers, code):
    refused(signer.request("PUT", target, headers, b"body"), 400, code, "InvalidArgument", "InvalidTag", "InvalidRequest")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", SIGNED])
def test_a_client_that_hangs_up_in_the_middle_of_an_upload(server, signer, target, stored, payload, data):
    for part in (0, len(data) // 3, len(data) - 1):
        extra = {"X-Amz-Decoded-Content-Length": str(len(data))} if payload == SIGNED else {}
        signed = signer.sign("PUT", target, extra, payload=payload)
        body = signer.signed_chunks(data) if payload == SIGNED else data
        with Wire(server.port) as wire:
            wire.send(head("PUT", target, {**signed, "Content-Length": str(len(body))}) + body[:part])
    for _ in range(3):
        assert stored() is None
    # A half-closed client is still told why.
    signed = signer.sign("PUT", target, payload="UNSIGNED-PAYLOAD")
    with Wire(server.port) as wire:
        wire.send(head("PUT", target, {**signed, "Content-Length": str(len(data))}) + data[:-1])
        wire.socket.shutdown(1)
        try:
            reply = wire.reply()
            assert reply.status == 400 and reply.error()[0] in ("IncompleteBody", "BadRequest"), reply
        except Dropped:
            pytest.fail("a client that had closed only its sending side got no answer")
    assert stored() is None


def test_a_failed_upload_leaves_the_object_that_was_there(server, signer, target, stored):
    assert exchange(server, signer.request("PUT", target, body=b"old")).status == 200
    signed = signer.sign("PUT", target, payload=hashlib.sha256(b"no").hexdigest())
    for data in (SMALL, LARGE):
        assert exchange(server, head("PUT", target, {**signed, "Content-Length": str(len(data))}) + data).status == 400
        assert stored() == b"old"


def test_parts_are_checked_as_objects_are(server, signer, target):
    started = exchange(server, signer.request("POST", target + "?uploads="))
    upload = started.text.split("<UploadId>")[1].split("</UploadId>")[0]
    part = f"{target}?partNumber=1&uploadId={upload}"
    for number in ("0", "10001", "x", "-1", ""):
        reply = exchange(server, signer.request("PUT", part.replace("=1&", f"={number}&"), body=b"x"))
        assert reply.status == 400 and reply.error()[0] == "InvalidArgument", (number, reply)
    signed = signer.sign("PUT", part, {"X-Amz-Decoded-Content-Length": str(len(SMALL))}, payload=SIGNED)
    chunks = bytearray(signer.signed_chunks(SMALL))
    chunks[200] ^= 1
    reply = exchange(server, head("PUT", part, {**signed, "Content-Length": str(len(chunks))}) + bytes(chunks))
    assert (reply.status, reply.error()[0]) == (403, "SignatureDoesNotMatch")
    assert "<Part>" not in exchange(server, signer.request("GET", f"{target}?uploadId={upload}")).text
    assert exchange(server, signer.request("DELETE", f"{target}?uploadId={upload}")).status == 204
