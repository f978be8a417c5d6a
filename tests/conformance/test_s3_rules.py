"""S3's demands on requests beyond its operations' models, byte by byte. The expected answers are those of the real
service (recorded by others in public issues of S3-compatible stores)."""
import base64
import hashlib
import xml.etree.ElementTree as ElementTree

import pytest

from helpers import unique
from support.raw import FORM, Signer, Wire, exchange, head


def md5(body):
    return {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}


@pytest.fixture(scope="module")
def call(server):
    def send(method, target, headers=None, body=b"", service="s3"):
        return exchange(server, Signer.of(server, service).request(method, target, headers or {}, body), head=method == "HEAD")
    return send


@pytest.fixture(scope="module")
def bucket(call):
    name = unique("rules")
    assert call("PUT", f"/{name}").status == 200
    return name


def error(reply):
    root = ElementTree.fromstring(reply.body)
    return {element.tag: element.text for element in root}


def test_the_part_of_an_upload_without_its_number_leaves_the_object_alone(call, bucket):
    assert call("PUT", f"/{bucket}/whole", body=b"the object").status == 200
    begun = call("POST", f"/{bucket}/whole?uploads=")
    upload = ElementTree.fromstring(begun.body).find("{*}UploadId").text
    reply = call("PUT", f"/{bucket}/whole?uploadId={upload}", body=b"a part")
    assert reply.status == 405
    assert {"Code": "MethodNotAllowed", "Method": "PUT", "ResourceType": "UPLOAD"}.items() <= error(reply).items()
    reply = call("PUT", f"/{bucket}/whole?partNumber=1", body=b"a part")
    assert reply.status == 400
    assert {"Code": "InvalidArgument", "Message": "This operation does not accept partNumber without uploadId",
            "ArgumentName": "partNumber"}.items() <= error(reply).items()
    copied = call("PUT", f"/{bucket}/whole?uploadId={upload}", {"x-amz-copy-source": f"/{bucket}/whole"})
    assert copied.status == 405
    assert call("GET", f"/{bucket}/whole").body == b"the object"
    assert call("GET", f"/{bucket}/whole?partNumber=1").body == b"the object"
    assert call("DELETE", f"/{bucket}/whole?uploadId={upload}").status == 204


@pytest.mark.parametrize("method, query", [
    ("PUT", "uploads"), ("PUT", "attributes"), ("PUT", "torrent"), ("DELETE", "acl"), ("DELETE", "retention"), ("DELETE", "uploads"),
    ("DELETE", "partNumber=1"), ("DELETE", "legal-hold"), ("DELETE", "restore"), ("PUT", "restore"), ("GET", "uploads"), ("GET", "restore")])
def test_no_subresource_falls_to_the_object_itself(call, bucket, method, query):
    assert call("PUT", f"/{bucket}/kept", body=b"kept").status == 200
    reply = call(method, f"/{bucket}/kept?{query}" + ("" if "=" in query else "="), body=b"x" if method == "PUT" else b"")
    assert reply.status in (400, 405) and error(reply)["Code"] in ("MethodNotAllowed", "InvalidArgument"), reply
    assert call("GET", f"/{bucket}/kept").body == b"kept"


@pytest.mark.parametrize("query", ["uploads", "versioning", "acl", "location", "versions", "notification", "logging", "delete"])
def test_no_subresource_falls_to_the_bucket_itself(call, query):
    name = unique("sub")
    assert call("PUT", f"/{name}").status == 200
    reply = call("DELETE", f"/{name}?{query}=")
    assert reply.status == 405 and error(reply)["Code"] == "MethodNotAllowed", reply
    assert call("HEAD", f"/{name}").status == 200
    assert call("DELETE", f"/{name}").status == 204


def test_unknown_parameters_are_passed_over(call, bucket):
    assert call("PUT", f"/{bucket}/plain?id=5&foo=bar", body=b"plain").status == 200
    assert call("GET", f"/{bucket}/plain?id=5&foo=bar").body == b"plain"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_only_known_response_headers_can_be_overridden(call, bucket, method):
    assert call("PUT", f"/{bucket}/o", body=b"bytes").status == 200
    reply = call(method, f"/{bucket}/o?response-foo=dummy")
    assert reply.status == 400
    if method == "GET":
        assert error(reply)["Code"] == "InvalidArgument"
        assert error(reply)["Message"].startswith("response-foo is not in the set of overridable response headers.")
        assert (error(reply)["ArgumentName"], error(reply)["ArgumentValue"]) == ("response-foo", "dummy")
    reply = call(method, f"/{bucket}/o?response-content-type=text%2Fx&response-cache-control=no-store")
    assert reply.status == 200 and reply.headers["content-type"] == "text/x" and reply.headers["cache-control"] == "no-store"


def test_attributes_must_be_named(call, bucket):
    assert call("PUT", f"/{bucket}/o", body=b"bytes").status == 200
    for headers in ({}, {"x-amz-object-attributes": ""}):
        reply = call("GET", f"/{bucket}/o?attributes=", headers)
        assert reply.status == 400 and error(reply)["Code"] == "InvalidRequest"
        assert "x-amz-object-attributes" in error(reply)["Message"]
    reply = call("GET", f"/{bucket}/o?attributes=", {"x-amz-object-attributes": "ETag,ObjectSize"})
    assert reply.status == 200 and "<ObjectSize>5<" in reply.text and "<StorageClass>" not in reply.text


def test_a_list_in_several_header_fields_is_one_list(server, call, bucket):
    assert call("PUT", f"/{bucket}/o", body=b"bytes").status == 200
    data = Signer.of(server, "s3").request("GET", f"/{bucket}/o?attributes=", {"x-amz-object-attributes": "ETag,ObjectSize"})
    # A proxy or Go's SDK sends the list as two header fields; the signature covers the joined value.
    parted = data.replace(b"x-amz-object-attributes: ETag,ObjectSize\r\n", b"x-amz-object-attributes: ETag\r\nx-amz-object-attributes: ObjectSize\r\n")
    assert parted != data
    reply = exchange(server, parted)
    assert reply.status == 200 and "<ObjectSize>5<" in reply.text and "<ETag>" in reply.text, reply


DELETE = b"<Delete><Object><Key>gone</Key></Object></Delete>"
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"


@pytest.mark.parametrize("method, query, body", [("POST", "delete=", DELETE), ("PUT", "tagging=", TAGS)])
def test_some_documents_come_with_a_checksum(call, bucket, method, query, body):
    assert call("PUT", f"/{bucket}/gone", body=b"x").status == 200
    target = f"/{bucket}?{query}"
    missing = call(method, target, body=body)
    assert missing.status == 400 and error(missing)["Code"] == "InvalidRequest"
    assert error(missing)["Message"] == "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
    for headers, code in ((md5(body + b" "), "BadDigest"), ({"Content-MD5": "xx"}, "InvalidDigest"),
                          ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"), ({"x-amz-checksum-sha256": "AAAAAA=="}, "InvalidRequest")):
        reply = call(method, target, headers, body)
        assert reply.status == 400 and error(reply)["Code"] == code, (headers, reply)
    assert call("HEAD", f"/{bucket}/gone").status == 200
    sha256 = base64.b64encode(hashlib.sha256(body).digest()).decode()
    for headers in (md5(body), {"x-amz-checksum-sha256": sha256, "x-amz-sdk-checksum-algorithm": "sha256"}):
        assert call(method, target, headers, body).status in (200, 204)


@pytest.mark.parametrize("value", ["enabled", "ENABLED", "Enabled"])
def test_checksum_enumerations_are_compared_without_case(call, bucket, value):
    crc32 = base64.b64encode(b"\x35\x2d\xc1\x7f").decode()  # not the body's checksum
    headers = {"x-amz-sdk-checksum-algorithm": "crc32", "x-amz-checksum-crc32": crc32}
    assert error(call("PUT", f"/{bucket}/sum", headers, b"123456789"))["Code"] == "BadDigest"
    headers["x-amz-checksum-crc32"] = base64.b64encode((0xCBF43926).to_bytes(4, "big")).decode()  # the check value of CRC-32
    assert call("PUT", f"/{bucket}/sum", headers, b"123456789").status == 200
    reply = call("GET", f"/{bucket}/sum", {"x-amz-checksum-mode": value})
    assert reply.status == 200 and reply.headers["x-amz-checksum-crc32"] == "y/Q5Jg=="
    begun = call("POST", f"/{bucket}/sum?uploads=", {"x-amz-checksum-algorithm": "crc32", "x-amz-checksum-type": "full_object"})
    assert begun.status == 200 and begun.headers["x-amz-checksum-algorithm"] == "CRC32"
    assert begun.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert call("GET", f"/{bucket}/sum", {"x-amz-checksum-mode": "sometimes"}).status == 400


def test_headers_in_a_presigned_url_count(server, call, bucket):
    """JavaScript's presigner moves x-amz- headers to the query."""
    signer = Signer.of(server, "s3")

    def presigned(method, target, body=b"", **query):
        url = signer.presign(method, target, overrides={name.replace("_", "-"): value for name, value in query.items()})
        with Wire(server.port) as wire:
            wire.send(head(method, url, {"Host": "127.0.0.1", **({"Content-Length": str(len(body))} if method == "PUT" else {})}) + body)
            return wire.reply()

    empty = {"x_amz_checksum_crc32": "AAAAAA==", "x_amz_sdk_checksum_algorithm": "CRC32"}  # it does not know the body
    assert presigned("PUT", f"/{bucket}/hoisted", b"body", x_amz_meta_who="me", x_amz_tagging="a=b", x_amz_storage_class="STANDARD_IA", **empty).status == 200
    reply = call("HEAD", f"/{bucket}/hoisted")
    assert reply.headers["x-amz-meta-who"] == "me" and reply.headers["x-amz-storage-class"] == "STANDARD_IA"
    assert "<Key>a</Key><Value>b</Value>" in call("GET", f"/{bucket}/hoisted?tagging=").text
    assert presigned("PUT", f"/{bucket}/hoisted-copy", x_amz_copy_source=f"{bucket}/hoisted").status == 200
    assert call("GET", f"/{bucket}/hoisted-copy").body == b"body"
    # Refused, as the same value in a header is.
    assert presigned("PUT", f"/{bucket}/hoisted", b"body", x_amz_storage_class="NONE").status == 400
    # Without a signature in the query they are ordinary parameters.
    assert call("PUT", f"/{bucket}/plain?x-amz-meta-who=me", body=b"x").status == 200
    assert "x-amz-meta-who" not in call("HEAD", f"/{bucket}/plain").headers


def test_a_copy_needs_no_length_and_a_put_does(server, call, bucket):
    assert call("PUT", f"/{bucket}/source", body=b"copied").status == 200
    signer = Signer.of(server, "s3")

    def without_length(target, headers):
        signed = signer.sign("PUT", target, headers)
        with Wire(server.port) as wire:
            wire.send(head("PUT", target, {k: v for k, v in signed.items() if k.lower() != "content-length"}))
            return wire.reply()

    copied = without_length(f"/{bucket}/copy", {"x-amz-copy-source": f"/{bucket}/source"})
    assert copied.status == 200 and call("GET", f"/{bucket}/copy").body == b"copied", copied
    upload = ElementTree.fromstring(call("POST", f"/{bucket}/parts?uploads=").body).find("{*}UploadId").text
    part = without_length(f"/{bucket}/parts?partNumber=1&uploadId={upload}", {"x-amz-copy-source": f"/{bucket}/source"})
    assert part.status == 200 and "CopyPartResult" in part.text
    for target in (f"/{bucket}/put", f"/{bucket}/parts?partNumber=2&uploadId={upload}", f"/{unique('none')}"):
        reply = without_length(target, {})
        assert reply.status == 411 and error(reply)["Code"] == "MissingContentLength", reply


CONTROLS = "".join(f"%{n:02X}" for n in (*range(1, 32), 127))


@pytest.mark.parametrize("target", [
    f"/?prefix={CONTROLS}", f"/?continuation-token={CONTROLS}", f"/?bucket-region={CONTROLS}", "/?max-buckets=%01", f"/?prefix=%EF%BF%BE%EF%BF%BF",
    "/?prefix=%FF%FE", "/?continuation-token=%FF", f"/?max-buckets=1&continuation-token=AQID"])
def test_lists_of_buckets_are_well_formed_for_any_bytes(call, target):
    reply = call("GET", target)
    assert reply.status in (200, 400), reply
    ElementTree.fromstring(reply.body)


def test_answers_are_well_formed_for_any_key(call, bucket):
    name = unique("controls")
    assert call("PUT", f"/{name}").status == 200
    keys = ["a\x01b", "tab\there", "line\nend", "cr\rhere", "amp&<>\"'", "\ufffe\uffff", "\x7f\x80", "plain"]
    for key in keys:
        from urllib.parse import quote
        assert call("PUT", f"/{name}/{quote(key)}", body=key.encode()).status == 200
        missing = call("GET", f"/{name}/none-{quote(key)}")
        assert missing.status == 404 and error(missing)["Code"] == "NoSuchKey"
    from urllib.parse import unquote_plus
    for query in ("", "list-type=2", "versions=", "encoding-type=url", "list-type=2&encoding-type=url"):
        root = ElementTree.fromstring(call("GET", f"/{name}?{query}").body)
        # A page with a key that XML 1.0 cannot represent is encoded and says so, even if the client did not ask for it.
        assert root.find("{*}EncodingType").text == "url"
        assert sorted(unquote_plus(e.text) for e in root.iter() if e.tag.endswith("}Key")) == sorted(keys)
    root = ElementTree.fromstring(call("GET", f"/{name}?prefix=tab").body)
    assert root.find("{*}EncodingType") is None and [e.text for e in root.iter() if e.tag.endswith("}Key")] == ["tab\there"]
    body = b"<Delete><Object><Key>a&#1;b</Key></Object><Object><Key>plain</Key></Object></Delete>"
    ElementTree.fromstring(call("POST", f"/{name}?delete=", md5(body), body).body)


@pytest.mark.parametrize("service, action", [("iam", "GetRole&Version=2010-05-08&RoleName="), ("sts", "AssumeRole&Version=2011-06-15&RoleSessionName=s&RoleArn="),
                                             ("iam", "None"), ("sts", "None&Version="), ("iam", "GetRole&Version=2010-05-08&Marker=")])
def test_errors_of_query_services_are_well_formed_for_any_bytes(call, service, action):
    for junk in (CONTROLS, "%EF%BF%BF", "%FF", "%ED%A0%80"):
        reply = call("POST", "/", FORM, f"Action={action}{junk}".encode(), service)
        assert 400 <= reply.status < 500, reply
        ElementTree.fromstring(reply.body)
