"""Details of answers that clients compare: times, headers, conditions, checksums."""
import datetime

import pytest
import requests

from helpers import aws_error, unique


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
