"""A missing mount, a wrong order of restoring, a folder deleted under the running server: no start loses bytes, and
nothing is acknowledged without being stored."""
import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys
import time
import urllib.error
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.server import Server  # noqa: E402
from support.waiting import wait_until  # noqa: E402

MIB = 1 << 20
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def fill(server, bucket="kept"):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=bucket)
    bodies = {f"{bucket}-{size}-{i}": os.urandom(size) for size in (10, 100_000, 2 * MIB) for i in range(3)}
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return bodies


def check(server, bodies, bucket="kept"):
    s3 = server.client("s3")
    listed = {o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == set(bodies)
    for key, body in bodies.items():
        got = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest(), key


def wait_for_log(server, text, seconds=20):
    wait_until(lambda: text in server.log_text(), seconds, problem=lambda: f"no '{text}' in the log:\n{server.log_text()}")


@pytest.fixture
def server():
    with Server(auth="any") as running:
        yield running


def test_a_start_without_state_loses_nothing(server):
    bodies = fill(server)
    server.stop()
    state, aside = server.data / "state", server.data.with_name(server.data.name + "-state")
    state.rename(aside)
    try:
        for _ in range(2):  # at the second start the database has its own records
            server.start()
            assert "belong to the state database" in server.log_text()
            s3 = server.client("s3")
            s3.create_bucket(Bucket=f"new-{time.monotonic_ns()}")
            assert not [b for b in s3.list_buckets()["Buckets"] if b["Name"] == "kept"]
            other = s3.list_buckets()["Buckets"][0]["Name"]
            s3.put_object(Bucket=other, Key="other", Body=b"o" * 1000)
            s3.put_object(Bucket=other, Key="large", Body=b"o" * (2 * MIB))
            assert s3.get_object(Bucket=other, Key="large")["Body"].read() == b"o" * (2 * MIB)
            time.sleep(0.5)  # for the collection after the start
            server.stop()
        shutil.rmtree(state)
    finally:
        aside.rename(state)
    server.start()
    check(server, bodies)
    server.stop()
    server.start()
    check(server, bodies)


def test_an_older_state_finds_the_newer_blobs_when_the_right_one_is_back(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="kept")
    server.stop()
    old = server.data.with_name(server.data.name + "-old")
    new = server.data.with_name(server.data.name + "-new")
    shutil.copytree(server.data / "state", old)
    server.start()
    s3 = server.client("s3")
    bodies = {f"k{size}-{i}": os.urandom(size) for size in (10, 300_000, 2 * MIB) for i in range(3)}
    for key, body in bodies.items():
        s3.put_object(Bucket="kept", Key=key, Body=body)
    server.stop()
    try:
        # Restore yesterday's backup of the state over today's blobs.
        (server.data / "state").rename(new)
        shutil.copytree(old, server.data / "state")
        server.start()
        wait_for_log(server, "moved to quarantine")
        assert "Contents" not in server.client("s3").list_objects_v2(Bucket="kept")
        assert any((server.data / "blobs/quarantine").rglob("*"))
        server.stop()
        shutil.rmtree(server.data / "state")
        new.rename(server.data / "state")
        server.start()
        check(server, bodies)
        wait_for_log(server, "brought back from quarantine")
    finally:
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(new, ignore_errors=True)


def in_quarantine(server):
    return sorted(path.name for path in (server.data / "blobs/quarantine").rglob("*") if path.is_file())


def forget(server, pattern):
    """Erases records while the server is stopped, so that their blobs become garbage."""
    database = sqlite3.connect(server.data / "state/tidemill.db")
    with database:
        assert database.execute("DELETE FROM s3_objects WHERE key LIKE ?", (pattern,)).rowcount > 0
    database.close()


def test_what_a_clock_of_1970_took_is_not_deleted_when_the_clock_is_right(server):
    fill(server)
    server.stop()
    forget(server, "%2097152%")
    server.start()
    wait_for_log(server, "moved to quarantine")
    server.stop()
    taken = in_quarantine(server)
    assert len(taken) == 3
    folder = next((server.data / "blobs/quarantine").iterdir())
    folder.rename(folder.with_name("60"))  # as if taken one minute after 1970
    for name in ("", "state/ages.json"):  # first the age clock continues, then it is lost
        if name:
            (server.data / name).unlink()
        server.start()
        server.client("s3").put_object(Bucket="kept", Key="new", Body=b"x")
        time.sleep(0.7)  # for the collection after the start
        assert in_quarantine(server) == taken
        server.stop()


def move_trusted_clock(server, days):
    """While the server is stopped, changes the wall clock that it trusts, as if the real one had jumped."""
    file = server.data / "state/ages.json"
    ages = json.loads(file.read_text())
    ages["wall_offset_microseconds"] += int(days * 86400e6)
    file.write_text(json.dumps(ages))


def in_doubt(server):
    return "new_wall_offset_microseconds" in json.loads((server.data / "state/ages.json").read_text())


def put_log_event(logs, days_ago, message):
    timestamp = int((time.time() - days_ago * 86400) * 1000)
    answer = logs.put_log_events(logGroupName="kept", logStreamName="s", logEvents=[{"timestamp": timestamp, "message": message}])
    assert "rejectedLogEventsInfo" not in answer, answer


def wait_for_sweeps(logs, messages):
    """Waits for a complete sweep that began after this call and left just `messages` in the group (sweeps also compute
    the groups' sizes). Waits for two rounds, because a sweep may be running already."""
    for message in ("round 1", "round 2"):
        put_log_event(logs, 0, message)
        messages.append(message)
        expected = sum(len(m) + 26 for m in messages)  # AWS counts 26 more bytes per event

        def stored():
            return logs.describe_log_groups()["logGroups"][0]["storedBytes"]

        wait_until(lambda: stored() == expected, 10, problem=lambda: f"{stored()} bytes are stored, not {expected} of {messages}")


def stored_messages(logs):
    """Expired events are hidden only while there is a retention."""
    logs.delete_retention_policy(logGroupName="kept")
    found = logs.get_log_events(logGroupName="kept", logStreamName="s", startFromHead=True)["events"]
    return [event["message"] for event in found]


def test_a_jump_of_the_clock_does_not_make_logs_old():
    """An event is past its retention by the wall clock but not by the trusted clock, so a sweep keeps it. The same
    sweep deletes it once the wall clock is trusted."""
    with Server(auth="any", options=["--log-sweep-seconds", "1"]) as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName="kept")
        logs.create_log_stream(logGroupName="kept", logStreamName="s")
        put_log_event(logs, 3, "three days old")
        server.stop()
        ages = json.loads((server.data / "state/ages.json").read_text())
        now = int(time.time() * 1e6)
        assert abs(ages["now_microseconds"] - now) < 60e6 and abs(ages["wall_offset_microseconds"]) < 1e6
        move_trusted_clock(server, -3650)
        server.start()
        assert "the wall clock has jumped" in server.log_text() and in_doubt(server)
        logs = server.client("logs")
        logs.put_retention_policy(logGroupName="kept", retentionInDays=1)
        messages = ["three days old"]
        wait_for_sweeps(logs, messages)
        assert stored_messages(logs) == messages
        server.stop()
        move_trusted_clock(server, 3650)
        server.start()
        assert not in_doubt(server)
        logs = server.client("logs")
        logs.put_retention_policy(logGroupName="kept", retentionInDays=1)
        wait_for_sweeps(logs, messages[1:])
        assert stored_messages(logs) == messages[1:] + ["round 1", "round 2"]


def test_a_damaged_record_stops_no_more_of_the_collection_than_it_must(server):
    bodies = fill(server)
    s3 = server.client("s3")
    upload = s3.create_multipart_upload(Bucket="kept", Key="aborted")["UploadId"]
    s3.upload_part(Bucket="kept", Key="aborted", UploadId=upload, PartNumber=1, Body=b"p" * (5 * MIB))
    server.stop()
    database = sqlite3.connect(server.data / "state/tidemill.db")
    damaged = "kept\x1fkept-2097152-0"
    with database:
        (record,), = database.execute("SELECT value FROM s3_objects WHERE key = ?", (damaged,)).fetchall()
        assert database.execute("UPDATE s3_objects SET value = '{\"size' WHERE key = ?", (damaged,)).rowcount == 1
        # The state after a crash: the upload's record is gone, but its part's record remains.
        assert database.execute("DELETE FROM s3_uploads").rowcount == 1
    database.close()
    before = len([path for path in (server.data / "blobs/files").rglob("*") if path.is_file()])
    assert before == 4
    server.start()
    wait_for_log(server, "blobs without a record stay")
    assert re.search(r"^tidemill_blobs_damaged_collections 1$", server.get("/_tidemill/metrics"), re.M)
    # The part without an upload is deleted, since it is certainly garbage. What clients delete is deleted, too.
    files = [path for path in (server.data / "blobs/files").rglob("*") if path.is_file()]
    assert len(files) == 3 and not in_quarantine(server)
    segment = next((server.data / "blobs/segments").iterdir())
    taken = segment.stat().st_blocks
    s3 = server.client("s3")
    for key in [key for key in bodies if "-100000-" in key or key.endswith("2097152-1")]:
        s3.delete_object(Bucket="kept", Key=key)
        del bodies[key]
    for key in [key for key in bodies if "-10-" in key]:
        s3.delete_object(Bucket="kept", Key=key)
        del bodies[key]
    assert not segment.exists() or segment.stat().st_blocks < taken / 2
    assert len([path for path in (server.data / "blobs/files").rglob("*") if path.is_file()]) == 2
    server.stop()
    database = sqlite3.connect(server.data / "state/tidemill.db")
    with database:
        database.execute("UPDATE s3_objects SET value = ? WHERE key = ?", (record, damaged))
    database.close()
    server.start()
    check(server, bodies)


def test_a_state_without_its_blobs_says_so_and_finds_them_later(server):
    bodies = fill(server)
    server.stop()
    blobs, aside = server.data / "blobs", server.data.with_name(server.data.name + "-blobs")
    blobs.rename(aside)
    try:
        server.start()
        assert "The folder of blobs is new" in server.log_text()
        s3 = server.client("s3")
        assert {o["Key"] for o in s3.list_objects_v2(Bucket="kept")["Contents"]} == set(bodies)
        for key in bodies:
            with pytest.raises(ClientError) as refused:
                s3.get_object(Bucket="kept", Key=key)
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
            assert "no blob" in str(refused.value)
        server.stop()
        shutil.rmtree(blobs)
    finally:
        aside.rename(blobs)
    server.start()
    check(server, bodies)


def health(server):
    try:
        return 200, json.loads(server.get("/_tidemill/health"))
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def gone(how, path):
    if how == "deleted":
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        path.rename(path.with_name(path.name + "-moved"))
        if how == "replaced":
            path.mkdir() if path.with_name(path.name + "-moved").is_dir() else path.touch()


@pytest.mark.parametrize("how, part", [
    ("deleted", ""), ("moved", ""), ("replaced", ""), ("deleted", "state"), ("deleted", "blobs"), ("moved", "blobs"),
    ("replaced", "state/tidemill.db"), ("deleted", "state/tidemill.db-wal"), ("replaced", "blobs/segments")])
def test_the_folder_that_goes_away_under_the_server(how, part):
    server = Server(auth="any")
    moved = server.data.with_name(server.data.name + "-moved")
    try:
        server.start()
        s3, logs = server.client("s3"), server.client("logs")
        s3.create_bucket(Bucket="before")
        s3.put_object(Bucket="before", Key="there", Body=b"x" * 1000)
        logs.create_log_group(logGroupName="before")
        assert health(server) == (200, {"status": "ok"})
        gone(how, server.data / part if part else server.data)
        # Everything that would have to be stored is refused with a server error.
        writes = [lambda: s3.put_object(Bucket="before", Key="lost", Body=b"y" * 1000),
                  lambda: s3.put_object(Bucket="before", Key="lost-large", Body=b"y" * (2 * MIB))]
        if not part.startswith("blobs"):
            writes += [lambda: s3.create_bucket(Bucket="lost"),
                       lambda: s3.delete_object(Bucket="before", Key="there"),
                       lambda: logs.create_log_group(logGroupName="lost"),
                       lambda: server.client("iam").create_role(RoleName="lost", AssumeRolePolicyDocument=TRUST)]
        for write in writes:
            with pytest.raises(ClientError) as refused:
                write()
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, refused.value
            assert str(server.data) not in str(refused.value), "a path of the server in an answer"
        if part in ("", "state", "blobs", "state/tidemill.db"):
            status, body = health(server)
            assert status == 503 and body["status"] == "failed", body
            assert "while the server was using it" in body["reason"] and str(server.data) not in body["reason"]
            if how == "deleted" and not part:  # the server checks its folder every five seconds
                wait_for_log(server, "the data folder is gone", seconds=12)
        assert server.process.poll() is None
    finally:
        try:
            server.close()
        finally:
            shutil.rmtree(moved, ignore_errors=True)


def test_a_folder_that_is_put_back_is_used_again(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="back")
    aside = server.data.with_name(server.data.name + "-aside")
    server.data.rename(aside)
    try:
        with pytest.raises(ClientError):
            s3.put_object(Bucket="back", Key="no", Body=b"no")
        assert health(server)[0] == 503
    finally:
        aside.rename(server.data)
    assert health(server)[0] == 200
    s3.put_object(Bucket="back", Key="yes", Body=b"yes")
    server.kill()
    server.start()
    assert server.client("s3").get_object(Bucket="back", Key="yes")["Body"].read() == b"yes"


def test_a_folder_of_the_version_before(server):
    """A folder with neither ids nor block checksums: it can be read, is protected from now on, and gets checksums."""
    bodies = fill(server)
    server.stop()
    (server.data / "blobs/DATABASE").unlink()
    database = sqlite3.connect(server.data / "state/tidemill.db")
    with database:
        assert database.execute("DELETE FROM store_identity").rowcount == 1
        for (value,) in database.execute("SELECT value FROM s3_objects").fetchall():
            blob = json.loads(value).get("blob", {"location": ""})
            if blob["location"].startswith("f/"):
                os.truncate(server.data / "blobs/files" / blob["location"][2:], blob["size_bytes"])
    database.close()
    server.start()
    s3 = server.client("s3")
    for key, body in bodies.items():
        first, last = len(body) // 3, len(body) // 2
        got = s3.get_object(Bucket="kept", Key=key, Range=f"bytes={first}-{last}")["Body"].read()
        assert got == body[first:last + 1], key
    check(server, bodies)
    assert "belong to" not in server.log_text()
    time.sleep(0.5)
    server.stop()
    state, aside = server.data / "state", server.data.with_name(server.data.name + "-state")
    state.rename(aside)
    try:
        server.start()
        assert "belong to the state database" in server.log_text()
        time.sleep(0.5)
        server.stop()
        shutil.rmtree(state)
    finally:
        aside.rename(state)
    server.start()
    check(server, bodies)
