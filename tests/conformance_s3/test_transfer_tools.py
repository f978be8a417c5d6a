"""Clients that move objects: boto3 with the CRT's transfers, rclone, s3cmd, minio-py."""
import io
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from conftest import KEYS, PART_BYTES, content_of, keys_of, run


def test_crt_transfers(server, s3, bucket, large, tmp_path, aws_environment):
    """The transfers of the AWS CLI and boto3[crt]. boto3 itself offers them only over TLS."""
    from botocore.session import Session
    from s3transfer.crt import BotocoreCRTCredentialsWrapper, BotocoreCRTRequestSerializer, CRTTransferManager, create_s3_crt_client
    session = Session()
    credentials = BotocoreCRTCredentialsWrapper(session.get_credentials()).to_crt_credentials_provider()
    client = create_s3_crt_client(region="us-east-1", use_ssl=False, crt_credentials_provider=credentials, part_size=PART_BYTES)
    serializer = BotocoreCRTRequestSerializer(session, {"endpoint_url": server.endpoint, "region_name": "us-east-1"})
    source = tmp_path / "large"
    source.write_bytes(large)
    with CRTTransferManager(client, serializer) as manager:
        manager.upload(str(source), bucket, "large").result()
        head = s3.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
        assert content_of(s3, bucket, "large") == large and "ChecksumCRC32" in head or "ChecksumCRC64NVME" in head
        manager.download(bucket, "large", str(tmp_path / "back")).result()
        manager.upload(io.BytesIO(b"small"), bucket, KEYS[1]).result()
        assert content_of(s3, bucket, KEYS[1]) == b"small"
        manager.delete(bucket, KEYS[1]).result()
        assert keys_of(s3, bucket) == ["large"]
    # The file gets its name after the result is available; leaving the manager waits for that.
    assert (tmp_path / "back").read_bytes() == large


def test_crt_client(server, keys, s3, bucket, large, tmp_path):
    """awscrt itself, without boto3."""
    from awscrt.auth import AwsCredentialsProvider
    from awscrt.http import HttpHeaders, HttpRequest
    from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
    from awscrt.s3 import S3Client, S3ChecksumAlgorithm, S3ChecksumConfig, S3ChecksumLocation, S3RequestTlsMode, S3RequestType
    loops = EventLoopGroup(1)
    client = S3Client(bootstrap=ClientBootstrap(loops, DefaultHostResolver(loops)), region="us-east-1", tls_mode=S3RequestTlsMode.DISABLED,
                      credential_provider=AwsCredentialsProvider.new_static(*keys), part_size=PART_BYTES)
    host = f"127.0.0.1:{server.port}"
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(large)

    def send(method, key, kind, **options):
        headers = HttpHeaders([("Host", host)])
        if method == "PUT":
            headers.add("Content-Length", str(len(large)))
        request = HttpRequest(method, f"/{bucket}/{key}", headers)
        client.make_request(request=request, type=kind, **options).finished_future.result(60)

    for algorithm in (S3ChecksumAlgorithm.CRC32, S3ChecksumAlgorithm.CRC32C, S3ChecksumAlgorithm.CRC64NVME, S3ChecksumAlgorithm.SHA256):
        key = algorithm.name.lower()
        config = S3ChecksumConfig(algorithm=algorithm, location=S3ChecksumLocation.TRAILER)
        send("PUT", key, S3RequestType.PUT_OBJECT, send_filepath=str(source), checksum_config=config)
        assert content_of(s3, bucket, key) == large
        send("GET", key, S3RequestType.GET_OBJECT, recv_filepath=str(back), checksum_config=S3ChecksumConfig(validate_response=True))
        assert back.read_bytes() == large
        back.unlink()


@pytest.fixture
def rclone(server, keys, tmp_path):
    if not shutil.which("rclone"):
        pytest.skip("rclone is not installed (Debian's package rclone)")
    (tmp_path / "rclone.conf").write_text(
        f"[t]\ntype = s3\nprovider = Other\naccess_key_id = {keys[0]}\nsecret_access_key = {keys[1]}\n"
        f"endpoint = {server.endpoint}\nregion = us-east-1\nforce_path_style = true\nchunk_size = 5Mi\nupload_cutoff = 5Mi\n")
    return lambda *words, **how: run("rclone", "--config", tmp_path / "rclone.conf", "--retries", "1", *words, **how)


def test_rclone(rclone, s3, bucket, large, tmp_path):
    tree = tmp_path / "tree"
    for key in KEYS:
        (tree / key).parent.mkdir(parents=True, exist_ok=True)
        (tree / key).write_bytes(b"" if key == "empty" else key.encode())
    (tree / "large").write_bytes(large)
    rclone("sync", tree, f"t:{bucket}")
    assert keys_of(s3, bucket) == sorted([*KEYS, "large"]) and content_of(s3, bucket, "large") == large
    rclone("check", tree, f"t:{bucket}")
    rclone("sync", f"t:{bucket}", tmp_path / "back")
    assert all((tmp_path / "back" / key).read_bytes() == (tree / key).read_bytes() for key in [*KEYS, "large"])
    assert rclone("cat", "--offset", PART_BYTES - 4, "--count", 8, f"t:{bucket}/large") == large[PART_BYTES - 4:PART_BYTES + 4]
    rclone("copyto", f"t:{bucket}/large", f"t:{bucket}/copies/large")  # copied by the server
    rclone("moveto", f"t:{bucket}/plain.txt", f"t:{bucket}/copies/moved.txt")
    rclone("rcat", f"t:{bucket}/piped", stdin=b"from a pipe")
    assert content_of(s3, bucket, "copies/large") == large and content_of(s3, bucket, "piped") == b"from a pipe"
    (tree / "plain.txt").unlink()
    rclone("sync", tree, f"t:{bucket}")
    assert keys_of(s3, bucket) == sorted([*KEYS[1:], "large"])
    rclone("purge", f"t:{bucket}")
    assert bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}


def test_s3cmd(server, keys, s3, bucket, large, tmp_path):
    (tmp_path / "s3cfg").write_text(
        f"[default]\naccess_key = {keys[0]}\nsecret_key = {keys[1]}\nhost_base = 127.0.0.1:{server.port}\n"
        f"host_bucket = 127.0.0.1:{server.port}\nuse_https = False\nmultipart_chunk_size_mb = 5\n")
    program = Path(sys.executable).with_name("s3cmd")

    def s3cmd(*words):
        return run(sys.executable, program, "--config", tmp_path / "s3cfg", "--no-progress", *words)

    source = tmp_path / "large"
    source.write_bytes(large)
    s3cmd("put", source, f"s3://{bucket}/large")
    assert content_of(s3, bucket, "large") == large and s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-3"')
    s3cmd("get", f"s3://{bucket}/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large
    small = tmp_path / "small"
    small.write_bytes(b"small")
    s3cmd("put", "--add-header=x-amz-meta-who:me", "--mime-type=text/x", small, f"s3://{bucket}/{KEYS[1]}")
    assert s3.head_object(Bucket=bucket, Key=KEYS[1])["Metadata"]["who"] == "me"
    s3cmd("cp", f"s3://{bucket}/large", f"s3://{bucket}/copy")
    s3cmd("mv", f"s3://{bucket}/{KEYS[1]}", f"s3://{bucket}/moved")
    assert content_of(s3, bucket, "copy") == large and content_of(s3, bucket, "moved") == b"small"
    assert s3cmd("ls", f"s3://{bucket}").decode().count("s3://") == 3
    s3cmd("modify", "--add-header=x-amz-meta-more:yes", f"s3://{bucket}/moved")
    assert s3.head_object(Bucket=bucket, Key="moved")["Metadata"]["more"] == "yes"
    s3cmd("sync", f"{tmp_path}/small", f"s3://{bucket}/synced/")
    s3cmd("info", f"s3://{bucket}/copy")
    assert s3cmd("du", f"s3://{bucket}/copy").split()[0] == str(len(large)).encode()
    s3cmd("del", f"s3://{bucket}/copy")
    assert keys_of(s3, bucket) == ["large", "moved", "synced/small"]
    s3cmd("rb", "--recursive", "--force", f"s3://{bucket}")
    assert bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}


def test_minio(server, keys, s3, bucket, large, tmp_path):
    from minio import Minio
    from minio.commonconfig import REPLACE, ComposeSource, CopySource, Tags
    from minio.deleteobjects import DeleteObject
    from minio.error import S3Error
    client = Minio(endpoint=f"127.0.0.1:{server.port}", access_key=keys[0], secret_key=keys[1], region="us-east-1", secure=False)
    assert client.bucket_exists(bucket_name=bucket) and bucket in {each.name for each in client.list_buckets()}
    for key in KEYS:
        body = b"" if key == "empty" else key.encode()
        client.put_object(bucket_name=bucket, object_name=key, data=io.BytesIO(body), length=len(body), metadata={"who": "me"})
        with client.get_object(bucket_name=bucket, object_name=key) as reply:
            assert reply.read() == body
    assert client.stat_object(bucket_name=bucket, object_name=KEYS[1]).metadata["x-amz-meta-who"] == "me"
    client.put_object(bucket_name=bucket, object_name="large", data=io.BytesIO(large), length=-1, part_size=PART_BYTES)
    assert content_of(s3, bucket, "large") == large
    with client.get_object(bucket_name=bucket, object_name="large", offset=PART_BYTES - 2, length=4) as reply:
        assert reply.read() == large[PART_BYTES - 2:PART_BYTES + 2]
    client.fget_object(bucket_name=bucket, object_name="large", file_path=str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == large
    client.copy_object(bucket_name=bucket, object_name="copy", source=CopySource(bucket_name=bucket, object_name="large"),
                       metadata={"new": "1"}, metadata_directive=REPLACE)
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"new": "1"}
    sources = [ComposeSource(bucket_name=bucket, object_name=name) for name in ("large", "copy")]
    client.compose_object(bucket_name=bucket, object_name="composed", sources=sources)
    assert content_of(s3, bucket, "composed") == large + large
    tags = Tags.new_object_tags()
    tags["a"] = "b c"
    client.set_object_tags(bucket_name=bucket, object_name="copy", tags=tags)
    assert client.get_object_tags(bucket_name=bucket, object_name="copy") == tags
    names = [entry.object_name for entry in client.list_objects(bucket_name=bucket, recursive=True)]
    assert names == keys_of(s3, bucket)
    url = client.presigned_get_object(bucket_name=bucket, object_name=KEYS[1], expires=timedelta(minutes=5))
    assert urlopen(url).read() == KEYS[1].encode()
    with pytest.raises(S3Error) as raised:
        client.stat_object(bucket_name=bucket, object_name="none")
    assert raised.value.code == "NoSuchKey"
    errors = list(client.remove_objects(bucket_name=bucket, delete_object_list=[DeleteObject(name) for name in names]))
    assert not errors and keys_of(s3, bucket) == []
    client.remove_bucket(bucket_name=bucket)
