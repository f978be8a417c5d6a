"""User code can neither replace another's model server nor reach anything of this machine except the Tidemill server:
not other jobs' ports, not services on the host's loopback interface, and under EnableNetworkIsolation nothing at
all."""
import http.server
import json
import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from helpers import unique, wait_until  # noqa: E402
from sagemaker_world import SCIKIT_LEARN, World, tar_gz  # noqa: E402
from support.server import Server  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give jobs networks of their own")
SCRIPT = {"SAGEMAKER_PROGRAM": "inference.py"}

# Answers with its name, slowly enough that simultaneous requests each need a connection.
NAMED = """
import json, os, time
def model_fn(folder):
    return None
def input_fn(body, content_type):
    return json.loads(body)
def predict_fn(data, model):
    time.sleep(0.05)
    return act(data)
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""
VICTIM = NAMED + """
def act(data):
    return "victim"
"""
# Puts a link to another's socket wherever its own may be, then answers with what it could do.
IMPOSTOR = NAMED + """
import glob
def act(data):
    done = []
    own = set(glob.glob("/opt/ml/*.sock") + ["/opt/ml/server.sock"])
    for path in own:
        for target in data.get("targets", []):
            try:
                if os.path.lexists(path):
                    os.unlink(path)
                os.symlink(target, path)
                done.append(path)
            except OSError as error:
                done.append(str(error))
    return ["impostor", done]
"""
# A program of the user's own: says its name, and what of a list of addresses it reaches.
PROGRAM = """#!/usr/bin/env python3
import http.server, json, os, socket

def reaches(host, port):
    try:
        socket.create_connection((host, port), timeout=0.5).close()
        return True
    except OSError:
        return False

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(json.dumps({"name": os.environ["NAME"], "port": os.environ["SAGEMAKER_BIND_TO_PORT"], "reached": [
            each for each in asked if reaches(*each)]}).encode())

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
# A training job that reports in its model what it reaches and what it knows of the server.
LOOKS_AROUND = """
import json, os, socket, urllib.request
found = {"reached": [], "variables": {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "TIDEMILL_JOB", "S3_"))}}
for host, port in json.loads(os.environ["SM_HP_TARGETS"]):
    try:
        socket.create_connection((host, port), timeout=0.5).close()
        found["reached"].append([host, port])
    except OSError:
        pass
with open("/proc/net/dev") as file:
    found["interfaces"] = sorted(line.split(":")[0].strip() for line in file if ":" in line)
try:
    import boto3
    found["identity"] = boto3.client("sts").get_caller_identity()["Arn"]
except Exception as error:
    found["identity"] = type(error).__name__
json.dump(found, open("/opt/ml/model/found.json", "w"))
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def bystander():
    """A service of this machine that listens on every address; returns its addresses as [host, port]."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        yield [["127.0.0.1", port], ["127.0.0.2", port], ["localhost", port], *([[own, port]] if (own := own_address()) else [])]


def own_address():
    """This machine's address in the network; "" when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return ""


def deployed(world, script, program="inference.py", **environment):
    data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({f"code/{program}": script}))
    name = world.deploy(SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": program, **environment})
    found = world.settled(name)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    return name


def ask(world, endpoint, question):
    return json.loads(world.invoke(endpoint, json.dumps(question), content_type="application/json")["Body"].read())


def looks_around(world, targets, **changes):
    job = world.run(LOOKS_AROUND, {"targets": json.dumps(targets)}, **changes)
    assert job["TrainingJobStatus"] == "Completed", job
    return job, json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])


def test_no_model_answers_for_another(world, server):
    victim, impostor = deployed(world, VICTIM), deployed(world, IMPOSTOR)
    sockets = [str(path) for pattern in ("endpoints/**/*.sock", "jobs/*/socket") for path in server.data.glob(pattern)]
    assert len(sockets) >= 2
    ask(world, impostor, {"targets": sockets})
    with ThreadPoolExecutor(12) as pool:  # so that new connections are made
        answers = list(pool.map(lambda _: ask(world, impostor, {}), range(24)))
    assert {answer[0] for answer in answers} == {"impostor"}, answers
    assert ask(world, victim, {}) == "victim"


def test_the_sockets_lie_where_no_job_looks(server):
    for path in server.data.glob("jobs/*/socket"):
        assert path.lstat().st_uid == os.geteuid() and path.parent.stat().st_mode & 0o077 == 0
    assert not [path for path in server.data.glob("endpoints/**/*.sock") if not path.is_symlink()]  # the impostor made the links


def test_programs_reach_neither_each_other_nor_the_host(world, bystander):
    one = deployed(world, PROGRAM, "server", NAME="one")
    other = deployed(world, PROGRAM, "server", NAME="other")
    everything = bystander + [["127.0.0.1", port] for port in range(10_000, 10_050)]
    for name, endpoint in (("one", one), ("other", other)):
        found = ask(world, endpoint, everything)
        assert found == {"name": name, "port": "8080", "reached": []}
    # No other process of this machine can reach them either.
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", 8080), timeout=0.5)


def test_a_training_job_reaches_the_server_alone(world, bystander, server):
    _, found = looks_around(world, [*bystander, ["127.0.0.1", server.port], ["192.0.2.1", 80]])
    assert found["reached"] == [["127.0.0.1", server.port]] and found["interfaces"] == ["lo"], found
    assert ":assumed-role/" in found["identity"] and found["variables"]["TIDEMILL_JOB_NETWORK"] == "isolated"


def test_network_isolation_of_a_training_job(world, bystander, server):
    targets = [*bystander, ["127.0.0.1", server.port]]
    # The code is in a channel, as the SDK sends it in this case, since the job could not fetch it.
    world.put("isolated/train.py", LOOKS_AROUND)
    job, found = looks_around(world, targets, EnableNetworkIsolation=True, InputDataConfig=[world.channel("code", "isolated/")], **{
        "HyperParameters": {"targets": json.dumps(targets), "sagemaker_program": '"train.py"',
                            "sagemaker_submit_directory": '"/opt/ml/input/data/code"'}})
    assert job["EnableNetworkIsolation"] is True
    assert found["reached"] == [] and found["interfaces"] == ["lo"]
    assert not [name for name in found["variables"] if "CREDENTIALS" in name or "TOKEN" in name or "ENDPOINT" in name], found
    assert ":assumed-role/" not in found["identity"]


def test_network_isolation_of_a_model(world, bystander, server):
    for program, script in (("inference.py", NAMED + PROBES), ("server", PROGRAM)):
        data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({f"code/{program}": script}))
        name = unique("isolated")
        world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, EnableNetworkIsolation=True, PrimaryContainer={
            "Image": SCIKIT_LEARN, "ModelDataUrl": data, "Environment": {"SAGEMAKER_PROGRAM": program, "NAME": name}})
        assert world.sm.describe_model(ModelName=name)["EnableNetworkIsolation"] is True
        world.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[of_model(name)])
        world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
        assert world.settled(name)["EndpointStatus"] == "InService", world.settled(name)
        found = ask(world, name, [*bystander, ["127.0.0.1", server.port]])
        assert found["reached"] == [], found
        assert not found.get("credentials")


def of_model(name):
    return {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def test_network_isolation_of_an_endpoint_configuration(world, bystander, server):
    data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"code/inference.py": NAMED + PROBES}))
    name = unique("isolated")
    world.make_config(name, SCIKIT_LEARN, data, SCRIPT)
    world.sm.create_endpoint_config(EndpointConfigName=name + "-cut", EnableNetworkIsolation=True, ExecutionRoleArn=world.role,
                                    ProductionVariants=[of_model(name)])
    assert world.sm.describe_endpoint_config(EndpointConfigName=name + "-cut")["EnableNetworkIsolation"] is True
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name + "-cut")
    assert world.settled(name)["EndpointStatus"] == "InService", world.settled(name)
    assert ask(world, name, [*bystander, ["127.0.0.1", server.port]]) == {"reached": [], "credentials": []}


PROBES = """
import socket
def act(asked):
    reached = []
    for host, port in asked:
        try:
            socket.create_connection((host, port), timeout=0.5).close()
            reached.append([host, port])
        except OSError:
            pass
    return {"reached": reached, "credentials": [name for name in os.environ if "CREDENTIALS" in name or "AWS_SESSION" in name]}
"""


def test_what_needs_the_network_is_told_which_setting_to_use(world):
    job = world.run("print('not reached')", files={"requirements.txt": "a-package-that-is-nowhere==1.0\n"})
    assert job["TrainingJobStatus"] == "Failed"
    assert "requirements.txt" in job["FailureReason"] and "job-network" in job["FailureReason"], job["FailureReason"]


TUNNELS = """
import json, os, socket
from urllib.parse import urlsplit
server = urlsplit(os.environ["AWS_ENDPOINT_URL"])
answers = {}
for target in json.loads(os.environ["SM_HP_TARGETS"]):
    with socket.create_connection((server.hostname, server.port), timeout=10) as connection:
        connection.sendall(f"CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\n".encode())
        answers[target] = connection.recv(65536).decode()
json.dump(answers, open("/opt/ml/model/found.json", "w"))
"""


def test_a_job_gets_no_tunnel_to_other_hosts(world, bystander):
    targets = ["example.com:443", *(f"{host}:{port}" for host, port in bystander)]
    job = world.run(TUNNELS, {"targets": json.dumps(targets)})
    assert job["TrainingJobStatus"] == "Completed", job
    answers = json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])
    assert set(answers) == set(targets)
    for target, answer in answers.items():
        assert answer.startswith("HTTP/1.1 403 ") and "tunnel=jobs" in answer, (target, answer)


def test_with_the_hosts_network_jobs_reach_what_this_machine_does(bystander):
    with Server(options=["--job-network", "host"]) as server:
        world = World(server)
        _, found = looks_around(world, [bystander[0], ["127.0.0.1", server.port]])
        assert found["reached"] == [bystander[0], ["127.0.0.1", server.port]]
        endpoint = deployed(world, PROGRAM, "server", NAME="one")
        assert ask(world, endpoint, [])["port"] != "8080"


def test_whoever_takes_a_models_port_first_is_not_taken_for_it():
    """In the host's network any process can listen on the port assigned to a program before the program does."""
    class Impostor(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        do_POST = do_GET

        def log_message(self, *_):
            pass

    asked = []
    late = PROGRAM.replace("http.server.ThreadingHTTPServer((", "import time; time.sleep(4)\nhttp.server.ThreadingHTTPServer((")
    with Server(options=["--job-network", "host"]) as server:
        world = World(server)
        data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"code/server": late}))
        name = world.deploy(SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": "server", "NAME": "true"})
        port = wait_until(lambda: [text for path in server.data.glob("endpoints/**/*.port") if (text := path.read_text().strip())], 20)
        with http.server.ThreadingHTTPServer(("127.0.0.1", int(port[0])), Impostor) as impostor:
            threading.Thread(target=impostor.serve_forever, daemon=True).start()
            found = world.settled(name)
            impostor.shutdown()
        assert asked, "the impostor was never asked, so the test shows nothing"
        assert found["EndpointStatus"] == "Failed" and "another process listens on the port" in found["FailureReason"], found
        assert set(asked) == {"/ping"}


def test_a_restarted_server_finds_the_networks_again(bystander):
    with Server() as server:
        world = World(server)
        endpoint = deployed(world, PROGRAM, "server", NAME="one")
        tells = deployed(world, NAMED + PROBES)
        server.kill()
        server.start()
        wait_until(lambda: world.sm.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService")
        assert ask(world, endpoint, bystander)["reached"] == []
        assert ask(world, tells, [*bystander, ["127.0.0.1", server.port]])["reached"] == [["127.0.0.1", server.port]]


def test_a_job_that_floods_its_door_harms_nobody_else(world, server):
    flood = """
import os, socket, time
from urllib.parse import urlsplit
server = urlsplit(os.environ["AWS_ENDPOINT_URL"])
held = []
try:
    while len(held) < 3000:
        held.append(socket.create_connection((server.hostname, server.port), timeout=5))
except OSError as error:
    print("stopped at", len(held), error)
print("flooded", len(held), flush=True)
time.sleep(300)
"""
    name = world.start(flood)
    wait_until(lambda: "flooded" in world.job_log(name))
    for _ in range(20):
        threading.Thread(target=lambda: None).start()
        assert server.get("/_tidemill/health")
    assert world.s3.list_buckets()["Buckets"]
    world.sm.stop_training_job(TrainingJobName=name)
    assert world.finished(name)["TrainingJobStatus"] == "Stopped"


def test_one_jobs_connections_leave_others_theirs_where_there_are_few():
    """With a limit of 1,024 open files all jobs share 192 connections, which a single job used to take."""
    with Server(options=["--connections-max", "400"]) as server:
        world = World(server)
        flood = world.start("""
import os, socket, time
from urllib.parse import urlsplit
server, held = urlsplit(os.environ["AWS_ENDPOINT_URL"]), []
for _ in range(150):
    held.append(socket.create_connection((server.hostname, server.port), timeout=5))
    held[-1].sendall(b"PUT /b/k HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9000\\r\\n\\r\\nx")
print("flooded", flush=True)
time.sleep(300)
""")
        wait_until(lambda: "flooded" in world.job_log(flood))
        job = world.run("import boto3; print(boto3.client('sts', region_name='us-east-1').get_caller_identity()['Arn'])")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        world.sm.stop_training_job(TrainingJobName=flood)
