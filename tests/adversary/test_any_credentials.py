"""Even with --auth any, some credentials are checked: a role's temporary key, and the account that a key belongs to."""
import json
import re
import urllib.error
import urllib.request

import pytest

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]})


def caller_of(server, authorization, **headers):
    """Returns the account from GetCallerIdentity, or the error's code."""
    request = urllib.request.Request(
        server.endpoint + "/", b"Action=GetCallerIdentity&Version=2011-06-15", {
            "Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization,
            "X-Amz-Date": "20261129T000000Z", **headers})
    try:
        text = urllib.request.urlopen(request, timeout=10).read().decode()
    except urllib.error.HTTPError as error:
        text = error.read().decode()
    return re.search(r"<(Account|Code)>([^<]*)<", text)[2]


def signed(key, scope):
    return f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host, Signature={'0' * 64}"


@pytest.mark.parametrize("scope", ["20261129/us-east-1/sts/aws4_request", "20261129//sts/aws4_request",
                                   "20261129/us-east-1//aws4_request", "/us-east-1/sts/aws4_request", "x"])
def test_a_malformed_scope_does_not_change_the_account(open_server, scope):
    assert caller_of(open_server, signed("111122223333", scope)) == "111122223333"


@pytest.fixture(scope="module")
def session(open_server):
    iam = open_server.client("iam")
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    return open_server.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]


@pytest.mark.parametrize("scope", ["20261129/us-east-1/sts/aws4_request", "20261129//sts/aws4_request"])
@pytest.mark.parametrize("token", [{}, {"X-Amz-Security-Token": "wrong"}])
def test_a_roles_key_without_its_token_is_refused(open_server, session, scope, token):
    assert caller_of(open_server, signed(session["AccessKeyId"], scope), **token) == "InvalidClientTokenId"


def test_a_roles_key_with_its_token_is_the_role(open_server, session):
    sts = open_server.client("sts", aws_access_key_id=session["AccessKeyId"],
                             aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
    assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/r/session")
    s3 = open_server.client("s3", aws_access_key_id=session["AccessKeyId"], aws_secret_access_key="x")
    with pytest.raises(s3.exceptions.ClientError) as refused:
        s3.list_buckets()
    assert refused.value.response["Error"]["Code"] == "InvalidAccessKeyId"
