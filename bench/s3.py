"""S3: PUT and GET of 1 KiB objects with 1 and 16 connections, with presigned requests that any load generator can send.
Tidemill is durable (fdatasync before the answer) and verifies signatures. Peers: moto_server (in memory, verifies
nothing), s3rver (files, no sync)."""
import tempfile
from contextlib import contextmanager
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from measure import BENCH_BIN, ROOT, Peer, Row, free_port, load
from support.server import Server

BODY = "x" * 1024
KEYS = 512


@contextmanager
def tidemill():
    with Server() as server:
        yield server.endpoint, server.client("s3")


def peer_client(url, key):
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=key,
                        config=Config(s3={"addressing_style": "path"}))


@contextmanager
def moto():
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Peer([str(BENCH_BIN / "moto_server"), "-p", str(port)], url + "/moto-api/"):
        yield url, peer_client(url, "testing")


@contextmanager
def s3rver():
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        with Peer(["node", str(ROOT / "bench/peers/node_modules/s3rver/bin/s3rver.js"), "-d", folder, "-p", str(port),
                   "-a", "127.0.0.1", "--silent"], url):
            yield url, peer_client(url, "S3RVER")


def presigned(client, operation, method, body):
    requests = []
    for i in range(KEYS):
        url = client.generate_presigned_url(operation, Params={"Bucket": "bench", "Key": f"key-{i}"}, ExpiresIn=3600)
        parts = urlsplit(url)
        requests.append((method, f"{parts.path}?{parts.query}", {}, body))
    return requests


def measure_one(make, connections, seconds):
    results = {}
    with make() as (url, client):
        client.create_bucket(Bucket="bench")
        puts = presigned(client, "put_object", "PUT", BODY)
        gets = presigned(client, "get_object", "GET", "")
        for i in range(KEYS):
            client.put_object(Bucket="bench", Key=f"key-{i}", Body=BODY.encode())
        for count in connections:
            results["PUT", count] = load(url, puts, count, seconds)
            results["GET", count] = load(url, gets, count, seconds)
    return results


def measure(quick):
    seconds = 2 if quick else 8
    ours = measure_one(tidemill, (1, 16), seconds)
    rows = []
    targets = {("GET", 16): "20,000", ("PUT", 16): "5,000"}
    for name, make in (("moto_server", moto), ("s3rver", s3rver)):
        theirs = measure_one(make, (1, 16), seconds)
        for key in ours:
            method, count = key
            durable = " durable" if method == "PUT" else ""
            rows.append(Row(f"S3{durable} {method} of 1 KiB, {count} connection{'s' * (count > 1)}", "requests/s",
                            ours[key].requests_per_second, theirs[key].requests_per_second, name, "higher", targets.get(key, "")))
    return rows
