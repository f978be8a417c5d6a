"""Service-linked roles, the password policy, the credential report, simulations: through boto3."""
import csv
import json

import pytest

from helpers import aws_error, unique


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


def test_a_service_linked_role_is_its_services(iam):
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com", Description="d")["Role"]
    name = role["RoleName"]
    assert name == "AWSServiceRoleForECS" and role["Path"] == "/aws-service-role/ecs.amazonaws.com/"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecs.amazonaws.com"}
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == ["arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"]
    with aws_error("InvalidInput", 400, f"Service role name {name} has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    for call in (lambda: iam.delete_role(RoleName=name),
                 lambda: iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("s3:*"))),
                 lambda: iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
                 lambda: iam.detach_role_policy(RoleName=name, PolicyArn=attached[0]["PolicyArn"]),
                 lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=document(
                     {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})),
                 lambda: iam.put_role_permissions_boundary(
                     RoleName=name, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess")):
        with aws_error("UnmodifiableEntity", 400, f"Cannot perform the operation on the protected role '{name}'"):
            call()
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with aws_error("NoSuchEntity", 404):
        iam.get_role(RoleName=name)


def test_service_linked_roles_that_are_refused(iam):
    with aws_error("InvalidInput", 400, "nobody.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName="nobody.amazonaws.com")
    with aws_error("InvalidInput", 400, "Custom suffix is not allowed for ecs.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com", CustomSuffix="x")
    with aws_error("InvalidInput", 400):
        iam.create_role(RoleName=unique("r"), Path="/aws-service-role/ecs.amazonaws.com/", AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}))
    made = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")["Role"]["RoleName"]
    assert made == "AWSServiceRoleForAutoScaling_x"
    iam.delete_service_linked_role(RoleName=made)


def test_password_policy(iam):
    with aws_error("NoSuchEntity", 404):
        iam.get_account_password_policy()
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, MaxPasswordAge=90)
    assert iam.get_account_password_policy()["PasswordPolicy"] == {
        "MinimumPasswordLength": 12, "RequireSymbols": True, "RequireNumbers": False, "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False, "AllowUsersToChangePassword": False, "ExpirePasswords": True, "MaxPasswordAge": 90}
    iam.update_account_password_policy()
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 6
    iam.delete_account_password_policy()
    with aws_error("NoSuchEntity", 404):
        iam.delete_account_password_policy()


def test_credential_report(iam, server):
    name = unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.create_access_key(UserName=name)
    with_comma = iam.create_user(UserName=f"{name},x")["User"]["Arn"]
    with aws_error("ReportNotPresent", 410):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = {row["user"]: row for row in csv.DictReader(report["Content"].decode().splitlines())}
    assert report["ReportFormat"] == "text/csv" and rows["<root_account>"]["access_key_1_active"] == "true"
    assert rows[name]["arn"] == arn and rows[name]["password_enabled"] == "false"
    assert (rows[name]["access_key_1_active"], rows[name]["access_key_2_active"]) == ("true", "false")
    assert rows[f"{name},x"]["arn"] == with_comma and rows[f"{name},x"]["access_key_1_active"] == "false"


POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    {
      "Effect": "Deny",
      "Action": "s3:DeleteObject", "Resource": "*"
    }
  ]
}"""


def test_a_simulation_names_the_statements_that_decide(iam):
    get, delete, other = iam.simulate_custom_policy(
        PolicyInputList=[POLICY], ActionNames=["s3:GetObject", "s3:DeleteObject", "sqs:SendMessage"])["EvaluationResults"]
    assert [each["EvalDecision"] for each in (get, delete, other)] == ["allowed", "explicitDeny", "implicitDeny"]
    assert get["MatchedStatements"] == [{
        "SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 4, "Column": 5}, "EndPosition": {"Line": 4, "Column": 58}}]
    assert delete["MatchedStatements"][0]["StartPosition"] == {"Line": 5, "Column": 5}
    assert delete["MatchedStatements"][0]["EndPosition"] == {"Line": 8, "Column": 5}
    assert other["MatchedStatements"] == []


def test_a_simulation_with_a_resources_policy(iam):
    caller = "arn:aws:iam::111122223333:user/u"
    grant = document({"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "s3:GetObject", "Resource": "*"})
    ask = dict(ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::b/k"], ResourcePolicy=grant, CallerArn=caller)
    nothing = document(allow("sqs:*"))

    def decision(**more):
        return iam.simulate_custom_policy(**{"PolicyInputList": [nothing], **ask, **more})["EvaluationResults"][0]

    assert decision(ResourceOwner="arn:aws:iam::111122223333:root")["EvalDecision"] == "allowed"
    # Another account's resource asks for both sides.
    assert decision(ResourceOwner="arn:aws:iam::444455556666:root")["EvalDecision"] == "implicitDeny"
    both = decision(ResourceOwner="arn:aws:iam::444455556666:root", PolicyInputList=[POLICY])
    assert both["EvalDecision"] == "allowed"
    assert [each["SourcePolicyId"] for each in both["MatchedStatements"]] == ["PolicyInputList.1", "ResourcePolicyInputList.1"]
    with aws_error("InvalidInput", 400, "CallerArn"):
        iam.simulate_custom_policy(PolicyInputList=[nothing], ActionNames=["s3:GetObject"], ResourcePolicy=grant)


def test_context_keys_of_policies(iam):
    text = document(allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", Condition={"StringEquals": {
        "s3:prefix": "${aws:PrincipalTag/team, 'none'}"}, "Bool": {"aws:SecureTransport": "true"}}))
    expected = ["aws:PrincipalTag/team", "aws:SecureTransport", "aws:username", "s3:prefix"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"] == expected
    name = unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=text)
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == expected
