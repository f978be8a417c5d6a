"""Shared by the tests of training jobs and endpoints: a bucket, a role, archives, short requests."""
import io
import json
import tarfile
from contextlib import contextmanager

import pytest

from helpers import unique, wait_until

REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
SCIKIT_LEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:1.7-1"
PYTORCH_TRAINING = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.0.1-cpu-py310"

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
OVER = ("Completed", "Failed", "Stopped")


def tar_gz(files):
    """Makes a gzipped tar archive from {name: str or bytes}."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def make_role(iam, statements):
    """Creates a role that SageMaker may assume, with a policy of these statements; returns its ARN."""
    name = unique("role")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="job", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": statements}))
    return arn


class World:
    """A bucket, and a role that may read and write it."""

    def __init__(self, server):
        self.server = server
        self.s3, self.iam = server.client("s3"), server.client("iam")
        self.sm, self.logs = server.client("sagemaker"), server.client("logs")
        self.runtime = server.client("sagemaker-runtime")
        self.bucket = unique("ml")
        self.s3.create_bucket(Bucket=self.bucket)
        self.role = make_role(self.iam, [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
             "Resource": [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"]}])

    def put(self, key, body):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def read(self, uri):
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def unpack(self, uri):
        """The files of a tar.gz archive in S3: {name: bytes}."""
        with tarfile.open(fileobj=io.BytesIO(self.read(uri))) as archive:
            return {member.name.removeprefix("./"): archive.extractfile(member).read()
                    for member in archive if member.isfile()}

    def job_request(self, name, program, files, hyperparameters=None, image=SCIKIT_LEARN, **changes):
        """Requests a training job in script mode as the SageMaker SDK would."""
        source = self.put(f"{name}/source/sourcedir.tar.gz", tar_gz(files))
        system = {"sagemaker_program": program, "sagemaker_submit_directory": source,
                  "sagemaker_container_log_level": 20, "sagemaker_job_name": name, "sagemaker_region": "us-east-1"}
        values = {**(hyperparameters or {}), **{key: json.dumps(value) for key, value in system.items()}}
        return {"TrainingJobName": name, "RoleArn": self.role, "HyperParameters": values,
                "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
                "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                "StoppingCondition": {"MaxRuntimeInSeconds": 600}, **changes}

    def start(self, script, hyperparameters=None, files=None, **changes):
        """Starts a job that runs this script; returns its name."""
        name = unique("script")
        self.sm.create_training_job(
            **self.job_request(name, "train.py", {"train.py": script, **(files or {})}, hyperparameters, **changes))
        return name

    def finished(self, name, timeout_seconds=60):
        return wait_until(lambda: (job := self.sm.describe_training_job(TrainingJobName=name))
                          and job["TrainingJobStatus"] in OVER and job, timeout_seconds)

    def run(self, script, hyperparameters=None, **changes):
        """Runs the script until it ends; returns what DescribeTrainingJob says then."""
        return self.finished(self.start(script, hyperparameters, **changes))

    def channel(self, name, prefix):
        return {"ChannelName": name, "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/{prefix}",
            "S3DataDistributionType": "FullyReplicated"}}}

    def log_text(self, group, prefix):
        """The text of all log streams with this prefix; "" when there are none."""
        lines = []
        try:
            streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        except self.logs.exceptions.ResourceNotFoundException:
            return ""
        for stream in streams:
            token = None
            while True:
                page = self.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"],
                                                startFromHead=True, **({"nextToken": token} if token else {}))
                lines += [event["message"] for event in page["events"]]
                if page["nextForwardToken"] == token or not page["events"]:
                    break
                token = page["nextForwardToken"]
        return "\n".join(lines)

    def job_log(self, name):
        return self.log_text("/aws/sagemaker/TrainingJobs", name + "/")

    def deploy(self, image, model_data, environment=None, name=None, role=None):
        """Requests an endpoint with one variant; returns its name, which the model and the configuration share."""
        name = name or unique("endpoint")
        self.make_config(name, image, model_data, environment, role)
        self.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return name

    def make_config(self, name, image, model_data, environment=None, role=None):
        self.sm.create_model(ModelName=name, ExecutionRoleArn=role or self.role, PrimaryContainer={
            "Image": image, "ModelDataUrl": model_data, "Environment": environment or {}})
        self.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large",
             "InitialInstanceCount": 1}])

    def settled(self, name, timeout_seconds=60):
        """Waits until the endpoint is neither Creating nor Updating; returns its description."""
        return wait_until(lambda: (found := self.sm.describe_endpoint(EndpointName=name))["EndpointStatus"]
                          not in ("Creating", "Updating") and found, timeout_seconds)

    def invoke(self, endpoint, body, content_type="text/csv", accept="application/json", **options):
        return self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type,
                                            Accept=accept, **options)


@contextmanager
def sdk_world(server):
    """A World with a session of the SageMaker Python SDK (v2), in the environment of `tidemill env`."""
    from sagemaker import Session
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.env().items():
            patch.setenv(name, value)
        world = World(server)
        world.session = Session(default_bucket=world.bucket)
        yield world
