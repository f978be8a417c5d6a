"""Every implemented operation is authorized for the true ARN of its resource, however the caller spells it: a Deny on
that ARN refuses it, an Allow on only that ARN suffices, and an Allow on another ARN does not."""
import json
import subprocess

import pytest
from callers import ALL, Callers
from policy_cases import CASES, DOCUMENT, FREE, SECRET_ROLE, TRUST, needed
from support.server import BINARY


IMPLEMENTED = json.loads(subprocess.run([BINARY, "coverage", "--json"], check=True, capture_output=True).stdout)


@pytest.fixture(scope="module")
def callers(server):
    return Callers(server)


@pytest.fixture(autouse=True)
def admin_role(callers):
    """Created for every test, since some tests delete it."""
    try:
        callers.iam.create_role(RoleName="AdminRole", Path="/ops/", AssumeRolePolicyDocument=TRUST)
    except callers.iam.exceptions.EntityAlreadyExistsException:
        pass


def test_every_implemented_operation_is_in_the_matrix():
    missing = {service: sorted(set(operations) - set(CASES.get(service, {})) - FREE.get(service, set()))
               for service, operations in IMPLEMENTED.items()}
    assert {service: names for service, names in missing.items() if names} == {}


@pytest.mark.parametrize("service, operation", [
    (service, operation) for service, cases in CASES.items() for operation in cases
    if operation in IMPLEMENTED[service]])
def test_operation(callers, service, operation):
    given, resources = needed(service, operation, callers.account)
    resources.setdefault("iam:PassRole", [SECRET_ROLE.replace("{account}", callers.account)])
    scoped = [{"Effect": "Allow", "Action": action, "Resource": arns} for action, arns in resources.items()]
    answers = {}
    # One at a time, so that an earlier failure hides no later one.
    for action, arns in resources.items():
        for arn in arns:
            if action == "iam:PassRole":
                continue
            deny = {"Effect": "Deny", "Action": action, "Resource": arn}
            answers["deny", action, arn] = callers.call(callers.session(ALL, deny), service, operation, **given)
            rest = [dict(each, Resource=[r for r in each["Resource"] if r != arn]) if each["Action"] == action else each
                    for each in scoped]
            neighbour = {"Effect": "Allow", "Action": action,
                         "Resource": arn + "x" if arn != "*" else "arn:aws:s3:::neighbour"}
            rest = [each for each in rest if each["Resource"]] + [neighbour]
            answers["neighbour", action, arn] = callers.call(callers.session(*rest), service, operation, **given)
    assert set(answers.values()) == {"denied"}, answers
    answer = callers.call(callers.session(*scoped), service, operation, **given)
    assert answer != "denied", callers.error.response["Error"]


@pytest.mark.parametrize("service, operation", [
    (service, operation) for service, cases in CASES.items() for operation in cases
    if operation in IMPLEMENTED[service]])
def test_operation_needs_its_own_action(callers, service, operation):
    """Denied to a principal without permissions, and to one that may do everything except this."""
    given, resources = needed(service, operation, callers.account)
    elsewhere = {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}
    answers = {"no rights": callers.call(callers.session(elsewhere), service, operation, **given)}
    for action in resources:
        others = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
        answers["all but " + action] = callers.call(callers.session(others), service, operation, **given)
    assert set(answers.values()) == {"denied"}, answers


FOREIGN = [
    ("sagemaker", "ListTags", "ResourceArn", "arn:{partition}:sagemaker:us-east-1:{account}:endpoint/e"),
    ("sagemaker", "DeleteTags", "ResourceArn", "arn:{partition}:sagemaker:us-east-1:{account}:endpoint/e"),
    ("logs", "FilterLogEvents", "logGroupIdentifier", "arn:{partition}:logs:us-east-1:{account}:log-group:g"),
    ("logs", "ListTagsForResource", "resourceArn", "arn:{partition}:logs:us-east-1:{account}:log-group:g"),
    ("iam", "GetPolicy", "PolicyArn", "arn:{partition}:iam::{account}:policy/p"),
    ("iam", "SimulatePrincipalPolicy", "PolicySourceArn", "arn:{partition}:iam::{account}:role/ops/AdminRole"),
]


@pytest.mark.parametrize("service, operation, member, arn", FOREIGN)
@pytest.mark.parametrize("partition, account", [("aws-cn", None), ("xx", None), ("aws", "999900001111"), ("aws", "x")])
def test_foreign_and_malformed_arns_are_refused_before_all(callers, service, operation, member, arn, partition, account):
    text = arn.format(partition=partition, account=account or callers.account)
    more = {"DeleteTags": {"TagKeys": ["k"]}, "SimulatePrincipalPolicy": {"ActionNames": ["s3:GetObject"]}}
    answer = callers.call(callers.session(), service, operation, **{member: text}, **more.get(operation, {}))
    assert answer in {"ValidationException", "InvalidParameterException", "ResourceNotFoundException", "InvalidInput",
                      "ValidationError", "NoSuchEntity"}, answer


ROLE_SPELLINGS = ["arn:aws-cn:iam::{account}:role/ops/AdminRole", "arn:xx:iam::{account}:role/ops/AdminRole",
                  "arn:aws:iam::{account}:role/AdminRole", "arn:aws:iam::{account}:role/ops/adminrole",
                  "arn:aws:iam::{account}:role/ops/ADMINROLE", "arn:aws:iam:us-east-1:{account}:role/ops/AdminRole",
                  "arn:aws:iam::{account}:role/ops//AdminRole"]


@pytest.mark.parametrize("spelling", ROLE_SPELLINGS)
def test_a_denied_role_is_not_passed_under_another_spelling(callers, spelling):
    session = callers.session(ALL, {"Effect": "Deny", "Action": "iam:PassRole",
                                    "Resource": SECRET_ROLE.format(account=callers.account)})
    arn = spelling.format(account=callers.account)
    answer = callers.call(session, "sagemaker", "CreateModel", ModelName="m", ExecutionRoleArn=arn,
                          PrimaryContainer={"Image": "x"})
    assert answer in {"denied", "ValidationException"} and callers.call(
        session, "sagemaker", "DescribeModel", ModelName="m") == "ValidationException"


@pytest.mark.parametrize("spelling", ROLE_SPELLINGS)
def test_a_role_is_assumed_under_its_own_arn_only(callers, spelling):
    root = {"AccessKeyId": callers.server.env()["AWS_ACCESS_KEY_ID"], "SessionToken": None,
            "SecretAccessKey": callers.server.env()["AWS_SECRET_ACCESS_KEY"]}
    answer = callers.call(root, "sts", "AssumeRole", RoleSessionName="session",
                          RoleArn=spelling.format(account=callers.account))
    assert answer in {"denied", "ValidationError"}


def test_an_allow_on_a_prefix_reaches_no_role_below_a_path(callers):
    callers.iam.create_role(RoleName="dev-boss", Path="/admin/", AssumeRolePolicyDocument=TRUST)
    callers.iam.create_role(RoleName="dev-junior", AssumeRolePolicyDocument=TRUST)
    session = callers.session({"Effect": "Allow", "Action": "iam:*",
                               "Resource": f"arn:aws:iam::{callers.account}:role/dev-*"})
    for name, expected in (("dev-boss", "denied"), ("DEV-BOSS", "denied"), ("dev-junior", "ok")):
        for operation, more in (("PutRolePolicy", {"PolicyName": "p", "PolicyDocument": DOCUMENT}),
                                ("UpdateAssumeRolePolicy", {"PolicyDocument": TRUST})):
            assert callers.call(session, "iam", operation, RoleName=name, **more) == expected, (name, operation)


def test_a_deny_on_a_role_bites_where_its_trust_names_the_caller(callers):
    """The trust policy names the role itself, so its own policies need not allow the call; a Deny still applies."""
    trusting = {"Effect": "Allow", "Principal": {"AWS": callers.role}, "Action": "sts:AssumeRole"}
    callers.iam.create_role(RoleName="target", AssumeRolePolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [trusting]}))
    arn = f"arn:aws:iam::{callers.account}:role/target"
    assume = {"RoleArn": arn, "RoleSessionName": "target"}
    assert callers.call(callers.session(), "sts", "AssumeRole", **assume) == "ok"
    deny = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": arn}
    assert callers.call(callers.session(ALL, deny), "sts", "AssumeRole", **assume) == "denied"


def test_a_session_of_a_deleted_role_has_nothing_of_its_successor(callers):
    arn = callers.make_role("reborn", ALL)
    session = callers.session(role=arn)
    assert callers.call(session, "s3", "ListBuckets") == "ok"
    callers.iam.delete_role_policy(RoleName="reborn", PolicyName="p")
    callers.iam.delete_role(RoleName="reborn")
    assert callers.call(session, "s3", "ListBuckets") == "denied"
    assert callers.make_role("reborn", ALL) == arn
    assert callers.call(session, "s3", "ListBuckets") == "denied"
    assert callers.call(callers.session(role=arn), "s3", "ListBuckets") == "ok"


def test_copy_source_is_read_as_the_copy_reads_it(callers):
    s3 = callers.server.client("s3")
    s3.create_bucket(Bucket="mine")
    s3.put_object(Bucket="mine", Key="a?versionId=null", Body=b"secret")
    session = callers.session(
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:GetObject*", "Resource": "arn:aws:s3:::mine/a?versionId=*"})
    for source in ("mine/a?versionId=null?versionId=null", {"Bucket": "mine", "Key": "a?versionId=null"}):
        assert callers.call(session, "s3", "CopyObject", Bucket="mine", Key="copy", CopySource=source) == "denied"
