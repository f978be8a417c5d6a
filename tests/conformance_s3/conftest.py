"""S3 clients of other vendors against one server that verifies signatures. None of them is patched or told more than an
endpoint, keys and a region."""
import os
import subprocess
import uuid

import pytest

# Names that clients encode differently, and sizes around their thresholds for multipart uploads.
KEYS = ["plain.txt", "folder/deep/a b+c&d=é.bin", "folder/木/%41~!'()*.txt", "empty"]
PART_BYTES = 5 << 20


@pytest.fixture(scope="session")
def keys(server):
    values = server.env()
    return values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture(scope="session")
def s3(server):
    """boto3's own client, to check what the others did."""
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = "clients-" + uuid.uuid4().hex[:10]
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def aws_environment(server, monkeypatch):
    """Variables for clients that read the environment, in this process and in those it starts."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def large():
    """Two whole parts and a remainder; no two pieces are equal."""
    return b"".join(i.to_bytes(8, "big") * 128 for i in range((2 * PART_BYTES + 12345) // 1024 + 1))


def content_of(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def keys_of(s3, bucket, prefix=""):
    return [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


def run(*command, cwd=None, stdin=None):
    """Removes the machine's settings for the real service."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, input=stdin, capture_output=True, timeout=120, env=environment)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-3000:]
    return done.stdout
