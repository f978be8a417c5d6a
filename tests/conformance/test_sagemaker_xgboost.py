"""Native XGBoost, from training data in S3 to predictions of an endpoint."""
import io
import json
import tarfile
import time

import numpy
import pytest

from helpers import aws_error, unique, wait_until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
HYPER = {"num_round": "20", "objective": "binary:logistic", "max_depth": "3", "eval_metric": "auc", "seed": "7"}


@pytest.fixture(scope="module")
def world(server):
    """A bucket with a separable data set, a role, and the clients."""
    class World:
        s3, sm, iam = server.client("s3"), server.client("sagemaker"), server.client("iam")
        runtime, logs = server.client("sagemaker-runtime"), server.client("logs")
        bucket = unique("ml")
        rng = numpy.random.default_rng(3)
        x = rng.normal(size=(400, 4)).round(4)
        y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    World.s3.create_bucket(Bucket=World.bucket)
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    role = World.iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=trust)["Role"]
    World.role = role["Arn"]
    World.iam.put_role_policy(RoleName=role["RoleName"], PolicyName="s3", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
    rows = [",".join(map(str, [label, *row])) for label, row in zip(World.y, World.x)]
    World.s3.put_object(Bucket=World.bucket, Key="train/part-0.csv", Body="\n".join(rows[:300]) + "\n")
    World.s3.put_object(Bucket=World.bucket, Key="validation/part-0.csv", Body="\n".join(rows[300:]) + "\n")
    World.s3.put_object(Bucket=World.bucket, Key="broken/part-0.csv", Body="1,2,3\n0,4,5\n1,oops,6\n")
    return World


def channel(world, name, content_type="text/csv"):
    return {"ChannelName": name if name in ("train", "validation") else "train", "ContentType": content_type,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{world.bucket}/{name}/",
                                            "S3DataDistributionType": "FullyReplicated"}}}


def request(world, name, **changes):
    return {"TrainingJobName": name, "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": world.role, "HyperParameters": HYPER,
            "InputDataConfig": [channel(world, "train"), channel(world, "validation")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{world.bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600}, **changes}


def finished(world, name):
    return wait_until(lambda: (d := world.sm.describe_training_job(TrainingJobName=name))
                      and d["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") and d, 60)


@pytest.fixture(scope="module")
def trained(world):
    name = unique("job")
    arn = world.sm.create_training_job(**request(world, name, Tags=[{"Key": "team", "Value": "a"}]))["TrainingJobArn"]
    assert arn.endswith(f":training-job/{name}")
    return finished(world, name)


@pytest.fixture(scope="module")
def endpoint(world, trained):
    name = unique("endpoint")
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"]})
    world.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    wait_until(lambda: world.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")
    yield name
    world.sm.delete_endpoint(EndpointName=name)
    world.sm.delete_endpoint_config(EndpointConfigName=name)
    world.sm.delete_model(ModelName=name)


def test_training_completes_with_what_clients_look_at(world, trained):
    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    assert trained["SecondaryStatus"] == "Completed"
    states = [t["Status"] for t in trained["SecondaryStatusTransitions"]]
    assert states == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    metrics = {m["MetricName"]: m["Value"] for m in trained["FinalMetricDataList"]}
    assert metrics["validation:auc"] > 0.8 and metrics["train:auc"] > 0.9
    assert trained["TrainingEndTime"] >= trained["TrainingStartTime"]
    assert trained["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{world.bucket}/output/{trained['TrainingJobName']}/output/model.tar.gz"
    assert {t["Key"]: t["Value"] for t in world.sm.list_tags(ResourceArn=trained["TrainingJobArn"])["Tags"]} == {"team": "a"}


def test_training_log_streams_to_logs(world, trained):
    streams = world.logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs",
                                              logStreamNamePrefix=trained["TrainingJobName"] + "/")["logStreams"]
    assert len(streams) == 1 and streams[0]["logStreamName"].startswith(trained["TrainingJobName"] + "/algo-1-")
    events = world.logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=streams[0]["logStreamName"], startFromHead=True)
    text = "\n".join(e["message"] for e in events["events"])
    assert "[0]" in text and "validation-auc" in text and "[19]" in text


def test_model_loads_in_pythons_xgboost_and_agrees_with_the_endpoint(world, trained, endpoint):
    import xgboost
    key = trained["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    archive = tarfile.open(fileobj=io.BytesIO(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()))
    booster = xgboost.Booster()
    booster.load_model(bytearray(archive.extractfile("xgboost-model").read()))
    expected = booster.predict(xgboost.DMatrix(world.x[300:320]))
    body = "\n".join(",".join(map(str, row)) for row in world.x[300:320])
    answer = world.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/csv", Accept="text/csv")
    assert answer["InvokedProductionVariant"] == "main"
    got = [float(v) for v in answer["Body"].read().decode().replace("\n", ",").strip(",").split(",")]
    assert numpy.allclose(got, expected, atol=1e-5)


def test_content_types_agree(world, endpoint):
    rows = world.x[:3]
    stream = io.BytesIO()
    numpy.save(stream, rows)
    bodies = {
        "text/csv": "\n".join(",".join(map(str, r)) for r in rows).encode(),
        "text/libsvm": "\n".join(" ".join(f"{i}:{v}" for i, v in enumerate(r)) for r in rows).encode(),
        "application/json": json.dumps({"instances": [{"features": list(r)} for r in rows]}).encode(),
        "application/jsonlines": "\n".join(json.dumps({"features": list(r)}) for r in rows).encode(),
        "application/x-npy": stream.getvalue(),
    }
    answers = {}
    for content_type, body in bodies.items():
        answer = world.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type, Accept="application/json")
        answers[content_type] = [p["score"] for p in json.loads(answer["Body"].read())["predictions"]]
    for content_type, scores in answers.items():
        assert len(scores) == 3 and numpy.allclose(scores, answers["text/csv"], atol=1e-5), content_type


def test_a_broken_request_reaches_the_client_as_model_error(world, endpoint):
    with aws_error("ModelError", 424) as raised:
        world.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2,3,4\n1,oops,3,4", ContentType="text/csv")
    assert "row 2" in raised.value.response["OriginalMessage"] and "column 2" in raised.value.response["OriginalMessage"]
    assert raised.value.response["OriginalStatusCode"] in (400, 415)


def test_unknown_endpoint(world):
    with aws_error("ValidationError", 400, "not found"):
        world.runtime.invoke_endpoint(EndpointName="none", Body=b"1", ContentType="text/csv")


def test_broken_training_data_names_row_and_column(world):
    name = unique("job")
    world.sm.create_training_job(**request(world, name, InputDataConfig=[channel(world, "broken")]))
    job = finished(world, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert "row 3" in job["FailureReason"] and "column 2" in job["FailureReason"]


def test_missing_training_data(world):
    name = unique("job")
    world.sm.create_training_job(**request(world, name, InputDataConfig=[channel(world, "nothing-here")]))
    job = finished(world, name)
    assert job["TrainingJobStatus"] == "Failed" and "nothing-here" in job["FailureReason"]


@pytest.mark.parametrize("changes, words", [
    ({"RoleArn": "arn:aws:iam::123456789012:user/x"}, "roleArn"),
    ({"TrainingJobName": "-bad-"}, "trainingJobName"),
    ({"ResourceConfig": {"InstanceType": "ml.nope.large", "InstanceCount": 1, "VolumeSizeInGB": 1}}, "ml.nope.large"),
    ({"AlgorithmSpecification": {"TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mystery:1", "TrainingInputMode": "File"}}, "xgboost"),
    ({"HyperParameters": {"k": "v" * 3000}}, "hyperParameters")])
def test_bad_training_requests(world, changes, words):
    with aws_error("ValidationException", 400, words):
        world.sm.create_training_job(**{**request(world, unique("job")), **changes})


def test_duplicate_and_missing_names(world, trained, endpoint):
    with aws_error("ResourceInUse", 400):
        world.sm.create_training_job(**request(world, trained["TrainingJobName"]))
    with aws_error("ValidationException", 400, "not found"):
        world.sm.describe_training_job(TrainingJobName="none")
    with aws_error("ValidationException", 400, "Cannot create already existing endpoint"):
        world.sm.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
    with aws_error("ValidationException", 400, "Could not find"):
        world.sm.describe_endpoint(EndpointName="none")
    with aws_error("ValidationException", 400, "Could not find"):
        world.sm.describe_model(ModelName="none")


def test_lists_filter_sort_and_page(world, trained):
    names = sorted(unique("listed") for _ in range(3))
    for name in names:
        world.sm.create_training_job(**request(world, name))
    for name in names:
        finished(world, name)
    pages = world.sm.get_paginator("list_training_jobs").paginate(
        NameContains="listed-", SortBy="Name", SortOrder="Ascending", StatusEquals="Completed", PaginationConfig={"PageSize": 2})
    assert [j["TrainingJobName"] for p in pages for j in p["TrainingJobSummaries"]] == names


def test_update_endpoint_switches_without_a_gap(world, trained, endpoint):
    config = unique("config")
    world.sm.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[
        {"VariantName": v, "ModelName": endpoint, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": w}
        for v, w in (("a", 3.0), ("b", 1.0))])
    world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    row = ",".join(map(str, world.x[0]))

    def variant(**options):
        return world.runtime.invoke_endpoint(EndpointName=endpoint, Body=row, ContentType="text/csv", **options)["InvokedProductionVariant"]
    wait_until(lambda: variant() and world.sm.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService")
    assert world.sm.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"] == config
    share = sum(variant() == "a" for _ in range(400)) / 400
    assert 0.6 < share < 0.9
    assert variant(TargetVariant="b") == "b"


def test_a_model_that_cannot_load_fails_with_a_reason(world, server):
    name = unique("bad")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        info = tarfile.TarInfo("xgboost-model")
        info.size = 7
        tar.addfile(info, io.BytesIO(b"garbage"))
    world.s3.put_object(Bucket=world.bucket, Key="bad/model.tar.gz", Body=archive.getvalue())
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": f"s3://{world.bucket}/bad/model.tar.gz"})
    world.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    d = wait_until(lambda: (d := world.sm.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Failed" and d)
    assert "xgboost-model" in d["FailureReason"]
    # "DeleteEndpoint is the only operation that can be performed on a failed endpoint" (DescribeEndpoint's page).
    with aws_error("ValidationException", containing="Cannot update failed endpoint"):
        world.sm.update_endpoint(EndpointName=name, EndpointConfigName=name)
    world.sm.delete_endpoint(EndpointName=name)


def test_deploy_is_fast(world, trained, endpoint):
    """This is not a benchmark; it only shows that the path contains no sleep."""
    name = unique("fast")
    start = time.monotonic()
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=endpoint)
    wait_until(lambda: world.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService", 10, 0.01)
    assert time.monotonic() - start < 5
    world.sm.delete_endpoint(EndpointName=name)
