import base64
import datetime
import hashlib
import zlib

import pytest
import requests
from botocore.config import Config

from helpers import aws_error, unique


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for item in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


def test_bucket_life(s3):
    name = unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.head_bucket(Bucket=name)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=name)
    with aws_error("404", 404):
        s3.head_bucket(Bucket=name)
    with aws_error("NoSuchBucket", 404):
        s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("name", ["ab", "Has-Upper", "under_score", "a..b", "192.168.0.1", "xn--abc", "-a-b"])
def test_create_bucket_with_a_bad_name(server, name):
    import botocore.handlers
    client = server.session()._session.create_client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1",
        aws_access_key_id=server.env()["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.env()["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}))
    client.meta.events.unregister("before-parameter-build.s3", botocore.handlers.validate_bucket_name)
    with aws_error("InvalidBucketName", 400):
        client.create_bucket(Bucket=name)


def test_bucket_of_another_account(open_server):
    mine = open_server.client("s3", aws_access_key_id="111111111111", aws_secret_access_key="x")
    theirs = open_server.client("s3", aws_access_key_id="222222222222", aws_secret_access_key="x")
    name = unique("bucket")
    mine.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    mine.put_object(Bucket=name, Key="k", Body=b"x")
    with aws_error("BucketAlreadyExists", 409):
        theirs.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=name, Key="k")
    assert name not in [b["Name"] for b in theirs.list_buckets()["Buckets"]]


def test_delete_bucket_that_is_not_empty(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with aws_error("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("size", [0, 1, 1024, 1 << 20, (1 << 20) + 1, 9_000_001])
def test_put_get_sizes(s3, bucket, size):
    body = bytes((i * 31 + i // 7) % 251 for i in range(size)) if size < 5000 else hashlib.sha256(b"x").digest() * (size // 32) + b"z" * (size % 32)
    put = s3.put_object(Bucket=bucket, Key=f"size-{size}", Body=body)
    assert put["ETag"] == '"%s"' % hashlib.md5(body).hexdigest()
    got = s3.get_object(Bucket=bucket, Key=f"size-{size}")
    assert got["ContentLength"] == size and got["Body"].read() == body


@pytest.mark.parametrize("key", ["a b", "a+b", "ümläut/日本", "a//b", "a/../b", "./x", "%41", "q?x=1&y", "a#b", "'\"<>&", "~-_.!*()", "trailing/"])
def test_odd_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_metadata_and_headers_come_back(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"colour": "blue", "n": "1"}, ContentType="text/csv",
                  CacheControl="max-age=3", ContentDisposition="attachment", ContentEncoding="identity", ContentLanguage="de")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"colour": "blue", "n": "1"}
    assert (head["ContentType"], head["CacheControl"], head["ContentDisposition"], head["ContentLanguage"]) == (
        "text/csv", "max-age=3", "attachment", "de")
    assert s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b")["ContentType"] == "a/b"


@pytest.mark.parametrize("range_header, expected, content_range", [
    ("bytes=0-0", b"0", "bytes 0-0/10"), ("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
    ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=5-100", b"56789", "bytes 5-9/10")])
def test_ranges(s3, bucket, range_header, expected, content_range):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=range_header)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["Body"].read() == expected and got["ContentRange"] == content_range


def test_range_past_the_end(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with aws_error("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")


def test_conditional_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    past = datetime.datetime(2001, 1, 1)
    written = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)
    with aws_error("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"nope"')
    with aws_error("304", 304):
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    with aws_error("304", 304):
        s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=written)
    with aws_error("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=past)
    s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, IfUnmodifiedSince=past)


def test_conditional_writes(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with aws_error("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    with aws_error("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"nope"')
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    if algorithm in ("CRC32C", "CRC64NVME"):
        pytest.importorskip("awscrt", reason="boto3 computes this one only with awscrt")
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"]


def test_a_checksum_that_does_not_match(s3, bucket):
    wrong = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    with aws_error("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumCRC32=wrong)
    with aws_error("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ContentMD5=base64.b64encode(hashlib.md5(b"o").digest()).decode())
    with aws_error("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="k")


def test_copy(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"body", Metadata={"m": "1"}, ContentType="text/x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/ü"})
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert got["Body"].read() == b"body" and got["Metadata"] == {"m": "1"} and got["ContentType"] == "text/x"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "copy"}, MetadataDirective="REPLACE", Metadata={"m": "2"})
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"m": "2"}
    with aws_error("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "copy"})
    with aws_error("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "none"})


def test_delete_is_idempotent_and_delete_many_reports(s3, bucket):
    s3.delete_object(Bucket=bucket, Key="never")
    for i in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{i}", Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"k{i}"} for i in range(5)] + [{"Key": "never"}]})
    assert len(answer["Deleted"]) == 6 and "Errors" not in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_missing_things_say_what_is_missing(s3, bucket):
    with aws_error("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="none")
    with aws_error("404", 404):
        s3.head_object(Bucket=bucket, Key="none")
    with aws_error("NoSuchBucket", 404):
        s3.get_object(Bucket=unique("none"), Key="k")
    with aws_error("NoSuchUpload", 404):
        s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId="none")


def test_too_long_a_key_and_too_much_metadata(s3, bucket):
    with aws_error("KeyTooLongError", 400):
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"")
    with aws_error("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"m": "x" * 3000})


def test_list_with_delimiter_and_pages(s3, bucket):
    keys = ["a", "b/1", "b/2", "b/c/3", "d", "e/1"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    answer = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [o["Key"] for o in answer["Contents"]] == ["a", "d"]
    assert [p["Prefix"] for p in answer["CommonPrefixes"]] == ["b/", "e/"]
    answer = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="b/")
    assert [o["Key"] for o in answer["Contents"]] == ["b/1", "b/2"] and answer["CommonPrefixes"] == [{"Prefix": "b/c/"}]
    for call in ("list_objects_v2", "list_objects"):
        pages = list(s3.get_paginator(call).paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
        assert [o["Key"] for p in pages for o in p["Contents"]] == keys and len(pages) == 3
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}))
    assert sum(len(p.get("Contents", [])) + len(p.get("CommonPrefixes", [])) for p in pages) == 4
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, StartAfter="b/2")["Contents"]] == ["b/c/3", "d", "e/1"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


def test_multipart(s3, bucket):
    part = b"p" * (5 << 20)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", Metadata={"m": "1"})["UploadId"]
    etags = [s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=n, Body=body)["ETag"]
             for n, body in ((1, part), (2, b"tail"))]
    assert [p["PartNumber"] for p in s3.list_parts(Bucket=bucket, Key="big", UploadId=upload)["Parts"]] == [1, 2]
    assert upload in [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]]
    parts = {"Parts": [{"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(etags)]}
    done = s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload=parts)
    digest = hashlib.md5(hashlib.md5(part).digest() + hashlib.md5(b"tail").digest()).hexdigest()
    assert done["ETag"] == f'"{digest}-2"'
    got = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={len(part) - 2}-")
    assert got["Body"].read() == b"pptail" and got["Metadata"] == {"m": "1"}


def test_multipart_copy_of_a_range(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789" * 600_000)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    copied = s3.upload_part_copy(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1,
                                 CopySource={"Bucket": bucket, "Key": "source"}, CopySourceRange="bytes=5-14")
    s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == b"5678901234"


def test_multipart_mistakes(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    etags = [s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]

    def complete(parts):
        s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": n, "ETag": etag} for n, etag in parts]})
    with aws_error("EntityTooSmall", 400):
        complete([(1, etags[0]), (2, etags[1])])
    with aws_error("InvalidPartOrder", 400):
        complete([(2, etags[1]), (1, etags[0])])
    with aws_error("InvalidPart", 400):
        complete([(1, '"00000000000000000000000000000000"')])
    s3.abort_multipart_upload(Bucket=bucket, Key="big", UploadId=upload)
    with aws_error("NoSuchUpload", 404):
        s3.list_parts(Bucket=bucket, Key="big", UploadId=upload)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls(server, bucket, version):
    client = server.client("s3", config=Config(signature_version=version))
    put = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p q"}, ExpiresIn=60)
    assert requests.put(put, data=b"presigned", timeout=10).status_code == 200
    get = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p q"}, ExpiresIn=60)
    answer = requests.get(get, timeout=10)
    assert answer.status_code == 200 and answer.content == b"presigned"
    assert requests.get(get.replace("Expires=", "Expires=1"), timeout=10).status_code == 403


def test_transfer_manager_uploads_and_downloads(s3, bucket, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(hashlib.sha512(b"s").digest() * 400_000)
    s3.upload_file(str(path), bucket, "file")
    s3.download_file(bucket, "file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_tagging(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="a=1&b=x%20y")
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert sorted((t["Key"], t["Value"]) for t in tags) == [("a", "1"), ("b", "x y")]


def test_the_server_survives_garbage(server):
    """Malformed requests get an answer in their service's format, never a 500 or a dropped connection."""
    for method, path, headers, body in [
            ("GET", "/%zz", {}, None), ("GET", "/bucket?list-type=abc", {}, None), ("POST", "/", {}, b"Action=Nope&Version=1"),
            ("POST", "/", {"X-Amz-Target": "SageMaker.Nope", "Content-Type": "application/x-amz-json-1.1"}, b"{"),
            ("PUT", "/b/k", {"Authorization": "AWS4-HMAC-SHA256 garbage"}, b"x"), ("POST", "/b?delete", {}, b"<Delete"),
            ("GET", "/endpoints/x/invocations", {}, None), ("BREW", "/pot", {}, None)]:
        answer = requests.request(method, server.endpoint + path, headers=headers, data=body, timeout=10)
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code, answer.text)
