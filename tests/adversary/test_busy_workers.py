"""While slow calls of users keep every worker busy and more of them wait, jobs still get credentials and the health
page still answers."""
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.config import Config

from support.server import Server
from support.waiting import wait_until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from sagemaker_world import World, make_role  # noqa: E402
from test_job_credentials import EVERYTHING, WaitingJob, fetch  # noqa: E402

WORKERS, CALLERS, FETCHES = 2, 8, 20
EVENTS_OF_A_CALL, CALLS = 10_000, 3
GROUP = "/busy"


@pytest.mark.alone
def test_credentials_do_not_wait_for_users_calls():
    with Server(auth="verify", options=["--workers", str(WORKERS)]) as server:
        world = World(server)
        job = WaitingJob(world, make_role(world.iam, EVERYTHING))
        logs = server.client("logs", Config(max_pool_connections=CALLERS))
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
        now = int(time.time() * 1000)
        for _ in range(CALLS):
            logs.put_log_events(logGroupName=GROUP, logStreamName="s",
                                logEvents=[{"timestamp": now, "message": f"line {i} of many"} for i in range(EVENTS_OF_A_CALL)])
        over, waits = threading.Event(), []

        def search():
            while not over.is_set():
                began = time.monotonic()
                logs.filter_log_events(logGroupName=GROUP, filterPattern='"is in none of them"')
                waits.append(time.monotonic() - began)

        with ThreadPoolExecutor(CALLERS) as crowd:
            searches = [crowd.submit(search) for _ in range(CALLERS)]
            try:
                wait_until(lambda: len(waits) >= CALLERS)
                took = []
                for _ in range(FETCHES):
                    began = time.monotonic()
                    status, found = fetch(job.uri, job.token)
                    took.append(time.monotonic() - began)
                    assert status == 200 and found["AccessKeyId"].startswith("ASIA")
                assert "ok" in server.get("/_tidemill/health")
            finally:
                over.set()
            for each in searches:
                each.result(60)
        busy = statistics.median(waits)
        print(f"searches took {busy:.3f} s, credentials {statistics.median(took):.4f} s, at most {max(took):.3f} s")
        # A call that has to wait for a worker takes as long as one of the searches.
        assert busy > 0.03, waits
        assert statistics.median(took) < busy / 3, (took, busy)
        job.stop()
