"""boto3 1.26 (2022): no default checksums, SigV4 with signed payloads, older models."""
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError


def test_the_version_is_old():
    assert boto3.__version__.startswith("1.26.")


def test_s3(server):
    s3 = server.client("s3")
    bucket = "old-" + uuid.uuid4().hex[:8]
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"old client", Metadata={"m": "1"})
    got = s3.get_object(Bucket=bucket, Key="a b/ü")
    assert got["Body"].read() == b"old client" and got["Metadata"] == {"m": "1"}
    assert [o["Key"] for o in s3.list_objects(Bucket=bucket)["Contents"]] == ["a b/ü"]
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket=bucket, Key="none")
    assert raised.value.response["Error"]["Code"] == "NoSuchKey"
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b/ü"}]})
    s3.delete_bucket(Bucket=bucket)


def test_multipart(server, tmp_path):
    s3 = server.client("s3")
    bucket = "old-" + uuid.uuid4().hex[:8]
    s3.create_bucket(Bucket=bucket)
    path = tmp_path / "big"
    path.write_bytes(b"0123456789abcdef" * 1_200_000)
    s3.upload_file(str(path), bucket, "big")
    s3.download_file(bucket, "big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_json_and_query_services(server):
    assert server.client("sts").get_caller_identity()["Account"].isdigit()
    assert "TrainingJobSummaries" in server.client("sagemaker").list_training_jobs()
    logs = server.client("logs")
    group = "/old/" + uuid.uuid4().hex[:8]
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupName"] == group
    logs.delete_log_group(logGroupName=group)


def test_cloudwatch_speaks_the_query_protocol_and_learns_that_it_is_not_there(server):
    with pytest.raises(ClientError) as raised:
        server.client("cloudwatch").list_metrics()
    assert "not implemented by Tidemill" in str(raised.value)
