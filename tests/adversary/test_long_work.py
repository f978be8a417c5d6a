"""Jobs whose artifacts take long to read, and a wall clock that jumps. Whatever user code leaves behind, jobs can be
stopped and deleted and the server ends. Durations are measured by a clock that does not jump."""
import gzip
import json
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from support.server import Server
from support.waiting import wait_until

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.0.1-cpu-py310"
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
OVER = ("Completed", "Failed", "Stopped")
BUCKET = "long-work"


class Jobs:
    def __init__(self, server):
        self.server, self.sm, self.s3 = server, server.client("sagemaker"), server.client("s3")
        iam = server.client("iam")
        self.role = iam.create_role(RoleName="long-work", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="long-work", PolicyName="p", PolicyDocument=json.dumps(POLICY))
        self.s3.create_bucket(Bucket=BUCKET)

    def start(self, name, script, volume_gb=30, max_runtime_seconds=600, **more):
        self.sm.create_training_job(
            TrainingJobName=name, RoleArn=self.role, OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/sh", "-c", script]},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": volume_gb},
            StoppingCondition={"MaxRuntimeInSeconds": max_runtime_seconds}, **more)

    def wait(self, name, wanted, seconds):
        """Waits until the status or secondary status is wanted, and returns the description. The first Describe of a
        young job is held."""
        def job():
            found = self.sm.describe_training_job(TrainingJobName=name)
            return found if {found["TrainingJobStatus"], found["SecondaryStatus"]} & set(wanted) else None
        return wait_until(job, seconds, 0.1, lambda: self.sm.describe_training_job(TrainingJobName=name))

    def wait_listed(self, name, wanted, seconds=30):
        """Waits until the secondary status is `wanted`; uses List, which is never held."""
        wait_until(lambda: [each for each in self.sm.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
                            if each["TrainingJobName"] == name and each["SecondaryStatus"] == wanted], seconds, 0.05)

    def clock(self):
        """The server's wall clock, from the Date header of an answer."""
        date = self.s3.list_buckets()["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(date).timestamp()


@pytest.fixture(scope="module")
def jobs(open_server):
    return Jobs(open_server)


def test_sparse_artifacts_beyond_the_volume_fail_their_job_at_once(jobs):
    # In a sandbox no single file can be larger than the volume, but several together can exceed it.
    jobs.start("sparse", "for i in 1 2 3; do truncate -s 25G /opt/ml/model/weights-$i.bin; done")
    job = jobs.wait("sparse", OVER, 30)
    reason = job["FailureReason"]
    assert job["TrainingJobStatus"] == "Failed"
    assert "VolumeSizeInGB is 30" in reason and "weights-" in reason, reason
    assert str(jobs.server.data) not in reason
    jobs.sm.delete_training_job(TrainingJobName="sparse")
    jobs.start("endless", "truncate -s 1000G /opt/ml/model/weights.bin")
    job = jobs.wait("endless", OVER, 30)
    assert job["TrainingJobStatus"] == "Failed"
    assert any(words in job["FailureReason"] for words in ("VolumeSizeInGB is 30", "File too large", "File size limit")), job["FailureReason"]
    jobs.sm.delete_training_job(TrainingJobName="endless")


def test_a_sparse_artifact_within_the_volume_costs_what_it_holds(jobs):
    jobs.start("holes", "truncate -s 20G /opt/ml/model/weights.bin && echo end >> /opt/ml/model/weights.bin", volume_gb=40)
    job = jobs.wait("holes", OVER, 30)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    archive = jobs.s3.get_object(Bucket=BUCKET, Key=uri.split("/", 3)[3])["Body"].read()
    assert len(archive) < 100_000 and b"GNU.sparse" in gzip.decompress(archive)[:4096]


def test_a_checkpoint_too_large_for_one_object_fails_its_job(jobs):
    jobs.start("checkpoint", "mkdir -p /opt/ml/checkpoints; truncate -s 8G /opt/ml/checkpoints/c.bin",
               CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints"})
    job = jobs.wait("checkpoint", OVER, 30)
    assert job["TrainingJobStatus"] == "Failed" and "EntityTooLarge" in job["FailureReason"], job.get("FailureReason")


# Gzip compresses about 30 MB of this per second.
RANDOM = "head -c {}000000 /dev/urandom > /opt/ml/model/weights.bin"


def test_a_job_that_uploads_can_be_stopped_and_deleted(jobs):
    jobs.start("stopped", RANDOM.format(300))
    jobs.wait_listed("stopped", "Uploading")
    began = time.monotonic()
    jobs.sm.stop_training_job(TrainingJobName="stopped")
    job = jobs.wait("stopped", OVER, 20)
    assert job["TrainingJobStatus"] == "Stopped" and time.monotonic() - began < 30
    jobs.sm.delete_training_job(TrainingJobName="stopped")


def test_the_server_ends_while_a_job_uploads_and_the_next_one_finishes_it():
    with Server(auth="any") as server:
        jobs = Jobs(server)
        jobs.start("outlived", RANDOM.format(100))
        jobs.wait_listed("outlived", "Uploading")
        began = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - began < 15
        server.start()
        job = jobs.wait("outlived", OVER, 90)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


FAKETIME = next((path for path in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (Debian's package libfaketime)")
def test_steps_of_the_wall_clock_end_no_job(tmp_path):
    """The clock jumps an hour forward, then two back, during jobs of a few seconds, with a restart of the server in
    between."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with Server(auth="any", environment=environment) as server:
        jobs = Jobs(server)
        before = jobs.clock()
        jobs.start("steps", "sleep 6; echo done > /opt/ml/model/done", max_runtime_seconds=60)
        jobs.wait_listed("steps", "Training")
        clock.write_text("+3600")
        wait_until(lambda: jobs.clock() - before > 3500, 5)  # the server does see the new time
        server.stop()
        server.start()
        # A job that runs too long is ended although the clock goes back.
        jobs.start("long", "sleep 600", max_runtime_seconds=3)
        jobs.wait_listed("long", "Training")
        clock.write_text("-3600")
        job = jobs.wait("steps", OVER, 30)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed"), job
        job = jobs.wait("long", OVER, 20)
        assert job["SecondaryStatus"] == "MaxRuntimeExceeded"
