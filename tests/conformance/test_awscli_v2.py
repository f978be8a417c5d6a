"""The AWS CLI v2, unmodified: common commands with the defaults that v1 does not have (CRC64NVME, binary parameters,
its own transfer code)."""
import base64
import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest

from helpers import unique, wait_until
from hosting import constant_archive
from sagemaker_world import XGBOOST, World

CLI = Path(__file__).resolve().parents[2] / ".cache/awscli-v2/aws"
pytestmark = pytest.mark.skipif(not CLI.exists(), reason="AWS's build of the CLI v2 is for x86-64 alone")


class Shell:
    def __init__(self, environment, folder):
        self.environment = {**environment, "AWS_PAGER": "", "AWS_CONFIG_FILE": str(folder / "config"), "HOME": str(folder)}
        self.folder = folder

    def run(self, *words, code=0, input=None):
        done = subprocess.run([CLI, *words], env=self.environment, cwd=self.folder, input=input, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stderr[-2000:]
        return done.stdout if code == 0 else done.stderr

    def json(self, *words):
        return json.loads(self.run(*words, "--output", "json"))


@pytest.fixture
def aws(server, tmp_path):
    return Shell(server.shell_environment(), tmp_path)


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def test_objects_and_folders(aws):
    assert aws.run("--version").startswith("aws-cli/2.")
    bucket, folder = unique("cli2"), aws.folder / "site"
    (folder / "deep er/ü").mkdir(parents=True)
    large = os.urandom(20 << 20)  # uploaded in parts
    (folder / "large.bin").write_bytes(large)
    (folder / "deep er/ü/a+b.txt").write_text("small")
    aws.run("s3", "mb", f"s3://{bucket}")
    assert "already" in aws.run("s3api", "create-bucket", "--bucket", bucket, "--region", "eu-west-1",
                                "--create-bucket-configuration", "LocationConstraint=eu-west-1", code=254)
    aws.run("s3", "sync", str(folder), f"s3://{bucket}/site")
    listed = aws.run("s3", "ls", f"s3://{bucket}/site/", "--recursive", "--summarize")
    assert "site/large.bin" in listed and "Total Objects: 2" in listed and f"Total Size: {len(large) + 5}" in listed
    assert aws.run("s3", "sync", str(folder), f"s3://{bucket}/site") == ""  # nothing has changed
    aws.run("s3", "cp", f"s3://{bucket}/site", f"s3://{bucket}/copy", "--recursive")
    aws.run("s3", "cp", f"s3://{bucket}/copy", "back", "--recursive")
    assert (aws.folder / "back/large.bin").read_bytes() == large
    assert (aws.folder / "back/deep er/ü/a+b.txt").read_text() == "small"
    head = aws.json("s3api", "head-object", "--bucket", bucket, "--key", "copy/large.bin", "--checksum-mode", "ENABLED")
    assert head["ContentLength"] == len(large)
    aws.run("s3", "cp", "-", f"s3://{bucket}/text", input="by the pipe")
    sums = aws.json("s3api", "head-object", "--bucket", bucket, "--key", "text", "--checksum-mode", "ENABLED")
    assert base64.b64decode(sums["ChecksumCRC64NVME"]) == bytes.fromhex(CRC64NVME_OF_THE_PIPE)
    url = aws.run("s3", "presign", f"s3://{bucket}/text").strip()
    with urllib.request.urlopen(url) as page:
        assert page.read() == b"by the pipe"
    assert "404" in aws.run("s3api", "head-object", "--bucket", bucket, "--key", "none", code=254)
    aws.run("s3", "rb", f"s3://{bucket}", "--force")
    assert "NoSuchBucket" in aws.run("s3", "ls", f"s3://{bucket}", code=254)


# Computes the checksum bit by bit from the polynomial; the published check value below verifies this function.
def crc64nvme(data):
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x9A6C9329AC4BC9B5 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFFFFFFFFFF


assert crc64nvme(b"123456789") == 0xAE8B14860A799888  # the published check value
CRC64NVME_OF_THE_PIPE = f"{crc64nvme(b'by the pipe'):016x}"


def test_identities_and_roles(aws, server):
    account = aws.json("sts", "get-caller-identity")["Account"]
    name = unique("cli2")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]}
    (aws.folder / "trust.json").write_text(json.dumps(trust))
    made = aws.json("iam", "create-role", "--role-name", name, "--assume-role-policy-document", "file://trust.json",
                    "--tags", "Key=team,Value=ml")["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account}:role/{name}" and made["AssumeRolePolicyDocument"] == trust
    aws.run("iam", "wait", "role-exists", "--role-name", name)
    # A profile that assumes the role: the CLI calls AssumeRole itself and exports the credentials.
    (aws.folder / "config").write_text(f"[profile {name}]\nrole_arn = {made['Arn']}\ncredential_source = Environment\nregion = us-east-1\n")
    who = aws.json("sts", "get-caller-identity", "--profile", name)["Arn"]
    assert who.startswith(f"arn:aws:sts::{account}:assumed-role/{name}/")
    exported = json.loads(aws.run("configure", "export-credentials", "--profile", name))
    assert exported["SessionToken"] and exported["AccessKeyId"].startswith("ASIA")
    assert "AccessDenied" in aws.run("s3", "ls", "--profile", name, code=254)
    aws.run("iam", "delete-role", "--role-name", name)
    assert "NoSuchEntity" in aws.run("iam", "get-role", "--role-name", name, code=254)


def test_an_endpoint_and_its_logs(aws, world):
    name = unique("cli2")
    aws.run("s3", "cp", constant_archive(world, 7.5), f"s3://{world.bucket}/{name}/copy.tar.gz")
    container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{world.bucket}/{name}/copy.tar.gz"}
    aws.run("sagemaker", "create-model", "--model-name", name, "--execution-role-arn", world.role, "--primary-container", json.dumps(container))
    aws.run("sagemaker", "create-endpoint-config", "--endpoint-config-name", name, "--production-variants",
            f"VariantName=v,ModelName={name},InstanceType=ml.m5.large,InitialInstanceCount=1")
    aws.run("sagemaker", "create-endpoint", "--endpoint-name", name, "--endpoint-config-name", name)
    aws.run("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", name)
    # v2 expects blobs in base64 unless told otherwise.
    body = base64.b64encode(b"1,2").decode()
    aws.run("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", name, "--content-type", "text/csv", "--accept", "text/csv", "--body", body, "answer.txt")
    assert float((aws.folder / "answer.txt").read_text()) == 7.5
    # Version 1 has no `logs tail`.
    assert wait_until(lambda: aws.run("logs", "tail", f"/aws/sagemaker/Endpoints/{name}", "--since", "1h", "--format", "short"))
    names = aws.run("sagemaker", "list-endpoints", "--name-contains", name, "--query", "Endpoints[].EndpointName", "--output", "text")
    assert names.split() == [name]
    aws.run("sagemaker", "delete-endpoint", "--endpoint-name", name)
    aws.run("sagemaker", "wait", "endpoint-deleted", "--endpoint-name", name)
    assert "ValidationException" in aws.run("sagemaker", "describe-endpoint", "--endpoint-name", name, code=254)


def test_what_is_not_here_is_named(aws):
    assert "ListQueues of SQS is not implemented by Tidemill" in aws.run("sqs", "list-queues", code=254)
