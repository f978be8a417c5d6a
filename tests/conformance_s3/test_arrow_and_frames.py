"""Clients that read and write tables: pyarrow (the AWS SDK for C++ with the CRT), polars and obstore (Rust's
object_store), s3fs (aiobotocore)."""
import io

import pytest

from conftest import KEYS, PART_BYTES, content_of, keys_of


@pytest.fixture
def arrow(server, keys):
    from pyarrow.fs import S3FileSystem
    return S3FileSystem(access_key=keys[0], secret_key=keys[1], region="us-east-1", scheme="http",
                        endpoint_override=f"127.0.0.1:{server.port}")


def test_pyarrow_objects(arrow, s3, bucket, large):
    for key in KEYS:
        with arrow.open_output_stream(f"{bucket}/{key}") as out:
            out.write(b"" if key == "empty" else key.encode())
        assert content_of(s3, bucket, key) == (b"" if key == "empty" else key.encode())
        with arrow.open_input_stream(f"{bucket}/{key}") as source:
            assert source.read() == (b"" if key == "empty" else key.encode())
    with arrow.open_output_stream(f"{bucket}/large") as out:  # in several parts
        out.write(large)
    assert content_of(s3, bucket, "large") == large and "-" in s3.head_object(Bucket=bucket, Key="large")["ETag"]
    with arrow.open_input_file(f"{bucket}/large") as source:
        assert source.size() == len(large) and source.read_at(1000, PART_BYTES - 10) == large[PART_BYTES - 10:PART_BYTES + 990]
        source.seek(len(large) - 5)
        assert source.read() == large[-5:]
    arrow.copy_file(f"{bucket}/large", f"{bucket}/folder/copy")
    assert content_of(s3, bucket, "folder/copy") == large
    arrow.move(f"{bucket}/plain.txt", f"{bucket}/moved.txt")
    assert content_of(s3, bucket, "moved.txt") == b"plain.txt" and "plain.txt" not in keys_of(s3, bucket)
    arrow.delete_file(f"{bucket}/moved.txt")
    arrow.delete_dir(f"{bucket}/folder")
    assert keys_of(s3, bucket) == ["empty", "large"]


def test_pyarrow_lists(arrow, bucket):
    from pyarrow.fs import FileSelector, FileType
    for key in KEYS:
        arrow.open_output_stream(f"{bucket}/{key}").close()
    found = arrow.get_file_info(FileSelector(bucket, recursive=True))
    assert {info.path for info in found if info.type == FileType.File} == {f"{bucket}/{key}" for key in KEYS}
    assert {info.path for info in found if info.type == FileType.Directory} == {
        f"{bucket}/folder", f"{bucket}/folder/deep", f"{bucket}/folder/木"}
    assert arrow.get_file_info(f"{bucket}/none").type == FileType.NotFound
    with pytest.raises(FileNotFoundError):
        arrow.open_input_stream(f"{bucket}/none")


def test_pyarrow_datasets(arrow, bucket):
    import pyarrow
    import pyarrow.dataset
    import pyarrow.parquet
    table = pyarrow.table({"part": [i % 3 for i in range(3000)], "value": [i * 0.5 for i in range(3000)]})
    pyarrow.dataset.write_dataset(table, f"{bucket}/set", filesystem=arrow, format="parquet", partitioning=["part"])
    back = pyarrow.dataset.dataset(f"{bucket}/set", filesystem=arrow, format="parquet", partitioning=["part"])
    assert back.count_rows() == 3000
    assert back.to_table(filter=pyarrow.dataset.field("part") == 1)["value"].to_pylist() == [i * 0.5 for i in range(1, 3000, 3)]
    pyarrow.parquet.write_table(table, f"{bucket}/one.parquet", filesystem=arrow)
    assert pyarrow.parquet.read_table(f"{bucket}/one.parquet", filesystem=arrow, columns=["value"])["value"][2999].as_py() == 1499.5


def test_polars(server, keys, s3, bucket):
    import polars
    options = {"aws_access_key_id": keys[0], "aws_secret_access_key": keys[1], "aws_region": "us-east-1",
               "aws_endpoint_url": server.endpoint, "aws_allow_http": "true"}
    frame = polars.DataFrame({"a": range(100_000), "b": [str(i % 7) for i in range(100_000)]})
    frame.write_parquet(f"s3://{bucket}/frames/one.parquet", storage_options=options)
    frame.lazy().sink_parquet(f"s3://{bucket}/frames/two.parquet", storage_options=options)
    frame.write_csv(f"s3://{bucket}/frame.csv", storage_options=options)
    assert keys_of(s3, bucket) == ["frame.csv", "frames/one.parquet", "frames/two.parquet"]
    for name in ("one", "two"):
        assert polars.read_parquet(io.BytesIO(content_of(s3, bucket, f"frames/{name}.parquet"))).equals(frame)
    scanned = polars.scan_parquet(f"s3://{bucket}/frames/*.parquet", storage_options=options)  # a listing, then ranges
    assert scanned.filter(polars.col("b") == "3").select(polars.col("a").sum()).collect().item() == 2 * sum(range(3, 100_000, 7))
    assert polars.scan_csv(f"s3://{bucket}/frame.csv", storage_options=options).collect().shape == (100_000, 2)
    with pytest.raises(Exception, match="(?i)not found|NoSuch|404"):
        polars.read_parquet(f"s3://{bucket}/none.parquet", storage_options=options)


@pytest.fixture
def store(server, keys, bucket):
    from obstore.store import S3Store
    return S3Store(bucket, endpoint=server.endpoint, access_key_id=keys[0], secret_access_key=keys[1], region="us-east-1",
                   client_options={"allow_http": True})


def test_object_store(store, s3, bucket, large):
    import obstore
    for key in KEYS:
        obstore.put(store, key, b"" if key == "empty" else key.encode())
        assert bytes(obstore.get(store, key).bytes()) == content_of(s3, bucket, key)
    assert keys_of(s3, bucket) == sorted(KEYS)
    obstore.put(store, "large", large, use_multipart=True, chunk_size=PART_BYTES)
    assert content_of(s3, bucket, "large") == large and s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-3"')
    assert bytes(obstore.get_range(store, "large", start=PART_BYTES - 3, length=6)) == large[PART_BYTES - 3:PART_BYTES + 3]
    ranges = obstore.get_ranges(store, "large", starts=[0, 9_000_000], lengths=[4, 4])
    assert [bytes(each) for each in ranges] == [large[:4], large[9_000_000:9_000_004]]
    # It sends copies without a Content-Length.
    obstore.copy(store, "large", "copies/large")
    obstore.rename(store, "plain.txt", "copies/plain.txt")
    assert content_of(s3, bucket, "copies/large") == large and content_of(s3, bucket, "copies/plain.txt") == b"plain.txt"
    listed = [entry["path"] for page in obstore.list(store, "copies") for entry in page]
    assert sorted(listed) == ["copies/large", "copies/plain.txt"]
    assert sorted(obstore.list_with_delimiter(store)["common_prefixes"]) == ["copies", "folder"]
    obstore.delete(store, [*KEYS[1:], "large", "copies/large", "copies/plain.txt"])
    assert keys_of(s3, bucket) == []


def test_object_store_conditions(store, s3, bucket):
    import obstore
    obstore.put(store, "once", b"first", mode="create")
    with pytest.raises(obstore.exceptions.AlreadyExistsError):
        obstore.put(store, "once", b"second", mode="create")
    meta = obstore.head(store, "once")
    obstore.put(store, "once", b"third", mode={"e_tag": meta["e_tag"]})
    with pytest.raises(obstore.exceptions.PreconditionError):
        obstore.put(store, "once", b"fourth", mode={"e_tag": meta["e_tag"]})
    assert content_of(s3, bucket, "once") == b"third"
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "none")


def test_s3fs(server, keys, s3, bucket, large, tmp_path):
    import s3fs
    fs = s3fs.S3FileSystem(key=keys[0], secret=keys[1], endpoint_url=server.endpoint, use_listings_cache=False)
    for key in KEYS:
        fs.pipe(f"{bucket}/{key}", b"" if key == "empty" else key.encode())
        assert fs.cat(f"{bucket}/{key}") == content_of(s3, bucket, key)
    with fs.open(f"{bucket}/large", "wb", block_size=PART_BYTES) as out:
        out.write(large)
    assert content_of(s3, bucket, "large") == large
    with fs.open(f"{bucket}/large", "rb", block_size=1 << 16) as source:
        source.seek(PART_BYTES - 7)
        assert source.read(14) == large[PART_BYTES - 7:PART_BYTES + 7]
    assert fs.cat_file(f"{bucket}/large", start=-9) == large[-9:]
    fs.cp_file(f"{bucket}/large", f"{bucket}/copy")
    fs.mv(f"{bucket}/plain.txt", f"{bucket}/moved.txt")
    assert content_of(s3, bucket, "copy") == large
    assert sorted(fs.find(bucket)) == sorted(f"{bucket}/{key}" for key in [*KEYS[1:], "copy", "large", "moved.txt"])
    assert fs.ls(f"{bucket}/folder", detail=False) == [f"{bucket}/folder/deep", f"{bucket}/folder/木"]
    assert fs.glob(f"{bucket}/*.txt") == [f"{bucket}/moved.txt"] and fs.du(bucket) >= 2 * len(large)
    fs.setxattr(f"{bucket}/copy", owner="me")
    assert fs.getxattr(f"{bucket}/copy", "owner") == "me"
    fs.get(f"{bucket}/folder", str(tmp_path / "down"), recursive=True)
    assert (tmp_path / "down/木/%41~!'()*.txt").read_bytes() == KEYS[2].encode()
    fs.put(str(tmp_path / "down"), f"{bucket}/up", recursive=True)
    assert len(keys_of(s3, bucket, "up/")) == len(list(p for p in (tmp_path / "down").rglob("*") if p.is_file()))
    assert not fs.exists(f"{bucket}/none") and fs.info(f"{bucket}/large")["size"] == len(large)
    fs.rm(bucket, recursive=True)
    assert bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}
