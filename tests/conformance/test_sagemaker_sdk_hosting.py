"""Hosting through the SageMaker Python SDK v2, unmodified: pipelines, many models, serverless, updates, capture.

Whatever the server does, deploy() sleeps 30 s before its first check, so these tests deploy with wait=False and
wait themselves.
"""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import unique
from hosting import constant_archive, constant_booster, in_service
from sagemaker_world import SCIKIT_LEARN, XGBOOST, sdk_world, tar_gz

SCRIPT = """
import numpy


def model_fn(model_dir):
    return 2.0


def predict_fn(rows, model):
    return numpy.asarray(rows) * model
"""

# Answers with each word as a separate piece.
PIECES = """
import time


def model_fn(model_dir):
    return None


def transform_fn(model, body, content_type, accept):
    return pieces(body.split()), "text/plain"


def pieces(words):
    for word in words:
        yield word + "\\n"
        time.sleep(0.1)  # so that two of them do not become one piece
"""

# Answers with its number and its process, after a while.
NUMBERED = """
import os, time

import numpy


def model_fn(model_dir):
    return NUMBER


def predict_fn(rows, model):
    time.sleep(float(numpy.ravel(rows)[0]))
    return numpy.asarray([[model, int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getpid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getpid()]])
"""


@pytest.fixture(scope="module")
def sdk(server):
    with sdk_world(server) as made:
        yield made


def csv_predictor(sdk, name):
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import CSVSerializer
    return Predictor(name, sdk.session, serializer=CSVSerializer())


def make_model(sdk, value):
    from sagemaker.model import Model
    return Model(XGBOOST, constant_archive(sdk, value), role=sdk.role, sagemaker_session=sdk.session,
                 name=unique("sdk-model"))


def test_pipeline_model(sdk):
    from sagemaker.model import Model
    from sagemaker.pipeline import PipelineModel
    script = sdk.put(f"{unique('script')}/model.tar.gz", tar_gz({"code/inference.py": SCRIPT}))
    first = Model(SCIKIT_LEARN, script, role=sdk.role, sagemaker_session=sdk.session,
                  env={"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                       "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"})
    name = unique("sdk-pipeline")
    # 3 doubled is above the model's threshold; 3 itself is not.
    second = Model(XGBOOST, sdk.put(f"{unique('model')}/model.tar.gz", tar_gz({"xgboost-model": threshold_booster()})),
                   role=sdk.role, sagemaker_session=sdk.session)
    PipelineModel([first, second], role=sdk.role, sagemaker_session=sdk.session, name=name).deploy(
        1, "ml.m5.large", endpoint_name=name, wait=False)
    in_service(sdk, name)
    assert [float(csv_predictor(sdk, name).predict([[value]])) for value in (3, 2)] == [10.0, 0.0]
    sdk.session.delete_endpoint(name)


def threshold_booster():
    """Answers 0 for values below 5, else 10."""
    import numpy
    import xgboost
    booster = xgboost.train({"objective": "reg:squarederror", "eta": 1, "lambda": 0, "max_depth": 1, "base_score": 0,
                             "min_child_weight": 0},
                            xgboost.DMatrix(numpy.array([[4.0], [6.0]]), label=numpy.array([0.0, 10.0])), 1)
    return bytes(booster.save_raw("ubj"))


def test_predict_stream(sdk):
    """predict_stream() of a predictor, piece by piece or line by line."""
    from sagemaker.iterators import ByteIterator, LineIterator
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import StringSerializer
    archive = sdk.put(f"{unique('script')}/model.tar.gz", tar_gz({"code/inference.py": PIECES}))
    name = sdk.deploy(SCIKIT_LEARN, archive, {"SAGEMAKER_PROGRAM": "inference.py"})
    in_service(sdk, name)
    predictor = Predictor(name, sdk.session, serializer=StringSerializer())
    assert list(predictor.predict_stream("some words", iterator=ByteIterator)) == [b"some\n", b"words\n"]
    assert [line.strip() for line in predictor.predict_stream("one two three", iterator=LineIterator)] == [
        b"one", b"two", b"three"]
    sdk.session.delete_endpoint(name)


def test_multi_data_model(sdk, tmp_path):
    from sagemaker.multidatamodel import MultiDataModel
    prefix = f"s3://{sdk.bucket}/{unique('many')}/"
    name = unique("sdk-many")
    many = MultiDataModel(name, prefix, image_uri=XGBOOST, role=sdk.role, sagemaker_session=sdk.session)
    many.deploy(1, "ml.m5.large", endpoint_name=name, wait=False)
    in_service(sdk, name)
    archive = tmp_path / "three.tar.gz"
    archive.write_bytes(tar_gz({"xgboost-model": constant_booster(3.0)}))
    many.add_model(str(archive), "three.tar.gz")
    assert list(many.list_models()) == ["three.tar.gz"]
    answer = csv_predictor(sdk, name).predict([[1, 2]], target_model="three.tar.gz")
    assert json.loads(answer) == [3.0]  # the multi-model container answers */* with JSON
    sdk.session.delete_endpoint(name)


@pytest.mark.parametrize("workers", [None, "2"])
def test_many_python_models_in_one_container(sdk, workers):
    """The multi-model contract with a model server that is a process, also with several processes per model."""
    prefix = unique("many-scripts")
    for number in ("1", "2"):
        sdk.put(f"{prefix}/{number}.tar.gz", tar_gz({
            "code/inference.py": NUMBERED.replace("NUMBER", number)}))
    name = unique("many-scripts")
    sdk.sm.create_model(ModelName=name, ExecutionRoleArn=sdk.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "Mode": "MultiModel", "ModelDataUrl": f"s3://{sdk.bucket}/{prefix}/",
        "Environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": workers} if workers else {}})
    sdk.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    sdk.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    in_service(sdk, name)
    processes = {"1": set(), "2": set()}
    for _ in range(30):
        with ThreadPoolExecutor(4) as pool:
            for number, got in pool.map(lambda number: (number, ask_numbered(sdk, name, number)), "12211212"):
                assert got[0] == int(number)
                processes[number].add(got[1])
        if all(len(each) == int(workers or 1) for each in processes.values()):
            break
    assert {number: len(each) for number, each in processes.items()} == dict.fromkeys("12", int(workers or 1))
    sdk.sm.delete_endpoint(EndpointName=name)


def ask_numbered(sdk, name, number):
    """The model's number, and its process."""
    got = sdk.invoke(name, "0.02", accept="text/csv", TargetModel=f"{number}.tar.gz")["Body"].read().decode()
    return [int(float(value)) for value in got.split(",")]


def test_serverless_predictor(sdk):
    from sagemaker.serverless import ServerlessInferenceConfig
    name = unique("sdk-serverless")
    make_model(sdk, 6.0).deploy(serverless_inference_config=ServerlessInferenceConfig(1024, 3), endpoint_name=name,
                                wait=False)
    in_service(sdk, name)
    assert float(csv_predictor(sdk, name).predict([[1, 2]])) == 6.0
    sdk.session.delete_endpoint(name)


def test_update_endpoint_of_a_predictor(sdk):
    name = unique("sdk-update")
    make_model(sdk, 1.0).deploy(1, "ml.m5.large", endpoint_name=name, wait=False)
    in_service(sdk, name)
    predictor = csv_predictor(sdk, name)
    second = make_model(sdk, 2.0)
    second.create(instance_type="ml.m5.large")
    predictor.update_endpoint(model_name=second.name, initial_instance_count=2, instance_type="ml.m5.large", wait=False)
    found = in_service(sdk, name)
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert float(predictor.predict([[1, 2]])) == 2.0
    predictor.delete_endpoint(delete_endpoint_config=False)


def test_a_session_stays_on_its_instance(sdk):
    script = "import numpy, os\n\n\ndef model_fn(model_dir):\n    return int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getppid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getppid()\n\n\n" \
             "def predict_fn(rows, model):\n    return numpy.array([model])\n"
    archive = sdk.put(f"{unique('script')}/model.tar.gz", tar_gz({"code/inference.py": script}))
    name = unique("sticky")
    sdk.sm.create_model(ModelName=name, ExecutionRoleArn=sdk.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "ModelDataUrl": archive, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}})
    sdk.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 3}])
    sdk.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    in_service(sdk, name)
    servers = {session: {sdk.invoke(name, "1", accept="text/csv", SessionId=session)["Body"].read() for _ in range(8)}
               for session in (f"session-{i}" for i in range(12))}
    assert all(len(each) == 1 for each in servers.values()), servers
    assert len(set.union(*servers.values())) > 1
    sdk.sm.delete_endpoint(EndpointName=name)
