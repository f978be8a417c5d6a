"""Lists of jobs, endpoints, inference components and logs whose records clients made large: every entry comes, page by page, and
the server's memory at its peak (VmHWM) grows little. All of them fail at once: their data
do not exist or are broken."""
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.config import Config

from support.server import Server
from support.waiting import wait_until
from test_listing_memory import grown_by
from test_memory_bounds import MIB

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from sagemaker_world import SCIKIT_LEARN, XGBOOST  # noqa: E402

READERS, COUNT, COMPONENTS = 12, 120, 40
ROLE = "arn:aws:iam::123456789012:role/any"
LARGE = {f"K{n}": "v" * 1_000 for n in range(90)}  # some 90 KB
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1}


def make_jobs(sagemaker, n):
    name = f"m{n:05d}"
    sagemaker.create_training_job(
        TrainingJobName=name, RoleArn=ROLE, HyperParameters=LARGE, StoppingCondition={"MaxRuntimeInSeconds": 60},
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://none/x"}}}],
        OutputDataConfig={"S3OutputPath": "s3://none/out"}, ResourceConfig={**RESOURCES, "VolumeSizeInGB": 1})
    sagemaker.create_transform_job(
        TransformJobName=name, ModelName="large", Environment={f"K{n}": "v" * 9_000 for n in range(10)},
        TransformInput={"ContentType": "text/csv", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://some/in"}}},
        TransformOutput={"S3OutputPath": "s3://none/out"}, TransformResources=RESOURCES)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="large")


def make_component(sagemaker, n):
    sagemaker.create_inference_component(
        InferenceComponentName=f"m{n:05d}", EndpointName="host", VariantName="v", RuntimeConfig={"CopyCount": 1},
        Specification={"Container": {"Image": SCIKIT_LEARN, "ArtifactUrl": "s3://some/broken.tar.gz",
                                     "Environment": {f"K{k}": "v" * 1_000 for k in range(16)}},
                       "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}})


@pytest.fixture(scope="module")
def stored():
    with Server(auth="any") as server:
        config = Config(max_pool_connections=16)
        sagemaker, logs, s3 = server.client("sagemaker", config), server.client("logs", config), server.client("s3")
        s3.create_bucket(Bucket="some")
        s3.put_object(Bucket="some", Key="in", Body=b"1")
        s3.put_object(Bucket="some", Key="broken.tar.gz", Body=b"no archive")
        sagemaker.create_model(ModelName="large", ExecutionRoleArn=ROLE, PrimaryContainer={
            "Image": SCIKIT_LEARN, "ModelDataUrl": "s3://some/broken.tar.gz", "Environment": LARGE})
        variant = {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName="large", ProductionVariants=[{**variant, "ModelName": "large"}])
        sagemaker.create_endpoint_config(EndpointConfigName="host", ExecutionRoleArn=ROLE, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="host", EndpointConfigName="host")
        wait_until(lambda: sagemaker.describe_endpoint(EndpointName="host")["EndpointStatus"] == "InService")
        logs.create_log_group(logGroupName="streams")

        def make_logs(n):
            logs.create_log_group(logGroupName=f"m{n:05d}" + "g" * 500)
            logs.create_log_stream(logGroupName="streams", logStreamName=f"m{n:05d}" + "s" * 500)
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: make_jobs(sagemaker, n), range(COUNT)))
            list(pool.map(lambda n: make_component(sagemaker, n), range(COMPONENTS)))
            list(pool.map(make_logs, range(COUNT)))
        for kind, result, states in (
                ("training_jobs", "TrainingJobSummaries", {}), ("transform_jobs", "TransformJobSummaries", {}), ("endpoints", "Endpoints", {})):
            status = "Creating" if kind == "endpoints" else "InProgress"
            wait_until(lambda: not getattr(sagemaker, f"list_{kind}")(StatusEquals=status, **states)[result], 60)
        server.stop()
        server.start()  # the peak of writing is forgotten
        yield server


@pytest.mark.parametrize("service, operation, more, result, name, count", [
    ("sagemaker", "list_training_jobs", {"MaxResults": 100}, "TrainingJobSummaries", "TrainingJobName", COUNT),
    ("sagemaker", "list_transform_jobs", {"MaxResults": 100}, "TransformJobSummaries", "TransformJobName", COUNT),
    ("sagemaker", "list_endpoints", {"MaxResults": 100}, "Endpoints", "EndpointName", COUNT),
    ("sagemaker", "list_inference_components", {"MaxResults": 100}, "InferenceComponents", "InferenceComponentName", COMPONENTS),
    ("logs", "describe_log_groups", {"limit": 50}, "logGroups", "logGroupName", COUNT),
    ("logs", "describe_log_streams", {"limit": 50, "logGroupName": "streams"}, "logStreams", "logStreamName", COUNT)])
def test_lists(stored, service, operation, more, result, name, count):
    client = stored.client(service, Config(max_pool_connections=READERS))
    first, grown = grown_by(stored, lambda: getattr(client, operation)(**more)[result])
    assert all(len(page) >= min(count, 40) for page in first)
    assert grown < READERS * 14 * MIB, grown / MIB
    names = [each[name] for page in client.get_paginator(operation).paginate(**more) for each in page[result]]
    own = [each[:6] for each in names if each.startswith("m0")]
    assert sorted(own) == [f"m{n:05d}" for n in range(count)] and len(names) == len(set(names))
