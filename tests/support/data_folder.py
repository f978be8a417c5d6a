"""A data folder with every kind of data: fill() creates it, check() reads everything back through real clients."""
import hashlib
import io
import json
import tarfile
import time

MIB = 1 << 20
BUCKET, ROLE, GROUP = "kept-bucket", "kept-role", "/kept/group"
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
SCIKIT_LEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:1.7-1"
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
     "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}]}
# Answers after the number of seconds that the body begins with.
SLOW_MODEL = """
import time


def model_fn(model_dir):
    return None


def input_fn(body, content_type):
    return body


def predict_fn(body, model):
    time.sleep(float(body.split()[0]))
    return "answer to " + body


def output_fn(text, accept):
    return text, "text/plain"
"""


def text_of(size, seed):
    """Compressible, but different everywhere: the fixture stays small, and a misplaced block is noticed."""
    out = bytearray()
    line = 0
    while len(out) < size:
        out += b"%s line %d\n" % (seed.encode(), line)
        line += 1
    return bytes(out[:size])


OBJECTS = {"empty": 0, "ten-bytes": 10, "one-block": 16 << 10, "small": 300_001, "one-mebibyte": MIB, "large": 2 * MIB + 77}
PART_SIZES = (5 * MIB, 5 * MIB, 1234)


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def wait_until(look, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


class Clients:
    def __init__(self, server):
        self.server = server
        self.s3, self.iam, self.logs = server.client("s3"), server.client("iam"), server.client("logs")
        self.sm, self.runtime = server.client("sagemaker"), server.client("sagemaker-runtime")

    def read(self, key, **options):
        return self.s3.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read()

    def exists(self, key):
        return key in [o["Key"] for o in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents", [])]


def fill_storage(c, facts):
    c.s3.create_bucket(Bucket=BUCKET)
    c.s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "blue"}]})
    for key, size in OBJECTS.items():
        c.s3.put_object(Bucket=BUCKET, Key=key, Body=text_of(size, key), ContentType="text/plain", Metadata={"of": key},
                        Tagging="kind=object", ChecksumAlgorithm="SHA256")
    for key in ("assembled", "under-way"):
        upload = c.s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        parts = []
        for number, size in enumerate(PART_SIZES, 1):
            if key == "under-way" and number == 3:
                facts["upload_id"] = upload
                break
            tag = c.s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=text_of(size, f"part{number}"))["ETag"]
            parts.append({"PartNumber": number, "ETag": tag})
        else:
            c.s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    facts["etags"] = {o["Key"]: o["ETag"] for o in c.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}


def fill_identity(c, facts):
    facts["role"] = c.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST),
                                      Tags=[{"Key": "team", "Value": "blue"}])["Role"]["Arn"]
    c.iam.put_role_policy(RoleName=ROLE, PolicyName="job", PolicyDocument=json.dumps(POLICY))


def fill_logs(c, facts):
    c.logs.create_log_group(logGroupName=GROUP, tags={"team": "blue"})
    c.logs.put_retention_policy(logGroupName=GROUP, retentionInDays=3653)
    c.logs.create_log_stream(logGroupName=GROUP, logStreamName="stream")
    facts["log_ms"] = int(time.time() * 1000)
    c.logs.put_log_events(logGroupName=GROUP, logStreamName="stream", logEvents=[
        {"timestamp": facts["log_ms"] + i, "message": f"event {i}"} for i in range(100)])


def fill_sagemaker(c, facts, booster):
    rows = "\n".join(f"{i % 2},{i % 2},{i % 5}" for i in range(200))
    c.s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=rows)
    c.sm.create_training_job(
        TrainingJobName="kept-job", RoleArn=facts["role"],
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        HyperParameters={"num_round": "3", "objective": "binary:logistic", "max_depth": "2"},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train", "S3DataDistributionType": "FullyReplicated"}}}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/output"}, Tags=[{"Key": "team", "Value": "blue"}],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600})
    job = wait_until(lambda: (d := c.sm.describe_training_job(TrainingJobName="kept-job"))["TrainingJobStatus"]
                     in ("Completed", "Failed") and d)
    assert job["TrainingJobStatus"] == "Completed", job
    facts["artifact"] = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    facts["artifact_sha256"] = hashlib.sha256(c.read(facts["artifact"])).hexdigest()

    models = {"kept-native": (XGBOOST, archive({"xgboost-model": booster}), {}),
              "kept-script": (SCIKIT_LEARN, archive({"code/inference.py": SLOW_MODEL.encode()}),
                              {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"})}
    for name, (image, data, environment) in models.items():
        c.s3.put_object(Bucket=BUCKET, Key=f"models/{name}.tar.gz", Body=data)
        c.sm.create_model(ModelName=name, ExecutionRoleArn=facts["role"], PrimaryContainer={
            "Image": image, "ModelDataUrl": f"s3://{BUCKET}/models/{name}.tar.gz", "Environment": environment})
        more = {} if name == "kept-native" else {"AsyncInferenceConfig": {
            "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/async"}}}
        c.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{
            "VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}], **more)
        c.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    for name in models:
        wait_until(lambda: c.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")
    facts["prediction"] = predict(c)

    c.sm.create_transform_job(
        TransformJobName="kept-transform", ModelName="kept-native",
        TransformInput={"ContentType": "text/csv", "SplitType": "Line", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/batch/"}}},
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/transformed", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1})
    wait_until(lambda: c.sm.describe_transform_job(TransformJobName="kept-transform")["TransformJobStatus"] in
               ("Completed", "Failed"))
    for name, body in (("done", "0 done"), ("waiting", "5 waiting")):
        c.s3.put_object(Bucket=BUCKET, Key=f"async-in/{name}", Body=body)
        c.runtime.invoke_endpoint_async(EndpointName="kept-script", InputLocation=f"s3://{BUCKET}/async-in/{name}",
                                        ContentType="text/plain", InferenceId=name)
        if name == "done":
            wait_until(lambda: c.exists("async/done.out"))


def predict(c):
    return c.runtime.invoke_endpoint(EndpointName="kept-native", ContentType="text/csv", Accept="text/csv",
                                     Body="1,2")["Body"].read().decode()


def fill(server, booster):
    """The caller kills the server afterwards, while an asynchronous invocation and an upload are in progress."""
    c, facts = Clients(server), {}
    fill_storage(c, facts)
    fill_identity(c, facts)
    fill_logs(c, facts)
    c.s3.put_object(Bucket=BUCKET, Key="batch/rows.csv", Body="1,2\n3,4\n5,6\n")
    fill_sagemaker(c, facts, booster)
    return facts


def check_storage(c, facts):
    listed = {o["Key"]: o["ETag"] for o in c.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert facts["etags"].items() <= listed.items()
    for key, size in OBJECTS.items():
        got = c.s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert got["Body"].read() == text_of(size, key), key
        assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/plain", {"of": key}, 1)
        if size:
            first, last = size // 3, min(size // 3 + 999, size - 1)
            assert c.read(key, Range=f"bytes={first}-{last}") == text_of(size, key)[first:last + 1], key
    whole = b"".join(text_of(size, f"part{number}") for number, size in enumerate(PART_SIZES, 1))
    assert c.read("assembled") == whole
    assert c.read("assembled", PartNumber=2) == text_of(PART_SIZES[1], "part2")
    assert c.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "team", "Value": "blue"}]
    upload = {"Bucket": BUCKET, "Key": "under-way", "UploadId": facts["upload_id"]}
    parts = c.s3.list_parts(**upload)["Parts"]
    assert [p["Size"] for p in parts] == list(PART_SIZES[:2])
    last = c.s3.upload_part(**upload, PartNumber=3, Body=text_of(PART_SIZES[2], "part3"))["ETag"]
    c.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [
        *({"PartNumber": p["PartNumber"], "ETag": p["ETag"]} for p in parts), {"PartNumber": 3, "ETag": last}]})
    assert c.read("under-way") == whole


def check_identity(c, facts):
    role = c.iam.get_role(RoleName=ROLE)["Role"]
    assert role["Arn"] == facts["role"] and role["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert c.iam.get_role_policy(RoleName=ROLE, PolicyName="job")["PolicyDocument"] == POLICY


def check_logs(c, facts):
    group = c.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]
    assert group["retentionInDays"] == 3653
    events = c.logs.get_log_events(logGroupName=GROUP, logStreamName="stream", startFromHead=True)["events"]
    assert [(e["timestamp"] - facts["log_ms"], e["message"]) for e in events] == [(i, f"event {i}") for i in range(100)]
    streams = c.logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")["logStreams"]
    assert [s for s in streams if s["logStreamName"].startswith("kept-job/")]


def check_sagemaker(c, facts):
    job = c.sm.describe_training_job(TrainingJobName="kept-job")
    assert job["TrainingJobStatus"] == "Completed" and job["HyperParameters"]["num_round"] == "3"
    assert c.sm.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert hashlib.sha256(c.read(facts["artifact"])).hexdigest() == facts["artifact_sha256"]
    assert c.sm.describe_transform_job(TransformJobName="kept-transform")["TransformJobStatus"] == "Completed"
    assert len(c.read("transformed/rows.csv.out").splitlines()) == 3
    for name in ("kept-native", "kept-script"):
        assert c.sm.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"][0]["ModelName"] == name
        wait_until(lambda: c.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")
    assert wait_until(lambda: answered(c)) == facts["prediction"]
    assert c.read("async/done.out") == b"answer to 0 done"
    # The invocation that was in progress starts again.
    wait_until(lambda: c.exists("async/waiting.out"), 90)
    assert c.read("async/waiting.out") == b"answer to 5 waiting"


def answered(c):
    """The endpoint's prediction; None while its model is being loaded again."""
    from botocore.exceptions import ClientError
    try:
        return predict(c)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (424, 500, 503), error
        return None


def check(server, facts):
    c = Clients(server)
    for part in (check_storage, check_identity, check_logs, check_sagemaker):
        part(c, facts)
