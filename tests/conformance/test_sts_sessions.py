"""Sessions of STS: tags that chained sessions inherit, source identities, policies, federated users: through boto3."""
import datetime
import json

import pytest

from helpers import aws_error, unique


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


TRUST_ALL = {"Effect": "Allow", "Principal": {"AWS": "*"},
             "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


def make_role(iam, *statements, trust=TRUST_ALL, **more):
    """Returns the ARN."""
    name = unique("role")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust), **more)["Role"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    return role["Arn"]


def client_of(server, service, credentials):
    return server.client(service, aws_access_key_id=credentials["AccessKeyId"],
                         aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials["SessionToken"])


def tags(**values):
    return [{"Key": key, "Value": value} for key, value in values.items()]


def assume(sts, role, **more):
    return sts.assume_role(RoleArn=role, RoleSessionName="session", **more)


def may_list(server, credentials):
    try:
        client_of(server, "s3", credentials).list_buckets()
        return True
    except Exception as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
        return False


def test_a_sessions_tags_decide_and_come_before_the_roles(server, iam):
    role = make_role(iam, allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
                     Tags=tags(Team="blue"))
    sts = server.client("sts")
    assert not may_list(server, assume(sts, role)["Credentials"])
    answer = assume(sts, role, Tags=tags(team="red"))
    assert may_list(server, answer["Credentials"]) and 0 < answer["PackedPolicySize"] <= 100
    assert not may_list(server, assume(sts, role, Tags=tags(team="green"))["Credentials"])


@pytest.mark.parametrize("given, message", [
    ({"Tags": tags(a="1", A="2")}, "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
    ({"Tags": tags(a="1"), "TransitiveTagKeys": ["b"]},
     "The specified transitive tag key must be included in the requested tags."),
    ({"Tags": tags(**{"aws:x": "1"})}, "The tag key 'aws:x' begins with the reserved aws: prefix."),
])
def test_tags_that_are_refused(server, iam, given, message):
    with aws_error("InvalidParameterValue", 400) as raised:
        assume(server.client("sts"), make_role(iam), **given)
    assert raised.value.response["Error"]["Message"] == message


def test_transitive_tags_go_on_and_cannot_be_overridden(server, iam):
    first, second = make_role(iam, allow("sts:*")), make_role(iam, allow("sts:*"))
    third = make_role(iam, allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:PrincipalTag/project": "one"}}))
    keys = assume(server.client("sts"), first, Tags=tags(project="one", other="x"), TransitiveTagKeys=["Project"])["Credentials"]
    chained = client_of(server, "sts", keys)
    for more in ({"Tags": tags(PROJECT="two")}, {"Tags": tags(project="two"), "TransitiveTagKeys": ["project"]}):
        with aws_error("InvalidParameterValue", 400, "conflicts with a transitive tag key from the calling session"):
            assume(chained, second, **more)
    # Other tags may be set anew, and the transitive one goes on through two sessions.
    keys = assume(chained, second, Tags=tags(other="y"))["Credentials"]
    last = assume(client_of(server, "sts", keys), third)["Credentials"]
    assert may_list(server, last)


def test_tagging_a_session_needs_a_permission(server, iam):
    plain = make_role(iam, trust={**TRUST_ALL, "Action": "sts:AssumeRole"})
    sts = server.client("sts")
    assume(sts, plain)
    with aws_error("AccessDenied", 403, f"is not authorized to perform: sts:TagSession on resource: {plain}"):
        assume(sts, plain, Tags=tags(a="1"))
    with aws_error("AccessDenied", 403, f"is not authorized to perform: sts:SetSourceIdentity on resource: {plain}"):
        assume(sts, plain, SourceIdentity="me")
    only = make_role(iam, trust={**TRUST_ALL, "Condition": {
        "StringEquals": {"aws:RequestTag/a": "1"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["a"]},
        "ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": ["a"]}}})
    assume(sts, only, Tags=tags(a="1"), TransitiveTagKeys=["a"])
    for more in ({}, {"Tags": tags(a="1")}, {"Tags": tags(a="2"), "TransitiveTagKeys": ["a"]},
                 {"Tags": tags(a="1", b="1"), "TransitiveTagKeys": ["a"]}):
        with aws_error("AccessDenied", 403):
            assume(sts, only, **more)


def test_a_source_identity_stays_with_the_chain(server, iam):
    first, second = make_role(iam, allow("sts:*")), make_role(iam)
    answer = assume(server.client("sts"), first, SourceIdentity="alice")
    assert answer["SourceIdentity"] == "alice"
    chained = client_of(server, "sts", answer["Credentials"])
    assert assume(chained, second)["SourceIdentity"] == "alice"
    with aws_error("AccessDenied", 403):
        assume(chained, second, SourceIdentity="bobby")


def test_session_policies_narrow(server, iam):
    role = make_role(iam, allow("*"))
    sts = server.client("sts")
    assert may_list(server, assume(sts, role)["Credentials"])
    assert not may_list(server, assume(sts, role, Policy=document(allow("sqs:*")))["Credentials"])
    arns = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    assert may_list(server, assume(sts, role, PolicyArns=arns)["Credentials"])
    assert may_list(server, assume(sts, role, PolicyArns=arns, Policy=document(allow("sqs:*")))["Credentials"])
    with aws_error("MalformedPolicyDocument", 400):
        assume(sts, role, Policy="{")
    with aws_error("NoSuchEntity", 404):
        assume(sts, role, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/Nope"}])
    with aws_error("ValidationError", 400):
        assume(sts, role, PolicyArns=arns * 11)
    with aws_error("PackedPolicyTooLarge", 400):
        assume(sts, role, Tags=tags(**{f"{i:02}" + "k" * 120: "v" * 256 for i in range(40)}))


@pytest.fixture
def user(server, iam):
    """(name, credentials as boto3 takes them)"""
    name = unique("user")
    iam.create_user(UserName=name, Tags=tags(team="red"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def test_a_federated_user_may_what_its_user_and_its_policies_allow(server, iam, user):
    name, keys = user
    sts = server.client("sts", **keys)
    arn = f"arn:aws:sts::{sts.get_caller_identity()['Account']}:federated-user/Bob"
    with aws_error("AccessDenied", 403, f"sts:GetFederationToken on resource: {arn}"):
        sts.get_federation_token(Name="Bob")
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(
        allow(["sts:GetFederationToken", "sts:TagSession"], arn), allow(["s3:*", "iam:*"])))
    answer = sts.get_federation_token(Name="Bob", Policy=document(allow(["s3:*", "sqs:*"])))
    assert answer["FederatedUser"] == {"Arn": arn, "FederatedUserId": f"{arn.split(':')[4]}:Bob"}
    credentials = answer["Credentials"]
    identity = client_of(server, "sts", credentials).get_caller_identity()
    assert identity["Arn"] == arn and identity["UserId"] == answer["FederatedUser"]["FederatedUserId"]
    assert may_list(server, credentials)
    assert not may_list(server, sts.get_federation_token(Name="Bob")["Credentials"])
    for call in (lambda: client_of(server, "iam", credentials).list_users(),
                 lambda: client_of(server, "sts", credentials).assume_role(RoleArn=make_role(iam), RoleSessionName="session")):
        with aws_error("InvalidClientTokenId", 403):
            call()
    with aws_error("AccessDenied", 403):
        client_of(server, "sts", credentials).get_session_token()
    # When the user loses a permission, the federated user loses it as well.
    iam.delete_user_policy(UserName=name, PolicyName="p")
    assert not may_list(server, credentials)


def test_conditions_see_a_federated_user(server, iam, user):
    name, keys = user
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(
        allow(["sts:GetFederationToken", "sts:TagSession"]), allow("s3:*")))
    sts = server.client("sts", **keys)
    for condition, decides in [
            ({"StringEquals": {"aws:PrincipalType": "FederatedUser"}}, True),
            ({"StringEquals": {"aws:PrincipalTag/team": "red"}}, True),
            ({"StringEquals": {"aws:PrincipalTag/project": "one"}}, True),
            ({"StringLike": {"aws:userid": "*:Bob"}}, True),
            ({"Null": {"aws:username": "false"}}, False)]:
        credentials = sts.get_federation_token(
            Name="Bob", Tags=tags(project="one"), Policy=document(allow("s3:*", Condition=condition)))["Credentials"]
        assert may_list(server, credentials) == decides, condition


def test_root_may_vouch_for_an_hour(server):
    credentials = server.client("sts").get_federation_token(Name="Bob", Policy=document(allow("s3:*")))["Credentials"]
    assert may_list(server, credentials)
    assert credentials["Expiration"] - datetime.datetime.now(datetime.timezone.utc) < datetime.timedelta(seconds=3601)


def test_a_users_session_may_what_the_user_may_but_not_iam(server, iam, user):
    name, keys = user
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(allow("*")))
    credentials = server.client("sts", **keys).get_session_token()["Credentials"]
    assert may_list(server, credentials)
    with aws_error("InvalidClientTokenId", 403):
        client_of(server, "iam", credentials).list_users()
    with aws_error("InvalidClientTokenId", 403):
        client_of(server, "sts", credentials).get_access_key_info(AccessKeyId=keys["aws_access_key_id"])
    assume(client_of(server, "sts", credentials), make_role(iam))


def test_a_session_of_root_may_not_call_iam(server):
    credentials = server.client("sts").get_session_token()["Credentials"]
    client_of(server, "s3", credentials).list_buckets()
    with aws_error("InvalidClientTokenId", 403):
        client_of(server, "iam", credentials).list_users()


def test_a_policy_without_an_arn_is_refused(server, iam):
    # A form may leave out the member's name; boto3 does not, so its request is changed.
    sts = server.client("sts")

    def shorten(params, **_):
        params["body"]["PolicyArns.member.1"] = params["body"].pop("PolicyArns.member.1.arn")
    sts.meta.events.register("before-call.sts.AssumeRole", shorten)
    with aws_error("ValidationError", 400):
        sts.assume_role(RoleArn=make_role(iam), RoleSessionName="session",
                        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}])
