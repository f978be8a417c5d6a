"""The SageMaker Python SDK v3, unmodified: ModelTrainer, ModelBuilder and the resource classes."""
import io
import json
import sys
import tarfile
import time
import uuid
from pathlib import Path

import numpy
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from sagemaker_world import PYTORCH_TRAINING, SCIKIT_LEARN, TRUST, XGBOOST  # noqa: E402

TRAIN = """
import argparse, json, os, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--name")
arguments = parser.parse_args()
text = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "numbers.csv").read_text()
mean = sum(map(float, text.split())) / len(text.split())
for epoch in range(arguments.epochs):
    print(f"epoch {epoch} mean={mean};", flush=True)
names = ("SM_MODEL_DIR", "SM_HPS", "SM_CURRENT_HOST", "SM_NUM_CPUS", "MY_VARIABLE")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(
    {"mean": mean, "name": arguments.name, "environment": {name: os.environ[name] for name in names},
     "helper": __import__("helper").VALUE}))
"""

INFERENCE = """
import json, os


def model_fn(model_dir):
    return json.load(open(os.path.join(model_dir, "model.json")))


def input_fn(body, content_type):
    return json.loads(body)


def predict_fn(numbers, model):
    return [number - model["mean"] for number in numbers]
"""


@pytest.fixture(scope="module")
def sdk(environment, server):
    """A role that the SDK's own checks accept, and a session with a bucket."""
    from sagemaker.core.helper.session_helper import Session

    class Sdk:
        sm, iam, s3 = server.client("sagemaker"), server.client("iam"), server.client("s3")
        logs = server.client("logs")
        bucket = f"v3-{uuid.uuid4().hex[:10]}"
        session = Session(default_bucket=bucket)
    role = f"v3-{uuid.uuid4().hex[:10]}"
    Sdk.role = Sdk.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    Sdk.iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    return Sdk


def model_trainer(sdk, source, **more):
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode
    return ModelTrainer(training_image=more.pop("training_image", PYTORCH_TRAINING),
                        source_code=SourceCode(source_dir=str(source), entry_script="train.py", **more.pop("code", {})),
                        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
                        role=sdk.role, sagemaker_session=sdk.session, base_job_name="v3", **more)


def unpack(sdk, uri):
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body = sdk.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {member.name.removeprefix("./"): archive.extractfile(member).read()
                for member in archive if member.isfile()}


def job_log(sdk, name):
    group = "/aws/sagemaker/TrainingJobs"
    events = sdk.logs.filter_log_events(logGroupName=group, logStreamNamePrefix=name + "/")["events"]
    return "\n".join(event["message"] for event in events)


@pytest.fixture(scope="module")
def trained(sdk, tmp_path_factory):
    """ModelTrainer.train() with a script, local data, hyperparameters and metrics; returns its TrainingJob."""
    from sagemaker.core.shapes import MetricDefinition
    from sagemaker.train.configs import InputData
    source = tmp_path_factory.mktemp("source")
    (source / "train.py").write_text(TRAIN)
    (source / "helper.py").write_text("VALUE = 'imported'\n")
    data = tmp_path_factory.mktemp("data")
    (data / "numbers.csv").write_text("1\n2\n6\n")
    trainer = model_trainer(sdk, source, hyperparameters={"epochs": 2, "name": "first"},
                            environment={"MY_VARIABLE": "mine"})
    trainer.with_metric_definitions([MetricDefinition(name="mean", regex=r"mean=([0-9.]+);")])
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=str(data))])
    return trainer, trainer._latest_training_job


def test_train(sdk, trained):
    _, job = trained
    assert job.training_job_status == "Completed"
    uri = job.model_artifacts.s3_model_artifacts
    model = json.loads(unpack(sdk, uri)["model.json"])
    assert model["mean"] == 3.0 and model["name"] == "first" and model["helper"] == "imported"
    environment = model["environment"]
    assert environment["SM_MODEL_DIR"] == "/opt/ml/model" and environment["MY_VARIABLE"] == "mine"
    assert json.loads(environment["SM_HPS"]) == {"epochs": 2, "name": "first"}
    assert environment["SM_CURRENT_HOST"] == "algo-1"
    assert [metric.value for metric in job.final_metric_data_list] == [3.0]
    text = job_log(sdk, job.training_job_name)
    assert "epoch 1 mean=3.0;" in text and "Training Container Execution Completed" in text


def test_training_job_get_and_list(sdk, trained):
    from sagemaker.core.resources import TrainingJob
    _, job = trained
    found = TrainingJob.get(training_job_name=job.training_job_name, session=sdk.session.boto_session)
    assert found.training_job_arn == job.training_job_arn
    assert found.model_artifacts.s3_model_artifacts == job.model_artifacts.s3_model_artifacts
    listed = TrainingJob.get_all(name_contains=job.training_job_name, session=sdk.session.boto_session)
    assert [each.training_job_name for each in listed] == [job.training_job_name]


def test_a_failing_script(sdk, tmp_path):
    from sagemaker.core.utils.exceptions import FailedStatusError
    (tmp_path / "train.py").write_text("raise ValueError('no column churn')\n")
    trainer = model_trainer(sdk, tmp_path)
    with pytest.raises(FailedStatusError) as raised:
        trainer.train()
    assert "ValueError: no column churn" in str(raised.value) and "exit code: 1" in str(raised.value)
    assert "ValueError: no column churn" in job_log(sdk, trainer._latest_training_job.training_job_name)


def test_requirements_and_shell_command(sdk, tmp_path):
    """SourceCode.requirements uses the SDK's own installer, SourceCode.command uses eval."""
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode
    (tmp_path / "requirements.txt").write_text("numpy\n")
    trainer = ModelTrainer(training_image=SCIKIT_LEARN, role=sdk.role, sagemaker_session=sdk.session, base_job_name="v3-sh",
                           compute=Compute(instance_type="ml.m5.large"),
                           source_code=SourceCode(source_dir=str(tmp_path), requirements="requirements.txt",
                                                  command="echo from the shell > $SM_MODEL_DIR/said.txt"))
    trainer.train(logs=False)
    uri = trainer._latest_training_job.model_artifacts.s3_model_artifacts
    assert unpack(sdk, uri)["said.txt"] == b"from the shell\n"


def test_role_checks(sdk):
    """The SDK calls SimulatePrincipalPolicy before it trains."""
    from sagemaker.core.helper.iam_role_resolver import RoleValidationError, resolve_and_validate_role
    assert resolve_and_validate_role(sdk.role, "training", sdk.session) == sdk.role
    assert resolve_and_validate_role(sdk.role.rsplit("/", 1)[1], "serving", sdk.session) == sdk.role
    weak = f"weak-{uuid.uuid4().hex[:8]}"
    arn = sdk.iam.create_role(RoleName=weak, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    with pytest.raises(RoleValidationError, match="cloudwatch:PutMetricData"):
        resolve_and_validate_role(arn, "training", sdk.session)
    trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}]}
    other = f"other-{uuid.uuid4().hex[:8]}"
    arn = sdk.iam.create_role(RoleName=other, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sdk.iam.put_role_policy(RoleName=other, PolicyName="all", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    with pytest.raises(RoleValidationError, match="trust policy"):
        resolve_and_validate_role(arn, "training", sdk.session)


def test_deploy_with_model_builder(sdk, trained, tmp_path):
    """build() and deploy() of a trained model with inference code, then invoke()."""
    from sagemaker.serve import ModelBuilder
    from sagemaker.train.configs import SourceCode
    (tmp_path / "inference.py").write_text(INFERENCE)
    _, job = trained
    builder = ModelBuilder(image_uri=SCIKIT_LEARN, s3_model_data_url=job.model_artifacts.s3_model_artifacts,
                           source_code=SourceCode(source_dir=str(tmp_path), entry_script="inference.py"),
                           role_arn=sdk.role, sagemaker_session=sdk.session, instance_type="ml.m5.large")
    model = builder.build(model_name=f"v3-{uuid.uuid4().hex[:8]}")
    assert sdk.sm.describe_model(ModelName=model.model_name)["PrimaryContainer"]["Image"] == SCIKIT_LEARN
    endpoint = builder.deploy(endpoint_name=f"v3-{uuid.uuid4().hex[:8]}", wait=False)
    endpoint.wait_for_status("InService", poll=1, timeout=60)
    answer = endpoint.invoke(body=json.dumps([3, 5]), content_type="application/json", accept="application/json")
    assert json.loads(answer.body.read()) == [0.0, 2.0]
    endpoint.delete()
    model.delete()


def test_model_endpoint_config_and_endpoint_resources(sdk):
    """The native XGBoost model with the resource classes of sagemaker.core."""
    from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
    from sagemaker.core.shapes import (AlgorithmSpecification, Channel, ContainerDefinition, DataSource,
                                       OutputDataConfig, ProductionVariant, ResourceConfig, S3DataSource,
                                       StoppingCondition)
    x = numpy.random.default_rng(2).normal(size=(200, 3)).round(4)
    rows = "\n".join(",".join(map(str, [int(row[0] > 0), *row])) for row in x)
    bucket = sdk.session.default_bucket()
    sdk.s3.put_object(Bucket=bucket, Key="core/train.csv", Body=rows)
    name = f"core-{uuid.uuid4().hex[:8]}"
    job = TrainingJob.create(
        training_job_name=name, role_arn=sdk.role, session=sdk.session.boto_session,
        hyper_parameters={"num_round": "10", "objective": "binary:logistic"},
        algorithm_specification=AlgorithmSpecification(training_image=XGBOOST, training_input_mode="File"),
        input_data_config=[Channel(channel_name="train", content_type="text/csv", data_source=DataSource(
            s3_data_source=S3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/core/",
                                        s3_data_distribution_type="FullyReplicated")))],
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/core-output"),
        resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600))
    job.wait(poll=1, timeout=60)
    assert job.training_job_status == "Completed"

    model = Model.create(model_name=name, execution_role_arn=sdk.role, session=sdk.session.boto_session,
                         primary_container=ContainerDefinition(
                             image=XGBOOST, model_data_url=job.model_artifacts.s3_model_artifacts))
    config = EndpointConfig.create(endpoint_config_name=name, session=sdk.session.boto_session, production_variants=[
        ProductionVariant(variant_name="main", model_name=model, instance_type="ml.m5.large", initial_instance_count=1,
                          initial_variant_weight=1.0)])
    began = time.monotonic()
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=config, session=sdk.session.boto_session)
    endpoint.wait_for_status("InService", poll=1, timeout=30)
    assert time.monotonic() - began < 10
    answer = endpoint.invoke(body="2.0,0,0\n-2.0,0,0", content_type="text/csv", accept="text/csv",
                             session=sdk.session.boto_session)
    high, low = (float(value) for value in answer.body.read().decode().replace("\n", ",").strip(",").split(","))
    assert high > 0.9 and low < 0.1
    assert [each.endpoint_name for each in Endpoint.get_all(name_contains=name, session=sdk.session.boto_session)] == [name]
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=30)
    config.delete()
    model.delete()
