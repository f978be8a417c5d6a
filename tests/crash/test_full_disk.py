"""A full disk: the data folder lies on a small tmpfs that PUTs fill up. Clients get an error that says
so, nothing acknowledged is lost, reading and deleting go on, and after deleting so does writing."""
import contextlib
import hashlib
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.server import Server

BYTES = 64 << 20


@contextlib.contextmanager
def small_disk():
    folder = Path(tempfile.mkdtemp(prefix="tidemill-disk-"))
    try:
        if os.geteuid() != 0:
            pytest.skip("mounting a small disk takes root")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", folder], capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def full():
    """A server on a disk of 64 MiB, a client, and what that client was told is stored."""
    with small_disk() as folder:
        server = Server(auth="any", data=folder / "data")
        server.log_path = Path(tempfile.mkstemp(prefix="tidemill-disk-log-")[1])
        with server:
            yield Disk(server)


class Disk:
    def __init__(self, server):
        self.server, self.stored, self.bucket = server, {}, "full-disk"
        self.connect()
        self.s3.create_bucket(Bucket=self.bucket)
        self.rng = random.Random(7)

    def connect(self):
        self.s3 = self.server.client("s3", Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=20))

    def put(self, key, size):
        body = self.rng.randbytes(size)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self.stored[key] = hashlib.sha256(body).digest()

    def fill(self, size, refusals=3):
        """PUTs until so many were refused one after the other; returns the errors."""
        errors = []
        for i in range(20_000):
            try:
                self.put(f"{size}-{len(self.stored)}-{i}", size)
                errors.clear()
            except ClientError as error:
                errors.append(error.response)
                if len(errors) == refusals:
                    return errors
        raise AssertionError("the disk never filled up")

    def check_stored(self):
        listed = set()
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            listed |= {o["Key"] for o in page.get("Contents", [])}
        assert listed == set(self.stored), "the listing and what was acknowledged differ"
        for key, digest in self.stored.items():
            assert hashlib.sha256(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()).digest() == digest, key

    def delete(self, keys):
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
            del self.stored[key]


def says_full(errors):
    for error in errors:
        assert error["ResponseMetadata"]["HTTPStatusCode"] in (500, 503, 507), error
        assert "disk" in error["Error"]["Message"] and "full" in error["Error"]["Message"], error
        assert error["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("size", [3_000_000, 300_000, 60_000], ids=["files", "between", "small"])
def test_nothing_acknowledged_is_lost_and_deleting_helps(full, size):
    says_full(full.fill(size))
    assert len(full.stored) * size > BYTES // 4, "it was full long before the disk was"
    full.check_stored()

    # Deleting works on the full disk and gives room for more.
    keys = list(full.stored)
    full.delete(keys[:len(keys) // 2])
    full.check_stored()
    room_for(full, "after-deleting", size)
    full.check_stored()

    # The same again with a restart on the full disk.
    says_full(full.fill(size))
    full.server.kill()
    full.server.start()
    full.connect()
    full.check_stored()
    full.delete(list(full.stored)[:len(full.stored) // 2])
    room_for(full, "after-the-restart", size)
    full.server.stop()
    full.server.start()
    full.connect()
    full.check_stored()


def room_for(full, key, size, seconds=20):
    """Space comes back when what was deleted has been collected, within seconds."""
    import time
    deadline = time.monotonic() + seconds
    while True:
        try:
            return full.put(key, size)
        except ClientError as error:
            assert time.monotonic() < deadline, f"after {seconds} s there is still no room: {error}"
            time.sleep(0.2)


def test_other_writes_on_a_full_disk_are_refused_and_the_server_lives(full):
    logs, iam = full.server.client("logs"), full.server.client("iam")
    logs.create_log_group(logGroupName="before")
    full.fill(1_000_000)
    full.fill(10_000)
    refused = 0
    for i in range(300):
        for write in (lambda: logs.create_log_group(logGroupName=f"g{i}"),
                      lambda: iam.create_role(RoleName=f"r{i}", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[{'
                                              '"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}')):
            try:
                write()
            except ClientError as error:
                refused += 1
                says_full([error.response])
        if refused >= 4:
            break
    assert [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix="before")["logGroups"]] == ["before"]
    assert full.server.process.poll() is None
    full.check_stored()
    full.delete(list(full.stored)[:-5])
    room_for(full, "again", 100_000)
    logs.create_log_group(logGroupName="after")


def test_a_multipart_upload_that_hits_the_end_of_the_disk(full):
    part = os.urandom(5 << 20)
    upload = full.s3.create_multipart_upload(Bucket=full.bucket, Key="big")["UploadId"]
    etags, error = [], None
    for number in range(1, 30):
        try:
            etags.append({"PartNumber": number, "ETag": full.s3.upload_part(
                Bucket=full.bucket, Key="big", UploadId=upload, PartNumber=number, Body=part)["ETag"]})
        except ClientError as refused:
            error = refused.response
            break
    says_full([error])
    assert [p["PartNumber"] for p in full.s3.list_parts(Bucket=full.bucket, Key="big", UploadId=upload)["Parts"]] == [p["PartNumber"] for p in etags]
    # What came through is a whole object: completing needs no second copy of the bytes.
    full.s3.complete_multipart_upload(Bucket=full.bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": etags})
    body = full.s3.get_object(Bucket=full.bucket, Key="big")["Body"].read()
    assert body == part * len(etags)
    full.s3.delete_object(Bucket=full.bucket, Key="big")
    room_for(full, "next", 5 << 20)


def test_a_server_that_starts_on_a_full_disk(full):
    """Even when not a byte is free for what a start itself would like to write."""
    full.fill(1_000_000)
    full.fill(10_000)
    full.server.kill()
    filler = full.server.data.parent / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while file.write(b"f" * 4096):
            pass
    try:
        full.server.start()
        full.connect()
        full.check_stored()
    except RuntimeError:
        # It may refuse, but then in words, and without harm.
        assert full.server.process.wait(10) == 1
        assert "full" in full.server.log_text() or "No space left" in full.server.log_text(), full.server.log_text()
        filler.unlink()
        full.server.start()
        full.connect()
        full.check_stored()
