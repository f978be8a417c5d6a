"""The contracts of SageMaker's containers, version by version, with results of the real libraries."""
import io
import json
import zipfile
from pathlib import Path

import numpy
import pytest
import xgboost
from botocore.exceptions import ClientError

from helpers import aws_error, unique
from sagemaker_world import REGISTRY, SCIKIT_LEARN, World, tar_gz

from support.waiting import wait_until

TESTDATA = Path(__file__).resolve().parents[2] / "src/infer/testdata"
OLD_XGBOOST = f"{REGISTRY}/sagemaker-xgboost:0.90-2-cpu-py3"
MIDDLE_XGBOOST = f"{REGISTRY}/sagemaker-xgboost:1.2-2"
NEW_XGBOOST = f"{REGISTRY}/sagemaker-xgboost:1.7-1"
ROWS = numpy.array([[0.1, 0.9, 0.2], [0.7, 0.1, 0.9], [0.5, 0.5, 0.4]], numpy.float32)
CSV = "\n".join(",".join(map(str, row)) for row in ROWS.tolist())


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def booster(seed, objective="binary:logistic", classes=0):
    random = numpy.random.default_rng(seed)
    data = random.random((80, 3)).astype(numpy.float32)
    label = (data[:, 0] * (classes or 2)).astype(int)
    more = {"num_class": classes} if classes else {}
    return xgboost.train({"objective": objective, "max_depth": 2, "nthread": 1, **more},
                         xgboost.DMatrix(data, label=label), 4)


def saved(model):
    return bytes(model.save_raw("ubj"))


def predicted(model, rows=ROWS):
    return model.predict(xgboost.DMatrix(rows), validate_features=False)


class Endpoint:
    def __init__(self, world, image, files, environment=None, **model):
        self.world = world
        archive = world.put(f"{unique('contract')}/model.tar.gz", tar_gz(files))
        self.name = world.deploy(image, archive, environment)
        settled = world.settled(self.name)
        assert settled["EndpointStatus"] == "InService", settled.get("FailureReason")

    def ask(self, body=CSV, content_type="text/csv", accept="text/csv"):
        answer = self.world.runtime.invoke_endpoint(EndpointName=self.name, Body=body, ContentType=content_type,
                                                    Accept=accept)
        return answer["Body"].read().decode()

    def refusal(self, *body):
        with pytest.raises(ClientError) as raised:
            self.ask(*body)
        return raised.value.response["OriginalStatusCode"], raised.value.response["OriginalMessage"]


def numbers(text):
    return [float(number) for number in text.replace("\n", ",").strip(",").split(",")]


def close(found, expected):
    numpy.testing.assert_allclose(found, numpy.asarray(expected, float).ravel(), rtol=1e-6)


def test_csv_answers_by_version(world):
    model, classes = booster(1), booster(2, "multi:softprob", 3)
    new, old = (Endpoint(world, image, {"xgboost-model": saved(model)}) for image in (NEW_XGBOOST, MIDDLE_XGBOOST))
    assert new.ask().count("\n") == 3 and "," not in new.ask() and new.ask().endswith("\n")
    assert old.ask().count(",") == 2 and "\n" not in old.ask()
    close(numbers(new.ask()), predicted(model))
    close(numbers(old.ask()), predicted(model))
    wide = Endpoint(world, NEW_XGBOOST, {"xgboost-model": saved(classes)})
    lines = wide.ask().splitlines()
    assert [line.count(",") for line in lines] == [2, 2, 2]
    close(numbers(wide.ask()), predicted(classes))


@pytest.mark.parametrize("entry", ["logistic.pkl.model", "logistic.pk2.model", "logistic.pk0.model"])
def test_pickles_of_xgboost_0_90(world, entry):
    with zipfile.ZipFile(TESTDATA / "xgboost_model-0.90.zip") as bundle:
        model, expected = bundle.read(entry), numpy.frombuffer(bundle.read("logistic.expected"), "<f4")
    endpoint = Endpoint(world, OLD_XGBOOST, {"xgboost-model": model})
    # Computes the first row of testdata/make_xgboost_models.py.
    state, row = 42, []
    for _ in range(5):
        state = (state * 1103515245 + 12345) % 2**31
        row.append("" if (state >> 8) % 10 == 0 else str(numpy.float32((state >> 12) % 1000 / numpy.float32(1000))))
    close(numbers(endpoint.ask(",".join(row))), expected[len(expected) // 2])
    # With a pickled model the last column may be missing, but no other one.
    assert endpoint.ask(",".join(row[:4]))
    assert endpoint.refusal(",".join(row[:3]))[0] == 400


def test_boosters_of_an_archive_answer_together(world):
    models = [booster(seed) for seed in (3, 4, 5)]
    files = {f"xgboost-model-{i}": saved(model) for i, model in enumerate(models)}
    files["metrics.json"] = "{}"
    mean = numpy.mean([predicted(model) for model in models], axis=0)
    assert not numpy.allclose(mean, predicted(models[0]), rtol=1e-3)
    close(numbers(Endpoint(world, NEW_XGBOOST, files).ask()), mean)
    first = Endpoint(world, NEW_XGBOOST, files, {"SAGEMAKER_INFERENCE_ENSEMBLE": "false"})
    close(numbers(first.ask()), predicted(models[0]))


def test_labels_of_an_archives_boosters_are_voted_for(world):
    from scipy import stats
    models = [booster(seed, "multi:softmax", 3) for seed in (6, 7, 8, 9)]
    endpoint = Endpoint(world, NEW_XGBOOST, {f"{i}.ubj": saved(model) for i, model in enumerate(models)})
    rows = numpy.random.default_rng(10).random((50, 3)).astype(numpy.float32)
    wanted = stats.mode([predicted(model, rows) for model in models]).mode
    close(numbers(endpoint.ask("\n".join(",".join(map(str, row)) for row in rows.tolist()))), wanted)


def test_an_archive_with_a_damaged_booster_is_refused(world):
    archive = world.put("damaged/model.tar.gz", tar_gz({"xgboost-model-0": saved(booster(1)), "xgboost-model-1": "x"}))
    settled = world.settled(world.deploy(NEW_XGBOOST, archive))
    assert settled["EndpointStatus"] == "Failed"
    assert "xgboost-model-1" in settled["FailureReason"] and "SAGEMAKER_INFERENCE_ENSEMBLE" in settled["FailureReason"]


def test_rows_that_are_not_the_models(world):
    model = booster(1)
    endpoint = Endpoint(world, NEW_XGBOOST, {"xgboost-model": saved(model)})
    narrow = xgboost.DMatrix(numpy.array([[0.7, 0.1, numpy.nan]], numpy.float32))
    close(numbers(endpoint.ask("0.7,0.1")), model.predict(narrow))
    assert endpoint.refusal("1,2,3,4") == (400, "a row has 4 features, but the model was trained with 3")
    assert endpoint.refusal("0:1 7:2", "text/libsvm")[0] == 400
    for value in ("inf", "-inf", "1e39", "Infinity"):
        status, message = endpoint.refusal(f"1,{value},3")
        assert status == 415 and "row 1, column 2" in message
    assert endpoint.refusal(CSV, "text/csv; label_size=0")[0] == 415
    close(numbers(endpoint.ask(CSV, "text/csv; label_size=1; charset=utf-8")), predicted(model))
    close(numbers(endpoint.ask(CSV, "csv")), predicted(model))
    assert endpoint.ask("") == ""
    # XGBoost checks for infinities since 1.4; earlier versions took them for large numbers.
    old = Endpoint(world, MIDDLE_XGBOOST, {"xgboost-model": saved(model)})
    large = numpy.array([[1, 3e38, 3]], numpy.float32)
    close(numbers(old.ask("1,inf,3")), predicted(model, large))


def test_many_models_answer_as_their_server_does(world):
    models = {"a": booster(1), "b": booster(2, "multi:softprob", 3)}
    prefix = unique("many")
    for name, model in models.items():
        world.put(f"{prefix}/{name}.tar.gz", tar_gz({"xgboost-model": saved(model)}))
    name = unique("many")
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": NEW_XGBOOST, "Mode": "MultiModel", "ModelDataUrl": f"s3://{world.bucket}/{prefix}/"})
    world.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert world.settled(name)["EndpointStatus"] == "InService"

    def ask(target, **more):
        return world.runtime.invoke_endpoint(EndpointName=name, Body=CSV, ContentType="text/csv",
                                             TargetModel=f"{target}.tar.gz", **more)

    answer = ask("a")
    assert answer["ContentType"] == "application/json"
    close(json.loads(answer["Body"].read()), predicted(models["a"]))
    close(numpy.ravel(json.loads(ask("b", Accept="application/json")["Body"].read())), predicted(models["b"]))
    answer = ask("a", Accept="text/csv")
    text = answer["Body"].read().decode()
    assert answer["ContentType"] == "text/csv" and "\n" not in text
    close(numbers(text), predicted(models["a"]))


def test_https_urls_of_models(world):
    archive = tar_gz({"xgboost-model": saved(booster(1))})
    world.put("urls/a b.tar.gz", archive)
    for host in (f"{world.bucket}.s3.amazonaws.com", f"{world.bucket}.s3.us-east-1.amazonaws.com",
                 f"{world.bucket}.s3-us-west-2.amazonaws.com", f"s3.us-east-1.amazonaws.com/{world.bucket}",
                 f"s3.amazonaws.com/{world.bucket}"):
        name = unique("url")
        url = f"https://{host}/urls/a%20b.tar.gz"
        world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role,
                              PrimaryContainer={"Image": NEW_XGBOOST, "ModelDataUrl": url})
        assert world.sm.describe_model(ModelName=name)["PrimaryContainer"]["ModelDataUrl"] == url
    with aws_error("ValidationException", containing="query"):
        world.sm.create_model(ModelName=unique("url"), ExecutionRoleArn=world.role, PrimaryContainer={
            "Image": NEW_XGBOOST, "ModelDataUrl": f"https://{world.bucket}.s3.amazonaws.com/urls/a?versionId=1"})


def native_job(world, image, hyperparameters, content_type="text/csv", **algorithm):
    name = unique("native")
    rows = numpy.random.default_rng(1).random((60, 2))
    world.put(f"{name}/train/a.csv", "\n".join(f"{int(x > 0.5)},{x},{y}" for x, y in rows))
    channel = {**world.channel("train", f"{name}/train/"), "ContentType": content_type}
    world.sm.create_training_job(
        TrainingJobName=name, RoleArn=world.role, HyperParameters=hyperparameters,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File", **algorithm},
        InputDataConfig=[channel], OutputDataConfig={"S3OutputPath": f"s3://{world.bucket}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        DebugRuleConfigurations=[{"RuleConfigurationName": "LossNotDecreasing", "RuleEvaluatorImage": "r/rules:latest"}])
    return world.finished(name)


def test_hyperparameters_are_those_of_the_version(world):
    given = {"num_round": "3", "objective": "binary:logistic", "silent": "0",
             "eval_metric": "error,aucpr,balanced_accuracy"}
    done = native_job(world, OLD_XGBOOST, given)
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    metrics = {each["MetricName"]: each["Value"] for each in done["FinalMetricDataList"]}
    assert {"train:error", "train:aucpr", "train:balanced_accuracy"} <= set(metrics)
    log = world.job_log(done["TrainingJobName"])
    last = [line for line in log.splitlines() if line.startswith("[2]")][0]
    assert f"train-error:{metrics['train:error']:.5f}" in last
    assert f"train-aucpr:{metrics['train:aucpr']:.5f}" in last
    definitions = {each["Name"]: each["Regex"] for each in done["AlgorithmSpecification"]["MetricDefinitions"]}
    assert definitions["train:error"] == ".*\\[[0-9]+\\].*#011train-error:([-+]?[0-9]*\\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*"
    assert "validation:auc" in definitions
    rule, = done["DebugRuleEvaluationStatuses"]
    assert (rule["RuleConfigurationName"], rule["RuleEvaluationStatus"]) == ("LossNotDecreasing", "Error")
    refused = native_job(world, NEW_XGBOOST, given)
    assert refused["TrainingJobStatus"] == "Failed"
    assert "Extraneous hyperparameter found: silent" in refused["FailureReason"]


def test_a_label_size_of_nought_fails_the_job(world):
    failed = native_job(world, NEW_XGBOOST, {"num_round": "1"}, "text/csv;label_size=0")
    assert failed["TrainingJobStatus"] == "Failed"
    assert failed["FailureReason"].startswith("ClientError: text/csv;label_size=0 is not an accepted csv ContentType")


def test_an_unknown_image_with_a_program_of_this_machine(world):
    name = unique("program")
    request = {"TrainingJobName": name, "RoleArn": world.role,
               "OutputDataConfig": {"S3OutputPath": f"s3://{world.bucket}/out"},
               "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
               "StoppingCondition": {"MaxRuntimeInSeconds": 600}}
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/mine:1"

    def algorithm(**more):
        return {"TrainingImage": image, "TrainingInputMode": "File", **more}

    world.sm.create_training_job(**request, AlgorithmSpecification=algorithm(
        ContainerEntrypoint=["/bin/sh", "-c"], ContainerArguments=["echo $LOGNAME > /opt/ml/model/who"]))
    done = world.finished(name)
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    assert world.unpack(done["ModelArtifacts"]["S3ModelArtifacts"])["who"] == b"root\n"
    request["TrainingJobName"] = unique("program")
    with aws_error("ValidationException", containing="no program of this machine"):
        world.sm.create_training_job(**request, AlgorithmSpecification=algorithm(
            ContainerEntrypoint=["/opt/program/train"]))
    with aws_error("ValidationException", containing="ContainerEntrypoint"):
        world.sm.create_training_job(**request, AlgorithmSpecification=algorithm())


TRAIN = """
import os, xgboost
from sagemaker_training import environment
from sagemaker_containers.beta.framework import encoders
import sagemaker_containers
from sagemaker_xgboost_container.data_utils import get_dmatrix
env = environment.Environment()
assert sagemaker_containers.training_env().hyperparameters == env.hyperparameters == {"rounds": 4}
data = get_dmatrix(env.channel_input_dirs["train"], "text/csv")
model = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, env.hyperparameters["rounds"])
model.save_model(os.path.join(env.model_dir, "model.ubj"))
"""

SERVE = """
import os, json, xgboost
from sagemaker_containers.beta.framework import encoders, worker
from sagemaker_inference import content_types, errors
from sagemaker_xgboost_container import encoder as xgb_encoders

def model_fn(model_dir):
    model = xgboost.Booster()
    model.load_model(os.path.join(model_dir, "model.ubj"))
    return model

def input_fn(body, content_type):
    if content_type == content_types.JSON:
        raise errors.UnsupportedFormatError(content_type)
    return xgb_encoders.decode(body, content_type)

def output_fn(prediction, accept):
    return worker.Response(encoders.encode(prediction, accept), mimetype=accept)
"""


def test_scripts_find_the_containers_modules(world):
    name = unique("modules")
    rows = numpy.random.default_rng(2).random((60, 2)).astype(numpy.float32)
    table = numpy.column_stack([(rows[:, 0] > 0.5).astype(int), rows])
    world.put(f"{name}/train/a.csv", "\n".join(f"{int(row[0])},{row[1]},{row[2]}" for row in table))
    job = world.run(TRAIN, {"rounds": "4"}, image=NEW_XGBOOST,
                    InputDataConfig=[world.channel("train", f"{name}/train/")])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["model.ubj"]
    mine = xgboost.Booster()
    mine.load_model(bytearray(model))
    endpoint = Endpoint(world, NEW_XGBOOST, {"model.ubj": model, "code/inference.py": SERVE},
                        {"SAGEMAKER_PROGRAM": "inference.py"})
    text = endpoint.ask("0.2,0.3\n0.9,0.1")
    assert text.count("\n") == 2
    close(numbers(text), mine.predict(xgboost.DMatrix(numpy.array([[0.2, 0.3], [0.9, 0.1]], numpy.float32))))
    assert json.loads(endpoint.ask("0.2,0.3\n0.9,0.1", accept="application/json")) == numbers(text)
    assert endpoint.refusal("[1]", "application/json")[0] == 415


def test_the_exceptions_own_line_is_the_reason(world):
    failed = world.run("""
import numpy, xgboost
xgboost.DMatrix(numpy.array([[numpy.inf]]), label=[1])
""", image=NEW_XGBOOST)
    assert failed["TrainingJobStatus"] == "Failed"
    reason = failed["FailureReason"]
    message = reason.split('ErrorMessage "', 1)[1].split("\n", 1)[0]
    assert message.startswith("xgboost.core.XGBoostError: ") and "Input data contains `inf`" in message
    assert "[bt]" not in reason and "Stack trace" not in reason and "runtimes/python-" not in reason


def classifiers():
    """The same results from a model that the server reads itself and from one that ONNX Runtime runs."""
    import onnx
    from onnx import helper, numpy_helper
    float_, int_ = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64

    def model(classes, engine, zipmap=False):
        weights = numpy.random.default_rng(classes).normal(size=(3, classes)).astype(numpy.float32)
        nodes = [helper.make_node("MatMul", ["x", "w"], ["raw"]), helper.make_node("Softmax", ["raw"], ["p"], axis=1),
                 helper.make_node("ArgMax", ["p"], ["label"], axis=1, keepdims=0)]
        scores = "p"
        if engine == "runtime":  # an operator that the server's own engine lacks
            nodes.append(helper.make_node("Einsum", ["p"], ["same"], equation="ij->ij"))
            scores = "same"
        out = helper.make_tensor_value_info(scores, float_, [None, classes])
        if zipmap:
            nodes.append(helper.make_node("ZipMap", [scores], ["maps"], domain="ai.onnx.ml",
                                          classlabels_int64s=list(range(classes))))
            out = helper.make_value_info("maps", helper.make_sequence_type_proto(
                helper.make_map_type_proto(int_, helper.make_tensor_type_proto(float_, []))))
        graph = helper.make_graph(nodes, "classifier", [helper.make_tensor_value_info("x", float_, [None, 3])],
                                  [helper.make_tensor_value_info("label", int_, [None]), out],
                                  [numpy_helper.from_array(weights, "w")])
        made = helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)])
        logits = ROWS @ weights
        exponents = numpy.exp(logits - logits.max(1, keepdims=True))
        return made.SerializeToString(), exponents / exponents.sum(1, keepdims=True)

    return model


@pytest.mark.parametrize("classes,zipmap", [(2, False), (3, False), (2, True)])
def test_onnx_classifiers_answer_alike_whichever_engine_runs_them(world, classes, zipmap):
    make = classifiers()
    ours, expected = make(classes, "own")
    theirs, _ = make(classes, "runtime", zipmap)
    endpoints = [Endpoint(world, "onnxruntime:1", {"model.onnx": each}) for each in (ours, theirs)]
    wanted = expected[:, 1] if classes == 2 else expected
    for accept in ("application/json", "text/csv", "application/jsonlines", "*/*"):
        own, other = (endpoint.ask(accept=accept) for endpoint in endpoints)
        shape = [text.translate(str.maketrans("", "", "0123456789.e-")) for text in (own, other)]
        assert shape[0] == shape[1], (own, other)
    for endpoint in endpoints:
        scores = [row["score"] for row in json.loads(endpoint.ask(accept="application/json"))["predictions"]]
        numpy.testing.assert_allclose(scores, wanted, rtol=1e-5)
    # ONNX Runtime's process serves it.
    wait_until(lambda: "the model is served" in world.log_text(f"/aws/sagemaker/Endpoints/{endpoints[1].name}", "AllTraffic"))


def test_a_remote_function_runs(world, server, monkeypatch):
    """The SDK's @remote asks for sudo unless the job runs as root."""
    from sagemaker import Session
    from sagemaker.remote_function import remote
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    session = Session(default_bucket=world.bucket)
    registry = f"{REGISTRY}/sagemaker-base-python-310:1.0"

    @remote(instance_type="ml.m5.large", image_uri=registry, role=world.role, sagemaker_session=session,
            s3_root_uri=f"s3://{world.bucket}/remote", keep_alive_period_in_seconds=0, include_local_workdir=False)
    def product(a, b):
        return a * b

    assert product(6, 7) == 42
