"""Many endpoints and changing ones: a new version under load, a thousand endpoints on one server, ten thousand
creations and deletions. No peer can do this; the goals are given instead."""
import contextlib
import os
import re
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from measure import ROOT, Row, median, prepared_requests, resident_mebibytes
from processes import open_files
from serving import signed
from support.server import Server
from world import IMAGE, World

RATE_CONNECTIONS = 40
RATE_DELAY_MS = 5  # 40 connections with an answer every 5 to 8 ms: 5,000 to 8,000 requests/s
MAKERS = 8
LOGS_SWEPT_SECONDS = 330  # every 5 minutes the server sweeps the rest of deleted log groups


class PacedLoad:
    """Runs wrk at a constant rate in the background; counts every unsuccessful answer."""

    def __init__(self, server, endpoint, bodies, seconds):
        self.requests = prepared_requests(signed(server, endpoint, bodies))
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{RATE_CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "--latency",
             "-s", str(ROOT / "bench/lua/paced.lua"), server.endpoint, "--", self.requests.name, str(RATE_DELAY_MS)],
            stdout=subprocess.PIPE, text=True)

    def result(self):
        """Returns requests per second and failed requests."""
        text = self.process.communicate()[0]
        self.requests.close()
        failed = 0
        if found := re.search(r"Non-2xx or 3xx responses: (\d+)", text):
            failed += int(found.group(1))
        if found := re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text):
            failed += sum(map(int, found.groups()))
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), failed


class Makers:
    """Each thread has its own clients."""

    def __init__(self, server):
        self.server, self.local = server, threading.local()

    @property
    def sm(self):
        return self.client("sagemaker")

    def client(self, service):
        if not hasattr(self.local, service):
            setattr(self.local, service, self.server.client(service))
        return getattr(self.local, service)

    def create(self, name, world, model_data):
        self.sm.create_model(ModelName=name, ExecutionRoleArn=world.role,
                             PrimaryContainer={"Image": IMAGE, "ModelDataUrl": model_data})
        self.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
        self.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def settled(self, name):
        while (found := self.sm.describe_endpoint(EndpointName=name))["EndpointStatus"] in ("Creating", "Updating"):
            time.sleep(0.005)
        assert found["EndpointStatus"] == "InService", found.get("FailureReason")

    def delete(self, name):
        self.sm.delete_endpoint(EndpointName=name)
        self.sm.delete_endpoint_config(EndpointConfigName=name)
        self.sm.delete_model(ModelName=name)

    def gone(self, name):
        with contextlib.suppress(self.sm.exceptions.ClientError):
            while True:
                self.sm.describe_endpoint(EndpointName=name)
                time.sleep(0.005)
        # AWS keeps an endpoint's log when the endpoint is deleted, so it is deleted separately.
        self.client("logs").delete_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")


def update_under_load(quick):
    """UpdateEndpoint to a new model during 5,000 requests/s: returns the seconds to InService, and failures."""
    updates, pause = (3, 0.5) if quick else (10, 1)
    with Server() as server:
        world, makers = World(server), Makers(server)
        data = [world.train_job(rounds)[0]["ModelArtifacts"]["S3ModelArtifacts"] for rounds in ("500", "400")]
        for i, each in enumerate(data):
            makers.create(f"v{i}", world, each)
            makers.settled(f"v{i}")
        load = PacedLoad(server, "v0", world.test_lines[:256], int(2 + updates * (pause + 1)))
        took = []
        time.sleep(1)
        for i in range(updates):
            start = time.monotonic()
            makers.sm.update_endpoint(EndpointName="v0", EndpointConfigName=f"v{(i + 1) % 2}")
            makers.settled("v0")
            took.append(time.monotonic() - start)
            time.sleep(pause)
        running = load.process.poll() is None
        rate, failed = load.result()
        assert running, "the load ended before the updates did"
    return [Row("UpdateEndpoint to InService under load, native XGBoost", "ms", median(took) * 1000, better="lower", target="500"),
            Row("the load meanwhile", "requests/s", rate, target="5,000"),
            Row(f"failed requests during {updates} updates", "requests", failed, better="lower", target="0")]


def many_endpoints(quick):
    """Resident memory that a thousand endpoints of a one-tree model add."""
    count = 100 if quick else 1000
    with Server() as server:
        world, makers = World(server), Makers(server)
        data = world.train_job("1")[0]["ModelArtifacts"]["S3ModelArtifacts"]
        makers.create("warm", world, data)
        makers.settled("warm")
        before = resident_mebibytes(server.process.pid)

        def one(i):
            makers.create(f"e{i}", world, data)
            makers.settled(f"e{i}")

        start = time.monotonic()
        with ThreadPoolExecutor(MAKERS) as pool:
            list(pool.map(one, range(count)))
        took = time.monotonic() - start
        grown = resident_mebibytes(server.process.pid) - before
    return [Row(f"memory that {count:,} endpoints of a one-tree model add", "MiB", grown, better="lower", target="500"),
            Row("their creation, 8 at a time, each until InService", "endpoints/s", count / took)]


def records(server):
    """The number of rows in every table of the store, and of files in the data folder."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data}/state/tidemill.db?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    files = sum(len(names) for _, _, names in os.walk(server.data))
    return rows, files


def churn_of_endpoints(quick):
    """Creates and deletes endpoints and measures what is left: memory, descriptors, files, records."""
    count, warm = (200, 100) if quick else (10_000, 500)
    with Server() as server:
        world, makers = World(server), Makers(server)
        data = world.train_job("1")[0]["ModelArtifacts"]["S3ModelArtifacts"]

        def one(i):
            name = f"e{i}"
            makers.create(name, world, data)
            makers.settled(name)
            makers.delete(name)
            makers.gone(name)

        def state():
            time.sleep(2)
            return resident_mebibytes(server.process.pid), open_files(server.process.pid), *records(server)

        with ThreadPoolExecutor(MAKERS) as pool:
            list(pool.map(one, range(warm)))
            memory, descriptors, rows, files = state()
            start = time.monotonic()
            list(pool.map(one, range(warm, warm + count)))
            took = time.monotonic() - start
        deadline = time.monotonic() + (0 if quick else LOGS_SWEPT_SECONDS)
        found = state()
        while any(more > rows.get(name, 0) for name, more in found[2].items()) and time.monotonic() < deadline:
            time.sleep(5)
            found = state()
        memory_after, descriptors_after, rows_after, files_after = found
        left = {name: more for name, count_after in rows_after.items() if (more := count_after - rows.get(name, 0)) > 0}
    what = f"{count:,} endpoints created and deleted"
    # A quick run does not wait for the sweep of logs, so it cannot measure records.
    of_records = [] if quick else [
        Row(f"{what}: records left{' (' + ', '.join(f'{n}: {v}' for n, v in left.items()) + ')' if left else ''}", "",
            sum(left.values()), better="lower", target="0")]
    return [Row(f"{what}: memory left", "MiB", memory_after - memory, better="lower"),
            Row(f"{what}: file descriptors left", "", descriptors_after - descriptors, better="lower", target="0"),
            Row(f"{what}: files left", "", files_after - files, better="lower", target="0"),
            *of_records, Row(f"{what}: rate", "a second", count / took)]


def measure(quick):
    return update_under_load(quick) + many_endpoints(quick) + churn_of_endpoints(quick)
