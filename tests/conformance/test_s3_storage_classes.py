"""Storage classes, restores and lifecycle: what clients see of them."""
import datetime
import json
import subprocess

import pytest

from helpers import aws_error, unique, wait_until
from support.server import BINARY, Server

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = unique("cold")
    s3.create_bucket(Bucket=name)
    return name


def rule(prefix, **actions):
    return {"Rules": [{"ID": "the rule", "Status": "Enabled", "Filter": {"Prefix": prefix}, **actions}]}


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_read_once_it_is_restored(server, s3, bucket, storage_class):
    s3.put_object(Bucket=bucket, Key="k", Body=b"frozen", StorageClass=storage_class)
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == storage_class
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == storage_class
    with aws_error("InvalidObjectState", 403) as refused:
        s3.get_object(Bucket=bucket, Key="k")
    assert refused.value.response["Error"]["StorageClass"] == storage_class
    with aws_error("ObjectNotInActiveTierError", 403):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
    with aws_error("ObjectNotInActiveTierError", 403):
        s3.upload_part_copy(Bucket=bucket, Key="copy", UploadId=upload, PartNumber=1, CopySource=f"{bucket}/k")
    for wrong, code in (({}, "MalformedXML"), ({"Days": 0}, "InvalidArgument"), ({"Days": 1, "GlacierJobParameters": {"Tier": "Slow"}}, "MalformedXML")):
        with aws_error(code, 400):
            s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=wrong)
    with aws_error("NotImplemented", 501, "SelectParameters"):
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Type": "SELECT", "Days": 1})
    asked = {"Days": 2, "GlacierJobParameters": {"Tier": "Bulk"}}
    assert s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=asked)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=asked)["ResponseMetadata"]["HTTPStatusCode"] == 200
    got = s3.get_object(Bucket=bucket, Key="k")
    midnight = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=3)
    assert got["Body"].read() == b"frozen" and got["StorageClass"] == storage_class
    assert got["Restore"] == f'ongoing-request="false", expiry-date="{midnight:%a, %d %b %Y} 00:00:00 GMT"'
    # Copied to another class, it is an ordinary object again.
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="STANDARD")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"frozen" and "StorageClass" not in got and "Restore" not in got
    with aws_error("InvalidObjectState", 403):
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=asked)


def test_a_restore_of_a_version(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old", StorageClass="GLACIER")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    s3.restore_object(Bucket=bucket, Key="k", VersionId=old, RestoreRequest={"Days": 1})
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=old)["Body"].read() == b"old"
    with aws_error("NoSuchKey", 404):
        s3.restore_object(Bucket=bucket, Key="none", RestoreRequest={"Days": 1})


def test_answers_tell_when_an_object_expires(server, s3, bucket):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rule("logs/", Expiration={"Days": 2}))
    midnight = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=3)
    expected = f'expiry-date="{midnight:%a, %d %b %Y} 00:00:00 GMT", rule-id="the%20rule"'
    assert s3.put_object(Bucket=bucket, Key="logs/k", Body=b"x")["Expiration"] == expected
    assert s3.get_object(Bucket=bucket, Key="logs/k")["Expiration"] == expected
    assert s3.head_object(Bucket=bucket, Key="logs/k")["Expiration"] == expected
    assert s3.copy_object(Bucket=bucket, Key="logs/copy", CopySource=f"{bucket}/logs/k")["Expiration"] == expected
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="other", Body=b"x")
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="logs/k")


def test_rules_move_objects_to_colder_classes(s3, bucket):
    large = b"x" * (200 << 10)
    for key, body in (("logs/large", large), ("logs/small", b"x"), ("other", large)):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rule(
        "logs/", Transitions=[{"Date": PAST, "StorageClass": "GLACIER_IR"}, {"Date": PAST, "StorageClass": "STANDARD_IA"}]))
    wait_until(lambda: s3.head_object(Bucket=bucket, Key="logs/large").get("StorageClass") == "GLACIER_IR")
    assert s3.get_object(Bucket=bucket, Key="logs/large")["Body"].read() == large
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="logs/small")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="other")
    # Small objects go to the archives where the bucket says so.
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, TransitionDefaultMinimumObjectSize="varies_by_storage_class",
        LifecycleConfiguration=rule("logs/", Transitions=[{"Date": PAST, "StorageClass": "DEEP_ARCHIVE"}]))
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    wait_until(lambda: s3.head_object(Bucket=bucket, Key="logs/small").get("StorageClass") == "DEEP_ARCHIVE")
    with aws_error("InvalidObjectState", 403):
        s3.get_object(Bucket=bucket, Key="logs/small")


def test_rules_delete_what_has_expired(s3, bucket):
    for key in ("old/a", "old/b", "kept"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rule("old/", Expiration={"Date": PAST}))
    wait_until(lambda: [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["kept"])


def test_a_user_without_the_permission_does_not_bypass_governance(server, s3):
    bucket = unique("governed")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=tomorrow)["VersionId"]
    iam, user = server.client("iam"), unique("keeper")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    theirs = server.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def allow(*actions):
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": list(actions), "Resource": f"arn:aws:s3:::{bucket}/*"}]}))

    allow("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention")
    deletion = {"Bucket": bucket, "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
    with aws_error("AccessDenied", 403):
        theirs.delete_object(**deletion)
    errors = theirs.delete_objects(Bucket=bucket, BypassGovernanceRetention=True, Delete={"Objects": [{"Key": "k", "VersionId": version}]})["Errors"]
    assert errors[0]["Code"] == "AccessDenied"
    with aws_error("AccessDenied", 403):
        theirs.put_object_retention(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True, Retention={})
    allow("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")
    with aws_error("AccessDenied", 403):
        theirs.delete_object(**{**deletion, "BypassGovernanceRetention": False})
    theirs.delete_object(**deletion)
    with aws_error("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId=version)


def test_the_command_storage_tells_what_buckets_hold():
    with Server(auth="verify") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="versions")
        s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        s3.create_bucket(Bucket="empty")
        for body in (b"12345", b"123"):
            s3.put_object(Bucket="versions", Key="a b/&", Body=body)
        s3.put_object(Bucket="versions", Key="cold", Body=b"1", StorageClass="GLACIER")
        s3.delete_object(Bucket="versions", Key="cold")
        for number in range(1001):
            s3.put_object(Bucket="versions", Key=f"many &/{number}", Body=b"")

        def storage(*options):
            return subprocess.run([BINARY, "storage", "--data", str(server.data), *options], capture_output=True, text=True, check=True).stdout

        assert json.loads(storage("--json")) == [
            {"Bucket": "versions", "StorageClass": "GLACIER", "Objects": 0, "Bytes": 0, "OldVersions": 1, "OldVersionsBytes": 1},
            {"Bucket": "versions", "StorageClass": "STANDARD", "Objects": 1002, "Bytes": 3, "OldVersions": 1, "OldVersionsBytes": 5}]
        assert storage().splitlines()[-1].split() == ["all", "1002", "3", "2", "6"]
