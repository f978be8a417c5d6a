"""The AWS SDKs for JavaScript and Go, and the AWS CLI: one call or more of every protocol."""
import json
import subprocess
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
CLI = Path(__file__).resolve().parents[2] / ".cache/venvs/clients/bin/aws"
NOT_THERE = "NotImplemented"


def run(command, environment, cwd=None):
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_javascript(server):
    facts = json.loads(run(["node", "smoke.mjs"], server.shell_environment(), CLIENTS / "js"))
    account = facts["account"]
    assert facts["role"] == f"arn:aws:iam::{account}:role/js-smoke"
    assert facts["missingRole"]["name"] == "NoSuchEntityException" and facts["missingRole"]["status"] == 404
    assert facts["plain"] == "hello" and facts["metadata"] == {"colour": "blue"} and facts["presigned"] == "hello"
    assert facts["streamIntact"] and facts["headLength"] == 3 * 1024 * 1024 + 17
    assert facts["keys"] == ["plain", "streams/big one"]
    assert facts["missingKey"]["name"] == "NoSuchKey"
    assert facts["logged"] == ["grüezi"]
    assert facts["missingJob"]["name"] == "ValidationException"
    assert facts["missingEndpoint"]["status"] == 400
    for service in ("cloudwatch", "sqs"):
        assert "not implemented by Tidemill" in facts[service]["message"], facts[service]


def test_go(server, go_smoke):
    facts = json.loads(run([go_smoke], server.shell_environment()))
    assert facts["account"].isdigit() and facts["intact"] is True
    assert facts["missingKey"] == "NoSuchKey" and facts["notEmpty"] == "BucketNotEmpty"
    assert facts["missingGroup"] == "ResourceNotFoundException"
    assert facts["missingEndpoint"] == "ValidationException"
    assert facts["invokeMissing"] in ("ValidationError", "ValidationException")
    assert facts["cloudwatch"] == NOT_THERE


def test_cli(server, tmp_path):
    environment = server.shell_environment()

    def aws(*arguments):
        return run([str(CLI), *arguments], environment)

    assert json.loads(aws("sts", "get-caller-identity"))["Account"].isdigit()
    (tmp_path / "file").write_text("from the CLI\n")
    aws("s3", "mb", "s3://cli-bucket")
    aws("s3", "cp", str(tmp_path / "file"), "s3://cli-bucket/a/file")
    assert "a/file" in aws("s3", "ls", "--recursive", "s3://cli-bucket")
    assert aws("s3", "cp", "s3://cli-bucket/a/file", "-") == "from the CLI\n"
    aws("s3", "sync", str(tmp_path), "s3://cli-bucket/synced")
    aws("s3", "rb", "--force", "s3://cli-bucket")
    assert json.loads(aws("sagemaker", "list-models", "--name-contains", "no-such-model"))["Models"] == []
    assert json.loads(aws("logs", "describe-log-groups", "--log-group-name-prefix", "/none"))["logGroups"] == []
