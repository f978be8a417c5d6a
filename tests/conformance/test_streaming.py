"""InvokeEndpointWithResponseStream through boto3: pieces as the model makes them, and errors before and within the
stream."""
import json
import subprocess
import time
from pathlib import Path

import pytest
from botocore.exceptions import EventStreamError

from helpers import aws_error, unique
from hosting import config_of, constant_model, endpoint_of, in_service, variant
from sagemaker_world import SCIKIT_LEARN, World, tar_gz

JS = Path(__file__).resolve().parents[1] / "clients/js"

STREAMS = """
import time


def model_fn(model_dir):
    return None


def input_fn(body, content_type):
    return body


def predict_fn(body, model):
    return body


def output_fn(body, accept):
    count, pause = body.split()
    if int(count) == 0:
        raise ValueError("nothing to stream")
    return pieces(int(count), float(pause)), "text/plain"


def pieces(count, pause):
    for i in range(abs(count)):
        yield f"piece {i}\\n"
        time.sleep(pause)
    if count < 0:
        raise RuntimeError("broken off")
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def endpoint(world):
    archive = world.put(f"{unique('script')}/model.tar.gz", tar_gz({"code/inference.py": STREAMS}))
    name = world.deploy(SCIKIT_LEARN, archive, {"SAGEMAKER_PROGRAM": "inference.py"})
    in_service(world, name)
    yield name
    world.sm.delete_endpoint(EndpointName=name)


def stream(world, endpoint, body):
    return world.runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=body,
                                                              ContentType="text/plain", Accept="text/plain")


@pytest.mark.alone
def test_pieces_come_as_they_are_made(world, endpoint):
    response = stream(world, endpoint, "5 0.3")
    assert response["InvokedProductionVariant"] == "AllTraffic"
    assert response["ContentType"] == "text/plain"
    began, times, text = time.monotonic(), [], b""
    for event in response["Body"]:
        text += event["PayloadPart"]["Bytes"]
        times.append(time.monotonic() - began)
    assert text == b"".join(b"piece %d\n" % i for i in range(5))
    assert len(times) == 5 and times[0] < 0.25 and times[-1] > 1.0, times


def test_an_error_before_the_first_piece_is_an_ordinary_one(world, endpoint):
    with aws_error("ModelError", containing="nothing to stream"):
        stream(world, endpoint, "0 0")
    with aws_error("ValidationError", containing="not found"):
        stream(world, "nobody", "1 0")


def test_a_model_that_breaks_off_says_so_within_the_stream(world, endpoint):
    got = b""
    with pytest.raises(EventStreamError, match="ModelStreamError"):
        for event in stream(world, endpoint, "-2 0.05")["Body"]:
            got += event["PayloadPart"]["Bytes"]
    assert got == b"piece 0\npiece 1\n"


def test_a_native_model_streams_its_answer(world):
    name, _ = endpoint_of(world, config_of(world, variant("AllTraffic", constant_model(world, 3.0))))
    response = world.runtime.invoke_endpoint_with_response_stream(EndpointName=name, Body="1,2",
                                                                  ContentType="text/csv", Accept="text/csv")
    assert float(b"".join(event["PayloadPart"]["Bytes"] for event in response["Body"])) == 3.0
    world.sm.delete_endpoint(EndpointName=name)


def test_a_large_answer_comes_whole_to_a_slow_reader(world, endpoint):
    response = stream(world, endpoint, "20000 0")
    total = 0
    for number, event in enumerate(response["Body"]):
        total += len(event["PayloadPart"]["Bytes"])
        if number % 200 == 0:
            time.sleep(0.01)
    assert total == sum(len(f"piece {i}\n") for i in range(20000))


def test_a_client_that_leaves_frees_the_model(world, endpoint):
    response = stream(world, endpoint, "1000 0.05")
    next(iter(response["Body"]))
    response["Body"].close()
    # Both workers of the endpoint would be busy for 50 s if the model were not told.
    for _ in range(2):
        response = stream(world, endpoint, "1000 0.05")
        next(iter(response["Body"]))
        response["Body"].close()
    began = time.monotonic()
    assert b"".join(event["PayloadPart"]["Bytes"] for event in stream(world, endpoint, "1 0")["Body"]) == b"piece 0\n"
    assert time.monotonic() - began < 5


def test_javascript(world, endpoint):
    done = subprocess.run(["node", "hosting.mjs", endpoint, "3 0.01"], env=world.server.shell_environment(), cwd=JS,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout)
    whole = "piece 0\npiece 1\npiece 2\n"
    assert facts["plain"] == whole and "".join(facts["parts"]) == whole
    assert facts["variant"] == "AllTraffic"
    assert facts["failed"]["name"] == "ModelError" and facts["failed"]["status"] == 500
    assert "nothing to stream" in facts["failed"]["message"]
