"""Model servers that hang, report themselves unhealthy or cannot be reached are detected, ended and restarted; busy
ones are left alone. Everything happens in parallel, on a server that sends /ping every second."""
import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import unique, wait_until
from hosting import config_of, endpoint_of, metric, variant
from sagemaker_world import SCIKIT_LEARN, World, tar_gz
from support.job_processes import host_pid
from support.server import Server

# The tests measure how long hanging servers are missing.
pytestmark = pytest.mark.alone

# Answers with the model server's process id, after the number of seconds in the row's first column.
SCRIPT = """
import os, time


def model_fn(model_dir):
    return None


def predict_fn(rows, model):
    time.sleep(float(rows[0][0]))
    return str(int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getppid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getppid())


def output_fn(pid, accept):
    return pid, "text/plain"
"""

# Handles one request at a time, including /ping. Answers with its process id.
PROGRAM = """#!/usr/bin/env python3
import http.server, os, time

ill = []


class Handler(http.server.BaseHTTPRequestHandler):
    def say(self, status, text=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.say(500 if ill else 200)

    def do_POST(self):
        what, _, seconds = self.rfile.read(int(self.headers["Content-Length"])).decode().partition(" ")
        until = time.monotonic() + float(seconds or 0)
        if what == "sleep":
            time.sleep(float(seconds))
        while what == "compute" and time.monotonic() < until:
            pass
        if what == "ill":
            ill.append(True)
        self.say(200, str(int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getpid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getpid()))

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""

BUSY_SECONDS = 9  # three unanswered pings take 6 s
PATIENT = Config(read_timeout=60, retries={"max_attempts": 0}, max_pool_connections=50)


class HealthWorld(World):
    def __init__(self, server):
        super().__init__(server)
        self.patient = server.client("sagemaker-runtime", config=PATIENT)

    def deploy_model(self, files, program, count=1):
        model = unique("model")
        environment = {"SAGEMAKER_PROGRAM": program}
        if program.endswith(".py"):
            environment["SAGEMAKER_SUBMIT_DIRECTORY"] = "/opt/ml/model/code"
        self.sm.create_model(ModelName=model, ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": SCIKIT_LEARN, "ModelDataUrl": self.put(f"{model}/model.tar.gz", tar_gz(files)),
            "Environment": environment})
        return endpoint_of(self, config_of(self, variant("AllTraffic", model, count=count)))[0]

    def deploy_network(self):
        """A model that ONNX Runtime serves; returns the endpoint and the process."""
        before, model = onnx_processes(self.server), unique("model")
        self.sm.create_model(ModelName=model, ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": "onnxruntime:latest",
            "ModelDataUrl": self.put(f"{model}/model.tar.gz", tar_gz({"model.onnx": network()}))})
        endpoint = endpoint_of(self, config_of(self, variant("AllTraffic", model)))[0]
        pid, = onnx_processes(self.server) - before
        return endpoint, pid

    def ask(self, endpoint, body="0,0", **options):
        answer = self.patient.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/csv", **options)
        return int(answer["Body"].read())

    def pids(self, endpoint, count):
        """The process ids of the model servers; a session per server reaches each of them."""
        seen = set()
        wait_until(lambda: seen.add(self.ask(endpoint, SessionId=unique())) or len(seen) == count, 20)
        return seen

    def instances(self, endpoint):
        return self.sm.describe_endpoint(EndpointName=endpoint)["ProductionVariants"][0]["CurrentInstanceCount"]

    def answers_again(self, endpoint, than, timeout_seconds=20):
        """Waits for the new server and returns its process id; until then, only documented answers may come."""
        def ask():
            try:
                pid = self.ask(endpoint)
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ServiceUnavailable", error
                assert "is being started again" in error.response["Error"]["Message"]
                return None
            return pid not in than and pid
        return wait_until(ask, timeout_seconds)

    def endpoint_log(self, endpoint):
        return self.log_text(f"/aws/sagemaker/Endpoints/{endpoint}", "AllTraffic/")

    def recovery(self, endpoint, reason):
        """The lines about the replacement in the endpoint's log."""
        def told():
            log = self.endpoint_log(endpoint)
            return "The model server was started again and answers GET /ping." in log and log
        assert f"is taken out of service and ended: GET /ping failed 3 times in a row: {reason}" in \
            wait_until(told, 20)


def network():
    """The file of a neural network that answers with zeros."""
    import numpy
    import onnx
    from onnx import helper, numpy_helper
    shape = [onnx.TensorProto.FLOAT, ["batch", 2]]
    graph = helper.make_graph(
        [helper.make_node("LayerNormalization", ["x", "zero"], ["y"])], "network",
        [helper.make_tensor_value_info("x", *shape)], [helper.make_tensor_value_info("y", *shape)],
        [numpy_helper.from_array(numpy.zeros(2, numpy.float32), "zero")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def onnx_processes(server):
    """The process ids of this server's onnx-serve processes."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as command, open(f"/proc/{pid}/environ", "rb") as environment:
                if b"onnx-serve" in command.read().split(b"\0") and server.endpoint.encode() in environment.read():
                    found.add(int(pid))
        except OSError:
            pass  # it has ended
    return found


def stopped_tree(pid):
    """Sends SIGSTOP to the process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = [int(child) for child in file.read().split()]
    for each in [pid, *children]:
        os.kill(each, signal.SIGSTOP)


@pytest.fixture(scope="module")
def world():
    with Server(auth="verify", options=["--ping-interval-seconds", "1"]) as server:
        made = HealthWorld(server)
        yield made
        for endpoint in made.sm.list_endpoints()["Endpoints"]:
            made.sm.delete_endpoint(EndpointName=endpoint["EndpointName"])
        wait_until(lambda: not made.sm.list_endpoints()["Endpoints"], 30)


@pytest.fixture(scope="module")
def scenes(world):
    """Endpoints, each with its own problem."""
    script, program = {"code/inference.py": SCRIPT}, {"code/server": PROGRAM}
    with ThreadPoolExecutor(12) as pool:
        deployed = {name: pool.submit(world.deploy_model, files, of, count) for name, files, of, count in (
            ("hangs", script, "inference.py", 2), ("vanishes", script, "inference.py", 1), ("leaves", script, "inference.py", 1),
            ("ill", program, "server", 1), ("computes", program, "server", 1), ("waits", program, "server", 1))}
        network_endpoint = pool.submit(world.deploy_network)
        endpoint = {name: each.result() for name, each in deployed.items()}
        before = {name: world.pids(each, 2 if name == "hangs" else 1) for name, each in endpoint.items()}
        busy = {"computes": pool.submit(world.ask, endpoint["computes"], f"compute {BUSY_SECONDS}"),
                "waits": pool.submit(world.ask, endpoint["waits"], f"sleep {BUSY_SECONDS}")}
        endpoint["network"], pid = network_endpoint.result()
        os.kill(pid, signal.SIGSTOP)
        before["network"] = {pid}
        lost = pool.submit(world.ask, endpoint["leaves"], "50,0")
        time.sleep(0.5)
        stopped_tree(host_pid(*before["leaves"]))
        world.sm.delete_endpoint(EndpointName=endpoint["leaves"])
        world.ask(endpoint["ill"], "ill")
        socket_of(world.server.data, host_pid(next(iter(before["vanishes"])))).unlink()
        yield {"endpoint": endpoint, "before": before, "busy": busy, "lost": lost}


def socket_of(data, pid):
    """The address at which the server connects to this job."""
    for state in (data / "jobs").glob("*/shim.json"):
        if json.loads(state.read_text())["job_pid"] == pid:
            return state.with_name("socket")
    pytest.fail("the job was not found")


def test_one_that_hangs_under_load_is_replaced(world, scenes):
    endpoint, before = scenes["endpoint"]["hangs"], scenes["before"]["hangs"]
    answers, failures, over, threads = [], [], threading.Event(), 4

    def load():
        while not over.is_set():
            try:
                answers.append((time.monotonic(), world.ask(endpoint)))
            except ClientError as error:
                failures.append(error.response)

    hung = min(before)
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(threads):
            pool.submit(load)
        time.sleep(0.3)
        stopped_tree(host_pid(hung))
        begun = time.monotonic()
        try:
            wait_until(lambda: world.instances(endpoint) == 1, 15)
            wait_until(lambda: any(pid not in before for _, pid in answers), 15)
        finally:
            over.set()
    # The requests that it had are lost, at most one per caller; others are not affected.
    assert len(failures) <= threads, failures
    for each in failures:
        assert each["Error"]["Code"] == "ModelError" and "health check" in each["OriginalMessage"], each
    others = [when for when, pid in answers if pid != hung and when > begun]
    assert len(others) > 100 and max(b - a for a, b in zip(others, others[1:])) < 2
    assert not [pid for when, pid in answers if pid == hung and when > begun + 0.2]
    assert world.instances(endpoint) == 2
    world.recovery(endpoint, "no answer within 2 s")


def test_one_that_says_it_is_ill_is_replaced(world, scenes):
    endpoint, before = scenes["endpoint"]["ill"], scenes["before"]["ill"]
    world.answers_again(endpoint, before)
    world.recovery(endpoint, "status 500")


def test_one_whose_socket_is_gone_is_replaced(world, scenes):
    endpoint, before = scenes["endpoint"]["vanishes"], scenes["before"]["vanishes"]
    world.answers_again(endpoint, before)
    world.recovery(endpoint, "cannot connect")


def test_a_neural_networks_server_that_hangs_is_replaced(world, scenes):
    endpoint = scenes["endpoint"]["network"]
    world.recovery(endpoint, "no answer within 2 s")
    assert not scenes["before"]["network"] & onnx_processes(world.server)
    wait_until(lambda: world.instances(endpoint) == 1, 5)
    assert world.invoke(endpoint, '{"inputs": [[1.0, 2.0]]}', "application/json")["Body"].read()


def test_one_that_hangs_while_it_leaves_holds_nothing_up(world, scenes):
    with pytest.raises(ClientError) as raised:
        scenes["lost"].result()
    assert "failed its health check" in raised.value.response["OriginalMessage"]
    wait_until(lambda: not world.sm.list_endpoints(NameContains=scenes["endpoint"]["leaves"])["Endpoints"], 10)


@pytest.mark.parametrize("how", ["computes", "waits"])
def test_one_that_is_busy_is_left_alone(world, scenes, how):
    endpoint, before = scenes["endpoint"][how], scenes["before"][how]
    assert {scenes["busy"][how].result()} == before
    assert {world.ask(endpoint)} == before
    assert "taken out of service" not in world.endpoint_log(endpoint)
    assert metric(world, "tidemill_health_pings_busy_total") >= 3


def test_what_was_found_is_counted(world, scenes):
    assert metric(world, "tidemill_health_servers_ended_total") == 5
    assert metric(world, "tidemill_health_pings_total") > metric(world, "tidemill_health_pings_failed_total") >= 9


def test_servers_that_an_earlier_version_left_are_started_again_at_once():
    """Their sockets are where this version does not look, so the test does not wait for three pings of five seconds
    each."""
    with Server() as server:
        world = HealthWorld(server)
        name = world.deploy_model({"code/inference.py": SCRIPT}, "inference.py")
        before = world.ask(name)
        server.kill()
        sockets = list(server.data.glob("jobs/*/socket"))
        assert sockets
        for path in sockets:
            path.unlink()
        server.start()
        begun = time.monotonic()

        def answered():
            try:
                return world.ask(name)
            except ClientError:
                return None
        after = wait_until(answered, 30)
        assert after != before and time.monotonic() - begun < 9
