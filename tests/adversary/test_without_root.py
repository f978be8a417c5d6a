"""A server that does not run as root: its own model servers listen on no port of the machine, and other users cannot connect to
their sockets; what it cannot isolate is refused."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.server import BINARY, Server

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from helpers import aws_error, unique, wait_until  # noqa: E402
from sagemaker_world import SCIKIT_LEARN, World, tar_gz  # noqa: E402

OWN, OTHER = 65_534, 65_533
PYTHON = "/usr/bin/python3"
SCRIPT = """
def model_fn(model_dir):
    return "model"
def transform_fn(model, body, content_type, accept):
    return "answered", accept
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv") or not Path(PYTHON).exists(),
                                reason="root starts a server as another user here")


def as_user(user, *command):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


@pytest.fixture(scope="module")
def world():
    data = tempfile.mkdtemp(prefix="tidemill-test-")
    os.chmod(data, 0o700)
    os.chown(data, OWN, OWN)
    with Server(data=data, command=as_user(OWN, str(BINARY)), environment={"TIDEMILL_PYTHON": PYTHON, "HOME": data}) as server:
        yield World(server)


def listening_ports(user):
    """The TCP ports of the machine's network on which sockets of this user listen."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[7]) == user:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def model_of(world, **more):
    name = unique("model")
    data = world.put(f"{name}/model.tar.gz", tar_gz({"code/inference.py": SCRIPT}))
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={"Image": SCIKIT_LEARN, "ModelDataUrl": data}, **more)
    return name


def test_a_model_server_is_out_of_reach(world):
    before = listening_ports(OWN)
    assert world.server.port in before
    name = world.deploy(SCIKIT_LEARN, world.put("m/model.tar.gz", tar_gz({"code/inference.py": SCRIPT})))
    found = wait_until(lambda: (found := world.sm.describe_endpoint(EndpointName=name))["EndpointStatus"] != "Creating" and found, 60)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    assert world.runtime.invoke_endpoint(EndpointName=name, Body="1", ContentType="text/csv")["Body"].read() == b"answered"
    assert listening_ports(OWN) == before, "a model server listens on a port"
    sockets = [str(path) for path in world.server.data.rglob("*") if path.is_socket()]
    assert sockets
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for number, path in enumerate(sockets):
            link = f"{folder}/{number}"  # the path itself is too long for an address
            os.symlink(path, link)
            assert subprocess.run(as_user(OWN, PYTHON, "-c", connect, link), capture_output=True).returncode == 0
            tried = subprocess.run(as_user(OTHER, PYTHON, "-c", connect, link), capture_output=True, text=True)
            assert tried.returncode != 0 and "PermissionError" in tried.stderr, tried
    world.sm.delete_endpoint(EndpointName=name)


def test_what_cannot_be_isolated_is_refused(world):
    with aws_error("ValidationException", containing="EnableNetworkIsolation"):
        world.sm.create_endpoint_config(
            EndpointConfigName=unique("cut"), EnableNetworkIsolation=True, ExecutionRoleArn=world.role, ProductionVariants=[
                {"VariantName": "v", "ModelName": model_of(world), "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    assert "not fully isolated" in world.server.log_text()


def test_other_users_do_not_read_the_data(world):
    for path in (world.server.data, *world.server.data.iterdir()):
        tried = subprocess.run(as_user(OTHER, "ls", str(path)), capture_output=True, text=True)
        assert tried.returncode != 0, (path, tried.stdout)
    assert json.loads((world.server.data / "server.json").read_text())["pid"] == world.server.process.pid
