"""Object lock through boto3: what is locked stays, by every way of deleting it."""
import datetime

import pytest

from helpers import aws_error, unique


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = unique("locked")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def days(count):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=count)).replace(microsecond=0)


def retention(mode, count):
    return {"Mode": mode, "RetainUntilDate": days(count)}


def test_a_bucket_with_object_lock_has_versions_and_keeps_them(s3, bucket):
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    with aws_error("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def test_a_bucket_without_object_lock_says_so(s3):
    name = unique("unlocked")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with aws_error("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=name)
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    with aws_error("InvalidBucketState", 409):
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)
    for call in (lambda: s3.put_object_retention(Bucket=name, Key="k", Retention=retention("GOVERNANCE", 1)),
                 lambda: s3.get_object_retention(Bucket=name, Key="k"),
                 lambda: s3.put_object_legal_hold(Bucket=name, Key="k", LegalHold={"Status": "ON"}),
                 lambda: s3.put_object(Bucket=name, Key="k", Body=b"", ObjectLockLegalHoldStatus="ON")):
        with aws_error("InvalidRequest", 400, "Bucket is missing Object Lock Configuration"):
            call()
    # A bucket with versions can get object lock later.
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == configuration


@pytest.mark.parametrize("rule, code", [
    ({"Mode": "GOVERNANCE"}, "MalformedXML"), ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
    ({"Mode": "FOR_EVER", "Days": 1}, "MalformedXML"), ({"Mode": "COMPLIANCE", "Days": 0}, "InvalidArgument"),
    ({"Mode": "COMPLIANCE", "Years": -1}, "InvalidArgument"), ({"Mode": "COMPLIANCE", "Days": 36501}, "InvalidArgument")])
def test_default_retentions_that_make_no_sense(s3, bucket, rule, code):
    with aws_error(code, 400):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}})


def test_the_default_retention_is_that_of_new_versions(s3, bucket):
    before = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}})
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": before})["VersionId"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})["VersionId"]
    for version in (put, copied, done):
        head = s3.head_object(Bucket=bucket, Key="k", VersionId=version)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert abs(head["ObjectLockRetainUntilDate"] - days(3)) < datetime.timedelta(minutes=2)
        with aws_error("AccessDenied", 403, "object protected by object lock"):
            s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert "ObjectLockMode" not in s3.head_object(Bucket=bucket, Key="k", VersionId=before)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=before)


def test_governance_gives_way_to_who_may_bypass_it(s3, bucket):
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE",
                            ObjectLockRetainUntilDate=days(5))["VersionId"]
    kept = s3.get_object_retention(Bucket=bucket, Key="k", VersionId=version)["Retention"]
    assert kept == {"Mode": "GOVERNANCE", "RetainUntilDate": days(5)} or kept["Mode"] == "GOVERNANCE"
    s3.put_object_retention(Bucket=bucket, Key="k", VersionId=version, Retention=retention("GOVERNANCE", 9))
    for weaker in (retention("GOVERNANCE", 1), retention("COMPLIANCE", 10), {}):
        with aws_error("AccessDenied", 403):
            s3.put_object_retention(Bucket=bucket, Key="k", VersionId=version, Retention=weaker)
    s3.put_object_retention(Bucket=bucket, Key="k", VersionId=version, Retention=retention("GOVERNANCE", 1),
                            BypassGovernanceRetention=True)
    with aws_error("AccessDenied", 403):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    # A delete marker may be put over it, which deletes nothing.
    assert s3.delete_object(Bucket=bucket, Key="k")["DeleteMarker"] is True
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    with aws_error("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId=version)


def test_compliance_gives_way_to_nobody(s3, bucket):
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockMode="COMPLIANCE",
                            ObjectLockRetainUntilDate=days(5))["VersionId"]
    for change in (retention("COMPLIANCE", 1), retention("GOVERNANCE", 9), {}):
        with aws_error("AccessDenied", 403):
            s3.put_object_retention(Bucket=bucket, Key="k", VersionId=version, Retention=change,
                                    BypassGovernanceRetention=True)
    s3.put_object_retention(Bucket=bucket, Key="k", VersionId=version, Retention=retention("COMPLIANCE", 8))
    with aws_error("AccessDenied", 403):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    answer = s3.delete_objects(Bucket=bucket, BypassGovernanceRetention=True, Delete={
        "Objects": [{"Key": "k", "VersionId": version}, {"Key": "other"}]})
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("k", "AccessDenied")]
    assert [e["Key"] for e in answer["Deleted"]] == ["other"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"x"


def test_legal_holds(s3, bucket):
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    with aws_error("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(Bucket=bucket, Key="k")
    assert s3.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"] == {"Status": "ON"}
    with aws_error("AccessDenied", 403):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    with aws_error("MalformedXML", 400):
        s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "MAYBE"})
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"})
    assert s3.head_object(Bucket=bucket, Key="k")["ObjectLockLegalHoldStatus"] == "OFF"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)


@pytest.mark.parametrize("lock, code", [
    ({"ObjectLockMode": "GOVERNANCE"}, "InvalidArgument"),
    ({"ObjectLockRetainUntilDate": days(1)}, "InvalidArgument"),
    ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": days(-1)}, "InvalidArgument"),
    ({"ObjectLockMode": "NONE", "ObjectLockRetainUntilDate": days(1)}, "InvalidArgument"),
    ({"ObjectLockLegalHoldStatus": "on"}, "InvalidArgument")])
def test_locks_that_make_no_sense(s3, bucket, lock, code):
    with aws_error(code, 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **lock)
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


@pytest.mark.parametrize("wrong, code", [
    ({"Mode": "GOVERNANCE"}, "MalformedXML"), ({"RetainUntilDate": days(1)}, "MalformedXML"),
    (retention("governance", 1), "MalformedXML"), (retention("GOVERNANCE", -1), "InvalidArgument")])
def test_retentions_that_make_no_sense(s3, bucket, wrong, code):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with aws_error(code, 400):
        s3.put_object_retention(Bucket=bucket, Key="k", Retention=wrong)
