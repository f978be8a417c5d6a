"""The audit log's cost: the same requests to S3 with and without a trail that records them, alternating in the same run
on the same server. (Changes of the control plane are always recorded, so they have no counterpart.)"""
import subprocess
import tempfile
from pathlib import Path

from measure import Row, load, median
from s3 import BODY, presigned
from support.server import Server

RECORDED, PLAIN = "recorded", "plain"
METHODS = {"PUT": ("put_object", BODY), "GET": ("get_object", "")}


def measure(quick):
    rounds = 2 if quick else 10
    with Server() as server:
        s3, trails = server.client("s3"), server.client("cloudtrail")
        for bucket in (RECORDED, PLAIN, "trail"):
            s3.create_bucket(Bucket=bucket)
        trails.create_trail(Name="bench", S3BucketName="trail")
        trails.put_event_selectors(TrailName="bench", EventSelectors=[
            {"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": [
                {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{RECORDED}/"]}]}])
        trails.start_logging(Name="bench")
        rates = {}
        for method, (operation, body) in METHODS.items():
            for connections in (1, 16):
                requests = {bucket: presigned(s3, operation, method, body, bucket) for bucket in (RECORDED, PLAIN)}
                for turn in range(2 * rounds):
                    bucket = (RECORDED, PLAIN)[turn % 2]
                    rate = load(server.endpoint, requests[bucket], connections, 1).requests_per_second
                    rates.setdefault((method, connections, bucket), []).append(rate)
        with tempfile.TemporaryDirectory() as folder:
            export = Path(folder) / "audit.jsonl"
            subprocess.run([*server.command, "audit", "export", str(export), "--data", str(server.data)], check=True,
                           stdout=subprocess.DEVNULL)
            exported = export.read_text()
    if exported.count("PutObject") < 1000:
        raise RuntimeError("the trail did not record the requests")
    rows = []
    for method in METHODS:
        for connections in (1, 16):
            plain, recorded = (rates[method, connections, bucket] for bucket in (PLAIN, RECORDED))
            ratio = median(r / p for r, p in zip(recorded, plain))
            rows.append(Row(f"S3 {method} of 1 KiB that a trail records, {connections} connection{'s' * (connections > 1)}",
                            "requests/s", median(plain) * ratio, median(plain), "not recorded", target="0.95 x the peer"))
    return rows
