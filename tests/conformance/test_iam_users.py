"""Users, groups, access keys that sign, versions of policies, instance profiles: through boto3, deciding."""
import json

import pytest
from botocore.config import Config

from helpers import aws_error, unique
from support.server import Server

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture
def user(iam):
    name = unique("user")
    iam.create_user(UserName=name, Path="/people/", Tags=[{"Key": "Team", "Value": "red"}])
    return name


def keys_of(iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def test_user_life(iam):
    name = unique("user")
    made = iam.create_user(UserName=name, Path="/a/b/", Tags=[{"Key": "k", "Value": "v"}])["User"]
    account = made["Arn"].split(":")[4]
    assert made["Arn"] == f"arn:aws:iam::{account}:user/a/b/{name}"
    assert made["UserId"].startswith("AIDA") and made["Tags"] == [{"Key": "k", "Value": "v"}]
    with aws_error("EntityAlreadyExists", 409, f"User with name {name.upper()} already exists."):
        iam.create_user(UserName=name.upper())
    iam.tag_user(UserName=name, Tags=[{"Key": "K", "Value": "w"}, {"Key": "z", "Value": "1"}])
    assert iam.list_user_tags(UserName=name)["Tags"] == [{"Key": "K", "Value": "w"}, {"Key": "z", "Value": "1"}]
    iam.untag_user(UserName=name, TagKeys=["Z"])
    assert [tag["Key"] for tag in iam.get_user(UserName=name)["User"]["Tags"]] == ["K"]
    new = unique("renamed")
    iam.update_user(UserName=name, NewUserName=new, NewPath="/c/")
    assert iam.get_user(UserName=new)["User"]["Arn"].endswith(f":user/c/{new}")
    assert iam.get_user(UserName=new)["User"]["UserId"] == made["UserId"]
    with aws_error("NoSuchEntity", 404, f"The user with name {name} cannot be found."):
        iam.get_user(UserName=name)
    assert new in [u["UserName"] for u in iam.list_users(PathPrefix="/c/")["Users"]]
    assert new not in [u["UserName"] for u in iam.list_users(PathPrefix="/a/")["Users"]]
    iam.delete_user(UserName=new)
    with aws_error("NoSuchEntity", 404):
        iam.delete_user(UserName=new)


def test_a_users_key_signs_and_its_policies_decide(server, iam, user):
    keys = keys_of(iam, user)
    identity = server.client("sts", **keys).get_caller_identity()
    assert identity["Arn"].endswith(f":user/people/{user}") and identity["UserId"].startswith("AIDA")
    assert server.client("sts").get_access_key_info(AccessKeyId=keys["aws_access_key_id"])["Account"] == identity["Account"]
    bucket = unique("bucket")
    server.client("s3").create_bucket(Bucket=bucket)
    s3 = server.client("s3", **keys)
    with aws_error("AccessDenied", 403, f"User: {identity['Arn']} is not authorized to perform: s3:PutObject"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    own = f"arn:aws:s3:::{bucket}/${{aws:username}}/*"
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=document(allow("s3:*Object", own)))
    s3.put_object(Bucket=bucket, Key=f"{user}/k", Body=b"x")
    with aws_error("AccessDenied", 403):
        s3.put_object(Bucket=bucket, Key="other/k", Body=b"x")
    # The same key with the old signature.
    old = server.client("s3", config=Config(signature_version="s3"), **keys)
    assert old.get_object(Bucket=bucket, Key=f"{user}/k")["Body"].read() == b"x"
    wrong = {**keys, "aws_secret_access_key": "x" * 40}
    with aws_error("SignatureDoesNotMatch", 403):
        server.client("s3", **wrong).list_buckets()


@pytest.mark.parametrize("condition, decides", [
    ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
    ({"StringEquals": {"aws:PrincipalTag/team": "red"}}, True),
    ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, False),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/people/*"}}, True),
    ({"Null": {"aws:username": "true"}}, False),
    ({"Null": {"aws:TokenIssueTime": "true", "aws:MultiFactorAuthPresent": "true"}}, True),
])
def test_what_conditions_see_of_a_user(server, iam, user, condition, decides):
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(
        allow("s3:ListAllMyBuckets", Condition=condition)))
    s3 = server.client("s3", **keys_of(iam, user))
    if decides:
        s3.list_buckets()
    else:
        with aws_error("AccessDenied", 403):
            s3.list_buckets()


def test_access_key_life(server, iam, user):
    keys = keys_of(iam, user)
    sts = server.client("sts", **keys)
    used = iam.get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])
    assert used["UserName"] == user and used["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    second = keys_of(iam, user)
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2"):
        iam.create_access_key(UserName=user)
    listed = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    assert sorted(key["AccessKeyId"] for key in listed) == sorted(
        [keys["aws_access_key_id"], second["aws_access_key_id"]])
    assert "SecretAccessKey" not in listed[0]
    sts.get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "us-east-1") and used["LastUsedDate"]
    iam.update_access_key(UserName=user, AccessKeyId=keys["aws_access_key_id"], Status="Inactive")
    with aws_error("InvalidClientTokenId", 403):
        sts.get_caller_identity()
    iam.update_access_key(UserName=user, AccessKeyId=keys["aws_access_key_id"], Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(UserName=user, AccessKeyId=keys["aws_access_key_id"])
    with aws_error("InvalidClientTokenId", 403):
        sts.get_caller_identity()
    with aws_error("NoSuchEntity", 404, f"The Access Key with id {keys['aws_access_key_id']} cannot be found."):
        iam.delete_access_key(UserName=user, AccessKeyId=keys["aws_access_key_id"])


def test_a_user_manages_its_own_keys(server, iam, user):
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=document(
        allow(["iam:*AccessKey*", "iam:GetUser"], "arn:aws:iam::*:user/people/${aws:username}")))
    own = server.client("iam", **keys_of(iam, user))
    assert own.get_user()["User"]["UserName"] == user
    made = own.create_access_key()["AccessKey"]
    assert made["UserName"] == user
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 2
    own.delete_access_key(AccessKeyId=made["AccessKeyId"])
    with aws_error("AccessDenied", 403):
        own.list_access_keys(UserName="another")


def test_keys_and_their_use_survive_kill_9():
    with Server() as server:
        iam = server.client("iam")
        iam.create_user(UserName="u")
        keys = keys_of(iam, "u")
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document(allow("s3:ListAllMyBuckets")))
        server.client("s3", **keys).list_buckets()
        iam.create_group(GroupName="g")  # committed after the use
        server.kill()
        server.start()
        server.client("s3", **keys).list_buckets()
        used = server.client("iam").get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])
        assert used["AccessKeyLastUsed"]["ServiceName"] == "s3"


def test_groups_grant_to_their_members(server, iam, user):
    group = unique("group")
    made = iam.create_group(GroupName=group, Path="/g/")["Group"]
    assert made["GroupId"].startswith("AGPA") and made["Arn"].endswith(f":group/g/{group}")
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document(allow("s3:ListAllMyBuckets")))
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/CloudWatchLogsFullAccess")
    keys = keys_of(iam, user)
    s3, logs = server.client("s3", **keys), server.client("logs", **keys)
    with aws_error("AccessDenied", 403):
        s3.list_buckets()
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.add_user_to_group(GroupName=group, UserName=user)
    s3.list_buckets()
    logs.describe_log_groups()
    assert [u["UserName"] for u in iam.get_group(GroupName=group)["Users"]] == [user]
    renamed = unique("renamed")
    iam.update_group(GroupName=group, NewGroupName=renamed)
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName=user)["Groups"]] == [renamed]
    s3.list_buckets()
    assert iam.list_group_policies(GroupName=renamed)["PolicyNames"] == ["p"]
    assert iam.get_group_policy(GroupName=renamed, PolicyName="p")["PolicyDocument"]["Statement"]
    assert len(iam.list_attached_group_policies(GroupName=renamed)["AttachedPolicies"]) == 1
    for message, undo in [
            ("must remove users from group first.", lambda: iam.remove_user_from_group(GroupName=renamed, UserName=user)),
            ("must detach all policies first.", lambda: iam.detach_group_policy(
                GroupName=renamed, PolicyArn="arn:aws:iam::aws:policy/CloudWatchLogsFullAccess")),
            ("must delete policies first.", lambda: iam.delete_group_policy(GroupName=renamed, PolicyName="p"))]:
        with aws_error("DeleteConflict", 409, "Cannot delete entity, " + message):
            iam.delete_group(GroupName=renamed)
        undo()
    with aws_error("AccessDenied", 403):
        s3.list_buckets()
    iam.delete_group(GroupName=renamed)


def test_a_boundary_bounds_a_user(server, iam, user):
    policy = iam.create_policy(PolicyName=unique("bound"), PolicyDocument=document(allow("s3:ListAllMyBuckets")))["Policy"]
    iam.attach_user_policy(UserName=user, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    keys = keys_of(iam, user)
    server.client("logs", **keys).describe_log_groups()
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=policy["Arn"])
    shown = iam.get_user(UserName=user)["User"]["PermissionsBoundary"]
    assert shown == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy["Arn"]}
    assert iam.get_policy(PolicyArn=policy["Arn"])["Policy"]["PermissionsBoundaryUsageCount"] == 1
    server.client("s3", **keys).list_buckets()
    with aws_error("AccessDeniedException", 403):
        server.client("logs", **keys).describe_log_groups()
    with aws_error("DeleteConflict", 409):
        iam.delete_policy(PolicyArn=policy["Arn"])
    iam.delete_user_permissions_boundary(UserName=user)
    server.client("logs", **keys).describe_log_groups()
    iam.delete_policy(PolicyArn=policy["Arn"])


def test_a_user_is_deleted_last(iam, user):
    group = unique("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(allow("s3:*")))
    for message, undo in [
            ("must remove users from group first.", lambda: iam.remove_user_from_group(GroupName=group, UserName=user)),
            ("must detach all policies first.", lambda: iam.detach_user_policy(UserName=user, PolicyArn=arn)),
            ("must delete access keys first.", lambda: iam.delete_access_key(UserName=user, AccessKeyId=key)),
            ("must delete policies first.", lambda: iam.delete_user_policy(UserName=user, PolicyName="p"))]:
        with aws_error("DeleteConflict", 409, "Cannot delete entity, " + message):
            iam.delete_user(UserName=user)
        undo()
    iam.delete_user(UserName=user)


def test_policy_versions(server, iam, user):
    policy = iam.create_policy(PolicyName=unique("versioned"), PolicyDocument=document(allow("s3:ListAllMyBuckets")),
                               Description="d", Tags=[{"Key": "a", "Value": "b"}])["Policy"]
    arn = policy["Arn"]
    assert policy["DefaultVersionId"] == "v1" and policy["Tags"] and policy["Description"] == "d"
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    s3 = server.client("s3", **keys_of(iam, user))
    s3.list_buckets()
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:GetObject")))["PolicyVersion"]
    assert second["VersionId"] == "v2" and second["IsDefaultVersion"] is False
    s3.list_buckets()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    with aws_error("AccessDenied", 403):
        s3.list_buckets()
    third = iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=document(allow("s3:*")), SetAsDefault=True)["PolicyVersion"]
    assert third["VersionId"] == "v3" and third["IsDefaultVersion"] is True
    s3.list_buckets()
    with aws_error("DeleteConflict", 409, "Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:*")))
    with aws_error("LimitExceeded", 409, "A managed policy can have up to 5 versions."):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:*")))
    pages = iam.get_paginator("list_policy_versions").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 2})
    assert [v["VersionId"] for p in pages for v in p["Versions"]] == ["v6", "v5", "v4", "v3", "v1"]
    got = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert got["Document"]["Statement"][0]["Action"] == "s3:ListAllMyBuckets"
    with aws_error("NoSuchEntity", 404):
        iam.get_policy_version(PolicyArn=arn, VersionId="v2")
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [u["UserName"] for u in entities["PolicyUsers"]] == [user]
    assert entities["PolicyGroups"] == entities["PolicyRoles"] == []
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    with aws_error("DeleteConflict", 409, "Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_user_policy(UserName=user, PolicyArn=arn)
    with aws_error("DeleteConflict", 409, "This policy has more than one version."):
        iam.delete_policy(PolicyArn=arn)
    for version in ("v1", "v4", "v5", "v6"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    iam.delete_policy(PolicyArn=arn)


def test_instance_profiles(iam):
    profile, role = unique("profile"), unique("role")
    made = iam.create_instance_profile(InstanceProfileName=profile, Path="/p/", Tags=[{"Key": "a", "Value": "b"}])
    assert made["InstanceProfile"]["InstanceProfileId"].startswith("AIPA") and made["InstanceProfile"]["Tags"]
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    assert iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"] == []
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    got = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    assert [r["RoleName"] for r in got["Roles"]] == [role] and got["Arn"].endswith(f":instance-profile/p/{profile}")
    listed = iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
    assert [p["InstanceProfileName"] for p in listed] == [profile]
    for delete in (lambda: iam.delete_role(RoleName=role), lambda: iam.delete_instance_profile(InstanceProfileName=profile)):
        with aws_error("DeleteConflict", 409, "Cannot delete entity, must remove roles from instance profile first."):
            delete()
    iam.tag_instance_profile(InstanceProfileName=profile, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_instance_profile(InstanceProfileName=profile, TagKeys=["a"])
    assert iam.list_instance_profile_tags(InstanceProfileName=profile)["Tags"] == [{"Key": "c", "Value": "d"}]
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.delete_role(RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=profile)
    with aws_error("NoSuchEntity", 404, f"Instance Profile {profile} cannot be found."):
        iam.get_instance_profile(InstanceProfileName=profile)


def test_a_role_shows_its_boundary_and_tags(iam):
    name, bound = unique("role"), "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=bound,
                           Tags=[{"Key": "a", "Value": "b"}])["Role"]
    assert "MaxSessionDuration" not in made
    assert made["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": bound}
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 3600
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=bound)
    assert iam.update_role_description(RoleName=name, Description="new")["Role"]["Description"] == "new"
    with aws_error("NoSuchEntity", 404) as raised:
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/NoSuch")
    assert raised.value.response["Error"]["Message"] == (
        "Policy arn:aws:iam::aws:policy/NoSuch does not exist or is not attachable.")
    with aws_error("InvalidInput", 400, "ARN arn:aws:s3:::bucket/policy/x is not valid."):
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:s3:::bucket/policy/x")
    iam.delete_role(RoleName=name)


def test_the_account(iam, user):
    alias = unique("alias")
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    with aws_error("NoSuchEntity", 404):
        iam.delete_account_alias(AccountAlias="another")
    iam.delete_account_alias(AccountAlias=alias)
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] >= 1 and summary["UsersQuota"] == 5000 and summary["AccessKeysPerUserQuota"] == 2


def test_lists_page(iam):
    path = f"/{unique('page')}/"
    names = sorted(unique("paged") for _ in range(5))
    group = unique("group")
    iam.create_group(GroupName=group)
    for name in names:
        iam.create_user(UserName=name, Path=path)
        iam.add_user_to_group(GroupName=group, UserName=name)
    pages = iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2})
    assert [u["UserName"] for p in pages for u in p["Users"]] == names
    pages = iam.get_paginator("get_group").paginate(GroupName=group, PaginationConfig={"PageSize": 2})
    assert sorted(u["UserName"] for p in pages for u in p["Users"]) == names


def test_passwords_and_devices_are_refused_by_name(iam, user):
    with aws_error("NotImplemented", 501, "CreateLoginProfile"):
        iam.create_login_profile(UserName=user, Password="Pa55word!x")


def test_a_session_token_of_a_user(server, iam, user):
    iam.attach_user_policy(UserName=user, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    keys = keys_of(iam, user)
    token = server.client("sts", **keys).get_session_token(DurationSeconds=900)["Credentials"]
    session = {"aws_access_key_id": token["AccessKeyId"], "aws_secret_access_key": token["SecretAccessKey"],
               "aws_session_token": token["SessionToken"]}
    assert server.client("sts", **session).get_caller_identity()["Arn"].endswith(f":user/people/{user}")
    server.client("s3", **session).list_buckets()
    iam.detach_user_policy(UserName=user, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    with aws_error("AccessDenied", 403):
        server.client("s3", **session).list_buckets()
