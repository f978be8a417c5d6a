"""The AWS SDKs for JavaScript and Go, and the AWS CLI: at least one call with every protocol."""
import json
import subprocess
from pathlib import Path

import pytest

from helpers import unique, wait_until
from hosting import answer, config_of, constant_model, endpoint_of, variant
from sagemaker_world import World

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
CLI = Path(__file__).resolve().parents[2] / ".cache/venvs/clients/bin/aws"
NOT_THERE = "NotImplemented"


def run(command, environment, cwd=None):
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_javascript(server):
    facts = json.loads(run(["node", "smoke.mjs"], server.shell_environment(), CLIENTS / "js"))
    account = facts["account"]
    assert facts["role"] == f"arn:aws:iam::{account}:role/js-smoke"
    assert facts["missingRole"]["name"] == "NoSuchEntityException" and facts["missingRole"]["status"] == 404
    assert facts["plain"] == "hello" and facts["metadata"] == {"colour": "blue"} and facts["presigned"] == "hello"
    assert facts["streamIntact"] and facts["headLength"] == 3 * 1024 * 1024 + 17
    assert facts["keys"] == ["plain", "streams/big one"]
    assert facts["missingKey"]["name"] == "NoSuchKey"
    assert facts["logged"] == ["grüezi"]
    assert facts["missingJob"]["name"] == "ValidationException"
    assert facts["missingEndpoint"]["status"] == 400
    for service in ("cloudwatch", "sqs"):
        assert "not implemented by Tidemill" in facts[service]["message"], facts[service]


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def transform_request(world, model):
    prefix = unique("rows")
    world.put(f"{prefix}/a.csv", "1,2\n3,4\n")
    return {"TransformJobName": unique("transform"), "ModelName": model, "BatchStrategy": "MultiRecord",
            "TransformInput": {"ContentType": "text/csv", "SplitType": "Line", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://{world.bucket}/{prefix}/"}}},
            "TransformOutput": {"S3OutputPath": f"s3://{world.bucket}/{prefix}-out", "Accept": "text/csv",
                                "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}}


def listed(world, uri):
    prefix = uri.removeprefix(f"s3://{world.bucket}/")
    return world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix).get("Contents")


def test_javascript_deploys_queues_streams_and_transforms(world):
    model = constant_model(world, 2.0)
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", constant_model(world, 1.0), count=2)))
    config = config_of(world, variant("AllTraffic", model, count=2))
    queue, _ = endpoint_of(world, config_of(world, variant("AllTraffic", constant_model(world, 3.0)),
                                            AsyncInferenceConfig={"OutputConfig": {
                                                "S3OutputPath": f"s3://{world.bucket}/js-out"}}))
    transform = transform_request(world, model)
    given = {"endpoint": name, "config": config, "asynchronous": queue, "transform": transform,
             "input": world.put(f"{unique('in')}/row", "1,2")}
    facts = json.loads(run(["node", "deployments.mjs", json.dumps(given)], world.server.shell_environment(),
                           CLIENTS / "js"))
    assert facts["before"] == 1.0 and facts["after"] == 2.0 and float(facts["streamed"]) == 2.0
    assert facts["arn"].endswith(f":endpoint/{name}")
    assert facts["updating"] == "Updating" and facts["waited"] == "SUCCESS" and facts["config"] == config
    assert facts["policy"] == {"Type": "LINEAR", "WaitIntervalInSeconds": 1,
                               "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50}}
    assert facts["modified"] is True and facts["streamType"] == "text/csv; charset=utf-8"
    output = f"s3://{world.bucket}/js-out/from-js.out"
    assert facts["queued"] == {"status": 202, "id": "from-js", "output": output}
    wait_until(lambda: listed(world, output))
    assert float(world.read(output)) == 3.0
    assert facts["transformed"] == "SUCCESS"
    assert facts["job"]["status"] == "Completed" and "reason" not in facts["job"]
    assert transform["TransformOutput"].items() <= facts["job"]["output"].items()
    lines = world.read(f"{transform['TransformOutput']['S3OutputPath']}/a.csv.out").split()
    assert [float(line) for line in lines] == [2.0, 2.0]
    for each in (name, queue):
        world.sm.delete_endpoint(EndpointName=each)


def test_go(server, go_smoke):
    facts = json.loads(run([go_smoke], server.shell_environment()))
    assert facts["account"].isdigit() and facts["intact"] is True
    assert facts["missingKey"] == "NoSuchKey" and facts["notEmpty"] == "BucketNotEmpty"
    assert facts["missingGroup"] == "ResourceNotFoundException"
    assert facts["missingEndpoint"] == "ValidationException"
    assert facts["invokeMissing"] in ("ValidationError", "ValidationException")
    assert facts["cloudwatch"] == NOT_THERE


def test_cli(server, tmp_path):
    environment = server.shell_environment()

    def aws(*arguments):
        return run([str(CLI), *arguments], environment)

    assert json.loads(aws("sts", "get-caller-identity"))["Account"].isdigit()
    (tmp_path / "file").write_text("from the CLI\n")
    aws("s3", "mb", "s3://cli-bucket")
    aws("s3", "cp", str(tmp_path / "file"), "s3://cli-bucket/a/file")
    assert "a/file" in aws("s3", "ls", "--recursive", "s3://cli-bucket")
    assert aws("s3", "cp", "s3://cli-bucket/a/file", "-") == "from the CLI\n"
    aws("s3", "sync", str(tmp_path), "s3://cli-bucket/synced")
    aws("s3", "rb", "--force", "s3://cli-bucket")
    assert json.loads(aws("sagemaker", "list-models", "--name-contains", "no-such-model"))["Models"] == []
    assert json.loads(aws("logs", "describe-log-groups", "--log-group-name-prefix", "/none"))["logGroups"] == []


def test_cli_of_hosting(world, tmp_path):
    """Waiters and blobs, as used in shell scripts."""
    environment = world.server.shell_environment()

    def aws(*arguments):
        return run([str(CLI), *arguments], environment)

    name, config = unique("cli"), config_of(world, variant("AllTraffic", constant_model(world, 4.0)))
    made = json.loads(aws("sagemaker", "create-endpoint", "--endpoint-name", name, "--endpoint-config-name", config))
    assert made["EndpointArn"].endswith(f":endpoint/{name}")
    assert aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", name) == ""
    (tmp_path / "rows.csv").write_text("1,2\n3,4\n")
    (tmp_path / "rows.csv").chmod(0o400)
    said = json.loads(aws("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", name, "--content-type", "text/csv",
                          "--accept", "text/csv", "--body", f"fileb://{tmp_path}/rows.csv", str(tmp_path / "answer")))
    assert said == {"ContentType": "text/csv; charset=utf-8", "InvokedProductionVariant": "AllTraffic"}
    assert [float(value) for value in (tmp_path / "answer").read_text().replace(",", "\n").split()] == [4.0, 4.0]

    transform = transform_request(world, constant_model(world, 5.0))
    job = transform["TransformJobName"]
    aws("sagemaker", "create-transform-job", "--cli-input-json", json.dumps(transform))
    aws("sagemaker", "wait", "transform-job-completed-or-stopped", "--transform-job-name", job)
    found = json.loads(aws("sagemaker", "describe-transform-job", "--transform-job-name", job))
    assert found["TransformJobStatus"] == "Completed"
    lines = world.read(f"{transform['TransformOutput']['S3OutputPath']}/a.csv.out").split()
    assert [float(line) for line in lines] == [5.0, 5.0]

    aws("sagemaker", "delete-endpoint", "--endpoint-name", name)
    assert aws("sagemaker", "wait", "endpoint-deleted", "--endpoint-name", name) == ""


def test_boto3_waiters(world):
    name, config = unique("waits"), config_of(world, variant("AllTraffic", constant_model(world, 6.0)))
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=config)
    quickly = {"Delay": 1, "MaxAttempts": 60}
    world.sm.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=quickly)
    assert answer(world, name) == 6.0
    transform = transform_request(world, constant_model(world, 7.0))
    world.sm.create_transform_job(**transform)
    world.sm.get_waiter("transform_job_completed_or_stopped").wait(
        TransformJobName=transform["TransformJobName"], WaiterConfig=quickly)
    lines = world.read(f"{transform['TransformOutput']['S3OutputPath']}/a.csv.out").split()
    assert [float(line) for line in lines] == [7.0, 7.0]
    world.sm.delete_endpoint(EndpointName=name)
    world.sm.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=quickly)
