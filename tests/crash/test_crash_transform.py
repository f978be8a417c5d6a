"""Transform jobs and kill -9: acknowledged jobs continue, and every output exists exactly once and is complete."""
import io
import os
import tarfile
import time

import pytest

from support.server import CLIENTS_PYTHON, Server
from helpers_crash import IMAGE, World, wait_until
from test_crash import at_every_commit_point

OVER = ("Completed", "Failed", "Stopped")
SCRIPT = """
import time


def model_fn(model_dir):
    return "model"


def transform_fn(model, body, content_type, accept):
    text = body.decode() if isinstance(body, bytes) else body
    time.sleep(0.02)
    return "\\n".join("seen " + line for line in text.splitlines()), accept
"""


class Transform(World):
    def script_model(self):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            info = tarfile.TarInfo("code/inference.py")
            info.size = len(SCRIPT)
            archive.addfile(info, io.BytesIO(SCRIPT.encode()))
        self.s3.put_object(Bucket=self.bucket, Key="script.tar.gz", Body=stream.getvalue())
        self.sm.create_model(ModelName="script", ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": "pytorch-inference:2.0-cpu-py310", "ModelDataUrl": f"s3://{self.bucket}/script.tar.gz",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}})

    def native_model(self):
        self.sm.create_model(ModelName="native", ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": IMAGE, "ModelDataUrl": self.trained_model()})

    def transform(self, name, model, prefix, **changes):
        return self.sm.create_transform_job(**{
            "TransformJobName": name, "ModelName": model,
            "TransformInput": {"DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/{prefix}"}},
                "ContentType": "text/csv", "SplitType": "Line"},
            "TransformOutput": {"S3OutputPath": f"s3://{self.bucket}/out/{name}", "AssembleWith": "Line",
                                "Accept": "text/csv"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}, **changes})

    def status(self, name):
        return self.sm.describe_transform_job(TransformJobName=name)["TransformJobStatus"]

    def outputs(self, name):
        prefix = f"out/{name}/"
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {entry["Key"].removeprefix(prefix): entry["LastModified"] for entry in listed}

    def read(self, name, file):
        return self.s3.get_object(Bucket=self.bucket, Key=f"out/{name}/{file}")["Body"].read().decode()


@pytest.fixture(scope="module")
def world():
    with Server(auth="verify") as server:
        yield Transform(server)


def test_transform_at_every_commit_point(world):
    world.native_model()
    for i in range(3):
        world.s3.put_object(Bucket=world.bucket, Key=f"in/{i}.csv", Body=(world.row + "\n") * (i + 1))

    def scenario(n, acknowledged):
        world.transform(f"job-{n}", "native", "in/")
        acknowledged["job"] = True
        wait_until(lambda: world.status(f"job-{n}") in OVER)

    def check(n, acknowledged):
        if not acknowledged:
            return
        assert wait_until(lambda: (status := world.status(f"job-{n}")) in OVER and status) == "Completed"
        assert set(world.outputs(f"job-{n}")) == {"0.csv.out", "1.csv.out", "2.csv.out"}
        answers = [world.read(f"job-{n}", f"{i}.csv.out").splitlines() for i in range(3)]
        assert [len(lines) for lines in answers] == [1, 2, 3]
        assert len({line for lines in answers for line in lines}) == 1

    assert at_every_commit_point(world, scenario, check) >= 5


@pytest.mark.skipif(not os.path.exists(CLIENTS_PYTHON), reason="the clients' Python is not set up")
def test_files_that_were_done_are_not_done_again(world):
    world.script_model()
    files = 12
    for i in range(files):
        world.s3.put_object(Bucket=world.bucket, Key=f"slow/{i:02}.csv",
                            Body="".join(f"{i}-{line}\n" for line in range(20)))
    world.transform("slow", "script", "slow/", BatchStrategy="SingleRecord", MaxConcurrentTransforms=2)
    before = wait_until(lambda: (found := world.outputs("slow")) and len(found) >= 3 and found)
    world.server.kill()
    time.sleep(1.1)  # because LastModified has a resolution of one second
    world.server.start()
    assert wait_until(lambda: (status := world.status("slow")) in OVER and status) == "Completed"
    after = world.outputs("slow")
    assert set(after) == {f"{i:02}.csv.out" for i in range(files)}
    # Each thread may have been between writing one file's output and recording it.
    again = [name for name in before if after[name] != before[name]]
    assert len(again) <= 2, again
    for i in range(files):
        assert world.read("slow", f"{i:02}.csv.out") == "".join(f"seen {i}-{line}\n" for line in range(20))
