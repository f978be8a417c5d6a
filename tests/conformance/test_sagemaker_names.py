"""Meaning of SageMaker's names and ARNs: case, policies that name jobs, trust policies with aws:SourceArn; also a
variant's VolumeSizeInGB and the times of metrics."""
import json

import pytest

from hosting import constant_model, config_of, endpoint_of, variant
from helpers import aws_error, unique
from sagemaker_world import SCIKIT_LEARN, World, tar_gz
from test_isolation import SessionClients, allow, role  # noqa: F401  (a fixture)


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def test_endpoints_in_another_case_are_the_same(world):
    config = config_of(world, variant("v", constant_model(world, 1.0)))
    name, _ = endpoint_of(world, config)
    mixed = name.capitalize()
    with aws_error("ValidationException", 400, f"endpoint/{name}"):
        world.sm.create_endpoint(EndpointName=mixed, EndpointConfigName=config)
    # Names keep their case, and look-ups must match it.
    with aws_error("ValidationException", 400, mixed):
        world.sm.describe_endpoint(EndpointName=mixed)
    world.sm.delete_endpoint(EndpointName=name)
    world.sm.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    world.sm.create_endpoint(EndpointName=mixed, EndpointConfigName=config)
    assert world.settled(mixed)["EndpointArn"].endswith(f":endpoint/{mixed}")
    world.sm.delete_endpoint(EndpointName=mixed)


def test_jobs_in_another_case_are_the_same(world):
    name = unique("Nightly")
    request = world.job_request(name, "train.py", {"train.py": "print('x=1.5', flush=True)"})
    arn = world.sm.create_training_job(**request, Tags=[{"Key": "Team", "Value": "a"}])["TrainingJobArn"]
    assert arn.endswith(f":training-job/{name.lower()}")
    with aws_error("ResourceInUse", containing="already exists"):
        world.sm.create_training_job(**{**request, "TrainingJobName": name.upper()}, Tags=[{"Key": "Team", "Value": "b"}])
    assert world.sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "Team", "Value": "a"}]
    assert world.finished(name)["TrainingJobStatus"] == "Completed"
    world.sm.delete_training_job(TrainingJobName=name)
    world.sm.create_training_job(**{**request, "TrainingJobName": name.upper()})
    world.finished(name.upper())


# Tag keys are case-sensitive in SageMaker, but not in IAM.
def test_case_of_tags(world):
    arn = world.sm.create_model(ModelName=unique("m"), ExecutionRoleArn=world.role, Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}],
                                PrimaryContainer={"Image": SCIKIT_LEARN})["ModelArn"]
    world.sm.delete_tags(ResourceArn=arn, TagKeys=["A"])
    assert world.sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    with aws_error("InvalidInput", containing="case insensitive"):
        world.iam.tag_role(RoleName=world.role.split("/")[-1], Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])


@pytest.mark.parametrize("spelling", [str, str.lower])
def test_a_deny_on_a_job_holds_for_its_arn_and_its_name(world, role, spelling):  # noqa: F811
    name = unique("Secret")
    arn = world.sm.create_training_job(**world.job_request(name, "train.py", {"train.py": ""}))["TrainingJobArn"]
    denied = arn.rsplit("/", 1)[0] + "/" + spelling(name)
    allow(world.server, role, {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"},
          {"Effect": "Deny", "Action": "sagemaker:*", "Resource": denied})
    theirs = SessionClients(world.server, role["Arn"])["sagemaker"]
    for call in (theirs.describe_training_job, theirs.stop_training_job, theirs.delete_training_job):
        with aws_error("AccessDeniedException", containing="explicit deny"):
            call(TrainingJobName=name)
    world.finished(name)


def test_a_trust_policy_may_be_for_some_jobs_only(world):
    own = unique("nightly-only")
    account = world.role.split(":")[4]
    arn = world.iam.create_role(RoleName=own, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:us-east-1:{account}:training-job/nightly-*"},
            "StringEquals": {"aws:SourceAccount": account}}}]}))["Role"]["Arn"]
    with aws_error("ValidationException", containing="Could not assume role"):
        world.sm.create_training_job(**{**world.job_request(unique("daily"), "train.py", {"train.py": ""}), "RoleArn": arn})
    with aws_error("ValidationException", containing="Could not assume role"):
        world.sm.create_model(ModelName=unique("m"), ExecutionRoleArn=arn, PrimaryContainer={"Image": SCIKIT_LEARN})
    name = unique("nightly")
    world.sm.create_training_job(**{**world.job_request(name, "train.py", {"train.py": ""}), "RoleArn": arn})
    world.finished(name)
    # The policy from AWS's page on batch transform.
    world.iam.update_assume_role_policy(RoleName=own, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole",
         "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:us-east-1:{account}:transform-job/*"}}}]}))
    world.sm.create_model(ModelName=unique("m"), ExecutionRoleArn=arn, PrimaryContainer={"Image": SCIKIT_LEARN})


def test_a_metrics_time_is_its_last_lines(world):
    job = world.run("import time\nprint('x=1', flush=True)\nprint('y=7', flush=True)\ntime.sleep(1.5)\nprint('x=2', flush=True)\n"
                    "time.sleep(1.5)\n", AlgorithmSpecification={
                        "TrainingImage": SCIKIT_LEARN, "TrainingInputMode": "File",
                        "MetricDefinitions": [{"Name": "x", "Regex": "x=([0-9]+)"}, {"Name": "y", "Regex": "y=([0-9]+)"}]})
    found = {each["MetricName"]: each for each in job["FinalMetricDataList"]}
    assert (found["x"]["Value"], found["y"]["Value"]) == (2, 7)
    between = (found["x"]["Timestamp"] - found["y"]["Timestamp"]).total_seconds()
    before_the_end = (job["TrainingEndTime"] - found["x"]["Timestamp"]).total_seconds()
    assert 1 <= between <= 3 and before_the_end >= 1, (between, before_the_end)


def test_a_variants_volume(world):
    script = ("import resource\ndef model_fn(d):\n    return None\ndef predict_fn(body, model):\n    return resource.getrlimit(resource.RLIMIT_FSIZE)[0]\n"
              "def input_fn(body, kind):\n    return body\ndef output_fn(answer, accept):\n    return str(answer), 'text/plain'\n")
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "ModelDataUrl": world.put(f"{model}/model.tar.gz", tar_gz({"code/inference.py": script})),
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}})
    name, _ = endpoint_of(world, config_of(world, variant("own", model, VolumeSizeInGB=3), variant("default", model)))
    for target, gib in (("own", 3), ("default", 30)):
        said = world.runtime.invoke_endpoint(EndpointName=name, TargetVariant=target, Body="x", ContentType="text/plain")["Body"].read()
        assert int(said) == gib << 30
    world.sm.delete_endpoint(EndpointName=name)
