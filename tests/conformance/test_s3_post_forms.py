"""Browsers' upload forms: presigned POSTs of boto3, sent with requests as a browser would."""
import base64
import datetime
import hashlib
import hmac
import json
import urllib.parse

import pytest
import requests
from botocore.config import Config

from helpers import unique


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3", config=Config(signature_version="s3v4"))


@pytest.fixture(scope="module")
def bucket(s3):
    name = unique("forms")
    s3.create_bucket(Bucket=name)
    return name


def post(form, body=b"file's bytes", name="cat.txt", after=(), **fields):
    """Fields that are None are left out."""
    sent = {key: value for key, value in {**form["fields"], **fields}.items() if value is not None}
    parts = [(key, (None, value)) for key, value in sent.items()] + [("file", (name, body)), *after]
    return requests.post(form["url"], files=parts, timeout=20, allow_redirects=False)


def code(answer):
    return answer.text.split("<Code>")[1].split("</Code>")[0] if "<Code>" in answer.text else answer.text


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_post_of_both_signatures(server, s3, bucket, version):
    signing = server.client("s3", config=Config(signature_version=version))
    form = signing.generate_presigned_post(bucket, "in/${filename}", Fields={"x-amz-meta-who": "me", "Content-Type": "text/plain"}, Conditions=[
        {"x-amz-meta-who": "me"}, ["starts-with", "$Content-Type", "text/"], ["content-length-range", 1, 100]])
    answer = post(form, name="C:\\photos\\cat ü.txt")
    assert answer.status_code == 204 and answer.text == "", answer.text
    got = s3.get_object(Bucket=bucket, Key="in/cat ü.txt")
    assert got["Body"].read() == b"file's bytes" and got["ContentType"] == "text/plain" and got["Metadata"] == {"who": "me"}
    assert answer.headers["ETag"] == got["ETag"] and answer.headers["Location"].endswith(f"/{bucket}/in/cat%20%C3%BC.txt")
    # The signature is what lets the form in.
    name = "x-amz-signature" if version == "s3v4" else "signature"
    refused = post(form, **{name: "0" + form["fields"][name][1:] if form["fields"][name][0] != "0" else "1" + form["fields"][name][1:]})
    assert refused.status_code == 403 and code(refused) == "SignatureDoesNotMatch"
    unknown = {"x-amz-credential": "AKIANOBODY/" + form["fields"].get("x-amz-credential", "").partition("/")[2]} if version == "s3v4" else {
        "AWSAccessKeyId": "AKIANOBODY"}
    assert code(post(form, **unknown)) == "InvalidAccessKeyId"


def test_a_form_is_answered_as_it_asks(s3, bucket):
    form = s3.generate_presigned_post(bucket, "k & <k>", Fields={"success_action_status": "201"}, Conditions=[["starts-with", "$success_action_status", ""]])
    created = post(form)
    assert created.status_code == 201 and created.headers["Content-Type"] == "application/xml"
    etag = s3.head_object(Bucket=bucket, Key="k & <k>")["ETag"]
    assert f"<Bucket>{bucket}</Bucket><Key>k &amp; &lt;k&gt;</Key><ETag>{etag.replace(chr(34), '&quot;')}</ETag>" in created.text
    assert post(form, success_action_status="200").status_code == 200
    assert post(form, success_action_status="404").status_code == 204
    to = "https://example.com/done?a=b"
    form = s3.generate_presigned_post(bucket, "k", Fields={"success_action_redirect": to}, Conditions=[["starts-with", "$success_action_redirect", ""]])
    moved = post(form)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(moved.headers["Location"]).query))
    assert moved.status_code == 303 and moved.headers["Location"].startswith(to)
    assert query == {"a": "b", "bucket": bucket, "key": "k", "etag": s3.head_object(Bucket=bucket, Key="k")["ETag"]}
    assert post(form, success_action_redirect="https://example.com/\r\nX-Evil: 1").status_code == 204


def test_every_kind_of_condition(s3, bucket):
    def form(key="user/k", fields=None, conditions=()):
        return s3.generate_presigned_post(bucket, key, Fields=fields or {}, Conditions=list(conditions))

    begins = form("user/${filename}")
    assert post(begins, key="user/anything").status_code == 204
    assert code(post(begins, key="other/k")) == "AccessDenied"
    assert code(post(form(), key="user/k2")) == "AccessDenied"
    assert post(form(conditions=[["eq", "$x-amz-meta-a", "1"]]), **{"x-amz-meta-a": "1"}).status_code == 204
    assert code(post(form(conditions=[["eq", "$x-amz-meta-a", "1"]]), **{"x-amz-meta-a": "2"})) == "AccessDenied"
    assert code(post(form(conditions=[["eq", "$x-amz-meta-a", "1"]]))) == "AccessDenied"
    assert "Extra input fields: x-amz-meta-b" in post(form(), **{"x-amz-meta-b": "1"}).text
    assert post(form(), **{"x-ignore-b": "1"}).status_code == 204
    types = form(conditions=[["starts-with", "$Content-Type", "image/"]])
    assert post(types, **{"Content-Type": "image/png, image/jpeg"}).status_code == 204
    assert code(post(types, **{"Content-Type": "image/png, text/html"})) == "AccessDenied"
    ranged = form(conditions=[["content-length-range", 3, 5]])
    assert [post(ranged, b"x" * size).status_code for size in (2, 3, 5, 6)] == [400, 204, 204, 400]
    assert code(post(ranged, b"xx")) == "EntityTooSmall" and code(post(ranged, b"x" * 300_000)) == "EntityTooLarge"
    assert s3.head_object(Bucket=bucket, Key="user/k")["ContentLength"] == 5


def test_policies_that_are_none(server, s3, bucket):
    keys = server.env()
    date = datetime.datetime.now(datetime.timezone.utc)
    scope = f"{date:%Y%m%d}/us-east-1/s3/aws4_request"
    credential, stamp = f"{keys['AWS_ACCESS_KEY_ID']}/{scope}", f"{date:%Y%m%dT%H%M%SZ}"
    late, past = (date + datetime.timedelta(hours=1)).isoformat(), (date - datetime.timedelta(hours=1)).isoformat()
    full = [{"bucket": bucket}, {"key": "k"}, {"x-amz-credential": credential}, {"x-amz-algorithm": "AWS4-HMAC-SHA256"}, {"x-amz-date": stamp}]

    def signed(document):
        policy = base64.b64encode(document if isinstance(document, bytes) else json.dumps(document).encode()).decode()
        key = ("AWS4" + keys["AWS_SECRET_ACCESS_KEY"]).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return {"url": f"{server.endpoint}/{bucket}", "fields": {
            "key": "k", "policy": policy, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": credential, "x-amz-date": stamp,
            "x-amz-signature": hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()}}

    assert post(signed({"expiration": late, "conditions": full})).status_code == 204
    assert post(signed({"expiration": late, "conditions": [{"bUcKeT": bucket}, *full[1:]]}), **{"key": None, "kEy": "k"}).status_code == 204
    for document, expected in (
            (b"{", "InvalidPolicyDocument"), ({"conditions": full}, "InvalidPolicyDocument"), ({"expiration": late}, "InvalidPolicyDocument"),
            ({"expiration": late, "conditions": []}, "InvalidPolicyDocument"), ({"expiration": late, "CONDITIONS": full}, "InvalidPolicyDocument"),
            ({"expiration": "tomorrow", "conditions": full}, "InvalidPolicyDocument"),
            ({"expiration": late, "conditions": [*full, ["content-length-range", "a", 2]]}, "InvalidPolicyDocument"),
            ({"expiration": late, "conditions": [*full, ["ends-with", "$key", "k"]]}, "InvalidPolicyDocument"),
            ({"expiration": past, "conditions": full}, "AccessDenied"), ({"expiration": late, "conditions": full[1:]}, "AccessDenied"),
            ({"expiration": late, "conditions": [{"bucket": "other"}, *full[1:]]}, "AccessDenied")):
        answer = post(signed(document))
        assert answer.status_code == (403 if expected == "AccessDenied" else 400) and code(answer) == expected, (document, answer.text)
    for missing, expected in (("key", "AccessDenied"), ("x-amz-signature", "InvalidArgument"), ("x-amz-date", "InvalidArgument")):
        assert code(post(signed({"expiration": late, "conditions": full}), **{missing: None})) == expected, missing


def test_forms_of_strangers(server, s3, bucket):
    """Without a policy a form is an anonymous request."""
    url = f"{server.endpoint}/{bucket}"
    assert code(post({"url": url, "fields": {"key": "k"}})) == "AccessDenied"
    open_bucket = unique("open")
    s3.create_bucket(Bucket=open_bucket, ObjectOwnership="ObjectWriter", ACL="public-read-write")
    url = f"{server.endpoint}/{open_bucket}"
    assert post({"url": url, "fields": {"key": "k", "acl": "public-read"}}).status_code == 204
    assert requests.get(f"{url}/k", timeout=10).content == b"file's bytes"
    assert post({"url": url + "/", "fields": {"key": "tagged", "tagging":
                 "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"}}).status_code in (204, 403)


def test_forms_that_are_broken(server, s3, bucket):
    form = s3.generate_presigned_post(bucket, "broken")
    url = form["url"]

    def raw(body, content_type="multipart/form-data; boundary=x"):
        return requests.post(url, data=body, headers={"Content-Type": content_type}, timeout=20)

    field = b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nbroken\r\n'
    for body, expected in ((b"", "MalformedPOSTRequest"), (b"nothing", "MalformedPOSTRequest"), (field, "MalformedPOSTRequest"),
                           (field + b"--x--\r\n", "InvalidArgument"),
                           (field + b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut off', "AccessDenied")):
        answer = raw(body)
        assert code(answer) == expected, (body, answer.text)
    assert code(raw(field, "multipart/form-data")) == "MalformedPOSTRequest"
    assert code(post(form, **{"x-ignore-much": "x" * 30_000})) == "MaxPostPreDataLengthExceededError"
    form = s3.generate_presigned_post(bucket, "broken", Conditions=[["starts-with", "$Content-Disposition", ""]])
    assert code(post(form, **{"Content-Disposition": "a\r\nX-Evil: 1"})) == "InvalidArgument"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="broken")


def test_a_large_file_is_streamed_and_fields_behind_it_are_passed_over(s3, bucket):
    import os
    body = os.urandom(9 << 20)
    form = s3.generate_presigned_post(bucket, "large")
    assert post(form, body, after=[("key", (None, "elsewhere")), ("more", (None, "x" * 1000))]).status_code == 204
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == body
    assert post(form, b"").status_code == 204
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == b""


def test_a_form_of_a_user_needs_the_users_permission(server, bucket):
    iam = server.client("iam")
    user = unique("poster")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    theirs = server.client("s3", config=Config(signature_version="s3v4"), aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    form = theirs.generate_presigned_post(bucket, "theirs")
    refused = post(form)
    assert refused.status_code == 403 and "s3:PutObject" in refused.text
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/theirs", "Condition": {"StringEquals": {"s3:authType": "POST"}}}]}))
    assert post(form).status_code == 204


@pytest.mark.parametrize("signed, value, again, other", [
    ("acl", "private", "acl", "public-read"), ("acl", "private", "ACL", "public-read"), ("acl", "private", "x-amz-acl", "public-read"),
    ("x-amz-meta-owner", "bob", "X-Amz-Meta-Owner", "admin"), ("Content-Type", "text/plain", "content-type", "text/html")])
def test_a_field_comes_once_so_that_the_policy_is_checked_against_what_is_used(s3, bucket, signed, value, again, other):
    form = s3.generate_presigned_post(bucket, "once", Fields={signed: value}, Conditions=[{signed: value}, ["starts-with", "$x-amz-acl", ""]])
    parts = [*((key, (None, field)) for key, field in form["fields"].items()), (again, (None, other)), ("file", ("f", b"x"))]
    answer = requests.post(form["url"], files=parts, timeout=20)
    assert answer.status_code == 400 and code(answer) == "InvalidArgument", answer.text
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="once")
