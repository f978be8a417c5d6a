"""A full disk: the data folder is on a small tmpfs that PUTs fill up. Clients get a clear error, nothing acknowledged
is lost, reading and deleting still work, and after deleting, writing works again."""
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
from support.waiting import wait_until

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
    """A server on a disk of 64 MiB, a client, and a record of what it was told is stored."""
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
        """PUTs until this many in a row were refused; returns the errors."""
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

    # Deleting works on the full disk and makes room.
    keys = list(full.stored)
    full.delete(keys[:len(keys) // 2])
    full.check_stored()
    room_for(full, "after-deleting", size)
    full.check_stored()

    # The same again, with a restart while the disk is full.
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
    """Space is available again within seconds, once what was deleted has been collected."""
    problems = []

    def put():
        try:
            full.put(key, size)
        except ClientError as error:
            problems.append(error)
            return False
        return True
    wait_until(put, seconds, 0.2, lambda: f"there is still no room: {problems[-1]}")


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
    # The uploaded part is the whole object: completing it needs no second copy of the bytes.
    full.s3.complete_multipart_upload(Bucket=full.bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": etags})
    body = full.s3.get_object(Bucket=full.bucket, Key="big")["Body"].read()
    assert body == part * len(etags)
    full.s3.delete_object(Bucket=full.bucket, Key="big")
    room_for(full, "next", 5 << 20)


def test_a_server_that_starts_on_a_full_disk(full):
    """Even when there is no space for what the start itself would write."""
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
        # The server may refuse to start, but with a clear message and without damage.
        assert full.server.process.wait(10) == 1
        assert "full" in full.server.log_text() or "No space left" in full.server.log_text(), full.server.log_text()
        filler.unlink()
        full.server.start()
        full.connect()
        full.check_stored()


TRUST = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},'
         '"Action":"sts:AssumeRole"}]}')
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'


def test_every_kind_of_deletion_works_without_a_free_byte(full):
    """Another program has used the last byte. Only operations that free space may use the reserve."""
    s3, server = full.s3, full.server
    logs, iam, sagemaker = server.client("logs"), server.client("iam"), server.client("sagemaker")
    for name in ("one", "two"):
        logs.create_log_group(logGroupName=name)
        logs.put_retention_policy(logGroupName=name, retentionInDays=7)
        for stream in ("a", "b"):
            logs.create_log_stream(logGroupName=name, logStreamName=stream)
    iam.create_role(RoleName="gone", AssumeRolePolicyDocument=TRUST)
    role = iam.get_role(RoleName="gone")["Role"]["Arn"]
    iam.put_role_policy(RoleName="gone", PolicyName="p", PolicyDocument=POLICY)
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    s3.put_object(Bucket=full.bucket, Key="model.tar.gz", Body=b"a model")
    sagemaker.create_model(ModelName="gone", ExecutionRoleArn=role,
                           PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{full.bucket}/model.tar.gz"})
    sagemaker.create_endpoint_config(EndpointConfigName="gone", ProductionVariants=[
        {"VariantName": "v", "ModelName": "gone", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    s3.create_bucket(Bucket="gone")
    s3.put_bucket_tagging(Bucket="gone", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    for i in range(40):
        s3.put_object(Bucket=full.bucket, Key=f"many/{i}", Body=b"m" * 3000)
    for name in ("tagged", "single"):
        s3.put_object(Bucket=full.bucket, Key=name, Body=b"t" * 3000, Tagging="k=v")
    uploads = [s3.create_multipart_upload(Bucket=full.bucket, Key="never")["UploadId"] for _ in range(2)]
    for upload in uploads:
        for number in (1, 2):
            s3.upload_part(Bucket=full.bucket, Key="never", UploadId=upload, PartNumber=number, Body=b"u" * (1 << 20))
    full.fill(3_000_000)
    filler = server.data.parent / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while file.write(b"f" * 4096):
            pass
    assert os.statvfs(server.data).f_bavail == 0

    # Writes are refused, even small ones, again and again: the reserve is not for them.
    for i in range(200):
        for write in (lambda: logs.create_log_group(logGroupName=f"more-{i}"),
                      lambda: iam.create_role(RoleName=f"more-{i}", AssumeRolePolicyDocument=TRUST)):
            with contextlib.suppress(ClientError):
                write()
    with pytest.raises(ClientError) as refused:
        logs.create_log_group(logGroupName="refused")
    says_full([refused.value.response])

    deletions = [
        lambda: s3.delete_object(Bucket=full.bucket, Key="single"),
        lambda: s3.delete_object_tagging(Bucket=full.bucket, Key="tagged"),
        lambda: s3.delete_objects(Bucket=full.bucket, Delete={"Objects": [{"Key": f"many/{i}"} for i in range(40)]}),
        *[lambda upload=upload: s3.abort_multipart_upload(Bucket=full.bucket, Key="never", UploadId=upload) for upload in uploads],
        lambda: s3.delete_bucket_tagging(Bucket="gone"),
        lambda: s3.delete_bucket(Bucket="gone"),
        lambda: logs.delete_log_stream(logGroupName="one", logStreamName="a"),
        lambda: logs.delete_retention_policy(logGroupName="one"),
        lambda: logs.delete_log_group(logGroupName="two"),
        lambda: iam.delete_role_policy(RoleName="gone", PolicyName="p"),
        lambda: sagemaker.delete_endpoint_config(EndpointConfigName="gone"),
        lambda: sagemaker.delete_model(ModelName="gone"),
        lambda: iam.delete_role(RoleName="gone"),
    ]
    for number, deletion in enumerate(deletions):
        with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as file:
            while file.write(b"f" * 4096):
                pass
        try:
            deletion()
        except ClientError as error:
            raise AssertionError(f"deletion {number} on the full disk: {error}") from error
    assert not [g for g in logs.describe_log_groups()["logGroups"] if g["logGroupName"] == "two"]
    for key in list(full.stored):
        s3.delete_object(Bucket=full.bucket, Key=key)
    full.stored = {}
    filler.unlink()
    room_for(full, "after", 3_000_000)

    def make_group():
        with contextlib.suppress(ClientError):
            return logs.create_log_group(logGroupName="after")
    wait_until(make_group, 20, 0.2)
    assert [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix="after")["logGroups"]] == ["after"]
