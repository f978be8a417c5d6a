"""Data capture: which requests and responses of endpoints are in S3, also after kill -9."""
import base64
import json
import re
import threading
import time

import pytest

from helpers import aws_error, unique, wait_until
from hosting import answer, config_of, constant_model, endpoint_of, in_service, metric, updated, variant
from sagemaker_world import SCIKIT_LEARN, World, make_role, tar_gz
from support.server import Server

KEY = re.compile(r"(?P<prefix>.*/)?(?P<endpoint>[^/]+)/(?P<variant>[^/]+)/(?P<hour>\d{4}/\d\d/\d\d/\d\d)/"
                 r"\d\d-\d\d-\d{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl")
TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}

ECHO = """
def model_fn(model_dir):
    return None


def input_fn(body, content_type):
    return body


def predict_fn(body, model):
    return body


def output_fn(body, accept):
    return '{"echo": "' + body + '"}', "application/json"
"""


def capture_config(world, prefix, percentage=100, modes=("Input", "Output"), **more):
    return {"EnableCapture": True, "InitialSamplingPercentage": percentage,
            "DestinationS3Uri": f"s3://{world.bucket}/{prefix}",
            "CaptureOptions": [{"CaptureMode": mode} for mode in modes], **more}


def deployed(world, prefix, *variants, **more):
    variants = variants or (variant("AllTraffic", constant_model(world, 3.0)),)
    config = config_of(world, *variants, DataCaptureConfig=capture_config(world, prefix, **more))
    return endpoint_of(world, config)[0]


def files(world, prefix):
    """The captured records below the prefix: {key: [record, ...]}."""
    listed = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix).get("Contents", [])
    return {each["Key"]: [json.loads(line) for line in world.read(f"s3://{world.bucket}/{each['Key']}").splitlines()]
            for each in listed}


def records(world, prefix):
    return [record for found in files(world, prefix).values() for record in found]


def bodies(world, prefix):
    return [record["captureData"]["endpointInput"]["data"] for record in records(world, prefix)]


def nothing_waits(world):
    """Waits until everything captured is in S3."""
    wait_until(lambda: metric(world, "tidemill_capture_queued_bytes") == 0
               and metric(world, "tidemill_capture_backlog_bytes") == 0, 15)


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def test_a_record_is_as_sagemaker_writes_it(world):
    prefix = unique("captured")
    name = deployed(world, prefix, CaptureContentTypeHeader=TYPES)
    begun = time.time()
    world.runtime.invoke_endpoint(EndpointName=name, Body="1,2", ContentType="text/csv", Accept="application/json",
                                  InferenceId="order-7", CustomAttributes="trace=1")
    found = wait_until(lambda: files(world, prefix), 15)
    assert time.time() - begun < 10
    [(key, [record])] = found.items()
    parts = KEY.fullmatch(key)
    assert parts and parts["prefix"] == prefix + "/" and parts["endpoint"] == name and parts["variant"] == "AllTraffic"
    assert parts["hour"] in {time.strftime("%Y/%m/%d/%H", time.gmtime(at)) for at in (begun, time.time())}
    event = record["eventMetadata"].pop("eventId")
    assert re.fullmatch(r"[0-9a-f-]{36}", event)
    at = record["eventMetadata"].pop("inferenceTime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at)
    output = record["captureData"].pop("endpointOutput")
    assert json.loads(output.pop("data"))["predictions"][0]["score"] == pytest.approx(3.0)
    assert output == {"observedContentType": "application/json", "mode": "OUTPUT", "encoding": "JSON"}
    assert record == {
        "captureData": {"endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2",
                                          "encoding": "CSV"}},
        "eventMetadata": {"inferenceId": "order-7", "customAttributes": ["trace=1"]}, "eventVersion": "0"}


def test_bodies_are_base64_where_no_type_is_listed(world):
    prefix = unique("captured")
    name = deployed(world, prefix)
    answer(world, name)
    [record] = wait_until(lambda: records(world, prefix), 15)
    sent, said = record["captureData"]["endpointInput"], record["captureData"]["endpointOutput"]
    assert (sent["encoding"], base64.b64decode(sent["data"])) == ("BASE64", b"1,2")
    assert (said["encoding"], float(base64.b64decode(said["data"]))) == ("BASE64", pytest.approx(3.0))


@pytest.mark.parametrize("modes, sides", [(["Input"], {"endpointInput"}), (["Output"], {"endpointOutput"}),
                                          (["InputAndOutput"], {"endpointInput", "endpointOutput"})])
def test_options_choose_the_sides(world, modes, sides):
    prefix = unique("captured")
    name = deployed(world, prefix, modes=modes)
    answer(world, name)
    [record] = wait_until(lambda: records(world, prefix), 15)
    assert set(record["captureData"]) == sides


def test_a_share_is_sampled(world):
    prefix = unique("captured")
    name = deployed(world, prefix, percentage=25, CaptureContentTypeHeader=TYPES)
    for i in range(200):
        world.runtime.invoke_endpoint(EndpointName=name, Body=f"{i},1", ContentType="text/csv")
    world.sm.delete_endpoint(EndpointName=name)
    nothing_waits(world)
    found = bodies(world, prefix)
    assert len(found) == len(set(found)) and abs(len(found) - 50) <= 4


def test_each_variant_has_its_folder_and_a_models_error_is_not_captured(world):
    prefix = unique("captured")
    name = deployed(world, prefix, variant("A", constant_model(world, 1.0)), variant("B", constant_model(world, 2.0)))
    for target in ("A", "B"):
        answer(world, name, TargetVariant=target)
    with aws_error("ModelError", 424):
        world.runtime.invoke_endpoint(EndpointName=name, Body="not,numbers", ContentType="text/csv")
    found = wait_until(lambda: len(files(world, prefix)) >= 2 and files(world, prefix), 15)
    assert sorted(KEY.fullmatch(key)["variant"] for key in found) == ["A", "B"]
    nothing_waits(world)
    assert len(records(world, prefix)) == 2


def test_a_process_model_is_captured(world):
    prefix = unique("captured")
    model = unique("model")
    archive = world.put(f"{model}/model.tar.gz", tar_gz({"code/inference.py": ECHO}))
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "ModelDataUrl": archive, "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}})
    name = deployed(world, prefix, variant("AllTraffic", model), CaptureContentTypeHeader=TYPES)
    world.runtime.invoke_endpoint(EndpointName=name, Body="x" * 100_000, ContentType="text/csv")
    [record] = wait_until(lambda: records(world, prefix), 15)
    assert record["captureData"]["endpointInput"]["data"] == "x" * 100_000
    assert json.loads(record["captureData"]["endpointOutput"]["data"]) == {"echo": "x" * 100_000}
    world.sm.delete_endpoint(EndpointName=name)


def test_an_update_changes_where_it_goes(world):
    first, second = unique("captured"), unique("captured")
    name = deployed(world, first, CaptureContentTypeHeader=TYPES)
    answer(world, name)
    found = world.sm.describe_endpoint(EndpointName=name)["DataCaptureConfig"]
    assert (found["EnableCapture"], found["CaptureStatus"], found["CurrentSamplingPercentage"],
            found["DestinationS3Uri"]) == (True, "Started", 100, f"s3://{world.bucket}/{first}")
    config = config_of(world, variant("AllTraffic", constant_model(world, 4.0)),
                       DataCaptureConfig=capture_config(world, second))
    world.sm.update_endpoint(EndpointName=name, EndpointConfigName=config)
    updated(world, name, config)
    answer(world, name)
    without = config_of(world, variant("AllTraffic", constant_model(world, 5.0)))
    world.sm.update_endpoint(EndpointName=name, EndpointConfigName=without)
    updated(world, name, without)
    assert answer(world, name) == pytest.approx(5.0)
    wait_until(lambda: records(world, first) and records(world, second), 15)
    assert "DataCaptureConfig" not in world.sm.describe_endpoint(EndpointName=name)
    assert len(records(world, first)) == len(records(world, second)) == 1


def test_a_role_that_may_not_write_captures_nothing(world):
    role = make_role(world.iam, [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"],
                                  "Resource": [f"arn:aws:s3:::{world.bucket}", f"arn:aws:s3:::{world.bucket}/*"]}])
    prefix = unique("captured")
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=role, PrimaryContainer=world.sm.describe_model(
        ModelName=constant_model(world, 1.0))["PrimaryContainer"])
    name = deployed(world, prefix, variant("AllTraffic", model))
    failures = metric(world, "tidemill_capture_upload_failures_total")
    answer(world, name)
    wait_until(lambda: metric(world, "tidemill_capture_upload_failures_total") > failures, 15)
    assert not records(world, prefix)


def test_what_could_not_be_kept_is_refused(world):
    models = [variant("AllTraffic", constant_model(world, 1.0))]
    with aws_error("ValidationException", containing="KMS"):
        config_of(world, *models, DataCaptureConfig=capture_config(world, "x", KmsKeyId="alias/mine"))


def test_the_sdk_configures_it(world, monkeypatch):
    from sagemaker import Session
    from sagemaker.model import Model
    from sagemaker.model_monitor import DataCaptureConfig
    from sagemaker.predictor import Predictor
    from sagemaker.s3 import S3Downloader
    from sagemaker.serializers import CSVSerializer
    for name, value in world.server.env().items():
        monkeypatch.setenv(name, value)
    session = Session(default_bucket=world.bucket)
    container = world.sm.describe_model(ModelName=constant_model(world, 6.0))["PrimaryContainer"]
    name, prefix = unique("sdk-captured"), unique("captured")
    model = Model(container["Image"], container["ModelDataUrl"], world.role, predictor_cls=Predictor,
                  sagemaker_session=session)
    predictor = model.deploy(1, "ml.m5.large", endpoint_name=name, wait=False, serializer=CSVSerializer(),
                             data_capture_config=DataCaptureConfig(
                                 enable_capture=True, sampling_percentage=100, sagemaker_session=session,
                                 destination_s3_uri=f"s3://{world.bucket}/{prefix}"))
    in_service(world, name)
    assert float(predictor.predict([[1, 2]])) == pytest.approx(6.0)
    [uri] = wait_until(lambda: S3Downloader.list(f"s3://{world.bucket}/{prefix}", sagemaker_session=session), 15)
    record = json.loads(S3Downloader.read_file(uri, sagemaker_session=session))
    assert record["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"}
    assert record["captureData"]["endpointOutput"]["encoding"] == "CSV"
    predictor.delete_endpoint()


class Asking:
    """Sends distinct rows until the server is gone; records when each was answered."""

    def __init__(self, world, endpoint, threads=4):
        self.answered = {}
        self.threads = [threading.Thread(target=self.ask, args=(world, endpoint, t)) for t in range(threads)]
        for thread in self.threads:
            thread.start()

    def ask(self, world, endpoint, number):
        for i in range(1_000_000):
            row = f"{number},{i}"
            try:
                world.runtime.invoke_endpoint(EndpointName=endpoint, Body=row, ContentType="text/csv")
            except Exception:
                return
            self.answered[row] = time.monotonic()

    def join(self):
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("mode, at_risk_seconds", [("background", 1.0), ("durable", 0.0)])
def test_kill_9_takes_no_more_than_it_may(mode, at_risk_seconds):
    with Server(auth="any", options=["--capture", mode]) as server:
        world = World(server)
        prefix = unique("captured")
        name = deployed(world, prefix, CaptureContentTypeHeader=TYPES)
        asking = Asking(world, name)
        time.sleep(2.5)
        dropped = metric(world, 'tidemill_capture_dropped_total{reason="queue_full"}')
        killed = time.monotonic()
        server.kill()
        asking.join()
        server.start()
        in_service(world, name)
        safe = {row for row, at in asking.answered.items() if at < killed - at_risk_seconds}
        assert len(safe) > 100
        found = wait_until(lambda: safe <= set(bodies(world, prefix)) and bodies(world, prefix), 20)
        assert len(found) == len(set(found)) and dropped == 0


def test_a_stop_brings_everything_to_s3():
    with Server(auth="any") as server:
        world = World(server)
        prefix = unique("captured")
        name = deployed(world, prefix, CaptureContentTypeHeader=TYPES)
        for i in range(50):
            world.runtime.invoke_endpoint(EndpointName=name, Body=f"{i},1", ContentType="text/csv")
        server.stop()
        assert not list((server.data / "capture").iterdir())
        server.start()
        assert sorted(bodies(world, prefix)) == sorted(f"{i},1" for i in range(50))
