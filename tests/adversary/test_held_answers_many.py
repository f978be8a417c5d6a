"""Thousands of Describes of running jobs are held at once. They need no thread and little memory, and other calls are
answered within milliseconds meanwhile."""
import re
import resource
import statistics
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from support.raw import Signer, Wire, json_headers
from support.server import Server

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from sagemaker_world import World  # noqa: E402

BATCHES, BATCH = 6, 500  # each batch describes a job of its own, since only Describes of young jobs are held
HELD_BYTES_MAX = 16 << 10  # of the server's memory per Describe, including its connection
SLEEP = "import time; time.sleep(60)"


def metric(server, name):
    with urllib.request.urlopen(f"{server.endpoint}/_tidemill/metrics") as answer:
        return float(re.search(rf"^{name} (\S+)$", answer.read().decode(), re.M).group(1))


def threads(server):
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


@pytest.fixture
def roomy():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Server(auth="verify", options=("--connections-max", "6000")) as running:
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_hold_no_thread_and_delay_nobody(roomy):
    world = World(roomy)
    s3, sagemaker = roomy.client("s3"), roomy.client("sagemaker")
    signer = Signer.of(roomy, "sagemaker")
    s3.list_buckets()
    before_bytes, before_threads = metric(roomy, "process_resident_memory_bytes"), threads(roomy)
    waiting, names = [], []
    try:
        for _ in range(BATCHES):
            names.append(world.start(SLEEP))
            asked = signer.request("POST", "/", json_headers("SageMaker.DescribeTrainingJob"),
                                   b'{"TrainingJobName":"%s"}' % names[-1].encode())
            waiting += [Wire(roomy.port, timeout=60).send(asked) for _ in range(BATCH)]
        held = metric(roomy, "tidemill_held_answers")
        assert held > BATCHES * BATCH / 2, held  # on a busy machine the first batch may have been answered already
        bytes_each = (metric(roomy, "process_resident_memory_bytes") - before_bytes) / held
        took = []
        for _ in range(40):
            began = time.monotonic()
            s3.list_buckets()
            took.append(time.monotonic() - began)
        assert statistics.median(took) < 0.05, took
        assert threads(roomy) < before_threads + 24  # threads for the jobs' own tasks, but not for Describes
        assert bytes_each < HELD_BYTES_MAX, bytes_each
        for name in names:
            sagemaker.stop_training_job(TrainingJobName=name)
        statuses = [wire.reply() for wire in waiting]
        assert all(reply.status == 200 and b"TrainingJobStatus" in reply.body for reply in statuses)
        assert sum(b'"Stopped"' in reply.body for reply in statuses) > 0
        assert metric(roomy, "tidemill_held_answers") == 0
    finally:
        for wire in waiting:
            wire.socket.close()
