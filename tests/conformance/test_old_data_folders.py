"""Data folders of earlier versions are opened and migrated completely; those of newer versions are refused."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from support import data_folder, leftovers
from support.server import BINARY, Server

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures/data-folders"
VERSIONS = sorted(path.name.removesuffix(".tar.zst") for path in FIXTURES.glob("v*.tar.zst"))
NEWEST = 3


def unpack(version, folder):
    folder.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", str(FIXTURES / f"{version}.tar.zst"), "-C", str(folder)], check=True)
    return json.loads((FIXTURES / f"{version}.json").read_text())


def put_off_expiry(folder):
    """Gives the asynchronous invocation that was in progress another hour.

    It expires six hours after the folder was made, so the timer's task and its place in the index of due tasks are
    moved. Everything else stays as the earlier version wrote it.
    """
    due = int((time.time() + 3600) * 1_000_000)
    with sqlite3.connect(folder / "state/tidemill.db") as database:
        (key, value), = database.execute("select key, value from engine_tasks where value like '%\"type\":\"Expire\"%'")
        database.execute("update engine_tasks set value = ?, index_keys = ? where key = ?",
                         (json.dumps(json.loads(value) | {"due": due}), f"by_due 16:{due:016x},", key))
        moved = database.execute('update "engine_tasks/by_due" set index_key = ? where key = ?', (f"{due:016x}", key))
        assert moved.rowcount == 1
    database.close()


def format_of(folder):
    return json.loads((folder / "format.json").read_text())


def refused(folder):
    """The output of a server that refuses to start on the folder."""
    ended = subprocess.run([str(BINARY), "serve", "--data", str(folder), "--listen", "127.0.0.1:0"], capture_output=True,
                           text=True, timeout=20)
    assert ended.returncode not in (0, -signal.SIGKILL), ended
    return ended.stderr + ended.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_a_folder_of_an_earlier_version_is_opened_with_everything_in_it(version, tmp_path):
    facts = unpack(version, tmp_path / "data")
    put_off_expiry(tmp_path / "data")
    with Server(auth="verify", data=tmp_path / "data") as server:
        data_folder.check(server, facts)
        assert format_of(server.data)["version"] == NEWEST
        assert not list((server.data / "blobs").glob("quarantine/*")), "something that is used was taken for garbage"
        server.kill()
        server.start()  # and once more, on the migrated folder
        data_folder.check_logs(data_folder.Clients(server), facts)
        assert data_folder.Clients(server).read("under-way", Range="bytes=0-9") == data_folder.text_of(10, "part1")


def test_a_start_that_is_killed_while_it_migrates_is_finished_by_the_next(tmp_path):
    """Crashes at each of the first crash points, which belong to the migration and to opening the folder."""
    for place in range(1, 8):
        folder = tmp_path / f"data{place}"
        facts = unpack("v1", folder)
        started = subprocess.Popen([str(BINARY), "serve", "--data", str(folder), "--listen", "127.0.0.1:0"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "TIDEMILL_CRASH_AT": str(place)})
        try:
            assert started.wait(20) == -signal.SIGKILL, f"place {place} was not reached"
        finally:
            started.poll() is None and started.kill()
        leftovers.end_jobs(folder)
        if place in (1, 4, 7):  # checking everything takes long
            with Server(auth="verify", data=folder) as server:
                clients = data_folder.Clients(server)
                data_folder.check_storage(clients, facts)
                data_folder.check_identity(clients, facts)
                data_folder.check_logs(clients, facts)
                assert format_of(folder)["version"] == NEWEST
        shutil.rmtree(folder, ignore_errors=True)


def test_a_folder_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    unpack("v1", tmp_path / "data")
    (tmp_path / "data/format.json").write_text(json.dumps({"version": 99, "written_by": "7.6.5"}))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    said = refused(tmp_path / "data")
    for part in ("version 99", "written by Tidemill 7.6.5", f"up to {NEWEST}", "Nothing was changed", "--data"):
        assert part in said, said
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    assert after == before


def test_a_version_that_cannot_be_read_is_not_guessed(tmp_path):
    unpack("v1", tmp_path / "data")
    (tmp_path / "data/format.json").write_text('{"vers')
    assert "does not say which version" in refused(tmp_path / "data")


def test_a_new_folder_has_the_newest_version_and_programs_without_it_refuse_it(server):
    assert format_of(server.data)["version"] == NEWEST
    assert format_of(server.data)["written_by"]
    # Those programs look only at this row, and know no version above 0.
    with sqlite3.connect(f"file:{server.data}/state/tidemill.db?mode=ro", uri=True) as database:
        assert database.execute('select value from "tidemill/meta" where name = \'schema_version\'').fetchone() == (
            str(NEWEST - 1),)
