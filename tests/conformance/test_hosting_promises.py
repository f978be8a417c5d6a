"""Promises of the page on hosting that no other test covers: sessions, random routing, what an update retains,
selectable output."""
import json

import pytest

from helpers import unique
from hosting import answer, config_of, constant_model, endpoint_of, in_service, updated, variant
from sagemaker_world import SCIKIT_LEARN, XGBOOST, World, tar_gz

WHO = """
import os

def model_fn(folder): return None
def input_fn(body, kind): return body
def predict_fn(body, model): return os.environ.get("HOSTNAME", "") + ":" + os.getcwd() + ":" + str(int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getppid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getppid())
def output_fn(answer, accept): return answer
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def two_instances(world):
    """An endpoint with two processes whose answers identify them."""
    name = unique("who")
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "ModelDataUrl": world.put(f"{name}/model.tar.gz", tar_gz({"code/inference.py": WHO})),
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}})
    config = config_of(world, variant("A", name, count=2, RoutingConfig={"RoutingStrategy": "RANDOM"}))
    return endpoint_of(world, config)[0]


def who(world, endpoint, **options):
    return world.runtime.invoke_endpoint(EndpointName=endpoint, Body="x", ContentType="text/plain", **options)["Body"].read()


def test_random_routing_reaches_every_instance(world, two_instances):
    assert len({who(world, two_instances) for _ in range(40)}) == 2


def test_a_session_stays_where_it_began(world, two_instances):
    seen = {}
    for session in range(12):
        seen[session] = who(world, two_instances, SessionId=f"session-{session}")
    for _ in range(3):
        for session, where in seen.items():
            assert who(world, two_instances, SessionId=f"session-{session}") == where
    assert len(set(seen.values())) == 2


def weights(world, endpoint):
    return {each["VariantName"]: each["DesiredWeight"]
            for each in world.sm.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]}


def test_an_update_retains_what_it_is_told_to(world):
    one, two = constant_model(world, 1.0), constant_model(world, 2.0)
    endpoint, _ = endpoint_of(world, config_of(world, variant("A", one, 1.0), variant("B", one, 3.0)))
    world.sm.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=[
        {"VariantName": "A", "DesiredWeight": 5.0}])
    in_service(world, endpoint)
    assert weights(world, endpoint) == {"A": 5.0, "B": 3.0}
    retained = config_of(world, variant("A", two, 1.0), variant("B", two, 1.0))
    world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=retained, RetainAllVariantProperties=True)
    updated(world, endpoint, retained)
    assert weights(world, endpoint) == {"A": 5.0, "B": 3.0}
    assert answer(world, endpoint) == 2.0
    excluded = config_of(world, variant("A", one, 2.0), variant("B", one, 4.0))
    world.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=excluded, RetainAllVariantProperties=True,
                             ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}])
    updated(world, endpoint, excluded)
    assert weights(world, endpoint) == {"A": 2.0, "B": 4.0}


def test_selectable_output(world):
    import numpy
    import xgboost
    rows = numpy.random.default_rng(3).normal(size=(200, 3)).astype("f4")
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 2},
                            xgboost.DMatrix(rows, label=numpy.digitize(rows[:, 0], [-0.5, 0.5])), 5)
    expected = booster.predict(xgboost.DMatrix(rows[:2]))
    name = world.deploy(XGBOOST, world.put(f"{unique()}/model.tar.gz", tar_gz({"xgboost-model": bytes(booster.save_raw("ubj"))})),
                        {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probability,probabilities,labels"})
    in_service(world, name)
    body = "\n".join(",".join(map(str, row)) for row in rows[:2])
    got = json.loads(world.invoke(name, body)["Body"].read())["predictions"]
    for one, wanted in zip(got, expected):
        assert one["predicted_label"] == wanted.argmax()
        assert one["probability"] == pytest.approx(wanted.max(), rel=1e-6)
        assert one["probabilities"] == pytest.approx(list(wanted), rel=1e-6)
        assert one["labels"] == [0, 1, 2]
