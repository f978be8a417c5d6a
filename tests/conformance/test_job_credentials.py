"""A job's credentials come from the server's container credential endpoint, belong to its role and end with the job.
What the server itself reads and writes for a job is limited by the role's policies, too."""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from helpers import aws_error, unique, wait_until
from sagemaker_world import PYTORCH_TRAINING, SCIKIT_LEARN, World, make_role, tar_gz
from support.server import Server

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
CLI = Path(__file__).resolve().parents[2] / ".cache/venvs/clients/bin/aws"
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
URI, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"


class WaitingJob:
    """A job that prints its credential variables and waits until it is stopped."""

    def __init__(self, world, role):
        self.world, self.name = world, unique("waits")
        script = f"echo URI ${URI}; echo TOKEN ${TOKEN}; echo KEY ${{AWS_ACCESS_KEY_ID:-none}}; echo ready; exec sleep 300"
        request = world.job_request(self.name, "none.py", {"none.py": ""}, RoleArn=role, AlgorithmSpecification={
            "TrainingImage": PYTORCH_TRAINING, "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/sh", "-c", script]})
        world.sm.create_training_job(**request)
        text = wait_until(lambda: (log := world.job_log(self.name)) and "ready" in log and log)
        said = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        self.uri, self.token, self.key = said["URI"], said["TOKEN"], said["KEY"]

    def environment(self):
        """The job's environment for one of our programs: no keys except those from the endpoint."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return {**keep, "AWS_ENDPOINT_URL": self.world.server.endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
                URI: self.uri, TOKEN: self.token}

    def stop(self):
        self.world.sm.stop_training_job(TrainingJobName=self.name)
        return self.world.finished(self.name)


def fetch(uri, token=None, method="GET"):
    """The status and the JSON body."""
    request = urllib.request.Request(uri, method=method, headers={} if token is None else {"Authorization": token})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def admin_job(world):
    job = WaitingJob(world, make_role(world.iam, EVERYTHING))
    yield job
    job.stop()


def test_no_fixed_keys_in_the_environment(admin_job, server):
    assert admin_job.key == "none"
    assert admin_job.uri.startswith(server.endpoint + "/_tidemill/credentials/training.") and len(admin_job.token) == 64


def test_what_the_endpoint_answers(admin_job):
    status, found = fetch(admin_job.uri, admin_job.token)
    assert status == 200 and found["AccessKeyId"].startswith("ASIA") and found["Expiration"].endswith("Z")
    assert {"SecretAccessKey", "Token", "RoleArn"} <= found.keys()
    assert fetch(admin_job.uri, admin_job.token)[1] == found


@pytest.mark.parametrize("token", [None, "", "x" * 64, "Bearer x"])
def test_without_the_token_there_is_nothing(admin_job, token):
    status, found = fetch(admin_job.uri, token)
    assert status == 403 and found["code"] == "AccessDenied" and found["message"]


def test_other_ways_to_ask(admin_job, server):
    assert fetch(admin_job.uri, admin_job.token, method="POST")[0] == 405
    assert fetch(admin_job.uri + "x", admin_job.token)[0] == 403
    assert fetch(server.endpoint + "/_tidemill/credentials/", admin_job.token)[0] == 403


def test_boto3(admin_job):
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    done = subprocess.run([sys.executable, "-c", program], env=admin_job.environment(), capture_output=True, text=True, check=True)
    assert ":assumed-role/" in done.stdout and done.stdout.strip().endswith("/SageMaker")


def test_the_cli(admin_job):
    done = subprocess.run([str(CLI), "sts", "get-caller-identity"], env=admin_job.environment(), capture_output=True, text=True)
    assert done.returncode == 0 and ":assumed-role/" in json.loads(done.stdout)["Arn"], done.stderr


def test_javascript(admin_job):
    program = ("import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';"
               "console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn)")
    done = subprocess.run(["node", "--input-type=module", "-e", program], env=admin_job.environment(), cwd=CLIENTS / "js",
                          capture_output=True, text=True)
    assert done.returncode == 0 and ":assumed-role/" in done.stdout, done.stderr


def test_go(admin_job, go_smoke):
    done = subprocess.run([go_smoke], env=admin_job.environment(), capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["intact"] is True, done.stderr


def test_the_token_ends_with_the_job(world):
    job = WaitingJob(world, make_role(world.iam, EVERYTHING))
    assert fetch(job.uri, job.token)[0] == 200
    assert job.stop()["TrainingJobStatus"] == "Stopped"
    wait_until(lambda: fetch(job.uri, job.token)[0] == 403)


def test_the_token_outlives_the_server():
    with Server() as server:
        world = World(server)
        job = WaitingJob(world, world.role)
        server.kill()
        server.start()
        status, found = fetch(job.uri, job.token)
        assert status == 200 and found["RoleArn"] == world.role
        job.stop()


def on_bucket(world, *actions):
    return make_role(world.iam, [{"Effect": "Allow", "Action": list(actions), "Resource": [
        f"arn:aws:s3:::{world.bucket}", f"arn:aws:s3:::{world.bucket}/*"]}])


@pytest.mark.parametrize("actions, says", [
    (["s3:GetObject", "s3:PutObject"], ["Data download failed: No S3 objects found under S3 URL", "s3:ListBucket"]),
    (["s3:ListBucket", "s3:PutObject"], ["Data download failed: Unable to download object s3://", "AccessDenied", "s3:GetObject"]),
    (["s3:ListBucket", "s3:GetObject"], ["Artifact upload failed: AccessDenied", "s3:PutObject", "S3OutputPath"])])
def test_a_role_without_access_fails_the_job(world, actions, says):
    world.put("held/a.csv", "1,2\n")
    job = world.run("open('/opt/ml/model/m', 'w').write('m')", RoleArn=on_bucket(world, *actions),
                    InputDataConfig=[world.channel("train", "held/")])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ") and all(text in job["FailureReason"] for text in says), job["FailureReason"]


# ---- models and their servers

TELLS = f"""
import json, os
import boto3
def model_fn(folder):
    return None
def input_fn(body, content_type):
    return body
def predict_fn(data, model):
    return [boto3.client("sts").get_caller_identity()["Arn"], os.environ.get("AWS_ACCESS_KEY_ID", "none"),
            os.environ["{URI}"], os.environ["{TOKEN}"]]
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


def test_a_model_server_gets_its_credentials_there_too(world):
    data = world.put("tells/model.tar.gz", tar_gz({"code/inference.py": TELLS}))
    name = world.deploy(SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": "inference.py"})
    found = world.settled(name)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    arn, key, uri, token = json.loads(world.invoke(name, b"x")["Body"].read())
    assert f":assumed-role/{world.role.rsplit('/', 1)[1]}/endpoint-" in arn and key == "none"
    assert fetch(uri, token)[0] == 200
    world.sm.delete_endpoint(EndpointName=name)
    wait_until(lambda: fetch(uri, token)[0] == 403)


def test_a_role_that_may_not_read_the_model(world):
    data = world.put("unread/model.tar.gz", tar_gz({"code/inference.py": TELLS}))
    role = make_role(world.iam, [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}])
    with aws_error("ValidationException", containing="Could not access model data at"):
        world.deploy(SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": "inference.py"}, role=role)


def test_a_role_that_lost_its_access_before_the_deployment(world):
    data = world.put("lost/model.tar.gz", tar_gz({"code/inference.py": TELLS}))
    role = on_bucket(world, "s3:GetObject")
    name = unique("lost")
    world.make_config(name, SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": "inference.py"}, role)
    world.iam.delete_role_policy(RoleName=role.rsplit("/", 1)[1], PolicyName="job")
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    found = world.settled(name)
    assert found["EndpointStatus"] == "Failed" and "s3:GetObject" in found["FailureReason"], found.get("FailureReason")
    world.sm.delete_endpoint(EndpointName=name)
