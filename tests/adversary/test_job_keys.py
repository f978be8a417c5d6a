"""A job's keys end with it, wherever the server listens, and no job gets keys that would not."""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from helpers import aws_error, unique, wait_until  # noqa: E402
from sagemaker_world import PYTORCH_TRAINING, SCIKIT_LEARN, World, make_role, tar_gz  # noqa: E402
from support.server import Server  # noqa: E402

EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
URI, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"
TRUST_ACCOUNT = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]}

# Fetches its keys as a thief would, to use them elsewhere.
STEALS = f"""
import json, os, time, urllib.request
request = urllib.request.Request(os.environ["{URI}"], headers={{"Authorization": os.environ["{TOKEN}"]}})
with urllib.request.urlopen(request) as answer:
    print("KEYS", answer.read().decode().replace("\\n", ""), flush=True)
"""
WAITS = STEALS + "time.sleep(300)\n"
# Whatever an SDK in the job is given, and that it works.
USES = f"""
import json, os, boto3
session = boto3.session.Session()
found = {{"method": session.get_credentials().method, "static": "AWS_ACCESS_KEY_ID" in os.environ,
         "uri": os.environ.get("{URI}", ""), "arn": session.client("sts").get_caller_identity()["Arn"]}}
json.dump(found, open("/opt/ml/model/found.json", "w"))
"""


@pytest.fixture(scope="module")
def world(server):
    made = World(server)
    made.admin = make_role(made.iam, EVERYTHING)
    return made


def stolen(world, name):
    text = wait_until(lambda: (log := world.job_log(name)) and "KEYS" in log and log)
    return json.loads(next(line for line in text.splitlines() if line.startswith("KEYS")).removeprefix("KEYS "))


def client_with(server, service, keys):
    return boto3.client(service, endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
                        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys.get("Token") or keys["SessionToken"],
                        config=Config(retries={"max_attempts": 1}))


def gone(server, keys):
    """The keys are refused as expired."""
    try:
        client_with(server, "sts", keys).get_caller_identity()
    except Exception as error:
        return "ExpiredToken" in str(error)
    return False


def test_keys_end_with_their_job_and_so_does_what_was_made_of_them(world, server):
    name = world.start(WAITS, RoleArn=world.admin)
    keys = stolen(world, name)
    sts = client_with(server, "sts", keys)
    account = sts.get_caller_identity()["Account"]
    trust = json.loads(json.dumps(TRUST_ACCOUNT).replace("123456789012", account))
    other = unique("other")
    arn = world.iam.create_role(RoleName=other, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    chained = sts.assume_role(RoleArn=arn, RoleSessionName="chained")["Credentials"]
    assert not gone(server, keys) and not gone(server, chained)
    world.sm.stop_training_job(TrainingJobName=name)
    assert world.finished(name)["TrainingJobStatus"] == "Stopped"
    assert gone(server, keys) and gone(server, chained)
    with aws_error("ExpiredToken", 400):
        client_with(server, "s3", keys).list_buckets()


def test_keys_of_a_job_that_ends_by_itself(world, server):
    name = world.start(STEALS)
    keys = stolen(world, name)
    assert world.finished(name)["TrainingJobStatus"] == "Completed"
    assert gone(server, keys)


def test_other_jobs_keys_go_on(world, server):
    one, other = world.start(WAITS, RoleArn=world.admin), world.start(WAITS, RoleArn=world.admin)
    keys, others = stolen(world, one), stolen(world, other)
    world.sm.stop_training_job(TrainingJobName=one)
    world.finished(one)
    assert gone(server, keys) and not gone(server, others)
    world.sm.stop_training_job(TrainingJobName=other)
    world.finished(other)
    assert gone(server, others)


def test_keys_stay_ended_after_a_crash():
    with Server() as server:
        world = World(server)
        name = world.start(WAITS)
        keys = stolen(world, name)
        server.kill()
        server.start()
        assert not gone(server, keys)
        world.sm.stop_training_job(TrainingJobName=name)
        world.finished(name)
        assert gone(server, keys)
        server.kill()
        server.start()
        assert gone(server, keys)


def test_keys_of_a_model_server_end_with_the_endpoint(world, server):
    script = STEALS + """
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()
"""
    data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"code/inference.py": script}))
    name = world.deploy(SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": "inference.py"})
    assert world.settled(name)["EndpointStatus"] == "InService", world.settled(name)
    keys = json.loads(world.invoke(name, b"x")["Body"].read())
    assert not gone(server, keys)
    world.sm.delete_endpoint(EndpointName=name)
    wait_until(lambda: gone(server, keys))


BY_NAME = """
import json, os, boto3
found = {}
for service in ("sts", "sagemaker", "s3"):
    host = {"sts": "sts.us-east-1", "sagemaker": "api.sagemaker.us-east-1", "s3": "s3.us-east-1"}[service]
    client = boto3.client(service, endpoint_url=f"https://{host}.amazonaws.com")
    call = {"sts": "get_caller_identity", "sagemaker": "list_endpoints", "s3": "list_buckets"}[service]
    found[service] = getattr(client, call)()["ResponseMetadata"]["HTTPStatusCode"]
found["java"] = "-Dhttps.proxyHost=127.0.0.1 " in os.environ["JAVA_TOOL_OPTIONS"]
json.dump(found, open("/opt/ml/model/found.json", "w"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give jobs networks of their own")
def test_in_a_job_awss_own_names_lead_to_this_server(world):
    job = world.run(BY_NAME, RoleArn=world.admin)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])
    assert found == {"sts": 200, "sagemaker": 200, "s3": 200, "java": True}


# ---- servers that listen on other addresses

def uses(server):
    world = World(server)
    job = world.run(USES)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])
    assert found["method"] == "container-role" and not found["static"], found
    assert found["uri"].startswith("http://127.0.0.1:") and ":assumed-role/" in found["arn"], found
    return found


@pytest.mark.parametrize("network", ["isolated", "host"])
@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0"])
def test_other_addresses_give_no_fixed_keys(host, network):
    with Server(host=host, options=["--job-network", network]) as server:
        if host == "0.0.0.0":
            server.host = "127.0.0.1"
        found = uses(server)
        if network == "host" and host == "127.0.0.2":
            # A shell finds its role's keys and AWS's names through that port as well.
            given = server.env("--transparent")
            assert given["HTTPS_PROXY"].startswith("http://127.0.0.1:")
            keep = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
            shell = {**keep, **{k: v for k, v in given.items() if k != "AWS_ENDPOINT_URL"}}
            done = subprocess.run([sys.executable, "-c", "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"],
                                  env=shell, capture_output=True, text=True)
            assert ":assumed-role/" in done.stdout, done.stderr
            # The port serves nothing else.
            base = found["uri"].split("/_tidemill/")[0]
            for path in ("/", "/_tidemill/metrics", "/_tidemill/health"):
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(base + path, timeout=5)
                assert refused.value.code == 404


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give jobs networks of their own")
def test_tls_gives_no_fixed_keys(certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate / "certificate.pem"))
    with Server(options=["--tls-certificate", str(certificate / "certificate.pem"), "--tls-key", str(certificate / "key.pem")]) as server:
        uses(server)


def test_the_place_of_credentials_outlives_the_server():
    """When the port is not the server's own, its number is kept for the jobs that know it."""
    with Server(host="127.0.0.2", options=["--job-network", "host"]) as server:
        world = World(server)
        script = f"echo URI ${URI}; echo TOKEN ${TOKEN}; echo ready; exec sleep 300"
        name = unique("waits")
        world.sm.create_training_job(**world.job_request(name, "none.py", {"none.py": ""}, AlgorithmSpecification={
            "TrainingImage": PYTORCH_TRAINING, "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/sh", "-c", script]}))
        text = wait_until(lambda: (log := world.job_log(name)) and "ready" in log and log)
        said = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        server.kill()
        server.start()
        request = urllib.request.Request(said["URI"], headers={"Authorization": said["TOKEN"]})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["RoleArn"] == world.role
        world.sm.stop_training_job(TrainingJobName=name)
        world.finished(name)
