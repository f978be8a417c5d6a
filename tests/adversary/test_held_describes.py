"""A Describe of a young job waits for the job's next status. However many wait, other calls are answered at once."""
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from sagemaker_world import World  # noqa: E402

SLEEP = "import time; time.sleep(20)"
DESCRIBES = 60  # the default has 24 workers


def test_other_calls_do_not_wait_for_them(server):
    world = World(server)
    many = Config(max_pool_connections=DESCRIBES)
    sagemaker, s3 = server.client("sagemaker", many), server.client("s3")
    names = [world.start(SLEEP) for _ in range(4)]
    over = threading.Event()
    held = []

    def describe(number):
        while not over.is_set():
            began = time.monotonic()
            sagemaker.describe_training_job(TrainingJobName=names[number % len(names)])
            held.append(time.monotonic() - began)

    with ThreadPoolExecutor(DESCRIBES) as crowd:
        running = [crowd.submit(describe, number) for number in range(DESCRIBES)]
        try:
            time.sleep(0.5)
            took = []
            for _ in range(20):
                began = time.monotonic()
                s3.list_buckets()
                took.append(time.monotonic() - began)
        finally:
            over.set()
            for name in names:
                sagemaker.stop_training_job(TrainingJobName=name)
        for each in running:
            each.result(30)
    # It took 8.8 s when every held Describe kept a worker.
    assert statistics.median(took) < 0.5 and max(took) < 3, took
    assert len(held) >= DESCRIBES
