"""Listings that clients have made large cost the server little peak memory (VmHWM)."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config

from support.server import Server
from test_memory_bounds import MIB, most_memory_bytes

KEYS, PARTS, BUCKETS, UPLOADS, READERS = 2_500, 1_200, 800, 1_100, 12
# A page of a thousand records of 3 KB is read (3 MB), decoded and written as XML (1 MB); the first test that runs
# also pays for the memory pools of every thread. All records at once would take 40 MiB a reader.
READER_MIB = 16


@pytest.fixture(scope="module")
def stored():
    """A server with keys of almost 1,024 bytes and 2 KB of metadata each, and an upload with many parts."""
    with Server(auth="any") as server:
        s3 = server.client("s3", Config(max_pool_connections=16))
        s3.create_bucket(Bucket="large")
        metadata = {"note": "m" * 1_900}
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: s3.put_object(Bucket="large", Key=f"{n:06d}-" + "k" * 1_000, Body=b"", Metadata=metadata), range(KEYS)))
            list(pool.map(lambda n: s3.create_multipart_upload(Bucket="large", Key=f"{n:06d}-" + "u" * 1_000, Metadata=metadata), range(UPLOADS)))
            upload = s3.create_multipart_upload(Bucket="large", Key="parts")["UploadId"]
            list(pool.map(lambda n: s3.create_bucket(Bucket=f"bucket-{n:05d}-" + "b" * 50), range(BUCKETS)))
            list(pool.map(lambda n: s3.upload_part(Bucket="large", Key="parts", UploadId=upload, PartNumber=n, Body=b"p"), range(1, PARTS + 1)))
        server.stop()
        server.start()  # resets the peak that writing caused
        yield server, upload


def grown_by(server, call):
    call()  # memory that the first call allocates for good
    before = most_memory_bytes(server)
    with ThreadPoolExecutor(READERS) as pool:
        answers = list(pool.map(lambda _: call(), range(READERS * 3)))
    return answers, most_memory_bytes(server) - before


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
def test_keys(stored, operation):
    server, _ = stored
    s3 = server.client("s3", Config(max_pool_connections=READERS))
    answers, grown = grown_by(server, lambda: getattr(s3, operation)(Bucket="large"))
    assert all(answer["IsTruncated"] and len(answer.get("Contents") or answer["Versions"]) == 1_000 for answer in answers)
    assert grown < READERS * READER_MIB * MIB


def test_uploads(stored):
    server, _ = stored
    s3 = server.client("s3", Config(max_pool_connections=READERS))
    answers, grown = grown_by(server, lambda: s3.list_multipart_uploads(Bucket="large"))
    assert all(answer["IsTruncated"] and len(answer["Uploads"]) == 1_000 for answer in answers)
    assert grown < READERS * READER_MIB * MIB


def test_common_prefixes(stored):
    server, _ = stored
    s3 = server.client("s3", Config(max_pool_connections=READERS))
    answers, grown = grown_by(server, lambda: s3.list_objects_v2(Bucket="large", Delimiter="-"))
    assert all(len(answer["CommonPrefixes"]) == 1_000 for answer in answers)
    assert grown < READERS * 8 * MIB


def test_parts(stored):
    server, upload = stored
    s3 = server.client("s3", Config(max_pool_connections=READERS))
    answers, grown = grown_by(server, lambda: s3.list_parts(Bucket="large", Key="parts", UploadId=upload))
    assert all(answer["IsTruncated"] and len(answer["Parts"]) == 1_000 for answer in answers)
    assert grown < READERS * 8 * MIB


def test_buckets(stored):
    server, _ = stored
    s3 = server.client("s3", Config(max_pool_connections=READERS))
    answers, grown = grown_by(server, lambda: s3.list_buckets()["Buckets"])
    assert all(len(buckets) == BUCKETS + 1 for buckets in answers)
    assert grown < READERS * 8 * MIB
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 400})
    names = [bucket["Name"] for page in pages for bucket in page["Buckets"]]
    assert names == sorted(set(names)) and len(names) == BUCKETS + 1
