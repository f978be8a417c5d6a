"""Many models in containers that are processes: loads that are slow, or that kill the instance once or always."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from helpers import unique, wait_until
from hosting import config_of, endpoint_of, variant
from sagemaker_world import SCIKIT_LEARN, World, tar_gz

# Answers with its name. While loading, "slow" takes a second, "once" kills the model server unless it did so before,
# and "deadly" always kills it.
SCRIPT = """
import os, signal, time

NAME, BUCKET, MARK = "THE_NAME", "THE_BUCKET", "THE_MARK"


def first_time():
    # Kept in S3, because nothing else of a model server survives it.
    import boto3
    s3 = boto3.client("s3")
    if s3.list_objects_v2(Bucket=BUCKET, Prefix=MARK)["KeyCount"]:
        return False
    s3.put_object(Bucket=BUCKET, Key=MARK)
    return True


def model_fn(model_dir):
    print("loading", NAME, flush=True)
    if NAME == "slow":
        time.sleep(1)
    if NAME == "deadly" or (NAME == "once" and first_time()):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return NAME


def transform_fn(model, body, content_type, accept):
    return model + " " + body, "text/plain"
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture
def endpoint(world):
    """Two instances, and the place where scripts leave their mark."""
    prefix, mark = unique("many"), unique("mark")
    for name in ("plain", "slow", "once", "deadly"):
        script = SCRIPT.replace("THE_NAME", name).replace("THE_MARK", mark).replace("THE_BUCKET", world.bucket)
        world.put(f"{prefix}/{name}.tar.gz", tar_gz({"code/inference.py": script}))
    model = unique("model")
    world.sm.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": SCIKIT_LEARN, "Mode": "MultiModel", "ModelDataUrl": f"s3://{world.bucket}/{prefix}/"})
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model, count=2)))
    yield name
    world.sm.delete_endpoint(EndpointName=name)


def ask(world, endpoint, model, **options):
    return world.runtime.invoke_endpoint(EndpointName=endpoint, Body="hello", ContentType="text/plain",
                                         TargetModel=f"{model}.tar.gz", **options)["Body"].read()


def loads(world, endpoint, model):
    return world.log_text(f"/aws/sagemaker/Endpoints/{endpoint}", "AllTraffic/").count(f"loading {model}")


def running(world, endpoint):
    return world.sm.describe_endpoint(EndpointName=endpoint)["ProductionVariants"][0]["CurrentInstanceCount"]


def test_a_slow_load_is_waited_for_by_all_who_ask(world, endpoint):
    """Uses a session, so that all requests go to the same instance; other models answer meanwhile."""
    with ThreadPoolExecutor(9) as pool:
        began = time.monotonic()
        asked = [pool.submit(ask, world, endpoint, "slow", SessionId="one") for _ in range(8)]
        assert ask(world, endpoint, "plain", SessionId="one") == b"plain hello"
        assert not all(each.done() for each in asked)
        assert [each.result() for each in asked] == [b"slow hello"] * 8
    assert time.monotonic() - began < 10
    wait_until(lambda: loads(world, endpoint, "plain") == 1,
               problem=lambda: world.log_text(f"/aws/sagemaker/Endpoints/{endpoint}", "AllTraffic/"))
    assert loads(world, endpoint, "slow") == 1


def test_an_instance_that_dies_while_it_loads_costs_no_answer(world, endpoint):
    assert ask(world, endpoint, "once") == b"once hello"
    wait_until(lambda: loads(world, endpoint, "once") == 2)
    wait_until(lambda: running(world, endpoint) == 2, 60)
    assert ask(world, endpoint, "once") == b"once hello"


def test_a_model_that_kills_who_loads_it_is_the_models_error(world, endpoint):
    """The instances are restarted, and the other models load again."""
    assert ask(world, endpoint, "plain") == b"plain hello"
    with pytest.raises(ClientError) as raised:
        ask(world, endpoint, "deadly")
    assert raised.value.response["Error"]["Code"] in ("ModelError", "ServiceUnavailable"), raised.value

    def answers():
        try:
            return ask(world, endpoint, "plain") == b"plain hello"
        except ClientError:
            return False
    wait_until(answers, 60)
    wait_until(lambda: running(world, endpoint) == 2, 60)
