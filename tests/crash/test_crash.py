"""kill -9 at every commit point. The server kills itself at the Nth commit point it passes (TIDEMILL_CRASH_AT=N,
base/crash_point.h). N is increased until the scenario completes without a crash, so every point is hit once. After each
crash a server without the variable is started on the same folder: what was acknowledged must exist, and unfinished work
must continue."""
import hashlib
import io
import json
import tarfile

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from support.server import Server
from helpers_crash import IMAGE, POINTS_MAX, World, wait_until

GONE = (BotoCoreError, ClientError, OSError)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Server(auth="verify") as server:
        yield World(server)


def at_every_commit_point(world, scenario, check):
    """scenario(n, acknowledged) stores in the dictionary what the server acknowledged; check(n, acknowledged) runs
    against the server that was started after the crash. Returns the number of crashes."""
    server = world.server
    crashes = 0
    for n in range(1, POINTS_MAX):
        server.stop()
        server.environment = {"TIDEMILL_CRASH_AT": str(n)}
        acknowledged, died = {}, False
        try:
            server.start()
            scenario(n, acknowledged)
        except (*GONE, RuntimeError):
            died = True
        died = died or server.process.poll() is not None
        if died:
            assert server.process.wait(20) == -9, server.log_text()
            crashes += 1
        else:
            server.stop()
        server.environment = {}
        server.start()
        check(n, acknowledged)
        if not died:
            return crashes
    raise AssertionError(f"no run got through within {POINTS_MAX} commit points")


def test_put(world):
    def scenario(n, acknowledged):
        for size in (1024, 2_000_000):
            body = hashlib.sha256(f"{n}-{size}".encode()).digest() * (size // 32)
            key = f"put-{n}-{size}"
            world.s3.put_object(Bucket=world.bucket, Key=key, Body=body)
            acknowledged[key] = hashlib.md5(body).hexdigest()

    def check(n, acknowledged):
        listed = {o["Key"] for o in world.s3.list_objects_v2(Bucket=world.bucket, Prefix=f"put-{n}-").get("Contents", [])}
        assert set(acknowledged) <= listed
        # Every listed object is complete, acknowledged or not.
        for key in listed:
            got = world.s3.get_object(Bucket=world.bucket, Key=key)
            body = got["Body"].read()
            assert got["ETag"].strip('"') == hashlib.md5(body).hexdigest()
            assert acknowledged.get(key, hashlib.md5(body).hexdigest()) == hashlib.md5(body).hexdigest()

    assert at_every_commit_point(world, scenario, check) >= 3


def test_versions(world):
    """A put, a delete marker, a deleted version, and a put after them."""
    bucket = f"{world.bucket}-versions"
    world.s3.create_bucket(Bucket=bucket)
    world.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def scenario(n, acknowledged):
        key = f"k{n}"
        for size in (1024, 2_000_000):
            version = world.s3.put_object(Bucket=bucket, Key=key, Body=bytes([n]) * size)["VersionId"]
            acknowledged[version] = size
        acknowledged["marker"] = world.s3.delete_object(Bucket=bucket, Key=key)["VersionId"]
        world.s3.delete_object(Bucket=bucket, Key=key, VersionId=acknowledged["marker"])
        acknowledged["unmarked"] = True
        world.s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
        acknowledged["erased"] = version

    def check(n, acknowledged):
        key = f"k{n}"
        listed = world.s3.list_object_versions(Bucket=bucket, Prefix=key)
        versions = {v["VersionId"]: v for v in listed.get("Versions", []) if v["Key"] == key}
        markers = [m["VersionId"] for m in listed.get("DeleteMarkers", []) if m["Key"] == key]
        entries = [*versions.values(), *(m for m in listed.get("DeleteMarkers", []) if m["Key"] == key)]
        assert sum(entry["IsLatest"] for entry in entries) == (1 if entries else 0)
        for version in versions.values():
            body = world.s3.get_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])["Body"].read()
            assert body == bytes([n]) * version["Size"], "a version has other bytes than it was written with"
        sizes = [acknowledged[version] for version in versions if version in acknowledged]
        erased = acknowledged.get("erased")
        for version, size in acknowledged.items():
            if not isinstance(size, int) or isinstance(size, bool) or version == erased:
                continue
            # The second version may be gone if its deletion was not acknowledged.
            assert version in versions or (size == 2_000_000 and acknowledged.get("unmarked")), (sizes, acknowledged)
        if erased:
            assert erased not in versions
        if acknowledged.get("unmarked"):
            assert not markers
        current = world.s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        latest = [v for v in versions.values() if v["IsLatest"]]
        assert [o["Size"] for o in current if o["Key"] == key] == [v["Size"] for v in latest]

    assert at_every_commit_point(world, scenario, check) >= 6


def test_multipart_upload(world):
    part = b"p" * (5 << 20)

    def scenario(n, acknowledged):
        key = f"multi-{n}"
        upload = world.s3.create_multipart_upload(Bucket=world.bucket, Key=key)["UploadId"]
        acknowledged["upload"] = upload
        etags = []
        for number, body in ((1, part), (2, b"tail")):
            etags.append(world.s3.upload_part(Bucket=world.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)["ETag"])
            acknowledged["parts"] = list(etags)
        complete(n, upload, etags)
        acknowledged["done"] = True

    def complete(n, upload, etags):
        world.s3.complete_multipart_upload(Bucket=world.bucket, Key=f"multi-{n}", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": i + 1, "ETag": etag} for i, etag in enumerate(etags)]})

    def check(n, acknowledged):
        key = f"multi-{n}"
        exists = key in [o["Key"] for o in world.s3.list_objects_v2(Bucket=world.bucket, Prefix=key).get("Contents", [])]
        if acknowledged.get("done"):
            assert exists
        if not exists and "upload" in acknowledged:
            # The upload is still open with every acknowledged part, and can be completed.
            parts = world.s3.list_parts(Bucket=world.bucket, Key=key, UploadId=acknowledged["upload"]).get("Parts", [])
            held = {p["PartNumber"]: p["ETag"] for p in parts}
            for i, etag in enumerate(acknowledged.get("parts", [])):
                assert held[i + 1] == etag
            for number, body in ((1, part), (2, b"tail")):
                if number not in held:
                    held[number] = world.s3.upload_part(Bucket=world.bucket, Key=key, UploadId=acknowledged["upload"], PartNumber=number, Body=body)["ETag"]
            complete(n, acknowledged["upload"], [held[1], held[2]])
            exists = True
        if exists:
            assert world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read() == part + b"tail"

    assert at_every_commit_point(world, scenario, check) >= 4


def test_training_job(world):
    def scenario(n, acknowledged):
        name = f"crash-{n}"
        world.sm.create_training_job(**world.training_request(name))
        acknowledged["job"] = name
        world.finished(name)

    def check(n, acknowledged):
        if "job" not in acknowledged:
            # It was not acknowledged, so it may exist (and must then end well) or not.
            try:
                world.sm.describe_training_job(TrainingJobName=f"crash-{n}")
            except ClientError as error:
                assert "not found" in error.response["Error"]["Message"]
                return
        job = world.finished(f"crash-{n}")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        key = job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
        archive = tarfile.open(fileobj=io.BytesIO(world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()))
        assert archive.getnames().count("xgboost-model") == 1
        # The log has every round exactly once and in order, although the server died in between.
        stream = world.logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"crash-{n}/")["logStreams"][0]
        events = world.logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream["logStreamName"], startFromHead=True)["events"]
        rounds = [e["message"].split("]")[0][1:] for e in events if e["message"].startswith("[") and "auc" in e["message"]]
        assert rounds == [str(i) for i in range(10)]

    assert at_every_commit_point(world, scenario, check) >= 5


def test_deployment(world):
    model = world.trained_model()

    def scenario(n, acknowledged):
        name = f"deploy-{n}"
        world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": model})
        acknowledged["model"] = name
        world.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
        acknowledged["config"] = name
        world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
        acknowledged["endpoint"] = name
        world.in_service(name)
        acknowledged["answer"] = world.predict(name)

    def check(n, acknowledged):
        name = f"deploy-{n}"
        if "model" in acknowledged:
            world.sm.describe_model(ModelName=name)
        if "config" in acknowledged:
            world.sm.describe_endpoint_config(EndpointConfigName=name)
        if "endpoint" in acknowledged:
            world.in_service(name)
            assert world.predict(name) == acknowledged.get("answer", world.predict(name))
            world.sm.delete_endpoint(EndpointName=name)
            wait_until(lambda: not world.sm.list_endpoints(NameContains=name)["Endpoints"])

    assert at_every_commit_point(world, scenario, check) >= 5


def test_update(world):
    """A canary deployment continues after the server was killed at any point of it, and the endpoint answers all the
    time."""
    model, name = world.trained_model(), "update"
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": model})
    for config in ("update-0", "update-1"):
        world.sm.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[
            {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}])
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName="update-0")
    world.in_service(name)
    expected = world.predict(name)
    canary = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {
        "Type": "CANARY", "WaitIntervalInSeconds": 0, "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50}}}}

    def scenario(n, acknowledged):
        world.sm.update_endpoint(EndpointName=name, EndpointConfigName=f"update-{n % 2}", DeploymentConfig=canary)
        acknowledged["updated"] = True
        world.in_service(name)

    def check(n, acknowledged):
        assert world.predict(name) == expected
        world.in_service(name)
        found = world.sm.describe_endpoint(EndpointName=name)
        if "updated" in acknowledged:
            assert found["EndpointConfigName"] == f"update-{n % 2}", found
        assert "PendingDeploymentSummary" not in found
        assert world.predict(name) == expected

    assert at_every_commit_point(world, scenario, check) >= 4
    world.sm.delete_endpoint(EndpointName=name)


def test_a_job_outlives_the_server(world):
    """The server is killed while a job trains; the job continues, and the next server adopts it."""
    server = world.server
    name = "outlive"
    world.sm.create_training_job(**world.training_request(name, rounds="20000"))
    # Waits for the first lines of the log, not with Describe, which waits for young jobs to end.
    group = "/aws/sagemaker/TrainingJobs"
    wait_until(lambda: world.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
               and world.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name + "/")["logStreams"])
    assert world.sm.list_training_jobs(NameContains=name)["TrainingJobSummaries"][0]["TrainingJobStatus"] == "InProgress"
    server.kill()
    server.start()
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
