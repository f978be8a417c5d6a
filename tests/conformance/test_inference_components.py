"""Inference components: several models with copies of their own on the instances of one endpoint."""
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from helpers import aws_error, unique, wait_until
from hosting import Load, config_of, constant_archive, constant_model, endpoint_of, variant
from sagemaker_world import SCIKIT_LEARN, XGBOOST, World, tar_gz
from support.server import Server

# Answers which copy it is, by the process its worker comes from.
SCRIPT = """
import json, os, time


def model_fn(model_dir):
    print("greeting", os.environ["GREETING"], flush=True)
    if os.environ["GREETING"] == "slow":
        time.sleep(300)
    if os.environ["GREETING"] == "broken":
        raise RuntimeError("this model does not load")
    return os.environ["GREETING"]


def input_fn(body, content_type):
    return body


def predict_fn(body, model):
    if body == "fail":
        raise ValueError("so it was asked for")
    return {"greeting": model, "pid": os.getppid()}


def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def needs(memory=512, cpus=None, **more):
    return {"MinMemoryRequiredInMb": memory, **({"NumberOfCpuCoresRequired": cpus} if cpus else {}), **more}


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def host_config(world, count=1, **more):
    return config_of(world, {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large",
                             "InitialInstanceCount": count}, ExecutionRoleArn=world.role, **more)


@pytest.fixture
def host(world):
    """An endpoint without a model; at the end it and its components are deleted."""
    name, _ = endpoint_of(world, host_config(world))
    yield name
    delete_host(world, name)


def names_of(world, endpoint):
    return [each["InferenceComponentName"] for each in
            world.sm.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"]]


def delete_host(world, name):
    for component in names_of(world, name):
        world.sm.delete_inference_component(InferenceComponentName=component)
    wait_until(lambda: not names_of(world, name), 30)
    world.sm.delete_endpoint(EndpointName=name)


def of_model(model, compute=None, **more):
    return {"ModelName": model, "ComputeResourceRequirements": compute or needs(), **more}


def of_script(world, greeting, compute=None, **more):
    archive = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"code/inference.py": SCRIPT}))
    return {"Container": {"Image": SCIKIT_LEARN, "ArtifactUrl": archive, "Environment": {
        "SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "GREETING": greeting}}, "ComputeResourceRequirements": compute or needs(), **more}


def ask_for(world, endpoint, specification, copies=1, **more):
    name = unique("component")
    made = world.sm.create_inference_component(
        InferenceComponentName=name, EndpointName=endpoint, VariantName="AllTraffic", Specification=specification,
        RuntimeConfig={"CopyCount": copies}, **more)
    assert made["InferenceComponentArn"].endswith(f":inference-component/{name}")
    return name


def settled(world, name):
    return wait_until(lambda: (found := world.sm.describe_inference_component(InferenceComponentName=name))
                      ["InferenceComponentStatus"] in ("InService", "Failed") and found, 90)


def in_service(world, name, copies=None):
    found = settled(world, name)
    assert found["InferenceComponentStatus"] == "InService", found.get("FailureReason")
    if copies is not None:
        assert found["RuntimeConfig"] == {"DesiredCopyCount": copies, "CurrentCopyCount": copies}
    return found


def deployed(world, endpoint, specification, copies=1, **more):
    name = ask_for(world, endpoint, specification, copies, **more)
    in_service(world, name, copies)
    return name


def ask(world, endpoint, component, body="1,2"):
    return world.runtime.invoke_endpoint(EndpointName=endpoint, InferenceComponentName=component, Body=body,
                                         ContentType="text/csv")


def answer(world, endpoint, component, body="1,2"):
    return json.loads(ask(world, endpoint, component, body)["Body"].read())


def scale(world, name, copies):
    made = world.sm.update_inference_component_runtime_config(
        InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies})
    assert made["InferenceComponentArn"].endswith(name)
    return in_service(world, name, copies)


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def test_components_side_by_side(world, host):
    with aws_error("ValidationError", containing="Inference Component Name header is required"):
        world.invoke(host, "1,2")
    with aws_error("ValidationError", containing="nobody"):
        ask(world, host, "nobody")
    native = deployed(world, host, of_model(constant_model(world, 3.0)))
    script = deployed(world, host, of_script(world, "good day"), Tags=[{"Key": "team", "Value": "a"}])
    assert answer(world, host, native) == 3.0
    assert answer(world, host, script)["greeting"] == "good day"
    assert ask(world, host, script)["InvokedProductionVariant"] == "AllTraffic"
    with aws_error("ValidationError", containing="header is required"):
        world.invoke(host, "1,2")
    found = world.sm.describe_inference_component(InferenceComponentName=script)
    assert found["EndpointName"] == host and found["VariantName"] == "AllTraffic"
    assert found["EndpointArn"] == world.sm.describe_endpoint(EndpointName=host)["EndpointArn"]
    container = found["Specification"]["Container"]
    assert container["DeployedImage"]["SpecifiedImage"] == SCIKIT_LEARN
    assert container["Environment"]["GREETING"] == "good day" and container["ArtifactUrl"].startswith("s3://")
    assert found["Specification"]["ComputeResourceRequirements"] == {"MinMemoryRequiredInMb": 512}
    assert world.sm.list_tags(ResourceArn=found["InferenceComponentArn"])["Tags"] == [{"Key": "team", "Value": "a"}]
    group = f"/aws/sagemaker/InferenceComponents/{script}"
    wait_until(lambda: "greeting good day" in world.log_text(group, "AllTraffic/"), 10)
    streamed = world.runtime.invoke_endpoint_with_response_stream(
        EndpointName=host, InferenceComponentName=script, Body="1,2", ContentType="text/csv")["Body"]
    body = b"".join(event["PayloadPart"]["Bytes"] for event in streamed)
    assert json.loads(body)["greeting"] == "good day"
    with aws_error("ModelError", 424) as raised:
        ask(world, host, script, "fail")
    assert f"log-group:{group}" in raised.value.response["LogStreamArn"]


def test_copies_from_one_to_two_to_none_to_one(world, host):
    name = deployed(world, host, of_script(world, "many"))
    first = answer(world, host, name)["pid"]
    scale(world, name, 2)
    pids = set()
    wait_until(lambda: pids.add(answer(world, host, name)["pid"]) or len(pids) == 2 or concurrent(world, host, name, pids))
    assert first in pids and len(pids) == 2
    scale(world, name, 0)
    with aws_error("ValidationError", 400, containing="Inference Component has no capacity to process this request"):
        ask(world, host, name)
    # At once, while the others are still ending:
    scale(world, name, 1)
    new = answer(world, host, name)["pid"]
    assert new not in pids
    wait_until(lambda: not any(alive(pid) for pid in pids), 30)
    assert answer(world, host, name)["pid"] == new


def concurrent(world, host, name, pids):
    """Requests side by side go to different copies."""
    with ThreadPoolExecutor(4) as pool:
        pids.update(each["pid"] for each in pool.map(lambda _: answer(world, host, name), range(16)))
    return len(pids) >= 2


def test_native_copies(world, host):
    name = deployed(world, host, of_model(constant_model(world, 4.0)))
    assert answer(world, host, name) == 4.0
    scale(world, name, 2)
    scale(world, name, 0)
    with aws_error("ValidationError", containing="no capacity"):
        ask(world, host, name)
    scale(world, name, 1)
    assert answer(world, host, name) == 4.0


def test_an_update_loses_no_request(world, host):
    name = deployed(world, host, of_model(constant_model(world, 1.0)), 2)

    class ComponentLoad(Load):
        def ask(self, _, endpoint):
            while not self.over.is_set():
                try:
                    got = answer(world, endpoint, name)
                    with self.lock:
                        self.answers.append(got)
                except Exception as error:
                    with self.lock:
                        self.failures.append(error)

    with ComponentLoad(world, host) as load:
        world.sm.update_inference_component(
            InferenceComponentName=name, Specification=of_model(constant_model(world, 2.0)), DeploymentConfig={
                "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
                                        "WaitIntervalInSeconds": 1}})
        with aws_error("ValidationException", containing="in-progress"):
            world.sm.update_inference_component_runtime_config(InferenceComponentName=name,
                                                               DesiredRuntimeConfig={"CopyCount": 1})
        found = in_service(world, name, 2)
        wait_until(lambda: load.answers and load.answers[-1] == 2.0)
    assert not load.failures and set(load.answers) == {1.0, 2.0}
    # Both answered while one copy of each was there.
    began, ended = load.answers.index(2.0), len(load.answers) - load.answers[::-1].index(1.0)
    assert ended > began
    assert found["LastDeploymentConfig"]["RollingUpdatePolicy"]["WaitIntervalInSeconds"] == 1
    assert answer(world, host, name) == 2.0


def test_an_update_that_fails_leaves_what_was(world, host):
    name = deployed(world, host, of_script(world, "first"))
    pid = answer(world, host, name)["pid"]
    world.sm.update_inference_component(InferenceComponentName=name, Specification=of_script(world, "broken"))
    found = in_service(world, name, 1)
    assert "this model does not load" in found["FailureReason"]
    assert found["Specification"]["Container"]["Environment"]["GREETING"] == "first"
    assert answer(world, host, name) == {"greeting": "first", "pid": pid}
    world.sm.update_inference_component(InferenceComponentName=name, Specification=of_script(world, "second"),
                                        RuntimeConfig={"CopyCount": 1})
    assert "FailureReason" not in in_service(world, name, 1)
    assert answer(world, host, name)["greeting"] == "second"
    wait_until(lambda: not alive(pid), 30)


def test_failures_say_why(world, host):
    broken = settled(world, ask_for(world, host, of_script(world, "broken")))
    assert broken["InferenceComponentStatus"] == "Failed"
    assert "RuntimeError: this model does not load" in broken["FailureReason"]
    missing = of_script(world, "x")
    missing["Container"]["ArtifactUrl"] = f"s3://{world.bucket}/nothing/model.tar.gz"
    found = settled(world, ask_for(world, host, missing))
    assert found["InferenceComponentStatus"] == "Failed" and "nothing/model.tar.gz" in found["FailureReason"]
    with aws_error("ValidationException", containing="has failed"):
        world.sm.update_inference_component_runtime_config(
            InferenceComponentName=found["InferenceComponentName"], DesiredRuntimeConfig={"CopyCount": 1})
    world.sm.update_inference_component(InferenceComponentName=found["InferenceComponentName"],
                                        Specification=of_model(constant_model(world, 5.0)))
    in_service(world, found["InferenceComponentName"], 1)
    assert answer(world, host, found["InferenceComponentName"]) == 5.0


def test_the_endpoints_instances_are_the_room(world, host):
    """An ml.m5.large has 2 vCPUs and 8 GiB."""
    model = constant_model(world, 1.0)
    name = deployed(world, host, of_model(model, needs(4096, 1)))
    found = settled(world, ask_for(world, host, of_model(model, needs(5000))))
    assert found["InferenceComponentStatus"] == "Failed"
    assert "There is not enough hardware resources on the instances" in found["FailureReason"]
    assert "asks for 1 x 5000 MB" in found["FailureReason"] and "ml.m5.large" in found["FailureReason"]
    with aws_error("ValidationException", containing="not enough hardware resources"):
        world.sm.update_inference_component_runtime_config(InferenceComponentName=name,
                                                           DesiredRuntimeConfig={"CopyCount": 3})
    scale(world, name, 2)
    with aws_error("ValidationException", containing="not enough hardware resources"):
        world.sm.update_inference_component(InferenceComponentName=name,
                                            Specification=of_model(model, needs(4097)))
    # More instances have more room, and cannot be taken away again while it is used.
    resize = {"EndpointName": host}
    world.sm.update_endpoint_weights_and_capacities(**resize, DesiredWeightsAndCapacities=[
        {"VariantName": "AllTraffic", "DesiredInstanceCount": 2}])
    assert world.settled(host)["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    scale(world, name, 4)
    with aws_error("ValidationException", containing="not enough hardware resources"):
        world.sm.update_endpoint_weights_and_capacities(**resize, DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": 1}])
    with aws_error("ValidationException", containing="which the endpoint would not have any more"):
        world.sm.update_endpoint(EndpointName=host, EndpointConfigName=config_of(world, variant("AllTraffic", model)))
    world.sm.update_endpoint(EndpointName=host, EndpointConfigName=host_config(world, 2))
    assert world.settled(host)["EndpointStatus"] == "InService"
    assert answer(world, host, name) == 1.0


def test_a_copy_that_ends_is_started_again(world, host):
    name = deployed(world, host, of_script(world, "mortal"))
    before = answer(world, host, name)["pid"]
    os.kill(before, signal.SIGKILL)

    def back():
        """Not a worker that is still ending: its parent is another process."""
        try:
            pid = answer(world, host, name)["pid"]
        except ClientError:
            return False
        return pid != before and "tidemill_serving" in Path(f"/proc/{pid}/cmdline").read_text()
    wait_until(back, 30)
    in_service(world, name, 1)


def test_lists(world, host):
    model = constant_model(world, 1.0)
    names = [deployed(world, host, of_model(model)) for _ in range(3)]
    broken = ask_for(world, host, of_model(model, needs(100_000)))
    listed = world.sm.list_inference_components
    everything = {"EndpointNameEquals": host}
    assert names_of(world, host) == [broken, *names[::-1]]  # the newest first
    assert [each["InferenceComponentName"] for each in listed(
        **everything, SortBy="Name", SortOrder="Ascending")["InferenceComponents"]] == sorted([broken, *names])
    assert [each["InferenceComponentName"] for each in listed(
        **everything, StatusEquals="Failed")["InferenceComponents"]] == [broken]
    first = world.sm.describe_inference_component(InferenceComponentName=names[0])
    assert [each["InferenceComponentName"] for each in listed(
        **everything, CreationTimeBefore=world.sm.describe_inference_component(InferenceComponentName=names[1])
        ["CreationTime"])["InferenceComponents"]] == [names[0]]
    assert [each["InferenceComponentName"] for each in listed(
        NameContains=names[2])["InferenceComponents"]] == [names[2]]
    assert listed(**everything, VariantNameEquals="Other")["InferenceComponents"] == []
    one = next(each for each in listed(**everything)["InferenceComponents"]
               if each["InferenceComponentName"] == names[0])
    assert one["InferenceComponentArn"] == first["InferenceComponentArn"] and one["VariantName"] == "AllTraffic"
    pages = world.sm.get_paginator("list_inference_components").paginate(
        **everything, PaginationConfig={"PageSize": 3})
    found = [each["InferenceComponentName"] for page in pages for each in page["InferenceComponents"]]
    assert sorted(found) == sorted([broken, *names]) and len(set(found)) == 4


def test_deletion(world, host):
    name = deployed(world, host, of_script(world, "gone"))
    pid = answer(world, host, name)["pid"]
    arn = world.sm.describe_inference_component(InferenceComponentName=name)["InferenceComponentArn"]
    with aws_error("ValidationException", containing=name):
        world.sm.delete_endpoint(EndpointName=host)
    assert answer(world, host, name)["pid"] == pid
    world.sm.delete_inference_component(InferenceComponentName=name)
    wait_until(lambda: name not in names_of(world, host), 40)
    assert not alive(pid)
    with aws_error("ValidationException", containing="Could not find inference component"):
        world.sm.describe_inference_component(InferenceComponentName=name)
    with aws_error("ValidationException", containing="Could not find inference component"):
        world.sm.delete_inference_component(InferenceComponentName=name)
    with aws_error("ValidationException"):
        world.sm.list_tags(ResourceArn=arn)
    with aws_error("ValidationError", containing="not found"):
        ask(world, host, name)


def test_a_slow_start_holds_nothing_up(world, host):
    slow = ask_for(world, host, of_script(world, "slow"))
    group = f"/aws/sagemaker/InferenceComponents/{slow}"
    wait_until(lambda: "greeting slow" in world.log_text(group, "AllTraffic/"), 30)
    other = deployed(world, host, of_model(constant_model(world, 9.0)))
    assert answer(world, host, other) == 9.0
    found = world.sm.list_inference_components(EndpointNameEquals=host, StatusEquals="Creating")
    assert [each["InferenceComponentName"] for each in found["InferenceComponents"]] == [slow]
    world.sm.delete_inference_component(InferenceComponentName=slow)
    wait_until(lambda: names_of(world, host) == [other], 60)
    assert answer(world, host, other) == 9.0


def test_a_deletion_takes_copies_along_that_were_just_let_go(world, host):
    name = deployed(world, host, of_script(world, "brief"))
    first = answer(world, host, name)["pid"]
    world.sm.update_inference_component(InferenceComponentName=name, Specification=of_script(world, "briefer"))
    in_service(world, name, 1)
    second = answer(world, host, name)["pid"]
    scale(world, name, 0)
    world.sm.delete_inference_component(InferenceComponentName=name)
    wait_until(lambda: name not in names_of(world, host), 40)
    assert not alive(first) and not alive(second)


def test_refusals(world, host):
    model = constant_model(world, 1.0)
    good = {"EndpointName": host, "VariantName": "AllTraffic", "Specification": of_model(model),
            "RuntimeConfig": {"CopyCount": 1}}

    def refused(text, **changes):
        with aws_error("ValidationException", containing=text):
            world.sm.create_inference_component(InferenceComponentName=unique("c"), **{**good, **changes})

    refused("Could not find endpoint", EndpointName="nobody")
    refused("no production variant Other", VariantName="Other")
    refused("Could not find model", Specification=of_model("nobody"))
    refused("CopyCount", RuntimeConfig={"CopyCount": 0})
    refused("CopyCount", RuntimeConfig={"CopyCount": 1000})
    refused("Specification.ModelName or", Specification={"ComputeResourceRequirements": needs()})
    refused("ComputeResourceRequirements is missing", Specification={"ModelName": model})
    refused("Adapters", Specification={"BaseInferenceComponentName": "x"})
    refused("InstanceType", Specification=of_model(model, InstanceType="ml.m5.xlarge"))
    refused("MaxMemoryRequiredInMb", Specification=of_model(model, needs(1024, MaxMemoryRequiredInMb=512)))
    plain, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model)))
    refused("Inference Components are not supported in this Endpoint", EndpointName=plain)
    with aws_error("ValidationError", containing="hosts no inference components"):
        ask(world, plain, "x")
    world.sm.delete_endpoint(EndpointName=plain)
    name = deployed(world, host, of_model(model))
    with aws_error("ValidationException", containing="already existing"):
        world.sm.create_inference_component(InferenceComponentName=name, **good)
    with aws_error("ValidationException", containing="Give a Specification"):
        world.sm.update_inference_component(InferenceComponentName=name)
    with aws_error("ValidationException", containing="RollbackMaximumBatchSize"):
        size = {"Type": "COPY_COUNT", "Value": 1}
        world.sm.update_inference_component(
            InferenceComponentName=name, Specification=of_model(model), DeploymentConfig={"RollingUpdatePolicy": {
                "MaximumBatchSize": size, "RollbackMaximumBatchSize": size, "WaitIntervalInSeconds": 0}})


def test_configurations_without_models(world):
    bare = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    with aws_error("ValidationException", containing="ExecutionRoleArn"):
        config_of(world, bare)
    with aws_error("ValidationException", containing="none for an endpoint of inference components"):
        config_of(world, bare, variant("Other", constant_model(world, 1.0)), ExecutionRoleArn=world.role)
    with aws_error("ValidationException", containing="serverless"):
        config_of(world, {"VariantName": "AllTraffic", "ServerlessConfig": {
            "MemorySizeInMB": 1024, "MaxConcurrency": 1}}, ExecutionRoleArn=world.role)


def test_the_sagemaker_sdk(world, monkeypatch):
    """Model.deploy() onto an endpoint of components; without its waits, which sleep 30 s before they look."""
    for name, value in world.server.env().items():
        monkeypatch.setenv(name, value)
    from sagemaker import Session
    from sagemaker.compute_resource_requirements.resource_requirements import ResourceRequirements
    from sagemaker.enums import EndpointType
    from sagemaker.model import Model
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import CSVSerializer
    session, host = Session(default_bucket=world.bucket), unique("sdk-host")
    predictors = []
    for value in (7.0, 8.0):
        model = Model(XGBOOST, constant_archive(world, value), role=world.role, sagemaker_session=session,
                      name=unique("sdk-model"), predictor_cls=Predictor)
        predictors.append(model.deploy(
            1, "ml.m5.large", endpoint_name=host, endpoint_type=EndpointType.INFERENCE_COMPONENT_BASED,
            resources=ResourceRequirements(requests={"memory": 1024, "num_cpus": 0.5, "copies": 1}),
            serializer=CSVSerializer(), wait=False))
        session.wait_for_inference_component(predictors[-1].component_name, poll=1)
        world.settled(host)
    assert [float(each.predict([[1, 2]])) for each in predictors] == [7.0, 8.0]
    assert session.is_inference_component_based_endpoint(host)
    names = session.list_and_paginate_inference_component_names_associated_with_endpoint(host)
    assert names == sorted(each.component_name for each in predictors)
    for each in predictors:
        session.delete_inference_component(each.component_name, wait=False)
        session.wait_for_inference_component_deletion(each.component_name, poll=1)
    session.delete_endpoint(host)


def test_components_outlive_the_server():
    with Server(auth="verify") as server:
        world = World(server)
        host, _ = endpoint_of(world, host_config(world))
        native = deployed(world, host, of_model(constant_model(world, 6.0)))
        script = deployed(world, host, of_script(world, "lasting"), 2)
        pids = set()
        wait_until(lambda: concurrent(world, host, script, pids))
        unfinished = ask_for(world, host, of_script(world, "late"))
        server.kill()
        assert all(alive(pid) for pid in pids)
        server.start()
        began = time.monotonic()
        assert answer(world, host, native) == 6.0
        assert answer(world, host, script)["pid"] in pids
        assert time.monotonic() - began < 5
        in_service(world, unfinished, 1)
        assert answer(world, host, unfinished)["greeting"] == "late"
        # The restarted server is in charge: it scales, it deletes, the endpoint goes after its components.
        scale(world, script, 1)
        delete_host(world, host)
        wait_until(lambda: not any(alive(pid) for pid in pids), 30)
