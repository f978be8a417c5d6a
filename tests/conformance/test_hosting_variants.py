"""Variants: shares, target variants, shadows, pipelines, containers invoked by name, many models in one container."""
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import aws_error, unique, wait_until
from hosting import (answer, config_of, constant_archive, constant_booster, constant_model, endpoint_of, in_service, metric, updated,
                     variant)
from sagemaker_world import SCIKIT_LEARN, XGBOOST, World, tar_gz

DOUBLE = """
import json


def model_fn(model_dir):
    return None


def input_fn(body, content_type):
    return [[float(v) for v in row.split(",")] for row in body.split()]


def predict_fn(rows, model):
    return rows


def output_fn(rows, accept):
    return "\\n".join(",".join(str(v) for v in row[:2]) for row in rows), "text/csv"
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def one_and_two(world):
    """An endpoint with variants that answer 1 and 2, weighted 3 : 1."""
    name, found = endpoint_of(world, config_of(world, variant("one", constant_model(world, 1.0), 3.0),
                                               variant("two", constant_model(world, 2.0), 1.0)))
    weights = {each["VariantName"]: each["CurrentWeight"] for each in found["ProductionVariants"]}
    assert weights == {"one": 3.0, "two": 1.0}
    yield name
    world.sm.delete_endpoint(EndpointName=name)


def test_variants_share_by_weight(world, one_and_two):
    invoked = Counter(world.invoke(one_and_two, "1,2")["InvokedProductionVariant"] for _ in range(400))
    assert abs(invoked["one"] - 300) <= 8 and abs(invoked["two"] - 100) <= 8


def test_target_variant_overrides_the_weights(world, one_and_two):
    assert {answer(world, one_and_two, TargetVariant="two") for _ in range(20)} == {2.0}
    with aws_error("ValidationError", containing="Variant three not found"):
        answer(world, one_and_two, TargetVariant="three")


def test_weights_change_in_place(world, one_and_two):
    world.sm.update_endpoint_weights_and_capacities(EndpointName=one_and_two, DesiredWeightsAndCapacities=[
        {"VariantName": "one", "DesiredWeight": 0.0}, {"VariantName": "two", "DesiredWeight": 1.0}])
    in_service(world, one_and_two)
    assert {answer(world, one_and_two) for _ in range(40)} == {2.0}
    world.sm.update_endpoint_weights_and_capacities(EndpointName=one_and_two, DesiredWeightsAndCapacities=[
        {"VariantName": "one", "DesiredWeight": 3.0}, {"VariantName": "two", "DesiredInstanceCount": 3}])
    found = in_service(world, one_and_two)
    assert found["ProductionVariants"][1]["CurrentInstanceCount"] == 3


def test_shadow_variants_get_a_copy_and_answer_nobody(world):
    shadow = variant("shadow", constant_model(world, 9.0))
    config = config_of(world, variant("main", constant_model(world, 1.0)), ShadowProductionVariants=[shadow])
    described = world.sm.describe_endpoint_config(EndpointConfigName=config)
    assert described["ShadowProductionVariants"][0]["VariantName"] == "shadow"
    name, found = endpoint_of(world, config)
    assert found["ShadowProductionVariants"][0]["VariantName"] == "shadow"
    before = metric(world, "tidemill_shadow_invocations_total")
    assert {answer(world, name) for _ in range(50)} == {1.0}
    wait_until(lambda: metric(world, "tidemill_shadow_invocations_total") == before + 50, 10)
    with aws_error("ValidationError", containing="Variant shadow not found"):
        answer(world, name, TargetVariant="shadow")
    world.sm.delete_endpoint(EndpointName=name)


def pipeline(world, **more):
    """A script that keeps the first two columns, followed by a native model."""
    script = world.put(f"{unique('script')}/model.tar.gz", tar_gz({"code/inference.py": DOUBLE}))
    name = unique("model")
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, Containers=[
        {"ContainerHostname": "prepare", "Image": SCIKIT_LEARN, "ModelDataUrl": script,
         "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}},
        {"ContainerHostname": "predict", "Image": XGBOOST, "ModelDataUrl": constant_archive(world, 5.0)}], **more)
    return name


def test_a_serial_pipeline(world):
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", pipeline(world))))
    body = world.invoke(name, "1,2,3\n4,5,6", accept="text/csv")["Body"].read()
    assert [float(v) for v in body.decode().split()] == [5.0, 5.0]
    with aws_error("ValidationError", containing="TargetContainerHostname"):
        world.invoke(name, "1,2,3", TargetContainerHostname="predict")
    world.sm.delete_endpoint(EndpointName=name)


def test_containers_invoked_one_by_one(world):
    model = pipeline(world, InferenceExecutionConfig={"Mode": "Direct"})
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model)))
    assert world.invoke(name, "1,2,3", TargetContainerHostname="prepare")["Body"].read() == b"1.0,2.0"
    assert float(world.invoke(name, "1,2", accept="text/csv",
                              TargetContainerHostname="predict")["Body"].read()) == 5.0
    with aws_error("ValidationError", containing="TargetContainerHostname"):
        world.invoke(name, "1,2")
    with aws_error("ValidationError", containing="no container third"):
        world.invoke(name, "1,2", TargetContainerHostname="third")
    world.sm.delete_endpoint(EndpointName=name)


def test_many_models_in_one_native_container(world):
    prefix = unique("models")
    constant_archive(world, 1.0, f"{prefix}/one.tar.gz")
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": XGBOOST, "Mode": "MultiModel", "ModelDataUrl": f"s3://{world.bucket}/{prefix}/"})
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model)))
    assert answer(world, name, TargetModel="one.tar.gz") == 1.0
    with aws_error("ValidationError", containing="two/deep.tar.gz cannot be found"):
        answer(world, name, TargetModel="two/deep.tar.gz")
    constant_archive(world, 2.0, f"{prefix}/two/deep.tar.gz")
    assert answer(world, name, TargetModel="two/deep.tar.gz") == 2.0
    assert answer(world, name, TargetModel="one.tar.gz") == 1.0
    with aws_error("ValidationError", containing="TargetModel"):
        answer(world, name)
    with aws_error("ValidationError", containing="cannot be found"):
        answer(world, name, TargetModel="../../etc/passwd")
    world.put(f"{prefix}/broken.tar.gz", tar_gz({"xgboost-model": "no model"}))
    with aws_error("ModelError", containing="cannot be loaded"):
        answer(world, name, TargetModel="broken.tar.gz")
    world.sm.delete_endpoint(EndpointName=name)


def test_a_serverless_native_variant(world):
    serverless = {"VariantName": "AllTraffic", "ModelName": constant_model(world, 4.0),
                  "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    name, found = endpoint_of(world, config_of(world, serverless))
    summary = found["ProductionVariants"][0]
    assert summary["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert "CurrentInstanceCount" not in summary
    assert answer(world, name) == 4.0
    with aws_error("ValidationException", containing="serverless"):
        world.sm.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": 2}])
    world.sm.delete_endpoint(EndpointName=name)


SERVERLESS = """
import os, time

import numpy


def model_fn(model_dir):
    return int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getpid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getpid()


def predict_fn(rows, model):
    time.sleep(float(rows[0][0]))
    return numpy.array([model])
"""


def test_a_serverless_script_scales_from_zero_and_throttles(world):
    archive = world.put(f"{unique('script')}/model.tar.gz", tar_gz({"code/inference.py": SERVERLESS}))
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "ModelDataUrl": archive, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}})
    name, _ = endpoint_of(world, config_of(world, {
        "VariantName": "AllTraffic", "ModelName": model,
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2}}))
    began = time.monotonic()
    first = int(answer_to(world, name, "0"))
    cold_seconds = time.monotonic() - began
    assert int(answer_to(world, name, "0")) == first  # warm: the same worker
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(refusal_or_answer, world, name, "1.5") for _ in range(4)]
        got = [each.result() for each in asked]
    assert sorted(code for code, _ in got) == ["ThrottlingException", "ThrottlingException", "ok", "ok"], got
    assert len({pid for code, pid in got if code == "ok"}) == 2  # one worker each
    assert cold_seconds < 5  # only proves that this is no deployment; the benchmark measures it
    world.sm.delete_endpoint(EndpointName=name)


def answer_to(world, name, body):
    return float(world.invoke(name, body, accept="text/csv")["Body"].read())


def refusal_or_answer(world, name, body):
    client = world.server.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
    try:
        return "ok", client.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/csv",
                                            Accept="text/csv")["Body"].read()
    except ClientError as error:
        return error.response["Error"]["Code"], None


@pytest.mark.parametrize("change, words", [
    ({"ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 5}}, "steps of 1024"),
    ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1, "ProvisionedConcurrency": 2}},
     "must not be above"),
    ({"InstanceType": "ml.m5.large", "RoutingConfig": {"RoutingStrategy": "KV_AWARE"}}, "KV_AWARE"),
    ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}, "InitialInstanceCount": 1},
     "InitialInstanceCount"),
    ({"InstanceType": "ml.m5.large", "CoreDumpConfig": {"DestinationS3Uri": "s3://b/c"}}, "CoreDumpConfig"),
    ({"InstanceType": "ml.m5.large", "AcceleratorType": "ml.eia2.medium"}, "AcceleratorType"),
    ({"InstanceType": "ml.m5.large", "EnableSSMAccess": True}, "EnableSSMAccess"),
    ({"InstanceType": "ml.m5.large", "ManagedInstanceScaling": {"Status": "ENABLED", "MaxInstanceCount": 2}},
     "ManagedInstanceScaling"),
])
def test_configurations_that_cannot_be(world, change, words):
    with pytest.raises(ClientError, match=words):
        config_of(world, {"VariantName": "AllTraffic", "ModelName": constant_model(world, 1.0), **change})


VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}


@pytest.mark.parametrize("change, words", [
    ({"VpcConfig": VPC}, "VpcConfig"),
    ({"MetricsConfig": {"EnableEnhancedMetrics": True}}, "MetricsConfig"),
])
def test_what_a_configuration_cannot_ask_for(world, change, words):
    with aws_error("ValidationException", containing=f"{words} is not implemented"):
        config_of(world, variant("AllTraffic", constant_model(world, 1.0)), **change)


def test_members_without_effect_are_accepted(world):
    config_of(world, variant("AllTraffic", constant_model(world, 1.0), VolumeSizeInGB=10,
                             ModelDataDownloadTimeoutInSeconds=600, EnableSSMAccess=False,
                             ManagedInstanceScaling={"Status": "DISABLED"}),
              KmsKeyId="1234abcd-12ab-34cd-56ef-1234567890ab", EnableNetworkIsolation=False)


@pytest.mark.parametrize("of_model, of_container, words", [
    ({"VpcConfig": VPC}, {}, "VpcConfig"),
    ({}, {"InferenceSpecificationName": "x"}, "InferenceSpecificationName"),
    ({}, {"Mode": "MultiModel", "MultiModelConfig": {"ModelCacheSetting": "Disabled"}}, "ModelCacheSetting"),
])
def test_what_a_model_cannot_ask_for(world, of_model, of_container, words):
    container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{world.bucket}/m.tar.gz", **of_container}
    with pytest.raises(ClientError, match=f"ValidationException.*{words}.* is not implemented"):
        world.sm.create_model(ModelName=unique("model"), ExecutionRoleArn=world.role, PrimaryContainer=container,
                              **of_model)


def test_a_prefix_of_model_data_is_a_folder(world):
    prefix = unique("models")
    world.put(f"{prefix}/a/xgboost-model", constant_booster(1.0))
    world.put(f"{prefix}/a-b/xgboost-model", constant_booster(2.0))
    world.put(f"{prefix}/ab/xgboost-model", constant_booster(2.0))

    def model_of(path):
        model = unique("model")
        world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
            "Image": XGBOOST, "ModelDataSource": {"S3DataSource": {
                "S3Uri": f"s3://{world.bucket}/{prefix}/{path}", "S3DataType": "S3Prefix", "CompressionType": "None"}}})
        return model

    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model_of("a"))))
    assert answer(world, name) == 1.0
    world.sm.delete_endpoint(EndpointName=name)
    with aws_error("ValidationException", containing="Could not find model data"):
        model_of("a-")


def test_what_a_request_cannot_ask_for(world, one_and_two):
    with aws_error("ValidationError", containing="EnableExplanations is not implemented"):
        world.invoke(one_and_two, "1,2", EnableExplanations="`true`")
    with aws_error("ValidationException", containing="ServerlessUpdateConfig is not implemented"):
        world.sm.update_endpoint_weights_and_capacities(EndpointName=one_and_two, DesiredWeightsAndCapacities=[
            {"VariantName": "one", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}])


def test_a_neural_network_in_onnx(world, tmp_path):
    """A native image with a neural network as its model: ONNX Runtime answers, in a separate process."""
    import numpy
    import onnx
    from onnx import helper, numpy_helper
    weights = numpy.array([[1.0, -1.0], [2.0, 0.5]], dtype=numpy.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["a"]),
         helper.make_node("LayerNormalization", ["a", "g"], ["y"])], "network",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(numpy.ones(2, numpy.float32), "g")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": "onnxruntime:latest",
        "ModelDataUrl": world.put(f"{model}/model.tar.gz", tar_gz({"model.onnx": (tmp_path / "m.onnx").read_bytes()}))})
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model)))
    got = json.loads(world.invoke(name, json.dumps({"inputs": [[3.0, 4.0]]}), "application/json")["Body"].read())
    hidden = numpy.maximum(numpy.array([3.0, 4.0]) @ weights, 0)
    expected = (hidden - hidden.mean()) / numpy.sqrt(hidden.var() + 1e-5)
    assert numpy.allclose(numpy.array(got["outputs"]).ravel(), expected, atol=1e-4), got
    world.sm.delete_endpoint(EndpointName=name)


def test_a_lightgbm_model(world):
    """The text of a small LightGBM model, written by hand: one split, two leaves."""
    tree = "\n".join(["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0",
                      "max_feature_idx=1", "objective=regression", "feature_names=a b",
                      "feature_infos=[0:10] [0:10]", "tree_sizes=400", "", "Tree=0", "num_leaves=2", "num_cat=0",
                      "split_feature=1", "split_gain=1", "threshold=2.5", "decision_type=2", "left_child=-1",
                      "right_child=-2", "leaf_value=10 20", "leaf_weight=1 1", "leaf_count=1 1", "internal_value=0",
                      "internal_weight=0", "internal_count=2", "is_linear=0", "shrinkage=1", "", "", "end of trees", ""])
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": "lightgbm:4", "ModelDataUrl": world.put(f"{model}/model.tar.gz", tar_gz({"model.txt": tree}))})
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model)))
    got = world.invoke(name, "0,2.5\n0,2.6", accept="text/csv")["Body"].read().decode()
    assert [float(v) for v in got.replace("\n", ",").strip(",").split(",")] == [10.0, 20.0]
    world.sm.delete_endpoint(EndpointName=name)
