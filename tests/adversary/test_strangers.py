"""Anonymous callers do what a bucket's policy and lists give to everybody, and nothing else: every operation of S3 is tried
without credentials, in buckets that are closed, readable, writable, and behind a public access block."""
import json
import socket
import subprocess
import time

import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from policy_cases import S3
from support.server import BINARY, Server

IMPLEMENTED = json.loads(subprocess.run([BINARY, "coverage", "--json"], check=True, capture_output=True).stdout)["s3"]
KEY = "Dir/Key one"
READ_BUCKET = {"HeadBucket", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"}
READ_OBJECT = {"GetObject", "HeadObject", "CopyObject", "UploadPartCopy"}
WRITE_BUCKET = {"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"}


@pytest.fixture(scope="module")
def world():
    with Server(auth="verify") as server:
        s3 = server.client("s3")
        stranger = server.client("s3", config=Config(signature_version=UNSIGNED))
        yield server, s3, stranger


def tried(stranger, bucket, operation, source="closed"):
    """How the operation ends for a stranger: "denied", "" or another error's code."""
    given = json.loads(json.dumps({k: v for k, v in S3[operation][0].items() if k != "Body"}))
    given = {k: v.replace("secret-bucket", source) if isinstance(v, str) else v for k, v in given.items()}
    if "Bucket" in given:
        given["Bucket"] = bucket
    if "Body" in S3[operation][0]:
        given["Body"] = b"x"
    try:
        answer = getattr(stranger, "".join("_" + c.lower() if c.isupper() else c for c in operation).strip("_"))(**given)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "denied" if code in ("AccessDenied", "403") else code
    errors = answer.get("Errors") or []
    return "denied" if errors and errors[0]["Code"] == "AccessDenied" else ""


def names(stranger, bucket, source="closed"):
    return {operation for operation in S3 if operation in IMPLEMENTED and tried(stranger, bucket, operation, source) != "denied"}


def make(s3, bucket, acl, object_acl="private"):
    s3.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter", ACL=acl)
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"secret", ACL=object_acl)


def test_strangers_do_nothing_in_a_closed_bucket(world):
    _, s3, stranger = world
    s3.create_bucket(Bucket="closed")
    s3.put_object(Bucket="closed", Key=KEY, Body=b"secret")
    assert names(stranger, "closed") == set()
    make(s3, "acl-private", "private")
    assert names(stranger, "acl-private") == set()
    assert names(stranger, "no-such-bucket") == set()


def test_strangers_read_what_everybody_may_read(world):
    _, s3, stranger = world
    make(s3, "readable", "public-read")
    assert names(stranger, "readable") == READ_BUCKET
    make(s3, "one-object", "private", "public-read")
    assert names(stranger, "one-object") == {"GetObject", "HeadObject"}
    # A public source opens no closed target.
    assert names(stranger, "acl-private", source="one-object") == set()
    make(s3, "authenticated", "authenticated-read", "authenticated-read")
    assert names(stranger, "authenticated") == set()


def test_strangers_write_what_everybody_may_write(world):
    _, s3, stranger = world
    make(s3, "writable", "public-read-write")
    # A stranger's new object has a list of its own: the owner's is put again for each.
    allowed = set()
    for operation in S3:
        if operation not in IMPLEMENTED:
            continue
        s3.put_object(Bucket="writable", Key=KEY, Body=b"secret")
        if tried(stranger, "writable", operation) != "denied":
            allowed.add(operation)
    assert allowed == READ_BUCKET | (WRITE_BUCKET - {"CopyObject", "UploadPartCopy"})
    # Neither locks nor lists of objects that are there.
    s3.put_object(Bucket="writable", Key=KEY, Body=b"secret")
    for further in ({"ObjectLockLegalHoldStatus": "ON"}, {"ACL": "public-read"}, {"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'},
                    {"Tagging": "a=b"}):
        with pytest.raises(ClientError) as refused:
            stranger.put_object(Bucket="writable", Key=KEY, Body=b"x", **further)
        assert refused.value.response["Error"]["Code"] == "AccessDenied", further


def test_a_public_policy_gives_what_it_names(world):
    _, s3, stranger = world
    s3.create_bucket(Bucket="by-policy")
    s3.put_object(Bucket="by-policy", Key=KEY, Body=b"secret")

    def policy(*statements):
        s3.put_bucket_policy(Bucket="by-policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": effect, "Principal": principal, "Action": action, "Resource": f"arn:aws:s3:::by-policy{path}", **more}
            for effect, principal, action, path, more in statements]}))

    policy(("Allow", "*", "s3:GetBucketTagging", "", {}))
    assert names(stranger, "by-policy") == {"GetBucketTagging"}
    policy(("Allow", {"AWS": "123456789012"}, "s3:*", "/*", {}))
    assert names(stranger, "by-policy") == set()
    policy(("Allow", "*", "s3:GetObject", "/*", {}), ("Deny", "*", "s3:GetObject", "/Dir/*", {}))
    assert names(stranger, "by-policy") == set()
    policy(("Allow", "*", "s3:GetObject", "/*", {"Condition": {"StringEquals": {"aws:PrincipalType": "Anonymous"}}}))
    assert names(stranger, "by-policy") == {"GetObject", "HeadObject"}
    policy(("Allow", "*", "s3:GetObject", "/*", {"Condition": {"StringLike": {"aws:PrincipalArn": "*"}}}))
    assert names(stranger, "by-policy") == set()
    # Whatever it allows, strangers neither read nor change the policy itself, nor make or find buckets.
    policy(("Allow", "*", "s3:*", "", {}), ("Allow", "*", "s3:*", "/*", {}))
    assert tried(stranger, "by-policy", "GetBucketPolicy") == "MethodNotAllowed"
    assert tried(stranger, "by-policy", "PutBucketPolicy") == "MethodNotAllowed"
    assert tried(stranger, "by-policy", "ListBuckets") == "denied"
    assert tried(stranger, "by-policy", "CreateBucket") == "denied"
    s3.put_public_access_block(Bucket="by-policy", PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert names(stranger, "by-policy") == set()


def test_strangers_are_refused_before_they_send_a_body_and_other_services_know_none(world):
    server, s3, _ = world
    answer = requests.post(server.endpoint, data="Action=GetCallerIdentity&Version=2011-06-15",
                           headers={"Content-Type": "application/x-www-form-urlencoded"}, timeout=10)
    assert answer.status_code == 403 and "MissingAuthenticationToken" in answer.text
    answer = requests.post(server.endpoint, json={}, headers={"X-Amz-Target": "SageMaker.ListModels"}, timeout=10)
    assert answer.status_code in (400, 403) and "MissingAuthenticationToken" in answer.text


def test_slow_forms_of_strangers_do_not_hold_up_the_uploads_of_others(world):
    """Nobody knows who sends a form before its fields have come: all such senders together have one share of the threads."""
    server, s3, _ = world
    begun = (b"POST /closed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
             b"Content-Length: 99000000\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n")
    slow = []
    try:
        for _ in range(60):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
            connection.sendall(begun)
            slow.append(connection)
        body = b"x" * (9 << 20)
        started = time.monotonic()
        s3.put_object(Bucket="closed", Key="large", Body=body)
        assert time.monotonic() - started < 10
        assert s3.get_object(Bucket="closed", Key="large")["Body"].read() == body
    finally:
        for connection in slow:
            connection.close()
    # A form that never ends its fields is refused once they are too many.
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(begun + b"x" * 40_000)
        assert b"MaxPostPreDataLengthExceededError" in connection.recv(4096)
