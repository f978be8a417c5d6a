"""Asynchronous inference through boto3 and the SageMaker SDK: answers in S3, limits, restarts."""
import re
import time

import pytest
from botocore.exceptions import ClientError

from helpers import aws_error, unique, wait_until
from hosting import answer, config_of, constant_model, endpoint_of, in_service, variant
from sagemaker_world import SCIKIT_LEARN, World, tar_gz
from support.server import Server

# Sleeps for the number of seconds in the body; fails when the body is "fail ...".
MODEL = """
import time


def model_fn(model_dir):
    return None


def input_fn(body, content_type):
    return body, content_type


def predict_fn(given, model):
    body, content_type = given
    if body.startswith("fail"):
        raise ValueError("cannot do " + body)
    time.sleep(float(body.split()[0]))
    return body + " as " + content_type


def output_fn(text, accept):
    return text, "text/x-answer"
"""


class AsyncWorld(World):
    def model(self):
        name = unique("model")
        archive = self.put(f"{name}/model.tar.gz", tar_gz({"code/inference.py": MODEL}))
        self.sm.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": SCIKIT_LEARN, "ModelDataUrl": archive, "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}})
        return name

    def deploy_async(self, model=None, concurrency=4, **output):
        config = config_of(self, variant("AllTraffic", model or self.model()), AsyncInferenceConfig={
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
            "OutputConfig": {"S3OutputPath": f"s3://{self.bucket}/out", "S3FailurePath": f"s3://{self.bucket}/failed",
                             **output}})
        return endpoint_of(self, config)[0]

    def ask(self, endpoint, body, **options):
        location = self.put(f"in/{unique()}", body)
        return self.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=location,
                                                  **{"ContentType": "text/plain", **options})

    def object(self, uri):
        """The object's body, or None while it does not exist."""
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        try:
            return self.s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey"
            return None

    def text(self, uri):
        found = self.object(uri)
        return found and found["Body"].read().decode()

    def gauge(self, name, endpoint):
        page = self.server.get("/_tidemill/metrics")
        found = re.search(rf'^{name}{{[^}}]*endpoint="{endpoint}"}} (\d+)$', page, re.M)
        return int(found.group(1)) if found else 0

    def capacity(self, endpoint, count):
        self.sm.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": count}])
        return in_service(self, endpoint)


@pytest.fixture(scope="module")
def world(server):
    return AsyncWorld(server)


@pytest.fixture(scope="module")
def endpoint(world):
    name = world.deploy_async()
    yield name
    world.sm.delete_endpoint(EndpointName=name)


def test_the_answer_comes_to_s3(world, endpoint):
    said = world.ask(endpoint, "0 hello", InferenceId="order-7")
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert said["InferenceId"] == "order-7"
    assert said["OutputLocation"] == f"s3://{world.bucket}/out/order-7.out"
    assert said["FailureLocation"] == f"s3://{world.bucket}/failed/order-7-error.out"
    found = wait_until(lambda: world.object(said["OutputLocation"]))
    assert found["Body"].read() == b"0 hello as text/plain"
    assert found["ContentType"] == "text/x-answer"
    assert world.object(said["FailureLocation"]) is None
    config = world.sm.describe_endpoint(EndpointName=endpoint)["AsyncInferenceConfig"]
    assert config["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}


def test_the_input_may_come_with_the_request_and_the_output_has_the_name_that_is_asked_for(world, endpoint):
    said = world.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"0 inline", ContentType="text/plain",
                                               S3OutputPathExtension="2026/july", Filename="mine.txt")
    assert re.fullmatch(r"[0-9a-f-]{36}", said["InferenceId"])
    assert said["OutputLocation"] == f"s3://{world.bucket}/out/2026/july/mine.txt"
    assert wait_until(lambda: world.text(said["OutputLocation"])) == "0 inline as text/plain"


def test_a_models_error_goes_to_the_failure_path(world, endpoint):
    said = world.ask(endpoint, "fail this")
    text = wait_until(lambda: world.text(said["FailureLocation"]))
    assert "cannot do fail this" in text and "from primary" in text
    assert world.object(said["OutputLocation"]) is None
    gone = world.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=f"s3://{world.bucket}/none")
    assert "The specified key does not exist" in wait_until(lambda: world.text(gone["FailureLocation"]))


def test_a_model_that_takes_too_long_fails(world, endpoint):
    said = world.ask(endpoint, "5", InvocationTimeoutSeconds=1)
    begun = time.monotonic()
    assert "timed out" in wait_until(lambda: world.text(said["FailureLocation"]))
    assert time.monotonic() - begun < 4


def test_an_instance_gets_no_more_than_it_takes(world):
    name = world.deploy_async(concurrency=2)
    begun = time.monotonic()
    asked = [world.ask(name, "0.5") for _ in range(6)]
    most = 0
    while any(world.object(each["OutputLocation"]) is None for each in asked):
        most = max(most, world.gauge("tidemill_async_running", name))
        assert time.monotonic() - begun < 30
    assert time.monotonic() - begun > 1.5
    assert most == 2
    world.sm.delete_endpoint(EndpointName=name)


def test_an_endpoint_at_no_instances_keeps_its_queue(world):
    name = world.deploy_async()
    world.capacity(name, 0)
    asked = [world.ask(name, f"0 {i}") for i in range(5)]
    wait_until(lambda: world.gauge("tidemill_async_waiting", name) == 5)
    world.capacity(name, 1)
    for i, each in enumerate(asked):
        assert wait_until(lambda: world.text(each["OutputLocation"])) == f"0 {i} as text/plain"
    world.capacity(name, 0)
    late = world.ask(name, "0 late")
    world.sm.delete_endpoint(EndpointName=name)
    assert "was deleted" in wait_until(lambda: world.text(late["FailureLocation"]))


def test_each_kind_of_endpoint_has_its_operation(world, endpoint):
    with aws_error("ValidationError", 400, "InvokeEndpointAsync"):
        world.runtime.invoke_endpoint(EndpointName=endpoint, Body="0", ContentType="text/plain")
    plain = endpoint_of(world, config_of(world, variant("AllTraffic", constant_model(world, 1.0))))[0]
    with aws_error("ValidationError", 400, "not asynchronous"):
        world.ask(plain, "1,2")
    assert answer(world, plain) == pytest.approx(1.0)
    with aws_error("ValidationError", 400, "not found"):
        world.ask("nobody", "x")
    with aws_error("ValidationError", 400, "Exactly one"):
        world.runtime.invoke_endpoint_async(EndpointName=endpoint)


def test_a_native_model_answers_asynchronously(world):
    name = world.deploy_async(model=constant_model(world, 2.5))
    said = world.ask(name, "1,2", ContentType="text/csv")
    assert float(wait_until(lambda: world.text(said["OutputLocation"]))) == pytest.approx(2.5)
    # Without a ContentType in the request, the object's own is used; the SDK's predictor relies on this.
    world.s3.put_object(Bucket=world.bucket, Key="in/typed", Body="1,2", ContentType="text/csv")
    said = world.runtime.invoke_endpoint_async(EndpointName=name, InputLocation=f"s3://{world.bucket}/in/typed")
    assert float(wait_until(lambda: world.text(said["OutputLocation"]))) == pytest.approx(2.5)
    world.sm.delete_endpoint(EndpointName=name)


def test_what_is_not_there_is_refused(world):
    model = constant_model(world, 1.0)
    topic = "arn:aws:sns:us-east-1:123456789012:t"
    for output, text in (({"NotificationConfig": {"ErrorTopic": topic}}, "SNS"), ({"KmsKeyId": "alias/x"}, "KMS")):
        with aws_error("ValidationException", containing=text):
            world.deploy_async(model=model, **output)
    with aws_error("ValidationException", containing="S3OutputPath"):
        config_of(world, variant("AllTraffic", model), AsyncInferenceConfig={"OutputConfig": {}})
    with aws_error("ValidationException", containing="serverless"):
        world.sm.create_endpoint_config(
            EndpointConfigName=unique("config"), ProductionVariants=[
                {"VariantName": "A", "ModelName": model,
                 "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}],
            AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{world.bucket}/out"}})


def test_the_sdk_waits_for_the_answer(world, monkeypatch):
    from sagemaker import Session
    from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
    from sagemaker.deserializers import CSVDeserializer
    from sagemaker.exceptions import AsyncInferenceModelError
    from sagemaker.model import Model
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import CSVSerializer
    for name, value in world.server.env().items():
        monkeypatch.setenv(name, value)
    session = Session(default_bucket=world.bucket)
    container = world.sm.describe_model(ModelName=constant_model(world, 6.0))["PrimaryContainer"]
    name = unique("sdk-async")
    model = Model(container["Image"], container["ModelDataUrl"], world.role, predictor_cls=Predictor,
                  sagemaker_session=session)
    predictor = model.deploy(1, "ml.m5.large", endpoint_name=name, wait=False, serializer=CSVSerializer(),
                             deserializer=CSVDeserializer(),
                             async_inference_config=AsyncInferenceConfig(max_concurrent_invocations_per_instance=2))
    in_service(world, name)
    # The SDK keeps waiting for the other object in a thread, which must not outlast the next test.
    waiter = WaiterConfig(max_attempts=6, delay=1)
    assert float(predictor.predict([[1, 2]], waiter_config=waiter)[0][0]) == pytest.approx(6.0)
    response = predictor.predict_async([[3, 4]])
    assert response.output_path.startswith(f"s3://{world.bucket}/async-endpoint-outputs/")
    assert float(response.get_result(waiter)[0][0]) == pytest.approx(6.0)
    with pytest.raises(AsyncInferenceModelError):
        predictor.predict([["not", "numbers"]], waiter_config=waiter)
    predictor.delete_endpoint()


def test_kill_9_loses_nothing_that_was_accepted():
    with Server(auth="any") as server:
        world = AsyncWorld(server)
        name = world.deploy_async(concurrency=2)
        asked = [world.ask(name, f"0.1 {i}") for i in range(30)]
        for _ in range(2):
            time.sleep(0.4)
            assert any(world.object(each["OutputLocation"]) is None for each in asked)
            server.kill()
            server.start()
        for i, each in enumerate(asked):
            assert wait_until(lambda: world.text(each["OutputLocation"])) == f"0.1 {i} as text/plain"
            assert world.object(each["FailureLocation"]) is None
        listed = world.s3.list_objects_v2(Bucket=world.bucket, Prefix="out/")["Contents"]
        assert len(listed) == len(asked)
        wait_until(lambda: world.gauge("tidemill_async_waiting", name) == 0)
        world.sm.delete_endpoint(EndpointName=name)
        wait_until(lambda: not world.sm.list_endpoints()["Endpoints"])
