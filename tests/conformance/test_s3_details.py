"""Details of answers that clients compare: times, headers, conditions, checksums."""
import base64
import datetime

import pytest
import requests
from botocore.config import Config

from helpers import aws_error, unique
from support.raw import Signer, Wire, head


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture(scope="module")
def bucket(s3):
    name = unique("details")
    s3.create_bucket(Bucket=name)
    return name


def test_times_in_documents_have_whole_seconds(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="times/k", Body=b"x")
    url = s3.generate_presigned_url("list_objects_v2", {"Bucket": bucket, "Prefix": "times/"})
    text = requests.get(url, timeout=10).text
    assert ".000Z</LastModified>" in text
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="times/")["Contents"][0]["LastModified"]
    assert listed == s3.head_object(Bucket=bucket, Key="times/k")["LastModified"]


def test_a_date_in_the_future_is_no_condition(s3, bucket):
    s3.put_object(Bucket=bucket, Key="future", Body=b"x")
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    assert s3.get_object(Bucket=bucket, Key="future", IfModifiedSince=tomorrow)["Body"].read() == b"x"
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=f"{bucket}/future", CopySourceIfModifiedSince=tomorrow)


def test_an_object_is_rewritten_in_place_by_naming_its_storage_class(s3, bucket):
    s3.put_object(Bucket=bucket, Key="same", Body=b"x")
    with aws_error("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="same", CopySource=f"{bucket}/same")
    for storage_class in ("STANDARD", "STANDARD_IA", "STANDARD_IA"):
        s3.copy_object(Bucket=bucket, Key="same", CopySource=f"{bucket}/same", StorageClass=storage_class)
    assert s3.head_object(Bucket=bucket, Key="same")["StorageClass"] == "STANDARD_IA"


def test_a_copy_source_may_be_encoded_as_a_whole(server, bucket):
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="a b/c", Body=b"x")
    sources = []  # boto3 would encode them once more

    def set_source(request, **_):
        del request.headers["x-amz-copy-source"]
        request.headers["x-amz-copy-source"] = sources[-1]

    s3.meta.events.register("before-sign.s3.CopyObject", set_source)
    for source in (f"%2F{bucket}%2Fa%20b%2Fc", f"{bucket}%2Fa%20b%2Fc", f"/{bucket}/a%20b/c"):
        sources.append(source)
        s3.copy_object(Bucket=bucket, Key="from-encoded", CopySource="b/k")
    assert s3.get_object(Bucket=bucket, Key="from-encoded")["Body"].read() == b"x"
    for source in ("nothing", "%2Fbucket%2F", "%zz/k"):
        sources.append(source)
        with aws_error("InvalidArgument", 400, "sourcebucket/sourcekey"):
            s3.copy_object(Bucket=bucket, Key="k", CopySource="b/k")


def test_head_bucket_and_lists_name_the_region(s3, bucket):
    head = s3.head_bucket(Bucket=bucket)
    assert head["BucketRegion"] == "us-east-1" and head["BucketArn"] == f"arn:aws:s3:::{bucket}"
    assert head["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/xml"
    for call in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions):
        assert call(Bucket=bucket, MaxKeys=1)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"


def test_content_encodings_come_back_as_they_were(s3, bucket):
    s3.put_object(Bucket=bucket, Key="encoded", Body=b"x", ContentEncoding="deflate, gzip")
    assert s3.head_object(Bucket=bucket, Key="encoded")["ContentEncoding"] == "deflate, gzip"


@pytest.mark.parametrize("key, value, fine", [
    ("a,b", "x", False), ("a", "x,y", False), ("a", "<x>", False), ("a", "x&y", False), ("a b", "x + - = . _ : / @", True),
    ("Größe", "größer", True)])
def test_tags_have_only_the_characters_of_tags(s3, bucket, key, value, fine):
    tags = {"TagSet": [{"Key": key, "Value": value}]}
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x")
    if fine:
        s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging=tags)
        s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)
    else:
        for call in (lambda: s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging=tags),
                     lambda: s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)):
            with aws_error("InvalidTag", 400):
                call()


def test_uploads_name_their_owner(s3, bucket):
    s3.create_multipart_upload(Bucket=bucket, Key="owned")
    upload = s3.list_multipart_uploads(Bucket=bucket, Prefix="owned")["Uploads"][0]
    assert upload["Owner"]["ID"] == s3.list_buckets()["Owner"]["ID"] and upload["Initiator"]["DisplayName"]


def test_an_upload_is_completed_with_checksums_of_its_own_kind(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="sums", ChecksumAlgorithm="SHA256")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="sums", UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA256")
    mine = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
    arguments = {"Bucket": bucket, "Key": "sums", "UploadId": upload}
    with aws_error("InvalidRequest", 400, "checksum mode"):
        s3.complete_multipart_upload(**arguments, ChecksumType="FULL_OBJECT", MultipartUpload={"Parts": [mine]})
    with aws_error("InvalidRequest", 400, "mismatch"):
        s3.complete_multipart_upload(**arguments, ChecksumCRC32="AAAAAA==", MultipartUpload={"Parts": [mine]})
    with aws_error("InvalidPart", 400):
        s3.complete_multipart_upload(**arguments, MultipartUpload={"Parts": [
            {"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": "AAAAAA=="}]})
    s3.complete_multipart_upload(**arguments, MultipartUpload={"Parts": [mine]})


CRC64 = base64.b64encode(0xAE8B14860A799888.to_bytes(8, "big")).decode()  # of "123456789"


def test_objects_have_a_checksum_of_their_own(server, bucket):
    """CRC64NVME, when the writer chooses none."""
    s3 = server.client("s3", config=Config(request_checksum_calculation="when_required"))
    put = s3.put_object(Bucket=bucket, Key="own/sum", Body=b"123456789")
    assert put["ChecksumCRC64NVME"] == CRC64 and put["ChecksumType"] == "FULL_OBJECT"
    assert s3.head_object(Bucket=bucket, Key="own/sum", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == CRC64
    assert s3.copy_object(Bucket=bucket, Key="own/copy", CopySource=f"{bucket}/own/sum")["CopyObjectResult"]["ChecksumCRC64NVME"] == CRC64
    copy = s3.copy_object(Bucket=bucket, Key="own/copy", CopySource=f"{bucket}/own/sum", ChecksumAlgorithm="SHA256")["CopyObjectResult"]
    assert copy["ChecksumSHA256"] and "ChecksumCRC64NVME" not in copy
    # The same holds for parts whose own checksums are of other kinds.
    upload = s3.create_multipart_upload(Bucket=bucket, Key="own/parts")["UploadId"]
    arguments = {"Bucket": bucket, "Key": "own/parts", "UploadId": upload}
    first, second = b"a" * (5 << 20), b"123456789"
    parts = [s3.upload_part(**arguments, PartNumber=1, Body=first, ChecksumAlgorithm="CRC32"), s3.upload_part(**arguments, PartNumber=2, Body=second)]
    assert parts[0]["ChecksumCRC32"] and parts[1]["ChecksumCRC64NVME"] == CRC64
    done = s3.complete_multipart_upload(**arguments, MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": parts[0]["ETag"], "ChecksumCRC32": parts[0]["ChecksumCRC32"]}, {"PartNumber": 2, "ETag": parts[1]["ETag"]}]})
    whole = s3.put_object(Bucket=bucket, Key="own/whole", Body=first + second)
    assert done["ChecksumType"] == "FULL_OBJECT" and done["ChecksumCRC64NVME"] == whole["ChecksumCRC64NVME"]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="own/parts", ObjectAttributes=["Checksum", "ObjectParts"])
    assert attributes["Checksum"] == {"ChecksumCRC64NVME": whole["ChecksumCRC64NVME"], "ChecksumType": "FULL_OBJECT"}
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2 and attributes["ObjectParts"]["Parts"][1] == {
        "PartNumber": 2, "Size": 9, "ChecksumCRC64NVME": CRC64}
    part = s3.get_object(Bucket=bucket, Key="own/parts", PartNumber=2, ChecksumMode="ENABLED")
    assert part["Body"].read() == second and part["ChecksumCRC64NVME"] == CRC64 and part["PartsCount"] == 2


def test_a_part_says_how_the_checksums_of_parts_are_combined(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="composite", ChecksumAlgorithm="CRC32")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="composite", UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
    listed = s3.list_parts(Bucket=bucket, Key="composite", UploadId=upload)
    assert listed["ChecksumAlgorithm"] == "CRC32" and listed["ChecksumType"] == "COMPOSITE" and listed["Owner"]["DisplayName"]
    assert listed["Parts"][0]["ChecksumCRC32"] == part["ChecksumCRC32"] and listed["Initiator"]["DisplayName"]
    s3.complete_multipart_upload(Bucket=bucket, Key="composite", UploadId=upload, MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]})
    head_of_part = s3.head_object(Bucket=bucket, Key="composite", PartNumber=1, ChecksumMode="ENABLED")
    assert head_of_part["ChecksumType"] == "COMPOSITE" and head_of_part["ChecksumCRC32"] == part["ChecksumCRC32"]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_put_carries_its_headers(server, s3, bucket, version):
    signing = server.client("s3", config=Config(signature_version=version))
    wanted = {"Metadata": {"who": "me"}, "ContentType": "text/plain", "StorageClass": "STANDARD_IA"}
    url = signing.generate_presigned_url("put_object", {"Bucket": bucket, "Key": f"presigned-{version}", **wanted})
    headers = {"Content-Type": "text/plain"}
    if version == "s3v4":  # botocore signs them as headers, and the old signature's as parameters
        headers |= {"x-amz-meta-who": "me", "x-amz-storage-class": "STANDARD_IA"}
    assert requests.put(url, data=b"x", headers=headers, timeout=10).status_code == 200
    got = s3.head_object(Bucket=bucket, Key=f"presigned-{version}")
    assert {name: got.get(name) for name in wanted} == wanted
    # A signed header cannot be left out or changed.
    assert requests.put(url, data=b"x", headers={**headers, "Content-Type": "text/html"}, timeout=10).status_code == 403


def test_a_condition_among_signed_parameters_counts(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="guarded", Body=b"first")
    client = server.client("s3", config=Config(signature_version="s3v4"))
    client.meta.events.register("before-sign.s3.PutObject", lambda request, **_: request.params.update({"If-None-Match": "*"}))
    url = client.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "guarded"})
    assert "If-None-Match" in url
    assert requests.put(url, data=b"second", timeout=10).status_code == 412
    s3.delete_object(Bucket=bucket, Key="guarded")
    assert requests.put(url, data=b"second", timeout=10).status_code == 200


def test_a_completion_sees_what_was_written_during_the_upload(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="raced")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="raced", UploadId=upload, PartNumber=1, Body=b"x")
    arguments = {"Bucket": bucket, "Key": "raced", "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    before = s3.put_object(Bucket=bucket, Key="raced", Body=b"1")["ETag"]
    with aws_error("PreconditionFailed", 412):
        s3.complete_multipart_upload(**arguments, IfNoneMatch="*")
    after = s3.put_object(Bucket=bucket, Key="raced", Body=b"2")["ETag"]
    with aws_error("PreconditionFailed", 412):
        s3.complete_multipart_upload(**arguments, IfMatch=before)
    s3.complete_multipart_upload(**arguments, IfMatch=after)


def test_old_signatures_of_bucket_level_calls(server):
    old = server.client("s3", config=Config(signature_version="s3"))
    bucket = unique("old")
    old.create_bucket(Bucket=bucket)
    old.put_object(Bucket=bucket, Key="a b/\u00fc", Body=b"x")
    assert old.list_objects_v2(Bucket=bucket)["KeyCount"] == 1 and old.get_bucket_acl(Bucket=bucket)["Grants"]
    old.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b/\u00fc"}]})
    old.delete_bucket(Bucket=bucket)


def test_a_body_is_not_asked_for_when_the_answer_is_403(server):
    bucket = unique("closed")
    server.client("s3").create_bucket(Bucket=bucket)
    wrong = Signer("AKIANOBODY", "x", "s3").sign("PUT", f"/{bucket}/k", payload="UNSIGNED-PAYLOAD")
    for headers in ({"Host": "127.0.0.1"}, wrong):
        for length in (10, 8 << 20):
            with Wire(server.port) as wire:
                wire.send(head("PUT", f"/{bucket}/k", {**headers, "Content-Length": str(length), "Expect": "100-continue"}))
                assert wire.reply().status == 403
