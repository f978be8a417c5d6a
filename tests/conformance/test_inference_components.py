"""Inference components: several models, each with its own copies, on the instances of one endpoint."""
import json
import os
import signal
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from components import (  # noqa: F401 (host is a fixture)
    alive, answer, ask, ask_for, concurrent, delete_host, deployed, host, host_config, in_service, names_of,
    of_model, of_script, scale)
from helpers import aws_error, wait_until
from hosting import constant_model, endpoint_of, Load
from sagemaker_world import SCIKIT_LEARN, World
from support.job_processes import host_pid
from support.server import Server


@pytest.fixture(scope="module")
def world(server):
    return World(server)


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
    # At once, while the other copies are still ending:
    scale(world, name, 1)
    new = answer(world, host, name)["pid"]
    assert new not in pids
    wait_until(lambda: not any(alive(pid) for pid in pids), 30)
    assert answer(world, host, name)["pid"] == new


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
    # Both models answered while there was one copy of each.
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


def test_a_copy_that_ends_is_started_again(world, host):
    name = deployed(world, host, of_script(world, "mortal"))
    before = answer(world, host, name)["pid"]
    os.kill(host_pid(before), signal.SIGKILL)

    def back():
        """Excludes workers that are still ending: their parent is another process."""
        try:
            pid = answer(world, host, name)["pid"]
        except ClientError:
            return False
        return pid != before and "tidemill_serving" in Path(f"/proc/{host_pid(pid)}/cmdline").read_text()
    wait_until(back, 30)
    in_service(world, name, 1)


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
        # The restarted server is in control: it scales, it deletes, and the endpoint can be deleted after its
        # components.
        scale(world, script, 1)
        delete_host(world, host)
        wait_until(lambda: not any(alive(pid) for pid in pids), 30)
