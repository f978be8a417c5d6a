"""Writers of every kind work while the server is killed at random moments; then every acknowledged write is looked for.
A write whose answer was lost may exist or not, but whatever exists is complete."""
import hashlib
import json
import random
import threading
import time
from dataclasses import dataclass, field

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BUCKET = "kill-storm"
GROUP = "/kill-storm"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
# No answer came, or an answer that says the server is stopping.
LOST = (BotoCoreError, ClientError, OSError)


@dataclass
class Ledger:
    """The answers that one writer got. `unsure` names keys whose last write got no answer."""
    objects: dict = field(default_factory=dict)   # key -> MD5 of the acknowledged body, None once deleted
    unsure: set = field(default_factory=set)
    events: list = field(default_factory=list)    # messages of acknowledged PutLogEvents
    roles: set = field(default_factory=set)


class Writer(threading.Thread):
    """One of the storm's writers: puts, overwrites, deletes, copies and multipart uploads of its own keys, log events
    in its own stream, and roles under its own prefix."""

    def __init__(self, server, number, seed):
        super().__init__(daemon=True)
        self.number, self.random, self.ledger = number, random.Random(seed * 1000 + number), Ledger()
        self.over = threading.Event()
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=20, connect_timeout=5)
        self.s3, self.logs, self.iam = (server.client(name, config=config) for name in ("s3", "logs", "iam"))
        self.stream = f"writer-{number}"

    def run(self):
        step = 0
        while not self.over.is_set():
            step += 1
            work = self.random.choice((self.put, self.put, self.put, self.delete, self.multipart, self.copy, self.log, self.role))
            try:
                work(step)
            except LOST:
                time.sleep(0.02)

    def key(self):
        return f"w{self.number}/{self.random.randrange(40):02d}"

    def write(self, key, digest, call):
        """`call` writes `key`; the state of the key is unknown until `call` has returned."""
        self.ledger.unsure.add(key)
        call()
        self.ledger.objects[key] = digest
        self.ledger.unsure.discard(key)

    def put(self, step):
        key, body = self.key(), self.random.randbytes(self.random.choice((10, 4_000, 200_000, 1_500_000)))
        self.write(key, hashlib.md5(body).hexdigest(), lambda: self.s3.put_object(Bucket=BUCKET, Key=key, Body=body))

    def delete(self, step):
        key = self.key()
        self.write(key, None, lambda: self.s3.delete_object(Bucket=BUCKET, Key=key))

    def multipart(self, step):
        key, body = self.key(), self.random.randbytes((5 << 20) + 100)

        def upload():
            number = self.s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
            parts = [{"PartNumber": n, "ETag": self.s3.upload_part(Bucket=BUCKET, Key=key, UploadId=number, PartNumber=n, Body=part)["ETag"]}
                     for n, part in ((1, body[:5 << 20]), (2, body[5 << 20:]))]
            self.s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=number, MultipartUpload={"Parts": parts})
        self.write(key, hashlib.md5(body).hexdigest(), upload)

    def copy(self, step):
        source, key = self.key(), self.key()
        digest = self.ledger.objects.get(source)
        if not digest or source in self.ledger.unsure:
            return
        self.write(key, digest, lambda: self.s3.copy_object(Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": source}))

    def log(self, step):
        messages = [f"{self.number}-{step}-{n}" for n in range(20)]
        self.logs.put_log_events(logGroupName=GROUP, logStreamName=self.stream, logEvents=[
            {"timestamp": int(time.time() * 1000), "message": message} for message in messages])
        self.ledger.events += messages

    def role(self, step):
        name = f"storm-{self.number}-{step}"
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        self.ledger.roles.add(name)


def check(writer):
    """Checks that every acknowledged write of `writer` exists and is complete."""
    ledger, s3, iam, logs = writer.ledger, writer.s3, writer.iam, writer.logs
    for key, digest in ledger.objects.items():
        try:
            body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey", error
            assert digest is None or key in ledger.unsure, f"{key} was acknowledged and is gone"
            continue
        if key not in ledger.unsure:
            assert hashlib.md5(body).hexdigest() == digest, f"{key} is not what was acknowledged"
    found, token = set(), {}
    while ledger.events:
        page = logs.get_log_events(logGroupName=GROUP, logStreamName=writer.stream, startFromHead=True, **token)
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
        found.update(event["message"] for event in page["events"])
    assert set(ledger.events) <= found, f"{len(set(ledger.events) - found)} acknowledged log events are gone"
    there = {role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]}
    assert ledger.roles <= there, f"acknowledged roles are gone: {sorted(ledger.roles - there)[:5]}"


def storm(server, kills, seed, writers=4, seconds_between=(0.1, 1.2)):
    """Kills the server `kills` times while `writers` writers work. Returns the number of acknowledged writes that were
    found."""
    print(f"kill storm with seed {seed}")
    server.client("s3").create_bucket(Bucket=BUCKET)
    server.client("logs").create_log_group(logGroupName=GROUP)
    crowd = [Writer(server, number, seed) for number in range(writers)]
    for writer in crowd:
        server.client("logs").create_log_stream(logGroupName=GROUP, logStreamName=writer.stream)
        writer.start()
    moments = random.Random(seed)
    try:
        for _ in range(kills):
            time.sleep(moments.uniform(*seconds_between))
            server.kill()
            server.start()
        time.sleep(0.5)
    finally:
        for writer in crowd:
            writer.over.set()
        for writer in crowd:
            writer.join(60)
    for writer in crowd:
        assert not writer.is_alive()
        check(writer)
    return sum(len(w.ledger.objects) + len(w.ledger.events) + len(w.ledger.roles) for w in crowd)
