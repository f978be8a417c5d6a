"""Many clients use the same name at once: one wins, the others are told so, and nobody sees a 500 or an incomplete
object."""
import hashlib
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import unique, wait_until

THREADS = 12
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


@pytest.fixture(scope="module")
def clients(server):
    config = Config(max_pool_connections=THREADS)
    return {name: server.client(name, config) for name in ("s3", "sagemaker", "iam", "logs")}


@pytest.fixture
def bucket(clients):
    name = unique("race")
    clients["s3"].create_bucket(Bucket=name)
    return name


def at_once(*calls):
    """Runs all calls at the same moment; returns their results, with the error's code for a ClientError."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call() or "ok"
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] < 500, error.response
            return error.response["Error"]["Code"]
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def winners(answers):
    return [a for a in answers if not isinstance(a, str) or a == "ok"]


def losers(answers):
    return {a for a in answers if isinstance(a, str) and a != "ok"}


def test_one_conditional_writer_wins(clients, bucket):
    s3 = clients["s3"]
    for i in range(5):
        bodies = [b"%d" % n * (1 + n * 300_000) for n in range(4)] + [b"small %d" % n for n in range(8)]
        answers = at_once(*(lambda b=b: s3.put_object(Bucket=bucket, Key=f"k{i}", Body=b, IfNoneMatch="*") for b in bodies))
        assert len(winners(answers)) == 1 and losers(answers) <= {"PreconditionFailed", "ConditionalRequestConflict"}, answers
        won = next(b for b, a in zip(bodies, answers) if not isinstance(a, str))
        assert s3.get_object(Bucket=bucket, Key=f"k{i}")["Body"].read() == won


def test_compare_and_swap_counts_every_step(clients, bucket):
    """A counter that is changed only with If-Match loses no increment."""
    s3 = clients["s3"]
    s3.put_object(Bucket=bucket, Key="n", Body=b"0")

    def add():
        for _ in range(5):
            while True:
                got = s3.get_object(Bucket=bucket, Key="n")
                try:
                    s3.put_object(Bucket=bucket, Key="n", Body=b"%d" % (int(got["Body"].read()) + 1), IfMatch=got["ETag"])
                    break
                except ClientError as error:
                    assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
    assert not losers(at_once(*[add] * 6))
    assert s3.get_object(Bucket=bucket, Key="n")["Body"].read() == b"30"


def test_readers_see_whole_objects_while_writers_replace_them(clients, bucket):
    s3, stop = clients["s3"], time.monotonic() + 2
    sizes = [10, 5000, 200_000, 1_500_000]

    def body(rng):
        return rng.randbytes(rng.choice(sizes))

    def write(seed):
        rng = random.Random(seed)
        while time.monotonic() < stop:
            s3.put_object(Bucket=bucket, Key="hot", Body=body(rng))
            if rng.random() < 0.2:
                s3.delete_object(Bucket=bucket, Key="hot")

    def read(seed):
        rng, seen = random.Random(seed), 0
        while time.monotonic() < stop:
            try:
                got = s3.get_object(Bucket=bucket, Key="hot")
                data = got["Body"].read()
                assert len(data) == got["ContentLength"] and got["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
                part = s3.get_object(Bucket=bucket, Key="hot", Range="bytes=2-8")
                assert len(part["Body"].read()) == 7
                seen += 1
            except ClientError as error:
                assert error.response["Error"]["Code"] == "NoSuchKey", error.response
        return seen
    answers = at_once(*(lambda i=i: write(i) for i in range(4)), *(lambda i=i: read(i) for i in range(6)))
    assert all(a != "ok" for a in answers[4:]), answers


def test_a_bucket_is_made_once_and_deleted_once(clients, open_server):
    name = unique("race")
    accounts = [open_server.client("s3", aws_access_key_id=f"{n:012d}", aws_secret_access_key="x") for n in range(1, 9)]
    answers = at_once(*(lambda c=c: c.create_bucket(Bucket=name) for c in accounts))
    assert len(winners(answers)) == 1 and losers(answers) == {"BucketAlreadyExists"}, answers
    owner = accounts[next(i for i, a in enumerate(answers) if not isinstance(a, str))]
    answers = at_once(*[lambda: owner.delete_bucket(Bucket=name)] * 6)
    assert len(winners(answers)) == 1 and losers(answers) == {"NoSuchBucket"}, answers


def test_a_bucket_deleted_under_writers_takes_no_object_along(clients):
    s3 = clients["s3"]
    for i in range(6):
        name = unique("vanish")
        s3.create_bucket(Bucket=name)
        answers = at_once(*(lambda n=n: s3.put_object(Bucket=name, Key=f"k{n}", Body=b"x" * n * 200_000) for n in range(6)),
                          *[lambda: s3.delete_bucket(Bucket=name)] * 3)
        stored, deleted = len(winners(answers[:6])), len(winners(answers[6:]))
        assert losers(answers) <= {"NoSuchBucket", "BucketNotEmpty"} and (deleted == 0 or stored == 0), answers
        s3.create_bucket(Bucket=name)  # in us-east-1, creating one's own bucket again succeeds
        assert s3.list_objects_v2(Bucket=name)["KeyCount"] == stored


def test_a_multipart_upload_completes_or_aborts_once(clients, bucket):
    s3 = clients["s3"]
    for i in range(6):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=f"m{i}")["UploadId"]
        etag = s3.upload_part(Bucket=bucket, Key=f"m{i}", UploadId=upload, PartNumber=1, Body=b"p" * 6_000_000)["ETag"]
        names = {"Bucket": bucket, "Key": f"m{i}", "UploadId": upload}
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        answers = at_once(*[lambda: s3.complete_multipart_upload(**names, MultipartUpload=parts)] * 3,
                          *[lambda: s3.abort_multipart_upload(**names)] * 3,
                          lambda: s3.upload_part(**names, PartNumber=1, Body=b"q" * 6_000_000))
        assert losers(answers) <= {"NoSuchUpload", "InvalidPart"}, answers
        try:
            data = s3.get_object(Bucket=bucket, Key=f"m{i}")["Body"].read()
            assert winners(answers[:3]) and data in (b"p" * 6_000_000, b"q" * 6_000_000)
        except ClientError:
            assert not winners(answers[:3]), "it was completed, and there is no object"
        assert upload not in [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])] or not winners(answers[:6])


def test_one_creator_of_each_thing_wins(clients, bucket):
    iam, logs, sagemaker, s3 = (clients[n] for n in ("iam", "logs", "sagemaker", "s3"))
    name = unique("race")
    answers = at_once(*[lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)] * THREADS)
    assert len(winners(answers)) == 1 and losers(answers) == {"EntityAlreadyExists"}, answers
    role = iam.get_role(RoleName=name)["Role"]["Arn"]
    answers = at_once(*[lambda: logs.create_log_group(logGroupName=name)] * THREADS)
    assert len(winners(answers)) == 1 and losers(answers) <= {"ResourceAlreadyExistsException", "OperationAbortedException"}, answers
    answers = at_once(*[lambda: logs.create_log_stream(logGroupName=name, logStreamName="s")] * THREADS)
    assert len(winners(answers)) == 1 and losers(answers) <= {"ResourceAlreadyExistsException", "OperationAbortedException"}, answers

    iam.put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
    s3.put_object(Bucket=bucket, Key="m.tar.gz", Body=b"not opened here")
    model = {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/m.tar.gz"}}
    answers = at_once(*[lambda: sagemaker.create_model(**model)] * THREADS)
    assert len(winners(answers)) == 1 and losers(answers) == {"ValidationException"}, answers
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    answers = at_once(*[lambda: sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])] * THREADS)
    assert len(winners(answers)) == 1 and losers(answers) == {"ValidationException"}, answers
    answers = at_once(*[lambda: sagemaker.delete_model(ModelName=name)] * THREADS)
    assert len(winners(answers)) == 1 and losers(answers) == {"ValidationException"}, answers


def test_events_written_at_once_are_all_there(clients):
    logs, name, now = clients["logs"], unique("race"), int(time.time() * 1000)
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    answers = at_once(*(lambda n=n: logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[
        {"timestamp": now, "message": f"{n}-{i}"} for i in range(50)]) for n in range(THREADS)))
    assert not losers(answers)
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
    messages = [e["message"] for page in pages for e in page["events"]]
    assert sorted(messages) == sorted(f"{n}-{i}" for n in range(THREADS) for i in range(50))


def test_training_jobs_of_one_name(clients, bucket):
    sagemaker, s3, name = clients["sagemaker"], clients["s3"], unique("race")
    role = clients["iam"].create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    clients["iam"].put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
    s3.put_object(Bucket=bucket, Key="train/a.csv", Body="0,1\n1,2\n" * 20)
    request = {"TrainingJobName": name, "RoleArn": role, "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
               "HyperParameters": {"num_round": "1", "objective": "binary:logistic"},
               "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {
                   "S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}}}],
               "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
               "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
               "StoppingCondition": {"MaxRuntimeInSeconds": 60}}
    answers = at_once(*[lambda: sagemaker.create_training_job(**request)] * THREADS)
    assert len(winners(answers)) == 1 and losers(answers) <= {"ResourceInUse", "ValidationException"}, answers
    # Stopping a job from all sides at once stops it once, and it ends.
    answers = at_once(*[lambda: sagemaker.stop_training_job(TrainingJobName=name)] * THREADS)
    assert losers(answers) <= {"ValidationException"}, answers

    def over():
        status = sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]
        assert status in ("InProgress", "Stopping", "Completed", "Stopped"), status
        return status in ("Completed", "Stopped")
    wait_until(over, 60, 0.1)
