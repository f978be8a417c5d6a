"""Shared by the tests of inference components: models whose answers name the copy, and endpoints to host them."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import unique, wait_until
from hosting import config_of, endpoint_of
from sagemaker_world import SCIKIT_LEARN, tar_gz
from support.job_processes import alive  # noqa: F401 (for its users)

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
    return {"greeting": model, "pid": int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getppid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getppid()}


def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def needs(memory=512, cpus=None, **more):
    return {"MinMemoryRequiredInMb": memory, **({"NumberOfCpuCoresRequired": cpus} if cpus else {}), **more}


def host_config(world, count=1, **more):
    return config_of(world, {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large",
                             "InitialInstanceCount": count}, ExecutionRoleArn=world.role, **more)


def names_of(world, endpoint):
    return [each["InferenceComponentName"] for each in
            world.sm.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"]]


def delete_host(world, name):
    for component in names_of(world, name):
        world.sm.delete_inference_component(InferenceComponentName=component)
    wait_until(lambda: not names_of(world, name), 30)
    world.sm.delete_endpoint(EndpointName=name)


@pytest.fixture
def host(world):
    """An endpoint without a model; it and its components are deleted at the end."""
    name, _ = endpoint_of(world, host_config(world))
    yield name
    delete_host(world, name)


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


def concurrent(world, host, name, pids):
    """Concurrent requests go to different copies."""
    with ThreadPoolExecutor(4) as pool:
        pids.update(each["pid"] for each in pool.map(lambda _: answer(world, host, name), range(16)))
    return len(pids) >= 2
