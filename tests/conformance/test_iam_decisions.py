"""AWS's managed policies, the checks of policy documents, and denials that say what denied: through boto3."""
import json

import pytest

from helpers import aws_error, unique

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture
def user(server, iam):
    """(name, S3 client with the user's key, the user's ARN)"""
    name = unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, server.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]), arn


def test_aws_managed_policies_are_found_by_name(iam):
    for name in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess", "AWSLambda_FullAccess", "AmazonECS_FullAccess",
                 "CloudWatchFullAccess", "AWSCodePipeline_FullAccess", "AWSCodeBuildAdminAccess",
                 "service-role/AWSLambdaBasicExecutionRole", "service-role/AmazonECSTaskExecutionRolePolicy"):
        arn = f"arn:aws:iam::aws:policy/{name}"
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        assert policy["Arn"] == arn and policy["IsAttachable"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        assert version["Document"]["Statement"] and version["IsDefaultVersion"]
    full = iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")["Policy"]
    assert full["CreateDate"].year == 2015
    with aws_error("NoSuchEntity", 404):
        iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccessNot")


def test_aws_managed_policies_page_without_loss_or_doubles(iam):
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 500})
    arns = [policy["Arn"] for page in pages for policy in page["Policies"]]
    assert len(arns) == len(set(arns)) > 1000
    served = [policy["PolicyName"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS", PathPrefix="/service-role/")
              for policy in page["Policies"]]
    assert "AWSLambdaBasicExecutionRole" in served and "AmazonS3FullAccess" not in served


def test_an_aws_managed_policy_decides(iam, user):
    name, s3, _ = user
    with aws_error("AccessDenied", 403):
        s3.list_buckets()
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    s3.list_buckets()
    with aws_error("AccessDenied", 403):
        s3.create_bucket(Bucket=unique("bucket"))


OLD = {"Version": "2008-10-17"}
OK = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


@pytest.mark.parametrize("text, message", [
    ("{", "Syntax errors in policy."),
    (json.dumps({"Version": "2012-10-17"}), "Syntax errors in policy."),
    (document({**OK, "Effect": "Perhaps"}), "Syntax errors in policy."),
    (document({**OK, "Extra": 1}), "Syntax errors in policy."),
    (document({**OK, "Condition": {"StringMaybe": {"a:b": "c"}}}), "Syntax errors in policy."),
    (json.dumps({"Statement": OK}), "Policy document must be version 2012-10-17 or greater."),
    (json.dumps({**OLD, "Statement": OK}), "Policy document must be version 2012-10-17 or greater."),
    (document({**OK, "Action": "s3"}), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (document({**OK, "Action": "s3:a:b"}), "Actions/Condition can contain only one colon."),
    (document({**OK, "Action": "s_3:a"}), "Vendor s_3 is not valid"),
    (document({**OK, "Action": []}), "Policy statement must contain actions."),
    (document({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
    (document({**OK, "Resource": "bucket"}), 'Resource bucket must be in ARN format or "*".'),
    (document({**OK, "Resource": "arn:moon:s3:::b"}), 'Partition "moon" is not valid for resource "arn:moon:s3:::b".'),
    (document({**OK, "Resource": "arn:aws:s3:us-east-1::b"}),
     "Resource arn:aws:s3:us-east-1::b can not contain region information."),
    (document({**OK, "Sid": "a"}, {**OK, "Sid": "a"}), "Statement IDs (SID) in a single policy must be unique."),
    (document({**OK, "Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}), "The policy failed legacy parsing"),
])
def test_what_is_wrong_with_a_document(iam, text, message):
    with aws_error("MalformedPolicyDocument", 400) as raised:
        iam.create_policy(PolicyName=unique("policy"), PolicyDocument=text)
    assert raised.value.response["Error"]["Message"] == message


def refusal(call):
    with aws_error("AccessDenied", 403) as raised:
        call()
    return raised.value.response["Error"]["Message"]


def test_a_denial_says_what_denied_or_what_is_missing(server, iam, user):
    name, s3, arn = user
    bucket = unique("bucket")
    server.client("s3").create_bucket(Bucket=bucket)
    delete = lambda: s3.delete_object(Bucket=bucket, Key="k")  # noqa: E731
    start = f"User: {arn} is not authorized to perform: s3:DeleteObject on resource: arn:aws:s3:::{bucket}/k"
    assert refusal(delete) == start + " because no identity-based policy allows the s3:DeleteObject action"
    policy = iam.create_policy(PolicyName=unique("safe"), PolicyDocument=document(
        OK, {"Sid": "NoDeletes", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}))["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    assert refusal(delete) == f"{start} with an explicit deny in an identity-based policy: {policy}, statement 2 (NoDeletes)"
    iam.detach_user_policy(UserName=name, PolicyArn=policy)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document(OK))
    delete()
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert refusal(delete) == start + " because no permissions boundary allows the s3:DeleteObject action"
    iam.delete_user_permissions_boundary(UserName=name)
    server.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/*"}))
    assert refusal(delete) == start + " with an explicit deny in a resource-based policy: statement 1"


def test_a_session_policy_is_named(server, iam):
    role = iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=document({
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}))["Role"]
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="all", PolicyDocument=document(OK))
    keys = server.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="narrow", Policy=document(
        {**OK, "Action": "sqs:*"}))["Credentials"]
    s3 = server.client("s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                       aws_session_token=keys["SessionToken"])
    assert refusal(s3.list_buckets).endswith("because no session policy allows the s3:ListAllMyBuckets action")
