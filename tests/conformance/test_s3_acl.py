"""Access control lists: kept as they were asked for, and deciding who comes in, anonymous callers too."""
import pytest
import requests

from helpers import aws_error, unique

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
OTHER = "210987654321"


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture(scope="module")
def owner(s3):
    return s3.list_buckets()["Owner"]["ID"]


@pytest.fixture
def bucket(s3):
    name = unique("acl")
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    return name


def grants(answer):
    return [(grant["Grantee"].get("URI") or grant["Grantee"]["ID"], grant["Permission"]) for grant in answer["Grants"]]


def test_lists_are_refused_where_the_owner_alone_has_access(s3, owner):
    bucket = unique("enforced")
    s3.create_bucket(Bucket=bucket)
    with aws_error("AccessControlListNotSupported", 400):
        s3.put_bucket_acl(Bucket=bucket, ACL="private")
    with aws_error("InvalidBucketAclWithObjectOwnership", 400):
        s3.create_bucket(Bucket=unique("public"), ACL="public-read")
    with aws_error("InvalidArgument", 400):
        s3.create_bucket(Bucket=unique("wrong"), ObjectOwnership="Nobody")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="private")
    for how in ({"ACL": "public-read"}, {"GrantRead": f'uri="{ALL_USERS}"'}):
        with aws_error("AccessControlListNotSupported", 400):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x", **how)
        with aws_error("AccessControlListNotSupported", 400):
            s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **how)
        with aws_error("AccessControlListNotSupported", 400):
            s3.create_multipart_upload(Bucket=bucket, Key="k", **how)
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    mine = {"Owner": {"ID": owner}, "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": owner}, "Permission": "FULL_CONTROL"}]}
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=mine)
    assert grants(s3.get_object_acl(Bucket=bucket, Key="k")) == [(owner, "FULL_CONTROL")]


@pytest.mark.parametrize("canned, further", [
    ("private", []), ("public-read", [(ALL_USERS, "READ")]), ("public-read-write", [(ALL_USERS, "READ"), (ALL_USERS, "WRITE")]),
    ("authenticated-read", [(AUTHENTICATED, "READ")]), ("bucket-owner-read", []), ("bucket-owner-full-control", [])])
def test_canned_lists(s3, owner, bucket, canned, further):
    expected = [(owner, "FULL_CONTROL"), *further]
    if not canned.startswith("bucket-owner"):  # which are for objects
        s3.put_bucket_acl(Bucket=bucket, ACL=canned)
        assert grants(s3.get_bucket_acl(Bucket=bucket)) == expected
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL=canned)
    assert grants(s3.get_object_acl(Bucket=bucket, Key="k")) == expected
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert grants(s3.get_object_acl(Bucket=bucket, Key="copy")) == [(owner, "FULL_CONTROL")]  # a list is not copied
    s3.put_object_acl(Bucket=bucket, Key="copy", ACL=canned)
    assert grants(s3.get_object_acl(Bucket=bucket, Key="copy")) == expected
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", ACL=canned)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert grants(s3.get_object_acl(Bucket=bucket, Key="parts")) == expected


def test_grants_in_headers_and_documents(s3, owner, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", GrantRead=f'uri="{ALL_USERS}", id="{owner}"', GrantFullControl=f"id={owner}")
    assert set(grants(s3.get_object_acl(Bucket=bucket, Key="k"))) == {(owner, "FULL_CONTROL"), (ALL_USERS, "READ"), (owner, "READ")}
    document = {"Owner": {"ID": owner}, "Grants": [{"Grantee": {"Type": "Group", "URI": AUTHENTICATED}, "Permission": "READ_ACP"}]}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=document)
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == [(AUTHENTICATED, "READ_ACP")]


@pytest.mark.parametrize("how, code", [
    ({"ACL": "everybody"}, "InvalidArgument"), ({"GrantRead": 'id="bar"'}, "InvalidArgument"), ({"GrantRead": "nonsense"}, "InvalidArgument"),
    ({"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/Nobody"'}, "InvalidArgument"),
    ({"GrantRead": 'emailAddress="a@example.com"'}, "UnresolvableGrantByEmailAddress"),
    ({"ACL": "private", "GrantRead": f'uri="{ALL_USERS}"'}, "InvalidRequest")])
def test_lists_that_make_no_sense(s3, bucket, how, code):
    with aws_error(code, 400):
        s3.put_bucket_acl(Bucket=bucket, **how)
    with aws_error(code, 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **how)


def test_documents_that_make_no_sense(s3, owner, bucket):
    mine = {"Grantee": {"Type": "CanonicalUser", "ID": owner}, "Permission": "READ"}
    for document, code in (({"Grants": [mine]}, "MalformedACLError"),
                           ({"Owner": {"ID": owner}, "Grants": [{**mine, "Permission": "ALL"}]}, "MalformedXML"),
                           ({"Owner": {"ID": owner}, "Grants": [{"Grantee": {"Type": "CanonicalUser"}, "Permission": "READ"}]}, "MalformedACLError")):
        with aws_error(code, 400):
            s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=document)
    with aws_error("AccessDenied", 403):
        s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": "f" * 64}, "Grants": [mine]})


def test_everybody_reads_a_public_object_and_lists_a_public_bucket(server, s3, bucket):
    url = f"{server.endpoint}/{bucket}"
    s3.put_object(Bucket=bucket, Key="open", Body=b"for all", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"mine")
    assert requests.get(f"{url}/open", timeout=10).content == b"for all"
    assert requests.head(f"{url}/open", timeout=10).headers["Content-Length"] == "7"
    for path in ("/closed", "/none", "", "/open?acl", "/open?tagging", "?acl", "?policy"):
        answer = requests.get(url + path, timeout=10)
        assert answer.status_code == 403 and "<Code>AccessDenied</Code><Message>Access Denied</Message>" in answer.text, (path, answer.text)
    assert requests.put(f"{url}/open", data=b"theirs", timeout=10).status_code == 403
    assert requests.delete(f"{url}/open", timeout=10).status_code == 403
    assert requests.get(f"{server.endpoint}/", timeout=10).status_code == 403
    assert requests.put(f"{server.endpoint}/{unique('anonymous')}", timeout=10).status_code == 403
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert "<Key>closed</Key>" in requests.get(url, timeout=10).text
    assert requests.get(f"{url}/closed", timeout=10).status_code == 403
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert requests.put(f"{url}/theirs", data=b"theirs", timeout=10).status_code == 200
    assert s3.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"theirs"
    # Callers who may write may not delete.
    assert requests.delete(f"{url}/closed", timeout=10).status_code == 403
    assert requests.delete(f"{url}/theirs", timeout=10).status_code == 403
    deleting = requests.post(f"{url}?delete", data=b"<Delete><Object><Key>theirs</Key></Object></Delete>",
                             headers={"Content-MD5": "nv6hB0JMpqZmXrUK1/DrdA=="}, timeout=10)
    assert deleting.status_code in (200, 400, 403)
    assert s3.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"theirs"
    # Ownership is taken back: lists no longer count.
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    assert requests.get(f"{url}/open", timeout=10).status_code == 403


def test_a_shared_bucket_does_not_become_its_owners_alone(s3, bucket):
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with aws_error("InvalidBucketAclWithObjectOwnership", 400):
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})


def test_the_public_access_block_counts(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="open", Body=b"x", ACL="public-read")
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert requests.get(f"{server.endpoint}/{bucket}/open", timeout=10).status_code == 200
    for call in (lambda: s3.put_bucket_acl(Bucket=bucket, ACL="public-read"), lambda: s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read"),
                 lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read"),
                 lambda: s3.put_object_acl(Bucket=bucket, Key="open", GrantRead=f'uri="{ALL_USERS}"')):
        with aws_error("AccessDenied", 403):
            call()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**block, "IgnorePublicAcls": True})
    assert requests.get(f"{server.endpoint}/{bucket}/open", timeout=10).status_code == 403
    s3.delete_public_access_block(Bucket=bucket)
    assert requests.get(f"{server.endpoint}/{bucket}/open", timeout=10).status_code == 200


def test_a_public_policy_lets_anonymous_callers_in(server, s3):
    import json
    bucket = unique("site")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="public/k", Body=b"page")
    s3.put_object(Bucket=bucket, Key="secret", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/public/*"}]}))
    url = f"{server.endpoint}/{bucket}"
    assert requests.get(f"{url}/public/k", timeout=10).text == "page"
    assert requests.get(f"{url}/secret", timeout=10).status_code == 403
    assert requests.get(url, timeout=10).status_code == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert requests.get(f"{url}/public/k", timeout=10).status_code == 403


def test_other_accounts_come_in_by_the_list(open_server):
    mine, other = open_server.client("s3"), open_server.client("s3", aws_access_key_id=OTHER)
    other_id = other.list_buckets()["Owner"]["ID"]
    bucket = unique("shared")
    mine.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerPreferred")
    mine.put_object(Bucket=bucket, Key="k", Body=b"x")
    with aws_error("AccessDenied", 403):
        other.get_object(Bucket=bucket, Key="k")
    mine.put_object_acl(Bucket=bucket, Key="k", GrantRead=f'id="{other_id}"')
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    for call in (lambda: other.put_object(Bucket=bucket, Key="k", Body=b"y"), lambda: other.list_objects_v2(Bucket=bucket),
                 lambda: other.get_object_acl(Bucket=bucket, Key="k"), lambda: other.delete_object(Bucket=bucket, Key="k")):
        with aws_error("AccessDenied", 403):
            call()
    owner = mine.list_buckets()["Owner"]["ID"]
    mine.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{other_id}"', GrantFullControl=f'id="{owner}"')
    # The writer owns what it writes, unless it gives it to the bucket's owner.
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y")
    assert other.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"y"
    assert other.get_object_acl(Bucket=bucket, Key="theirs")["Owner"]["ID"] == other_id
    other.put_object(Bucket=bucket, Key="given", Body=b"y", ACL="bucket-owner-full-control")
    assert mine.get_object_acl(Bucket=bucket, Key="given")["Owner"]["ID"] == owner
    with aws_error("AccessDenied", 403):
        other.get_object(Bucket=bucket, Key="given")
    listed = {entry["Key"]: entry["Owner"]["ID"] for entry in mine.list_objects(Bucket=bucket)["Contents"]}
    assert listed == {"k": owner, "theirs": other_id, "given": owner}
    # Callers who may write can delete their own objects, and no others.
    other.delete_object(Bucket=bucket, Key="theirs")
    for key in ("k", "given", "none"):
        with aws_error("AccessDenied", 403):
            other.delete_object(Bucket=bucket, Key=key)


def test_a_version_has_its_own_list(server, s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ACL="public-read")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    url = f"{server.endpoint}/{bucket}/k"
    assert requests.get(url, timeout=10).status_code == 403
    assert requests.get(f"{url}?versionId={first}", timeout=10).content == b"1"
    assert requests.get(f"{url}?versionId={second}", timeout=10).status_code == 403
    s3.put_object_acl(Bucket=bucket, Key="k", VersionId=first, ACL="private")
    s3.put_object_acl(Bucket=bucket, Key="k", VersionId=second, ACL="public-read")
    assert requests.get(f"{url}?versionId={first}", timeout=10).status_code == 403
    assert requests.get(url, timeout=10).content == b"2"
