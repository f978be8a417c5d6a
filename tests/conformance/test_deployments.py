"""Updates under load: all at once, canary, linear, rolling; rollbacks; the history."""
import contextlib
import json
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

from helpers import aws_error, unique, wait_until
from hosting import Load, answer, config_of, constant_model, endpoint_of, in_service, updated, variant
from sagemaker_world import SCIKIT_LEARN, XGBOOST, World, tar_gz
from support.server import BINARY

NUMBER = """
import os


def model_fn(model_dir):
    return os.environ["NUMBER"]


def input_fn(body, content_type):
    if body == "die":
        os.kill(os.getppid(), 9)  # the model server itself, not only this worker
        os._exit(3)
    return body


def predict_fn(body, model):
    return model


def output_fn(number, accept):
    return number, "text/csv"
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def endpoint(world):
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", constant_model(world, 1.0), count=4)))
    yield name
    world.sm.delete_endpoint(EndpointName=name)


def blue_green(kind, wait, size=None, **more):
    routing = {"Type": kind, "WaitIntervalInSeconds": wait}
    if size:
        routing["CanarySize" if kind == "CANARY" else "LinearStepSize"] = {"Type": "CAPACITY_PERCENT", "Value": size}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **more}}


def new_config(world, value, count=4):
    return config_of(world, variant("AllTraffic", constant_model(world, value), count=count))


def history(world, name):
    """The JSON output of `tidemill endpoint history`."""
    run = subprocess.run([str(BINARY), "endpoint", "history", name, "--json"], capture_output=True, text=True,
                         env=world.server.shell_environment())
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_all_at_once_loses_nothing(world, endpoint):
    config = new_config(world, 2.0)
    with Load(world, endpoint) as load:
        wait_until(lambda: load.answers)
        world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        updated(world, endpoint, config)
        wait_until(lambda: load.answers[-1] == 2.0)
    assert not load.failures
    first_new = load.answers.index(2.0)
    assert {1.0} == set(load.answers[:first_new]) and load.answers[-1] == 2.0


def test_a_canary_shares_then_takes_over(world, endpoint):
    config = new_config(world, 3.0)
    with Load(world, endpoint) as load:
        world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config,
                                 DeploymentConfig=blue_green("CANARY", 2, 25))
        pending = wait_until(lambda: world.sm.describe_endpoint(EndpointName=endpoint).get("PendingDeploymentSummary"),
                             10)
        assert pending["EndpointConfigName"] == config
        assert pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] in ("Creating", "Baking")
        wait_until(lambda: 3.0 in load.answers, 10)
        before = len(load.answers)
        time.sleep(1)
        baking = load.answers[before:]
        assert 0.15 < baking.count(3.0) / len(baking) < 0.35, baking.count(3.0) / len(baking)
        assert world.sm.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating"
        found = updated(world, endpoint, config)
    assert not load.failures
    assert found["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert answer(world, endpoint) == 3.0


def test_linear_steps(world, endpoint):
    config = new_config(world, 4.0)
    with Load(world, endpoint, threads=2) as load:
        world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config,
                                 DeploymentConfig=blue_green("LINEAR", 1, 50))
        updated(world, endpoint, config)
    assert not load.failures
    steps = [step["TrafficPercent"] for step in history(world, endpoint)[-1]["Steps"] if step["What"] == "traffic"]
    assert [round(step) for step in steps] == [50, 100]


def test_a_deployment_that_fails_rolls_back(world, endpoint):
    before = world.sm.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    was = answer(world, endpoint)
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": XGBOOST, "ModelDataUrl": world.put(f"{model}/model.tar.gz", tar_gz({"xgboost-model": "nonsense"}))})
    config = config_of(world, variant("AllTraffic", model))
    with Load(world, endpoint, threads=2) as load:
        world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config,
                                 DeploymentConfig=blue_green("CANARY", 1, 10))
        found = wait_until(lambda: (now := world.sm.describe_endpoint(EndpointName=endpoint))["EndpointStatus"] ==
                           "InService" and now, 30)
    assert not load.failures and set(load.answers) == {was}
    assert found["EndpointConfigName"] == before
    assert "cannot be loaded" in found["FailureReason"]
    last = history(world, endpoint)[-1]
    assert last["Result"] == "RolledBack" and "cannot be loaded" in last["Reason"]


def test_retained_deployment_config_and_history(world, endpoint):
    world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=new_config(world, 5.0),
                             DeploymentConfig=blue_green("LINEAR", 0, 50))
    wait_until(lambda: answer(world, endpoint) == 5.0 and
               world.sm.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService", 30)
    config = new_config(world, 6.0)
    world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, RetainDeploymentConfig=True)
    updated(world, endpoint, config)
    entries = history(world, endpoint)
    assert entries[0]["Operation"] == "CreateEndpoint" and entries[0]["Result"] == "Succeeded"
    assert entries[-1]["Policy"].startswith("LINEAR 50%")
    assert entries[-1]["EndpointConfigName"] == config
    assert entries[-1]["PreviousEndpointConfigName"] == entries[-2]["EndpointConfigName"]
    assert ":root" in entries[-1]["Trigger"]
    text = subprocess.run([str(BINARY), "endpoint", "history", endpoint], capture_output=True, text=True, check=True,
                          env=world.server.shell_environment()).stdout
    assert config in text and "100.0% to the new fleet" in text
    missing = subprocess.run([str(BINARY), "endpoint", "history", "nobody"], capture_output=True, text=True,
                             env=world.server.shell_environment())
    assert missing.returncode == 1 and "Could not find endpoint" in missing.stderr


def test_deployment_configs_that_cannot_be(world, endpoint):
    config = new_config(world, 7.0)
    for wrong, words in ((blue_green("CANARY", 0, 60), "CanarySize"), (blue_green("LINEAR", 0, 5), "LinearStepSize"),
                         (blue_green("CANARY", 0), "needs a CanarySize"),
                         (blue_green("ALL_AT_ONCE", 0, 20), "LinearStepSize is for"),
                         ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}, "alarms")):
        with aws_error("ValidationException", containing=words):
            world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=wrong)


def script_model(world, number):
    name = unique("model")
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "NUMBER": str(number)},
        "ModelDataUrl": world.put(f"{name}/model.tar.gz", tar_gz({"code/inference.py": NUMBER}))})
    return name


@pytest.fixture(scope="module")
def processes(world):
    """An endpoint with two model servers."""
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", script_model(world, 1), count=2)))
    yield name
    world.sm.delete_endpoint(EndpointName=name)


def test_a_rolling_update_of_processes(world, processes):
    config = config_of(world, variant("AllTraffic", script_model(world, 2), count=2))
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                                       "WaitIntervalInSeconds": 1}}
    with Load(world, processes, threads=2) as load:
        world.sm.update_endpoint(EndpointName=processes, EndpointConfigName=config, DeploymentConfig=rolling)
        found = updated(world, processes, config)
    assert not load.failures, load.failures[:3]
    assert set(load.answers) == {1.0, 2.0} and answer(world, processes) == 2.0
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    steps = [round(step["TrafficPercent"]) for step in history(world, processes)[-1]["Steps"]]
    assert steps == [0, 50, 100, 100]


def no_error(call):
    """The number that the endpoint answers, or None."""
    with contextlib.suppress(ClientError):
        return call()
    return None


def test_a_new_fleet_that_dies_while_it_bakes_is_rolled_back(world, processes):
    before = world.sm.describe_endpoint(EndpointName=processes)["EndpointConfigName"]
    config = config_of(world, variant("AllTraffic", script_model(world, 3), count=1))
    world.sm.update_endpoint(EndpointName=processes, EndpointConfigName=config,
                             DeploymentConfig=blue_green("CANARY", 60, 50))
    wait_until(lambda: answer(world, processes) == 3.0, 30)
    for _ in range(10):
        # Half of these requests reach the old fleet, which must survive them.
        with contextlib.suppress(ClientError):
            world.runtime.invoke_endpoint(EndpointName=processes, Body=b"die", ContentType="text/csv")
        if world.sm.describe_endpoint(EndpointName=processes)["EndpointStatus"] == "InService":
            break
    found = in_service(world, processes)
    assert found["EndpointConfigName"] == before
    # The servers of the old fleet that were told to die are being restarted.
    wait_until(lambda: no_error(lambda: answer(world, processes)) == 2.0, 30)
    assert history(world, processes)[-1]["Result"] == "RolledBack"


def test_capacity_of_processes_grows_and_shrinks(world, processes):
    in_service(world, processes)
    for count in (3, 1):
        world.sm.update_endpoint_weights_and_capacities(EndpointName=processes, DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": count}])
        # Servers killed by the previous test may still be restarting: InService does not wait for them.
        wait_until(lambda: in_service(world, processes)["ProductionVariants"][0]["CurrentInstanceCount"] == count)
        assert answer(world, processes) == 2.0
