"""The server reads and writes in S3 for a job as the job's role and in the job's region."""
import urllib.request

import pytest

from helpers import unique, wait_until
from hosting import answer, config_of, constant_model, endpoint_of, variant
from sagemaker_world import XGBOOST, World, make_role
from support.server import Server

S3 = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": "*"}


def train(world, sagemaker, role):
    """Runs a small training job in the client's region; returns what DescribeTrainingJob says at its end."""
    world.put("train/a.csv", "\n".join(f"{i % 2},{i},{i % 3}" for i in range(50)))
    region, name = sagemaker.meta.region_name, unique("job")
    sagemaker.create_training_job(
        TrainingJobName=name, RoleArn=role, HyperParameters={"num_round": "2", "objective": "binary:logistic"},
        AlgorithmSpecification={"TrainingImage": XGBOOST.replace("us-east-1", region), "TrainingInputMode": "File"},
        InputDataConfig=[{**world.channel("train", "train"), "ContentType": "text/csv"}],
        OutputDataConfig={"S3OutputPath": f"s3://{world.bucket}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600})
    while True:
        job = sagemaker.describe_training_job(TrainingJobName=name)  # held until the status changes
        if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return job


@pytest.mark.parametrize("condition, status", [
    ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, "Completed"),
    ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, "Failed"),
    ({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256", "s3:authType": "REST-HEADER"}}, "Completed")])
def test_the_calls_are_made_in_the_jobs_region(server, condition, status):
    world = World(server)
    role = make_role(world.iam, [{**S3, "Condition": condition}])
    job = train(world, server.client("sagemaker", region_name="eu-west-1"), role)
    assert job["TrainingJobStatus"] == status, job.get("FailureReason")


def test_with_any_credentials_a_role_of_another_account_does():
    """CI tests often name roles that do not exist, frequently of the account 000000000000."""
    with Server(auth="any") as server:
        job = train(World(server), server.client("sagemaker"), "arn:aws:iam::000000000000:role/fake")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def calls_inside(server, operation):
    """The number of calls of an operation of S3 that the server itself made, whatever their result."""
    with urllib.request.urlopen(f"{server.endpoint}/_tidemill/metrics") as answer_:
        text = answer_.read().decode()
    line = f'tidemill_inside_calls_total{{service="s3",operation="{operation}",'
    return sum(float(each.rsplit(" ", 1)[1]) for each in text.split("\n") if each.startswith(line))


def test_the_calls_are_counted(server):
    world = World(server)
    operations = ("GetObject", "ListObjectsV2", "PutObject")
    before = [calls_inside(server, operation) for operation in operations]
    train(world, server.client("sagemaker"), world.role)
    assert all(calls_inside(server, operation) > count for operation, count in zip(operations, before))


def test_models_and_captured_data_are_the_roles_business(server):
    """The role may use S3 only in requests as SDKs sign them: nothing asks IAM alone for it."""
    world, prefix = World(server), unique("captured")
    signed = {"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256", "aws:RequestedRegion": "us-east-1"}}
    world.role = make_role(world.iam, [{**S3, "Condition": signed}])
    heads, puts = calls_inside(server, "HeadObject"), calls_inside(server, "PutObject")
    model = constant_model(world, 3.0)
    assert calls_inside(server, "HeadObject") > heads
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model), DataCaptureConfig={
        "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": f"s3://{world.bucket}/{prefix}",
        "CaptureOptions": [{"CaptureMode": "Input"}]}))
    answer(world, name)
    wait_until(lambda: world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix)["KeyCount"] == 1, 15)
    assert calls_inside(server, "PutObject") > puts
    world.sm.delete_endpoint(EndpointName=name)


def test_the_bucket_of_a_transform_jobs_output_is_looked_up_by_the_service(server):
    """Writing there needs no right of the role to list, so SageMaker asks itself."""
    world = World(server)
    model, before = constant_model(world, 1.0), calls_inside(server, "HeadBucket")
    world.put("in/a.csv", "1,2")
    name = unique("job")
    world.sm.create_transform_job(
        TransformJobName=name, ModelName=model,
        TransformInput={"ContentType": "text/csv", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{world.bucket}/in/"}}},
        TransformOutput={"S3OutputPath": f"s3://{unique('none')}/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1})
    job = wait_until(lambda: (found := world.sm.describe_transform_job(TransformJobName=name))["TransformJobStatus"]
                     == "Failed" and found, 30)
    assert "does not exist or is another account's" in job["FailureReason"]
    assert calls_inside(server, "HeadBucket") > before
