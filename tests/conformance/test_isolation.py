"""Accounts and regions are separate: the same name in two places means two things, and no account sees, changes or
counts what another one has."""
import json
import time

import pytest
from botocore.exceptions import ClientError

from helpers import aws_error, unique, wait_until
from support.server import Server

ALICE, BOB = "111111111111", "222222222222"
NOW = int(time.time() * 1000)
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
PLACES = [(ALICE, "us-east-1"), (ALICE, "eu-west-1"), (BOB, "us-east-1")]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


@pytest.fixture(scope="module")
def client(open_server):
    made = {}

    def get(service, account, region="us-east-1"):
        key = (service, account, region)
        if key not in made:
            made[key] = open_server.client(service, aws_access_key_id=account, aws_secret_access_key="x", region_name=region)
        return made[key]
    return get


def test_identity_is_the_accounts_own(client):
    for account in (ALICE, BOB):
        assert client("sts", account).get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"


def test_log_groups(client):
    name, logs = unique("/group"), {place: client("logs", *place) for place in PLACES}
    for i, (place, here) in enumerate(logs.items()):
        here.create_log_group(logGroupName=name, tags={"place": str(i)})
        here.create_log_stream(logGroupName=name, logStreamName="stream")
        here.put_log_events(logGroupName=name, logStreamName="stream", logEvents=[{"timestamp": NOW + i, "message": f"from {i}"}])
        here.put_retention_policy(logGroupName=name, retentionInDays=[1, 3, 5][i])
    for i, ((account, region), here) in enumerate(logs.items()):
        groups = here.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        assert [g["arn"] for g in groups] == [f"arn:aws:logs:{region}:{account}:log-group:{name}:*"]
        assert groups[0]["retentionInDays"] == [1, 3, 5][i]
        assert [e["message"] for e in here.get_log_events(logGroupName=name, logStreamName="stream", startTime=0)["events"]] == [f"from {i}"]
        assert [e["message"] for e in here.filter_log_events(logGroupName=name, startTime=0)["events"]] == [f"from {i}"]
    logs[PLACES[0]].delete_log_group(logGroupName=name)
    with aws_error("ResourceNotFoundException", 400):
        logs[PLACES[0]].describe_log_streams(logGroupName=name)
    for place in PLACES[1:]:
        assert len(logs[place].filter_log_events(logGroupName=name, startTime=0)["events"]) == 1
        logs[place].delete_log_group(logGroupName=name)


def test_a_stream_with_a_slash_is_not_another_groups(client):
    """Keys that joining names carelessly would confuse."""
    logs = client("logs", ALICE)
    base = unique("g")
    pairs = [(base, "x/y"), (f"{base}/x", "y")]
    for group, stream in pairs:
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": NOW, "message": f"{group}|{stream}"}])
    for group, stream in pairs:
        assert [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=group)["logStreams"]] == [stream]
        assert [e["message"] for e in logs.get_log_events(logGroupName=group, logStreamName=stream, startTime=0)["events"]] == [f"{group}|{stream}"]
    logs.delete_log_group(logGroupName=base)
    assert len(logs.filter_log_events(logGroupName=f"{base}/x", startTime=0)["events"]) == 1


def test_roles_are_an_accounts_in_every_region(client):
    name = unique("role")
    for account in (ALICE, BOB):
        client("iam", account).create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Description=f"of {account}")
    for account, region in PLACES:
        role = client("iam", account, region).get_role(RoleName=name)["Role"]
        assert role["Arn"] == f"arn:aws:iam::{account}:role/{name}" and role["Description"] == f"of {account}"
    client("iam", ALICE, "eu-west-1").delete_role(RoleName=name)
    with aws_error("NoSuchEntity", 404):
        client("iam", ALICE).get_role(RoleName=name)
    assert name in [r["RoleName"] for r in client("iam", BOB).list_roles()["Roles"]]
    client("iam", BOB).delete_role(RoleName=name)


@pytest.fixture(scope="module")
def data(client):
    """One bucket per account, with an object that a model can name."""
    buckets = {account: unique(f"data-{account}") for account in (ALICE, BOB)}
    for account, bucket in buckets.items():
        client("s3", account).create_bucket(Bucket=bucket)
        for key in ("m.tar.gz", "us-east-1/model.tar.gz", "eu-west-1/model.tar.gz"):
            client("s3", account).put_object(Bucket=bucket, Key=key, Body=b"not read before an endpoint is made")
    return buckets


def test_model_data_of_another_account_cannot_be_named(client, data):
    name = unique("model")
    client("iam", ALICE).create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    with aws_error("ValidationException", 400):
        client("sagemaker", ALICE).create_model(ModelName=name, ExecutionRoleArn=f"arn:aws:iam::{ALICE}:role/{name}",
                                                PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{data[BOB]}/m.tar.gz"})


def test_models_and_endpoint_configs(client, data):
    name = unique("model")
    for account, region in PLACES:
        iam, sagemaker = client("iam", account), client("sagemaker", account, region)
        if region == "us-east-1":
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        arn = sagemaker.create_model(ModelName=name, ExecutionRoleArn=f"arn:aws:iam::{account}:role/{name}",
                                     PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{data[account]}/{region}/model.tar.gz"},
                                     Tags=[{"Key": "place", "Value": f"{account}/{region}"}])["ModelArn"]
        assert arn == f"arn:aws:sagemaker:{region}:{account}:model/{name}"
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    for account, region in PLACES:
        sagemaker = client("sagemaker", account, region)
        model = sagemaker.describe_model(ModelName=name)
        assert model["PrimaryContainer"]["ModelDataUrl"] == f"s3://{data[account]}/{region}/model.tar.gz"
        assert [m["ModelName"] for m in sagemaker.list_models(NameContains=name)["Models"]] == [name]
        assert sagemaker.list_tags(ResourceArn=model["ModelArn"])["Tags"] == [{"Key": "place", "Value": f"{account}/{region}"}]
        assert [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]] == [name]
    client("sagemaker", *PLACES[0]).delete_model(ModelName=name)
    client("sagemaker", *PLACES[0]).delete_endpoint_config(EndpointConfigName=name)
    with aws_error("ValidationException", 400, "Could not find"):
        client("sagemaker", *PLACES[0]).describe_model(ModelName=name)
    for place in PLACES[1:]:
        assert client("sagemaker", *place).describe_model(ModelName=name)["ModelName"] == name


def test_nobody_reads_or_changes_tags_of_another_account(client, data):
    name = unique("model")
    client("iam", ALICE).create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    arn = client("sagemaker", ALICE).create_model(
        ModelName=name, ExecutionRoleArn=f"arn:aws:iam::{ALICE}:role/{name}",
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{data[ALICE]}/m.tar.gz"},
        Tags=[{"Key": "secret", "Value": "alice"}])["ModelArn"]
    for account, region in (PLACES[1], PLACES[2]):
        theirs = client("sagemaker", account, region)
        for call in (lambda: theirs.list_tags(ResourceArn=arn), lambda: theirs.add_tags(ResourceArn=arn, Tags=[{"Key": "x", "Value": "y"}]),
                     lambda: theirs.delete_tags(ResourceArn=arn, TagKeys=["secret"])):
            with pytest.raises(ClientError) as raised:
                call()
            assert raised.value.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound", "AccessDeniedException")
    assert client("sagemaker", ALICE).list_tags(ResourceArn=arn)["Tags"] == [{"Key": "secret", "Value": "alice"}]


def test_a_role_of_another_account_cannot_be_passed(client, data):
    name = unique("role")
    client("iam", BOB).create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    with aws_error("AccessDeniedException", containing="Cross-account pass role is not allowed"):
        client("sagemaker", ALICE).create_model(
            ModelName=name, ExecutionRoleArn=f"arn:aws:iam::{BOB}:role/{name}",
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{data[ALICE]}/m.tar.gz"})


def training_request(name, account, bucket, role=None):
    return {"TrainingJobName": name, "RoleArn": role or f"arn:aws:iam::{account}:role/{name}",
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": {"num_round": "2", "objective": "binary:logistic"},
            "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/", "S3DataDistributionType": "FullyReplicated"}}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60}}


def finished(sagemaker, name):
    return wait_until(lambda: (job := sagemaker.describe_training_job(TrainingJobName=name))
                      and job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") and job, 60)


@pytest.fixture(scope="module")
def deployed(client):
    """ALICE's bucket, training job and endpoint in us-east-1, all with the same name."""
    name = unique("shared")
    s3, sagemaker = client("s3", ALICE), client("sagemaker", ALICE)
    client("iam", ALICE).create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="train/a.csv", Body="".join(f"{i % 2},{i},{i % 3}\n" for i in range(60)))
    sagemaker.create_training_job(**training_request(name, ALICE, name))
    job = finished(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=f"arn:aws:iam::{ALICE}:role/{name}", PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]})
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")
    yield name
    sagemaker.delete_endpoint(EndpointName=name)


def test_jobs_and_endpoints_exist_in_their_own_place_only(client, deployed):
    assert client("sagemaker-runtime", ALICE).invoke_endpoint(EndpointName=deployed, Body=b"1,2", ContentType="text/csv")["Body"].read()
    for place in PLACES[1:]:
        sagemaker = client("sagemaker", *place)
        with aws_error("ValidationError", 400, deployed):
            client("sagemaker-runtime", *place).invoke_endpoint(EndpointName=deployed, Body=b"1,2", ContentType="text/csv")
        for call in (lambda: sagemaker.describe_endpoint(EndpointName=deployed), lambda: sagemaker.delete_endpoint(EndpointName=deployed),
                     lambda: sagemaker.update_endpoint(EndpointName=deployed, EndpointConfigName=deployed),
                     lambda: sagemaker.describe_endpoint_config(EndpointConfigName=deployed),
                     lambda: sagemaker.create_endpoint(EndpointName="thief", EndpointConfigName=deployed),
                     lambda: sagemaker.stop_training_job(TrainingJobName=deployed)):
            with pytest.raises(ClientError) as raised:
                call()
            assert raised.value.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"), raised.value.response
        for listing, key in ((sagemaker.list_endpoints(NameContains=deployed), "Endpoints"),
                             (sagemaker.list_training_jobs(NameContains=deployed), "TrainingJobSummaries")):
            assert listing[key] == []
        logs = client("logs", *place)
        groups = [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/")["logGroups"]]
        for group in groups:
            assert not any(s["logStreamName"].startswith(deployed) for s in logs.describe_log_streams(logGroupName=group)["logStreams"])
    assert client("sagemaker", ALICE).describe_endpoint(EndpointName=deployed)["EndpointStatus"] == "InService"


def test_a_training_job_cannot_read_or_write_buckets_of_another_account(client, deployed):
    name = unique("thief")
    client("iam", BOB).create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    client("s3", BOB).create_bucket(Bucket=name)
    client("s3", BOB).put_object(Bucket=name, Key="train/a.csv", Body="0,1\n1,2\n" * 20)
    sagemaker = client("sagemaker", BOB)
    for reads, writes in ((deployed, name), (name, deployed)):
        request = training_request(unique("job"), BOB, reads, role=f"arn:aws:iam::{BOB}:role/{name}")
        request["OutputDataConfig"]["S3OutputPath"] = f"s3://{writes}/stolen"
        try:
            sagemaker.create_training_job(**request)
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("ValidationException", "AccessDeniedException")
            continue
        job = finished(sagemaker, request["TrainingJobName"])
        assert job["TrainingJobStatus"] == "Failed" and deployed in job["FailureReason"], job
    for account, bucket in ((ALICE, deployed), (BOB, name)):
        keys = [o["Key"] for o in client("s3", account).list_objects_v2(Bucket=bucket)["Contents"]]
        assert not any(key.startswith("stolen") for key in keys), keys


@pytest.mark.parametrize("call", [
    lambda s3, b: s3.list_objects_v2(Bucket=b), lambda s3, b: s3.put_object(Bucket=b, Key="k", Body=b"theirs"),
    lambda s3, b: s3.delete_object(Bucket=b, Key="k"), lambda s3, b: s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": "k"}]}),
    lambda s3, b: s3.create_multipart_upload(Bucket=b, Key="k"), lambda s3, b: s3.list_multipart_uploads(Bucket=b),
    lambda s3, b: s3.get_object_tagging(Bucket=b, Key="k"), lambda s3, b: s3.get_bucket_location(Bucket=b),
    lambda s3, b: s3.delete_bucket(Bucket=b), lambda s3, b: s3.copy_object(Bucket=b, Key="k2", CopySource={"Bucket": b, "Key": "k"})])
def test_buckets_open_to_their_account_only(client, call):
    name, mine = unique("mine"), client("s3", ALICE)
    mine.create_bucket(Bucket=name)
    mine.put_object(Bucket=name, Key="k", Body=b"mine")
    with aws_error("AccessDenied", 403):
        call(client("s3", BOB), name)
    assert mine.get_object(Bucket=name, Key="k")["Body"].read() == b"mine"


def test_a_copy_cannot_take_from_another_account(client):
    source, target = unique("source"), unique("target")
    client("s3", ALICE).create_bucket(Bucket=source)
    client("s3", ALICE).put_object(Bucket=source, Key="k", Body=b"secret")
    theirs = client("s3", BOB)
    theirs.create_bucket(Bucket=target)
    with aws_error("AccessDenied", 403):
        theirs.copy_object(Bucket=target, Key="k", CopySource={"Bucket": source, "Key": "k"})
    upload = theirs.create_multipart_upload(Bucket=target, Key="k")["UploadId"]
    with aws_error("AccessDenied", 403):
        theirs.upload_part_copy(Bucket=target, Key="k", UploadId=upload, PartNumber=1, CopySource={"Bucket": source, "Key": "k"})


def test_an_upload_id_is_good_for_its_bucket_and_key_only(client):
    s3, one, other = client("s3", ALICE), unique("one"), unique("other")
    s3.create_bucket(Bucket=one)
    s3.create_bucket(Bucket=other)
    upload = s3.create_multipart_upload(Bucket=one, Key="k")["UploadId"]
    for bucket, key in ((other, "k"), (one, "k2")):
        with aws_error("NoSuchUpload", 404):
            s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x")
        with aws_error("NoSuchUpload", 404):
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    assert s3.list_parts(Bucket=one, Key="k", UploadId=upload).get("Parts", []) == []


def test_expected_bucket_owner(client):
    s3, name = client("s3", ALICE), unique("owned")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"", ExpectedBucketOwner=ALICE)
    with aws_error("AccessDenied", 403):
        s3.put_object(Bucket=name, Key="k", Body=b"", ExpectedBucketOwner=BOB)


# ---- role sessions, on a server that verifies signatures

class SessionClients(dict):
    """Clients by service with the role's temporary credentials, made when first used."""

    def __init__(self, server, role, **options):
        self.server, self.credentials = server, server.client("sts").assume_role(
            RoleArn=role, RoleSessionName="tester", **options)["Credentials"]

    def __missing__(self, service):
        self[service] = self.server.client(
            service, aws_access_key_id=self.credentials["AccessKeyId"], aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"])
        return self[service]


@pytest.fixture
def role(server):
    name, account = unique("session"), server.client("sts").get_caller_identity()["Account"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]})
    return server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]


def allow(server, role, *statements):
    server.client("iam").put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": list(statements)}))


def test_a_role_without_policies_may_do_nothing(server, role):
    clients = SessionClients(server, role["Arn"])
    assert clients["sts"].get_caller_identity()["Arn"].endswith(f":assumed-role/{role['RoleName']}/tester")
    for code, call in (("AccessDenied", lambda: clients["s3"].list_buckets()), ("AccessDeniedException", lambda: clients["sagemaker"].list_models()),
                       ("AccessDeniedException", lambda: clients["logs"].describe_log_groups()), ("AccessDenied", lambda: clients["iam"].list_roles())):
        with aws_error(code, containing="not authorized to perform"):
            call()


def test_a_policy_opens_what_it_names_and_no_more(server, role):
    s3, bucket = server.client("s3"), unique("policy")
    s3.create_bucket(Bucket=bucket)
    for key in ("open/a", "closed/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    allow(server, role, {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*"},
          {"Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/closed/*"})
    theirs = SessionClients(server, role["Arn"])["s3"]
    assert theirs.get_object(Bucket=bucket, Key="open/a")["Body"].read() == b"open/a"
    theirs.put_object(Bucket=bucket, Key="open/b", Body=b"b")
    for call in (lambda: theirs.get_object(Bucket=bucket, Key="closed/a"), lambda: theirs.delete_object(Bucket=bucket, Key="open/a"),
                 lambda: theirs.put_object(Bucket=bucket, Key="closed/b", Body=b"x" * 2_000_000), lambda: theirs.list_objects_v2(Bucket=bucket),
                 lambda: theirs.copy_object(Bucket=bucket, Key="open/c", CopySource={"Bucket": bucket, "Key": "closed/a"})):
        with aws_error("AccessDenied", 403):
            call()
    answer = theirs.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "open/a"}]})
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("open/a", "AccessDenied")] and "Deleted" not in answer
    assert sorted(o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]) == ["closed/a", "open/a", "open/b"]
    # A multipart upload or a presigned URL does not circumvent this.
    with aws_error("AccessDenied", 403):
        theirs.create_multipart_upload(Bucket=bucket, Key="closed/m")
    import requests
    url = theirs.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "open/a"})
    assert requests.get(url, timeout=10).content == b"open/a"
    url = theirs.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "closed/a"})
    assert requests.get(url, timeout=10).status_code == 403


def test_delete_objects_answers_for_each_key(server, role):
    s3, bucket = server.client("s3"), unique("partial")
    s3.create_bucket(Bucket=bucket)
    for key in ("mine/a", "mine/b", "theirs/a", "mine/kept"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    allow(server, role, {"Effect": "Allow", "Action": "s3:DeleteObject*", "Resource": f"arn:aws:s3:::{bucket}/mine/*"},
          {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/mine/kept"},
          {"Effect": "Deny", "Action": "s3:DeleteObjectVersion", "Resource": f"arn:aws:s3:::{bucket}/mine/b"},
          {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*", "Condition": {"StringNotEquals": {"s3:authType": "REST-HEADER"}}},
          {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "127.0.0.1/32"}}})
    theirs = SessionClients(server, role["Arn"])["s3"]
    answer = theirs.delete_objects(Bucket=bucket, Delete={"Objects": [
        {"Key": "mine/a"}, {"Key": "theirs/a"}, {"Key": "mine/never"}, {"Key": "mine/kept"}, {"Key": "mine/b", "VersionId": "null"}]})
    assert sorted(each["Key"] for each in answer["Deleted"]) == ["mine/a", "mine/never"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [
        ("theirs/a", "AccessDenied"), ("mine/kept", "AccessDenied"), ("mine/b", "AccessDenied")]
    assert f"s3:DeleteObject on resource: arn:aws:s3:::{bucket}/theirs/a" in answer["Errors"][0]["Message"]
    assert sorted(each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]) == ["mine/b", "mine/kept", "theirs/a"]
    quiet = theirs.delete_objects(Bucket=bucket, Delete={"Quiet": True, "Objects": [{"Key": "mine/none"}, {"Key": "theirs/a"}]})
    assert "Deleted" not in quiet and [each["Key"] for each in quiet["Errors"]] == ["theirs/a"]
    # The condition keys about the kind of signature apply to presigned requests as well.
    import base64
    import hashlib
    import requests
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    keys = SessionClients(server, role["Arn"]).credentials
    request = AWSRequest("POST", f"{server.endpoint}/{bucket}?delete")
    S3SigV4QueryAuth(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]), "s3", "us-east-1").add_auth(request)
    url = request.url
    body = b"<Delete><Object><Key>mine/b</Key></Object></Delete>"
    reply = requests.post(url, data=body, timeout=10, headers={"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()})
    assert reply.status_code == 200 and "<Error><Key>mine/b</Key><Code>AccessDenied</Code>" in reply.text, reply.text
    # A caller who may not delete anything in a bucket does not learn whether the bucket exists.
    for other in (unique("none"), bucket):
        answer = theirs.delete_objects(Bucket=other, Delete={"Objects": [{"Key": "theirs/a"}]})
        assert [each["Code"] for each in answer["Errors"]] == ["AccessDenied"]


def test_a_session_policy_narrows_the_role(server, role):
    s3, bucket = server.client("s3"), unique("narrow")
    s3.create_bucket(Bucket=bucket)
    allow(server, role, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    narrow = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]})
    theirs = SessionClients(server, role["Arn"], Policy=narrow)["s3"]
    theirs.put_object(Bucket=bucket, Key="k", Body=b"x")
    with aws_error("AccessDenied", 403):
        theirs.get_object(Bucket=bucket, Key="k")


def test_passing_a_role_takes_permission(server, role):
    """A caller who may create models but not pass the admin's role must not get that role's permissions this way."""
    made = server.client("iam").create_role(RoleName=unique("admin"), AssumeRolePolicyDocument=TRUST)["Role"]
    admin = made["Arn"]
    allow(server, made, {"Effect": "Allow", "Action": "*", "Resource": "*"})
    bucket = unique("pass")
    server.client("s3").create_bucket(Bucket=bucket)
    server.client("s3").put_object(Bucket=bucket, Key="m.tar.gz", Body=b"x")
    allow(server, role, {"Effect": "Allow", "Action": ["sagemaker:*", "s3:*"], "Resource": "*"})
    model = {"ModelName": unique("m"), "ExecutionRoleArn": admin, "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/m.tar.gz"}}
    theirs = SessionClients(server, role["Arn"])["sagemaker"]
    with aws_error("AccessDeniedException", containing="iam:PassRole"):
        theirs.create_model(**model)
    allow(server, role, {"Effect": "Allow", "Action": ["sagemaker:*", "s3:*"], "Resource": "*"}, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": admin})
    theirs.create_model(**model)


def test_a_deleted_roles_session_is_over(server, role):
    allow(server, role, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    theirs = SessionClients(server, role["Arn"])["s3"]
    theirs.list_buckets()
    server.client("iam").delete_role_policy(RoleName=role["RoleName"], PolicyName="p")
    with aws_error("AccessDenied", 403):
        theirs.list_buckets()
    server.client("iam").delete_role(RoleName=role["RoleName"])
    with pytest.raises(ClientError):
        theirs.list_buckets()


def test_a_session_survives_a_restart():
    with Server(auth="verify") as server:
        account = server.client("sts").get_caller_identity()["Account"]
        trust = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]})
        role = server.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]
        allow(server, role, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        theirs = SessionClients(server, role["Arn"])["s3"]
        theirs.create_bucket(Bucket="before-the-restart")
        server.kill()
        server.start()
        assert [b["Name"] for b in theirs.list_buckets()["Buckets"]] == ["before-the-restart"]
