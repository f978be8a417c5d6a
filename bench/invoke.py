"""InvokeEndpoint of the churn model (500 trees) against the usual FastAPI + XGBoost service with a
worker a core. Ours also verifies a SigV4 signature on every request."""
import io
import os
import tarfile
import tempfile
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from measure import BENCH_BIN, ROOT, Peer, Row, free_port, load
from support.server import Server
from world import World

REQUESTS = 256


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


def measure(quick):
    seconds = 2 if quick else 8
    rows = []
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        world = World(server)
        job, _ = world.train_job()
        data = job["ModelArtifacts"]["S3ModelArtifacts"]
        world.deploy("churn", data)
        bodies = world.test_lines[:REQUESTS]
        requests = signed(server, "churn", bodies)
        load(server.endpoint, requests, 16, 1)
        ours = {count: load(server.endpoint, requests, count, seconds) for count in (1, 16)}
        key = data.split("/", 3)[3]
        archive = tarfile.open(fileobj=io.BytesIO(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()))
        model = os.path.join(folder, "model.ubj")
        with open(model, "wb") as file:
            file.write(archive.extractfile("xgboost-model").read())
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with Peer([str(BENCH_BIN / "uvicorn"), "fastapi_app:app", "--port", str(port), "--workers", "2", "--no-access-log"],
                  url + "/docs", {"MODEL_PATH": model, "OMP_NUM_THREADS": "1"}, cwd=ROOT / "bench/peers"):
            plain = [("POST", "/invocations", {"Content-Type": "text/csv"}, body) for body in bodies]
            load(url, plain, 16, 1)
            theirs = {count: load(url, plain, count, seconds) for count in (1, 16)}
    for count in (1, 16):
        connections = f"{count} connection{'s' * (count > 1)}"
        rows.append(Row(f"InvokeEndpoint, churn model, {connections}", "requests/s", ours[count].requests_per_second,
                        theirs[count].requests_per_second, "FastAPI + xgboost", "higher", "10 x the peer" if count > 1 else ""))
        rows.append(Row(f"the same, p50", "ms", ours[count].p50_ms, theirs[count].p50_ms, "FastAPI + xgboost", "lower"))
        rows.append(Row(f"the same, p99", "ms", ours[count].p99_ms, theirs[count].p99_ms, "FastAPI + xgboost", "lower"))
    return rows
