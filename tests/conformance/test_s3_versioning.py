"""Versions, delete markers and null versions through boto3."""
import re
import threading

import pytest
import requests

from helpers import aws_error, unique
from support.server import Server


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = unique("versions")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def test_versioning_is_off_until_it_is_enabled_and_never_off_again(s3):
    name = unique("versions")
    s3.create_bucket(Bucket=name)
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    assert "VersionId" not in s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert "VersionId" not in s3.get_object(Bucket=name, Key="k")
    for status in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == status
    with aws_error("MalformedXML", 400):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Disabled"})
    with aws_error("NotImplemented", 501, "MfaDelete"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})
    # The earlier object becomes the null version.
    assert s3.get_object(Bucket=name, Key="k", VersionId="null")["VersionId"] == "null"


def test_every_version_is_read_by_its_id(s3, bucket):
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=f"v{i}".encode(), Metadata={"n": str(i)})["VersionId"] for i in range(5)]
    assert len(set(ids)) == 5
    for i, version in enumerate(ids):
        got = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
        assert (got["Body"].read(), got["VersionId"], got["Metadata"]) == (f"v{i}".encode(), version, {"n": str(i)})
        assert s3.head_object(Bucket=bucket, Key="k", VersionId=version)["VersionId"] == version
        attributes = s3.get_object_attributes(Bucket=bucket, Key="k", VersionId=version, ObjectAttributes=["ObjectSize"])
        assert (attributes["VersionId"], attributes["ObjectSize"]) == (version, 2)
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == ids[-1]
    with aws_error("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId="a" * 32)
    with aws_error("InvalidArgument", 400):
        s3.get_object(Bucket=bucket, Key="k", VersionId="no-version")
    with aws_error("404", 404):
        s3.head_object(Bucket=bucket, Key="k", VersionId="a" * 32)


def test_delete_markers(server, s3, bucket):
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True and marker["VersionId"] != version
    with aws_error("NoSuchKey", 404) as raised:
        s3.get_object(Bucket=bucket, Key="k")
    headers = raised.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true" and headers["x-amz-version-id"] == marker["VersionId"]
    with aws_error("404", 404) as raised:
        s3.head_object(Bucket=bucket, Key="k")
    assert raised.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    with aws_error("MethodNotAllowed", 405) as raised:
        s3.get_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    headers = raised.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["allow"] == "DELETE" and headers["x-amz-delete-marker"] == "true" and headers["last-modified"]
    with aws_error("405", 405):
        s3.head_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    with aws_error("MethodNotAllowed", 405):
        s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=marker["VersionId"], Tagging={"TagSet": []})
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    undone = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert undone["DeleteMarker"] is True and undone["VersionId"] == marker["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == version


def test_deleting_versions_one_by_one_brings_back_the_one_before(s3, bucket):
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=str(i).encode())["VersionId"] for i in range(3)]
    for left in (2, 1):
        gone = s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[left])
        assert gone["VersionId"] == ids[left] and "DeleteMarker" not in gone
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == str(left - 1).encode()
    # Deleting a version that does not exist succeeds.
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[2])
    with aws_error("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[0])
    s3.delete_bucket(Bucket=bucket)


def test_suspended_buckets_replace_the_null_version(s3, bucket):
    kept = s3.put_object(Bucket=bucket, Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"one", b"two"):
        assert s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] == "null"
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [(v["VersionId"], v["IsLatest"]) for v in versions] == [("null", True), (kept, False)]
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in listed["Versions"]] == [kept]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [("null", True)]


def test_delete_objects_says_what_became_of_each(s3, bucket):
    versions = {key: s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"] for key in "abc"}
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [
        {"Key": "a"}, {"Key": "b", "VersionId": versions["b"]}, {"Key": "c", "VersionId": "wrong"}, {"Key": "never"}]})
    deleted = {entry["Key"]: entry for entry in answer["Deleted"]}
    assert deleted["a"]["DeleteMarker"] is True and deleted["a"]["DeleteMarkerVersionId"] and "VersionId" not in deleted["a"]
    assert deleted["b"] == {"Key": "b", "VersionId": versions["b"]}
    assert deleted["never"]["DeleteMarker"] is True
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("c", "NoSuchVersion")]
    again = s3.delete_objects(Bucket=bucket, Delete={"Objects": [
        {"Key": "a", "VersionId": deleted["a"]["DeleteMarkerVersionId"]}]})["Deleted"][0]
    assert again["DeleteMarker"] is True and again["DeleteMarkerVersionId"] == again["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="a")["VersionId"] == versions["a"]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 1000])
def test_listings_page_through_every_version(s3, bucket, page):
    expected = []
    for key in ("a", "a/b", "b", "dir/x", "dir/y", "z\x7f"):
        ids = [s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"] for _ in range(3)]
        ids.append(s3.delete_object(Bucket=bucket, Key=key)["VersionId"])
        expected += [(key, version) for version in reversed(ids)]
    found, latest = [], []
    for answer in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": page}):
        entries = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
        assert len(entries) <= page
        found += [(entry["Key"], entry["VersionId"]) for entry in entries]
        latest += [entry["Key"] for entry in entries if entry["IsLatest"]]
    assert sorted(found) == sorted(expected) and (page > 1 or found == expected)
    assert sorted(latest) == ["a", "a/b", "b", "dir/x", "dir/y", "z\x7f"]
    folded = s3.list_object_versions(Bucket=bucket, Delimiter="/", Prefix="")
    assert [p["Prefix"] for p in folded["CommonPrefixes"]] == ["a/", "dir/"]
    assert {m["Key"] for m in folded["DeleteMarkers"]} == {"a", "b", "z\x7f"}
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="dir/")["Versions"]) == 6


def test_tags_belong_to_a_version(s3, bucket):
    first, second = (s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"] for _ in range(2))
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    assert s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=first, Tagging=tags)["VersionId"] == first
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=first)["TagSet"] == tags["TagSet"]
    now = s3.get_object_tagging(Bucket=bucket, Key="k")
    assert (now["TagSet"], now["VersionId"]) == ([], second)
    assert s3.delete_object_tagging(Bucket=bucket, Key="k", VersionId=first)["VersionId"] == first


def test_copies_of_versions(s3, bucket):
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": old})
    assert copied["CopySourceVersionId"] == old and copied["VersionId"] not in (old, None)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = s3.upload_part_copy(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1,
                               CopySource={"Bucket": bucket, "Key": "k", "VersionId": old})
    assert part["CopySourceVersionId"] == old
    done = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="m", VersionId=done["VersionId"])["Body"].read() == b"old"
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with aws_error("InvalidRequest", 400, "delete marker"):
        s3.copy_object(Bucket=bucket, Key="n", CopySource={"Bucket": bucket, "Key": "k", "VersionId": marker})


def test_writers_at_once_lose_no_version(server, bucket):
    acknowledged, lock = [], threading.Lock()

    def write():
        mine = server.client("s3")
        for _ in range(10):
            version = mine.put_object(Bucket=bucket, Key="k", Body=b"x" * 100)["VersionId"]
            with lock:
                acknowledged.append(version)

    writers = [threading.Thread(target=write) for _ in range(6)]
    [writer.start() for writer in writers]
    [writer.join() for writer in writers]
    listed = server.client("s3").list_object_versions(Bucket=bucket)["Versions"]
    assert sorted(v["VersionId"] for v in listed) == sorted(acknowledged) and len(acknowledged) == 60
    assert sum(v["IsLatest"] for v in listed) == 1


def test_a_presigned_url_reads_a_version(s3, bucket):
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"second")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k", "VersionId": first})
    assert requests.get(url, timeout=10).content == b"first"


def test_versions_survive_a_kill():
    with Server(auth="verify") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="killed")
        s3.put_object(Bucket="killed", Key="k", Body=b"before")
        s3.put_bucket_versioning(Bucket="killed", VersioningConfiguration={"Status": "Enabled"})
        versions = {s3.put_object(Bucket="killed", Key="k", Body=body)["VersionId"]: body
                    for body in (b"small", b"l" * 3_000_000)}
        marker = s3.delete_object(Bucket="killed", Key="k")["VersionId"]
        server.kill()
        server.start()
        s3 = server.client("s3")
        for version, body in {**versions, "null": b"before"}.items():
            assert s3.get_object(Bucket="killed", Key="k", VersionId=version)["Body"].read() == body
        s3.delete_object(Bucket="killed", Key="k", VersionId=marker)
        assert len(s3.get_object(Bucket="killed", Key="k")["Body"].read()) == 3_000_000


def test_versions_and_delete_markers_come_in_one_order(server, s3, bucket):
    """Some clients read the document entry by entry: the newest first, whatever it is."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    expected = []
    for key in ("a b", "a!", "b"):
        of_key = []
        for step in range(3):
            of_key.insert(0, s3.put_object(Bucket=bucket, Key=f"mixed/{key}", Body=b"x")["VersionId"])
            of_key.insert(0, s3.delete_object(Bucket=bucket, Key=f"mixed/{key}")["VersionId"])
        expected += of_key
    for encoding in ({}, {"EncodingType": "url"}):
        url = s3.generate_presigned_url("list_object_versions", {"Bucket": bucket, "Prefix": "mixed/", **encoding})
        text = requests.get(url, timeout=10).text
        assert re.findall("<VersionId>([^<]+)</VersionId>", text) == expected
        assert re.findall("<(Version|DeleteMarker)>", text) == ["DeleteMarker", "Version"] * 9
        assert set(re.findall(r"\.(\d+)Z</LastModified>", text)) == {"000"}
