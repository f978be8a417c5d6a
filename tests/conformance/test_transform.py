"""Batch transform: files in S3 through native models and Python scripts, by boto3 and the SageMaker SDK v2."""
import gzip
import io
import json
import struct

import numpy
import pytest
from botocore.exceptions import ClientError

from helpers import aws_error, unique, wait_until
from sagemaker_world import OVER, SCIKIT_LEARN, XGBOOST, World, tar_gz

SCRIPT = """
import json, os, time


def died_first_time():
    # Kept in S3, because nothing else of a model server survives it.
    import boto3
    bucket, key = os.environ["DIED"].split("/", 1)
    s3 = boto3.client("s3")
    if s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]:
        return False
    s3.put_object(Bucket=bucket, Key=key)
    return True


def model_fn(model_dir):
    print("batch", os.environ["SAGEMAKER_BATCH"], os.environ.get("SAGEMAKER_BATCH_STRATEGY"),
          os.environ.get("SAGEMAKER_MAX_PAYLOAD_IN_MB"), os.environ.get("GREETING"), flush=True)
    return "model"


def transform_fn(model, body, content_type, accept):
    text = body.decode() if isinstance(body, bytes) else body
    if "refuse" in text:
        raise ValueError("the script refuses this")
    if "slow" in text:
        time.sleep(1)
    if "die" in text and died_first_time():
        os._exit(3)
    if content_type == "application/jsonlines":
        rows = [json.loads(line) for line in text.splitlines()]
        return "\\n".join(json.dumps({"sum": sum(row)}) for row in rows), accept
    return "\\n".join(f"{len(text.splitlines())}:{line}" for line in text.splitlines()), accept
"""


class Transform(World):
    def __init__(self, server):
        super().__init__(server)
        self.rng = numpy.random.default_rng(5)

    def model(self, image, archive, environment=None, fresh=True):
        name = unique("model")
        data = self.put(f"models/{name}/model.tar.gz", archive)
        self.sm.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": image, "ModelDataUrl": data, "Environment": environment or {}})
        return name

    def request(self, model, prefix, content_type="text/csv", accept=None, split="Line", name=None, **changes):
        name = name or unique("transform")
        output = {"S3OutputPath": f"s3://{self.bucket}/out/{name}", "AssembleWith": "Line"}
        if accept:
            output["Accept"] = accept
        return {"TransformJobName": name, "ModelName": model,
                "TransformInput": {"DataSource": {"S3DataSource": {
                    "S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/{prefix}"}},
                    "ContentType": content_type, "SplitType": split},
                "TransformOutput": output,
                "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}, **changes}

    def ended(self, name, timeout_seconds=60):
        return wait_until(lambda: (job := self.sm.describe_transform_job(TransformJobName=name))
                          ["TransformJobStatus"] in OVER and job, timeout_seconds)

    def transformed(self, request):
        self.sm.create_transform_job(**request)
        job = self.ended(request["TransformJobName"])
        assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
        return job

    def output(self, request, name):
        return self.read(f"{request['TransformOutput']['S3OutputPath']}/{name}.out").decode()

    def outputs(self, request):
        prefix = request["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{self.bucket}/") + "/"
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return sorted(entry["Key"].removeprefix(prefix) for entry in listed)


@pytest.fixture(scope="module")
def world(server):
    return Transform(server)


@pytest.fixture(scope="module")
def booster(world):
    import xgboost
    x = world.rng.normal(size=(400, 4)).round(4)
    y = (x[:, 0] - x[:, 1] > 0).astype(int)
    return xgboost.train({"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(x, y), 10)


@pytest.fixture(scope="module")
def native(world, booster, tmp_path_factory):
    path = tmp_path_factory.mktemp("booster") / "xgboost-model"
    booster.save_model(f"{path}.json")
    return world.model(XGBOOST, tar_gz({"xgboost-model": open(f"{path}.json", "rb").read()}))


@pytest.fixture(scope="module")
def script(world):
    return world.model(SCIKIT_LEARN, tar_gz({"code/inference.py": SCRIPT}),
                       {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        "GREETING": "from the model"})


def rows_of(world, count):
    return world.rng.normal(size=(count, 4)).round(4)


def csv_of(rows):
    return "".join(",".join(map(repr, map(float, row))) + "\n" for row in rows)


def scores(booster, rows):
    import xgboost
    return booster.predict(xgboost.DMatrix(numpy.asarray(rows)))


def test_native_csv_files(world, native, booster):
    prefix = unique("in") + "/"
    files = {"a.csv": rows_of(world, 5000), "deep/b.csv": rows_of(world, 3)}
    for name, rows in files.items():
        world.put(prefix + name, csv_of(rows))
    world.put(prefix + "empty.csv", "")
    request = world.request(native, prefix, accept="text/csv", Tags=[{"Key": "team", "Value": "a"}])
    job = world.transformed(request)
    assert world.outputs(request) == ["a.csv.out", "deep/b.csv.out", "empty.csv.out"]
    for name, rows in files.items():
        answered = numpy.loadtxt(io.StringIO(world.output(request, name)))
        numpy.testing.assert_allclose(answered, scores(booster, rows), rtol=1e-5)
    assert world.output(request, "empty.csv") == ""
    assert job["TransformStartTime"] >= job["CreationTime"]
    assert job["TransformEndTime"] >= job["TransformStartTime"]
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    arn = job["TransformJobArn"]
    assert arn.endswith(":transform-job/" + job["TransformJobName"])
    assert world.sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    log = world.log_text("/aws/sagemaker/TransformJobs", job["TransformJobName"] + "/")
    assert "[sagemaker logs]: MaxConcurrentTransforms=2, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD" in log
    assert "/a.csv: 5000 records done" in log
    streams = world.logs.describe_log_streams(logGroupName="/aws/sagemaker/TransformJobs",
                                              logStreamNamePrefix=job["TransformJobName"] + "/i-")["logStreams"]
    assert any(stream["logStreamName"].endswith("/data-log") for stream in streams)


def test_join_and_filter_csv(world, native, booster):
    prefix = unique("in") + "/"
    rows = rows_of(world, 4)
    text = "".join(f'"id, {i}",' + ",".join(map(repr, map(float, row))) + "\r\n\r\n" for i, row in enumerate(rows))
    world.put(prefix + "a.csv", text.rstrip())
    request = world.request(native, prefix, accept="text/csv", DataProcessing={
        "InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"})
    world.transformed(request)
    expected = scores(booster, rows)
    lines = world.output(request, "a.csv").splitlines()
    assert [line.rsplit(",", 1)[0] for line in lines] == [f'"id, {i}"' for i in range(4)]
    numpy.testing.assert_allclose([float(line.rsplit(",", 1)[1]) for line in lines], expected, rtol=1e-5)


def test_join_json_lines_keeps_digits(world, script):
    prefix = unique("in") + "/"
    world.put(prefix + "a.jsonl", '{"id": 12345678901234567890, "features": [1.0, 2]}\n{"id": "x", "features": [3, 4]}\n')
    request = world.request(script, prefix, "application/jsonlines", "application/jsonlines", DataProcessing={
        "InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"})
    world.transformed(request)
    assert world.output(request, "a.jsonl") == ('{"id":12345678901234567890,"SageMakerOutput":{"sum":3.0}}\n'
                                                '{"id":"x","SageMakerOutput":{"sum":7}}\n')


def test_single_and_multi_record(world, script):
    prefix = unique("in") + "/"
    world.put(prefix + "a.txt", "one\ntwo\n\nthree")
    multi = world.request(script, prefix, "text/plain", "text/plain", Environment={"GREETING": "from the job"})
    world.transformed(multi)
    assert world.output(multi, "a.txt") == "3:one\n3:two\n3:three\n"
    single = world.request(script, prefix, "text/plain", "text/plain", BatchStrategy="SingleRecord",
                           MaxConcurrentTransforms=4, MaxPayloadInMB=1)
    world.transformed(single)
    assert world.output(single, "a.txt") == "1:one\n1:two\n1:three\n"
    said = world.log_text("/aws/sagemaker/TransformJobs", multi["TransformJobName"] + "/")
    assert "batch true None None from the job" in said
    said = world.log_text("/aws/sagemaker/TransformJobs", single["TransformJobName"] + "/")
    assert "batch true SINGLE_RECORD 1 from the model" in said
    assert "MaxConcurrentTransforms=4, MaxPayloadInMB=1, BatchStrategy=SINGLE_RECORD" in said


def test_whole_files_gzip_and_manifest(world, script):
    prefix = unique("in") + "/"
    world.put(prefix + "x/a.txt.gz", gzip.compress(b"one\ntwo\n"))
    world.put(prefix + "b.txt.gz", gzip.compress(b"thr") + gzip.compress(b"ee"))
    world.put(prefix + "unnamed.gz", gzip.compress(b"never"))
    manifest = world.put(unique("m"), json.dumps([{"prefix": f"s3://{world.bucket}/{prefix}"}, "x/a.txt.gz", "b.txt.gz"]))
    request = world.request(script, prefix, "text/plain", "text/plain", split="None")
    request["TransformInput"]["CompressionType"] = "Gzip"
    request["TransformInput"]["DataSource"]["S3DataSource"] = {"S3DataType": "ManifestFile", "S3Uri": manifest}
    world.transformed(request)
    assert world.outputs(request) == ["b.txt.gz.out", "x/a.txt.gz.out"]
    assert world.output(request, "x/a.txt.gz") == "2:one\n2:two\n"
    assert world.output(request, "b.txt.gz") == "1:three\n"


def test_record_io(world, script):
    def framed(data):
        return struct.pack("<II", 0xced7230a, len(data)) + data + b"\0" * (-len(data) % 4)
    prefix = unique("in") + "/"
    world.put(prefix + "a.rec", framed(b"one") + framed(b"four"))
    request = world.request(script, prefix, "text/plain", "text/plain", split="RecordIO", BatchStrategy="SingleRecord")
    world.transformed(request)
    assert world.output(request, "a.rec") == "1:one\n1:four\n"


def test_a_bad_record_is_named_and_other_files_are_done(world, native):
    prefix = unique("in") + "/"
    world.put(prefix + "bad.csv", csv_of(rows_of(world, 700)) + "1,oops,3,4\n" + csv_of(rows_of(world, 700)))
    world.put(prefix + "good.csv", csv_of(rows_of(world, 2)))
    request = world.request(native, prefix)
    world.sm.create_transform_job(**request)
    job = world.ended(request["TransformJobName"])
    assert job["TransformJobStatus"] == "Failed"
    reason = job["FailureReason"]
    assert reason.startswith(f"ClientError: s3://{world.bucket}/{prefix}bad.csv, line 701: "), reason
    assert "oops" in reason
    assert world.outputs(request) == ["good.csv.out"]
    log = world.log_text("/aws/sagemaker/TransformJobs", request["TransformJobName"] + "/")
    assert f"{world.bucket}/{prefix}bad.csv: ClientError" in log and "line 701" in log


def test_a_scripts_exception_is_the_reason(world, script):
    prefix = unique("in") + "/"
    world.put(prefix + "a.txt", "fine\nrefuse\n")
    request = world.request(script, prefix, "text/plain", BatchStrategy="SingleRecord",
                            ModelClientConfig={"InvocationsMaxRetries": 0})
    world.sm.create_transform_job(**request)
    job = world.ended(request["TransformJobName"])
    assert job["TransformJobStatus"] == "Failed"
    assert f"s3://{world.bucket}/{prefix}a.txt, line 2: the model answered 500" in job["FailureReason"]
    assert "the script refuses this" in job["FailureReason"]


def test_records_larger_than_the_payload(world, native):
    prefix = unique("in") + "/"
    world.put(prefix + "a.csv", "1,2,3,4\n" + "9" * (1 << 20) + "1\n")
    request = world.request(native, prefix, MaxPayloadInMB=1)
    world.sm.create_transform_job(**request)
    reason = world.ended(request["TransformJobName"])["FailureReason"]
    assert f"a.csv, line 2 is larger than MaxPayloadInMB (1 MB) allows" in reason


def test_a_model_that_does_not_load(world):
    broken = world.model(SCIKIT_LEARN, tar_gz({"code/inference.py": "import not_a_module\n"}),
                         {"SAGEMAKER_PROGRAM": "inference.py"})
    prefix = unique("in") + "/"
    world.put(prefix + "a.txt", "1")
    request = world.request(broken, prefix, "text/plain")
    world.sm.create_transform_job(**request)
    job = world.ended(request["TransformJobName"])
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ") and "not_a_module" in job["FailureReason"]


def test_a_model_server_that_dies_is_started_again(world, script):
    prefix = unique("in") + "/"
    world.put(prefix + "a.txt", "one\ndie\nthree\n")
    died = unique("died")
    request = world.request(script, prefix, "text/plain", "text/plain", BatchStrategy="SingleRecord",
                            Environment={"DIED": f"{world.bucket}/{died}"})
    world.transformed(request)
    assert world.read(f"s3://{world.bucket}/{died}") == b""
    assert world.output(request, "a.txt") == "1:one\n1:die\n1:three\n"


def test_stop(world, script):
    prefix = unique("in") + "/"
    world.put(prefix + "a.txt", "slow\n" * 500)
    request = world.request(script, prefix, "text/plain", BatchStrategy="SingleRecord")
    name = request["TransformJobName"]
    world.sm.create_transform_job(**request)
    with aws_error("ResourceInUse", containing="already exists"):
        world.sm.create_transform_job(**request)
    assert name in [job["TransformJobName"] for job in world.sm.list_transform_jobs(
        StatusEquals="InProgress", NameContains=name)["TransformJobSummaries"]]
    world.sm.stop_transform_job(TransformJobName=name)
    job = world.ended(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert world.outputs(request) == []
    with aws_error("ValidationException", containing="in status Stopped"):
        world.sm.stop_transform_job(TransformJobName=name)


def test_refusals(world, native):
    prefix = unique("in") + "/"
    with aws_error("ValidationException", containing="No S3 objects found under S3 URL"):
        world.sm.create_transform_job(**world.request(native, prefix))
    world.put(prefix + "a.csv", "1,2,3,4\n")
    with aws_error("ValidationException", containing="Could not find model"):
        world.sm.create_transform_job(**world.request("nobody", prefix))
    with aws_error("ValidationException", containing="cannot exceed 100 MB"):
        world.sm.create_transform_job(**world.request(native, prefix, MaxPayloadInMB=60, MaxConcurrentTransforms=2))
    with aws_error("ValidationException", containing="JSONPath"):
        world.sm.create_transform_job(**world.request(native, prefix, DataProcessing={"InputFilter": "a.b"}))
    with aws_error("ValidationException", containing="Could not find requested job with name: nobody"):
        world.sm.describe_transform_job(TransformJobName="nobody")


def test_nobody_invokes_a_jobs_model(world, script):
    """The job's model answers only the job, whatever name a client tries."""
    prefix = unique("in") + "/"
    world.put(prefix + "a.txt", "slow\n" * 20)
    request = world.request(script, prefix, "text/plain", BatchStrategy="SingleRecord")
    name = request["TransformJobName"]
    world.sm.create_transform_job(**request)
    wait_until(lambda: world.log_text("/aws/sagemaker/TransformJobs", name + "/"))
    for endpoint in (name, "transform-job/" + name, "transform-job%2F" + name):
        with pytest.raises(ClientError) as raised:
            world.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"x", ContentType="text/plain")
        assert raised.value.response["Error"]["Code"] == "ValidationError", raised.value
    world.sm.stop_transform_job(TransformJobName=name)
    world.ended(name)


def test_the_sdk_transforms_and_waits(world, server, native, booster, capsys):
    from sagemaker import Session
    from sagemaker.transformer import Transformer
    with pytest.MonkeyPatch().context() as patch:
        for name, value in server.env().items():
            patch.setenv(name, value)
        session = Session(default_bucket=world.bucket)
        rows = rows_of(world, 50)
        data = world.put(unique("in") + "/test.csv", csv_of(rows))
        transformer = Transformer(native, 1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line",
                                  output_path=f"s3://{world.bucket}/sdk", accept="text/csv", max_payload=6,
                                  sagemaker_session=session)
        transformer.transform(data, content_type="text/csv", split_type="Line", join_source="Input",
                              output_filter="$[-1]", wait=True, logs=True)
        answered = numpy.loadtxt(io.BytesIO(world.read(f"s3://{world.bucket}/sdk/test.csv.out")))
        numpy.testing.assert_allclose(answered, scores(booster, rows), rtol=1e-5)
        assert "[sagemaker logs]: MaxConcurrentTransforms" in capsys.readouterr().out
        attached = Transformer.attach(transformer.latest_transform_job.name, session)
        assert attached.output_path == transformer.output_path and attached.model_name == native
