import json

import pytest

from helpers import aws_error, unique

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def test_get_caller_identity_names_the_root_account(server):
    identity = server.client("sts").get_caller_identity()
    assert len(identity["Account"]) == 12 and identity["Account"].isdigit()
    assert identity["Arn"] == f"arn:aws:iam::{identity['Account']}:root"


def test_any_mode_takes_the_account_from_a_twelve_digit_key(open_server):
    for key, account in (("111122223333", "111122223333"), ("anything", "123456789012")):
        client = open_server.client("sts", aws_access_key_id=key, aws_secret_access_key="x")
        assert client.get_caller_identity()["Account"] == account


def test_unknown_access_key_is_refused(server):
    client = server.client("sts", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
    with aws_error("InvalidClientTokenId", 403):
        client.get_caller_identity()


@pytest.mark.parametrize("service, call, code", [
    ("sts", lambda c: c.get_caller_identity(), "SignatureDoesNotMatch"),
    ("s3", lambda c: c.list_buckets(), "SignatureDoesNotMatch"),
    ("sagemaker", lambda c: c.list_models(), "InvalidSignatureException"),
    ("logs", lambda c: c.describe_log_groups(), "InvalidSignatureException"),
])
def test_wrong_secret_is_refused_in_the_words_of_the_service(server, service, call, code):
    client = server.client(service, aws_secret_access_key="wrong" * 8)
    with aws_error(code, 400 if code == "InvalidSignatureException" else 403):
        call(client)


def test_role_life(server):
    iam = server.client("iam")
    name = unique("role")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Description="d")["Role"]
    assert role["Arn"].endswith(f":role/{name}")
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(TRUST)
    with aws_error("EntityAlreadyExists", 409):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    assert name in [r["RoleName"] for r in iam.list_roles()["Roles"]]
    iam.delete_role(RoleName=name)
    with aws_error("NoSuchEntity", 404):
        iam.get_role(RoleName=name)


def test_create_role_with_a_broken_policy(server):
    with aws_error("MalformedPolicyDocument", 400):
        server.client("iam").create_role(RoleName=unique("role"), AssumeRolePolicyDocument="{oops")


def test_list_roles_pages(server):
    iam = server.client("iam")
    names = sorted(unique("paged") for _ in range(5))
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2})
    assert [r["RoleName"] for p in pages for r in p["Roles"] if r["RoleName"] in names] == names
    for name in names:
        iam.delete_role(RoleName=name)
