"""The SageMaker Python SDK v2, unmodified, with only the environment that `tidemill env` prints.

Whatever the server does, deploy() sleeps 30 s before its first check, and fit() without logs sleeps 5 s. So most
tests use wait=False and their own loop; fit() with logs waits as the SDK does.
"""
import json

import numpy
import pytest

from helpers import unique, wait_until
from sagemaker_world import TRUST, sdk_world

TRAIN = """
import argparse, joblib, os
import numpy
from sklearn.linear_model import LogisticRegression

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--inverse-regularisation", type=float, default=1.0)
    parser.add_argument("--solver", default="lbfgs")
    arguments = parser.parse_args()
    rows = numpy.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "train.csv"), delimiter=",")
    model = LogisticRegression(C=arguments.inverse_regularisation, solver=arguments.solver)
    model.fit(rows[:, 1:], rows[:, 0])
    print(f"train-accuracy: {model.score(rows[:, 1:], rows[:, 0]):.4f};")
    joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""


@pytest.fixture(scope="module")
def sdk(server):
    """The SDK in the environment of `tidemill env`, a session, and training data."""
    with sdk_world(server) as made:
        generator = numpy.random.default_rng(11)
        made.x = generator.normal(size=(300, 4)).round(4)
        made.y = (made.x[:, 0] - made.x[:, 1] > 0).astype(int)
        yield made


@pytest.fixture(scope="module")
def train_input(sdk, tmp_path_factory):
    from sagemaker.inputs import TrainingInput
    path = tmp_path_factory.mktemp("data") / "train.csv"
    numpy.savetxt(path, numpy.column_stack([sdk.y, sdk.x]), delimiter=",", fmt="%g")
    uri = sdk.session.upload_data(str(path), key_prefix="sdk/train")
    assert uri == f"s3://{sdk.bucket}/sdk/train/train.csv"
    return TrainingInput(uri, content_type="text/csv")


def make_xgboost(sdk, **more):
    from sagemaker import image_uris
    from sagemaker.estimator import Estimator
    return Estimator(image_uris.retrieve("xgboost", "us-east-1", version="1.7-1"), sdk.role, instance_count=1,
                     instance_type="ml.m5.large", output_path=f"s3://{sdk.bucket}/sdk/output",
                     sagemaker_session=sdk.session, base_job_name="sdk-xgboost",
                     hyperparameters={"objective": "binary:logistic", "num_round": 15, "max_depth": 3,
                                      "eval_metric": "auc"}, **more)


@pytest.fixture(scope="module")
def fitted(sdk, train_input):
    """fit() with the log, as users call it; returns the estimator and its output."""
    import contextlib
    import io
    estimator = make_xgboost(sdk, tags=[{"Key": "team", "Value": "churn"}])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        estimator.fit({"train": train_input}, logs=True)
    return estimator, printed.getvalue()


@pytest.fixture(scope="module")
def predictor(sdk, fitted):
    from sagemaker.deserializers import CSVDeserializer
    from sagemaker.serializers import CSVSerializer
    estimator, _ = fitted
    made = estimator.deploy(1, "ml.m5.large", endpoint_name=unique("sdk"), serializer=CSVSerializer(),
                            deserializer=CSVDeserializer(), wait=False)
    found = sdk.settled(made.endpoint_name)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    yield made
    made.delete_model()
    made.delete_endpoint(delete_endpoint_config=True)


def test_fit_prints_the_log(fitted):
    _, printed = fitted
    assert "Starting" in printed or "Training" in printed or "Completed" in printed
    assert "train-auc" in printed and "[14]" in printed
    assert "Training seconds:" in printed and "Billable seconds:" in printed


def test_fit_leaves_a_model(sdk, fitted):
    estimator, _ = fitted
    job = sdk.sm.describe_training_job(TrainingJobName=estimator.latest_training_job.name)
    assert job["TrainingJobStatus"] == "Completed"
    assert estimator.model_data == job["ModelArtifacts"]["S3ModelArtifacts"]
    assert "xgboost-model" in sdk.unpack(estimator.model_data)
    tags = sdk.sm.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert {"Key": "team", "Value": "churn"} in tags


def test_training_job_analytics_need_no_metrics_service(sdk, fitted):
    job = sdk.session.describe_training_job(fitted[0].latest_training_job.name)
    assert {metric["MetricName"] for metric in job["FinalMetricDataList"]} == {"train:auc"}


def test_attach(sdk, fitted):
    from sagemaker.estimator import Estimator
    name = fitted[0].latest_training_job.name
    found = Estimator.attach(name, sagemaker_session=sdk.session)
    assert found.model_data == fitted[0].model_data
    assert found.hyperparameters()["num_round"] == "15"
    assert found.instance_type == "ml.m5.large" and found.role == sdk.role


def test_deploy_and_predict(sdk, predictor):
    answer = predictor.predict(sdk.x[:50])
    scores = numpy.array(answer, dtype=float).ravel()
    assert len(scores) == 50
    assert ((scores > 0.5) == sdk.y[:50]).mean() > 0.9


def test_predictor_update_endpoint(sdk, predictor):
    """Changing the instance type calls ListTags, DescribeEndpointConfig, CreateEndpointConfig and UpdateEndpoint."""
    before = sdk.sm.describe_endpoint(EndpointName=predictor.endpoint_name)["EndpointConfigName"]
    predictor.update_endpoint(initial_instance_count=1, instance_type="ml.m5.xlarge", wait=False)
    found = sdk.settled(predictor.endpoint_name)
    assert found["EndpointStatus"] == "InService" and found["EndpointConfigName"] != before
    config = sdk.sm.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.xlarge"
    assert len(numpy.ravel(predictor.predict(sdk.x[:3]))) == 3


def test_failed_fit_says_why(sdk):
    from sagemaker.exceptions import UnexpectedStatusException
    from sagemaker.inputs import TrainingInput
    sdk.put("sdk/broken/a.csv", "1,2,3\n0,oops,4\n")
    with pytest.raises(UnexpectedStatusException, match="row 2.*column 2"):
        make_xgboost(sdk).fit({"train": TrainingInput(f"s3://{sdk.bucket}/sdk/broken/", content_type="text/csv")},
                              logs=False)


@pytest.fixture(scope="module")
def sklearn_estimator(sdk, train_input, tmp_path_factory):
    from sagemaker.sklearn import SKLearn
    folder = tmp_path_factory.mktemp("source")
    (folder / "train.py").write_text(TRAIN)
    estimator = SKLearn("train.py", source_dir=str(folder), role=sdk.role, framework_version="1.2-1",
                        instance_type="ml.m5.large", sagemaker_session=sdk.session,
                        output_path=f"s3://{sdk.bucket}/sdk/sklearn", base_job_name="sdk-sklearn",
                        hyperparameters={"inverse-regularisation": 2.5, "solver": "liblinear"},
                        metric_definitions=[{"Name": "train:accuracy", "Regex": "train-accuracy: ([0-9.]+);"}])
    estimator.fit({"train": train_input}, wait=False)
    job = sdk.finished(estimator.latest_training_job.name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return estimator


def test_sklearn_script_mode(sdk, sklearn_estimator):
    job = sdk.sm.describe_training_job(TrainingJobName=sklearn_estimator.latest_training_job.name)
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["train:accuracy"] > 0.9
    assert json.loads(job["HyperParameters"]["solver"]) == "liblinear"
    assert "--inverse-regularisation 2.5" in sdk.job_log(job["TrainingJobName"])


def test_sklearn_attach(sdk, sklearn_estimator):
    from sagemaker.sklearn import SKLearn
    found = SKLearn.attach(sklearn_estimator.latest_training_job.name, sagemaker_session=sdk.session)
    assert found.entry_point == "train.py" and found.model_data == sklearn_estimator.model_data


def test_sklearn_deploy(sdk, sklearn_estimator):
    """NumPy arrays in both directions, the default of this predictor."""
    predictor = sklearn_estimator.deploy(1, "ml.m5.large", endpoint_name=unique("sdk-sklearn"), wait=False)
    found = sdk.settled(predictor.endpoint_name)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    answer = predictor.predict(sdk.x[:40])
    assert isinstance(answer, numpy.ndarray) and (answer == sdk.y[:40]).mean() > 0.9
    predictor.delete_model()
    predictor.delete_endpoint(delete_endpoint_config=True)


def test_xgboost_script_mode(sdk, train_input, tmp_path):
    from sagemaker.xgboost import XGBoost
    (tmp_path / "fit.py").write_text(
        "import numpy, os, xgboost\n"
        "rows = numpy.loadtxt(os.environ['SM_CHANNEL_TRAIN'] + '/train.csv', delimiter=',')\n"
        "model = xgboost.train({'objective': 'binary:logistic'}, xgboost.DMatrix(rows[:, 1:], rows[:, 0]),\n"
        "                      int(os.environ['SM_HP_ROUNDS']))\n"
        "model.save_model(os.environ['SM_MODEL_DIR'] + '/xgboost-model')\n")
    estimator = XGBoost("fit.py", source_dir=str(tmp_path), framework_version="1.7-1", role=sdk.role, instance_count=1,
                        instance_type="ml.m5.large", sagemaker_session=sdk.session, hyperparameters={"rounds": 4},
                        output_path=f"s3://{sdk.bucket}/sdk/xgboost-script")
    estimator.fit({"train": train_input}, wait=False)
    job = sdk.finished(estimator.latest_training_job.name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    import xgboost
    booster = xgboost.Booster()
    booster.load_model(bytearray(sdk.unpack(estimator.model_data)["xgboost-model"]))
    assert booster.num_boosted_rounds() == 4


def test_generic_predictor_on_an_existing_endpoint(sdk, predictor):
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import CSVSerializer
    from sagemaker.deserializers import JSONDeserializer
    other = Predictor(predictor.endpoint_name, sagemaker_session=sdk.session, serializer=CSVSerializer(),
                      deserializer=JSONDeserializer())
    answer = other.predict(sdk.x[:2])
    assert len(answer["predictions"]) == 2


def test_default_bucket_of_the_environment(sdk, server):
    """The bucket that the SDK chooses by default, without calling STS at AWS's own address."""
    import sagemaker
    account = server.client("sts").get_caller_identity()["Account"]
    assert sagemaker.Session().default_bucket() == f"sagemaker-us-east-1-{account}"  # creates the bucket
    assert sagemaker.Session().default_bucket() == f"sagemaker-us-east-1-{account}"  # finds the bucket
    assert f"sagemaker-us-east-1-{account}" in [bucket["Name"] for bucket in sdk.s3.list_buckets()["Buckets"]]


def by_awss_names(server, monkeypatch):
    """With `tidemill env --root --transparent`, the SDK calls STS at AWS's own address."""
    for name, value in server.env("--root", "--transparent").items():
        if name != "SAGEMAKER_USER_CONFIG_OVERRIDE":
            monkeypatch.setenv(name, value)


def test_default_bucket_of_the_account(sdk, server, monkeypatch, tmp_path):
    """Without that setting the SDK calls STS and checks who owns the bucket."""
    import sagemaker
    (tmp_path / "config.yaml").write_text("SchemaVersion: '1.0'\n")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path / "config.yaml"))
    by_awss_names(server, monkeypatch)
    account = server.client("sts").get_caller_identity()["Account"]
    for _ in range(2):
        assert sagemaker.Session().default_bucket() == f"sagemaker-us-east-1-{account}"


def test_get_execution_role(sdk, server, monkeypatch):
    """Within a role session, as in a notebook: returns the role's ARN with its path."""
    import boto3
    import sagemaker
    by_awss_names(server, monkeypatch)
    account = server.client("sts").get_caller_identity()["Account"]
    trust = {**TRUST, "Statement": [*TRUST["Statement"], {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]}
    name = unique("notebook")
    role = sdk.iam.create_role(RoleName=name, Path="/service-role/", AssumeRolePolicyDocument=json.dumps(trust))
    sdk.iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}]}))
    arn = role["Role"]["Arn"]
    assert f":role/service-role/{name}" in arn
    credentials = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="notebook")["Credentials"]
    session = sagemaker.Session(boto_session=boto3.Session(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], "us-east-1"),
        default_bucket=sdk.bucket)
    assert sagemaker.get_execution_role(session) == arn


def test_s3_helpers(sdk, tmp_path):
    from sagemaker.s3 import S3Downloader, S3Uploader
    (tmp_path / "up").mkdir()
    (tmp_path / "up/a.txt").write_text("one")
    (tmp_path / "up/b.txt").write_text("two")
    uri = f"s3://{sdk.bucket}/helpers"
    S3Uploader.upload(str(tmp_path / "up"), uri, sagemaker_session=sdk.session)
    S3Uploader.upload_string_as_file_body("three", f"{uri}/c.txt", sagemaker_session=sdk.session)
    assert sorted(S3Downloader.list(uri, sagemaker_session=sdk.session)) == [f"{uri}/{n}.txt" for n in "abc"]
    assert S3Downloader.read_file(f"{uri}/c.txt", sagemaker_session=sdk.session) == "three"
    S3Downloader.download(uri, str(tmp_path / "down"), sagemaker_session=sdk.session)
    assert (tmp_path / "down/b.txt").read_text() == "two"


def test_stopping_a_fit(sdk, train_input, tmp_path):
    from sagemaker.sklearn import SKLearn
    (tmp_path / "train.py").write_text("import time\nprint('waiting')\ntime.sleep(100)\n")
    estimator = SKLearn("train.py", source_dir=str(tmp_path), role=sdk.role, framework_version="1.2-1",
                        instance_type="ml.m5.large", sagemaker_session=sdk.session, base_job_name="sdk-stop")
    estimator.fit({"train": train_input}, wait=False)
    name = estimator.latest_training_job.name
    wait_until(lambda: "waiting" in sdk.job_log(name), 20)
    sdk.session.stop_training_job(name)
    assert sdk.finished(name)["TrainingJobStatus"] == "Stopped"
