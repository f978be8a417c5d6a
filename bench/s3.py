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
LISTED = 20_000


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


def presigned(client, operation, method, body, bucket="bench", keys=KEYS):
    return [(method, signed_target(client, operation, Bucket=bucket, Key=f"key-{i}"), {}, body) for i in range(keys)]


def signed_target(client, operation, **parameters):
    parts = urlsplit(client.generate_presigned_url(operation, Params=parameters, ExpiresIn=3600))
    return f"{parts.path}?{parts.query}"


def list_page(make, keys, seconds):
    """The median time of a page of 1,000 of so many keys, in ms."""
    with make() as (url, client):
        client.create_bucket(Bucket="many")
        puts = presigned(client, "put_object", "PUT", "x", "many", keys)
        while True:
            load(url, puts, 16, seconds)
            pages = client.get_paginator("list_objects_v2").paginate(Bucket="many")
            if sum(page["KeyCount"] for page in pages) == keys:
                break
        target = signed_target(client, "list_objects_v2", Bucket="many", MaxKeys=1000, StartAfter="key-1")
        return load(url, [("GET", target, {}, "")], 1, seconds).p50_ms


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
    ours, theirs = (list_page(make, keys, seconds) for make, keys in ((tidemill, LISTED), (moto, LISTED // 10)))
    rows.append(Row(f"S3 list, a page of 1,000 of {LISTED:,} keys (moto_server: of {LISTED // 10:,})", "ms", ours, theirs,
                    "moto_server", "lower"))
    return rows
