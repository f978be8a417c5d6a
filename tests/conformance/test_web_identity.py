"""AssumeRoleWithWebIdentity: tokens of an OpenID Connect provider that runs beside the server, through boto3."""
import json
import time

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from helpers import aws_error, unique
from support.identity_provider import IdentityProvider


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def identity_provider(tmp_path_factory):
    made = IdentityProvider(tmp_path_factory.mktemp("provider"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture(scope="module")
def provider_arn(iam, identity_provider):
    return iam.create_open_id_connect_provider(
        Url=identity_provider.url, ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=[identity_provider.thumbprint])["OpenIDConnectProviderArn"]


@pytest.fixture(scope="module")
def role(iam, provider_arn):
    name, host = unique("web"), provider_arn.split("oidc-provider/")[1]
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(
        {"Effect": "Allow", "Principal": {"Federated": provider_arn}, "Action": "sts:AssumeRoleWithWebIdentity",
         "Condition": {"StringEquals": {f"{host}:aud": "sts.amazonaws.com"}, "StringLike": {f"{host}:sub": "repo:me*"}}},
        {"Effect": "Allow", "Principal": {"Federated": provider_arn}, "Action": ["sts:TagSession", "sts:SetSourceIdentity"]}))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*",
         "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}))
    return made["Role"]["Arn"]


def assume(server, role, token, **more):
    sts = server.client("sts", config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}))
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="run", WebIdentityToken=token, **more)


def s3_of(server, answer):
    keys = answer["Credentials"]
    return server.client("s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                         aws_session_token=keys["SessionToken"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_token_in_place_of_a_signature(server, identity_provider, provider_arn, role, algorithm):
    answer = assume(server, role, identity_provider.token(algorithm))
    assert answer["SubjectFromWebIdentityToken"] == "repo:me" and answer["Audience"] == "sts.amazonaws.com"
    assert answer["Provider"] == provider_arn
    assert answer["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{role.split('/')[-1]}/run")
    s3_of(server, answer).list_buckets()
    # The keys are kept: the next token asks the provider nothing.
    asked = len(identity_provider.requests)
    assume(server, role, identity_provider.token(algorithm, sub="repo:me/2"))
    assert len(identity_provider.requests) == asked


def test_tags_and_source_identity_of_the_token(server, identity_provider, role):
    answer = assume(server, role, identity_provider.token(**{
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]},
        "https://aws.amazon.com/source_identity": "alice"}))
    assert answer["SourceIdentity"] == "alice"
    s3_of(server, answer).create_bucket(Bucket=unique("bucket"))
    with aws_error("AccessDenied", 403):
        s3_of(server, assume(server, role, identity_provider.token())).create_bucket(Bucket=unique("bucket"))


@pytest.mark.parametrize("make, code, status", [
    (lambda p: "not.a.token", "InvalidIdentityToken", 400),
    (lambda p: "abcd", "InvalidIdentityToken", 400),
    (lambda p: p.token(key="stranger.pem"), "InvalidIdentityToken", 400),
    (lambda p: p.token(header={"alg": "none"}), "InvalidIdentityToken", 400),
    (lambda p: p.token(header={"alg": "HS256"}), "InvalidIdentityToken", 400),
    (lambda p: p.token(header={"alg": "ES256"}), "InvalidIdentityToken", 400),
    (lambda p: p.token().rsplit(".", 1)[0] + ".", "InvalidIdentityToken", 400),
    (lambda p: p.token("ES256")[:-8], "InvalidIdentityToken", 400),
    (lambda p: p.token(aud="another"), "InvalidIdentityToken", 400),
    (lambda p: p.token(aud=None), "InvalidIdentityToken", 400),
    (lambda p: p.token(exp=None), "InvalidIdentityToken", 400),
    (lambda p: p.token(iss="https://elsewhere.example.com"), "InvalidIdentityToken", 400),
    (lambda p: p.token(nbf=int(time.time()) + 3600), "InvalidIdentityToken", 400),
    (lambda p: p.token(exp=int(time.time()) - 10), "ExpiredTokenException", 400),
    (lambda p: p.token(sub="repo:other"), "AccessDenied", 403),
])
def test_tokens_that_are_refused(server, identity_provider, role, make, code, status):
    assume(server, role, identity_provider.token())
    with aws_error(code, status):
        assume(server, role, make(identity_provider))


def test_a_role_that_trusts_another_is_refused(server, iam, identity_provider):
    name = unique("web")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}))["Role"]["Arn"]
    for role in (arn, arn + "x"):
        with aws_error("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity"):
            assume(server, role, identity_provider.token())


def test_the_providers_certificate_must_be_trusted(server, iam, tmp_path):
    provider = IdentityProvider(tmp_path)
    try:
        arn = iam.create_open_id_connect_provider(Url=provider.url, ClientIDList=["sts.amazonaws.com"],
                                                  ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
        role = iam.create_role(RoleName=unique("web"), AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}))["Role"]["Arn"]
        with aws_error("InvalidIdentityToken", 400, "Couldn't retrieve verification key"):
            assume(server, role, provider.token())
        assert provider.requests == []
    finally:
        provider.close()


def test_no_other_call_goes_without_a_signature(server):
    sts = server.client("sts", config=Config(signature_version=UNSIGNED))
    with aws_error("MissingAuthenticationToken", 403):
        sts.get_caller_identity()


def test_provider_life(iam):
    url = f"https://{unique('host')}.example.com/path"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["a"], ThumbprintList=["a" * 40],
                                              Tags=[{"Key": "k", "Value": "v"}])["OpenIDConnectProviderArn"]
    assert arn.endswith(":oidc-provider/" + url.removeprefix("https://"))
    with aws_error("EntityAlreadyExists", 409):
        iam.create_open_id_connect_provider(Url=url)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "z", "Value": "1"}])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["k"])
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (got["Url"], got["ClientIDList"], got["ThumbprintList"]) == (url.removeprefix("https://"), ["b"], ["b" * 40])
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == [{"Key": "z", "Value": "1"}]
    assert arn in [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with aws_error("NoSuchEntity", 404):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    for bad in ("http://host.example.com", "https://"):
        with aws_error("ValidationError", 400):
            iam.create_open_id_connect_provider(Url=bad)
    with aws_error("InvalidInput", 400):
        iam.create_open_id_connect_provider(Url=url, ThumbprintList=["z" * 40])


def test_an_issuer_that_ends_in_a_slash(server, iam, tmp_path):
    # Auth0's form: in the token and the discovery document the issuer has a slash that IAM's provider has not.
    provider = IdentityProvider(tmp_path)
    provider.issuer_end = "/"
    try:
        arn = iam.create_open_id_connect_provider(Url=provider.url + "/", ClientIDList=["sts.amazonaws.com"],
                                                  ThumbprintList=[provider.thumbprint])["OpenIDConnectProviderArn"]
        role = iam.create_role(RoleName=unique("web"), AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity",
             "Condition": {"StringEquals": {f"{arn.split('oidc-provider/')[1]}:aud": "sts.amazonaws.com"}}}))["Role"]["Arn"]
        assume(server, role, provider.token(iss=provider.url + "/"))
    finally:
        provider.close()


def test_a_provider_with_too_many_keys_is_refused(server, iam, tmp_path):
    provider = IdentityProvider(tmp_path)
    try:
        provider.keys = [provider.keys[1]] + [{**provider.keys[1], "kid": str(i)} for i in range(100)]
        arn = iam.create_open_id_connect_provider(Url=provider.url, ClientIDList=["sts.amazonaws.com"],
                                                  ThumbprintList=[provider.thumbprint])["OpenIDConnectProviderArn"]
        role = iam.create_role(RoleName=unique("web"), AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity",
             "Condition": {"StringEquals": {f"{arn.split('oidc-provider/')[1]}:aud": "sts.amazonaws.com"}}}))["Role"]["Arn"]
        with aws_error("InvalidIdentityToken", 400):
            assume(server, role, provider.token("ES256"))
    finally:
        provider.close()
