"""The disk returns damaged bytes and records: no damaged data is served or copied, and undamaged data is still
served."""
import json
import os
import sqlite3
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.server import Server  # noqa: E402

MIB = 1 << 20
BODY = os.urandom(6 * MIB + 4321)
SMALL = os.urandom(300_000)
BUCKET = "damaged"


@pytest.fixture(scope="module")
def s3(open_server):
    client = open_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def flip(data, bytes_of_object, offset):
    """Changes one byte of a stored object, wherever its bytes are below blobs/."""
    needle = bytes_of_object[offset - 16:offset + 16]
    found = 0
    for path in (data / "blobs").rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        at = content.find(needle)
        if at < 0:
            continue
        found += 1
        with open(path, "r+b") as file:
            file.seek(at + 16)
            file.write(bytes([content[at + 16] ^ 0x20]))
    assert found == 1, "the object's bytes were not found once"


def get(s3, key, **options):
    return s3.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read()


def status_of(error):
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["file", "segment"])
def test_a_flipped_byte_is_never_served_and_never_copied(open_server, s3, body):
    key = f"flipped-{len(body)}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    at = len(body) // 2
    assert get(s3, key, Range=f"bytes={at - 100}-{at + 100}") == body[at - 100:at + 101]
    flip(open_server.data, body, at)
    # By default boto3 downloads in ranges, as do Parquet readers.
    for first, last in ((at, at), (at - 100, at + 100), (at - 5000, at - 1)):
        with pytest.raises(ClientError) as refused:
            get(s3, key, Range=f"bytes={first}-{last}")
        assert status_of(refused) == 500, refused.value
    with pytest.raises(Exception):
        assert get(s3, key) != body, "a damaged body was served as a whole one"
        raise AssertionError("a damaged body was served")
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": key})
    assert status_of(refused) == 500
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="part-copy")["UploadId"]
    for options in ({}, {"CopySourceRange": f"bytes={at - 1000}-{at + 1000}"}):
        with pytest.raises(ClientError) as refused:
            s3.upload_part_copy(Bucket=BUCKET, Key="part-copy", UploadId=upload, PartNumber=1,
                                CopySource={"Bucket": BUCKET, "Key": key}, **options)
        assert status_of(refused) == 500
    assert "Parts" not in s3.list_parts(Bucket=BUCKET, Key="part-copy", UploadId=upload)
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert "copy" not in keys and key in keys
    assert "damaged" in open_server.log_text()
    # An undamaged block is still served (a small object has only one block).
    if len(body) > MIB:
        assert get(s3, key, Range=f"bytes=0-{MIB}") == body[:MIB + 1]
    s3.delete_object(Bucket=BUCKET, Key=key)


def test_a_damaged_part_of_a_multipart_object(open_server, s3):
    part = os.urandom(5 * MIB)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    etags = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=n,
                                                      Body=part[n:] + part[:n])["ETag"]} for n in (1, 2, 3)]
    s3.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload={"Parts": etags})
    whole = b"".join(part[n:] + part[:n] for n in (1, 2, 3))
    second = part[2:] + part[:2]
    file = next(p for p in (open_server.data / "blobs/files").rglob("*")
                if p.is_file() and p.read_bytes()[:64] == second[:64])
    with open(file, "r+b") as out:
        out.seek(3 * MIB)
        out.write(bytes([second[3 * MIB] ^ 1]))
    at = 5 * MIB + 3 * MIB
    with pytest.raises(ClientError):
        get(s3, "parts", Range=f"bytes={at}-{at}")
    assert get(s3, "parts", Range=f"bytes=0-{5 * MIB - 1}") == whole[:5 * MIB]
    assert get(s3, "parts", Range=f"bytes={10 * MIB}-") == whole[10 * MIB:]
    s3.delete_object(Bucket=BUCKET, Key="parts")


def edit(server, statement, *values):
    """Damages a record while the server is stopped, as a disk error or an operator's mistake would."""
    database = sqlite3.connect(server.data / "state/tidemill.db")
    with database:
        changed = database.execute(statement, values).rowcount
    database.close()
    assert changed == 1, changed


@pytest.mark.parametrize("damage", [b'{"size":12,"etag":"a', b"\x00\xff garbage", b"[]", b'{"size":"x"}'],
                         ids=["cut", "garbage", "list", "type"])
def test_one_damaged_record_hides_nothing_else(damage):
    with Server(auth="any") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="records")
        for name in ("a", "b/1", "b/2", "c"):
            s3.put_object(Bucket="records", Key=name, Body=name.encode() * 10)
        server.stop()
        edit(server, "UPDATE s3_objects SET value = ? WHERE key = ?", damage, "records\x1fb/1")
        server.start()
        s3 = server.client("s3")
        for listed in (s3.list_objects_v2(Bucket="records"), s3.list_objects(Bucket="records")):
            assert [o["Key"] for o in listed["Contents"]] == ["a", "b/2", "c"]
        assert [v["Key"] for v in s3.list_object_versions(Bucket="records")["Versions"]] == ["a", "b/2", "c"]
        assert [p["Prefix"] for p in s3.list_objects_v2(Bucket="records", Delimiter="/")["CommonPrefixes"]] == ["b/"]
        pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="records", PaginationConfig={"PageSize": 1}))
        assert [o["Key"] for page in pages for o in page.get("Contents", [])] == ["a", "b/2", "c"]
        for call in (s3.get_object, s3.head_object):
            with pytest.raises(ClientError) as refused:
                call(Bucket="records", Key="b/1")
            assert status_of(refused) == 500, refused.value
        with pytest.raises(ClientError) as refused:
            s3.get_object(Bucket="records", Key="b/1")
        assert refused.value.response["Error"]["Code"] == "InternalError"
        assert "records/b/1" in str(refused.value) and "damaged" in str(refused.value)
        assert "records/b/1" in server.log_text()
        assert s3.get_object(Bucket="records", Key="b/2")["Body"].read() == b"b/2" * 10
        # The record can be overwritten and deleted, so that its bucket can be deleted as well.
        s3.put_object(Bucket="records", Key="b/1", Body=b"anew")
        assert s3.get_object(Bucket="records", Key="b/1")["Body"].read() == b"anew"
        for name in ("a", "b/1", "b/2", "c"):
            s3.delete_object(Bucket="records", Key=name)
        s3.delete_bucket(Bucket="records")


def test_a_damaged_object_can_be_deleted():
    with Server(auth="any") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="records")
        for name in ("x", "y", "z"):
            s3.put_object(Bucket="records", Key=name, Body=b"1")
        server.stop()
        database = sqlite3.connect(server.data / "state/tidemill.db")
        with database:
            database.execute("UPDATE s3_objects SET value = '{'")
        database.close()
        server.start()
        s3 = server.client("s3")
        s3.delete_object(Bucket="records", Key="x")
        out = s3.delete_objects(Bucket="records", Delete={"Objects": [{"Key": "y"}, {"Key": "z"}]})
        assert "Errors" not in out and len(out["Deleted"]) == 2
        s3.delete_bucket(Bucket="records")


def test_damaged_records_of_other_services_hide_nothing_else():
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    with Server(auth="any") as server:
        logs, sagemaker = server.client("logs"), server.client("sagemaker")
        for name in ("one", "two", "three"):
            logs.create_log_group(logGroupName=name)
            logs.create_log_stream(logGroupName="one", logStreamName=name) if name != "one" else None
        now = int(time.time() * 1000)
        for name in ("two", "three"):
            logs.put_log_events(logGroupName="one", logStreamName=name,
                                logEvents=[{"timestamp": now, "message": f"in {name}"}])
        iam = server.client("iam")
        role = iam.create_role(RoleName="keeps", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        server.client("s3").create_bucket(Bucket="models")
        server.client("s3").put_object(Bucket="models", Key="model.tar.gz", Body=b"a model")
        for name in ("m-one", "m-good"):
            sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={
                "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
                "ModelDataUrl": "s3://models/model.tar.gz"})
        server.stop()
        database = sqlite3.connect(server.data / "state/tidemill.db")
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        changed = {}
        with database:
            for table in tables:
                if "/" in table or table.startswith(("sqlite_", "store_")):
                    continue
                columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
                if "value" not in columns:
                    continue
                for like in ("%two", "%m-one"):
                    count = database.execute(f'UPDATE "{table}" SET value = ? WHERE key LIKE ?',
                                             ('{"broken', like)).rowcount
                    if count:
                        changed[table] = changed.get(table, 0) + count
        database.close()
        assert len(changed) >= 3, changed
        server.start()
        logs, sagemaker = server.client("logs"), server.client("sagemaker")
        assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == ["one", "three"]
        assert [s["logStreamName"] for s in logs.describe_log_streams(logGroupName="one")["logStreams"]] == ["three"]
        assert [e["message"] for e in logs.filter_log_events(logGroupName="one")["events"]] == ["in three"]
        with pytest.raises(ClientError) as refused:
            logs.get_log_events(logGroupName="one", logStreamName="two")
        assert status_of(refused) >= 500, refused.value
        assert [m["ModelName"] for m in sagemaker.list_models()["Models"]] == ["m-good"]
        with pytest.raises(ClientError) as refused:
            sagemaker.describe_model(ModelName="m-one")
        assert status_of(refused) >= 500, refused.value
