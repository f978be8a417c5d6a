"""When a fleet, an instance or an endpoint is removed, requests in progress are answered before the process ends."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config

from helpers import unique, wait_until
from hosting import config_of, constant_model, endpoint_of, updated, variant
from sagemaker_world import SCIKIT_LEARN, World, tar_gz

# Exits at once on SIGTERM, whatever it is doing. Answers in two pieces, after as many seconds as the body says.
PROGRAM = """#!/usr/bin/env python3
import http.server, os, time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        seconds = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(200)
        self.send_header("Content-Length", str(2 * len(seconds)))
        self.end_headers()
        self.wfile.write(seconds.encode())
        time.sleep(float(seconds))
        self.wfile.write(seconds.encode())

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""

LONG = "8.25"  # longer than 5 s, the time for routes to change and the interval of the checks before a stop
PATIENT = Config(read_timeout=60, retries={"max_attempts": 0}, max_pool_connections=50)


class DrainWorld(World):
    def __init__(self, server):
        super().__init__(server)
        self.patient = server.client("sagemaker-runtime", config=PATIENT)

    def slow_model(self):
        name = unique("model")
        self.sm.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": SCIKIT_LEARN, "ModelDataUrl": self.put(f"{name}/model.tar.gz", tar_gz({"code/server": PROGRAM})),
            "Environment": {"SAGEMAKER_PROGRAM": "server"}})
        return name

    def slow_endpoint(self, count=1, **config):
        return endpoint_of(self, config_of(self, variant("AllTraffic", self.slow_model(), count=count), **config))[0]

    def ask(self, endpoint, seconds=LONG):
        return self.patient.invoke_endpoint(EndpointName=endpoint, Body=seconds, ContentType="text/csv")["Body"].read()

    def stream(self, endpoint):
        answer = self.patient.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=LONG,
                                                                   ContentType="text/csv")
        return b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])

    def status(self, endpoint):
        """The status from a List, since DescribeEndpoint waits for changes; None when the endpoint is gone."""
        found = self.sm.list_endpoints(NameContains=endpoint)["Endpoints"]
        return found[0]["EndpointStatus"] if found else None

    def delete(self, endpoint):
        self.sm.delete_endpoint(EndpointName=endpoint)

    def update(self, endpoint, **more):
        config = config_of(self, variant("AllTraffic", constant_model(self, 7.0)), **more)
        self.sm.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return config

    def text(self, uri):
        """The object's text; "" while it does not exist."""
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents")
        return found and self.read(uri).decode() or ""


def asynchronous(world):
    return {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": f"s3://{world.bucket}/out",
                                                      "S3FailurePath": f"s3://{world.bucket}/failed"}}}


@pytest.fixture(scope="module")
def world(server):
    return DrainWorld(server)


@pytest.fixture(scope="module")
def scenes(world):
    """Endpoints with long answers in progress, each of which is changed meanwhile."""
    with ThreadPoolExecutor(16) as pool:
        made = {name: pool.submit(world.slow_endpoint, count, **more) for name, count, more in (
            ("updated", 1, {}), ("shrunk", 2, {}), ("deleted", 1, {}), ("asynchronous", 1, asynchronous(world)))}
        endpoint = {name: each.result() for name, each in made.items()}
        asked = {name: [pool.submit(world.ask, endpoint[name]), pool.submit(world.ask, endpoint[name])]
                 for name in ("updated", "shrunk", "deleted")}
        asked["updated"].append(pool.submit(world.stream, endpoint["updated"]))
        location = world.put(f"in/{unique()}", LONG)
        queued = world.runtime.invoke_endpoint_async(EndpointName=endpoint["asynchronous"], InputLocation=location,
                                                     ContentType="text/csv")
        time.sleep(0.5)
        began = time.monotonic()
        configs = {name: pool.submit(world.update, endpoint[name], **more)
                   for name, more in (("updated", {}), ("asynchronous", asynchronous(world)))}
        world.sm.update_endpoint_weights_and_capacities(EndpointName=endpoint["shrunk"], DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": 1}])
        world.delete(endpoint["deleted"])
        configs = {name: each.result() for name, each in configs.items()}
        deleting = world.status(endpoint["deleted"])
        yield {"endpoint": endpoint, "asked": asked, "queued": queued, "began": began, "configs": configs,
               "deleting": deleting}
    for name in ("updated", "shrunk", "asynchronous"):
        world.delete(endpoint[name])
    wait_until(lambda: not any(map(world.status, endpoint.values())), 30)


def whole(scenes, name):
    assert [each.result() for each in scenes["asked"][name]] == [(2 * LONG).encode()] * len(scenes["asked"][name])


def test_an_update_cuts_no_answer_and_no_stream(world, scenes):
    updated(world, scenes["endpoint"]["updated"], scenes["configs"]["updated"])
    # The endpoint is in service long before the old fleet has given its last answer.
    assert time.monotonic() - scenes["began"] < float(LONG)
    assert float(world.ask(scenes["endpoint"]["updated"], "1,2")) == 7.0
    whole(scenes, "updated")


def test_instances_that_are_taken_away_answer_what_they_have(world, scenes):
    whole(scenes, "shrunk")
    assert world.ask(scenes["endpoint"]["shrunk"], "0") == b"00"


def test_an_endpoint_is_deleted_once_it_has_answered(world, scenes):
    assert scenes["deleting"] == "Deleting"
    whole(scenes, "deleted")
    wait_until(lambda: not world.status(scenes["endpoint"]["deleted"]), 15)


def test_an_asynchronous_invocation_outlives_an_update(world, scenes):
    updated(world, scenes["endpoint"]["asynchronous"], scenes["configs"]["asynchronous"])
    queued = scenes["queued"]
    assert wait_until(lambda: world.text(queued["OutputLocation"]), 20) == 2 * LONG
    assert not world.text(queued["FailureLocation"])
