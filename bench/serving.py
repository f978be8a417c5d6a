"""InvokeEndpoint of the churn model, end to end, against nginx with a static answer and against the model
servers of PyPI around the same model. Ours verifies a SigV4 signature on every request; theirs verify nothing.
Each peer runs worker processes for two cores, one thread each, and speaks its own form of the same row.

Load generator and server share two cores, so beside requests/s there is the figure a server core: completed
requests by the CPU seconds that the server's processes spent on them. Latencies are taken at a constant rate,
too, with a core for the server and one for the load: connections that are never idle have to wait 16 / rate on
average, whatever the server is like."""
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from measure import BENCH_BIN, ROOT, Peer, Row, free_port, load, paced_load
from processes import cpu_seconds, family, on_core
from support.server import Server
from world import World

PEERS = ROOT / "bench/peers"
PEERS_BIN = ROOT / ".cache/venvs/bench-peers/bin"
MLSERVER_BIN = ROOT / ".cache/venvs/bench-mlserver/bin"
NGINX = ROOT / ".cache/nginx/usr/sbin/nginx"
REQUESTS = 256
CONNECTIONS = (1, 16)
RATE = 20_000  # per second: half of the goal for a core


def signed(server, endpoint, bodies):
    values = server.env()
    credentials = Credentials(values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"])
    path = f"/endpoints/{endpoint}/invocations"
    requests = []
    for body in bodies:
        request = AWSRequest("POST", server.endpoint + path, data=body, headers={"Content-Type": "text/csv", "Accept": "text/csv"})
        SigV4Auth(credentials, "sagemaker", "us-east-1").add_auth(request)
        headers = {**dict(request.headers.items()), "Host": urlsplit(server.endpoint).netloc}
        requests.append(("POST", path, headers, body))
    return requests


@dataclass
class Served:
    """How to ask one server for predictions."""
    url: str
    pid: int
    requests: list
    first: object = None  # extracts the first prediction from an answer; None: there is none


@dataclass
class Result:
    loads: dict = field(default_factory=dict)      # connections -> measure.Load
    per_core: dict = field(default_factory=dict)   # connections -> requests per CPU second of the server
    paced: object = None                           # measure.PacedLatencies at RATE


def first_prediction(served):
    method, path, headers, body = served.requests[0]
    request = urllib.request.Request(served.url + path, data=body.encode(), headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        return served.first(response.read().decode())


def measured(served, seconds, connections, paced=False):
    result = Result()
    load(served.url, served.requests, 16, 1)
    for count in connections:
        pids = family(served.pid)
        before = cpu_seconds(pids)
        result.loads[count] = load(served.url, served.requests, count, seconds)
        spent = cpu_seconds(pids) - before
        result.per_core[count] = result.loads[count].requests_per_second * seconds / max(spent, 1e-9)
    if paced:
        with on_core(family(served.pid), 0):
            result.paced = paced_load(served.url, served.requests, connections[-1], RATE, seconds, core=1)
    return result


def csv_requests(bodies, path="/invocations"):
    return [("POST", path, {"Content-Type": "text/csv"}, body) for body in bodies]


def json_requests(bodies, path, make):
    return [("POST", path, {"Content-Type": "application/json"}, json.dumps(make([float(v) for v in body.split(",")])))
            for body in bodies]


def first_number(text):
    """Parses "0.5", "[0.5]", "0.5,0.6"."""
    return float(text.strip().strip("[]").split(",")[0])


class Bare:
    """A peer's command on a free port, started once the model exists."""

    def __init__(self, command, environment=None, path="/"):
        self.command, self.environment, self.path = command, environment or {}, path

    def start(self, model, folder):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [str(part).replace("{port}", str(port)).replace("{folder}", folder) for part in self.command]
        environment = {"MODEL_PATH": model, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", **self.environment}
        return url, Peer(command, url + self.path, environment, cwd=PEERS, timeout_seconds=180)


@contextmanager
def nginx(model, bodies, folder):
    port = free_port()
    conf = Path(folder) / "nginx.conf"
    conf.write_text((PEERS / "nginx.conf").read_text().replace("FOLDER", folder).replace("PORT", str(port)))
    url = f"http://127.0.0.1:{port}"
    with Peer([str(NGINX), "-p", folder, "-c", str(conf)], url) as peer:
        yield Served(url, peer.process.pid, csv_requests(["x" * 250]))


@contextmanager
def fastapi(model, bodies, folder):
    url, peer = Bare([BENCH_BIN / "uvicorn", "fastapi_app:app", "--port", "{port}", "--workers", "2", "--no-access-log",
                      "--log-level", "warning"], path="/docs").start(model, folder)
    with peer:
        yield Served(url, peer.process.pid, csv_requests(bodies), first_number)


@contextmanager
def mlserver(model, bodies, folder):
    port, root = free_port(), Path(folder) / "mlserver"
    root.mkdir()
    shutil.copy(model, root / "model.ubj")
    # It has two workers for two cores, set as in its documentation.
    (root / "settings.json").write_text(json.dumps(
        {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "host": "127.0.0.1", "debug": False,
         "parallel_workers": 2, "metrics_endpoint": None, "gzip_enabled": False}))
    (root / "model-settings.json").write_text(json.dumps(
        {"name": "churn", "implementation": "mlserver_xgboost.XGBoostModel", "parameters": {"uri": "./model.ubj"}}))
    url = f"http://127.0.0.1:{port}"
    requests = json_requests(bodies, "/v2/models/churn/infer", lambda row: {
        "inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP32", "data": row}]})
    with Peer([str(MLSERVER_BIN / "mlserver"), "start", str(root)], url + "/v2/models/churn/ready",
              {"OMP_NUM_THREADS": "1", "PATH": f"{MLSERVER_BIN}:{os.environ['PATH']}"}, timeout_seconds=180, status=200) as peer:
        yield Served(url, peer.process.pid, requests, lambda text: json.loads(text)["outputs"][0]["data"][0])


@contextmanager
def bentoml(model, bodies, folder):
    url, peer = Bare([PEERS_BIN / "bentoml", "serve", "bentoml_service:Churn", "--host", "127.0.0.1", "--port", "{port}"],
                     {"BENTOML_HOME": folder + "/bentoml", "BENTOML_DO_NOT_TRACK": "True"}, "/readyz").start(model, folder)
    with peer:
        yield Served(url, peer.process.pid, json_requests(bodies, "/invocations", lambda row: {"rows": [row]}), first_number)


@contextmanager
def ray_serve(model, bodies, folder):
    url, peer = Bare([PEERS_BIN / "python", "ray_app.py", "{port}"],
                     {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": folder}, "/-/healthz").start(model, folder)
    peer.status = 200
    with peer:
        yield Served(url, peer.process.pid, csv_requests(bodies), first_number)


@contextmanager
def mlflow(model, bodies, folder):
    saved = folder + "/mlflow"
    subprocess.run([str(PEERS_BIN / "python"), "-W", "ignore", str(PEERS / "save_mlflow.py"), model, saved], check=True,
                   capture_output=True)
    url, peer = Bare([PEERS_BIN / "mlflow", "models", "serve", "-m", saved, "--env-manager", "local", "--host", "127.0.0.1",
                      "--port", "{port}", "--workers", "2"],
                     {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "PATH": f"{PEERS_BIN}:{os.environ['PATH']}"},
                     "/ping").start(model, folder)
    with peer:
        yield Served(url, peer.process.pid, json_requests(bodies, "/invocations", lambda row: {"inputs": [row]}),
                     lambda text: json.loads(text)["predictions"][0])


@contextmanager
def litserve(model, bodies, folder):
    url, peer = Bare([PEERS_BIN / "python", "litserve_app.py", "{port}"], path="/health").start(model, folder)
    peer.status = 200
    with peer:
        yield Served(url, peer.process.pid, json_requests(bodies, "/invocations", lambda row: {"rows": [row]}), first_number)


RIVALS = {"nginx, a static answer": nginx, "FastAPI + xgboost": fastapi, "MLServer": mlserver, "BentoML": bentoml,
          "Ray Serve": ray_serve, "MLflow models serve": mlflow, "LitServe": litserve}


def unpacked_model(world, model_data, folder):
    key = model_data.split("/", 3)[3]
    archive = tarfile.open(fileobj=io.BytesIO(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()))
    path = os.path.join(folder, "model.ubj")
    with open(path, "wb") as file:
        file.write(archive.extractfile("xgboost-model").read())
    return path


def rows_of(suffix, mine, theirs, name, target, connections, absolute):
    """`absolute`: these rows have absolute targets, whatever the peer reaches."""
    rows = []
    for count in connections:
        ours, other = mine.loads[count], theirs.loads[count]
        reach = absolute and count > 1
        what = f"InvokeEndpoint, churn model{suffix}, {count} connection{'s' * (count > 1)}"
        rows.append(Row(what, "requests/s", ours.requests_per_second, other.requests_per_second, name, "higher",
                        target if count > 1 else ""))
        rows.append(Row(f"{what}: a server core", "requests/s", mine.per_core[count], theirs.per_core[count], name, "higher",
                        "40,000" if reach else ""))
        rows.append(Row(f"{what}: p50", "ms", ours.p50_ms, other.p50_ms, name, "lower"))
        rows.append(Row(f"{what}: p99", "ms", ours.p99_ms, other.p99_ms, name, "lower"))
    if mine.paced and theirs.paced:
        what = f"InvokeEndpoint, churn model{suffix}, {RATE:,} requests/s over {connections[-1]} connections"
        for part, target in (("p50", "0.15"), ("p99", "1"), ("p99.9", "")):
            rows.append(Row(f"{what}: {part}", "ms", mine.paced[part], theirs.paced[part], name, "lower",
                            target if absolute else ""))
    return rows


@contextmanager
def ours(folder):
    """A server with the model behind two endpoints; returns {suffix of the row: Served}, the model's file, the rows."""
    with Server() as server:
        world = World(server)
        model_data = world.train_job()[0]["ModelArtifacts"]["S3ModelArtifacts"]
        bodies = world.test_lines[:REQUESTS]
        served = {}
        for suffix, name, capture in (("", "plain", None), (", all captured", "captured", f"s3://{world.bucket}/captured")):
            world.deploy(name, model_data, capture=capture)
            served[suffix] = Served(server.endpoint, server.process.pid, signed(server, name, bodies), first_number)
        yield served, unpacked_model(world, model_data, folder), bodies


# These peers are compared with both endpoints and also with one connection; the others with 16 connections only.
CLOSE = {"nginx, a static answer": "0.5 x the peer", "FastAPI + xgboost": "30 x the peer"}


# The only peer that can handle RATE on one core.
PACED = "nginx, a static answer"


def peer_result(make, model, bodies, expected, name, seconds, connections, paced):
    with tempfile.TemporaryDirectory() as own, make(model, bodies, own) as rival:
        if rival.first:
            found = first_prediction(rival)
            assert abs(found - expected) < 1e-4, f"{name} says {found}, Tidemill {expected}"
        return measured(rival, seconds, connections, paced)


def measure(quick):
    seconds = 2 if quick else 8
    rows = []
    with tempfile.TemporaryDirectory() as folder, ours(folder) as (served, model, bodies):
        expected = first_prediction(served[""])
        for name, make in RIVALS.items():
            print(f"  {name} ...", file=sys.stderr, flush=True)
            connections = CONNECTIONS if name in CLOSE else CONNECTIONS[-1:]
            # Tidemill is measured again next to each peer, since other work on the machine varies.
            paced = name == PACED
            mine = {suffix: measured(each, seconds, connections, paced) for suffix, each in served.items()
                    if not suffix or name in CLOSE}
            try:
                theirs = peer_result(make, model, bodies, expected, name, seconds, connections, paced)
            except (RuntimeError, OSError) as reason:
                # A peer that fails to start must not lose the rows of the others.
                print(f"  {name} could not be measured: {str(reason)[-500:]}", file=sys.stderr, flush=True)
                continue
            for suffix, result in mine.items():
                rows += rows_of(suffix, result, theirs, name, CLOSE.get(name, "ahead"), connections,
                                absolute=name == next(iter(CLOSE)) and suffix == list(served)[-1])
    return rows
