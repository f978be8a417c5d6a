"""The server reads and writes in S3 for a job as the job's role and in the job's region."""
import urllib.request

import pytest

from helpers import unique
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


def test_the_calls_are_counted(server):
    world = World(server)
    train(world, server.client("sagemaker"), world.role)
    with urllib.request.urlopen(f"{server.endpoint}/_tidemill/metrics") as answer:
        text = answer.read().decode()
    for operation in ("GetObject", "ListObjectsV2", "PutObject"):
        line = f'tidemill_inside_calls_total{{service="s3",operation="{operation}",result="success"}} '
        count = next(float(each.removeprefix(line)) for each in text.split("\n") if each.startswith(line))
        assert count >= 1, operation
