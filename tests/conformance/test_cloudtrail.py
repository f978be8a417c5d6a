"""CloudTrail through boto3 and the AWS CLI: the history of calls, trails, digests, and `tidemill audit`."""
import datetime
import gzip
import json
import os
import sqlite3
import subprocess

import pytest

from helpers import aws_error, unique
from support.server import BINARY, ROOT, Server
from support.waiting import wait_until

AWS = ROOT / ".cache/venvs/clients/bin/aws"
ANYONE = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})


@pytest.fixture(scope="module")
def audited():
    with Server(options=["--trail-delivery-seconds", "1", "--trail-digest-seconds", "2"]) as running:
        yield running


@pytest.fixture(scope="module")
def trails(audited):
    return audited.client("cloudtrail")


def account(server):
    return server.client("sts").get_caller_identity()["Account"]


def history(server, **attribute):
    chosen = [{"AttributeKey": k, "AttributeValue": v} for k, v in attribute.items()]
    pages = server.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=chosen)
    return [event for page in pages for event in page["Events"]]


def text(event):
    return json.loads(event["CloudTrailEvent"])


def test_a_change_is_in_the_history_when_it_is_answered(audited):
    name = unique()
    audited.client("s3").create_bucket(Bucket=name)
    event, = history(audited, ResourceName=name)
    assert (event["EventName"], event["EventSource"], event["ReadOnly"], event["Username"]) == (
        "CreateBucket", "s3.amazonaws.com", "false", "root")
    assert event["Resources"] == [{"ResourceType": "AWS::S3::Bucket", "ResourceName": name}]
    whole = text(event)
    assert whole["requestParameters"] == {"bucketName": name}
    assert whole["userIdentity"]["type"] == "Root" and whole["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in whole["userAgent"] and whole["eventID"] == event["EventId"]
    assert whole["eventCategory"] == "Management" and whole["recipientAccountId"] == account(audited)
    assert history(audited, EventId=event["EventId"]) == [event]


def test_a_session_names_its_issuer_and_when_it_began(audited):
    name, sts = unique("role"), audited.client("sts")
    role = audited.client("iam").create_role(RoleName=name, Path="/dev/", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
                                                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}]}))["Role"]
    keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session", SourceIdentity="alice")["Credentials"]
    s3 = audited.client("s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                        aws_session_token=keys["SessionToken"])
    bucket = unique("bucket")
    with aws_error("AccessDenied"):
        s3.create_bucket(Bucket=bucket)
    event, = history(audited, ResourceName=bucket)
    context = text(event)["userIdentity"]["sessionContext"]
    assert context["sessionIssuer"] == {"type": "Role", "principalId": role["RoleId"], "arn": role["Arn"],
                                        "accountId": account(audited), "userName": name}
    assert context["sourceIdentity"] == "alice" and context["attributes"]["mfaAuthenticated"] == "false"
    began = keys["Expiration"].timestamp() - 3600
    assert abs(datetime.datetime.fromisoformat(context["attributes"]["creationDate"]).timestamp() - began) <= 2


def test_a_federated_user_is_called_so(audited):
    keys = audited.client("sts").get_federation_token(Name="Bob")["Credentials"]
    s3 = audited.client("s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                        aws_session_token=keys["SessionToken"])
    bucket = unique("bucket")
    with aws_error("AccessDenied"):
        s3.create_bucket(Bucket=bucket)
    event, = history(audited, ResourceName=bucket)
    who = text(event)["userIdentity"]
    assert who["type"] == "FederatedUser" and who["sessionContext"]["sessionIssuer"]["type"] == "Root"


def test_a_denial_is_recorded_whatever_it_was(audited):
    role = unique()
    arn = audited.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=ANYONE)["Role"]["Arn"]
    keys = audited.client("sts").assume_role(RoleArn=arn, RoleSessionName="eve-" + role)["Credentials"]
    session = dict(aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                   aws_session_token=keys["SessionToken"])
    with aws_error("AccessDeniedException", 403):
        audited.client("sagemaker", **session).create_model(
            ModelName="m", ExecutionRoleArn=arn, PrimaryContainer={"Image": "x"})
    with aws_error("AccessDeniedException", 403):
        audited.client("sagemaker", **session).list_models()
    listed, created = history(audited, Username="eve-" + role)
    whole = text(created)
    assert whole["errorCode"] == "AccessDeniedException" and "sagemaker:CreateModel" in whole["errorMessage"]
    assert whole["requestParameters"]["modelName"] == "m" and whole["responseElements"] is None
    identity = whole["userIdentity"]
    assert identity["type"] == "AssumedRole" and identity["accessKeyId"] == keys["AccessKeyId"]
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == role
    assert text(listed)["eventName"] == "ListModels" and text(listed)["readOnly"] is True
    assumed, = [e for e in history(audited, EventName="AssumeRole") if "eve-" + role in e["CloudTrailEvent"]]
    assert keys["SessionToken"] not in assumed["CloudTrailEvent"]
    assert keys["SecretAccessKey"] not in assumed["CloudTrailEvent"]


def test_lookup_pages_newest_first_within_times(audited, trails):
    names = [unique() for _ in range(7)]
    for name in names:
        audited.client("logs").create_log_group(logGroupName=name)
    seen = []
    token = {}
    while True:
        page = trails.lookup_events(MaxResults=3, LookupAttributes=[
            {"AttributeKey": "EventName", "AttributeValue": "CreateLogGroup"}], **token)
        assert len(page["Events"]) <= 3
        seen += [text(e)["requestParameters"]["logGroupName"] for e in page["Events"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == names[::-1]
    first = history(audited, EventName="CreateLogGroup")[-1]["EventTime"]
    assert trails.lookup_events(EndTime=first.timestamp() - 3600)["Events"] == []
    with aws_error("InvalidTimeRangeException", 400):
        trails.lookup_events(StartTime=2, EndTime=1)
    with aws_error("InvalidLookupAttributesException", 400):
        trails.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2)
    with aws_error("InvalidNextTokenException", 400):
        trails.lookup_events(NextToken="?")


def test_trails_are_made_changed_and_refused(audited, trails):
    bucket, name = unique(), "trail-" + unique()
    with aws_error("S3BucketDoesNotExistException", 404):
        trails.create_trail(Name=name, S3BucketName=bucket)
    audited.client("s3").create_bucket(Bucket=bucket)
    made = trails.create_trail(Name=name, S3BucketName=bucket, S3KeyPrefix="audit",
                               TagsList=[{"Key": "team", "Value": "risk"}])
    assert made["TrailARN"] == f"arn:aws:cloudtrail:us-east-1:{account(audited)}:trail/{name}"
    for taken, error in [(dict(Name=name, S3BucketName=bucket), "TrailAlreadyExistsException"),
                         (dict(Name="a", S3BucketName=bucket), "InvalidTrailNameException"),
                         (dict(Name="x..y", S3BucketName=bucket), "InvalidTrailNameException"),
                         (dict(Name="abc", S3BucketName=bucket, KmsKeyId="alias/k"), "UnsupportedOperationException"),
                         (dict(Name="abc", S3BucketName=bucket, SnsTopicName="t"), "UnsupportedOperationException"),
                         (dict(Name="abc", S3BucketName=bucket, IsMultiRegionTrail=True,
                               IncludeGlobalServiceEvents=False), "InvalidParameterCombinationException")]:
        with aws_error(error, 400):
            trails.create_trail(**taken)
    assert trails.get_trail(Name=made["TrailARN"])["Trail"]["HomeRegion"] == "us-east-1"
    assert trails.get_trail_status(Name=name)["IsLogging"] is False
    elsewhere = audited.client("cloudtrail", region_name="eu-west-1")
    assert name not in [t["Name"] for t in elsewhere.describe_trails()["trailList"]]
    trails.update_trail(Name=name, IsMultiRegionTrail=True)
    assert name in [t["Name"] for t in elsewhere.describe_trails()["trailList"]]
    with aws_error("InvalidHomeRegionException", 400):
        elsewhere.delete_trail(Name=made["TrailARN"])
    trails.add_tags(ResourceId=made["TrailARN"], TagsList=[{"Key": "stage", "Value": "test"}])
    trails.remove_tags(ResourceId=made["TrailARN"], TagsList=[{"Key": "team"}])
    assert trails.list_tags(ResourceIdList=[made["TrailARN"]])["ResourceTagList"][0]["TagsList"] == [
        {"Key": "stage", "Value": "test"}]
    with aws_error("InvalidEventSelectorsException", 400):
        trails.put_event_selectors(TrailName=name, AdvancedEventSelectors=[
            {"FieldSelectors": [{"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]}])
    assert trails.get_event_selectors(TrailName=name)["EventSelectors"][0]["IncludeManagementEvents"] is True
    trails.delete_trail(Name=name)
    with aws_error("TrailNotFoundException", 400):
        trails.get_trail(Name=name)


def records(s3, bucket):
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if "/CloudTrail/" in entry["Key"]:
                body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                found += json.loads(gzip.decompress(body))["Records"]
    return found


def validate(server, arn):
    environment = {**os.environ, **server.env("--root")}
    return subprocess.run([str(AWS), "cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time",
                           "2015-01-01T00:00:00Z", "--verbose"], env=environment, capture_output=True, text=True)


def test_a_trail_delivers_data_events_and_digests_that_the_cli_accepts(audited, trails):
    s3, bucket, name = audited.client("s3"), unique(), "trail-" + unique()
    s3.create_bucket(Bucket=bucket)
    arn = trails.create_trail(Name=name, S3BucketName=bucket, EnableLogFileValidation=True)["TrailARN"]
    trails.put_event_selectors(TrailName=name, EventSelectors=[
        {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [
            {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{bucket}/data/"]}]}])
    trails.start_logging(Name=name)
    s3.put_object(Bucket=bucket, Key="data/x", Body=b"1")
    s3.get_object(Bucket=bucket, Key="data/x")
    s3.put_object(Bucket=bucket, Key="other", Body=b"1")
    last = unique()
    audited.client("logs").create_log_group(logGroupName=last)
    wait_until(lambda: any(e["eventName"] == "CreateLogGroup" for e in records(s3, bucket)), 30)
    data = [(e["eventName"], e["resources"][0]["ARN"], e["managementEvent"]) for e in records(s3, bucket)
            if e["eventCategory"] == "Data"]
    assert data == [("PutObject", f"arn:aws:s3:::{bucket}/data/x", False),
                    ("GetObject", f"arn:aws:s3:::{bucket}/data/x", False)]
    ids = [e["eventID"] for e in records(s3, bucket)]
    assert len(ids) == len(set(ids))

    def digests():
        return [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"] if "/CloudTrail-Digest/" in o["Key"]]
    wait_until(lambda: len(digests()) >= 3, 30)
    accepted = validate(audited, arn)
    assert accepted.returncode == 0, accepted.stderr
    assert "INVALID" not in accepted.stdout and "log files valid" in accepted.stdout, accepted.stdout
    # A file that was changed in the bucket is found.
    trails.stop_logging(Name=name)
    changed = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"] if "/CloudTrail/" in o["Key"]][0]
    body = json.loads(gzip.decompress(s3.get_object(Bucket=bucket, Key=changed)["Body"].read()))
    body["Records"].pop()
    s3.put_object(Bucket=bucket, Key=changed, Body=gzip.compress(json.dumps(body).encode()))
    refused = validate(audited, arn)
    assert f"s3://{bucket}/{changed}\tINVALID: hash value doesn't match" in refused.stdout + refused.stderr


def tidemill(*words):
    return subprocess.run([str(BINARY), *words], capture_output=True, text=True)


def test_verify_finds_what_was_changed_in_the_data_folder(tmp_path):
    export = tmp_path / "audit.jsonl"
    with Server() as server:
        logs = server.client("logs")
        for number in range(6):
            logs.create_log_group(logGroupName=f"group-{number}")
        server.kill()  # what was answered is in the log
        server.start()
        data = str(server.data)
        whole = tidemill("audit", "verify", "--data", data)
        assert whole.returncode == 0 and "nothing was altered" in whole.stdout, whole.stdout + whole.stderr
        assert len(history(server, EventName="CreateLogGroup")) == 6
        exported = tidemill("audit", "export", str(export), "--data", data)
        assert exported.returncode == 0, exported.stderr
        assert export.stat().st_mode & 0o777 == 0o600
        assert tidemill("audit", "export", str(export), "--data", data).returncode == 1  # never overwritten
        server.stop()
        database = sqlite3.connect(server.data / "state/tidemill.db")
        rows = database.execute("SELECT key, value FROM cloudtrail_events ORDER BY key").fetchall()
        at = next(i for i, (_, value) in enumerate(rows) if "group-3" in value)
        key, value = rows[at]
        database.execute("UPDATE cloudtrail_events SET value = ? WHERE key = ?", (value.replace("group-3", "group-9"), key))
        database.execute("DELETE FROM cloudtrail_events WHERE key = ?", (rows[at + 1][0],))
        database.commit()
        database.close()
        found = tidemill("audit", "verify", "--data", data)
        assert found.returncode == 1
        assert f"record {at + 1} (CreateLogGroup, " in found.stdout and "was altered" in found.stdout
        assert f"record {at + 2} was removed" in found.stdout
        assert "2 faults" in found.stdout
    elsewhere = tidemill("audit", "verify", str(export))
    assert elsewhere.returncode == 0, elsewhere.stdout
    export.write_text(export.read_text().replace("group-1", "group-8"))
    changed = tidemill("audit", "verify", str(export))
    assert changed.returncode == 1 and "was altered" in changed.stdout
    assert tidemill("audit", "verify", "--data", str(tmp_path)).returncode == 1
