"""Bucket policies decide: for users of the owner's account and for callers of other accounts."""
import json

import pytest
from botocore.exceptions import ClientError

from helpers import aws_error, unique
from support.server import Server


@pytest.fixture(scope="module")
def own():
    with Server(auth="verify") as server:
        yield server


@pytest.fixture(scope="module")
def s3(own):
    return own.client("s3")


@pytest.fixture
def bucket(s3):
    name = unique("policy")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="data/k", Body=b"x")
    return name


@pytest.fixture(scope="module")
def user(own):
    """A user without any policy of its own: ARN and an S3 client."""
    iam = own.client("iam")
    arn = iam.create_user(UserName="reader")["User"]["Arn"]
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return arn, own.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def policy(bucket, *statements):
    document = {"Version": "2012-10-17", "Statement": [
        {"Sid": f"s{number}", "Effect": effect, "Principal": principal, "Action": action,
         "Resource": f"arn:aws:s3:::{bucket}{path}"} for number, (effect, principal, action, path) in enumerate(statements)]}
    return json.dumps(document)


def test_a_policy_is_kept_as_it_was_sent(s3, bucket):
    with aws_error("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)
    with aws_error("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy_status(Bucket=bucket)
    text = policy(bucket, ("Allow", "*", "s3:GetObject", "/*"))
    assert s3.put_bucket_policy(Bucket=bucket, Policy=text)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    closed = policy(bucket, ("Allow", {"AWS": "arn:aws:iam::123456789012:root"}, "s3:GetObject", "/*"))
    s3.put_bucket_policy(Bucket=bucket, Policy=closed)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    assert s3.delete_bucket_policy(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with aws_error("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)


def test_documents_that_are_no_policies_are_refused(s3, bucket):
    for wrong in ("{", "{}", policy("another", ("Allow", "*", "s3:GetObject", "/*")),
                  policy(bucket, ("Perhaps", "*", "s3:GetObject", "/*")),
                  json.dumps({"Version": "2012-10-17", "Statement": [
                      {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]})):
        with aws_error("MalformedPolicy", 400):
            s3.put_bucket_policy(Bucket=bucket, Policy=wrong)
    with pytest.raises(ClientError):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, ("Allow", "*", "s3:GetObject", "/*")) + " " * 21000)


def test_an_allow_is_enough_for_a_user_of_the_account(s3, bucket, user):
    arn, theirs = user
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=bucket, Key="data/k")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, ("Allow", {"AWS": arn}, "s3:GetObject", "/data/*")))
    assert theirs.get_object(Bucket=bucket, Key="data/k")["Body"].read() == b"x"
    for call in (lambda: theirs.put_object(Bucket=bucket, Key="data/k", Body=b"y"),
                 lambda: theirs.get_object(Bucket=bucket, Key="other"), lambda: theirs.list_objects_v2(Bucket=bucket)):
        with aws_error("AccessDenied", 403):
            call()
    s3.delete_bucket_policy(Bucket=bucket)
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=bucket, Key="data/k")


def test_a_deny_holds_for_the_root_too_but_not_for_the_policy_itself(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, ("Deny", "*", "s3:*", ""), ("Deny", "*", "s3:*", "/*")))
    with aws_error("AccessDenied", 403):
        s3.get_object(Bucket=bucket, Key="data/k")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "data/k"}]})
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("data/k", "AccessDenied")]
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="data/k")["Body"].read() == b"x"


def test_a_policy_outlives_the_server(own, s3, bucket, user):
    arn, theirs = user
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, ("Allow", {"AWS": arn}, "s3:GetObject", "/*")))
    own.kill()
    own.start()
    assert theirs.get_object(Bucket=bucket, Key="data/k")["Body"].read() == b"x"


def test_a_public_policy_is_blocked_where_the_bucket_says_so(s3, bucket):
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    with aws_error("AccessDenied", 403, "BlockPublicPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, ("Allow", "*", "s3:GetObject", "/*")))


def test_other_accounts_come_in_by_the_policy_alone(open_server):
    mine = open_server.client("s3", aws_access_key_id="111111111111", aws_secret_access_key="x")
    theirs = open_server.client("s3", aws_access_key_id="222222222222", aws_secret_access_key="x")
    name = unique("shared")
    mine.create_bucket(Bucket=name)
    mine.put_object(Bucket=name, Key="in/k", Body=b"x")
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=name, Key="in/k")
    mine.put_bucket_policy(Bucket=name, Policy=policy(
        name, ("Allow", {"AWS": "222222222222"}, ["s3:GetObject", "s3:PutObject"], "/in/*")))
    assert theirs.get_object(Bucket=name, Key="in/k")["Body"].read() == b"x"
    theirs.put_object(Bucket=name, Key="in/theirs", Body=b"y")
    assert mine.get_object(Bucket=name, Key="in/theirs")["Body"].read() == b"y"
    for call in (lambda: theirs.get_object(Bucket=name, Key="out"), lambda: theirs.delete_object(Bucket=name, Key="in/k"),
                 lambda: theirs.list_objects_v2(Bucket=name), lambda: theirs.delete_bucket(Bucket=name)):
        with aws_error("AccessDenied", 403):
            call()
    # The owner of the bucket that a request expects is the bucket's, not the caller's.
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=name, Key="in/k", ExpectedBucketOwner="222222222222")
    # Whatever the policy allows, it is the owner's to read and change.
    mine.put_bucket_policy(Bucket=name, Policy=policy(name, ("Allow", "*", "s3:*", ""), ("Allow", "*", "s3:*", "/*")))
    with aws_error("MethodNotAllowed", 405):
        theirs.delete_bucket_policy(Bucket=name)
    assert theirs.list_objects_v2(Bucket=name)["KeyCount"] == 2
    mine.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=name, Key="in/k")
    mine.delete_public_access_block(Bucket=name)
    mine.delete_bucket_policy(Bucket=name)
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=name, Key="in/k")
